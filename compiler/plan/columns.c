/* Contractions over windows with few columns. The gradient of a convolution with respect to an input of few channels has those as its columns:
 * fewer than the lanes of a vector. Where the innermost axis of the windows, as columns too, fills vectors, it is not contracted but added up
 * afterwards:
 *
 *     dot(slide(a), b), contracted over an axis l of the windows  =  sum over l of slide(dot(a, b)) with l free
 *
 * which opt's sum_of_slid_dot would turn back: this is a choice of the planner's, by cost. */
#include "plan/fuse.h"

enum {
    FEW_COLUMNS   = 8,  /* half of the widest vector, about */
    COLUMNS_LEAST = 17, /* worth while: more than one of the widest vectors, of which few lanes stay idle ... */
    COLUMNS_MOST  = 32, /* ... and no more than a register tile takes at once */
    DEPTH_LEAST   = 32, /* products left in each sum: beside few of them, adding up costs too much */
};

typedef struct
    Windowed { /* a contraction whose operand `side` slides by a contracted axis, on top of other movements or not */
    Node *dot;
    bool  side;
    Node *slide;    /* SLIDE of an EXPAND along `by` alone */
    int   fresh;    /* the axis of the operand that `by` has become */
    int   along;    /* ... and that slides */
    int   contract; /* which pair of contracted axes `fresh` belongs to */
} Windowed;

static int64_t extent_of(const Node *node, int axis) {
    int64_t extent;
    return dim_is_const(node->type.dims[axis], &extent) ? extent : -1;
}

static bool names(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* Where axis `axis` of an EXPAND's input is in its result. */
static int expanded_axis(const Node *expand, int axis) {
    for (int i = 0;; i++)
        if (!names(expand, i) && axis-- == 0) return i;
}

/* The slide nearest to the source below slides and expansions alone. */
static bool find_slide(Node *operand, Windowed *w) {
    Node *expands[MAX_RANK];
    int   n = 0;
    for (Node *at = operand; at->op == OP_SLIDE && at->inputs[0]->op == OP_EXPAND && n < MAX_RANK;) {
        w->slide     = at;
        expands[n++] = at->inputs[0];
        at           = at->inputs[0]->inputs[0];
    }
    if (!n) return false;
    const Slide *slide = &w->slide->attr.slide;
    if (slide->fill != 0 || !slide->dilation || expands[n - 1]->attr.axes.count != 1 ||
        !names(expands[n - 1], slide->by))
        return false;
    w->fresh = slide->by;
    w->along = slide->axis;
    for (int i = n - 2; i >= 0; i--) {
        w->fresh = expanded_axis(expands[i], w->fresh);
        w->along = expanded_axis(expands[i], w->along);
    }
    return true;
}

static bool is_free(const Node *dot, bool side, int axis) {
    const DotAxes *axes = &dot->attr.dot;
    for (int i = 0; i < axes->n_batch; i++)
        if ((side ? axes->right_batch : axes->left_batch)[i] == axis) return false;
    for (int i = 0; i < axes->n_contract; i++)
        if ((side ? axes->right_contract : axes->left_contract)[i] == axis) return false;
    return true;
}

/* The elements along the free (or the contracted) axes of an operand, -1: not known. */
static int64_t extent_along(const Node *dot, bool side, bool contracted) {
    const DotAxes *axes  = &dot->attr.dot;
    const Node    *x     = dot->inputs[side];
    int64_t        total = 1;
    for (int i = 0; i < x->type.rank; i++) {
        bool counts = is_free(dot, side, i);
        if (contracted) {
            counts = false;
            for (int k = 0; k < axes->n_contract; k++)
                counts |= (side ? axes->right_contract : axes->left_contract)[k] == i;
        }
        if (!counts) continue;
        if (extent_of(x, i) < 0) return -1;
        total *= extent_of(x, i);
    }
    return total;
}

static bool few_columns(Node *dot, Windowed *w) {
    for (int side = 0; side < 2; side++) {
        *w                   = (Windowed){.dot = dot, .side = side};
        const DotAxes *axes  = &dot->attr.dot;
        const int8_t  *own   = side ? axes->right_contract : axes->left_contract;
        int64_t        depth = extent_along(dot, side, true), columns = extent_along(dot, !side, false);
        if (!find_slide(dot->inputs[side], w) || !is_free(dot, side, w->along)) continue;
        if (dot->inputs[!side]->type.rank >= MAX_RANK || dot->type.rank >= MAX_RANK) continue;
        w->contract = -1;
        for (int i = 0; i < axes->n_contract; i++)
            if (own[i] == w->fresh) w->contract = i;
        if (w->contract < 0 || axes->n_contract < 2) continue;
        int64_t window = extent_of(dot->inputs[side], w->fresh);
        if (columns > 0 && columns <= FEW_COLUMNS && columns * window >= COLUMNS_LEAST &&
            columns * window <= COLUMNS_MOST && depth / window >= DEPTH_LEAST)
            return true;
    }
    return false;
}

/* The operand without the slide found, and so without the axis that it slid by. */
static Node *without_slide(Graph *graph, Node *node, const Windowed *w) {
    if (node == w->slide) return node->inputs[0]->inputs[0];
    const Node *expand = node->inputs[0];
    Node       *inner  = without_slide(graph, expand->inputs[0], w);
    /* in `node`, the axis that goes */
    int gone = w->fresh, axes[MAX_RANK], n = 0;
    for (const Node *at = w->dot->inputs[w->side]; at != node; at = at->inputs[0]->inputs[0]) {
        int before = 0;
        for (int i = 0; i < gone; i++) before += !names(at->inputs[0], i);
        gone = before;
    }
    Type type = {.elem = expand->type.elem};
    for (int i = 0, old = 0; i < expand->type.rank; i++) {
        if (i == gone) continue;
        bool fresh = names(expand, i);
        if (fresh) axes[n++] = type.rank;
        type.dims[type.rank++] = fresh ? expand->type.dims[i] : inner->type.dims[old++];
    }
    Slide slide = node->attr.slide;
    slide.axis  = (int8_t)(slide.axis - (slide.axis > gone));
    slide.by    = (int8_t)(slide.by - (slide.by > gone));
    return node_slide(graph, node_expand(graph, inner, &type, n, axes), &slide, node->type.dims[node->attr.slide.axis]);
}

/* Where axis `axis` of an operand is in the product; it is free. */
static int product_axis(const Node *dot, const DotAxes *axes, bool side, int axis) {
    int  at        = axes->n_batch;
    Node probe     = *dot;
    probe.attr.dot = *axes;
    for (int s = 0; s < side; s++)
        for (int i = 0; i < dot->inputs[s]->type.rank; i++) at += is_free(&probe, s, i);
    for (int i = 0; i < axis; i++) at += is_free(&probe, side, i);
    return at;
}

static Node *add_up_afterwards(Graph *graph, const Windowed *w) {
    const Node *dot     = w->dot;
    DotAxes     axes    = dot->attr.dot;
    int8_t     *own     = w->side ? axes.right_contract : axes.left_contract;
    int8_t     *batch   = w->side ? axes.right_batch : axes.left_batch;
    int8_t     *theirs  = w->side ? axes.left_contract : axes.right_contract;
    int         freed   = theirs[w->contract];
    Node       *sides[] = {dot->inputs[0], dot->inputs[1]};
    graph_set_place(graph, dot->span, dot->origin);
    for (int i = w->contract; i + 1 < axes.n_contract; i++) own[i] = own[i + 1], theirs[i] = theirs[i + 1];
    axes.n_contract--;
    for (int i = 0; i < axes.n_contract; i++) own[i] = (int8_t)(own[i] - (own[i] > w->fresh));
    for (int i = 0; i < axes.n_batch; i++) batch[i] = (int8_t)(batch[i] - (batch[i] > w->fresh));
    sides[w->side] = without_slide(graph, dot->inputs[w->side], w);
    Node *wide     = node_dot(graph, sides[0], sides[1], &axes);

    Slide slide = w->slide->attr.slide;
    slide.axis  = (int8_t)product_axis(wide, &axes, w->side, w->along - (w->along > w->fresh));
    slide.by    = (int8_t)product_axis(wide, &axes, !w->side, freed);
    int   by    = slide.by;
    Node *slid  = node_slide(graph, wide, &slide, w->slide->type.dims[w->slide->attr.slide.axis]);
    return node_reduce(graph, OP_SUM, slid, 1, &by);
}

typedef struct Columns {
    Arena  *arena;
    Map    *seen;
    NodeVec order;
} Columns;

static void collect(Columns *all, Node *root) {
    if (root) graph_post_order(all->arena, root, all->seen, &all->order);
}

void columns_from_windows(Compilation *c, Graph *graph, Fn *fn) {
    Columns all = {.arena = c->arena, .seen = map_new(c->arena)};
    for (int i = 0; i < fn->results.len; i++)
        collect(&all, fn->results.data[i].value), collect(&all, fn->results.data[i].weight);
    for (int i = 0; i < fn->updates.len; i++) collect(&all, fn->updates.data[i].value);
    Map *replacement = map_new(c->arena);
    bool any         = false;
    for (int i = 0; i < all.order.len; i++) {
        Windowed w;
        Node    *dot = all.order.data[i];
        if (dot->op != OP_DOT || !elem_is_float(dot->type.elem) || !few_columns(dot, &w)) continue;
        Node *inner = graph_substitute(graph, dot, replacement);
        if (inner != dot && (inner->op != OP_DOT || !few_columns(inner, &w))) continue;
        map_set(replacement, dot, add_up_afterwards(graph, &w));
        any = true;
    }
    if (!any) return;
    for (int i = 0; i < fn->results.len; i++) {
        Result *result = &fn->results.data[i];
        result->value  = graph_substitute(graph, result->value, replacement);
        if (result->weight) result->weight = graph_substitute(graph, result->weight, replacement);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fn->updates.data[i].value = graph_substitute(graph, fn->updates.data[i].value, replacement);
}
