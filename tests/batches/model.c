/* The passes of compiler/pipeline.c twice, the second time only as far as the gradients. */
#include "batches/model.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ast/parse.h"
#include "autodiff/autodiff.h"
#include "codegen/codegen.h"
#include "opt/opt.h"
#include "plan/kernel.h"
#include "sema/sema.h"

/* ---- the interpreter's program ---------------------------------------------------------------------------------------------- */

/* Every GRAD under the updates becomes a further result, in whose place autodiff puts the gradient. */
static int add_gradient_results(Arena *arena, Fn *fn) {
    NodeVec order = {0};
    Map    *seen  = map_new(arena);
    int     count = 0;
    for (int i = 0; i < fn->updates.len; i++) graph_post_order(arena, fn->updates.data[i].value, seen, &order);
    for (int i = 0; i < order.len; i++) {
        if (order.data[i]->op != OP_GRAD) continue;
        vec_push(arena, &fn->results, ((Result){.name = "gradient", .value = order.data[i], .slot = -1}));
        count++;
    }
    return count;
}

static Program *program_new(Compilation *c) {
    Module  *module  = ast_from_file(c, c->options.input);
    Program *program = module ? graph_from_ast(c, module) : NULL;
    if (!program || diags_error_count(c->diags)) return NULL;
    program_find_class_limits(program);
    return program;
}

static bool interpreted(Model *model) {
    model->program = program_new(&model->c);
    if (!model->program) return false;
    model->n_gradients = ARENA_ARRAY(model->c.arena, int, model->program->fns.len + 1);
    for (int i = 0; i < model->program->fns.len; i++)
        model->n_gradients[i] = add_gradient_results(model->c.arena, model->program->fns.data[i]);
    return graph_add_gradients(&model->c, model->program);
}

/* ---- the compiled one -------------------------------------------------------------------------------------------------------- */

static bool load(Model *model, const char *object, const char *library) {
    if (system(arena_printf(model->c.arena, "cc -shared -o %s %s", library, object)) != 0) return false;
    model->library = dlopen(library, RTLD_NOW | RTLD_LOCAL);
    if (!model->library) fprintf(stderr, "batches: %s\n", dlerror());
    model->code = model->library ? dlsym(model->library, "nnrt_model_main") : NULL;
    return model->code != NULL;
}

static bool compiled(Model *model) {
    Compilation *c       = &model->c;
    Program     *program = program_new(c);
    if (!program || !graph_add_gradients(c, program)) return false;
    graph_optimise(c, program);
    Plan *plan = kernels_from_graph(c, program);
    plan_from_kernels(c, plan);
    char folder[] = "/tmp/nnc_batches_XXXXXX";
    if (!mkdtemp(folder)) return false;
    const char *object  = arena_printf(c->arena, "%s/model.o", folder);
    const char *library = arena_printf(c->arena, "%s/model.so", folder);
    bool        ok = object_from_plan(c, plan, EMIT_OBJECT, OBJECT_PROGRAM, object) && load(model, object, library);
    unlink(object);
    unlink(library);
    rmdir(folder);
    return ok;
}

bool model_new(Model *model, const Options *options) {
    Arena *arena = arena_new();
    *model       = (Model){.c = {arena, intern_new(arena), diags_new(arena), *options}};
    bool ok      = interpreted(model) && compiled(model);
    if (!ok) diags_render(model->c.diags, stderr, DIAG_HUMAN, false);
    return ok;
}

void model_free(Model *model) {
    if (model->library) dlclose(model->library);
    arena_free(model->c.arena);
}
