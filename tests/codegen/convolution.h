/* Graphs of a convolution and of its gradients, as the library's layers and reverse mode make them: channels last. */
#ifndef NNC_TESTS_CODEGEN_CONVOLUTION_H
#define NNC_TESTS_CODEGEN_CONVOLUTION_H

#include "interp/scratch.h"

typedef struct Convolution {
    int64_t height, width, channels, filters;
    int64_t size[2]; /* of the kernel: rows, columns */
    int64_t stride, dilation;
    int64_t before, after; /* zeros around */
    int64_t groups; /* of filters, each of which sees its own channels. As many as channels and filters: depthwise */
} Convolution;

typedef enum ConvolutionPart { CONV_FORWARD, CONV_INPUT_GRADIENT, CONV_KERNEL_GRADIENT } ConvolutionPart;

/* Positions along rows (0) or columns (1). */
int64_t convolution_positions(const Convolution *v, int axis);
/* The value, from fresh slots: the image [batch, h, w, c], the kernel [kh, kw, c, f] and, of gradients, that of the result. Gradients of
 * groups are GRAD nodes, for graph_add_gradients. */
Node *convolution_part(Scratch *s, const Convolution *v, const Dim *batch, ConvolutionPart part);
/* Multiply-adds of one image, those with the zeros around left out; all parts have the same. */
double convolution_work(const Convolution *v);

#endif
