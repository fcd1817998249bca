/* bf16 and f16 in compiled code, bit for bit as the interpreter rounds: every value of both types, the points between two of them and
 * the numbers next to those points, for targets with and without instructions for f16. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/harness.h"
#include "core/element.h"

enum { PATTERNS = 1 << 16, AROUND = 7, COUNT = PATTERNS * AROUND + 3 };

/* The last ones leave a partial vector. */
static const double LAST[] = {INFINITY, -0.0, 1e300};

/* The value of a bit pattern, the point half way to the next pattern's, and its neighbours in f64 and f32. */
static void fill_around(double *data, ElemType elem) {
    for (int i = 0; i < PATTERNS; i++) {
        uint16_t pair[] = {(uint16_t)i, (uint16_t)(i + 1)};
        double   value = nnrt_elem_get((int)elem, pair, 0), next = nnrt_elem_get((int)elem, pair, 1);
        double   limit  = elem == ELEM_F16 ? 65520 : 0x1.ffp127; /* half a place above the largest */
        double   middle = isinf(next) ? copysign(limit, next) : (value + next) / 2, *at = data + (size_t)i * AROUND;
        at[0] = value, at[1] = middle;
        at[2] = nextafter(middle, INFINITY), at[3] = nextafter(middle, -INFINITY);
        at[4] = nextafterf((float)middle, INFINITY), at[5] = nextafterf((float)middle, -INFINITY);
        at[6] = -value;
    }
    for (int i = 0; i < 3; i++) data[(size_t)PATTERNS * AROUND + (size_t)i] = LAST[i];
}

/* Compiled code flushes denormals of f32, which those of bf16 are, to zero. */
static void drop_denormals(double *data) {
    for (int i = 0; i < COUNT; i++)
        if (fabs(data[i]) < 0x1p-126) data[i] = 0;
}

static Node *slot_around(Scratch *s, ElemType stored, ElemType elem) {
    const Dim *n    = scratch_dim(s, COUNT);
    Type       type = scratch_type(stored, 1, &n);
    Node      *slot = scratch_slot(s, &type);
    double    *data = (double *)s->slots[s->program->slots.len - 1].data;
    fill_around(data, elem);
    if (elem == ELEM_BF16) drop_denormals(data);
    return slot;
}

static Scratch *conversions(ElemType elem) {
    Scratch *s       = scratch_new(1);
    s->program->real = ELEM_F32;
    Fn   *fn         = scratch_fn(s, FN_PREDICT, "f");
    Node *wide = slot_around(s, ELEM_F64, elem), *single = slot_around(s, ELEM_F32, elem);
    Node *stored = slot_around(s, elem, elem);
    scratch_result(s, fn, node_cast(s->graph, elem, wide));
    scratch_result(s, fn, node_cast(s->graph, elem, single));
    scratch_result(s, fn, node_cast(s->graph, ELEM_F32, node_cast(s->graph, elem, single)));
    scratch_result(s, fn, node_cast(s->graph, ELEM_F64, node_cast(s->graph, elem, wide)));
    scratch_result(s, fn, node_cast(s->graph, ELEM_F32, stored));
    scratch_result(s, fn, node_cast(s->graph, elem == ELEM_F16 ? ELEM_BF16 : ELEM_F16, stored));
    scratch_result(s, fn, node_concat(s->graph, 2, (Node *[]){stored, stored}, 0));
    return s;
}

/* f16's denormals are kept. */
static void check_conversions(ElemType elem, const char *target) {
    Scratch *s        = conversions(elem);
    Compiled compiled = compiled_new(s, target);
    compiled_check(s, &compiled, 0, 1, 0, NULL);
    compiled_free(&compiled);
    scratch_free(s);
}

static void test_f16(void **state) {
    (void)state;
    check_conversions(ELEM_F16, NULL);
}

static void test_bf16(void **state) {
    (void)state;
    check_conversions(ELEM_BF16, NULL);
}

#if defined(__x86_64__)
static void test_x86_64_v2(void **state) {
    (void)state;
    check_conversions(ELEM_F16, "x86-64-v2");
    check_conversions(ELEM_BF16, "x86-64-v2");
}

static void test_x86_64_v3(void **state) {
    (void)state;
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) skip();
    check_conversions(ELEM_F16, "x86-64-v3");
    check_conversions(ELEM_BF16, "x86-64-v3");
}
#endif

/* Integers that f32 would round before the narrow type does. */
static void test_integers(void **state) {
    (void)state;
    static const double values[] = {0,        1,         -1,       257,        65519,        65520,
                                    16842753, -16842753, 16842752, 2147483647, -2147483648.0};
    enum { N = sizeof values / sizeof *values };
    Scratch *s       = scratch_new(1);
    s->program->real = ELEM_F32;
    Fn        *fn    = scratch_fn(s, FN_PREDICT, "f");
    const Dim *n     = scratch_dim(s, N);
    for (int i = 0; i < 2; i++) {
        Type  type = scratch_type(i ? ELEM_I64 : ELEM_I32, 1, &n);
        Node *slot = scratch_slot(s, &type);
        for (int k = 0; k < N; k++) s->slots[i].data[k] = values[k];
        scratch_result(s, fn, node_cast(s->graph, ELEM_BF16, slot));
        scratch_result(s, fn, node_cast(s->graph, ELEM_F16, slot));
    }
    check_program(s, 0);
    scratch_free(s);
}

/* The compiler's rounding, of constants, and the runtime's, of CSV files, are two implementations. */
static void test_rounding(void **state) {
    (void)state;
    static double data[COUNT];
    for (ElemType elem = ELEM_BF16; elem <= ELEM_F16; elem++) {
        fill_around(data, elem);
        for (int i = 0; i < COUNT; i++) {
            uint16_t bits;
            nnrt_elem_put((int)elem, &bits, 0, data[i]);
            double stored = nnrt_elem_get((int)elem, &bits, 0), rounded = elem_round(elem, data[i]);
            bool   same = isnan(rounded) ? isnan(stored) : stored == rounded && !signbit(stored) == !signbit(rounded);
            if (!same) fail_msg("%a as %s: %a and %a", data[i], elem_name(elem), stored, rounded);
        }
    }
    assert_true(elem_round(ELEM_F16, 65519.99) == 65504 && isinf(elem_round(ELEM_F16, 65520)));
    assert_true(elem_round(ELEM_F16, 0x1p-25) == 0 && elem_round(ELEM_F16, 0x1.8p-24) == 0x1p-23);
    assert_true(elem_round(ELEM_BF16, 257) == 256 && elem_round(ELEM_BF16, 259) == 260);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding),  cmocka_unit_test(test_f16),
        cmocka_unit_test(test_bf16),      cmocka_unit_test(test_integers),
#if defined(__x86_64__)
        cmocka_unit_test(test_x86_64_v2), cmocka_unit_test(test_x86_64_v3),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
