/* Places: where each buffer lies in the workspace.
 *
 * At nominal sizes buffers are packed, the largest first or the longest-lived first, each as low as it fits among those that live at the
 * same time; the better packing is taken. What is kept of it is not the offsets but the order: of two buffers that live at the same
 * time, which lies above. An offset is then the largest end of what lies directly below: right for any sizes, and what was packed
 * for the nominal ones. */
#include <stdlib.h>

#include "plan/plan.h"

typedef struct Packing {
    const FnPlan *plan;
    Arena        *arena;
    int           n;        /* buffers */
    int          *turns[2]; /* by buffer: first and last kernel of it and of those that lie over it */
    int64_t      *bytes, *offsets;
    int           n_words;
    uint64_t    **under; /* by buffer: all that lie below it, directly or not */
} Packing;

static bool meet(const Packing *p, int a, int b) {
    return p->turns[0][a] <= p->turns[1][b] && p->turns[0][b] <= p->turns[1][a];
}

/* Whether it has a place of its own. */
static bool has_place(const Packing *p, int buffer) {
    return p->plan->buffers.data[buffer].over < 0;
}

/* A buffer that lies over another lengthens its life; a chain of them ends at the one that has the place. */
static void find_turns(Packing *p) {
    const Buffer *buffers = p->plan->buffers.data;
    for (int k = 0; k < 2; k++) p->turns[k] = ARENA_ARRAY(p->arena, int, p->n + 1);
    for (int i = 0; i < p->n; i++) p->turns[0][i] = buffers[i].first, p->turns[1][i] = buffers[i].last;
    for (int i = 0; i < p->n; i++) {
        int lowest = i;
        while (buffers[lowest].over >= 0) lowest = buffers[lowest].over;
        if (buffers[i].last > p->turns[1][lowest]) p->turns[1][lowest] = buffers[i].last;
    }
}

/* ---- packing at nominal sizes ------------------------------------------------------------------------------------------------ */

typedef struct Ranked { /* a buffer and what it is sorted by, descending */
    int64_t key, tie;
    int     buffer;
} Ranked;

static int by_rank(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? 1 : -1;
    if (x->tie != y->tie) return x->tie < y->tie ? 1 : -1;
    return x->buffer - y->buffer;
}

static int by_offset(const void *a, const void *b) {
    const Ranked *x = a, *y = b;
    return x->key != y->key ? (x->key > y->key ? 1 : -1) : x->buffer - y->buffer;
}

/* The lowest gap that holds `buffer` among those placed already that live at the same time. */
static int64_t lowest_gap(const Packing *p, int buffer, const Ranked *placed, int n_placed, Ranked *around) {
    int64_t end = 0;
    int     n   = 0;
    for (int i = 0; i < n_placed; i++)
        if (meet(p, buffer, placed[i].buffer))
            around[n++] = (Ranked){p->offsets[placed[i].buffer], 0, placed[i].buffer};
    qsort(around, (size_t)n, sizeof *around, by_offset);
    for (int i = 0; i < n; i++) {
        if (around[i].key - end >= p->bytes[buffer]) break;
        int64_t next = around[i].key + p->bytes[around[i].buffer];
        if (next > end) end = next;
    }
    return end;
}

/* Returns the end of the highest. */
static int64_t pack(Packing *p, bool largest_first) {
    Ranked *ranked = ARENA_ARRAY(p->arena, Ranked, p->n + 1), *around = ARENA_ARRAY(p->arena, Ranked, p->n + 1);
    int64_t end = 0;
    int     n   = 0;
    for (int i = 0; i < p->n; i++) {
        int64_t turns = p->turns[1][i] - p->turns[0][i];
        if (has_place(p, i))
            ranked[n++] = largest_first ? (Ranked){p->bytes[i], turns, i} : (Ranked){turns, p->bytes[i], i};
    }
    qsort(ranked, (size_t)n, sizeof *ranked, by_rank);
    for (int i = 0; i < n; i++) {
        int buffer         = ranked[i].buffer;
        p->offsets[buffer] = lowest_gap(p, buffer, ranked, i, around);
        if (p->offsets[buffer] + p->bytes[buffer] > end) end = p->offsets[buffer] + p->bytes[buffer];
    }
    return end;
}

/* ---- who lies on whom ------------------------------------------------------------------------------------------------------------ */

static bool is_under(const Packing *p, int low, int high) {
    return p->under[high][low / 64] >> (low % 64) & 1;
}

/* `order` ascends by offset. What lies below something that lies below is not listed. */
static void find_below(Packing *p, FnPlan *plan, const Ranked *order, int position) {
    int     index  = order[position].buffer;
    Buffer *buffer = &plan->buffers.data[index];
    for (int i = position - 1; i >= 0; i--) {
        int low = order[i].buffer;
        if (!meet(p, index, low) || is_under(p, low, index)) continue;
        vec_push(p->arena, &buffer->below, low);
        for (int w = 0; w < p->n_words; w++) p->under[index][w] |= p->under[low][w];
        p->under[index][low / 64] |= UINT64_C(1) << (low % 64);
    }
}

static void keep_order(Packing *p, FnPlan *plan) {
    Ranked *order = ARENA_ARRAY(p->arena, Ranked, p->n + 1);
    p->n_words    = (p->n + 63) / 64;
    p->under      = ARENA_ARRAY(p->arena, uint64_t *, p->n + 1);
    int n         = 0;
    for (int i = 0; i < p->n; i++) {
        if (has_place(p, i)) order[n++] = (Ranked){p->offsets[i], 0, i};
        p->under[i] = ARENA_ARRAY(p->arena, uint64_t, p->n_words + 1);
    }
    qsort(order, (size_t)n, sizeof *order, by_offset);
    for (int i = 0; i < n; i++) {
        find_below(p, plan, order, i);
        vec_push(p->arena, &plan->places, order[i].buffer);
        plan->buffers.data[order[i].buffer].offset = order[i].key;
    }
}

static void forget_places(FnPlan *fn) {
    for (int i = 0; i < fn->buffers.len; i++) {
        Buffer *buffer = &fn->buffers.data[i];
        buffer->first = buffer->last = buffer->over = -1;
        buffer->below.len                           = 0;
    }
    fn->places.len = 0;
}

void places_assign(Compilation *c, FnPlan *fn, const int64_t *sizes) {
    forget_places(fn);
    buffers_live(c, fn);
    buffers_in_place(c, fn);
    Packing p = {.plan = fn, .arena = c->arena, .n = fn->buffers.len};
    p.bytes   = ARENA_ARRAY(c->arena, int64_t, p.n + 1);
    p.offsets = ARENA_ARRAY(c->arena, int64_t, p.n + 1);
    for (int i = 0; i < p.n; i++) p.bytes[i] = nominal_bytes(sizes, &fn->buffers.data[i].type);
    find_turns(&p);
    int64_t by_size = pack(&p, true), by_turns = pack(&p, false);
    fn->nominal = by_turns < by_size ? by_turns : pack(&p, true);
    keep_order(&p, fn);
    for (int i = 0; i < fn->kernels.len; i++)
        if (fn->kernels.data[i]->body) places_assign(c, fn->kernels.data[i]->body, sizes);
}

void plan_from_kernels(Compilation *c, Plan *plan) {
    const int64_t *sizes = nominal_sizes(c, plan->program);
    for (int i = 0; i < plan->fns.len; i++) places_assign(c, plan->fns.data[i], sizes);
}
