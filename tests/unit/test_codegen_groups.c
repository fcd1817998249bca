/* Convolutions by groups, compiled and compared with the interpreter: as products with windows read in place or copied, by minimal filtering, of
 * vectors of channels, and as loops over points. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codegen/convolution_check.h"
#include "codegen/harness.h"
#include "opt/opt.h"

/* Groups of filters, and a kernel for each channel. */
static void test_groups(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){9, 11, 16, 32, {3, 3}, 1, 1, 1, 1, 2}, 3, false, ELEM_F32);
    check_convolution(2, &(Convolution){10, 7, 24, 12, {3, 2}, 2, 1, 1, 1, 4}, 2, true, ELEM_F64);
    check_convolution(3, &(Convolution){9, 11, 20, 20, {3, 3}, 1, 1, 1, 1, 20}, 3, false, ELEM_F32);
    check_convolution(4, &(Convolution){13, 8, 40, 40, {5, 5}, 2, 1, 2, 1, 40}, 2, true, ELEM_F64);
    check_convolution(5, &(Convolution){12, 13, 16, 16, {5, 3}, 1, 2, 3, 4, 16}, 2, false, ELEM_F32);
    check_convolution(6, &(Convolution){4, 3, 17, 17, {5, 5}, 1, 1, 2, 2, 17}, 4, false, ELEM_F32);
}

/* Groups of few channels: copies of images without the borders' zeros being summed, elements that neighbouring rows share loaded once; with
 * tiles of a whole row of the image and of parts of one, windows that reach out on one side alone, and some that do not follow each other. */
static void test_small_groups(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){14, 14, 16, 16, {3, 3}, 1, 1, 1, 1, 2}, 3, false, ELEM_F32);
    check_convolution(2, &(Convolution){9, 28, 24, 24, {3, 3}, 1, 1, 1, 1, 3}, 2, false, ELEM_F32);
    check_convolution(3, &(Convolution){12, 13, 32, 16, {3, 5}, 1, 1, 2, 1, 4}, 3, true, ELEM_F32);
    check_convolution(4, &(Convolution){14, 14, 16, 16, {3, 3}, 1, 1, 1, 1, 4}, 2, false, ELEM_F32);
    check_convolution(5, &(Convolution){15, 28, 16, 16, {3, 3}, 2, 1, 1, 0, 2}, 2, false, ELEM_F32);
    check_convolution(6, &(Convolution){14, 16, 16, 24, {3, 3}, 1, 2, 2, 2, 2}, 2, false, ELEM_F32);
    check_convolution(7, &(Convolution){16, 14, 16, 8, {5, 3}, 1, 1, 0, 2, 2}, 5, false, ELEM_F64);
    check_convolution(8, &(Convolution){14, 12, 16, 16, {3, 3}, 1, 1, 2, 2, 2}, 9, false, ELEM_F32);
    check_convolution(9, &(Convolution){14, 14, 64, 64, {3, 3}, 1, 1, 1, 1, 4}, 3, false, ELEM_F32);
    check_convolution(10, &(Convolution){66, 64, 8, 8, {3, 3}, 1, 1, 1, 1, 2}, 1, false, ELEM_F32);
}

/* Channels by themselves, a vector of them together: windows that reach out of images at all sides or at one, tiles of a row of the image and of a part
 * of it, rows that no tile divides, several images a copy, and images in bands. */
static void test_channels(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){14, 14, 16, 16, {7, 7}, 1, 1, 3, 3, 16}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){7, 7, 32, 32, {3, 3}, 1, 1, 1, 1, 32}, 5, false, ELEM_F32);
    check_convolution(3, &(Convolution){9, 28, 16, 16, {5, 5}, 1, 1, 2, 2, 16}, 2, true, ELEM_F32);
    check_convolution(4, &(Convolution){11, 13, 48, 48, {3, 5}, 1, 1, 3, 1, 48}, 3, false, ELEM_F32);
    check_convolution(5, &(Convolution){8, 12, 16, 16, {4, 3}, 1, 2, 0, 2, 16}, 2, false, ELEM_F64);
    check_convolution(6, &(Convolution){68, 64, 16, 16, {5, 3}, 1, 1, 1, 1, 16}, 1, false, ELEM_F32);
    check_convolution(7, &(Convolution){10, 11, 16, 16, {1, 9}, 1, 1, 4, 4, 16}, 2, false, ELEM_F32);
    check_convolution(8, &(Convolution){6, 6, 32, 32, {3, 3}, 1, 1, 0, 0, 32}, 40, false, ELEM_F32);
}

/* Images read in place: tiles of a whole row of the image, of its two halves, and with others between, windows that reach out at all sides, on one
 * side alone or not at all, kernels of one row and as wide as the image, several images a chunk. */
static void test_channels_in_place(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){6, 48, 16, 16, {5, 5}, 1, 1, 2, 2, 16}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){8, 32, 32, 32, {4, 4}, 1, 1, 3, 0, 32}, 2, true, ELEM_F32);
    check_convolution(3, &(Convolution){9, 31, 16, 16, {5, 3}, 2, 1, 1, 1, 16}, 2, false, ELEM_F32);
    check_convolution(4, &(Convolution){7, 7, 32, 32, {7, 7}, 1, 1, 3, 3, 32}, 9, false, ELEM_F32);
    check_convolution(5, &(Convolution){4, 18, 16, 16, {1, 3}, 1, 1, 0, 2, 16}, 5, false, ELEM_F64);
    check_convolution(6, &(Convolution){11, 14, 16, 16, {3, 5}, 1, 1, 0, 0, 16}, 3, false, ELEM_F32);
}

/* How a convolution's images are read, those of vectors of channels and of groups, is seen by whether there is a copy, zeros first. */
static void test_reads_taken(void **state) {
    static const struct {
        Convolution shape;
        bool        copied;
    } rows[] = {
        {{28, 28, 240, 240, {5, 5}, 1, 1, 2, 2, 240}, false}, {{14, 14, 384, 384, {7, 7}, 1, 1, 3, 3, 384}, false},
        {{14, 14, 512, 512, {3, 3}, 1, 1, 1, 1, 512}, true},  {{7, 7, 64, 64, {3, 3}, 1, 1, 1, 1, 64}, false},
        {{12, 12, 32, 32, {5, 5}, 1, 2, 4, 4, 32}, true},     {{68, 64, 16, 16, {5, 3}, 1, 1, 1, 1, 16}, true},
        {{56, 56, 256, 256, {5, 5}, 1, 1, 2, 2, 256}, true},  {{14, 14, 512, 512, {3, 3}, 1, 1, 1, 1, 32}, true},
        {{14, 14, 128, 128, {3, 3}, 1, 1, 1, 1, 8}, false},
    };
    static const char *const words[] = {"memset"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Scratch *s       = scratch_new(1);
        int      lines   = 0;
        s->program->real = ELEM_F32;
        Fn *fn           = scratch_fn(s, FN_PREDICT, "f");
        scratch_result(s, fn, convolution_part(s, &rows[i].shape, scratch_symbol(s, "batch", 2), CONV_FORWARD));
        graph_optimise(&s->c, s->program);
        emitted_lines(s, 1, words, &lines);
        if ((lines > 0) != rows[i].copied) fail_msg("convolution %zu: %s", i, lines ? "copied" : "read in place");
        scratch_free(s);
    }
}

/* Many channels, of which positions lie so far apart that several vectors are one product. */
static void test_channels_together(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){4, 5, 512, 512, {3, 3}, 1, 1, 1, 1, 512}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){5, 4, 256, 256, {5, 5}, 1, 1, 2, 2, 256}, 3, true, ELEM_F64);
    check_convolution(3, &(Convolution){6, 8, 768, 768, {3, 3}, 2, 1, 1, 1, 768}, 1, false, ELEM_F32);
}

/* The kernel's gradient as a product of vectors, as an einsum over images and positions is: [b, o, p, k, l, c] and [b, o, p, c] to [c, k, l]. */
static void check_summed(uint64_t seed, const Convolution *v, int64_t batch, ElemType real) {
    static const DotAxes axes = {.n_batch        = 1,
                                 .left_batch     = {5},
                                 .right_batch    = {3},
                                 .n_contract     = 3,
                                 .left_contract  = {0, 1, 2},
                                 .right_contract = {0, 1, 2}};
    Scratch             *s    = scratch_new(seed);
    s->program->real          = real;
    Fn   *fn                  = scratch_fn(s, FN_PREDICT, "summed");
    Node *y                   = convolution_part(s, v, scratch_symbol(s, "batch", batch), CONV_FORWARD);
    Node *windows             = y->inputs[0]->inputs[0];
    scratch_result(s, fn, node_dot(s->graph, windows, scratch_slot(s, &y->type), &axes));
    graph_optimise(&s->c, s->program);
    check_program(s, real == ELEM_F64 ? 1e-11 : 2e-4);
    scratch_free(s);
}

static void test_channels_summed(void **state) {
    (void)state;
    check_summed(1, &(Convolution){4, 5, 512, 512, {3, 3}, 1, 1, 1, 1, 512}, 2, ELEM_F32);
    check_summed(2, &(Convolution){6, 7, 32, 32, {5, 5}, 1, 1, 2, 2, 32}, 3, ELEM_F32);
    check_summed(3, &(Convolution){5, 6, 512, 512, {3, 2}, 1, 1, 0, 1, 512}, 2, ELEM_F64);
}

/* Points side by side, in a loop of their own where windows stay inside. */
static void test_beside(void **state) {
    (void)state;
    check_convolution(1, &(Convolution){12, 28, 16, 16, {5, 5}, 1, 1, 2, 2, 16}, 2, false, ELEM_F32);
    check_convolution(2, &(Convolution){9, 16, 24, 24, {3, 3}, 1, 2, 2, 2, 24}, 3, true, ELEM_F64);
    check_convolution(3, &(Convolution){16, 12, 140, 140, {3, 3}, 2, 1, 0, 1, 140}, 2, false, ELEM_F32);
    check_convolution(4, &(Convolution){14, 18, 33, 33, {3, 2}, 1, 1, 3, 0, 33}, 2, false, ELEM_F32);
    check_convolution(5, &(Convolution){6, 24, 48, 48, {1, 4}, 1, 3, 1, 5, 48}, 2, false, ELEM_F64);
    check_convolution(6, &(Convolution){16, 20, 32, 32, {7, 7}, 1, 1, 3, 3, 32}, 2, false, ELEM_F32);
}

/* Groups of 16 channels and more with kernels of 3 x 3. */
static void test_minimal_filtering(void **state) {
    enum { LARGEST = 60 }; /* of the results, about, for 144 products of numbers below 2 */
    double tolerance = 4e-6 * LARGEST;
    (void)state;
    check_within(1, &(Convolution){9, 10, 32, 32, {3, 3}, 1, 1, 1, 1, 2}, 3, false, ELEM_F32, tolerance);
    check_within(2, &(Convolution){6, 8, 96, 32, {3, 3}, 1, 1, 1, 1, 2}, 5, false, ELEM_F32, tolerance);
    check_within(3, &(Convolution){9, 6, 64, 64, {3, 3}, 1, 1, 0, 0, 4}, 2, true, ELEM_F32, tolerance);
    check_within(4, &(Convolution){9, 6, 256, 256, {3, 3}, 1, 1, 1, 1, 8}, 3, false, ELEM_F32, 2 * tolerance);
    check_within(5, &(Convolution){5, 7, 256, 512, {3, 3}, 1, 1, 0, 2, 16}, 9, true, ELEM_F32, 2 * tolerance);
}

/* What joins the products' kernels, at their own places: a number for each filter, another image, and a rectifier's mask of it. */
static void check_epilogue(uint64_t seed, const Convolution *v, int64_t batch) {
    static const int fresh[] = {0, 1, 2};
    Scratch         *s       = scratch_new(seed);
    s->program->real         = ELEM_F32;
    Fn        *fn            = scratch_fn(s, FN_PREDICT, "epilogue");
    Node      *y             = convolution_part(s, v, scratch_symbol(s, "batch", batch), CONV_FORWARD);
    const Dim *filters[]     = {y->type.dims[3]};
    Type       bias          = scratch_type(ELEM_F32, 1, filters);
    Node      *other         = scratch_slot(s, &y->type);
    Node *sum = node_binary(s->graph, OP_ADD, y, node_expand(s->graph, scratch_slot(s, &bias), &y->type, 3, fresh));
    scratch_result(s, fn, sum);
    scratch_result(s, fn, node_binary(s->graph, OP_MUL, node_binary(s->graph, OP_MAX, sum, other), other));
    graph_optimise(&s->c, s->program);
    check_program(s, 1e-3);
    scratch_free(s);
}

/* Sums over all positions of what is stored itself. */
static void check_sums(uint64_t seed, const Convolution *v, int64_t batch) {
    static const int rows[] = {0, 1, 2}, images[] = {0};
    Scratch         *s = scratch_new(seed);
    s->program->real   = ELEM_F32;
    Fn   *fn           = scratch_fn(s, FN_PREDICT, "sums");
    Node *y            = convolution_part(s, v, scratch_symbol(s, "batch", batch), CONV_FORWARD);
    scratch_result(s, fn, y);
    scratch_result(s, fn, node_reduce(s->graph, OP_SUM, y, 3, rows));
    if (batch % 2) scratch_result(s, fn, node_reduce(s->graph, OP_SUM, y, 1, images));
    graph_optimise(&s->c, s->program);
    check_program(s, 5e-3);
    scratch_free(s);
}

static void test_sums(void **state) {
    (void)state;
    check_sums(1, &(Convolution){14, 14, 16, 24, {3, 3}, 1, 1, 1, 1, 2}, 2);
    check_sums(2, &(Convolution){9, 10, 32, 64, {3, 3}, 1, 1, 1, 1, 2}, 3);
    check_sums(3, &(Convolution){8, 9, 32, 32, {5, 5}, 1, 1, 2, 2, 32}, 2);
    check_sums(4, &(Convolution){8, 7, 40, 40, {3, 3}, 2, 1, 1, 1, 2}, 3);
}

static void test_epilogues(void **state) {
    (void)state;
    check_epilogue(1, &(Convolution){14, 14, 32, 32, {7, 7}, 1, 1, 3, 3, 32}, 2);
    check_epilogue(2, &(Convolution){9, 12, 48, 48, {3, 3}, 1, 1, 1, 1, 48}, 3);
    check_epilogue(3, &(Convolution){14, 14, 16, 24, {3, 3}, 1, 1, 1, 1, 2}, 2);
    check_epilogue(4, &(Convolution){9, 10, 32, 64, {3, 3}, 1, 1, 1, 1, 2}, 2);
    check_epilogue(5, &(Convolution){8, 7, 40, 40, {3, 3}, 2, 1, 1, 1, 2}, 2);
}

/* Who else reads a product by groups beside the movement ops that put its groups among the filters. */
typedef enum Reader { READ_BY_NOBODY, READ_SPLIT, READ_TWICE, READ_AS_RESULT, READ_BY_SUMS } Reader;

static Scratch *read_by(Reader reader) {
    static const int  other[] = {1, 0, 2, 3, 4}, between[] = {1, 2, 0, 3, 4}, rows[] = {1, 2, 3};
    const Convolution v = {8, 7, 16, 24, {3, 3}, 1, 1, 1, 1, 2};
    Scratch          *s = scratch_new(7);
    s->program->real    = ELEM_F32;
    Fn        *fn       = scratch_fn(s, FN_PREDICT, "f");
    Node      *y        = convolution_part(s, &v, scratch_dim(s, 2), CONV_FORWARD);
    Node      *move = y->inputs[0], *dot = move->inputs[0]; /* [g, b, o, p, f] to [b, o, p, g, f] to [b, o, p, g f] */
    const Dim *split[] = {scratch_dim(s, 16), scratch_dim(s, 7), scratch_dim(s, 3), scratch_dim(s, 8)};
    Node      *sums    = node_reduce(s->graph, OP_SUM, dot, 3, rows);
    if (reader == READ_SPLIT) y = node_reshape(s->graph, move, 4, split);
    if (reader == READ_BY_SUMS) y = node_permute(s->graph, dot, between); /* the rows are not first */
    scratch_result(s, fn, y);
    if (reader == READ_BY_SUMS) scratch_result(s, fn, sums);
    if (reader == READ_TWICE) scratch_result(s, fn, node_permute(s->graph, dot, other));
    if (reader == READ_AS_RESULT) scratch_result(s, fn, dot);
    graph_optimise(&s->c, s->program);
    return s;
}

/* The last of the ops that its kernel stores through, where it alone is read so; one that only joins axes may be among them. */
static void test_moved(void **state) {
    static const Op expected[] = {OP_RESHAPE, OP_PERMUTE, OP_DOT, OP_DOT, OP_DOT};
    (void)state;
    for (Reader reader = READ_BY_NOBODY; reader <= READ_BY_SUMS; reader++) {
        Scratch *s     = read_by(reader);
        Plan    *plan  = kernels_from_graph(&s->c, s->program);
        Op       found = OP_COUNT;
        for (int i = 0; i < plan->fns.data[0]->kernels.len; i++) {
            const Kernel *kernel = plan->fns.data[0]->kernels.data[i];
            if (kernel->dot) found = kernel->moved ? kernel->moved->op : OP_DOT;
        }
        if (found != expected[reader]) fail_msg("reader %d: stored through op %d", (int)reader, (int)found);
        scratch_free(s);
        s = read_by(reader);
        check_program(s, 1e-4);
        scratch_free(s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_small_groups),
        cmocka_unit_test(test_channels),
        cmocka_unit_test(test_channels_together),
        cmocka_unit_test(test_channels_summed),
        cmocka_unit_test(test_channels_in_place),
        cmocka_unit_test(test_reads_taken),
        cmocka_unit_test(test_beside),
        cmocka_unit_test(test_minimal_filtering),
        cmocka_unit_test(test_epilogues),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
