/* Movement ops: the gradient moves back. */
#include "ops/rules.h"

/* d reshape(x) = g in x's shape */
GRADIENT(reshape) {
    const Type *type = &node->inputs[0]->type;
    gin[0]           = node_reshape(graph, g, type->rank, type->dims);
}

/* d permute(x) = the inverse permutation of g */
GRADIENT(permute) {
    int inverse[MAX_RANK];
    for (int i = 0; i < node->attr.axes.count; i++) inverse[node->attr.axes.axes[i]] = i;
    gin[0] = node_permute(graph, g, inverse);
}

/* d expand(x) = g summed over the new axes */
GRADIENT(expand) {
    int axes[MAX_RANK];
    for (int i = 0; i < node->attr.axes.count; i++) axes[i] = node->attr.axes.axes[i];
    gin[0] = node_reduce(graph, OP_SUM, g, node->attr.axes.count, axes);
}

/* A type's shape with the gradient's element type, which is wider than a narrow x's. */
static Type shaped_as(const Type *type, const Node *g) {
    Type result = *type;
    result.elem = g->type.elem;
    return result;
}

/* d slice(x) = g with zeros around */
GRADIENT(slice) {
    Type type = shaped_as(&node->inputs[0]->type, g);
    gin[0]    = node_pad(graph, g, node->attr.offsets, &type);
}

/* d pad(x) = the part of g that x fills */
GRADIENT(pad) {
    Type type = shaped_as(&node->inputs[0]->type, g);
    gin[0]    = node_slice(graph, g, node->attr.offsets, &type);
}

/* i = (p s + k t - c) / d  <=>  p = (i d - k t + c) / s: the gradient slides back, with the sign where s is positive */
GRADIENT(slide) {
    const Slide *from = &node->attr.slide;
    DimTable    *dims = graph_dims(graph);
    int          sign = from->step < 0 ? -1 : 1;
    Slide        back = {.axis     = from->axis,
                         .by       = from->by,
                         .step     = sign * from->divisor,
                         .dilation = -sign * from->dilation,
                         .divisor  = sign * from->step,
                         .before   = dim_mul(dims, from->before, dim_const(dims, -sign))};
    gin[0]            = node_slide(graph, g, &back, node->inputs[0]->type.dims[from->axis]);
}

/* d concat(x1, x2, ...) = g cut into pieces */
GRADIENT(concat) {
    DimTable  *dims = graph_dims(graph);
    const Dim *at   = dim_const(dims, 0);
    for (int i = 0; i < node->n_inputs; i++) {
        Type       type = shaped_as(&node->inputs[i]->type, g);
        const Dim *offsets[MAX_RANK];
        for (int k = 0; k < type.rank; k++) offsets[k] = k == node->attr.axis ? at : dim_const(dims, 0);
        gin[i] = node_slice(graph, g, offsets, &type);
        at     = dim_add(dims, at, type.dims[node->attr.axis]);
    }
}

/* d x[index] = g's rows added up where the index took them from */
GRADIENT(gather) {
    gin[0] = node_scatter_add(graph, g, node->inputs[1], node->inputs[0]->type.dims[0]);
}

/* d scatter_add(values, index) = g's rows at the index */
GRADIENT(scatter_add) {
    gin[0] = node_gather(graph, g, node->inputs[1]);
}
