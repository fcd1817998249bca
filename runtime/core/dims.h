/* What the dims of a call must be. */
#ifndef NNRT_CORE_DIMS_H
#define NNRT_CORE_DIMS_H

#include "nnrt.h"

/* Checks the model's bounds and `assert`s for the dims `given` (0: not known). `symbols` are the same, 1 where not known; they
 * are changed and restored. `values` has room for 2 * model->n_checks. NNRT_BAD_DATA. */
nnrt_status nnrt_dims_check(const nnrt_model *model, const int64_t *given, int64_t *symbols, int64_t *values,
                            nnrt_error *error);

#endif
