/* How work is cut for threads: units of loops, and chunks of images, are as many as two and four threads share evenly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/codegen.h"
#include "codegen/convolution.h"
#include "codegen/harness.h"
#include "codegen/window.h"
#include "opt/opt.h"

/* ---- loops ------------------------------------------------------------------------------------------------------------------ */

typedef struct Found {
    int     calls;
    int64_t units;
} Found;

static void look_for_units(void *user, const char *line) {
    Found      *found = user;
    const char *call = strstr(line, "call void @nnrt_parallel("), *last = call ? strstr(call, ", i64 ") : NULL;
    if (!call) return;
    assert_non_null(last); /* a constant, or a register: then 0 */
    found->units = strtoll(last + 6, NULL, 10);
    found->calls++;
}

/* The units of the one kernel that goes to threads, as the emitted text hands them to nnrt_parallel; 0: none goes. */
static int64_t units_of(Scratch *s) {
    Found found = {0, 0};
    emitted_each(s, look_for_units, &found);
    assert_true(found.calls <= 1);
    scratch_free(s);
    return found.units;
}

typedef enum Work { WORK_FLAT, WORK_ROWS, WORK_SUMS } Work;

/* exp of [rows, columns], a softmax's divisor by rows, or sums over the rows. */
static int64_t loop_units(Work work, int64_t rows, int64_t columns) {
    Scratch *s           = scratch_new(3);
    s->program->real     = ELEM_F32;
    const Dim *dims[]    = {scratch_dim(s, rows), scratch_dim(s, columns)};
    Type       type      = scratch_type(ELEM_F32, 2, dims);
    Fn        *fn        = scratch_fn(s, FN_PREDICT, "f");
    Node      *e         = node_unary(s->graph, OP_EXP, scratch_slot(s, &type));
    int        axes[][1] = {{1}, {1}, {0}};
    scratch_result(s, fn, work == WORK_FLAT ? e : node_reduce(s->graph, OP_SUM, e, 1, axes[work]));
    return units_of(s);
}

/* The busiest of four threads gets at most 1.07 of its part: whole vectors, side by side, are not cut. */
static void test_loops(void **state) {
    (void)state;
    static const int64_t rows[] = {150, 200, 257, 333, 420, 601, 999, 1500};
    for (int i = 0; i < 8; i++)
        for (Work work = WORK_FLAT; work <= WORK_SUMS; work++) {
            int64_t units = loop_units(work, rows[i], 256), each = (rows[i] + units - 1) / units;
            if ((units + 3) / 4 * 400 > units * 107)
                fail_msg("%lld units of %lld rows", (long long)units, (long long)rows[i]);
            if (units > 64 && work == WORK_SUMS) fail_msg("%lld partial sums", (long long)units);
            if (each * 256 > 8192 + 256) fail_msg("units of %lld rows", (long long)each);
        }
}

/* Long rows have fewer partial sums, down to 8. */
static void test_long_rows(void **state) {
    (void)state;
    assert_int_equal(loop_units(WORK_SUMS, 1536, 512), 64);
    assert_int_equal(loop_units(WORK_SUMS, 1536, 4608), 16);
    assert_int_equal(loop_units(WORK_SUMS, 1536, 18816), 8);
    assert_true(loop_units(WORK_ROWS, 1536, 18816) > 64); /* without partial sums */
}

/* ---- chunks of images ------------------------------------------------------------------------------------------------------------ */

typedef struct Chunks {
    int64_t images, positions, fewest, most;
    bool    image_in_k;
    int64_t expected;
} Chunks;

static int64_t images_of(const Chunks *c) {
    Scratch       *s      = scratch_new(1);
    const Dim     *dims[] = {scratch_dim(s, 3), scratch_symbol(s, "batch", c->images)};
    Type           type   = scratch_type(ELEM_F32, 2, dims);
    AxisList       first = {1, {0}}, second = {1, {1}};
    WindowSides    sides    = {.free = c->image_in_k ? &first : &second, .contract = c->image_in_k ? &second : &first};
    ContractWindow geometry = {.image_in_k = c->image_in_k, .positions = c->positions, .copied = true};
    Target         target   = {.vector_bytes = 64, .vector_registers = 32}; /* tiles of 8 rows */
    Emit           e        = {.c = &s->c, .arena = s->arena, .program = s->program, .target = &target};
    s->program->dims.data[0].bound = c->images;
    int64_t n = windows_images(&e, scratch_slot(s, &type), &sides, &geometry, c->fewest * c->positions, 1, c->most);
    scratch_free(s);
    return n;
}

static void test_chunks(void **state) {
    (void)state;
    static const Chunks cases[] = {
        {10, 16, 4, 8, false, 5},  /* 4 + 4 + 2, of which one thread would get 8 */
        {10, 16, 4, 8, true, 5},   /* the same where images are summed over */
        {8, 16, 4, 8, false, 4},   /* even already */
        {12, 16, 5, 9, true, 6},   /* 5 + 5 + 2 */
        {20, 4, 3, 12, false, 6},  /* whole tiles go before: 5 would be as even for four */
        {10, 16, 4, 4, false, 4},  /* no room for more */
        {9, 7, 2, 3, false, 3},    /* no number of images fills tiles: 3 + 3 + 3 */
        {100, 16, 1, 64, true, 1}, /* one image each is as even as can be */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t n = images_of(&cases[i]);
        if (n != cases[i].expected) fail_msg("case %zu: %lld images a chunk", i, (long long)n);
    }
}

/* Units of a direct convolution of 4 x 4 images with 96 channels. */
static int64_t units_of_convolution(int64_t filters, int64_t batch) {
    const Convolution v      = {4, 4, 96, filters, {3, 3}, 1, 1, 1, 1, 1};
    Scratch          *s      = scratch_new(3);
    s->program->real         = ELEM_F32;
    s->c.options.no_winograd = true;
    Fn *fn                   = scratch_fn(s, FN_PREDICT, "f");
    scratch_result(s, fn, convolution_part(s, &v, scratch_dim(s, batch), CONV_FORWARD));
    graph_optimise(&s->c, s->program);
    return units_of(s);
}

/* Beside one chunk of images workers share the columns, where there are enough. */
static void test_columns(void **state) {
    (void)state;
    assert_int_equal(units_of_convolution(100, 3), 2);
    assert_int_equal(units_of_convolution(64, 3), 2);
    assert_int_equal(units_of_convolution(48, 3), 0); /* one unit: for one thread */
    assert_true(units_of_convolution(100, 256) >= 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops), cmocka_unit_test(test_long_rows),
                                       cmocka_unit_test(test_chunks), cmocka_unit_test(test_columns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
