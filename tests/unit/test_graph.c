/* The graph: one node for equal nodes, walks, and passes on graphs deeper than the stack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "base/map.h"
#include "interp/scratch.h"
#include "opt/opt.h"
#include "plan/kernel.h"

static int setup(void **state) {
    *state = scratch_new(1);
    return 0;
}

static int teardown(void **state) {
    scratch_free(*state);
    return 0;
}

static Type vector(Scratch *s, int64_t size) {
    return scratch_type(ELEM_F64, 1, (const Dim *const[]){scratch_dim(s, size)});
}

/* ---- hash-consing ------------------------------------------------------------------------------------------------------------ */

static void equal_nodes_are_one(void **state) {
    Scratch *s    = *state;
    Type     type = vector(s, 3);
    Node    *x = scratch_slot(s, &type), *y = scratch_slot(s, &type);
    assert_ptr_not_equal(x, y);
    assert_ptr_equal(node_ref(s->graph, OP_READ, 0, &type), x);
    assert_ptr_equal(node_binary(s->graph, OP_SUB, x, y), node_binary(s->graph, OP_SUB, x, y));
    assert_ptr_not_equal(node_binary(s->graph, OP_SUB, x, y), node_binary(s->graph, OP_SUB, y, x));
    assert_ptr_not_equal(node_binary(s->graph, OP_SUB, x, y), node_binary(s->graph, OP_ADD, x, y));
    assert_ptr_equal(node_const(s->graph, ELEM_F64, 1), node_const(s->graph, ELEM_F64, 1));
    assert_ptr_not_equal(node_const(s->graph, ELEM_F64, 1), node_const(s->graph, ELEM_F32, 1));
    assert_ptr_not_equal(node_const(s->graph, ELEM_F64, 0), node_const(s->graph, ELEM_F64, -0.0));
}

static void attributes_tell_nodes_apart(void **state) {
    Scratch   *s      = *state;
    const Dim *dims[] = {scratch_dim(s, 3), scratch_dim(s, 3)};
    Type       type   = scratch_type(ELEM_F64, 2, dims);
    Node      *x      = scratch_slot(s, &type);
    assert_ptr_not_equal(node_reduce(s->graph, OP_SUM, x, 1, (int[]){0}),
                         node_reduce(s->graph, OP_SUM, x, 1, (int[]){1}));
    assert_ptr_equal(node_reduce(s->graph, OP_SUM, x, 2, (int[]){1, 0}),
                     node_reduce(s->graph, OP_SUM, x, 2, (int[]){0, 1}));
    assert_ptr_not_equal(node_iota(s->graph, &type, 0), node_iota(s->graph, &type, 1));
    assert_ptr_equal(node_permute(s->graph, x, (int[]){0, 1}), x);
    assert_ptr_equal(node_reduce(s->graph, OP_SUM, x, 0, NULL), x);
    assert_ptr_equal(node_cast(s->graph, ELEM_F64, x), x);
    assert_ptr_equal(node_reshape(s->graph, x, 2, dims), x);
}

static void random_sources_differ_by_key(void **state) {
    Scratch  *s    = *state;
    Type      type = vector(s, 3);
    RandomKey key = {5, 0}, place = {6, 0}, call = {5, 1};
    Node     *x = node_random(s->graph, OP_UNIFORM, &type, key);
    assert_ptr_equal(node_random(s->graph, OP_UNIFORM, &type, key), x);
    assert_ptr_not_equal(node_random(s->graph, OP_UNIFORM, &type, place), x);
    assert_ptr_not_equal(node_random(s->graph, OP_UNIFORM, &type, call), x);
    assert_ptr_not_equal(node_random(s->graph, OP_NORMAL, &type, key), x);
}

static void many_nodes_keep_their_identity(void **state) {
    Scratch *s     = *state;
    Node    *first = node_const(s->graph, ELEM_F64, 0.5);
    for (int i = 0; i < 5000; i++) node_const(s->graph, ELEM_F64, i); /* the table grows */
    int count = graph_node_count(s->graph);
    assert_ptr_equal(node_const(s->graph, ELEM_F64, 0.5), first);
    for (int i = 0; i < 5000; i++) node_const(s->graph, ELEM_F64, i);
    assert_int_equal(graph_node_count(s->graph), count);
    for (int id = 0; id < count; id++) assert_int_equal(graph_node_at(s->graph, id)->id, id);
}

/* ---- walks ---------------------------------------------------------------------------------------------------------------------- */

static void substitution_replaces_and_shares(void **state) {
    Scratch *s    = *state;
    Type     type = vector(s, 3);
    Node    *x = scratch_slot(s, &type), *y = scratch_slot(s, &type), *z = scratch_slot(s, &type);
    Node    *sum = node_binary(s->graph, OP_ADD, x, y), *product = node_binary(s->graph, OP_MUL, sum, sum);
    Map     *map = map_new(s->arena);
    map_set(map, x, z);
    Node *replaced = graph_substitute(s->graph, product, map);
    assert_ptr_equal(replaced->inputs[0], node_binary(s->graph, OP_ADD, z, y));
    assert_ptr_equal(replaced->inputs[0], replaced->inputs[1]);
    assert_ptr_equal(graph_substitute(s->graph, y, map), y);
    Map *nothing = map_new(s->arena);
    assert_ptr_equal(graph_substitute(s->graph, product, nothing), product);
}

static void post_order_has_inputs_first(void **state) {
    Scratch *s    = *state;
    Type     type = vector(s, 3);
    Node    *x = scratch_slot(s, &type), *square = node_binary(s->graph, OP_MUL, x, x);
    Node    *sum   = node_binary(s->graph, OP_ADD, square, x);
    Map     *seen  = map_new(s->arena);
    NodeVec  order = {0};
    graph_post_order(s->arena, sum, seen, &order);
    assert_int_equal(order.len, 3);
    assert_ptr_equal(order.data[0], x);
    assert_ptr_equal(order.data[1], square);
    assert_ptr_equal(order.data[2], sum);
    graph_post_order(s->arena, node_unary(s->graph, OP_NEG, sum), seen, &order);
    assert_int_equal(order.len, 4);
    graph_post_order(s->arena, NULL, seen, &order);
    assert_int_equal(order.len, 4);
}

/* ---- depth ------------------------------------------------------------------------------------------------------------------------ */

enum { DEPTH = 100000 };

/* sum(sin(sin(... x))), which no rule shortens. */
static Node *deep_loss(Scratch *s, Node *x) {
    for (int i = 0; i < DEPTH; i++) x = node_unary(s->graph, OP_SIN, x);
    return node_reduce(s->graph, OP_SUM, x, 1, (int[]){0});
}

static void deep_gradients_do_not_overflow_the_stack(void **state) {
    Scratch *s    = *state;
    Type     type = vector(s, 2);
    Node    *x = scratch_slot(s, &type), *loss = deep_loss(s, x);
    Fn      *fn = scratch_fn(s, FN_TRAIN, "train");
    scratch_result(s, fn, loss);
    scratch_update(s, fn, 0, node_binary(s->graph, OP_GRAD, loss, x));
    assert_true(graph_add_gradients(&s->c, s->program));
    InterpArgs args   = scratch_args(s);
    InterpRun  before = interp_run(s->arena, s->program, fn, &args);
    graph_optimise(&s->c, s->program);
    program_verify(s->program, "graph_optimise");
    assert_true(graph_node_count(s->program->graph) > 2 * DEPTH);
    InterpRun after = interp_run(s->arena, s->program, fn, &args);
    assert_true(before.results[0].data[0] == after.results[0].data[0]);
}

static void deep_kernels_do_not_overflow_the_stack(void **state) {
    Scratch *s    = *state;
    Type     type = vector(s, 2);
    Fn      *fn   = scratch_fn(s, FN_EVAL, "eval");
    scratch_result(s, fn, deep_loss(s, scratch_slot(s, &type)));
    Plan *plan = kernels_from_graph(&s->c, s->program);
    plan_from_kernels(&s->c, plan);
    assert_true(plan->fns.data[0]->kernels.len >= 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_nodes_are_one, setup, teardown),
        cmocka_unit_test_setup_teardown(attributes_tell_nodes_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(random_sources_differ_by_key, setup, teardown),
        cmocka_unit_test_setup_teardown(many_nodes_keep_their_identity, setup, teardown),
        cmocka_unit_test_setup_teardown(substitution_replaces_and_shares, setup, teardown),
        cmocka_unit_test_setup_teardown(post_order_has_inputs_first, setup, teardown),
        cmocka_unit_test_setup_teardown(deep_gradients_do_not_overflow_the_stack, setup, teardown),
        cmocka_unit_test_setup_teardown(deep_kernels_do_not_overflow_the_stack, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
