/* Carries that stay where they are: a carry whose next value is computed from it element by element, in the one kernel that reads it, needs no second
 * place. Where that kernel adds to it a product that is clipped by a mask (triangle.c), elements whose sums are empty stay as they are. */
#include "ir/scan.h"
#include "plan/fuse.h"

static const Store *store_of(const FnPlan *body, const Scan *scan, int carry, const Kernel **kernel) {
    const Store *found = NULL;
    int          count = 0;
    for (int i = 0; i < body->kernels.len; i++)
        for (int k = 0; k < body->kernels.data[i]->stores.len; k++) {
            const Store *store = &body->kernels.data[i]->stores.data[k];
            if (store->to.kind != LOC_RESULT || scan_planned_result(scan, store->to.ref) != carry) continue;
            *kernel = body->kernels.data[i];
            found   = store;
            count++;
        }
    return count == 1 ? found : NULL;
}

static bool is_emitted(const Scan *scan, int carry) {
    for (int i = 0; i < scan_result_count(scan); i++)
        if (scan_emitted_carry(scan, i) == carry) return true;
    return false;
}

typedef struct Look {  /* of one kernel at the carry */
    bool reads, moves; /* it at all; it at another index than the point's */
} Look;

static Look look(Arena *arena, const FnPlan *body, const Kernel *kernel, const Location *carry) {
    KernelScope scope = {body, kernel};
    NodeVec     order = {0};
    Map        *seen = map_new(arena), *moved = map_new(arena);
    Look        l = {false, false};
    for (int i = 0; i < kernel->stores.len; i++)
        graph_post_order_where(arena, kernel->stores.data[i].node, seen, kernel_computes, &scope, &order);
    for (int i = order.len - 1; i >= 0; i--) { /* users before inputs */
        const Node     *node = order.data[i];
        const Location *at   = node_location(body, node);
        if (!kernel_computes(&scope, node)) {
            bool same = at->kind == carry->kind && at->ref == carry->ref;
            l.reads |= same;
            l.moves |= same && (map_has(moved, node) || node->op != OP_LOCAL);
            continue;
        }
        bool stays = op_info[node->op].class == ELEMENTWISE && !map_has(moved, node);
        for (int k = 0; k < node->n_inputs && !stays; k++) map_set(moved, node->inputs[k], node->inputs[k]);
    }
    return l;
}

bool carry_stays(Arena *arena, const FnPlan *body, const Scan *scan, int carry) {
    const Kernel *home  = NULL;
    const Store  *store = store_of(body, scan, carry, &home);
    Location      at    = {LOC_LOCAL, carry, 0};
    if (!store || is_emitted(scan, carry) || store->level != LEVEL_POINT || home->n_passes != 1 ||
        home->reductions.len || home->groups)
        return false;
    if (home->template != TEMPLATE_LOOP && home->template != TEMPLATE_CONTRACT) return false;
    if (!type_equal(&store->type, &scan->carries.data[carry]->type)) return false;
    for (int i = 0; i < body->kernels.len; i++) {
        Look l = look(arena, body, body->kernels.data[i], &at);
        if (l.moves || (l.reads && body->kernels.data[i] != home)) return false;
    }
    return true;
}

/* The only contracted axis that is longer than 1. */
static const Dim *depth_of(const Node *dot) {
    const Dim *depth = NULL;
    for (int i = 0; i < dot->attr.dot.n_contract; i++) {
        const Dim *extent = dot->inputs[0]->type.dims[(int)dot->attr.dot.left_contract[i]];
        if (!depth || !dim_is_one(extent)) depth = extent;
    }
    return depth;
}

static bool adds_product(const Kernel *kernel, const Node *value, const Node *carry) {
    if (kernel->stores.len != 1 || value->op != OP_ADD) return false;
    return (value->inputs[0] == carry && value->inputs[1] == kernel->dot) ||
           (value->inputs[1] == carry && value->inputs[0] == kernel->dot);
}

void carries_clip(Arena *arena, FnPlan *body, const Scan *scan) {
    for (int i = 0; i < scan->carries.len; i++) {
        const Kernel *home  = NULL;
        const Store  *store = store_of(body, scan, i, &home);
        if (!store || home->template != TEMPLATE_CONTRACT || home->triangle.high != PRODUCT_DEPTH) continue;
        ElemType elem = home->dot->type.elem;
        if (!adds_product(home, store->node, scan->carries.data[i]) || (elem != ELEM_F32 && elem != ELEM_F64)) continue;
        if (!carry_stays(arena, body, scan, i)) continue;
        body->kernels.data[home->index]->clip =
            (Clip){depth_of(home->dot), home->triangle.low_start, home->triangle.high_start, 0};
    }
}
