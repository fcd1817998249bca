/* Tails: a loop that runs over a product's images as soon as they are stored.
 *
 * Where a convolution is followed by a loop that makes each of its images of the same image of the convolution's result (a pooling, the spread of
 * columns of windows that an input's gradient is), the loop's rows of a chunk of images can be computed when the product has stored that chunk:
 * they are read from the caches, and a result that nobody else reads is never in memory as a whole. The product's kernel owns the loop then: its
 * tail. Whether a chunk is whole images is codegen's to know (codegen/tail.c); where it is not, the two kernels run one after the other. */
#include "plan/plan.h"

/* Which part of the index that a loop's row is computed at a component of an index below it depends on: it is component `axis` there, and
 * row * step + something in [low, high]. Axis -1: nothing is known. */
typedef struct Reach {
    int     axis;
    int64_t step, low, high;
} Reach;

typedef struct Trace {
    Arena        *arena;
    const FnPlan *plan;
    const Kernel *product, *loop;
    Map          *seen;  /* Node * -> Reach * that it was met with */
    int           reads; /* of the product's values */
    int64_t       band;  /* rows of an image's that one of the loop's is made of; 0: of any */
} Trace;

/* ---- what a value is made of ------------------------------------------------------------------------------------------------- */

static Reach slide_reach(const Node *node, Reach reach) {
    static const Reach nothing = {.axis = -1};
    const Slide       *slide   = &node->attr.slide;
    int64_t            before, window = 1;
    if (slide->divisor != 1 || slide->step < 0 || slide->dilation < 0 || !dim_is_const(slide->before, &before))
        return nothing;
    if (slide->dilation && !dim_is_const(node->type.dims[slide->by], &window)) return nothing;
    reach.step *= slide->step;
    reach.low  = reach.low * slide->step - before;
    reach.high = reach.high * slide->step - before + slide->dilation * (window - 1);
    return reach;
}

static Reach reach_below(const Node *node, Reach reach) {
    if (node->op == OP_SLIDE && node->attr.slide.axis == reach.axis) return slide_reach(node, reach);
    reach.axis = node_axis_below(node, reach.axis);
    return reach;
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

static bool same_reach(const Reach *a, const Reach *b) {
    return a->axis == b->axis && a->step == b->step && a->low == b->low && a->high == b->high;
}

/* Tests what is read of the product with such a reach. */
typedef bool Test(Trace *t, const Node *read, const Reach *reach);

static bool is_of_image(Trace *t, const Node *read, const Reach *reach) {
    return reach->axis == 0 && reach->step == 1 && !reach->low && !reach->high &&
           read->type.dims[0] == t->product->rows[0];
}

/* Rows of the loop's images are made of bands side by side, each of so many rows of the product's. */
static bool is_of_band(Trace *t, const Node *read, const Reach *reach) {
    if (reach->axis != 1 || read->type.rank < 2 || read->type.dims[1] != t->product->rows[1]) return false;
    if (reach->low < 0 || reach->high >= reach->step || (t->band && t->band != reach->step)) return false;
    t->band = reach->step;
    return true;
}

static bool is_of_column(Trace *t, const Node *read, const Reach *reach) {
    int last = read->type.rank - 1;
    return reach->axis == last && reach->step == 1 && !reach->low && !reach->high &&
           read->type.dims[last] == t->product->inner[0];
}

/* Whether all that computing `node` reads of the product passes the test, its index being one with `reach`. */
static bool all_pass(Trace *t, Node *node, Reach reach, Test *test) {
    const Reach *known = map_get(t->seen, node);
    if (known && same_reach(known, &reach)) return true;
    Reach *now = ARENA_NEW(t->arena, Reach);
    *now       = reach;
    map_set(t->seen, node, now);
    if (kernel_loads(t->plan, t->loop, node)) {
        const Store *store = product_store(t, node);
        t->reads += store != NULL;
        return !store || (store->level == LEVEL_POINT && test(t, node, &reach));
    }
    Reach below = reach_below(node, reach);
    for (int i = 0; i < node->n_inputs; i++)
        if (!all_pass(t, node->inputs[i], below, test)) return false;
    return true;
}

static bool all_stores_pass(Trace *t, int axis, Test *test) {
    const Kernel *loop = t->loop;
    Reach         own  = {axis, 1, 0, 0};
    t->seen            = map_new(t->arena);
    for (int i = 0; i < loop->stores.len; i++)
        if (!all_pass(t, loop->stores.data[i].node, own, test)) return false;
    for (int i = 0; i < loop->reductions.len; i++)
        if (!all_pass(t, loop->reductions.data[i].node, own, test)) return false;
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
    Trace trace = {.arena = c->arena, .plan = plan, .product = product, .loop = loop};
    return all_stores_pass(&trace, 0, is_of_image) && trace.reads > 0;
}

static int64_t tail_band(Compilation *c, const FnPlan *plan, const Kernel *product) {
    Trace trace = {.arena = c->arena, .plan = plan, .product = product, .loop = product->tail};
    if (product->tail->n_rows < 3) return 0;
    return all_stores_pass(&trace, 1, is_of_band) ? trace.band : 0;
}

/* Whether each column of the tail's points is made of the same column of the product's alone. */
static bool tail_columns(Compilation *c, const FnPlan *plan, const Kernel *product) {
    const Kernel *loop  = product->tail;
    Trace         trace = {.arena = c->arena, .plan = plan, .product = product, .loop = loop};
    if (loop->n_inner != 1 || product->n_inner != 1 || loop->inner[0] != product->inner[0] || loop->reductions.len)
        return false;
    for (int i = 0; i < loop->stores.len; i++)
        if (loop->stores.data[i].level != LEVEL_POINT) return false;
    return all_stores_pass(&trace, loop->n_rows, is_of_column);
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
    Trace   trace = {.arena = c->arena, .plan = plan, .product = before, .loop = kernel};
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
        product->tail         = loop;
        product->tail_band    = tail_band(c, plan, product);
        product->tail_columns = tail_columns(c, plan, product);
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
