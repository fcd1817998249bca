/* Lanes over rows of few columns, which lie one behind the other in memory: whole vectors are loaded as they lie there and put in order by
 * shuffles, column by column, and so are those that are stored. */
#include "codegen/emit.h"

/* The vector whose lane t is element from(t) % lanes of vector from(t) / lanes, one shuffle for each vector but the first. */
static LLVMValueRef collect(KernelEmit *k, LLVMBuilderRef b, const LLVMValueRef *vectors, int count, const int *from) {
    int          lanes  = k->lanes;
    LLVMValueRef result = NULL;
    for (int v = 0; v < count; v++) {
        LLVMValueRef mask[64];
        bool         any = false;
        for (int t = 0; t < lanes; t++) {
            bool here = from[t] / lanes == v;
            any |= here;
            mask[t] = LLVMConstInt(k->e->t_i32, (unsigned)(here ? lanes + from[t] % lanes : t), false);
        }
        if (!any) continue;
        if (!result) result = LLVMGetPoison(LLVMTypeOf(vectors[v]));
        result = LLVMBuildShuffleVector(b, result, vectors[v], LLVMConstVector(mask, (unsigned)lanes), "");
    }
    return result;
}

static LLVMValueRef column_of(KernelEmit *k, LLVMBuilderRef b, const LLVMValueRef *vectors, int columns, int column) {
    int from[64];
    for (int t = 0; t < k->lanes; t++) from[t] = t * columns + column;
    return collect(k, b, vectors, columns, from);
}

/* Vector `place` of rows put together of columns. */
static LLVMValueRef rows_of(KernelEmit *k, LLVMBuilderRef b, const LLVMValueRef *values, int columns, int place) {
    int from[64];
    for (int t = 0; t < k->lanes; t++) {
        int element = place * k->lanes + t;
        from[t]     = element % columns * k->lanes + element / columns;
    }
    return collect(k, b, values, columns, from);
}

/* The elements of vector `place` that belong to rows that exist. */
static LLVMValueRef mask_of(KernelEmit *k, LLVMBuilderRef b, int place) {
    const Across *a = k->across;
    if (!a->mask) return NULL;
    LLVMValueRef elements = irb_mul(b, a->rows_left, irb_i64(b, a->columns));
    return irb_mask_below(b, irb_sub(b, elements, irb_i64(b, (int64_t)place * k->lanes)), k->lanes);
}

static LLVMValueRef address_of(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef base, ElemType elem, Index row,
                               int place) {
    LLVMValueRef first = irb_mul(b, row.v, irb_i64(b, k->across->columns));
    return irb_at(b, emit_mem_type(k->e, elem), base, irb_add(b, first, irb_i64(b, (int64_t)place * k->lanes)));
}

static bool is_column_of_rows(const KernelEmit *k, const Type *type, const Index *index) {
    int64_t at;
    return type->rank == 2 && type->elem != ELEM_BOOL && dims_constant(1, &type->dims[1]) == k->across->columns &&
           k->lanes > 1 && index[0].kind == INDEX_LINEAR && index[1].kind == INDEX_UNIFORM &&
           irb_const(index[1].v, &at) && at >= 0 && at < k->across->columns && k->mask == k->across->mask;
}

/* All columns are loaded at once and memoised. */
Value across_load(KernelEmit *k, const Node *node, LLVMValueRef base, const Index *index) {
    if (!is_column_of_rows(k, &node->type, index)) return NULL;
    Scope         *scope = index[0].scope;
    LLVMBuilderRef b     = scope->b;
    LLVMValueRef   vectors[ACROSS_COLUMNS];
    ElemType       elem = node->type.elem;
    for (int v = 0; v < k->across->columns; v++)
        vectors[v] =
            build_load_lanes(k, b, address_of(k, b, base, elem, index[0], v), elem, k->lanes, mask_of(k, b, v));
    for (int c = 0; c < k->across->columns; c++) {
        Index at[] = {index[0], index_constant(k, c)};
        memo_set(k, node, at, value_new(k, column_of(k, b, vectors, k->across->columns, c), scope));
    }
    return memo_get(k, node, index);
}

void across_store(KernelEmit *k, const Store *store, Index row, const Value *values) {
    LLVMBuilderRef b       = k->now->b;
    Type           type    = kernel_store_type(k, store);
    LLVMValueRef   base    = operand_pointer(k, &store->to), columns[ACROSS_COLUMNS];
    Index          first[] = {row, index_constant(k, 0)};
    bool           in_rows = is_column_of_rows(k, &type, first);
    for (int c = 0; c < k->across->columns; c++) {
        Index at[] = {row, index_constant(k, c)};
        columns[c] = value_lanes(k, values[c]);
        if (!in_rows) memory_store(k, base, &type, at, columns[c], store->node->type.elem, k->now);
        if (in_rows) columns[c] = math_cast(k->e, b, store->node->type.elem, type.elem, columns[c]);
    }
    for (int v = 0; in_rows && v < k->across->columns; v++)
        build_store_lanes(k, b, address_of(k, b, base, type.elem, row, v), type.elem,
                          rows_of(k, b, columns, k->across->columns, v), mask_of(k, b, v));
}
