#include "core/dims.h"

#include <stdbool.h>

#include "core/status.h"

/* Does an assertion say something about a dim that is not known? Seen by trying values for it. */
static bool is_open(const nnrt_model *model, const int64_t *given, int check, int64_t *symbols, int64_t *values) {
    static const int64_t probes[] = {2, 3, 1001};
    for (int i = 0; i < model->n_symbols; i++) {
        if (given[i]) continue;
        for (size_t k = 0; k < sizeof probes / sizeof *probes; k++) {
            symbols[i] = 1;
            model->check_values(symbols, values);
            int64_t left = values[2 * check], right = values[2 * check + 1];
            symbols[i] = probes[k];
            model->check_values(symbols, values);
            symbols[i] = 1;
            if (values[2 * check] != left || values[2 * check + 1] != right) return true;
        }
    }
    return false;
}

static nnrt_status check_asserts(const nnrt_model *model, const int64_t *given, int64_t *symbols, int64_t *values,
                                 nnrt_error *error) {
    for (int i = 0; i < model->n_checks; i++) {
        model->check_values(symbols, values);
        int64_t left = values[2 * i], right = values[2 * i + 1];
        if (left != right && !is_open(model, given, i, symbols, values))
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: the data gives %lld and %lld", model->check_messages[i],
                             (long long)left, (long long)right);
    }
    return NNRT_OK;
}

nnrt_status nnrt_dims_check(const nnrt_model *model, const int64_t *given, int64_t *symbols, int64_t *values,
                            nnrt_error *error) {
    for (int i = 0; i < model->n_symbols; i++)
        if (model->dims[i].bound >= 0 && given[i] > model->dims[i].bound)
            return nnrt_fail(error, NNRT_BAD_DATA, "dim '%s' is %lld in the data, the model allows at most %lld",
                             model->dims[i].name, (long long)given[i], (long long)model->dims[i].bound);
    return check_asserts(model, given, symbols, values, error);
}
