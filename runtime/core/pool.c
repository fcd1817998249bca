/* The thread pool: one task at a time over a static partition.
 *
 * A hand-over is one store to `generation` that hot workers spin on. A worker that has spun for a while parks on a
 * condition variable, and whoever publishes the next task wakes it. The caller waits for the workers in the same
 * way. Each worker claims its range before it runs it; the caller, done with its own, claims those whose workers
 * have not come yet (parked, or without a core on a busy machine) and runs them itself, so that it only ever waits
 * for work that is being done. Invariants: task, context and units change only while no range is claimed and
 * unfinished, and are read only after a claim; `pending` counts ranges of the current generation that are not
 * finished; a pool that is busy (a task that calls nnrt_parallel again, or a second thread sharing the pool) runs
 * the new task in the calling thread, which gives the same bits since no task may depend on the partition. */
#include "nnrt.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { SPINS = 2000, MAX_THREADS = 4096 }; /* 2000 pauses: 20 to 90 microseconds */

typedef struct Worker {
    nnrt_pool *pool;
    pthread_t  thread;
    int32_t    index;                 /* 1.. ; the caller is 0 */
    _Alignas(64) atomic_uint claimed; /* generation whose range was taken last, by the worker or the caller */
} Worker;

struct nnrt_pool {
    int         n_threads;
    int         n_started; /* workers running */
    Worker     *workers;   /* n_threads - 1 */
    atomic_bool stop;
    /* One cache line each: what workers spin on, with what they then need, and what they write when done. */
    _Alignas(64) atomic_uint generation;
    nnrt_task *task;
    void      *context;
    int64_t    units;
    _Alignas(64) atomic_int pending;
    _Alignas(64) atomic_bool busy;
    atomic_int      parked;        /* workers waiting on `wake` */
    atomic_bool     caller_parked; /* the caller waits on `finished` */
    pthread_mutex_t lock;
    pthread_cond_t  wake, finished;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Range `range` of n_ranges, run by `worker`. */
static void run_range(nnrt_task *task, void *context, int64_t units, int32_t worker, int32_t range, int32_t n_ranges) {
    int64_t share = units / n_ranges, extra = units % n_ranges;
    int64_t begin = share * range + (range < extra ? range : extra);
    int64_t end   = begin + share + (range < extra);
    if (begin < end) task(context, begin, end, worker);
}

/* Waits until the generation differs from `seen`; returns it. */
static unsigned await_generation(nnrt_pool *pool, unsigned seen) {
    for (int i = 0; i < SPINS; i++) {
        unsigned now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen) return now;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->parked, 1);
    unsigned now;
    while ((now = atomic_load(&pool->generation)) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->parked, 1);
    pthread_mutex_unlock(&pool->lock);
    return now;
}

/* A new generation; wakes the parked. Sequential consistency of `generation` and `parked` makes a lost wake-up
 * impossible: a worker counts itself as parked before it looks at the generation for the last time. */
static unsigned publish(nnrt_pool *pool) {
    unsigned generation = atomic_fetch_add(&pool->generation, 1) + 1;
    if (atomic_load(&pool->parked) == 0) return generation;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    return generation;
}

/* A range is taken once a generation: a worker that comes late finds its own gone, whatever runs by then. */
static bool claim(Worker *worker, unsigned generation) {
    unsigned before = generation - 1;
    if (atomic_load_explicit(&worker->claimed, memory_order_acquire) != before) return false;
    return atomic_compare_exchange_strong(&worker->claimed, &before, generation);
}

static void report_done(nnrt_pool *pool) {
    if (atomic_fetch_sub(&pool->pending, 1) != 1 || !atomic_load(&pool->caller_parked)) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->finished);
    pthread_mutex_unlock(&pool->lock);
}

static void await_workers(nnrt_pool *pool) {
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&pool->pending, memory_order_acquire) == 0) return;
        relax();
    }
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->caller_parked, true);
    while (atomic_load(&pool->pending) != 0) pthread_cond_wait(&pool->finished, &pool->lock);
    atomic_store(&pool->caller_parked, false);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *argument) {
    Worker    *self = argument;
    nnrt_pool *pool = self->pool;
    nnrt_denormals_flush(); /* this thread does nothing else */
    for (unsigned seen = 0;;) {
        seen = await_generation(pool, seen);
        if (atomic_load_explicit(&pool->stop, memory_order_relaxed)) return NULL;
        if (!claim(self, seen)) continue;
        run_range(pool->task, pool->context, pool->units, self->index, self->index, pool->n_threads);
        report_done(pool);
    }
}

/* Workers take no signals, so that SIGINT reaches the thread that knows what to do with it. */
static bool start_workers(nnrt_pool *pool) {
    sigset_t all, before;
    sigfillset(&all);
    if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return false;
    bool started = true;
    for (int i = 0; started && i < pool->n_threads - 1; i++) {
        pool->workers[i].pool  = pool;
        pool->workers[i].index = i + 1;
        started                = pthread_create(&pool->workers[i].thread, NULL, worker_main, &pool->workers[i]) == 0;
        pool->n_started += started;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

nnrt_pool *nnrt_pool_new(int nthreads) {
    if (nthreads < 1) nthreads = 1;
    if (nthreads > MAX_THREADS) return NULL;
    nnrt_pool *pool = nnrt_alloc(sizeof *pool);
    if (!pool) return NULL;
    pool->n_threads = nthreads;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->finished, NULL);
    pool->workers = nnrt_alloc((size_t)nthreads * sizeof *pool->workers);
    if (!pool->workers || !start_workers(pool)) {
        nnrt_pool_free(pool);
        return NULL;
    }
    return pool;
}

void nnrt_pool_free(nnrt_pool *pool) {
    if (!pool) return;
    atomic_store(&pool->stop, true);
    publish(pool);
    for (int i = 0; i < pool->n_started; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->finished);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    nnrt_free(pool->workers, (size_t)pool->n_threads * sizeof *pool->workers);
    nnrt_free(pool, sizeof *pool);
}

int nnrt_pool_size(const nnrt_pool *pool) {
    return pool ? pool->n_threads : 1;
}

static void run_alone(nnrt_task *task, void *context, int64_t units) {
    uint64_t state = nnrt_denormals_flush();
    task(context, 0, units, 0);
    nnrt_denormals_restore(state);
}

void nnrt_parallel(nnrt_pool *pool, nnrt_task *task, void *context, int64_t units) {
    if (units <= 0) return;
    if (!pool || pool->n_threads == 1 || units == 1 || atomic_exchange(&pool->busy, true)) {
        run_alone(task, context, units);
        return;
    }
    pool->task    = task;
    pool->context = context;
    pool->units   = units;
    atomic_store_explicit(&pool->pending, pool->n_threads - 1, memory_order_relaxed);
    unsigned generation = publish(pool);
    uint64_t state      = nnrt_denormals_flush();
    run_range(task, context, units, 0, 0, pool->n_threads);
    for (int32_t range = 1; range < pool->n_threads; range++) {
        if (!claim(&pool->workers[range - 1], generation)) continue;
        run_range(task, context, units, 0, range, pool->n_threads);
        atomic_fetch_sub(&pool->pending, 1);
    }
    nnrt_denormals_restore(state);
    await_workers(pool);
    atomic_store(&pool->busy, false);
}
