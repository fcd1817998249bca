/* Nominal sizes: what decisions that need numbers take the symbolic dims to be. The batch is the model's `train` setting, any
 * other dim its bound, unless --batch and --dim say otherwise. Results are right for all sizes; for others than these they may be decided less well. */
#include "plan/plan.h"

#include <stdlib.h>
#include <string.h>

enum { UNBOUNDED = 64 /* what a dim without a bound is taken to be */ };

static const ProgDim *declared_dim(const Program *program, const Dim *symbol) {
    for (int i = 0; i < program->dims.len; i++)
        if (program->dims.data[i].dim == symbol) return &program->dims.data[i];
    return NULL;
}

const int64_t *nominal_sizes(Compilation *c, const Program *program) {
    const DimTable *table = graph_dims(program->graph);
    int             count = dim_symbol_count(table);
    int64_t        *sizes = ARENA_ARRAY(c->arena, int64_t, count + 1);
    for (int i = 0; i < count; i++) {
        const ProgDim *dim = declared_dim(program, dim_symbol(table, i));
        sizes[i]           = UNBOUNDED;
        if (!dim) continue;
        if (dim->bound > 0) sizes[i] = dim->bound;
        if (dim->is_sample && program->train.batch > 0) sizes[i] = program->train.batch;
        if (dim->is_sample && c->options.batch > 0) sizes[i] = c->options.batch;
        for (int k = 0; k < c->options.n_dims; k++)
            if (strcmp(c->options.dims[k].name, dim->name) == 0) sizes[i] = strtoll(c->options.dims[k].value, NULL, 10);
    }
    return sizes;
}

int64_t nominal_bytes(const int64_t *sizes, const Type *type) {
    int64_t bytes = elem_size(type->elem), size;
    for (int i = 0; i < type->rank; i++)
        if (!dim_eval(type->dims[i], sizes, &size) || __builtin_mul_overflow(bytes, size > 0 ? size : 1, &bytes))
            return INT64_MAX / 1024;
    if (bytes > INT64_MAX / 1024) return INT64_MAX / 1024;
    return (bytes + PLACE_ALIGNMENT - 1) / PLACE_ALIGNMENT * PLACE_ALIGNMENT;
}
