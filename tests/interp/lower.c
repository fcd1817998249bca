/* The lowering interface on arrays: a value is one scalar a lane, the lanes are the tensor's elements. */
#include <math.h>

#include "interp/internal.h"

struct LowerValue {
    const double *lanes;
};

typedef struct ArrayLower {
    Lower   base;
    Arena  *arena;
    int64_t count;
} ArrayLower;

static Value value_of(Arena *arena, const double *lanes) {
    struct LowerValue *value = ARENA_NEW(arena, struct LowerValue);
    value->lanes             = lanes;
    return value;
}

/* ---- floats ----------------------------------------------------------------------------------------------------------- */

static double float_sign(double x) {
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double float_math(MathFn fn, double a, double b) {
    switch (fn) {
    case MATH_ADD: return a + b;
    case MATH_SUB: return a - b;
    case MATH_MUL: return a * b;
    case MATH_DIV: return a / b;
    case MATH_MIN: return isnan(a) ? a : isnan(b) ? b : fmin(a, b);
    case MATH_MAX: return isnan(a) ? a : isnan(b) ? b : fmax(a, b);
    case MATH_POW: return pow(a, b);
    case MATH_IDIV: return floor(a / b);
    case MATH_MOD: return a - b * floor(a / b);
    case MATH_NEG: return -a;
    case MATH_ABS: return fabs(a);
    case MATH_SIGN: return float_sign(a);
    case MATH_FLOOR: return floor(a);
    case MATH_CEIL: return ceil(a);
    case MATH_ROUND: return rint(a);
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
    default: BUG("math function %d of floats", fn);
    }
}

static int64_t float_test(MathFn fn, double a, double b) {
    switch (fn) {
    case MATH_LT: return a < b;
    case MATH_LE: return a <= b;
    case MATH_EQ: return a == b;
    case MATH_NE: return a != b;
    default: BUG("math function %d is no comparison", fn);
    }
}

/* ---- integers: exact in 64 bits, then wrapped to their type -------------------------------------------------------------- */

static int64_t wrap(ElemType elem, uint64_t x) {
    switch (elem) {
    case ELEM_I32: return (int32_t)(uint32_t)x;
    case ELEM_U8: return (uint8_t)x;
    case ELEM_BOOL: return x & 1;
    default: return (int64_t)x;
    }
}

/* floor(a / b) and what is left; both 0 for b = 0. */
static int64_t floor_divide(int64_t a, int64_t b, int64_t *rest) {
    *rest = 0;
    if (b == 0) return 0;
    if (b == -1) return (int64_t)(0 - (uint64_t)a);
    int64_t quotient = a / b;
    *rest            = a % b;
    if (*rest != 0 && (*rest < 0) != (b < 0)) *rest += b, quotient--;
    return quotient;
}

static int64_t integer_math(MathFn fn, ElemType elem, int64_t a, int64_t b) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    int64_t  rest, quotient;
    switch (fn) {
    case MATH_ADD: return wrap(elem, x + y);
    case MATH_SUB: return wrap(elem, x - y);
    case MATH_MUL: return wrap(elem, x * y);
    case MATH_NEG: return wrap(elem, 0 - x);
    case MATH_ABS: return a < 0 ? wrap(elem, 0 - x) : a;
    case MATH_DIV:
    case MATH_IDIV: quotient = floor_divide(a, b, &rest); return wrap(elem, (uint64_t)quotient);
    case MATH_MOD: floor_divide(a, b, &rest); return rest;
    case MATH_MIN: return a < b ? a : b;
    case MATH_MAX: return a > b ? a : b;
    case MATH_SIGN: return (a > 0) - (a < 0);
    case MATH_FLOOR:
    case MATH_CEIL:
    case MATH_ROUND: return a;
    case MATH_AND: return a & b;
    case MATH_OR: return a | b;
    case MATH_NOT: return !a;
    case MATH_LT: return a < b;
    case MATH_LE: return a <= b;
    case MATH_EQ: return a == b;
    case MATH_NE: return a != b;
    default: BUG("math function %d of %s", fn, elem_name(elem));
    }
}

/* ---- the interface --------------------------------------------------------------------------------------------------------- */

static bool is_test(MathFn fn) {
    return fn == MATH_LT || fn == MATH_LE || fn == MATH_EQ || fn == MATH_NE;
}

double interp_combine(MathFn fn, ElemType elem, double a, double b) {
    if (!elem_is_float(elem)) return (double)integer_math(fn, elem, (int64_t)a, (int64_t)b);
    return is_test(fn) ? (double)float_test(fn, a, b) : float_math(fn, a, b);
}

static Value array_math(Lower *l, MathFn fn, ElemType elem, const Value *in) {
    ArrayLower *lower = (ArrayLower *)l;
    double     *out   = ARENA_ARRAY(lower->arena, double, lower->count + 1);
    bool        two   = fn <= MATH_NE;
    for (int64_t i = 0; i < lower->count; i++) {
        double a = in[0]->lanes[i];
        if (fn == MATH_SELECT)
            out[i] = in[a != 0 ? 1 : 2]->lanes[i];
        else
            out[i] = interp_combine(fn, elem, a, two ? in[1]->lanes[i] : a);
    }
    return value_of(lower->arena, out);
}

static Value array_constant(Lower *l, ElemType elem, double value) {
    (void)elem;
    ArrayLower *lower = (ArrayLower *)l;
    double     *out   = ARENA_ARRAY(lower->arena, double, lower->count + 1);
    for (int64_t i = 0; i < lower->count; i++) out[i] = value;
    return value_of(lower->arena, out);
}

/* Truncates; out of range gives the nearest, NaN 0. */
static int64_t truncated(ElemType to, double x) {
    if (isnan(x)) return 0;
    double low  = to == ELEM_U8 ? 0 : to == ELEM_I32 ? INT32_MIN : -0x1p63;
    double high = to == ELEM_U8 ? 255 : to == ELEM_I32 ? INT32_MAX : 0x1p63;
    if (x >= high) return to == ELEM_I64 ? INT64_MAX : (int64_t)high;
    return x <= low ? (to == ELEM_I64 ? INT64_MIN : (int64_t)low) : (int64_t)x;
}

static double convert(ElemType from, ElemType to, double x) {
    if (elem_is_float(to)) return elem_is_narrow(to) ? elem_round(to, x) : x;
    if (to == ELEM_BOOL) return x != 0;
    return (double)(elem_is_float(from) ? truncated(to, x) : wrap(to, (uint64_t)(int64_t)x));
}

static Value array_cast(Lower *l, ElemType from, ElemType to, Value value) {
    ArrayLower *lower = (ArrayLower *)l;
    double     *out   = ARENA_ARRAY(lower->arena, double, lower->count + 1);
    for (int64_t i = 0; i < lower->count; i++) out[i] = convert(from, to, value->lanes[i]);
    return value_of(lower->arena, out);
}

void interp_elementwise(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    ArrayLower lower = {{array_constant, array_math, array_cast}, interp->arena, out->count};
    Value      values[3];
    for (int i = 0; i < node->n_inputs; i++) values[i] = value_of(interp->arena, in[i]->data);
    Value result = op_lower[node->op](&lower.base, node, values);
    for (int64_t i = 0; i < out->count; i++) out->data[i] = result->lanes[i];
}
