/* Targets: each row opens a machine; the native one is a row of the table; an unknown name is told with the nearest one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "codegen/target.h"

static Compilation new_compilation(const char *target) {
    Compilation c       = {.arena = arena_new()};
    c.diags             = diags_new(c.arena);
    c.options.target    = target;
    c.options.opt_level = 2;
    return c;
}

static void test_rows(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int         vector_bytes, registers;
        bool        has_fma;
    } rows[] = {{"x86-64-v2", 16, 16, false},
                {"x86-64-v3", 32, 16, true},
                {"x86-64-v4", 64, 32, true},
                {"aarch64", 16, 32, true}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        Compilation c = new_compilation(rows[i].name);
        Target     *t = target_new(&c);
        assert_non_null(t);
        assert_string_equal(t->name, rows[i].name);
        assert_int_equal(t->vector_bytes, rows[i].vector_bytes);
        assert_int_equal(t->vector_registers, rows[i].registers);
        assert_int_equal(t->has_fma, rows[i].has_fma);
        target_free(t);
        arena_free(c.arena);
    }
}

static void test_native(void **state) {
    (void)state;
    const char *names[] = {"native", NULL};
    for (int i = 0; i < 2; i++) {
        Compilation c = new_compilation(names[i]);
        Target     *t = target_new(&c);
        assert_non_null(t);
        assert_true(t->l1_bytes >= 8 << 10 && t->l2_bytes > t->l1_bytes);
        assert_true(strlen(t->cpu) > 0);
        target_free(t);
        arena_free(c.arena);
    }
}

static void test_unknown(void **state) {
    (void)state;
    Compilation c = new_compilation("x86-64-v5");
    char       *text;
    size_t      length;
    FILE       *out = open_memstream(&text, &length);
    assert_null(target_new(&c));
    diags_render(c.diags, out, DIAG_HUMAN, false);
    fclose(out);
    assert_non_null(strstr(text, "error[E0730]: unknown target 'x86-64-v5'"));
    assert_non_null(strstr(text, "did you mean 'x86-64-v"));
    assert_non_null(strstr(text, "native, x86-64-v2, x86-64-v3, x86-64-v4, aarch64"));
    free(text);
    arena_free(c.arena);
}

static void test_several(void **state) {
    (void)state;
    Compilation c    = new_compilation("x86-64-v4,x86-64-v2");
    TargetList  list = targets_new(&c);
    assert_int_equal(list.len, 2);
    assert_string_equal(list.data[0]->name, "x86-64-v2");
    assert_string_equal(list.data[0]->suffix, "");
    assert_string_equal(list.data[1]->name, "x86-64-v4");
    assert_string_equal(list.data[1]->suffix, ".x86-64-v4");
    assert_true(list.data[0]->needs != 0 && (list.data[1]->needs & ~list.data[0]->needs) != 0);
    targets_free(list);
    arena_free(c.arena);
}

static void test_several_wrong(void **state) {
    (void)state;
    static const char *const wrong[] = {"x86-64-v2,x86-64-v2", "x86-64-v3,aarch64", "x86-64-v2,", "x86-64-v2,z80"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        Compilation c = new_compilation(wrong[i]);
        assert_int_equal(targets_new(&c).len, 0);
        assert_int_equal(diags_error_count(c.diags), 1);
        arena_free(c.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),    cmocka_unit_test(test_native),        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_several), cmocka_unit_test(test_several_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
