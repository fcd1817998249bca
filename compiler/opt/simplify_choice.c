/* Choices, comparisons, logic and conversions. */
#include <math.h>

#include "opt/rewrite.h"

/* ---- choices ------------------------------------------------------------------------------------------------------------ */

/* select(true, a, b) = a, select(c, a, a) = a */
Node *select_known(Graph *graph, Node *node) {
    Node  *a = node->inputs[1], *b = node->inputs[2];
    double condition;
    (void)graph;
    if (constant_value(node->inputs[0], &condition)) return condition != 0 ? a : b;
    return a == b ? a : NULL;
}

/* select(not c, a, b) = select(c, b, a) */
Node *select_not(Graph *graph, Node *node) {
    const Node *condition = node->inputs[0];
    if (condition->op != OP_NOT) return NULL;
    return node_select(graph, condition->inputs[0], node->inputs[2], node->inputs[1]);
}

/* select(c, true, false) = c, select(c, false, true) = not c */
Node *select_bool(Graph *graph, Node *node) {
    Node  *condition = node->inputs[0];
    double a, b;
    if (node->type.elem != ELEM_BOOL || !constant_value(node->inputs[1], &a) || !constant_value(node->inputs[2], &b))
        return NULL;
    return a != 0 ? condition : node_unary(graph, OP_NOT, condition); /* equal branches are select_known's */
}

/* max(x, x) = x */
Node *extreme_same(Graph *graph, Node *node) {
    (void)graph;
    return node->inputs[0] == node->inputs[1] ? node->inputs[0] : NULL;
}

/* max(x, -inf) = x, min(x, inf) = x */
Node *extreme_infinite(Graph *graph, Node *node) {
    double neutral = node->op == OP_MAX ? -INFINITY : INFINITY;
    (void)graph;
    for (int i = 0; i < 2; i++)
        if (elem_is_float(node->type.elem) && is_constant(node->inputs[i], neutral)) return node->inputs[1 - i];
    return NULL;
}

/* ---- conversions ---------------------------------------------------------------------------------------------------------- */

/* Whether every value of one type is one of the other, in the same order. */
static bool holds(ElemType to, ElemType from) {
    if (from == to || from == ELEM_BOOL) return true;
    if (to == ELEM_BOOL) return false;
    switch (from) {
    case ELEM_U8: return true;
    case ELEM_I32: return to == ELEM_I64 || to == ELEM_F64;
    case ELEM_BF16:
    case ELEM_F16: return to == ELEM_F32 || to == ELEM_F64;
    case ELEM_F32: return to == ELEM_F64;
    default: return false;
    }
}

/* cast(x) to x's own type = x */
Node *cast_to_own(Graph *graph, Node *node) {
    (void)graph;
    return node->inputs[0]->type.elem == node->type.elem ? node->inputs[0] : NULL;
}

/* cast(cast(x)) = cast(x) where the type between holds every value of x's */
Node *cast_of_cast(Graph *graph, Node *node) {
    const Node *inner = node->inputs[0];
    if (inner->op != OP_CAST || !holds(inner->type.elem, inner->inputs[0]->type.elem)) return NULL;
    return node_cast(graph, node->type.elem, inner->inputs[0]);
}

/* x <= x and x == x are true, x < x and x != x false; not of floats, which may be NaN */
Node *compare_same(Graph *graph, Node *node) {
    const Node *x = node->inputs[0];
    if (x != node->inputs[1] || elem_is_float(x->type.elem)) return NULL;
    return node_fill(graph, &node->type, node->op == OP_LE || node->op == OP_EQ);
}

/* cast(a) < cast(b) = a < b where the cast keeps every value. Bools are left alone: they have no order of their own. */
Node *compare_casts(Graph *graph, Node *node) {
    const Node *a = node->inputs[0], *b = node->inputs[1];
    if (a->op != OP_CAST || b->op != OP_CAST || a->inputs[0]->type.elem != b->inputs[0]->type.elem) return NULL;
    ElemType from = a->inputs[0]->type.elem;
    if (from == ELEM_BOOL || !holds(a->type.elem, from)) return NULL;
    return node_binary(graph, node->op, a->inputs[0], b->inputs[0]);
}

static bool compare(Op op, double a, double b) {
    return op == OP_LT ? a < b : op == OP_LE ? a <= b : op == OP_EQ ? a == b : a != b;
}

/* A comparison of cast(x), x a bool, with a constant is x, not x, true or false. */
Node *compare_bool(Graph *graph, Node *node) {
    double c;
    for (int i = 0; i < 2; i++) {
        const Node *cast = node->inputs[i];
        if (cast->op != OP_CAST || cast->inputs[0]->type.elem != ELEM_BOOL) continue;
        if (!constant_value(node->inputs[1 - i], &c)) continue;
        bool if_false = i ? compare(node->op, c, 0) : compare(node->op, 0, c);
        bool if_true  = i ? compare(node->op, c, 1) : compare(node->op, 1, c);
        if (if_false == if_true) return node_fill(graph, &node->type, if_true);
        return if_true ? cast->inputs[0] : node_unary(graph, OP_NOT, cast->inputs[0]);
    }
    return NULL;
}

/* ---- logic ------------------------------------------------------------------------------------------------------------------- */

/* x and x = x, x and true = x, x and false = false; x or x = x, x or false = x, x or true = true */
Node *logic_known(Graph *graph, Node *node) {
    Node  *a = node->inputs[0], *b = node->inputs[1];
    double known;
    (void)graph;
    if (a == b) return a;
    for (int i = 0; i < 2; i++)
        if (constant_value(node->inputs[i], &known))
            return (known != 0) == (node->op == OP_AND) ? node->inputs[1 - i] : node->inputs[i];
    return NULL;
}

/* not not x = x, not (a == b) = a != b, not (a != b) = a == b. An order has no such opposite: NaN. */
Node *not_of(Graph *graph, Node *node) {
    const Node *x = node->inputs[0];
    if (x->op == OP_NOT) return x->inputs[0];
    if (x->op != OP_EQ && x->op != OP_NE) return NULL;
    return node_binary(graph, x->op == OP_EQ ? OP_NE : OP_EQ, x->inputs[0], x->inputs[1]);
}
