/* bf16 and f16 in registers and memory. In registers both are f32 that hold a value of the narrower type; memory has their 16 bits.
 * Conversions round to nearest, ties to even, keep infinities, signed zeros and subnormals, and keep a NaN one. f16 uses the
 * machine's instructions where every CPU of the target has them, else integer arithmetic: what LLVM emits without them is a
 * call of a library that compiled models are not linked with. */
#include "codegen/emit.h"

typedef struct Bits {  /* an f32 value, apart */
    LLVMTypeRef  wide; /* i32, of as many lanes */
    LLVMValueRef sign, magnitude;
} Bits;

static LLVMValueRef constant(const Bits *x, uint32_t value) {
    return irb_int(x->wide, value);
}

static LLVMValueRef as_float(const Emit *e, LLVMBuilderRef b, LLVMValueRef bits) {
    return LLVMBuildBitCast(b, bits, irb_with_elem(LLVMTypeOf(bits), e->t_f32), "");
}

static Bits split(LLVMBuilderRef b, LLVMTypeRef wide, LLVMValueRef bits, uint32_t sign) {
    return (Bits){wide, LLVMBuildAnd(b, bits, irb_int(wide, sign), ""),
                  LLVMBuildAnd(b, bits, irb_int(wide, sign - 1), "")};
}

/* ---- f16 in integers -------------------------------------------------------------------------------------------------------- */

/* Exponents are biased by 15 and 127; a subnormal is its integer times 2^-24, which f32 holds as a normal number. */
static LLVMValueRef widen_f16(const Emit *e, LLVMBuilderRef b, LLVMValueRef half) {
    LLVMTypeRef  wide   = irb_with_elem(LLVMTypeOf(half), e->t_i32);
    Bits         x      = split(b, wide, LLVMBuildZExt(b, half, wide, ""), 0x8000);
    LLVMValueRef moved  = LLVMBuildShl(b, x.magnitude, constant(&x, 13), "");
    LLVMValueRef normal = LLVMBuildAdd(b, moved, constant(&x, (127 - 15) << 23), "");
    LLVMValueRef whole  = LLVMBuildSIToFP(b, x.magnitude, irb_with_elem(wide, e->t_f32), "");
    LLVMValueRef small  = LLVMBuildFMul(b, whole, irb_real(LLVMTypeOf(whole), 0x1p-24), "");
    LLVMValueRef out    = LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntULT, x.magnitude, constant(&x, 0x400), ""),
                                          LLVMBuildBitCast(b, small, wide, ""), normal, "");
    LLVMValueRef large  = LLVMBuildOr(b, moved, constant(&x, 0x7f800000), ""); /* infinity, NaN */
    out = LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntUGE, x.magnitude, constant(&x, 0x7c00), ""), large, out, "");
    out = LLVMBuildOr(b, out, LLVMBuildShl(b, x.sign, constant(&x, 16), ""), "");
    return as_float(e, b, out);
}

/* A normal result rounds as its bits are shifted out, the carry going into the exponent; for a subnormal one an addition of 0.5
 * does the rounding, since 2^-24 is the last place of numbers from 0.5 on. */
static LLVMValueRef narrow_f16(const Emit *e, LLVMBuilderRef b, LLVMValueRef value) {
    LLVMTypeRef  wide     = irb_with_elem(LLVMTypeOf(value), e->t_i32);
    Bits         x        = split(b, wide, LLVMBuildBitCast(b, value, wide, ""), 0x80000000u);
    LLVMValueRef odd      = LLVMBuildAnd(b, LLVMBuildLShr(b, x.magnitude, constant(&x, 13), ""), constant(&x, 1), "");
    LLVMValueRef biased   = LLVMBuildSub(b, x.magnitude, constant(&x, ((127 - 15) << 23) - 0xfff), "");
    LLVMValueRef normal   = LLVMBuildLShr(b, LLVMBuildAdd(b, biased, odd, ""), constant(&x, 13), "");
    LLVMValueRef shift    = irb_real(LLVMTypeOf(value), 0.5);
    LLVMValueRef sum      = LLVMBuildFAdd(b, as_float(e, b, x.magnitude), shift, "");
    LLVMValueRef small    = LLVMBuildSub(b, LLVMBuildBitCast(b, sum, wide, ""), constant(&x, 126u << 23), "");
    LLVMValueRef nan      = LLVMBuildICmp(b, LLVMIntUGT, x.magnitude, constant(&x, 0x7f800000), "");
    LLVMValueRef large    = LLVMBuildSelect(b, nan, constant(&x, 0x7e00), constant(&x, 0x7c00), "");
    LLVMValueRef is_small = LLVMBuildICmp(b, LLVMIntULT, x.magnitude, constant(&x, (127 - 14) << 23), "");
    LLVMValueRef is_large = LLVMBuildICmp(b, LLVMIntUGE, x.magnitude, constant(&x, (127 + 16) << 23), "");
    LLVMValueRef out      = LLVMBuildSelect(b, is_large, large, LLVMBuildSelect(b, is_small, small, normal, ""), "");
    out                   = LLVMBuildOr(b, out, LLVMBuildLShr(b, x.sign, constant(&x, 16), ""), "");
    return LLVMBuildTrunc(b, out, irb_with_elem(wide, e->t_i16), "");
}

/* ---- bf16, the upper half of f32 ------------------------------------------------------------------------------------------------ */

static LLVMValueRef narrow_bf16(const Emit *e, LLVMBuilderRef b, LLVMValueRef value) {
    LLVMTypeRef  wide = irb_with_elem(LLVMTypeOf(value), e->t_i32);
    LLVMValueRef bits = LLVMBuildBitCast(b, value, wide, ""), sixteen = irb_int(wide, 16);
    LLVMValueRef odd  = LLVMBuildAnd(b, LLVMBuildLShr(b, bits, sixteen, ""), irb_int(wide, 1), "");
    LLVMValueRef up   = LLVMBuildAdd(b, LLVMBuildAdd(b, bits, irb_int(wide, 0x7fff), ""), odd, "");
    LLVMValueRef nan  = LLVMBuildOr(b, bits, irb_int(wide, 0x400000), "");
    LLVMValueRef is   = LLVMBuildFCmp(b, LLVMRealUNO, value, value, "");
    LLVMValueRef kept = LLVMBuildLShr(b, LLVMBuildSelect(b, is, nan, up, ""), sixteen, "");
    return LLVMBuildTrunc(b, kept, irb_with_elem(wide, e->t_i16), "");
}

/* ---- the interface ---------------------------------------------------------------------------------------------------------------- */

LLVMValueRef narrow_load(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef bits) {
    LLVMTypeRef type = LLVMTypeOf(bits);
    if (elem == ELEM_BF16) {
        LLVMTypeRef wide = irb_with_elem(type, e->t_i32);
        return as_float(e, b, LLVMBuildShl(b, LLVMBuildZExt(b, bits, wide, ""), irb_int(wide, 16), ""));
    }
    if (!e->target->has_f16) return widen_f16(e, b, bits);
    LLVMValueRef half = LLVMBuildBitCast(b, bits, irb_with_elem(type, e->t_f16), "");
    return LLVMBuildFPExt(b, half, irb_with_elem(type, e->t_f32), "");
}

LLVMValueRef narrow_store(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef value) {
    LLVMTypeRef type = LLVMTypeOf(value);
    if (elem == ELEM_BF16) return narrow_bf16(e, b, value);
    if (!e->target->has_f16) return narrow_f16(e, b, value);
    LLVMValueRef half = LLVMBuildFPTrunc(b, value, irb_with_elem(type, e->t_f16), "");
    return LLVMBuildBitCast(b, half, irb_with_elem(type, e->t_i16), "");
}

LLVMValueRef narrow_round(const Emit *e, LLVMBuilderRef b, ElemType elem, LLVMValueRef value) {
    return narrow_load(e, b, elem, narrow_store(e, b, elem, value));
}

/* Rounded to odd: an inexact result gets a last bit of 1, so that rounding it once more rounds the f64. */
LLVMValueRef narrow_from_f64(const Emit *e, LLVMBuilderRef b, LLVMValueRef value) {
    LLVMTypeRef  type = irb_with_elem(LLVMTypeOf(value), e->t_f32), wide = irb_with_elem(type, e->t_i32);
    LLVMValueRef nearest = LLVMBuildFPTrunc(b, value, type, "");
    LLVMValueRef back    = LLVMBuildFPExt(b, nearest, LLVMTypeOf(value), "");
    LLVMValueRef inexact = LLVMBuildFCmp(b, LLVMRealONE, back, value, "");
    LLVMValueRef size    = irb_intrinsic(b, "llvm.fabs", LLVMTypeOf(value), &value, 1);
    LLVMValueRef reached = irb_intrinsic(b, "llvm.fabs", LLVMTypeOf(value), &back, 1);
    LLVMValueRef above   = LLVMBuildZExt(b, LLVMBuildFCmp(b, LLVMRealOGT, reached, size, ""), wide, "");
    LLVMValueRef bits    = LLVMBuildBitCast(b, nearest, wide, "");
    LLVMValueRef odd     = LLVMBuildOr(b, LLVMBuildSub(b, bits, above, ""), irb_int(wide, 1), "");
    return as_float(e, b, LLVMBuildSelect(b, inexact, odd, bits, ""));
}
