/* Reductions: accumulators, and reductions and contractions emitted as loops where they are used. The order of a sum depends on shape
 * only: lanes side by side, then a tree over the lanes. */
#include "codegen/emit.h"

#include <math.h>

/* ---- accumulators ---------------------------------------------------------------------------------------------------------- */

static ElemType accumulated_elem(const Node *node) {
    return math_register_elem(node->op == OP_SUM ? node->type.elem : node->inputs[0]->type.elem);
}

static double start_value(const Node *node) {
    if (node->op == OP_SUM || node->op == OP_DOT) return 0;
    ElemType elem = accumulated_elem(node);
    if (elem_is_float(elem)) return -INFINITY;
    return elem == ELEM_I32 ? INT32_MIN : elem == ELEM_I64 ? (double)INT64_MIN : 0;
}

static MathFn combine_fn(const Node *node) {
    return node->op == OP_SUM || node->op == OP_DOT ? MATH_ADD : MATH_MAX;
}

Accumulator reduce_start(KernelEmit *k, const Node *node, int lanes) {
    LLVMValueRef start = math_constant(k->e, accumulated_elem(node), start_value(node));
    Accumulator  acc   = {.value = irb_splat(k->root->b, start, lanes)};
    if (node->op == OP_ARGMAX) acc.where = LLVMConstNull(irb_vector_type(k->e->t_i32, lanes));
    return acc;
}

/* Where lanes have mask registers: to keep NaN in the largest value takes two comparisons, an or and a move under a mask. */
bool reduce_watches(const KernelEmit *k, const Node *node, int lanes) {
    ElemType elem = accumulated_elem(node);
    return node->op == OP_REDUCE_MAX && elem_is_float(elem) && k->e->target->vector_bytes == 64 &&
           lanes * elem_size(elem) == 64;
}

Accumulator reduce_start_watched(KernelEmit *k, const Node *node, int lanes) {
    Accumulator acc = reduce_start(k, node, lanes);
    if (reduce_watches(k, node, lanes)) acc.ordered = LLVMConstAllOnes(irb_vector_type(k->e->t_i1, lanes));
    return acc;
}

static LLVMValueRef larger_number(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y) { /* y where x is NaN */
    return LLVMBuildSelect(b, LLVMBuildFCmp(b, LLVMRealOGT, x, y, ""), x, y, "");
}

static Accumulator watched_step(LLVMBuilderRef b, Accumulator acc, LLVMValueRef value) {
    LLVMValueRef number = LLVMBuildFCmp(b, LLVMRealORD, value, value, "");
    return (Accumulator){.value   = larger_number(b, value, acc.value),
                         .ordered = LLVMBuildAnd(b, acc.ordered, number, "")};
}

static LLVMValueRef watched_finish(LLVMBuilderRef b, Accumulator acc) {
    int          lanes = irb_lanes(LLVMTypeOf(acc.value));
    LLVMTypeRef  bits  = LLVMIntTypeInContext(irb_context(b), (unsigned)lanes);
    LLVMValueRef all = LLVMBuildBitCast(b, acc.ordered, bits, ""), value = acc.value;
    for (int n = lanes / 2; n > 0; n /= 2)
        value = larger_number(b, irb_lanes_from(b, value, 0, n), irb_lanes_from(b, value, n, n));
    all = LLVMBuildICmp(b, LLVMIntEQ, all, LLVMConstAllOnes(bits), "");
    return LLVMBuildSelect(b, all, value, LLVMConstReal(LLVMTypeOf(value), NAN), "");
}

static LLVMValueRef is_larger(LLVMBuilderRef b, const Node *node, LLVMValueRef x, LLVMValueRef y) {
    ElemType elem = accumulated_elem(node);
    if (elem_is_float(elem)) return LLVMBuildFCmp(b, LLVMRealOGT, x, y, "");
    return LLVMBuildICmp(b, elem == ELEM_U8 || elem == ELEM_BOOL ? LLVMIntUGT : LLVMIntSGT, x, y, "");
}

Accumulator reduce_step(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator acc, LLVMValueRef value,
                        LLVMValueRef where, LLVMValueRef mask) {
    if (mask) value = LLVMBuildSelect(b, mask, value, reduce_start(k, node, irb_lanes(LLVMTypeOf(value))).value, "");
    if (acc.ordered) return watched_step(b, acc, value);
    if (node->op != OP_ARGMAX) {
        LLVMValueRef operands[] = {acc.value, value};
        return (Accumulator){.value = math_build(k->e, b, combine_fn(node), accumulated_elem(node), operands)};
    }
    LLVMValueRef place  = LLVMBuildTrunc(b, where, LLVMTypeOf(acc.where), "");
    LLVMValueRef larger = is_larger(b, node, value, acc.value);
    return (Accumulator){.value = LLVMBuildSelect(b, larger, value, acc.value, ""),
                         .where = LLVMBuildSelect(b, larger, place, acc.where, "")};
}

/* Of two equal values the one that comes first wins. */
Accumulator reduce_merge(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator x, Accumulator y) {
    if (x.ordered)
        return (Accumulator){.value   = larger_number(b, y.value, x.value),
                             .ordered = LLVMBuildAnd(b, x.ordered, y.ordered, "")};
    if (node->op != OP_ARGMAX) return reduce_step(k, b, node, x, y.value, NULL, NULL);
    LLVMValueRef larger = is_larger(b, node, y.value, x.value), smaller = is_larger(b, node, x.value, y.value);
    LLVMValueRef equal  = LLVMBuildNot(b, LLVMBuildOr(b, larger, smaller, ""), "");
    LLVMValueRef before = LLVMBuildICmp(b, LLVMIntSLT, y.where, x.where, "");
    LLVMValueRef take   = LLVMBuildOr(b, larger, LLVMBuildAnd(b, equal, before, ""), "");
    return (Accumulator){.value = LLVMBuildSelect(b, take, y.value, x.value, ""),
                         .where = LLVMBuildSelect(b, take, y.where, x.where, "")};
}

LLVMValueRef reduce_finish(KernelEmit *k, LLVMBuilderRef b, const Node *node, Accumulator acc) {
    if (acc.ordered) return watched_finish(b, acc);
    for (int lanes = irb_lanes(LLVMTypeOf(acc.value)); lanes > 1; lanes /= 2) {
        int         n    = lanes / 2;
        Accumulator low  = {.value = irb_lanes_from(b, acc.value, 0, n)},
                    high = {.value = irb_lanes_from(b, acc.value, n, n)};
        if (acc.where) low.where = irb_lanes_from(b, acc.where, 0, n), high.where = irb_lanes_from(b, acc.where, n, n);
        acc = reduce_merge(k, b, node, low, high);
    }
    return node->op == OP_ARGMAX ? acc.where : acc.value;
}

/* ---- loops at the place of use ------------------------------------------------------------------------------------------------ */

enum { STRAIGHT_MOST = 9 }; /* elements of a reduction that is no loop */

typedef struct InlineLoop {
    KernelEmit  *k;
    Node        *node;
    const Index *index; /* of the result */
    int          n_axes;
    const Dim   *dims[MAX_RANK];
    Index        at[MAX_RANK]; /* along the reduced axes */
    bool         along;        /* lanes run along the last reduced axis */
} InlineLoop;

static Value dot_product(InlineLoop *in) {
    KernelEmit    *k         = in->k;
    const DotAxes *dot       = &in->node->attr.dot;
    Node          *side[]    = {in->node->inputs[0], in->node->inputs[1]};
    const int8_t  *batch[]   = {dot->left_batch, dot->right_batch},
                 *contract[] = {dot->left_contract, dot->right_contract};
    int   next               = dot->n_batch;
    Value value[2];
    for (int s = 0; s < 2; s++) {
        Index at[MAX_RANK];
        bool  done[MAX_RANK] = {0};
        for (int i = 0; i < dot->n_batch; i++) at[batch[s][i]] = in->index[i], done[batch[s][i]] = true;
        for (int i = 0; i < dot->n_contract; i++) at[contract[s][i]] = in->at[i], done[contract[s][i]] = true;
        for (int i = 0; i < side[s]->type.rank; i++)
            if (!done[i]) at[i] = in->index[next++];
        value[s] = value_at(k, side[s], at);
    }
    return k->lower.math(&k->lower, MATH_MUL, accumulated_elem(in->node), value);
}

static Value reduced_element(InlineLoop *in) {
    if (in->node->op == OP_DOT) return dot_product(in);
    Node *input = in->node->inputs[0];
    Index at[MAX_RANK];
    int   reduced = 0, kept = 0;
    for (int i = 0; i < input->type.rank; i++) {
        bool is_reduced = false;
        for (int a = 0; a < in->node->attr.axes.count; a++) is_reduced |= in->node->attr.axes.axes[a] == i;
        at[i] = is_reduced ? in->at[reduced++] : in->index[kept++];
    }
    return value_at(in->k, input, at);
}

static Accumulator inline_step(InlineLoop *in, Accumulator acc) {
    KernelEmit  *k     = in->k;
    Value        value = reduced_element(in);
    LLVMValueRef v = value_lanes(k, value), where = NULL;
    if (in->node->op == OP_ARGMAX) where = index_vector(k, in->at[0]);
    return reduce_step(k, k->now->b, in->node, acc, v, where, in->along ? k->mask : NULL);
}

/* The largest of numbers, or NaN where one of them is: two are looked at for NaN at a time, which takes an instruction or two less for each than to keep NaN
 * in the largest so far. */
static LLVMValueRef largest_of(LLVMBuilderRef b, const LLVMValueRef *values, int n) {
    LLVMValueRef largest = values[0], numbers = NULL;
    for (int i = 1; i < n; i++) largest = larger_number(b, values[i], largest);
    for (int i = 0; i < n; i += 2) {
        LLVMValueRef both = LLVMBuildFCmp(b, LLVMRealORD, values[i], values[i + 1 < n ? i + 1 : i], "");
        numbers           = numbers ? LLVMBuildAnd(b, numbers, both, "") : both;
    }
    return LLVMBuildSelect(b, numbers, largest, LLVMConstReal(LLVMTypeOf(largest), NAN), "");
}

static int carry(Accumulator acc, LLVMValueRef *carried) {
    carried[0] = acc.value, carried[1] = acc.where;
    return acc.where ? 2 : 1;
}

static Accumulator inline_axis(InlineLoop *in, int axis, Scope *parent, Accumulator acc);

/* One loop over [low, high); with lanes along it, `masked` says that only some exist. */
static Accumulator inline_range(InlineLoop *in, int axis, Scope *parent, LLVMValueRef low, LLVMValueRef high, int step,
                                bool masked, Accumulator acc) {
    KernelEmit  *k = in->k;
    ScopedLoop   loop;
    LLVMValueRef carried[2] = {NULL, NULL};
    int          n          = carry(acc, carried);
    scope_loop_begin(k, &loop, parent, low, high, irb_i64(parent->b, step), n, carried);
    in->at[axis] = step > 1 ? index_linear(loop.index, loop.scope, step) : index_uniform(loop.index, loop.scope);
    if (masked) {
        k->mask       = irb_mask_below(loop.scope->b, irb_sub(loop.scope->b, high, loop.index), k->lanes);
        k->mask_scope = loop.scope;
    }
    Accumulator inner = {.value = loop.carried[0], .where = n > 1 ? loop.carried[1] : NULL};
    inner             = axis + 1 < in->n_axes ? inline_axis(in, axis + 1, loop.scope, inner) : inline_step(in, inner);
    carry(inner, carried);
    scope_loop_end(k, &loop, carried);
    if (masked) k->mask = NULL;
    return (Accumulator){.value = carried[0], .where = n > 1 ? carried[1] : NULL};
}

/* Whether the largest element of a window is found of all of them together. */
static bool takes_largest(const InlineLoop *in) {
    return in->node->op == OP_REDUCE_MAX && elem_is_float(accumulated_elem(in->node)) && !in->along;
}

/* Small windows, straight on: what depends on one axis alone lands in the loop over that axis. Points side by side take their
 * elements in turn, so that one that several of them meet is used by all while it is at hand. */
static void inline_straight(InlineLoop *in, int n_points, Index (*points)[MAX_RANK], Accumulator *acc) {
    int     last = in->n_axes - 1;
    int64_t run  = 1;
    dim_is_const(in->dims[last], &run);
    int64_t      runs = dims_constant(in->n_axes, in->dims) / run;
    LLVMValueRef all[WINDOW_STRAIGHT];
    int          n_all = 0;
    for (int64_t r = 0; r < runs; r++) {
        int64_t rest = r;
        for (int i = last - 1; i >= 0; i--) {
            int64_t extent = 1;
            dim_is_const(in->dims[i], &extent);
            in->at[i] = index_constant(in->k, rest % extent);
            rest /= extent;
        }
        for (int p = 0; p < n_points; p++) {
            in->index = points[p];
            for (int64_t i = 0; i < run; i++) {
                in->at[last] = index_constant(in->k, i);
                if (takes_largest(in))
                    all[n_all++] = value_lanes(in->k, reduced_element(in));
                else
                    acc[p] = inline_step(in, acc[p]);
            }
        }
    }
    if (n_all) acc[0] = (Accumulator){.value = largest_of(in->k->now->b, all, n_all)};
}

/* The axis along which the index is one of the points side by side; -1: none. */
static int axis_beside(const InlineLoop *in) {
    const Beside *beside = in->k->beside;
    int           found  = -1;
    for (int i = 0; beside && i < in->node->type.rank; i++)
        for (int p = 0; p < beside->count; p++)
            if (in->index[i].v == beside->index[p].v) found = found < 0 ? i : -2;
    return found < 0 ? -1 : found;
}

/* All the points' sums, of which the others are kept for when they are asked for. */
static Accumulator inline_beside(InlineLoop *in, int axis, Scope *scope, Accumulator start) {
    KernelEmit   *k      = in->k;
    const Beside *beside = k->beside;
    const Index  *index  = in->index;
    Index         points[BESIDE_MOST][MAX_RANK];
    Accumulator   acc[BESIDE_MOST], own = start;
    for (int p = 0; p < beside->count; p++) {
        for (int i = 0; i < in->node->type.rank; i++) points[p][i] = i == axis ? beside->index[p] : index[i];
        acc[p] = start;
    }
    inline_straight(in, beside->count, points, acc);
    for (int p = 0; p < beside->count; p++) {
        if (points[p][axis].v == index[axis].v) own = acc[p];
        memo_set(k, in->node, points[p], value_new(k, acc[p].value, scope));
    }
    in->index = index;
    return own;
}

static bool is_small(const InlineLoop *in) {
    int64_t count = dims_constant(in->n_axes, in->dims);
    return !in->along && in->n_axes > 0 && count > 0 && count <= (in->k->beside ? WINDOW_STRAIGHT : STRAIGHT_MOST);
}

static Accumulator inline_axis(InlineLoop *in, int axis, Scope *parent, Accumulator acc) {
    KernelEmit    *k    = in->k;
    LLVMBuilderRef b    = parent->b;
    LLVMValueRef   size = dims_value(&k->dims, in->dims[axis]), zero = irb_i64(b, 0);
    if (!in->along || axis + 1 < in->n_axes) return inline_range(in, axis, parent, zero, size, 1, false, acc);
    LLVMValueRef whole = LLVMBuildAnd(b, size, irb_i64(b, -k->lanes), "");
    int64_t      known, known_whole;
    bool         constant = irb_const(size, &known) && irb_const(whole, &known_whole);
    if (!constant || known_whole > 0) acc = inline_range(in, axis, parent, zero, whole, k->lanes, false, acc);
    if (!constant || known_whole < known) acc = inline_range(in, axis, parent, whole, size, k->lanes, true, acc);
    return acc;
}

static Value inline_loop(InlineLoop *in) {
    KernelEmit  *k     = in->k;
    Scope       *scope = k->root, *mask_scope = k->mask_scope;
    LLVMValueRef mask  = k->mask;
    int          lanes = k->lanes;
    bool         same  = true;
    for (int i = 0; i < in->node->type.rank; i++) {
        scope = scope_deeper(scope, in->index[i].scope);
        same &= in->index[i].kind == INDEX_UNIFORM;
    }
    in->along = same && in->n_axes > 0;
    if (same) {
        k->mask  = NULL;
        k->lanes = in->along ? k->full_lanes : 1;
    } else if (mask) {
        scope = scope_deeper(scope, mask_scope);
    }
    Scope *now = k->now;
    if (same) k->now = scope;
    Accumulator acc = reduce_start(k, in->node, k->lanes);
    if (is_small(in)) {
        Index points[1][MAX_RANK];
        int   axis = in->node->op == OP_SUM ? axis_beside(in) : -1;
        k->now     = scope;
        for (int i = 0; i < in->node->type.rank; i++) points[0][i] = in->index[i];
        if (axis >= 0)
            acc = inline_beside(in, axis, scope, acc);
        else
            inline_straight(in, 1, points, &acc);
    } else {
        acc = inline_axis(in, 0, scope, acc);
    }
    LLVMValueRef v = in->along                   ? reduce_finish(k, scope->b, in->node, acc)
                     : in->node->op == OP_ARGMAX ? acc.where
                                                 : acc.value;
    k->now         = now;
    k->mask        = mask;
    k->mask_scope  = mask_scope;
    k->lanes       = lanes;
    return value_new(k, v, scope);
}

Value value_reduction(KernelEmit *k, Node *node, const Index *index) {
    InlineLoop in                = {.k = k, .node = node, .index = index, .n_axes = node->attr.axes.count};
    bool       reduced[MAX_RANK] = {0};
    for (int i = 0; i < node->attr.axes.count; i++) reduced[node->attr.axes.axes[i]] = true;
    for (int i = 0, n = 0; i < node->inputs[0]->type.rank; i++)
        if (reduced[i]) in.dims[n++] = node->inputs[0]->type.dims[i];
    return inline_loop(&in);
}

Value value_dot(KernelEmit *k, Node *node, const Index *index) {
    InlineLoop in = {.k = k, .node = node, .index = index, .n_axes = node->attr.dot.n_contract};
    for (int i = 0; i < in.n_axes; i++) in.dims[i] = node->inputs[0]->type.dims[node->attr.dot.left_contract[i]];
    return inline_loop(&in);
}
