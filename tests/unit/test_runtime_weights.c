/* Names of weights by patterns, what they make of a file's arrays, and the numbers of a model's summary. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "extras/array.h"
#include "extras/import.h"
#include "extras/summary.h"
#include "extras/weight_map.h"
#include "fake_model.h"
#include "runtime_files.h"

static nnrt_map parse(const char *first, const char *second) {
    const char *texts[] = {first, second};
    nnrt_map    map;
    assert_int_equal(nnrt_map_parse(&map, "--map", texts, second ? 2 : 1, NULL), NNRT_OK);
    return map;
}

/* The right side for a name on the left, ":t" behind it where it is transposed. */
static void applies(const char *first, const char *second, const char *name, const char *expected) {
    nnrt_map     map = parse(first, second);
    nnrt_mapping mapping;
    char         text[NNRT_MAP_NAME + 4];
    assert_int_equal(nnrt_map_apply(&map, name, &mapping, NULL), NNRT_OK);
    snprintf(text, sizeof text, "%s%s", mapping.name, mapping.transposed ? ":t" : "");
    assert_string_equal(text, expected);
    assert_int_equal(mapping.nothing, expected[0] == 0);
    nnrt_map_free(&map);
}

static void patterns(void **state) {
    (void)state;
    applies("a/b=c", NULL, "a/b", "c");
    applies("a/b=c", NULL, "a/bc", "a/bc");
    applies("a/b=c:t", NULL, "a/b", "c:t");
    applies("*=net.*", NULL, "a/b", "net.a/b");
    applies("backbone/*=encoder.*", NULL, "backbone/dense_1/kernel", "encoder.dense_1/kernel");
    applies("*/dense_*/kernel=*.fc*.w:t", NULL, "x/y/dense_12/kernel", "x/y.fc12.w:t");
    applies("a*b*c=*-*", NULL, "axbxbxc", "x-xbx"); /* the first star takes as little as it can */
    applies("*a=*", NULL, "aaa", "aa");             /* and as much as it must */
    applies("head/*=", "*=x.*", "head/bias", "");   /* nothing is taken */
    applies("head/*=", "*=x.*", "body/bias", "x.body/bias");
    applies("*=x.*", "a=y", "a", "x.a"); /* the first that matches */
    applies("**=*,*", NULL, "ab", ",ab");
    applies("a==b", NULL, "a", "=b"); /* the first '=' divides */
}

static void patterns_backwards(void **state) {
    (void)state;
    nnrt_map     map = parse("fc*.w=dense_*/kernel:t", "*=*");
    nnrt_mapping mapping;
    assert_int_equal(nnrt_map_reverse(&map, "dense_3/kernel", &mapping, NULL), NNRT_OK);
    assert_string_equal(mapping.name, "fc3.w");
    assert_true(mapping.transposed);
    assert_ptr_equal(nnrt_map_unused(&map), &map.entries[1]);
    assert_int_equal(nnrt_map_reverse(&map, "other", &mapping, NULL), NNRT_OK);
    assert_null(nnrt_map_unused(&map));
    nnrt_map_free(&map);
}

static void refused(const char *text, const char *message) {
    nnrt_map   map;
    nnrt_error error;
    assert_int_equal(nnrt_map_parse(&map, "--map", &text, 1, &error), NNRT_USAGE);
    assert_string_equal(error.message, message);
    nnrt_map_free(&map);
}

static void bad_patterns(void **state) {
    (void)state;
    refused("", "--map '': TO=FROM is needed, as in 'dense/kernel=layers.0.weight:t'");
    refused("=b", "--map '=b': TO=FROM is needed, as in 'dense/kernel=layers.0.weight:t'");
    refused("*=b", "--map '*=b': as many stars are needed on both sides of '='");
    refused("a=*", "--map 'a=*': as many stars are needed on both sides of '='");
    char         longest[2 * NNRT_MAP_NAME], *name = longest + 2;
    nnrt_mapping mapping;
    nnrt_error   error;
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    nnrt_map map                = parse("*=y*", NULL);
    assert_int_equal(nnrt_map_apply(&map, name, &mapping, &error), NNRT_USAGE);
    assert_string_equal(error.message, "the pattern 'y*' makes a name that is too long");
    nnrt_map_free(&map);
    map = parse("a=b", NULL);
    assert_int_equal(nnrt_map_apply(&map, name, &mapping, &error), NNRT_BAD_DATA);
    nnrt_map_free(&map);
}

/* Stars that match in many ways take time in proportion to the lengths, not exponential in them. */
static void hostile_pattern(void **state) {
    (void)state;
    char name[400];
    memset(name, 'a', sizeof name);
    name[sizeof name - 1] = 0;
    for (int i = 0; i < 1000; i++) assert_false(nnrt_name_matches("*a*a*a*a*a*a*a*ab", name));
}

static void import_converts(void **state) {
    (void)state;
    nnrt_instance   *instance = nnrt_instance_new(&nnrt_model_main, NULL, NULL);
    double           w[12], b[] = {1.5, -2, 1e-3};
    const nnrt_array arrays[] = {
        {.name = "fc.w", .elem = NNRT_F64, .rank = 2, .shape = {3, 4}, .count = 12, .data = w},
        {.name = "dense/bias", .elem = NNRT_F64, .rank = 1, .shape = {3}, .count = 3, .data = b},
        {.name = "left over", .elem = NNRT_F64, .rank = 1, .shape = {3}, .count = 3, .data = b},
    };
    nnrt_import result;
    for (int i = 0; i < 12; i++) w[i] = i;
    assert_int_equal(nnrt_write_safetensors("i.safetensors", arrays, 3, NULL, 0, NULL), NNRT_OK);
    nnrt_map map = parse("dense/kernel=fc.w:t", NULL);
    assert_int_equal(nnrt_import_weights(instance, "i.safetensors", &map, false, &result, NULL), NNRT_OK);
    const float *kernel = instance->slots[FAKE_W], *bias = instance->slots[FAKE_B];
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 3; k++) assert_true(kernel[i * 3 + k] == (float)w[k * 4 + i]);
    for (int i = 0; i < 3; i++) assert_true(bias[i] == (float)b[i]);
    assert_int_equal(result.n_taken, 2);
    assert_int_equal(result.n_wanted, 4);
    assert_string_equal(result.kept, "  standardize/mean f32[4]\n  standardize/seen f32[]\n");
    assert_string_equal(result.unused, "  left over f64[3]\n");
    nnrt_import_free(&result);
    nnrt_map_free(&map);
    nnrt_instance_free(instance);
}

static void summary(void **state) {
    (void)state;
    nnrt_instance *instance = nnrt_instance_new(&nnrt_model_main, NULL, NULL);
    nnrt_summary   s;
    char           text[32];
    assert_int_equal(nnrt_bind_example(instance, 5, NULL), NNRT_OK);
    assert_int_equal(nnrt_summarise(&s, instance, NULL), NNRT_OK);
    assert_int_equal(s.trainable.count, 15);
    assert_int_equal(s.state.count, 5);
    assert_int_equal(s.optimizer.count, 12);
    assert_int_equal(s.other.count, 20); /* the model lists no layers */
    assert_int_equal(s.flops, -1);
    nnrt_summary_free(&s);
    nnrt_instance_free(instance);
    assert_string_equal(nnrt_count_text(0, text, sizeof text), "0");
    assert_string_equal(nnrt_count_text(999, text, sizeof text), "999");
    assert_string_equal(nnrt_count_text(1234567, text, sizeof text), "1,234,567");
    assert_string_equal(nnrt_count_text(INT64_MAX, text, sizeof text), "9,223,372,036,854,775,807");
    assert_string_equal(nnrt_size_text(999, text, sizeof text), "999 bytes");
    assert_string_equal(nnrt_size_text(51234567, text, sizeof text), "51.2 MB");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),        cmocka_unit_test(patterns_backwards), cmocka_unit_test(bad_patterns),
        cmocka_unit_test(hostile_pattern), cmocka_unit_test(import_converts),    cmocka_unit_test(summary),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
