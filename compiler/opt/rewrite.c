/* The engine: rebuilds what is reachable from the program's roots into a fresh graph, inputs first, applying rules as nodes
 * are made. The builder's hash-consing removes duplicates; what is not reached is not copied. */
#include "opt/rewrite.h"

#include "base/map.h"
#include "opt/opt.h"

enum { MAX_STEPS = 64 }; /* rules only ever make a node simpler; the bound guards against a pair that undo each other */

typedef struct Rewrite {
    Graph *graph;  /* the new one */
    Map   *done;   /* old node -> new node */
    Map   *normal; /* new node -> its normal form */
} Rewrite;

static Node *apply_once(Graph *graph, Node *node) {
    RewriteRule *const *rules = rules_of(node->op);
    Node               *next  = op_info[node->op].class == ELEMENTWISE ? fold_constants(graph, node) : NULL;
    for (; rules && *rules && !next; rules++) next = (*rules)(graph, node);
    return next == node ? NULL : next;
}

/* The normal form of a node whose inputs may not be in normal form yet (rules build several nodes at once). */
static Node *normalise(Rewrite *r, Node *node, int depth) {
    Node *known = map_get(r->normal, node);
    if (known) return known;
    Node *result = node;
    for (int step = 0; step < MAX_STEPS; step++) {
        Node *inputs[64],
            **all    = result->n_inputs <= 64 ? inputs : ARENA_ARRAY(graph_arena(r->graph), Node *, result->n_inputs);
        bool changed = false;
        for (int i = 0; i < result->n_inputs; i++) {
            all[i] = depth > 200 ? result->inputs[i] : normalise(r, result->inputs[i], depth + 1);
            changed |= all[i] != result->inputs[i];
        }
        if (changed) result = graph_node(r->graph, result->op, &result->type, result->n_inputs, all, &result->attr);
        Node *next = apply_once(r->graph, result);
        if (!next) break;
        result = next;
    }
    map_set(r->normal, node, result);
    map_set(r->normal, result, result);
    return result;
}

static Node *rewrite(Rewrite *r, Node *old) {
    if (!old) return NULL;
    Node *known = map_get(r->done, old);
    if (known) return known;
    Node **inputs = ARENA_ARRAY(graph_arena(r->graph), Node *, old->n_inputs + 1);
    for (int i = 0; i < old->n_inputs; i++) inputs[i] = rewrite(r, old->inputs[i]);
    graph_set_place(r->graph, old->span, old->origin);
    Node *node = graph_node(r->graph, old->op, &old->type, old->n_inputs, inputs, &old->attr);
    node       = normalise(r, node, 0);
    map_set(r->done, old, node);
    return node;
}

static void rewrite_roots(Rewrite *r, Program *program) {
    for (int i = 0; i < program->slots.len; i++) program->slots.data[i].init = rewrite(r, program->slots.data[i].init);
    for (int f = 0; f < program->fns.len; f++) {
        Fn *fn = program->fns.data[f];
        for (int i = 0; i < fn->results.len; i++) {
            fn->results.data[i].value  = rewrite(r, fn->results.data[i].value);
            fn->results.data[i].weight = rewrite(r, fn->results.data[i].weight);
        }
        for (int i = 0; i < fn->updates.len; i++) fn->updates.data[i].value = rewrite(r, fn->updates.data[i].value);
    }
}

static void rebuild(Compilation *c, Program *program) {
    Graph  *fresh = graph_new(c->arena, graph_dims(program->graph));
    Rewrite r     = {fresh, map_new(c->arena), map_new(c->arena)};
    rewrite_roots(&r, program);
    program->graph = fresh;
}

void graph_optimise(Compilation *c, Program *program) {
    rebuild(c, program);
    rebuild(c, program); /* leaves behind the intermediate nodes of the first, so that ids are dense */
}
