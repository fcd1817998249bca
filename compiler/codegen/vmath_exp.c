/* Exponentials and logarithms: exp, expm1, log, log1p, pow. Errors are the worst seen in tests/unit/test_vmath.c, which
 * asserts them, in units in the last place of the result's type. Results below the least normal number are 0. */
#include <math.h>

#include "codegen/vmath_internal.h"

/* exp(r) = 1 + r + r^2 P(r) on |r| <= log 2 / 2: a Chebyshev fit of P with an error of 2^-27 in exp (float), and 1/k! from k = 2 on
 * to degree 13, with one of 2^-57. */
static const double exp_fit[]   = {0.5, 0.1666657685, 0.04166655444, 0.008363202972, 0.001392621347};
static const double exp_terms[] = {1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
                                   1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
                                   1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0};

/* log 2 in two parts; the first has few bits, so that its product with any exponent is exact. */
static double ln2_high(const VMath *m) {
    return m->is_double ? 6.93147180369123816490e-01 : 0.693359375;
}

static double ln2_low(const VMath *m) {
    return m->is_double ? 1.90821492927058770002e-10 : -2.12194440e-4;
}

/* Adding 1.5 * 2^(mantissa bits) rounds to an integer and leaves it in the low bits. */
static double rounding_constant(const VMath *m) {
    return m->is_double ? 0x1.8p52 : 0x1.8p23;
}

static LLVMValueRef to_exponent(const VMath *m, LLVMValueRef bits) {
    return LLVMBuildShl(m->b, bits, irb_int(m->bits, m->is_double ? 52 : 23), "");
}

/* x = n log 2 + r, |r| <= log 2 / 2; n also as the low bits of *bits. */
static LLVMValueRef reduce_powers(const VMath *m, LLVMValueRef x, LLVMValueRef *n, LLVMValueRef *bits) {
    LLVMValueRef magic = vm_real(m, rounding_constant(m));
    LLVMValueRef t     = vm_fma(m, x, vm_real(m, 1.44269504088896340736), magic);
    *n                 = vm_sub(m, t, magic);
    *bits              = vm_to_bits(m, t);
    LLVMValueRef r     = vm_fma(m, *n, vm_real(m, -ln2_high(m)), x);
    return vm_fma(m, *n, vm_real(m, -ln2_low(m)), r);
}

/* P(r) above. */
static LLVMValueRef exp_poly(const VMath *m, LLVMValueRef r) {
    return m->is_double ? vm_poly(m, r, exp_terms, 12) : vm_poly(m, r, exp_fit, 5);
}

static LLVMValueRef expm1_reduced(const VMath *m, LLVMValueRef r) {
    return vm_fma(m, vm_mul(m, r, r), exp_poly(m, r), r);
}

/* 2^n y by the instruction of AVX-512 that does it, with overflow and underflow. */
static LLVMValueRef scaled_by_power(const VMath *m, LLVMValueRef y, LLVMValueRef n) {
    LLVMContextRef context = irb_context(m->b);
    LLVMTypeRef    mask    = LLVMIntTypeInContext(context, (unsigned)irb_lanes(m->type));
    LLVMValueRef   args[]  = {y, n, y, LLVMConstAllOnes(mask), LLVMConstInt(LLVMInt32TypeInContext(context), 4, false)};
    const char    *name    = m->is_double ? "llvm.x86.avx512.mask.scalef.pd.512" : "llvm.x86.avx512.mask.scalef.ps.512";
    return irb_intrinsic(m->b, name, NULL, args, 5);
}

/* exp: (1 + r (1 + r P(r))) 2^n. All x; +-inf, NaN; overflow inf, underflow 0. float 1.0 ulp, double 1.0 ulp. */
LLVMValueRef vm_exp(const VMath *m, LLVMValueRef x) {
    double       most   = m->is_double ? 709.78271289338397 : 88.7228317f;
    double       least  = m->is_double ? -708.39641853226408 : -87.3365402f;
    bool         scales = m->target->vector_bytes == 64 && irb_lanes(m->type) * irb_elem_bytes(m->type) == 64;
    LLVMValueRef n, bits, one = vm_real(m, 1);
    LLVMValueRef inside = scales ? vm_at_least(m, vm_at_most(m, x, 2 * most), 2 * least) : x;
    LLVMValueRef r      = reduce_powers(m, inside, &n, &bits);
    LLVMValueRef y      = m->target->has_fma ? vm_fma(m, vm_fma(m, exp_poly(m, r), r, one), r, one)
                                             : vm_add(m, expm1_reduced(m, r), one); /* which rounds less then */
    if (scales) return scaled_by_power(m, y, n);
    LLVMValueRef scaled = vm_from_bits(m, LLVMBuildAdd(m->b, vm_to_bits(m, y), to_exponent(m, bits), ""));
    LLVMValueRef beyond = vm_add(m, x, vm_real(m, INFINITY)); /* inf, or NaN */
    scaled              = vm_select(m, vm_cmp(m, LLVMRealOLE, x, most), scaled, beyond);
    return vm_select(m, vm_cmp(m, LLVMRealOLT, x, least), vm_real(m, 0), scaled);
}

/* expm1: 2 (2^(n-1) expm1(r) + (2^(n-1) - 1/2)). All x. float 1.5 ulp, double 1.5 ulp. */
LLVMValueRef vm_expm1(const VMath *m, LLVMValueRef x) {
    LLVMValueRef n, bits;
    LLVMValueRef inside = vm_at_least(m, vm_at_most(m, x, m->is_double ? 710 : 89), m->is_double ? -40 : -18);
    LLVMValueRef r      = reduce_powers(m, inside, &n, &bits);
    LLVMValueRef p      = expm1_reduced(m, r);
    LLVMValueRef half   = irb_int(m->bits, m->is_double ? 0x3fe0000000000000u : 0x3f000000u);
    LLVMValueRef scale  = vm_from_bits(m, LLVMBuildAdd(m->b, to_exponent(m, bits), half, ""));
    LLVMValueRef y      = vm_fma(m, p, scale, vm_sub(m, scale, vm_real(m, 0.5)));
    return vm_add(m, y, y);
}

/* ---- logarithms ---- */

/* Normal x > 0 = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2). e as a float. */
static LLVMValueRef split_exponent(const VMath *m, LLVMValueRef x, LLVMValueRef *e) {
    LLVMBuilderRef b         = m->b;
    uint64_t       one       = m->is_double ? 0x3ff0000000000000u : 0x3f800000u;
    uint64_t       root_half = m->is_double ? 0x3fe6a09e667f3bcdu : 0x3f3504f3u;
    int            bias      = m->is_double ? 1023 : 127;
    LLVMValueRef   bits = vm_to_bits(m, x), width = irb_int(m->bits, m->is_double ? 52 : 23);
    LLVMValueRef   shifted  = LLVMBuildAdd(b, bits, irb_int(m->bits, one - root_half), "");
    LLVMValueRef   biased   = LLVMBuildLShr(b, shifted, width, "");
    LLVMValueRef   n        = LLVMBuildSub(b, biased, irb_int(m->bits, (uint64_t)bias), "");
    LLVMValueRef   mantissa = LLVMBuildSub(b, bits, LLVMBuildShl(b, n, width, ""), "");
    if (m->is_double) { /* few targets convert 64-bit integers: by way of the rounding constant */
        double       magic = rounding_constant(m);
        LLVMValueRef moved = LLVMBuildAdd(b, biased, vm_to_bits(m, vm_real(m, magic)), "");
        *e                 = vm_sub(m, vm_from_bits(m, moved), vm_real(m, magic + bias));
    } else {
        *e = LLVMBuildSIToFP(b, n, m->type, "");
    }
    return vm_sub(m, vm_from_bits(m, mantissa), vm_real(m, 1));
}

static double least_normal(const VMath *m) {
    return m->is_double ? 0x1p-1022 : 0x1p-126;
}

/* log's values at and beyond the ends of its domain. */
static LLVMValueRef log_ends(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    y = vm_select(m, vm_cmp(m, LLVMRealOLT, x, INFINITY), y, x);
    y = vm_select(m, vm_cmp(m, LLVMRealOLT, x, least_normal(m)), vm_real(m, -INFINITY), y);
    return vm_select(m, vm_cmp(m, LLVMRealOLT, x, 0), vm_real(m, NAN), y);
}

/* log(1 + f) = f - f^2/2 + f^3 P(f): Cephes logf (Moshier). */
static LLVMValueRef log_float(const VMath *m, LLVMValueRef f, LLVMValueRef e) {
    static const double p[] = {3.3333331174E-1,  -2.4999993993E-1, 2.0000714765E-1,  -1.6668057665E-1, 1.4249322787E-1,
                               -1.2420140846E-1, 1.1676998740E-1,  -1.1514610310E-1, 7.0376836292E-2};
    LLVMValueRef        z   = vm_mul(m, f, f);
    LLVMValueRef        y   = vm_mul(m, vm_mul(m, f, z), vm_poly(m, f, p, 9));
    y                       = vm_fma(m, e, vm_real(m, ln2_low(m)), y);
    y                       = vm_fma(m, z, vm_real(m, -0.5), y);
    return vm_fma(m, e, vm_real(m, ln2_high(m)), vm_add(m, f, y));
}

/* s = f / (2 + f), log(1 + f) = f - f^2/2 + s (f^2/2 + R(s^2)): FDLIBM's e_log.c (Sun Microsystems). */
static LLVMValueRef log_remainder(const VMath *m, LLVMValueRef f, LLVMValueRef half_square) {
    static const double r[] = {6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01,
                               2.222219843214978396e-01, 1.818357216161805012e-01, 1.531383769920937332e-01,
                               1.479819860511658591e-01};
    LLVMValueRef        s   = vm_div(m, f, vm_add(m, f, vm_real(m, 2)));
    LLVMValueRef        z   = vm_mul(m, s, s);
    return vm_mul(m, s, vm_fma(m, z, vm_poly(m, z, r, 7), half_square));
}

static LLVMValueRef log_double(const VMath *m, LLVMValueRef f, LLVMValueRef e) {
    LLVMValueRef half_square = vm_mul(m, vm_mul(m, f, f), vm_real(m, 0.5));
    LLVMValueRef rest        = vm_fma(m, e, vm_real(m, ln2_low(m)), log_remainder(m, f, half_square));
    LLVMValueRef y           = vm_sub(m, f, vm_sub(m, half_square, rest));
    return vm_fma(m, e, vm_real(m, ln2_high(m)), y);
}

static LLVMValueRef log_inside(const VMath *m, LLVMValueRef x) {
    LLVMValueRef e, f = split_exponent(m, x, &e);
    return m->is_double ? log_double(m, f, e) : log_float(m, f, e);
}

/* log: log(0) = -inf, log(x < 0) = NaN, log(inf) = inf; subnormal x count as 0, by cells where the processor
 * takes them for 0, as it does in a step. float 1.0 ulp, double 1.0 ulp. */
LLVMValueRef vm_log(const VMath *m, LLVMValueRef x) {
    if (vm_has_cells(m)) return vm_log_by_cells(m, x);
    return log_ends(m, x, log_inside(m, x));
}

/* log1p: log(u) + (x - (u - 1)) / u with u = 1 + x rounded. float 2.0 ulp, double 2.0 ulp. */
LLVMValueRef vm_log1p(const VMath *m, LLVMValueRef x) {
    LLVMValueRef u     = vm_add(m, x, vm_real(m, 1));
    LLVMValueRef lost  = vm_sub(m, x, vm_sub(m, u, vm_real(m, 1)));
    LLVMValueRef close = vm_add(m, log_inside(m, u), vm_div(m, lost, u));
    return log_ends(m, u, close);
}

/* ---- pow ---- */

/* log x for x > 0 as an unevaluated sum: high has half of the mantissa, so that its product with half of another is exact. */
static LLVMValueRef log_in_two(const VMath *m, LLVMValueRef x, LLVMValueRef *low) {
    LLVMValueRef e, f = split_exponent(m, x, &e);
    LLVMValueRef half_square = vm_mul(m, vm_mul(m, f, f), vm_real(m, 0.5));
    LLVMValueRef keep        = irb_int(m->bits, 0xffffffff00000000u);
    LLVMValueRef rough       = vm_sub(m, f, half_square);
    LLVMValueRef high        = vm_from_bits(m, LLVMBuildAnd(m->b, vm_to_bits(m, rough), keep, ""));
    LLVMValueRef rest        = vm_add(m, vm_sub(m, vm_sub(m, f, high), half_square), log_remainder(m, f, half_square));
    LLVMValueRef whole       = vm_mul(m, e, vm_real(m, ln2_high(m)));
    LLVMValueRef sum         = vm_add(m, whole, high);
    LLVMValueRef error       = vm_sub(m, high, vm_sub(m, sum, whole)); /* |whole| > |high| or whole = 0 */
    *low                     = vm_add(m, vm_fma(m, e, vm_real(m, ln2_low(m)), rest), error);
    LLVMValueRef top         = vm_from_bits(m, LLVMBuildAnd(m->b, vm_to_bits(m, sum), keep, ""));
    *low                     = vm_add(m, *low, vm_sub(m, sum, top));
    return top;
}

/* exp(y log a), a > 0, in double: y log a = high + low, exp(high) (1 + low). */
static LLVMValueRef power_of_positive(const VMath *m, LLVMValueRef a, LLVMValueRef y) {
    LLVMValueRef log_low, log_high = log_in_two(m, a, &log_low);
    LLVMValueRef bounded = vm_at_least(m, vm_at_most(m, y, 1e300), -1e300); /* inf * 0 must not be NaN for a = 1 */
    LLVMValueRef keep    = irb_int(m->bits, 0xfffffffff8000000u);
    LLVMValueRef y_high  = vm_from_bits(m, LLVMBuildAnd(m->b, vm_to_bits(m, bounded), keep, ""));
    LLVMValueRef y_low   = vm_sub(m, bounded, y_high);
    LLVMValueRef high    = vm_mul(m, y_high, log_high);
    LLVMValueRef low     = vm_fma(m, y_low, log_high, vm_mul(m, bounded, log_low));
    LLVMValueRef sum     = vm_add(m, high, low);
    LLVMValueRef lost    = vm_add(m, vm_sub(m, high, sum), low);
    LLVMValueRef value   = vm_exp(m, sum);
    LLVMValueRef better  = vm_fma(m, value, lost, value);
    LLVMValueRef regular =
        LLVMBuildAnd(m->b, vm_cmp(m, LLVMRealOLT, vm_abs(m, sum), 745), vm_cmp(m, LLVMRealOLT, value, INFINITY), "");
    return vm_select(m, regular, better, value);
}

static LLVMValueRef intrinsic1(const VMath *m, const char *name, LLVMValueRef x) {
    return irb_intrinsic(m->b, name, m->type, &x, 1);
}

/* Values for a base that is 0 or infinite: 0, inf or (y = 0, later) 1. */
static LLVMValueRef power_of_end(const VMath *m, LLVMValueRef a, LLVMValueRef y) {
    LLVMValueRef zero_base = vm_cmp(m, LLVMRealOLT, a, 1), down = vm_cmp(m, LLVMRealOLT, y, 0);
    LLVMValueRef infinite = LLVMBuildICmp(m->b, LLVMIntEQ, zero_base, down, "");
    return vm_select(m, infinite, vm_real(m, INFINITY), vm_real(m, 0));
}

/* pow in double, with C's values for zero, infinite and negative bases. */
static LLVMValueRef pow_anywhere(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    LLVMBuilderRef b = m->b;
    LLVMValueRef   a = vm_abs(m, x);
    LLVMValueRef   end =
        LLVMBuildOr(b, vm_cmp(m, LLVMRealOLT, a, least_normal(m)), vm_cmp(m, LLVMRealOEQ, a, INFINITY), "");
    LLVMValueRef value   = vm_select(m, end, power_of_end(m, a, y), power_of_positive(m, a, y));
    LLVMValueRef whole   = LLVMBuildFCmp(b, LLVMRealOEQ, intrinsic1(m, "llvm.floor", y), y, "");
    LLVMValueRef halved  = vm_mul(m, y, vm_real(m, 0.5));
    LLVMValueRef uneven  = LLVMBuildFCmp(b, LLVMRealONE, intrinsic1(m, "llvm.floor", halved), halved, "");
    LLVMValueRef odd     = LLVMBuildAnd(b, whole, uneven, "");
    LLVMValueRef below   = vm_cmp(m, LLVMRealOLT, x, 0);
    LLVMValueRef finite  = vm_cmp(m, LLVMRealOGT, x, -INFINITY);
    LLVMValueRef no_root = LLVMBuildAnd(b, LLVMBuildAnd(b, below, finite, ""), LLVMBuildNot(b, whole, ""), "");
    value                = vm_select(m, odd, vm_copysign(m, value, x), value);
    value                = vm_select(m, no_root, vm_real(m, NAN), value);
    value                = vm_select(m, LLVMBuildFCmp(b, LLVMRealUNO, x, y, ""), vm_add(m, x, y), value);
    LLVMValueRef unit    = LLVMBuildOr(b, vm_cmp(m, LLVMRealOEQ, y, 0), vm_cmp(m, LLVMRealOEQ, x, 1), "");
    return vm_select(m, unit, vm_real(m, 1), value);
}

/* One power: where neither end nor sign is to be looked after, as for the decay of an average, that is left out by a branch. */
static LLVMValueRef pow_alone(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    LLVMBuilderRef b = m->b;
    LLVMValueRef   normal =
        LLVMBuildAnd(b, vm_cmp(m, LLVMRealOGE, x, least_normal(m)), vm_cmp(m, LLVMRealOLT, x, INFINITY), "");
    LLVMValueRef      usual = LLVMBuildAnd(b, normal, vm_cmp(m, LLVMRealOLT, vm_abs(m, y), 1e300), ""), values[2];
    LLVMBasicBlockRef blocks[2];
    Branch            branch = branch_begin(b, usual);
    values[0]                = power_of_positive(m, x, y);
    blocks[0]                = LLVMGetInsertBlock(b);
    branch_else(&branch, b);
    values[1] = pow_anywhere(m, x, y);
    blocks[1] = LLVMGetInsertBlock(b);
    branch_end(&branch, b);
    LLVMValueRef value = LLVMBuildPhi(b, m->type, "");
    LLVMAddIncoming(value, values, blocks, 2);
    return value;
}

static LLVMValueRef pow_double(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    return irb_lanes(m->type) == 1 ? pow_alone(m, x, y) : pow_anywhere(m, x, y);
}

/* pow: exp(y log x) with the logarithm and the product kept in two parts; float by way of double. C's special values.
 * float 1.0 ulp, double 4.0 ulp. */
LLVMValueRef vm_pow(const VMath *m, LLVMValueRef x, LLVMValueRef y) {
    if (m->is_double) return pow_double(m, x, y);
    LLVMTypeRef  wide_type = irb_with_elem(m->type, LLVMDoubleTypeInContext(irb_context(m->b)));
    VMath        wide      = vm_new(m->b, m->target, wide_type);
    LLVMValueRef value =
        pow_double(&wide, LLVMBuildFPExt(m->b, x, wide_type, ""), LLVMBuildFPExt(m->b, y, wide_type, ""));
    return LLVMBuildFPTrunc(m->b, value, m->type, "");
}
