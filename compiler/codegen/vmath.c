/* Vector math: the entry point, and the arithmetic that its parts are written in. */
#include "codegen/vmath.h"

#include <stdio.h>

#include "base/diag.h"
#include "codegen/vmath_internal.h"

VMath vm_new(LLVMBuilderRef b, const Target *target, LLVMTypeRef type) {
    return (VMath){b, target, type, irb_int_like(b, type), irb_elem_bytes(type) == 8};
}

LLVMValueRef vm_real(const VMath *m, double value) {
    return irb_real(m->type, value);
}

LLVMValueRef vm_add(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFAdd(m->b, x, y, "");
}

LLVMValueRef vm_sub(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFSub(m->b, x, y, "");
}

LLVMValueRef vm_mul(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFMul(m->b, x, y, "");
}

LLVMValueRef vm_div(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFDiv(m->b, x, y, "");
}

LLVMValueRef vm_fma(const VMath *m, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z) {
    LLVMValueRef args[] = {x, y, z};
    return irb_intrinsic(m->b, m->target->has_fma ? "llvm.fma" : "llvm.fmuladd", m->type, args, 3);
}

LLVMValueRef vm_sqrt(const VMath *m, LLVMValueRef x) {
    return irb_intrinsic(m->b, "llvm.sqrt", m->type, &x, 1);
}

LLVMValueRef vm_abs(const VMath *m, LLVMValueRef x) {
    return irb_intrinsic(m->b, "llvm.fabs", m->type, &x, 1);
}

LLVMValueRef vm_copysign(const VMath *m, LLVMValueRef magnitude, LLVMValueRef sign) {
    LLVMValueRef args[] = {magnitude, sign};
    return irb_intrinsic(m->b, "llvm.copysign", m->type, args, 2);
}

LLVMValueRef vm_cmp(const VMath *m, LLVMRealPredicate predicate, LLVMValueRef x, double y) {
    return LLVMBuildFCmp(m->b, predicate, x, vm_real(m, y), "");
}

LLVMValueRef vm_select(const VMath *m, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildSelect(m->b, condition, x, y, "");
}

LLVMValueRef vm_at_most(const VMath *m, LLVMValueRef x, double most) {
    return vm_select(m, vm_cmp(m, LLVMRealOGT, x, most), vm_real(m, most), x);
}

LLVMValueRef vm_at_least(const VMath *m, LLVMValueRef x, double least) {
    return vm_select(m, vm_cmp(m, LLVMRealOLT, x, least), vm_real(m, least), x);
}

LLVMValueRef vm_to_bits(const VMath *m, LLVMValueRef x) {
    return LLVMBuildBitCast(m->b, x, m->bits, "");
}

LLVMValueRef vm_from_bits(const VMath *m, LLVMValueRef bits) {
    return LLVMBuildBitCast(m->b, bits, m->type, "");
}

LLVMValueRef vm_poly(const VMath *m, LLVMValueRef x, const double *c, int n) {
    LLVMValueRef sum = vm_real(m, c[n - 1]);
    for (int i = n - 2; i >= 0; i--) sum = vm_fma(m, sum, x, vm_real(m, c[i]));
    return sum;
}

/* ---- one row a function ---- */

static LLVMValueRef emit_rsqrt(const VMath *m, LLVMValueRef x) { /* 1 / sqrt(x), both correctly rounded: 1.5 ulp */
    return vm_div(m, vm_real(m, 1), vm_sqrt(m, x));
}

static LLVMValueRef emit_sin(const VMath *m, LLVMValueRef x) {
    LLVMValueRef sine;
    vm_sincos(m, x, &sine, NULL);
    return vm_sincos_far(m, false, x, sine);
}

static LLVMValueRef emit_cos(const VMath *m, LLVMValueRef x) {
    LLVMValueRef cosine;
    vm_sincos(m, x, NULL, &cosine);
    return vm_sincos_far(m, true, x, cosine);
}

typedef struct MathRow {
    MathFn      fn;
    const char *name;
    bool        shared; /* one function a type in the module instead of in place */
    LLVMValueRef (*one)(const VMath *, LLVMValueRef);
    LLVMValueRef (*two)(const VMath *, LLVMValueRef, LLVMValueRef);
} MathRow;

static const MathRow rows[] = {
    {MATH_EXP, "exp", false, vm_exp, NULL},    {MATH_EXPM1, "expm1", false, vm_expm1, NULL},
    {MATH_LOG, "log", false, vm_log, NULL},    {MATH_LOG1P, "log1p", true, vm_log1p, NULL},
    {MATH_SIN, "sin", true, emit_sin, NULL},   {MATH_COS, "cos", true, emit_cos, NULL},
    {MATH_TANH, "tanh", false, vm_tanh, NULL}, {MATH_ERF, "erf", false, vm_erf, NULL},
    {MATH_ERFC, "erfc", false, vm_erfc, NULL}, {MATH_RSQRT, "rsqrt", false, emit_rsqrt, NULL},
    {MATH_POW, "pow", true, NULL, vm_pow},
};

static LLVMValueRef emit_row(const VMath *m, const MathRow *row, LLVMValueRef x, LLVMValueRef y) {
    return row->one ? row->one(m, x) : row->two(m, x, y);
}

static LLVMValueRef call_shared(const VMath *m, const MathRow *row, LLVMValueRef x, LLVMValueRef y) {
    LLVMModuleRef  module   = irb_module(m->b);
    LLVMContextRef context  = irb_context(m->b);
    LLVMTypeRef    params[] = {m->type, m->type};
    unsigned       n        = row->two ? 2 : 1;
    LLVMTypeRef    type     = LLVMFunctionType(m->type, params, n, false);
    char           name[64];
    snprintf(name, sizeof name, "nnc.%s.v%df%d", row->name, irb_lanes(m->type), m->is_double ? 64 : 32);
    LLVMValueRef function = LLVMGetNamedFunction(module, name);
    if (!function) {
        function           = irb_internal_function(module, name, type);
        LLVMBuilderRef own = LLVMCreateBuilderInContext(context);
        LLVMPositionBuilderAtEnd(own, LLVMAppendBasicBlockInContext(context, function, "entry"));
        VMath inner = vm_new(own, m->target, m->type);
        LLVMBuildRet(own, emit_row(&inner, row, LLVMGetParam(function, 0), n == 2 ? LLVMGetParam(function, 1) : NULL));
        LLVMDisposeBuilder(own);
    }
    LLVMValueRef args[] = {x, y};
    return LLVMBuildCall2(m->b, type, function, args, n, "");
}

LLVMValueRef vmath_emit(LLVMBuilderRef builder, const Target *target, MathFn fn, LLVMValueRef x, LLVMValueRef y) {
    VMath m = vm_new(builder, target, LLVMTypeOf(x));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].fn == fn) return rows[i].shared ? call_shared(&m, &rows[i], x, y) : emit_row(&m, &rows[i], x, y);
    BUG("no vector math for function %d", (int)fn);
}

/* ---- quotients ---------------------------------------------------------------------------------------------------------- */

bool vmath_has_quotient(const Target *target, LLVMTypeRef type) {
    return target->vector_bytes == 64 && irb_lanes(type) == 16 && irb_elem_bytes(type) == 4;
}

/* q = x e for an estimate e of 1 / y, then q + (x - q y) e (Markstein, "Computation of elementary functions on the IBM RISC System/6000
 * processor", 1990). */
LLVMValueRef vmath_quotient(LLVMBuilderRef b, const Target *target, LLVMValueRef x, LLVMValueRef y) {
    VMath        m      = vm_new(b, target, LLVMTypeOf(x));
    LLVMTypeRef  i16    = LLVMInt16TypeInContext(irb_context(b));
    LLVMValueRef by     = vm_at_most(&m, y, 0x1p126);
    LLVMValueRef args[] = {by, by, LLVMConstAllOnes(i16)};
    LLVMValueRef e      = irb_intrinsic(b, "llvm.x86.avx512.rcp14.ps.512", NULL, args, 3);
    LLVMValueRef q = vm_mul(&m, x, e), rest = vm_fma(&m, LLVMBuildFNeg(b, q, ""), by, x);
    return vm_fma(&m, rest, e, q);
}
