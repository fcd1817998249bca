/* Diagnostics: a stable code, the primary span, labelled secondary spans, notes and a help line.
 *
 *     Diag *d = diag_error(c->diags, span, E0301, "shapes differ in '+': %s and %s", a, b);
 *     diag_label(d, other, "axis 1 is %s", dim);           // a second underlined place
 *     diag_help(d, "give both the same stride");
 *
 * Diagnostics are collected and rendered together (sorted by file and place) by diags_render. The sources live
 * here too, because rendering needs their text. Codes and titles are the rows of diag_codes.def; each has a page in
 * docs/errors.md, which `nnc explain` prints. */
#ifndef NNC_BASE_DIAG_H
#define NNC_BASE_DIAG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/span.h"

typedef enum DiagCode {
#define DIAG(code, title) code,
#include "base/diag_codes.def"
#undef DIAG
    DIAG_CODE_COUNT
} DiagCode;

typedef struct Diags Diags;
typedef struct Diag  Diag;

Diags *diags_new(Arena *arena);

/* Sources. `path` is as the user gave it; text is NUL-terminated and kept by reference. Returns the file index (from 1). */
uint32_t    diags_add_source(Diags *diags, const char *path, const char *text, size_t length);
uint32_t    diags_source_count(const Diags *diags);
const char *diags_source_path(const Diags *diags, uint32_t file);
const char *diags_source_text(const Diags *diags, uint32_t file, size_t *length);
/* Line and column, both from 1, columns in characters (UTF-8 code points). */
void diags_position(const Diags *diags, Span at, int *line, int *column);

/* Reports. Never NULL; at most 20 errors are kept (further ones are counted), and a second error at the same
 * span is dropped, so that one mistake does not cascade. */
Diag *diag_error(Diags *diags, Span at, DiagCode code, const char *format, ...) __attribute__((format(printf, 4, 5)));
Diag *diag_warning(Diags *diags, Span at, DiagCode code, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Text under the primary span's caret line. */
Diag *diag_primary(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The error was found at `at`, but is shown elsewhere, as in code that the user has not written: `at` is underlined too, and
 * what diag_primary says stands there. */
void  diag_found_at(Diag *diag, Span at);
Diag *diag_label(Diag *diag, Span at, const char *format, ...) __attribute__((format(printf, 3, 4)));
Diag *diag_note(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));
Diag *diag_help(Diag *diag, const char *format, ...) __attribute__((format(printf, 2, 3)));

int diags_error_count(const Diags *diags);

typedef enum DiagFormat { DIAG_HUMAN, DIAG_JSON } DiagFormat;
void diags_render(const Diags *diags, FILE *out, DiagFormat format, bool color);

/* "E0301" and the like; diag_code_parse returns DIAG_CODE_COUNT for an unknown one. */
const char *diag_code_name(DiagCode code);
const char *diag_code_title(DiagCode code);
DiagCode    diag_code_parse(const char *name);

/* The page of docs/errors.md on a code, from its heading up to the next; NULL when there is none. Defined in
 * compiler/diag_explain.c: it reads the texts of embedded.h, which the rest of base/ does not need. */
const char *diag_explain(DiagCode code, size_t *length);

/* The candidate nearest to `name` by edit distance, or NULL when none is near enough to suggest. */
const char *nearest_name(const char *name, const char *const *candidates, int count);

/* A bug in the compiler itself: says where, aborts. */
#define BUG(...) bug_at(__FILE__, __LINE__, __VA_ARGS__)
_Noreturn void bug_at(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
