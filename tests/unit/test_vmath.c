/* Vector math against libm in long double: the bounds stated above the emitters, and the ends of each domain; the random
 * numbers against the published generator. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/irb.h"
#include "codegen/vmath.h"
#include "unit/jit.h"

typedef struct Row {
    MathFn      fn;
    const char *name;
    long double (*exact)(long double);
    double low_f32, high_f32, ulp_f32; /* the sweep and the stated bound */
    double low_f64, high_f64, ulp_f64;
    bool   logarithmic; /* sweep magnitudes from the least number up too */
} Row;

static long double exact_rsqrt(long double x) {
    return 1 / sqrtl(x);
}

static const Row rows[] = {
    {MATH_EXP, "exp", expl, -87.3, 88.7, 1.0, -708.3, 709.7, 1.0, true},
    {MATH_EXPM1, "expm1", expm1l, -30, 88.7, 1.5, -50, 709.7, 1.5, true},
    {MATH_LOG, "log", logl, 0, 4, 1.0, 0, 4, 1.0, true},
    {MATH_LOG1P, "log1p", log1pl, -0.9999, 4, 2.0, -0.9999, 4, 2.0, true},
    {MATH_SIN, "sin", sinl, -8192, 8192, 1.5, -500000, 500000, 2.5, true},
    {MATH_COS, "cos", cosl, -8192, 8192, 1.5, -500000, 500000, 2.5, true},
    {MATH_TANH, "tanh", tanhl, -12, 12, 2.5, -25, 25, 2.5, true},
    {MATH_ERF, "erf", erfl, -5, 5, 1.5, -7, 7, 1.5, true},
    {MATH_ERFC, "erfc", erfcl, -5, 9.1, 4.5, -7, 26.4, 5.5, true},
    {MATH_RSQRT, "rsqrt", exact_rsqrt, 0, 100, 1.5, 0, 100, 1.5, true},
};
enum { ROWS = sizeof rows / sizeof *rows, N = 1 << 14 };

typedef void Kernel(const void *x, const void *y, void *out, int64_t n);
typedef void Draw(uint64_t seed, uint64_t key, uint64_t pass, void *out, int64_t n);

static LLVMTypeRef float_type(Jit *jit, bool is_double) {
    return is_double ? LLVMDoubleTypeInContext(jit->context) : LLVMFloatTypeInContext(jit->context);
}

static LLVMBuilderRef begin_function(Jit *jit, const char *name, LLVMTypeRef *params, unsigned n) {
    LLVMTypeRef    type     = LLVMFunctionType(LLVMVoidTypeInContext(jit->context), params, n, false);
    LLVMValueRef   function = LLVMAddFunction(jit->module, name, type);
    LLVMBuilderRef b        = LLVMCreateBuilderInContext(jit->context);
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(jit->context, function, "entry"));
    return b;
}

/* out[i] = fn(x[i], y[i]) for i < n, n a multiple of the lanes. */
static void emit_kernel(Jit *jit, MathFn fn, bool is_double, int lanes, const char *name) {
    LLVMTypeRef    ptr = LLVMPointerTypeInContext(jit->context, 0), i64 = LLVMInt64TypeInContext(jit->context);
    LLVMTypeRef    params[] = {ptr, ptr, ptr, i64};
    LLVMBuilderRef b        = begin_function(jit, name, params, 4);
    LLVMValueRef   f        = irb_function(b);
    LLVMTypeRef    elem = float_type(jit, is_double), type = irb_vector_type(elem, lanes);
    Loop           loop = loop_begin(b, irb_i64(b, 0), LLVMGetParam(f, 3), irb_i64(b, lanes));
    LLVMValueRef   x    = irb_load(b, type, irb_at(b, elem, LLVMGetParam(f, 0), loop.index));
    LLVMValueRef   y    = irb_load(b, type, irb_at(b, elem, LLVMGetParam(f, 1), loop.index));
    irb_store(b, vmath_emit(b, jit->target, fn, x, y), irb_at(b, elem, LLVMGetParam(f, 2), loop.index));
    loop_end(&loop, b);
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
}

static void emit_draw(Jit *jit, bool normal, bool is_double, int lanes, const char *name) {
    LLVMTypeRef    ptr = LLVMPointerTypeInContext(jit->context, 0), i64 = LLVMInt64TypeInContext(jit->context);
    LLVMTypeRef    params[] = {i64, i64, i64, ptr, i64};
    LLVMBuilderRef b        = begin_function(jit, name, params, 5);
    LLVMValueRef   f        = irb_function(b);
    LLVMTypeRef    elem = float_type(jit, is_double), type = irb_vector_type(elem, lanes);
    Loop           loop  = loop_begin(b, irb_i64(b, 0), LLVMGetParam(f, 4), irb_i64(b, lanes));
    LLVMValueRef   index = irb_add(b, irb_splat(b, loop.index, lanes), irb_iota(i64, lanes));
    LLVMValueRef   value = (normal ? vmath_normal : vmath_uniform)(b, jit->target, type, LLVMGetParam(f, 0),
                                                                 LLVMGetParam(f, 1), LLVMGetParam(f, 2), index);
    irb_store(b, value, irb_at(b, elem, LLVMGetParam(f, 3), loop.index));
    loop_end(&loop, b);
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
}

/* ---- errors in ulp ---- */

static double ulp_error(long double exact, double got, bool is_double) {
    long double magnitude = fabsl(exact);
    int         exponent;
    long double least = is_double ? DBL_MIN : FLT_MIN;
    if (magnitude < least) return fabsl(got - exact) <= least ? 0 : INFINITY;
    frexpl(magnitude, &exponent);
    return (double)(fabsl(got - exact) / ldexpl(1, exponent - (is_double ? DBL_MANT_DIG : FLT_MANT_DIG)));
}

static double get(const void *p, bool is_double, int i) {
    return is_double ? ((const double *)p)[i] : (double)((const float *)p)[i];
}

static void set(void *p, bool is_double, int i, double x) {
    if (is_double)
        ((double *)p)[i] = x;
    else
        ((float *)p)[i] = (float)x;
}

static double worst_error(const Row *row, Kernel *kernel, bool is_double, double *worst_x) {
    static double x[N], out[N];
    double low = is_double ? row->low_f64 : row->low_f32, high = is_double ? row->high_f64 : row->high_f32, worst = 0;
    for (int sweep = 0; sweep < 3; sweep++) {
        for (int i = 0; i < N; i++) {
            double t = ((double)i + 0.37) / N, even = low + (high - low) * t;
            double tiny = is_double ? -300 : -37, size = pow(10, tiny + t * (log10(high) - tiny));
            if (sweep == 1 && low < 0 && i % 2 && size < -low) size = -size;
            double near = (sweep == 2 ? 1 : 0) + (i % 2 ? -1 : 1) * pow(2, -24 * t) * 0.5; /* about 1 and about 0 */
            set(x, is_double, i, sweep == 0 ? even : sweep == 1 ? size : near);
        }
        kernel(x, x, out, N);
        for (int i = 0; i < N; i++) {
            double error = ulp_error(row->exact(get(x, is_double, i)), get(out, is_double, i), is_double);
            if (!(error <= worst)) worst = error, *worst_x = get(x, is_double, i);
        }
    }
    return worst;
}

/* Arguments of either sign up to the largest, and the double that is closest to a multiple of pi/2 (Muller, "Elementary functions"). */
static void check_far(Jit *jit, const char *name, long double (*exact)(long double), bool is_double, int lanes) {
    static double x[N], out[N];
    double        worst = 0, at = 0, bound = is_double ? 3.5 : 1.5;
    char          symbol[64];
    for (int i = 0; i < N; i++)
        set(x, is_double, i, (i % 2 ? -1 : 1) * pow(10, 3 + (is_double ? 305 : 35.4) * (double)i / N));
    set(x, is_double, 0, is_double ? 6381956970095103.0 * 0x1p797 : 16367173.0 * 0x1p72);
    snprintf(symbol, sizeof symbol, "%s_%d_%d", name, is_double, lanes);
    ((Kernel *)jit_address(jit, symbol))(x, x, out, N);
    for (int i = 0; i < N; i++) {
        double error = ulp_error(exact(get(x, is_double, i)), get(out, is_double, i), is_double);
        if (!(error <= worst)) worst = error, at = get(x, is_double, i);
    }
    if (getenv("VMATH_PRINT"))
        printf("%-6s f%d x%-2d far: %.3f ulp at %.9g\n", name, is_double ? 64 : 32, lanes, worst, at);
    if (!(worst <= bound)) fail_msg("%s f%d x%d: %.3f ulp at %.17g", name, is_double ? 64 : 32, lanes, worst, at);
}

static void check_row(Jit *jit, const Row *row, bool is_double, int lanes) {
    char   name[64];
    double at = 0, bound = is_double ? row->ulp_f64 : row->ulp_f32;
    snprintf(name, sizeof name, "%s_%d_%d", row->name, is_double, lanes);
    double worst = worst_error(row, (Kernel *)jit_address(jit, name), is_double, &at);
    if (getenv("VMATH_PRINT"))
        printf("%-6s f%d x%-2d %.3f ulp at %.9g\n", row->name, is_double ? 64 : 32, lanes, worst, at);
    if (!(worst <= bound))
        fail_msg("%s f%d x%d: %.3f ulp at %.17g, bound %.1f", row->name, is_double ? 64 : 32, lanes, worst, at, bound);
}

/* ---- the ends of the domains ---- */

typedef struct End {
    const char *name;
    double      x, y, exact;
} End;

static const End ends[] = {
    {"exp", INFINITY, 0, INFINITY},
    {"exp", -INFINITY, 0, 0},
    {"exp", 1000, 0, INFINITY},
    {"exp", -1000, 0, 0},
    {"exp", NAN, 0, NAN},
    {"exp", 0, 0, 1},
    {"expm1", INFINITY, 0, INFINITY},
    {"expm1", -INFINITY, 0, -1},
    {"expm1", NAN, 0, NAN},
    {"expm1", 0, 0, 0},
    {"expm1", 1000, 0, INFINITY},
    {"log", 0, 0, -INFINITY},
    {"log", -1, 0, NAN},
    {"log", INFINITY, 0, INFINITY},
    {"log", -INFINITY, 0, NAN},
    {"log", NAN, 0, NAN},
    {"log", 1, 0, 0},
    {"log1p", 0, 0, 0},
    {"log1p", -1, 0, -INFINITY},
    {"log1p", -2, 0, NAN},
    {"log1p", INFINITY, 0, INFINITY},
    {"log1p", NAN, 0, NAN},
    {"sin", INFINITY, 0, NAN},
    {"cos", NAN, 0, NAN},
    {"sin", 0, 0, 0},
    {"cos", 0, 0, 1},
    {"tanh", INFINITY, 0, 1},
    {"tanh", -INFINITY, 0, -1},
    {"tanh", NAN, 0, NAN},
    {"tanh", 0, 0, 0},
    {"erf", INFINITY, 0, 1},
    {"erf", -INFINITY, 0, -1},
    {"erf", NAN, 0, NAN},
    {"erf", 0, 0, 0},
    {"erfc", INFINITY, 0, 0},
    {"erfc", -INFINITY, 0, 2},
    {"erfc", NAN, 0, NAN},
    {"erfc", 0, 0, 1},
    {"rsqrt", 0, 0, INFINITY},
    {"rsqrt", INFINITY, 0, 0},
    {"rsqrt", -1, 0, NAN},
    {"pow", 0, 2, 0},
    {"pow", 0, 0, 1},
    {"pow", 0, -1, INFINITY},
    {"pow", -2, 3, -8},
    {"pow", -2, 2, 4},
    {"pow", -2, 0.5, NAN},
    {"pow", NAN, 0, 1},
    {"pow", 1, NAN, 1},
    {"pow", NAN, 1, NAN},
    {"pow", 2, NAN, NAN},
    {"pow", INFINITY, 2, INFINITY},
    {"pow", INFINITY, -2, 0},
    {"pow", 2, INFINITY, INFINITY},
    {"pow", 2, -INFINITY, 0},
    {"pow", 0.5, INFINITY, 0},
    {"pow", 1, INFINITY, 1},
    {"pow", -1, INFINITY, 1},
    {"pow", -INFINITY, 3, -INFINITY},
    {"pow", -0.0, 3, 0},
    {"pow", 10, 500, INFINITY},
    {"pow", 10, -500, 0},
    {"pow", 3, 1, 3},
    {"pow", 9, 0.5, 3},
};

static void check_ends(Jit *jit, bool is_double, int lanes) {
    double x[16], y[16], out[16];
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%d_%d", ends[i].name, is_double, lanes);
        for (int j = 0; j < lanes; j++) set(x, is_double, j, ends[i].x), set(y, is_double, j, ends[i].y);
        ((Kernel *)jit_address(jit, name))(x, y, out, lanes);
        double got = get(out, is_double, lanes - 1), want = ends[i].exact;
        bool   same = isnan(want) ? isnan(got) : isinf(want) ? got == want : ulp_error(want, got, is_double) <= 4;
        if (!same)
            fail_msg("%s(%g, %g) f%d x%d = %.17g, not %g", ends[i].name, ends[i].x, ends[i].y, is_double ? 64 : 32,
                     lanes, got, want);
    }
}

static void check_pow(Jit *jit, bool is_double, int lanes) {
    static double x[N], y[N], out[N];
    char          name[64];
    double        worst = 0, at = 0, by = 0, bound = is_double ? 4.0 : 1.0;
    for (int i = 0; i < N; i++) {
        set(x, is_double, i, pow(10, -6 + 12 * ((double)i / N)));
        set(y, is_double, i, (i % 101 - 50) * (is_double ? 0.97 : 0.12));
    }
    snprintf(name, sizeof name, "pow_%d_%d", is_double, lanes);
    ((Kernel *)jit_address(jit, name))(x, y, out, N);
    for (int i = 0; i < N; i++) {
        double error = ulp_error(powl(get(x, is_double, i), get(y, is_double, i)), get(out, is_double, i), is_double);
        if (!(error <= worst)) worst = error, at = get(x, is_double, i), by = get(y, is_double, i);
    }
    if (getenv("VMATH_PRINT"))
        printf("pow    f%d x%-2d %.3f ulp at %.9g, %.9g\n", is_double ? 64 : 32, lanes, worst, at, by);
    if (!(worst <= bound)) fail_msg("pow f%d x%d: %.3f ulp at %.17g, %.17g", is_double ? 64 : 32, lanes, worst, at, by);
}

static void check_target(const char *target) {
    Jit *jit      = jit_new(target);
    int  widths[] = {1, 0};
    for (int is_double = 0; is_double < 2; is_double++)
        for (int w = 0; w < 2; w++) {
            int  lanes = widths[w] ? widths[w] : target_lanes(jit->target, is_double ? 8 : 4);
            char name[64];
            for (int i = 0; i < ROWS; i++) {
                snprintf(name, sizeof name, "%s_%d_%d", rows[i].name, is_double, lanes);
                emit_kernel(jit, rows[i].fn, is_double, lanes, name);
            }
            snprintf(name, sizeof name, "pow_%d_%d", is_double, lanes);
            emit_kernel(jit, MATH_POW, is_double, lanes, name);
        }
    jit_compile(jit);
    for (int is_double = 0; is_double < 2; is_double++)
        for (int w = 0; w < 2; w++) {
            int lanes = widths[w] ? widths[w] : target_lanes(jit->target, is_double ? 8 : 4);
            for (int i = 0; i < ROWS; i++) check_row(jit, &rows[i], is_double, lanes);
            check_pow(jit, is_double, lanes);
            check_far(jit, "sin", sinl, is_double, lanes);
            check_far(jit, "cos", cosl, is_double, lanes);
            check_ends(jit, is_double, lanes);
        }
    jit_dispose(jit);
}

/* ---- quotients ---- */

static void emit_quotient(Jit *jit, int lanes) {
    LLVMTypeRef    ptr = LLVMPointerTypeInContext(jit->context, 0), i64 = LLVMInt64TypeInContext(jit->context);
    LLVMTypeRef    params[] = {ptr, ptr, ptr, i64}, elem = float_type(jit, false), type = irb_vector_type(elem, lanes);
    LLVMBuilderRef b    = begin_function(jit, "quotient", params, 4);
    LLVMValueRef   f    = irb_function(b);
    Loop           loop = loop_begin(b, irb_i64(b, 0), LLVMGetParam(f, 3), irb_i64(b, lanes));
    LLVMValueRef   x    = irb_load(b, type, irb_at(b, elem, LLVMGetParam(f, 0), loop.index));
    LLVMValueRef   y    = irb_load(b, type, irb_at(b, elem, LLVMGetParam(f, 1), loop.index));
    irb_store(b, vmath_quotient(b, jit->target, x, y), irb_at(b, elem, LLVMGetParam(f, 2), loop.index));
    loop_end(&loop, b);
    LLVMBuildRetVoid(b);
    LLVMDisposeBuilder(b);
}

/* Within 1 ulp; infinite divisors give next to nothing, NaN stays. */
static void test_quotient(void **state) {
    (void)state;
    static float x[N], y[N], out[N];
    Jit         *jit   = jit_new("native");
    int          lanes = target_lanes(jit->target, 4);
    bool         has   = vmath_has_quotient(jit->target, irb_vector_type(float_type(jit, false), lanes));
    if (has) {
        emit_quotient(jit, lanes);
        jit_compile(jit);
        for (int i = 0; i < N; i++) { /* quotients from 2^-120 to 2^120 */
            y[i] = (float)((1 + (i * 97 % N) / (double)N) * pow(2, i % 160 - 100));
            x[i] = (float)((i % 2 ? -1 : 1) * (1 + (i * 31 % N) / (double)N) * pow(2, i % 61 - 30) *
                           fmin(1, 0x1p60 * y[i]));
        }
        x[0] = 0, y[1] = INFINITY, x[1] = 3, y[2] = NAN;
        ((Kernel *)jit_address(jit, "quotient"))(x, y, out, N);
        assert_true(out[0] == 0 && fabsf(out[1]) <= 0x1p-124f && isnan(out[2]));
        for (int i = 3; i < N; i++) {
            double error = ulp_error((long double)x[i] / y[i], out[i], false);
            if (!(error <= 1)) fail_msg("%.9g / %.9g = %.9g: %.3f ulp", x[i], y[i], out[i], error);
        }
    }
    jit_dispose(jit);
    if (!has) skip();
}

static void test_native(void **state) {
    (void)state;
    check_target("native");
}

#ifdef __x86_64__
static void test_half_width(void **state) {
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) skip();
    check_target("x86-64-v3");
}

static void test_without_fma(void **state) {
    (void)state;
    check_target("x86-64-v2");
}
#endif

/* ---- random numbers ---- */

static void philox_reference(uint32_t c[4], uint32_t k0, uint32_t k1) {
    for (int round = 0; round < 10; round++, k0 += 0x9E3779B9u, k1 += 0xBB67AE85u) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1, (uint32_t)(p0 >> 32) ^ c[3] ^ k1,
                            (uint32_t)p0};
        memcpy(c, next, sizeof next);
    }
}

/* Known answers of the Random123 distribution. */
static void test_philox_reference(void **state) {
    (void)state;
    uint32_t zero[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u};
    philox_reference(zero, 0, 0);
    philox_reference(ones, ~0u, ~0u);
    assert_int_equal(zero[0], 0x6627e8d5u);
    assert_int_equal(zero[3], 0x9b00dbd8u);
    assert_int_equal(ones[0], 0x408f276du);
    assert_int_equal(ones[3], 0x6d5451fdu);
}

static double wide_mantissa(uint32_t low, uint32_t high) {
    return (double)(((uint64_t)high << 32 | low) >> 11);
}

static void check_draws(const void *uniform, const void *normal, bool is_double, uint64_t seed, uint64_t key,
                        uint64_t pass) {
    for (int e = 0; e < 64; e++) {
        uint64_t group = (uint64_t)e / (is_double ? 2 : 4), mixed = seed ^ key;
        uint32_t c[4] = {(uint32_t)group, (uint32_t)(group >> 32), (uint32_t)pass, (uint32_t)(pass >> 32)};
        philox_reference(c, (uint32_t)mixed, (uint32_t)(mixed >> 32));
        int    pair = e % 4 / 2 * 2, two = 2 * (e % 2);
        double u    = is_double ? wide_mantissa(c[two], c[two + 1]) * 0x1p-53 : (c[e % 4] >> 8) * 0x1p-24;
        double u1   = is_double ? (wide_mantissa(c[0], c[1]) + 0.5) * 0x1p-53 : (c[pair] + 0.5) * 0x1p-32;
        double u2   = is_double ? (wide_mantissa(c[2], c[3]) + 0.5) * 0x1p-53 : (c[pair + 1] + 0.5) * 0x1p-32;
        double turn = 6.28318530717958647692 * u2, radius = sqrt(-2 * log(u1)),
               z = radius * (e % 2 ? sin(turn) : cos(turn));
        assert_true(get(uniform, is_double, e) == u);
        assert_true(fabs(get(normal, is_double, e) - z) < (is_double ? 1e-14 : 3e-6));
    }
}

static void test_draws(void **state) {
    (void)state;
    Jit *jit = jit_new("native");
    for (int is_double = 0; is_double < 2; is_double++) {
        emit_draw(jit, false, is_double, is_double ? 4 : 8, is_double ? "uniform_f64" : "uniform_f32");
        emit_draw(jit, true, is_double, is_double ? 4 : 8, is_double ? "normal_f64" : "normal_f32");
    }
    emit_draw(jit, true, false, 1, "normal_one");
    jit_compile(jit);
    uint64_t seed = 0x123456789abcdef0u, key = 0xfedcba9876543211u, pass = 0x100000007u;
    double   uniform[64], normal[64];
    float    one[64];
    ((Draw *)jit_address(jit, "uniform_f32"))(seed, key, pass, uniform, 64);
    ((Draw *)jit_address(jit, "normal_f32"))(seed, key, pass, normal, 64);
    check_draws(uniform, normal, false, seed, key, pass);
    ((Draw *)jit_address(jit, "normal_one"))(seed, key, pass, one, 64);
    assert_memory_equal(one, normal, sizeof one);
    ((Draw *)jit_address(jit, "uniform_f64"))(seed, key, pass, uniform, 64);
    ((Draw *)jit_address(jit, "normal_f64"))(seed, key, pass, normal, 64);
    check_draws(uniform, normal, true, seed, key, pass);
    jit_dispose(jit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_native),           cmocka_unit_test(test_quotient),
#ifdef __x86_64__
        cmocka_unit_test(test_half_width),       cmocka_unit_test(test_without_fma),
#endif
        cmocka_unit_test(test_philox_reference), cmocka_unit_test(test_draws),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
