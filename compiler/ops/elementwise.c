/* Elementwise ops: gradient and lowering side by side. In the formulas y is the op's value, g the gradient of the loss by y. */
#include <math.h>

#include "ops/rules.h"

/* One instruction of the lowering interface on operands of the first input's element type. */
#define LOWER_AS(name, fn)                                                                                             \
    LOWER(name) {                                                                                                      \
        return l->math(l, fn, node->inputs[0]->type.elem, in);                                                         \
    }

/* d(-x) = -g */
GRADIENT(neg) {
    (void)node;
    gin[0] = neg(graph, g);
}
LOWER_AS(neg, MATH_NEG)

/* d|x| = g * sign(x) */
GRADIENT(abs) {
    gin[0] = mul(graph, g, node_unary(graph, OP_SIGN, node->inputs[0]));
}
LOWER_AS(abs, MATH_ABS)
LOWER_AS(sign, MATH_SIGN)
LOWER_AS(floor, MATH_FLOOR)
LOWER_AS(ceil, MATH_CEIL)
LOWER_AS(round, MATH_ROUND)

/* d sqrt(x) = g / (2 y) */
GRADIENT(sqrt) {
    gin[0] = divide(graph, mul(graph, g, fill(graph, g, 0.5)), node);
}
LOWER_AS(sqrt, MATH_SQRT)

/* d x^(-1/2) = -g/2 y^3 */
GRADIENT(rsqrt) {
    Node *cube = mul(graph, node, mul(graph, node, node));
    gin[0]     = mul(graph, mul(graph, g, fill(graph, g, -0.5)), cube);
}
LOWER_AS(rsqrt, MATH_RSQRT)

/* d exp(x) = g y */
GRADIENT(exp) {
    gin[0] = mul(graph, g, node);
}
LOWER_AS(exp, MATH_EXP)

/* d (exp(x) - 1) = g (y + 1) */
GRADIENT(expm1) {
    gin[0] = mul(graph, g, add(graph, node, fill(graph, node, 1)));
}
LOWER_AS(expm1, MATH_EXPM1)

/* d log(x) = g / x */
GRADIENT(log) {
    gin[0] = divide(graph, g, node->inputs[0]);
}
LOWER_AS(log, MATH_LOG)

/* d log(1 + x) = g / (1 + x) */
GRADIENT(log1p) {
    gin[0] = divide(graph, g, add(graph, node->inputs[0], fill(graph, node, 1)));
}
LOWER_AS(log1p, MATH_LOG1P)

/* d sin(x) = g cos(x) */
GRADIENT(sin) {
    gin[0] = mul(graph, g, node_unary(graph, OP_COS, node->inputs[0]));
}
LOWER_AS(sin, MATH_SIN)

/* d cos(x) = -g sin(x) */
GRADIENT(cos) {
    gin[0] = neg(graph, mul(graph, g, node_unary(graph, OP_SIN, node->inputs[0])));
}
LOWER_AS(cos, MATH_COS)

/* d tanh(x) = g (1 - y^2) */
GRADIENT(tanh) {
    gin[0] = mul(graph, g, sub(graph, fill(graph, node, 1), mul(graph, node, node)));
}
LOWER_AS(tanh, MATH_TANH)

/* exp(-x^2) * scale */
static Node *gaussian(Graph *graph, Node *x, double scale) {
    return mul(graph, node_unary(graph, OP_EXP, neg(graph, mul(graph, x, x))), fill(graph, x, scale));
}

/* d erf(x) = g 2/sqrt(pi) exp(-x^2) */
GRADIENT(erf) {
    gin[0] = mul(graph, g, gaussian(graph, node->inputs[0], 2 / sqrt(M_PI)));
}
LOWER_AS(erf, MATH_ERF)

/* d erfc(x) = -g 2/sqrt(pi) exp(-x^2) */
GRADIENT(erfc) {
    gin[0] = mul(graph, g, gaussian(graph, node->inputs[0], -2 / sqrt(M_PI)));
}
LOWER_AS(erfc, MATH_ERFC)
LOWER_AS(not, MATH_NOT)

/* d cast(x) = cast back, not below f32; between integers and floats nothing flows */
GRADIENT(cast) {
    ElemType from = node->inputs[0]->type.elem;
    if (elem_is_float(node->type.elem) && elem_is_float(from))
        gin[0] = elem_is_narrow(from) ? g : node_cast(graph, from, g);
}
LOWER(cast) {
    return l->cast(l, node->inputs[0]->type.elem, node->type.elem, in[0]);
}

/* d(a + b) = g, g */
GRADIENT(add) {
    (void)graph, (void)node;
    gin[0] = gin[1] = g;
}
LOWER_AS(add, MATH_ADD)

/* d(a - b) = g, -g */
GRADIENT(sub) {
    (void)node;
    gin[0] = g;
    gin[1] = neg(graph, g);
}
LOWER_AS(sub, MATH_SUB)

/* d(a b) = g b, g a */
GRADIENT(mul) {
    gin[0] = mul(graph, g, node->inputs[1]);
    gin[1] = mul(graph, g, node->inputs[0]);
}
LOWER_AS(mul, MATH_MUL)

/* d(a / b) = g / b, -g y / b */
GRADIENT(div) {
    gin[0] = divide(graph, g, node->inputs[1]);
    gin[1] = neg(graph, mul(graph, gin[0], node));
}
LOWER_AS(div, MATH_DIV)
LOWER_AS(idiv, MATH_IDIV)
LOWER_AS(mod, MATH_MOD)

/* d(a^b) = g b a^(b-1), which is 0 for b = 0; g y log(a), which is 0 for a = 0 and b >= 0: as torch.pow, so that x**0 and 0**y learn
 * without NaN */
GRADIENT(pow) {
    Node *a = node->inputs[0], *b = node->inputs[1], *one = fill(graph, b, 1), *zero = fill(graph, g, 0);
    Node *by_base     = mul(graph, g, mul(graph, b, node_binary(graph, OP_POW, a, sub(graph, b, one))));
    Node *by_exponent = mul(graph, g, mul(graph, node, node_unary(graph, OP_LOG, a)));
    Node *flat = node_binary(graph, OP_AND, node_binary(graph, OP_EQ, a, zero), node_binary(graph, OP_LE, zero, b));
    gin[0]     = node_select(graph, node_binary(graph, OP_EQ, b, zero), zero, by_base);
    gin[1]     = node_select(graph, flat, zero, by_exponent);
}
LOWER_AS(pow, MATH_POW)

/* The winner takes g; on a tie each takes half, as torch.minimum and torch.maximum do. */
static void grad_extremum(Graph *graph, Node *node, Node *g, Node **gin, bool largest) {
    Node *a = node->inputs[0], *b = node->inputs[1], *zero = fill(graph, g, 0);
    Node *half  = mul(graph, g, fill(graph, g, 0.5));
    Node *tie   = node_binary(graph, OP_EQ, a, b);
    Node *first = largest ? node_binary(graph, OP_LT, b, a) : node_binary(graph, OP_LT, a, b);
    gin[0]      = node_select(graph, tie, half, node_select(graph, first, g, zero));
    gin[1]      = node_select(graph, tie, half, node_select(graph, first, zero, g));
}
GRADIENT(min) {
    grad_extremum(graph, node, g, gin, false);
}
LOWER_AS(min, MATH_MIN)
GRADIENT(max) {
    grad_extremum(graph, node, g, gin, true);
}
LOWER_AS(max, MATH_MAX)

LOWER_AS(lt, MATH_LT)
LOWER_AS(le, MATH_LE)
LOWER_AS(eq, MATH_EQ)
LOWER_AS(ne, MATH_NE)
LOWER_AS(and, MATH_AND)
LOWER_AS(or, MATH_OR)

/* d select(c, a, b) = select(c, g, 0), select(c, 0, g) */
GRADIENT(select) {
    Node *zero = fill(graph, g, 0);
    gin[1]     = node_select(graph, node->inputs[0], g, zero);
    gin[2]     = node_select(graph, node->inputs[0], zero, g);
}
static bool is_zero(const Node *node) {
    while (node->op == OP_EXPAND || node->op == OP_CAST) node = node->inputs[0];
    return node->op == OP_CONST && node->attr.value == 0;
}

/* x <= 0 ? 0 : x is x < 0 ? 0 : x but for the sign of a zero, and that is one instruction. */
LOWER(select) {
    const Node *test      = node->inputs[0];
    bool        rectifies = test->op == OP_LE && elem_is_float(node->type.elem) && test->inputs[0] == node->inputs[2] &&
                     is_zero(test->inputs[1]) && is_zero(node->inputs[1]);
    if (!rectifies) return l->math(l, MATH_SELECT, node->type.elem, in);
    Value below[] = {in[2], in[1]}, chosen[] = {l->math(l, MATH_LT, node->type.elem, below), in[1], in[2]};
    return l->math(l, MATH_SELECT, node->type.elem, chosen);
}
