/* Few columns beside windows: a vector holds consecutive k, as one of columns would be nearly empty. A tile is `mr` rows by all columns, a
 * vector of partial sums for each; in the end the lanes of each are added up, many at once:
 *
 *     for each run of k, each vector of it: sums[row][column] += a[row][k ...] * b[column][k ...]
 *     c[row][column] = the lanes of sums[row][column] added up
 *
 * B lies in scratch with k together, zeros behind it; a part of a vector of A is loaded under a mask. */
#include <stdio.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    COLUMNS_MOST = CONTRACT_DOT_COLUMNS,
    GAIN         = 3, /* worth while: so many halves of the multiply-adds that lanes along columns take */
    ROWS_MOST    = 8,
};

/* ---- plan ------------------------------------------------------------------------------------------------------------------- */

typedef struct Runs { /* what the runs of k of all rows come to */
    int64_t elems, vectors;
    bool    together; /* their elements lie side by side */
} Runs;

static void count_run(Runs *runs, int64_t times, int64_t length, int64_t step, int lanes) {
    runs->elems += times * length;
    runs->vectors += times * ((length + lanes - 1) / lanes);
    runs->together &= step == 1 || length == 1;
}

static Runs count_runs(const ContractPlan *plan, int lanes) {
    const ContractWindow *w    = plan->shape.window;
    Runs                  runs = {.together = true};
    for (int i = 0; w->regions && i < w->regions->count; i++) {
        const WindowRegion *region = &w->regions->regions[i];
        count_run(&runs, (int64_t)region->n_rows * region->n_runs, region->length, region->step, lanes);
    }
    ContractLevel run = window_run(w);
    if (!w->regions) count_run(&runs, 1, run.extent, run.stride, lanes);
    return runs;
}

/* Lanes along k; 0: along columns, which takes two half vectors a clock. */
int contract_dot_lanes(const ContractPlan *plan) {
    const ContractShape *s    = &plan->shape;
    int                  full = target_lanes(plan->target, plan->elem_bytes), half = full / 2;
    if (!s->window || s->a_vectors || s->window->image_in_k || s->n < 1 || s->n > COLUMNS_MOST || full < 4) return 0;
    Runs wide = count_runs(plan, full), narrow = count_runs(plan, half);
    if (!wide.together || !wide.vectors) return 0;
    bool    halves = narrow.vectors < 2 * wide.vectors;
    int64_t clocks = halves ? narrow.vectors : 2 * wide.vectors; /* halves of one, a row and column */
    return wide.elems * 2 >= GAIN * s->n * clocks ? halves ? half : full : 0;
}

/* Rows that leave room for a vector of each column and one of A. */
int contract_dot_rows(const ContractPlan *plan, int sums_most) {
    int rows = ROWS_MOST;
    while (rows > 1 && rows * plan->shape.n > sums_most) rows--;
    return rows;
}

/* From one column of B to the next: part of a vector may be read behind the last. */
static int64_t column_stride(const ContractPlan *plan) {
    int64_t lanes = plan->dot_lanes;
    return (plan->kc + lanes - 1) / lanes * lanes + lanes;
}

int64_t contract_dot_elems(const ContractPlan *plan) {
    return column_stride(plan) * plan->shape.n;
}

/* ---- B ---------------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef columns_of_b(const ContractEmit *e) {
    LLVMTypeRef i8 = LLVMInt8TypeInContext(irb_context(e->b));
    return irb_at(e->b, i8, e->c_buffer, irb_i64(e->b, e->plan->dots_offset - e->plan->c_offset));
}

void contract_dot_prepare(const ContractEmit *e) {
    LLVMBuilderRef      b      = e->b;
    const ContractPlan *plan   = e->plan;
    int64_t             stride = column_stride(plan), width = (plan->shape.n + plan->lanes - 1) / plan->lanes;
    LLVMValueRef        to = columns_of_b(e), length = irb_i64(b, stride);
    LLVMBuildMemSet(b, to, LLVMConstNull(LLVMInt8TypeInContext(irb_context(b))),
                    irb_i64(b, contract_dot_elems(plan) * plan->elem_bytes), (unsigned)plan->elem_bytes);
    Loop         k      = loop_begin(b, e->zero, e->k, e->one);
    Loop         column = loop_begin(b, e->zero, e->n, e->one);
    LLVMValueRef from   = irb_add(b, irb_mul(b, k.index, irb_i64(b, width * plan->lanes)), column.index);
    LLVMValueRef value  = irb_load(b, e->elem, irb_at(b, e->elem, e->b_buffer, from));
    irb_store(b, value, irb_at(b, e->elem, to, irb_add(b, irb_mul(b, column.index, length), k.index)));
    loop_end(&column, b);
    loop_end(&k, b);
}

/* ---- the tile --------------------------------------------------------------------------------------------------------------- */

typedef struct Dots {
    const ContractPlan *plan;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem, vec;
    int                 rows, columns, lanes, count; /* count: of sums */
    LLVMValueRef        from[ROWS_MOST];             /* where each row starts */
    LLVMValueRef        a, b_columns, sums_to, row_table, run_table, n_runs, run_length, n_rows;
} Dots;

static LLVMValueRef table_entry(const Dots *d, LLVMValueRef table, LLVMValueRef i) {
    LLVMTypeRef i32 = LLVMInt32TypeInContext(irb_context(d->b)), i64 = LLVMInt64TypeInContext(irb_context(d->b));
    return LLVMBuildSExt(d->b, irb_load(d->b, i32, irb_at(d->b, i32, table, i)), i64, "");
}

/* One vector of k: `a_at` from each row's start, `k` from each column's. */
static void add_products(const Dots *d, LLVMValueRef a_at, LLVMValueRef k, LLVMValueRef mask, LLVMValueRef *sums) {
    LLVMBuilderRef b    = d->b;
    const char    *name = d->plan->target->has_fma ? "llvm.fma" : "llvm.fmuladd";
    LLVMValueRef   columns[COLUMNS_MOST];
    for (int c = 0; c < d->columns; c++) {
        LLVMValueRef start = irb_at(b, d->elem, d->b_columns, irb_i64(b, c * column_stride(d->plan)));
        columns[c]         = irb_load(b, d->vec, irb_at(b, d->elem, start, k));
    }
    for (int r = 0; r < d->rows; r++) {
        LLVMValueRef at  = irb_at(b, d->elem, d->from[r], a_at);
        LLVMValueRef row = mask ? irb_masked_load(b, d->vec, at, mask) : irb_load(b, d->vec, at);
        for (int c = 0; c < d->columns; c++) {
            LLVMValueRef args[]      = {row, columns[c], sums[r * d->columns + c]};
            sums[r * d->columns + c] = irb_intrinsic(b, name, d->vec, args, 3);
        }
    }
}

static void carry_sums(const Dots *d, Loop *loop, LLVMValueRef *sums) {
    for (int i = 0; i < d->count; i++) sums[i] = loop_carry(loop, d->b, sums[i]);
}

static void end_sums(const Dots *d, Loop *loop, LLVMValueRef *sums) {
    for (int i = 0; i < d->count; i++) loop_next(loop, i, sums[i]);
    loop_end(loop, d->b);
    for (int i = 0; i < d->count; i++) sums[i] = loop->result[i];
}

/* Whole vectors of a run, then the part of one, which every run of these rows has or none. */
static void add_run(const Dots *d, LLVMValueRef at, LLVMValueRef k, LLVMValueRef whole, LLVMValueRef mask,
                    LLVMValueRef *sums) {
    LLVMBuilderRef b    = d->b;
    Loop           loop = loop_begin(b, irb_i64(b, 0), whole, irb_i64(b, d->lanes));
    carry_sums(d, &loop, sums);
    add_products(d, irb_add(b, at, loop.index), irb_add(b, k, loop.index), NULL, sums);
    end_sums(d, &loop, sums);
    Branch       part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSLT, whole, d->run_length, ""));
    LLVMValueRef more[TILE_SUMS_MOST];
    for (int i = 0; i < d->count; i++) more[i] = sums[i];
    add_products(d, irb_add(b, at, whole), irb_add(b, k, whole), mask, more);
    LLVMBasicBlockRef from[2] = {LLVMGetInsertBlock(b)};
    branch_else(&part, b);
    from[1] = LLVMGetInsertBlock(b);
    branch_end(&part, b);
    for (int i = 0; i < d->count; i++) {
        LLVMValueRef values[] = {more[i], sums[i]};
        sums[i]               = LLVMBuildPhi(b, d->vec, "");
        LLVMAddIncoming(sums[i], values, from, 2);
    }
}

/* Lanes with bit `distance` from y, others from x: of themselves, or of their partners. */
static LLVMValueRef half_of_each(const Dots *d, LLVMValueRef x, LLVMValueRef y, int distance, bool partners) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(d->b));
    LLVMValueRef mask[64];
    for (int l = 0; l < d->lanes; l++) {
        int lane = partners ? l ^ distance : l;
        mask[l]  = LLVMConstInt(i32, (unsigned)(l & distance ? d->lanes + lane : lane), false);
    }
    return LLVMBuildShuffleVector(d->b, x, y, LLVMConstVector(mask, (unsigned)d->lanes), "");
}

/* Lane l of the result: the lanes of vector l, added up. As many vectors as lanes; of fewer, lanes are repeated. */
static LLVMValueRef add_lanes(const Dots *d, const LLVMValueRef *vectors, int count) {
    LLVMValueRef level[64];
    for (int i = 0; i < count; i++) level[i] = vectors[i];
    for (int distance = d->lanes / 2; distance; distance /= 2) {
        for (int i = 0; i < distance && i < count; i++) {
            LLVMValueRef x = level[i], y = i + distance < count ? level[i + distance] : x;
            level[i] =
                LLVMBuildFAdd(d->b, half_of_each(d, x, y, distance, false), half_of_each(d, x, y, distance, true), "");
        }
        if (count > distance) count = distance;
    }
    return level[0];
}

static void store_dots(const Dots *d, const LLVMValueRef *sums) {
    for (int i = 0; i < d->count; i += d->lanes) {
        int          left = d->count - i < d->lanes ? d->count - i : d->lanes;
        LLVMValueRef sum  = add_lanes(d, sums + i, left);
        irb_store(d->b, sum, irb_at(d->b, d->elem, d->sums_to, irb_i64(d->b, i)));
    }
}

/* Rows that are not there are the last one once more. */
static void emit_dots(Dots *d) {
    LLVMBuilderRef b = d->b;
    LLVMValueRef   sums[TILE_SUMS_MOST], zero = irb_i64(b, 0), two = irb_i64(b, 2);
    LLVMValueRef   last = irb_sub(b, d->n_rows, irb_i64(b, 1));
    for (int r = 0; r < d->rows; r++)
        d->from[r] = irb_at(b, d->elem, d->a, table_entry(d, d->row_table, irb_min(b, irb_i64(b, r), last)));
    LLVMValueRef rest  = LLVMBuildURem(b, d->run_length, irb_i64(b, d->lanes), "");
    LLVMValueRef whole = irb_sub(b, d->run_length, rest), mask = irb_mask_below(b, rest, d->lanes);
    for (int i = 0; i < d->count; i++) sums[i] = irb_zero(d->vec);
    Loop loop = loop_begin(b, zero, irb_mul(b, d->n_runs, two), two);
    carry_sums(d, &loop, sums);
    LLVMValueRef at = table_entry(d, d->run_table, loop.index);
    LLVMValueRef k  = table_entry(d, d->run_table, irb_add(b, loop.index, irb_i64(b, 1)));
    add_run(d, at, k, whole, mask, sums);
    end_sums(d, &loop, sums);
    store_dots(d, sums);
}

/* void dots(a, rows, runs, n_runs, run_length, columns of b, c, n_rows), one internal function a module for each shape. */
static LLVMValueRef dots_function(const ContractPlan *plan, LLVMModuleRef module) {
    char           name[64];
    LLVMContextRef context = LLVMGetModuleContext(module);
    LLVMTypeRef    ptr = LLVMPointerTypeInContext(context, 0), i64 = LLVMInt64TypeInContext(context);
    LLVMTypeRef    params[] = {ptr, ptr, ptr, i64, i64, ptr, ptr, i64};
    snprintf(name, sizeof name, "nnc.dots.v%df%d.%dx%d.%lld", plan->dot_lanes, plan->elem_bytes * 8, plan->mr,
             (int)plan->shape.n, (long long)column_stride(plan));
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    if (f) return f;
    f         = irb_internal_function(module, name, LLVMFunctionType(LLVMVoidTypeInContext(context), params, 8, false));
    Dots d    = {.plan = plan, .b = LLVMCreateBuilderInContext(context), .rows = plan->mr};
    d.columns = (int)plan->shape.n;
    d.lanes   = plan->dot_lanes;
    d.count   = d.rows * d.columns;
    d.elem    = plan->elem_bytes == 8 ? LLVMDoubleTypeInContext(context) : LLVMFloatTypeInContext(context);
    d.vec     = irb_vector_type(d.elem, d.lanes);
    d.a       = LLVMGetParam(f, 0);
    d.row_table  = LLVMGetParam(f, 1);
    d.run_table  = LLVMGetParam(f, 2);
    d.n_runs     = LLVMGetParam(f, 3);
    d.run_length = LLVMGetParam(f, 4);
    d.b_columns  = LLVMGetParam(f, 5);
    d.sums_to    = LLVMGetParam(f, 6);
    d.n_rows     = LLVMGetParam(f, 7);
    LLVMPositionBuilderAtEnd(d.b, LLVMAppendBasicBlockInContext(context, f, "entry"));
    emit_dots(&d);
    LLVMBuildRetVoid(d.b);
    LLVMDisposeBuilder(d.b);
    return f;
}

void contract_dot_tile(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    LLVMValueRef f        = dots_function(e->plan, irb_module(e->b));
    LLVMValueRef values[] = {args->a, args->rows, args->runs, args->n_runs, args->k, columns_of_b(e), at->c, at->rows};
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, values, 8, "");
}
