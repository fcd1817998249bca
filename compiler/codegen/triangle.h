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

#endif
