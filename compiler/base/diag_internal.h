/* What diag.c collects and diag_render.c and diag_json.c show. Private to base/. */
#ifndef NNC_BASE_DIAG_INTERNAL_H
#define NNC_BASE_DIAG_INTERNAL_H

#include "base/diag.h"
#include "base/vec.h"

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

typedef struct Label {
    Span        span;
    const char *text; /* may be empty: an underline without words */
} Label;

typedef VEC(const char *) TextVec;

struct Diag {
    Arena      *arena;
    Severity    severity;
    DiagCode    code;
    Span        span;
    int         order; /* of the report, to keep the sort stable */
    const char *message;
    const char *primary;  /* text under the caret, or NULL */
    int         found_at; /* 1 + the label that diag_primary speaks of; 0: the caret */
    VEC(Label) labels;
    TextVec notes;
    TextVec helps;
};

typedef struct Source {
    const char *path;
    const char *text;
    size_t      length;
    VEC(uint32_t) line_begins; /* byte offsets; line n begins at line_begins.data[n - 1] */
} Source;

typedef VEC(Diag *) DiagVec;

struct Diags {
    Arena *arena;
    VEC(Source) sources;
    DiagVec items;
    Diag   *dropped; /* takes the labels of reports that are not kept */
    int     n_errors, n_errors_kept;
    int     n_warnings_kept;
};

/* The source of `file`, or NULL when the span names no place. */
const Source *diags_source(const Diags *diags, uint32_t file);

/* The line (from 1) that holds `offset`, and the bytes of a line without its line end. */
int         source_line_of(const Source *source, uint32_t offset);
const char *source_line(const Source *source, int line, size_t *length);

/* Column (from 1) of `offset` in its line, counted in code points (bytes that do not continue one). */
int source_column_of(const Source *source, uint32_t offset);

/* The kept diagnostics in the order to show: by file, place, order of the report. */
DiagVec diags_sorted(const Diags *diags);

const char *severity_name(Severity severity);

void diags_render_human(const Diags *diags, FILE *out, bool color);
void diags_render_json(const Diags *diags, FILE *out);

#endif
