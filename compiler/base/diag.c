/* Collecting diagnostics and the sources they point into. Everything lives in the arena of the compilation. */
#include "base/diag_internal.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ERRORS = 20, MAX_WARNINGS = 100 };

static const struct {
    const char *name, *title;
} code_rows[] = {
#define DIAG(code, title) {#code, title},
#include "base/diag_codes.def"
#undef DIAG
};

const char *diag_code_name(DiagCode code) {
    return code_rows[code].name;
}

const char *diag_code_title(DiagCode code) {
    return code_rows[code].title;
}

DiagCode diag_code_parse(const char *name) {
    for (int i = 0; i < DIAG_CODE_COUNT; i++)
        if (strcmp(code_rows[i].name, name) == 0) return (DiagCode)i;
    return DIAG_CODE_COUNT;
}

const char *severity_name(Severity severity) {
    return severity == SEVERITY_ERROR ? "error" : "warning";
}

Diags *diags_new(Arena *arena) {
    Diags *diags   = ARENA_NEW(arena, Diags);
    diags->arena   = arena;
    diags->dropped = ARENA_NEW(arena, Diag);
    return diags;
}

/* ---- sources ------------------------------------------------------------------------------------------------------ */

uint32_t diags_add_source(Diags *diags, const char *path, const char *text, size_t length) {
    Source source = {.path = arena_strndup(diags->arena, path, strlen(path)), .text = text, .length = length};
    vec_push(diags->arena, &source.line_begins, 0);
    for (size_t i = 0; i < length; i++)
        if (text[i] == '\n') vec_push(diags->arena, &source.line_begins, (uint32_t)(i + 1));
    vec_push(diags->arena, &diags->sources, source);
    return (uint32_t)diags->sources.len;
}

const Source *diags_source(const Diags *diags, uint32_t file) {
    return file >= 1 && file <= (uint32_t)diags->sources.len ? &diags->sources.data[file - 1] : NULL;
}

uint32_t diags_source_count(const Diags *diags) {
    return (uint32_t)diags->sources.len;
}

const char *diags_source_path(const Diags *diags, uint32_t file) {
    const Source *source = diags_source(diags, file);
    return source ? source->path : NULL;
}

const char *diags_source_text(const Diags *diags, uint32_t file, size_t *length) {
    const Source *source = diags_source(diags, file);
    if (length) *length = source ? source->length : 0;
    return source ? source->text : NULL;
}

int source_line_of(const Source *source, uint32_t offset) {
    int low = 0, high = source->line_begins.len;
    while (high - low > 1) {
        int middle = low + (high - low) / 2;
        if (source->line_begins.data[middle] <= offset)
            low = middle;
        else
            high = middle;
    }
    return low + 1;
}

const char *source_line(const Source *source, int line, size_t *length) {
    size_t begin = source->line_begins.data[line - 1];
    size_t end   = line < source->line_begins.len ? source->line_begins.data[line] - 1 : source->length;
    if (end > begin && source->text[end - 1] == '\r') end--;
    *length = end - begin;
    return source->text + begin;
}

int source_column_of(const Source *source, uint32_t offset) {
    uint32_t begin  = source->line_begins.data[source_line_of(source, offset) - 1];
    int      column = 1;
    for (uint32_t i = begin; i < offset && i < source->length; i++)
        if (((unsigned char)source->text[i] & 0xC0) != 0x80) column++;
    return column;
}

void diags_position(const Diags *diags, Span at, int *line, int *column) {
    const Source *source = diags_source(diags, at.file);
    if (line) *line = source ? source_line_of(source, at.begin) : 0;
    if (column) *column = source ? source_column_of(source, at.begin) : 0;
}

/* ---- reports ------------------------------------------------------------------------------------------------------ */

static const char *format_text(Arena *arena, const char *format, va_list args) {
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length < 0) length = 0;
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}

static bool already_reported(const Diags *diags, Severity severity, Span at) {
    if (!at.file) return false;
    for (int i = 0; i < diags->items.len; i++) {
        const Diag *other = diags->items.data[i];
        if (other->severity == severity && other->span.file == at.file && other->span.begin == at.begin &&
            other->span.end == at.end)
            return true;
    }
    return false;
}

/* A new diagnostic, or the one that swallows what is not kept. */
static Diag *report(Diags *diags, Severity severity, Span at, DiagCode code) {
    bool again = already_reported(diags, severity, at);
    if (severity == SEVERITY_ERROR && !again) diags->n_errors++;
    int *kept  = severity == SEVERITY_ERROR ? &diags->n_errors_kept : &diags->n_warnings_kept;
    int  limit = severity == SEVERITY_ERROR ? MAX_ERRORS : MAX_WARNINGS;
    if (again || *kept == limit) {
        *diags->dropped = (Diag){.arena = NULL};
        return diags->dropped;
    }
    ++*kept;
    Diag *diag     = ARENA_NEW(diags->arena, Diag);
    diag->arena    = diags->arena;
    diag->severity = severity;
    diag->code     = code;
    diag->span     = at;
    diag->order    = diags->items.len;
    vec_push(diags->arena, &diags->items, diag);
    return diag;
}

/* The text of the format that follows, or NULL when `diag` is the dropped one. */
#define FORMAT_INTO(diag, target, format)                                                                              \
    const char *target = NULL;                                                                                         \
    if ((diag)->arena) {                                                                                               \
        va_list args;                                                                                                  \
        va_start(args, format);                                                                                        \
        target = format_text((diag)->arena, format, args);                                                             \
        va_end(args);                                                                                                  \
    }

Diag *diag_error(Diags *diags, Span at, DiagCode code, const char *format, ...) {
    Diag *diag = report(diags, SEVERITY_ERROR, at, code);
    FORMAT_INTO(diag, text, format)
    diag->message = text;
    return diag;
}

Diag *diag_warning(Diags *diags, Span at, DiagCode code, const char *format, ...) {
    Diag *diag = report(diags, SEVERITY_WARNING, at, code);
    FORMAT_INTO(diag, text, format)
    diag->message = text;
    return diag;
}

Diag *diag_primary(Diag *diag, const char *format, ...) {
    FORMAT_INTO(diag, text, format)
    if (diag->found_at && text)
        diag->labels.data[diag->found_at - 1].text = text;
    else
        diag->primary = text;
    return diag;
}

void diag_found_at(Diag *diag, Span at) {
    if (!diag->arena || !at.file) return;
    vec_push(diag->arena, &diag->labels, ((Label){at, "found here"}));
    diag->found_at = diag->labels.len;
}

Diag *diag_label(Diag *diag, Span at, const char *format, ...) {
    FORMAT_INTO(diag, text, format)
    if (text && at.file) vec_push(diag->arena, &diag->labels, ((Label){at, text}));
    return diag;
}

Diag *diag_note(Diag *diag, const char *format, ...) {
    FORMAT_INTO(diag, text, format)
    if (text) vec_push(diag->arena, &diag->notes, text);
    return diag;
}

Diag *diag_help(Diag *diag, const char *format, ...) {
    FORMAT_INTO(diag, text, format)
    if (text) vec_push(diag->arena, &diag->helps, text);
    return diag;
}

int diags_error_count(const Diags *diags) {
    return diags->n_errors;
}

/* ---- showing ------------------------------------------------------------------------------------------------------ */

static int compare_diags(const void *a, const void *b) {
    const Diag *left = *(Diag *const *)a, *right = *(Diag *const *)b;
    if (left->span.file != right->span.file) return left->span.file < right->span.file ? -1 : 1;
    if (left->span.begin != right->span.begin) return left->span.begin < right->span.begin ? -1 : 1;
    return left->order - right->order;
}

DiagVec diags_sorted(const Diags *diags) {
    DiagVec sorted = {0};
    for (int i = 0; i < diags->items.len; i++) vec_push(diags->arena, &sorted, diags->items.data[i]);
    if (sorted.len) qsort(sorted.data, (size_t)sorted.len, sizeof *sorted.data, compare_diags);
    return sorted;
}

void diags_render(const Diags *diags, FILE *out, DiagFormat format, bool color) {
    if (format == DIAG_JSON)
        diags_render_json(diags, out);
    else
        diags_render_human(diags, out, color);
}

void bug_at(const char *file, int line, const char *format, ...) {
    fprintf(stderr, "nnc: internal error at %s:%d: ", file, line);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("\nThis is a bug in nnc; please report it with the program that triggers it.\n", stderr);
    abort();
}
