/* Inside codegen/: which part of a product's depth a tile needs, where half of the elements does not matter (plan/kernel.h). */
#ifndef NNC_CODEGEN_TRIANGLE_H
#define NNC_CODEGEN_TRIANGLE_H

#include "codegen/contract.h"
#include "codegen/emit.h"

typedef struct TriangleRange {
    const Kernel *kernel;
    LLVMValueRef  offset; /* high_start - low_start */
    LLVMValueRef  depth;  /* k */
} TriangleRange;

/* Sets the range anchor of `spec` where the kernel's product has a triangle; `range` must live as long as the emission. Emitted in the
 * entry block or the loop at hand, before the product. */
void triangle_range(KernelEmit *k, ContractSpec *spec, TriangleRange *range);

/* Sets how many rows or columns of it are computed where others are not looked at. Emitted there, too. */
void triangle_clip(KernelEmit *k, ContractSpec *spec);

/* Of the kernel's clip: the first index that is not computed, not limited to the axis; an i64 of the root scope. */
LLVMValueRef clip_end(KernelEmit *k);

#endif
