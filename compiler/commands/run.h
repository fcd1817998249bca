/* A program run inside nnc: compiled into memory and driven through the core runtime. */
#ifndef NNC_COMMANDS_RUN_H
#define NNC_COMMANDS_RUN_H

#include "codegen/jit.h"
#include "core/instance.h"
#include "ir/program.h"

typedef struct Run {
    Jit           *jit;
    nnrt_instance *instance;
} Run;

/* The passes behind sema over `program`, then an instance of it, its slots not initialised yet. False after diagnostics; close
 * it in any case. */
bool run_open(Run *run, Compilation *c, Program *program);
void run_close(Run *run);

#endif
