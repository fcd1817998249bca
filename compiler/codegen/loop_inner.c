/* The loop template: the loops over a row's elements, and the values they carry. */
#include "codegen/loop.h"

/* ---- accumulators that loops carry -------------------------------------------------------------------------------------- */

static bool carried_in_pass(const LoopEmit *l, const Reduction *reduction, int pass) {
    if (pass < 0) return reduction->to == LEVEL_TOTAL || (reduction->to == LEVEL_COLUMN && l->columns_in_registers);
    return reduction->from == LEVEL_POINT && reduction->pass == pass &&
           (reduction->to == LEVEL_ROW || reduction->to == LEVEL_TOTAL);
}

Carry loop_carry_set(LoopEmit *l, int pass) {
    Carry carry = {0};
    for (int i = 0; i < l->kernel->reductions.len; i++) {
        const Reduction *reduction = &l->kernel->reductions.data[i];
        if (!carried_in_pass(l, reduction, pass)) continue;
        int parts = reduction->to == LEVEL_COLUMN    ? l->vectors * l->sets
                    : reduction->from == LEVEL_POINT ? l->parts
                                                     : 1;
        for (int p = 0; p < parts; p++) {
            Accumulator *acc = &l->acc[i * LOOP_STRAIGHT + p];
            if (carry.n + 2 > MAX_CARRIED) BUG("%s carries too many accumulators", l->kernel->name);
            carry.slot[carry.n++] = &acc->value;
            if (acc->where) carry.slot[carry.n++] = &acc->where;
            if (acc->ordered) carry.slot[carry.n++] = &acc->ordered;
        }
    }
    return carry;
}

void loop_carry_begin(LoopEmit *l, ScopedLoop *loop, Carry *carry, Scope *parent, LLVMValueRef low, LLVMValueRef high,
                      int64_t step) {
    LLVMValueRef values[MAX_CARRIED];
    for (int i = 0; i < carry->n; i++) values[i] = *carry->slot[i];
    scope_loop_begin(l->k, loop, parent, low, high, irb_i64(parent->b, step), carry->n, values);
    for (int i = 0; i < carry->n; i++) *carry->slot[i] = loop->carried[i];
}

void loop_carry_end(LoopEmit *l, ScopedLoop *loop, Carry *carry) {
    LLVMValueRef values[MAX_CARRIED];
    for (int i = 0; i < carry->n; i++) values[i] = *carry->slot[i];
    scope_loop_end(l->k, loop, values);
    for (int i = 0; i < carry->n; i++) *carry->slot[i] = values[i];
}

/* ---- loops ------------------------------------------------------------------------------------------------------------------ */

static void set_mask(KernelEmit *k, LLVMValueRef mask, Scope *scope) {
    k->mask       = mask;
    k->mask_scope = scope;
}

/* l->point on `parts` vectors side by side for each turn. */
static void vector_range(LoopEmit *l, Scope *parent, int axis, LLVMValueRef low, LLVMValueRef high, int parts,
                         bool masked) {
    KernelEmit *k = l->k;
    int64_t     first, end;
    if (irb_const(low, &first) && irb_const(high, &end) && first >= end) return;
    Carry      carry = loop_carry_set(l, l->pass);
    ScopedLoop loop;
    loop_carry_begin(l, &loop, &carry, parent, low, high, (int64_t)l->lanes * parts);
    k->lanes = l->lanes;
    for (int p = 0; p < parts; p++) {
        LLVMValueRef at = irb_add(loop.scope->b, loop.index, irb_i64(loop.scope->b, (int64_t)p * l->lanes));
        l->index[axis]  = l->lanes > 1 ? index_linear(at, loop.scope, l->lanes) : index_uniform(at, loop.scope);
        if (masked) set_mask(k, irb_mask_below(loop.scope->b, irb_sub(loop.scope->b, high, at), l->lanes), loop.scope);
        l->point(l, p);
    }
    k->lanes = 1;
    set_mask(k, NULL, NULL);
    loop_carry_end(l, &loop, &carry);
}

void loop_vectors(LoopEmit *l, Scope *parent, int axis, LLVMValueRef low, LLVMValueRef high) {
    LLVMBuilderRef b    = parent->b;
    LLVMValueRef   size = irb_sub(b, high, low), start = low;
    for (int parts = l->parts; parts > 0; parts = parts > 1 ? 1 : 0) {
        LLVMValueRef whole = LLVMBuildAnd(b, size, irb_i64(b, -(int64_t)parts * l->lanes), "");
        LLVMValueRef end   = irb_add(b, low, whole);
        vector_range(l, parent, axis, start, end, parts, false);
        b     = parent->b;
        start = end;
    }
    if (l->lanes > 1) vector_range(l, parent, axis, start, high, 1, true);
}

/* A short row of constant length: straight-line code, so that nothing of it is loaded twice. */
static void straight_row(LoopEmit *l, int axis) {
    KernelEmit *k = l->k;
    k->lanes      = l->lanes;
    for (int64_t at = 0, n = 0; at < l->last; at += l->lanes, n++) {
        LLVMValueRef first = irb_i64(k->root->b, at);
        l->index[axis]     = l->lanes > 1 ? index_linear(first, k->root, l->lanes) : index_uniform(first, k->root);
        if (at + l->lanes > l->last)
            set_mask(k, irb_mask_below(k->root->b, irb_i64(k->root->b, l->last - at), l->lanes), k->root);
        l->vector = (int)n;
        l->point(l, (int)(n % l->parts));
    }
    k->lanes = 1;
    set_mask(k, NULL, NULL);
}

void loop_inner(LoopEmit *l, Scope *parent, int axis) {
    int at = l->kernel->n_rows + axis;
    if (axis >= l->n_inner) {
        l->point(l, 0);
    } else if (axis + 1 < l->n_inner) {
        Carry        carry = loop_carry_set(l, l->pass);
        ScopedLoop   loop;
        int64_t      extent;
        LLVMValueRef size = dims_value(&l->k->dims, l->kernel->inner[axis]);
        if (l->beside > 1 && l->kernel->reductions.len && axis + 2 == l->n_inner && irb_const(size, &extent) &&
            extent <= LOOP_TOGETHER) {
            l->together = (int)extent;
            loop_inner(l, parent, axis + 1);
            l->together = 0;
            return;
        }
        loop_carry_begin(l, &loop, &carry, parent, irb_i64(parent->b, 0), size, 1);
        l->index[at] = index_uniform(loop.index, loop.scope);
        if (irb_const(size, &extent)) l->index[at] = index_bounded(l->index[at], 0, extent - 1);
        loop_inner(l, loop.scope, axis + 1);
        loop_carry_end(l, &loop, &carry);
    } else if (l->across) {
        across_columns(l, at);
    } else if (l->straight) {
        straight_row(l, at);
    } else {
        LLVMValueRef size = dims_value(&l->k->dims, l->kernel->inner[axis]);
        if (l->k->columns[1])
            loop_vectors(l, parent, at, l->k->columns[0], l->k->columns[1]);
        else
            loop_vectors(l, parent, at, irb_i64(parent->b, 0), l->clip ? irb_min(parent->b, size, l->clip) : size);
    }
}
