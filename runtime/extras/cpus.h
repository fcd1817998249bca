/* How many CPUs there are for this process, and whether its threads get them. */
#ifndef NNRT_EXTRAS_CPUS_H
#define NNRT_EXTRAS_CPUS_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* CPUs that this process may use: those of its affinity mask (taskset), at most what its control groups' quota comes to (containers).
 * At least 1. */
int nnrt_usable_cpus(void);

/* What a cpu.max file says, "QUOTA PERIOD" or "max PERIOD", in whole CPUs, rounded up; 0: no limit, or not such a file. */
int nnrt_quota_cpus(const char *text);

typedef struct nnrt_busy { /* since when is watched whether other programs take the CPUs */
    struct timespec start;
    int64_t         switches;
} nnrt_busy;

void nnrt_busy_start(nnrt_busy *busy);
/* After at least half a minute: were the threads put off the CPU so often that others must want it? *rate: times a second. */
bool nnrt_busy_is_shared(const nnrt_busy *busy, int n_threads, double *rate);

#endif
