/* Convolutions of one channel each (depthwise), as products.
 *
 * Such a convolution is a sum over windows of an image multiplied with a kernel that is the same at all positions, and so is its gradient with
 * respect to the image, whose slides are between the product and the sum:
 *
 *     sum(slide(x) * expand(w))    sum(slide(sum(slide(expand(y) * expand(w)))))
 *
 * Both are a contraction whose batch axis is the channels; the contraction template computes a vector of channels together, from a copy of their
 * image with what lies outside as zeros. Loops over points (the other way to compute them) ask at borders, element by element. They are as good
 * where windows are small and images large. */
#include "plan/fuse.h"

enum { LANES = 16, LARGE_WINDOW = 10, SMALL_IMAGE = 256 };

/* node = sum over the axes `summed` of image * w, where axis i of w is axis along[i] of `image` and the kernel is repeated along the others. The
 * node's own axes are the image's that are not summed, in their order. */
typedef struct Form {
    Node *image, *w;
    int   along[MAX_RANK];
    bool  summed[MAX_RANK];
} Form;

/* The image's axis that is axis `axis` of the node. */
static int image_axis(const Form *form, int axis) {
    for (int i = 0;; i++)
        if (!form->summed[i] && axis-- == 0) return i;
}

static bool is_along(const Form *form, int axis) {
    for (int i = 0; i < form->w->type.rank; i++)
        if (form->along[i] == axis) return true;
    return false;
}

static bool form_of(Graph *graph, Node *node, Form *form);

/* The kernel is the factor that is repeated from fewer axes, all of known length. */
static bool product_form(Node *node, Form *form) {
    form->w = NULL;
    for (int side = 0; side < 2; side++) {
        const Node *expand = node->inputs[side];
        Node       *w      = expand->op == OP_EXPAND ? expand->inputs[0] : NULL;
        int64_t     extent;
        bool        fits = w && w->type.rank && (!form->w || w->type.rank < form->w->type.rank);
        for (int i = 0; fits && i < w->type.rank; i++) fits = dim_is_const(w->type.dims[i], &extent);
        if (!fits) continue;
        *form = (Form){.image = node->inputs[!side], .w = w};
        for (int i = 0, n = 0; i < expand->type.rank; i++)
            if (!names_axis(expand, i)) form->along[n++] = i;
    }
    return form->w != NULL;
}

static bool sum_form(Graph *graph, const Node *node, Form *form) {
    Form inner;
    if (!form_of(graph, node->inputs[0], &inner)) return false;
    *form = inner;
    for (int i = 0; i < node->attr.axes.count; i++) form->summed[image_axis(&inner, node->attr.axes.axes[i])] = true;
    return true;
}

/* Outside there are zeros, as there are outside of the image. */
static bool slide_form(Graph *graph, const Node *node, Form *form) {
    Slide slide = node->attr.slide;
    if (slide.fill != 0 || !slide.dilation || !form_of(graph, node->inputs[0], form)) return false;
    slide.axis = (int8_t)image_axis(form, slide.axis);
    slide.by   = (int8_t)image_axis(form, slide.by);
    if (is_along(form, slide.axis)) return false;
    form->image = node_slide(graph, form->image, &slide, node->type.dims[node->attr.slide.axis]);
    return true;
}

/* What is summed comes behind. */
static bool permute_form(Graph *graph, const Node *node, Form *form) {
    Form inner;
    int  order[MAX_RANK], n = 0;
    if (!form_of(graph, node->inputs[0], &inner)) return false;
    for (int i = 0; i < node->type.rank; i++) order[n++] = image_axis(&inner, node->attr.axes.axes[i]);
    for (int i = 0; i < inner.image->type.rank; i++)
        if (inner.summed[i]) order[n++] = i;
    *form       = inner;
    form->image = node_permute(graph, inner.image, order);
    for (int i = 0; i < n; i++) {
        form->summed[i] = i >= node->type.rank;
        for (int k = 0; k < inner.w->type.rank; k++)
            if (inner.along[k] == order[i]) form->along[k] = i;
    }
    return true;
}

static bool form_of(Graph *graph, Node *node, Form *form) {
    switch (node->op) {
    case OP_MUL: return product_form(node, form);
    case OP_SUM: return sum_form(graph, node, form);
    case OP_SLIDE: return slide_form(graph, node, form);
    case OP_PERMUTE: return permute_form(graph, node, form);
    default: return false;
    }
}

/* ---- whether it pays -------------------------------------------------------------------------------------------------------- */

/* Whether windows move from element to element alone, over something whose last axis is `axis` of the image. */
static bool slides_beside(const Node *image, int axis) {
    int slides = 0;
    for (; op_info[image->op].class == MOVEMENT; image = image->inputs[0]) {
        if (image->op == OP_SLIDE) {
            if (image->attr.slide.divisor != 1 || image->attr.slide.step != 1) return false;
            slides++;
        } else if (image->op == OP_PERMUTE) {
            axis = image->attr.axes.axes[axis];
        } else if (image->op == OP_EXPAND && !names_axis(image, axis)) {
            int before = 0;
            for (int i = 0; i < axis; i++) before += names_axis(image, i);
            axis -= before;
        } else {
            return false;
        }
    }
    return slides > 0 && axis == image->type.rank - 1;
}

/* In memory as it is. */
static bool is_plain(const Node *w) {
    while (w->op == OP_RESHAPE) w = w->inputs[0];
    OpClass class = op_info[w->op].class;
    return class == SOURCE || (class == ELEMENTWISE && node_computes(w));
}

/* Images, rows and columns, then channels, all of them along the kernel's last axis; all other axes of the kernel are summed over. */
static bool is_convolution(const Node *node, const Form *form) {
    int     last = form->w->type.rank - 1, summed = 0;
    int64_t channels;
    if (node->type.rank != 4 || last != 2 || !is_plain(form->w)) return false;
    if (!slides_beside(form->image, form->along[last])) return false;
    for (int i = 0; i < form->image->type.rank; i++) summed += form->summed[i];
    for (int i = 0; i < last; i++)
        if (!form->summed[form->along[i]]) return false;
    return summed == last && form->along[last] == image_axis(form, 3) && dim_is_const(node->type.dims[3], &channels) &&
           channels % LANES == 0;
}

static bool pays(const Node *node, const Form *form) {
    int64_t rows, columns, height, width;
    if (!dim_is_const(form->w->type.dims[0], &height) || !dim_is_const(form->w->type.dims[1], &width) ||
        !dim_is_const(node->type.dims[1], &rows) || !dim_is_const(node->type.dims[2], &columns))
        return false;
    return height * width >= LARGE_WINDOW || rows * columns <= SMALL_IMAGE;
}

/* ---- the contraction ---------------------------------------------------------------------------------------------------------- */

static Node *contraction(Graph *graph, const Node *node, const Form *form) {
    int     order[] = {1, 2, 3, 0}, last = form->w->type.rank - 1;
    DotAxes axes = {.n_batch = 1, .left_batch = {(int8_t)form->along[last]}, .right_batch = {(int8_t)last}};
    graph_set_place(graph, node->span, node->origin);
    for (int i = 0; i < last; i++) {
        axes.left_contract[axes.n_contract]    = (int8_t)form->along[i];
        axes.right_contract[axes.n_contract++] = (int8_t)i;
    }
    return node_permute(graph, node_dot(graph, form->image, form->w, &axes), order);
}

static Node *as_product(Graph *graph, Node *node) {
    Form form;
    bool sums = node->op == OP_SUM && elem_is_float(node->type.elem) && !elem_is_narrow(node->type.elem);
    graph_set_place(graph, node->span, node->origin);
    if (!sums || !form_of(graph, node, &form) || !is_convolution(node, &form) || !pays(node, &form)) return NULL;
    return contraction(graph, node, &form);
}

typedef struct Channels {
    Arena  *arena;
    Map    *seen;
    NodeVec order;
} Channels;

static void collect(Channels *all, Node *root) {
    if (root) graph_post_order(all->arena, root, all->seen, &all->order);
}

void products_of_channels(Compilation *c, Graph *graph, Fn *fn) {
    Channels all   = {.arena = c->arena, .seen = map_new(c->arena)};
    bool     any   = false;
    RootVec  roots = fn_roots(c->arena, fn);
    for (int i = 0; i < roots.len; i++) collect(&all, *roots.data[i]);
    Map *replacement = map_new(c->arena);
    for (int i = 0; i < all.order.len; i++) {
        Node *node = all.order.data[i];
        if (node->op != OP_SUM) continue;
        Node *better = as_product(graph, graph_substitute(graph, node, replacement));
        if (!better) continue;
        map_set(replacement, node, better);
        any = true;
    }
    if (any) fn_substitute(graph, fn, replacement);
}
