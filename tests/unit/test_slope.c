/* Slopes by central differences: of smooth functions, at kinks and beside them, of f32 elements, and where the gradient that is
 * compared is wrong. The model is a C function of one slot. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "commands/gradcheck.h"
#include "core/element.h"

typedef double Loss(double x);

typedef struct Model { /* what nnrt_instance needs of a model with one parameter and one function */
    nnrt_result result;
    nnrt_slot   slot;
    nnrt_fn     fn;
    nnrt_model  model;
} Model;

/* The parameter is element 1 of three; its value picks the function: generated code has no state to keep it in. */
static void shapes(const int64_t *symbols, int64_t *values) {
    (void)symbols;
    values[0] = 3;
}

static void checks(const int64_t *symbols, int64_t *values) {
    (void)symbols, (void)values;
}

static int64_t workspace(const int64_t *symbols, int64_t nthreads) {
    (void)symbols, (void)nthreads;
    return 0;
}

static double element(const nnrt_args *args, int elem) {
    return nnrt_elem_get(elem, args->slots[0], 1);
}

#define FUNCTION(name, elem, expression)                                                                               \
    static void name(const nnrt_args *args) {                                                                          \
        double x                    = element(args, elem);                                                             \
        *(double *)args->results[0] = (expression);                                                                    \
    }

FUNCTION(exponential, NNRT_F64, exp(3 * x))
FUNCTION(exponential_f32, NNRT_F32, exp(3 * x))
FUNCTION(offset, NNRT_F64, 1000 + 1e-3 * sin(x))
FUNCTION(absolute, NNRT_F64, fabs(x))
FUNCTION(rectifier, NNRT_F64, x > 0 ? 2 * x : 0)
FUNCTION(stairs, NNRT_F64, floor(x))
FUNCTION(constant, NNRT_F64, 3 + 0 * x)

static void failing(const nnrt_args *args) {
    *args->fault = (nnrt_fault){.code = NNRT_FAULT_INDEX, .value = 7, .limit = 3};
}

/* Compares `gradient` with the slope of `code` at x. */
static Slope compare(nnrt_code *code, int elem, double x, double gradient) {
    Model m;
    memset(&m, 0, sizeof m);
    m.result.tensor = (nnrt_tensor){.name = "loss", .elem = NNRT_F64};
    m.slot.tensor   = (nnrt_tensor){.name = "p", .elem = elem, .rank = 1, .symbol = {-1}, .shape_text = "[3]"};
    m.slot.kind     = NNRT_PARAM;
    m.fn = (nnrt_fn){.name = "gradients", .code = code, .workspace = workspace, .results = &m.result, .n_results = 1};
    m.model          = (nnrt_model){.abi            = NNRT_ABI,
                                    .n_slots        = 1,
                                    .n_fns          = 1,
                                    .n_shape_values = 1,
                                    .name           = "M",
                                    .slots          = &m.slot,
                                    .fns            = &m.fn,
                                    .shapes         = shapes,
                                    .check_values   = checks};
    nnrt_error error = {0};
    Run        run   = {.instance = nnrt_instance_new(&m.model, NULL, &error)};
    int64_t    none  = 0;
    assert_non_null(run.instance);
    assert_int_equal(nnrt_instance_bind(run.instance, &none, &error), NNRT_OK);
    void *data = run.instance->slots[0];
    for (int i = 0; i < 3; i++) nnrt_elem_put(elem, data, i, i == 1 ? x : 5);
    Probe probe = {.run = &run, .fn = 0};
    probe.loss  = probe_loss(&probe);
    Slope slope = probe_element(&probe, data, elem, 1, gradient, 1e-5);
    assert_true(nnrt_elem_get(elem, data, 1) == (elem == NNRT_F32 ? (double)(float)x : x)); /* as it was */
    assert_int_equal((int64_t)nnrt_elem_get(elem, data, 0), 5);
    nnrt_instance_free(run.instance);
    return slope;
}

static void test_smooth(void **state) {
    (void)state;
    Slope slope = compare(exponential, NNRT_F64, 0.5, 3 * exp(1.5));
    assert_int_equal(slope.verdict, ELEMENT_RIGHT);
    assert_true(slope.error < 1e-8);
    assert_true(fabs(slope.numeric - 3 * exp(1.5)) < 1e-6);
}

/* The steps of an f32 element are those that it can hold. */
static void test_f32(void **state) {
    (void)state;
    float x     = 0.3f;
    Slope slope = compare(exponential_f32, NNRT_F32, x, 3 * exp(3.0 * x));
    assert_int_equal(slope.verdict, ELEMENT_RIGHT);
    assert_true(slope.error < 1e-7);
}

/* A small slope on a large loss: what rounding leaves is below the scale. */
static void test_offset(void **state) {
    (void)state;
    assert_int_equal(compare(offset, NNRT_F64, 0.2, 1e-3 * cos(0.2)).verdict, ELEMENT_RIGHT);
}

static void test_wrong(void **state) {
    (void)state;
    Slope slope = compare(exponential, NNRT_F64, 0.5, -3 * exp(1.5));
    assert_int_equal(slope.verdict, ELEMENT_WRONG);
    assert_true(fabs(slope.error - 2) < 1e-9);
    assert_int_equal(compare(exponential, NNRT_F64, 0.5, 3 * exp(1.5) * (1 + 3e-6)).verdict, ELEMENT_WRONG);
    assert_int_equal(compare(constant, NNRT_F64, 0.5, 1e-3).verdict, ELEMENT_WRONG);
    assert_int_equal(compare(constant, NNRT_F64, 0.5, 0).verdict, ELEMENT_RIGHT);
}

/* Beside a kink smaller steps find the slope; at it there is none; a wrong gradient beside it is still wrong. */
static void test_kinks(void **state) {
    (void)state;
    assert_int_equal(compare(absolute, NNRT_F64, 5e-4, 1).verdict, ELEMENT_RIGHT);
    assert_int_equal(compare(absolute, NNRT_F64, 5e-4, -1).verdict, ELEMENT_WRONG);
    assert_int_equal(compare(absolute, NNRT_F64, -3e-6, -1).verdict, ELEMENT_RIGHT);
    assert_int_equal(compare(absolute, NNRT_F64, 0, 1).verdict, ELEMENT_AT_KINK);
    assert_int_equal(compare(rectifier, NNRT_F64, 0, 0).verdict, ELEMENT_AT_KINK);
    assert_int_equal(compare(rectifier, NNRT_F64, -1, 0).verdict, ELEMENT_RIGHT);
    assert_int_equal(compare(stairs, NNRT_F64, 0.5, 0).verdict, ELEMENT_RIGHT);
    assert_int_equal(compare(stairs, NNRT_F64, 0.5, 1).verdict, ELEMENT_WRONG);
}

static void test_failure(void **state) {
    (void)state;
    assert_int_equal(compare(failing, NNRT_F64, 0.5, 1).verdict, ELEMENT_FAILED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_smooth), cmocka_unit_test(test_f32),   cmocka_unit_test(test_offset),
        cmocka_unit_test(test_wrong),  cmocka_unit_test(test_kinks), cmocka_unit_test(test_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
