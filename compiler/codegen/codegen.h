/* From a plan to machine code. The only folder that includes llvm-c. */
#ifndef NNC_CODEGEN_CODEGEN_H
#define NNC_CODEGEN_CODEGEN_H

#include "plan/kernel.h"

typedef enum EmitKind { EMIT_OBJECT, EMIT_ASSEMBLY, EMIT_LLVM } EmitKind;

/* Requires: a plan with regions. Writes the module to `path` (whole or not at all: a temporary file is renamed).
 * The module exports `<model>_nnrt_model` (lower case) of type nnrt_model (runtime/nnrt.h), everything else is internal; with
 * `as_main` also `nnrt_model_main`, the name that the extras' command line looks for. False after diagnostics E07xx. */
bool object_from_plan(Compilation *c, const Plan *plan, EmitKind kind, bool as_main, const char *path);

#endif
