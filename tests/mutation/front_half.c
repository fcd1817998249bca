#include "front_half.h"

#include <stdlib.h>

#include "ast/parse.h"
#include "autodiff/autodiff.h"
#include "opt/opt.h"
#include "plan/kernel.h"
#include "sema/sema.h"

/* The passes of compiler/pipeline.c up to the plan. */
static bool run_passes(Compilation *c, Module *module) {
    Program *program = graph_from_ast(c, module);
    if (!program || diags_error_count(c->diags)) return false;
    program_verify(program, "graph_from_ast");
    program_find_class_limits(program);
    if (!graph_add_gradients(c, program)) return false;
    program_verify(program, "graph_add_gradients");
    graph_optimise(c, program);
    program_verify(program, "graph_optimise");
    plan_from_kernels(c, kernels_from_graph(c, program));
    return true;
}

FrontHalf front_half_run(const char *path, const char *text, size_t length) {
    Arena    *arena   = arena_new();
    Options   options = {.input = path, .opt_level = 2, .precision = "f32", .target = "native"};
    FrontHalf half    = {.c = {arena, intern_new(arena), diags_new(arena), options}};
    uint32_t  file    = diags_add_source(half.c.diags, path, text, length);
    half.planned      = run_passes(&half.c, ast_parse(&half.c, file));
    return half;
}

void front_half_free(FrontHalf *half) {
    arena_free(half->c.arena);
}

char *front_half_render(const FrontHalf *half) {
    char  *text = NULL;
    size_t length;
    FILE  *out = open_memstream(&text, &length);
    if (!out) abort();
    diags_render(half->c.diags, out, DIAG_HUMAN, false);
    fclose(out);
    return text;
}

char *read_whole_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char *text = NULL;
    FILE *copy = open_memstream(&text, length);
    if (!copy) abort();
    for (int byte; (byte = fgetc(file)) != EOF;) fputc(byte, copy);
    fclose(file);
    fclose(copy);
    return text;
}
