/* Diagnostics for people: the line, underlined, with the words under it.
 *
 *     error[E0301]: shapes differ in '+': [batch, 16] and [batch, 32]
 *      --> resnet.nnet:6:15
 *       |
 *     6 |   return max(h + skip)
 *       |              - ^ ---- axis 1 is 32
 *       |              axis 1 is 16
 *       = help: give both the same stride
 *
 * Positions in a shown line are cells: a code point takes one, a tab up to four. A very long line is shown in part. */
#include <string.h>

#include "base/diag_internal.h"

enum { TAB_CELLS = 4, WINDOW_BYTES = 140, LEAD_BYTES = 60 };

/* ---- colours ---------------------------------------------------------------------------------------------------------- */

typedef enum Paint { PAINT_NONE, PAINT_BOLD, PAINT_ERROR, PAINT_WARNING, PAINT_GUTTER, PAINT_COUNT } Paint;

static const char *const paint_codes[PAINT_COUNT] = {"\x1b[0m", "\x1b[1m", "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m"};

typedef struct View {
    const Diags *diags;
    FILE        *out;
    bool         color;
    int          gutter; /* width of the line numbers */
} View;

static void paint(const View *v, Paint p) {
    if (v->color) fputs(paint_codes[p], v->out);
}

static void painted(const View *v, Paint p, const char *text) {
    paint(v, p);
    fputs(text, v->out);
    paint(v, PAINT_NONE);
}

static Paint severity_paint(const Diag *diag) {
    return diag->severity == SEVERITY_ERROR ? PAINT_ERROR : PAINT_WARNING;
}

/* ---- cells ------------------------------------------------------------------------------------------------------------ */

/* The part of a line that is shown. */
typedef struct Window {
    const char *text; /* of the whole line */
    size_t      begin, end;
    bool        cut_left, cut_right;
} Window;

static bool continues_character(char byte) {
    return ((unsigned char)byte & 0xC0) == 0x80;
}

/* Bytes of the code point at `text`, or 0 when it is malformed there. */
static int character_bytes(const char *text, size_t available) {
    unsigned char lead = (unsigned char)text[0];
    int           n    = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if ((size_t)n > available) return 0;
    for (int i = 1; i < n; i++)
        if (!continues_character(text[i])) return 0;
    return n;
}

static Window window_around(const char *text, size_t length, size_t focus) {
    Window w = {text, 0, length, false, false};
    if (length <= WINDOW_BYTES) return w;
    if (focus > LEAD_BYTES) w.begin = focus - LEAD_BYTES;
    if (w.begin + WINDOW_BYTES < length) w.end = w.begin + WINDOW_BYTES;
    while (w.begin > 0 && continues_character(text[w.begin])) w.begin--;
    while (w.end < length && continues_character(text[w.end])) w.end++;
    w.cut_left  = w.begin > 0;
    w.cut_right = w.end < length;
    return w;
}

/* Walks the window's code points up to byte `stop`, printing them when `out` is given; returns the cells passed. */
static int walk_cells(const Window *w, size_t stop, FILE *out) {
    int cells = 0;
    if (w->cut_left) {
        cells += 3;
        if (out) fputs("...", out);
    }
    for (size_t i = w->begin; i < stop && i < w->end;) {
        int  n    = character_bytes(w->text + i, w->end - i);
        bool tab  = w->text[i] == '\t';
        int  wide = tab ? TAB_CELLS - cells % TAB_CELLS : 1;
        if (out && tab)
            fprintf(out, "%*s", wide, "");
        else if (out && (n == 0 || (unsigned char)w->text[i] < 0x20 || w->text[i] == 0x7F))
            fputs("\xEF\xBF\xBD", out);
        else if (out)
            fwrite(w->text + i, 1, (size_t)n, out);
        cells += wide;
        i += n ? (size_t)n : 1;
    }
    return cells;
}

/* ---- marks under a line ----------------------------------------------------------------------------------------------- */

typedef struct Mark {
    int         line;
    size_t      begin, end; /* bytes in the line */
    bool        primary;
    const char *text;
    int         cell, cells; /* set when shown */
} Mark;

typedef VEC(Mark) MarkVec;

/* Only the first line of a span is underlined. */
static Mark mark_of(const Source *source, Span span, bool primary, const char *text) {
    int         line = source_line_of(source, span.begin);
    size_t      length;
    const char *start  = source_line(source, line, &length);
    size_t      offset = (size_t)(start - source->text);
    size_t      begin = span.begin - offset, end = span.end > offset ? span.end - offset : 0;
    if (begin > length) begin = length;
    if (end > length) end = length;
    if (end < begin) end = begin;
    return (Mark){.line = line, .begin = begin, .end = end, .primary = primary, .text = text};
}

/* The marks of one file, in the order of their places. */
static MarkVec marks_in(const Diags *diags, const Diag *diag, uint32_t file) {
    const Source *source = diags_source(diags, file);
    MarkVec       marks  = {0};
    if (!source) return marks; /* a diagnostic without a place */
    if (diag->span.file == file) vec_push(diags->arena, &marks, mark_of(source, diag->span, true, diag->primary));
    for (int i = 0; i < diag->labels.len; i++) {
        const Label *label = &diag->labels.data[i];
        if (label->span.file == file) vec_push(diags->arena, &marks, mark_of(source, label->span, false, label->text));
    }
    for (int i = 1; i < marks.len; i++) /* insertion sort: a handful, and stable */
        for (int k = i; k > 0; k--) {
            Mark *a = &marks.data[k - 1], *b = &marks.data[k];
            if (a->line < b->line || (a->line == b->line && a->begin <= b->begin)) break;
            Mark swap = *a;
            *a        = *b;
            *b        = swap;
        }
    return marks;
}

static void gutter(const View *v, int line) {
    paint(v, PAINT_GUTTER);
    if (line)
        fprintf(v->out, "%*d |", v->gutter, line);
    else
        fprintf(v->out, "%*s |", v->gutter, "");
    paint(v, PAINT_NONE);
}

static void pad_to(const View *v, int *at, int cell) {
    if (*at < cell) fprintf(v->out, "%*s", cell - *at, "");
    if (*at < cell) *at = cell;
}

/* Whether the words of the last mark may stand on the line of the underlines: nothing may stand behind it. */
static bool has_words(const Mark *mark) {
    return mark->text && mark->text[0];
}

static void show_underlines(const View *v, const Diag *diag, const Mark *marks, int count, const Mark *inlined) {
    int at = 0;
    gutter(v, 0);
    fputc(' ', v->out);
    for (int i = 0; i < count; i++) {
        int end = marks[i].cell + marks[i].cells;
        if (i + 1 < count && marks[i + 1].cell < end) end = marks[i + 1].cell;
        pad_to(v, &at, marks[i].cell);
        paint(v, marks[i].primary ? severity_paint(diag) : PAINT_GUTTER);
        for (; at < end; at++) fputc(marks[i].primary ? '^' : '-', v->out);
        if (&marks[i] == inlined) fprintf(v->out, " %s", inlined->text);
        paint(v, PAINT_NONE);
    }
    fputc('\n', v->out);
}

/* The words of the marks that could not stand on the underlines' line, from right to left. */
static void show_words(const View *v, const Diag *diag, const Mark *marks, int count, const Mark *inlined) {
    for (int i = count - 1; i >= 0; i--) {
        if (!has_words(&marks[i]) || &marks[i] == inlined) continue;
        int at = 0;
        gutter(v, 0);
        fputc(' ', v->out);
        for (int k = 0; k < i; k++) {
            if (!has_words(&marks[k]) || &marks[k] == inlined || marks[k].cell < at || marks[k].cell == marks[i].cell)
                continue;
            pad_to(v, &at, marks[k].cell);
            painted(v, marks[k].primary ? severity_paint(diag) : PAINT_GUTTER, "|");
            at++;
        }
        pad_to(v, &at, marks[i].cell);
        painted(v, marks[i].primary ? severity_paint(diag) : PAINT_GUTTER, marks[i].text);
        fputc('\n', v->out);
    }
}

static void show_line_text(const View *v, const Window *w, int line) {
    gutter(v, line);
    if (w->end > w->begin) fputc(' ', v->out);
    walk_cells(w, w->end, v->out);
    fputs(w->cut_right ? "...\n" : "\n", v->out);
}

static void show_marked_line(const View *v, const Diag *diag, const Source *source, Mark *marks, int count) {
    size_t      length;
    const char *text  = source_line(source, marks[0].line, &length);
    size_t      focus = marks[0].begin;
    for (int i = 0; i < count; i++)
        if (marks[i].primary) focus = marks[i].begin;
    Window w = window_around(text, length, focus);
    for (int i = 0; i < count; i++) {
        marks[i].cell  = walk_cells(&w, marks[i].begin, NULL);
        marks[i].cells = walk_cells(&w, marks[i].end, NULL) - marks[i].cell;
        if (marks[i].cells < 1) marks[i].cells = 1;
    }
    const Mark *last    = &marks[count - 1];
    bool        covered = false; /* a wider mark reaches behind the last */
    for (int i = 0; i < count - 1; i++) covered |= marks[i].cell + marks[i].cells > last->cell + last->cells;
    const Mark *inlined = has_words(last) && !covered ? last : NULL;
    show_line_text(v, &w, marks[0].line);
    show_underlines(v, diag, marks, count, inlined);
    show_words(v, diag, marks, count, inlined);
}

/* A gap of one line is shown, a wider one stands as '...'. */
static void show_gap(const View *v, const Source *source, int from, int to) {
    if (to - from == 2) {
        size_t      length;
        const char *text = source_line(source, from + 1, &length);
        Window      w    = window_around(text, length, 0);
        show_line_text(v, &w, from + 1);
    } else if (to - from > 2) {
        painted(v, PAINT_GUTTER, "...\n");
    }
}

static void show_file(const View *v, const Diag *diag, uint32_t file, const char *arrow) {
    const Source *source = diags_source(v->diags, file);
    MarkVec       marks  = marks_in(v->diags, diag, file);
    if (!source || !marks.len) return;
    Span place = diag->span.file == file ? diag->span : (Span){0, 0, 0};
    for (int i = 0; i < diag->labels.len && !place.file; i++)
        if (diag->labels.data[i].span.file == file) place = diag->labels.data[i].span;
    fprintf(v->out, "%*s", v->gutter, "");
    painted(v, PAINT_GUTTER, arrow);
    fprintf(v->out, " %s:%d:%d\n", source->path, source_line_of(source, place.begin),
            source_column_of(source, place.begin));
    gutter(v, 0);
    fputc('\n', v->out);
    for (int i = 0, next; i < marks.len; i = next) {
        for (next = i + 1; next < marks.len && marks.data[next].line == marks.data[i].line;) next++;
        if (i > 0) show_gap(v, source, marks.data[i - 1].line, marks.data[i].line);
        show_marked_line(v, diag, source, &marks.data[i], next - i);
    }
}

/* ---- one diagnostic --------------------------------------------------------------------------------------------------- */

static int digits(int number) {
    int n = 1;
    while (number >= 10) {
        number /= 10;
        n++;
    }
    return n;
}

static int gutter_width(const Diags *diags, const Diag *diag) {
    int           width  = 1;
    const Source *source = diags_source(diags, diag->span.file);
    if (source) width = digits(source_line_of(source, diag->span.begin));
    for (int i = 0; i < diag->labels.len; i++) {
        Span at = diag->labels.data[i].span;
        source  = diags_source(diags, at.file);
        int n   = source ? digits(source_line_of(source, at.begin)) : 1;
        if (n > width) width = n;
    }
    return width;
}

/* A footnote; the lines of its text after the first are indented below it. */
static void show_note(const View *v, const char *kind, const char *text) {
    paint(v, PAINT_GUTTER);
    fprintf(v->out, "%*s =", v->gutter, "");
    paint(v, PAINT_BOLD);
    fprintf(v->out, " %s:", kind);
    paint(v, PAINT_NONE);
    fputc(' ', v->out);
    for (const char *p = text; *p; p++) {
        fputc(*p, v->out);
        if (*p == '\n') fprintf(v->out, "%*s", v->gutter + (int)strlen(kind) + 5, "");
    }
    fputc('\n', v->out);
}

static bool shown_before(const Diag *diag, int label) {
    uint32_t file = diag->labels.data[label].span.file;
    if (file == diag->span.file) return true;
    for (int i = 0; i < label; i++)
        if (diag->labels.data[i].span.file == file) return true;
    return false;
}

static void show_diag(View *v, const Diag *diag) {
    v->gutter = gutter_width(v->diags, diag);
    paint(v, severity_paint(diag));
    fprintf(v->out, "%s[%s]", severity_name(diag->severity), diag_code_name(diag->code));
    paint(v, PAINT_BOLD);
    fprintf(v->out, ": %s\n", diag->message);
    paint(v, PAINT_NONE);
    show_file(v, diag, diag->span.file, "-->");
    for (int i = 0; i < diag->labels.len; i++)
        if (!shown_before(diag, i)) show_file(v, diag, diag->labels.data[i].span.file, ":::");
    for (int i = 0; i < diag->notes.len; i++) show_note(v, "note", diag->notes.data[i]);
    for (int i = 0; i < diag->helps.len; i++) show_note(v, "help", diag->helps.data[i]);
}

void diags_render_human(const Diags *diags, FILE *out, bool color) {
    View    view   = {diags, out, color, 1};
    DiagVec sorted = diags_sorted(diags);
    for (int i = 0; i < sorted.len; i++) {
        if (i > 0) fputc('\n', out);
        show_diag(&view, sorted.data[i]);
    }
    int more = diags->n_errors - diags->n_errors_kept;
    if (more > 0) fprintf(out, "\n... and %d more error%s\n", more, more == 1 ? "" : "s");
}
