/* Compiled kernels against the interpreter: each template, with constant and symbolic dims, sizes around the vector width. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "codegen/codegen.h"
#include "codegen/harness.h"

typedef struct Shape { /* a matrix, its dims constant or symbolic */
    int64_t rows, columns;
    bool    symbolic;
} Shape;

static const Shape shapes[] = {{1, 1, false},   {5, 10, false}, {7, 16, false}, {3, 33, false}, {9, 32, false},
                               {6, 200, false}, {4, 300, true}, {11, 7, true},  {64, 16, true}, {300, 130, true}};
enum { SHAPE_COUNT = sizeof shapes / sizeof *shapes };

static Scratch *program(ElemType real) {
    Scratch *s       = scratch_new(42);
    s->program->real = real;
    return s;
}

static Type matrix(Scratch *s, ElemType elem, const Shape *shape) {
    const Dim *dims[2];
    dims[0] = shape->symbolic ? scratch_symbol(s, "rows", shape->rows) : scratch_dim(s, shape->rows);
    dims[1] = shape->symbolic ? scratch_symbol(s, "columns", shape->columns) : scratch_dim(s, shape->columns);
    return scratch_type(elem, 2, dims);
}

static Node *spread(Scratch *s, Node *x, const Type *shape, int new_axis) {
    return node_expand(s->graph, x, shape, 1, &new_axis);
}

static double tolerance(ElemType real) {
    return real == ELEM_F64 ? 1e-12 : 2e-5;
}

typedef void Build(Scratch *s, Fn *fn, const Type *type);

static void for_shapes(Build *build) {
    static const ElemType reals[] = {ELEM_F32, ELEM_F64};
    for (int r = 0; r < 2; r++) {
        for (int i = 0; i < SHAPE_COUNT; i++) {
            Scratch *s    = program(reals[r]);
            Type     type = matrix(s, reals[r], &shapes[i]);
            build(s, scratch_fn(s, FN_PREDICT, "f"), &type);
            check_program(s, tolerance(reals[r]));
            scratch_free(s);
        }
    }
}

static void build_map(Scratch *s, Fn *fn, const Type *type) {
    Node *x = scratch_slot(s, type), *y = scratch_slot(s, type);
    Node *sum = node_binary(s->graph, OP_ADD, node_binary(s->graph, OP_MUL, x, y), node_unary(s->graph, OP_EXP, x));
    scratch_result(s, fn, sum);
    scratch_update(s, fn, 1, node_binary(s->graph, OP_SUB, y, node_fill(s->graph, type, 0.25)));
}

static void test_map(void **state) {
    (void)state;
    for_shapes(build_map);
}

static void build_softmax(Scratch *s, Fn *fn, const Type *type) {
    int   last    = 1;
    Node *x       = scratch_slot(s, type);
    Node *largest = spread(s, node_reduce(s->graph, OP_REDUCE_MAX, x, 1, &last), type, 1);
    Node *e       = node_unary(s->graph, OP_EXP, node_binary(s->graph, OP_SUB, x, largest));
    Node *sum     = node_reduce(s->graph, OP_SUM, e, 1, &last);
    scratch_result(s, fn, node_binary(s->graph, OP_DIV, e, spread(s, sum, type, 1)));
    scratch_result(s, fn, node_unary(s->graph, OP_LOG, sum));
    scratch_result(s, fn, node_reduce(s->graph, OP_ARGMAX, x, 1, &last));
}

static void test_softmax(void **state) {
    (void)state;
    for_shapes(build_softmax);
}

/* The largest of rows some of which hold NaN: roots of numbers below 0. */
static void build_largest(Scratch *s, Fn *fn, const Type *type) {
    int   last = 1;
    Node *x    = scratch_slot(s, type);
    for (int i = 0; i < 3; i++) {
        Node *moved = node_binary(s->graph, OP_ADD, x, node_fill(s->graph, type, i));
        Node *m     = node_reduce(s->graph, OP_REDUCE_MAX, node_unary(s->graph, OP_SQRT, moved), 1, &last);
        Node *known = node_binary(s->graph, OP_EQ, m, m);
        scratch_result(s, fn, known);
        scratch_result(s, fn, node_select(s->graph, known, m, node_fill(s->graph, &m->type, -1)));
    }
    scratch_result(s, fn, node_reduce(s->graph, OP_REDUCE_MAX, node_unary(s->graph, OP_NEG, x), 1, &last));
}

static void test_largest(void **state) {
    (void)state;
    for_shapes(build_largest);
}

static void build_sums(Scratch *s, Fn *fn, const Type *type) {
    int   first = 0, both[] = {0, 1}, last = 1;
    Node *x = scratch_slot(s, type), *square = node_binary(s->graph, OP_MUL, x, x);
    scratch_result(s, fn, node_reduce(s->graph, OP_SUM, x, 1, &first));
    scratch_result(s, fn, node_reduce(s->graph, OP_SUM, square, 2, both));
    Node *rows = node_unary(s->graph, OP_SQRT, node_reduce(s->graph, OP_SUM, square, 1, &last));
    int   zero = 0;
    scratch_result(s, fn, node_reduce(s->graph, OP_SUM, rows, 1, &zero));
    scratch_result(s, fn, node_reduce(s->graph, OP_REDUCE_MAX, x, 2, both));
}

static void test_sums(void **state) {
    (void)state;
    for_shapes(build_sums);
}

/* Statistics of columns used on the points again, as batch norm does. */
static void build_columns(Scratch *s, Fn *fn, const Type *type) {
    int   first = 0;
    Node *x = scratch_slot(s, type), *mean = node_reduce(s->graph, OP_SUM, x, 1, &first);
    Node *scaled = node_binary(s->graph, OP_MUL, mean, node_fill(s->graph, &mean->type, 1.0 / 64));
    Node *rest   = node_binary(s->graph, OP_SUB, x, spread(s, scaled, type, 0));
    scratch_result(s, fn, rest);
    scratch_result(s, fn, node_reduce(s->graph, OP_SUM, node_binary(s->graph, OP_MUL, rest, rest), 1, &first));
}

static void test_columns(void **state) {
    (void)state;
    for_shapes(build_columns);
}

static void build_movement(Scratch *s, Fn *fn, const Type *type) {
    Node      *x = scratch_slot(s, type), *y = scratch_slot(s, type);
    int        swapped[] = {1, 0};
    const Dim *zero = scratch_dim(s, 0), *one = scratch_dim(s, 1);
    Node      *t = node_permute(s->graph, node_binary(s->graph, OP_ADD, x, y), swapped);
    scratch_result(s, fn, t);
    Node *parts[] = {x, node_unary(s->graph, OP_NEG, y)};
    scratch_result(s, fn, node_concat(s->graph, 2, parts, 1));
    scratch_result(s, fn, node_concat(s->graph, 2, parts, 0));
    Type wide                   = *type;
    wide.dims[0]                = dim_add(s->dims, type->dims[0], one);
    wide.dims[1]                = dim_add(s->dims, type->dims[1], scratch_dim(s, 3));
    const Dim *before[MAX_RANK] = {one, one};
    Node      *padded           = node_pad(s->graph, x, before, &wide);
    scratch_result(s, fn, padded);
    const Dim *from[MAX_RANK] = {zero, one};
    scratch_result(s, fn, node_slice(s->graph, node_unary(s->graph, OP_EXP, padded), from, type));
    const Dim *flat = dim_mul(s->dims, type->dims[0], type->dims[1]);
    scratch_result(s, fn, node_reshape(s->graph, node_binary(s->graph, OP_MUL, x, y), 1, &flat));
    const Dim *turned[] = {type->dims[1], type->dims[0]};
    scratch_result(s, fn, node_reshape(s->graph, node_unary(s->graph, OP_TANH, t), 1, &flat));
    scratch_result(s, fn, node_reshape(s->graph, node_unary(s->graph, OP_ABS, x), 2, turned));
}

static void test_movement(void **state) {
    (void)state;
    for_shapes(build_movement);
}

static void build_dot(Scratch *s, Fn *fn, const Type *type) {
    Type       square = *type;
    const Dim *units  = scratch_dim(s, 24);
    square.dims[0] = type->dims[1], square.dims[1] = units;
    Type out    = *type;
    out.dims[1] = units;
    Node   *x = scratch_slot(s, type), *w = scratch_slot(s, &square), *g = scratch_slot(s, &out);
    Type    row     = {.elem = type->elem, .rank = 1, .dims = {units}};
    Node   *bias    = scratch_slot(s, &row);
    DotAxes forward = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    Node   *h       = node_binary(s->graph, OP_ADD, node_dot(s->graph, x, w, &forward), spread(s, bias, &out, 0));
    Node   *zero    = node_fill(s->graph, &out, 0);
    scratch_result(s, fn, node_select(s->graph, node_binary(s->graph, OP_LT, zero, h), h, zero));
    DotAxes weights = {.n_contract = 1, .left_contract = {0}, .right_contract = {0}};
    Node   *dw      = node_dot(s->graph, x, g, &weights);
    scratch_update(
        s, fn, 1,
        node_binary(s->graph, OP_SUB, w, node_binary(s->graph, OP_MUL, dw, node_fill(s->graph, &square, 0.125))));
    DotAxes input = {.n_contract = 1, .left_contract = {1}, .right_contract = {1}};
    scratch_result(s, fn, node_dot(s->graph, g, w, &input));
    Type    column = {.elem = type->elem, .rank = 1, .dims = {type->dims[1]}};
    Node   *v      = scratch_slot(s, &column);
    DotAxes vector = {.n_contract = 1, .left_contract = {1}, .right_contract = {0}};
    scratch_result(s, fn, node_dot(s->graph, x, v, &vector));
}

static void test_dot(void **state) {
    (void)state;
    for_shapes(build_dot);
}

/* Values of a point put together along an axis more, wherever that stands: by concatenation, and as a sum of padded parts. */
static void build_spread(Scratch *s, Fn *fn, const Type *type) {
    Node *x = scratch_slot(s, type), *y = scratch_slot(s, type);
    Node *points[] = {node_unary(s->graph, OP_TANH, x), node_binary(s->graph, OP_MUL, x, y), NULL};
    points[2]      = node_binary(s->graph, OP_SUB, points[0], points[1]);
    for (int axis = 0; axis < 3; axis++) {
        Type part = {.elem = type->elem, .rank = 3}, whole;
        for (int i = 0, from = 0; i < 3; i++) part.dims[i] = i == axis ? scratch_dim(s, 1) : type->dims[from++];
        whole            = part;
        whole.dims[axis] = scratch_dim(s, 3);
        Node *parts[3], *sum = NULL;
        for (int i = 0; i < 3; i++) {
            const Dim *offsets[3] = {scratch_dim(s, 0), scratch_dim(s, 0), scratch_dim(s, 0)};
            offsets[axis]         = scratch_dim(s, 2 - i);
            parts[i]              = node_expand(s->graph, points[i], &part, 1, &axis);
            Node *padded          = node_pad(s->graph, parts[i], offsets, &whole);
            sum                   = sum ? node_binary(s->graph, OP_ADD, sum, padded) : padded;
        }
        scratch_result(s, fn, node_concat(s->graph, 3, parts, axis));
        scratch_result(s, fn, sum);
    }
    scratch_result(s, fn, points[2]);
}

static void test_spread(void **state) {
    (void)state;
    for_shapes(build_spread);
}

/* Operands whose rows, or whose k, run in two levels, as those of a sequence stored batch first do. */
static void build_two_levels(Scratch *s, Fn *fn, const Type *type) {
    const Dim *six = scratch_dim(s, 6), *gates = scratch_dim(s, 2), *units = scratch_dim(s, 32);
    const Dim *rows = type->dims[0], *columns = type->dims[1];
    Type       whole = scratch_type(type->elem, 3, (const Dim *[]){rows, six, columns});
    Type       wide  = scratch_type(type->elem, 3, (const Dim *[]){columns, gates, units});
    Type       out   = scratch_type(type->elem, 4, (const Dim *[]){six, rows, gates, units});
    Node      *x = scratch_slot(s, &whole), *w = scratch_slot(s, &wide), *g = scratch_slot(s, &out);
    int        turned[] = {1, 0, 2};
    Node      *t        = node_permute(s->graph, x, turned);
    DotAxes    forward  = {.n_contract = 1, .left_contract = {2}, .right_contract = {0}};
    scratch_result(s, fn, node_dot(s->graph, t, w, &forward));
    DotAxes sums = {.n_contract = 2, .left_contract = {0, 1}, .right_contract = {0, 1}};
    for (int i = 0; i < 2; i++) { /* scaled, as the errors of long sums are */
        Node *sum = node_dot(s->graph, i ? g : t, i ? t : g, &sums);
        scratch_result(s, fn, node_binary(s->graph, OP_MUL, sum, node_fill(s->graph, &sum->type, 0.0625)));
    }
}

static void test_two_levels(void **state) {
    (void)state;
    for_shapes(build_two_levels);
}

static void build_indexed(Scratch *s, Fn *fn, const Type *type) {
    Type    indices = {.elem = ELEM_I32, .rank = 1, .dims = {type->dims[0]}};
    Node   *x = scratch_slot(s, type), *index = scratch_slot(s, &indices), *values = scratch_slot(s, type);
    int64_t rows = s->slots[0].dims[0];
    for (int64_t i = 0; i < rows; i++) s->slots[1].data[i] = (double)scratch_below(s, (int)rows);
    scratch_result(s, fn, node_binary(s->graph, OP_MUL, node_gather(s->graph, x, index), values));
    scratch_result(s, fn, node_scatter_add(s->graph, values, index, type->dims[0]));
    scratch_result(s, fn, fn->results.data[1].value);
}

static void test_indexed(void **state) {
    (void)state;
    for_shapes(build_indexed);
}

/* A sum of few rows, with some of them named several times, into a table of over 4 MB that elementwise work reads alone: no buffer is as large. */
static Fn *build_table(Scratch *s, int64_t bad) {
    const Dim *rows = scratch_dim(s, 2200), *columns = scratch_dim(s, 512), *batch = scratch_symbol(s, "batch", 3),
              *places = scratch_dim(s, 8);
    Type  table       = scratch_type(s->program->real, 2, (const Dim *[]){rows, columns});
    Type  part        = scratch_type(s->program->real, 3, (const Dim *[]){batch, places, columns});
    Type  names       = {.elem = ELEM_I32, .rank = 2, .dims = {batch, places}};
    Fn   *fn          = scratch_fn(s, FN_PREDICT, "f");
    Node *x = scratch_slot(s, &table), *index = scratch_slot(s, &names), *values = scratch_slot(s, &part);
    for (int i = 0; i < 24; i++) s->slots[1].data[i] = scratch_below(s, 2) ? scratch_below(s, 2200) : 2199 - i % 3;
    if (bad) s->slots[1].data[7] = (double)bad;
    Node *sums = node_scatter_add(s->graph, values, index, rows);
    scratch_result(s, fn, node_binary(s->graph, OP_SUB, x, node_binary(s->graph, OP_MUL, sums, sums)));
    return fn;
}

static void check_table(ElemType real, double tolerance) {
    Scratch   *s     = program(real);
    Fn        *fn    = build_table(s, 0);
    InterpArgs args  = scratch_args(s);
    InterpRun  right = interp_run(s->arena, s->program, fn, &args);
    Compiled   code  = compiled_new(s, NULL);
    InterpRun  now   = interp_run(s->arena, s->program, fn, &args);
    assert_memory_equal(now.results[0].data, right.results[0].data, (size_t)right.results[0].count * sizeof(double));
    const FnPlan *plan = code.plan->fns.data[0];
    for (int i = 0; i < plan->buffers.len; i++)
        assert_false(plan->buffers.data[i].type.rank == 2 &&
                     plan->buffers.data[i].type.dims[0] == fn->results.data[0].value->type.dims[0]);
    uint64_t one, three;
    compiled_check(s, &code, 0, 1, tolerance, &one);
    compiled_check(s, &code, 0, 3, tolerance, &three);
    assert_true(one == three);
    compiled_free(&code);
    scratch_free(s);
}

static void test_table(void **state) {
    (void)state;
    check_table(ELEM_F32, 1e-5);
    check_table(ELEM_F64, 1e-13);
    for (int i = 0; i < 2; i++) {
        Scratch *s = program(ELEM_F32);
        build_table(s, i ? -1 : 2200);
        Compiled code = compiled_new(s, NULL);
        assert_int_equal(compiled_check(s, &code, 0, 1, 1e-5, NULL), NNRT_FAULT_INDEX);
        compiled_free(&code);
        scratch_free(s);
    }
}

static void test_fault(void **state) {
    (void)state;
    Scratch *s    = program(ELEM_F32);
    Type     type = matrix(s, ELEM_F32, &shapes[1]);
    Fn      *fn   = scratch_fn(s, FN_PREDICT, "f");
    build_indexed(s, fn, &type);
    s->slots[1].data[2] = 5;
    Compiled compiled   = compiled_new(s, NULL);
    assert_int_equal(compiled_check(s, &compiled, 0, 1, 1e-5, NULL), NNRT_FAULT_INDEX);
    compiled_free(&compiled);
    scratch_free(s);
}

static void build_random(Scratch *s, Fn *fn, const Type *type) {
    Node *x = scratch_slot(s, type);
    Node *u = node_random(s->graph, OP_UNIFORM, type, (RandomKey){77, 0}),
         *n = node_random(s->graph, OP_NORMAL, type, (RandomKey){77, 1});
    scratch_result(s, fn, node_binary(s->graph, OP_ADD, node_binary(s->graph, OP_MUL, x, u), n));
}

static void test_random(void **state) {
    (void)state;
    for_shapes(build_random);
}

static void build_types(Scratch *s, Fn *fn, const Type *type) {
    static const ElemType elems[] = {ELEM_I32, ELEM_I64, ELEM_U8, ELEM_BOOL, ELEM_BF16, ELEM_F16};
    Node                 *x       = scratch_slot(s, type);
    for (int i = 0; i < 6; i++) {
        Type other = *type;
        other.elem = elems[i];
        Node *y    = scratch_slot(s, &other);
        for (int64_t k = 0; k < s->slots[i + 1].count; k++)
            s->slots[i + 1].data[k] = (double)scratch_below(s, elems[i] == ELEM_BOOL ? 2 : 100);
        scratch_result(s, fn, node_binary(s->graph, OP_ADD, x, node_cast(s->graph, type->elem, y)));
        scratch_result(s, fn, node_cast(s->graph, elems[i], node_unary(s->graph, OP_ABS, x)));
    }
}

static void test_types(void **state) {
    (void)state;
    for_shapes(build_types);
}

static void test_scalars(void **state) {
    (void)state;
    Scratch *s  = program(ELEM_F32);
    Fn      *fn = scratch_fn(s, FN_TRAIN, "train");
    Type     t  = {.elem = ELEM_F64};
    Node    *a = scratch_slot(s, &t), *b = scratch_slot(s, &t);
    scratch_update(s, fn, 0, node_binary(s->graph, OP_ADD, a, b));
    scratch_update(s, fn, 1, node_binary(s->graph, OP_SUB, a, b));
    Type  integer = {.elem = ELEM_I64};
    Node *step    = node_ref(s->graph, OP_RUNTIME, RUNTIME_STEP, &integer);
    scratch_result(s, fn, node_binary(s->graph, OP_MUL, node_cast(s->graph, ELEM_F64, step), a));
    check_program(s, 1e-12);
    scratch_free(s);
}

/* Outputs that cannot be written are the user's errors. */
static void test_unwritable(void **state) {
    (void)state;
    static const char *const paths[] = {"/nonexistent/model.o", "/dev/full", "/"};
    for (int i = 0; i < 3; i++) {
        Scratch *s    = program(ELEM_F32);
        Type     type = matrix(s, ELEM_F32, &shapes[1]);
        build_map(s, scratch_fn(s, FN_PREDICT, "f"), &type);
        Plan *plan = kernels_from_graph(&s->c, s->program);
        plan_from_kernels(&s->c, plan);
        assert_false(object_from_plan(&s->c, plan, EMIT_OBJECT, OBJECT_PROGRAM, paths[i]));
        assert_int_equal(diags_error_count(s->c.diags), 1);
        scratch_free(s);
    }
}

/* The kernels in the module of a program with `count` functions that all compute a softmax. */
static int kernels_of(int count) {
    Scratch *s    = program(ELEM_F32);
    Type     type = matrix(s, ELEM_F32, &shapes[5]);
    for (int i = 0; i < count; i++)
        build_softmax(s, scratch_fn(s, FN_PREDICT, arena_printf(s->arena, "f%d", i)), &type);
    static const char *const words[] = {"i64 %1, i64 %2, i32 %3"}; /* of a kernel's definition */
    int                      kernels;
    emitted_lines(s, 1, words, &kernels);
    scratch_free(s);
    return kernels;
}

static void test_sharing(void **state) {
    (void)state;
    assert_true(kernels_of(1) > 0);
    assert_int_equal(kernels_of(3), kernels_of(1));
}

static void test_targets(void **state) {
    (void)state;
    static const char *const targets[] = {"x86-64-v2", "x86-64-v3", "x86-64-v4", "aarch64"};
    static Build *const      builds[]  = {build_softmax, build_dot, build_random, build_indexed};
    for (int i = 0; i < 16; i++) {
        Scratch *s    = program(ELEM_F32);
        Type     type = matrix(s, ELEM_F32, &shapes[3]);
        builds[i % 4](s, scratch_fn(s, FN_PREDICT, "f"), &type);
        s->c.options.target = targets[i / 4];
        Plan *plan          = kernels_from_graph(&s->c, s->program);
        plan_from_kernels(&s->c, plan);
        assert_true(object_from_plan(&s->c, plan, EMIT_OBJECT, OBJECT_PROGRAM, "/dev/null"));
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars), cmocka_unit_test(test_map),        cmocka_unit_test(test_softmax),
        cmocka_unit_test(test_sums),    cmocka_unit_test(test_columns),    cmocka_unit_test(test_movement),
        cmocka_unit_test(test_dot),     cmocka_unit_test(test_two_levels), cmocka_unit_test(test_spread),
        cmocka_unit_test(test_indexed), cmocka_unit_test(test_table),      cmocka_unit_test(test_fault),
        cmocka_unit_test(test_random),  cmocka_unit_test(test_types),      cmocka_unit_test(test_unwritable),
        cmocka_unit_test(test_sharing), cmocka_unit_test(test_targets),    cmocka_unit_test(test_largest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
