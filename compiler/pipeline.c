/* model.nnet to program, one call a pass. Each pass's header states what it requires, provides and may mutate; debug builds
 * verify the graph after each. */
#include "pipeline.h"

#include <string.h>
#include <sys/stat.h>

#include "ast/parse.h"
#include "ast/print.h"
#include "autodiff/autodiff.h"
#include "codegen/codegen.h"
#include "codegen/tuning.h"
#include "depend.h"
#include "link.h"
#include "opt/opt.h"
#include "plan/kernel.h"
#include "precision/mixed.h"
#include "sema/sema.h"
#include "sema/suite.h"
#include "weights.h"

static void verify(const Program *program, const char *after) {
#ifndef NDEBUG
    program_verify(program, after);
#else
    (void)program, (void)after;
#endif
}

static bool failed(const Compilation *c) {
    return diags_error_count(c->diags) > 0;
}

static bool links_header(Product product) {
    return product == PRODUCT_OBJECT || product == PRODUCT_ARCHIVE || product == PRODUCT_SHARED;
}

/* A header that nnc did not make stays. */
static bool header_is_free(Compilation *c) {
    const char *path = header_path(c->arena, c->options.output);
    FILE       *file = path ? fopen(path, "r") : NULL;
    char        line[256];
    if (!file) return true; /* none, or one that cannot be read: writing says why */
    bool ours = fgets(line, sizeof line, file) && strstr(line, HEADER_MARK);
    bool none = feof(file) && ftell(file) == 0;
    fclose(file);
    if (ours || none) return true;
    Diag *d = diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': it is there, and nnc did not make it", path);
    diag_help(d, "name another object with -o, or move that file away; --emit=header -o FILE writes the header alone");
    return false;
}

/* What an application links comes with its header. */
static bool emit_header(Compilation *c, const Plan *plan) {
    const char *path = header_path(c->arena, c->options.output);
    return !path || header_from_plan(c, plan, path);
}

static bool emit_code(Compilation *c, const Plan *plan, Product product) {
    const char *path = c->options.output;
    switch (product) {
    case PRODUCT_LLVM: return object_from_plan(c, plan, EMIT_LLVM, OBJECT_LINKED, path);
    case PRODUCT_ASM: return object_from_plan(c, plan, EMIT_ASSEMBLY, OBJECT_LINKED, path);
    case PRODUCT_OBJECT: return object_from_plan(c, plan, EMIT_OBJECT, OBJECT_LINKED, path) && emit_header(c, plan);
    case PRODUCT_ARCHIVE: return linked_from_plan(c, plan, LINK_ARCHIVE, path) && emit_header(c, plan);
    case PRODUCT_SHARED: return linked_from_plan(c, plan, LINK_SHARED, path) && emit_header(c, plan);
    default: return linked_from_plan(c, plan, LINK_EXECUTABLE, path);
    }
}

bool output_is_apart(Compilation *c) {
    struct stat output, source;
    const char *path = c->options.output;
    if (!path || strcmp(path, "-") == 0 || stat(path, &output) != 0 || !S_ISREG(output.st_mode)) return true;
    for (uint32_t file = 0; file <= diags_source_count(c->diags); file++) {
        const char *read = file ? diags_source_path(c->diags, file) : c->options.weights;
        if (!read || stat(read, &source) != 0) continue;
        if (source.st_dev != output.st_dev || source.st_ino != output.st_ino) continue;
        Diag *d = diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': it is a source of the model", path);
        diag_help(d, "name another file with -o");
        return false;
    }
    return true;
}

/* AST to a program whose limits are known. NULL after diagnostics. */
static Program *program_from_module(Compilation *c, Module *module) {
    Program *program = graph_from_ast(c, module);
    if (!program || failed(c)) return NULL;
    verify(program, "graph_from_ast");
    program_find_class_limits(program);
    sources_check_limits(c, program);
    return failed(c) ? NULL : program;
}

static bool add_gradients(Compilation *c, Program *program) {
    products_round(c, program);
    verify(program, "products_round");
    if (!graph_add_gradients(c, program)) return false;
    verify(program, "graph_add_gradients");
    products_share(c, program);
    verify(program, "products_share");
    return true;
}

/* The front half for each model, or the one that --model names; a file of declarations alone is checked by its names and by its
 * tests, which call them. */
static bool check(Compilation *c, Module *module) {
    const char *chosen   = c->options.model;
    int         n_models = 0;
    for (int i = 0; i < module->decls.len && !chosen; i++) {
        const Decl *decl = module->decls.data[i];
        if (decl->kind != DECL_MODEL || !decl->name.text || failed(c)) continue;
        c->options.model = decl->name.text;
        n_models++;
        Program *program = program_from_module(c, module);
        if (program) add_gradients(c, program);
    }
    c->options.model = chosen;
    if (n_models) return !failed(c);
    if (!chosen && module->decls.len) {
        Suite *suite = suite_from_ast(c, module);
        return suite && graph_add_gradients(c, suite->program);
    }
    Program *program = program_from_module(c, module);
    return program && add_gradients(c, program);
}

bool compile(Compilation *c, Product product, FILE *out) {
    if (product == PRODUCT_EXECUTABLE) c->options.reports = true;
    Module *module = ast_from_file(c, c->options.input);
    if (!module || (product != PRODUCT_CHECK && !output_is_apart(c))) return false;
    if (product == PRODUCT_AST) {
        ast_dump(module, out);
        return !failed(c);
    }
    if (product == PRODUCT_CHECK) return check(c, module);
    Program *program = program_from_module(c, module);
    if (!program || !output_is_apart(c)) return false; /* imports are read by now */
    if (links_header(product) && !header_is_free(c)) return false;
    if (product == PRODUCT_DEPENDENCIES) return dependencies_print(c, out), true;
    if (c->options.weights && !weights_read(c, program)) return false;
    if (c->options.only_predict) program_only_predict(program);
    if (product == PRODUCT_GRAPH) return program_print(program, out), true;

    if (!add_gradients(c, program)) return false;
    if (product == PRODUCT_GRAD) return program_print(program, out), true;

    graph_optimise(c, program);
    verify(program, "graph_optimise");
    if (product == PRODUCT_DOT) return program_print_dot(program, out), true;

    if (c->options.tuned && !(c->tuning = tuning_read(c, c->options.tuned))) return false;
    if (product == PRODUCT_HEADER) return header_print(c, program, out);

    Plan *plan = kernels_from_graph(c, program);
    if (product == PRODUCT_KERNELS) return kernels_print(plan, out), true;

    plan_from_kernels(c, plan);
    if (product == PRODUCT_PLAN) return plan_print(plan, out), true;

    return !failed(c) && emit_code(c, plan, product);
}

Plan *plan_from_program(Compilation *c, Program *program) {
    verify(program, "graph_from_ast");
    program_find_class_limits(program);
    sources_check_limits(c, program);
    if (failed(c) || !add_gradients(c, program)) return NULL;
    graph_optimise(c, program);
    verify(program, "graph_optimise");
    Plan *plan = kernels_from_graph(c, program);
    plan_from_kernels(c, plan);
    return plan;
}
