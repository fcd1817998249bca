/* Algebra of elementwise ops. Rules keep values up to rounding, NaN and infinities included: 0 * x is not 0. */
#include <math.h>

#include "opt/rewrite.h"

static bool is_float(const Node *node) {
    return elem_is_float(node->type.elem);
}

/* ---- scalars stay scalars ------------------------------------------------------------------------------------------- */

/* f(expand a, expand b) = expand f(a, b), for expansions of the same kind: work is done on the smaller shape. */
static Node *sink_expand(Graph *graph, Node *node) {
    const Node *first = NULL;
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->op == OP_EXPAND && node->inputs[i]->inputs[0]->op != OP_CONST) first = node->inputs[i];
    if (!first) return NULL;
    Node       *inputs[3];
    const Type *small = &first->inputs[0]->type;
    for (int i = 0; i < node->n_inputs; i++) {
        Node  *input = node->inputs[i];
        double value;
        if (constant_value(input, &value)) {
            Type type = *small;
            type.elem = input->type.elem;
            inputs[i] = node_fill(graph, &type, value);
            continue;
        }
        if (input->op != OP_EXPAND || !type_same_shape(&input->inputs[0]->type, small) ||
            input->attr.axes.count != first->attr.axes.count)
            return NULL;
        for (int k = 0; k < first->attr.axes.count; k++)
            if (input->attr.axes.axes[k] != first->attr.axes.axes[k]) return NULL;
        inputs[i] = input->inputs[0];
    }
    Type type = *small;
    type.elem = node->type.elem;
    int axes[MAX_RANK];
    for (int i = 0; i < first->attr.axes.count; i++) axes[i] = first->attr.axes.axes[i];
    Node *inner = graph_node(graph, node->op, &type, node->n_inputs, inputs, &node->attr);
    return node_expand(graph, inner, &node->type, first->attr.axes.count, axes);
}

/* ---- sums ------------------------------------------------------------------------------------------------------------ */

/* x + 0 = x, x + (-y) = x - y */
static Node *add_simple(Graph *graph, Node *node) {
    for (int i = 0; i < 2; i++) {
        Node *x = node->inputs[1 - i], *y = node->inputs[i];
        if (is_constant(y, 0)) return x;
        if (y->op == OP_NEG) return node_binary(graph, OP_SUB, x, y->inputs[0]);
    }
    return NULL;
}

/* x - 0 = x, 0 - x = -x, x - (-y) = x + y */
static Node *sub_simple(Graph *graph, Node *node) {
    Node *x = node->inputs[0], *y = node->inputs[1];
    if (is_constant(y, 0)) return x;
    if (is_constant(x, 0) && is_float(node)) return node_unary(graph, OP_NEG, y);
    return y->op == OP_NEG ? node_binary(graph, OP_ADD, x, y->inputs[0]) : NULL;
}

/* -(-x) = x, -(x - y) = y - x */
static Node *neg_simple(Graph *graph, Node *node) {
    const Node *x = node->inputs[0];
    if (x->op == OP_NEG) return x->inputs[0];
    return x->op == OP_SUB ? node_binary(graph, OP_SUB, x->inputs[1], x->inputs[0]) : NULL;
}

/* ---- products ---------------------------------------------------------------------------------------------------------- */

/* x * 1 = x, x * -1 = -x, (-x) * (-y) = x * y; integers: x * 0 = 0 */
static Node *mul_simple(Graph *graph, Node *node) {
    for (int i = 0; i < 2; i++) {
        Node *x = node->inputs[1 - i], *y = node->inputs[i];
        if (is_constant(y, 1)) return x;
        if (is_constant(y, -1)) return node_unary(graph, OP_NEG, x);
        if (is_constant(y, 0) && !is_float(node)) return y;
    }
    Node *x = node->inputs[0], *y = node->inputs[1];
    return x->op == OP_NEG && y->op == OP_NEG ? node_binary(graph, OP_MUL, x->inputs[0], y->inputs[0]) : NULL;
}

/* (x * a) * b = x * (a b) for constants */
static Node *mul_constants(Graph *graph, Node *node) {
    double a, b;
    for (int i = 0; i < 2; i++) {
        Node *product = node->inputs[1 - i];
        if (!constant_value(node->inputs[i], &b) || product->op != OP_MUL || !is_float(node)) continue;
        for (int k = 0; k < 2; k++)
            if (constant_value(product->inputs[k], &a))
                return node_binary(graph, OP_MUL, product->inputs[1 - k], node_fill(graph, &node->type, a * b));
    }
    return NULL;
}

/* select(c, x, 0) * y = select(c, x * y, 0) would hide a NaN of y; left alone. x / 1 = x; x / c = x * (1/c) when 1/c is exact. */
static Node *div_simple(Graph *graph, Node *node) {
    double c;
    int    exponent;
    if (!constant_value(node->inputs[1], &c)) return NULL;
    if (c == 1) return node->inputs[0];
    if (c != 0 && isfinite(c) && fabs(frexp(c, &exponent)) == 0.5)
        return node_binary(graph, OP_MUL, node->inputs[0], node_fill(graph, &node->type, 1 / c));
    return NULL;
}

/* ---- powers --------------------------------------------------------------------------------------------------------------- */

/* x^0 = 1, x^1 = x, x^2 = x x, x^3 = x x x, x^-1 = 1/x, x^(1/2) = sqrt x, x^(-1/2) = 1/sqrt x (also for an x of -0: both give 0) */
static Node *pow_simple(Graph *graph, Node *node) {
    double e;
    Node  *x = node->inputs[0];
    if (!is_float(node) || !constant_value(node->inputs[1], &e)) return NULL;
    if (e == 0) return node_fill(graph, &node->type, 1);
    if (e == 1) return x;
    if (e == 2) return node_binary(graph, OP_MUL, x, x);
    if (e == 3) return node_binary(graph, OP_MUL, x, node_binary(graph, OP_MUL, x, x));
    if (e == -1) return node_binary(graph, OP_DIV, node_fill(graph, &node->type, 1), x);
    if (e == 0.5) return node_unary(graph, OP_SQRT, x);
    if (e == -0.5) return node_unary(graph, OP_RSQRT, x);
    return NULL;
}

/* ---- choices and conversions ------------------------------------------------------------------------------------------------ */

/* select(true, a, b) = a, select(c, a, a) = a, select(not c, a, b) = select(c, b, a) */
static Node *select_simple(Graph *graph, Node *node) {
    Node  *condition = node->inputs[0], *a = node->inputs[1], *b = node->inputs[2];
    double value;
    if (constant_value(condition, &value)) return value != 0 ? a : b;
    if (a == b) return a;
    return condition->op == OP_NOT ? node_select(graph, condition->inputs[0], b, a) : NULL;
}

/* A widening cast back is nothing: f32 -> f64 -> f32. */
static Node *cast_back(Graph *graph, Node *node) {
    Node *inner = node->inputs[0];
    if (node->inputs[0]->type.elem == node->type.elem) return inner;
    if (inner->op != OP_CAST || inner->inputs[0]->type.elem != node->type.elem) return NULL;
    bool widened = is_float(inner) && is_float(node) && elem_size(inner->type.elem) > elem_size(node->type.elem);
    (void)graph;
    return widened ? inner->inputs[0] : NULL;
}

static Node *not_not(Graph *graph, Node *node) {
    (void)graph;
    return node->inputs[0]->op == OP_NOT ? node->inputs[0]->inputs[0] : NULL;
}

RewriteRule *const        rules_add[]         = {add_simple, sink_expand, NULL};
RewriteRule *const        rules_sub[]         = {sub_simple, sink_expand, NULL};
RewriteRule *const        rules_neg[]         = {neg_simple, sink_expand, NULL};
RewriteRule *const        rules_mul[]         = {mul_simple, mul_constants, sink_expand, NULL};
RewriteRule *const        rules_div[]         = {div_simple, sink_expand, NULL};
RewriteRule *const        rules_pow[]         = {pow_simple, sink_expand, NULL};
RewriteRule *const        rules_select[]      = {select_simple, sink_expand, NULL};
RewriteRule *const        rules_cast[]        = {cast_back, sink_expand, NULL};
RewriteRule *const        rules_not[]         = {not_not, sink_expand, NULL};
static RewriteRule *const rules_elementwise[] = {sink_expand, NULL};

RewriteRule *const *rules_of(Op op) {
    switch (op) {
    case OP_ADD: return rules_add;
    case OP_SUB: return rules_sub;
    case OP_NEG: return rules_neg;
    case OP_MUL: return rules_mul;
    case OP_DIV: return rules_div;
    case OP_POW: return rules_pow;
    case OP_SELECT: return rules_select;
    case OP_CAST: return rules_cast;
    case OP_NOT: return rules_not;
    case OP_RESHAPE: return rules_reshape;
    case OP_PERMUTE: return rules_permute;
    case OP_EXPAND: return rules_expand;
    case OP_SLICE: return rules_slice;
    case OP_PAD: return rules_pad;
    case OP_SUM: return rules_sum;
    case OP_REDUCE_MAX: return rules_reduce_max;
    case OP_DOT: return rules_dot;
    default: return op_info[op].class == ELEMENTWISE ? rules_elementwise : NULL;
    }
}
