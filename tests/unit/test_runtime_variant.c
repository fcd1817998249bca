/* Which variant of a model a machine runs, and what is said where it runs none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/variant.h"

enum { SSE42 = 1 << 0, AVX2 = 1 << 2, FMA = 1 << 3, AVX512F = 1 << 6 };

static const nnrt_variant variants[] = {
    {.name = "weak", .needs = SSE42}, {.name = "middle", .needs = AVX2 | FMA}, {.name = "strong", .needs = AVX512F}};
static const nnrt_model model = {.name = "M", .variants = variants, .n_variants = 3};

static void test_strongest(void **state) {
    (void)state;
    static const struct {
        uint64_t features;
        int      expected;
    } cases[] = {{SSE42, 0}, {SSE42 | AVX2, 0}, {SSE42 | AVX2 | FMA, 1}, {~UINT64_C(0), 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const nnrt_variant *chosen;
        assert_int_equal(nnrt_variant_choose(&model, cases[i].features, NULL, &chosen, NULL), NNRT_OK);
        assert_ptr_equal(chosen, &variants[cases[i].expected]);
    }
}

static void test_forced(void **state) {
    (void)state;
    const nnrt_variant *chosen;
    nnrt_error          error;
    assert_int_equal(nnrt_variant_choose(&model, ~UINT64_C(0), "weak", &chosen, &error), NNRT_OK);
    assert_ptr_equal(chosen, &variants[0]);
    assert_int_equal(nnrt_variant_choose(&model, ~UINT64_C(0), "other", &chosen, &error), NNRT_USAGE);
    assert_string_equal(error.message, "NNC_TARGET=other: model 'M' is compiled for weak, middle, strong");
    assert_null(chosen);
    assert_int_equal(nnrt_variant_choose(&model, SSE42 | FMA, "middle", &chosen, &error), NNRT_ERROR);
    assert_non_null(strstr(error.message, "this machine has no avx2, which middle needs"));
}

static void test_none(void **state) {
    (void)state;
    const nnrt_variant *chosen;
    nnrt_error          error;
    nnrt_model          plain = {.name = "M"};
    assert_int_equal(nnrt_variant_choose(&plain, 0, NULL, &chosen, &error), NNRT_OK);
    assert_null(chosen);
    assert_int_equal(nnrt_variant_choose(&model, 0, NULL, &chosen, &error), NNRT_ERROR);
    assert_non_null(strstr(error.message, "this machine has no sse4.2, which weak needs"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strongest),
        cmocka_unit_test(test_forced),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
