/* Vector math as LLVM IR: each function's algorithm, domain and error in ulp stand above its emitter. Works on float and
 * double, scalars and vectors; no libm call, no table. */
#ifndef NNC_CODEGEN_VMATH_H
#define NNC_CODEGEN_VMATH_H

#include <llvm-c/Core.h>

#include "codegen/target.h"
#include "ops/lower.h"

/* EXP, EXPM1, LOG, LOG1P, SIN, COS, TANH, ERF, ERFC, RSQRT (one operand), POW (two). Others are plain instructions and a BUG
 * here. Small functions are emitted in place; large ones become one shared internal function a type in the module. */
LLVMValueRef vmath_emit(LLVMBuilderRef builder, const Target *target, MathFn fn, LLVMValueRef x, LLVMValueRef y);

/* Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011): element `index` (i64 scalar or vector)
 * under a 128-bit key-and-counter made of (seed, key, pass), as uniform [0, 1) or standard normal (Box-Muller) of `type`. */
LLVMValueRef vmath_uniform(LLVMBuilderRef builder, const Target *target, LLVMTypeRef type, LLVMValueRef seed,
                           LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index);
LLVMValueRef vmath_normal(LLVMBuilderRef builder, const Target *target, LLVMTypeRef type, LLVMValueRef seed,
                          LLVMValueRef key, LLVMValueRef pass, LLVMValueRef index);

/* x / y by an estimate of 1 / y (14 bits) and a Newton step: 1 ulp, for y from 2^-100 to 2^126 and |x / y| below 2^126, |x| from 2^-100 on or 0;
 * y above that counts as 2^126, NaN stays NaN, and what is too large for a float becomes NaN. For vectors and targets that vmath_has_quotient
 * tells: others divide. */
bool         vmath_has_quotient(const Target *target, LLVMTypeRef type);
LLVMValueRef vmath_quotient(LLVMBuilderRef builder, const Target *target, LLVMValueRef x, LLVMValueRef y);

#endif
