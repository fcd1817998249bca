/* Gradients as one product: g a + g b, what flows back through y = f(x) along two ways, is g (a + b), where a + b, the derivative of f, needs
 * nothing but x. It can be computed where x is, before g is known, and kept instead of all that a and b are made of: of an exact GELU
 * one tensor instead of three. */
#include "opt/rewrite.h"

enum { MOST_FACTORS = 12, MOST_STEPS = 96 };

typedef struct Factors {
    Node *data[MOST_FACTORS];
    int   len;
} Factors;

static bool collect(Node *node, Factors *factors) {
    if (node->op == OP_MUL) return collect(node->inputs[0], factors) && collect(node->inputs[1], factors);
    if (factors->len == MOST_FACTORS) return false;
    factors->data[factors->len++] = node;
    return true;
}

static int find(const Factors *factors, const Node *node) {
    for (int i = 0; i < factors->len; i++)
        if (factors->data[i] == node) return i;
    return -1;
}

static void take_away(Factors *factors, int index) {
    factors->len--;
    for (int i = index; i < factors->len; i++) factors->data[i] = factors->data[i + 1];
}

/* The newest product, reduction or loop that elementwise work up to `node` reads; -1 where `steps` do not suffice to say. Ids are in
 * topological order. */
static int newest(const Node *node, int *steps) {
    OpClass class = op_info[node->op].class;
    if (--*steps < 0) return -1;
    if (class == SOURCE) return 0;
    if (class != ELEMENTWISE && class != MOVEMENT) return node->id;
    int most = 0;
    for (int i = 0; i < node->n_inputs; i++) {
        int id = newest(node->inputs[i], steps);
        if (id < 0) return -1;
        if (id > most) most = id;
    }
    return most;
}

/* The newest value among all but `skip`; -1: not known. */
static int newest_of(const Factors *factors, int skip) {
    int most = 0;
    for (int i = 0; i < factors->len; i++) {
        int steps = MOST_STEPS, id = i == skip ? 0 : newest(factors->data[i], &steps);
        if (id < 0) return -1;
        if (id > most) most = id;
    }
    return most;
}

/* Whether one of the factors but `skip` differs from element to element. */
static bool varies(const Factors *factors, int skip) {
    double value;
    for (int i = 0; i < factors->len; i++)
        if (i != skip && factors->data[i]->op != OP_EXPAND && !constant_value(factors->data[i], &value)) return true;
    return false;
}

/* Of what both have: removed from both. */
static void take_common(Factors *a, Factors *b, Factors *common) {
    for (int i = 0; i < a->len; i++) {
        int k = find(b, a->data[i]);
        if (k < 0) continue;
        common->data[common->len++] = a->data[i];
        take_away(a, i--);
        take_away(b, k);
    }
}

static Node *product(Graph *graph, const Type *type, const Factors *factors) {
    Node *all = factors->len ? factors->data[0] : node_fill(graph, type, 1);
    for (int i = 1; i < factors->len; i++) all = node_binary(graph, OP_MUL, all, factors->data[i]);
    return all;
}

/* The factor of both that is newer than all others; NULL: there is none. */
static Node *newest_common(const Factors *a, const Factors *b) {
    for (int i = 0; i < a->len; i++) {
        int    k = find(b, a->data[i]), steps = MOST_STEPS;
        double value;
        if (k < 0 || a->data[i]->op == OP_EXPAND || constant_value(a->data[i], &value)) continue;
        if (!varies(a, i) || !varies(b, k)) continue;
        int mine = newest(a->data[i], &steps), of_a = newest_of(a, i), of_b = newest_of(b, k);
        if (of_a >= 0 && of_b >= 0 && mine > of_a && mine > of_b) return a->data[i];
    }
    return NULL;
}

/* g a c + g b c = g (c (a + b)) where g is newer than all that a, b and c are made of, and c a and c b differ from element to element: factors that
 * do not are left to sums (sum_of_combination). For an infinite g a sum of opposite infinities, NaN, may become one of them. */
Node *add_common_factor(Graph *graph, Node *node) {
    Factors a = {.len = 0}, b = {.len = 0}, common = {.len = 0};
    if (!elem_is_float(node->type.elem) || node->inputs[0]->op != OP_MUL || node->inputs[1]->op != OP_MUL) return NULL;
    if (!collect(node->inputs[0], &a) || !collect(node->inputs[1], &b)) return NULL;
    Node *g = newest_common(&a, &b);
    if (!g) return NULL;
    take_common(&a, &b, &common);
    take_away(&common, find(&common, g));
    Node *sum = node_binary(graph, OP_ADD, product(graph, &node->type, &a), product(graph, &node->type, &b));
    if (common.len) sum = node_binary(graph, OP_MUL, sum, product(graph, &node->type, &common));
    return node_binary(graph, OP_MUL, sum, g);
}
