/* Contractions over windows with few columns.
 *
 * The gradient of a convolution with respect to a kernel of few filters has those as its columns; with windows over the other operand,
 * the channels are. Where p are positions, q places in x, l in the window, elements outside being 0:
 *
 *     sum over p of x[(p s + l t - c) / d] g[p]  =  sum over q of x[q] g[(q d - l t + c) / s]
 *
 * The gradient of a convolution with respect to an input of few channels has those as its columns:
 * fewer than the lanes of a vector. Where the innermost axis of the windows, as columns too, fills vectors, it is not contracted but added up
 * afterwards:
 *
 *     dot(slide(a), b), contracted over an axis l of the windows  =  sum over l of slide(dot(a, b)) with l free
 *
 * which opt's sum_of_slid_dot would turn back: this is a choice of the planner's, by cost. */
#include "plan/fuse.h"

#include <string.h>

enum {
    FEWEST         = 4,  /* columns: fewer than half a vector of any target's widest */
    CHANNELS_LEAST = 8,  /* worth having as columns instead */
    FEW_COLUMNS    = 6,  /* of eight lanes: half of the widest vector, two of which a clock takes */
    COLUMNS_LEAST  = 17, /* worth while: more than one of the widest vectors, of which few lanes stay idle ... */
    COLUMNS_MOST   = 32, /* ... and no more than a register tile takes at once */
    DEPTH_LEAST    = 32, /* products left in each sum: beside few of them, adding up costs too much */
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

/* Where axis `axis` of an EXPAND's input is in its result. */
static int expanded_axis(const Node *expand, int axis) {
    for (int i = 0;; i++)
        if (!names_axis(expand, i) && axis-- == 0) return i;
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
        !names_axis(expands[n - 1], slide->by))
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
        for (int i = 0; i < gone; i++) before += !names_axis(at->inputs[0], i);
        gone = before;
    }
    Type type = {.elem = expand->type.elem};
    for (int i = 0, old = 0; i < expand->type.rank; i++) {
        if (i == gone) continue;
        bool fresh = names_axis(expand, i);
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

/* ---- windows over the other operand -------------------------------------------------------------------------------------------- */

/* The next slide to go over: over a contracted axis, by a free one. */
static bool find_position(const Node *dot, bool side, Windowed *w) {
    const DotAxes *axes = &dot->attr.dot;
    const int8_t  *own  = side ? axes->right_contract : axes->left_contract;
    *w                  = (Windowed){.dot = (Node *)(uintptr_t)dot, .side = side, .contract = -1};
    if (!find_slide(dot->inputs[side], w) || !is_free(dot, side, w->fresh)) return false;
    for (int i = 0; i < axes->n_contract; i++)
        if (own[i] == w->along) w->contract = i;
    return w->contract >= 0 && w->slide->attr.slide.step == 1 && dot->inputs[!side]->type.rank < MAX_RANK;
}

/* Where output axis `out` of the contraction comes from. */
static void out_axis(const Node *dot, int out, bool *side, int *axis) {
    int at = dot->attr.dot.n_batch;
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < dot->inputs[s]->type.rank; i++)
            if (is_free(dot, s, i) && at++ == out) *side = s, *axis = i;
}

static Node *slide_other(Graph *graph, const Windowed *w) {
    const Node  *dot   = w->dot;
    Node        *other = dot->inputs[!w->side];
    const Slide *slide = &w->slide->attr.slide;
    int          axis  = (w->side ? dot->attr.dot.left_contract : dot->attr.dot.right_contract)[w->contract];
    int          fresh = axis + 1;
    Type         type  = other->type;
    for (int i = type.rank++; i > fresh; i--) type.dims[i] = type.dims[i - 1];
    type.dims[fresh] = dot->inputs[w->side]->type.dims[w->fresh];
    Slide back       = {.axis     = (int8_t)axis,
                        .by       = (int8_t)fresh,
                        .step     = slide->divisor,
                        .dilation = -slide->dilation,
                        .divisor  = slide->step,
                        .before   = dim_mul(graph_dims(graph), slide->before, dim_const(graph_dims(graph), -1))};
    return node_slide(graph, node_expand(graph, other, &type, 1, &fresh), &back,
                      w->slide->inputs[0]->type.dims[slide->axis]);
}

/* One slide from one operand to the other, with the same axes in the result. */
static Node *move_slide(Graph *graph, const Windowed *w) {
    const Node *dot     = w->dot;
    DotAxes     axes    = dot->attr.dot;
    bool        side    = w->side;
    int8_t     *own     = side ? axes.right_contract : axes.left_contract;
    int8_t     *theirs  = side ? axes.left_contract : axes.right_contract;
    int8_t     *batch   = side ? axes.right_batch : axes.left_batch;
    int8_t     *batches = side ? axes.left_batch : axes.right_batch;
    Node       *sides[2];
    int         at = theirs[w->contract], order[MAX_RANK];
    sides[side]    = without_slide(graph, dot->inputs[side], w);
    sides[!side]   = slide_other(graph, w);
    for (int i = 0; i < axes.n_contract; i++) {
        own[i]    = (int8_t)(own[i] - (own[i] > w->fresh));
        theirs[i] = (int8_t)(theirs[i] + (theirs[i] > at));
    }
    for (int i = 0; i < axes.n_batch; i++) {
        batch[i]   = (int8_t)(batch[i] - (batch[i] > w->fresh));
        batches[i] = (int8_t)(batches[i] + (batches[i] > at));
    }
    Node *moved = node_dot(graph, sides[0], sides[1], &axes);
    for (int i = 0; i < dot->type.rank; i++) {
        bool from = side;
        int  axis = 0;
        order[i]  = i;
        if (i < axes.n_batch) continue;
        out_axis(dot, i, &from, &axis);
        if (from == side && axis == w->fresh)
            order[i] = product_axis(moved, &axes, !side, at + 1);
        else
            order[i] = product_axis(moved, &axes, from, from == side ? axis - (axis > w->fresh) : axis + (axis > at));
    }
    return node_permute(graph, moved, order);
}

/* The same with its operands the other way round. */
static Node *swap_operands(Graph *graph, const Node *dot) {
    const DotAxes *old  = &dot->attr.dot;
    DotAxes        axes = *old;
    int            order[MAX_RANK], n_left = 0;
    memcpy(axes.left_batch, old->right_batch, sizeof axes.left_batch);
    memcpy(axes.right_batch, old->left_batch, sizeof axes.right_batch);
    memcpy(axes.left_contract, old->right_contract, sizeof axes.left_contract);
    memcpy(axes.right_contract, old->left_contract, sizeof axes.right_contract);
    for (int i = 0; i < dot->inputs[0]->type.rank; i++) n_left += is_free(dot, false, i);
    int n_right = dot->type.rank - old->n_batch - n_left;
    for (int i = 0; i < dot->type.rank; i++) {
        int free = i - old->n_batch;
        order[i] = free < 0 ? i : free < n_left ? i + n_right : i - n_left;
    }
    return node_permute(graph, node_dot(graph, dot->inputs[1], dot->inputs[0], &axes), order);
}

/* The left operand's windows, or NULL where those are none of this kind or its columns are not few. */
static Node *slide_columns(Graph *graph, Node *dot) {
    Windowed w;
    int64_t  columns = extent_along(dot, true, false), rows = extent_along(dot, false, false), window = 1;
    if (columns < 1 || columns > FEWEST) return NULL;
    Node *moved = dot;
    int   order[MAX_RANK], before[MAX_RANK];
    for (int i = 0; i < dot->type.rank; i++) order[i] = i;
    graph_set_place(graph, dot->span, dot->origin);
    while (find_position(moved, false, &w)) {
        window *= extent_of(moved->inputs[0], w.fresh);
        Node *next = move_slide(graph, &w);
        memcpy(before, order, sizeof before);
        const Node *inner = next->op == OP_PERMUTE ? next->inputs[0] : next;
        for (int i = 0; i < dot->type.rank; i++)
            order[i] = next->op == OP_PERMUTE ? next->attr.axes.axes[before[i]] : before[i];
        moved = (Node *)(uintptr_t)inner;
    }
    if (moved == dot || rows / window < CHANNELS_LEAST || find_slide(moved->inputs[0], &w)) return NULL;
    return node_permute(graph, swap_operands(graph, moved), order);
}

typedef struct Columns {
    Arena  *arena;
    Map    *seen;
    NodeVec order;
} Columns;

static Node *with_columns(Graph *graph, Node *dot) {
    Windowed w;
    return few_columns(dot, &w) ? add_up_afterwards(graph, &w) : slide_columns(graph, dot);
}

static void collect(Columns *all, Node *root) {
    if (root) graph_post_order(all->arena, root, all->seen, &all->order);
}

void columns_from_windows(Compilation *c, Graph *graph, Fn *fn) {
    Columns all   = {.arena = c->arena, .seen = map_new(c->arena)};
    RootVec roots = fn_roots(c->arena, fn);
    for (int i = 0; i < roots.len; i++) collect(&all, *roots.data[i]);
    Map *replacement = map_new(c->arena);
    bool any         = false;
    for (int i = 0; i < all.order.len; i++) {
        Node *dot = all.order.data[i];
        if (dot->op != OP_DOT || !elem_is_float(dot->type.elem)) continue;
        Node *inner  = graph_substitute(graph, dot, replacement);
        Node *better = inner->op == OP_DOT ? with_columns(graph, inner) : NULL;
        if (!better) continue;
        map_set(replacement, dot, better);
        any = true;
    }
    if (!any) return;
    fn_substitute(graph, fn, replacement);
}
