/* Where a model's slots lie: aligned, apart, and large ones at distances that DRAM likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/store.h"

enum { KIB = 1024, MIB = 1024 * KIB, SLOTS = 6 };

/* f32 elements of each slot */
static const int64_t counts[SLOTS] = {2 * MIB, 1, 2 * MIB, 2 * MIB, 100 * KIB, 3};

static void shapes(const int64_t *symbols, int64_t *values) {
    (void)symbols;
    for (int i = 0; i < SLOTS; i++) values[i] = counts[i];
}

static void test_places(void **state) {
    (void)state;
    nnrt_slot slots[SLOTS] = {{.value = 0}};
    for (int i = 0; i < SLOTS; i++) {
        slots[i].kind   = NNRT_PARAM;
        slots[i].tensor = (nnrt_tensor){.name = "w", .shape_text = "", .elem = NNRT_F32, .rank = 1, .shape_at = i};
    }
    const nnrt_model model = {.n_slots = SLOTS, .n_shape_values = SLOTS, .slots = slots, .shapes = shapes};
    nnrt_store       store;
    nnrt_error       error;
    assert_int_equal(nnrt_store_open(&store, &model, NNRT_ALL_SLOTS, &error), NNRT_OK);
    const char *end = store.memory;
    for (int i = 0; i < SLOTS; i++) {
        const char *start = store.slots[i];
        assert_int_equal((uintptr_t)start % (counts[i] > 16 * KIB ? 4 * KIB : 64), 0);
        assert_true(start >= end);
        end = start + store.nbytes[i];
        if (counts[i] < MIB) continue;
        assert_int_equal((start - store.memory) % (64 * KIB), 0);
        assert_true(i == 0 || start - (const char *)store.slots[i - 1] >= (int64_t)store.nbytes[i - 1] + 64 * KIB);
    }
    assert_true((size_t)(end - store.memory) <= store.memory_nbytes);
    nnrt_store_close(&store);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places)};
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
