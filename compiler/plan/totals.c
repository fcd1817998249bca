/* Totals of tables of scores, such as the number of elements that are not finite: a total over all axes is one along the columns, which a loop over
 * bands computes row by row, and one of the rows' sums. */
#include "plan/regions.h"

static bool has_shape_of_seed(const NodeVec *nodes, const Type *type) {
    for (int i = 0; i < nodes->len; i++)
        if (is_seed(nodes->data[i]) && type_same_shape(&nodes->data[i]->type, type)) return true;
    return false;
}

static Node *in_two_steps(Graph *graph, Node *total, Node *x) {
    int axes[MAX_RANK], last = x->type.rank - 1;
    for (int i = 0; i < last; i++) axes[i] = i;
    graph_set_place(graph, total->span, total->origin);
    return node_reduce(graph, OP_SUM, node_reduce(graph, OP_SUM, x, 1, &last), last, axes);
}

bool totals_in_two_steps(Regions *r) {
    Map *replacement = map_new(r->c->arena);
    bool any         = false;
    for (int i = 0; i < r->nodes.len; i++) {
        Node *node = r->nodes.data[i];
        if (node->op != OP_SUM || node->type.rank || node->inputs[0]->type.rank < 2) continue;
        if (!has_shape_of_seed(&r->nodes, &node->inputs[0]->type)) continue;
        map_set(replacement, node,
                in_two_steps(r->graph, node, graph_substitute(r->graph, node->inputs[0], replacement)));
        any = true;
    }
    if (any) fn_substitute(r->graph, r->fn, replacement);
    return any;
}
