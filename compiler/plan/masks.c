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

typedef struct Rectifiers {
    Arena  *arena;
    Map    *seen;
    NodeVec nodes;
    Map    *narrowed; /* rectifier -> its CAST to bf16 or f16 */
} Rectifiers;

static void collect(Rectifiers *r, Node *root) {
    NodeVec order = {0};
    graph_post_order(r->arena, root, r->seen, &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        if (rectified_input(node) >= 0) vec_push(r->arena, &r->nodes, node);
        if (node->op == OP_CAST && elem_is_narrow(node->type.elem) && rectified_input(node->inputs[0]) >= 0)
            map_set(r->narrowed, node->inputs[0], node);
    }
}

/* What is in memory of a rectifier's output: in mixed precision it is rounded, which leaves positive what is not below the smallest
 * number of the type. */
static Node *kept_output(const Rectifiers *r, Graph *graph, const Node *rectifier, Node *output) {
    const Node *narrow = map_get(r->narrowed, rectifier);
    return narrow ? node_cast(graph, output->type.elem, node_cast(graph, narrow->type.elem, output)) : output;
}

void masks_from_outputs(Compilation *c, Graph *graph, Fn *fn) {
    Rectifiers r = {.arena = c->arena, .seen = map_new(c->arena), .narrowed = map_new(c->arena)};
    for (int i = 0; i < fn->results.len; i++) collect(&r, fn->results.data[i].value);
    for (int i = 0; i < fn->updates.len; i++) collect(&r, fn->updates.data[i].value);
    if (!r.nodes.len) return;

    /* The rectifiers themselves, in id order, keep their own test (rebuilt over replaced inputs); everything after them
     * sees the new one. */
    Map *replacement = map_new(c->arena);
    for (int i = 0; i < r.nodes.len; i++) {
        Node *node = r.nodes.data[i], *test = node->inputs[0];
        if (map_has(replacement, test)) continue; /* another rectifier of the same x */
        int   at    = rectified_input(node);
        Node *value = graph_substitute(graph, node->inputs[at], replacement);
        graph_set_place(graph, node->span, node->origin);
        Node *mask   = test_of(graph, test, value);
        Node *output = at == 1 ? node_select(graph, mask, value, node->inputs[2])
                               : node_select(graph, mask, node->inputs[1], value);
        map_set(replacement, node, output);
        map_set(replacement, test, test_of(graph, test, kept_output(&r, graph, node, output)));
    }
    fn_substitute(graph, fn, replacement);
}
