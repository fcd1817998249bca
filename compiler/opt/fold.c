/* Constants: an elementwise op whose inputs are all constants is one. It is evaluated through the op's own lowering rule in
 * double and rounded to the element type; what would wrap or saturate is left to run time. */
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

bool is_one(const Dim *dim) {
    int64_t size;
    return dim_is_const(dim, &size) && size == 1;
}

/* Whether a rounded value is one of the type's; NaN is none of an integer's. */
static bool fits(ElemType elem, double value) {
    switch (elem) {
    case ELEM_U8: return value >= 0 && value <= 255;
    case ELEM_I32: return value >= INT32_MIN && value <= INT32_MAX;
    case ELEM_I64: return fabs(value) < 9007199254740992.0; /* beyond 2^53 a double is not exact: left to run time */
    default: return true;
    }
}

static double round_to(ElemType elem, double value) {
    if (elem == ELEM_BOOL) return value != 0;
    return elem_is_integer(elem) ? trunc(value) : elem_round(elem, value);
}

Node *rounded_fill(Graph *graph, const Type *type, double value) {
    return node_fill(graph, type, round_to(type->elem, value));
}

/* Integers divide by 0 to 0, floats do not. */
static double floor_div(ElemType elem, double a, double b) {
    return !elem_is_float(elem) && b == 0 ? 0 : floor(a / b);
}

static double floor_mod(ElemType elem, double a, double b) {
    return !elem_is_float(elem) && b == 0 ? 0 : a - b * floor(a / b);
}

static double evaluate(MathFn fn, ElemType elem, double a, double b, double c) {
    switch (fn) {
    case MATH_ADD: return a + b;
    case MATH_SUB: return a - b;
    case MATH_MUL: return a * b;
    case MATH_DIV: return a / b;
    case MATH_MIN: return isnan(a) || isnan(b) ? NAN : a < b ? a : b;
    case MATH_MAX: return isnan(a) || isnan(b) ? NAN : a > b ? a : b;
    case MATH_POW: return pow(a, b);
    case MATH_IDIV: return floor_div(elem, a, b);
    case MATH_MOD: return floor_mod(elem, a, b);
    case MATH_AND: return a != 0 && b != 0;
    case MATH_OR: return a != 0 || b != 0;
    case MATH_LT: return a < b;
    case MATH_LE: return a <= b;
    case MATH_EQ: return a == b;
    case MATH_NE: return a != b;
    case MATH_NEG: return -a;
    case MATH_ABS: return fabs(a);
    case MATH_SIGN: return a > 0 ? 1 : a < 0 ? -1 : a;
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
    double result = evaluate(fn, elem, a, b, c);
    return number(l, elem_round(elem, result));
}

static Value fold_constant(Lower *l, ElemType elem, double value) {
    return number(l, round_to(elem, value));
}

static Value fold_cast(Lower *l, ElemType from, ElemType to, Value value) {
    (void)from;
    return number(l, round_to(to, as_double(value)));
}

Node *fold_constants(Graph *graph, Node *node) {
    FoldLower fold = {.base = {fold_constant, fold_math, fold_cast}};
    Value     in[3];
    ElemType  elem = node->type.elem;
    for (int i = 0; i < node->n_inputs; i++) {
        double value;
        if (!constant_value(node->inputs[i], &value) || !fits(node->inputs[i]->type.elem, value)) return NULL;
        in[i] = number(&fold.base, value);
    }
    double result = as_double(op_lower[node->op](&fold.base, node, in));
    return fits(elem, result) ? rounded_fill(graph, &node->type, result) : NULL;
}
