/* Clusters: which nodes are computed together.
 *
 * Nodes are visited in id order. A node joins the latest cluster among those that compute what it reads if that cluster has the node's value
 * at a level of its own (point, row, column, total), reads it there at the same index, and the join makes no cycle; else it
 * opens a cluster. A cluster that starts with a contraction takes elementwise nodes as epilogue; one that starts with a
 * reduction or an elementwise node is a loop over rows. */
#include "plan/fuse.h"

/* ---- order ------------------------------------------------------------------------------------------------------- */

static bool bit_get(const uint64_t *bits, int i) {
    return bits[i / 64] >> (i % 64) & 1;
}

bool cluster_precedes(const Cluster *a, const Cluster *b) {
    return bit_get(b->before, a->index);
}

bool cluster_order(Fuse *f, Cluster *a, Cluster *b) {
    if (a == b || cluster_precedes(b, a)) return a == b;
    if (cluster_precedes(a, b)) return true;
    int words = f->max_clusters / 64;
    for (int i = 0; i < f->clusters.len; i++) {
        Cluster *later = f->clusters.data[i];
        if (later != b && !cluster_precedes(b, later)) continue;
        for (int w = 0; w < words; w++) later->before[w] |= a->before[w];
        later->before[a->index / 64] |= UINT64_C(1) << (a->index % 64);
    }
    return true;
}

/* ---- membership ---------------------------------------------------------------------------------------------------- */

Cluster *cluster_new(Fuse *f, Template template, const Type *space) {
    Cluster *cluster  = ARENA_NEW(f->c->arena, Cluster);
    cluster->index    = f->clusters.len;
    cluster->template = template;
    cluster->space    = *space;
    cluster->n_rows   = -1;
    cluster->before   = ARENA_ARRAY(f->c->arena, uint64_t, f->max_clusters / 64);
    vec_push(f->c->arena, &f->clusters, cluster);
    if (f->clusters.len > f->max_clusters) BUG("more clusters than nodes");
    return cluster;
}

void cluster_add(Fuse *f, Cluster *cluster, Node *node, Level level) {
    vec_push(f->c->arena, &cluster->nodes, node);
    if (op_info[node->op].class == REDUCTION) cluster->n_reductions++;
    f->facts[node->id].home  = cluster;
    f->facts[node->id].level = level;
    LeafVec leaves           = {0};
    leaves_of_inputs(f, node, &leaves);
    for (int i = 0; i < leaves.len; i++) {
        Cluster *producer = f->facts[leaves.data[i].node->id].home;
        if (producer && producer != cluster && !cluster_order(f, producer, cluster)) BUG("cyclic clusters");
        if (producer && producer != cluster && !producer->scalars && !producer->floating) cluster->floating = false;
    }
    if (op_info[node->op].class != ELEMENTWISE) cluster->floating = false;
}

/* No value that `node` reads from elsewhere may itself wait for `cluster`. */
static bool join_is_acyclic(Fuse *f, const Cluster *cluster, const LeafVec *leaves) {
    for (int i = 0; i < leaves->len; i++) {
        const Cluster *producer = f->facts[leaves->data[i].node->id].home;
        if (producer && producer != cluster && cluster_precedes(cluster, producer)) return false;
    }
    return true;
}

/* ---- levels ---------------------------------------------------------------------------------------------------------- */

static bool dims_equal(const Type *type, const Type *space, int first, int count) {
    if (type->rank != count) return false;
    for (int i = 0; i < count; i++)
        if (type->dims[i] != space->dims[first + i]) return false;
    return true;
}

/* May `leaf`, computed by `cluster`, be read at `level` of the same cluster? */
static bool leaf_fits(const Fuse *f, const Cluster *cluster, const Leaf *leaf, Level level) {
    if (leaf->align == ALIGN_AFTER) return false;
    Level from    = f->facts[leaf->node->id].level;
    int   n_inner = cluster->n_rows < 0 ? -1 : cluster->space.rank - cluster->n_rows;
    switch (level) {
    case LEVEL_POINT:
        return (from == LEVEL_POINT && leaf->align == ALIGN_SAME) ||
               (from == LEVEL_ROW && leaf->align == ALIGN_EXPANDED && leaf->trailing == n_inner) ||
               (from == LEVEL_ROW && cluster->n_rows == 0 && leaf->align == ALIGN_SCALAR);
    case LEVEL_ROW: return from == LEVEL_ROW && leaf->align == ALIGN_SAME;
    case LEVEL_COLUMN:
        return (from == LEVEL_COLUMN && leaf->align == ALIGN_SAME) ||
               (from == LEVEL_TOTAL && leaf->align == ALIGN_SCALAR);
    case LEVEL_TOTAL: return from == LEVEL_TOTAL && leaf->align == ALIGN_SAME;
    case LEVEL_SPREAD:
        return (from == LEVEL_SPREAD && leaf->align == ALIGN_SAME) ||
               (from == LEVEL_POINT && leaf->align == ALIGN_SPREAD);
    case LEVEL_GROUP:
        return (from == LEVEL_GROUP && leaf->align == ALIGN_SAME) ||
               (from == LEVEL_POINT && leaf->align == ALIGN_PART &&
                leaf->axis == product_group_axis(cluster->nodes.data[0]));
    }
    return false;
}

bool leaves_fit(const Fuse *f, const Cluster *cluster, const LeafVec *leaves, Level level) {
    bool any = false;
    for (int i = 0; i < leaves->len; i++) {
        const Leaf *leaf = &leaves->data[i];
        if (f->facts[leaf->node->id].home != cluster) continue;
        if (!leaf_fits(f, cluster, leaf, level)) return false;
        any = true;
    }
    return any;
}

/* Beside a contraction's points: the same without its group axis. */
static bool fits_group(const Fuse *f, const Cluster *cluster, const Type *type, const LeafVec *leaves) {
    const Node *dot = cluster->nodes.data[0];
    if (cluster->template != TEMPLATE_CONTRACT || !product_groups(f, dot)) return false;
    int axis = product_group_axis(dot), rank = cluster->space.rank;
    if (type->rank != rank - 1) return false;
    for (int i = 0; i < type->rank; i++)
        if (type->dims[i] != cluster->space.dims[i + (i >= axis)]) return false;
    return leaves_fit(f, cluster, leaves, LEVEL_GROUP);
}

/* The level at which an elementwise node can join, tried from the finish upwards. */
static bool level_of_elementwise(const Fuse *f, const Cluster *cluster, const Node *node, const LeafVec *leaves,
                                 Level *level) {
    const Type *type = &node->type, *space = &cluster->space;
    int         n_rows = cluster->n_rows;
    *level             = LEVEL_COLUMN;
    if (cluster->template == TEMPLATE_CONTRACT && n_rows >= 0 &&
        dims_equal(type, space, n_rows, space->rank - n_rows) && leaves_fit(f, cluster, leaves, *level))
        return true;
    if (cluster->template == TEMPLATE_LOOP) {
        *level = LEVEL_TOTAL;
        if (type->rank == 0 && leaves_fit(f, cluster, leaves, *level)) return true;
        *level = LEVEL_COLUMN;
        if (n_rows >= 0 && dims_equal(type, space, n_rows, space->rank - n_rows) &&
            leaves_fit(f, cluster, leaves, *level))
            return true;
        *level = LEVEL_ROW;
        if (n_rows >= 0 && n_rows < space->rank && dims_equal(type, space, 0, n_rows) &&
            leaves_fit(f, cluster, leaves, *level))
            return true;
        *level = LEVEL_SPREAD;
        if (spread_axis(type, space) >= 0 && leaves_fit(f, cluster, leaves, *level)) return true;
    }
    *level = LEVEL_GROUP;
    if (fits_group(f, cluster, type, leaves)) return true;
    *level = LEVEL_POINT;
    return dims_equal(type, space, 0, space->rank) && leaves_fit(f, cluster, leaves, *level);
}

typedef enum AxesForm { AXES_ALL, AXES_TRAILING, AXES_LEADING, AXES_OTHER } AxesForm;

static AxesForm reduction_form(const Node *node) {
    int      rank = node->inputs[0]->type.rank, count = node->attr.axes.count;
    unsigned set = 0;
    for (int i = 0; i < count; i++) set |= 1u << node->attr.axes.axes[i];
    if (node->op == OP_ARGMAX) {
        set   = 1u << node->attr.axes.axes[0];
        count = 1;
    }
    unsigned all = (1u << rank) - 1, leading = (1u << count) - 1;
    if (set == all && node->op == OP_SUM) return AXES_ALL;
    if (set == (all & ~(all >> count))) return AXES_TRAILING;
    if (set == leading && node->op == OP_SUM) return AXES_LEADING;
    return AXES_OTHER;
}

/* Whether the epilogue reads something else that is made of the same tensor, as a mask is. */
static bool epilogue_reads_origin(Fuse *f, const Cluster *cluster, const Node *leaf) {
    const Node *origin = likely_origin(f, leaf);
    for (int i = 0; i < cluster->nodes.len; i++) {
        const Node *node   = cluster->nodes.data[i];
        LeafVec     leaves = {0};
        if (f->facts[node->id].level != LEVEL_POINT || op_info[node->op].class != ELEMENTWISE) continue;
        leaves_of_inputs(f, node, &leaves);
        for (int k = 0; k < leaves.len; k++) {
            const Node *other = leaves.data[k].node;
            bool        read  = f->facts[other->id].home != cluster && leaves.data[k].align == ALIGN_SAME;
            if (read && other != leaf && likely_origin(f, other) == origin) return true;
        }
    }
    return false;
}

/* Whether `node` is made of the contraction, of what is the same along its rows, and of tensors that its epilogue reads in any case: what else it
 * would read it reads tile by tile, at the memory's latency. */
static bool reads_product_alone(Fuse *f, const Cluster *cluster, const Node *node) {
    LeafVec leaves = {0};
    leaves_of_inputs(f, node, &leaves);
    for (int i = 0; i < leaves.len; i++) {
        const Node *leaf = leaves.data[i].node;
        bool        own  = f->facts[leaf->id].home == cluster;
        if (own && leaf->op != OP_DOT && !reads_product_alone(f, cluster, leaf)) return false;
        if (!own && leaf->type.rank == cluster->space.rank && !epilogue_reads_origin(f, cluster, leaf)) return false;
    }
    return true;
}

/* A reduction joins where its input lives at the point (or, for a total, the row) level and the split agrees. */
static bool level_of_reduction(Fuse *f, Cluster *cluster, const Node *node, const LeafVec *leaves, Level *level) {
    const Type *input = &node->inputs[0]->type, *space = &cluster->space;
    AxesForm    form  = reduction_form(node);
    int         count = node->op == OP_ARGMAX ? 1 : node->attr.axes.count;
    if (cluster->template == TEMPLATE_CONTRACT && form == AXES_LEADING && cluster->n_reductions < MAX_REDUCTIONS &&
        product_sums_rows(f, cluster->nodes.data[0], count) && dims_equal(input, space, 0, space->rank) &&
        leaves_fit(f, cluster, leaves, LEVEL_POINT) && reads_product_alone(f, cluster, node)) {
        *level          = LEVEL_COLUMN;
        cluster->n_rows = count;
        return true;
    }
    if (cluster->template != TEMPLATE_LOOP || cluster->n_reductions == MAX_REDUCTIONS) return false;
    if (form == AXES_ALL && cluster->n_rows > 0 && dims_equal(input, space, 0, cluster->n_rows) &&
        leaves_fit(f, cluster, leaves, LEVEL_ROW)) {
        *level = LEVEL_TOTAL;
        return true;
    }
    if (!dims_equal(input, space, 0, space->rank) || !leaves_fit(f, cluster, leaves, LEVEL_POINT)) return false;
    int split = form == AXES_TRAILING ? space->rank - count : count;
    if (form == AXES_OTHER || (form != AXES_ALL && cluster->n_rows >= 0 && cluster->n_rows != split)) return false;
    *level = form == AXES_TRAILING ? LEVEL_ROW : form == AXES_LEADING ? LEVEL_COLUMN : LEVEL_TOTAL;
    if (form != AXES_ALL) cluster->n_rows = split;
    return true;
}

/* ---- assignment -------------------------------------------------------------------------------------------------------- */

/* Whether cluster a is the better home of the two: one that has other work to wait for, then the later one. */
static bool better_home(const Cluster *a, const Cluster *b) {
    if (a->floating != b->floating) return b->floating;
    return a->index > b->index;
}

static bool join(Fuse *f, Node *node, Cluster *cluster, const LeafVec *leaves) {
    if (cluster->template == TEMPLATE_SCATTER || cluster->template == TEMPLATE_SCAN || cluster->scalars ||
        cluster->nodes.len >= MAX_NODES || !join_is_acyclic(f, cluster, leaves))
        return false;
    Level level;
    bool  fits = op_info[node->op].class == ELEMENTWISE ? level_of_elementwise(f, cluster, node, leaves, &level)
                                                        : level_of_reduction(f, cluster, node, leaves, &level);
    if (fits && level == LEVEL_GROUP) cluster->groups = product_groups(f, cluster->nodes.data[0]);
    if (fits) cluster_add(f, cluster, node, level);
    return fits;
}

/* Tries the homes of what the node reads, the best first. */
static bool join_existing(Fuse *f, Node *node) {
    LeafVec leaves = {0};
    leaves_of_inputs(f, node, &leaves);
    for (const Cluster *last = NULL;;) {
        Cluster *best = NULL;
        for (int i = 0; i < leaves.len; i++) {
            Cluster *home = f->facts[leaves.data[i].node->id].home;
            if (!home || (last && (home == last || !better_home(last, home)))) continue;
            if (!best || better_home(home, best)) best = home;
        }
        if (!best) return false;
        if (join(f, node, best, &leaves)) return true;
        last = best;
    }
}

static void open_reduction(Fuse *f, Node *node) {
    NodeFacts *facts = &f->facts[node->id];
    AxesForm   form  = reduction_form(node);
    if (form == AXES_OTHER) {
        facts->inline_reduction = true;
        cluster_add(f, cluster_new(f, TEMPLATE_LOOP, &node->type), node, LEVEL_POINT);
        return;
    }
    const Type *space   = &node->inputs[0]->type;
    int         count   = node->op == OP_ARGMAX ? 1 : node->attr.axes.count;
    Cluster    *cluster = cluster_new(f, TEMPLATE_LOOP, space);
    if (form == AXES_TRAILING) cluster->n_rows = space->rank - count;
    if (form == AXES_LEADING) cluster->n_rows = count;
    cluster_add(f, cluster, node,
                form == AXES_TRAILING  ? LEVEL_ROW
                : form == AXES_LEADING ? LEVEL_COLUMN
                                       : LEVEL_TOTAL);
}

/* All scalar arithmetic on hyper-parameters and counts alone goes into one cluster, which waits for nothing. */
static bool join_scalars(Fuse *f, Node *node, Cluster **scalars) {
    if (node->type.rank != 0 || op_info[node->op].class != ELEMENTWISE) return false;
    LeafVec leaves = {0};
    leaves_of_inputs(f, node, &leaves);
    for (int i = 0; i < leaves.len; i++) {
        const Cluster *home = f->facts[leaves.data[i].node->id].home;
        if (home && home != *scalars) return false;
    }
    if (!*scalars) *scalars = cluster_new(f, TEMPLATE_LOOP, &node->type);
    (*scalars)->scalars = true;
    cluster_add(f, *scalars, node, LEVEL_POINT);
    return true;
}

/* The results of a loop have one home; its SCAN remembers which. */
static void join_scan(Fuse *f, Node *pick) {
    NodeFacts *scan = &f->facts[pick->inputs[0]->id];
    if (!scan->home) scan->home = cluster_new(f, TEMPLATE_SCAN, &pick->type);
    cluster_add(f, scan->home, pick, LEVEL_POINT);
}

void clusters_assign(Fuse *f) {
    Cluster *scalars = NULL;
    for (int i = 0; i < f->nodes.len; i++) {
        Node *node = f->nodes.data[i];
        if (!node_computes(node)) continue;
        OpClass class = op_info[node->op].class;
        if (class == CONTRACTION) {
            const Node *moved = f->facts[node->id].moved;
            cluster_add(f, cluster_new(f, TEMPLATE_CONTRACT, &(moved ? moved : node)->type), node, LEVEL_POINT);
        } else if (node->op == OP_SCATTER_ADD) {
            cluster_add(f, cluster_new(f, TEMPLATE_SCATTER, &node->type), node, LEVEL_POINT);
        } else if (node->op == OP_PICK) {
            join_scan(f, node);
        } else if (join_scalars(f, node, &scalars) || join_existing(f, node)) {
            continue;
        } else if (class == REDUCTION) {
            open_reduction(f, node);
        } else {
            Cluster *cluster  = cluster_new(f, TEMPLATE_LOOP, &node->type);
            cluster->floating = true;
            cluster_add(f, cluster, node, LEVEL_POINT);
        }
    }
}
