/* Inputs that are texts: arrays for rows of words and bytes, and windows of a whole file. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/dataset.h"

bool nnrt_takes_whole_file(const nnrt_input *input) {
    return input->source.kind == NNRT_FROM_BYTES && input->source.n_columns == 0;
}

/* The length of a row: the axis' constant, or its dim's bound. */
static nnrt_status row_length(const nnrt_model *model, int input, int64_t *length, nnrt_error *error) {
    const nnrt_tensor *tensor = &model->inputs[input].tensor;
    int                symbol = tensor->rank == 2 ? tensor->symbol[1] : -1;
    *length                   = 0;
    if (symbol >= 0) {
        *length = model->dims[symbol].bound;
        return NNRT_OK;
    }
    int64_t *symbols = calloc((size_t)model->n_symbols + 1, sizeof *symbols);
    int64_t *shapes  = calloc((size_t)model->n_shape_values + 1, sizeof *shapes);
    if (symbols && shapes) {
        for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
        model->shapes(symbols, shapes);
        *length = shapes[tensor->shape_at + 1];
    }
    nnrt_status status = symbols && shapes ? NNRT_OK : nnrt_fail_memory(error, 0, "shapes");
    free(symbols);
    free(shapes);
    return status;
}

/* ---- texts in rows ----------------------------------------------------------------------------------------------- */

static int64_t longest_text(const nnrt_texts *texts, nnrt_source_kind kind) {
    int64_t longest = 1;
    for (int64_t i = 0; i < texts->n; i++) {
        int64_t length = nnrt_text_length(nnrt_texts_at(texts, i), kind);
        if (length > longest) longest = length;
    }
    return longest;
}

static bool is_text(const nnrt_dataset *set, int input) {
    return set->columns[input].texts.text && !set->columns[input].array.data;
}

/* The longest text among the inputs that share dim `symbol`. */
static int64_t longest_of_dim(const nnrt_dataset *set, int symbol) {
    int64_t longest = 1;
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_input *input = &set->model->inputs[i];
        if (!is_text(set, i) || input->tensor.rank != 2 || input->tensor.symbol[1] != symbol) continue;
        int64_t length = longest_text(&set->columns[i].texts, (nnrt_source_kind)input->source.kind);
        if (length > longest) longest = length;
    }
    return longest;
}

/* Longer texts are cut, shorter ones end in zeros. */
static void fill_bytes(nnrt_column *column) {
    int64_t        length = column->array.shape[1];
    unsigned char *out    = column->array.data;
    for (int64_t i = 0; i < column->texts.n; i++, out += length) {
        nnrt_field text = nnrt_texts_at(&column->texts, i);
        memcpy(out, text.text, text.size < (size_t)length ? text.size : (size_t)length);
    }
    nnrt_texts_free(&column->texts);
}

nnrt_status nnrt_dataset_shape_texts(nnrt_dataset *set, nnrt_error *error) {
    int64_t    *lengths = calloc((size_t)set->model->n_inputs + 1, sizeof *lengths);
    nnrt_status status  = lengths ? NNRT_OK : nnrt_fail_memory(error, 0, "texts");
    for (int i = 0; i < set->model->n_inputs && status == NNRT_OK; i++) {
        const nnrt_input *input = &set->model->inputs[i];
        if (!is_text(set, i) || input->source.kind == NNRT_FROM_CATEGORY) continue;
        status = row_length(set->model, i, &lengths[i], error);
        if (input->tensor.symbol[1] < 0) continue;
        int64_t longest = longest_of_dim(set, input->tensor.symbol[1]);
        if (lengths[i] < 1 || longest < lengths[i]) lengths[i] = longest;
    }
    for (int i = 0; i < set->model->n_inputs && status == NNRT_OK; i++) {
        nnrt_column *column = &set->columns[i];
        if (!is_text(set, i)) continue;
        bool bytes             = set->model->inputs[i].source.kind == NNRT_FROM_BYTES;
        column->array.elem     = bytes ? NNRT_U8 : NNRT_I32;
        column->array.rank     = lengths[i] ? 2 : 1;
        column->array.shape[0] = column->texts.n;
        column->array.shape[1] = lengths[i];
        column->is_pending     = !bytes;
        status                 = nnrt_array_alloc(&column->array, column->array.source, error);
        if (status != NNRT_OK) break;
        memset(column->array.data, 0, (size_t)column->array.count * nnrt_elem_size(column->array.elem));
        if (bytes) fill_bytes(column);
    }
    free(lengths);
    return status;
}

/* ---- windows of a whole file ------------------------------------------------------------------------------------- */

static bool takes(const nnrt_dataset *set, const bool *needed, int input) {
    return needed[input] && nnrt_takes_whole_file(&set->model->inputs[input]);
}

static nnrt_status cut_windows(nnrt_dataset *set, int input, const char *path, const nnrt_bytes *bytes, int64_t length,
                               int64_t n_windows, nnrt_error *error) {
    nnrt_column *column = &set->columns[input];
    nnrt_column_free(column);
    column->array =
        (nnrt_array){.elem = NNRT_U8, .rank = 2, .shape = {n_windows, length}, .source = strdup(path), .name = NULL};
    if (!column->array.source) return nnrt_fail_memory(error, 0, path);
    nnrt_status status = nnrt_array_alloc(&column->array, path, error);
    if (status == NNRT_OK)
        memcpy(column->array.data, bytes->data + set->model->inputs[input].source.shift, (size_t)column->array.count);
    return status;
}

/* One window after the other; what is left at the end is not used. Where the window may be shorter, a file that is
 * shorter gives one window. */
nnrt_status nnrt_dataset_take_windows(nnrt_dataset *set, const char *path, const bool *needed, int only_input,
                                      nnrt_error *error) {
    const nnrt_model *model = set->model;
    int64_t           shift = 0;
    for (int i = 0; i < model->n_inputs; i++)
        if (takes(set, needed, i) && model->inputs[i].source.shift > shift) shift = model->inputs[i].source.shift;
    nnrt_bytes  bytes;
    nnrt_status status = nnrt_read_file(path, &bytes, error);
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++) {
        int64_t length, size = (int64_t)bytes.size - shift;
        if (only_input >= 0 ? i != only_input : !takes(set, needed, i)) continue;
        if ((status = row_length(model, i, &length, error)) != NNRT_OK) break;
        if (model->inputs[i].tensor.symbol[1] >= 0 && size > 0 && size < length) length = size;
        if (size < length)
            status = nnrt_fail(error, NNRT_BAD_DATA, "%s: has %zu bytes, a window of input '%s' takes %lld", path,
                               bytes.size, model->inputs[i].tensor.name, (long long)(length + shift));
        else
            status = cut_windows(set, i, path, &bytes, length, size / length, error);
    }
    free(bytes.data);
    return status;
}
