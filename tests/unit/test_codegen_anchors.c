/* What a convolution does at its anchors beside loading and storing: asking for what its epilogue will read and write, computing what it loads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "codegen/convolution.h"
#include "codegen/harness.h"
#include "opt/opt.h"

/* ---- asking ahead ------------------------------------------------------------------------------------------------------------------- */

typedef struct Ahead {
    Convolution shape;
    int64_t     batch;
    bool        filtered;   /* minimal filtering is allowed */
    int         prefetches; /* of each kind: of what the epilogue reads, and of what it writes */
} Ahead;

static const Ahead aheads[] = {
    {{8, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, true, true},
    {{7, 10, 32, 48, {3, 3}, 1, 1, 1, 1, 1}, 21, true, true},
    {{5, 13, 16, 80, {3, 3}, 1, 1, 0, 2, 1}, 23, true, true},
    {{7, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, true, false}, /* below 256 KB at 64 images, for which it is compiled */
    {{8, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, false, false},
};

/* A convolution beside another tensor of its results' shape. */
static Scratch *residual(const Ahead *a) {
    Scratch *s               = scratch_new(5);
    s->program->real         = ELEM_F32;
    s->c.options.no_winograd = !a->filtered;
    Node *y                  = convolution_part(s, &a->shape, scratch_symbol(s, "batch", a->batch), CONV_FORWARD);
    Type  type               = y->type;
    scratch_result(s, scratch_fn(s, FN_PREDICT, "f"), node_binary(s->graph, OP_ADD, y, scratch_slot(s, &type)));
    graph_optimise(&s->c, s->program);
    return s;
}

static void test_ahead_taken(void **state) {
    static const char *const words[] = {", i32 0, i32 3, i32 1)", ", i32 1, i32 3, i32 1)"}; /* to read, to write */
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        Scratch *s = residual(&aheads[i]);
        int      lines[2];
        emitted_lines(s, 2, words, lines);
        if ((lines[0] > 0) != aheads[i].prefetches || (lines[1] > 0) != aheads[i].prefetches)
            fail_msg("convolution %zu: %d prefetches of reads, %d of writes", i, lines[0], lines[1]);
        scratch_free(s);
    }
}

static void test_ahead_results(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        Scratch *s = residual(&aheads[i]);
        check_program(s, 3e-4);
        scratch_free(s);
    }
}

/* ---- computed in loads -------------------------------------------------------------------------------------------------------------- */

typedef struct Loads {
    Convolution shape;
    int64_t     batch;
    bool        filtered, twice, dear; /* twice: what is loaded is made of two tensors; dear: by much work */
    bool        taken;
} Loads;

static const Loads loads[] = {
    {{16, 16, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 16, true, false, false, true},
    {{10, 7, 32, 48, {3, 3}, 1, 1, 1, 1, 1}, 30, true, false, false, true},
    {{6, 13, 16, 80, {3, 3}, 1, 1, 0, 2, 1}, 53, true, false, false, true},
    {{7, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 64, true, false, false, false},   /* below 256 KB */
    {{10, 7, 32, 40, {3, 3}, 1, 1, 1, 1, 1}, 30, true, false, false, false},  /* part of a vector of filters */
    {{10, 7, 16, 112, {3, 3}, 1, 1, 1, 1, 1}, 60, true, false, false, false}, /* several blocks of filters */
    {{16, 16, 16, 16, {3, 3}, 2, 1, 1, 1, 1}, 16, true, false, false, false},
    {{16, 16, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 16, false, false, false, false},
    {{16, 16, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 16, true, true, false, false},
    {{16, 16, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 16, true, false, true, false},
};

static Node *along_channels(Scratch *s, const Type *type) {
    static const int axes[] = {0, 1, 2};
    Type             column = {.elem = type->elem, .rank = 1, .dims = {type->dims[3]}};
    return node_expand(s->graph, scratch_slot(s, &column), type, 3, axes);
}

/* max(0, (x - m) c + d), channel by channel, as a norm and a rectifier make it. */
static Node *rectified(Scratch *s, const Loads *l, Node *x) {
    Graph *g    = s->graph;
    Type   type = x->type;
    if (l->twice) x = node_binary(g, OP_ADD, x, scratch_slot(s, &type));
    for (int i = 0; l->dear && i < 3; i++) x = node_unary(g, OP_TANH, x);
    Node *centred = node_binary(g, OP_SUB, x, along_channels(s, &type));
    Node *y       = node_binary(g, OP_MUL, centred, along_channels(s, &type));
    y             = node_binary(g, OP_ADD, y, along_channels(s, &type));
    Node *zero    = node_fill(g, &type, 0);
    return node_select(g, node_binary(g, OP_LE, y, zero), zero, y);
}

/* A convolution of such an image and its kernel's gradient. */
static Scratch *loading(const Loads *l) {
    Scratch *s               = scratch_new(7);
    s->program->real         = ELEM_F32;
    s->c.options.no_winograd = !l->filtered;
    const Dim *batch         = scratch_symbol(s, "batch", l->batch);
    Fn        *fn            = scratch_fn(s, FN_PREDICT, "f");
    Node      *parts[2]      = {convolution_part(s, &l->shape, batch, CONV_FORWARD),
                                convolution_part(s, &l->shape, batch, CONV_KERNEL_GRADIENT)};
    Map       *images        = map_new(s->c.arena);
    Node      *image[2], *value = NULL;
    for (int i = 0; i < 2; i++) {
        const Node *dot = parts[i];
        while (dot->op != OP_DOT) dot = dot->inputs[0];
        image[i] = dot->inputs[0];
        while (image[i]->op != OP_READ) image[i] = image[i]->inputs[0];
        if (!value) value = rectified(s, l, image[i]);
        map_set(images, image[i], value);
    }
    for (int i = 0; i < 2; i++) scratch_result(s, fn, graph_substitute(s->graph, parts[i], images));
    graph_optimise(&s->c, s->program);
    return s;
}

/* Whole tiles are stored from the registers wherever a convolution is filtered: the residual's epilogue is short. */
static void test_registers_taken(void **state) {
    static const char *const words[] = {"by_registers"};
    (void)state;
    for (size_t i = 0; i < sizeof aheads / sizeof *aheads; i++) {
        Scratch *s = residual(&aheads[i]);
        int      lines;
        emitted_lines(s, 1, words, &lines);
        if (aheads[i].filtered && lines == 0) fail_msg("convolution %zu: by scratch alone", i);
        scratch_free(s);
    }
}

static void test_loads_taken(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        Scratch *s       = loading(&loads[i]);
        int      buffers = kernels_from_graph(&s->c, s->program)->fns.data[0]->buffers.len;
        if (buffers != !loads[i].taken) fail_msg("convolution %zu: %d buffers", i, buffers);
        static const char *const words[] = {"call void @nnc.winograd.elements", "call void @nnc.winograd.slopes"};
        int                      calls[2];
        emitted_lines(s, 2, words, calls);
        if (loads[i].taken && (calls[0] || !calls[1])) fail_msg("convolution %zu: not by minimal filtering", i);
        scratch_free(s);
    }
}

static void test_loads_results(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
        Scratch *s = loading(&loads[i]);
        check_program(s, loads[i].filtered ? 4e-3 : 1e-3); /* sums of up to 16 Ki products of up to 8 */
        scratch_free(s);
    }
}

/* ---- sums beside a mask --------------------------------------------------------------------------------------------------------------- */

/* What flows back through a rectifier and a norm: the input's gradient where max(0, (x - m) c + d) is above 0, and its sums over all
 * positions, one of them of its product with x - m. Returns how many sums come out of the epilogue. `other`: the mask is of another tensor. */
static int masked_sums(const Convolution *shape, int64_t batch, bool other) {
    static const int axes[] = {0, 1, 2};
    Scratch         *s      = scratch_new(9);
    Graph           *g      = s->graph;
    s->program->real        = ELEM_F32;
    Fn   *fn                = scratch_fn(s, FN_PREDICT, "f");
    Node *dx                = convolution_part(s, shape, scratch_symbol(s, "batch", batch), CONV_INPUT_GRADIENT);
    Type  type              = dx->type;
    Node *x = scratch_slot(s, &type), *zero = node_fill(g, &type, 0);
    Node *h       = rectified(s, &(Loads){.twice = false}, other ? scratch_slot(s, &type) : x);
    Node *masked  = node_select(g, node_binary(g, OP_LE, h, zero), zero, dx);
    Node *centred = node_binary(g, OP_SUB, x, along_channels(s, &type));
    scratch_result(s, fn, masked);
    scratch_result(s, fn, node_reduce(g, OP_SUM, node_binary(g, OP_MUL, masked, centred), 3, axes));
    scratch_result(s, fn, node_reduce(g, OP_SUM, masked, 3, axes));
    graph_optimise(&s->c, s->program);
    const FnPlan *plan = kernels_from_graph(&s->c, s->program)->fns.data[0];
    int           sums = 0;
    for (int i = 0; i < plan->kernels.len; i++)
        if (plan->kernels.data[i]->template == TEMPLATE_CONTRACT) sums += plan->kernels.data[i]->reductions.len;
    check_program(s, 2e-2); /* sums over some hundred positions of sums of some hundred products */
    scratch_free(s);
    return sums;
}

static void test_masked_sums(void **state) {
    (void)state;
    assert_int_equal(masked_sums(&(Convolution){8, 8, 16, 32, {3, 3}, 1, 1, 1, 1, 1}, 5, false), 2);
    assert_int_equal(masked_sums(&(Convolution){9, 7, 20, 16, {3, 2}, 1, 1, 1, 1, 1}, 5, false), 2);
    assert_int_equal(masked_sums(&(Convolution){8, 8, 16, 32, {3, 3}, 1, 1, 1, 1, 1}, 5, true), 0);
}

/* x <= 0 ? 0 : x, which is one instruction: not a number stays so, and zeros are zeros. */
static void test_rectifier(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        Scratch   *s      = scratch_new(12);
        ElemType   elem   = i ? ELEM_F64 : ELEM_F32;
        const Dim *dims[] = {scratch_dim(s, 37)};
        Type       type   = scratch_type(elem, 1, dims);
        s->program->real  = elem;
        Node *x = scratch_slot(s, &type), *zero = node_fill(s->graph, &type, 0);
        scratch_result(s, scratch_fn(s, FN_PREDICT, "f"),
                       node_select(s->graph, node_binary(s->graph, OP_LE, x, zero), zero, x));
        double special[] = {NAN, -0.0, 0, INFINITY, -INFINITY, NAN};
        for (int k = 0; k < 6; k++) s->slots[0].data[7 * k] = special[k];
        check_program(s, 0);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_registers_taken), cmocka_unit_test(test_ahead_taken),
                                       cmocka_unit_test(test_ahead_results),   cmocka_unit_test(test_loads_taken),
                                       cmocka_unit_test(test_loads_results),   cmocka_unit_test(test_masked_sums),
                                       cmocka_unit_test(test_rectifier)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
