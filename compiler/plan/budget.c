/* --memory=BYTES: what training takes at nominal sizes must fit. Where it does not, parts of the forward pass are computed again: of
 * the segments that the forward pass is cut into, as few as do, from the first on, whose values would be kept longest. Cuts are tried
 * as they are found and thinned out to every second, third, ..., since longer segments keep fewer values and need more while
 * they are recomputed. Where no such step fits, the first quarters of the cuts are thinned out more than the others: what is kept there is kept
 * longest, and there is room for longer segments when their turn comes. */
#include "plan/recompute.h"

#include <stdio.h>

enum {
    COARSEST      = 8,         /* every eighth cut */
    COARSEST_LAST = 2,         /* ... of the last quarters, where the first are thinned out more */
    PROGRAM_BYTES = 3 << 20,   /* of code, libraries and tables */
    SCRATCH_LEAST = 9 << 19,   /* what kernels pack into on one thread: blocks ... */
    SCRATCH_MOST  = 20 << 20,  /* ... and where operands are large, more of them */
    PROBE_LEAST   = 64 << 20,  /* norms of gradients may take as much whatever training takes */
    COPIED_SLOTS  = 256 << 20, /* as NNRT_COPIED_SLOTS of the runtime */
};

typedef struct Budget {
    Compilation   *c;
    Program       *program;
    const int64_t *sizes;
    int64_t        fixed; /* bytes beside the workspace */
    int64_t        limit; /* of a function's workspace */
} Budget;

typedef struct Trial { /* a plan and what its buffers take */
    Fn     *fn;
    FnPlan *plan;
    int64_t bytes;
} Trial;

static bool trains(const Fn *fn) {
    return fn->kind == FN_TRAIN || fn->kind == FN_ACCUMULATE || fn->kind == FN_PROBE;
}

static int64_t slot_bytes(const Budget *b) {
    int64_t bytes = 0;
    for (int i = 0; i < b->program->slots.len; i++) bytes += nominal_bytes(b->sizes, &b->program->slots.data[i].type);
    bool copied = b->c->options.reports && bytes <= COPIED_SLOTS;
    return copied ? 2 * bytes : bytes;
}

/* What contractions pack their operands into, on one thread. */
static int64_t scratch_bytes(const FnPlan *plan, const int64_t *sizes) {
    int64_t most = 0, bytes;
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        if (kernel->template == TEMPLATE_CONTRACT && dim_eval(kernel->bytes, sizes, &bytes) && bytes > most)
            most = bytes;
    }
    return most < SCRATCH_MOST - SCRATCH_LEAST ? most + SCRATCH_LEAST : SCRATCH_MOST;
}

static int64_t plan_bytes(Compilation *c, FnPlan *plan, const int64_t *sizes) {
    places_assign(c, plan, sizes);
    int64_t most = 0;
    for (int i = 0; i < plan->kernels.len; i++)
        if (plan->kernels.data[i]->body && plan->kernels.data[i]->body->nominal > most)
            most = plan->kernels.data[i]->body->nominal;
    return plan->nominal + most + scratch_bytes(plan, sizes);
}

/* ---- one function ---------------------------------------------------------------------------------------------------------------- */

static Segments every(const Segments *all, int step) {
    Segments some = *all;
    some.cuts     = (IntVec){0};
    for (int i = step - 1; i < all->cuts.len; i += step) vec_push(all->c->arena, &some.cuts, all->cuts.data[i]);
    return some;
}

/* Of the first `quarters` of the cuts every second of those. */
static Segments fewer_at_first(const Segments *all, int step, int quarters) {
    Segments some = *all;
    int      few  = all->cuts.len * quarters / 4;
    some.cuts     = (IntVec){0};
    for (int i = step - 1; i < all->cuts.len; i += step)
        if (i >= few || (i + 1) % (2 * step) == 0) vec_push(all->c->arena, &some.cuts, all->cuts.data[i]);
    return some;
}

static Trial try_segments(const Budget *b, const Segments *s, int count) {
    Trial trial = {.fn = fn_recomputing(s, count)};
    trial.plan  = fn_plan(b->c, b->program, trial.fn, NULL);
    trial.bytes = plan_bytes(b->c, trial.plan, b->sizes);
    return trial;
}

/* The fewest recomputed segments of those cuts that fit; `whole` recomputes all, and fits. */
static Trial fewest(const Budget *b, const Segments *s, Trial whole) {
    int low = 1, high = s->cuts.len; /* `high` fits */
    while (low < high) {
        int   middle = (low + high) / 2;
        Trial trial  = try_segments(b, s, middle);
        if (trial.bytes > b->limit) {
            low = middle + 1;
        } else {
            high  = middle;
            whole = trial;
        }
    }
    return whole;
}

/* A plan of the function that fits, or the smallest that was found. */
static Trial fit(const Budget *b, FnPlan *plan) {
    Trial    best = {(Fn *)(uintptr_t)plan->fn, plan, plan_bytes(b->c, plan, b->sizes)};
    Segments all  = segments_of(b->c, b->program->graph, plan, b->sizes);
    for (int step = 1; step <= COARSEST && step <= all.cuts.len && best.bytes > b->limit; step++) {
        Segments some  = every(&all, step);
        Trial    trial = try_segments(b, &some, some.cuts.len);
        if (trial.bytes <= b->limit) return fewest(b, &some, trial);
        if (trial.bytes < best.bytes) best = trial;
    }
    for (int step = 1; step <= COARSEST_LAST && step <= all.cuts.len && best.bytes > b->limit; step++)
        for (int quarters = 1; quarters < 4; quarters++) {
            Segments some  = fewer_at_first(&all, step, quarters);
            Trial    trial = try_segments(b, &some, some.cuts.len);
            if (trial.bytes <= b->limit) return fewest(b, &some, trial);
            if (trial.bytes < best.bytes) best = trial;
        }
    return best;
}

/* ---- the program ----------------------------------------------------------------------------------------------------------------- */

static const char *bytes_text(Arena *arena, int64_t bytes) {
    static const char *const units[] = {"bytes", "KB", "MB", "GB", "TB"};
    double                   value   = (double)bytes;
    int                      unit    = 0;
    for (; value >= 1000 && unit < 4; unit++) value /= 1000;
    return arena_printf(arena, unit ? "%.4g %s" : "%.0f %s", value, units[unit]);
}

static const char *sizes_text(const Budget *b) {
    const DimTable *dims = graph_dims(b->program->graph);
    const char     *text = "";
    for (int i = 0; i < dim_symbol_count(dims); i++)
        text = arena_printf(b->c->arena, "%s%s%s = %lld", text, i ? ", " : " at ", dim_symbol_name(dims, i),
                            (long long)b->sizes[i]);
    return text;
}

static void report_misfit(const Budget *b, int64_t least) {
    Arena *arena = b->c->arena;
    Diag  *d     = diag_error(b->c->diags, (Span){0}, E0750, "training takes %s of memory%s, --memory allows %s",
                              bytes_text(arena, least), sizes_text(b), bytes_text(arena, b->c->options.memory));
    diag_note(d, "%s of it are parameters and what the optimizer keeps of them", bytes_text(arena, slot_bytes(b)));
    diag_help(d, "that is the smallest figure found, with the forward pass computed again; allow as much, or make a "
                 "smaller batch: --batch N, other dims by --dim NAME=N");
}

/* The program's function becomes the one that was planned. */
static void adopt(FnPlan **place, const Trial *trial) {
    Fn *fn          = (Fn *)(uintptr_t)(*place)->fn;
    *fn             = *trial->fn;
    trial->plan->fn = fn;
    *place          = trial->plan;
}

/* Gradients' norms are asked for once an epoch: they are not worth more memory than training takes. */
static void fit_probes(Budget *b, Plan *plan) {
    for (int i = 0; i < plan->fns.len; i++)
        if (plan->fns.data[i]->fn->kind == FN_TRAIN) {
            int64_t bytes = plan_bytes(b->c, plan->fns.data[i], b->sizes);
            if (bytes > b->limit) b->limit = bytes;
        }
    if (b->limit < PROBE_LEAST) b->limit = PROBE_LEAST;
    for (int i = 0; i < plan->fns.len; i++) {
        if (plan->fns.data[i]->fn->kind != FN_PROBE) continue;
        Trial trial = fit(b, plan->fns.data[i]);
        if (trial.plan != plan->fns.data[i]) adopt(&plan->fns.data[i], &trial);
    }
}

void plan_fit_memory(Compilation *c, Plan *plan, Program *program) {
    Budget  b     = {.c = c, .program = program, .sizes = nominal_sizes(c, program)};
    int64_t least = 0;
    if (c->options.memory <= 0) {
        fit_probes(&b, plan);
        return;
    }
    b.fixed = PROGRAM_BYTES + slot_bytes(&b);
    b.limit = c->options.memory - b.fixed;
    for (int i = 0; i < plan->fns.len; i++) {
        if (!trains(plan->fns.data[i]->fn)) continue;
        Trial trial = fit(&b, plan->fns.data[i]);
        if (trial.plan != plan->fns.data[i]) adopt(&plan->fns.data[i], &trial);
        if (trial.bytes > least && trial.fn->kind != FN_PROBE) least = trial.bytes;
    }
    if (least > b.limit) report_misfit(&b, least + b.fixed);
}
