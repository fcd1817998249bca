/* nnc gradcheck FILE: the model compiled in f64 with FN_GRADIENTS, run in memory on one batch, and every gradient compared
 * with the loss's slope. */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ast/parse.h"
#include "commands/gradcheck.h"
#include "core/element.h"
#include "sema/sema.h"

enum { DEFAULT_ELEMENTS = 64 };

typedef struct Check {
    Compilation       *c;
    const CommandLine *line;
    Run                run;
    Feed               feed;
    double             worst;
    int64_t            checked, kinks;
    const char        *failures; /* lines for the end */
} Check;

typedef struct Tally { /* of one tensor */
    int64_t checked, kinks;
    double  worst;
    Slope   worst_slope;
    int64_t worst_index;
    double  worst_gradient;
} Tally;

/* ---- one tensor ---------------------------------------------------------------------------------------------------- */

/* Elements that are checked: all, or a fixed choice in random order, which seed 0 and the tensor's size alone decide. */
static int64_t *choose_elements(Arena *arena, int64_t count, int64_t wanted) {
    int64_t *order = ARENA_ARRAY(arena, int64_t, count + 1);
    if (count > wanted)
        nnrt_permutation(0, 1, count, order);
    else
        for (int64_t i = 0; i < count; i++) order[i] = i;
    return order;
}

/* Where the tensor's values stand, ours to change: the slot, or the input of that name. */
static void *perturbed(const Check *check, const nnrt_result *result, int *elem) {
    const nnrt_model *model = check->run.instance->model;
    if (result->slot >= 0) {
        *elem = model->slots[result->slot].tensor.elem;
        return check->run.instance->slots[result->slot];
    }
    for (int i = 0; i < model->n_inputs; i++) {
        if (strcmp(model->inputs[i].tensor.name, result->tensor.name)) continue;
        *elem = model->inputs[i].tensor.elem;
        return (void *)(uintptr_t)check->feed.inputs[i];
    }
    BUG("a gradient of '%s', which is no input", result->tensor.name);
}

static void note(Tally *tally, Slope slope, int64_t index, double gradient) {
    bool worse = slope.verdict == ELEMENT_WRONG
                     ? tally->worst_slope.verdict != ELEMENT_WRONG || slope.error > tally->worst
                     : tally->worst_slope.verdict != ELEMENT_WRONG && slope.error > tally->worst;
    tally->checked++;
    if (slope.verdict == ELEMENT_AT_KINK) {
        tally->kinks++;
        return;
    }
    if (!worse && tally->checked > 1) return;
    tally->worst          = slope.error;
    tally->worst_slope    = slope;
    tally->worst_index    = index;
    tally->worst_gradient = gradient;
}

static bool check_elements(Check *check, Probe *probe, const nnrt_result *result, const double *gradient, int64_t count,
                           double scale, Tally *tally) {
    int      elem;
    void    *data   = perturbed(check, result, &elem);
    int64_t  wanted = check->line->elements ? check->line->elements : DEFAULT_ELEMENTS;
    int64_t *order  = choose_elements(check->c->arena, count, wanted);
    for (int64_t i = 0; i < count && i < wanted; i++) {
        Slope slope = probe_element(probe, data, elem, order[i], gradient[order[i]], scale);
        if (slope.verdict == ELEMENT_FAILED) {
            diag_error(check->c->diags, (Span){0}, E0744, "the loss cannot be computed: %s", probe->error.message);
            return false;
        }
        note(tally, slope, order[i], gradient[order[i]]);
    }
    return true;
}

/* ---- report --------------------------------------------------------------------------------------------------------- */

static const char *element_text(Arena *arena, const int64_t *shape, int rank, int64_t index) {
    const char *text = "";
    for (int i = rank - 1; i >= 0; i--) {
        text = arena_printf(arena, "%" PRId64 "%s%s", index % shape[i], *text ? ", " : "", text);
        index /= shape[i];
    }
    return arena_printf(arena, "[%s]", text);
}

static void report_tensor(Check *check, const nnrt_result *result, int64_t count, const Tally *tally) {
    Arena      *arena = check->c->arena;
    bool        wrong = tally->worst_slope.verdict == ELEMENT_WRONG, none = tally->kinks == tally->checked;
    const char *name   = result->slot >= 0 ? result->tensor.name : arena_printf(arena, "input %s", result->tensor.name);
    const char *extent = tally->checked < count ? arena_printf(arena, "%" PRId64 " of %" PRId64, tally->checked, count)
                                                : arena_printf(arena, "all %" PRId64, count);
    const char *worst  = none ? "-" : arena_printf(arena, "%.1e", tally->worst);
    printf("  %-32s %-14s %-9s %s", name, extent, worst, wrong ? "wrong" : none ? "skipped" : "ok");
    if (tally->kinks) printf(" (%" PRId64 " at a kink)", tally->kinks);
    putchar('\n');
}

static void add_failure(Check *check, const nnrt_result *result, const Tally *tally) {
    Arena         *arena = check->c->arena;
    const int64_t *shape = nnrt_instance_shape(check->run.instance, &result->tensor);
    check->failures      = arena_printf(
        arena,
        "%sgradcheck: failed: %s '%s' %s: the gradient is %.9g, the slope of the loss is %.9g (relative error %.1e)\n",
        check->failures, result->slot >= 0 ? "parameter" : "input", result->tensor.name,
        element_text(arena, shape, result->tensor.rank, tally->worst_index), tally->worst_gradient,
        tally->worst_slope.numeric, tally->worst_slope.error);
}

/* ---- one function ----------------------------------------------------------------------------------------------------- */

typedef struct Gradients { /* copies: the results are overwritten by the next call */
    double **values;
    int64_t *counts;
    double   loss;
} Gradients;

static bool copy_gradients(Check *check, Probe *probe, Gradients *g) {
    const nnrt_instance *instance = check->run.instance;
    const nnrt_fn       *fn       = &instance->model->fns[probe->fn];
    Arena               *arena    = check->c->arena;
    g->loss = probe->loss = probe_loss(probe);
    g->values             = ARENA_ARRAY(arena, double *, fn->n_results + 1);
    g->counts             = ARENA_ARRAY(arena, int64_t, fn->n_results + 1);
    if (probe->failed) {
        diag_error(check->c->diags, (Span){0}, E0744, "the loss cannot be computed: %s", probe->error.message);
        return false;
    }
    for (int i = 1; i < fn->n_results; i++) {
        const nnrt_tensor *tensor = &fn->results[i].tensor;
        g->counts[i]              = nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank);
        g->values[i]              = ARENA_ARRAY(arena, double, g->counts[i] + 1);
        for (int64_t k = 0; k < g->counts[i]; k++)
            g->values[i][k] = nnrt_elem_get(tensor->elem, instance->results[i].data, k);
    }
    return true;
}

/* A gradient below this is as good as 0: a thousandth of the tensor's largest, or what rounding leaves of the loss. */
static double scale_of(const double *gradient, int64_t count, double loss) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(gradient[i]));
    return fmax(1e-3 * largest, 1e-5 * fmax(1.0, fabs(loss)));
}

static bool check_function(Check *check, int fn_index) {
    const nnrt_fn *fn    = &check->run.instance->model->fns[fn_index];
    Probe          probe = {.run    = &check->run,
                            .inputs = check->feed.inputs,
                            .fn     = fn_index,
                            .clock  = {.total_steps = 1, .epoch_steps = 1, .seed = (uint64_t)check->line->seed}};
    Gradients      g;
    if (!copy_gradients(check, &probe, &g)) return false;
    printf("%s = %.9g\n", fn->results[0].tensor.name, g.loss);
    if (!isfinite(g.loss)) {
        check->failures =
            arena_printf(check->c->arena, "%sgradcheck: failed: the loss is not finite\n", check->failures);
        return true;
    }
    for (int i = 1; i < fn->n_results; i++) {
        Tally tally = {0};
        if (!check_elements(check, &probe, &fn->results[i], g.values[i], g.counts[i],
                            scale_of(g.values[i], g.counts[i], g.loss), &tally))
            return false;
        report_tensor(check, &fn->results[i], g.counts[i], &tally);
        check->checked += tally.checked;
        check->kinks += tally.kinks;
        if (tally.worst_slope.verdict == ELEMENT_WRONG)
            add_failure(check, &fn->results[i], &tally);
        else
            check->worst = fmax(check->worst, tally.worst);
    }
    return true;
}

/* ---- the whole ------------------------------------------------------------------------------------------------------ */

/* What is run: the others need not be compiled. */
static void keep_functions(Program *program) {
    int n = 0;
    for (int i = 0; i < program->fns.len; i++) {
        Fn  *fn   = program->fns.data[i];
        bool kept = fn->kind == FN_INIT || fn->kind == FN_FIT || fn->kind == FN_GRADIENTS || !strcmp(fn->name, HELD_FN);
        if (kept) program->fns.data[n++] = fn;
    }
    program->fns.len = n;
}

static bool call(Check *check, int fn) {
    nnrt_clock clock = {.total_steps = 1, .epoch_steps = 1, .seed = (uint64_t)check->line->seed};
    nnrt_fault fault = {0};
    nnrt_error error = {0};
    if (fn < 0 || nnrt_instance_call(check->run.instance, fn, check->feed.inputs, &clock, &fault, &error) == NNRT_OK)
        return true;
    diag_error(check->c->diags, (Span){0}, E0744, "'%s' stopped: %s", check->run.instance->model->fns[fn].name,
               error.message);
    return false;
}

/* The values behind stop_grad become inputs. */
static bool hold_values(Check *check) {
    nnrt_instance    *instance = check->run.instance;
    const nnrt_model *model    = instance->model;
    int               fn       = nnrt_model_fn(model, NNRT_FN_PREDICT, 0);
    if (!call(check, fn) || fn < 0) return fn < 0;
    for (int i = 0; i < model->fns[fn].n_results; i++) {
        const nnrt_tensor *tensor = &model->fns[fn].results[i].tensor;
        int64_t            count  = nnrt_shape_count(nnrt_instance_shape(instance, tensor), tensor->rank);
        size_t             nbytes = (size_t)count * nnrt_elem_size(tensor->elem);
        void              *copy   = arena_alloc(check->c->arena, nbytes + 64);
        memcpy(copy, instance->results[i].data, nbytes);
        for (int k = 0; k < model->n_inputs; k++)
            if (!strcmp(model->inputs[k].tensor.name, tensor->name)) check->feed.inputs[k] = copy;
    }
    return true;
}

/* Gradients that the program's author has written: what a mismatch may be meant to be. Read before autodiff removes them. */
static const char *own_gradients(const Program *program, Compilation *c) {
    const char *text = "";
    Map        *seen = map_new(c->arena);
    for (int i = 0; i < graph_node_count(program->graph); i++) {
        const Node *node = graph_node_at(program->graph, i);
        if (node->op != OP_CUSTOM) continue;
        int line = 0, column = 0;
        diags_position(c->diags, node->span, &line, &column);
        const char *path  = diags_source_path(c->diags, node->span.file);
        const char *place = intern(c->names, arena_printf(c->arena, "%s:%d", path, line));
        if (map_has(seen, place)) continue;
        map_set(seen, place, (void *)(uintptr_t)place);
        text = arena_printf(c->arena,
                            "%snote: the gradient at %s is written by hand; one that differs from the slope on "
                            "purpose, such as a straight-through gradient, cannot pass this check\n",
                            text, place);
    }
    return text;
}

static Program *read_model(Compilation *c) {
    Module  *module  = ast_from_file(c, c->options.input);
    Program *program = module ? graph_from_ast(c, module) : NULL;
    if (!program) return NULL;
    for (int i = 0; i < program->fns.len; i++)
        if (program->fns.data[i]->kind == FN_GRADIENTS) return program;
    diag_error(c->diags, (Span){0}, E0606, "model '%s' has no loss: there is no gradient to check", program->model);
    return NULL;
}

static bool check_program(Check *check, Program *program) {
    keep_functions(program);
    if (!run_open(&check->run, check->c, program)) return false;
    if (!feed_open(&check->feed, check->c, check->line, &check->run)) return false;
    const nnrt_model *model = check->run.instance->model;
    if (!call(check, nnrt_model_fn(model, NNRT_FN_INIT, 0)) || !call(check, nnrt_model_fn(model, NNRT_FN_FIT, 0)))
        return false;
    move_parameters(&check->run, (uint64_t)check->line->seed);
    if (!hold_values(check)) return false;
    printf("gradcheck of %s in f64, seed %lld, %s\n", model->name, (long long)check->line->seed, check->feed.source);
    for (int i = 0; i < model->n_fns; i++)
        if (model->fns[i].kind == NNRT_FN_GRADIENTS && !check_function(check, i)) return false;
    return true;
}

/* The last lines; false when a gradient is wrong or none could be checked. */
static bool conclude(const Check *check, const char *own) {
    bool none = check->kinks == check->checked;
    if (*check->failures)
        printf("%s%s", own, check->failures);
    else if (none)
        printf("gradcheck: failed: %s\n", check->checked ? "every element is at a kink: try another --seed"
                                                         : "the loss depends on no parameter and no input");
    else if (check->kinks)
        printf("gradcheck: ok, worst %.1e; %" PRId64 " elements at a kink skipped\n", check->worst, check->kinks);
    else
        printf("gradcheck: ok, worst %.1e\n", check->worst);
    return !*check->failures && !none;
}

int command_gradcheck(Compilation *c, const CommandLine *line) {
    Check check               = {.c = c, .line = line, .failures = ""};
    c->options.precision      = "f64";
    c->options.keep_gradients = true;
    Program    *program       = read_model(c);
    const char *own           = program ? own_gradients(program, c) : "";
    bool        fine          = program && check_program(&check, program) && conclude(&check, own);
    fflush(stdout);
    feed_free(&check.feed);
    run_close(&check.run);
    command_report(c, line);
    return fine ? EXIT_OK : EXIT_FAILED;
}
