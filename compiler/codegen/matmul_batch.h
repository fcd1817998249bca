/* Inside codegen/: a contraction's batch axes. matmul.c emits one product, matmul_batch.c which comes when. */
#ifndef NNC_CODEGEN_MATMUL_BATCH_H
#define NNC_CODEGEN_MATMUL_BATCH_H

#include "codegen/product.h"

/* Units [begin, end) of the product of one batch element; without scratch, rows [begin, end) of its parts' sums joined. Of images that are summed
 * over one chunk alone, where `chunk` is given. */
typedef struct Units {
    LLVMValueRef begin, end, scratch, chunk, sums;
} Units;
void matmul_emit_product(KernelEmit *k, const Product *p, Scope *outer, const Index *batch, const Units *units);

/* What the products of a batch need once, at the kernel's entry. */
void matmul_prepare_batch(KernelEmit *k, const Product *p, LLVMValueRef scratch);

/* Units [begin, end) of all products. */
void matmul_emit_batch(KernelEmit *k, const Product *p, const Units *units);

/* The components of a flattened index over the axes of `list`. */
void product_split_axes(KernelEmit *k, const Side *side, const AxisList *list, Index flat, Index *parts);

#endif
