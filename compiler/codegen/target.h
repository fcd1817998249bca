/* Target description: one table row a target. */
#ifndef NNC_CODEGEN_TARGET_H
#define NNC_CODEGEN_TARGET_H

#include <llvm-c/TargetMachine.h>
#include <stdbool.h>
#include <stdint.h>

#include "compilation.h"

typedef struct Target {
    const char          *name;   /* as --target names it; "native" is resolved to this machine's row */
    const char          *triple; /* LLVM's */
    const char          *cpu;
    const char          *features;
    int                  vector_bytes; /* 16 (SSE, NEON), 32 (AVX2), 64 (AVX-512) */
    int                  vector_registers;
    bool                 has_fma;            /* use llvm.fma; else llvm.fmuladd */
    bool                 has_f16;            /* instructions that convert f16 from and to f32 */
    int64_t              l1_bytes, l2_bytes; /* data caches of one core, for blocking */
    uint64_t             needs;              /* of a machine that runs it: bits of NNRT_CPU_FEATURES */
    const char          *suffix;             /* of its functions' names; "" for the first of several */
    LLVMTargetMachineRef machine;
} Target;

typedef struct TargetList { /* of one architecture, from the weakest to the strongest */
    Target **data;
    int      len;
} TargetList;

/* The target that c->options.target names; NULL after E07xx for an unknown one (with the nearest name). The machine
 * is owned by the result: target_free. */
Target *target_new(Compilation *c);
void    target_free(Target *target);
/* All that c->options.target names, with commas between them; none after E0730 or E0731 (named twice, of several
 * architectures). */
TargetList targets_new(Compilation *c);
void       targets_free(TargetList targets);
/* One more machine for the target, for another thread: the caller's. NULL where this LLVM has none. */
LLVMTargetMachineRef target_machine_new(const Target *target, int opt_level);

/* Lanes of a vector of this element size. */
static inline int target_lanes(const Target *target, int elem_bytes) {
    return target->vector_bytes / elem_bytes;
}

#endif
