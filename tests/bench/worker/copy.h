/* Loops that only move memory, to measure kernels against: each pass reads some arrays and writes others, at the same time. */
#ifndef NNC_TESTS_BENCH_COPY_H
#define NNC_TESTS_BENCH_COPY_H

#include <stdbool.h>
#include <stdint.h>

enum { COPY_ARRAYS = 8 };

/* The sum of the arrays that are read goes to all that are written; n_read from 1 to 4, n_written from 0 to 3, n a multiple of 64.
 * `streamed`: by stores that pass the caches by, where the machine has them. */
void copy_pass(const float *const *read, int n_read, float *const *written, int n_written, int64_t n, bool streamed);

#endif
