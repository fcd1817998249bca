/* Cluster to kernel: in which loop over the row each value can be had.
 *
 * A row reduction accumulated in pass p is available from pass p + 1 on, so a value's pass is the largest among what it reads. A POINT
 * value that is expensive and evaluated in several passes is kept from the first one. */
#include "plan/fuse.h"

typedef struct Passes {
    Fuse    *f;
    Cluster *cluster;
    Kernel  *kernel;
    Map     *available; /* Node * -> pass + 1 */
    Map     *evaluated; /* Node * -> mask of passes in which its POINT value is asked for, as a pointer-sized integer */
    Map     *moved;     /* nodes whose value is asked for at another index than the point's, too */
    NodeVec  order;     /* nodes evaluated here, inputs first */
} Passes;

enum { MAX_PASSES = 62 };

static bool computed_here(const Passes *p, const Node *node) {
    const NodeFacts *facts = &p->f->facts[node->id];
    return facts->home == p->cluster && node_computes(node);
}

static bool loaded(const Passes *p, const Node *node) {
    return node_location(p->f->plan, node) && !computed_here(p, node);
}

/* A row, column or total reduction of this kernel. */
static bool is_reduction(const Passes *p, const Node *node) {
    return op_info[node->op].class == REDUCTION && computed_here(p, node) && !p->f->facts[node->id].inline_reduction;
}

static bool computed(const void *context, const Node *node) {
    return !loaded(context, node);
}

static int known_pass(const Passes *p, const Node *node) {
    return (int)(intptr_t)map_get(p->available, node) - 1;
}

/* The first pass in which `root` can be evaluated; lists it and what it needs. */
static int available(Passes *p, Node *root) {
    int first = p->order.len;
    graph_post_order_where(p->f->c->arena, root, p->available, computed, p, &p->order);
    for (int k = first; k < p->order.len; k++) {
        const Node *node = p->order.data[k];
        int         pass = 0;
        for (int i = 0; i < node->n_inputs && !loaded(p, node); i++)
            if (known_pass(p, node->inputs[i]) > pass) pass = known_pass(p, node->inputs[i]);
        if (!loaded(p, node) && is_reduction(p, node) && p->f->facts[node->id].level == LEVEL_ROW) pass++;
        if (pass > MAX_PASSES) BUG("a row needs more than %d passes", MAX_PASSES);
        map_set(p->available, node, (void *)(intptr_t)(pass + 1));
    }
    return known_pass(p, root);
}

static int before_available(Passes *p, Node *node) {
    int pass = available(p, node);
    return pass > 0 ? pass - 1 : 0;
}

static void set_store_passes(Passes *p) {
    for (int i = 0; i < p->cluster->stores.len; i++) {
        Store store = p->cluster->stores.data[i];
        int   first = available(p, store.node);
        if (store.level == LEVEL_POINT || store.level == LEVEL_SPREAD) store.pass = first;
        if (store.level == LEVEL_ROW) store.pass = first > 0 ? first - 1 : 0;
        vec_push(p->f->c->arena, &p->kernel->stores, store);
    }
}

static void set_reductions(Passes *p) {
    for (int i = 0; i < p->order.len; i++) {
        Node *node = p->order.data[i];
        if (!is_reduction(p, node)) continue;
        Node     *input     = node->inputs[0];
        Level     to        = p->f->facts[node->id].level;
        bool      whole     = input->type.rank == p->cluster->space.rank;
        Level     from      = to == LEVEL_TOTAL && !whole ? LEVEL_ROW : LEVEL_POINT;
        Reduction reduction = {node, from, to, from == LEVEL_ROW ? before_available(p, input) : available(p, input)};
        vec_push(p->f->c->arena, &p->kernel->reductions, reduction);
    }
}

/* ---- which passes ask for a value ------------------------------------------------------------------------------------- */

static uint64_t mask_of(const Passes *p, const Node *node) {
    return (uint64_t)(uintptr_t)map_get(p->evaluated, node);
}

static void ask(Passes *p, const Node *node, uint64_t mask) {
    map_set(p->evaluated, node, (void *)(uintptr_t)(mask_of(p, node) | mask));
}

/* An elementwise op, or a marker, reads at the index at which it is read itself. */
static void ask_inputs(Passes *p, const Node *node, uint64_t mask) {
    OpClass class = op_info[node->op].class;
    bool same     = (class == ELEMENTWISE || class == EFFECT) && !map_has(p->moved, node);
    for (int i = 0; i < node->n_inputs; i++) {
        ask(p, node->inputs[i], mask);
        if (!same) map_set(p->moved, node->inputs[i], node->inputs[i]);
    }
}

static void keep(Passes *p, const Node *node, int pass) {
    vec_push(p->f->c->arena, &p->kernel->kept, ((Kept){(Node *)(uintptr_t)node, pass}));
}

static bool at_point(const Passes *p, const Node *node) {
    return node->type.rank == p->cluster->space.rank && !is_reduction(p, node) && !map_has(p->moved, node);
}

/* Users before inputs: a value is asked for in every pass in which one of its users is evaluated. */
static void find_evaluations(Passes *p) {
    for (int i = 0; i < p->kernel->stores.len; i++)
        if (p->kernel->stores.data[i].level == LEVEL_POINT || p->kernel->stores.data[i].level == LEVEL_SPREAD)
            ask(p, p->kernel->stores.data[i].node, UINT64_C(1) << p->kernel->stores.data[i].pass);
    for (int i = 0; i < p->kernel->reductions.len; i++)
        if (p->kernel->reductions.data[i].from == LEVEL_POINT)
            ask(p, p->kernel->reductions.data[i].node->inputs[0], UINT64_C(1) << p->kernel->reductions.data[i].pass);
    for (int i = p->order.len - 1; i >= 0; i--) {
        const Node *node = p->order.data[i];
        uint64_t    mask = mask_of(p, node);
        if (!mask || is_reduction(p, node) || loaded(p, node)) continue;
        if ((mask & (mask - 1)) && op_cost(node->op) >= 20 && at_point(p, node)) {
            keep(p, node, __builtin_ctzll(mask));
            mask &= -mask;
        }
        ask_inputs(p, node, mask);
    }
}

/* A slot written in pass p must not be read at POINT in a later pass: the write moves to the last pass that reads. */
static void delay_slot_writes(Passes *p) {
    for (int i = 0; i < p->kernel->stores.len; i++) {
        Store *store = &p->kernel->stores.data[i];
        if (store->to.kind != LOC_SLOT || (store->level != LEVEL_POINT && store->level != LEVEL_ROW)) continue;
        for (int k = 0; k < p->order.len; k++) {
            const Node *node = p->order.data[k];
            if (node->op != OP_READ || node->attr.ref != store->to.ref) continue;
            uint64_t mask = mask_of(p, node);
            int      last = mask ? 63 - __builtin_clzll(mask) : 0;
            if (last > store->pass) store->pass = last;
        }
    }
}

static int count_passes(const Kernel *kernel) {
    int count = 1;
    for (int i = 0; i < kernel->stores.len; i++)
        if (kernel->stores.data[i].pass + 1 > count) count = kernel->stores.data[i].pass + 1;
    for (int i = 0; i < kernel->reductions.len; i++)
        if (kernel->reductions.data[i].pass + 1 > count) count = kernel->reductions.data[i].pass + 1;
    return count;
}

/* ---- the kernel -------------------------------------------------------------------------------------------------------- */

/* Of a space of one dim: values are computed, moved or looked up. */
static bool is_line(const Passes *p) {
    if (p->cluster->space.rank != 1) return false;
    for (int i = 0; i < p->order.len; i++) {
        const Node *node = p->order.data[i];
        OpClass class    = op_info[node->op].class;
        bool moved       = class == MOVEMENT && node->op != OP_SLIDE;
        if (node->type.rank && !loaded(p, node) && class != ELEMENTWISE && !moved && node->op != OP_GATHER)
            return false;
    }
    return true;
}

/* The same shapes everywhere, only elementwise ops and expanded scalars between. */
static bool is_even(const Passes *p) {
    const Type *space = &p->cluster->space;
    for (int i = 0; i < p->order.len; i++) {
        const Node *node = p->order.data[i];
        if (node->type.rank == 0) continue;
        if (!type_same_shape(&node->type, space)) return false;
        if (loaded(p, node) || op_info[node->op].class == ELEMENTWISE) continue;
        if (node->op == OP_EXPAND && node->inputs[0]->type.rank == 0) continue;
        if (node->op == OP_UNIFORM || node->op == OP_NORMAL) continue;
        return false;
    }
    return true;
}

/* One linear loop will do. */
static bool is_flat(const Passes *p) {
    if (p->kernel->reductions.len || p->cluster->template != TEMPLATE_LOOP) return false;
    return is_even(p) || is_line(p);
}

static bool slides_windows(const Passes *p) {
    for (int i = 0; i < p->order.len; i++) {
        const Node *node = p->order.data[i];
        if (!loaded(p, node) && node->op == OP_SLIDE && node->attr.slide.dilation) return true;
    }
    return false;
}

/* Of points alone: the largest sum at one. */
static int64_t summed_at_points(const Passes *p) {
    int64_t most = 0, extent;
    for (int i = 0; i < p->kernel->stores.len; i++)
        if (p->kernel->stores.data[i].level != LEVEL_POINT) return 0;
    for (int i = 0; i < p->order.len; i++) {
        const Node *node = p->order.data[i];
        if (loaded(p, node) || node->op != OP_SUM) continue;
        int64_t count = 1;
        for (int a = 0; a < node->attr.axes.count && count <= INT16_MAX; a++) {
            if (!dim_is_const(node->inputs[0]->type.dims[node->attr.axes.axes[a]], &extent)) return 0;
            count *= extent;
        }
        if (count > most) most = count;
    }
    return most;
}

/* Of sums over rows alone: what a row has beside its last dim. */
static int64_t summed_over_rows(const Passes *p) {
    int64_t count = 1, extent;
    for (int i = 0; i < p->kernel->reductions.len; i++) {
        const Reduction *reduction = &p->kernel->reductions.data[i];
        if (reduction->from != LEVEL_POINT || reduction->to != LEVEL_COLUMN || reduction->node->op != OP_SUM) return 0;
    }
    for (int i = 0; i < p->kernel->stores.len; i++)
        if (p->kernel->stores.data[i].level != LEVEL_COLUMN) return 0;
    for (int i = 0; i + 1 < p->kernel->n_inner && count <= INT16_MAX; i++) {
        if (!dim_is_const(p->kernel->inner[i], &extent)) return 0;
        count *= extent;
    }
    return count;
}

/* What points of neighbouring rows share: elements of windows. */
static int summed_window(const Passes *p) {
    if (p->kernel->kept.len || p->kernel->n_passes > 1 || p->cluster->template != TEMPLATE_LOOP || !slides_windows(p))
        return 0;
    int64_t count = p->kernel->reductions.len ? summed_over_rows(p) : summed_at_points(p);
    return count > INT16_MAX ? 0 : (int)count;
}

static void split_space(Kernel *kernel, const Cluster *cluster) {
    if (cluster->template == TEMPLATE_SCAN) return; /* its steps have spaces of their own */
    int n_rows = cluster->n_rows >= 0 ? cluster->n_rows : cluster->space.rank > 0 ? cluster->space.rank - 1 : 0;
    for (int i = 0; i < cluster->space.rank; i++) {
        if (i < n_rows)
            kernel->rows[kernel->n_rows++] = cluster->space.dims[i];
        else
            kernel->inner[kernel->n_inner++] = cluster->space.dims[i];
    }
}

void kernel_from_cluster(Fuse *f, Cluster *cluster) {
    Kernel *kernel   = ARENA_NEW(f->c->arena, Kernel);
    Arena  *arena    = f->c->arena;
    Passes  p        = {.f         = f,
                        .cluster   = cluster,
                        .kernel    = kernel,
                        .available = map_new(arena),
                        .evaluated = map_new(arena),
                        .moved     = map_new(arena)};
    cluster->kernel  = kernel;
    kernel->template = cluster->template;
    split_space(kernel, cluster);
    if (cluster->template == TEMPLATE_CONTRACT) {
        kernel->dot    = cluster->nodes.data[0];
        kernel->moved  = f->facts[kernel->dot->id].moved;
        kernel->swap   = product_is_swapped(kernel->dot);
        kernel->packed = product_is_packed(f, kernel->dot);
        kernel->groups = cluster->groups;
        if (!kernel->groups && !kernel->moved) kernel_find_triangle(f, cluster, kernel);
    }
    if (cluster->template == TEMPLATE_SCAN) kernel->scan = cluster->nodes.data[0]->inputs[0];
    if (cluster->template == TEMPLATE_SCATTER) kernel->scatter = cluster->nodes.data[0];
    set_store_passes(&p);
    set_reductions(&p);
    find_evaluations(&p);
    delay_slot_writes(&p);
    kernel->n_passes = count_passes(kernel);
    kernel->flat     = is_flat(&p);
    kernel->window   = summed_window(&p);
}
