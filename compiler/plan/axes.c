/* Where the components of an index go: from a node's to its inputs'. */
#include "plan/kernel.h"

/* The `axis`-th axis of `rank` that is not among the node's axes: of a reduction's input, of an EXPAND's result. */
static int kept_axis(const Node *node, int axis, int rank) {
    for (int i = 0; i < rank; i++)
        if (!names_axis(node, i) && axis-- == 0) return i;
    return -1;
}

static bool leads(const Type *a, const Type *b, int axis) {
    for (int i = 0; i <= axis; i++)
        if (i >= a->rank || i >= b->rank || a->dims[i] != b->dims[i]) return false;
    return true;
}

/* The component of the input's index that is component `axis` of the node's, but for a slide along it; -1: there is none that must be. */
int node_axis_below(const Node *node, int axis) {
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
    case OP_RESHAPE: return leads(type, input, axis) ? axis : -1;
    case OP_SUM:
    case OP_REDUCE_MAX: return kept_axis(node, axis, input->rank);
    case OP_SLIDE:
    case OP_STOP_GRAD:
    case OP_AGAIN: return axis;
    default: return op_info[node->op].class == ELEMENTWISE ? axis : -1;
    }
}
