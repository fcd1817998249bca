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
/* The same for a plan made for the native target; `tune_mark`: what timed code calls (sequence.c), or NULL. */
bool run_open_plan(Run *run, Compilation *c, const Plan *plan, void (*tune_mark)(void));
void run_close(Run *run);

#endif
