/* Shared by vmath's files: short names for arithmetic on values of one float type, scalar or vector. */
#ifndef NNC_CODEGEN_VMATH_INTERNAL_H
#define NNC_CODEGEN_VMATH_INTERNAL_H

#include "codegen/irb.h"
#include "codegen/vmath.h"

typedef struct VMath {
    LLVMBuilderRef b;
    const Target  *target;
    LLVMTypeRef    type, bits; /* floats; integers of the same width */
    bool           is_double;
} VMath;

VMath        vm_new(LLVMBuilderRef b, const Target *target, LLVMTypeRef type);
LLVMValueRef vm_real(const VMath *m, double value);
LLVMValueRef vm_add(const VMath *m, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef vm_sub(const VMath *m, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef vm_mul(const VMath *m, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef vm_div(const VMath *m, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef vm_fma(const VMath *m, LLVMValueRef x, LLVMValueRef y,
                    LLVMValueRef z); /* x y + z, fused where the target can */
LLVMValueRef vm_sqrt(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_abs(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_copysign(const VMath *m, LLVMValueRef magnitude, LLVMValueRef sign);
LLVMValueRef vm_cmp(const VMath *m, LLVMRealPredicate predicate, LLVMValueRef x, double y);
LLVMValueRef vm_select(const VMath *m, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y);
/* min(x, most) and max(x, least) that keep NaN. */
LLVMValueRef vm_at_most(const VMath *m, LLVMValueRef x, double most);
LLVMValueRef vm_at_least(const VMath *m, LLVMValueRef x, double least);
LLVMValueRef vm_to_bits(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_from_bits(const VMath *m, LLVMValueRef bits);
/* c[0] + c[1] x + ... + c[n - 1] x^(n - 1), by Horner's rule. */
LLVMValueRef vm_poly(const VMath *m, LLVMValueRef x, const double *c, int n);

/* The functions themselves, emitted in place. */
LLVMValueRef vm_exp(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_expm1(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_log(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_log1p(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_pow(const VMath *m, LLVMValueRef x, LLVMValueRef y);
void         vm_sincos(const VMath *m, LLVMValueRef x, LLVMValueRef *sine, LLVMValueRef *cosine);
/* r, quadrant: x less that many quarter turns, |r| <= pi/4. */
void vm_sincos_reduced(const VMath *m, LLVMValueRef r, LLVMValueRef quadrant, LLVMValueRef *sine, LLVMValueRef *cosine);
/* `near` where vm_sincos is exact; beyond, sin or cos of any finite x, at the price of a call a lane. float 0.6 ulp, double 3.5 ulp. */
LLVMValueRef vm_sincos_far(const VMath *m, bool is_cosine, LLVMValueRef x, LLVMValueRef near);
LLVMValueRef vm_tanh(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_erf(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_erfc(const VMath *m, LLVMValueRef x);

/* By cells (vmath_cells.c), where the vector and the target allow: the functions above ask. */
bool         vm_has_cells(const VMath *m);
LLVMValueRef vm_tanh_by_cells(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_log_by_cells(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_erf_by_cells(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_erfc_by_cells(const VMath *m, LLVMValueRef x);
LLVMValueRef vm_erfc_anywhere(const VMath *m, LLVMValueRef x); /* by one formula for all x */

#endif
