/* Regions: buffers whose lifetimes do not meet share memory.
 *
 * Largest first where sizes are known, each buffer takes the first region in which it meets nobody and which holds a buffer
 * of the same element count (symbolic sizes), or any size where both are constant. */
#include "plan/plan.h"

static bool meet(const Buffer *a, const Buffer *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* Bytes, or -1 when symbolic. */
static int64_t constant_bytes(const Type *type) {
    int64_t bytes = elem_size(type->elem), value;
    for (int i = 0; i < type->rank; i++) {
        if (!dim_is_const(type->dims[i], &value)) return -1;
        bytes *= value;
    }
    return bytes;
}

static bool same_kind(const Buffer *a, const Buffer *b) {
    return (constant_bytes(&a->type) < 0) == (constant_bytes(&b->type) < 0);
}

static bool fits(const FnPlan *plan, const Region *region, const Buffer *buffer) {
    for (int i = 0; i < region->buffers.len; i++) {
        const Buffer *other = &plan->buffers.data[region->buffers.data[i]];
        if (meet(buffer, other) || !same_kind(buffer, other)) return false;
    }
    return true;
}

static void assign(Compilation *c, FnPlan *plan, int index) {
    Buffer *buffer = &plan->buffers.data[index];
    int     picked = -1;
    for (int i = 0; i < plan->regions.len && picked < 0; i++)
        if (fits(plan, &plan->regions.data[i], buffer)) picked = i;
    if (picked < 0) {
        picked = plan->regions.len;
        vec_push(c->arena, &plan->regions, (Region){{0}});
    }
    buffer->region = picked;
    vec_push(c->arena, &plan->regions.data[picked].buffers, index);
}

/* Constant sizes, the largest first, then the symbolic ones in order; the bodies of loops likewise. */
static void assign_all(Compilation *c, FnPlan *fn) {
    buffers_live(c, fn);
    bool *done = ARENA_ARRAY(c->arena, bool, fn->buffers.len + 1);
    for (int left = fn->buffers.len; left > 0; left--) {
        int best = -1;
        for (int k = 0; k < fn->buffers.len; k++)
            if (!done[k] &&
                (best < 0 || constant_bytes(&fn->buffers.data[k].type) > constant_bytes(&fn->buffers.data[best].type)))
                best = k;
        done[best] = true;
        assign(c, fn, best);
    }
    for (int i = 0; i < fn->kernels.len; i++)
        if (fn->kernels.data[i]->body) assign_all(c, fn->kernels.data[i]->body);
}

void plan_from_kernels(Compilation *c, Plan *plan) {
    for (int i = 0; i < plan->fns.len; i++) assign_all(c, plan->fns.data[i]);
}
