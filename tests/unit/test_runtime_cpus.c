/* How many CPUs a process may use, by the files that say so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "extras/cpus.h"
#include "extras/memory_use.h"

static void quotas_are_whole_cpus(void **state) {
    (void)state;
    assert_int_equal(nnrt_quota_cpus("max 100000\n"), 0);
    assert_int_equal(nnrt_quota_cpus("200000 100000\n"), 2);
    assert_int_equal(nnrt_quota_cpus("150000 100000\n"), 2);
    assert_int_equal(nnrt_quota_cpus("50000 100000\n"), 1);
    assert_int_equal(nnrt_quota_cpus("50000"), 0);
    assert_int_equal(nnrt_quota_cpus("-1 100000"), 0);
    assert_int_equal(nnrt_quota_cpus(""), 0);
}

static void some_cpu_can_be_used(void **state) {
    (void)state;
    assert_in_range(nnrt_usable_cpus(), 1, sysconf(_SC_NPROCESSORS_CONF));
}

/* One thread, or a short run, is never told that others take the CPUs. */
static void a_short_run_is_not_judged(void **state) {
    (void)state;
    nnrt_busy busy;
    double    rate = -1;
    nnrt_busy_start(&busy);
    assert_false(nnrt_busy_is_shared(&busy, 2, &rate));
    assert_true(rate >= 0);
    busy.start.tv_sec -= 60;
    assert_false(nnrt_busy_is_shared(&busy, 2, &rate));
    busy.switches -= 60 * 2 * 25;
    assert_true(nnrt_busy_is_shared(&busy, 2, &rate));
    assert_in_range((uintmax_t)rate, 49, 60);
    assert_false(nnrt_busy_is_shared(&busy, 1, &rate));
}

/* The peak follows what is touched. */
static void peaks_are_measured(void **state) {
    (void)state;
    enum { NBYTES = 32 << 20 };
    int64_t before = nnrt_resident_nbytes();
    if (before == 0) skip();
    volatile char *memory = nnrt_alloc(NBYTES);
    assert_non_null(memory);
    for (int i = 0; i < NBYTES; i += 512) memory[i] = 1;
    assert_in_range(nnrt_resident_nbytes() - before, NBYTES - (1 << 20), NBYTES + (3 << 20));
    nnrt_free((void *)(uintptr_t)memory, NBYTES);
    assert_true(nnrt_resident_nbytes() - before < (2 << 20));
    assert_true(nnrt_peak_nbytes() - before >= NBYTES - (1 << 20));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotas_are_whole_cpus),
        cmocka_unit_test(some_cpu_can_be_used),
        cmocka_unit_test(a_short_run_is_not_judged),
        cmocka_unit_test(peaks_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
