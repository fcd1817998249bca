/* Inside codegen/: what a contraction's epilogue reads is asked for before the tile is summed. */
#ifndef NNC_CODEGEN_MATMUL_AHEAD_H
#define NNC_CODEGEN_MATMUL_AHEAD_H

#include "codegen/contract.h"
#include "codegen/emit.h"

typedef struct EpilogueReads { /* tensors of the product's shape, read at the element that is stored */
    int         count;
    const Node *nodes[CONTRACT_AHEAD];
} EpilogueReads;

/* Those of the kernel at hand that are too large for a core's cache; none where the product is computed transposed. */
EpilogueReads epilogue_reads(KernelEmit *k);

/* Where each one's element at `at` lies; returns how many. */
int epilogue_addresses(KernelEmit *k, const EpilogueReads *reads, const Index *at, LLVMValueRef *addresses);

#endif
