/* Windows and contractions: the gradient of a convolution with respect to its input is a convolution. */
#include "opt/rewrite.h"

/* A sum over a slide over a permuted contraction, and the output axes of the contraction that the slide moves along and by. */
typedef struct SlidDot {
    const Node *sum, *slide, *dot;
    int         order[MAX_RANK]; /* of the contraction's axes, as the slide sees them */
    int         along, by;
} SlidDot;

static bool slid_dot_of(const Node *sum, SlidDot *found) {
    const Node *slide = sum->inputs[0];
    if (slide->op != OP_SLIDE || !slide->attr.slide.dilation || slide->attr.slide.fill != 0) return false;
    const Node *moved = slide->inputs[0], *dot = moved->op == OP_PERMUTE ? moved->inputs[0] : moved;
    if (dot->op != OP_DOT || !names_axis(sum, slide->attr.slide.by)) return false;
    *found = (SlidDot){.sum = sum, .slide = slide, .dot = dot};
    for (int i = 0; i < dot->type.rank; i++) found->order[i] = moved == dot ? i : moved->attr.axes.axes[i];
    found->along = found->order[slide->attr.slide.axis];
    found->by    = found->order[slide->attr.slide.by];
    return true;
}

static bool is_used(const DotAxes *dot, bool right, int axis) {
    for (int i = 0; i < dot->n_batch; i++)
        if ((right ? dot->right_batch : dot->left_batch)[i] == axis) return true;
    for (int i = 0; i < dot->n_contract; i++)
        if ((right ? dot->right_contract : dot->left_contract)[i] == axis) return true;
    return false;
}

/* Which free axis of which operand an output axis of the contraction is; false for a batch axis. */
static bool free_axis(const Node *dot, int out, bool *right, int *axis) {
    int at = dot->attr.dot.n_batch;
    for (int side = 0; side < 2; side++)
        for (int i = 0; i < dot->inputs[side]->type.rank; i++) {
            if (is_used(&dot->attr.dot, side, i) || at++ != out) continue;
            *right = side, *axis = i;
            return true;
        }
    return false;
}

/* The operand repeated along a new axis behind `axis`, and slid along `axis` by it. */
static Node *slide_operand(Graph *graph, Node *x, int axis, const Node *slide, const Dim *repeats) {
    Type type  = x->type;
    int  fresh = axis + 1;
    for (int i = type.rank++; i > fresh; i--) type.dims[i] = type.dims[i - 1];
    type.dims[fresh] = repeats;
    Slide along      = slide->attr.slide;
    along.axis       = (int8_t)axis;
    along.by         = (int8_t)fresh;
    return node_slide(graph, node_expand(graph, x, &type, 1, &fresh), &along, slide->type.dims[slide->attr.slide.axis]);
}

/* The contraction over one more pair of axes, which comes first: of operand `right` the new one at `fresh`. */
static Node *contract_more(Graph *graph, const Node *dot, Node *slid, bool right, int fresh, int other) {
    DotAxes axes    = dot->attr.dot;
    int8_t *batch   = right ? axes.right_batch : axes.left_batch;
    int8_t *own     = right ? axes.right_contract : axes.left_contract;
    int8_t *theirs  = right ? axes.left_contract : axes.right_contract;
    Node   *sides[] = {dot->inputs[0], dot->inputs[1]};
    for (int i = 0; i < axes.n_batch; i++) batch[i] = (int8_t)(batch[i] + (batch[i] >= fresh));
    for (int i = axes.n_contract++; i > 0; i--) {
        own[i]    = (int8_t)(own[i - 1] + (own[i - 1] >= fresh));
        theirs[i] = theirs[i - 1];
    }
    own[0]       = (int8_t)fresh;
    theirs[0]    = (int8_t)other;
    sides[right] = slid;
    return node_dot(graph, sides[0], sides[1], &axes);
}

/* sum_k(slide(dot(a, b))) = dot(slide(a), b), contracted over k too, where the slide moves along a free axis of a by one of b: outside of
 * the contraction's value there are zeros, as there are outside of a. */
Node *sum_of_slid_dot(Graph *graph, Node *node) {
    SlidDot s;
    bool    right, by_right;
    int     axis, by, axes[MAX_RANK], n = 0, order[MAX_RANK], n_order = 0;
    if (!slid_dot_of(node, &s) || !free_axis(s.dot, s.along, &right, &axis) || !free_axis(s.dot, s.by, &by_right, &by))
        return NULL;
    Node *a = s.dot->inputs[right], *b = s.dot->inputs[!right];
    if (right == by_right || a->type.rank == MAX_RANK) return NULL;
    Node *dot =
        contract_more(graph, s.dot, slide_operand(graph, a, axis, s.slide, b->type.dims[by]), right, axis + 1, by);
    int gone = s.slide->attr.slide.by;
    for (int i = 0; i < s.slide->type.rank; i++) {
        if (i == gone) continue;
        if (names_axis(node, i)) axes[n++] = n_order;
        order[n_order++] = s.order[i] - (s.order[i] > s.by);
    }
    return node_reduce(graph, OP_SUM, node_permute(graph, dot, order), n, axes);
}

/* ---- windows over spread elements -------------------------------------------------------------------------------------------------- */

/* Whether places outside of what `inner` makes are places outside of its input, too. */
static bool leaves_with(const Slide *inner, const Dim *made, const Dim *input) {
    int64_t before, n_made, n_input;
    return inner->step > 0 && dim_is_const(inner->before, &before) && dim_is_const(made, &n_made) &&
           dim_is_const(input, &n_input) && before > -inner->step &&
           n_made * inner->step - before > (n_input - 1) * inner->divisor;
}

/* Windows over what a slide has spread or padded are windows over its input:
 *     ((p s + k t - c) s' - c') / d'  =  (p s s' + k t s' - (c s' + c')) / d' */
Node *slide_of_slide(Graph *graph, Node *node) {
    const Slide *outer  = &node->attr.slide;
    const Node  *expand = node->inputs[0], *slide = expand->op == OP_EXPAND ? expand->inputs[0] : NULL;
    if (!slide || slide->op != OP_SLIDE || !outer->dilation || expand->attr.axes.count != 1 ||
        !names_axis(expand, outer->by))
        return NULL;
    const Slide *inner = &slide->attr.slide;
    int          axis  = outer->axis - (outer->by < outer->axis);
    const Dim   *made = slide->type.dims[axis], *input = slide->inputs[0]->type.dims[axis];
    if (inner->axis != axis || inner->dilation || outer->divisor != 1 || inner->fill != 0 || outer->fill != 0 ||
        !leaves_with(inner, made, input))
        return NULL;
    DimTable *dims         = graph_dims(graph);
    Slide     both         = *outer;
    Type      type         = expand->type;
    int       by           = outer->by;
    both.step              = outer->step * inner->step;
    both.dilation          = outer->dilation * inner->step;
    both.divisor           = inner->divisor;
    both.before            = dim_add(dims, dim_mul(dims, outer->before, dim_const(dims, inner->step)), inner->before);
    type.dims[outer->axis] = input;
    return node_slide(graph, node_expand(graph, slide->inputs[0], &type, 1, &by), &both, node->type.dims[outer->axis]);
}

/* slide(reshape(x)) = reshape(slide(x)) where the axes before those that it cuts or joins are slid: those of groups stay together. */
Node *slide_of_reshape(Graph *graph, Node *node) {
    const Node  *reshape = node->inputs[0];
    const Slide *slide   = &node->attr.slide;
    int          last    = slide->dilation && slide->by > slide->axis ? slide->by : slide->axis;
    if (reshape->op != OP_RESHAPE) return NULL;
    const Type *from = &reshape->inputs[0]->type;
    for (int i = 0; i <= last; i++)
        if (i >= from->rank || from->dims[i] != reshape->type.dims[i]) return NULL;
    Node *slid = node_slide(graph, reshape->inputs[0], slide, node->type.dims[slide->axis]);
    return node_reshape(graph, slid, node->type.rank, node->type.dims);
}

/* ---- gradients of pooling -------------------------------------------------------------------------------------------------------- */

/* The axis of a reduction's input that is axis `out` of its result. */
static int axis_before_reduction(const Node *reduction, int out) {
    for (int i = 0;; i++)
        if (!names_axis(reduction, i) && out-- == 0) return i;
}

/* Whether the elements of a window are products with a factor for each of its places, so that no axis can be summed by itself. */
static bool sums_products(const Node *x) {
    while (x->op == OP_SLIDE || x->op == OP_PERMUTE) x = x->inputs[0];
    return x->op == OP_MUL;
}

/* slide(sum(x)) = sum(slide(x)), so that sums over the axes of small windows become one. */
Node *slide_of_sum(Graph *graph, Node *node) {
    enum { ELEMENTS_MOST = 16, PRODUCTS_MOST = 25 }; /* of a window: more are summed axis by axis */
    const Node *sum     = node->inputs[0];
    Slide       slide   = node->attr.slide;
    int64_t     product = 1, extent;
    int         axes[MAX_RANK];
    if (sum->op != OP_SUM || !slide.dilation || slide.fill != 0 || !elem_is_float(node->type.elem)) return NULL;
    if (!dim_is_const(node->type.dims[slide.by], &product)) return NULL;
    for (int i = 0; i < sum->attr.axes.count; i++) {
        axes[i] = sum->attr.axes.axes[i];
        if (!dim_is_const(sum->inputs[0]->type.dims[axes[i]], &extent)) return NULL;
        product *= extent;
    }
    if (product > (sums_products(sum->inputs[0]) ? PRODUCTS_MOST : ELEMENTS_MOST)) return NULL;
    slide.axis = (int8_t)axis_before_reduction(sum, slide.axis);
    slide.by   = (int8_t)axis_before_reduction(sum, slide.by);
    Node *slid = node_slide(graph, sum->inputs[0], &slide, node->type.dims[node->attr.slide.axis]);
    return node_reduce(graph, OP_SUM, slid, sum->attr.axes.count, axes);
}

/* Whether `back` undoes `slide`: p s + k t - c = i d both ways, with the sign where the divisor is positive. */
static bool undoes(Graph *graph, const Slide *back, const Slide *slide) {
    DimTable  *dims   = graph_dims(graph);
    int        sign   = slide->step < 0 ? -1 : 1;
    const Dim *before = dim_mul(dims, slide->before, dim_const(dims, -sign));
    return back->axis == slide->axis && back->by == slide->by && slide->dilation && before == back->before &&
           back->step == sign * slide->divisor && back->dilation == -sign * slide->dilation &&
           back->divisor == sign * slide->step;
}

/* What `slide` makes of windows that it undoes, seen through expansions along other axes: what they were made of, where they reach; elsewhere
 * anything. NULL where x is no such windows. */
static Node *windows_undone(Graph *graph, Node *x, const Slide *slide, const Type *type) {
    if (x->op == OP_SLIDE && undoes(graph, slide, &x->attr.slide) && type_equal(&x->inputs[0]->type, type))
        return x->inputs[0];
    if (x->op != OP_EXPAND || names_axis(x, slide->axis) || names_axis(x, slide->by)) return NULL;
    Slide inner  = *slide;
    Type  narrow = *type;
    int   axes[MAX_RANK];
    narrow.rank = 0;
    for (int i = 0; i < type->rank; i++) {
        if (i == slide->axis) inner.axis = (int8_t)narrow.rank;
        if (i == slide->by) inner.by = (int8_t)narrow.rank;
        if (!names_axis(x, i)) narrow.dims[narrow.rank++] = type->dims[i];
    }
    for (int i = 0; i < x->attr.axes.count; i++) axes[i] = x->attr.axes.axes[i];
    Node *undone = windows_undone(graph, x->inputs[0], &inner, &narrow);
    return undone ? node_expand(graph, undone, type, x->attr.axes.count, axes) : NULL;
}

/* slide((w == y) * g) = (x == slide(y)) * slide(g) for windows w of x that the slide undoes: where it reaches outside, slide(g) is 0. */
Node *slide_of_masked(Graph *graph, Node *node) {
    const Node  *product = node->inputs[0];
    const Slide *slide   = &node->attr.slide;
    const Dim   *size    = node->type.dims[slide->axis];
    if (product->op != OP_MUL || !slide->dilation || slide->fill != 0) return NULL;
    for (int side = 0; side < 2; side++) {
        const Node *mask = product->inputs[side], *equal = mask->inputs ? mask->inputs[0] : NULL;
        if (mask->op != OP_CAST || equal->op != OP_EQ) continue;
        for (int k = 0; k < 2; k++) {
            Type type = node->type;
            type.elem = equal->inputs[k]->type.elem;
            Node *x   = windows_undone(graph, equal->inputs[k], slide, &type);
            if (!x) continue;
            Node *y = node_slide(graph, equal->inputs[1 - k], slide, size);
            Node *g = node_slide(graph, product->inputs[1 - side], slide, size);
            return node_binary(graph, OP_MUL, node_cast(graph, node->type.elem, node_binary(graph, OP_EQ, x, y)), g);
        }
    }
    return NULL;
}
