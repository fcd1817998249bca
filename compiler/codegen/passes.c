/* The optimisation passes run over a finished module.
 *
 * LLVM's default<O2> and <O3> gain nothing over explicit vector code and take many times as long: loops are already
 * vectorised, unrolled and blocked by their emitters. */
#include "codegen/passes.h"

#include <llvm-c/Error.h>
#include <llvm-c/Transforms/PassBuilder.h>
#include <llvm/Config/llvm-config.h>

#include "base/diag.h"

/* From 18 on a textual pipeline makes instcombine verify that it reached a fixed point, which only its own tests want. */
#if LLVM_VERSION_MAJOR >= 18
#define INSTCOMBINE "instcombine<no-verify-fixpoint>"
#else
#define INSTCOMBINE "instcombine"
#endif
#define COMMON "sroa,early-cse," INSTCOMBINE ",simplifycfg,loop-mssa(licm),"

/* By opt_level. */
static const char *const passes_by_level[] = {
    "function(sroa)",
    "function(sroa,early-cse,simplifycfg)",
    ("function(" COMMON "early-cse)"),
    ("function(" COMMON "gvn,simplifycfg)"),
};

static void run(LLVMModuleRef module, const Target *target, const char *passes) {
    LLVMPassBuilderOptionsRef options = LLVMCreatePassBuilderOptions();
    LLVMErrorRef              error   = LLVMRunPasses(module, passes, target->machine, options);
    LLVMDisposePassBuilderOptions(options);
    if (error) BUG("LLVM refused the pass list: %s", LLVMGetErrorMessage(error));
}

void codegen_run_passes(LLVMModuleRef module, const Target *target, int opt_level) {
    int last  = (int)(sizeof passes_by_level / sizeof *passes_by_level) - 1;
    int level = opt_level < 0 ? 0 : opt_level > last ? last : opt_level;
    run(module, target, passes_by_level[level]);
}

void codegen_inline_kernels(LLVMModuleRef module, const Target *target) {
    run(module, target, "always-inline");
}
