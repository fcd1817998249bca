/* The builders: thin, over graph_node(). */
#include <string.h>

#include "ir/graph.h"

static Attr no_attr(void) {
    Attr attr;
    memset(&attr, 0, sizeof attr);
    return attr;
}

Node *node_const(Graph *graph, ElemType elem, double value) {
    Type type  = {.elem = elem};
    Attr attr  = no_attr();
    attr.value = elem_is_narrow(elem) ? elem_round(elem, value) : value;
    return graph_node(graph, OP_CONST, &type, 0, NULL, &attr);
}

Node *node_dim(Graph *graph, const Dim *dim) {
    Type type = {.elem = ELEM_I64};
    Attr attr = no_attr();
    attr.dim  = dim;
    int64_t value;
    if (dim_is_const(dim, &value)) return node_const(graph, ELEM_I64, (double)value);
    return graph_node(graph, OP_DIM, &type, 0, NULL, &attr);
}

Node *node_ref(Graph *graph, Op op, int ref, const Type *type) {
    Attr attr = no_attr();
    attr.ref  = ref;
    return graph_node(graph, op, type, 0, NULL, &attr);
}

Node *node_iota(Graph *graph, const Type *type, int axis) {
    Attr attr = no_attr();
    attr.axis = axis;
    return graph_node(graph, OP_IOTA, type, 0, NULL, &attr);
}

Node *node_random(Graph *graph, Op op, const Type *type, RandomKey key) {
    Attr attr            = no_attr();
    attr.random.instance = key.instance;
    attr.random.call     = key.call;
    return graph_node(graph, op, type, 0, NULL, &attr);
}

Node *node_unary(Graph *graph, Op op, Node *x) {
    return graph_node(graph, op, NULL, 1, &x, NULL);
}

Node *node_binary(Graph *graph, Op op, Node *a, Node *b) {
    return graph_node(graph, op, NULL, 2, (Node *[]){a, b}, NULL);
}

Node *node_select(Graph *graph, Node *condition, Node *a, Node *b) {
    return graph_node(graph, OP_SELECT, NULL, 3, (Node *[]){condition, a, b}, NULL);
}

Node *node_cast(Graph *graph, ElemType elem, Node *x) {
    if (x->type.elem == elem) return x;
    Type type = x->type;
    type.elem = elem;
    return graph_node(graph, OP_CAST, &type, 1, &x, NULL);
}

static Attr axes_attr(int n, const int *axes) {
    Attr attr       = no_attr();
    attr.axes.count = (int8_t)n;
    for (int i = 0; i < n; i++) attr.axes.axes[i] = (int8_t)axes[i];
    return attr;
}

/* Sorted: the order of axes has no meaning. */
static Attr axis_set_attr(int n, const int *axes) {
    unsigned set = 0;
    for (int i = 0; i < n; i++) set |= 1u << axes[i];
    int sorted[MAX_RANK], count = 0;
    for (int axis = 0; axis < MAX_RANK; axis++)
        if (set >> axis & 1) sorted[count++] = axis;
    return axes_attr(count, sorted);
}

Node *node_reduce(Graph *graph, Op op, Node *x, int n_axes, const int *axes) {
    if (n_axes == 0 && op != OP_ARGMAX) return x;
    Attr attr = axis_set_attr(n_axes, axes);
    return graph_node(graph, op, NULL, 1, &x, &attr);
}

Node *node_reshape(Graph *graph, Node *x, int rank, const Dim *const *dims) {
    Type type = {.elem = x->type.elem, .rank = rank};
    for (int i = 0; i < rank; i++) type.dims[i] = dims[i];
    if (type_equal(&type, &x->type)) return x;
    return graph_node(graph, OP_RESHAPE, &type, 1, &x, NULL);
}

Node *node_permute(Graph *graph, Node *x, const int *axes) {
    bool identity = true;
    for (int i = 0; i < x->type.rank; i++) identity &= axes[i] == i;
    if (identity) return x;
    Attr attr = axes_attr(x->type.rank, axes);
    return graph_node(graph, OP_PERMUTE, NULL, 1, &x, &attr);
}

Node *node_expand(Graph *graph, Node *x, const Type *shape, int n_new, const int *new_axes) {
    if (n_new == 0) return x;
    Type type = *shape;
    type.elem = x->type.elem;
    Attr attr = axis_set_attr(n_new, new_axes);
    return graph_node(graph, OP_EXPAND, &type, 1, &x, &attr);
}

Node *node_expand_scalar(Graph *graph, Node *scalar, const Type *shape) {
    static const int all[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    return node_expand(graph, scalar, shape, shape->rank, all);
}

Node *node_fill(Graph *graph, const Type *type, double value) {
    return node_expand_scalar(graph, node_const(graph, type->elem, value), type);
}

static Attr offsets_attr(int rank, const Dim *const *offsets) {
    Attr attr = no_attr();
    for (int i = 0; i < rank; i++) attr.offsets[i] = offsets[i];
    return attr;
}

Node *node_slice(Graph *graph, Node *x, const Dim *const *offsets, const Type *result) {
    if (type_equal(&x->type, result)) return x;
    Attr attr = offsets_attr(x->type.rank, offsets);
    return graph_node(graph, OP_SLICE, result, 1, &x, &attr);
}

Node *node_dynamic_slice(Graph *graph, Node *x, Node *start, int axis, const Dim *size) {
    Node *inputs[]  = {x, start};
    Type  type      = x->type;
    Attr  attr      = no_attr();
    attr.axis       = axis;
    type.dims[axis] = size;
    return graph_node(graph, OP_DYNAMIC_SLICE, &type, 2, inputs, &attr);
}

Node *node_pad(Graph *graph, Node *x, const Dim *const *offsets, const Type *result) {
    if (type_equal(&x->type, result)) return x;
    Attr attr = offsets_attr(x->type.rank, offsets);
    return graph_node(graph, OP_PAD, result, 1, &x, &attr);
}

Node *node_slide(Graph *graph, Node *x, const Slide *slide, const Dim *size) {
    Type type              = x->type;
    Attr attr              = no_attr();
    attr.slide.axis        = slide->axis;
    attr.slide.by          = slide->dilation ? slide->by : -1;
    attr.slide.step        = slide->step;
    attr.slide.dilation    = slide->dilation;
    attr.slide.divisor     = slide->divisor;
    attr.slide.before      = slide->before;
    attr.slide.fill        = slide->fill;
    type.dims[slide->axis] = size;
    bool moves =
        slide->step != 1 || slide->divisor != 1 || slide->dilation || slide->before != dim_const(graph_dims(graph), 0);
    if (!moves && type_equal(&type, &x->type)) return x;
    return graph_node(graph, OP_SLIDE, &type, 1, &x, &attr);
}

Node *node_concat(Graph *graph, int n, Node *const *inputs, int axis) {
    if (n == 1) return inputs[0];
    Attr attr = no_attr();
    attr.axis = axis;
    return graph_node(graph, OP_CONCAT, NULL, n, inputs, &attr);
}

Node *node_gather(Graph *graph, Node *x, Node *index) {
    return node_binary(graph, OP_GATHER, x, index);
}

Node *node_scatter_add(Graph *graph, Node *values, Node *index, const Dim *rows) {
    Type type    = {.elem = values->type.elem, .rank = values->type.rank - index->type.rank + 1};
    type.dims[0] = rows;
    for (int i = 1; i < type.rank; i++) type.dims[i] = values->type.dims[i + index->type.rank - 1];
    return graph_node(graph, OP_SCATTER_ADD, &type, 2, (Node *[]){values, index}, NULL);
}

Node *node_dot(Graph *graph, Node *a, Node *b, const DotAxes *axes) {
    Attr attr           = no_attr();
    attr.dot.n_batch    = axes->n_batch;
    attr.dot.n_contract = axes->n_contract;
    for (int i = 0; i < axes->n_batch; i++) {
        attr.dot.left_batch[i]  = axes->left_batch[i];
        attr.dot.right_batch[i] = axes->right_batch[i];
    }
    for (int i = 0; i < axes->n_contract; i++) {
        attr.dot.left_contract[i]  = axes->left_contract[i];
        attr.dot.right_contract[i] = axes->right_contract[i];
    }
    return graph_node(graph, OP_DOT, NULL, 2, (Node *[]){a, b}, &attr);
}
