#include "commands/run.h"

#include "pipeline.h"

/* What generated code calls; function pointers of one type by way of the generic one. */
#define SYMBOL(name) {#name, (void (*)(void))name}

bool run_open(Run *run, Compilation *c, Program *program) {
    static const JitSymbol symbols[] = {SYMBOL(nnrt_parallel)};
    nnrt_error             error     = {0};
    *run                             = (Run){0};
    c->options.target                = "native";
    Plan *plan                       = plan_from_program(c, program);
    if (!plan) return false;
    run->jit = jit_from_plan(c, plan, symbols, sizeof symbols / sizeof *symbols);
    if (!run->jit) return false;
    run->instance = nnrt_instance_new(jit_model(run->jit), NULL, &error);
    if (!run->instance) diag_error(c->diags, (Span){0}, E0744, "cannot run the program: %s", error.message);
    return run->instance != NULL;
}

void run_close(Run *run) {
    if (run->instance) nnrt_instance_free(run->instance);
    jit_free(run->jit);
}
