/* The loop over rows: one row after the other, or its last dim as a loop of its own, in turns of several rows whose windows share elements. */
#include "codegen/loop.h"

enum { PLACES_MOST = 2 }; /* of rows in windows of a stride that have code of their own */

/* A row's index along an axis whose extent is known: one of `place`, place + period, ... */
static Index at_place(const LoopEmit *l, int axis, Index index, int64_t place, int64_t period) {
    int64_t extent;
    if (!dim_is_const(l->kernel->rows[axis], &extent) || place >= extent) return index;
    return index_bounded(index, place, extent - 1 - (extent - 1 - place) % period);
}

static Index along_rows(const LoopEmit *l, int axis, Index index) {
    return at_place(l, axis, index, 0, 1);
}

void loop_row_index(LoopEmit *l, int n, LLVMValueRef row, Scope *scope) {
    Index rest = index_uniform(row, scope);
    for (int i = n - 1; i > 0; i--) {
        Index quotient;
        index_split(l->k, rest, l->kernel->rows[i], -1, &quotient, &l->index[i]);
        l->index[i] = along_rows(l, i, l->index[i]);
        rest        = quotient;
    }
    l->index[0] = along_rows(l, 0, rest);
}

/* Turns [low, high) over the rows' last dim, `period` rows (or as many side by side) a turn: of those, each has its place in every window of
 * that stride. `inside` (NULL: not known): the bounds of this index and of the one before, where windows do not reach out. */
static void nested_turns(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high, const RowBounds *inside) {
    KernelEmit *k     = l->k;
    int         axis  = l->kernel->n_rows - 1;
    Carry       carry = loop_carry_set(l, -1);
    int64_t     turn  = (int64_t)l->period * l->beside;
    Index       outer = axis ? l->index[axis - 1] : (Index){0};
    ScopedLoop  loop;
    loop_carry_begin(l, &loop, &carry, parent, low, high, 1);
    LLVMBuilderRef b     = loop.scope->b;
    LLVMValueRef   first = irb_mul(b, loop.index, irb_i64(b, turn));
    for (int i = 0; i < l->beside && l->beside > 1; i++) {
        l->besides->index[i] = along_rows(l, axis, index_uniform(irb_add(b, first, irb_i64(b, i)), loop.scope));
        if (inside) l->besides->index[i] = index_bounded(l->besides->index[i], inside->low[1], inside->high[1] - 1);
    }
    if (inside && inside->high[0] > inside->low[0]) /* nothing may leave the loop that holds only here */
        l->index[axis - 1] = index_bounded(index_uniform(outer.v, loop.scope), inside->low[0], inside->high[0] - 1);
    for (int i = 0; i < l->period; i++) {
        LLVMValueRef at = irb_add(b, first, irb_i64(b, i));
        l->index[axis]  = at_place(l, axis, index_uniform(at, loop.scope), i, l->period);
        loop_row(l, loop.scope);
    }
    if (axis) l->index[axis - 1] = outer;
    k->now = loop.scope;
    loop_carry_end(l, &loop, &carry);
}

/* Where windows reach out neither at the beginning nor at the end: inside [low, high) of the last two of the rows' dims. */
static bool find_inside(const LoopEmit *l, RowBounds *inside) {
    NodeVec nodes  = loop_nodes(l->k);
    int64_t before = 0, after = 0, turn = l->beside, extent;
    int     axis = l->kernel->n_rows - 1;
    for (int i = 0; i < nodes.len; i++) {
        const Node  *node  = nodes.data[i];
        const Slide *slide = &node->attr.slide;
        int64_t      start, positions, size, window;
        if (node->op != OP_SLIDE || !slide->dilation || !loop_computes(l->k, node)) continue;
        if (slide->step < 1 || !dim_is_const(slide->before, &start) ||
            !dim_is_const(node->type.dims[slide->axis], &positions) ||
            !dim_is_const(node->inputs[0]->type.dims[slide->axis], &size) ||
            !dim_is_const(node->type.dims[slide->by], &window))
            return false;
        int64_t reach = slide->dilation * (window - 1), least = (reach < 0 ? reach : 0) - start,
                most       = (reach > 0 ? reach : 0) - start;
        int64_t out_before = (-least + slide->step - 1) / slide->step;
        int64_t room = size * slide->divisor - 1 - most, inside_to = room < 0 ? 0 : room / slide->step + 1;
        if (out_before > before) before = out_before;
        if (positions - inside_to > after) after = positions - inside_to;
    }
    *inside = (RowBounds){{0}, {0}};
    if (axis > 0 && dim_is_const(l->kernel->rows[axis - 1], &extent)) {
        inside->low[0]  = before;
        inside->high[0] = extent - after;
        if (inside->high[0] <= inside->low[0]) return false;
    }
    inside->low[1]  = (before + turn - 1) / turn * turn;
    inside->high[1] = (l->nest - after) / turn * turn;
    return l->nest > after && inside->high[1] > inside->low[1];
}

/* Windows of that stride along the rows' last dim have it along the one before, too, most likely: rows whose index is the same behind the last multiple of the
 * period have code of their own, in which that index' place in every window is known. Of these loops all but one have no turn. */
static void turns_by_place(LoopEmit *l, Scope *parent, LLVMValueRef all) {
    LLVMBuilderRef b     = parent->b;
    int            axis  = l->kernel->n_rows - 2;
    Index          outer = l->index[axis];
    LLVMValueRef   zero = irb_i64(b, 0), one = irb_i64(b, 1), period = irb_i64(b, l->period);
    LLVMValueRef   place = LLVMBuildURem(b, outer.v, period, ""), before = irb_sub(b, outer.v, place);
    for (int i = 0; i < l->period; i++) {
        LLVMValueRef here  = LLVMBuildICmp(b, LLVMIntEQ, place, irb_i64(b, i), "");
        Carry        carry = loop_carry_set(l, -1);
        ScopedLoop   loop;
        loop_carry_begin(l, &loop, &carry, parent, zero, LLVMBuildSelect(b, here, one, zero, ""), 1);
        LLVMBuilderRef inside = loop.scope->b;
        LLVMValueRef   index  = irb_add(inside, before, irb_i64(inside, i));
        l->index[axis]        = at_place(l, axis, index_uniform(index, loop.scope), i, l->period);
        nested_turns(l, loop.scope, zero, all, NULL);
        l->index[axis] = outer;
        loop_carry_end(l, &loop, &carry);
    }
}

/* The rows' last dim from end to end; where points are computed side by side, those inside have a loop of their own. */
static void emit_nested_rows(LoopEmit *l, Scope *parent) {
    LLVMBuilderRef b    = parent->b;
    int64_t        turn = (int64_t)l->period * l->beside;
    LLVMValueRef   zero = irb_i64(b, 0), all = irb_i64(b, l->nest / turn);
    RowBounds      inside;
    if (l->beside < 2 || !find_inside(l, &inside)) {
        if (l->period > 1 && l->kernel->n_rows > 1 && l->period <= PLACES_MOST)
            turns_by_place(l, parent, all);
        else
            nested_turns(l, parent, zero, all, NULL);
        return;
    }
    LLVMValueRef low = irb_i64(b, inside.low[1] / turn), high = irb_i64(b, inside.high[1] / turn), before = low,
                 after = high;
    if (inside.high[0] > inside.low[0]) {
        LLVMValueRef y      = l->index[l->kernel->n_rows - 2].v;
        LLVMValueRef offset = irb_sub(b, y, irb_i64(b, inside.low[0]));
        LLVMValueRef in     = LLVMBuildICmp(b, LLVMIntULT, offset, irb_i64(b, inside.high[0] - inside.low[0]), "");
        before              = LLVMBuildSelect(b, in, low, all, "");
        high                = LLVMBuildSelect(b, in, high, low, "");
        after               = LLVMBuildSelect(b, in, after, all, "");
    }
    nested_turns(l, parent, zero, before, NULL);
    nested_turns(l, parent, low, high, &inside);
    nested_turns(l, parent, after, all, NULL);
}

void loop_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high) {
    if (abreast_fits(l)) {
        abreast_rows(l, parent, low, high);
        return;
    }
    if (l->sets > 1) {
        sets_rows(l, parent, low, high);
        return;
    }
    Carry          carry = loop_carry_set(l, -1);
    LLVMBuilderRef b     = parent->b;
    ScopedLoop     loop;
    if (l->nest > 1) {
        low  = LLVMBuildUDiv(b, low, irb_i64(b, l->nest), "");
        high = LLVMBuildUDiv(b, high, irb_i64(b, l->nest), "");
    }
    loop_carry_begin(l, &loop, &carry, parent, low, high, 1);
    loop_row_index(l, l->kernel->n_rows - (l->nest > 1), loop.index, loop.scope);
    if (l->nest > 1)
        emit_nested_rows(l, loop.scope);
    else
        loop_row(l, loop.scope);
    loop_carry_end(l, &loop, &carry);
}
