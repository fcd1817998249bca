/* Leaves: what a consumer really reads, seen through movement ops, and at which index. */
#include "plan/fuse.h"

/* bf16 and f16 widen as they are loaded. So nothing keeps the wider value in memory, and a contraction reads the narrow one. */
static bool widens(const Node *node) {
    return node->op == OP_CAST && elem_is_narrow(node->inputs[0]->type.elem) && elem_is_float(node->type.elem) &&
           !elem_is_narrow(node->type.elem);
}

bool node_computes(const Node *node) {
    switch (op_info[node->op].class) {
    case ELEMENTWISE: return !widens(node);
    case REDUCTION:
    case CONTRACTION: return true;
    case INDEXED: return node->op == OP_SCATTER_ADD;
    case LOOP: return node->op == OP_PICK;
    case SOURCE:
    case MOVEMENT:
    case EFFECT: return false;
    }
    return false;
}

Location *node_location(const FnPlan *plan, const Node *node) {
    return map_get(plan->located, node);
}

static bool stores_to(const Kernel *kernel, const Node *node, const Location *at) {
    for (int i = 0; i < kernel->stores.len; i++) {
        const Store *store = &kernel->stores.data[i];
        if (store->node == node && store->to.kind == at->kind && store->to.ref == at->ref &&
            store->to.offset == at->offset)
            return true;
    }
    return false;
}

bool kernel_loads(const FnPlan *plan, const Kernel *kernel, const Node *node) {
    const Location *at = node_location(plan, node);
    for (const Node *source = node; at; source = source->inputs[0]) {
        if (stores_to(kernel, source, at)) return false;
        if (!is_same_memory(source)) return true;
    }
    return false;
}

bool kernel_computes(const void *kernel_scope, const Node *node) {
    const KernelScope *scope = kernel_scope;
    return !kernel_loads(scope->plan, scope->kernel, node);
}

/* How the input of an EXPAND is reached: an index loses the new axes. Only trailing ones keep the index a row's. */
static Leaf under_expand(const Leaf *at) {
    const Node *node  = at->node;
    Node       *input = node->inputs[0];
    if (input->type.rank == 0) return (Leaf){input, ALIGN_SCALAR, 0, 0};
    bool tail = at->align == ALIGN_SAME || at->align == ALIGN_EXPANDED;
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] < input->type.rank) tail = false;
    return (Leaf){input, tail ? ALIGN_EXPANDED : ALIGN_OTHER, tail ? at->trailing + node->attr.axes.count : 0, 0};
}

/* A RESHAPE that drops an axis of which a SLICE has left one index: that axis, else -1. */
static int dropped_axis(const Node *node) {
    const Node *slice = node->inputs[0];
    if (node->op != OP_RESHAPE || slice->op != OP_SLICE || slice->type.rank != node->type.rank + 1) return -1;
    const Type *whole = &slice->inputs[0]->type;
    int         axis = 0, rank = slice->type.rank;
    while (axis < rank && slice->type.dims[axis] == whole->dims[axis]) axis++;
    for (int i = 0; i < rank; i++)
        if (i != axis && (slice->type.dims[i] != whole->dims[i] || node->type.dims[i - (i > axis)] != whole->dims[i]))
            return -1;
    int64_t extent;
    return axis < rank && dim_is_const(slice->type.dims[axis], &extent) && extent == 1 ? axis : -1;
}

/* What is computed before the nodes that a mark stands under. */
static Node *again_waits_for(const Fuse *f, const Node *mark) {
    Node *before = f->fn->before.data[mark->attr.ref - f->fn->first_mark];
    return f->facts[before->id].reached ? before : NULL;
}

int spread_axis(const Type *type, const Type *dims) {
    int     axis = 0;
    int64_t extent;
    if (type->rank != dims->rank + 1) return -1;
    while (axis < dims->rank && type->dims[axis] == dims->dims[axis]) axis++;
    while (axis > 0 && type->dims[axis - 1] == type->dims[axis]) axis--; /* of equal ones the first */
    for (int i = 0; i < dims->rank; i++)
        if (type->dims[i + (i >= axis)] != dims->dims[i]) return -1;
    return dim_is_const(type->dims[axis], &extent) && extent <= SPREAD_MOST ? axis : -1;
}

/* What an EXPAND with one new axis of a single index, the one by which `type` is spread, expands; else NULL. */
static Node *spread_of(const Type *type, const Node *part) {
    if (part->op != OP_EXPAND || part->attr.axes.count != 1) return NULL;
    int     axis = part->attr.axes.axes[0];
    int64_t extent;
    if (!dim_is_const(part->type.dims[axis], &extent) || extent != 1) return NULL;
    return spread_axis(type, &part->inputs[0]->type) == axis ? part->inputs[0] : NULL;
}

bool is_put_together(const Node *node) {
    if (node->op != OP_CONCAT) return false;
    for (int i = 0; i < node->n_inputs; i++) {
        const Node *part = spread_of(&node->type, node->inputs[i]);
        if (!part || !node_computes(part)) return false;
    }
    return true;
}

static bool is_leaf(const Node *node) {
    return node_computes(node) || node->op == OP_INPUT || node->op == OP_READ || node->op == OP_LOCAL;
}

/* How input i of another movement op is reached. */
static Leaf under_movement(const Leaf *at, int i) {
    bool  puts = at->align == ALIGN_SAME && (at->node->op == OP_PAD || at->node->op == OP_CONCAT);
    Node *part = puts ? spread_of(&at->node->type, at->node->inputs[i]) : NULL;
    return part ? (Leaf){part, ALIGN_SPREAD, 0, 0} : (Leaf){at->node->inputs[i], ALIGN_OTHER, 0, 0};
}

/* From `start` down through movement ops, first inputs first. */
static void walk(Fuse *f, Leaf start, LeafVec *leaves) {
    if (is_leaf(start.node) && (start.node->type.rank || start.align != ALIGN_OTHER)) { /* mostly so */
        vec_push(f->c->arena, leaves, start);
        return;
    }
    LeafVec stack = {0};
    vec_push(f->c->arena, &stack, start);
    while (stack.len) {
        Leaf at = stack.data[--stack.len];
        if (is_leaf(at.node)) {
            if (at.node->type.rank == 0 && at.align == ALIGN_OTHER) at.align = ALIGN_SCALAR;
            vec_push(f->c->arena, leaves, at);
        } else if (at.align == ALIGN_SAME && f->facts[at.node->id].product) {
            vec_push(f->c->arena, &stack, ((Leaf){f->facts[at.node->id].product, ALIGN_SAME, 0, 0}));
        } else if (at.align == ALIGN_SAME && at.node->op == OP_RESHAPE && dropped_axis(at.node) >= 0) {
            Leaf part = {at.node->inputs[0]->inputs[0], ALIGN_PART, 0, dropped_axis(at.node)};
            vec_push(f->c->arena, &stack, part);
        } else if (at.node->op == OP_EXPAND) {
            vec_push(f->c->arena, &stack, under_expand(&at));
        } else if (at.node->op == OP_AGAIN) {
            Node *before = again_waits_for(f, at.node);
            vec_push(f->c->arena, &stack, ((Leaf){at.node->inputs[0], at.align, at.trailing, at.axis}));
            if (before) vec_push(f->c->arena, leaves, ((Leaf){before, ALIGN_AFTER, 0, 0}));
        } else if (widens(at.node)) {
            vec_push(f->c->arena, &stack, ((Leaf){at.node->inputs[0], at.align, at.trailing, at.axis}));
        } else {
            for (int i = at.node->n_inputs - 1; i >= 0; i--) vec_push(f->c->arena, &stack, under_movement(&at, i));
        }
    }
}

void leaves_of_inputs(Fuse *f, const Node *node, LeafVec *leaves) {
    /* An elementwise op and a row reduction read at their own (point) index; everything else anywhere. */
    OpClass class = op_info[node->op].class;
    bool same     = class == ELEMENTWISE || (class == REDUCTION && !f->facts[node->id].inline_reduction);
    for (int i = 0; i < node->n_inputs; i++)
        walk(f, (Leaf){node->inputs[i], same ? ALIGN_SAME : ALIGN_OTHER, 0, 0}, leaves);
}
