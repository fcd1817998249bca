/* The order of kernels. It is free but for the clusters' `before`; a good one lets buffers die early.
 *
 * Two orders are tried. The source's: of the kernels that may run, the one of the lowest cluster. By memory: of those, the one that frees
 * most, as long as it frees as much as it takes (an update of a weight runs as soon as its gradient can be had, so that
 * gradients and what they are computed from do not pile up), else the source's next. The order with the smaller peak at nominal sizes
 * is taken, of equal ones the second. */
#include <string.h>

#include "plan/plan.h"

typedef struct Candidate {
    Cluster *cluster;
    IntVec   buffers; /* that it uses */
    IntVec   later;   /* candidates that wait for it */
    int      n_before;
} Candidate;

typedef struct Order {
    Fuse      *f;
    Candidate *candidates;
    int        n;
    int64_t   *bytes;  /* by buffer */
    int       *n_uses; /* by buffer: candidates that use it */
} Order;

typedef struct Run { /* one order, as it is made */
    const Order *o;
    int         *sequence;
    int         *n_before; /* by candidate: of those that it waits for, how many have not run */
    int         *n_uses;   /* by buffer: of the candidates that use it, how many have not run */
    bool        *done;
    int64_t      live, peak; /* bytes */
} Run;

/* ---- what is to be ordered ------------------------------------------------------------------------------------------------ */

static void find_candidates(Order *o) {
    Fuse *f       = o->f;
    o->candidates = ARENA_ARRAY(f->c->arena, Candidate, f->clusters.len + 1);
    for (int i = 0; i < f->clusters.len; i++) {
        Cluster *cluster = f->clusters.data[i];
        if (!cluster->stores.len) continue;
        kernel_from_cluster(f, cluster);
        Candidate *candidate = &o->candidates[o->n++];
        candidate->cluster   = cluster;
        kernel_buffers(f->c, f->plan, cluster->kernel, &candidate->buffers);
    }
    for (int i = 0; i < o->n; i++)
        for (int k = 0; k < o->n; k++) {
            if (i == k || !cluster_precedes(o->candidates[i].cluster, o->candidates[k].cluster)) continue;
            vec_push(f->c->arena, &o->candidates[i].later, k);
            o->candidates[k].n_before++;
        }
}

static void find_sizes(Order *o) {
    Fuse *f     = o->f;
    int   count = f->plan->buffers.len;
    o->bytes    = ARENA_ARRAY(f->c->arena, int64_t, count + 1);
    o->n_uses   = ARENA_ARRAY(f->c->arena, int, count + 1);
    for (int i = 0; i < count; i++) o->bytes[i] = nominal_bytes(f->sizes, &f->plan->buffers.data[i].type);
    for (int i = 0; i < o->n; i++)
        for (int k = 0; k < o->candidates[i].buffers.len; k++) o->n_uses[o->candidates[i].buffers.data[k]]++;
}

/* ---- one order ------------------------------------------------------------------------------------------------------------- */

static Run run_new(const Order *o) {
    Arena *arena     = o->f->c->arena;
    int    n_buffers = o->f->plan->buffers.len;
    Run    run       = {.o        = o,
                        .sequence = ARENA_ARRAY(arena, int, o->n + 1),
                        .n_before = ARENA_ARRAY(arena, int, o->n + 1),
                        .n_uses   = ARENA_ARRAY(arena, int, n_buffers + 1),
                        .done     = ARENA_ARRAY(arena, bool, o->n + 1)};
    for (int i = 0; i < o->n; i++) run.n_before[i] = o->candidates[i].n_before;
    memcpy(run.n_uses, o->n_uses, sizeof *run.n_uses * (size_t)n_buffers);
    return run;
}

/* Bytes that running the candidate next takes, and those that are free after it. */
static void effect(const Run *run, const Candidate *candidate, int64_t *taken, int64_t *freed) {
    *taken = *freed = 0;
    for (int i = 0; i < candidate->buffers.len; i++) {
        int buffer = candidate->buffers.data[i];
        if (run->n_uses[buffer] == run->o->n_uses[buffer]) *taken += run->o->bytes[buffer];
        if (run->n_uses[buffer] == 1) *freed += run->o->bytes[buffer];
    }
}

/* The change of what is live by running the candidate: alone, or with the one that waits for nothing but it, as the norm of a
 * gradient does for the gradient. */
static int64_t growth(Run *run, const Candidate *candidate) {
    int64_t taken, freed, least;
    effect(run, candidate, &taken, &freed);
    least = taken - freed;
    if (least <= 0) return least;
    int64_t alone = least;
    for (int i = 0; i < candidate->buffers.len; i++) run->n_uses[candidate->buffers.data[i]]--;
    for (int i = 0; i < candidate->later.len; i++) {
        if (run->n_before[candidate->later.data[i]] != 1) continue;
        effect(run, &run->o->candidates[candidate->later.data[i]], &taken, &freed);
        if (alone + taken - freed < least) least = alone + taken - freed;
    }
    for (int i = 0; i < candidate->buffers.len; i++) run->n_uses[candidate->buffers.data[i]]++;
    return least;
}

static int pick(Run *run, bool by_memory) {
    int     first = -1, best = -1;
    int64_t least = 1;
    for (int i = 0; i < run->o->n; i++) {
        if (run->done[i] || run->n_before[i]) continue;
        if (first < 0) first = i;
        if (!by_memory) return first;
        int64_t more = growth(run, &run->o->candidates[i]);
        if (more < least) least = more, best = i;
    }
    if (first < 0) BUG("cyclic clusters");
    return best >= 0 ? best : first;
}

static void run_one(Run *run, int picked, int position) {
    const Candidate *candidate = &run->o->candidates[picked];
    int64_t          taken, freed;
    effect(run, candidate, &taken, &freed);
    run->live += taken;
    if (run->live > run->peak) run->peak = run->live;
    run->live -= freed;
    run->done[picked]       = true;
    run->sequence[position] = picked;
    for (int i = 0; i < candidate->buffers.len; i++) run->n_uses[candidate->buffers.data[i]]--;
    for (int i = 0; i < candidate->later.len; i++) run->n_before[candidate->later.data[i]]--;
}

static Run run_all(const Order *o, bool by_memory) {
    Run run = run_new(o);
    for (int i = 0; i < o->n; i++) run_one(&run, pick(&run, by_memory), i);
    return run;
}

void kernels_order(Fuse *f) {
    Order o = {.f = f};
    find_candidates(&o);
    find_sizes(&o);
    Run        source = run_all(&o, false), memory = run_all(&o, true);
    const int *sequence = memory.peak <= source.peak ? memory.sequence : source.sequence;
    for (int i = 0; i < o.n; i++) {
        Kernel *kernel = o.candidates[sequence[i]].cluster->kernel;
        kernel->index  = i;
        vec_push(f->c->arena, &f->plan->kernels, kernel);
    }
}
