/* Several files for the same inputs: the samples of each follow those of the one before. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/dataset.h"

static bool has_data(const nnrt_column *column) {
    return column->array.data || column->texts.text;
}

const nnrt_part *nnrt_column_part(const nnrt_column *column, int64_t row) {
    const nnrt_part *found = NULL;
    for (int i = 0; i < column->n_parts && column->parts[i].first_row <= row; i++) found = &column->parts[i];
    return found;
}

/* Takes the path and the columns of `column` into a part. */
static bool add_part(nnrt_column *to, nnrt_column *from, int64_t first_row) {
    nnrt_part *more = realloc(to->parts, ((size_t)to->n_parts + 1) * sizeof *more);
    if (!more) return false;
    to->parts         = more;
    more[to->n_parts] = (nnrt_part){first_row, strdup(from->array.source), from->columns};
    from->columns     = NULL;
    return more[to->n_parts++].path != NULL;
}

static bool append_bytes(void **to, size_t to_size, const void *from, size_t from_size) {
    void *more = realloc(*to, to_size + from_size + 1);
    if (!more) return false;
    *to = more;
    memcpy((char *)more + to_size, from, from_size);
    return true;
}

static bool append_texts(nnrt_texts *to, const nnrt_texts *from) {
    size_t size = to->starts[to->n];
    if (!append_bytes((void **)&to->text, size, from->text, from->starts[from->n])) return false;
    if (!append_bytes((void **)&to->starts, ((size_t)to->n + 1) * sizeof *to->starts, from->starts + 1,
                      (size_t)from->n * sizeof *from->starts))
        return false;
    for (int64_t i = 1; i <= from->n; i++) to->starts[to->n + i] += size;
    to->n += from->n;
    return true;
}

static bool append_array(nnrt_array *to, const nnrt_array *from, int64_t rows, int64_t more_rows) {
    if (to->lines && !append_bytes((void **)&to->lines, (size_t)rows * sizeof *to->lines, from->lines,
                                   (size_t)more_rows * sizeof *to->lines))
        return false;
    if (!to->data) return true;
    if (!append_bytes(&to->data, nnrt_array_nbytes(to), from->data, nnrt_array_nbytes(from))) return false;
    to->count += from->count;
    to->shape[0] += more_rows;
    return true;
}

/* Do the rows of b continue those of a? */
static bool continues(const nnrt_model *model, int input, const nnrt_column *a, const nnrt_column *b) {
    int                sample = nnrt_model_sample_dim(model);
    const nnrt_tensor *tensor = &model->inputs[input].tensor;
    bool same = sample >= 0 && tensor->rank > 0 && tensor->symbol[0] == sample && a->array.elem == b->array.elem &&
                a->array.rank == b->array.rank && !a->array.lines == !b->array.lines &&
                !a->texts.text == !b->texts.text;
    for (int axis = 1; same && axis < a->array.rank; axis++) same = a->array.shape[axis] == b->array.shape[axis];
    return same && (a->texts.text || a->array.rank > 0);
}

static nnrt_status append(const nnrt_model *model, int input, nnrt_column *to, nnrt_column *from, nnrt_error *error) {
    if (!continues(model, input, to, from))
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: holds '%s', which %.200s holds, too, and does not continue it: give one file for each "
                         "input, or several of one form",
                         from->array.source, model->inputs[input].tensor.name, to->array.source);
    int64_t rows      = to->texts.text ? to->texts.n : to->array.shape[0];
    int64_t more_rows = from->texts.text ? from->texts.n : from->array.shape[0];
    bool    whole     = (to->n_parts > 0 || add_part(to, to, 0)) && add_part(to, from, rows);
    if (whole && to->texts.text) whole = append_texts(&to->texts, &from->texts);
    whole = whole && append_array(&to->array, &from->array, rows, more_rows);
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, from->array.source);
}

nnrt_status nnrt_dataset_append(nnrt_dataset *set, nnrt_dataset *more, nnrt_error *error) {
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < set->model->n_inputs && status == NNRT_OK; i++) {
        if (!has_data(&more->columns[i])) continue;
        if (has_data(&set->columns[i])) {
            status = append(set->model, i, &set->columns[i], &more->columns[i], error);
            continue;
        }
        set->columns[i]  = more->columns[i];
        more->columns[i] = (nnrt_column){0};
    }
    if (more->classes && !set->classes) {
        set->classes    = more->classes;
        set->n_classes  = more->n_classes;
        more->classes   = NULL;
        more->n_classes = 0;
    }
    return status;
}

/* What a file is to fill: what is still missing, else, of a table, what tables have filled. */
void nnrt_dataset_wanted(const nnrt_dataset *set, const bool *needed, bool *wanted) {
    bool some = false;
    for (int i = 0; i < set->model->n_inputs; i++) some |= (wanted[i] = needed[i] && !has_data(&set->columns[i]));
    for (int i = 0; !some && i < set->model->n_inputs; i++) {
        const nnrt_column *column = &set->columns[i];
        wanted[i] = column->array.lines || (column->array.data && nnrt_takes_whole_file(&set->model->inputs[i]));
    }
}
