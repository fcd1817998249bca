/* Reverse mode on graphs of a few nodes with known gradients, and what it leaves in the graph. Single ops are checked against
 * differences in tests/ops, corners and errors in tests/autodiff. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "base/map.h"
#include "interp/scratch.h"

static int setup(void **state) {
    *state = scratch_new(1);
    return 0;
}

static int teardown(void **state) {
    scratch_free(*state);
    return 0;
}

static Node *scalar_slot(Scratch *s, double value) {
    Type  type                       = {.elem = ELEM_F64};
    Node *node                       = scratch_slot(s, &type);
    s->slots[node->attr.ref].data[0] = value;
    return node;
}

static Node *constant(Scratch *s, double value) {
    return node_const(s->graph, ELEM_F64, value);
}
static Node *add(Scratch *s, Node *a, Node *b) {
    return node_binary(s->graph, OP_ADD, a, b);
}
static Node *mul(Scratch *s, Node *a, Node *b) {
    return node_binary(s->graph, OP_MUL, a, b);
}

/* d loss / d x as update of x's slot; no marker may be left in the function. */
static void ask(Scratch *s, Fn *fn, Node *loss, Node *x) {
    scratch_update(s, fn, x->attr.ref, node_binary(s->graph, OP_GRAD, loss, x));
}

static void expect_no_markers(Scratch *s, const Fn *fn) {
    Map    *seen  = map_new(s->arena);
    NodeVec order = {0};
    for (int i = 0; i < fn->results.len; i++) graph_post_order(s->arena, fn->results.data[i].value, seen, &order);
    for (int i = 0; i < fn->updates.len; i++) graph_post_order(s->arena, fn->updates.data[i].value, seen, &order);
    for (int i = 0; i < order.len; i++) {
        assert_int_not_equal(op_info[order.data[i]->op].class, EFFECT);
        assert_int_not_equal(order.data[i]->op, OP_COTANGENT);
    }
}

static void expect_gradients(Scratch *s, Fn *fn, int n, const double *expected) {
    assert_true(graph_add_gradients(&s->c, s->program));
    program_verify(s->program, "gradients");
    expect_no_markers(s, fn);
    InterpArgs args = scratch_args(s);
    InterpRun  run  = interp_run(s->arena, s->program, fn, &args);
    assert_int_equal(fn->updates.len, n);
    for (int i = 0; i < n; i++) assert_true(run.updates[i].data[0] == expected[i]);
}

static void contributions_add_up(void **state) {
    Scratch *s  = *state;
    Fn      *fn = scratch_fn(s, FN_TRAIN, "train");
    Node    *x = scalar_slot(s, 3), *y = scalar_slot(s, 5);
    Node    *square = mul(s, x, x);
    ask(s, fn, add(s, mul(s, square, y), add(s, square, x)), x); /* x^2 y + x^2 + x */
    expect_gradients(s, fn, 1, (double[]){2 * 3 * 5 + 2 * 3 + 1});
}

static void a_gradient_by_an_inner_value(void **state) {
    Scratch *s      = *state;
    Fn      *fn     = scratch_fn(s, FN_TRAIN, "train");
    Node    *x      = scalar_slot(s, 3);
    Node    *square = mul(s, x, x), *loss = mul(s, square, square);
    scratch_update(s, fn, 0, node_binary(s->graph, OP_GRAD, loss, square));
    scratch_result(s, fn, node_binary(s->graph, OP_GRAD, loss, loss));
    expect_gradients(s, fn, 1, (double[]){18});
}

/* value(x, y) = x y with the gradients 100 g and, for y, g g: the graph's own derivative is not used. */
static void custom_gradients_replace_the_ops_own(void **state) {
    Scratch *s  = *state;
    Fn      *fn = scratch_fn(s, FN_TRAIN, "train");
    Node    *x = scalar_slot(s, 3), *y = scalar_slot(s, 5);
    Type     type     = {.elem = ELEM_F64};
    Node    *g        = node_ref(s->graph, OP_COTANGENT, 0, &type);
    Node    *inputs[] = {mul(s, x, y), g, x, mul(s, g, constant(s, 100)), y, mul(s, g, g)};
    Node    *custom   = graph_node(s->graph, OP_CUSTOM, NULL, 6, inputs, NULL);
    Node    *loss     = mul(s, custom, constant(s, 2));
    scratch_result(s, fn, loss);
    ask(s, fn, loss, x);
    ask(s, fn, loss, y);
    expect_gradients(s, fn, 2, (double[]){200, 4});
}

static void gradients_pass_through_casts_but_not_through_integers(void **state) {
    Scratch *s     = *state;
    Fn      *fn    = scratch_fn(s, FN_TRAIN, "train");
    Node    *x     = scalar_slot(s, 3);
    Node    *small = node_cast(s->graph, ELEM_F64, node_cast(s->graph, ELEM_F32, x));
    Node    *whole = node_cast(s->graph, ELEM_F64, node_cast(s->graph, ELEM_I64, x));
    ask(s, fn, add(s, mul(s, small, constant(s, 4)), mul(s, whole, x)), x);
    expect_gradients(s, fn, 1, (double[]){4 + 3});
}

/* Each use of the f16 value gives a gradient that f16 cannot hold; neither they nor their sum are rounded. */
static void gradients_of_narrow_values_stay_wide(void **state) {
    Scratch *s      = *state;
    Fn      *fn     = scratch_fn(s, FN_TRAIN, "train");
    Node    *x      = scalar_slot(s, 3);
    Node    *narrow = node_cast(s->graph, ELEM_F16, x);
    Node    *wide = node_cast(s->graph, ELEM_F64, narrow), *single = node_cast(s->graph, ELEM_F32, narrow);
    single = node_binary(s->graph, OP_MUL, single, node_const(s->graph, ELEM_F32, 1000001));
    ask(s, fn, add(s, mul(s, wide, constant(s, 100003)), node_cast(s->graph, ELEM_F64, single)), x);
    expect_gradients(s, fn, 1, (double[]){100003 + 1000001});
}

/* The row of an f16 table that is used twice. */
static void movements_of_narrow_values_sum_wide_gradients(void **state) {
    Scratch   *s    = *state;
    Fn        *fn   = scratch_fn(s, FN_TRAIN, "train");
    const Dim *four = scratch_dim(s, 4), *two = scratch_dim(s, 2), *zero = scratch_dim(s, 0);
    Type       type = scratch_type(ELEM_F64, 1, &four), half = scratch_type(ELEM_F16, 1, &two);
    Node      *x    = scratch_slot(s, &type);
    Node      *part = node_slice(s->graph, node_cast(s->graph, ELEM_F16, x), &zero, &half);
    Node      *both = node_cast(s->graph, ELEM_F64, node_concat(s->graph, 2, (Node *[]){part, part}, 0));
    int        axis = 0;
    ask(s, fn, mul(s, node_reduce(s->graph, OP_SUM, both, 1, &axis), constant(s, 2049)), x);
    expect_gradients(s, fn, 1, (double[]){4098});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(contributions_add_up, setup, teardown),
        cmocka_unit_test_setup_teardown(a_gradient_by_an_inner_value, setup, teardown),
        cmocka_unit_test_setup_teardown(custom_gradients_replace_the_ops_own, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_pass_through_casts_but_not_through_integers, setup, teardown),
        cmocka_unit_test_setup_teardown(gradients_of_narrow_values_stay_wide, setup, teardown),
        cmocka_unit_test_setup_teardown(movements_of_narrow_values_sum_wide_gradients, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
