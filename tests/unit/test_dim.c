/* Dims: normal form, division, overflow, bounds, printing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ir/dim.h"

typedef struct Dims {
    Arena     *arena;
    DimTable  *table;
    const Dim *n, *m, *k;
} Dims;

static int setup(void **state) {
    Arena *arena = arena_new();
    Dims  *d     = ARENA_NEW(arena, Dims);
    d->arena     = arena;
    d->table     = dim_table_new(arena);
    d->n         = dim_symbol_new(d->table, "n");
    d->m         = dim_symbol_new(d->table, "m");
    d->k         = dim_symbol_new(d->table, "k");
    *state       = d;
    return 0;
}

static int teardown(void **state) {
    arena_free(((Dims *)*state)->arena);
    return 0;
}

static const Dim *num(Dims *d, int64_t value) {
    return dim_const(d->table, value);
}
static const Dim *add(Dims *d, const Dim *a, const Dim *b) {
    return dim_add(d->table, a, b);
}
static const Dim *sub(Dims *d, const Dim *a, const Dim *b) {
    return dim_sub(d->table, a, b);
}
static const Dim *mul(Dims *d, const Dim *a, const Dim *b) {
    return dim_mul(d->table, a, b);
}
static const Dim *quotient(Dims *d, const Dim *a, const Dim *b) {
    return dim_floordiv(d->table, a, b);
}

static void expect_text(Dims *d, const Dim *dim, const char *text) {
    assert_string_equal(dim_print(d->arena, dim), text);
}

static int64_t at(const Dim *dim, int64_t n, int64_t m, int64_t k) {
    int64_t value = -999;
    assert_true(dim_eval(dim, (int64_t[]){n, m, k}, &value));
    return value;
}

/* ---- normal form ------------------------------------------------------------------------------------------------------------ */

static void equal_polynomials_are_one_dim(void **state) {
    Dims *d = *state;
    assert_ptr_equal(add(d, d->n, d->m), add(d, d->m, d->n));
    assert_ptr_equal(mul(d, d->n, d->m), mul(d, d->m, d->n));
    const Dim *square = mul(d, add(d, d->n, d->m), add(d, d->n, d->m));
    const Dim *spread = add(d, mul(d, d->n, d->n), add(d, mul(d, num(d, 2), mul(d, d->m, d->n)), mul(d, d->m, d->m)));
    assert_ptr_equal(square, spread);
    assert_ptr_equal(sub(d, add(d, d->n, d->k), d->k), d->n);
    assert_ptr_equal(mul(d, d->n, num(d, 0)), num(d, 0));
    assert_ptr_equal(sub(d, d->n, d->n), num(d, 0));
    assert_ptr_equal(mul(d, d->n, num(d, 1)), d->n);
}

static void symbols_of_one_name_differ(void **state) {
    Dims      *d     = *state;
    const Dim *other = dim_symbol_new(d->table, "n");
    assert_ptr_not_equal(other, d->n);
    assert_int_equal(dim_symbol_count(d->table), 4);
    assert_ptr_equal(dim_symbol(d->table, 3), other);
    assert_string_equal(dim_symbol_name(d->table, 3), "n");
}

static void constants_are_known(void **state) {
    Dims   *d = *state;
    int64_t value;
    assert_true(dim_is_const(num(d, 0), &value) && value == 0);
    assert_true(dim_is_const(num(d, -7), &value) && value == -7);
    assert_false(dim_is_const(d->n, &value));
    assert_int_equal(dim_term_count(num(d, 0)), 0);
    assert_int_equal(dim_term_count(add(d, d->n, num(d, 3))), 2);
    assert_int_equal(dim_term(add(d, d->n, num(d, 3)), 1)->coefficient, 3);
}

/* ---- division ------------------------------------------------------------------------------------------------------------------ */

static void division_rounds_down(void **state) {
    Dims *d = *state;
    assert_ptr_equal(quotient(d, num(d, 7), num(d, 2)), num(d, 3));
    assert_ptr_equal(quotient(d, num(d, -7), num(d, 2)), num(d, -4));
    assert_ptr_equal(quotient(d, num(d, 7), num(d, -2)), num(d, -4));
    assert_ptr_equal(quotient(d, num(d, -7), num(d, -2)), num(d, 3));
    assert_ptr_equal(dim_mod(d->table, num(d, -7), num(d, 4)), num(d, 1));
    assert_ptr_equal(quotient(d, num(d, 0), d->n), num(d, 0));
}

static void exact_division_is_a_polynomial(void **state) {
    Dims      *d   = *state;
    const Dim *sum = add(d, d->n, d->m), *difference = sub(d, d->n, d->m);
    assert_ptr_equal(quotient(d, mul(d, sum, difference), sum), difference);
    assert_ptr_equal(quotient(d, mul(d, num(d, 6), mul(d, d->n, d->m)), mul(d, num(d, 3), d->m)),
                     mul(d, num(d, 2), d->n));
    assert_ptr_equal(quotient(d, d->n, num(d, 1)), d->n);
    assert_ptr_equal(quotient(d, d->n, num(d, -1)), sub(d, num(d, 0), d->n));
    assert_ptr_equal(quotient(d, d->n, d->n), num(d, 1));
    assert_ptr_equal(dim_mod(d->table, mul(d, num(d, 16), d->k), num(d, 8)), num(d, 0));
}

/* Equal quotients are one dim, whichever way they are written. */
static void what_divides_is_taken_out(void **state) {
    Dims      *d    = *state;
    const Dim *two  = num(d, 2);
    const Dim *half = quotient(d, add(d, d->n, num(d, 1)), two);
    assert_ptr_equal(quotient(d, add(d, mul(d, two, d->n), num(d, 5)), two), add(d, d->n, two));
    assert_ptr_equal(quotient(d, add(d, d->n, num(d, 5)), two), add(d, half, two));
    assert_ptr_equal(quotient(d, sub(d, d->n, num(d, 1)), two), sub(d, half, num(d, 1)));
    assert_ptr_equal(quotient(d, add(d, add(d, mul(d, num(d, 4), d->m), d->n), num(d, 1)), two),
                     add(d, mul(d, two, d->m), half));
}

static void division_agrees_with_arithmetic(void **state) {
    Dims *d = *state;
    for (int64_t by = -5; by <= 5; by++)
        for (int64_t scale = -4; scale <= 4 && by; scale++)
            for (int64_t plus = -6; plus <= 6; plus++) {
                const Dim *a = add(d, mul(d, num(d, scale), d->n), num(d, plus));
                const Dim *q = quotient(d, a, num(d, by)), *r = dim_mod(d->table, a, num(d, by));
                for (int64_t n = 0; n < 7; n++) {
                    int64_t value = scale * n + plus, floor = value / by - (value % by != 0 && (value < 0) != (by < 0));
                    assert_int_equal(at(q, n, 0, 0), floor);
                    assert_int_equal(at(r, n, 0, 0), value - by * floor);
                }
            }
}

static void evaluation_fails_on_division_by_zero(void **state) {
    Dims   *d = *state;
    int64_t value;
    assert_false(dim_eval(quotient(d, d->n, d->m), (int64_t[]){3, 0, 0}, &value));
    assert_int_equal(at(quotient(d, d->n, d->m), 7, 2, 0), 3);
}

/* ---- overflow --------------------------------------------------------------------------------------------------------------------- */

static void overflow_gives_null(void **state) {
    Dims      *d   = *state;
    const Dim *big = mul(d, num(d, INT64_MAX), d->n), *small = mul(d, num(d, INT64_MIN), d->n);
    assert_null(add(d, big, d->n));
    assert_null(sub(d, small, d->n));
    assert_null(sub(d, d->n, small));
    assert_null(mul(d, big, num(d, 2)));
    assert_null(quotient(d, num(d, INT64_MIN), num(d, -1)));
    assert_null(quotient(d, small, num(d, -1)));
    const Dim *power = d->n;
    for (int i = 1; i < 8; i++) power = mul(d, power, d->n);
    assert_non_null(power);
    assert_null(mul(d, power, d->n)); /* nobody means n^9 */
    int64_t value;
    assert_false(dim_eval(power, (int64_t[]){1 << 20, 0, 0}, &value));
    assert_false(dim_eval(add(d, big, d->m), (int64_t[]){1, 1, 0}, &value));
}

/* ---- bounds ------------------------------------------------------------------------------------------------------------------------ */

static bool le(Dims *d, const Dim *a, const Dim *b, int64_t n, int64_t m) {
    return dim_provably_le(d->table, a, b, (int64_t[]){n, m, -1});
}

static void provable_inequalities(void **state) {
    Dims *d = *state;
    assert_true(le(d, d->n, d->n, -1, -1));
    assert_true(le(d, d->n, add(d, d->n, d->m), -1, -1));
    assert_true(le(d, num(d, 1), d->n, -1, -1));
    assert_false(le(d, num(d, 2), d->n, -1, -1));
    assert_true(le(d, d->n, num(d, 8), 8, -1));
    assert_false(le(d, d->n, num(d, 8), 9, -1));
    assert_false(le(d, d->n, num(d, 8), -1, -1));
    assert_true(le(d, mul(d, d->n, d->m), num(d, 12), 3, 4));
    assert_false(le(d, mul(d, d->n, d->m), num(d, 11), 3, 4));
    assert_false(le(d, add(d, d->n, num(d, 1)), d->n, -1, -1));
}

static void provable_inequalities_of_quotients(void **state) {
    Dims      *d     = *state;
    const Dim *third = quotient(d, d->n, num(d, 3));
    assert_true(le(d, num(d, 0), third, -1, -1));
    assert_true(le(d, third, num(d, 3), 11, -1));
    assert_false(le(d, third, num(d, 3), 12, -1));
    const Dim *shifted = quotient(d, sub(d, d->n, d->m), num(d, 2)); /* may be negative */
    assert_false(le(d, num(d, 0), shifted, -1, -1));
    assert_true(le(d, num(d, -2), shifted, -1, 4));
    assert_true(le(d, num(d, 0), quotient(d, d->n, d->m), -1, -1)); /* m is at least 1 */
    assert_false(le(d, num(d, 0), quotient(d, d->n, sub(d, d->m, num(d, 1))), -1, -1));
}

/* ---- printing ------------------------------------------------------------------------------------------------------------------------ */

static void printing(void **state) {
    Dims *d = *state;
    expect_text(d, num(d, 0), "0");
    expect_text(d, num(d, -3), "-3");
    expect_text(d, add(d, mul(d, num(d, 16), d->k), num(d, 1)), "16*k + 1");
    expect_text(d, sub(d, mul(d, d->n, d->n), d->m), "n*n - m");
    expect_text(d, sub(d, num(d, 1), d->n), "-n + 1");
    expect_text(d, num(d, INT64_MIN), "-9223372036854775808");
}

static void printing_quotients(void **state) {
    Dims      *d    = *state;
    const Dim *half = quotient(d, add(d, d->n, num(d, 1)), num(d, 2));
    expect_text(d, half, "(n + 1) // 2");
    expect_text(d, add(d, half, num(d, 3)), "(n + 1) // 2 + 3");
    expect_text(d, mul(d, num(d, 2), half), "2*((n + 1) // 2)");
    expect_text(d, sub(d, num(d, 1), quotient(d, d->n, d->m)), "-(n // m) + 1");
    expect_text(d, quotient(d, d->n, mul(d, num(d, 2), d->m)), "n // (2*m)");
    expect_text(d, quotient(d, d->n, add(d, d->m, num(d, 1))), "n // (m + 1)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_polynomials_are_one_dim, setup, teardown),
        cmocka_unit_test_setup_teardown(symbols_of_one_name_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(constants_are_known, setup, teardown),
        cmocka_unit_test_setup_teardown(division_rounds_down, setup, teardown),
        cmocka_unit_test_setup_teardown(exact_division_is_a_polynomial, setup, teardown),
        cmocka_unit_test_setup_teardown(what_divides_is_taken_out, setup, teardown),
        cmocka_unit_test_setup_teardown(division_agrees_with_arithmetic, setup, teardown),
        cmocka_unit_test_setup_teardown(evaluation_fails_on_division_by_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(overflow_gives_null, setup, teardown),
        cmocka_unit_test_setup_teardown(provable_inequalities, setup, teardown),
        cmocka_unit_test_setup_teardown(provable_inequalities_of_quotients, setup, teardown),
        cmocka_unit_test_setup_teardown(printing, setup, teardown),
        cmocka_unit_test_setup_teardown(printing_quotients, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
