/* Inside codegen/: the loop that follows a product image by image (Kernel.tail), as part of the product's task. */
#ifndef NNC_CODEGEN_TAIL_H
#define NNC_CODEGEN_TAIL_H

#include "codegen/contract.h"
#include "codegen/emit.h"

/* Whether the product calls its tail; else the tail is a kernel of its own. */
bool tail_runs(Emit *e, const Kernel *kernel, const ContractPlan *plan);
/* Of a worker: the contraction's, then the places of what is passed to a tail that runs. */
int64_t      tail_scratch_bytes(const Kernel *kernel, const ContractPlan *plan);
LLVMValueRef tail_emit(KernelEmit product);

typedef struct Tail { /* of one product's task */
    KernelEmit  *k;
    LLVMValueRef scratch; /* the worker's */
} Tail;
void tail_anchors(Tail *tail, ContractSpec *spec);

#endif
