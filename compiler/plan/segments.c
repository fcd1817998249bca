/* Where a forward pass is cut: after kernels at which less is handed on than was kept since the cut before, as at the end of a block. */
#include "plan/recompute.h"

/* ---- forward values ------------------------------------------------------------------------------------------------------- */

static bool is_of_gradient(const Result *result) {
    return result->role == ROLE_GRADIENT || result->role == ROLE_GRADIENT_NORM;
}

static void collect_results(const Segments *s, bool of_gradients, Map *seen, NodeVec *nodes) {
    const Fn *fn = s->plan->fn;
    for (int i = 0; i < fn->results.len; i++) {
        const Result *result = &fn->results.data[i];
        if (is_of_gradient(result) != of_gradients) continue;
        graph_post_order(s->c->arena, result->value, seen, nodes);
        if (result->weight) graph_post_order(s->c->arena, result->weight, seen, nodes);
    }
}

static void mark_forward(Segments *s) {
    const Fn *fn   = s->plan->fn;
    Map      *seen = map_new(s->c->arena);
    NodeVec   all  = {0};
    collect_results(s, false, seen, &all);
    for (int i = 0; i < all.len; i++) s->forward[all.data[i]->id] = true;
    collect_results(s, true, seen, &all);
    for (int i = 0; i < fn->updates.len; i++) graph_post_order(s->c->arena, fn->updates.data[i].value, seen, &all);
    s->nodes = all;
}

static const Buffer *buffer_of(const FnPlan *plan, const Node *node) {
    const Location *at = node_location(plan, node);
    return at && at->kind == LOC_WORKSPACE ? &plan->buffers.data[at->ref] : NULL;
}

static void find_positions(Segments *s) {
    for (int i = 0; i < s->nodes.len; i++) {
        const Node   *node   = s->nodes.data[i];
        const Buffer *buffer = buffer_of(s->plan, node);
        bool          given  = node->op == OP_INPUT || node->op == OP_UNIFORM || node->op == OP_NORMAL;
        int           after  = given ? POSITION_GIVEN : POSITION_FIXED;
        for (int k = 0; k < node->n_inputs; k++)
            if (s->position[node->inputs[k]->id] > after) after = s->position[node->inputs[k]->id];
        s->position[node->id] = buffer && after > POSITION_FIXED ? buffer->first : after;
    }
}

/* ---- what is handed on ------------------------------------------------------------------------------------------------------ */

typedef struct Uses { /* by buffer */
    bool *forward;    /* it is a value of the forward pass */
    bool *kept;       /* the backward pass reads it */
} Uses;

/* One that gives results alone, such as a count of what is not finite, can run as soon as their values are there. */
static bool is_forward_kernel(const Segments *s, const Kernel *kernel) {
    bool forward = false, results = true;
    for (int i = 0; i < kernel->stores.len; i++) {
        forward |= s->forward[kernel->stores.data[i].node->id];
        results &= kernel->stores.data[i].to.kind == LOC_RESULT;
    }
    return forward && !results;
}

static bool is_backward_kernel(const Segments *s, const Kernel *kernel) {
    for (int i = 0; i < kernel->stores.len; i++)
        if (!s->forward[kernel->stores.data[i].node->id]) return true;
    return false;
}

static Uses find_uses(Segments *s) {
    int  n      = s->plan->buffers.len;
    Uses uses   = {ARENA_ARRAY(s->c->arena, bool, n + 1), ARENA_ARRAY(s->c->arena, bool, n + 1)};
    s->last_use = ARENA_ARRAY(s->c->arena, int, n + 1);
    for (int i = 0; i < n; i++) {
        uses.forward[i] = s->forward[s->plan->buffers.data[i].node->id];
        s->last_use[i]  = -1;
    }
    for (int i = 0; i < s->plan->kernels.len; i++) {
        const Kernel *kernel  = s->plan->kernels.data[i];
        bool          forward = is_forward_kernel(s, kernel), backward = is_backward_kernel(s, kernel);
        IntVec        used = {0};
        kernel_buffers(s->c, s->plan, kernel, &used);
        if (forward && kernel->stores.data[0].node->type.rank) s->last = i;
        for (int k = 0; k < used.len; k++) {
            if (forward) s->last_use[used.data[k]] = i;
            if (!forward && backward) uses.kept[used.data[k]] = true;
        }
    }
    return uses;
}

static int64_t handed_on(const Segments *s, const Uses *uses, const int64_t *bytes, int kernel) {
    int64_t sum = 0;
    for (int i = 0; i < s->plan->buffers.len; i++)
        if (uses->forward[i] && s->plan->buffers.data[i].first <= kernel && s->last_use[i] > kernel) sum += bytes[i];
    return sum;
}

static void find_cuts(Segments *s, const int64_t *bytes) {
    Uses    uses  = find_uses(s);
    int64_t since = 0, before = 0, here = handed_on(s, &uses, bytes, 0);
    for (int i = 0; i < s->last; i++) {
        for (int k = 0; k < s->plan->buffers.len; k++)
            if (uses.forward[k] && uses.kept[k] && s->plan->buffers.data[k].first == i) since += bytes[k];
        int64_t after = handed_on(s, &uses, bytes, i + 1);
        if (here > 0 && here <= before && here <= after && 2 * here <= since) {
            vec_push(s->c->arena, &s->cuts, i);
            since = 0;
        }
        before = here;
        here   = after;
    }
}

Segments segments_of(Compilation *c, Graph *graph, const FnPlan *plan, const int64_t *sizes) {
    Segments s     = {.c = c, .graph = graph, .plan = plan};
    int      n     = graph_node_count(graph);
    int64_t *bytes = ARENA_ARRAY(c->arena, int64_t, plan->buffers.len + 1);
    s.forward      = ARENA_ARRAY(c->arena, bool, n + 1);
    s.position     = ARENA_ARRAY(c->arena, int, n + 1);
    for (int i = 0; i < plan->buffers.len; i++) bytes[i] = nominal_bytes(sizes, &plan->buffers.data[i].type);
    mark_forward(&s);
    find_positions(&s);
    find_cuts(&s, bytes);
    return s;
}

int segment_at(const Segments *s, int position) {
    int segment = 0;
    while (segment < s->cuts.len && s->cuts.data[segment] < position) segment++;
    return segment;
}

bool segments_keep(const Segments *s, const Node *node) {
    const Location *at = node_location(s->plan, node);
    if (!s->forward[node->id] || !at || at->kind != LOC_WORKSPACE) return false;
    int segment = segment_at(s, s->plan->buffers.data[at->ref].first);
    return segment == s->cuts.len || s->last_use[at->ref] > s->cuts.data[segment];
}
