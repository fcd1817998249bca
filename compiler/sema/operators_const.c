/* Operators on what is known when compiling: numbers fold in f64, dims as polynomials; dims compare where their bounds decide. */
#include "sema/operators.h"

#include <math.h>

Value operator_overflow(Elab *e, Span at) {
    sema_error(e, at, E0504, "an integer overflows 64 bits");
    return value_poison();
}

static Value division_by_zero(Elab *e, Span at) {
    sema_error(e, at, E0504, "division by zero");
    return value_poison();
}

static Value dim_power(Elab *e, const Operands *o) {
    int64_t exponent;
    if (!dim_is_const(o->b.dim, &exponent)) {
        sema_error(e, o->at, E0502, "an exponent must be a number here, not %s", value_describe(e->arena, o->b));
        return value_poison();
    }
    double base;
    if (exponent < 0 || exponent > 62)
        return const_real(o->a, &base) ? value_real(pow(base, (double)exponent)) : operator_overflow(e, o->at);
    const Dim *result = dim_const(e->dims, 1);
    for (int64_t i = 0; i < exponent && result; i++) result = dim_mul(e->dims, result, o->a.dim);
    return result ? value_dim(result) : operator_overflow(e, o->at);
}

Value operator_on_dims(Elab *e, const Operands *o) {
    const Dim *a = o->a.dim, *b = o->b.dim, *result = NULL;
    int64_t    divisor;
    bool       zero = dim_is_const(b, &divisor) && divisor == 0;
    switch (o->row->plain) {
    case BIN_ADD: result = dim_add(e->dims, a, b); break;
    case BIN_SUB: result = dim_sub(e->dims, a, b); break;
    case BIN_MUL: result = dim_mul(e->dims, a, b); break;
    case BIN_IDIV:
        if (zero) return division_by_zero(e, o->at);
        result = dim_floordiv(e->dims, a, b);
        break;
    case BIN_MOD:
        if (zero) return division_by_zero(e, o->at);
        result = dim_mod(e->dims, a, b);
        break;
    default: return dim_power(e, o);
    }
    return result ? value_dim(result) : operator_overflow(e, o->at);
}

static bool compare_numbers(BinaryOp op, double a, double b) {
    switch (op) {
    case BIN_EQ: return a == b;
    case BIN_NE: return a != b;
    case BIN_LT: return a < b;
    case BIN_LE: return a <= b;
    case BIN_GT: return a > b;
    default: return a >= b;
    }
}

Value operator_compares_dims(Elab *e, const Operands *o) {
    const Dim *a = o->a.dim, *b = o->b.dim, *difference = dim_sub(e->dims, a, b);
    const Dim *one = dim_const(e->dims, 1);
    BinaryOp   op  = o->row->plain;
    int64_t    number;
    if (difference && dim_is_const(difference, &number)) return value_bool(compare_numbers(op, (double)number, 0.0));
    const int64_t *bounds = e->bounds.data;
    const Dim     *a_next = dim_add(e->dims, a, one), *b_next = dim_add(e->dims, b, one);
    bool           a_le_b = dim_provably_le(e->dims, a, b, bounds), b_le_a = dim_provably_le(e->dims, b, a, bounds);
    bool           a_lt_b = a_next && dim_provably_le(e->dims, a_next, b, bounds);
    bool           b_lt_a = b_next && dim_provably_le(e->dims, b_next, a, bounds);
    if (a_lt_b || b_lt_a) return value_bool(compare_numbers(op, a_lt_b ? 0 : 1, a_lt_b ? 1 : 0));
    if (a_le_b && (op == BIN_LE || op == BIN_GT)) return value_bool(op == BIN_LE);
    if (b_le_a && (op == BIN_GE || op == BIN_LT)) return value_bool(op == BIN_GE);
    Diag *diag = sema_error(e, o->at, E0305, "cannot decide '%s %s %s' when compiling", dim_print(e->arena, a),
                            o->row->text, dim_print(e->arena, b));
    if (op == BIN_EQ)
        diag_help(diag, "state 'assert %s == %s' in the model: it is checked when data binds the dims",
                  dim_print(e->arena, a), dim_print(e->arena, b));
    return value_poison();
}

Value operator_on_numbers(Elab *e, const Operands *o, double a, double b) {
    switch (o->row->plain) {
    case BIN_ADD: return value_real(a + b);
    case BIN_SUB: return value_real(a - b);
    case BIN_MUL: return value_real(a * b);
    case BIN_DIV: return b == 0 ? division_by_zero(e, o->at) : value_real(a / b);
    case BIN_IDIV: return b == 0 ? division_by_zero(e, o->at) : value_real(floor(a / b));
    case BIN_MOD: return b == 0 ? division_by_zero(e, o->at) : value_real(a - b * floor(a / b));
    case BIN_POW: return value_real(pow(a, b));
    default: return value_bool(compare_numbers(o->row->plain, a, b));
    }
}
