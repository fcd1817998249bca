/* Columns of a CSV to inputs: by name where the header names every input that is needed, else by order, the first
 * columns filling the inputs and the last the targets. */
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/convert.h"
#include "extras/dataset.h"

typedef struct Mapping { /* of one input */
    bool     wanted;
    int64_t  width;   /* columns a sample; -1: not known from the model alone */
    int64_t *columns; /* width of them */
} Mapping;

nnrt_status nnrt_sample_widths(const nnrt_model *model, int64_t *widths, nnrt_error *error) {
    int      sample  = nnrt_model_sample_dim(model);
    int64_t *symbols = calloc((size_t)model->n_symbols + 1, sizeof *symbols);
    int64_t *shapes  = calloc((size_t)model->n_shape_values + 1, sizeof *shapes);
    if (symbols && shapes) {
        for (int i = 0; i < model->n_symbols; i++) symbols[i] = 1;
        model->shapes(symbols, shapes);
        for (int i = 0; i < model->n_inputs; i++) {
            const nnrt_tensor *tensor = &model->inputs[i].tensor;
            widths[i]                 = nnrt_shape_count(shapes + tensor->shape_at, tensor->rank);
            if (sample < 0 || tensor->rank == 0 || tensor->symbol[0] != sample) widths[i] = -1;
            for (int axis = 1; axis < tensor->rank; axis++)
                if (tensor->symbol[axis] >= 0) widths[i] = -1;
        }
    }
    nnrt_status status = symbols && shapes ? NNRT_OK : nnrt_fail_memory(error, 0, "columns");
    free(symbols);
    free(shapes);
    return status;
}

static nnrt_status measure(const nnrt_model *model, Mapping *maps, nnrt_error *error) {
    int64_t    *widths = calloc((size_t)model->n_inputs + 1, sizeof *widths);
    nnrt_status status = widths ? nnrt_sample_widths(model, widths, error) : nnrt_fail_memory(error, 0, "columns");
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++) maps[i].width = widths[i];
    free(widths);
    return status;
}

static int64_t find_column(const nnrt_table *table, const char *name) {
    for (int64_t i = 0; i < table->n_columns; i++)
        if (strcmp(table->names[i], name) == 0) return i;
    return -1;
}

/* A column `x`, or `x_0` to `x_<width - 1>` as `predict` writes them. */
static bool map_by_name(const nnrt_table *table, const char *name, Mapping *map) {
    for (int64_t i = 0; i < map->width; i++) {
        char numbered[256];
        snprintf(numbered, sizeof numbered, "%.200s_%lld", name, (long long)i);
        map->columns[i] = map->width == 1 ? find_column(table, name) : -1;
        if (map->columns[i] < 0) map->columns[i] = find_column(table, numbered);
        if (map->columns[i] < 0) return false;
    }
    return true;
}

static bool map_all_by_name(const nnrt_model *model, const nnrt_table *table, Mapping *maps) {
    for (int i = 0; i < model->n_inputs; i++)
        if (maps[i].wanted && !map_by_name(table, model->inputs[i].tensor.name, &maps[i])) return false;
    return table->names != NULL;
}

static nnrt_status fail_columns(const nnrt_model *model, const char *path, const nnrt_table *table, const Mapping *maps,
                                nnrt_error *error) {
    char   parts[300] = "";
    size_t used       = 0;
    for (int i = 0; i < model->n_inputs && used < sizeof parts; i++)
        if (maps[i].wanted)
            used += (size_t)snprintf(parts + used, sizeof parts - used, "%s%lld for %s '%s'", used ? ", " : "",
                                     (long long)maps[i].width, model->inputs[i].is_target ? "target" : "input",
                                     model->inputs[i].tensor.name);
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "%s: has %lld column%s; %s takes %s: remove or add columns, or name them in a header", path,
                     (long long)table->n_columns, table->n_columns == 1 ? "" : "s", model->name, parts);
}

/* Inputs from the left, targets from the right. Surplus columns are an error, unless they can only be targets that
 * are not asked for. */
static nnrt_status map_by_order(const nnrt_model *model, const char *path, const nnrt_table *table, Mapping *maps,
                                nnrt_error *error) {
    int64_t wanted = 0, with_targets = 0, left = 0;
    bool    targets_known = true;
    for (int i = 0; i < model->n_inputs; i++) {
        bool counts = maps[i].wanted || model->inputs[i].is_target;
        targets_known &= !counts || maps[i].width >= 0;
        if (maps[i].wanted) wanted += maps[i].width;
        if (counts) with_targets += maps[i].width;
    }
    if (table->n_columns != wanted && !(targets_known && table->n_columns == with_targets))
        return fail_columns(model, path, table, maps, error);
    int64_t right = table->n_columns;
    for (int i = model->n_inputs - 1; i >= 0; i--)
        if (model->inputs[i].is_target && maps[i].width >= 0 && (maps[i].wanted || table->n_columns != wanted)) {
            right -= maps[i].width;
            for (int64_t k = 0; maps[i].wanted && k < maps[i].width; k++) maps[i].columns[k] = right + k;
        }
    for (int i = 0; i < model->n_inputs; i++)
        for (int64_t k = 0; maps[i].wanted && !model->inputs[i].is_target && k < maps[i].width; k++)
            maps[i].columns[k] = left++;
    return NNRT_OK;
}

/* A header that names some inputs must not contradict the order, which the rest goes by. */
static nnrt_status check_names(const nnrt_model *model, const char *path, const nnrt_table *table, const Mapping *maps,
                               nnrt_error *error) {
    const char *named = NULL, *unnamed = NULL;
    for (int i = 0; i < model->n_inputs; i++) {
        Mapping found = {.width = maps[i].width};
        if (!maps[i].wanted) continue;
        found.columns = malloc(((size_t)found.width + 1) * sizeof *found.columns);
        if (!found.columns) return nnrt_fail_memory(error, 0, path);
        const char *name = model->inputs[i].tensor.name;
        if (!map_by_name(table, name, &found))
            unnamed = unnamed ? unnamed : name;
        else if (memcmp(found.columns, maps[i].columns, (size_t)found.width * sizeof *found.columns) != 0)
            named = name;
        free(found.columns);
    }
    if (!named || !unnamed) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA,
                     "%s: its header names '%s' but not '%s': name the columns of every input, or put the inputs "
                     "first and the targets last",
                     path, named, unnamed);
}

/* Decimal text to the input's type: floats round as literals do, integers must be whole and in range. */
static nnrt_status fill_array(nnrt_dataset *set, int input, const char *path, const nnrt_table *table,
                              const int64_t *columns, int64_t width, nnrt_error *error) {
    const nnrt_tensor *tensor = &set->model->inputs[input].tensor;
    nnrt_column       *column = &set->columns[input];
    nnrt_array        *array  = &column->array;
    nnrt_array_free(array);
    array->elem     = nnrt_elem_is_float(tensor->elem) ? tensor->elem : NNRT_F64;
    array->rank     = 2;
    array->shape[0] = table->n_rows;
    array->shape[1] = width;
    array->source   = strdup(path);
    array->lines    = malloc((size_t)table->n_rows * sizeof *array->lines);
    if (!array->source || !array->lines) return nnrt_fail_memory(error, 0, path);
    nnrt_status status = nnrt_array_alloc(array, path, error);
    if (status != NNRT_OK) return status;
    memcpy(array->lines, table->lines, (size_t)table->n_rows * sizeof *array->lines);
    column->first_column = columns ? columns[0] : 0;
    for (int64_t row = 0; row < table->n_rows; row++)
        for (int64_t k = 0; k < width; k++) {
            double value = table->values[row * table->n_columns + (columns ? columns[k] : k)];
            nnrt_elem_put(array->elem, array->data, row * width + k, value);
        }
    return NNRT_OK;
}

static nnrt_status map_and_fill(nnrt_dataset *set, const char *path, const nnrt_table *table, Mapping *maps,
                                nnrt_error *error) {
    const nnrt_model *model  = set->model;
    nnrt_status       status = measure(model, maps, error);
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++) {
        if (!maps[i].wanted) continue;
        if (maps[i].width < 0)
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: the columns of '%s' (%s%s) cannot be told from the model: give --data %s=FILE", path,
                             model->inputs[i].tensor.name, nnrt_elem_name(model->inputs[i].tensor.elem),
                             model->inputs[i].tensor.shape_text, model->inputs[i].tensor.name);
        maps[i].columns = malloc(((size_t)maps[i].width + 1) * sizeof *maps[i].columns);
        if (!maps[i].columns) status = nnrt_fail_memory(error, 0, path);
    }
    if (status == NNRT_OK && !(table->names && map_all_by_name(model, table, maps)))
        status = map_by_order(model, path, table, maps, error);
    if (status == NNRT_OK && table->names) status = check_names(model, path, table, maps, error);
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++)
        if (maps[i].wanted) status = fill_array(set, i, path, table, maps[i].columns, maps[i].width, error);
    return status;
}

nnrt_status nnrt_dataset_from_table(nnrt_dataset *set, const char *path, const nnrt_table *table, const bool *needed,
                                    int only_input, nnrt_error *error) {
    const nnrt_model *model = set->model;
    if (only_input >= 0) return fill_array(set, only_input, path, table, NULL, table->n_columns, error);
    Mapping *maps = calloc((size_t)model->n_inputs + 1, sizeof *maps);
    if (!maps) return nnrt_fail_memory(error, 0, path);
    for (int i = 0; i < model->n_inputs; i++) maps[i].wanted = needed[i] && !set->columns[i].array.data;
    nnrt_status status = map_and_fill(set, path, table, maps, error);
    for (int i = 0; i < model->n_inputs; i++) free(maps[i].columns);
    free(maps);
    return status;
}
