/* Arguments to arrays, arrays to inputs, and the check that they fit: shapes bind the symbolic dims, sample dims
 * regroup, every element survives its conversion. */
#include "extras/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/media.h"
#include "extras/nearest.h"

static const char *input_name(int i, const void *model) {
    return ((const nnrt_model *)model)->inputs[i].tensor.name;
}

static int find_input(const nnrt_model *model, const char *name, size_t size) {
    for (int i = 0; i < model->n_inputs; i++)
        if (strlen(input_name(i, model)) == size && strncmp(input_name(i, model), name, size) == 0) return i;
    return -1;
}

/* "x f32[batch, 4], y i32[batch]" */
static const char *list_inputs(const nnrt_model *model, char *text, size_t size) {
    size_t used = 0;
    text[0]     = 0;
    for (int i = 0; i < model->n_inputs && used < size; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        used += (size_t)snprintf(text + used, size - used, "%s%s %s%s", i ? ", " : "", tensor->name,
                                 nnrt_elem_name(tensor->elem), tensor->shape_text);
    }
    return text;
}

/* ---- from arguments to arrays ------------------------------------------------------------------------------------ */

static void set_array(nnrt_dataset *set, int input, nnrt_array *array) {
    nnrt_column_free(&set->columns[input]);
    set->columns[input].array = *array;
    *array                    = (nnrt_array){0};
}

/* A first array for the input and a second one for the target, whatever they are called. */
static nnrt_status take_pair(nnrt_dataset *set, nnrt_content *content, const bool *wanted) {
    for (int i = 0; i < set->model->n_inputs; i++)
        if (wanted[i]) set_array(set, i, &content->arrays[set->model->inputs[i].is_target ? 1 : 0]);
    return NNRT_OK;
}

/* Does the model want one input and one target at most, and not by the names of this pair? */
static bool is_pair_by_order(const nnrt_dataset *set, const nnrt_content *content, const bool *wanted) {
    int n[2] = {0, 0};
    for (int i = 0; i < set->model->n_inputs; i++) {
        if (!wanted[i]) continue;
        n[set->model->inputs[i].is_target ? 1 : 0]++;
    }
    return content->is_pair && n[0] <= 1 && n[1] <= 1 && n[0] + n[1] > 0;
}

static nnrt_status take_arrays(nnrt_dataset *set, const char *path, nnrt_content *content, const bool *wanted,
                               int only_input, nnrt_error *error) {
    char inputs[256];
    bool is_single = content->n_arrays == 1 && !content->arrays[0].name;
    if (only_input >= 0 && (content->n_arrays == 1 || content->is_pair)) {
        bool target = content->is_pair && set->model->inputs[only_input].is_target;
        set_array(set, only_input, &content->arrays[target ? 1 : 0]);
        return NNRT_OK;
    }
    if (is_single)
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: holds one array without a name: say whose it is, as in %s=%s (inputs: %s)", path,
                         input_name(0, set->model), path, list_inputs(set->model, inputs, sizeof inputs));
    if (is_pair_by_order(set, content, wanted)) return take_pair(set, content, wanted);
    int n_taken = 0;
    for (int i = 0; i < content->n_arrays; i++) {
        int input = find_input(set->model, content->arrays[i].name, strlen(content->arrays[i].name));
        if (input < 0 || (only_input >= 0 && input != only_input)) continue;
        set_array(set, input, &content->arrays[i]);
        n_taken++;
    }
    if (n_taken > 0) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: none of its arrays is named like an input (inputs: %s)", path,
                     list_inputs(set->model, inputs, sizeof inputs));
}

static bool wants_whole_file(const nnrt_dataset *set, const bool *needed) {
    for (int i = 0; i < set->model->n_inputs; i++)
        if (needed[i] && !set->columns[i].array.data && nnrt_takes_whole_file(&set->model->inputs[i])) return true;
    return false;
}

/* The '=' of NAME=FILE; NULL of a file alone, whose path may have one. */
static const char *name_end(const char *argument) {
    const char *equals = strchr(argument, '=');
    return equals && !memchr(argument, '/', (size_t)(equals - argument)) ? equals : NULL;
}

static nnrt_status take_argument(nnrt_dataset *set, const char *argument, const bool *needed, nnrt_error *error) {
    const char *equals = name_end(argument), *path = argument;
    int         input = -1;
    if (equals) {
        path  = equals + 1;
        input = find_input(set->model, argument, (size_t)(equals - argument));
        if (input < 0) {
            char name[64], inputs[256];
            snprintf(name, sizeof name, "%.*s", (int)(equals - argument), argument);
            const char *near = nnrt_nearest(name, input_name, set->model, set->model->n_inputs);
            return nnrt_fail(error, NNRT_USAGE, "%s has no input '%s'%s%s%s (inputs: %s)", set->model->name, name,
                             near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                             list_inputs(set->model, inputs, sizeof inputs));
        }
    }
    if (input >= 0 ? nnrt_takes_whole_file(&set->model->inputs[input]) : wants_whole_file(set, needed))
        return nnrt_dataset_take_windows(set, path, needed, input, error);
    nnrt_content content = {0};
    bool         media   = nnrt_takes_media(set->model) && nnrt_is_media(path);
    nnrt_status  status =
        media ? nnrt_list_media(path, &content.table, error) : nnrt_read_content(path, &content, error);
    if (status != NNRT_OK) return status;
    status = content.n_arrays > 0 ? take_arrays(set, path, &content, needed, input, error)
                                  : nnrt_dataset_from_table(set, path, &content.table, needed, input, error);
    if (status == NNRT_OK && content.table.classes && !set->classes) {
        set->classes          = content.table.classes;
        set->n_classes        = content.table.n_classes;
        content.table.classes = NULL;
    }
    nnrt_content_free(&content);
    return status;
}

static nnrt_status start(nnrt_dataset *set, const nnrt_model *model, nnrt_error *error) {
    *set         = (nnrt_dataset){.model = model, .n_samples = 1};
    set->columns = calloc((size_t)model->n_inputs + 1, sizeof *set->columns);
    set->symbols = calloc((size_t)model->n_symbols + 1, sizeof *set->symbols);
    return set->columns && set->symbols ? NNRT_OK : nnrt_fail_memory(error, 0, "a data set");
}

/* One file, behind what the files before it gave. */
static nnrt_status take_next(nnrt_dataset *set, const char *argument, const bool *needed, nnrt_error *error) {
    nnrt_dataset next;
    bool        *wanted = calloc((size_t)set->model->n_inputs + 1, sizeof *wanted);
    nnrt_status  status = start(&next, set->model, error);
    if (!wanted) status = nnrt_fail_memory(error, 0, "a data set");
    if (status == NNRT_OK) {
        nnrt_dataset_wanted(set, needed, wanted);
        status = take_argument(&next, argument, wanted, error);
    }
    if (status == NNRT_OK) status = nnrt_dataset_append(set, &next, error);
    nnrt_dataset_free(&next);
    free(wanted);
    return status;
}

static bool has_sample_dim(const nnrt_model *model, const nnrt_tensor *tensor) {
    int sample = nnrt_model_sample_dim(model);
    for (int axis = 0; axis < tensor->rank; axis++)
        if (sample >= 0 && tensor->symbol[axis] == sample) return true;
    return false;
}

static nnrt_status fill_missing(nnrt_dataset *set, const bool *needed, const nnrt_dataset *shared, nnrt_error *error) {
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_tensor *tensor = &set->model->inputs[i].tensor;
        nnrt_column       *column = &set->columns[i];
        if (column->array.data || !needed[i]) continue;
        if (shared && shared->columns[i].array.data && !has_sample_dim(set->model, tensor)) {
            *column          = shared->columns[i];
            column->borrowed = true;
            continue;
        }
        return nnrt_fail(error, NNRT_BAD_DATA, "no data for %s '%s' (%s%s): give --data %s=FILE",
                         set->model->inputs[i].is_target ? "target" : "input", tensor->name,
                         nnrt_elem_name(tensor->elem), tensor->shape_text, tensor->name);
    }
    return NNRT_OK;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------ */

/* Do two shapes cut the same row-major elements so that one only splits or joins neighbouring axes of the other?
 * (28, 28) and 784 do; (3, 32, 32) and (32, 32, 3) do not, though their counts agree. */
static bool regroups(const int64_t *a, int rank_a, const int64_t *b, int rank_b) {
    if (nnrt_shape_count(a, rank_a) != nnrt_shape_count(b, rank_b)) return false;
    bool    a_in_b = true, b_in_a = true;
    int64_t product_a = 1, product_b = 1;
    for (int i = 0, j = 0; i < rank_a || j < rank_b;) {
        int64_t next_a = i < rank_a ? product_a * a[i] : INT64_MAX, next_b = j < rank_b ? product_b * b[j] : INT64_MAX;
        if (next_a == product_a)
            i++; /* an axis of size 1 cuts nothing */
        else if (next_b == product_b)
            j++;
        else if (next_a == next_b)
            i++, j++, product_a = next_a, product_b = next_b;
        else if (next_a < next_b)
            i++, product_a = next_a, a_in_b = false;
        else
            j++, product_b = next_b, b_in_a = false;
    }
    return a_in_b || b_in_a;
}

/* Requires: all symbols bound that the data can bind. Compares and cuts each array into samples. */
static nnrt_status check_shapes(nnrt_dataset *set, const int64_t *shape_values, nnrt_error *error) {
    int sample = nnrt_model_sample_dim(set->model);
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_tensor *tensor = &set->model->inputs[i].tensor;
        nnrt_column       *column = &set->columns[i];
        if (!column->array.data) continue;
        const int64_t *shape = shape_values + tensor->shape_at;
        int            cut   = -1;
        for (int axis = 0; axis < tensor->rank; axis++)
            if (sample >= 0 && tensor->symbol[axis] == sample) cut = axis;
        bool leading = cut == 0 && column->array.rank > 0 && column->array.shape[0] == shape[0];
        bool fits    = leading ? regroups(column->array.shape + 1, column->array.rank - 1, shape + 1, tensor->rank - 1)
                               : regroups(column->array.shape, column->array.rank, shape, tensor->rank);
        if (!fits || (cut == 0 && !leading)) return nnrt_dataset_fail_shape(set, i, error);
        column->is_sampled = cut >= 0;
        column->outer = column->inner = 1;
        for (int axis = 0; axis < tensor->rank; axis++)
            if (axis != cut) *(axis < cut ? &column->outer : &column->inner) *= shape[axis];
    }
    return NNRT_OK;
}

static nnrt_status bind_shapes(nnrt_dataset *set, nnrt_error *error) {
    const nnrt_model *model  = set->model;
    nnrt_status       status = nnrt_dataset_bind_dims(set, error);
    if (status != NNRT_OK) return status;
    int      sample  = nnrt_model_sample_dim(model);
    int64_t *shapes  = calloc((size_t)model->n_shape_values + 1, sizeof *shapes);
    int64_t *symbols = calloc((size_t)model->n_symbols + 1, sizeof *symbols);
    if (!shapes || !symbols) {
        free(shapes);
        free(symbols);
        return nnrt_fail_memory(error, 0, "shapes");
    }
    for (int i = 0; i < model->n_symbols; i++) symbols[i] = set->symbols[i] ? set->symbols[i] : 1;
    model->shapes(symbols, shapes);
    status         = check_shapes(set, shapes, error);
    set->n_samples = sample >= 0 ? set->symbols[sample] : 1;
    free(shapes);
    free(symbols);
    return status;
}

/* ---- all of it --------------------------------------------------------------------------------------------------- */

nnrt_status nnrt_dataset_load(nnrt_dataset *set, const nnrt_model *model, const char *const *arguments, int n_arguments,
                              const bool *needed, const nnrt_dataset *shared, nnrt_error *error) {
    nnrt_status status = start(set, model, error);
    /* NAME=FILE first: what it fills is not looked for in the files without a name, wherever they stand. */
    for (int named = 1; named >= 0; named--)
        for (int i = 0; i < n_arguments && status == NNRT_OK; i++)
            if ((name_end(arguments[i]) != NULL) == named) status = take_next(set, arguments[i], needed, error);
    if (status == NNRT_OK) status = nnrt_dataset_read_media(set, error);
    if (status == NNRT_OK) status = nnrt_dataset_shape_texts(set, error);
    if (status == NNRT_OK) status = fill_missing(set, needed, shared, error);
    if (status == NNRT_OK) status = bind_shapes(set, error);
    for (int i = 0; i < model->n_inputs && status == NNRT_OK; i++)
        if (set->columns[i].array.data && !set->columns[i].borrowed && !set->columns[i].is_pending)
            status = nnrt_dataset_check_elements(set, i, error);
    if (status != NNRT_OK) nnrt_dataset_free(set);
    return status;
}

void nnrt_dataset_free(nnrt_dataset *set) {
    for (int i = 0; set->columns && i < set->model->n_inputs; i++)
        if (!set->columns[i].borrowed) nnrt_column_free(&set->columns[i]);
    for (int64_t i = 0; i < set->n_classes; i++) free(set->classes[i]);
    free(set->classes);
    free(set->columns);
    free(set->symbols);
    *set = (nnrt_dataset){0};
}
