/* The engine: rebuilds what is reachable from the program's roots into a fresh graph, inputs first, applying rules as nodes
 * are made, until that changes nothing more. The builder's hash-consing removes duplicates; what is not reached is not copied. */
#include "opt/rewrite.h"

#include "base/map.h"
#include "opt/opt.h"

enum {
    MAX_ROUNDS = 8,   /* rebuilds with rules: a second finds what the first uncovered, and so on */
    MAX_STEPS  = 64,  /* rules only ever make a node simpler; the bound guards against a pair that undo each other */
    MAX_DEPTH  = 100, /* of new nodes upon new nodes */
};

typedef struct Rewrite {
    Graph *graph;       /* the new one */
    bool   apply_rules; /* or only copy */
    bool   fired;       /* whether a rule changed anything */
    Map   *done;        /* old node -> new node */
    Map   *normal;      /* new node -> its normal form */
    Map   *uses;        /* old node, and its image -> number of users */
} Rewrite;

static intptr_t uses_of(const Rewrite *r, const Node *node) {
    return (intptr_t)map_get(r->uses, node);
}

static void add_uses(Rewrite *r, const Node *node, intptr_t count) {
    map_set(r->uses, node, (void *)(uses_of(r, node) + count));
}

static Node *apply_first(RewriteRule *const *rules, Graph *graph, Node *node) {
    Node *next = NULL;
    for (; rules && *rules && !next; rules++) next = (*rules)(graph, node);
    return next;
}

/* A node that a rule has just made has no known uses: its turn comes in the next round. */
static Node *apply_once(Rewrite *r, Node *node) {
    Node *next = op_info[node->op].class == ELEMENTWISE ? fold_constants(r->graph, node) : NULL;
    if (!next) next = apply_first(rules_of(node->op), r->graph, node);
    if (!next && node->n_inputs > 0 && uses_of(r, node->inputs[0]) == 1)
        next = apply_first(single_use_rules_of(node->op), r->graph, node);
    if (!next || next == node) return NULL;
    r->fired = true;
    return next;
}

/* The node over the images of its inputs. */
static Node *over(Graph *graph, const Node *node, Node *const *inputs) {
    return graph_node(graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

/* The normal form of a node of the new graph whose inputs need not be in theirs: rules build several nodes at once. Everything made from
 * an old node is known already, so the recursion goes no deeper than what rules have just built. */
static Node *normalise(Rewrite *r, Node *node, int depth) {
    Node *known = map_get(r->normal, node);
    if (known || depth > MAX_DEPTH) return known ? known : node;
    Node *result = node;
    for (int step = 0; step < MAX_STEPS; step++) {
        Node **inputs  = ARENA_ARRAY(graph_arena(r->graph), Node *, result->n_inputs + 1);
        bool   changed = false;
        for (int i = 0; i < result->n_inputs; i++) {
            inputs[i] = normalise(r, result->inputs[i], depth + 1);
            changed |= inputs[i] != result->inputs[i];
        }
        if (changed) result = over(r->graph, result, inputs);
        Node *next = apply_once(r, result);
        if (!next) break;
        result = next;
    }
    map_set(r->normal, node, result);
    map_set(r->normal, result, result);
    return result;
}

static void rewrite_node(Rewrite *r, Node *old) {
    Node **inputs = ARENA_ARRAY(graph_arena(r->graph), Node *, old->n_inputs + 1);
    for (int i = 0; i < old->n_inputs; i++) inputs[i] = map_get(r->done, old->inputs[i]);
    graph_set_place(r->graph, old->span, old->origin);
    Node *node = over(r->graph, old, inputs);
    if (r->apply_rules) node = normalise(r, node, 0);
    map_set(r->done, old, node);
    add_uses(r, node, uses_of(r, old));
}

/* ---- roots ------------------------------------------------------------------------------------------------------------- */

typedef VEC(Node **) RootVec;

static RootVec roots_of(Arena *arena, Program *program) {
    RootVec roots = {0};
    for (int i = 0; i < program->slots.len; i++) vec_push(arena, &roots, &program->slots.data[i].init);
    for (int f = 0; f < program->fns.len; f++) {
        Fn *fn = program->fns.data[f];
        for (int i = 0; i < fn->results.len; i++) {
            vec_push(arena, &roots, &fn->results.data[i].value);
            vec_push(arena, &roots, &fn->results.data[i].weight);
        }
        for (int i = 0; i < fn->updates.len; i++) vec_push(arena, &roots, &fn->updates.data[i].value);
    }
    return roots;
}

static void count_uses(Rewrite *r, const RootVec *roots, const NodeVec *order) {
    for (int i = 0; i < roots->len; i++)
        if (*roots->data[i]) add_uses(r, *roots->data[i], 1);
    for (int i = 0; i < order->len; i++)
        for (int k = 0; k < order->data[i]->n_inputs; k++) add_uses(r, order->data[i]->inputs[k], 1);
}

/* Whether a rule changed anything. */
static bool rebuild(Compilation *c, Program *program, bool apply_rules) {
    Arena  *arena = c->arena;
    RootVec roots = roots_of(arena, program);
    NodeVec order = {0};
    Map    *seen  = map_new(arena);
    Graph  *fresh = graph_new(arena, graph_dims(program->graph));
    Rewrite r     = {fresh, apply_rules, false, map_new(arena), map_new(arena), map_new(arena)};
    for (int i = 0; i < roots.len; i++) graph_post_order(arena, *roots.data[i], seen, &order);
    count_uses(&r, &roots, &order);
    for (int i = 0; i < order.len; i++) rewrite_node(&r, order.data[i]);
    for (int i = 0; i < roots.len; i++)
        if (*roots.data[i]) *roots.data[i] = map_get(r.done, *roots.data[i]);
    program->graph = fresh;
    return r.fired;
}

/* A round with rules leaves behind what they replaced; copying without rules leaves that out. */
void graph_optimise(Compilation *c, Program *program) {
    bool fired = true;
    rebuild(c, program, false);
    for (int round = 0; fired && round < MAX_ROUNDS; round++) {
        fired = rebuild(c, program, true);
        rebuild(c, program, false);
    }
}
