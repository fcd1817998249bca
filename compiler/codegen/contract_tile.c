/* The register-tiled micro-kernels and the block transposition: internal functions of the module, made when first asked
 * for and shared by all contractions. */
#include <stdio.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

typedef struct Tile {
    LLVMBuilderRef b;
    LLVMTypeRef    elem, vec;
    int            rows, vectors, lanes, nr;
    bool           has_fma;
    LLVMValueRef   row_offset[16]; /* elements from a row 0 of A to row i */
} Tile;

static LLVMValueRef multiply_add(const Tile *t, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
    LLVMValueRef args[] = {x, y, z};
    return irb_intrinsic(t->b, t->has_fma ? "llvm.fma" : "llvm.fmuladd", t->vec, args, 3);
}

/* One k: acc[row][vector] += a[row] * b[vector]. */
static void rank_one(const Tile *t, LLVMValueRef a, LLVMValueRef b, LLVMValueRef *acc) {
    LLVMValueRef columns[4];
    for (int v = 0; v < t->vectors; v++)
        columns[v] = irb_load(t->b, t->vec, irb_at(t->b, t->elem, b, irb_i64(t->b, (int64_t)v * t->lanes)));
    for (int r = 0; r < t->rows; r++) {
        LLVMValueRef scalar = irb_load(t->b, t->elem, irb_at(t->b, t->elem, a, t->row_offset[r]));
        LLVMValueRef row    = irb_splat(t->b, scalar, t->lanes);
        for (int v = 0; v < t->vectors; v++) {
            LLVMValueRef *sum = &acc[r * t->vectors + v];
            *sum              = multiply_add(t, row, columns[v], *sum);
        }
    }
}

static LLVMValueRef c_address(const Tile *t, LLVMValueRef c, int i) {
    int64_t offset = (int64_t)(i / t->vectors) * t->nr + (int64_t)(i % t->vectors) * t->lanes;
    return irb_at(t->b, t->elem, c, irb_i64(t->b, offset));
}

/* The accumulators to start from: zeros, or the sums so far. */
static void start_sums(const Tile *t, LLVMValueRef c, LLVMValueRef first, LLVMValueRef *acc) {
    LLVMBuilderRef    b      = t->b;
    LLVMBasicBlockRef origin = LLVMGetInsertBlock(b);
    Branch            branch = branch_begin(b, LLVMBuildNot(b, first, ""));
    LLVMBasicBlockRef from   = LLVMGetInsertBlock(b);
    int               n      = t->rows * t->vectors;
    LLVMValueRef      sums[LOOP_MAX_CARRIED], zero = irb_zero(t->vec);
    for (int i = 0; i < n; i++) sums[i] = irb_load(b, t->vec, c_address(t, c, i));
    branch_else(&branch, b);
    LLVMBasicBlockRef other = LLVMGetInsertBlock(b);
    branch_end(&branch, b);
    (void)origin;
    for (int i = 0; i < n; i++) {
        acc[i] = LLVMBuildPhi(b, t->vec, "");
        LLVMAddIncoming(acc[i], &sums[i], &from, 1);
        LLVMAddIncoming(acc[i], &zero, &other, 1);
    }
}

static void tile_body(Tile *t, LLVMValueRef function) {
    LLVMBuilderRef b = t->b;
    LLVMValueRef   a = LLVMGetParam(function, 0), a_row = LLVMGetParam(function, 1), a_k = LLVMGetParam(function, 2);
    LLVMValueRef   panel = LLVMGetParam(function, 3), b_k = LLVMGetParam(function, 4), k = LLVMGetParam(function, 5);
    LLVMValueRef   c = LLVMGetParam(function, 6), first = LLVMGetParam(function, 7);
    LLVMValueRef   acc[LOOP_MAX_CARRIED];
    int            n = t->rows * t->vectors;
    for (int r = 0; r < t->rows; r++) t->row_offset[r] = irb_mul(b, a_row, irb_i64(b, r));
    start_sums(t, c, first, acc);
    Loop         loop = loop_begin(b, irb_i64(b, 0), k, irb_i64(b, 1));
    LLVMValueRef a_at = loop_carry(&loop, b, a), b_at = loop_carry(&loop, b, panel);
    for (int i = 0; i < n; i++) acc[i] = loop_carry(&loop, b, acc[i]);
    rank_one(t, a_at, b_at, acc);
    loop_next(&loop, 0, irb_at(b, t->elem, a_at, a_k));
    loop_next(&loop, 1, irb_at(b, t->elem, b_at, b_k));
    for (int i = 0; i < n; i++) loop_next(&loop, i + 2, acc[i]);
    loop_end(&loop, b);
    for (int i = 0; i < n; i++) irb_store(b, loop.result[i + 2], c_address(t, c, i));
    LLVMBuildRetVoid(b);
}

LLVMTypeRef contract_tile_type(LLVMContextRef context) {
    LLVMTypeRef ptr = LLVMPointerTypeInContext(context, 0), i64 = LLVMInt64TypeInContext(context);
    LLVMTypeRef params[] = {ptr, i64, i64, ptr, i64, i64, ptr, LLVMInt1TypeInContext(context)};
    return LLVMFunctionType(LLVMVoidTypeInContext(context), params, 8, false);
}

LLVMValueRef contract_tile_function(const ContractPlan *plan, LLVMModuleRef module, int rows, int vectors) {
    char           name[64];
    LLVMContextRef context = LLVMGetModuleContext(module);
    snprintf(name, sizeof name, "nnc.tile.f%d.%dx%d.%d", plan->elem_bytes * 8, rows, vectors, plan->nr);
    LLVMValueRef function = LLVMGetNamedFunction(module, name);
    if (function) return function;
    function  = irb_internal_function(module, name, contract_tile_type(context));
    Tile tile = {.b       = LLVMCreateBuilderInContext(context),
                 .elem    = plan->elem_bytes == 8 ? LLVMDoubleTypeInContext(context) : LLVMFloatTypeInContext(context),
                 .rows    = rows,
                 .vectors = vectors,
                 .lanes   = plan->lanes,
                 .nr      = plan->nr,
                 .has_fma = plan->target->has_fma};
    tile.vec  = irb_vector_type(tile.elem, plan->lanes);
    LLVMPositionBuilderAtEnd(tile.b, LLVMAppendBasicBlockInContext(context, function, "entry"));
    tile_body(&tile, function);
    LLVMDisposeBuilder(tile.b);
    return function;
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

static void transpose_body(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef function) {
    LLVMTypeRef elem =
        plan->elem_bytes == 8 ? LLVMDoubleTypeInContext(irb_context(b)) : LLVMFloatTypeInContext(irb_context(b));
    LLVMTypeRef  vec = irb_vector_type(elem, plan->lanes);
    LLVMValueRef src = LLVMGetParam(function, 0), src_stride = LLVMGetParam(function, 1);
    LLVMValueRef dst = LLVMGetParam(function, 2), dst_stride = LLVMGetParam(function, 3);
    LLVMValueRef rows[64];
    for (int i = 0; i < plan->lanes; i++)
        rows[i] = irb_load(b, vec, irb_at(b, elem, src, irb_mul(b, src_stride, irb_i64(b, i))));
    for (int distance = 1; distance < plan->lanes; distance *= 2)
        for (int i = 0; i < plan->lanes; i++)
            if (!(i & distance)) exchange(b, &rows[i], &rows[i + distance], distance, plan->lanes);
    for (int i = 0; i < plan->lanes; i++)
        irb_store(b, rows[i], irb_at(b, elem, dst, irb_mul(b, dst_stride, irb_i64(b, i))));
    LLVMBuildRetVoid(b);
}

LLVMValueRef contract_transpose_function(const ContractPlan *plan, LLVMModuleRef module) {
    char           name[64];
    LLVMContextRef context = LLVMGetModuleContext(module);
    snprintf(name, sizeof name, "nnc.transpose.f%d", plan->elem_bytes * 8);
    LLVMValueRef function = LLVMGetNamedFunction(module, name);
    if (function) return function;
    function         = irb_internal_function(module, name, contract_transpose_type(context));
    LLVMBuilderRef b = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(context, function, "entry"));
    transpose_body(plan, b, function);
    LLVMDisposeBuilder(b);
    return function;
}
