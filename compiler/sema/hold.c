/* What stop_grad holds, for FN_GRADIENTS: a constant to the gradient, and one it must be to whoever compares the gradient with slopes.
 * Each such value becomes an input of the function, which the function `held` computes. In a loop, `held` gets the values of all
 * steps, and the loop, made anew, takes its piece of them at each. */
#include "sema/train.h"

#include <string.h>

#include "base/map.h"
#include "ir/scan.h"

typedef struct Hold {
    Elab *e;
    Fn   *held; /* NULL until something is held */
} Hold;

typedef struct Loop { /* being made anew */
    const struct Loop *outer;
    Node              *node;   /* the loop as it was */
    Scan              *to;     /* as it will be */
    NodeVec           *wholes; /* of its slices */
} Loop;

/* ---- held values as inputs ---------------------------------------------------------------------------------------------- */

static Fn *held_function(Elab *e) {
    for (int i = 0; i < e->program->fns.len; i++)
        if (!strcmp(e->program->fns.data[i]->name, HELD_FN)) return e->program->fns.data[i];
    return NULL;
}

static Node *held_input(Hold *h, Node *value) {
    Elab *e     = h->e;
    int   known = -1;
    if (!h->held) h->held = fn_add(e, FN_PREDICT, HELD_FN);
    for (int i = 0; i < h->held->results.len; i++)
        if (h->held->results.data[i].value == value) known = i;
    if (known < 0) {
        const char *name  = arena_printf(e->arena, HELD_INPUT "%d", h->held->results.len + 1);
        ProgInput   input = {.name = name, .type = value->type, .span = value->span};
        vec_push(e->arena, &e->program->inputs, input);
        fn_result(e, h->held, name, value, NULL);
        known = h->held->results.len - 1;
    }
    int index = 0;
    while (e->program->inputs.data[index].name != h->held->results.data[known].name) index++;
    return node_ref(e->graph, OP_INPUT, index, &value->type);
}

/* What stands for `value`, a node of the loop's body or of none. */
static Node *held_value(Hold *h, const Loop *loop, Node *value) {
    if (!loop) return held_input(h, value);
    Graph *graph = h->e->graph;
    int    stack = scan_emit(graph, loop->node->attr.scan, value);
    Node  *whole = held_value(h, loop->outer, scan_pick(graph, loop->node, stack));
    vec_push(h->e->arena, loop->wholes, whole);
    return scan_slice(graph, loop->to, &whole->type);
}

/* ---- the walk ----------------------------------------------------------------------------------------------------------- */

static int depth_of(const Loop *loop) {
    return loop ? 1 + depth_of(loop->outer) : 0;
}

/* The values of a tensor of the highest rank cannot be stacked over steps. */
static bool can_hold(const Loop *loop, const Node *node) {
    return node->op == OP_STOP_GRAD && node->type.rank + depth_of(loop) <= MAX_RANK;
}

static bool any_held(Hold *h, const Loop *loop, const Scan *scan) {
    NodeVec order = {0};
    Map    *seen  = map_new(h->e->arena);
    for (int i = 0; i < scan_root_count(scan); i++)
        graph_post_order_deep(h->e->arena, scan_root(scan, i), seen, &order);
    for (int i = 0; i < order.len; i++)
        if (can_hold(loop, order.data[i])) return true;
    return false;
}

static void hold_under(Hold *h, const Loop *loop, Node *root, Map *seen, Map *replacement);

/* The loop `node` with what it holds as slices. `replacement`: of the nodes around it. */
static Node *loop_anew(Hold *h, const Loop *outer, Node *node, Map *replacement) {
    Graph  *graph = h->e->graph;
    Arena  *arena = h->e->arena;
    Scan   *from = node->attr.scan, *to = scan_new(graph, from->length, from->reverse);
    NodeVec inits = {0}, wholes = {0};
    Map    *inside = map_new(arena), *seen = map_new(arena);
    Loop    loop    = {outer, node, to, &wholes};
    int     n_emits = from->emits.len, at = 0; /* held values are emitted behind them */
    map_set(inside, from->index, to->index);
    for (int i = 0; i < from->carries.len; i++) {
        vec_push(arena, &inits, graph_substitute(graph, node->inputs[at++], replacement));
        map_set(inside, from->carries.data[i], scan_carry(graph, to, &from->carries.data[i]->type));
    }
    for (int i = 0; i < from->slices.len; i++) {
        Node *whole = graph_substitute(graph, node->inputs[at++], replacement);
        vec_push(arena, &wholes, whole);
        map_set(inside, from->slices.data[i], scan_slice(graph, to, &whole->type));
    }
    for (int i = 0; i < from->captures.len; i++)
        map_set(inside, from->captures.data[i], graph_substitute(graph, node->inputs[at++], replacement));
    for (int i = 0; i < from->next.len; i++) hold_under(h, &loop, from->next.data[i], seen, inside);
    for (int i = 0; i < n_emits; i++) hold_under(h, &loop, from->emits.data[i], seen, inside);
    for (int i = 0; i < from->next.len; i++) to->next.data[i] = graph_substitute(graph, from->next.data[i], inside);
    for (int i = 0; i < n_emits; i++) vec_push(arena, &to->emits, graph_substitute(graph, from->emits.data[i], inside));
    return scan_node(graph, to, &inits, &wholes);
}

static void hold_under(Hold *h, const Loop *loop, Node *root, Map *seen, Map *replacement) {
    NodeVec order = {0};
    graph_post_order(h->e->arena, root, seen, &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i], *new = NULL;
        if (can_hold(loop, node))
            new = held_value(h, loop, node->inputs[0]);
        else if (node->op == OP_SCAN && any_held(h, loop, node->attr.scan))
            new = loop_anew(h, loop, node, replacement);
        if (new) map_set(replacement, node, new);
    }
}

Node *with_held(Elab *e, Node *loss) {
    Hold h           = {e, held_function(e)};
    Map *replacement = map_new(e->arena);
    hold_under(&h, NULL, loss, map_new(e->arena), replacement);
    return graph_substitute(e->graph, loss, replacement);
}
