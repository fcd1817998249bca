/* Columns, categories, words and bytes of a CSV: what they become, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "extras/vocabulary.h"
#include "runtime_files.h"
#include "source_model.h"

static const bool ALL[SOURCE_INPUTS] = {true, true, true, true, true, true};

/* A comma, a line end and quotes in cells, and missing values. */
static const char CSV[] = "id,age,fare,n,job,note,class\n"
                          "1,20,1.5,3,cook,\"The cat, the CAT's dog\",no\n"
                          "2,?,2.5,NA,sailor,a cat,yes\n"
                          "3,40,,7,cook,\"\"\"dog\"\"\n cat\",no\n"
                          "4,60,6.5,9,,,yes\n"
                          "5,,3.5,-2,smith,zebra,no\n";

static void load(nnrt_dataset *set, const char *text, const bool *needed, const char *message) {
    const char *arguments[] = {files_write_text("t.csv", text)};
    nnrt_error  error       = {0};
    nnrt_status status      = nnrt_dataset_load(set, &source_model, arguments, 1, needed, NULL, &error);
    assert_string_equal(error.message, message ? message : "");
    assert_int_equal(status, message ? NNRT_BAD_DATA : NNRT_OK);
}

static void assert_ints(const nnrt_dataset *set, int input, const int32_t *expected, int n) {
    const nnrt_array *array = &set->columns[input].array;
    assert_int_equal(array->elem, NNRT_I32);
    assert_int_equal(array->count, n);
    for (int i = 0; i < n; i++) assert_int_equal(((const int32_t *)array->data)[i], expected[i]);
}

static void everything_becomes_numbers(void **state) {
    (void)state;
    nnrt_dataset      set;
    nnrt_vocabularies v = {0};
    load(&set, CSV, ALL, NULL);
    const nnrt_split all = nnrt_split_all(&set);
    nnrt_batches     batches;
    nnrt_error       error = {0};
    assert_int_equal(nnrt_batches_new(&batches, &all, 2, false, 0, &error), NNRT_ERROR);
    assert_string_equal(error.message, "the texts of 'x' have no numbers yet");
    assert_int_equal(nnrt_vocabularies_build(&v, &all, NULL), NNRT_OK);
    assert_int_equal(nnrt_dataset_encode(&set, &v, NULL), NNRT_OK);

    const float *x          = set.columns[SOURCE_X].array.data; /* means: age 40, fare 3.5 */
    const float  expected[] = {20, 1.5f, 40, 2.5f, 40, 3.5f, 60, 6.5f, 40, 3.5f};
    for (int i = 0; i < 10; i++) assert_true(x[i] == expected[i]);
    const double *n = set.columns[SOURCE_N].array.data;
    assert_true(n[0] == 3 && n[1] == -1 && n[4] == -2);
    /* cook is the most frequent; sailor and smith occur once, in order of their bytes; a missing job is unknown */
    assert_ints(&set, SOURCE_JOB, (int32_t[]){1, 2, 1, 0, 3}, 5);
    /* cat 3, dog and the 2, a, cat's and zebra 1: five have numbers */
    assert_int_equal(v.inputs[SOURCE_NOTE].n_texts, 5);
    assert_int_equal(v.inputs[SOURCE_NOTE].n_left_out, 1);
    assert_string_equal(v.inputs[SOURCE_NOTE].texts[4], "cat's");
    assert_ints(&set, SOURCE_NOTE, (int32_t[]){3, 1, 3, 5, 4, 1, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 20);
    assert_memory_equal(set.columns[SOURCE_RAW].array.data, "Thea c\"do\0\0\0zeb", 15);
    assert_ints(&set, SOURCE_Y, (int32_t[]){0, 1, 0, 1, 0}, 5);
    int target = -1;
    assert_ptr_equal(nnrt_vocabularies_classes(&v, &target), &v.inputs[SOURCE_Y]);
    assert_int_equal(target, SOURCE_Y);
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
}

static void vocabularies_survive_json(void **state) {
    (void)state;
    nnrt_dataset      set, other;
    nnrt_vocabularies v = {0}, w = {0};
    nnrt_error        error = {0};
    load(&set, CSV, ALL, NULL);
    const nnrt_split all = nnrt_split_all(&set);
    assert_int_equal(nnrt_vocabularies_build(&v, &all, NULL), NNRT_OK);
    char *json = nnrt_vocabularies_to_json(&v);
    assert_string_equal(json,
                        "{\"x\":{\"means\":[40,3.5]},\"job\":{\"texts\":[\"cook\",\"sailor\",\"smith\"]},\"note\":{"
                        "\"texts\":[\"cat\",\"dog\",\"the\",\"a\",\"cat's\"]},\"y\":{\"texts\":[\"no\",\"yes\"]}}");
    assert_int_equal(nnrt_vocabularies_from_json(&w, &source_model, json, "w", NULL), NNRT_OK);
    free(json);
    /* other data: unknown texts, a full stop at the end of a class, a shorter time */
    load(&other, "note,class,job,n,fare,age\nthe zebra,yes.,pilot,1,,\ncat,no,smith,2,1,2\n", ALL, NULL);
    assert_int_equal(nnrt_dataset_encode(&other, &w, &error), NNRT_OK);
    assert_ints(&other, SOURCE_JOB, (int32_t[]){0, 3}, 2);
    assert_ints(&other, SOURCE_NOTE, (int32_t[]){3, 0, 1, 0}, 4);
    assert_ints(&other, SOURCE_Y, (int32_t[]){1, 0}, 2);
    assert_true(((const float *)other.columns[SOURCE_X].array.data)[0] == 40);
    nnrt_dataset_free(&other);
    load(&other, "note,class,job,n,fare,age\nthe zebra,maybe,pilot,1,,\n", ALL, NULL);
    assert_int_equal(nnrt_dataset_encode(&other, &w, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message,
                        "t.csv:2: column 2: 'maybe' is no class of target 'y' in the training data, which has no, yes");
    nnrt_dataset_free(&other);
    load(&other, "note,class,job,n,fare,age\nthe zebra,?,pilot,1,,\n", ALL, NULL);
    assert_int_equal(nnrt_dataset_encode(&other, &w, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "t.csv:2: column 2 is missing: target 'y' needs a class in every row");
    nnrt_dataset_free(&other);
    nnrt_vocabularies_free(&w);
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
}

static void damaged_vocabularies(void **state) {
    (void)state;
    static const char *const CASES[] = {
        "{\"job\":{}}",
        "{\"job\":7}",
        "{\"job\":{\"texts\":7}}",
        "{\"job\":{\"texts\":[7]}}",
        "{\"job\":{\"texts\":[\"a\",\"b\",\"c\",\"d\"]}}", /* max = 4 has room for three */
        "{\"x\":{\"means\":[1]}}",
        "{\"x\":{\"means\":[1,null]}}",
        "{\"x\":{\"texts\":[]}}",
    };
    nnrt_vocabularies v;
    nnrt_error        error;
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(nnrt_vocabularies_from_json(&v, &source_model, CASES[i], "w", &error), NNRT_BAD_DATA);
        assert_non_null(strstr(error.message, "does not fit this program: train anew"));
        nnrt_vocabularies_free(&v);
    }
    assert_int_equal(nnrt_vocabularies_from_json(&v, &source_model, "[", "w", &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "w: its vocabularies are damaged: get or save the file again");
    nnrt_vocabularies_free(&v);
    /* a file without any: texts are refused then */
    nnrt_dataset set;
    assert_int_equal(nnrt_vocabularies_from_json(&v, &source_model, NULL, "w", &error), NNRT_OK);
    const bool job[SOURCE_INPUTS] = {[SOURCE_JOB] = true};
    load(&set, CSV, job, NULL);
    assert_int_equal(nnrt_dataset_encode(&set, &v, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message,
                        "t.csv: holds texts for 'job', but the weights have no vocabulary: train them on texts");
    nnrt_dataset_free(&set);
    nnrt_vocabularies_free(&v);
}

static void what_is_refused(void **state) {
    (void)state;
    const bool x[SOURCE_INPUTS] = {true}, n[SOURCE_INPUTS] = {[SOURCE_N] = true},
               job[SOURCE_INPUTS] = {[SOURCE_JOB] = true};
    nnrt_dataset set;
    load(&set, "age,fares\n1,2\n", x, "t.csv: has no column \"fare\", from which 'x' comes; did you mean \"fares\"?");
    load(&set, "1,2\n3,4\n", x,
         "t.csv: has no header, and 'x' comes from column \"age\": add a first line with the columns' names, or give "
         "their numbers from 0 in the model");
    load(&set, "n,z\n1,a\nten,b\n", n,
         "t.csv:3: column 1 (n): 'ten' is not a number: give texts to an input 'from category(...)', or write classes "
         "as 0, 1, 2, ...");
    load(&set, "n,z\n1.5,a\n", n,
         "t.csv:2: column 1 is 1.5, which input 'n' (i32[batch]) cannot hold: the input takes whole numbers of its "
         "range");
    load(&set, "job,z\n", job, "t.csv: has no rows of data");
    load(&set, "cook\nsailor\n", job,
         "t.csv: has no header, and 'job' comes from column \"job\": add a first line with the columns' names, or give "
         "their numbers from 0 in the model");
}

static void too_many_classes(void **state) {
    (void)state;
    const bool        y[SOURCE_INPUTS] = {[SOURCE_Y] = true};
    nnrt_dataset      set;
    nnrt_vocabularies v     = {0};
    nnrt_error        error = {0};
    load(&set, "class\nd\nb\na\nc\n", y, NULL);
    const nnrt_split all = nnrt_split_all(&set);
    assert_int_equal(nnrt_vocabularies_build(&v, &all, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message,
                        "the training data has 4 classes for target 'y' (a, b, c, d), the model has 3: make its 'max' "
                        "and the layer that predicts it larger");
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
    load(&set, "class\n10\n9\n10\n", y, NULL); /* numbers are ordered as such */
    const nnrt_split numbers = nnrt_split_all(&set);
    assert_int_equal(nnrt_vocabularies_build(&v, &numbers, &error), NNRT_OK);
    assert_string_equal(v.inputs[SOURCE_Y].texts[0], "9");
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
}

/* The training samples alone make vocabulary and means; classes are those of all rows. */
static void only_training_samples_count(void **state) {
    (void)state;
    nnrt_dataset      set;
    nnrt_vocabularies v         = {0};
    int64_t           samples[] = {1, 4};
    load(&set, CSV, ALL, NULL);
    const nnrt_split train = {.set = &set, .samples = samples, .n = 2};
    assert_int_equal(nnrt_vocabularies_build(&v, &train, NULL), NNRT_BAD_DATA); /* no age in either */
    nnrt_vocabularies_free(&v);
    samples[0] = 3;
    assert_int_equal(nnrt_vocabularies_build(&v, &train, NULL), NNRT_OK);
    assert_true(v.inputs[SOURCE_X].means[0] == 60 && v.inputs[SOURCE_X].means[1] == 5);
    assert_int_equal(v.inputs[SOURCE_JOB].n_texts, 1);
    assert_string_equal(v.inputs[SOURCE_JOB].texts[0], "smith");
    assert_int_equal(v.inputs[SOURCE_Y].n_texts, 2);
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
}

static void bytes_that_are_no_utf8(void **state) {
    (void)state;
    nnrt_texts texts  = {0};
    char       cell[] = "caf\xE9 \xC3\xA9 \xED\xA0\x80\xF4\x90\x80\x80\x1e";
    nnrt_table table  = {.text = cell, .n_rows = 1, .n_columns = 1, .starts = (size_t[]){0}};
    assert_int_equal(nnrt_texts_take(&texts, &table, 0, NNRT_FROM_CATEGORY, "t", NULL), NNRT_OK);
    nnrt_field text = nnrt_texts_at(&texts, 0);
    assert_int_equal(text.size, 23);
    assert_memory_equal(text.text, "caf\xC3\xA9 \xC3\xA9 \xC3\xAD\xC2\xA0\xC2\x80\xC3\xB4\xC2\x90\xC2\x80\xC2\x80", 23);
    nnrt_texts_free(&texts);
}

static void windows_of_a_file(void **state) {
    (void)state;
    const bool   both[] = {true, true}, tokens[] = {true, false};
    const char  *arguments[] = {files_write_text("t.txt", "abcdefghijkl")};
    nnrt_dataset set;
    nnrt_error   error = {0};
    assert_int_equal(nnrt_dataset_load(&set, &window_model, arguments, 1, both, NULL, &error), NNRT_OK);
    assert_int_equal(set.n_samples, 2); /* 11 bytes have a next one */
    assert_memory_equal(set.columns[0].array.data, "abcdefgh", 8);
    assert_memory_equal(set.columns[1].array.data, "bcdefghi", 8);
    nnrt_dataset_free(&set);
    assert_int_equal(nnrt_dataset_load(&set, &window_model, arguments, 1, tokens, NULL, &error), NNRT_OK);
    assert_int_equal(set.n_samples, 3);
    nnrt_split train, val, test; /* the last windows are held out */
    assert_int_equal(nnrt_split_random(&set, 0.33, 0.33, 1, &train, &val, &test, NULL), NNRT_OK);
    assert_int_equal(train.samples[0], 0);
    assert_int_equal(val.samples[0], 1);
    assert_int_equal(test.samples[0], 2);
    nnrt_split_free(&train);
    nnrt_split_free(&val);
    nnrt_split_free(&test);
    nnrt_dataset_free(&set);
    files_write_text("t.txt", "abcd");
    assert_int_equal(nnrt_dataset_load(&set, &window_model, arguments, 1, both, NULL, &error), NNRT_BAD_DATA);
    assert_string_equal(error.message, "t.txt: has 4 bytes, a window of input 'tokens' takes 5");
}

/* Rows of one file after those of another, with their own columns and places. */
static void several_files(void **state) {
    (void)state;
    const char *const arguments[] = {"a.csv", "b.csv"};
    nnrt_dataset      set;
    nnrt_vocabularies v     = {0};
    nnrt_error        error = {0};
    files_write_text("a.csv", "age,fare,n,job,note,class\n1,2,3,cook,a b,no\n");
    files_write_text("b.csv", "class,note,job,n,fare,age\nyes,c,cook,6,5,4\nno,a,,7,?,6\n");
    assert_int_equal(nnrt_dataset_load(&set, &source_model, arguments, 2, ALL, NULL, &error), NNRT_OK);
    assert_int_equal(set.n_samples, 3);
    const nnrt_split all = nnrt_split_all(&set);
    assert_int_equal(nnrt_vocabularies_build(&v, &all, NULL), NNRT_OK);
    assert_int_equal(nnrt_dataset_encode(&set, &v, NULL), NNRT_OK);
    const float *x = set.columns[SOURCE_X].array.data;
    assert_true(x[0] == 1 && x[1] == 2 && x[2] == 4 && x[3] == 5 && x[4] == 6 && x[5] == 3.5f);
    assert_ints(&set, SOURCE_JOB, (int32_t[]){1, 1, 0}, 3);
    assert_ints(&set, SOURCE_NOTE, (int32_t[]){1, 2, 3, 0, 1, 0}, 6);
    assert_ints(&set, SOURCE_Y, (int32_t[]){0, 1, 0}, 3);
    char place[64];
    assert_string_equal(nnrt_dataset_place(&set.columns[SOURCE_X], 1, place, sizeof place), "a.csv:2: column 2");
    assert_string_equal(nnrt_dataset_place(&set.columns[SOURCE_X], 5, place, sizeof place), "b.csv:3: column 5");
    nnrt_vocabularies_free(&v);
    nnrt_dataset_free(&set);
    files_write_text("b.csv", "class,note,job,n,fare,age\nyes,c,cook,6,5,old\n");
    assert_int_equal(nnrt_dataset_load(&set, &source_model, arguments, 2, ALL, NULL, &error), NNRT_BAD_DATA);
    assert_non_null(strstr(error.message, "b.csv:2: column 6 (age): 'old' is not a number"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_becomes_numbers),
        cmocka_unit_test(vocabularies_survive_json),
        cmocka_unit_test(damaged_vocabularies),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(too_many_classes),
        cmocka_unit_test(only_training_samples_count),
        cmocka_unit_test(bytes_that_are_no_utf8),
        cmocka_unit_test(windows_of_a_file),
        cmocka_unit_test(several_files),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
