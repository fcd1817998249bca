/* The reference of the random sources, as compiler/ops/random.c specifies them. */
#ifndef NNC_TESTS_INTERP_PHILOX_H
#define NNC_TESTS_INTERP_PHILOX_H

#include <stdbool.h>
#include <stdint.h>

/* Philox 4x32-10 of one counter under one key. */
void philox_4x32_10(const uint32_t counter[4], const uint32_t key[2], uint32_t block[4]);

/* Element `index` of the draw; `is_double` for f64. `key` is random_key()'s. */
double philox_uniform(bool is_double, uint64_t seed, uint64_t key, uint64_t pass, uint64_t index);
double philox_normal(bool is_double, uint64_t seed, uint64_t key, uint64_t pass, uint64_t index);

#endif
