/* The loop over rows: one row after the other, or its last dim as a loop of its own, in turns of several rows whose windows share elements. */
#include "codegen/loop.h"

enum {
    PLACES_MOST  = 2, /* of rows in windows of a stride that have code of their own */
    BORDER_TURNS = 2,
};

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
        if (inside)
            l->besides->index[i] = index_bounded(l->besides->index[i], inside->low[1] + i, inside->high[1] - turn + i);
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

/* Indices of one of the rows' dims at whose windows something lies outside: the first ones and the last ones. */
typedef struct Border {
    int64_t before, after;
    bool    known;
} Border;

static void widen_border(Border *border, const Node *node) {
    const Slide *slide = &node->attr.slide;
    int64_t      start, positions, size, window = 1;
    bool         known = slide->step >= 1 && dim_is_const(slide->before, &start) &&
                 dim_is_const(node->type.dims[slide->axis], &positions) &&
                 dim_is_const(node->inputs[0]->type.dims[slide->axis], &size) &&
                 (!slide->dilation || dim_is_const(node->type.dims[slide->by], &window));
    border->known &= known || !slide->dilation;
    if (!known) return;
    int64_t reach = slide->dilation * (window - 1), least = (reach < 0 ? reach : 0) - start,
            most       = (reach > 0 ? reach : 0) - start;
    int64_t out_before = (-least + slide->step - 1) / slide->step;
    int64_t room = size * slide->divisor - 1 - most, inside_to = room < 0 ? 0 : room / slide->step + 1;
    if (out_before > border->before) border->before = out_before;
    if (positions - inside_to > border->after) border->after = positions - inside_to;
}

/* By the slides below `node` that move along what is component `axis` of its index. */
static void find_border(const LoopEmit *l, Node *node, int axis, Map *seen, Border *border) {
    intptr_t axes = (intptr_t)map_get(seen, node), own = axis < 0 ? 0 : (intptr_t)1 << axis;
    if (!own || axes & own || !loop_computes(l->k, node)) return;
    map_set(seen, node, (void *)(axes | own));
    if (node->op == OP_SLIDE && node->attr.slide.axis == axis) widen_border(border, node);
    for (int i = 0; i < node->n_inputs; i++) find_border(l, node->inputs[i], node_axis_below(node, axis), seen, border);
}

static Border border_of(const LoopEmit *l, int axis) {
    Border border = {.known = true};
    Map   *seen   = map_new(l->k->e->arena);
    for (int i = 0; i < l->kernel->stores.len; i++) {
        const Store *store = &l->kernel->stores.data[i];
        if (store->level == LEVEL_POINT || store->level == LEVEL_ROW) find_border(l, store->node, axis, seen, &border);
    }
    for (int i = 0; i < l->kernel->reductions.len; i++)
        find_border(l, l->kernel->reductions.data[i].node->inputs[0], axis, seen, &border);
    return border;
}

/* Where windows reach out neither at the beginning nor at the end: inside [low, high) of the last two of the rows' dims. */
static bool find_inside(const LoopEmit *l, RowBounds *inside) {
    int64_t turn = l->beside, extent;
    int     axis = l->kernel->n_rows - 1;
    Border  last = border_of(l, axis), outer = axis ? border_of(l, axis - 1) : (Border){.known = true};
    *inside = (RowBounds){{0}, {0}};
    if (!last.known || !outer.known) return false;
    if (outer.before + outer.after && dim_is_const(l->kernel->rows[axis - 1], &extent)) {
        inside->low[0]  = outer.before;
        inside->high[0] = extent - outer.after;
        if (inside->high[0] <= inside->low[0]) return false;
    }
    inside->low[1]  = (last.before + turn - 1) / turn * turn;
    inside->high[1] = (l->nest - last.after) / turn * turn;
    return l->nest > last.after && inside->high[1] > inside->low[1];
}

/* Turns at a border: where these are known and few, each has code of its own, in which it is known what lies outside. */
static void border_turns(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high) {
    int64_t first, end, turn = (int64_t)l->period * l->beside;
    if (!irb_const(low, &first) || !irb_const(high, &end) || end - first > BORDER_TURNS) {
        nested_turns(l, parent, low, high, NULL);
        return;
    }
    for (int64_t t = first; t < end; t++) {
        RowBounds here = {{0, t * turn}, {0, (t + 1) * turn}};
        nested_turns(l, parent, irb_i64(parent->b, t), irb_i64(parent->b, t + 1), &here);
    }
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
    border_turns(l, parent, zero, before);
    nested_turns(l, parent, low, high, &inside);
    border_turns(l, parent, after, all);
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
