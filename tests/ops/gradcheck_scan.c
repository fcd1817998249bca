/* Loops for the gradient check: recurrences over slices, captured matrices and vectors, positions, loops in loops, both directions. */
#include "ir/scan.h"
#include "ops/gradcheck_builders.h"

typedef struct Making {
    Check  *check;
    Scan   *scan;
    NodeVec inits, wholes;
} Making;

static Node *parameter(Check *check, int rank, const Dim *const *dims) {
    return check_param(check, DOMAIN_unit, rank, dims);
}

static Node *carry(Making *m, Node *init) {
    vec_push(m->check->s->arena, &m->inits, init);
    return scan_carry(m->check->graph, m->scan, &init->type);
}

static Node *slice(Making *m, Node *whole) {
    vec_push(m->check->s->arena, &m->wholes, whole);
    return scan_slice(m->check->graph, m->scan, &whole->type);
}

static Node *times_matrix(Graph *graph, Node *a, Node *w) {
    DotAxes axes = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    return node_dot(graph, a, w, &axes);
}

/* h = tanh(x w + h u + b + position / 10), emitted before and after; b is captured and repeated. */
static Node *recurrence(Check *check, bool reverse, bool emits) {
    Graph     *graph = check->graph;
    const Dim *two = scratch_dim(check->s, 2), *whole[3] = {check->n, check->m, two}, *square[2] = {two, two};
    Making     m = {.check = check, .scan = scan_new(graph, check->n, reverse)};
    Node *x = slice(&m, parameter(check, 3, whole)), *w = parameter(check, 2, square), *u = parameter(check, 2, square);
    Node *b = parameter(check, 1, square), *h = carry(&m, parameter(check, 2, whole + 1));
    Node *position = node_expand_scalar(graph, node_cast(graph, h->type.elem, m.scan->index), &h->type);
    Node *sum      = node_binary(graph, OP_ADD, times_matrix(graph, x, w), times_matrix(graph, h, u));
    sum            = node_binary(graph, OP_ADD, sum, node_expand(graph, b, &h->type, 1, (int[]){0}));
    sum = node_binary(graph, OP_ADD, sum, node_binary(graph, OP_MUL, position, node_fill(graph, &h->type, 0.1)));
    m.scan->next.data[0] = node_unary(graph, OP_TANH, sum);
    int   emit           = scan_emit(graph, m.scan, node_binary(graph, OP_MUL, h, m.scan->next.data[0]));
    Node *loop           = scan_node(graph, m.scan, &m.inits, &m.wholes);
    return scan_pick(graph, loop, emits ? emit : 0);
}

/* For each row, a loop over its columns whose sum goes from row to row; a product with a captured number in the steps. */
static Node *nested(Check *check, bool reverse) {
    Graph     *graph   = check->graph;
    const Dim *dims[2] = {check->n, check->m};
    Making     outer = {.check = check, .scan = scan_new(graph, check->n, reverse)}, inner = {.check = check};
    Node      *row = slice(&outer, parameter(check, 2, dims)), *factor = parameter(check, 0, NULL);
    Node      *sum = carry(&outer, parameter(check, 0, NULL));
    inner.scan     = scan_new(graph, check->m, !reverse);
    Node *column = slice(&inner, row), *s = carry(&inner, sum);
    inner.scan->next.data[0] =
        node_unary(graph, OP_SIN, node_binary(graph, OP_ADD, node_binary(graph, OP_MUL, s, factor), column));
    scan_emit(graph, inner.scan, node_binary(graph, OP_MUL, s, column));
    Node *within             = scan_node(graph, inner.scan, &inner.inits, &inner.wholes);
    outer.scan->next.data[0] = scan_pick(graph, within, 0);
    int emit                 = scan_emit(graph, outer.scan, scan_pick(graph, within, 1));
    return scan_pick(graph, scan_node(graph, outer.scan, &outer.inits, &outer.wholes), emit);
}

Node *build_scan(Check *check, int variant) {
    return variant < 2 ? recurrence(check, variant == 1, false) : NULL;
}

Node *build_pick(Check *check, int variant) {
    if (variant < 2) return recurrence(check, variant == 1, true);
    return variant < 4 ? nested(check, variant == 3) : NULL;
}
