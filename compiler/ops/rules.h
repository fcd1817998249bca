/* Short spellings for the rules of the op families. Rules are pure; they build nodes and return nothing but those. */
#ifndef NNC_OPS_RULES_H
#define NNC_OPS_RULES_H

#include "autodiff/autodiff.h"
#include "ir/graph.h"
#include "ops/lower.h"

/* void grad_x(graph, node, g, in[]) and Value lower_x(lower, node, in[]) */
#define GRADIENT(name)                                                                                                 \
    void grad_##name(Graph *graph, Node *node, Node *g, Node **gin);                                                   \
    void grad_##name(Graph *graph, Node *node, Node *g, Node **gin)
#define LOWER(name)                                                                                                    \
    Value lower_##name(Lower *l, const Node *node, const Value *in);                                                   \
    Value lower_##name(Lower *l, const Node *node, const Value *in)

static inline Node *add(Graph *graph, Node *a, Node *b) {
    return node_binary(graph, OP_ADD, a, b);
}
static inline Node *sub(Graph *graph, Node *a, Node *b) {
    return node_binary(graph, OP_SUB, a, b);
}
static inline Node *mul(Graph *graph, Node *a, Node *b) {
    return node_binary(graph, OP_MUL, a, b);
}
static inline Node *divide(Graph *graph, Node *a, Node *b) {
    return node_binary(graph, OP_DIV, a, b);
}
static inline Node *neg(Graph *graph, Node *a) {
    return node_unary(graph, OP_NEG, a);
}
/* A constant in the shape and element type of `like`. */
static inline Node *fill(Graph *graph, const Node *like, double value) {
    return node_fill(graph, &like->type, value);
}

#endif
