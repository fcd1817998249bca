#include "depend.h"

#include <string.h>

static void print_path(FILE *out, const char *path) {
    for (; *path; path++) {
        if (*path == ' ' || *path == '#') fputc('\\', out);
        if (*path == '$') fputc('$', out);
        fputc(*path, out);
    }
}

void dependencies_print(const Compilation *c, FILE *out) {
    bool        named  = c->options.output && strcmp(c->options.output, "-");
    const char *slash  = strrchr(c->options.input, '/');
    const char *name   = named ? c->options.output : slash ? slash + 1 : c->options.input;
    const char *ending = strrchr(name, '.');
    size_t      length = ending && !strchr(ending, '/') ? (size_t)(ending - name) : strlen(name);
    print_path(out, arena_printf(c->arena, "%.*s.o", (int)length, name));
    fputc(':', out);
    for (uint32_t file = 1; file <= diags_source_count(c->diags); file++) {
        const char *path = diags_source_path(c->diags, file);
        if (!c->options.stdlib_dir && strncmp(path, "std/", 4) == 0) continue;
        fputc(' ', out);
        print_path(out, path);
    }
    fputc('\n', out);
}
