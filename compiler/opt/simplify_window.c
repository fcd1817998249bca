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
