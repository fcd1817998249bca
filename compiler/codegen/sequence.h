/* The kernels of a plan, run in order: those of a function (step.c), or of one step of a loop (scan.c). */
#ifndef NNC_CODEGEN_SEQUENCE_H
#define NNC_CODEGEN_SEQUENCE_H

#include "codegen/emit.h"

typedef struct SequenceKernel {
    const Kernel   *kernel;
    CompiledKernel *compiled;
    LocationVec     operands;
    bool            inside; /* the kernel before it calls it: it has no operands of its own and is not compiled */
} SequenceKernel;

typedef struct Sequence {
    Emit           *e;
    const FnPlan   *plan;
    SequenceKernel *kernels;
    LocationVec     operands; /* of all kernels */
} Sequence;

Sequence *sequence_compile(Emit *e, const FnPlan *plan);

/* Bytes of memory: where each buffer of the plan starts (places[count]: where the highest ends), and the kernels' scratch. */
LLVMValueRef *sequence_places(const Sequence *sequence, DimEnv *dims);
KernelSize    sequence_scratch(const Sequence *sequence, DimEnv *dims);
int           sequence_context_slots(const Sequence *sequence); /* of a context that serves all kernels */

typedef struct SequenceRun {
    const Sequence *sequence;
    LLVMBuilderRef  b;
    DimEnv         *dims;
    LLVMValueRef    args, context; /* the context's ARGS and SCRATCH are set */
    LLVMValueRef   *pointers;      /* by sequence->operands */
    LLVMValueRef   *packed;        /* by kernel: what its `prepare` fills; NULL: no kernel has that */
    bool            whole;         /* the kernel that runs becomes part of the caller where it is on one thread */
} SequenceRun;
void sequence_run(const SequenceRun *run);
/* The same with a context for each kernel. `whole`: kernels that one place calls, and always on one thread, become part of the caller. */
void    sequence_run_with(const SequenceRun *run, const LLVMValueRef *contexts, bool whole);
int64_t sequence_work(const Sequence *sequence); /* instructions of its kernels, before any pass */
/* Before runs with the same captures: `pointers` need name only what stays the same. */
void sequence_prepare(const SequenceRun *run);

/* nnrt_parallel(pool, task, context, units) */
void sequence_parallel(Emit *e, LLVMBuilderRef b, LLVMValueRef task, LLVMValueRef pool, LLVMValueRef context,
                       LLVMValueRef units);
/* Whether `units` of the kernel are worth several threads and there is one for each of them. */
LLVMValueRef sequence_shares(Emit *e, LLVMBuilderRef b, DimEnv *dims, const Kernel *kernel, LLVMValueRef pool,
                             LLVMValueRef units);

/* scan.c: a loop as a kernel: of one unit of work; without carries (a map) of as many as it has steps. */
bool            scan_is_map(const Scan *scan);
CompiledKernel *scan_compile(Emit *e, const FnPlan *plan, const Kernel *kernel, LocationVec *operands);
KernelSize      scan_size(Emit *e, const Kernel *kernel, const CompiledKernel *compiled, DimEnv *dims);

#endif
