/* In place: a kernel's value takes the memory of an operand that dies in the kernel.
 *
 * Right where each element of the operand is read only while the same element of the value is computed: at the point of a loop kernel or
 * in the epilogue of a contraction, through elementwise ops and by the kernel's own reductions, in no later pass over the row than the
 * one that stores. Within one iteration all values are evaluated before the first is stored. */
#include "plan/plan.h"

typedef struct Reads { /* of one kernel */
    Compilation  *c;
    const FnPlan *plan;
    const Kernel *kernel;
    Map          *seen[2]; /* nodes met elsewhere, at the point */
    NodeVec       left[2]; /* of those, whose inputs have not been looked at */
    bool         *moved;   /* by buffer: read at another index than the point's */
} Reads;

static void meet(Reads *r, Node *node, bool at_point) {
    if (map_has(r->seen[at_point], node)) return;
    map_set(r->seen[at_point], node, node);
    vec_push(r->c->arena, &r->left[at_point], node);
}

static const Reduction *reduction_of(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->reductions.len; i++)
        if (kernel->reductions.data[i].node == node) return &kernel->reductions.data[i];
    return NULL;
}

/* Whether the inputs of `node`, which is evaluated at the point, are evaluated there. */
static bool stays_at_point(const Reads *r, const Node *node) {
    if (op_info[node->op].class == ELEMENTWISE || op_info[node->op].class == EFFECT) return true;
    const Reduction *reduction = reduction_of(r->kernel, node);
    return reduction && reduction->from == LEVEL_POINT;
}

static void look(Reads *r, Node *node, bool at_point) {
    const Location *at = node_location(r->plan, node);
    if (at && kernel_loads(r->plan, r->kernel, node)) {
        bool whole = node->type.rank == r->kernel->n_rows + r->kernel->n_inner;
        if (at->kind == LOC_WORKSPACE && !(at_point && whole)) r->moved[at->ref] = true;
        return;
    }
    /* A reduction's own index is a row's or a column's, its input's is the point. */
    bool point = (at_point || reduction_of(r->kernel, node)) && stays_at_point(r, node);
    for (int i = 0; i < node->n_inputs; i++) meet(r, node->inputs[i], point);
}

static void find_reads(Reads *r) {
    for (int i = 0; i < r->kernel->stores.len; i++)
        meet(r, r->kernel->stores.data[i].node, r->kernel->stores.data[i].level == LEVEL_POINT);
    while (r->left[0].len || r->left[1].len) {
        bool  at_point = r->left[1].len > 0;
        Node *node     = r->left[at_point].data[--r->left[at_point].len];
        look(r, node, at_point);
    }
}

/* A store that may go over an operand: its buffer is written here alone, in the last pass. */
static bool may_replace(const FnPlan *plan, const Kernel *kernel, const Store *store) {
    return store->to.kind == LOC_WORKSPACE && store->level == LEVEL_POINT && store->pass == kernel->n_passes - 1 &&
           plan->buffers.data[store->to.ref].first == kernel->index && plan->buffers.data[store->to.ref].over < 0;
}

/* The largest value first has no say: of one shape all are equal, so the first operand that dies is taken. */
static void replace(const Reads *r, FnPlan *plan, const IntVec *used, const Store *store, bool *taken) {
    Buffer *buffer = &plan->buffers.data[store->to.ref];
    for (int i = 0; i < used->len; i++) {
        int           index   = used->data[i];
        const Buffer *operand = &plan->buffers.data[index];
        if (operand == buffer || operand->first >= r->kernel->index || operand->last != r->kernel->index) continue;
        if (taken[index] || r->moved[index] || elem_size(operand->type.elem) != elem_size(buffer->type.elem)) continue;
        if (!type_same_shape(&operand->type, &buffer->type)) continue;
        taken[index] = true;
        buffer->over = index;
        return;
    }
}

void buffers_in_place(Compilation *c, FnPlan *plan) {
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        if (kernel->template != TEMPLATE_LOOP && kernel->template != TEMPLATE_CONTRACT) continue;
        IntVec used  = {0};
        int    count = plan->buffers.len;
        Reads  reads = {.c = c, .plan = plan, .kernel = kernel, .moved = ARENA_ARRAY(c->arena, bool, count + 1)};
        bool  *taken = ARENA_ARRAY(c->arena, bool, count + 1);
        for (int k = 0; k < 2; k++) reads.seen[k] = map_new(c->arena);
        kernel_buffers(c, plan, kernel, &used);
        find_reads(&reads);
        for (int k = 0; k < kernel->stores.len; k++)
            if (may_replace(plan, kernel, &kernel->stores.data[k]))
                replace(&reads, plan, &used, &kernel->stores.data[k], taken);
    }
}
