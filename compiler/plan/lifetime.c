/* Lifetimes: the first kernel that writes a buffer and the last that reads it. */
#include "plan/plan.h"

static void use(FnPlan *plan, const Location *at, int kernel) {
    if (at->kind != LOC_WORKSPACE) return;
    Buffer *buffer = &plan->buffers.data[at->ref];
    if (buffer->first < 0 || kernel < buffer->first) buffer->first = kernel;
    if (kernel > buffer->last) buffer->last = kernel;
}

static bool stores(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->stores.len; i++)
        if (kernel->stores.data[i].node == node) return true;
    return false;
}

static void visit(FnPlan *plan, const Kernel *kernel, Node *node, Map *seen) {
    if (map_has(seen, node)) return;
    map_set(seen, node, node);
    const Location *at = node_location(plan, node);
    if (at) use(plan, at, kernel->index);
    if (at && !stores(kernel, node)) return;
    for (int i = 0; i < node->n_inputs; i++) visit(plan, kernel, node->inputs[i], seen);
}

void buffers_live(Compilation *c, FnPlan *plan) {
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        Map          *seen   = map_new(c->arena);
        for (int k = 0; k < kernel->stores.len; k++) {
            use(plan, &kernel->stores.data[k].to, i);
            visit(plan, kernel, kernel->stores.data[k].node, seen);
        }
    }
}
