/* The loop template over rows of few columns: lanes run over rows, so that all are used, and what is one value a row (a maximum, a
 * sum) is one vector for as many rows as there are lanes, without a step from lane to lane. */
#include "codegen/loop.h"

/* ---- whether it pays -------------------------------------------------------------------------------------------------------- */

/* Whether a tensor's elements follow the lanes, or are the columns of rows, or have nothing to do with rows. */
static bool lies_well(const Kernel *kernel, const Type *type) {
    bool has_rows = false;
    for (int i = 0; i < type->rank; i++) has_rows |= type->dims[i] == kernel->rows[0];
    if (!has_rows || type->dims[type->rank - 1] == kernel->rows[0]) return true;
    return type->rank == 2 && type->dims[1] == kernel->inner[0] && type->elem != ELEM_BOOL;
}

static bool all_lie_well(const LoopEmit *l) {
    NodeVec nodes = loop_nodes(l->k);
    for (int i = 0; i < nodes.len; i++)
        if (!loop_computes(l->k, nodes.data[i]) && !lies_well(l->kernel, &nodes.data[i]->type)) return false;
    for (int i = 0; i < l->kernel->stores.len; i++) {
        const Store *store = &l->kernel->stores.data[i];
        if (store->level == LEVEL_SPREAD) return false;
        if (store->level == LEVEL_POINT && !lies_well(l->kernel, &store->type)) return false;
    }
    return true;
}

/* Sums that the loop over rows carries. */
static bool sums_fit(const LoopEmit *l) {
    int carried = 0;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        Level to = l->kernel->reductions.data[i].to;
        carried += to == LEVEL_COLUMN ? (int)l->last : to == LEVEL_TOTAL;
    }
    return carried <= LOOP_COLUMNS;
}

bool across_fits(const LoopEmit *l) {
    const Kernel *kernel = l->kernel;
    if (kernel->template != TEMPLATE_LOOP || kernel->flat || kernel->n_rows != 1 || kernel->n_inner != 1) return false;
    int64_t rows = dims_constant(1, kernel->rows), lanes = l->k->full_lanes;
    if (l->last < 2 || l->last > lanes / 2 || l->last > ACROSS_COLUMNS || (rows >= 0 && rows < lanes)) return false;
    return kernel->rows[0] != kernel->inner[0] && sums_fit(l) && all_lie_well(l);
}

void across_begin(LoopEmit *l) {
    l->across               = true;
    l->lanes                = l->k->full_lanes;
    l->straight             = true;
    l->parts                = 1;
    l->vectors              = (int)l->last;
    l->columns_in_registers = true;
    l->sets                 = 1;
    l->k->across            = ARENA_NEW(l->k->e->arena, Across);
    l->k->across->columns   = (int)l->last;
}

/* ---- stores ---------------------------------------------------------------------------------------------------- */

/* Of the pass at hand, after its last column: all values first, then all stores. */
void across_store_points(LoopEmit *l) {
    KernelEmit *k     = l->k;
    int         count = l->kernel->stores.len, columns = k->across->columns;
    Value      *values[ACROSS_COLUMNS];
    if (l->vector + 1 < columns) return;
    for (int c = 0; c < columns; c++) {
        l->index[l->kernel->n_rows] = index_constant(k, c);
        values[c]                   = kernel_store_values(k, LEVEL_POINT, l->pass, l->index);
    }
    for (int i = 0; i < count; i++) {
        Value of_store[ACROSS_COLUMNS];
        for (int c = 0; c < columns; c++) of_store[c] = values[c][i];
        if (of_store[0]) across_store(k, &l->kernel->stores.data[i], l->index[0], of_store);
    }
}

/* ---- loops ------------------------------------------------------------------------------------------------------------------ */

void across_columns(LoopEmit *l, int axis) {
    for (l->vector = 0; l->vector < l->k->across->columns; l->vector++) {
        l->index[axis] = index_constant(l->k, l->vector);
        l->point(l, 0);
    }
}

static void across_range(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high, bool masked) {
    KernelEmit *k     = l->k;
    Across     *a     = k->across;
    Carry       carry = loop_carry_set(l, -1);
    ScopedLoop  loop;
    loop_carry_begin(l, &loop, &carry, parent, low, high, l->lanes);
    LLVMBuilderRef b = loop.scope->b;
    l->index[0]      = index_linear(loop.index, loop.scope, 1);
    k->lanes         = l->lanes;
    if (masked) {
        a->rows_left  = irb_sub(b, high, loop.index);
        a->mask       = irb_mask_below(b, a->rows_left, l->lanes);
        k->mask       = a->mask;
        k->mask_scope = loop.scope;
    }
    loop_row(l, loop.scope);
    a->mask = a->rows_left = k->mask = NULL;
    k->mask_scope                    = NULL;
    k->lanes                         = 1;
    loop_carry_end(l, &loop, &carry);
}

/* Whether no unit has a part of a vector. */
static bool whole_vectors(const LoopEmit *l) {
    int64_t rows = dims_constant(1, l->kernel->rows), unit;
    if (rows < 0 || rows % l->lanes) return false;
    return irb_const(l->space.rows_per_unit, &unit) && (unit >= rows || unit % l->lanes == 0);
}

/* Rows [low, high): as many as fill vectors, then the rest. */
void across_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high) {
    LLVMBuilderRef b     = parent->b;
    LLVMValueRef   whole = LLVMBuildAnd(b, irb_sub(b, high, low), irb_i64(b, -(int64_t)l->lanes), "");
    LLVMValueRef   end   = irb_add(b, low, whole);
    across_range(l, parent, low, end, false);
    if (!whole_vectors(l)) across_range(l, parent, end, high, true);
}

void across_store_columns(LoopEmit *l, Scope *scope) {
    KernelEmit    *k = l->k;
    LLVMBuilderRef b = scope->b;
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Node *node = l->kernel->reductions.data[i].node;
        if (l->kernel->reductions.data[i].to != LEVEL_COLUMN) continue;
        LLVMTypeRef type = emit_reg_type(k->e, math_register_elem(node->type.elem));
        for (int c = 0; c < k->across->columns; c++)
            irb_store(b, reduce_finish(k, b, node, l->acc[i * LOOP_STRAIGHT + c]),
                      irb_at(b, type, l->partials[i], irb_i64(b, c)));
    }
}
