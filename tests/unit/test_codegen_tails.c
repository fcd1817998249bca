/* Loops that run over a product's images as its tail, and windows' largest elements, compiled and compared with the interpreter. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "codegen/convolution.h"
#include "codegen/harness.h"
#include "opt/opt.h"

typedef struct Pool {
    int64_t size, stride, before;
    bool    largest; /* else the sum */
    bool    line;    /* along columns alone */
} Pool;

static int64_t positions(const Pool *pool, int64_t extent) {
    return (extent + 2 * pool->before - pool->size) / pool->stride + 1;
}

/* [..., n, ...] to [..., positions, size, ...]; the largest element of what is outside alone is -infinity. */
static Node *windows_along(Scratch *s, const Pool *pool, Node *x, int axis) {
    int64_t extent;
    Type    type  = x->type;
    int     fresh = axis + 1;
    assert_true(dim_is_const(type.dims[axis], &extent));
    for (int i = type.rank++; i > fresh; i--) type.dims[i] = type.dims[i - 1];
    type.dims[fresh] = scratch_dim(s, pool->size);
    Slide slide      = {.axis     = (int8_t)axis,
                        .by       = (int8_t)fresh,
                        .step     = (int32_t)pool->stride,
                        .dilation = 1,
                        .divisor  = 1,
                        .before   = scratch_dim(s, pool->before),
                        .fill     = pool->largest ? -INFINITY : 0};
    return node_slide(s->graph, node_expand(s->graph, x, &type, 1, &fresh), &slide,
                      scratch_dim(s, positions(pool, extent)));
}

static Node *pooled(Scratch *s, const Pool *pool, Node *x) {
    static const int line[] = {3}, windows[] = {2, 4};
    Op               op = pool->largest ? OP_REDUCE_MAX : OP_SUM;
    if (pool->line) return node_reduce(s->graph, op, windows_along(s, pool, x, 2), 1, line);
    return node_reduce(s->graph, op, windows_along(s, pool, windows_along(s, pool, x, 1), 3), 2, windows);
}

static Node *rectified(Scratch *s, Node *x) {
    Node *zero = node_fill(s->graph, &x->type, 0);
    return node_select(s->graph, node_binary(s->graph, OP_LE, x, zero), zero, x);
}

/* ---- tails ------------------------------------------------------------------------------------------------------------------------ */

typedef struct Row {
    Convolution conv;
    Pool        pool;
    int64_t     images;
    bool        seen;   /* the convolution's result is a result of the function, too */
    bool        around; /* elementwise work before the pooling and behind */
    bool        passed; /* what is expected */
    int64_t     band;
    bool        apart; /* a kernel of its own: images in bands, windows that overlap */
} Row;

/* The function's first product with a tail. */
static const Kernel *find_tailed(const Plan *plan, int fn) {
    const FnPlan *of = plan->fns.data[fn];
    for (int i = 0; i < of->kernels.len; i++)
        if (of->kernels.data[i]->tail) return of->kernels.data[i];
    return NULL;
}

static void check_row(const Row *row, bool known, ElemType real) {
    Scratch *s        = scratch_new(11);
    s->program->real  = real;
    const Dim *images = known ? scratch_dim(s, row->images) : scratch_symbol(s, "batch", row->images);
    Fn        *fn     = scratch_fn(s, FN_PREDICT, "f");
    Node      *y      = convolution_part(s, &row->conv, images, CONV_FORWARD);
    if (row->around) y = rectified(s, y);
    Node *z = pooled(s, &row->pool, y);
    if (row->around) z = node_binary(s->graph, OP_MUL, z, z);
    scratch_result(s, fn, z);
    if (row->seen) scratch_result(s, fn, y);
    graph_optimise(&s->c, s->program);
    Plan         *plan   = kernels_from_graph(&s->c, s->program);
    const Kernel *kernel = find_tailed(plan, 0);
    assert_non_null(kernel);
    assert_ptr_equal(plan->fns.data[0]->kernels.data[kernel->index + 1], kernel->tail);
    assert_int_equal(kernel->tail_band, row->band);
    assert_int_equal(kernel->stores.data[0].passed, row->passed);
    static const char *const word  = "_map(ptr %0, ptr %1, i64 %2"; /* a tail's parameters */
    int                      lines = 0;
    emitted_lines(s, 1, &word, &lines);
    assert_int_equal(lines, !row->apart);
    check_program(s, real == ELEM_F64 ? 1e-11 : 4e-4);
    scratch_free(s);
}

/* Read in place, from a copy with zeros around, by minimal filtering; several chunks of several images, the last of them smaller; images in bands, with
 * rows left over at the end or windows that reach out there; columns in several blocks. */
static void test_tails(void **state) {
    (void)state;
    static const Row rows[] = {
        {{12, 10, 3, 8, {3, 3}, 1, 1, 0, 0, 1}, {2, 2, 0, true, false}, 23, false, false, true, 2, false},
        {{11, 13, 2, 6, {3, 3}, 1, 1, 1, 1, 1}, {2, 2, 0, true, false}, 23, true, false, false, 2, false},
        {{9, 9, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, {3, 2, 1, true, false}, 31, false, true, true, 0, false},
        {{16, 16, 16, 32, {3, 3}, 1, 1, 1, 1, 1}, {2, 2, 0, false, false}, 9, false, true, true, 2, false},
        {{15, 15, 4, 24, {5, 5}, 2, 1, 2, 2, 1}, {3, 1, 1, false, false}, 40, true, true, false, 0, false},
        {{7, 7, 8, 8, {2, 2}, 1, 1, 0, 0, 1}, {3, 3, 0, true, false}, 70, false, false, true, 3, false},
        {{71, 69, 1, 6, {3, 3}, 1, 1, 1, 1, 1}, {2, 2, 0, true, false}, 3, false, true, true, 2, false},
        {{70, 70, 2, 8, {5, 3}, 1, 1, 1, 1, 1}, {4, 4, 0, false, false}, 3, true, false, false, 4, false},
        {{16, 16, 3, 24, {3, 3}, 1, 1, 1, 1, 1}, {3, 1, 1, false, false}, 5, false, false, true, 0, false},
        {{10, 14, 3, 6, {3, 3}, 1, 1, 1, 1, 1}, {5, 1, 2, false, true}, 12, false, true, true, 1, false},
        {{10, 15, 3, 16, {3, 3}, 1, 1, 1, 1, 1}, {3, 1, 1, false, true}, 12, true, false, false, 1, false},
        {{68, 66, 2, 6, {3, 3}, 1, 1, 1, 1, 1}, {3, 2, 0, true, false}, 3, false, false, true, 0, true},
        {{7, 6, 64, 272, {3, 3}, 1, 1, 1, 1, 1}, {2, 1, 0, true, false}, 5, false, true, true, 0, false},
        {{6, 8, 130, 144, {3, 3}, 2, 1, 0, 0, 1}, {2, 2, 0, false, false}, 120, false, false, true, 2, false},
        {{90, 64, 3, 5, {3, 3}, 1, 1, 1, 1, 1}, {3, 2, 1, true, false}, 2, false, true, true, 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_row(&rows[i], false, ELEM_F32);
        if (i % 3 == 1) check_row(&rows[i], true, ELEM_F64);
    }
}

/* Two values that only the tail reads, each of its own place. */
static void test_two_passed(void **state) {
    (void)state;
    Scratch          *s    = scratch_new(5);
    const Convolution conv = {10, 9, 3, 8, {3, 3}, 1, 1, 1, 1, 1};
    Node             *y    = convolution_part(s, &conv, scratch_symbol(s, "batch", 20), CONV_FORWARD);
    Node *waves = node_unary(s->graph, OP_SIN, node_unary(s->graph, OP_EXP, node_unary(s->graph, OP_TANH, y)));
    Node *sum = pooled(s, &(Pool){3, 2, 1, false, false}, y), *most = pooled(s, &(Pool){3, 2, 1, true, false}, waves);
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), node_binary(s->graph, OP_MUL, sum, most));
    graph_optimise(&s->c, s->program);
    const Kernel *kernel = find_tailed(kernels_from_graph(&s->c, s->program), 0);
    assert_non_null(kernel);
    assert_int_equal(kernel->stores.len, 2);
    assert_true(kernel->stores.data[0].passed && kernel->stores.data[1].passed);
    check_program(s, 4e-4);
    scratch_free(s);
}

/* What adds up images, or looks at another one, is no tail. */
static void test_no_tails(void **state) {
    (void)state;
    static const int before[] = {0, 1, 2};
    for (int i = 0; i < 2; i++) {
        Scratch          *s      = scratch_new(3);
        const Convolution conv   = {8, 8, 4, 8, {3, 3}, 1, 1, 1, 1, 1};
        Node             *y      = convolution_part(s, &conv, scratch_symbol(s, "batch", 7), CONV_FORWARD);
        Slide             turned = {.axis = 0, .by = -1, .step = -1, .divisor = 1, .before = scratch_dim(s, -6)};
        Node             *z      = i ? node_slide(s->graph, y, &turned, y->type.dims[0])
                                     : node_reduce(s->graph, OP_SUM, node_binary(s->graph, OP_MUL, y, y), 3, before);
        if (i) z = pooled(s, &(Pool){2, 2, 0, true, false}, z);
        Fn *fn = scratch_fn(s, FN_PREDICT, "f");
        scratch_result(s, fn, z);
        scratch_result(s, fn, y);
        graph_optimise(&s->c, s->program);
        assert_null(find_tailed(kernels_from_graph(&s->c, s->program), 0));
        check_program(s, 4e-4);
        scratch_free(s);
    }
}

/* ---- the largest element of a window ------------------------------------------------------------------------------------------------------- */

/* Not a number wherever one is in the window, in f32 and f64, with an odd and an even number of elements; signed zeros and infinities. */
static void test_largest(void **state) {
    (void)state;
    static const Pool pools[] = {
        {2, 2, 0, true, false}, {3, 1, 1, true, false}, {3, 2, 0, true, false}, {1, 1, 0, true, false}};
    for (int i = 0; i < 8; i++) {
        Scratch   *s      = scratch_new(12);
        ElemType   elem   = i % 2 ? ELEM_F64 : ELEM_F32;
        const Dim *dims[] = {scratch_dim(s, 3), scratch_dim(s, 9), scratch_dim(s, 8), scratch_dim(s, i < 4 ? 6 : 16)};
        Type       type   = scratch_type(elem, 4, dims);
        double     special[] = {NAN, -0.0, INFINITY, -INFINITY, 0};
        s->program->real     = elem;
        Node *x              = scratch_slot(s, &type);
        scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), pooled(s, &pools[i / 2], x));
        for (int64_t k = 0; k < s->slots[0].count; k += 7) s->slots[0].data[k] = special[k / 7 % 5];
        check_program(s, 0);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tails), cmocka_unit_test(test_two_passed),
                                       cmocka_unit_test(test_no_tails), cmocka_unit_test(test_largest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
