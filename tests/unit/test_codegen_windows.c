/* Convolutions and their gradients, compiled and compared with the interpreter, with 1 and 3 threads, which must give the same bits. Drawn
 * sizes, and those that take one way through the code: images in bands, several column blocks, images read in place. A failure names its
 * seed: NNC_TEST_SEED=n runs that program alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "autodiff/autodiff.h"
#include "codegen/convolution_check.h"
#include "codegen/harness.h"
#include "opt/opt.h"

enum { PROGRAMS = 12 };

static Convolution draw(Scratch *d) {
    Convolution v = {.height   = 1 + scratch_below(d, 12),
                     .width    = 1 + scratch_below(d, 12),
                     .channels = 1 + scratch_below(d, 7),
                     .filters  = 1 + scratch_below(d, 20),
                     .size     = {1 + scratch_below(d, 3), 1 + scratch_below(d, 4)},
                     .stride   = 1 + scratch_below(d, 3),
                     .dilation = 1 + scratch_below(d, 2),
                     .before   = scratch_below(d, 3),
                     .after    = scratch_below(d, 3),
                     .groups   = 1};
    while (convolution_positions(&v, 0) < 1) v.height++;
    while (convolution_positions(&v, 1) < 1) v.width++;
    return v;
}

static void test_drawn(void **state) {
    (void)state;
    const char *one = getenv("NNC_TEST_SEED"), *many = getenv("NNC_TEST_PROGRAMS");
    uint64_t    first = one ? strtoull(one, NULL, 10) : 1, count = one ? 1 : many ? strtoull(many, NULL, 10) : PROGRAMS;
    for (uint64_t seed = first; seed < first + count; seed++) {
        Scratch    *d = scratch_new(seed);
        Convolution v = draw(d);
        print_message(
            "seed %llu: %lld x %lld x %lld to %lld by %lld x %lld, stride %lld, dilation %lld, %lld and %lld around\n",
            (unsigned long long)seed, (long long)v.height, (long long)v.width, (long long)v.channels,
            (long long)v.filters, (long long)v.size[0], (long long)v.size[1], (long long)v.stride,
            (long long)v.dilation, (long long)v.before, (long long)v.after);
        check_convolution(seed, &v, 1 + scratch_below(d, 5), scratch_below(d, 2),
                          scratch_below(d, 2) ? ELEM_F64 : ELEM_F32);
        scratch_free(d);
    }
}

static void test_bands(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){75, 70, 1, 2, {2, 3}, 1, 1, 1, 1, 1}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){75, 70, 1, 2, {2, 3}, 1, 1, 0, 0, 1}, 2, false, ELEM_F32);
    check_convolution(3, &(Convolution){139, 141, 1, 1, {3, 2}, 2, 1, 1, 0, 1}, 1, false, ELEM_F32);
}

static void test_many_images(void **state) {
    (void)state;
    check_convolution(2, &(Convolution){49, 56, 52, 9, {1, 1}, 1, 1, 0, 0, 1}, 2, false, ELEM_F32); /* bands in place */
    check_convolution(1, &(Convolution){3, 3, 2, 3, {2, 2}, 1, 1, 0, 1, 1}, 200, false, ELEM_F32);
}

/* A kernel too large for one block of columns. */
static void test_column_blocks(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){3, 2, 300, 100, {3, 3}, 1, 1, 1, 1, 1}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){2, 3, 300, 150, {3, 3}, 1, 1, 1, 1, 1}, 1, false, ELEM_F32); /* halves */
    check_within(3, &(Convolution){4, 4, 176, 256, {3, 3}, 1, 1, 1, 1, 1}, 1, false, ELEM_F32, 2e-3);
    check_convolution(4, &(Convolution){4, 4, 24, 100, {1, 1}, 1, 1, 0, 0, 1}, 3, false,
                      ELEM_F32); /* of one chunk: halves */
    check_convolution(5, &(Convolution){5, 3, 8, 72, {2, 3}, 1, 1, 1, 0, 1}, 2, true, ELEM_F32);
}

/* Kernels of 3 x 3 over enough channels: by minimal filtering where vectors are whole, with tiles that reach out of the image. */
static void test_minimal_filtering(void **state) {
    enum { LARGEST = 60 }; /* of the results, about, for 144 products of numbers below 2 */
    double tolerance = 4e-6 * LARGEST;
    (void)state;
    check_within(1, &(Convolution){8, 8, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 5, false, ELEM_F32, tolerance);
    check_within(2, &(Convolution){7, 10, 32, 16, {3, 3}, 1, 1, 1, 1, 1}, 3, false, ELEM_F32, tolerance);
    check_within(3, &(Convolution){9, 6, 16, 48, {3, 3}, 1, 1, 0, 0, 1}, 2, true, ELEM_F32, tolerance);
    check_within(4, &(Convolution){5, 4, 16, 80, {3, 3}, 1, 1, 2, 1, 1}, 9, false, ELEM_F32, tolerance);
    check_within(6, &(Convolution){4, 44, 48, 112, {3, 3}, 1, 1, 1, 1, 1}, 3, false, ELEM_F32, tolerance);
    check_within(7, &(Convolution){16, 16, 16, 336, {3, 3}, 1, 1, 1, 1, 1}, 4, true, ELEM_F32, 2e-3);
    check_convolution(5, &(Convolution){5, 4, 16, 32, {3, 3}, 1, 1, 1, 1, 1}, 2, false, ELEM_F64);
}

/* Few filters: tiles of fixed offsets over a copy, forward and for the kernel, and columns of a window that are added up afterwards. */
static void test_few_filters(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){14, 28, 1, 6, {5, 5}, 1, 1, 2, 2, 1}, 5, false, ELEM_F32);
    check_convolution(2, &(Convolution){12, 12, 1, 3, {3, 4}, 1, 1, 1, 1, 1}, 3, true, ELEM_F64);
    check_convolution(3, &(Convolution){16, 18, 2, 7, {3, 3}, 2, 1, 1, 1, 1}, 2, false, ELEM_F32);
    check_convolution(4, &(Convolution){14, 14, 6, 16, {5, 5}, 1, 1, 0, 0, 1}, 3, false, ELEM_F32);
    check_convolution(5, &(Convolution){11, 9, 5, 12, {4, 6}, 2, 1, 2, 1, 1}, 3, false, ELEM_F64);
    check_convolution(6, &(Convolution){9, 13, 8, 40, {3, 3}, 1, 2, 2, 2, 1}, 2, false, ELEM_F32);
}

/* Up to four columns, forward and for the input: lanes along k, in runs that are whole vectors, parts of one, and both. */
static void test_few_columns(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){9, 11, 16, 1, {3, 3}, 1, 1, 1, 1, 1}, 3, false, ELEM_F32);
    check_convolution(2, &(Convolution){12, 12, 3, 24, {4, 4}, 2, 1, 1, 1, 1}, 3, true, ELEM_F32);
    check_convolution(3, &(Convolution){13, 9, 20, 2, {5, 3}, 1, 1, 2, 1, 1}, 2, false, ELEM_F64);
    check_convolution(4, &(Convolution){10, 8, 37, 4, {3, 3}, 1, 2, 2, 2, 1}, 2, false, ELEM_F32);
    check_convolution(5, &(Convolution){75, 70, 40, 3, {3, 3}, 1, 1, 1, 1, 1}, 2, false, ELEM_F32);
    check_convolution(6, &(Convolution){75, 70, 1, 6, {5, 5}, 1, 1, 2, 2, 1}, 2, false, ELEM_F32);
    check_convolution(7, &(Convolution){11, 9, 19, 3, {4, 2}, 1, 2, 3, 1, 1}, 3, false, ELEM_F64);
    check_convolution(8, &(Convolution){28, 28, 3, 16, {3, 3}, 1, 1, 1, 1, 1}, 3, false, ELEM_F32);
}

/* Sums over all positions out of the epilogue: by minimal filtering, from the registers, from tiles of fixed offsets, part of a vector. */
static void check_sums(uint64_t seed, const Convolution *v, int64_t batch, ElemType real, double tolerance) {
    static const int rows[] = {0, 1, 2};
    Scratch         *s      = scratch_new(seed);
    s->program->real        = real;
    Fn   *fn                = scratch_fn(s, FN_PREDICT, "sums");
    Node *y                 = convolution_part(s, v, scratch_symbol(s, "batch", batch), CONV_FORWARD);
    scratch_result(s, fn, y);
    scratch_result(s, fn, node_reduce(s->program->graph, OP_SUM, y, 3, rows));
    graph_optimise(&s->c, s->program);
    check_program(s, tolerance);
    scratch_free(s);
}

static void test_sums(void **state) {
    (void)state;
    check_sums(1, &(Convolution){8, 8, 16, 32, {3, 3}, 1, 1, 1, 1, 1}, 5, ELEM_F32, 5e-3);
    check_sums(2, &(Convolution){9, 7, 16, 20, {3, 3}, 1, 1, 1, 1, 1}, 5, ELEM_F32, 5e-3);
    check_sums(3, &(Convolution){14, 14, 1, 6, {5, 5}, 1, 1, 2, 2, 1}, 3, ELEM_F32, 5e-3);
    check_sums(4, &(Convolution){10, 9, 24, 56, {1, 1}, 1, 1, 0, 0, 1}, 4, ELEM_F32, 5e-3);
    check_sums(5, &(Convolution){10, 9, 5, 23, {2, 3}, 2, 1, 1, 1, 1}, 4, ELEM_F64, 1e-10);
    check_sums(6, &(Convolution){75, 70, 1, 2, {2, 3}, 1, 1, 1, 1, 1}, 2, ELEM_F64, 1e-10);
    check_sums(8, &(Convolution){9, 11, 16, 3, {3, 3}, 1, 1, 1, 1, 1}, 3, ELEM_F32, 5e-3);
    check_sums(9, &(Convolution){9, 11, 16, 1, {3, 3}, 1, 1, 1, 1, 1}, 3, ELEM_F64, 1e-10);
    check_sums(7, &(Convolution){6, 6, 300, 150, {3, 3}, 1, 1, 1, 1, 1}, 2, ELEM_F32, 5e-3);
}

/* Whether the kernel's gradient is summed in parts of the images: there is a function that joins them. The batch is taken to be 64. */
static bool in_parts(const Convolution *v) {
    static const char *const words[] = {"_join("};
    Scratch                 *s       = scratch_new(1);
    int                      lines;
    s->program->real = ELEM_F32;
    scratch_result(s, scratch_fn(s, FN_PREDICT, "part"),
                   convolution_part(s, v, scratch_symbol(s, "batch", 3), CONV_KERNEL_GRADIENT));
    assert_true(v->groups == 1 || graph_add_gradients(&s->c, s->program));
    graph_optimise(&s->c, s->program);
    emitted_lines(s, 1, words, &lines);
    scratch_free(s);
    return lines > 0;
}

/* Kernels' gradients in parts: tiles of fixed offsets, regions read in place, minimal filtering, images in bands; more parts than there are
 * images, and parts of unequal length. Large kernels and few positions are not worth it. */
static void test_parts(void **state) {
    (void)state;
    static const struct {
        Convolution v;
        int64_t     batch;
    } split[] = {
        {{14, 28, 1, 6, {5, 5}, 1, 1, 2, 2, 1}, 19},  {{14, 14, 6, 16, {5, 5}, 1, 1, 0, 0, 1}, 11},
        {{12, 12, 16, 16, {3, 3}, 1, 1, 1, 1, 1}, 5}, {{14, 11, 32, 16, {3, 3}, 1, 1, 1, 1, 1}, 3},
        {{75, 70, 1, 2, {2, 3}, 1, 1, 1, 1, 1}, 2},   {{16, 16, 3, 16, {3, 3}, 2, 1, 1, 1, 1}, 1},
    };
    static const Convolution whole[] = {{4, 4, 16, 16, {3, 3}, 1, 1, 1, 1, 1},
                                        {8, 8, 64, 64, {3, 3}, 1, 1, 1, 1, 1},
                                        {14, 14, 8, 8, {3, 3}, 1, 1, 1, 1, 8}};
    for (int i = 0; i < (int)(sizeof split / sizeof *split); i++) {
        if (!in_parts(&split[i].v)) fail_msg("convolution %d is summed whole", i);
        check_within((uint64_t)i + 1, &split[i].v, split[i].batch, false, ELEM_F32, 1e-3);
        if (split[i].v.channels < 16) check_within(9, &split[i].v, split[i].batch, false, ELEM_F64, 1e-11);
    }
    for (int i = 0; i < (int)(sizeof whole / sizeof *whole); i++)
        if (in_parts(&whole[i])) fail_msg("convolution %d is summed in parts", i);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_drawn),
        cmocka_unit_test(test_bands),
        cmocka_unit_test(test_many_images),
        cmocka_unit_test(test_column_blocks),
        cmocka_unit_test(test_minimal_filtering),
        cmocka_unit_test(test_few_filters),
        cmocka_unit_test(test_few_columns),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
