/* Closing a loop's body. Nodes are sorted by what they depend on: nothing of the step (they become captured inputs), slices alone
 * (contractions of those leave the loop), or the carries and the index (they stay). */
#include <string.h>

#include "base/map.h"
#include "ir/scan.h"

enum { ON_SLICES = 1, ON_STEP = 2 }; /* bits: depends on a slice; on a carry or the index */

typedef struct Close {
    Graph   *graph;
    Arena   *arena;
    Scan    *scan;
    NodeVec  inputs;   /* of the SCAN: carries, slices, captures */
    NodeVec  order;    /* of the body, inputs first */
    Map     *depends;  /* node -> bits + 1 */
    Map     *stacks;   /* node -> STACKS or STACKS_WORK */
    Map     *captured; /* node outside -> its LOCAL */
    Map     *inside;   /* node -> what stands for it in the closed body */
    Stacking stacking;
} Close;

static void depend(Close *c, Node *node, int bits) {
    map_set(c->depends, node, (void *)(intptr_t)(bits + 1));
}

static int depends_on(const Close *c, const Node *node) {
    return (int)(intptr_t)map_get(c->depends, node) - 1;
}

static void find_dependences(Close *c) {
    const Scan *scan = c->scan;
    for (int i = 0; i < scan->carries.len; i++) depend(c, scan->carries.data[i], ON_STEP);
    for (int i = 0; i < scan->slices.len; i++) depend(c, scan->slices.data[i], ON_SLICES);
    depend(c, scan->index, ON_STEP);
    for (int i = 0; i < c->order.len; i++) {
        Node *node = c->order.data[i];
        int   bits = node->op == OP_COTANGENT ? ON_STEP : 0; /* stands for the gradient of a step's value */
        if (map_has(c->depends, node)) continue;
        for (int k = 0; k < node->n_inputs; k++) bits |= depends_on(c, node->inputs[k]);
        depend(c, node, bits);
    }
}

/* ---- what stands outside ---------------------------------------------------------------------------------------------- */

/* Sources that mean the same anywhere, and constants in a shape, are cheaper to repeat than to pass in. */
static bool is_portable_source(const Node *node) {
    while (node->op == OP_EXPAND) node = node->inputs[0];
    return node->op == OP_CONST || node->op == OP_DIM || node->op == OP_IOTA || node->op == OP_RUNTIME ||
           node->op == OP_COTANGENT;
}

/* So are comparisons of positions. */
static bool is_portable(const Node *node) {
    bool compares = node->op == OP_LE || node->op == OP_LT;
    if (compares && elem_is_integer(node->inputs[0]->type.elem))
        return is_portable_source(node->inputs[0]) && is_portable_source(node->inputs[1]);
    return is_portable_source(node);
}

/* A part that is found by another loop's index, seen through movement ops. */
static bool is_part(const Node *node) {
    while (node->op == OP_PERMUTE || node->op == OP_EXPAND) node = node->inputs[0];
    return node->op == OP_DYNAMIC_SLICE;
}

/* What is only repeated or seen outside is repeated or seen inside. */
static Node *capture(Close *c, Node *value) {
    Node *known = map_get(c->captured, value);
    if (known || is_portable(value)) return known ? known : value;
    if (value->op == OP_EXPAND || is_part(value)) {
        Node *inputs[2];
        for (int i = 0; i < value->n_inputs; i++) inputs[i] = capture(c, value->inputs[i]);
        return graph_node(c->graph, value->op, &value->type, value->n_inputs, inputs, &value->attr);
    }
    Node *local = node_local(c->graph, &value->type);
    vec_push(c->arena, &c->scan->captures, local);
    vec_push(c->arena, &c->inputs, value);
    map_set(c->captured, value, local);
    return local;
}

/* ---- contractions of slices -------------------------------------------------------------------------------------------- */

/* Nodes that depend on slices alone and can be stacked; the value says whether there is a contraction among what they are made of. */
enum { STACKS = 1, STACKS_WORK = 2 };

static int stacks(const Close *c, const Node *node) {
    return (int)(intptr_t)map_get(c->stacks, node);
}

static void find_stackable(Close *c) {
    for (int i = 0; i < c->scan->slices.len; i++) map_set(c->stacks, c->scan->slices.data[i], (void *)(intptr_t)STACKS);
    for (int i = 0; i < c->order.len; i++) {
        Node *node = c->order.data[i];
        if (depends_on(c, node) != ON_SLICES || node->op == OP_LOCAL || !scan_can_stack(node)) continue;
        int kind = op_info[node->op].class == CONTRACTION ? STACKS_WORK : STACKS;
        for (int k = 0; k < node->n_inputs && kind; k++) {
            if (!depends_on(c, node->inputs[k])) continue;
            int input = stacks(c, node->inputs[k]);
            kind      = !input ? 0 : input > kind ? input : kind;
        }
        if (kind) map_set(c->stacks, node, (void *)(intptr_t)kind);
    }
}

/* The values of all steps, computed outside; inside, a slice of them. */
static Node *hoist(Close *c, Node *node) {
    Node *stack = scan_stacked(&c->stacking, node);
    Node *local = stack && stack != node ? node_local(c->graph, &node->type) : NULL;
    if (!local) return NULL;
    vec_push(c->arena, &c->scan->slices, local);
    /* Slices stand before captures among the inputs: captures are made later. */
    vec_push(c->arena, &c->inputs, stack);
    return local;
}

/* Movement stays inside: several views of one value are slices of one stack. */
static void hoist_used(Close *c, Node *user, Node *node) {
    if (stacks(c, node) != STACKS_WORK || (user && stacks(c, user))) return;
    while (op_info[node->op].class == MOVEMENT && node->n_inputs == 1) node = node->inputs[0];
    if (map_has(c->inside, node)) return;
    Node *local = hoist(c, node);
    if (local) map_set(c->inside, node, local);
}

static void hoist_contractions(Close *c) {
    find_stackable(c);
    int slices = c->scan->slices.len;
    for (int i = 0; i < slices; i++)
        map_set(c->stacking.stacks, c->scan->slices.data[i], c->inputs.data[c->scan->carries.len + i]);
    for (int i = 0; i < c->order.len; i++)
        if (depends_on(c, c->order.data[i]) == 0) map_set(c->stacking.stacks, c->order.data[i], c->order.data[i]);
    for (int i = 0; i < c->order.len; i++)
        for (int k = 0; k < c->order.data[i]->n_inputs; k++)
            hoist_used(c, c->order.data[i], c->order.data[i]->inputs[k]);
    for (int i = 0; i < c->scan->next.len; i++) hoist_used(c, NULL, c->scan->next.data[i]);
    for (int i = 0; i < c->scan->emits.len; i++) hoist_used(c, NULL, c->scan->emits.data[i]);
}

/* ---- the closed body ---------------------------------------------------------------------------------------------------- */

static Node *inside(Close *c, Node *node) {
    Node *known = map_get(c->inside, node);
    if (!known) {
        known = depends_on(c, node) == 0 ? capture(c, node) : node; /* LOCALs of the step stand for themselves */
        map_set(c->inside, node, known);
    }
    return known;
}

/* Whether what the closed body holds still needs the node: not what was moved out, nor what only that needed. */
static void mark_needed(Close *c, Map *needed) {
    VEC(Node *) stack = {0};
    for (int i = 0; i < c->scan->next.len; i++) vec_push(c->arena, &stack, c->scan->next.data[i]);
    for (int i = 0; i < c->scan->emits.len; i++) vec_push(c->arena, &stack, c->scan->emits.data[i]);
    while (stack.len) {
        Node *node = stack.data[--stack.len];
        if (map_has(needed, node)) continue;
        map_set(needed, node, node);
        if (map_has(c->inside, node) || depends_on(c, node) == 0) continue;
        for (int i = 0; i < node->n_inputs; i++) vec_push(c->arena, &stack, node->inputs[i]);
    }
}

static void rebuild(Close *c) {
    Map *needed = map_new(c->arena);
    mark_needed(c, needed);
    for (int i = 0; i < c->order.len; i++) {
        Node *node = c->order.data[i];
        if (!map_has(needed, node) || map_has(c->inside, node) || !node->n_inputs || !depends_on(c, node)) continue;
        Node **inputs = ARENA_ARRAY(c->arena, Node *, node->n_inputs + 1);
        for (int k = 0; k < node->n_inputs; k++) inputs[k] = inside(c, node->inputs[k]);
        graph_set_place(c->graph, node->span, node->origin);
        map_set(c->inside, node, graph_node(c->graph, node->op, &node->type, node->n_inputs, inputs, &node->attr));
    }
    for (int i = 0; i < c->scan->next.len; i++) {
        if (c->scan->next.data[i] != c->scan->carries.data[i]) c->scan->next.data[i] = inside(c, c->scan->next.data[i]);
    }
    for (int i = 0; i < c->scan->emits.len; i++) c->scan->emits.data[i] = inside(c, c->scan->emits.data[i]);
}

/* A carry that never changes is its first value. */
static void replace_constant_carries(Graph *graph, Scan *scan, const NodeVec *inits) {
    Map *values = map_new(graph_arena(graph));
    bool any    = false;
    for (int i = 0; i < scan->carries.len; i++)
        if (scan->next.data[i] == scan->carries.data[i]) {
            map_set(values, scan->carries.data[i], inits->data[i]);
            any = true;
        }
    if (!any) return;
    for (int i = 0; i < scan->next.len; i++)
        if (scan->next.data[i] != scan->carries.data[i])
            scan->next.data[i] = graph_substitute(graph, scan->next.data[i], values);
    for (int i = 0; i < scan->emits.len; i++)
        scan->emits.data[i] = graph_substitute(graph, scan->emits.data[i], values);
}

Node *scan_node(Graph *graph, Scan *scan, const NodeVec *inits, const NodeVec *wholes) {
    Arena *arena = graph_arena(graph);
    Close  c     = {.graph    = graph,
                    .arena    = arena,
                    .scan     = scan,
                    .depends  = map_new(arena),
                    .stacks   = map_new(arena),
                    .captured = map_new(arena),
                    .inside   = map_new(arena)};
    c.stacking   = (Stacking){graph, scan, map_new(arena)};
    Map *seen    = map_new(arena);
    for (int i = 0; i < inits->len; i++) vec_push(arena, &c.inputs, inits->data[i]);
    for (int i = 0; i < wholes->len; i++) vec_push(arena, &c.inputs, wholes->data[i]);
    replace_constant_carries(graph, scan, inits);
    for (int i = 0; i < scan->next.len; i++) graph_post_order(arena, scan->next.data[i], seen, &c.order);
    for (int i = 0; i < scan->emits.len; i++) graph_post_order(arena, scan->emits.data[i], seen, &c.order);
    find_dependences(&c);
    hoist_contractions(&c);
    rebuild(&c);
    Attr attr;
    memset(&attr, 0, sizeof attr);
    attr.scan = scan;
    return graph_node(graph, OP_SCAN, NULL, c.inputs.len, c.inputs.data, &attr);
}
