/* No memory: whichever allocation of a run fails, the run ends with exit code 1 and a message, leaks nothing (under
 * AddressSanitizer) and leaves no file behind. The linker's --wrap routes the runtime's allocations through here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "extras/cli.h"
#include "fake_model.h"
#include "runtime_files.h"

static int64_t left = INT64_MAX; /* allocations until one fails */

static bool fails(void) {
    return --left == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *memory, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t size);

void *__wrap_malloc(size_t size) {
    return fails() ? NULL : __real_malloc(size);
}
void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}
void *__wrap_realloc(void *memory, size_t size) {
    return fails() ? NULL : __real_realloc(memory, size);
}
void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}
char *__wrap_strdup(const char *text) {
    return fails() ? NULL : __real_strdup(text);
}
char *__wrap_strndup(const char *text, size_t size) {
    return fails() ? NULL : __real_strndup(text, size);
}

/* Fails the first, the second, ... allocation of a run until a run meets no failure. */
static void fail_each_allocation(const char *result, const char *const *arguments, int n) {
    char *argv[16];
    for (int i = 0; i < n; i++) argv[i] = (char *)arguments[i];
    for (int64_t failing = 1;; failing++) {
        assert_true(failing < 1000);
        if (result) unlink(result);
        left       = failing;
        int  code  = nnrt_main(&nnrt_model_main, n, argv);
        bool whole = left > 0;
        left       = INT64_MAX;
        assert_int_equal(code, whole ? 0 : 1);
        if (result) assert_int_equal(access(result, F_OK) == 0, whole);
        if (whole) return;
    }
}
#define FAIL_EACH(result, ...)                                                                                         \
    fail_each_allocation(result, (const char *[]){"fake", __VA_ARGS__},                                                \
                         sizeof((const char *[]){"fake", __VA_ARGS__}) / sizeof(char *))

static void write_data(void) {
    files_write_text("d.csv", "x_0,x_1,x_2,x_3,y\n1,0,0,0,0\n0,1,0,0,1\n0,0,1,0,2\n1,0,0,0,0\n0,1,0,0,1\n0,0,1,0,2\n");
}

static void train_without_memory(void **state) {
    (void)state;
    write_data();
    /* the weights are saved before the result is computed: a failure after that leaves them, so only codes are
     * checked */
    FAIL_EACH(NULL, "train", "--data", "d.csv", "--val", "d.csv", "--epochs", "1", "--threads", "2", "--quiet", "--set",
              "optimizer.lr=0.2");
}

static void eval_without_memory(void **state) {
    (void)state;
    FAIL_EACH(NULL, "eval", "--data", "d.csv", "--quiet");
}

static void predict_without_memory(void **state) {
    (void)state;
    FAIL_EACH("p.csv", "predict", "--data", "d.csv", "--out", "p.csv");
    FAIL_EACH("p.npy", "predict", "--data", "d.csv", "--out", "p.npy");
}

int main(void) {
    if (!freopen("/dev/null", "w", stderr)) return 1; /* hundreds of messages */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(train_without_memory),
        cmocka_unit_test(eval_without_memory),
        cmocka_unit_test(predict_without_memory),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
