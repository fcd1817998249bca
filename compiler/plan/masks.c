/* The mask of a rectifier, h = select(x > 0, x, 0), is also h > 0. The backward pass asks for x > 0; asking h instead, which
 * is in memory for the next layer anyway, spares keeping x. */
#include "plan/fuse.h"

static bool is_zero_fill(const Node *node) {
    while (node->op == OP_EXPAND || node->op == OP_CAST) node = node->inputs[0];
    return node->op == OP_CONST && node->attr.value == 0;
}

/* select(0 < x, x, 0) */
static bool is_rectifier(const Node *node) {
    if (node->op != OP_SELECT || node->inputs[0]->op != OP_LT) return false;
    const Node *test = node->inputs[0];
    return test->inputs[1] == node->inputs[1] && is_zero_fill(test->inputs[0]) && is_zero_fill(node->inputs[2]);
}

static void collect(Node *root, Map *seen, NodeVec *rectifiers, Arena *arena) {
    NodeVec order = {0};
    graph_post_order(arena, root, seen, &order);
    for (int i = 0; i < order.len; i++)
        if (is_rectifier(order.data[i])) vec_push(arena, rectifiers, order.data[i]);
}

void masks_from_outputs(Compilation *c, Graph *graph, Fn *fn) {
    NodeVec rectifiers = {0};
    Map    *seen       = map_new(c->arena);
    for (int i = 0; i < fn->results.len; i++) collect(fn->results.data[i].value, seen, &rectifiers, c->arena);
    for (int i = 0; i < fn->updates.len; i++) collect(fn->updates.data[i].value, seen, &rectifiers, c->arena);
    if (!rectifiers.len) return;

    /* The rectifiers themselves, in id order, keep their own test (rebuilt over replaced inputs); everything after them
     * sees the new one. */
    Map *replacement = map_new(c->arena);
    for (int i = 0; i < rectifiers.len; i++) {
        Node *node = rectifiers.data[i], *test = node->inputs[0];
        if (map_has(replacement, test)) continue; /* another rectifier of the same x */
        Node *value = graph_substitute(graph, node->inputs[1], replacement);
        Node *zero  = test->inputs[0];
        graph_set_place(graph, node->span, node->origin);
        Node *output = node_select(graph, node_binary(graph, OP_LT, zero, value), value, node->inputs[2]);
        map_set(replacement, node, output);
        map_set(replacement, test, node_binary(graph, OP_LT, zero, output));
    }
    for (int i = 0; i < fn->results.len; i++) {
        Result *result = &fn->results.data[i];
        result->value  = graph_substitute(graph, result->value, replacement);
        if (result->weight) result->weight = graph_substitute(graph, result->weight, replacement);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fn->updates.data[i].value = graph_substitute(graph, fn->updates.data[i].value, replacement);
}
