/* The scatter template: dest = 0, then dest[index[i]] += values[i] in index order. The work is cut along the trailing dims (or is one
 * unit where there are none), never along the index, so that every sum has one order. */
#include "codegen/emit.h"

enum { SCATTER_COLUMNS = 256 }; /* of a unit */

typedef struct Scatter {
    KernelEmit  *k;
    Node        *node, *values, *index;
    const Store *store;
    int          n_index, n_rest;
    const Dim  **rest;
    LLVMValueRef columns, low, high; /* the unit's range of the trailing elements */
} Scatter;

static LLVMValueRef column_count(const Kernel *kernel, DimEnv *dims) {
    const Type *type = &kernel->scatter->type;
    return dims_product(dims, type->rank - 1, type->dims + 1);
}

KernelSize scatter_size(Emit *e, const Kernel *kernel, DimEnv *dims) {
    (void)e;
    LLVMValueRef units = irb_ceil_div(dims->b, column_count(kernel, dims), irb_i64(dims->b, SCATTER_COLUMNS));
    return (KernelSize){units, irb_i64(dims->b, 0), irb_i64(dims->b, 0)};
}

/* The trailing index of flat column `at`. */
static void split_columns(Scatter *s, Index at, Index *parts) {
    int64_t extent = dims_constant(s->n_rest, s->rest);
    for (int i = s->n_rest - 1; i > 0; i--) {
        Index quotient;
        index_split(s->k, at, s->rest[i], extent, &quotient, &parts[i]);
        at = quotient;
    }
    if (s->n_rest) parts[0] = at;
}

typedef void ScatterBody(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column);

/* body(row, column) for all columns of the unit, in vectors. */
static void for_columns(Scatter *s, Scope *scope, LLVMValueRef row, ScatterBody *body) {
    KernelEmit    *k     = s->k;
    LLVMBuilderRef b     = scope->b;
    LLVMValueRef   size  = irb_sub(b, s->high, s->low);
    int            full  = s->n_rest ? k->full_lanes : 1;
    LLVMValueRef   whole = irb_add(b, s->low, LLVMBuildAnd(b, size, irb_i64(b, -full), ""));
    ScopedLoop     loop;
    k->lanes = full;
    scope_loop_begin(k, &loop, scope, s->low, whole, irb_i64(b, full), 0, NULL);
    body(s, loop.scope, row, loop.index);
    scope_loop_end(k, &loop, NULL);
    if (full > 1) {
        scope_loop_begin(k, &loop, scope, whole, s->high, irb_i64(scope->b, full), 0, NULL);
        k->mask       = irb_mask_below(loop.scope->b, irb_sub(loop.scope->b, s->high, loop.index), full);
        k->mask_scope = loop.scope;
        body(s, loop.scope, row, loop.index);
        k->mask = NULL;
        scope_loop_end(k, &loop, NULL);
    }
    k->lanes = 1;
}

static LLVMValueRef target_at(Scatter *s, LLVMBuilderRef b, LLVMValueRef row, LLVMValueRef column) {
    LLVMValueRef at = irb_add(b, irb_mul(b, row, s->columns), column);
    return irb_at(b, emit_mem_type(s->k->e, s->store->type.elem), operand_pointer(s->k, &s->store->to), at);
}

static void clear_body(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column) {
    ElemType    elem = s->store->type.elem;
    LLVMTypeRef type = irb_vector_type(emit_reg_type(s->k->e, elem), s->k->lanes);
    build_store_lanes(s->k, scope->b, target_at(s, scope->b, row, column), elem, LLVMConstNull(type), s->k->mask);
}

/* `row` is the flat index into the index tensor. */
static void add_body(Scatter *s, Scope *scope, LLVMValueRef row, LLVMValueRef column) {
    KernelEmit *k = s->k;
    Index       at[MAX_RANK];
    Index       rest = k->lanes > 1 ? index_linear(column, scope, 1) : index_uniform(column, scope);
    Index       flat = index_uniform(row, scope->parent);
    for (int i = s->n_index - 1; i > 0; i--) {
        Index quotient;
        index_split(k, flat, s->index->type.dims[i], -1, &quotient, &at[i]);
        flat = quotient;
    }
    if (s->n_index) at[0] = flat;
    Value        target_row = value_at(k, s->index, at);
    Scope       *in         = target_row->scope;
    LLVMValueRef wide = math_cast(k->e, in->b, s->index->type.elem, ELEM_I64, target_row->v), safe, mask = k->mask;
    LLVMValueRef rows = dims_value(&k->dims, s->node->type.dims[0]);
    fault_unless_below(k, in, wide, rows, &safe);
    split_columns(s, rest, at + s->n_index);
    ElemType       elem = s->store->type.elem, reg = math_register_elem(elem);
    LLVMBuilderRef b        = scope->b;
    LLVMValueRef   value    = value_lanes(k, value_at(k, s->values, at));
    LLVMValueRef   valid    = LLVMBuildICmp(in->b, LLVMIntULT, wide, rows, "");
    value                   = LLVMBuildSelect(b, valid, value, LLVMConstNull(LLVMTypeOf(value)), "");
    LLVMValueRef to         = target_at(s, b, safe, column),
                 operands[] = {build_load_lanes(k, b, to, elem, k->lanes, mask), value};
    build_store_lanes(k, b, to, elem, math_build(k->e, b, MATH_ADD, reg, operands), mask);
}

static void for_rows(Scatter *s, LLVMValueRef count, ScatterBody *body) {
    KernelEmit *k = s->k;
    ScopedLoop  rows;
    scope_loop_begin(k, &rows, k->root, irb_i64(k->root->b, 0), count, irb_i64(k->root->b, 1), 0, NULL);
    for_columns(s, rows.scope, rows.index, body);
    scope_loop_end(k, &rows, NULL);
}

void scatter_emit_task(KernelEmit *k, LLVMValueRef begin, LLVMValueRef end) {
    Node          *node = k->kernel->scatter;
    LLVMBuilderRef b    = k->root->b;
    Scatter        s    = {.k = k, .node = node, .values = node->inputs[0], .index = node->inputs[1]};
    s.n_index           = s.index->type.rank;
    s.n_rest            = node->type.rank - 1;
    s.rest              = node->type.dims + 1;
    s.columns           = column_count(k->kernel, &k->dims);
    s.low               = irb_mul(b, begin, irb_i64(b, SCATTER_COLUMNS));
    s.high              = irb_min(b, s.columns, irb_mul(b, end, irb_i64(b, SCATTER_COLUMNS)));
    for (int i = 0; i < k->kernel->stores.len; i++) {
        s.store = &k->kernel->stores.data[i];
        if (s.store->node != node) BUG("%s: a scatter stores nothing else", k->kernel->name);
        for_rows(&s, dims_value(&k->dims, node->type.dims[0]), clear_body);
        for_rows(&s, dims_product(&k->dims, s.n_index, s.index->type.dims), add_body);
    }
}
