/* The optimisation passes run over a finished module.
 *
 * LLVM's default<O2> and <O3> gain nothing over explicit vector code and take many times as long: loops are already
 * vectorised, unrolled and blocked by their emitters. */
#include "codegen/passes.h"

#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>

#include "base/diag.h"

/* By opt_level. licm is a loop pass that needs MemorySSA; early-cse without it is cheaper and enough. */
static const char *const passes_by_level[] = {
    "function(sroa)",
    "function(sroa,early-cse,simplifycfg)",
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),early-cse)",
    "function(sroa,early-cse,instcombine<no-verify-fixpoint>,simplifycfg,loop-mssa(licm),gvn,simplifycfg)",
};

void codegen_run_passes(LLVMModuleRef module, const Target *target, int opt_level) {
    int                       last    = (int)(sizeof passes_by_level / sizeof *passes_by_level) - 1;
    int                       level   = opt_level < 0 ? 0 : opt_level > last ? last : opt_level;
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef              error   = LLVMRunPasses(module, passes_by_level[level], target->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) BUG("LLVM refused the pass list: %s", LLVMGetErrorMessage(error));
}
