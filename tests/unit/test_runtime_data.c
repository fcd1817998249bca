/* Data for a model: which array goes to which input, shapes and elements that fit or do not, splits, batches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "extras/convert.h"
#include "extras/dataset.h"
#include "extras/nearest.h"
#include "fake_model.h"
#include "runtime_files.h"

static const nnrt_model *const MODEL = &nnrt_model_main;

/* Loads for the inputs in `needed` and compares the message; the caller frees the set when NULL is expected. */
static void check_load(nnrt_dataset *set, bool x, bool y, const char *message, int n, const char *const *arguments) {
    const bool  needed[] = {x, y};
    nnrt_error  error    = {0};
    nnrt_status status   = nnrt_dataset_load(set, MODEL, arguments, n, needed, NULL, &error);
    assert_string_equal(error.message, message ? message : "");
    assert_int_equal(status == NNRT_OK, message == NULL);
}
#define LOAD(set, x, y, message, ...)                                                                                  \
    check_load(set, x, y, message, sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *),                             \
               (const char *[]){__VA_ARGS__})

static void csv_columns_by_order(void **state) {
    (void)state;
    nnrt_dataset set;
    files_write_text("t.csv", "1,2,3,4,0\n5,6,7,8,2\n");
    LOAD(&set, true, true, NULL, "t.csv");
    assert_int_equal(set.n_samples, 2);
    assert_true(((float *)set.columns[0].array.data)[7] == 8);
    assert_true(((double *)set.columns[1].array.data)[1] == 2);
    nnrt_dataset_free(&set);
    LOAD(&set, true, false, NULL, "t.csv"); /* predict on data that still has its targets */
    assert_true(((float *)set.columns[0].array.data)[4] == 5);
    assert_null(set.columns[1].array.data);
    nnrt_dataset_free(&set);
    files_write_text("t.csv", "1,2,3,4\n");
    LOAD(&set, true, false, NULL, "t.csv");
    nnrt_dataset_free(&set);
    LOAD(&set, true, true,
         "t.csv: has 4 columns; Fake takes 4 for input 'x', 1 for target 'y': remove or add columns, or name them in a "
         "header",
         "t.csv");
    files_write_text("t.csv", "1,2,3,4,5,6\n");
    LOAD(&set, true, false,
         "t.csv: has 6 columns; Fake takes 4 for input 'x': remove or add columns, or name them in a header", "t.csv");
}

static void csv_columns_by_name(void **state) {
    (void)state;
    nnrt_dataset set;
    files_write_text("t.csv", "id,y,x_3,x_2,x_1,x_0\n9,1,4,3,2,1\n");
    LOAD(&set, true, true, NULL, "t.csv");
    for (int i = 0; i < 4; i++) assert_true(((float *)set.columns[0].array.data)[i] == (float)(i + 1));
    assert_true(((double *)set.columns[1].array.data)[0] == 1);
    nnrt_dataset_free(&set);
    files_write_text("t.csv", "a,b,c,d,species\n1,2,3,4,0\n"); /* other names: by order */
    LOAD(&set, true, true, NULL, "t.csv");
    nnrt_dataset_free(&set);
}

static void csv_elements(void **state) {
    (void)state;
    nnrt_dataset set;
    files_write_text("t.csv", "1,2,3,4,0\n\n5,6,7,8,1.5\n");
    LOAD(&set, true, true,
         "t.csv:3: column 5 is 1.5, which input 'y' (i32[batch]) cannot hold: the input takes whole numbers of its "
         "range",
         "t.csv");
    files_write_text("t.csv", "1,2,1e39,4,0\n");
    LOAD(
        &set, true, true,
        "t.csv:1: column 3 is inf, which input 'x' (f32[batch, 4]) cannot hold: give the input a type with room for it",
        "t.csv");
    files_write_text("t.csv", "1,2,3,4,3000000000\n");
    LOAD(&set, true, true,
         "t.csv:1: column 5 is 3e+09, which input 'y' (i32[batch]) cannot hold: the input takes whole numbers of its "
         "range",
         "t.csv");
}

static void classes_known_to_the_program(void **state) {
    (void)state;
    const nnrt_input inputs[] = {MODEL->inputs[0],
                                 {.tensor = MODEL->inputs[1].tensor, .is_target = 1, .class_limit = 3}};
    const bool       needed[] = {true, true};
    nnrt_model       model    = *MODEL;
    nnrt_dataset     set;
    nnrt_error       error;
    model.inputs = inputs;
    files_write_text("t.csv", "1,2,3,4,2\n1,2,3,4,-1\n");
    assert_int_equal(nnrt_dataset_load(&set, &model, (const char *[]){"t.csv"}, 1, needed, NULL, &error),
                     NNRT_BAD_DATA);
    assert_string_equal(error.message, "t.csv:2: column 5: class -1 is out of range: 'y' takes 0 to 2");
}

static void classes_named_by_the_file(void **state) {
    (void)state;
    nnrt_dataset set;
    files_write_text("t.csv", "2,4,no,yes\n1,2,3,4,0\n1,2,3,4,1\n");
    LOAD(&set, true, true, NULL, "t.csv");
    assert_string_equal(set.classes[1], "yes");
    nnrt_dataset_free(&set);
    files_write_text("t.csv", "2,4,no,yes\n1,2,3,4,0\n1,2,3,4,2\n");
    LOAD(&set, true, true,
         "t.csv:3: column 5: class 2 is out of range: 'y' takes 0 to 1, as the file's first line names them", "t.csv");
}

static void write_npy(const char *name, int elem, int rank, const int64_t *shape, void *data) {
    nnrt_array array = {.elem = elem, .rank = rank, .count = 1, .data = data};
    for (int i = 0; i < rank; i++) array.shape[i] = shape[i], array.count *= shape[i];
    assert_int_equal(nnrt_write_npy(name, &array, NULL), NNRT_OK);
}

static void named_arrays_regroup_and_widen(void **state) {
    (void)state;
    nnrt_dataset set;
    uint8_t      x[8] = {1, 2, 3, 4, 5, 6, 7, 200};
    int64_t      y[2] = {2, 0};
    write_npy("x.npy", NNRT_U8, 3, (int64_t[]){2, 2, 2}, x);
    write_npy("y.npy", NNRT_I64, 2, (int64_t[]){2, 1}, y);
    LOAD(&set, true, true, NULL, "x=x.npy", "y=y.npy");
    assert_int_equal(set.n_samples, 2);
    nnrt_split   all = nnrt_split_all(&set);
    nnrt_batches batches;
    assert_int_equal(nnrt_batches_new(&batches, &all, 1, false, 0, NULL), NNRT_OK);
    nnrt_batches_fetch(&batches, 0, 1);
    assert_true(((const float *)batches.inputs[0])[3] == 200);
    assert_int_equal(((const int32_t *)batches.inputs[1])[0], 0);
    nnrt_batches_free(&batches);
    nnrt_dataset_free(&set);
}

static void f16_and_bf16_convert_exactly(void **state) {
    (void)state;
    static const struct {
        double value;
        bool   in_f16, in_bf16;
    } CASES[] = {{1, true, true},       {-0.0, true, true},     {0.1, false, false},
                 {257, true, false},    {65504, true, false},   {65536, false, true},
                 {0x1p-24, true, true}, {0x1p-25, false, true}, {0x1.8p100, false, true}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint16_t half, brain;
        float    back[2];
        double   value = CASES[i].value;
        assert_int_equal(nnrt_convert_check(&value, NNRT_F64, 1, NNRT_F16) < 0, CASES[i].in_f16);
        assert_int_equal(nnrt_convert_check(&value, NNRT_F64, 1, NNRT_BF16) < 0, CASES[i].in_bf16);
        nnrt_convert(&value, NNRT_F64, &half, NNRT_F16, 1);
        nnrt_convert(&value, NNRT_F64, &brain, NNRT_BF16, 1);
        nnrt_convert(&half, NNRT_F16, &back[0], NNRT_F32, 1);
        nnrt_convert(&brain, NNRT_BF16, &back[1], NNRT_F32, 1);
        if (CASES[i].in_f16)
            assert_true(back[0] == (float)value && nnrt_convert_check(&half, NNRT_F16, 1, NNRT_F32) < 0);
        if (CASES[i].in_bf16)
            assert_true(back[1] == (float)value && nnrt_convert_check(&brain, NNRT_BF16, 1, NNRT_F32) < 0);
    }
    const uint16_t infinite = 0x7c00, nan = 0x7e00;
    assert_int_equal(nnrt_convert_check(&infinite, NNRT_F16, 1, NNRT_F16), 0);
    assert_int_equal(nnrt_convert_check(&nan, NNRT_F16, 1, NNRT_F32), 0);
}

static void arrays_that_do_not_fit(void **state) {
    (void)state;
    nnrt_dataset set;
    float        x[12] = {0};
    double       d[4] = {1, 2, 0.1, 4}, hole[4] = {1, 2, 3, NAN};
    int32_t      y[3] = {0, 1, 2};
    write_npy("x34.npy", NNRT_F32, 2, (int64_t[]){3, 4}, x);
    write_npy("x26.npy", NNRT_F32, 2, (int64_t[]){2, 6}, x);
    write_npy("d.npy", NNRT_F64, 2, (int64_t[]){1, 4}, d);
    write_npy("hole.npy", NNRT_F64, 2, (int64_t[]){1, 4}, hole);
    write_npy("y2.npy", NNRT_I32, 1, (int64_t[]){2}, y);
    write_npy("y0.npy", NNRT_I32, 1, (int64_t[]){0}, y);
    LOAD(&set, true, true, "x26.npy: has shape [2, 6], input 'x' takes f32[batch, 4]: regroup or transpose it to fit",
         "x=x26.npy", "y=y2.npy");
    LOAD(&set, true, true, "y2.npy: 'batch' is 2 for input 'y' and 3 for the inputs before it: all must agree",
         "x=x34.npy", "y=y2.npy");
    LOAD(&set, true, true, "no data for target 'y' (i32[batch]): give --data y=FILE", "x=x34.npy");
    LOAD(
        &set, true, false,
        "d.npy: element [0, 2] is 0.1, which input 'x' (f32[batch, 4]) cannot hold: save the array in the input's type",
        "x=d.npy");
    LOAD(&set, true, false,
         "hole.npy: element [0, 3] is nan, which input 'x' (f32[batch, 4]) cannot hold: remove or fill in missing "
         "values",
         "x=hole.npy");
    LOAD(&set, false, true, "y0.npy: is empty: 'batch' would be 0", "y=y0.npy");
    LOAD(&set, true, true, "Fake has no input 'xx'; did you mean 'x'? (inputs: x f32[batch, 4], y i32[batch])",
         "xx=x34.npy");
    LOAD(&set, true, true, "Fake has no input 'labels' (inputs: x f32[batch, 4], y i32[batch])", "labels=x34.npy");
    LOAD(&set, true, true,
         "x34.npy: holds one array without a name: say whose it is, as in x=x34.npy (inputs: x f32[batch, 4], y "
         "i32[batch])",
         "x34.npy");
    LOAD(&set, true, true, "absent.npy: no such file", "x=absent.npy");
}

static void only_neighbouring_axes_regroup(void **state) {
    (void)state;
    static const struct {
        int     rank;
        int64_t shape[4];
        bool    fits;
    } CASES[]   = {{2, {3, 4}, true},  {3, {3, 2, 2}, true}, {3, {3, 4, 1}, true}, {4, {3, 1, 2, 2}, true},
                   {2, {4, 3}, false}, {1, {12}, false},     {2, {6, 2}, false},   {3, {3, 2, 3}, false}};
    float x[18] = {0};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        const bool   needed[] = {true, false};
        nnrt_dataset set;
        write_npy("x.npy", NNRT_F32, CASES[i].rank, CASES[i].shape, x);
        nnrt_status status = nnrt_dataset_load(&set, MODEL, (const char *[]){"x=x.npy"}, 1, needed, NULL, NULL);
        assert_int_equal(status, CASES[i].fits ? NNRT_OK : NNRT_BAD_DATA);
        if (status == NNRT_OK) nnrt_dataset_free(&set);
    }
}

/* ---- splits and batches ------------------------------------------------------------------------------------------ */

enum { N = 103 };

/* A set of N samples whose first feature and label tell their number. */
static void make_set(nnrt_dataset *set) {
    char *text = malloc(N * 32), *at = text;
    for (int i = 0; i < N; i++) at += sprintf(at, "%d,0,0,0,%d\n", i, i % 3);
    files_write_text("set.csv", text);
    free(text);
    LOAD(set, true, true, NULL, "set.csv");
}

static void splits_cover_and_do_not_overlap(void **state) {
    (void)state;
    nnrt_dataset set;
    nnrt_split   train, val, test, train2, val2, test2;
    int          seen[N] = {0};
    make_set(&set);
    assert_int_equal(nnrt_split_random(&set, 0.1, 0.2, 5, &train, &val, &test, NULL), NNRT_OK);
    assert_int_equal(test.n, 21);
    assert_int_equal(val.n, 10);
    assert_int_equal(train.n, 72);
    const nnrt_split *parts[] = {&train, &val, &test};
    for (int p = 0; p < 3; p++)
        for (int64_t i = 0; i < parts[p]->n; i++) seen[parts[p]->samples[i]]++;
    for (int i = 0; i < N; i++) assert_int_equal(seen[i], 1);
    assert_int_equal(nnrt_split_random(&set, 0.1, 0.2, 5, &train2, &val2, &test2, NULL), NNRT_OK);
    assert_memory_equal(test.samples, test2.samples, (size_t)test.n * sizeof *test.samples);
    nnrt_split_free(&test2);
    nnrt_split_free(&val2);
    nnrt_split_free(&train2);
    assert_int_equal(nnrt_split_random(&set, 0.1, 0.2, 6, &train2, &val2, &test2, NULL), NNRT_OK);
    assert_memory_not_equal(test.samples, test2.samples, (size_t)test.n * sizeof *test.samples);
    nnrt_split *all[] = {&train, &val, &test, &train2, &val2, &test2};
    for (int i = 0; i < 6; i++) nnrt_split_free(all[i]);
    nnrt_error error;
    assert_int_equal(nnrt_split_random(&set, 0, 0.001, 5, &train, &val, &test, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "test_split = 0.001 of 103 samples is none: give more data or another share");
    assert_int_equal(nnrt_split_random(&set, 0.5, 0.5, 5, &train, &val, &test, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "test_split and validation_split leave none of 103 samples to train on");
    nnrt_dataset_free(&set);
}

/* Every epoch visits every sample of the split once, in another order, the ragged last batch included. */
static void batches_visit_every_sample(void **state) {
    (void)state;
    nnrt_dataset set;
    nnrt_split   train, val, test;
    nnrt_batches batches;
    int64_t      first[2] = {-1, -1};
    make_set(&set);
    assert_int_equal(nnrt_split_random(&set, 0, 0.2, 5, &train, &val, &test, NULL), NNRT_OK);
    assert_int_equal(nnrt_batches_new(&batches, &train, 16, true, 9, NULL), NNRT_OK);
    assert_int_equal(batches.n_batches, 6);
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        int seen[N] = {0};
        for (int64_t i = 0; i < batches.n_batches; i++) {
            nnrt_batches_fetch(&batches, epoch, i);
            assert_int_equal(batches.symbols[0], i < 5 ? 16 : 2);
            for (int64_t row = 0; row < batches.count; row++) {
                int64_t sample = nnrt_batches_sample(&batches, row);
                seen[sample]++;
                assert_true(((const float *)batches.inputs[0])[row * 4] == (float)sample);
                assert_int_equal(((const int32_t *)batches.inputs[1])[row], sample % 3);
            }
            if (i == 0) first[epoch] = nnrt_batches_sample(&batches, 0);
        }
        for (int64_t i = 0; i < train.n; i++) assert_int_equal(seen[train.samples[i]], 1);
    }
    assert_int_not_equal(first[0], first[1]);
    nnrt_batches_free(&batches);
    nnrt_split_free(&train);
    nnrt_split_free(&val);
    nnrt_split_free(&test);
    nnrt_dataset_free(&set);
}

static void conversions_keep_every_value(void **state) {
    (void)state;
    const int64_t wide[] = {1, -5, (1ll << 31) - 1}, wider[] = {1ll << 31};
    const double  exact[] = {0.5, 16777216}, inexact[] = {16777217};
    const uint8_t bytes[] = {0, 1, 2};
    int32_t       narrow[3];
    assert_int_equal(nnrt_convert_check(wide, NNRT_I64, 3, NNRT_I32), -1);
    assert_int_equal(nnrt_convert_check(wider, NNRT_I64, 1, NNRT_I32), 0);
    assert_int_equal(nnrt_convert_check(exact, NNRT_F64, 2, NNRT_F32), -1);
    assert_int_equal(nnrt_convert_check(inexact, NNRT_F64, 1, NNRT_F32), 0);
    assert_int_equal(nnrt_convert_check(exact, NNRT_F64, 2, NNRT_I32), 0);
    assert_int_equal(nnrt_convert_check(bytes, NNRT_U8, 3, NNRT_BOOL), 2);
    assert_int_equal(nnrt_convert_check(bytes, NNRT_U8, 3, NNRT_F32), -1);
    nnrt_convert(wide, NNRT_I64, narrow, NNRT_I32, 3);
    assert_int_equal(narrow[1], -5);
}

static const char *word(int i, const void *words) {
    return ((const char *const *)words)[i];
}

static void nearest_names(void **state) {
    (void)state;
    static const char *const WORDS[] = {"--epochs", "--steps", "--seed", "--threads"};
    assert_string_equal(nnrt_nearest("--epoch", word, WORDS, 4), "--epochs");
    assert_string_equal(nnrt_nearest("--setps", word, WORDS, 4), "--steps");
    assert_null(nnrt_nearest("--momentum", word, WORDS, 4));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_columns_by_order),
        cmocka_unit_test(csv_columns_by_name),
        cmocka_unit_test(csv_elements),
        cmocka_unit_test(classes_known_to_the_program),
        cmocka_unit_test(classes_named_by_the_file),
        cmocka_unit_test(named_arrays_regroup_and_widen),
        cmocka_unit_test(f16_and_bf16_convert_exactly),
        cmocka_unit_test(arrays_that_do_not_fit),
        cmocka_unit_test(only_neighbouring_axes_regroup),
        cmocka_unit_test(splits_cover_and_do_not_overlap),
        cmocka_unit_test(batches_visit_every_sample),
        cmocka_unit_test(conversions_keep_every_value),
        cmocka_unit_test(nearest_names),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
