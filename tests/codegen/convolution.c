#include "codegen/convolution.h"

#include "autodiff/autodiff.h"

int64_t convolution_positions(const Convolution *v, int axis) {
    int64_t n = axis ? v->width : v->height;
    return (n + v->before + v->after - v->dilation * (v->size[axis] - 1) - 1) / v->stride + 1;
}

/* [..., n, ...] to [..., positions, size, ...]. */
static Node *windows_along(Scratch *s, const Convolution *v, Node *x, int axis, int which) {
    Type type  = x->type;
    int  fresh = axis + 1;
    for (int i = type.rank++; i > fresh; i--) type.dims[i] = type.dims[i - 1];
    type.dims[fresh] = scratch_dim(s, v->size[which]);
    Slide slide      = {.axis     = (int8_t)axis,
                        .by       = (int8_t)fresh,
                        .step     = (int32_t)v->stride,
                        .dilation = (int32_t)v->dilation,
                        .divisor  = 1,
                        .before   = scratch_dim(s, v->before)};
    return node_slide(s->graph, node_expand(s->graph, x, &type, 1, &fresh), &slide,
                      scratch_dim(s, convolution_positions(v, which)));
}

/* The gradient of a chain of movement ops, from `node` back to `x`. */
static Node *back_to(Scratch *s, Node *node, const Node *x, Node *g) {
    for (; node != x; node = node->inputs[0]) {
        Node *gin[1] = {NULL};
        op_gradient[node->op](s->graph, node, g, gin);
        g = gin[0];
    }
    return g;
}

/* sum(windows * kernel) over a window for each channel: [b, o, k, p, l, c] and [k, l, c] to [b, o, p, c]. */
static Node *depthwise(Scratch *s, Node *windows, Node *kernel) {
    static const int order[] = {0, 1, 3, 2, 4, 5}, fresh[] = {0, 1, 2}, summed[] = {3, 4};
    Node            *wide = node_permute(s->graph, windows, order);
    Node            *both = node_binary(s->graph, OP_MUL, wide, node_expand(s->graph, kernel, &wide->type, 3, fresh));
    return node_reduce(s->graph, OP_SUM, both, 2, summed);
}

/* A product for each group: [b, o, k, p, l, g, c] and [k, l, c, g, f] to [b, o, p, g f]. */
static Node *grouped(Scratch *s, const Convolution *v, Node *windows, Node *kernel) {
    const Dim *groups = scratch_dim(s, v->groups), *channels = scratch_dim(s, v->channels / v->groups),
              *filters  = scratch_dim(s, v->filters / v->groups);
    const Dim *const *w = windows->type.dims, *const *k = kernel->type.dims;
    const Dim        *split[]   = {w[0], w[1], w[2], w[3], w[4], groups, channels};
    const Dim        *kernels[] = {k[0], k[1], channels, groups, filters};
    const Dim        *joined[]  = {w[0], w[1], w[3], scratch_dim(s, v->filters)};
    static const int  order[]   = {1, 2, 3, 0, 4};
    DotAxes           axes      = {.n_batch        = 1,
                                   .left_batch     = {5},
                                   .right_batch    = {3},
                                   .n_contract     = 3,
                                   .left_contract  = {2, 4, 6},
                                   .right_contract = {0, 1, 2}};
    Node *y = node_dot(s->graph, node_reshape(s->graph, windows, 7, split), node_reshape(s->graph, kernel, 5, kernels),
                       &axes);
    return node_reshape(s->graph, node_permute(s->graph, y, order), 4, joined);
}

static Node *grouped_part(Scratch *s, const Convolution *v, Node *windows, Node *x, Node *w, ConvolutionPart part) {
    bool  each = v->groups == v->channels && v->groups == v->filters;
    Node *y    = each ? depthwise(s, windows, w) : grouped(s, v, windows, w);
    if (part == CONV_FORWARD) return y;
    static const int all[] = {0, 1, 2, 3};
    Node *loss = node_reduce(s->graph, OP_SUM, node_binary(s->graph, OP_MUL, y, scratch_slot(s, &y->type)), 4, all);
    Node *to   = part == CONV_KERNEL_GRADIENT ? w : x;
    return graph_node(s->graph, OP_GRAD, NULL, 2, (Node *[]){loss, to}, NULL);
}

Node *convolution_part(Scratch *s, const Convolution *v, const Dim *batch, ConvolutionPart part) {
    ElemType   real     = s->program->real;
    const Dim *image[]  = {batch, scratch_dim(s, v->height), scratch_dim(s, v->width), scratch_dim(s, v->channels)};
    const Dim *kernel[] = {scratch_dim(s, v->size[0]), scratch_dim(s, v->size[1]), image[3],
                           scratch_dim(s, v->filters)};
    bool       each     = v->groups > 1 && v->groups == v->channels && v->groups == v->filters;
    if (v->groups > 1) kernel[2] = scratch_dim(s, v->channels / v->groups);
    if (each) kernel[2] = kernel[3];
    Type  x_type = scratch_type(real, 4, image), w_type = scratch_type(real, each ? 3 : 4, kernel);
    Node *x       = scratch_slot(s, &x_type);
    Node *w       = scratch_slot(s, &w_type);
    Node *windows = windows_along(s, v, windows_along(s, v, x, 1, 0), 3, 1), *gin[2];
    if (v->groups > 1) return grouped_part(s, v, windows, x, w, part);
    DotAxes axes = {.n_contract = 3, .left_contract = {2, 4, 5}, .right_contract = {0, 1, 2}};
    Node   *y    = node_dot(s->graph, windows, w, &axes);
    if (part == CONV_FORWARD) return y;
    op_gradient[OP_DOT](s->graph, y, scratch_slot(s, &y->type), gin);
    return part == CONV_KERNEL_GRADIENT ? gin[1] : back_to(s, windows, x, gin[0]);
}

/* Pairs of a position and a place in the kernel that meet an element. */
static int64_t meetings(const Convolution *v, int axis) {
    int64_t count = 0, n = axis ? v->width : v->height;
    for (int64_t p = 0; p < convolution_positions(v, axis); p++)
        for (int64_t k = 0; k < v->size[axis]; k++) {
            int64_t at = p * v->stride + k * v->dilation - v->before;
            count += at >= 0 && at < n;
        }
    return count;
}

double convolution_work(const Convolution *v) {
    return (double)meetings(v, 0) * (double)meetings(v, 1) * (double)(v->channels * v->filters) /
           (double)(v->groups > 1 ? v->groups : 1);
}
