/* Parses and elaborates one file: prints its program, or its diagnostics and fails.
 *
 *     sema_tool [-D name=value]... [--stdlib DIR] [--model NAME] [--precision P] [--quiet] FILE */
#include "ast/parse.h"
#include "sema/sema.h"

#include <stdio.h>
#include <string.h>

enum { MAX_DEFINES = 16 };

static const char *split_define(Compilation *c, char *text, Define *define) {
    char *equals = strchr(text, '=');
    if (!equals) return "-D needs name=value";
    define->name  = arena_strndup(c->arena, text, (size_t)(equals - text));
    define->value = equals + 1;
    return NULL;
}

static const char *read_options(Compilation *c, int argc, char **argv, Define *defines, bool *quiet) {
    Options *options = &c->options;
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (!strcmp(argv[i], "-D") && more && options->n_defines < MAX_DEFINES) {
            const char *error = split_define(c, argv[++i], &defines[options->n_defines++]);
            if (error) return error;
        } else if (!strcmp(argv[i], "--stdlib") && more)
            options->stdlib_dir = argv[++i];
        else if (!strcmp(argv[i], "--model") && more)
            options->model = argv[++i];
        else if (!strcmp(argv[i], "--precision") && more)
            options->precision = argv[++i];
        else if (!strcmp(argv[i], "--quiet"))
            *quiet = true;
        else
            options->input = argv[i];
    }
    options->defines = defines;
    return options->input ? NULL : "no file is given";
}

int main(int argc, char **argv) {
    Define      defines[MAX_DEFINES];
    Compilation c     = {0};
    bool        quiet = false;
    c.arena           = arena_new();
    c.names           = intern_new(c.arena);
    c.diags           = diags_new(c.arena);
    const char *error = read_options(&c, argc, argv, defines, &quiet);
    if (error) {
        fprintf(stderr, "sema_tool: %s\n", error);
        return 2;
    }
    Module  *module  = ast_from_file(&c, c.options.input);
    Program *program = module ? graph_from_ast(&c, module) : NULL;
    diags_render(c.diags, stdout, DIAG_HUMAN, false);
    if (program) program_verify(program, "elaboration");
    if (program && !quiet) program_print(program, stdout);
    arena_free(c.arena);
    return program ? 0 : 1;
}
