/* The worker that benchmarks link with one compiled model: its data, its weights on disk, and the peak of the machine. */
#ifndef NNC_TESTS_BENCH_STEP_H
#define NNC_TESTS_BENCH_STEP_H

#include "core/instance.h"

/* Values of a model's inputs, the same wherever they are drawn: reals in [-0.5, 0.5), integers below the input's number of
 * classes, or where the model does not tell, below `limit`. data[i] belongs to input i; freed with the process. The edges of a graph (an
 * i32 input of pairs) come from the file that the environment's BENCH_EDGES names, if it is there. */
void step_draw(const nnrt_instance *instance, int64_t limit, const void **data);

/* A safetensors file of the parameters ("dense_1/kernel") and of the inputs ("input/x"), for a peer to start from; exits with
 * a message where it cannot be written. */
void step_export(const nnrt_instance *instance, const void *const *data, const char *path);

long step_memory_kb(void); /* that the process held at most so far */

typedef struct StepPeak { /* flops a second of f32 multiply-adds on all threads of a pool at once */
    double wall, cpu;     /* by the clock; by the threads' time on processors, times their number */
} StepPeak;
StepPeak step_peak(nnrt_pool *pool);

/* Called when steps have warmed up, where it is defined: balance.c. */
__attribute__((weak)) void step_is_warm(nnrt_pool *pool);

double step_wall(void); /* seconds */
double step_cpu(void);  /* seconds that all threads of the process spent on processors */

/* Seconds from a store by one thread until it sees another thread's answer: how far apart the processors are that the two run on. */
double step_round_trip(void);

#endif
