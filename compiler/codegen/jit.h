/* A plan as machine code in this process: what `nnc test` and `nnc gradcheck` run. The code is the object's, byte for byte, so
 * what is tested is what is shipped. */
#ifndef NNC_CODEGEN_JIT_H
#define NNC_CODEGEN_JIT_H

#include "plan/kernel.h"

typedef struct Jit Jit;

typedef struct JitSymbol { /* what generated code calls */
    const char *name;
    void (*address)(void);
} JitSymbol;

/* Requires: a plan with regions, made for this machine (target "native"). `symbols` are the runtime's functions; the C library's
 * are found in the process. NULL after diagnostics. Free it with jit_free, after the last use of its model. */
Jit *jit_from_plan(Compilation *c, const Plan *plan, const JitSymbol *symbols, int n_symbols);
void jit_free(Jit *jit);

struct nnrt_model;
const struct nnrt_model *jit_model(const Jit *jit);

#endif
