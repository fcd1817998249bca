/* Tails: a loop that runs over a product's images as soon as they are stored.
 *
 * Where a convolution is followed by a loop that makes each of its images of the same image of the convolution's result (a pooling, the spread of
 * columns of windows that an input's gradient is), the loop's rows of a chunk of images can be computed when the product has stored that chunk:
 * they are read from the caches, and a result that nobody else reads is never in memory as a whole. The product's kernel owns the loop then: its
 * tail. Whether a chunk is whole images is codegen's to know (codegen/tail.c); where it is not, the two kernels run one after the other. */
#include "plan/plan.h"

typedef struct Trace {
    const FnPlan *plan;
    const Kernel *product, *loop;
    Map          *seen;  /* Node * -> axis + 2 of the index that it was met at */
    int           reads; /* of the product's values */
} Trace;

/* ---- which image a value is made of ---------------------------------------------------------------------------------------- */

static bool has_axis(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* The axis of a reduction's input, or the result's axis of an EXPAND: the `axis`-th that is not among the node's axes. */
static int kept_axis(const Node *node, int axis, int rank) {
    for (int i = 0; i < rank; i++)
        if (!has_axis(node, i) && axis-- == 0) return i;
    return -1;
}

/* Of the input's index, the component that is component `axis` of the node's; -1: there is none that must be. */
static int axis_below(const Node *node, int axis) {
    const Type *type = &node->type, *input = node->n_inputs ? &node->inputs[0]->type : NULL;
    if (axis < 0 || !input) return -1;
    switch (node->op) {
    case OP_PERMUTE: return node->attr.axes.axes[axis];
    case OP_EXPAND:
        for (int i = 0; i < input->rank; i++)
            if (kept_axis(node, i, type->rank) == axis) return i;
        return -1;
    case OP_SLICE:
    case OP_PAD: return type->dims[axis] == input->dims[axis] ? axis : -1;
    case OP_SLIDE: return node->attr.slide.axis == axis ? -1 : axis;
    case OP_RESHAPE: return axis == 0 && input->rank && type->dims[0] == input->dims[0] ? 0 : -1;
    case OP_SUM:
    case OP_REDUCE_MAX: return kept_axis(node, axis, input->rank);
    case OP_STOP_GRAD:
    case OP_AGAIN: return axis;
    default: return op_info[node->op].class == ELEMENTWISE ? axis : -1;
    }
}

static bool is_at(const Location *a, const Location *b) {
    return a->kind == b->kind && a->ref == b->ref && a->offset == b->offset;
}

static const Store *product_store(const Trace *t, const Node *node) {
    const Location *at = node_location(t->plan, node);
    for (int i = 0; at && i < t->product->stores.len; i++)
        if (is_at(&t->product->stores.data[i].to, at)) return &t->product->stores.data[i];
    return NULL;
}

/* Whether what the loop reads of the product for `node`, whose index has the image as its component `axis`, is of that image. */
static bool stays_in_image(Trace *t, Node *node, int axis) {
    intptr_t known = (intptr_t)map_get(t->seen, node);
    if (known == axis + 2) return true;
    map_set(t->seen, node, (void *)(intptr_t)(axis + 2));
    if (kernel_loads(t->plan, t->loop, node)) {
        const Store *store = product_store(t, node);
        t->reads += store != NULL;
        return !store || (store->level == LEVEL_POINT && axis == 0 && node->type.dims[0] == t->product->rows[0]);
    }
    for (int i = 0; i < node->n_inputs; i++)
        if (!stays_in_image(t, node->inputs[i], axis_below(node, axis))) return false;
    return true;
}

/* ---- tails ----------------------------------------------------------------------------------------------------------------------- */

/* One product of images, stored as it comes. */
static bool has_images(const Kernel *kernel) {
    return kernel->template == TEMPLATE_CONTRACT && kernel->n_rows > 1 && !kernel->swap && !kernel->moved &&
           !kernel->groups && !kernel->triangle.low && !kernel->dot->attr.dot.n_batch;
}

/* Rows that are nothing to each other. */
static bool has_rows_apart(const Kernel *kernel) {
    if (kernel->template != TEMPLATE_LOOP || kernel->flat || !kernel->n_rows || kernel->kept.len || kernel->clip.rows)
        return false;
    for (int i = 0; i < kernel->reductions.len; i++)
        if (kernel->reductions.data[i].to != LEVEL_ROW) return false;
    for (int i = 0; i < kernel->stores.len; i++) {
        const Store *store = &kernel->stores.data[i];
        if (store->level != LEVEL_POINT && store->level != LEVEL_ROW) return false;
        if (store->to.kind != LOC_WORKSPACE && store->to.kind != LOC_RESULT) return false;
    }
    return kernel->stores.len > 0;
}

static bool is_tail(Compilation *c, const FnPlan *plan, const Kernel *product, const Kernel *loop) {
    if (!has_images(product) || !has_rows_apart(loop) || loop->rows[0] != product->rows[0]) return false;
    Trace trace = {plan, product, loop, map_new(c->arena), 0};
    for (int i = 0; i < loop->stores.len; i++)
        if (!stays_in_image(&trace, loop->stores.data[i].node, 0)) return false;
    for (int i = 0; i < loop->reductions.len; i++)
        if (!stays_in_image(&trace, loop->reductions.data[i].node, 0)) return false;
    return trace.reads > 0;
}

/* Whether kernels other than the product and its tail use the buffer. */
static bool is_used_elsewhere(Compilation *c, const FnPlan *plan, const Kernel *product, int buffer) {
    for (int i = 0; i < plan->kernels.len; i++) {
        const Kernel *kernel = plan->kernels.data[i];
        IntVec        used   = {0};
        if (kernel == product || kernel == product->tail) continue;
        kernel_buffers(c, plan, kernel, &used);
        for (int k = 0; k < used.len; k++)
            if (used.data[k] == buffer) return true;
    }
    return false;
}

static void find_passed(Compilation *c, const FnPlan *plan, Kernel *product) {
    for (int i = 0; i < product->stores.len; i++) {
        Store *store  = &product->stores.data[i];
        bool   points = store->level == LEVEL_POINT && store->to.kind == LOC_WORKSPACE;
        store->passed = points && !is_used_elsewhere(c, plan, product, store->to.ref);
    }
}

/* ---- order --------------------------------------------------------------------------------------------------------------------- */

/* Whether `kernel` reads what `before` stores. */
static bool reads_of(Compilation *c, const FnPlan *plan, const Kernel *kernel, const Kernel *before) {
    Trace   trace = {plan, before, kernel, NULL, 0};
    NodeVec nodes = {0};
    Map    *seen  = map_new(c->arena);
    for (int i = 0; i < kernel->stores.len; i++)
        graph_post_order_where(c->arena, kernel->stores.data[i].node, seen, kernel_computes,
                               &(KernelScope){plan, kernel}, &nodes);
    for (int i = 0; i < nodes.len; i++)
        if (product_store(&trace, nodes.data[i])) return true;
    return false;
}

/* Whether `kernel` may run before the product, which it runs behind: it reads nothing of it, and changes nothing that it may read. */
static bool may_go_before(Compilation *c, const FnPlan *plan, const Kernel *product, const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++) {
        const Location *to = &kernel->stores.data[i].to;
        if (to->kind != LOC_WORKSPACE && to->kind != LOC_RESULT) return false;
    }
    return !reads_of(c, plan, kernel, product);
}

enum { BETWEEN = 2 }; /* kernels between a product and its tail that may be moved */

/* Kernel `tail` follows kernel `product`; what is between goes before both where the tail needs it, else behind them. */
typedef struct Moves {
    bool before[BETWEEN]; /* by place behind the product */
} Moves;

static bool find_moves(Compilation *c, const FnPlan *plan, int product, int tail, Moves *moves) {
    Kernel *const *kernels = plan->kernels.data;
    for (int i = tail - 1; i > product; i--) {
        bool needed = reads_of(c, plan, kernels[tail], kernels[i]);
        for (int k = i + 1; k < tail; k++)
            needed |= moves->before[k - product - 1] && reads_of(c, plan, kernels[k], kernels[i]);
        if (needed && !may_go_before(c, plan, kernels[product], kernels[i])) return false;
        moves->before[i - product - 1] = needed;
    }
    return true;
}

static void move(FnPlan *plan, int product, int tail, const Moves *moves) {
    Kernel **kernels = plan->kernels.data, *sorted[BETWEEN + 2];
    int      n       = 0;
    for (int i = product + 1; i < tail; i++)
        if (moves->before[i - product - 1]) sorted[n++] = kernels[i];
    sorted[n++] = kernels[product];
    sorted[n++] = kernels[tail];
    for (int i = product + 1; i < tail; i++)
        if (!moves->before[i - product - 1]) sorted[n++] = kernels[i];
    for (int i = 0; i < n; i++) {
        kernels[product + i] = sorted[i];
        sorted[i]->index     = product + i;
    }
}

/* Returns whether kernel `at` is a product that now has a tail. */
static bool find_tail(Compilation *c, FnPlan *plan, int at) {
    Kernel *product = plan->kernels.data[at];
    for (int i = at + 1; i < plan->kernels.len && i <= at + 1 + BETWEEN; i++) {
        Kernel *loop  = plan->kernels.data[i];
        Moves   moves = {{false}};
        if (!is_tail(c, plan, product, loop) || !find_moves(c, plan, at, i, &moves)) continue;
        move(plan, at, i, &moves);
        product->tail = loop;
        find_passed(c, plan, product);
        return true;
    }
    return false;
}

void kernels_find_tails(Compilation *c, FnPlan *plan) {
    for (int i = 0; i < plan->kernels.len; i++) {
        Kernel *product = plan->kernels.data[i];
        if (has_images(product) && find_tail(c, plan, i)) i = product->tail->index;
    }
}
