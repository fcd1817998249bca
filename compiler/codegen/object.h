/* Inside codegen/: the object as bytes. */
#ifndef NNC_CODEGEN_OBJECT_H
#define NNC_CODEGEN_OBJECT_H

#include <llvm-c/Core.h>

#include "plan/kernel.h"

/* The object of a plan, `nnrt_model_main` included; the caller disposes it. NULL after diagnostics. */
LLVMMemoryBufferRef object_in_memory(Compilation *c, const Plan *plan);

#endif
