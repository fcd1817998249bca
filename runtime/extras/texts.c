#include "extras/texts.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

void nnrt_texts_free(nnrt_texts *texts) {
    free(texts->text);
    free(texts->starts);
    *texts = (nnrt_texts){0};
}

nnrt_field nnrt_texts_at(const nnrt_texts *texts, int64_t i) {
    return (nnrt_field){texts->text + texts->starts[i], texts->starts[i + 1] - texts->starts[i]};
}

/* Bytes of the UTF-8 character at p, or 0 where there is none (RFC 3629: no overlong forms, no surrogates). */
static size_t utf8_size(const unsigned char *p, size_t left) {
    size_t size = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] <= 0xDF ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : 0;
    if (p[0] >= 0xF0 && p[0] <= 0xF4) size = 4;
    if (size == 0 || size > left) return 0;
    for (size_t i = 1; i < size; i++)
        if ((p[i] & 0xC0) != 0x80) return 0;
    bool wrong = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
                 (p[0] == 0xF4 && p[1] > 0x8F);
    return wrong ? 0 : size;
}

/* Appends a cell; at most twice its size. */
static char *put_utf8(char *out, const nnrt_field *field) {
    const unsigned char *p = (const unsigned char *)field->text, *end = p + field->size;
    while (p < end) {
        size_t size = utf8_size(p, (size_t)(end - p));
        if (size == 0) {
            *out++ = (char)(0xC0 | *p >> 6);
            *out++ = (char)(0x80 | (*p++ & 0x3F));
            continue;
        }
        memcpy(out, p, size);
        out += size;
        p += size;
    }
    return out;
}

static size_t column_size(const nnrt_table *table, int64_t column, nnrt_field *fields) {
    size_t size = 0;
    for (int64_t row = 0; row < table->n_rows; row++) {
        nnrt_table_row(table, row, fields);
        size += fields[column].size;
    }
    return size;
}

nnrt_status nnrt_texts_take(nnrt_texts *texts, const nnrt_table *table, int64_t column, nnrt_source_kind kind,
                            const char *path, nnrt_error *error) {
    nnrt_field *fields = malloc(((size_t)table->n_columns + 1) * sizeof *fields);
    if (!fields) return nnrt_fail_memory(error, 0, path);
    size_t size   = 2 * column_size(table, column, fields) + 1;
    texts->n      = table->n_rows;
    texts->text   = malloc(size);
    texts->starts = malloc(((size_t)texts->n + 1) * sizeof *texts->starts);
    if (!texts->text || !texts->starts) {
        free(fields);
        nnrt_texts_free(texts);
        return nnrt_fail_memory(error, size, path);
    }
    char *out = texts->text;
    for (int64_t row = 0; row < table->n_rows; row++) {
        nnrt_table_row(table, row, fields);
        texts->starts[row]      = (size_t)(out - texts->text);
        const nnrt_field *field = &fields[column];
        if (kind == NNRT_FROM_BYTES)
            memcpy(out, field->text, field->size), out += field->size;
        else if (kind != NNRT_FROM_CATEGORY || !nnrt_is_missing(field))
            out = put_utf8(out, field);
    }
    texts->starts[texts->n] = (size_t)(out - texts->text);
    *out                    = 0;
    free(fields);
    return NNRT_OK;
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80);
}

bool nnrt_next_word(nnrt_field *rest, nnrt_field *word) {
    char *p = rest->text, *end = p + rest->size;
    while (p < end && !is_letter(*p)) p++;
    char *start = p;
    for (; p < end && (is_letter(*p) || (*p == '\'' && p + 1 < end && is_letter(p[1]))); p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
    *word = (nnrt_field){start, (size_t)(p - start)};
    *rest = (nnrt_field){p, (size_t)(end - p)};
    return p > start;
}

int64_t nnrt_text_length(nnrt_field text, nnrt_source_kind kind) {
    if (kind == NNRT_FROM_BYTES) return (int64_t)text.size;
    int64_t    n = 0;
    nnrt_field word;
    while (nnrt_next_word(&text, &word)) n++;
    return n;
}
