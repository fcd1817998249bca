/* Constants: an elementwise op whose inputs are all constants is one. It is evaluated through the op's own lowering rule in
 * double and rounded to the element type. */
#include <math.h>

#include "ops/lower.h"
#include "opt/rewrite.h"

bool constant_value(const Node *node, double *value) {
    while (node->op == OP_EXPAND) node = node->inputs[0];
    if (node->op == OP_CONST) *value = node->attr.value;
    return node->op == OP_CONST;
}

bool is_constant(const Node *node, double value) {
    double found;
    return constant_value(node, &found) && found == value;
}

/* ---- a scalar implementation of the lowering interface --------------------------------------------------------------- */

typedef struct Number {
    double value;
} Number;

typedef struct FoldLower {
    Lower  base;
    Number pool[64];
    int    used;
} FoldLower;

static Value number(Lower *l, double value) {
    FoldLower *fold = (FoldLower *)l;
    Number    *n    = &fold->pool[fold->used++ % 64];
    n->value        = value;
    return (Value)(const void *)n;
}

static double as_double(Value value) {
    return ((const Number *)(const void *)value)->value;
}

static double floor_mod(double a, double b) {
    return b == 0 ? 0 : a - b * floor(a / b);
}

static double round_to(ElemType elem, double value) {
    switch (elem) {
    case ELEM_F32: return (float)value;
    case ELEM_F64:
    case ELEM_BF16:
    case ELEM_F16: return value;
    case ELEM_I32:
    case ELEM_I64:
    case ELEM_U8: return trunc(value);
    case ELEM_BOOL: return value != 0;
    case ELEM_COUNT: break;
    }
    return value;
}

static double evaluate(MathFn fn, double a, double b, double c) {
    switch (fn) {
    case MATH_ADD: return a + b;
    case MATH_SUB: return a - b;
    case MATH_MUL: return a * b;
    case MATH_DIV: return a / b;
    case MATH_MIN: return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case MATH_MAX: return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case MATH_POW: return pow(a, b);
    case MATH_IDIV: return b == 0 ? 0 : floor(a / b);
    case MATH_MOD: return floor_mod(a, b);
    case MATH_AND: return a != 0 && b != 0;
    case MATH_OR: return a != 0 || b != 0;
    case MATH_LT: return a < b;
    case MATH_LE: return a <= b;
    case MATH_EQ: return a == b;
    case MATH_NE: return a != b;
    case MATH_NEG: return -a;
    case MATH_ABS: return fabs(a);
    case MATH_SIGN: return (a > 0) - (a < 0);
    case MATH_FLOOR: return floor(a);
    case MATH_CEIL: return ceil(a);
    case MATH_ROUND: return nearbyint(a);
    case MATH_SQRT: return sqrt(a);
    case MATH_RSQRT: return 1 / sqrt(a);
    case MATH_EXP: return exp(a);
    case MATH_EXPM1: return expm1(a);
    case MATH_LOG: return log(a);
    case MATH_LOG1P: return log1p(a);
    case MATH_SIN: return sin(a);
    case MATH_COS: return cos(a);
    case MATH_TANH: return tanh(a);
    case MATH_ERF: return erf(a);
    case MATH_ERFC: return erfc(a);
    case MATH_NOT: return a == 0;
    case MATH_SELECT: return a != 0 ? b : c;
    case MATH_FN_COUNT: break;
    }
    BUG("no such math function");
}

static int operand_count(MathFn fn) {
    return fn == MATH_SELECT ? 3 : fn <= MATH_NE ? 2 : 1;
}

static Value fold_math(Lower *l, MathFn fn, ElemType elem, const Value *in) {
    int    n = operand_count(fn);
    double a = as_double(in[0]), b = n > 1 ? as_double(in[1]) : 0, c = n > 2 ? as_double(in[2]) : 0;
    double result = evaluate(fn, a, b, c);
    return number(l, fn == MATH_SELECT ? result : round_to(elem, result));
}

static Value fold_constant(Lower *l, ElemType elem, double value) {
    return number(l, round_to(elem, value));
}

static Value fold_cast(Lower *l, ElemType from, ElemType to, Value value) {
    (void)from;
    return number(l, round_to(to, as_double(value)));
}

/* Integers beyond 2^53 are not exact in double: left to run time. */
static bool exact(const Node *node, double value) {
    return elem_is_float(node->type.elem) || fabs(value) < 9007199254740992.0;
}

Node *fold_constants(Graph *graph, Node *node) {
    double    values[3];
    FoldLower fold = {.base = {fold_constant, fold_math, fold_cast}};
    Value     in[3];
    for (int i = 0; i < node->n_inputs; i++) {
        if (!constant_value(node->inputs[i], &values[i]) || !exact(node->inputs[i], values[i])) return NULL;
        in[i] = number(&fold.base, values[i]);
    }
    double result = as_double(op_lower[node->op](&fold.base, node, in));
    if (!exact(node, result) || node->type.elem == ELEM_BF16 || node->type.elem == ELEM_F16) return NULL;
    return node_fill(graph, &node->type, round_to(node->type.elem, result));
}
