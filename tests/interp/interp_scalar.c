/* Elementwise ops: the lowering interface on whole tensors of doubles, and what each instruction does to one. */
#include <math.h>

#include "interp/interp_internal.h"

/* ---- one scalar ----------------------------------------------------------------------------------------------------------- */

double scalar_convert(ElemType to, double value) {
    switch (to) {
    case ELEM_F32:
    case ELEM_F64:
    case ELEM_BF16:
    case ELEM_F16: return value;
    case ELEM_I32: return (double)(int32_t)(uint32_t)(int64_t)value;
    case ELEM_I64: return trunc(value);
    case ELEM_U8: return (double)(uint8_t)(int64_t)value;
    case ELEM_BOOL: return value != 0;
    case ELEM_COUNT: break;
    }
    BUG("no such element type");
}

static double floor_mod(bool integers, double a, double b) {
    return integers && b == 0 ? 0 : a - b * floor(a / b);
}

static double smaller(double a, double b) {
    return isnan(a) || isnan(b) ? NAN : fmin(a, b);
}

static double larger(double a, double b) {
    return isnan(a) || isnan(b) ? NAN : fmax(a, b);
}

static double sign_of(double a) {
    return isnan(a) ? a : (a > 0) - (a < 0);
}

static double two(MathFn fn, bool integers, double a, double b) {
    switch (fn) {
    case MATH_ADD: return a + b;
    case MATH_SUB: return a - b;
    case MATH_MUL: return a * b;
    case MATH_DIV: return a / b;
    case MATH_MIN: return smaller(a, b);
    case MATH_MAX: return larger(a, b);
    case MATH_POW: return pow(a, b);
    case MATH_IDIV: return integers && b == 0 ? 0 : floor(a / b);
    case MATH_MOD: return floor_mod(integers, a, b);
    case MATH_AND: return a != 0 && b != 0;
    case MATH_OR: return a != 0 || b != 0;
    case MATH_LT: return a < b;
    case MATH_LE: return a <= b;
    case MATH_EQ: return a == b;
    case MATH_NE: return a != b;
    default: BUG("not an instruction of two operands");
    }
}

static double one(MathFn fn, double a) {
    switch (fn) {
    case MATH_NEG: return -a;
    case MATH_ABS: return fabs(a);
    case MATH_SIGN: return sign_of(a);
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
    case MATH_NOT: return a == 0;
    default: BUG("not an instruction of one operand");
    }
}

int scalar_operands(MathFn fn) {
    return fn == MATH_SELECT ? 3 : fn <= MATH_NE ? 2 : 1;
}

static bool is_comparison(MathFn fn) {
    return fn == MATH_LT || fn == MATH_LE || fn == MATH_EQ || fn == MATH_NE;
}

double scalar_math(MathFn fn, ElemType elem, const double *x) {
    if (fn == MATH_SELECT) return x[0] != 0 ? x[1] : x[2];
    double value = scalar_operands(fn) == 2 ? two(fn, !elem_is_float(elem), x[0], x[1]) : one(fn, x[0]);
    return is_comparison(fn) ? value : scalar_convert(elem, value);
}

/* ---- whole tensors ---------------------------------------------------------------------------------------------------------- */

typedef struct Lanes {
    Lower   base;
    Arena  *arena;
    int64_t count;
} Lanes;

static double *lanes_of(Value value) {
    return (double *)(uintptr_t)(const void *)value;
}

static Value lanes_new(Lower *l) {
    Lanes *lanes = (Lanes *)l;
    return (Value)(void *)ARENA_ARRAY(lanes->arena, double, lanes->count + 1);
}

static Value lanes_constant(Lower *l, ElemType elem, double value) {
    Value result = lanes_new(l);
    for (int64_t i = 0; i < ((Lanes *)l)->count; i++) lanes_of(result)[i] = scalar_convert(elem, value);
    return result;
}

static Value lanes_math(Lower *l, MathFn fn, ElemType elem, const Value *operands) {
    Value result = lanes_new(l);
    int   n      = scalar_operands(fn);
    for (int64_t i = 0; i < ((Lanes *)l)->count; i++) {
        double x[3];
        for (int k = 0; k < n; k++) x[k] = lanes_of(operands[k])[i];
        lanes_of(result)[i] = scalar_math(fn, elem, x);
    }
    return result;
}

static Value lanes_cast(Lower *l, ElemType from, ElemType to, Value value) {
    Value result = lanes_new(l);
    (void)from;
    for (int64_t i = 0; i < ((Lanes *)l)->count; i++) lanes_of(result)[i] = scalar_convert(to, lanes_of(value)[i]);
    return result;
}

void eval_elementwise(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    Lanes lanes     = {{lanes_constant, lanes_math, lanes_cast}, interp->arena, out->count};
    Value values[3] = {NULL, NULL, NULL};
    for (int i = 0; i < node->n_inputs; i++) values[i] = (Value)(const void *)in[i]->data;
    out->data = lanes_of(op_lower[node->op](&lanes.base, node, values));
}
