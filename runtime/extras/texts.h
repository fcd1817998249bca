/* A column of texts, and the words in them. */
#ifndef NNRT_EXTRAS_TEXTS_H
#define NNRT_EXTRAS_TEXTS_H

#include "extras/table.h"

typedef struct nnrt_texts { /* text i is text[starts[i] .. starts[i + 1]) */
    char   *text;           /* NULL: none */
    size_t *starts;         /* n + 1 */
    int64_t n;
} nnrt_texts;

/* Copies a column: as UTF-8 (bytes that are not become the characters that Latin-1 has for them) and, of categories, with
 * missing cells as empty texts; or, for bytes, as it is. */
nnrt_status nnrt_texts_take(nnrt_texts *texts, const nnrt_table *table, int64_t column, nnrt_source_kind kind,
                            const char *path, nnrt_error *error);
void        nnrt_texts_free(nnrt_texts *texts);

nnrt_field nnrt_texts_at(const nnrt_texts *texts, int64_t i);

/* Cuts the next word off `rest`: letters, digits and characters beyond ASCII, with apostrophes between them, in lower
 * case (of ASCII; in place). False when there is none. */
bool nnrt_next_word(nnrt_field *rest, nnrt_field *word);

/* Words of a text; for bytes, its size. */
int64_t nnrt_text_length(nnrt_field text, nnrt_source_kind kind);

#endif
