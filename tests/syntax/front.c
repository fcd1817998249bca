#include "front.h"

#include <stdlib.h>
#include <string.h>

#include "ast/print.h"

Front front_parse(const char *path, const char *text, size_t length) {
    Arena *arena = arena_new();
    Front  front = {.c = {.arena = arena, .names = intern_new(arena), .diags = diags_new(arena)}};
    front.module = ast_parse(&front.c, diags_add_source(front.c.diags, path, text, length));
    return front;
}

void front_free(Front *front) {
    arena_free(front->c.arena);
}

typedef void (*Writer)(const Front *front, FILE *out);

static char *written(const Front *front, Writer write) {
    char  *text = NULL;
    size_t length;
    FILE  *out = open_memstream(&text, &length);
    if (!out) abort();
    write(front, out);
    fclose(out);
    return text;
}

static void write_fmt(const Front *front, FILE *out) {
    ast_fmt(&front->c, front->module, out);
}

static void write_dump(const Front *front, FILE *out) {
    ast_dump(front->module, out);
}

static void write_comments(const Front *front, FILE *out) {
    const char *text = diags_source_text(front->c.diags, front->module->file, NULL);
    for (int i = 0; i < front->module->comments.len; i++) {
        Span span = front->module->comments.data[i].span;
        while (span.end > span.begin && strchr(" \t\r", text[span.end - 1])) span.end--;
        fprintf(out, "%.*s\n", (int)(span.end - span.begin), text + span.begin);
    }
}

static void write_diagnostics(const Front *front, FILE *out) {
    diags_render(front->c.diags, out, DIAG_HUMAN, false);
}

char *front_fmt(const Front *front) {
    return written(front, write_fmt);
}

char *front_dump(const Front *front) {
    return written(front, write_dump);
}

char *front_comments(const Front *front) {
    return written(front, write_comments);
}

char *front_diagnostics(const Front *front) {
    return written(front, write_diagnostics);
}

char *front_read_file(const char *path, size_t *length) {
    FILE *in = fopen(path, "rb");
    if (!in) return NULL;
    char  *text     = NULL;
    size_t capacity = 0, n = 0, got;
    do {
        capacity = capacity * 2 + 4096;
        text     = realloc(text, capacity + 1);
        if (!text) abort();
        got = fread(text + n, 1, capacity - n, in);
        n += got;
    } while (got > 0);
    fclose(in);
    text[n] = '\0';
    *length = n;
    return text;
}
