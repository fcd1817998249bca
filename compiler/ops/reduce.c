/* Reductions: gradients, and how partial results combine. */
#include <math.h>

#include "ops/rules.h"

/* The reduced value repeated along the axes it was reduced over. */
static Node *spread(Graph *graph, const Node *node, Node *value) {
    int axes[MAX_RANK];
    for (int i = 0; i < node->attr.axes.count; i++) axes[i] = node->attr.axes.axes[i];
    return node_expand(graph, value, &node->inputs[0]->type, node->attr.axes.count, axes);
}

/* d sum(x) = g repeated */
GRADIENT(sum) {
    gin[0] = spread(graph, node, g);
}

/* d max(x) = g shared equally among the elements that equal the maximum, as torch.amax does */
GRADIENT(reduce_max) {
    Node *x   = node->inputs[0];
    Node *hit = node_cast(graph, x->type.elem, node_binary(graph, OP_EQ, x, spread(graph, node, node)));
    int   axes[MAX_RANK];
    for (int i = 0; i < node->attr.axes.count; i++) axes[i] = node->attr.axes.axes[i];
    Node *count = node_reduce(graph, OP_SUM, hit, node->attr.axes.count, axes);
    gin[0]      = mul(graph, hit, spread(graph, node, divide(graph, g, count)));
}

static const ReduceRule reduce_sum = {0, MATH_ADD}, reduce_max = {-INFINITY, MATH_MAX};

const ReduceRule *op_reduce(Op op) {
    return op == OP_SUM ? &reduce_sum : op == OP_REDUCE_MAX ? &reduce_max : NULL;
}
