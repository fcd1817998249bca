/* Lifetimes: the first kernel that writes a buffer and the last that reads it. */
#include "plan/plan.h"

typedef struct Uses {
    Compilation  *c;
    const FnPlan *plan;
    const Kernel *kernel;
    Map          *seen; /* nodes */
    bool         *used; /* by buffer */
    IntVec       *buffers;
} Uses;

static void use(Uses *uses, const Location *at) {
    if (!at || at->kind != LOC_WORKSPACE || uses->used[at->ref]) return;
    uses->used[at->ref] = true;
    vec_push(uses->c->arena, uses->buffers, at->ref);
}

/* What the kernel reads to compute `root`. */
static void visit(Uses *uses, Node *root) {
    NodeVec order = {0};
    graph_post_order_where(uses->c->arena, root, uses->seen, kernel_computes, &(KernelScope){uses->plan, uses->kernel},
                           &order);
    for (int i = 0; i < order.len; i++) use(uses, node_location(uses->plan, order.data[i]));
}

void kernel_buffers(Compilation *c, const FnPlan *plan, const Kernel *kernel, IntVec *buffers) {
    Uses uses = {c, plan, kernel, map_new(c->arena), ARENA_ARRAY(c->arena, bool, plan->buffers.len + 1), buffers};
    for (int i = 0; i < kernel->stores.len; i++) {
        use(&uses, &kernel->stores.data[i].to);
        visit(&uses, kernel->stores.data[i].node);
    }
    if (kernel->triangle.low_start) visit(&uses, kernel->triangle.low_start);
    if (kernel->triangle.high_start) visit(&uses, kernel->triangle.high_start);
    if (kernel->clip.low_start) visit(&uses, kernel->clip.low_start);
    if (kernel->clip.high_start) visit(&uses, kernel->clip.high_start);
}

/* The tail of kernel i stores before the kernel has read everything, and nothing else starts with it. */
static void live_with_tail(FnPlan *plan, int i) {
    for (int k = 0; k < plan->buffers.len; k++) {
        Buffer *buffer = &plan->buffers.data[k];
        if (buffer->first == i + 1) buffer->first = i;
    }
}

void buffers_live(Compilation *c, FnPlan *plan) {
    for (int i = 0; i < plan->kernels.len; i++) {
        IntVec used = {0};
        kernel_buffers(c, plan, plan->kernels.data[i], &used);
        for (int k = 0; k < used.len; k++) {
            Buffer *buffer = &plan->buffers.data[used.data[k]];
            if (buffer->first < 0 || i < buffer->first) buffer->first = i;
            if (i > buffer->last) buffer->last = i;
        }
    }
    for (int i = 0; i < plan->kernels.len; i++)
        if (plan->kernels.data[i]->tail) live_with_tail(plan, i);
}
