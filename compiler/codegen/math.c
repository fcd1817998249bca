/* Elementwise arithmetic in LLVM: the Lower implementation that ops/ rules are run with. Values that are the same in all lanes stay
 * scalars, computed once in the scope they belong to. */
#include "codegen/emit.h"

#include <math.h>

#include "codegen/vmath.h"

ElemType math_register_elem(ElemType elem) {
    return elem_is_narrow(elem) ? ELEM_F32 : elem;
}

LLVMValueRef math_constant(const Emit *e, ElemType elem, double value) {
    LLVMTypeRef type = emit_reg_type(e, elem);
    if (elem_is_float(elem)) return LLVMConstReal(type, value);
    if (elem == ELEM_BOOL) return LLVMConstInt(type, value != 0, false);
    return LLVMConstInt(type, (unsigned long long)(int64_t)value, true);
}

/* ---- one operation on equal types --------------------------------------------------------------------------------------- */

/* An a*b + c may be fused, as it is on every target alike; nothing else about floats is relaxed. */
static LLVMValueRef contracted(LLVMValueRef v) {
    if (LLVMIsAInstruction(v) && LLVMCanValueUseFastMathFlags(v)) LLVMSetFastMathFlags(v, LLVMFastMathAllowContract);
    return v;
}

static LLVMValueRef constant_like(LLVMValueRef x, double value) {
    LLVMTypeRef type = LLVMTypeOf(x), elem = irb_elem_type(type);
    if (LLVMGetTypeKind(elem) == LLVMIntegerTypeKind) return irb_int(type, (uint64_t)(int64_t)value);
    return irb_real(type, value);
}

static bool is_number(LLVMValueRef v) { /* a float constant, so not NaN unless written so */
    if (!LLVMIsConstant(v)) return false;
    if (LLVMIsAConstantFP(v)) {
        LLVMBool loses;
        return !isnan(LLVMConstRealGetDouble(v, &loses));
    }
    LLVMValueRef first = LLVMIsAConstantDataVector(v) ? LLVMGetAggregateElement(v, 0) : NULL;
    return LLVMIsAConstantAggregateZero(v) || (first && is_number(first));
}

/* Smaller or larger of two floats, NaN if either is. With a constant y one machine instruction does it. */
static LLVMValueRef float_extreme(LLVMBuilderRef b, bool largest, LLVMValueRef x, LLVMValueRef y) {
    LLVMRealPredicate order = largest ? LLVMRealOGT : LLVMRealOLT;
    if (is_number(x)) {
        LLVMValueRef swap = x;
        x = y, y = swap;
    }
    LLVMValueRef picked = LLVMBuildSelect(b, LLVMBuildFCmp(b, order, y, x, ""), y, x, ""); /* x where unordered */
    if (is_number(y)) return picked;
    return LLVMBuildSelect(b, LLVMBuildFCmp(b, LLVMRealUNO, y, y, ""), y, picked, "");
}

static LLVMValueRef float_sign(LLVMBuilderRef b, LLVMValueRef x) {
    LLVMValueRef zero = constant_like(x, 0), below = LLVMBuildFCmp(b, LLVMRealOLT, x, zero, "");
    LLVMValueRef rest = LLVMBuildSelect(b, below, constant_like(x, -1), x, ""); /* 0 and NaN stay */
    return LLVMBuildSelect(b, LLVMBuildFCmp(b, LLVMRealOGT, x, zero, ""), constant_like(x, 1), rest, "");
}

static LLVMValueRef unary_intrinsic(LLVMBuilderRef b, const char *name, LLVMValueRef x) {
    return irb_intrinsic(b, name, LLVMTypeOf(x), &x, 1);
}

static LLVMValueRef float_math(const Emit *e, LLVMBuilderRef b, MathFn fn, const LLVMValueRef *o) {
    LLVMValueRef x = o[0], y = fn <= MATH_NE ? o[1] : NULL;
    switch (fn) {
    case MATH_ADD: return contracted(LLVMBuildFAdd(b, x, y, ""));
    case MATH_SUB: return contracted(LLVMBuildFSub(b, x, y, ""));
    case MATH_MUL: return contracted(LLVMBuildFMul(b, x, y, ""));
    case MATH_DIV: return LLVMBuildFDiv(b, x, y, "");
    case MATH_MIN: return float_extreme(b, false, x, y);
    case MATH_MAX: return float_extreme(b, true, x, y);
    case MATH_IDIV: return unary_intrinsic(b, "llvm.floor", LLVMBuildFDiv(b, x, y, ""));
    case MATH_MOD: {
        LLVMValueRef whole = unary_intrinsic(b, "llvm.floor", LLVMBuildFDiv(b, x, y, ""));
        return LLVMBuildFSub(b, x, LLVMBuildFMul(b, y, whole, ""), "");
    }
    case MATH_LT: return LLVMBuildFCmp(b, LLVMRealOLT, x, y, "");
    case MATH_LE: return LLVMBuildFCmp(b, LLVMRealOLE, x, y, "");
    case MATH_EQ: return LLVMBuildFCmp(b, LLVMRealOEQ, x, y, "");
    case MATH_NE: return LLVMBuildFCmp(b, LLVMRealUNE, x, y, "");
    case MATH_NEG: return LLVMBuildFNeg(b, x, "");
    case MATH_ABS: return unary_intrinsic(b, "llvm.fabs", x);
    case MATH_SIGN: return float_sign(b, x);
    case MATH_FLOOR: return unary_intrinsic(b, "llvm.floor", x);
    case MATH_CEIL: return unary_intrinsic(b, "llvm.ceil", x);
    case MATH_ROUND: return unary_intrinsic(b, "llvm.roundeven", x);
    case MATH_SQRT: return unary_intrinsic(b, "llvm.sqrt", x);
    default: return vmath_emit(b, e->target, fn, x, y);
    }
}

/* floor(x / y), 0 where y is 0; *rest gets x - y * that. */
static LLVMValueRef integer_divide(LLVMBuilderRef b, bool is_signed, LLVMValueRef x, LLVMValueRef y,
                                   LLVMValueRef *rest) {
    LLVMTypeRef  type = LLVMTypeOf(x);
    LLVMValueRef zero = LLVMConstNull(type), none = LLVMBuildICmp(b, LLVMIntEQ, y, zero, "");
    LLVMValueRef one = irb_int(type, 1), by = LLVMBuildSelect(b, none, one, y, "");
    LLVMValueRef quotient, remainder;
    if (is_signed) {
        /* x / -1 is 0 - x, as the smallest integer would trap */
        LLVMValueRef minus = LLVMBuildICmp(b, LLVMIntEQ, by, LLVMConstAllOnes(type), "");
        LLVMValueRef safe  = LLVMBuildSelect(b, minus, one, by, "");
        LLVMValueRef q = LLVMBuildSDiv(b, x, safe, ""), r = LLVMBuildSRem(b, x, safe, "");
        LLVMValueRef opposite = LLVMBuildICmp(b, LLVMIntSLT, LLVMBuildXor(b, r, safe, ""), zero, "");
        LLVMValueRef below    = LLVMBuildAnd(b, LLVMBuildICmp(b, LLVMIntNE, r, zero, ""), opposite, "");
        q                     = LLVMBuildSub(b, q, LLVMBuildZExt(b, below, type, ""), "");
        r                     = LLVMBuildSelect(b, below, LLVMBuildAdd(b, r, safe, ""), r, "");
        quotient              = LLVMBuildSelect(b, minus, LLVMBuildNeg(b, x, ""), q, "");
        remainder             = r;
    } else {
        quotient  = LLVMBuildUDiv(b, x, by, "");
        remainder = LLVMBuildURem(b, x, by, "");
    }
    *rest = LLVMBuildSelect(b, none, zero, remainder, "");
    return LLVMBuildSelect(b, none, zero, quotient, "");
}

static LLVMValueRef integer_abs(LLVMBuilderRef b, LLVMValueRef x) {
    LLVMValueRef below = LLVMBuildICmp(b, LLVMIntSLT, x, LLVMConstNull(LLVMTypeOf(x)), "");
    return LLVMBuildSelect(b, below, LLVMBuildNeg(b, x, ""), x, "");
}

static LLVMValueRef integer_sign(LLVMBuilderRef b, bool is_signed, LLVMValueRef x) {
    LLVMTypeRef  type = LLVMTypeOf(x);
    LLVMValueRef zero = LLVMConstNull(type);
    LLVMValueRef some = LLVMBuildZExt(b, LLVMBuildICmp(b, LLVMIntNE, x, zero, ""), type, "");
    if (!is_signed) return some;
    LLVMValueRef below = LLVMBuildICmp(b, LLVMIntSLT, x, zero, "");
    return LLVMBuildSelect(b, below, LLVMConstAllOnes(type), some, "");
}

static LLVMValueRef integer_math(LLVMBuilderRef b, MathFn fn, ElemType elem, const LLVMValueRef *o) {
    bool             is_signed = elem != ELEM_U8 && elem != ELEM_BOOL;
    LLVMValueRef     x = o[0], y = fn <= MATH_NE ? o[1] : NULL, rest;
    LLVMIntPredicate less = is_signed ? LLVMIntSLT : LLVMIntULT, not_more = is_signed ? LLVMIntSLE : LLVMIntULE;
    switch (fn) {
    case MATH_ADD: return LLVMBuildAdd(b, x, y, "");
    case MATH_SUB: return LLVMBuildSub(b, x, y, "");
    case MATH_MUL: return LLVMBuildMul(b, x, y, "");
    case MATH_DIV:
    case MATH_IDIV: return integer_divide(b, is_signed, x, y, &rest);
    case MATH_MOD: integer_divide(b, is_signed, x, y, &rest); return rest;
    case MATH_MIN: return LLVMBuildSelect(b, LLVMBuildICmp(b, less, x, y, ""), x, y, "");
    case MATH_MAX: return LLVMBuildSelect(b, LLVMBuildICmp(b, less, x, y, ""), y, x, "");
    case MATH_AND: return LLVMBuildAnd(b, x, y, "");
    case MATH_OR: return LLVMBuildOr(b, x, y, "");
    case MATH_LT: return LLVMBuildICmp(b, less, x, y, "");
    case MATH_LE: return LLVMBuildICmp(b, not_more, x, y, "");
    case MATH_EQ: return LLVMBuildICmp(b, LLVMIntEQ, x, y, "");
    case MATH_NE: return LLVMBuildICmp(b, LLVMIntNE, x, y, "");
    case MATH_NEG: return LLVMBuildNeg(b, x, "");
    case MATH_NOT: return LLVMBuildNot(b, x, "");
    case MATH_ABS: return is_signed ? integer_abs(b, x) : x;
    case MATH_SIGN: return integer_sign(b, is_signed, x);
    case MATH_FLOOR:
    case MATH_CEIL:
    case MATH_ROUND: return x;
    default: BUG("math function %d of %s", fn, elem_name(elem));
    }
}

LLVMValueRef math_build(const Emit *e, LLVMBuilderRef b, MathFn fn, ElemType elem, const LLVMValueRef *operands) {
    if (fn == MATH_SELECT) return LLVMBuildSelect(b, operands[0], operands[1], operands[2], "");
    return elem_is_float(elem) ? float_math(e, b, fn, operands) : integer_math(b, fn, elem, operands);
}

/* ---- conversions ------------------------------------------------------------------------------------------------------------ */

/* Float to integer truncates; out of range gives the nearest, NaN 0. */
static LLVMValueRef float_to_integer(LLVMBuilderRef b, ElemType to, LLVMTypeRef type, LLVMValueRef x) {
    LLVMTypeRef  overloads[] = {type, LLVMTypeOf(x)};
    const char  *name        = to == ELEM_U8 ? "llvm.fptoui.sat" : "llvm.fptosi.sat";
    unsigned     id          = LLVMLookupIntrinsicID(name, 15);
    LLVMValueRef callee      = LLVMGetIntrinsicDeclaration(irb_module(b), id, overloads, 2);
    return LLVMBuildCall2(b, LLVMGlobalGetValueType(callee), callee, &x, 1, "");
}

static LLVMValueRef to_float(const Emit *e, LLVMBuilderRef b, ElemType from, ElemType to, LLVMValueRef x) {
    LLVMTypeRef type = irb_with_elem(LLVMTypeOf(x), emit_reg_type(e, to));
    if (elem_is_float(from)) {
        if (from != ELEM_F64 && to == ELEM_F64) x = LLVMBuildFPExt(b, x, type, "");
        if (from == ELEM_F64 && to != ELEM_F64) x = LLVMBuildFPTrunc(b, x, type, "");
    } else if (from == ELEM_U8 || from == ELEM_BOOL) {
        x = LLVMBuildUIToFP(b, x, type, "");
    } else {
        x = LLVMBuildSIToFP(b, x, type, "");
    }
    return x;
}

/* i32 and i64 go through f64, as rounding to f32 first would round twice. */
static LLVMValueRef to_narrow(const Emit *e, LLVMBuilderRef b, ElemType from, ElemType to, LLVMValueRef x) {
    bool long_digits = from == ELEM_F64 || from == ELEM_I32 || from == ELEM_I64;
    x                = to_float(e, b, from, long_digits ? ELEM_F64 : ELEM_F32, x);
    return narrow_round(e, b, to, long_digits ? narrow_from_f64(e, b, x) : x);
}

LLVMValueRef math_cast(const Emit *e, LLVMBuilderRef b, ElemType from, ElemType to, LLVMValueRef x) {
    if (from == to) return x;
    if (elem_is_narrow(to)) return to_narrow(e, b, from, to, x);
    if (elem_is_float(to)) return to_float(e, b, from, to, x);
    LLVMTypeRef type = irb_with_elem(LLVMTypeOf(x), emit_reg_type(e, to));
    if (to == ELEM_BOOL) {
        if (elem_is_float(from)) return LLVMBuildFCmp(b, LLVMRealUNE, x, LLVMConstNull(LLVMTypeOf(x)), "");
        return LLVMBuildICmp(b, LLVMIntNE, x, LLVMConstNull(LLVMTypeOf(x)), "");
    }
    if (elem_is_float(from)) return float_to_integer(b, to, type, x);
    bool widen_unsigned = from == ELEM_U8 || from == ELEM_BOOL;
    return LLVMBuildIntCast2(b, x, type, !widen_unsigned, "");
}

/* ---- Lower ------------------------------------------------------------------------------------------------------------------ */

static KernelEmit *emitter(Lower *lower) {
    return (KernelEmit *)lower;
}

static Value lower_constant(Lower *lower, ElemType elem, double value) {
    KernelEmit *k = emitter(lower);
    return value_new(k, math_constant(k->e, elem, value), k->root);
}

static int operand_count(MathFn fn) {
    return fn == MATH_SELECT ? 3 : fn <= MATH_NE ? 2 : 1;
}

static Value lower_math(Lower *lower, MathFn fn, ElemType elem, const Value *operands) {
    KernelEmit  *k = emitter(lower);
    LLVMValueRef v[3];
    int          count  = operand_count(fn);
    Scope       *scope  = k->root;
    bool         vector = false;
    for (int i = 0; i < count; i++) {
        scope = scope_deeper(scope, operands[i]->scope);
        vector |= value_is_vector(operands[i]->v);
    }
    for (int i = 0; i < count; i++) v[i] = vector ? value_vector(k, operands[i]) : operands[i]->v;
    return value_new(k, math_build(k->e, scope->b, fn, elem, v), scope);
}

static Value lower_cast(Lower *lower, ElemType from, ElemType to, Value x) {
    KernelEmit *k = emitter(lower);
    return value_new(k, math_cast(k->e, x->scope->b, from, to, x->v), x->scope);
}

void math_init(KernelEmit *k) {
    k->lower = (Lower){lower_constant, lower_math, lower_cast};
}
