/* The shapes of the data bind the model's symbolic dims: an axis that is a dim gives it, an axis that is an expression
 * of one unknown dim (16 * k) is solved for it. */
#include <stdlib.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/dataset.h"

/* Shapes as functions of the dims. Dims not yet known stand at 1. */
typedef struct Shapes {
    nnrt_dataset *set;
    int64_t      *symbols, *values;
} Shapes;

static const int64_t *shapes_at(Shapes *s, int changed, int64_t value) {
    const nnrt_model *model = s->set->model;
    for (int i = 0; i < model->n_symbols; i++) s->symbols[i] = s->set->symbols[i] ? s->set->symbols[i] : 1;
    if (changed >= 0) s->symbols[changed] = value;
    model->shapes(s->symbols, s->values);
    return s->values;
}

nnrt_status nnrt_dataset_fail_shape(const nnrt_dataset *set, int input, nnrt_error *error) {
    const nnrt_tensor *tensor = &set->model->inputs[input].tensor;
    const nnrt_array  *array  = &set->columns[input].array;
    char               text[160];
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: has shape %s, input '%s' takes %s%s: regroup or transpose it to fit",
                     array->source, nnrt_shape_text(array->shape, array->rank, text, sizeof text), tensor->name,
                     nnrt_elem_name(tensor->elem), tensor->shape_text);
}

static nnrt_status bind(nnrt_dataset *set, int input, int symbol, int64_t size, nnrt_error *error) {
    const nnrt_tensor *tensor = &set->model->inputs[input].tensor;
    const nnrt_dim    *dim    = &set->model->dims[symbol];
    const char        *source = set->columns[input].array.source;
    int64_t            bound  = set->symbols[symbol];
    if (size == 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: is empty: '%s' would be 0%s", source, dim->name,
                         symbol == nnrt_model_sample_dim(set->model) ? ""
                                                                     : ", and a dim is at least 1: give one that a "
                                                                       "mask leaves out");
    if (bound != 0 && bound != size)
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: '%s' is %lld for input '%s' and %lld for the inputs before it: all must agree", source,
                         dim->name, (long long)size, tensor->name, (long long)bound);
    if (dim->bound >= 0 && size > dim->bound)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: '%s' is %lld, input '%s' (%s%s) takes at most %lld", source,
                         dim->name, (long long)size, tensor->name, nnrt_elem_name(tensor->elem), tensor->shape_text,
                         (long long)dim->bound);
    set->symbols[symbol] = size;
    return NNRT_OK;
}

/* Axes that are a dim. With unequal ranks only a leading one can be told. */
static nnrt_status bind_symbols(nnrt_dataset *set, int input, nnrt_error *error) {
    const nnrt_tensor *tensor = &set->model->inputs[input].tensor;
    const nnrt_array  *array  = &set->columns[input].array;
    for (int axis = 0; axis < tensor->rank; axis++) {
        int symbol = tensor->symbol[axis];
        if (symbol < 0) continue;
        if (axis >= array->rank || (axis > 0 && array->rank != tensor->rank))
            return nnrt_dataset_fail_shape(set, input, error);
        nnrt_status status = bind(set, input, symbol, array->shape[axis], error);
        if (status != NNRT_OK) return status;
    }
    return NNRT_OK;
}

/* Samples of a dim at which an expression of it shows its dependence on it. */
static const int64_t probes[] = {2, 3, 1001};

enum { N_PROBES = sizeof probes / sizeof *probes };

/* The unknown dims that an axis depends on: their number, and the last of them. */
static int unknown_dims(Shapes *s, int at, int *symbol) {
    int     n    = 0;
    int64_t base = shapes_at(s, -1, 0)[at];
    for (int i = 0; i < s->set->model->n_symbols; i++) {
        if (s->set->symbols[i]) continue;
        bool depends = false;
        for (int k = 0; k < N_PROBES && !depends; k++) depends = shapes_at(s, i, probes[k])[at] != base;
        if (depends) *symbol = i, n++;
    }
    return n;
}

/* Sets *solved where axis `at`, of `size` in the data, is a + b * dim for one unknown dim. */
static nnrt_status solve_axis(Shapes *s, int input, int at, int64_t size, bool *solved, nnrt_error *error) {
    int symbol;
    if (unknown_dims(s, at, &symbol) != 1) return NNRT_OK;
    int64_t base = shapes_at(s, -1, 0)[at], slope = shapes_at(s, symbol, 2)[at] - base;
    for (int k = 0; k < N_PROBES; k++)
        if (shapes_at(s, symbol, probes[k])[at] != base + slope * (probes[k] - 1)) return NNRT_OK;
    const nnrt_tensor *tensor = &s->set->model->inputs[input].tensor;
    const nnrt_dim    *dim    = &s->set->model->dims[symbol];
    if ((size - base) % slope != 0 || (size - base) / slope < 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: axis %d is %lld, which input '%s' (%s%s) is for no '%s'",
                         s->set->columns[input].array.source, at - tensor->shape_at, (long long)size, tensor->name,
                         nnrt_elem_name(tensor->elem), tensor->shape_text, dim->name);
    *solved = true;
    return bind(s->set, input, symbol, 1 + (size - base) / slope, error);
}

/* Goes over the axes that are expressions until no further dim is found. */
static nnrt_status solve_all(Shapes *s, nnrt_error *error) {
    const nnrt_model *model  = s->set->model;
    bool              solved = true;
    while (solved) {
        solved = false;
        for (int i = 0; i < model->n_inputs; i++) {
            const nnrt_tensor *tensor = &model->inputs[i].tensor;
            const nnrt_array  *array  = &s->set->columns[i].array;
            for (int axis = 0; array->data && array->rank == tensor->rank && axis < tensor->rank; axis++) {
                if (tensor->symbol[axis] >= 0) continue;
                nnrt_status status = solve_axis(s, i, tensor->shape_at + axis, array->shape[axis], &solved, error);
                if (status != NNRT_OK) return status;
            }
        }
    }
    return NNRT_OK;
}

/* No shape that data was given for may still depend on an unknown dim. */
static nnrt_status check_known(Shapes *s, nnrt_error *error) {
    const nnrt_model *model = s->set->model;
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        for (int axis = 0; s->set->columns[i].array.data && axis < tensor->rank; axis++) {
            int symbol;
            if (unknown_dims(s, tensor->shape_at + axis, &symbol) == 0) continue;
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: its shape does not tell '%s' of input '%s' (%s%s): in the model, give '%s' an axis "
                             "of its own in some input",
                             s->set->columns[i].array.source, model->dims[symbol].name, tensor->name,
                             nnrt_elem_name(tensor->elem), tensor->shape_text, model->dims[symbol].name);
        }
    }
    return NNRT_OK;
}

nnrt_status nnrt_dataset_bind_dims(nnrt_dataset *set, nnrt_error *error) {
    const nnrt_model *model = set->model;
    for (int i = 0; i < model->n_inputs; i++) {
        nnrt_status status = set->columns[i].array.data ? bind_symbols(set, i, error) : NNRT_OK;
        if (status != NNRT_OK) return status;
    }
    Shapes      s      = {.set     = set,
                          .symbols = calloc((size_t)model->n_symbols + 1, sizeof(int64_t)),
                          .values  = calloc((size_t)model->n_shape_values + 1, sizeof(int64_t))};
    nnrt_status status = s.symbols && s.values ? solve_all(&s, error) : nnrt_fail_memory(error, 0, "shapes");
    if (status == NNRT_OK) status = check_known(&s, error);
    free(s.symbols);
    free(s.values);
    return status;
}
