/* A pool without threads, in place of the runtime's: it runs the parts of each task one after the other and times them, so that what several
 * threads would wait for one another can be seen on one CPU, however busy the others are. Linked before the runtime's library.
 *
 * When the pool is freed it prints a line for each task that ran in the steps that were timed: "task ADDRESS CALLS LONGEST ALL BEHIND", the address as `nm` gives it, then processor
 * time in microseconds over all calls: of the longest part, of all parts, and behind the task until the next one. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/worker/step.h"

enum { MAX_TASKS = 4096 };

typedef struct TaskTimes {
    nnrt_task *task;
    int64_t    calls;
    double     longest, all, behind;
} TaskTimes;

struct nnrt_pool {
    int        n_threads, n_tasks, busy;
    TaskTimes *last;
    double     end; /* of the last one */
    TaskTimes  tasks[MAX_TASKS];
};

extern const char __executable_start[];

static double now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

nnrt_pool *nnrt_pool_new(int nthreads) {
    nnrt_pool *pool = calloc(1, sizeof *pool);
    if (pool) pool->n_threads = nthreads < 1 ? 1 : nthreads;
    return pool;
}

void nnrt_pool_free(nnrt_pool *pool) {
    for (int i = 0; pool && i < pool->n_tasks; i++) {
        const TaskTimes *t = &pool->tasks[i];
        printf("task %lx %lld %.3f %.3f %.3f\n", (unsigned long)((uintptr_t)t->task - (uintptr_t)__executable_start),
               (long long)t->calls, t->longest, t->all, t->behind);
    }
    free(pool);
}

int nnrt_pool_size(const nnrt_pool *pool) {
    return pool ? pool->n_threads : 1;
}

void step_is_warm(nnrt_pool *pool) {
    if (!pool) return;
    pool->n_tasks = 0;
    pool->last    = NULL;
}

static TaskTimes *times_of(nnrt_pool *pool, nnrt_task *task) {
    for (int i = 0; i < pool->n_tasks; i++)
        if (pool->tasks[i].task == task) return &pool->tasks[i];
    if (pool->n_tasks == MAX_TASKS) return NULL;
    pool->tasks[pool->n_tasks] = (TaskTimes){.task = task};
    return &pool->tasks[pool->n_tasks++];
}

void nnrt_parallel(nnrt_pool *pool, nnrt_task *task, void *context, int64_t units) {
    TaskTimes *times = pool && !pool->busy && units > 1 ? times_of(pool, task) : NULL;
    if (!times) {
        task(context, 0, units, 0);
        return;
    }
    double  start = now_us(), longest = 0;
    int64_t share = units / pool->n_threads, extra = units % pool->n_threads, begin = 0;
    if (pool->last) pool->last->behind += start - pool->end;
    pool->busy = 1;
    for (int i = 0; i < pool->n_threads; i++) { /* the runtime's partition: pool.c */
        int64_t end  = begin + share + (i < extra);
        double  from = now_us();
        if (begin < end) task(context, begin, end, i);
        double took = now_us() - from;
        longest     = took > longest ? took : longest;
        times->all += took;
        begin = end;
    }
    pool->busy = 0;
    pool->last = times;
    times->calls++;
    times->longest += longest;
    pool->end = now_us();
}
