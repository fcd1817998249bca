/* Algebra of sums, products and powers. */
#include <math.h>

#include "opt/rewrite.h"

static bool is_float(const Node *node) {
    return elem_is_float(node->type.elem);
}

static Node *binary(Graph *graph, Op op, Node *a, Node *b) {
    return node_binary(graph, op, a, b);
}

/* ---- sums ------------------------------------------------------------------------------------------------------------ */

/* x + 0 = x */
Node *add_zero(Graph *graph, Node *node) {
    (void)graph;
    for (int i = 0; i < 2; i++)
        if (is_constant(node->inputs[i], 0)) return node->inputs[1 - i];
    return NULL;
}

/* x + (-y) = x - y */
Node *add_negated(Graph *graph, Node *node) {
    for (int i = 1; i >= 0; i--)
        if (node->inputs[i]->op == OP_NEG)
            return binary(graph, OP_SUB, node->inputs[1 - i], node->inputs[i]->inputs[0]);
    return NULL;
}

/* The one axis along which a PAD pads, or -1. */
static int padded_axis(const Node *node) {
    int axis = -1;
    if (node->op != OP_PAD) return -1;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->type.dims[i] == node->inputs[0]->type.dims[i]) continue;
        if (axis >= 0) return -1;
        axis = i;
    }
    return axis;
}

/* pad(a) + pad(b) = pad(concat(a, b)) where b begins at a's end: the gradients of an array's pieces are one array. */
Node *add_pads(Graph *graph, Node *node) {
    for (int i = 0; i < 2; i++) {
        Node *first = node->inputs[i], *second = node->inputs[1 - i];
        int   axis = padded_axis(first);
        if (axis < 0 || padded_axis(second) != axis) continue;
        Node      *a = first->inputs[0], *b = second->inputs[0];
        const Dim *end = dim_add(graph_dims(graph), first->attr.offsets[axis], a->type.dims[axis]);
        if (!end || end != second->attr.offsets[axis]) continue;
        return node_pad(graph, node_concat(graph, 2, (Node *[]){a, b}, axis), first->attr.offsets, &node->type);
    }
    return NULL;
}

/* x - 0 = x, 0 - x = -x */
Node *sub_zero(Graph *graph, Node *node) {
    Node *x = node->inputs[0], *y = node->inputs[1];
    if (is_constant(y, 0)) return x;
    return is_constant(x, 0) ? node_unary(graph, OP_NEG, y) : NULL;
}

/* x - (-y) = x + y, (-x) - y = -(x + y) */
Node *sub_negated(Graph *graph, Node *node) {
    Node *x = node->inputs[0], *y = node->inputs[1];
    if (y->op == OP_NEG) return binary(graph, OP_ADD, x, y->inputs[0]);
    return x->op == OP_NEG ? node_unary(graph, OP_NEG, binary(graph, OP_ADD, x->inputs[0], y)) : NULL;
}

/* -(-x) = x, -(x - y) = y - x, -(x * c) = x * (-c) */
Node *neg_of(Graph *graph, Node *node) {
    const Node *x = node->inputs[0];
    double      c;
    if (x->op == OP_NEG) return x->inputs[0];
    if (x->op == OP_SUB) return binary(graph, OP_SUB, x->inputs[1], x->inputs[0]);
    for (int i = 0; x->op == OP_MUL && is_float(x) && i < 2; i++) /* of integers -c may not be one */
        if (constant_value(x->inputs[i], &c))
            return binary(graph, OP_MUL, x->inputs[1 - i], rounded_fill(graph, &node->type, -c));
    return NULL;
}

/* -(c / x) = (-c) / x */
Node *neg_of_quotient(Graph *graph, Node *node) {
    const Node *x = node->inputs[0];
    double      c;
    if (x->op != OP_DIV || !constant_value(x->inputs[0], &c)) return NULL;
    return binary(graph, OP_DIV, rounded_fill(graph, &node->type, -c), x->inputs[1]);
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

/* x * 1 = x, x * (-1) = -x */
Node *mul_one(Graph *graph, Node *node) {
    for (int i = 0; i < 2; i++) {
        if (is_constant(node->inputs[i], 1)) return node->inputs[1 - i];
        if (is_constant(node->inputs[i], -1)) return node_unary(graph, OP_NEG, node->inputs[1 - i]);
    }
    return NULL;
}

/* Integers: x * 0 = 0. Of floats, infinities and NaN make something else of it. */
Node *mul_zero(Graph *graph, Node *node) {
    (void)graph;
    for (int i = 0; i < 2; i++)
        if (!is_float(node) && is_constant(node->inputs[i], 0)) return node->inputs[i];
    return NULL;
}

/* (-x) * (-y) = x * y, (-x) * c = x * (-c) */
Node *mul_negated(Graph *graph, Node *node) {
    Node  *x = node->inputs[0], *y = node->inputs[1];
    double c;
    if (x->op == OP_NEG && y->op == OP_NEG) return binary(graph, OP_MUL, x->inputs[0], y->inputs[0]);
    for (int i = 0; i < 2; i++)
        if (node->inputs[i]->op == OP_NEG && is_float(node) && constant_value(node->inputs[1 - i], &c))
            return binary(graph, OP_MUL, node->inputs[i]->inputs[0], rounded_fill(graph, &node->type, -c));
    return NULL;
}

/* Neither too large nor too small for the product of constants to round as the product of the parts does. */
static bool moderate(double c) {
    return fabs(c) > 1e-15 && fabs(c) < 1e15;
}

/* (x * a) * b = x * (a b) for constants */
Node *mul_constants(Graph *graph, Node *node) {
    double a, b;
    for (int i = 0; i < 2; i++) {
        const Node *inner = node->inputs[1 - i];
        if (inner->op != OP_MUL || !is_float(node) || !constant_value(node->inputs[i], &b) || !moderate(b)) continue;
        for (int k = 0; k < 2; k++)
            if (constant_value(inner->inputs[k], &a) && moderate(a))
                return binary(graph, OP_MUL, inner->inputs[1 - k], rounded_fill(graph, &node->type, a * b));
    }
    return NULL;
}

/* (a / x) * b = (a b) / x for constants, which commute() has put on the right */
Node *mul_of_quotient(Graph *graph, Node *node) {
    const Node *quotient = node->inputs[0];
    double      a, b;
    if (quotient->op != OP_DIV || !is_float(node)) return NULL;
    if (!constant_value(quotient->inputs[0], &a) || !constant_value(node->inputs[1], &b)) return NULL;
    if (!moderate(a) || !moderate(b)) return NULL;
    return binary(graph, OP_DIV, rounded_fill(graph, &node->type, a * b), quotient->inputs[1]);
}

/* x / 1 = x, x / c = x * (1 / c). Where 1 / c is not exact (c is no power of two) that is one rounding more, and only done to arrays. */
Node *div_constant(Graph *graph, Node *node) {
    double c;
    int    exponent;
    if (!is_float(node) || !constant_value(node->inputs[1], &c)) return NULL;
    if (c == 1) return node->inputs[0];
    if (!moderate(c) || (node->type.rank == 0 && fabs(frexp(c, &exponent)) != 0.5)) return NULL;
    return binary(graph, OP_MUL, node->inputs[0], rounded_fill(graph, &node->type, 1 / c));
}

/* x / expand(y) = x * expand(1 / y): one division for many elements */
Node *div_expanded(Graph *graph, Node *node) {
    Node  *y = node->inputs[1];
    int    axes[MAX_RANK];
    double c;
    if (!is_float(node) || y->op != OP_EXPAND || constant_value(node->inputs[0], &c)) return NULL;
    Node *divisor = y->inputs[0], *inverse = binary(graph, OP_DIV, node_fill(graph, &divisor->type, 1), divisor);
    for (int i = 0; i < y->attr.axes.count; i++) axes[i] = y->attr.axes.axes[i];
    return binary(graph, OP_MUL, node->inputs[0], node_expand(graph, inverse, &node->type, y->attr.axes.count, axes));
}

/* (-x) / (-y) = x / y */
Node *div_negated(Graph *graph, Node *node) {
    const Node *x = node->inputs[0], *y = node->inputs[1];
    if (x->op != OP_NEG || y->op != OP_NEG) return NULL;
    return binary(graph, OP_DIV, x->inputs[0], y->inputs[0]);
}

/* ---- powers --------------------------------------------------------------------------------------------------------------- */

/* x^0 = 1, x^1 = x, x^2 = x x, x^3 = x (x x), x^4 = (x x) (x x), x^-1 = 1/x, x^(1/2) = sqrt x, x^(-1/2) = 1/sqrt x */
Node *pow_constant(Graph *graph, Node *node) {
    double e;
    Node  *x = node->inputs[0];
    if (!is_float(node) || !constant_value(node->inputs[1], &e)) return NULL;
    if (e == 0) return node_fill(graph, &node->type, 1);
    if (e == 1) return x;
    if (e == -1) return binary(graph, OP_DIV, node_fill(graph, &node->type, 1), x);
    if (e == 0.5) return node_unary(graph, OP_SQRT, x);
    if (e == -0.5) return node_unary(graph, OP_RSQRT, x);
    if (e != 2 && e != 3 && e != 4) return NULL;
    Node *square = binary(graph, OP_MUL, x, x);
    return e == 2 ? square : binary(graph, OP_MUL, e == 3 ? x : square, square);
}

/* ---- one order for commutative ops, so that equal ones are found --------------------------------------------------------------- */

/* a + b = b + a: constants stand on the right, else the older node on the left */
Node *commute(Graph *graph, Node *node) {
    Node  *a = node->inputs[0], *b = node->inputs[1];
    double value;
    bool   left = constant_value(a, &value), right = constant_value(b, &value);
    bool   swap = left != right ? left : a->id > b->id;
    return swap ? node_binary(graph, node->op, b, a) : NULL;
}
