/* The lowering interface: how an elementwise op computes one element (or one vector of elements), written once in ops/
 * and executed by two implementations: codegen's (LLVM vectors) and the tests' f64 interpreter.
 *
 * A Value is opaque; each implementation knows its own. All values in one call have the same number of lanes. */
#ifndef NNC_OPS_LOWER_H
#define NNC_OPS_LOWER_H

#include "ir/graph.h"

typedef const struct LowerValue *Value;

typedef enum MathFn {
    MATH_ADD,
    MATH_SUB,
    MATH_MUL,
    MATH_DIV,
    MATH_MIN,
    MATH_MAX,
    MATH_POW,
    MATH_IDIV,
    MATH_MOD, /* two */
    MATH_AND,
    MATH_OR,
    MATH_LT,
    MATH_LE,
    MATH_EQ,
    MATH_NE, /* two */
    MATH_NEG,
    MATH_ABS,
    MATH_SIGN,
    MATH_FLOOR,
    MATH_CEIL,
    MATH_ROUND,
    MATH_SQRT,
    MATH_RSQRT, /* one */
    MATH_EXP,
    MATH_EXPM1,
    MATH_LOG,
    MATH_LOG1P,
    MATH_SIN,
    MATH_COS,
    MATH_TANH,
    MATH_ERF,
    MATH_ERFC,
    MATH_NOT,    /* one */
    MATH_SELECT, /* three */
    MATH_FN_COUNT
} MathFn;

typedef struct Lower Lower;
struct Lower {
    Value (*constant)(Lower *, ElemType, double);
    Value (*math)(Lower *, MathFn, ElemType operand_elem, const Value *operands);
    Value (*cast)(Lower *, ElemType from, ElemType to, Value);
};

/* One elementwise node from its inputs' values. */
typedef Value           LowerRule(Lower *lower, const Node *node, const Value *inputs);
extern LowerRule *const op_lower[OP_COUNT]; /* NULL for ops the templates know */

/* A reduction: the value to start from and how two partial results combine. ARGMAX combines (value, index) pairs and is known
 * to the templates: its start and combine are NULL. */
typedef struct ReduceRule {
    double start;   /* -INFINITY for max */
    MathFn combine; /* MATH_ADD, MATH_MAX */
} ReduceRule;
const ReduceRule *op_reduce(Op op); /* NULL when not a plain reduction */

#endif
