/* The thread pool: every unit runs exactly once, whatever the number of threads, and misuse does no harm. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "nnrt.h"

enum { UNITS = 1000 };

typedef struct Marks {
    unsigned char done[UNITS];
    nnrt_pool    *pool;
    atomic_int    nested;
} Marks;

static void mark(void *context, int64_t begin, int64_t end, int32_t worker) {
    Marks *marks = context;
    assert_true(worker >= 0 && begin < end);
    for (int64_t i = begin; i < end; i++) marks->done[i]++;
}

static void every_unit_runs_once(void **state) {
    (void)state;
    static const int64_t COUNTS[] = {0, 1, 2, 3, 7, 8, 9, 63, UNITS};
    for (int nthreads = 1; nthreads <= 9; nthreads++) {
        nnrt_pool *pool = nnrt_pool_new(nthreads);
        assert_non_null(pool);
        assert_int_equal(nnrt_pool_size(pool), nthreads);
        for (size_t k = 0; k < sizeof COUNTS / sizeof *COUNTS; k++) {
            Marks marks = {0};
            nnrt_parallel(pool, mark, &marks, COUNTS[k]);
            for (int64_t i = 0; i < UNITS; i++) assert_int_equal(marks.done[i], i < COUNTS[k]);
        }
        nnrt_pool_free(pool);
    }
}

static void no_pool_is_one_thread(void **state) {
    (void)state;
    Marks marks = {0};
    nnrt_parallel(NULL, mark, &marks, UNITS);
    assert_int_equal(nnrt_pool_size(NULL), 1);
    for (int64_t i = 0; i < UNITS; i++) assert_int_equal(marks.done[i], 1);
    nnrt_pool_free(NULL);
}

typedef struct Sum {
    int64_t parts[16][8]; /* a cache line a worker */
} Sum;

static void add_range(void *context, int64_t begin, int64_t end, int32_t worker) {
    Sum *sum = context;
    for (int64_t i = begin; i < end; i++) sum->parts[worker][0] += i;
}

static void many_tiny_tasks(void **state) {
    (void)state;
    nnrt_pool *pool  = nnrt_pool_new(3);
    Sum        sum   = {0};
    int64_t    total = 0;
    for (int i = 0; i < 20000; i++) nnrt_parallel(pool, add_range, &sum, 5);
    for (int i = 0; i < 16; i++) total += sum.parts[i][0];
    assert_int_equal(total, 20000 * 10);
    nnrt_pool_free(pool);
}

static void parked_workers_wake(void **state) {
    (void)state;
    nnrt_pool *pool = nnrt_pool_new(4);
    for (int i = 0; i < 5; i++) {
        Marks marks = {0};
        usleep(5000); /* far longer than workers spin */
        nnrt_parallel(pool, mark, &marks, UNITS);
        for (int64_t k = 0; k < UNITS; k++) assert_int_equal(marks.done[k], 1);
    }
    nnrt_pool_free(pool);
}

/* The first range lasts until the second is claimed, and that one long enough for the caller to park. */
static void slow_range(void *context, int64_t begin, int64_t end, int32_t worker) {
    atomic_bool *claimed = context;
    assert_int_equal(end, begin + 1);
    assert_int_equal(worker, begin);
    if (worker == 0)
        while (!atomic_load(claimed)) usleep(10);
    atomic_store(claimed, true);
    if (worker == 1) usleep(3000);
}

static void caller_waits_for_slow_workers(void **state) {
    (void)state;
    nnrt_pool *pool = nnrt_pool_new(2);
    for (int i = 0; i < 5; i++) {
        atomic_bool claimed = false;
        nnrt_parallel(pool, slow_range, &claimed, 2);
    }
    nnrt_pool_free(pool);
}

/* Ranges whose workers have not come yet are run by the caller. */
static void sleep_once(void *context, int64_t begin, int64_t end, int32_t worker) {
    Marks *marks = context;
    for (int64_t i = begin; i < end; i++) marks->done[i]++;
    if (worker > 0) usleep(500);
}

static void late_workers_find_their_range_gone(void **state) {
    (void)state;
    nnrt_pool *pool = nnrt_pool_new(8);
    for (int i = 0; i < 200; i++) {
        Marks marks = {0};
        nnrt_parallel(pool, sleep_once, &marks, 24);
        for (int64_t k = 0; k < 24; k++) assert_int_equal(marks.done[k], 1);
    }
    nnrt_pool_free(pool);
}

static void nest(void *context, int64_t begin, int64_t end, int32_t worker) {
    Marks *marks = context;
    Sum    sum   = {0};
    (void)worker;
    for (int64_t i = begin; i < end; i++) nnrt_parallel(marks->pool, add_range, &sum, 4);
    int64_t total = 0;
    for (int i = 0; i < 16; i++) total += sum.parts[i][0];
    atomic_fetch_add(&marks->nested, (int)total);
}

static void nested_use_runs_in_place(void **state) {
    (void)state;
    Marks marks = {.pool = nnrt_pool_new(4)};
    nnrt_parallel(marks.pool, nest, &marks, 8);
    assert_int_equal(atomic_load(&marks.nested), 8 * 6);
    nnrt_pool_free(marks.pool);
}

static void *use_pool(void *argument) {
    Marks marks = {0};
    for (int i = 0; i < 100; i++) nnrt_parallel(argument, mark, &marks, UNITS);
    return (void *)(intptr_t)(marks.done[0] == 100 && marks.done[UNITS - 1] == 100);
}

static void two_threads_share_a_pool(void **state) {
    (void)state;
    nnrt_pool *pool = nnrt_pool_new(3);
    pthread_t  other;
    void      *fine;
    assert_int_equal(pthread_create(&other, NULL, use_pool, pool), 0);
    assert_true((intptr_t)use_pool(pool));
    pthread_join(other, &fine);
    assert_true((intptr_t)fine);
    nnrt_pool_free(pool);
}

#if defined(__x86_64__) || defined(__aarch64__)
static void halve_denormal(void *context, int64_t begin, int64_t end, int32_t worker) {
    volatile float *values = context, tiny = 0x1p-126f;
    (void)worker;
    for (int64_t i = begin; i < end; i++) values[i] = tiny * 0.5f;
}

static void tasks_flush_denormals_and_callers_do_not(void **state) {
    (void)state;
    nnrt_pool     *pool      = nnrt_pool_new(2);
    volatile float values[4] = {1, 1, 1, 1}, tiny = 0x1p-126f;
    nnrt_parallel(pool, halve_denormal, (void *)values, 4);
    for (int i = 0; i < 4; i++) assert_true(values[i] == 0.0f);
    assert_true(tiny * 0.5f > 0.0f);
    nnrt_parallel(NULL, halve_denormal, (void *)values, 1);
    assert_true(values[0] == 0.0f);
    assert_true(tiny * 0.5f > 0.0f);
    nnrt_pool_free(pool);
}
#endif

static void impossible_pools_are_refused(void **state) {
    (void)state;
    assert_null(nnrt_pool_new(1 << 30));
    nnrt_pool *pool = nnrt_pool_new(-3);
    assert_int_equal(nnrt_pool_size(pool), 1);
    nnrt_pool_free(pool);
}

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    static const size_t SIZES[] = {0, 1, 63, 64, 4096, 4194303, 4194304, 9000000};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        unsigned char *memory = nnrt_alloc(SIZES[i]);
        assert_non_null(memory);
        assert_int_equal((uintptr_t)memory % (SIZES[i] >= 4194304 ? 2097152 : 64), 0);
        for (size_t k = 0; k < SIZES[i]; k += 61) assert_int_equal(memory[k], 0);
        memset(memory, 1, SIZES[i]);
        nnrt_free(memory, SIZES[i]);
    }
    assert_null(nnrt_alloc(SIZE_MAX));
    nnrt_free(NULL, 100);
}

/* The known answers of the Random123 distribution. */
static void philox_matches_its_authors(void **state) {
    (void)state;
    static const uint32_t CASES[][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
         0x24126ea1},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint32_t out[4];
        nnrt_philox(CASES[i], CASES[i] + 4, out);
        assert_memory_equal(out, CASES[i] + 6, sizeof out);
    }
}

static void permutations_are_whole_and_repeatable(void **state) {
    (void)state;
    int64_t a[UNITS], b[UNITS], c[UNITS], seen[UNITS] = {0};
    nnrt_permutation(7, 0, UNITS, a);
    nnrt_permutation(7, 0, UNITS, b);
    nnrt_permutation(7, 1, UNITS, c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
    int64_t fixed = 0;
    for (int64_t i = 0; i < UNITS; i++) seen[a[i]]++, fixed += a[i] == i;
    for (int64_t i = 0; i < UNITS; i++) assert_int_equal(seen[i], 1);
    assert_true(fixed < 10); /* one is expected */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unit_runs_once),
        cmocka_unit_test(no_pool_is_one_thread),
        cmocka_unit_test(many_tiny_tasks),
        cmocka_unit_test(parked_workers_wake),
        cmocka_unit_test(caller_waits_for_slow_workers),
        cmocka_unit_test(late_workers_find_their_range_gone),
        cmocka_unit_test(nested_use_runs_in_place),
        cmocka_unit_test(two_threads_share_a_pool),
#if defined(__x86_64__) || defined(__aarch64__)
        cmocka_unit_test(tasks_flush_denormals_and_callers_do_not),
#endif
        cmocka_unit_test(impossible_pools_are_refused),
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(philox_matches_its_authors),
        cmocka_unit_test(permutations_are_whole_and_repeatable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
