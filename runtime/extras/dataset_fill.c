/* Columns of a CSV to the array, or the texts, of one input. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/media.h"

typedef struct Filling {
    nnrt_column      *column;
    const nnrt_input *input;
    const char       *path;
    const nnrt_table *table;
    int64_t           width;
    int64_t           n_samples; /* fewer than rows, where samples are windows of several */
    nnrt_error       *error;
} Filling;

/* A missing number: what the model says, else NaN until the mean is known. */
static bool fill_missing(const Filling *f, const nnrt_field *field, double *value) {
    if (f->input->source.missing == NNRT_MISSING_REFUSED || !nnrt_is_missing(field)) return false;
    bool mean = f->input->source.missing == NNRT_MISSING_MEAN;
    *value    = mean ? NAN : f->input->source.fill;
    return true;
}

static nnrt_status fill_row(const Filling *f, int64_t row, nnrt_field *fields) {
    nnrt_array *array = &f->column->array;
    nnrt_table_row(f->table, row, fields);
    for (int64_t k = 0; k < f->width; k++) {
        int64_t     from  = nnrt_column_number(f->column, k);
        double      value = 0;
        nnrt_field *field = &fields[from];
        bool        ok    = (nnrt_parse_number(field, &value) && isfinite(value)) || fill_missing(f, field, &value);
        if (!ok) return nnrt_fail_cell(f->path, f->table, row, from, field, f->error);
        nnrt_elem_put(array->elem, array->data, row * f->width + k, value);
    }
    return NNRT_OK;
}

int64_t nnrt_model_reach(const nnrt_model *model) {
    int64_t reach = 1;
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_source *source = &model->inputs[i].source;
        int64_t            end    = source->shift + (source->window > 0 ? source->window : 1);
        if (source->kind == NNRT_FROM_COLUMN && end > reach) reach = end;
    }
    return reach;
}

/* Rows become samples: each begins a row after the one before it and has `window` of them. */
static nnrt_status cut_windows(const Filling *f, int64_t n_samples) {
    const nnrt_source *source = &f->input->source;
    nnrt_array         rows = f->column->array, *array = &f->column->array;
    size_t             nbytes = (size_t)f->width * nnrt_elem_size(rows.elem);
    int64_t            window = source->window > 0 ? source->window : 1;
    array->shape[0]           = n_samples;
    array->shape[1]           = window * f->width;
    nnrt_status status        = nnrt_array_alloc(array, f->path, f->error);
    for (int64_t i = 0; i < n_samples && status == NNRT_OK; i++)
        memcpy((char *)array->data + (size_t)(i * window) * nbytes,
               (const char *)rows.data + (size_t)(i + source->shift) * nbytes, (size_t)window * nbytes);
    f->column->is_window = true;
    free(rows.data);
    return status;
}

/* Decimal text to the input's type: floats round as literals do, integers must be whole and in range. */
static nnrt_status fill_numbers(const Filling *f) {
    nnrt_array *array     = &f->column->array;
    array->elem           = nnrt_elem_is_float(f->input->tensor.elem) ? f->input->tensor.elem : NNRT_F64;
    array->rank           = 2;
    array->shape[0]       = f->table->n_rows;
    array->shape[1]       = f->width;
    f->column->is_pending = f->input->source.missing == NNRT_MISSING_MEAN;
    nnrt_status status    = nnrt_array_alloc(array, f->path, f->error);
    nnrt_field *fields    = status == NNRT_OK ? malloc(((size_t)f->table->n_columns + 1) * sizeof *fields) : NULL;
    if (status == NNRT_OK && !fields) status = nnrt_fail_memory(f->error, 0, f->path);
    for (int64_t row = 0; row < f->table->n_rows && status == NNRT_OK; row++) status = fill_row(f, row, fields);
    free(fields);
    if (status == NNRT_OK && f->n_samples < f->table->n_rows) status = cut_windows(f, f->n_samples);
    return status;
}

nnrt_status nnrt_dataset_fill(nnrt_dataset *set, int input, const char *path, const nnrt_table *table, int64_t *columns,
                              int64_t width, nnrt_error *error) {
    nnrt_column  *column    = &set->columns[input];
    const int64_t reach     = nnrt_model_reach(set->model);
    const int64_t n_samples = table->n_rows - reach + 1;
    nnrt_column_free(column);
    column->columns             = columns;
    column->n_columns           = width;
    const Filling          f    = {column, &set->model->inputs[input], path, table, width, n_samples, error};
    const nnrt_source_kind kind = (nnrt_source_kind)f.input->source.kind;
    if (table->n_rows == 0) return nnrt_fail(error, NNRT_BAD_DATA, "%s: has no rows of data", path);
    if (n_samples < 1)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: has %lld rows, a sample of %s reaches over %lld", path,
                         (long long)table->n_rows, set->model->name, (long long)reach);
    column->array.source = strdup(path);
    column->array.lines  = malloc((size_t)table->n_rows * sizeof *column->array.lines);
    if (!column->array.source || !column->array.lines) return nnrt_fail_memory(error, 0, path);
    memcpy(column->array.lines, table->lines, (size_t)table->n_rows * sizeof *column->array.lines);
    if (kind == NNRT_FROM_NAME || kind == NNRT_FROM_COLUMN) return fill_numbers(&f);
    column->n_columns  = 1;
    bool        media  = kind == NNRT_FROM_IMAGE || kind == NNRT_FROM_WAV;
    nnrt_status status = nnrt_texts_take(&column->texts, table, nnrt_column_number(column, 0),
                                         media ? NNRT_FROM_BYTES : kind, path, error);
    if (status != NNRT_OK) return status;
    column->texts.n = n_samples;
    return media ? nnrt_media_paths(&column->texts, path, column->array.lines, error) : NNRT_OK;
}
