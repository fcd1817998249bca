/* The stores of a point: of its own values, and of the few values that are put together of them along one axis more. */
#include "codegen/loop.h"

static bool is_spread(const LoopEmit *l, const Store *store) {
    return store->level == LEVEL_SPREAD && store->pass == l->pass;
}

static Type space_of(const Kernel *kernel) {
    Type space = {.rank = 0};
    for (int i = 0; i < kernel->n_rows; i++) space.dims[space.rank++] = kernel->rows[i];
    for (int i = 0; i < kernel->n_inner; i++) space.dims[space.rank++] = kernel->inner[i];
    return space;
}

/* The point's index with `at` along the store's own axis; false where that has no such index. */
static bool index_at(const LoopEmit *l, const Store *store, int at, Index *index) {
    Type    space = space_of(l->kernel);
    int     axis  = spread_axis(&store->type, &space);
    int64_t extent;
    if (!dim_is_const(store->type.dims[axis], &extent) || at >= extent) return false;
    for (int i = 0; i <= space.rank; i++)
        index[i] = i < axis ? l->index[i] : i > axis ? l->index[i - 1] : index_constant(l->k, at);
    return true;
}

/* All are evaluated before the first is stored. */
void loop_store_point(LoopEmit *l) {
    if (l->across) {
        across_store_points(l);
        return;
    }
    KernelEmit *k      = l->k;
    int         count  = l->kernel->stores.len;
    Value      *points = kernel_store_values(k, LEVEL_POINT, l->pass, l->index);
    Value      *values = ARENA_ARRAY(k->e->arena, Value, count * SPREAD_MOST + 1);
    Index       index[MAX_RANK];
    for (int i = 0; i < count; i++)
        for (int at = 0; at < SPREAD_MOST && is_spread(l, &l->kernel->stores.data[i]); at++)
            if (index_at(l, &l->kernel->stores.data[i], at, index))
                values[i * SPREAD_MOST + at] = value_at(k, l->kernel->stores.data[i].node, index);
    kernel_put_values(k, points, l->index);
    for (int i = 0; i < count * SPREAD_MOST; i++) {
        if (!values[i]) continue;
        Value *one           = ARENA_ARRAY(k->e->arena, Value, count + 1);
        one[i / SPREAD_MOST] = values[i];
        index_at(l, &l->kernel->stores.data[i / SPREAD_MOST], i % SPREAD_MOST, index);
        kernel_put_values(k, one, index);
    }
}
