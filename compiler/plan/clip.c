/* Which part of a table of scores kernels compute for each other, where a mask by positions leaves out half of it.
 *
 * A band of rows meets no column behind its last row's position. A kernel that makes a band of the table need not compute what lies there if no
 * kernel that reads the band looks there: products that clip k to what their tiles need, and kernels that are clipped themselves. First all kernels
 * that could be are taken to be clipped; then those of which too much is read are given up until none is left. */
#include <math.h>

#include "plan/halves.h"

enum {
    COLUMNS_LEAST     = 128, /* shorter rows are straight-line code */
    TILE_ROWS_MOST    = 16,  /* register tiles of all targets */
    TILE_COLUMNS_MOST = 64
};

typedef struct Candidate {
    Kernel *kernel;
    Half    half; /* axes of the kernel's space, or of its product's type */
    bool    clipped;
} Candidate;

typedef struct Clips {
    Fuse      *f;
    FnPlan    *plan;
    Halves     halves;
    Candidate *of;     /* by kernel */
    int        beyond; /* columns that tiles of readers reach over, at most */
} Clips;

/* ---- candidates ----------------------------------------------------------------------------------------------------- */

static bool stored_before(const FnPlan *plan, const Kernel *kernel, const Node *node) {
    for (int i = 0; i < plan->kernels.len && plan->kernels.data[i] != kernel; i++)
        for (int k = 0; k < plan->kernels.data[i]->stores.len; k++)
            if (plan->kernels.data[i]->stores.data[k].node == node) return true;
    return false;
}

/* All that a start is made of must be in memory when the kernel runs. */
static bool is_ready(const Clips *c, const Kernel *kernel, Node *start) {
    NodeVec order = {0};
    if (!start) return true;
    graph_post_order_where(c->f->c->arena, start, map_new(c->f->c->arena), kernel_computes,
                           &(KernelScope){c->plan, kernel}, &order);
    for (int i = 0; i < order.len; i++) {
        const Location *at = node_location(c->plan, order.data[i]);
        if (at && at->kind == LOC_WORKSPACE && !stored_before(c->plan, kernel, order.data[i])) return false;
    }
    return true;
}

/* What a reduction along the columns of what lies outside of the half leaves as it is. */
static bool adds_nothing_outside(const Reduction *reduction, Half *half) {
    const Node *input = reduction->node->inputs[0];
    if (reduction->node->op == OP_SUM) return half_outside(input, 0, half);
    return reduction->node->op == OP_REDUCE_MAX && half_outside(input, -INFINITY, half);
}

/* Of reductions all must agree; a kernel without them has the half of what it stores. */
static bool loop_half(Clips *c, const Kernel *kernel, Half *half) {
    int n_points = 0;
    for (int i = 0; i < kernel->reductions.len; i++) {
        const Reduction *reduction = &kernel->reductions.data[i];
        Half             here;
        if (reduction->from != LEVEL_POINT) continue;
        if (reduction->to != LEVEL_ROW || !adds_nothing_outside(reduction, &here)) return false;
        if (n_points++ && !half_is(&here, half)) return false;
        *half = here;
    }
    for (int i = 0; i < kernel->stores.len && !n_points; i++) {
        Node *node = kernel->stores.data[i].node;
        if (half_outside(node, 0, half) || half_unseen(&c->halves, node, half)) return true;
    }
    return n_points > 0;
}

static bool product_half(Clips *c, const Kernel *kernel, Half *half) {
    const Triangle *triangle = &kernel->triangle;
    if (triangle->low == PRODUCT_NONE || triangle->low == PRODUCT_DEPTH || triangle->high == PRODUCT_DEPTH ||
        kernel->reductions.len)
        return false;
    return half_unseen(&c->halves, kernel->dot, half) &&
           product_axis_of_result(kernel->dot, half->low) == triangle->low &&
           product_axis_of_result(kernel->dot, half->high) == triangle->high;
}

/* Its points are for other kernels alone. */
static bool keeps_points(const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++) {
        const Store *store = &kernel->stores.data[i];
        if (store->level != LEVEL_ROW && (store->level != LEVEL_POINT || store->to.kind != LOC_WORKSPACE)) return false;
    }
    return true;
}

static const Dim *space_dim(const Kernel *kernel, int axis) {
    if (kernel->dot) return kernel->dot->type.dims[axis];
    return axis < kernel->n_rows ? kernel->rows[axis] : kernel->inner[axis - kernel->n_rows];
}

static bool is_candidate(Clips *c, const Kernel *kernel, Half *half) {
    int64_t columns, rows;
    if (!keeps_points(kernel) || kernel->groups) return false;
    if (kernel->template == TEMPLATE_LOOP) {
        if (!loop_half(c, kernel, half) || !kernel->n_rows || half->low != kernel->n_rows + kernel->n_inner - 1)
            return false;
    } else if (kernel->template != TEMPLATE_CONTRACT || !product_half(c, kernel, half)) {
        return false;
    }
    if (!dim_is_const(space_dim(kernel, half->low), &columns) || columns <= COLUMNS_LEAST) return false;
    if (!dim_is_const(space_dim(kernel, half->high), &rows) || rows >= columns) return false;
    return is_ready(c, kernel, half->low_start) && is_ready(c, kernel, half->high_start);
}

/* ---- readers --------------------------------------------------------------------------------------------------------- */

/* What a kernel makes of a band, element by element: its nodes, with the half on their axes. */
typedef struct Reading {
    Clips           *c;
    const Kernel    *kernel;
    const Candidate *reader;
    Map             *derived; /* Node * -> Half * */
} Reading;

static void derive(Reading *r, const Node *node, const Half *half) {
    Half *copy = ARENA_NEW(r->c->f->c->arena, Half);
    *copy      = *half;
    map_set(r->derived, node, copy);
}

static const Half *derived_half(const Reading *r, const Node *node) {
    return map_get(r->derived, node);
}

static bool has_windows(const Node *node) {
    while (op_info[node->op].class == MOVEMENT && node->n_inputs == 1 && node->op != OP_SLIDE) node = node->inputs[0];
    return node->op == OP_SLIDE;
}

/* A tile over its edge looks at no more than whole vectors or rows of it; one of k looks at no more than it needs. */
static int reaches_over(const Kernel *kernel) {
    if (kernel->triangle.low == PRODUCT_DEPTH) return 0;
    return (kernel->triangle.low == PRODUCT_LEFT) != kernel->swap ? TILE_ROWS_MOST : TILE_COLUMNS_MOST;
}

static bool product_looks_inside(const Reading *r, const Node *dot) {
    const Triangle *triangle = &r->kernel->triangle;
    if (dot != r->kernel->dot || has_windows(dot->inputs[0]) || has_windows(dot->inputs[1])) return false;
    if (dot->type.elem != ELEM_F32 && dot->type.elem != ELEM_F64) return false; /* those are plain loops */
    for (int right = 0; right < 2; right++) {
        const Half *half = derived_half(r, dot->inputs[right]);
        if (!half) continue;
        if (triangle->low == PRODUCT_NONE || triangle->low != product_axis_of_operand(dot, right, half->low) ||
            triangle->high != product_axis_of_operand(dot, right, half->high) ||
            triangle->low_start != half->low_start || triangle->high_start != half->high_start)
            return false;
        if (reaches_over(r->kernel) > r->c->beyond) r->c->beyond = reaches_over(r->kernel);
    }
    return true;
}

static bool reader_is_clipped(const Reading *r, const Half *half) {
    return r->reader->clipped && half_is(&r->reader->half, half);
}

static bool is_own_reduction(const Kernel *kernel, const Node *node) {
    for (int i = 0; i < kernel->reductions.len; i++)
        if (kernel->reductions.data[i].node == node) return kernel->reductions.data[i].from == LEVEL_POINT;
    return false;
}

/* A node whose inputs, some of them made of the band, have been seen. */
static bool looks_inside(Reading *r, const Node *node) {
    const Half *half = NULL;
    for (int i = 0; i < node->n_inputs; i++) {
        const Half *here = derived_half(r, node->inputs[i]);
        if (here && half && !half_is(here, half) && node->op != OP_DOT) return false;
        if (here) half = here;
    }
    if (!half) return true;
    Half above = *half;
    switch (op_info[node->op].class) {
    case ELEMENTWISE: derive(r, node, half); return true;
    case CONTRACTION: return product_looks_inside(r, node);
    case REDUCTION: return is_own_reduction(r->kernel, node) && reader_is_clipped(r, half);
    case MOVEMENT:
        if ((node->op != OP_PERMUTE && node->op != OP_EXPAND) || !half_above(node, &above)) return false;
        derive(r, node, &above);
        return true;
    default: return false;
    }
}

static bool is_in_same_buffer(const FnPlan *plan, const Node *a, const Node *b) {
    const Location *x = node_location(plan, a), *y = node_location(plan, b);
    return x->kind == LOC_WORKSPACE && y->kind == LOC_WORKSPACE && x->ref == y->ref;
}

/* Whether `kernel` looks only at the part of `node` that is computed. */
static bool reads_inside(Clips *c, const Kernel *kernel, Node *node, const Half *half) {
    Arena      *arena = c->f->c->arena;
    Reading     r     = {c, kernel, &c->of[kernel->index], map_new(arena)};
    KernelScope scope = {c->plan, kernel};
    NodeVec     order = {0};
    Map        *seen  = map_new(arena);
    derive(&r, node, half);
    for (int i = 0; i < kernel->stores.len; i++)
        graph_post_order_where(arena, kernel->stores.data[i].node, seen, kernel_computes, &scope, &order);
    for (int i = 0; i < order.len; i++) {
        const Node *at = order.data[i];
        if (at == node) continue;
        if (kernel_computes(&scope, at) ? !looks_inside(&r, at) : is_in_same_buffer(c->plan, at, node)) return false;
    }
    for (int i = 0; i < kernel->stores.len; i++) {
        const Half *stored = derived_half(&r, kernel->stores.data[i].node);
        if (stored && !reader_is_clipped(&r, stored)) return false;
    }
    return true;
}

static bool is_read_inside(Clips *c, const Candidate *candidate) {
    for (int i = 0; i < candidate->kernel->stores.len; i++) {
        const Store *store = &candidate->kernel->stores.data[i];
        for (int k = 0; k < c->plan->kernels.len && store->level == LEVEL_POINT; k++) {
            const Kernel *kernel = c->plan->kernels.data[k];
            if (kernel != candidate->kernel && !reads_inside(c, kernel, store->node, &candidate->half)) return false;
        }
    }
    return true;
}

/* ---- all kernels ------------------------------------------------------------------------------------------------------ */

static void set_clip(Candidate *candidate, int beyond) {
    Kernel *kernel = candidate->kernel;
    kernel->clip =
        (Clip){space_dim(kernel, candidate->half.high), candidate->half.low_start, candidate->half.high_start, beyond};
    kernel->flat = false;
}

void kernels_clip(Fuse *f) {
    FnPlan *plan = f->plan;
    if (!f->has_masks) return;
    Clips c       = {f, plan, halves_new(f), ARENA_ARRAY(f->c->arena, Candidate, plan->kernels.len + 1), 0};
    bool  changed = false;
    for (int i = 0; i < plan->kernels.len; i++) {
        Candidate *candidate = &c.of[i];
        candidate->kernel    = plan->kernels.data[i];
        candidate->clipped   = is_candidate(&c, candidate->kernel, &candidate->half);
        changed |= candidate->clipped;
    }
    while (changed) {
        changed = false;
        for (int i = 0; i < plan->kernels.len; i++) {
            if (!c.of[i].clipped || is_read_inside(&c, &c.of[i])) continue;
            c.of[i].clipped = false;
            changed         = true;
        }
    }
    for (int i = 0; i < plan->kernels.len; i++)
        if (c.of[i].clipped) set_clip(&c.of[i], c.beyond);
}
