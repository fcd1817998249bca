/* The op table as data: facts, gradient rules, lowering rules. A rule that a row names and nobody wrote does not link. */
#include "autodiff/autodiff.h"
#include "ops/lower.h"

const OpInfo op_info[OP_COUNT] = {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc)                                       \
    [OP_##id] = {name, arity, attr, class, DOMAIN_##domain, doc},
#include "ops/ops.def"
#undef OP
};

#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) extern GradientRule grad_##gradient;
#include "ops/ops.def"
#undef OP

GradientRule *const op_gradient[OP_COUNT] = {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) [OP_##id] = grad_##gradient,
#include "ops/ops.def"
#undef OP
};

/* Marks, compared by address and never called. */
void grad_none(Graph *graph, Node *node, Node *g, Node **gin) {
    (void)graph, (void)g, (void)gin;
    BUG("%s has no gradient", op_info[node->op].name);
}
void grad_zero(Graph *graph, Node *node, Node *g, Node **gin) {
    (void)graph, (void)g, (void)gin;
    BUG("%s has a zero gradient", op_info[node->op].name);
}
void grad_custom(Graph *graph, Node *node, Node *g, Node **gin) {
    (void)graph, (void)g, (void)gin;
    BUG("%s is differentiated by autodiff/", op_info[node->op].name);
}

void grad_scan(Graph *graph, Node *node, Node *g, Node **gin) {
    (void)graph, (void)g, (void)gin;
    BUG("%s is differentiated by autodiff/", op_info[node->op].name);
}

/* Only elementwise ops have a lowering rule. */
#define RULE_ELEMENTWISE(name)    lower_##name
#define RULE_SOURCE(name)         NULL
#define RULE_REDUCTION(name)      NULL
#define RULE_MOVEMENT(name)       NULL
#define RULE_INDEXED(name)        NULL
#define RULE_CONTRACTION(name)    NULL
#define RULE_LOOP(name)           NULL
#define RULE_EFFECT(name)         NULL
#define DECLARE_ELEMENTWISE(name) extern LowerRule lower_##name;
#define DECLARE_SOURCE(name)
#define DECLARE_REDUCTION(name)
#define DECLARE_MOVEMENT(name)
#define DECLARE_INDEXED(name)
#define DECLARE_CONTRACTION(name)
#define DECLARE_LOOP(name)
#define DECLARE_EFFECT(name)

#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) DECLARE_##class(lowering)
#include "ops/ops.def"
#undef OP

LowerRule *const op_lower[OP_COUNT] = {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) [OP_##id] = RULE_##class(lowering),
#include "ops/ops.def"
#undef OP
};
