/* Elements of a data set: where they stand in their file, and whether the model can take them. */
#include <stdlib.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/convert.h"
#include "extras/dataset.h"

void nnrt_column_free(nnrt_column *column) {
    nnrt_array_free(&column->array);
    nnrt_texts_free(&column->texts);
    free(column->columns);
    for (int i = 0; i < column->n_parts; i++) {
        free(column->parts[i].path);
        free(column->parts[i].columns);
    }
    free(column->parts);
    *column = (nnrt_column){0};
}

int64_t nnrt_column_number(const nnrt_column *column, int64_t k) {
    const int64_t *columns = column->n_parts > 0 ? column->parts[0].columns : column->columns;
    return columns ? columns[k] : k;
}

const char *nnrt_dataset_place(const nnrt_column *column, int64_t element, char *text, size_t size) {
    const nnrt_array *array = &column->array;
    int64_t           width = array->rank > 0 ? array->count / array->shape[0] : 1, row = element / width;
    const nnrt_part  *part = nnrt_column_part(column, row);
    const char       *path = part ? part->path : array->source;
    if (array->lines && array->rank > 0) {
        int64_t n = column->n_columns > 0 ? column->n_columns : width, k = element % width % n;
        int64_t number = part && part->columns ? part->columns[k] : nnrt_column_number(column, k);
        bool    window = array->rank > 1 && column->is_window;
        snprintf(text, size, "%s:%lld: column %lld", path,
                 (long long)array->lines[row] + (window ? element % width / n : 0), (long long)number + 1);
        return text;
    }
    int64_t index[NNRT_MAX_RANK];
    if (part) element -= part->first_row * width;
    for (int axis = array->rank - 1; axis >= 0; axis--) {
        index[axis] = element % array->shape[axis];
        element /= array->shape[axis];
    }
    char where[160];
    snprintf(text, size, "%s: element %s", path, nnrt_shape_text(index, array->rank, where, sizeof where));
    return text;
}

bool nnrt_dataset_names_classes(const nnrt_dataset *set, int input) {
    const nnrt_array *array  = &set->columns[input].array;
    const nnrt_input *target = &set->model->inputs[input];
    return set->n_classes > 0 && array->data && array->lines && array->rank == 2 && array->shape[1] == 1 &&
           target->is_target && target->source.kind != NNRT_FROM_CATEGORY && !nnrt_elem_is_float(target->tensor.elem);
}

const char *nnrt_dataset_index_word(const nnrt_dataset *set, int input) {
    return set->model->inputs[input].is_target ? "class" : "index";
}

/* Classes of a target: those that the program knows, or those that a CSV's first line names for its one column of
 * classes. */
static nnrt_status check_classes(const nnrt_dataset *set, int input, nnrt_error *error) {
    const nnrt_column *column = &set->columns[input];
    const nnrt_array  *array  = &column->array;
    int64_t            limit  = set->model->inputs[input].class_limit;
    const char        *source = "";
    if (limit == 0 && nnrt_dataset_names_classes(set, input)) {
        limit  = set->n_classes;
        source = ", as the file's first line names them";
    }
    for (int64_t i = 0; limit > 0 && i < array->count; i++) {
        double value = nnrt_elem_get(array->elem, array->data, i);
        char   place[4400];
        if (value < 0 || value >= (double)limit)
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: %s %.9g is out of range: '%s' takes 0 to %lld%s",
                             nnrt_dataset_place(column, i, place, sizeof place), nnrt_dataset_index_word(set, input),
                             value, set->model->inputs[input].tensor.name, (long long)limit - 1, source);
    }
    return NNRT_OK;
}

nnrt_status nnrt_dataset_check_elements(const nnrt_dataset *set, int input, nnrt_error *error) {
    const nnrt_column *column = &set->columns[input];
    const nnrt_array  *array  = &column->array;
    const nnrt_tensor *tensor = &set->model->inputs[input].tensor;
    char               place[4400];
    int64_t            bad = nnrt_convert_check(array->data, array->elem, array->count, tensor->elem);
    if (bad >= 0) {
        const char *remedy = nnrt_elem_is_float(array->elem) && nnrt_elem_is_float(tensor->elem)
                                 ? "save the array in the input's type"
                                 : "the input takes whole numbers of its range";
        double      value  = nnrt_elem_get(array->elem, array->data, bad);
        if (value - value != 0)
            remedy = array->lines ? "give the input a type with room for it" : "remove or fill in missing values";
        return nnrt_fail(error, NNRT_BAD_DATA, "%s is %.9g, which input '%s' (%s%s) cannot hold: %s",
                         nnrt_dataset_place(column, bad, place, sizeof place), value, tensor->name,
                         nnrt_elem_name(tensor->elem), tensor->shape_text, remedy);
    }
    return nnrt_elem_is_float(tensor->elem) ? NNRT_OK : check_classes(set, input, error);
}
