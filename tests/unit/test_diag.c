/* Diagnostics: what is kept, how it is rendered, that the JSON is JSON; suggestions of near names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/diag.h"

typedef struct Fixture {
    Arena *arena;
    Diags *diags;
    char  *text; /* last rendered */
} Fixture;

static int set_up(void **state) {
    Fixture *f = calloc(1, sizeof *f);
    f->arena   = arena_new();
    f->diags   = diags_new(f->arena);
    *state     = f;
    return 0;
}

static int tear_down(void **state) {
    Fixture *f = *state;
    free(f->text);
    arena_free(f->arena);
    free(f);
    return 0;
}

static uint32_t add(Fixture *f, const char *path, const char *text) {
    return diags_add_source(f->diags, path, text, strlen(text));
}

static const char *render(Fixture *f, DiagFormat format, bool color) {
    size_t length;
    free(f->text);
    FILE *out = open_memstream(&f->text, &length);
    diags_render(f->diags, out, format, color);
    fclose(out);
    return f->text;
}

/* ---- rendering -------------------------------------------------------------------------------------------------------- */

static void test_labels_on_one_line(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "resnet.nnet", "layer a() {\n  return relu(h + skip)\n}\n");
    Diag    *diag = diag_error(f->diags, (Span){file, 28, 29}, E0001, "shapes differ in '%s'", "+");
    diag_label(diag, (Span){file, 26, 27}, "axis 1 is 16");
    diag_label(diag, (Span){file, 30, 34}, "axis 1 is 32");
    diag_note(diag, "instantiated from ResNet");
    diag_help(diag, "give it a stride");
    assert_string_equal(render(f, DIAG_HUMAN, false), "error[E0001]: shapes differ in '+'\n"
                                                      " --> resnet.nnet:2:17\n"
                                                      "  |\n"
                                                      "2 |   return relu(h + skip)\n"
                                                      "  |               - ^ ---- axis 1 is 32\n"
                                                      "  |               axis 1 is 16\n"
                                                      "  = note: instantiated from ResNet\n"
                                                      "  = help: give it a stride\n");
}

static void test_words_cross_marks(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "abc def ghi\n");
    Diag    *diag = diag_error(f->diags, (Span){file, 4, 7}, E0001, "m");
    diag_primary(diag, "the second");
    diag_label(diag, (Span){file, 0, 3}, "the first");
    diag_label(diag, (Span){file, 8, 11}, "the third");
    assert_string_equal(render(f, DIAG_HUMAN, false), "error[E0001]: m\n"
                                                      " --> a.nnet:1:5\n"
                                                      "  |\n"
                                                      "1 | abc def ghi\n"
                                                      "  | --- ^^^ --- the third\n"
                                                      "  | |   the second\n"
                                                      "  | the first\n");
}

static void test_lines_and_files(void **state) {
    Fixture *f     = *state;
    uint32_t file  = add(f, "a.nnet", "one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n");
    uint32_t other = add(f, "b.nnet", "elsewhere\n");
    Diag    *diag  = diag_error(f->diags, (Span){file, 45, 48}, E0001, "m");
    diag_label(diag, (Span){file, 0, 3}, "first");
    diag_label(diag, (Span){file, 34, 39}, "eighth");
    diag_label(diag, (Span){other, 0, 9}, "in another file");
    assert_string_equal(render(f, DIAG_HUMAN, false), "error[E0001]: m\n"
                                                      "  --> a.nnet:10:1\n"
                                                      "   |\n"
                                                      " 1 | one\n"
                                                      "   | --- first\n"
                                                      "...\n"
                                                      " 8 | eight\n"
                                                      "   | ----- eighth\n"
                                                      " 9 | nine\n"
                                                      "10 | ten\n"
                                                      "   | ^^^\n"
                                                      "  ::: b.nnet:1:1\n"
                                                      "   |\n"
                                                      " 1 | elsewhere\n"
                                                      "   | --------- in another file\n");
}

static void test_tabs_and_characters(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "\t\xC3\xA4\xC3\xB6 x\xFF y\r\nz");
    diag_error(f->diags, (Span){file, 9, 10}, E0001, "m");
    assert_string_equal(render(f, DIAG_HUMAN, false), "error[E0001]: m\n"
                                                      " --> a.nnet:1:8\n"
                                                      "  |\n"
                                                      "1 |     \xC3\xA4\xC3\xB6 x\xEF\xBF\xBD y\n"
                                                      "  |           ^\n");
}

static void test_end_of_file(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "x\n");
    diag_error(f->diags, (Span){file, 2, 2}, E0001, "m");
    assert_string_equal(render(f, DIAG_HUMAN, false), "error[E0001]: m\n --> a.nnet:2:1\n  |\n2 |\n  | ^\n");
}

static void test_without_a_place(void **state) {
    Fixture *f = *state;
    diag_help(diag_error(f->diags, (Span){0, 0, 0}, E0700, "cannot read 'x'"), "create it\nor not");
    assert_string_equal(render(f, DIAG_HUMAN, false),
                        "error[E0700]: cannot read 'x'\n  = help: create it\n          or not\n");
}

static void test_color_only_when_asked(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "x\n");
    diag_warning(f->diags, (Span){file, 0, 1}, E0001, "m");
    assert_null(strchr(render(f, DIAG_HUMAN, false), '\x1b'));
    assert_non_null(strstr(render(f, DIAG_HUMAN, true), "\x1b[1;33m"));
}

static void test_long_line_is_shown_in_part(void **state) {
    Fixture *f    = *state;
    char    *text = arena_alloc(f->arena, 5001);
    memset(text, 'x', 5000);
    text[2500]    = 'Y';
    uint32_t file = add(f, "a.nnet", text);
    diag_error(f->diags, (Span){file, 2500, 2501}, E0001, "m");
    const char *out  = render(f, DIAG_HUMAN, false);
    const char *line = strstr(out, "1 | ..."), *mark = strstr(out, "^");
    assert_non_null(line);
    assert_true(strlen(out) < 500);
    const char *mark_line = mark;
    while (mark_line[-1] != '\n') mark_line--;
    assert_int_equal(line[mark - mark_line], 'Y');
}

/* ---- keeping ---------------------------------------------------------------------------------------------------------- */

static void test_order_and_repetition(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "x y\n");
    diag_error(f->diags, (Span){file, 2, 3}, E0001, "second");
    diag_error(f->diags, (Span){file, 0, 1}, E0001, "first");
    Diag *again = diag_error(f->diags, (Span){file, 0, 1}, E0002, "again");
    diag_label(again, (Span){file, 2, 3}, "lost");
    diag_help(diag_note(diag_primary(again, "lost"), "lost"), "lost");
    assert_int_equal(diags_error_count(f->diags), 2);
    const char *out = render(f, DIAG_HUMAN, false);
    assert_true(strstr(out, "first") < strstr(out, "second"));
    assert_null(strstr(out, "again"));
    assert_null(strstr(out, "lost"));
}

static void test_limit(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "0123456789012345678901234567890123456789\n");
    for (uint32_t i = 0; i < 30; i++) diag_error(f->diags, (Span){file, i, i + 1}, E0001, "number %u", i);
    assert_int_equal(diags_error_count(f->diags), 30);
    const char *out = render(f, DIAG_HUMAN, false);
    assert_non_null(strstr(out, "number 19"));
    assert_null(strstr(out, "number 20"));
    assert_non_null(strstr(out, "... and 10 more errors"));
}

static void test_warnings_are_no_errors(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "x\n");
    diag_warning(f->diags, (Span){file, 0, 1}, E0001, "careful");
    assert_int_equal(diags_error_count(f->diags), 0);
    assert_non_null(strstr(render(f, DIAG_HUMAN, false), "warning[E0001]: careful"));
}

static void test_position(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "a.nnet", "ab\n\xC3\xA4x\n");
    int      line, column;
    diags_position(f->diags, (Span){file, 5, 6}, &line, &column);
    assert_int_equal(line, 2);
    assert_int_equal(column, 2);
    diags_position(f->diags, (Span){0, 0, 0}, &line, &column);
    assert_int_equal(line, 0);
}

static void test_codes(void **state) {
    (void)state;
    assert_string_equal(diag_code_name(E0003), "E0003");
    assert_int_equal(diag_code_parse("E0003"), E0003);
    assert_int_equal(diag_code_parse("E9999"), DIAG_CODE_COUNT);
    assert_true(strlen(diag_code_title(E0003)) > 0);
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------- */

static double number_at(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const char *string_at(const cJSON *object, const char *key) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static void test_json(void **state) {
    Fixture *f    = *state;
    uint32_t file = add(f, "dir/a \"b\".nnet", "one\ntwo three\n");
    Diag    *diag = diag_error(f->diags, (Span){file, 8, 13}, E0001, "bad \"%s\"\n\x01\xFF\xC3\xA4", "x");
    diag_primary(diag, "here");
    diag_label(diag, (Span){file, 0, 3}, "there");
    diag_help(diag_note(diag, "n"), "h");
    const char *line = render(f, DIAG_JSON, false);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    cJSON *object = cJSON_Parse(line);
    assert_non_null(object);
    assert_string_equal(string_at(object, "file"), "dir/a \"b\".nnet");
    assert_string_equal(string_at(object, "code"), "E0001");
    assert_string_equal(string_at(object, "severity"), "error");
    assert_string_equal(string_at(object, "label"), "here");
    assert_string_equal(string_at(object, "message"), "bad \"x\"\n\x01\xEF\xBF\xBD\xC3\xA4");
    assert_true(number_at(object, "line") == 2 && number_at(object, "column") == 5);
    const cJSON *end = cJSON_GetObjectItemCaseSensitive(object, "end");
    assert_true(number_at(end, "line") == 2 && number_at(end, "column") == 10);
    const cJSON *label = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, "labels"), 0);
    assert_string_equal(string_at(label, "message"), "there");
    assert_true(number_at(label, "line") == 1);
    assert_string_equal(cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, "help"), 0)->valuestring, "h");
    cJSON_Delete(object);
}

static void test_json_without_a_place(void **state) {
    Fixture *f = *state;
    diag_error(f->diags, (Span){0, 0, 0}, E0700, "m");
    cJSON *object = cJSON_Parse(render(f, DIAG_JSON, false));
    assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(object, "file")));
    cJSON_Delete(object);
}

/* ---- suggestions ------------------------------------------------------------------------------------------------------ */

static void test_nearest(void **state) {
    (void)state;
    static const char *const names[] = {"sigmoid", "softmax", "dense", "relu", "x"};
    assert_string_equal(nearest_name("sigmiod", names, 5), "sigmoid");
    assert_string_equal(nearest_name("softmx", names, 5), "softmax");
    assert_string_equal(nearest_name("Dense", names, 5), "dense");
    assert_string_equal(nearest_name("RELU", names, 5), "relu");
    assert_string_equal(nearest_name("X", names, 5), "x");
    assert_null(nearest_name("convolution", names, 5));
    assert_null(nearest_name("y", names, 5));
    assert_null(nearest_name("", names, 5));
    assert_null(nearest_name("relu", names, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_labels_on_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_words_cross_marks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lines_and_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_tabs_and_characters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_end_of_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_a_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_color_only_when_asked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_long_line_is_shown_in_part, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_order_and_repetition, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_warnings_are_no_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_position, set_up, tear_down),
        cmocka_unit_test(test_codes),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_without_a_place, set_up, tear_down),
        cmocka_unit_test(test_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
