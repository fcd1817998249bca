/* The peak that benchmarks are measured against: independent chains of vector FMAs on one thread. */
#ifndef NNC_TESTS_BENCH_PEAK_H
#define NNC_TESTS_BENCH_PEAK_H

#include "unit/jit.h"

typedef void PeakLoop(float *values, int64_t turns);

void peak_emit(Jit *jit); /* into the module, as "peak" */
/* Flops a second, in this thread's time on a processor. */
double peak_measure(PeakLoop *peak, const Target *target);
/* The same work, not timed: returns its flops. */
double peak_run(PeakLoop *peak, const Target *target);
double clock_time(void); /* in seconds */
/* This thread's time on a processor, in seconds: waiting for one does not count. */
double thread_time(void);
double median_of(double *values, int n); /* sorts them */

#endif
