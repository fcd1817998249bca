/* ast_parse and ast_from_file: scanner, layout and parser in a row, then what needs the whole module. */
#include "ast/parse.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ast/check.h"
#include "token.h"

enum { MAX_FILE_BYTES = 16 * 1024 * 1024 };

static bool own_line_ends_before(const Module *module, const char *text, int comment, uint32_t place) {
    const Comment *last = &module->comments.data[comment];
    if (!last->own_line || last->span.end > place) return false;
    int lines = 0;
    for (uint32_t i = last->span.end; i < place && lines < 2; i++)
        if (text[i] == '\n') lines++;
    return lines == 1;
}

static void append(Compilation *c, const char **doc, const char *text, Span line) {
    uint32_t begin = line.begin + 1, end = line.end;
    while (begin < end && text[begin] == ' ') begin++;
    while (end > begin && (text[end - 1] == '\r' || text[end - 1] == ' ')) end--;
    int length = (int)(end - begin);
    *doc       = *doc ? arena_printf(c->arena, "%.*s\n%s", length, text + begin, *doc)
                      : arena_printf(c->arena, "%.*s", length, text + begin);
}

/* Gives each declaration the comment lines directly above it. */
static void attach_docs(Compilation *c, Module *module, const char *text) {
    int comment = 0;
    for (int i = 0; i < module->decls.len; i++) {
        Decl    *decl  = module->decls.data[i];
        uint32_t place = decl->span.begin;
        while (comment < module->comments.len && module->comments.data[comment].span.begin < place) comment++;
        for (int k = comment - 1; k >= 0 && own_line_ends_before(module, text, k, place); k--) {
            append(c, &decl->doc, text, module->comments.data[k].span);
            place = module->comments.data[k].span.begin;
        }
    }
}

Module *ast_parse(Compilation *c, uint32_t file) {
    size_t      length;
    const char *text   = diags_source_text(c->diags, file, &length);
    Module     *module = ARENA_NEW(c->arena, Module);
    module->file       = file;
    if (length > MAX_FILE_BYTES) {
        diag_error(c->diags, (Span){file, 0, 0}, E0009, "the file is larger than %d MiB", MAX_FILE_BYTES >> 20);
        return module;
    }
    Build  build  = {c, module};
    Layout layout = layout_new(c, tokens_scan(c, file, module));
    nnet_parse(&build, &layout);
    ast_check(c, module);
    attach_docs(c, module, text);
    return module;
}

static char *read_all(Arena *arena, FILE *in, size_t *length) {
    size_t capacity = 64 * 1024, n = 0;
    char  *text = arena_alloc(arena, capacity + 1);
    for (size_t got; (got = fread(text + n, 1, capacity - n, in)) > 0;) {
        n += got;
        if (n < capacity) continue;
        if (n > MAX_FILE_BYTES) break; /* ast_parse refuses it */
        char *larger = arena_alloc(arena, capacity * 2 + 1);
        memcpy(larger, text, n);
        text = larger;
        capacity *= 2;
    }
    *length = n;
    return text;
}

Module *ast_from_file(Compilation *c, const char *path) {
    bool  standard_input = strcmp(path, "-") == 0;
    FILE *in             = standard_input ? stdin : fopen(path, "rb");
    if (!in) {
        diag_error(c->diags, (Span){0, 0, 0}, E0700, "cannot read '%s': %s", path, strerror(errno));
        return NULL;
    }
    size_t length = 0;
    errno         = 0;
    char *text    = read_all(c->arena, in, &length);
    bool  failed  = ferror(in);
    int   reason  = errno;
    if (!standard_input) fclose(in);
    if (failed) {
        diag_error(c->diags, (Span){0, 0, 0}, E0700, "cannot read '%s': %s", path, strerror(reason));
        return NULL;
    }
    return ast_parse(c, diags_add_source(c->diags, standard_input ? "<stdin>" : path, text, length));
}
