/* A function that computes parts of its forward pass again.
 *
 * For each segment that is to be recomputed, the forward values that nodes outside of the forward pass read are replaced by copies. A
 * copy is built of copies, down to what is in memory anyway: values handed over cuts, inputs. There it stands on a mark (AGAIN), which
 * makes it another node than the original and says when it may be computed: not before the gradient has arrived at the segment. */
#include "plan/recompute.h"

#include <string.h>

typedef struct Rewrite {
    const Segments *s;
    bool           *again;  /* by segment: it is recomputed */
    Node          **before; /* by segment: what is computed before it */
    Map           **copies; /* by segment: forward node -> its copy */
    int *earliest;          /* by id, of nodes that are not forward: the first recomputed segment that they wait for */
    int *latest;            /* ... and the last segment */
    int  first_mark;
    Map *replacement; /* nodes that are not forward -> the new ones */
} Rewrite;

static int segment_of(const Segments *s, const Node *node) {
    return segment_at(s, s->position[node->id]);
}

static bool is_recomputed(const Rewrite *r, const Node *node) {
    return r->s->forward[node->id] && r->s->position[node->id] > POSITION_GIVEN && op_info[node->op].class != SOURCE &&
           r->again[segment_of(r->s, node)] && !segments_keep(r->s, node);
}

/* ---- when a segment is computed again ---------------------------------------------------------------------------------------- */

static void find_waits(Rewrite *r) {
    const Segments *s    = r->s;
    int             none = s->cuts.len + 1;
    for (int i = 0; i < s->nodes.len; i++) {
        const Node *node     = s->nodes.data[i];
        int         earliest = none, latest = -1;
        for (int k = 0; k < node->n_inputs && !s->forward[node->id]; k++) {
            const Node *input   = node->inputs[k];
            bool        forward = s->forward[input->id];
            int         first   = is_recomputed(r, input) ? segment_of(s, input) : none;
            int         last    = forward && s->position[input->id] > POSITION_GIVEN ? segment_of(s, input) : -1;
            if (!forward) first = r->earliest[input->id], last = r->latest[input->id];
            if (first < earliest) earliest = first;
            if (last > latest) latest = last;
        }
        r->earliest[node->id] = earliest;
        r->latest[node->id]   = latest;
    }
}

/* Of two such gradients the one that waits for the nearer segment comes later. */
static bool comes_later(const Rewrite *r, const Node *a, const Node *b) {
    int first = r->earliest[a->id], second = r->earliest[b->id];
    return first != second ? first < second : a->id > b->id;
}

/* The gradient that arrives at a segment: what waits for later segments alone, and is read by what waits for this one. */
static void find_before(Rewrite *r) {
    const Segments *s = r->s;
    for (int i = 0; i < s->nodes.len; i++) {
        const Node *node    = s->nodes.data[i];
        int         segment = r->earliest[node->id];
        if (s->forward[node->id] || segment >= s->cuts.len) continue;
        for (int k = 0; k < node->n_inputs; k++) {
            Node *input = node->inputs[k];
            if (s->forward[input->id] || !node_computes(input) || input->type.rank == 0) continue;
            if (r->earliest[input->id] <= segment || r->latest[input->id] <= segment) continue;
            if (!r->before[segment] || comes_later(r, input, r->before[segment])) r->before[segment] = input;
        }
    }
}

/* A segment at which no gradient arrives has nothing to wait for, and stays as it is. */
static void choose_segments(Rewrite *r, int count) {
    const Segments *s    = r->s;
    bool            sure = false;
    for (int i = 0; i < count && i < s->cuts.len; i++) r->again[i] = true;
    while (!sure) {
        for (int i = 0; i < s->cuts.len; i++) r->before[i] = NULL;
        find_waits(r);
        find_before(r);
        sure = true;
        for (int i = 0; i < s->cuts.len; i++)
            if (r->again[i] && !r->before[i]) r->again[i] = sure = false;
    }
}

/* ---- copies -------------------------------------------------------------------------------------------------------------------- */

/* Copies end here: in memory, or nothing to compute. */
static bool is_given(const Segments *s, const Node *node) {
    return op_info[node->op].class == SOURCE || segments_keep(s, node);
}

static bool is_built(const void *segments, const Node *node) {
    return !is_given(segments, node);
}

/* Random numbers are drawn again: they are functions of their keys. */
static bool takes_mark(const Node *node) {
    return op_info[node->op].class != SOURCE || node->op == OP_INPUT || node->op == OP_UNIFORM || node->op == OP_NORMAL;
}

static Node *with_inputs(Graph *graph, Node *node, Node **inputs) {
    bool changed = false;
    for (int i = 0; i < node->n_inputs; i++) changed |= inputs[i] != node->inputs[i];
    if (!changed) return node;
    graph_set_place(graph, node->span, node->origin);
    return graph_node(graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

static Node *copy_one(const Rewrite *r, Node *node, int segment) {
    Graph *graph = r->s->graph;
    Attr   mark  = {.ref = r->first_mark + segment};
    if (is_given(r->s, node))
        return takes_mark(node) ? graph_node(graph, OP_AGAIN, &node->type, 1, &node, &mark) : node;
    Node **inputs = ARENA_ARRAY(r->s->c->arena, Node *, node->n_inputs + 1);
    for (int i = 0; i < node->n_inputs; i++) inputs[i] = map_get(r->copies[segment], node->inputs[i]);
    return with_inputs(graph, node, inputs);
}

static Node *copy_of(Rewrite *r, Node *root, int segment) {
    Arena  *arena = r->s->c->arena;
    NodeVec order = {0};
    if (!r->copies[segment]) r->copies[segment] = map_new(arena);
    graph_post_order_where(arena, root, r->copies[segment], is_built, r->s, &order);
    for (int i = 0; i < order.len; i++) map_set(r->copies[segment], order.data[i], copy_one(r, order.data[i], segment));
    return map_get(r->copies[segment], root);
}

/* ---- the function -------------------------------------------------------------------------------------------------------------- */

static bool is_left(const void *rewrite, const Node *node) {
    const Rewrite *r = rewrite;
    return !r->s->forward[node->id] && !map_has(r->replacement, node);
}

static void replace_below(Rewrite *r, Node *root);

/* What a segment waits for is made before it: clusters wait for what is there when they are made. */
static Node *recomputed(Rewrite *r, Node *node) {
    int segment = segment_of(r->s, node);
    if (!r->copies[segment]) replace_below(r, r->before[segment]);
    return copy_of(r, node, segment);
}

static Node *replaced(Rewrite *r, Node *node) {
    if (is_recomputed(r, node)) return recomputed(r, node);
    return r->s->forward[node->id] ? node : map_get(r->replacement, node);
}

static void replace_below(Rewrite *r, Node *root) {
    const Segments *s     = r->s;
    NodeVec         order = {0};
    graph_post_order_where(s->c->arena, root, map_new(s->c->arena), is_left, r, &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        if (!is_left(r, node)) continue;
        Node **inputs = ARENA_ARRAY(s->c->arena, Node *, node->n_inputs + 1);
        for (int k = 0; k < node->n_inputs; k++) inputs[k] = replaced(r, node->inputs[k]);
        map_set(r->replacement, node, with_inputs(s->graph, node, inputs));
    }
}

static void replace_all(Rewrite *r) {
    for (int i = 0; i < r->s->nodes.len; i++)
        if (is_left(r, r->s->nodes.data[i])) replace_below(r, r->s->nodes.data[i]);
}

static Fn *fn_replaced(Rewrite *r) {
    const Segments *s  = r->s;
    Fn             *fn = ARENA_NEW(s->c->arena, Fn);
    *fn                = *s->plan->fn;
    fn->first_mark     = r->first_mark;
    memset(&fn->results, 0, sizeof fn->results);
    memset(&fn->updates, 0, sizeof fn->updates);
    for (int i = 0; i < s->plan->fn->results.len; i++) {
        Result result = s->plan->fn->results.data[i];
        if (!s->forward[result.value->id]) result.value = map_get(r->replacement, result.value);
        vec_push(s->c->arena, &fn->results, result);
    }
    for (int i = 0; i < s->plan->fn->updates.len; i++) {
        Update update = s->plan->fn->updates.data[i];
        if (!s->forward[update.value->id]) update.value = map_get(r->replacement, update.value);
        vec_push(s->c->arena, &fn->updates, update);
    }
    for (int i = 0; i < s->cuts.len; i++) {
        Node *before = r->again[i] ? map_get(r->replacement, r->before[i]) : NULL;
        vec_push(s->c->arena, &fn->before, before);
    }
    return fn;
}

Fn *fn_recomputing(const Segments *s, int count) {
    Arena  *arena = s->c->arena;
    int     n     = graph_node_count(s->graph);
    Rewrite r     = {.s           = s,
                     .again       = ARENA_ARRAY(arena, bool, s->cuts.len + 1),
                     .before      = ARENA_ARRAY(arena, Node *, s->cuts.len + 1),
                     .copies      = ARENA_ARRAY(arena, Map *, s->cuts.len + 1),
                     .earliest    = ARENA_ARRAY(arena, int, n + 1),
                     .latest      = ARENA_ARRAY(arena, int, n + 1),
                     .first_mark  = n,
                     .replacement = map_new(arena)};
    choose_segments(&r, count);
    replace_all(&r);
    return fn_replaced(&r);
}
