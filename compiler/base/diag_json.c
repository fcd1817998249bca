/* Diagnostics for editors: one JSON object a line.
 *
 *     {"file":"a.nnet","line":6,"column":15,"end":{"line":6,"column":16},"code":"E0301","severity":"error",
 *      "message":"...","labels":[{"file":...,"line":...,"column":...,"end":{...},"message":"..."}],
 *      "notes":["..."],"help":["..."]}
 *
 * Lines and columns count from 1, columns in code points; the end is exclusive. A diagnostic without a place has
 * "file":null and no position. */
#include "base/diag_internal.h"

#include <string.h>

/* Malformed bytes become U+FFFD, so that the line always is JSON. */
static void put_string(FILE *out, const char *text) {
    fputc('"', out);
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int n = *p < 0x80 ? 1 : *p < 0xC2 ? 0 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : *p < 0xF5 ? 4 : 0;
        for (int i = 1; i < n; i++)
            if ((p[i] & 0xC0) != 0x80) n = 0;
        if (n == 0)
            fputs("\\ufffd", out);
        else if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p < 0x20)
            fprintf(out, "\\u%04x", *p);
        else
            fwrite(p, 1, (size_t)n, out);
        p += n ? n : 1;
    }
    fputc('"', out);
}

static void put_place(const Diags *diags, FILE *out, Span at) {
    const Source *source = diags_source(diags, at.file);
    fputs("\"file\":", out);
    if (!source) {
        fputs("null", out);
        return;
    }
    put_string(out, source->path);
    fprintf(out, ",\"line\":%d,\"column\":%d", source_line_of(source, at.begin), source_column_of(source, at.begin));
    fprintf(out, ",\"end\":{\"line\":%d,\"column\":%d}", source_line_of(source, at.end),
            source_column_of(source, at.end));
}

static void put_texts(FILE *out, const char *key, const TextVec *texts) {
    fprintf(out, ",\"%s\":[", key);
    for (int i = 0; i < texts->len; i++) {
        if (i > 0) fputc(',', out);
        put_string(out, texts->data[i]);
    }
    fputc(']', out);
}

static void put_labels(const Diags *diags, FILE *out, const Diag *diag) {
    fputs(",\"labels\":[", out);
    for (int i = 0; i < diag->labels.len; i++) {
        fputs(i > 0 ? ",{" : "{", out);
        put_place(diags, out, diag->labels.data[i].span);
        fputs(",\"message\":", out);
        put_string(out, diag->labels.data[i].text);
        fputc('}', out);
    }
    fputc(']', out);
}

static void put_diag(const Diags *diags, FILE *out, const Diag *diag) {
    fputc('{', out);
    put_place(diags, out, diag->span);
    fprintf(out, ",\"code\":\"%s\",\"severity\":\"%s\",\"message\":", diag_code_name(diag->code),
            severity_name(diag->severity));
    put_string(out, diag->message);
    if (diag->primary) {
        fputs(",\"label\":", out);
        put_string(out, diag->primary);
    }
    put_labels(diags, out, diag);
    put_texts(out, "notes", &diag->notes);
    put_texts(out, "help", &diag->helps);
    fputs("}\n", out);
}

void diags_render_json(const Diags *diags, FILE *out) {
    DiagVec sorted = diags_sorted(diags);
    for (int i = 0; i < sorted.len; i++) put_diag(diags, out, sorted.data[i]);
}
