/* Inside codegen/: the tensors that a contraction's tiles fetch ahead. */
#ifndef NNC_CODEGEN_MATMUL_AHEAD_H
#define NNC_CODEGEN_MATMUL_AHEAD_H

#include "codegen/contract.h"
#include "codegen/emit.h"
#include "codegen/product.h"

typedef struct EpilogueMemory { /* tensors of the product's shape, read or written at the element that is stored */
    int          n_reads, n_writes;
    const Node  *reads[CONTRACT_AHEAD];
    const Store *writes[CONTRACT_AHEAD];
} EpilogueMemory;

/* Those of the kernel at hand that are too large for a core's cache; none where the product is computed transposed. */
EpilogueMemory epilogue_memory(KernelEmit *k);

/* Where the element at `at` of each of those read, or written, lies; return how many. */
int epilogue_reads(KernelEmit *k, const EpilogueMemory *memory, const Index *at, LLVMValueRef *addresses);
int epilogue_writes(KernelEmit *k, const EpilogueMemory *memory, const Index *at, LLVMValueRef *addresses);

/* Whether the operand is a parameter that comes from memory. */
bool operand_is_far(KernelEmit *k, const Side *side);

#endif
