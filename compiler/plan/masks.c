/* The mask of a rectifier, h = select(x > 0, x, 0), is also h > 0; that of h = select(x <= 0, 0, x) is h <= 0. The backward
 * pass asks for the mask; taking it from h, which is in memory for the next layer anyway, spares keeping x or the mask. */
#include "plan/fuse.h"

static bool is_zero_fill(const Node *node) {
    while (node->op == OP_EXPAND || node->op == OP_CAST) node = node->inputs[0];
    return node->op == OP_CONST && node->attr.value == 0;
}

/* Which inputs of the select and of its test are x: select(0 < x, x, 0) or select(x <= 0, 0, x). -1: no rectifier. */
static int rectified_input(const Node *node) {
    if (node->op != OP_SELECT) return -1;
    const Node *test = node->inputs[0];
    if (test->op == OP_LT && test->inputs[1] == node->inputs[1] && is_zero_fill(test->inputs[0]) &&
        is_zero_fill(node->inputs[2]))
        return 1;
    if (test->op == OP_LE && test->inputs[0] == node->inputs[2] && is_zero_fill(test->inputs[1]) &&
        is_zero_fill(node->inputs[1]))
        return 2;
    return -1;
}

/* The same test of another value. */
static Node *test_of(Graph *graph, const Node *test, Node *value) {
    return test->op == OP_LT ? node_binary(graph, OP_LT, test->inputs[0], value)
                             : node_binary(graph, OP_LE, value, test->inputs[1]);
}

static void collect(Node *root, Map *seen, NodeVec *rectifiers, Arena *arena) {
    NodeVec order = {0};
    graph_post_order(arena, root, seen, &order);
    for (int i = 0; i < order.len; i++)
        if (rectified_input(order.data[i]) >= 0) vec_push(arena, rectifiers, order.data[i]);
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
        int   at    = rectified_input(node);
        Node *value = graph_substitute(graph, node->inputs[at], replacement);
        graph_set_place(graph, node->span, node->origin);
        Node *mask   = test_of(graph, test, value);
        Node *output = at == 1 ? node_select(graph, mask, value, node->inputs[2])
                               : node_select(graph, mask, node->inputs[1], value);
        map_set(replacement, node, output);
        map_set(replacement, test, test_of(graph, test, output));
    }
    for (int i = 0; i < fn->results.len; i++) {
        Result *result = &fn->results.data[i];
        result->value  = graph_substitute(graph, result->value, replacement);
        if (result->weight) result->weight = graph_substitute(graph, result->weight, replacement);
    }
    for (int i = 0; i < fn->updates.len; i++)
        fn->updates.data[i].value = graph_substitute(graph, fn->updates.data[i].value, replacement);
}
