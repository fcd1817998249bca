#include "commands/run.h"

#include "pipeline.h"

/* What generated code calls; function pointers of one type by way of the generic one. */
#define SYMBOL(name) {#name, (void (*)(void))name}

bool run_open_plan(Run *run, Compilation *c, const Plan *plan, void (*tune_mark)(void)) {
    const JitSymbol symbols[] = {SYMBOL(nnrt_parallel), SYMBOL(nnrt_pool_size), {"nnc_tune_mark", tune_mark}};
    nnrt_error      error     = {0};
    *run                      = (Run){0};
    run->jit                  = jit_from_plan(c, plan, symbols, tune_mark ? 3 : 2);
    if (!run->jit) return false;
    run->instance = nnrt_instance_new(jit_model(run->jit), NULL, &error);
    if (!run->instance) diag_error(c->diags, (Span){0}, E0744, "cannot run the program: %s", error.message);
    return run->instance != NULL;
}

bool run_open(Run *run, Compilation *c, Program *program) {
    *run              = (Run){0};
    c->options.target = "native";
    Plan *plan        = plan_from_program(c, program);
    return plan && run_open_plan(run, c, plan, NULL);
}

void run_close(Run *run) {
    if (run->instance) nnrt_instance_free(run->instance);
    jit_free(run->jit);
}
