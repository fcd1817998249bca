/* The loop template's finish: the units' partial sums are added in the units' order, then columns and totals are stored. */
#include "codegen/loop.h"

/* The sum over units of the partial at `offset` elements from each unit's first. */
static LLVMValueRef sum_units(LoopEmit *l, Scope *parent, int i, Index offset) {
    KernelEmit  *k    = l->k;
    const Node  *node = l->kernel->reductions.data[i].node;
    ElemType     elem = math_register_elem(node->type.elem);
    LLVMValueRef sum  = reduce_start(k, node, k->lanes).value;
    ScopedLoop   loop;
    scope_loop_begin(k, &loop, parent, irb_i64(parent->b, 0), l->space.units, irb_i64(parent->b, 1), 1, &sum);
    LLVMBuilderRef b    = loop.scope->b;
    LLVMValueRef   from = irb_at(b, emit_reg_type(k->e, elem), loop_partial_at(l, b, i, loop.index), offset.v);
    Accumulator    acc  = {.value = loop.carried[0]};
    sum = reduce_step(k, b, node, acc, build_load_lanes(k, b, from, elem, k->lanes, k->mask), NULL, NULL).value;
    scope_loop_end(k, &loop, &sum);
    return sum;
}

static void finish_point(LoopEmit *l, int part) {
    (void)part;
    KernelEmit *k     = l->k;
    Index      *index = l->index + l->kernel->n_rows;
    Scope      *scope = k->now;
    Index       at    = index_row_major(k, l->kernel->n_inner, l->kernel->inner, index);
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = &l->kernel->reductions.data[i];
        if (reduction->to == LEVEL_COLUMN)
            memo_set(k, reduction->node, index, value_new(k, sum_units(l, scope, i, at), scope));
    }
    kernel_stores(k, LEVEL_COLUMN, -1, index);
}

static bool has_columns(const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++)
        if (kernel->stores.data[i].level == LEVEL_COLUMN) return true;
    return false;
}

void loop_emit_finish(KernelEmit *k) {
    LoopEmit l = loop_new(k);
    l.point    = finish_point;
    l.parts    = 1;
    l.beside   = 1; /* there are no rows */
    k->beside  = NULL;
    l.pass     = k->kernel->n_passes; /* no reduction is accumulated in it */
    k->pass    = l.pass;
    for (int i = 0; i < k->kernel->reductions.len; i++) {
        const Reduction *reduction = &k->kernel->reductions.data[i];
        if (reduction->to != LEVEL_TOTAL) continue;
        LLVMValueRef total = sum_units(&l, k->root, i, index_constant(k, 0));
        memo_set(k, reduction->node, l.index, value_new(k, total, k->root));
    }
    kernel_stores(k, LEVEL_TOTAL, -1, l.index);
    if (has_columns(k->kernel)) loop_inner(&l, k->root, 0);
}
