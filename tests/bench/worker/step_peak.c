#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "bench/worker/step.h"

static double seconds_of(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double step_wall(void) {
    return seconds_of(CLOCK_MONOTONIC);
}

double step_cpu(void) {
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

/* Not getrusage, whose maximum a process inherits from the one that started it. */
long step_memory_kb(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char  line[256];
    long  kb = 0;
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
    if (file) fclose(file);
    return kb;
}

enum { CHAINS = 12, TURNS = 200000, MAX_THREADS = 256 };
#if defined(__AVX512F__)
enum { VECTOR = 64 };
#elif defined(__AVX__)
enum { VECTOR = 32 };
#else
enum { VECTOR = 16 };
#endif
typedef float Vector __attribute__((vector_size(VECTOR)));

typedef struct Turn {
    double cpu[MAX_THREADS];
    Vector sink[MAX_THREADS];
} Turn;

/* Chains enough to fill every unit's latency; written out so that each stays in its register. */
static void chains(void *context, int64_t begin, int64_t end, int32_t worker) {
    Turn  *turn  = context;
    double start = seconds_of(CLOCK_THREAD_CPUTIME_ID);
    for (int64_t unit = begin; unit < end; unit++) {
        Vector x = turn->sink[worker], s0 = x, s1 = x + 1, s2 = x + 2, s3 = x + 3, s4 = x + 4, s5 = x + 5, s6 = x + 6,
               s7 = x + 7, s8 = x + 8, s9 = x + 9, s10 = x + 10, s11 = x + 11;
        for (int i = 0; i < TURNS; i++) {
            s0 = s0 * x + x, s1 = s1 * x + x, s2 = s2 * x + x, s3 = s3 * x + x, s4 = s4 * x + x, s5 = s5 * x + x;
            s6 = s6 * x + x, s7 = s7 * x + x, s8 = s8 * x + x, s9 = s9 * x + x, s10 = s10 * x + x, s11 = s11 * x + x;
            __asm__ volatile("" : "+x"(x));
        }
        turn->sink[worker] = (s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11) * 1e-30f;
    }
    turn->cpu[worker] += seconds_of(CLOCK_THREAD_CPUTIME_ID) - start;
}

StepPeak step_peak(nnrt_pool *pool) {
    static Turn turn;
    int         threads = nnrt_pool_size(pool);
    double      flops = 2.0 * CHAINS * TURNS * (VECTOR / 4) * threads, cpu = 0;
    for (int i = 0; i < threads; i++) turn.cpu[i] = 0;
    double start = step_wall();
    nnrt_parallel(pool, chains, &turn, threads);
    double wall = step_wall() - start;
    for (int i = 0; i < threads; i++) cpu += turn.cpu[i];
    return (StepPeak){.wall = flops / wall, .cpu = flops / cpu * threads};
}

/* ---- two threads that answer each other ---- */

enum { ROUND_TRIPS = 5000, SPINS = 10000 };

/* Gives the processor up where the other thread has none. */
static void await(atomic_int *turn, int value) {
    for (int spins = 0; atomic_load(turn) != value; spins++)
        if (spins > SPINS) sched_yield();
}

static void *answer(void *user) {
    atomic_int *turn = user;
    for (int i = 0; i < ROUND_TRIPS; i++) {
        await(turn, 2 * i + 1);
        atomic_store(turn, 2 * i + 2);
    }
    return NULL;
}

double step_round_trip(void) {
    static _Alignas(64) atomic_int turn;
    pthread_t                      other;
    atomic_store(&turn, 0);
    if (pthread_create(&other, NULL, answer, &turn) != 0) return 0;
    double start = step_wall();
    for (int i = 0; i < ROUND_TRIPS; i++) {
        atomic_store(&turn, 2 * i + 1);
        await(&turn, 2 * i + 2);
    }
    double seconds = step_wall() - start;
    pthread_join(other, NULL);
    return seconds / ROUND_TRIPS;
}
