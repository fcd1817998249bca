/* Inside codegen/: the tensors that a contraction's tiles fetch ahead. */
#ifndef NNC_CODEGEN_MATMUL_AHEAD_H
#define NNC_CODEGEN_MATMUL_AHEAD_H

#include "codegen/contract.h"
#include "codegen/emit.h"
#include "codegen/product.h"

typedef struct EpilogueReads { /* tensors of the product's shape, read at the element that is stored */
    int         count;
    const Node *nodes[CONTRACT_AHEAD];
} EpilogueReads;

/* Those of the kernel at hand that are too large for a core's cache; none where the product is computed transposed. */
EpilogueReads epilogue_reads(KernelEmit *k);

/* Where each one's element at `at` lies; returns how many. */
int epilogue_addresses(KernelEmit *k, const EpilogueReads *reads, const Index *at, LLVMValueRef *addresses);

/* Whether the operand is a parameter that comes from memory. */
bool operand_is_far(KernelEmit *k, const Side *side);

#endif
