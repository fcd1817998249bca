/* sin, cos, tanh, erf, erfc. Errors are the worst seen in tests/unit/test_vmath.c, which asserts them, in units in the last
 * place of the result's type. */
#include <math.h>

#include "codegen/vmath_internal.h"

/* x = n pi/2 + r: the parts of pi/2 have few bits, so that their products with n are exact. */
static LLVMValueRef reduce_quarter_turns(const VMath *m, LLVMValueRef x, LLVMValueRef *quadrant) {
    static const double parts[2][3] = {
        {1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8},
        {1.57079632673412561417e+00, 6.07710050630396597660e-11, 2.02226624879595063154e-21},
    };
    LLVMValueRef magic = vm_real(m, m->is_double ? 0x1.8p52 : 0x1.8p23);
    LLVMValueRef t     = vm_fma(m, x, vm_real(m, 0.63661977236758134308), magic);
    LLVMValueRef n     = vm_sub(m, t, magic);
    LLVMValueRef r     = x;
    for (int i = 0; i < 3; i++) r = vm_fma(m, n, vm_real(m, -parts[m->is_double][i]), r);
    *quadrant = vm_to_bits(m, t);
    return r;
}

/* On |r| <= pi/4: Cephes sinf, cosf (Moshier) and FDLIBM k_sin.c, k_cos.c (Sun Microsystems). */
static const double sin_float[]  = {-1.6666654611E-1, 8.3321608736E-3, -1.9515295891E-4};
static const double cos_float[]  = {4.166664568298827E-2, -1.388731625493765E-3, 2.443315711809948E-5};
static const double sin_double[] = {-1.66666666666666324348e-01, 8.33333333332248946124e-03,
                                    -1.98412698298579493134e-04, 2.75573137070700676789e-06,
                                    -2.50507602534068634195e-08, 1.58969099521155010221e-10};
static const double cos_double[] = {4.16666666666666019037e-02, -1.38888888888741095749e-03,
                                    2.48015872894767294178e-05, -2.75573143513906633035e-07,
                                    2.08757232129817482790e-09, -1.13596475577881948265e-11};

static LLVMValueRef in_quadrant(const VMath *m, LLVMValueRef quadrant, LLVMValueRef even, LLVMValueRef odd) {
    LLVMBuilderRef b     = m->b;
    LLVMValueRef   one   = LLVMBuildAnd(b, quadrant, irb_int(m->bits, 1), "");
    LLVMValueRef   value = vm_select(m, LLVMBuildICmp(b, LLVMIntNE, one, irb_int(m->bits, 0), ""), odd, even);
    LLVMValueRef   two   = LLVMBuildAnd(b, quadrant, irb_int(m->bits, 2), "");
    LLVMValueRef   sign  = LLVMBuildShl(b, two, irb_int(m->bits, m->is_double ? 62 : 30), "");
    return vm_from_bits(m, LLVMBuildXor(b, vm_to_bits(m, value), sign, ""));
}

void vm_sincos_reduced(const VMath *m, LLVMValueRef r, LLVMValueRef quadrant, LLVMValueRef *sine,
                       LLVMValueRef *cosine) {
    LLVMValueRef z     = vm_mul(m, r, r);
    LLVMValueRef s     = vm_poly(m, z, m->is_double ? sin_double : sin_float, m->is_double ? 6 : 3);
    LLVMValueRef c     = vm_poly(m, z, m->is_double ? cos_double : cos_float, m->is_double ? 6 : 3);
    LLVMValueRef sin_r = vm_fma(m, vm_mul(m, s, z), r, r);
    LLVMValueRef half  = vm_mul(m, z, vm_real(m, 0.5));
    LLVMValueRef w     = vm_sub(m, vm_real(m, 1), half); /* and what its rounding lost */
    LLVMValueRef lost  = vm_sub(m, vm_sub(m, vm_real(m, 1), w), half);
    LLVMValueRef cos_r = vm_add(m, w, vm_fma(m, vm_mul(m, z, z), c, lost));
    if (sine) *sine = in_quadrant(m, quadrant, sin_r, cos_r);
    LLVMValueRef next = LLVMBuildAdd(m->b, quadrant, irb_int(m->bits, 1), ""); /* cos x = sin(x + pi/2) */
    if (cosine) *cosine = in_quadrant(m, next, sin_r, cos_r);
}

/* sin, cos: |x| <= 2^13 (float) or 2^19 (double), where reduction is exact; beyond, vmath_far.c; inf gives NaN.
 * float 1.5 ulp, double 2.5 ulp. */
void vm_sincos(const VMath *m, LLVMValueRef x, LLVMValueRef *sine, LLVMValueRef *cosine) {
    LLVMValueRef quadrant, r = reduce_quarter_turns(m, x, &quadrant);
    vm_sincos_reduced(m, r, quadrant, sine, cosine);
}

/* tanh: t / (t + 2) with t = expm1(2 |x|); |x| cut where the result is 1. All x. float 2.5 ulp, double 2.5 ulp. */
LLVMValueRef vm_tanh(const VMath *m, LLVMValueRef x) {
    if (vm_has_cells(m)) return vm_tanh_by_cells(m, x);
    LLVMValueRef a = vm_at_most(m, vm_abs(m, x), m->is_double ? 20 : 10);
    LLVMValueRef t = vm_expm1(m, vm_add(m, a, a));
    return vm_copysign(m, vm_div(m, t, vm_add(m, t, vm_real(m, 2))), x);
}

/* erf(x) = x + x P(x^2) on |x| <= 1: Chebyshev fits with errors below 4e-11 and 3e-21. */
static LLVMValueRef erf_center(const VMath *m, LLVMValueRef x) {
    static const double single[] = {0.1283791671,   -0.3761263847,    0.112837825,     -0.02686543073,
                                    0.005221031808, -0.0008484080406, 0.0001126595903, -9.667044571e-6};
    static const double twice[]  = {0.1283791670955125739,     -0.37612638903183752379,     0.11283791670955120236,
                                    -0.026866170645129840806,  0.0052239776254232983087,    -0.00085483270219348295955,
                                    0.0001205533290288873541,  -0.000014925647567519332125, 1.6462045441468418937e-6,
                                    -1.6364642158167615302e-7, 1.4792401209404813002e-8,    -1.2164560057283450081e-9,
                                    8.7090451290531066896e-11, -4.2309458242953378173e-12};
    LLVMValueRef        z        = vm_mul(m, x, x);
    return vm_fma(m, x, vm_poly(m, z, m->is_double ? twice : single, m->is_double ? 14 : 8), x);
}

/* What a^2, rounded to `square`, lost: exactly where the target fuses, else by splitting a in halves (Dekker). */
static LLVMValueRef lost_of_square(const VMath *m, LLVMValueRef a, LLVMValueRef square) {
    LLVMValueRef minus = vm_sub(m, vm_real(m, 0), square);
    if (m->target->has_fma) return vm_fma(m, a, a, minus);
    LLVMValueRef keep = irb_int(m->bits, m->is_double ? 0xfffffffff8000000u : 0xfffff000u);
    LLVMValueRef high = vm_from_bits(m, LLVMBuildAnd(m->b, vm_to_bits(m, a), keep, ""));
    LLVMValueRef low  = vm_sub(m, a, high);
    LLVMValueRef sum  = vm_add(m, vm_mul(m, high, high), minus);
    LLVMValueRef both = vm_mul(m, high, low);
    return vm_add(m, vm_add(m, sum, vm_add(m, both, both)), vm_mul(m, low, low));
}

/* erfc(a): exp(-a^2) g(t) / (a + c), t = (a - c) / (a + c): one polynomial for the whole tail, fitted on [0, 11] with c = 2 (float) and,
 * for a >= 1/2 only, on [1/2, 28] with c = 3 (double); relative errors below 8e-9 and 1e-18. */
static LLVMValueRef erfc_tail(const VMath *m, LLVMValueRef a) {
    static const double single[] = {1.02158271,       -0.6871607126,  0.279471707,   -0.03644145165,
                                    -0.02150499301,   0.006474109199, 0.00305958398, -0.0008289752417,
                                    -0.0005877060044, 4.563215114e-5, 6.730490577e-5};
    static const double twice[]  = {
        1.0740069070883397018,       -0.88339445316988366358,    0.59022835710410191507,    -0.31046726190056228203,
        0.11952776128728534347,      -0.026827234624690047382,   -0.0012124166270632898968, 0.0030340620049984029871,
        -0.00054830969445825575658,  -0.00027677788275363708217, 0.00010756151837695237844, 0.000030398366366444850271,
        -0.000017470794674917209819, -4.7499036800309273158e-6,  2.7663973687135480685e-6,  1.0002071530355368351e-6,
        -4.1068637555846650869e-7,   -2.3472793887867730897e-7,  5.048301671704242191e-8,   5.042345163513127048e-8,
        -5.0275558980546636136e-9,   -7.0534654496338236581e-9,  7.573538166260855102e-10};
    LLVMValueRef c       = vm_real(m, m->is_double ? 3 : 2);
    LLVMValueRef near    = vm_at_most(m, a, m->is_double ? 28 : 11);
    LLVMValueRef inverse = vm_div(m, vm_real(m, 1), vm_add(m, near, c));
    LLVMValueRef t       = vm_mul(m, vm_sub(m, near, c), inverse);
    LLVMValueRef g       = vm_poly(m, t, m->is_double ? twice : single, m->is_double ? 23 : 11);
    LLVMValueRef square  = vm_mul(m, near, near);
    LLVMValueRef power   = vm_exp(m, vm_sub(m, vm_real(m, 0), square));
    LLVMValueRef value   = vm_mul(m, power, vm_mul(m, g, inverse));
    LLVMValueRef lost    = lost_of_square(m, near, square);
    return vm_sub(m, value, vm_mul(m, value, lost));
}

/* erf: its series inside |x| <= 1, 1 - erfc(|x|) with x's sign outside. All x. float 1.5 ulp, double 1.5 ulp. */
LLVMValueRef vm_erf(const VMath *m, LLVMValueRef x) {
    if (vm_has_cells(m)) return vm_erf_by_cells(m, x);
    LLVMValueRef a       = vm_abs(m, x);
    LLVMValueRef outside = vm_copysign(m, vm_sub(m, vm_real(m, 1), erfc_tail(m, a)), x);
    return vm_select(m, vm_cmp(m, LLVMRealOLE, a, 1), erf_center(m, x), outside);
}

/* erfc: relatively exact in the right tail, as GELU needs it; 2 - erfc(-x) left of 0; in double 1 - erf(x) within 1/2 of it.
 * All x; 0 where the result is below the least normal number. float 4.5 ulp, double 5.5 ulp. */
LLVMValueRef vm_erfc_anywhere(const VMath *m, LLVMValueRef x) {
    LLVMValueRef a = vm_abs(m, x), tail = erfc_tail(m, a);
    LLVMValueRef left = vm_sub(m, vm_real(m, 2), tail);
    LLVMValueRef ends = vm_select(m, vm_cmp(m, LLVMRealOLT, x, 0), left, tail);
    if (!m->is_double) return ends;
    LLVMValueRef center = vm_sub(m, vm_real(m, 1), erf_center(m, x));
    return vm_select(m, vm_cmp(m, LLVMRealOLT, a, 0.5), center, ends);
}

LLVMValueRef vm_erfc(const VMath *m, LLVMValueRef x) {
    return vm_has_cells(m) ? vm_erfc_by_cells(m, x) : vm_erfc_anywhere(m, x);
}
