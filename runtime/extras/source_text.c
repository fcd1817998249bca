/* `from ...` of an input, as the model says it. */
#include <stdio.h>
#include <string.h>

#include "extras/dataset.h"

static size_t add(char *text, size_t size, size_t used, const char *part) {
    if (used < size) used += (size_t)snprintf(text + used, size - used, "%s", part);
    return used;
}

const char *nnrt_source_text(const nnrt_input *input, char *text, size_t size) {
    static const char *const KINDS[] = {"", "column", "category", "words", "bytes", "image", "wav"};
    const nnrt_source       *source  = &input->source;
    char                     part[160];
    size_t                   used = 0;
    text[0]                       = 0;
    if (source->kind == NNRT_FROM_NAME) return text;
    used = add(text, size, used, "from ");
    used = add(text, size, used, KINDS[source->kind]);
    for (int64_t i = 0; i < source->n_columns; i++) {
        bool number = source->columns[i][strspn(source->columns[i], "0123456789")] == 0;
        snprintf(part, sizeof part, number ? "%s%.80s" : "%s\"%.80s\"", i ? ", " : "(", source->columns[i]);
        used = add(text, size, used, part);
    }
    if (source->n_columns == 0) used = add(text, size, used, "(");
    part[0] = 0;
    if (source->max > 0 && source->kind != NNRT_FROM_BYTES)
        snprintf(part, sizeof part, ", max = %lld", (long long)source->max);
    if (source->missing == NNRT_MISSING_MEAN) snprintf(part, sizeof part, ", missing = mean");
    if (source->missing == NNRT_MISSING_FILL) snprintf(part, sizeof part, ", missing = %g", source->fill);
    if (source->shift > 0)
        snprintf(part, sizeof part, "%sshift = %lld", source->n_columns ? ", " : "", (long long)source->shift);
    if (source->rate > 0) snprintf(part, sizeof part, ", rate = %lld", (long long)source->rate);
    if (source->window > 0) {
        char window[40];
        snprintf(window, sizeof window, ", window = %lld", (long long)source->window);
        used = add(text, size, used, window);
    }
    used = add(text, size, used, part);
    add(text, size, used, ")");
    return text;
}
