/* sin and cos far from zero, where subtracting a multiple of pi/2 loses all digits: a lane at a time, in double. */
#include <math.h>

#include "codegen/vmath_internal.h"

enum { WORDS = 21, WIDTH = 192, MANTISSA_BITS = 52 };

/* 64 zeros, then 2/pi after the binary point. */
static const uint64_t two_over_pi[WORDS] = {
    0x0000000000000000u, 0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u,
    0xb7246e3a424dd2e0u, 0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u, 0xe99c7026b45f7e41u,
    0x3991d639835339f4u, 0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu, 0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u,
    0x4f463f669e5fea2du, 0x7527bac7ebe5f17bu, 0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu,
    0xf0cfbc209af4361du,
};

static LLVMValueRef table_of_bits(LLVMBuilderRef b) {
    static const char name[] = "nnc.two_over_pi";
    LLVMModuleRef     module = irb_module(b);
    LLVMValueRef      table  = LLVMGetNamedGlobal(module, name), words[WORDS];
    if (table) return table;
    LLVMTypeRef i64 = LLVMInt64TypeInContext(irb_context(b));
    for (int i = 0; i < WORDS; i++) words[i] = LLVMConstInt(i64, two_over_pi[i], false);
    table = LLVMAddGlobal(module, LLVMArrayType(i64, WORDS), name);
    LLVMSetInitializer(table, LLVMConstArray(i64, words, WORDS));
    LLVMSetLinkage(table, LLVMInternalLinkage);
    LLVMSetGlobalConstant(table, true);
    LLVMSetAlignment(table, 8);
    return table;
}

/* The bits of 2/pi 2^e that weigh from 2^1 down to 2^-190. */
static LLVMValueRef window_of_bits(LLVMBuilderRef b, LLVMTypeRef wide, LLVMValueRef e) {
    LLVMTypeRef  i64   = LLVMInt64TypeInContext(irb_context(b));
    LLVMTypeRef  four  = LLVMIntTypeInContext(irb_context(b), 256);
    LLVMValueRef first = irb_add(b, e, irb_i64(b, 62)), all = LLVMConstNull(four);
    LLVMValueRef word = LLVMBuildLShr(b, first, irb_i64(b, 6), ""), rest = LLVMBuildAnd(b, first, irb_i64(b, 63), "");
    for (int i = 0; i < 4; i++) {
        LLVMValueRef at   = irb_at(b, i64, table_of_bits(b), irb_add(b, word, irb_i64(b, i)));
        LLVMValueRef next = LLVMBuildZExt(b, irb_load(b, i64, at), four, "");
        all               = LLVMBuildOr(b, LLVMBuildShl(b, all, LLVMConstInt(four, 64, false), ""), next, "");
    }
    all = LLVMBuildShl(b, all, LLVMBuildZExt(b, rest, four, ""), "");
    return LLVMBuildTrunc(b, LLVMBuildLShr(b, all, LLVMConstInt(four, 64, false), ""), wide, "");
}

/* x = mantissa 2^e: whole quarter turns modulo 4 and what is left of |x|, in [-pi/4, pi/4]. Bits of 2/pi that make multiples of 4 are
 * left out; those beyond 190 places change less than the 62 bits that can cancel at most leave over. Payne, Hanek, "Radian reduction
 * for trigonometric functions", 1983. */
static LLVMValueRef reduce_far(const VMath *m, LLVMValueRef x, LLVMValueRef *quadrant) {
    LLVMBuilderRef b   = m->b;
    LLVMTypeRef    i64 = m->bits, wide = LLVMIntTypeInContext(irb_context(b), WIDTH);
    LLVMValueRef   bits = vm_to_bits(m, vm_abs(m, x));
    LLVMValueRef   e    = irb_sub(b, LLVMBuildLShr(b, bits, irb_i64(b, MANTISSA_BITS), ""), irb_i64(b, 1075));
    LLVMValueRef   inside =
        irb_max(b, irb_min(b, e, irb_i64(b, 971)), irb_i64(b, -62)); /* other lanes' may be anything */
    LLVMValueRef one      = irb_i64(b, (int64_t)1 << MANTISSA_BITS);
    LLVMValueRef mantissa = LLVMBuildOr(b, LLVMBuildAnd(b, bits, irb_sub(b, one, irb_i64(b, 1)), ""), one, "");
    LLVMValueRef turns    = LLVMBuildMul(b, LLVMBuildZExt(b, mantissa, wide, ""), window_of_bits(b, wide, inside), "");
    LLVMValueRef half     = LLVMBuildShl(b, LLVMConstInt(wide, 1, false), LLVMConstInt(wide, WIDTH - 3, false), "");
    LLVMValueRef whole  = LLVMBuildLShr(b, LLVMBuildAdd(b, turns, half, ""), LLVMConstInt(wide, WIDTH - 2, false), "");
    *quadrant           = LLVMBuildTrunc(b, whole, i64, "");
    LLVMValueRef part   = LLVMBuildShl(b, turns, LLVMConstInt(wide, 2, false), "");
    LLVMValueRef below  = LLVMBuildICmp(b, LLVMIntSLT, part, LLVMConstNull(wide), "");
    LLVMValueRef size   = LLVMBuildSelect(b, below, LLVMBuildNeg(b, part, ""), part, "");
    LLVMValueRef args[] = {size, LLVMConstNull(LLVMInt1TypeInContext(irb_context(b)))};
    LLVMValueRef zeros  = irb_intrinsic(b, "llvm.ctlz", wide, args, 2);
    LLVMValueRef top    = LLVMBuildLShr(b, LLVMBuildShl(b, size, zeros, ""), LLVMConstInt(wide, WIDTH - 63, false), "");
    LLVMValueRef number = LLVMBuildSIToFP(b, LLVMBuildTrunc(b, top, i64, ""), m->type, "");
    LLVMValueRef power  = irb_sub(b, irb_i64(b, 1023 - 63), LLVMBuildTrunc(b, zeros, i64, ""));
    LLVMValueRef scale  = vm_from_bits(m, LLVMBuildShl(b, power, irb_i64(b, MANTISSA_BITS), ""));
    LLVMValueRef r      = vm_mul(m, vm_mul(m, number, scale), vm_real(m, 1.57079632679489661923));
    return vm_select(m, below, vm_sub(m, vm_real(m, 0), r), r);
}

/* double far(double x): sin or cos of a finite x of 2^13 or more, either sign. */
static LLVMValueRef far_function(const VMath *m, bool is_cosine, LLVMTypeRef type) {
    LLVMModuleRef module   = irb_module(m->b);
    const char   *name     = is_cosine ? "nnc.cos.far" : "nnc.sin.far";
    LLVMValueRef  function = LLVMGetNamedFunction(module, name);
    if (function) return function;
    function           = irb_internal_function(module, name, type);
    LLVMBuilderRef own = LLVMCreateBuilderInContext(irb_context(m->b));
    LLVMPositionBuilderAtEnd(own, LLVMAppendBasicBlockInContext(irb_context(m->b), function, "entry"));
    VMath        one = vm_new(own, m->target, LLVMDoubleTypeInContext(irb_context(m->b)));
    LLVMValueRef x   = LLVMGetParam(function, 0), quadrant, sine, cosine;
    LLVMValueRef r   = reduce_far(&one, x, &quadrant);
    vm_sincos_reduced(&one, r, quadrant, &sine, &cosine);
    LLVMValueRef minus = vm_sub(&one, vm_real(&one, 0), sine);
    sine               = vm_select(&one, vm_cmp(&one, LLVMRealOLT, x, 0), minus, sine);
    LLVMBuildRet(own, is_cosine ? cosine : sine);
    LLVMDisposeBuilder(own);
    return function;
}

static LLVMValueRef lane_of(LLVMBuilderRef b, LLVMValueRef v, LLVMValueRef i) {
    return LLVMGetTypeKind(LLVMTypeOf(v)) == LLVMVectorTypeKind ? LLVMBuildExtractElement(b, v, i, "") : v;
}

LLVMValueRef vm_sincos_far(const VMath *m, bool is_cosine, LLVMValueRef x, LLVMValueRef near) {
    LLVMBuilderRef b     = m->b;
    int            lanes = irb_lanes(m->type);
    LLVMTypeRef    f64 = LLVMDoubleTypeInContext(irb_context(b)), type = LLVMFunctionType(f64, &f64, 1, false);
    LLVMValueRef   a = vm_abs(m, x), function = far_function(m, is_cosine, type);
    LLVMValueRef   far  = LLVMBuildAnd(b, vm_cmp(m, LLVMRealOGT, a, m->is_double ? 0x1p19 : 0x1p13),
                                       vm_cmp(m, LLVMRealOLT, a, INFINITY), "");
    LLVMTypeRef    bits = LLVMIntTypeInContext(irb_context(b), (unsigned)lanes);
    LLVMValueRef   any  = LLVMBuildICmp(b, LLVMIntNE, LLVMBuildBitCast(b, far, bits, ""), LLVMConstNull(bits), "");
    LLVMValueRef   some = LLVMBuildSelect(b, any, irb_i64(b, lanes), irb_i64(b, 0), "");
    Loop           loop = loop_begin(b, irb_i64(b, 0), some, irb_i64(b, 1));
    LLVMValueRef   now = loop_carry(&loop, b, near), at = loop.index;
    LLVMValueRef   wide = lane_of(b, x, at);
    if (!m->is_double) wide = LLVMBuildFPExt(b, wide, f64, "");
    LLVMValueRef value = LLVMBuildCall2(b, type, function, &wide, 1, "");
    if (!m->is_double) value = LLVMBuildFPTrunc(b, value, irb_elem_type(m->type), "");
    value = LLVMBuildSelect(b, lane_of(b, far, at), value, lane_of(b, now, at), "");
    loop_next(&loop, 0, lanes > 1 ? LLVMBuildInsertElement(b, now, value, at, "") : value);
    loop_end(&loop, b);
    return loop.result[0];
}
