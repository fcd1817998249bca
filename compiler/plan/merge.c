/* Merging: two loop clusters over the same space become one when they read a common value or one feeds the other, everything passes
 * between them at the same index, and nothing that must run between them exists. A clusters' values are in registers for the
 * other then. */
#include "plan/fuse.h"

static bool same_space(const Cluster *a, const Cluster *b) {
    return type_same_shape(&a->space, &b->space) && (a->n_rows < 0 || b->n_rows < 0 || a->n_rows == b->n_rows);
}

/* Some cluster has to run after one of the two and before the other. */
static bool something_between(const Fuse *f, const Cluster *a, const Cluster *b) {
    for (int i = 0; i < f->clusters.len; i++) {
        const Cluster *other = f->clusters.data[i];
        if (other == a || other == b) continue;
        if (cluster_precedes(a, other) && cluster_precedes(other, b)) return true;
        if (cluster_precedes(b, other) && cluster_precedes(other, a)) return true;
    }
    return false;
}

/* Every value that b's nodes read from a is read where a has it. */
static bool reads_fit(Fuse *f, Cluster *a, const Cluster *b) {
    int split = a->n_rows;
    if (a->n_rows < 0) a->n_rows = b->n_rows;
    bool fits = true;
    for (int i = 0; i < b->nodes.len && fits; i++) {
        LeafVec leaves = {0};
        leaves_of_inputs(f, b->nodes.data[i], &leaves);
        bool any = false;
        for (int k = 0; k < leaves.len; k++) any |= f->facts[leaves.data[k].node->id].home == a;
        Level level = f->facts[b->nodes.data[i]->id].level;
        if (op_info[b->nodes.data[i]->op].class == REDUCTION) level = LEVEL_POINT;
        if (any) fits = leaves_fit(f, a, &leaves, level);
    }
    a->n_rows = split;
    return fits;
}

static bool share_a_leaf(Fuse *f, const Cluster *a, const Cluster *b) {
    Map *read = map_new(f->c->arena);
    for (int i = 0; i < a->nodes.len; i++) {
        LeafVec leaves = {0};
        leaves_of_inputs(f, a->nodes.data[i], &leaves);
        map_set(read, a->nodes.data[i], a->nodes.data[i]);
        for (int k = 0; k < leaves.len; k++)
            if (leaves.data[k].node->type.rank > 0 && leaves.data[k].align != ALIGN_AFTER)
                map_set(read, leaves.data[k].node, a->nodes.data[i]);
    }
    for (int i = 0; i < b->nodes.len; i++) {
        LeafVec leaves = {0};
        leaves_of_inputs(f, b->nodes.data[i], &leaves);
        for (int k = 0; k < leaves.len; k++)
            if (leaves.data[k].align != ALIGN_AFTER && map_has(read, leaves.data[k].node)) return true;
    }
    return false;
}

static void set_bit(uint64_t *bits, int i, bool on) {
    uint64_t bit = UINT64_C(1) << (i % 64);
    bits[i / 64] = on ? bits[i / 64] | bit : bits[i / 64] & ~bit;
}

/* b's nodes go to a; whoever waited for b waits for a. */
static void merge(Fuse *f, Cluster *a, Cluster *b) {
    NodeVec all = {0};
    for (int i = 0, k = 0; i < a->nodes.len || k < b->nodes.len;) {
        bool  from_a = k == b->nodes.len || (i < a->nodes.len && a->nodes.data[i]->id < b->nodes.data[k]->id);
        Node *node   = from_a ? a->nodes.data[i++] : b->nodes.data[k++];
        vec_push(f->c->arena, &all, node);
        f->facts[node->id].home = a;
    }
    a->nodes    = all;
    a->floating = a->floating && b->floating;
    a->n_reductions += b->n_reductions;
    if (a->n_rows < 0) a->n_rows = b->n_rows;
    int words = f->max_clusters / 64;
    for (int w = 0; w < words; w++) a->before[w] |= b->before[w];
    set_bit(a->before, a->index, false);
    set_bit(a->before, b->index, false);
    for (int i = 0; i < f->clusters.len; i++) {
        Cluster *later = f->clusters.data[i];
        if (later == a || !(cluster_precedes(a, later) || cluster_precedes(b, later))) continue;
        for (int w = 0; w < words; w++) later->before[w] |= a->before[w];
        set_bit(later->before, a->index, true);
        set_bit(later->before, b->index, false);
    }
    *b = (Cluster){.index    = b->index,
                   .template = TEMPLATE_LOOP,
                   .n_rows   = -1,
                   .before   = ARENA_ARRAY(f->c->arena, uint64_t, words)};
}

static bool mergeable(Fuse *f, Cluster *a, Cluster *b) {
    if (a->template != TEMPLATE_LOOP || b->template != TEMPLATE_LOOP || a->scalars || b->scalars) return false;
    if (a->n_reductions + b->n_reductions > MAX_REDUCTIONS || a->nodes.len + b->nodes.len > MAX_NODES) return false;
    if (!a->nodes.len || !b->nodes.len || !a->space.rank || !same_space(a, b)) return false;
    bool floats = a->floating || b->floating; /* would be inlined or joined by its readers anyway */
    if (floats && !cluster_precedes(a, b) && !cluster_precedes(b, a)) return false;
    return !something_between(f, a, b) && share_a_leaf(f, a, b) && reads_fit(f, a, b) && reads_fit(f, b, a);
}

void clusters_merge(Fuse *f) {
    for (int i = 0; i < f->clusters.len; i++)
        for (int k = 0; k < i; k++)
            if (mergeable(f, f->clusters.data[k], f->clusters.data[i]))
                merge(f, f->clusters.data[k], f->clusters.data[i]);
}
