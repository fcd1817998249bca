/* Texts of a data set to numbers, by the vocabularies of the training data. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/vocabulary.h"

typedef struct Encoder {
    nnrt_dataset          *set;
    int                    input;
    const nnrt_vocabulary *vocabulary;
    nnrt_error            *error;
} Encoder;

/* A text's index; adult.test and its like end every class with a full stop. */
static int64_t find(const nnrt_vocabulary *v, nnrt_field text) {
    int64_t found = nnrt_vocabulary_find(v, &text);
    if (found >= 0 || text.size < 2 || text.text[text.size - 1] != '.') return found;
    text.size--;
    return nnrt_vocabulary_find(v, &text);
}

static nnrt_status fail_class(const Encoder *e, int64_t sample, nnrt_field text) {
    const nnrt_vocabulary *v    = e->vocabulary;
    const char            *name = e->set->model->inputs[e->input].tensor.name;
    char                   place[4400], list[160] = "";
    size_t                 used = 0;
    nnrt_dataset_place(&e->set->columns[e->input], sample, place, sizeof place);
    if (text.size == 0)
        return nnrt_fail(e->error, NNRT_BAD_DATA, "%.300s is missing: target '%s' needs a class in every row", place,
                         name);
    for (int64_t i = 0; i < v->n_texts && i < 6 && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%.20s", i ? ", " : "", v->texts[i]);
    return nnrt_fail(e->error, NNRT_BAD_DATA,
                     "%.300s: '%.*s' is no class of target '%s' in the training data, which has %s%s", place,
                     text.size > 40 ? 40 : (int)text.size, text.text, name, list, v->n_texts > 6 ? ", ..." : "");
}

static nnrt_status encode_category(const Encoder *e) {
    nnrt_column *column    = &e->set->columns[e->input];
    bool         is_target = e->set->model->inputs[e->input].is_target;
    int32_t     *out       = column->array.data;
    for (int64_t i = 0; i < column->texts.n; i++) {
        nnrt_field text  = nnrt_texts_at(&column->texts, i);
        int64_t    found = text.size > 0 ? find(e->vocabulary, text) : -1;
        if (is_target && found < 0) return fail_class(e, i, text);
        out[i] = (int32_t)(is_target ? found : found + 1);
    }
    return NNRT_OK;
}

/* Longer texts are cut, shorter ones end in zeros. */
static void encode_words(const Encoder *e) {
    nnrt_column *column = &e->set->columns[e->input];
    int64_t      length = column->array.shape[1];
    int32_t     *out    = column->array.data;
    for (int64_t i = 0; i < column->texts.n; i++, out += length) {
        nnrt_field text = nnrt_texts_at(&column->texts, i), word;
        for (int64_t k = 0; k < length && nnrt_next_word(&text, &word); k++)
            out[k] = (int32_t)(nnrt_vocabulary_find(e->vocabulary, &word) + 1);
    }
}

static nnrt_status check_vocabulary(const Encoder *e) {
    if (e->vocabulary->slots) return NNRT_OK;
    return nnrt_fail(e->error, NNRT_BAD_DATA,
                     "%s: holds texts for '%s', but the weights have no vocabulary: train them on texts",
                     e->set->columns[e->input].array.source, e->set->model->inputs[e->input].tensor.name);
}

static nnrt_status fill_means(const Encoder *e) {
    nnrt_array *array = &e->set->columns[e->input].array;
    int64_t     width = array->shape[1];
    if (e->vocabulary->n_means != width)
        return nnrt_fail(e->error, NNRT_BAD_DATA,
                         "the weights do not say what replaces missing numbers of '%s': train them on this data's "
                         "columns",
                         e->set->model->inputs[e->input].tensor.name);
    for (int64_t i = 0; i < array->count; i++)
        if (isnan(nnrt_elem_get(array->elem, array->data, i)))
            nnrt_elem_put(array->elem, array->data, i, e->vocabulary->means[i % width]);
    return NNRT_OK;
}

static nnrt_status encode_input(const Encoder *e) {
    nnrt_column *column = &e->set->columns[e->input];
    nnrt_status  status = column->texts.text ? check_vocabulary(e) : NNRT_OK;
    if (status != NNRT_OK) return status;
    switch ((nnrt_source_kind)e->set->model->inputs[e->input].source.kind) {
    case NNRT_FROM_CATEGORY: status = encode_category(e); break;
    case NNRT_FROM_WORDS: encode_words(e); break;
    case NNRT_FROM_COLUMN: status = fill_means(e); break;
    case NNRT_FROM_NAME:
    case NNRT_FROM_BYTES:
    case NNRT_FROM_IMAGE:
    case NNRT_FROM_WAV: break;
    }
    if (status != NNRT_OK) return status;
    column->is_pending = false;
    return nnrt_dataset_check_elements(e->set, e->input, e->error);
}

nnrt_status nnrt_dataset_encode(nnrt_dataset *set, const nnrt_vocabularies *vocabularies, nnrt_error *error) {
    static const nnrt_vocabulary NONE   = {0};
    nnrt_status                  status = NNRT_OK;
    for (int i = 0; i < set->model->n_inputs && status == NNRT_OK; i++) {
        const Encoder e = {set, i, vocabularies->inputs ? &vocabularies->inputs[i] : &NONE, error};
        if (set->columns[i].is_pending && !set->columns[i].borrowed) status = encode_input(&e);
    }
    return status;
}
