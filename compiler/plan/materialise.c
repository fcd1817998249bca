/* Which values are in memory, and where.
 *
 * Results, updates and the operands of contractions must be. Every other value that a kernel reads from another is either
 * recomputed there (when that is cheap from what is in memory anyway) or stored by its home. A value written to a slot must not be
 * written before the last read of the slot's old value: where the order of kernels cannot see to that, the value waits in the workspace and a
 * copy kernel at the end writes the slot. */
#include "plan/plan.h"

enum {
    RECOMPUTE_BUDGET = 10,
    MEMORY_BUDGET    = 40,      /* where the value is LARGE */
    LARGE            = 2 << 20, /* a second-level cache */
    LOAD_COST        = 2,
    IMPOSSIBLE       = 1000,
    MOST_BELOW       = 32
};

/* ---- recomputation ------------------------------------------------------------------------------------------------- */

static bool in_memory(const Fuse *f, const Node *node) {
    return node->op == OP_INPUT || node->op == OP_READ || node->op == OP_LOCAL || f->facts[node->id].stored;
}

/* Repeated along the last axis: what it takes is needed once a row. */
static bool is_same_along_rows(const Node *node) {
    int n = node->attr.axes.count;
    return node->op == OP_EXPAND && n && node->attr.axes.axes[n - 1] == node->type.rank - 1;
}

/* Ops to recompute one element of `node` anywhere from what is in memory; `self` does not count as stored. */
static int recompute_cost(const Fuse *f, const Node *node, const Node *self, int budget) {
    if (budget < 0) return IMPOSSIBLE;
    if (node != self && in_memory(f, node)) return node->type.rank == 0 ? 0 : LOAD_COST;
    OpClass class = op_info[node->op].class;
    if (class == REDUCTION || class == CONTRACTION || class == LOOP || node->op == OP_SCATTER_ADD) return IMPOSSIBLE;
    int cost = class == ELEMENTWISE && !node_computes(node) ? 0 : op_cost(node->op); /* widening is part of a load */
    if (class == MOVEMENT && node->op != OP_EXPAND) cost += 2;
    for (int i = 0; i < node->n_inputs && cost < IMPOSSIBLE; i++) {
        int input = recompute_cost(f, node->inputs[i], self, budget - cost);
        cost += input < IMPOSSIBLE && is_same_along_rows(node) && input > LOAD_COST ? LOAD_COST : input;
    }
    return cost;
}

typedef struct Below { /* what is computed once for a value, however often it is used in it */
    const Node *nodes[MOST_BELOW];
    int         n, cost;
} Below;

static bool counted(Below *below, const Node *node) {
    for (int i = 0; i < below->n; i++)
        if (below->nodes[i] == node) return true;
    if (below->n == MOST_BELOW) below->cost = IMPOSSIBLE;
    if (below->n < MOST_BELOW) below->nodes[below->n++] = node;
    return false;
}

static void add_cost(const Fuse *f, Below *below, const Node *node, const Node *self) {
    if (below->cost > MEMORY_BUDGET || counted(below, node)) return;
    OpClass class = op_info[node->op].class;
    if (node != self && in_memory(f, node)) {
        below->cost += node->type.rank == 0 ? 0 : LOAD_COST;
        return;
    }
    bool alone = class == REDUCTION || class == CONTRACTION || class == LOOP || node->op == OP_SCATTER_ADD;
    below->cost += alone ? IMPOSSIBLE : op_cost(node->op) + (class == MOVEMENT && node->op != OP_EXPAND ? 2 : 0);
    for (int i = 0; i < node->n_inputs; i++) add_cost(f, below, node->inputs[i], self);
}

/* A value that does not fit in a cache is worth more work than one that does: writing and reading it takes as long as an exponential or
 * two. */
static bool is_cheaper_than_memory(const Fuse *f, const Node *node) {
    Below below = {.n = 0};
    if (nominal_bytes(f->sizes, &node->type) < LARGE) return false;
    add_cost(f, &below, node, node);
    return below.cost <= MEMORY_BUDGET;
}

static bool is_cheap(const Fuse *f, const Node *node) {
    return recompute_cost(f, node, node, RECOMPUTE_BUDGET) <= RECOMPUTE_BUDGET || is_cheaper_than_memory(f, node);
}

/* ---- what each cluster evaluates ------------------------------------------------------------------------------------- */

typedef struct Reader {
    Cluster *cluster;
    int      slot;
    Level    level;
    bool     aligned; /* read only at the index at which the stored value is computed */
} Reader;

typedef struct Locate {
    Fuse   *f;
    NodeVec pending;     /* stored nodes whose inputs have not been looked at */
    VEC(Reader) readers; /* of slots, after the sets are final */
} Locate;

static void store_node(Locate *l, Node *node, const char *why) {
    NodeFacts *facts = &l->f->facts[node->id];
    if (facts->stored) return;
    facts->stored = true;
    facts->why    = why;
    vec_push(l->f->c->arena, &l->pending, node);
}

static void force_node(Locate *l, Node *node, const char *why) {
    store_node(l, node, why);
    l->f->facts[node->id].forced = true;
}

static bool must_be_operand(const Node *node) {
    return node->op == OP_DOT || node->op == OP_SCATTER_ADD || node->op == OP_PICK;
}

/* A conversion of what is in memory anyway is done while a contraction packs its operand, where each element is packed once: not
 * under a window, which reads elements several times. */
static bool converted_as_packed(const Node *user, const Node *leaf) {
    if (user->op != OP_DOT || leaf->op != OP_CAST) return false;
    if (op_info[leaf->inputs[0]->op].class != SOURCE) return false;
    for (int i = 0; i < user->n_inputs; i++) {
        const Node *at = user->inputs[i];
        while (at != leaf && (op_info[at->op].class == MOVEMENT || at->op == OP_CAST) && at->op != OP_SLIDE)
            at = at->inputs[0];
        if (at == leaf) return true;
    }
    return false;
}

typedef struct Visit { /* a node whose leaves from `next` on are still to be looked at */
    Node   *node;
    LeafVec leaves;
    int     next;
} Visit;
typedef VEC(Visit) VisitVec;

static void visit_push(Locate *l, VisitVec *stack, Node *node, Map *seen) {
    if (map_has(seen, node)) return;
    map_set(seen, node, node);
    Visit visit = {node, {0}, 0};
    leaves_of_inputs(l->f, node, &visit.leaves);
    vec_push(l->f->c->arena, stack, visit);
}

/* A reduction that is evaluated where it is used asks for each element of its input once: if nobody else does, memory is a detour.
 * Not where it was rounded to 16 bits: what it is rounded from would be in memory instead. */
static bool is_asked_once(const Locate *l, const Node *node, const Node *leaf) {
    return l->f->facts[node->id].inline_reduction && l->f->facts[leaf->id].uses == 1 &&
           op_info[leaf->op].class == ELEMENTWISE && !elem_is_narrow(leaf->type.elem);
}

/* Windows, and what is repeated for them, ask for each element of a large value several times: recomputing it so often takes longer than memory. */
static bool is_asked_often(const Fuse *f, const Node *node, const Node *leaf) {
    enum { TIMES = 4 };
    if (op_info[node->op].class != ELEMENTWISE || op_info[leaf->op].class != ELEMENTWISE) return false;
    int64_t bytes = nominal_bytes(f->sizes, &leaf->type), count = bytes / elem_size(leaf->type.elem);
    int64_t asked = nominal_bytes(f->sizes, &node->type) / elem_size(node->type.elem);
    if (bytes < LARGE || asked / TIMES < count) return false;
    return recompute_cost(f, leaf, leaf, RECOMPUTE_BUDGET) > RECOMPUTE_BUDGET;
}

/* A value of f32 that is cheap from one value of 16 bits of its shape, which then is the better one to keep; else NULL. */
static Node *narrow_origin(const Fuse *f, Node *leaf) {
    enum { DEPTH = 4 };
    Node *at = leaf;
    for (int depth = 0; depth < DEPTH && at && op_info[at->op].class == ELEMENTWISE; depth++) {
        if (elem_is_narrow(at->type.elem)) break;
        Node *next = NULL;
        int   same = 0;
        for (int i = 0; i < at->n_inputs; i++)
            if (op_info[at->inputs[i]->op].class == ELEMENTWISE) next = at->inputs[i], same++;
        at = same == 1 ? next : NULL;
    }
    if (!at || at == leaf || op_info[at->op].class != ELEMENTWISE || !elem_is_narrow(at->type.elem)) return NULL;
    if (f->facts[at->id].stored || !type_same_shape(&at->type, &leaf->type)) return NULL;
    f->facts[at->id].stored = true; /* for the question alone */
    bool cheap              = is_cheap(f, leaf);
    f->facts[at->id].stored = false;
    return cheap ? at : NULL;
}

/* True when `leaf` is computed in `cluster` for `node`; stores it where it is neither computed there nor in memory nor cheap. */
static bool computes_leaf(Locate *l, const Cluster *cluster, const Node *node, Node *leaf) {
    if (!node_computes(leaf)) return false;
    if (must_be_operand(node)) {
        if (converted_as_packed(node, leaf)) return true;
        if (op_info[leaf->op].class == ELEMENTWISE && patches_compute(l->f, node, leaf)) {
            l->f->facts[leaf->id].in_patches = true;
            store_node(l, leaf, "operand of a contraction, scatter or loop");
            return false;
        }
        force_node(l, leaf, "operand of a contraction, scatter or loop");
        return false;
    }
    if (l->f->facts[leaf->id].home == cluster) return true;
    if (l->f->facts[leaf->id].stored) return false;
    if (is_asked_often(l->f, node, leaf)) {
        force_node(l, leaf, "read several times by windows");
        return false;
    }
    if (is_cheap(l->f, leaf) || is_asked_once(l, node, leaf)) return true;
    Node *narrow = narrow_origin(l->f, leaf);
    store_node(l, narrow ? narrow : leaf, "read by another kernel");
    return narrow != NULL;
}

/* Looks at all that computing `root` in its home reads, depth first by an explicit stack. */
static void visit_value(Locate *l, Node *root) {
    Cluster *cluster = l->f->facts[root->id].home;
    Map     *seen    = map_new(l->f->c->arena);
    VisitVec stack   = {0};
    visit_push(l, &stack, root, seen);
    while (stack.len) {
        Visit *top = &vec_last(&stack);
        if (top->next == top->leaves.len) {
            stack.len--;
            continue;
        }
        const Leaf *at   = &top->leaves.data[top->next++];
        Node       *leaf = at->node;
        if (at->align == ALIGN_AFTER) continue;
        if (computes_leaf(l, cluster, top->node, leaf)) visit_push(l, &stack, leaf, seen);
    }
}

static void visit_pending(Locate *l) {
    while (l->pending.len) {
        Node *node = vec_last(&l->pending);
        l->pending.len--;
        visit_value(l, node);
    }
}

/* Values stored for one reader that turned out to be cheap from others stored later. */
static void drop_cheap(Fuse *f) {
    for (int i = f->nodes.len - 1; i >= 0; i--) {
        Node      *node  = f->nodes.data[i];
        NodeFacts *facts = &f->facts[node->id];
        if (!facts->stored || facts->forced) continue;
        if (facts->in_patches ? is_made_in_patches(f, node) : is_cheap(f, node)) facts->stored = false;
    }
}

/* ---- roots ------------------------------------------------------------------------------------------------------------ */

static void force_roots(Locate *l) {
    Fn *fn = l->f->fn;
    for (int i = 0; i < fn->results.len; i++) {
        Node *roots[] = {fn->results.data[i].value, fn->results.data[i].weight};
        for (int k = 0; k < 2; k++) {
            if (roots[k]) force_node(l, roots[k], "result");
        }
    }
    for (int i = 0; i < fn->updates.len; i++) force_node(l, fn->updates.data[i].value, "update");
}

/* ---- slots: old values are read before new ones are written ---------------------------------------------------------- */

typedef struct Reads { /* the walk below one stored value */
    Locate  *l;
    Cluster *cluster;
    Level    level;
    Map     *seen[2]; /* nodes met unaligned, aligned */
    NodeVec  left[2]; /* of those, whose leaves have not been looked at */
} Reads;

static void meet(Reads *r, Node *node, bool aligned) {
    if (map_has(r->seen[aligned], node)) return;
    map_set(r->seen[aligned], node, node);
    vec_push(r->l->f->c->arena, &r->left[aligned], node);
}

static void find_reads_of(Reads *r, const Node *node, bool aligned) {
    Fuse   *f      = r->l->f;
    LeafVec leaves = {0};
    leaves_of_inputs(f, node, &leaves);
    for (int i = 0; i < leaves.len; i++) {
        Node *leaf = leaves.data[i].node;
        if (leaves.data[i].align == ALIGN_AFTER) continue;
        bool same = aligned && leaves.data[i].align == ALIGN_SAME && op_info[node->op].class != REDUCTION;
        if (leaf->op == OP_READ)
            vec_push(f->c->arena, &r->l->readers, ((Reader){r->cluster, leaf->attr.ref, r->level, same}));
        else if (node_computes(leaf) && (f->facts[leaf->id].home == r->cluster || !f->facts[leaf->id].stored))
            meet(r, leaf, same);
    }
}

static void find_reads(Reads *r, Node *root) {
    meet(r, root, true);
    while (r->left[0].len || r->left[1].len) {
        bool  aligned = r->left[1].len > 0;
        Node *node    = r->left[aligned].data[--r->left[aligned].len];
        find_reads_of(r, node, aligned);
    }
}

static void find_readers(Locate *l) {
    Fuse *f = l->f;
    for (int i = 0; i < f->nodes.len; i++) {
        Node      *node  = f->nodes.data[i];
        NodeFacts *facts = &f->facts[node->id];
        if (!facts->stored) continue;
        Reads reads = {l, facts->home, facts->level, {map_new(f->c->arena), map_new(f->c->arena)}, {{0}, {0}}};
        find_reads(&reads, node);
    }
}

/* May the home of `value` write `slot` directly? If so it is ordered after every other reader of the old value. */
static bool write_in_place(Locate *l, const Update *update, Cluster *home) {
    Level level = l->f->facts[update->value->id].level;
    for (int i = 0; i < l->readers.len; i++) {
        const Reader *reader = &l->readers.data[i];
        if (reader->slot != update->slot) continue;
        bool same = reader->aligned && reader->level == level;
        if (reader->cluster == home ? !same : cluster_precedes(home, reader->cluster)) return false;
    }
    for (int i = 0; i < l->readers.len; i++) {
        const Reader *reader = &l->readers.data[i];
        if (reader->slot == update->slot && reader->cluster != home && !cluster_order(l->f, reader->cluster, home))
            return false;
    }
    return true;
}

static void copy_to_slot(Locate *l, const Update *update, Cluster *home) {
    Fuse    *f    = l->f;
    Cluster *copy = cluster_new(f, TEMPLATE_LOOP, &update->value->type);
    cluster_order(f, home, copy);
    for (int i = 0; i < l->readers.len; i++)
        if (l->readers.data[i].slot == update->slot) cluster_order(f, l->readers.data[i].cluster, copy);
    vec_push(f->c->arena, &copy->stores,
             ((Store){update->value, LEVEL_POINT, 0, {LOC_SLOT, update->slot, 0}, update->value->type, false}));
}

/* ---- locations ------------------------------------------------------------------------------------------------------------ */

static void locate(Fuse *f, Node *node, Location at) {
    if (node_location(f->plan, node)) return;
    Location *location = ARENA_NEW(f->c->arena, Location);
    *location          = at;
    map_set(f->plan->located, node, location);
}

static void store_to(Fuse *f, Node *node, Location at) {
    NodeFacts *facts = &f->facts[node->id];
    vec_push(f->c->arena, &facts->home->stores, ((Store){node, facts->level, 0, at, node->type, false}));
    locate(f, node, at);
}

static void buffer_new(Fuse *f, Node *node) {
    vec_push(
        f->c->arena, &f->plan->buffers,
        ((Buffer){
            .node = node, .type = node->type, .first = -1, .last = -1, .over = -1, .why = f->facts[node->id].why}));
    store_to(f, node, (Location){LOC_WORKSPACE, f->plan->buffers.len - 1, 0});
}

static void locate_updates(Locate *l) {
    Fuse *f = l->f;
    for (int i = 0; i < f->fn->updates.len; i++) {
        Update  *update = &f->fn->updates.data[i];
        Cluster *home   = f->facts[update->value->id].home;
        if (write_in_place(l, update, home)) {
            store_to(f, update->value, (Location){LOC_SLOT, update->slot, 0});
            continue;
        }
        if (!node_location(f->plan, update->value)) {
            f->facts[update->value->id].why = "its slot's old value is read later";
            buffer_new(f, update->value);
        }
        copy_to_slot(l, update, home);
    }
}

static void locate_sources(Fuse *f) {
    for (int i = 0; i < f->nodes.len; i++) {
        Node *node = f->nodes.data[i];
        if (node->op == OP_INPUT) locate(f, node, (Location){LOC_INPUT, node->attr.ref, 0});
        if (node->op == OP_LOCAL) locate(f, node, (Location){LOC_LOCAL, scan_local_index(f->scan, node), 0});
        if (node->op == OP_READ) locate(f, node, (Location){LOC_SLOT, node->attr.ref, 0});
    }
}

static void locate_results(Fuse *f) {
    for (int i = 0; i < f->fn->results.len; i++) {
        const Result *result = &f->fn->results.data[i];
        store_to(f, result->value, (Location){LOC_RESULT, i, 0});
        if (result->weight) store_to(f, result->weight, (Location){LOC_RESULT, i, 1});
    }
}

/* A reshape of a value in memory is that memory; so is what stands for it a second time. */
static void locate_reshapes(Fuse *f) {
    for (int i = 0; i < f->nodes.len; i++) {
        Node *node = f->nodes.data[i];
        if (!is_same_memory(node)) continue;
        const Location *input = node_location(f->plan, node->inputs[0]);
        if (input) locate(f, node, *input);
    }
}

void values_locate(Fuse *f) {
    Locate l = {.f = f};
    force_roots(&l);
    visit_pending(&l);
    drop_cheap(f);
    find_readers(&l);
    locate_updates(&l);
    locate_results(f);
    for (int i = 0; i < f->nodes.len; i++) {
        Node *node = f->nodes.data[i];
        if (f->facts[node->id].stored && !node_location(f->plan, node)) buffer_new(f, node);
    }
    locate_sources(f);
    locate_reshapes(f);
}
