/* The optimisation passes run over a finished module. */
#ifndef NNC_CODEGEN_PASSES_H
#define NNC_CODEGEN_PASSES_H

#include "codegen/target.h"

/* Requires: a verified module. The code we emit is already vectorised, unrolled and tiled, so the list is short: promote
 * allocas, share and simplify expressions, move invariants out of loops. */
void codegen_run_passes(LLVMModuleRef module, const Target *target, int opt_level);

/* Requires: a verified module. Kernels that are to become part of the step that runs them do so, and are gone by themselves. */
void codegen_inline_kernels(LLVMModuleRef module, const Target *target);

#endif
