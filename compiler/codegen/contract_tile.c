/* The register-tiled micro-kernels and the block transposition: internal functions of the module, made when first asked
 * for and shared by all contractions. */
#include <inttypes.h>
#include <stdio.h>

#include "base/map.h"
#include "codegen/contract_internal.h"
#include "codegen/contract_tile.h"
#include "codegen/irb.h"

static LLVMTypeRef elem_type(const ContractPlan *plan, LLVMContextRef context) {
    return plan->elem_bytes == 8 ? LLVMDoubleTypeInContext(context) : LLVMFloatTypeInContext(context);
}

enum { STRAIGHT_K = 12 }; /* a known number of products of each sum, up to which they are straight-line code */

LLVMValueRef tile_multiply_add(const Tile *t, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
    LLVMValueRef args[] = {x, y, z};
    return irb_intrinsic(t->b, t->plan->target->has_fma ? "llvm.fma" : "llvm.fmuladd", t->vec, args, 3);
}

/* Element k of row r: `a` is the address of row 0's or, through windows, k's offset from each row's start. */
static LLVMValueRef element_of_row(const Tile *t, LLVMValueRef a, int r) {
    return t->row_start[0] ? irb_near(t->b, t->elem, t->row_start[r], a) : irb_at(t->b, t->elem, a, t->row_offset[r]);
}

LLVMValueRef tile_load_element(const Tile *t, LLVMValueRef at) {
    if (t->plan->shape.a_vectors) return irb_load(t->b, t->vec, at);
    return irb_splat(t->b, irb_load(t->b, t->elem, at), t->lanes);
}

/* One k: sums[row][vector] += a[row] * b[vector]. */
static void rank_one(const Tile *t, LLVMValueRef a, LLVMValueRef b, LLVMValueRef *sums) {
    LLVMValueRef columns[4];
    for (int v = 0; v < t->vectors; v++) {
        LLVMValueRef at = irb_at(t->b, t->elem, b, irb_i64(t->b, (int64_t)v * t->lanes));
        columns[v]      = t->columns ? irb_masked_load(t->b, t->vec, at, t->columns) : irb_load(t->b, t->vec, at);
    }
    for (int r = 0; r < t->rows; r++) {
        LLVMValueRef row = tile_load_element(t, element_of_row(t, a, r));
        for (int v = 0; v < t->vectors; v++) {
            LLVMValueRef *sum = &sums[r * t->vectors + v];
            *sum              = tile_multiply_add(t, row, columns[v], *sum);
        }
    }
}

LLVMValueRef contract_sum_address(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef c, int vectors, int i) {
    int64_t offset = (int64_t)(i / vectors) * plan->c_row + (int64_t)(i % vectors) * plan->lanes;
    return irb_at(b, elem_type(plan, irb_context(b)), c, irb_i64(b, offset));
}

/* The sums to start from: zeros, or those so far. */
static void start_sums(const Tile *t, const TileArgs *args, LLVMValueRef *sums) {
    LLVMBuilderRef b = t->b;
    int            n = t->rows * t->vectors;
    LLVMValueRef   old[TILE_SUMS_MOST], zero = irb_zero(t->vec);
    for (int i = 0; i < n; i++) sums[i] = zero;
    if (known(args->first, true)) return;
    Branch            branch = branch_begin(b, LLVMBuildNot(b, args->first, ""));
    LLVMBasicBlockRef from[2];
    for (int i = 0; i < n; i++) old[i] = irb_load(b, t->vec, contract_sum_address(t->plan, b, args->c, t->vectors, i));
    from[0] = LLVMGetInsertBlock(b);
    branch_else(&branch, b);
    from[1] = LLVMGetInsertBlock(b);
    branch_end(&branch, b);
    for (int i = 0; i < n; i++) {
        LLVMValueRef values[] = {old[i], zero};
        sums[i]               = LLVMBuildPhi(b, t->vec, "");
        LLVMAddIncoming(sums[i], values, from, 2);
    }
}

/* Where a run of k has come to. */
typedef struct RunPlace {
    LLVMValueRef k, a, b;
} RunPlace;

/* k from `at` to `end`; with `ahead` each step prefetches the address of its number in the table. */
static void sum_steps(const Tile *t, const TileArgs *args, RunPlace *at, LLVMValueRef end, LLVMValueRef ahead,
                      LLVMValueRef *sums) {
    LLVMBuilderRef b    = t->b;
    int            n    = t->rows * t->vectors;
    Loop           loop = loop_begin(b, at->k, end, irb_i64(b, 1));
    LLVMValueRef   a_at = loop_carry(&loop, b, at->a), b_at = loop_carry(&loop, b, at->b);
    for (int i = 0; i < n; i++) sums[i] = loop_carry(&loop, b, sums[i]);
    if (ahead) {
        LLVMTypeRef ptr = LLVMPointerTypeInContext(irb_context(b), 0);
        irb_prefetch(b, LLVMBuildLoad2(b, ptr, irb_at(b, ptr, ahead, loop.index), ""), TO_READ);
    }
    rank_one(t, a_at, b_at, sums);
    loop_next(&loop, 0, t->row_start[0] ? irb_add(b, a_at, args->a_k) : irb_at(b, t->elem, a_at, args->a_k));
    loop_next(&loop, 1, irb_at(b, t->elem, b_at, args->b_k));
    for (int i = 0; i < n; i++) loop_next(&loop, i + 2, sums[i]);
    loop_end(&loop, b);
    *at = (RunPlace){end, loop.result[0], loop.result[1]};
    for (int i = 0; i < n; i++) sums[i] = loop.result[i + 2];
}

/* k in [0, args->k) from `a` and `b_from` on. */
static void sum_run(const Tile *t, const TileArgs *args, LLVMValueRef a, LLVMValueRef b_from, LLVMValueRef *sums) {
    LLVMBuilderRef b = t->b;
    int64_t        k;
    if (irb_const(args->k, &k) && k <= STRAIGHT_K && !t->row_start[0] && !args->ahead) {
        for (int64_t i = 0; i < k; i++)
            rank_one(t, irb_at(b, t->elem, a, irb_mul(b, args->a_k, irb_i64(b, i))),
                     irb_at(b, t->elem, b_from, irb_mul(b, args->b_k, irb_i64(b, i))), sums);
        return;
    }
    RunPlace at = {irb_i64(t->b, 0), a, b_from};
    if (args->ahead) sum_steps(t, args, &at, irb_min(t->b, args->k, args->n_ahead), args->ahead, sums);
    sum_steps(t, args, &at, args->k, NULL, sums);
}

LLVMValueRef tile_table_entry(const Tile *t, LLVMValueRef table, LLVMValueRef i) {
    LLVMTypeRef i32 = LLVMInt32TypeInContext(irb_context(t->b)), i64 = LLVMInt64TypeInContext(irb_context(t->b));
    return LLVMBuildSExt(t->b, irb_load(t->b, i32, irb_at(t->b, i32, table, i)), i64, "");
}

/* Run by run of k, each row from its own start. */
static void sum_runs(Tile *t, const TileArgs *args, LLVMValueRef *sums) {
    LLVMBuilderRef b   = t->b;
    LLVMValueRef   two = irb_i64(b, 2);
    int            n   = t->rows * t->vectors;
    for (int r = 0; r < t->rows; r++)
        t->row_start[r] = irb_near(b, t->elem, args->a, tile_table_entry(t, args->rows, irb_i64(b, r)));
    Loop loop = loop_begin(b, irb_i64(b, 0), irb_mul(b, args->n_runs, two), two);
    for (int i = 0; i < n; i++) sums[i] = loop_carry(&loop, b, sums[i]);
    LLVMValueRef k    = tile_table_entry(t, args->runs, irb_add(b, loop.index, irb_i64(b, 1)));
    LLVMValueRef from = irb_at(b, t->elem, args->b, irb_mul(b, k, args->b_k));
    sum_run(t, args, tile_table_entry(t, args->runs, loop.index), from, sums);
    for (int i = 0; i < n; i++) loop_next(&loop, i, sums[i]);
    loop_end(&loop, b);
    for (int i = 0; i < n; i++) sums[i] = loop.result[i];
}

/* Rows at fixed offsets from the first one. */
static void sum_fixed(Tile *t, const TileArgs *args, LLVMValueRef *sums) {
    const FixedTile *fixed = &t->plan->fixed_tile;
    LLVMBuilderRef   b     = t->b;
    LLVMValueRef     base  = irb_near(b, t->elem, args->a, tile_table_entry(t, args->rows, irb_i64(b, 0)));
    for (int r = 0; r < t->rows; r++) t->row_offset[r] = irb_i64(b, fixed->rows[r] - fixed->rows[0]);
    for (int k = 0; k < fixed->n_k; k++)
        rank_one(t, irb_at(b, t->elem, base, irb_i64(b, fixed->k[k])),
                 irb_at(b, t->elem, args->b, irb_i64(b, (int64_t)k * t->plan->nr)), sums);
    if (fixed->n_k) return;
    if (fixed->taps) {
        TileArgs packed = *args;
        packed.b_k      = irb_i64(b, t->plan->nr);
        tile_sum_taps(t, &packed, base, sums);
        return;
    }
    LLVMValueRef b_k = irb_i64(b, fixed->b_step ? fixed->b_step : t->plan->nr);
    if (fixed->b_step && fixed->b_columns < t->lanes)
        t->columns = irb_mask_below(b, irb_i64(b, fixed->b_columns), t->lanes);
    LLVMValueRef two  = irb_i64(b, 2);
    Loop         loop = loop_begin(b, irb_i64(b, 0), irb_mul(b, args->n_runs, two), two);
    for (int i = 0; i < t->rows; i++) sums[i] = loop_carry(&loop, b, sums[i]);
    LLVMValueRef k    = tile_table_entry(t, args->runs, irb_add(b, loop.index, irb_i64(b, 1)));
    LLVMValueRef from = irb_at(b, t->elem, args->b, irb_mul(b, k, b_k));
    LLVMValueRef at   = irb_at(b, t->elem, base, tile_table_entry(t, args->runs, loop.index));
    TileArgs     run  = *args;
    run.b_k           = b_k;
    sum_run(t, &run, at, from, sums);
    for (int i = 0; i < t->rows; i++) loop_next(&loop, i, sums[i]);
    loop_end(&loop, b);
    for (int i = 0; i < t->rows; i++) sums[i] = loop.result[i];
}

static bool is_fixed(const ContractPlan *plan, int rows, const TileArgs *args) {
    return plan->fixed && args->runs && rows == plan->fixed_tile.n_rows;
}

void contract_tile_sums(const ContractPlan *plan, LLVMBuilderRef b, int rows, int vectors, const TileArgs *args,
                        LLVMValueRef *sums) {
    LLVMTypeRef elem = elem_type(plan, irb_context(b));
    Tile        t    = {.plan = plan, .b = b, .elem = elem, .rows = rows, .vectors = vectors, .lanes = plan->lanes};
    t.vec            = irb_vector_type(elem, plan->lanes);
    start_sums(&t, args, sums);
    if (args->runs) {
        (is_fixed(plan, rows, args) ? sum_fixed : sum_runs)(&t, args, sums);
        return;
    }
    for (int r = 0; r < rows; r++) t.row_offset[r] = irb_mul(b, args->a_row, irb_i64(b, r));
    sum_run(&t, args, args->a, args->b, sums);
}

/* ---- as functions ---- */

enum { TILE_PARAMS = 8, AHEAD_PARAMS = TILE_PARAMS + 2, WINDOW_PARAMS = TILE_PARAMS + 4 };

static LLVMTypeRef ahead_type(LLVMContextRef context) {
    LLVMTypeRef ptr = LLVMPointerTypeInContext(context, 0), i64 = LLVMInt64TypeInContext(context);
    LLVMTypeRef params[AHEAD_PARAMS] = {ptr, i64, i64, ptr, i64, i64, ptr, LLVMInt1TypeInContext(context), ptr, i64};
    return LLVMFunctionType(LLVMVoidTypeInContext(context), params, AHEAD_PARAMS, false);
}

/* Of the micro-kernels and, with the number of rows behind, of the tails. */
static LLVMTypeRef tile_type(LLVMContextRef context, bool windows, bool tail) {
    LLVMTypeRef ptr = LLVMPointerTypeInContext(context, 0), i64 = LLVMInt64TypeInContext(context);
    LLVMTypeRef params[WINDOW_PARAMS + 1] = {ptr, i64, i64, ptr, i64, i64, ptr, LLVMInt1TypeInContext(context),
                                             ptr, ptr, i64, i64};
    int         n                         = windows ? WINDOW_PARAMS : TILE_PARAMS;
    if (tail) params[n++] = i64;
    return LLVMFunctionType(LLVMVoidTypeInContext(context), params, (unsigned)n, false);
}

static TileArgs params_as_args(LLVMValueRef f, bool windows) {
    TileArgs args = {.a     = LLVMGetParam(f, 0),
                     .a_row = LLVMGetParam(f, 1),
                     .a_k   = LLVMGetParam(f, 2),
                     .b     = LLVMGetParam(f, 3),
                     .b_k   = LLVMGetParam(f, 4),
                     .k     = LLVMGetParam(f, 5),
                     .c     = LLVMGetParam(f, 6),
                     .first = LLVMGetParam(f, 7)};
    if (windows)
        args.rows = LLVMGetParam(f, 8), args.runs = LLVMGetParam(f, 9), args.n_runs = LLVMGetParam(f, 10),
        args.edge = LLVMGetParam(f, 11);
    return args;
}

static void call_with(LLVMBuilderRef b, LLVMValueRef f, const TileArgs *args, LLVMValueRef rows) {
    LLVMValueRef values[WINDOW_PARAMS + 1] = {
        args->a, args->a_row, args->a_k,  args->b,    args->b_k,    args->k,
        args->c, args->first, args->rows, args->runs, args->n_runs, args->edge ? args->edge : irb_i64(b, 0)};
    int n = args->runs ? WINDOW_PARAMS : TILE_PARAMS;
    if (rows) values[n++] = rows;
    if (args->ahead && !rows) values[n++] = args->ahead, values[n++] = args->n_ahead;
    LLVMBuildCall2(b, LLVMGlobalGetValueType(f), f, values, (unsigned)n, "");
}

/* A function of the module by name, with `b` at its start; NULL for *b where it is there already. */
static LLVMValueRef open_function(LLVMModuleRef module, const char *name, LLVMTypeRef type, LLVMBuilderRef *b) {
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    *b             = NULL;
    if (f) return f;
    LLVMContextRef context = LLVMGetModuleContext(module);
    f                      = irb_internal_function(module, name, type);
    *b                     = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(*b, LLVMAppendBasicBlockInContext(context, f, "entry"));
    return f;
}

/* Equal offsets are equal functions. */
static uint64_t fixed_key(const FixedTile *fixed) {
    uint64_t key   = hash_bytes(HASH_SEED, fixed->rows, sizeof *fixed->rows * (size_t)fixed->n_rows);
    key            = hash_bytes(key, &fixed->b_step, sizeof fixed->b_step);
    key            = hash_bytes(key, &fixed->b_columns, sizeof fixed->b_columns);
    int32_t taps[] = {fixed->taps, fixed->row_taps, fixed->tap_step, fixed->phases, fixed->run_step, fixed->n_edges};
    key            = hash_bytes(key, taps, sizeof taps);
    key            = hash_bytes(key, fixed->met_begin, sizeof fixed->met_begin);
    key            = hash_bytes(key, fixed->met_end, sizeof fixed->met_end);
    return hash_bytes(key, fixed->k, sizeof *fixed->k * (size_t)fixed->n_k);
}

typedef enum TileKind { TILE_PLAIN, TILE_WINDOWS, TILE_AHEAD } TileKind;

static LLVMValueRef tile_function(const ContractPlan *plan, LLVMModuleRef module, int rows, int vectors,
                                  TileKind kind) {
    static const char *const names[] = {"tile", "windows", "ahead"};
    char                     name[64];
    LLVMBuilderRef           b;
    bool                     windows = kind == TILE_WINDOWS;
    LLVMContextRef           context = LLVMGetModuleContext(module);
    snprintf(name, sizeof name, "nnc.%s%s.v%df%d.%dx%d", names[kind], plan->shape.a_vectors ? ".channels" : "",
             plan->lanes, plan->elem_bytes * 8, rows, vectors);
    if (plan->fixed && windows && rows == plan->fixed_tile.n_rows)
        snprintf(name, sizeof name, "nnc.fixed%s.v%df%d.%016" PRIx64, plan->shape.a_vectors ? ".channels" : "",
                 plan->lanes, plan->elem_bytes * 8, fixed_key(&plan->fixed_tile));
    LLVMTypeRef  type = kind == TILE_AHEAD ? ahead_type(context) : tile_type(context, windows, false);
    LLVMValueRef f    = open_function(module, name, type, &b);
    if (!b) return f;
    TileArgs args = params_as_args(f, windows);
    if (kind == TILE_AHEAD) args.ahead = LLVMGetParam(f, TILE_PARAMS), args.n_ahead = LLVMGetParam(f, TILE_PARAMS + 1);
    LLVMValueRef sums[TILE_SUMS_MOST];
    contract_tile_sums(plan, b, rows, vectors, &args, sums);
    for (int i = 0; i < rows * vectors; i++) irb_store(b, sums[i], contract_sum_address(plan, b, args.c, vectors, i));
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
    return f;
}

void contract_call_tile(const ContractPlan *plan, LLVMBuilderRef b, int rows, int vectors, const TileArgs *args) {
    TileKind kind = args->runs ? TILE_WINDOWS : args->ahead ? TILE_AHEAD : TILE_PLAIN;
    call_with(b, tile_function(plan, irb_module(b), rows, vectors, kind), args, NULL);
}

/* Rows below mr, as tiles of 4, 2 and 1 rows: few micro-kernels to compile, at little loss. */
static void tail_body(const ContractPlan *plan, LLVMBuilderRef b, int vectors, LLVMValueRef rows,
                      const TileArgs *args) {
    LLVMTypeRef elem = elem_type(plan, irb_context(b)), i32 = LLVMInt32TypeInContext(irb_context(b));
    int         size = 1;
    while (2 * size < plan->mr) size *= 2;
    for (; size; size /= 2) {
        LLVMValueRef bit    = LLVMBuildAnd(b, rows, irb_i64(b, size), "");
        Branch       has    = branch_begin(b, LLVMBuildICmp(b, LLVMIntNE, bit, irb_i64(b, 0), ""));
        LLVMValueRef before = LLVMBuildAnd(b, rows, irb_i64(b, -2 * (int64_t)size), ""); /* rows of the larger tiles */
        TileArgs     part   = *args;
        if (args->runs)
            part.rows = irb_at(b, i32, args->rows, before);
        else
            part.a = irb_at(b, elem, args->a, irb_mul(b, before, args->a_row));
        part.c = irb_at(b, elem, args->c, irb_mul(b, before, irb_i64(b, plan->c_row)));
        contract_call_tile(plan, b, size, vectors, &part);
        branch_end(&has, b);
    }
    LLVMBuildRetVoid(b);
}

void contract_call_tail(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef rows, int vectors,
                        const TileArgs *args) {
    char           name[64];
    bool           windows = args->runs != NULL;
    LLVMBuilderRef own;
    snprintf(name, sizeof name, "nnc.%s%s.v%df%d.%dx%d", windows ? "window_tail" : "tail",
             plan->shape.a_vectors ? ".channels" : "", plan->lanes, plan->elem_bytes * 8, plan->mr, vectors);
    LLVMTypeRef  type = tile_type(irb_context(b), windows, true);
    LLVMValueRef f    = open_function(irb_module(b), name, type, &own);
    if (own) {
        TileArgs inner = params_as_args(f, windows);
        tail_body(plan, own, vectors, LLVMGetParam(f, windows ? WINDOW_PARAMS : TILE_PARAMS), &inner);
        LLVMDisposeBuilder(own);
    }
    call_with(b, f, args, rows);
}

/* ---- transposition ---- */

LLVMTypeRef contract_transpose_type(LLVMContextRef context) {
    LLVMTypeRef ptr = LLVMPointerTypeInContext(context, 0), i64 = LLVMInt64TypeInContext(context);
    LLVMTypeRef params[] = {ptr, i64, ptr, i64};
    return LLVMFunctionType(LLVMVoidTypeInContext(context), params, 4, false);
}

/* Swaps, in rows x and y that lie `distance` apart, the off-diagonal blocks of that size. */
static void exchange(LLVMBuilderRef b, LLVMValueRef *x, LLVMValueRef *y, int distance, int lanes) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(b));
    LLVMValueRef low[64], high[64];
    for (int j = 0; j < lanes; j++) {
        int swapped = j & distance ? lanes + (j ^ distance) : j;
        int kept    = j & distance ? lanes + j : j ^ distance;
        low[j]      = LLVMConstInt(i32, (unsigned)swapped, false);
        high[j]     = LLVMConstInt(i32, (unsigned)kept, false);
    }
    LLVMValueRef new_x = LLVMBuildShuffleVector(b, *x, *y, LLVMConstVector(low, (unsigned)lanes), "");
    *y                 = LLVMBuildShuffleVector(b, *x, *y, LLVMConstVector(high, (unsigned)lanes), "");
    *x                 = new_x;
}

void contract_transpose(LLVMBuilderRef b, LLVMValueRef *rows, int lanes) {
    for (int distance = 1; distance < lanes; distance *= 2)
        for (int i = 0; i < lanes; i++)
            if (!(i & distance)) exchange(b, &rows[i], &rows[i + distance], distance, lanes);
}

static void transpose_body(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef function) {
    LLVMTypeRef elem =
        plan->elem_bytes == 8 ? LLVMDoubleTypeInContext(irb_context(b)) : LLVMFloatTypeInContext(irb_context(b));
    LLVMTypeRef  vec = irb_vector_type(elem, plan->lanes);
    LLVMValueRef src = LLVMGetParam(function, 0), src_stride = LLVMGetParam(function, 1);
    LLVMValueRef dst = LLVMGetParam(function, 2), dst_stride = LLVMGetParam(function, 3);
    LLVMValueRef rows[64];
    for (int i = 0; i < plan->lanes; i++)
        rows[i] = irb_load(b, vec, irb_at(b, elem, src, irb_mul(b, src_stride, irb_i64(b, i))));
    contract_transpose(b, rows, plan->lanes);
    for (int i = 0; i < plan->lanes; i++)
        irb_store(b, rows[i], irb_at(b, elem, dst, irb_mul(b, dst_stride, irb_i64(b, i))));
    LLVMBuildRetVoid(b);
}

LLVMValueRef contract_transpose_function(const ContractPlan *plan, LLVMModuleRef module) {
    char           name[64];
    LLVMContextRef context = LLVMGetModuleContext(module);
    snprintf(name, sizeof name, "nnc.transpose.v%df%d", plan->lanes, plan->elem_bytes * 8);
    LLVMValueRef function = LLVMGetNamedFunction(module, name);
    if (function) return function;
    function         = irb_internal_function(module, name, contract_transpose_type(context));
    LLVMBuilderRef b = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(context, function, "entry"));
    transpose_body(plan, b, function);
    LLVMDisposeBuilder(b);
    return function;
}
