/* Inside codegen/: the object as bytes. */
#ifndef NNC_CODEGEN_OBJECT_H
#define NNC_CODEGEN_OBJECT_H

#include "codegen/elf_join.h"
#include "plan/kernel.h"

/* The object of a plan, `nnrt_model_main` included, in the compilation's arena. No data after diagnostics. */
ElfBytes object_in_memory(Compilation *c, const Plan *plan);

#endif
