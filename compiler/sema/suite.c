/* Elaboration of tests. All tests of a file share one graph and one program; paths, draws and the mode start anew in each, so
 * that no test depends on another. A tensor that is written in a test is an input of the program: it is a leaf of its own (two
 * equal ones are two, and each has its own gradient), and nothing that is computed from it folds away. */
#include "sema/suite.h"

#include "sema/assertion.h"
#include "sema/elab.h"

#include <string.h>

static void begin_test(Elab *e) {
    e->mode         = MODE_EVAL;
    e->training     = false;
    e->slot_by_path = map_new(e->arena);
    e->taken        = map_new(e->arena);
    e->draws        = map_new(e->arena);
    e->calls.len = e->losses.len = e->outputs.len = e->metrics.len = 0;
    for (int i = 0; i < e->current.len; i++) e->current.data[i] = NULL;
}

static void elaborate_test(Elab *e, const Decl *decl) {
    static const Origin root = {.path = "", .what = "test"};
    TestCase           *test = ARENA_NEW(e->arena, TestCase);
    const char         *fn   = arena_printf(e->arena, "test_%d", e->suite->tests.len + 1);
    *test                    = (TestCase){.name = decl->name.text, .span = decl->name.span, .kept = map_new(e->arena)};
    test->fn                 = fn_add(e, FN_PREDICT, fn);
    vec_push(e->arena, &e->suite->tests, test);
    begin_test(e);
    e->test     = test;
    Frame frame = {.kind = FRAME_TEST, .decl = decl, .path = "", .origin = &root};
    frame_push(e, &frame);
    exec_block(e, env_new(e, NULL, e->model_scope), decl->u.test.body);
    frame_pop(e, &frame);
}

static void start_values(Elab *e, Fn *init) {
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].init) fn_update(e, init, i, e->program->slots.data[i].init);
}

Suite *suite_from_ast(Compilation *c, Module *module) {
    Elab *e = elab_begin(c, module);
    if (!e) return NULL;
    e->suite             = ARENA_NEW(c->arena, Suite);
    e->suite->program    = e->program;
    bool f32             = c->options.precision && !strcmp(c->options.precision, "f32");
    e->real              = f32 ? ELEM_F32 : ELEM_F64;
    e->program->model    = "tests";
    e->program->real     = e->real;
    e->program->products = e->products = e->real;
    e->program->headline               = "loss";
    Fn *init                           = fn_add(e, FN_INIT, "init");
    for (int i = 0; i < module->decls.len && !e->exhausted; i++)
        if (module->decls.data[i]->kind == DECL_TEST) elaborate_test(e, module->decls.data[i]);
    start_values(e, init);
    e->test = NULL;
    check_names(e, e->model_scope, module);
    if (!diags_error_count(c->diags)) check_unused(e, module);
    return diags_error_count(c->diags) ? NULL : e->suite;
}
