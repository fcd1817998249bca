/* Leaves: what a consumer really reads, seen through movement ops, and at which index. */
#include "plan/fuse.h"

bool node_computes(const Node *node) {
    switch (op_info[node->op].class) {
    case ELEMENTWISE:
    case REDUCTION:
    case CONTRACTION: return true;
    case INDEXED: return node->op == OP_SCATTER_ADD;
    case SOURCE:
    case MOVEMENT:
    case EFFECT: return false;
    }
    return false;
}

Location *node_location(const FnPlan *plan, const Node *node) {
    return map_get(plan->located, node);
}

typedef struct Walk {
    Fuse    *f;
    LeafVec *leaves;
} Walk;

static void walk(Walk *w, Node *node, Align align, int trailing);

/* EXPAND: an index loses the new axes. Only trailing ones keep the index a row's. */
static void walk_expand(Walk *w, Node *node, Align align, int trailing) {
    Node *input = node->inputs[0];
    if (input->type.rank == 0) {
        walk(w, input, ALIGN_SCALAR, 0);
        return;
    }
    bool tail = align == ALIGN_SAME || align == ALIGN_EXPANDED;
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] < input->type.rank) tail = false;
    walk(w, input, tail ? ALIGN_EXPANDED : ALIGN_OTHER, tail ? trailing + node->attr.axes.count : 0);
}

static void walk(Walk *w, Node *node, Align align, int trailing) {
    if (node_computes(node) || node->op == OP_INPUT || node->op == OP_READ) {
        if (node->type.rank == 0 && align == ALIGN_OTHER) align = ALIGN_SCALAR;
        vec_push(w->f->c->arena, w->leaves, ((Leaf){node, align, trailing}));
        return;
    }
    if (node->op == OP_EXPAND) {
        walk_expand(w, node, align, trailing);
        return;
    }
    for (int i = 0; i < node->n_inputs; i++) walk(w, node->inputs[i], ALIGN_OTHER, 0);
}

void leaves_of_inputs(Fuse *f, const Node *node, LeafVec *leaves) {
    /* An elementwise op and a row reduction read at their own (point) index; everything else anywhere. */
    OpClass class = op_info[node->op].class;
    bool same     = class == ELEMENTWISE || (class == REDUCTION && !f->facts[node->id].inline_reduction);
    for (int i = 0; i < node->n_inputs; i++)
        walk(&(Walk){f, leaves}, node->inputs[i], same ? ALIGN_SAME : ALIGN_OTHER, 0);
}
