/* The front end alone, for its tests: parse_tool check|json|fmt|dump FILE... Diagnostics go to standard output; the exit
 * code is 1 when there were errors. */
#include <stdio.h>
#include <string.h>

#include "ast/parse.h"
#include "ast/print.h"

typedef struct Action {
    const char *name;
    void (*run)(const Compilation *c, const Module *module);
} Action;

static void run_nothing(const Compilation *c, const Module *module) {
    (void)c, (void)module;
}

static void run_fmt(const Compilation *c, const Module *module) {
    ast_fmt(c, module, stdout);
}

static void run_dump(const Compilation *c, const Module *module) {
    (void)c;
    ast_dump(module, stdout);
}

static const Action actions[] = {
    {"check", run_nothing}, {"json", run_nothing}, {"fmt", run_fmt}, {"dump", run_dump}, {"color", run_nothing},
};

static const Action *find_action(const char *name) {
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(actions[i].name, name) == 0) return &actions[i];
    return NULL;
}

static int process(const Action *action, const char *path) {
    Arena        *arena  = arena_new();
    Compilation   c      = {.arena = arena, .names = intern_new(arena), .diags = diags_new(arena)};
    const Module *module = ast_from_file(&c, path);
    int           errors = diags_error_count(c.diags);
    if (module && !errors) action->run(&c, module);
    diags_render(c.diags, stdout, strcmp(action->name, "json") == 0 ? DIAG_JSON : DIAG_HUMAN,
                 strcmp(action->name, "color") == 0);
    arena_free(arena);
    return errors ? 1 : 0;
}

int main(int argc, char **argv) {
    const Action *action = argc > 2 ? find_action(argv[1]) : NULL;
    if (!action) {
        fprintf(stderr, "usage: parse_tool check|color|json|fmt|dump FILE...\n");
        return 2;
    }
    int status = 0;
    for (int i = 2; i < argc; i++) status |= process(action, argv[i]);
    return status;
}
