/* Lifetimes: the first kernel that writes a buffer and the last that reads it. */
#include "plan/plan.h"

static void use(FnPlan *plan, const Location *at, int kernel) {
    if (at->kind != LOC_WORKSPACE) return;
    Buffer *buffer = &plan->buffers.data[at->ref];
    if (buffer->first < 0 || kernel < buffer->first) buffer->first = kernel;
    if (kernel > buffer->last) buffer->last = kernel;
}

/* What the kernel reads to compute `root`, and where it is. */
static void visit(Arena *arena, FnPlan *plan, const Kernel *kernel, Node *root, Map *seen) {
    NodeVec order = {0};
    graph_post_order_where(arena, root, seen, kernel_computes, &(KernelScope){plan, kernel}, &order);
    for (int i = 0; i < order.len; i++) {
        const Location *at = node_location(plan, order.data[i]);
        if (at) use(plan, at, kernel->index);
    }
}

void buffers_live(Compilation *c, FnPlan *plan) {
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        Map          *seen   = map_new(c->arena);
        for (int k = 0; k < kernel->stores.len; k++) {
            use(plan, &kernel->stores.data[k].to, i);
            visit(c->arena, plan, kernel, kernel->stores.data[k].node, seen);
        }
    }
}
