/* Loops without what nobody reads. One loop may serve several functions: training reads what the steps keep for the gradient,
 * evaluation does not. So each function gets its own loops, with the results that it picks, and the carries, slices and captured
 * values that those need. */
#include <string.h>

#include "base/map.h"
#include "ir/scan.h"
#include "opt/opt.h"

typedef struct Needs { /* of one SCAN */
    Node *node;
    bool *results; /* by result of the SCAN */
    bool *locals;  /* by its input */
    Node *pruned;
    int  *moved; /* by result: its index in the pruned one */
} Needs;

typedef struct Prune {
    Arena  *arena;
    Graph  *graph;
    Map    *needs; /* SCAN -> Needs * */
    Map    *seen;
    NodeVec stack;
    bool    any; /* loops */
} Prune;

static Needs *needs_of(Prune *p, Node *node) {
    Needs *needs = map_get(p->needs, node);
    if (needs) return needs;
    needs          = ARENA_NEW(p->arena, Needs);
    needs->node    = node;
    needs->results = ARENA_ARRAY(p->arena, bool, scan_result_count(node->attr.scan) + 1);
    needs->moved   = ARENA_ARRAY(p->arena, int, scan_result_count(node->attr.scan) + 1);
    needs->locals  = ARENA_ARRAY(p->arena, bool, node->n_inputs + 1);
    map_set(p->needs, node, needs);
    p->any = true;
    return needs;
}

static Node *input_local(const Scan *scan, int i) {
    const NodeVec *lists[] = {&scan->carries, &scan->slices, &scan->captures};
    for (int k = 0; k < 3; k++) {
        if (i < lists[k]->len) return lists[k]->data[i];
        i -= lists[k]->len;
    }
    return NULL;
}

/* What a result's value reads: more inputs, and the carries whose next values it waits for. */
static void need_result(Prune *p, Needs *needs, int result) {
    const Scan *scan  = needs->node->attr.scan;
    int         carry = scan->carries.len;
    NodeVec     order = {0};
    Map        *seen  = map_new(p->arena);
    if (needs->results[result]) return;
    needs->results[result] = true;
    graph_post_order(p->arena, result < carry ? scan->next.data[result] : scan->emits.data[result - carry], seen,
                     &order);
    for (int i = 0; i < needs->node->n_inputs; i++) {
        bool reads = map_has(seen, input_local(scan, i)) || (i < carry && i == result);
        if (!reads || needs->locals[i]) continue;
        needs->locals[i] = true;
        vec_push(p->arena, &p->stack, needs->node->inputs[i]);
        if (i < carry) need_result(p, needs, i);
    }
}

static void mark(Prune *p, Node *root) {
    vec_push(p->arena, &p->stack, root);
    while (p->stack.len) {
        Node *node = p->stack.data[--p->stack.len];
        if (map_has(p->seen, node)) continue;
        map_set(p->seen, node, node);
        if (node->op == OP_PICK)
            need_result(p, needs_of(p, node->inputs[0]), node->attr.ref);
        else
            for (int i = 0; i < node->n_inputs; i++) vec_push(p->arena, &p->stack, node->inputs[i]);
    }
}

/* ---- rebuilding ------------------------------------------------------------------------------------------------------------ */

static void prune_roots(Arena *arena, Graph *graph, int n, Node **roots[]);

static NodeVec kept_of(Arena *arena, const NodeVec *nodes, const bool *keep) {
    NodeVec kept = {0};
    for (int i = 0; i < nodes->len; i++)
        if (keep[i]) vec_push(arena, &kept, nodes->data[i]);
    return kept;
}

static void prune_body(Prune *p, Scan *scan) {
    Node ***roots = ARENA_ARRAY(p->arena, Node **, scan->next.len + scan->emits.len + 1);
    int     n     = 0;
    for (int i = 0; i < scan->next.len; i++) roots[n++] = &scan->next.data[i];
    for (int i = 0; i < scan->emits.len; i++) roots[n++] = &scan->emits.data[i];
    prune_roots(p->arena, p->graph, n, roots);
}

/* Its inputs have been replaced already, as they come before it. */
static Node *pruned(Prune *p, Node *node, const Map *replacement) {
    const Scan *scan    = node->attr.scan;
    Needs      *needs   = needs_of(p, node);
    int         carries = scan->carries.len, slices = scan->slices.len, count = 0;
    Scan       *less   = ARENA_NEW(p->arena, Scan);
    NodeVec     inputs = {0};
    Attr        attr;
    *less          = *scan;
    less->carries  = kept_of(p->arena, &scan->carries, needs->results);
    less->next     = kept_of(p->arena, &scan->next, needs->results);
    less->emits    = kept_of(p->arena, &scan->emits, needs->results + carries);
    less->slices   = kept_of(p->arena, &scan->slices, needs->locals + carries);
    less->captures = kept_of(p->arena, &scan->captures, needs->locals + carries + slices);
    for (int i = 0; i < scan_result_count(scan); i++) needs->moved[i] = needs->results[i] ? count++ : -1;
    for (int i = 0; i < node->n_inputs; i++)
        if (needs->locals[i]) vec_push(p->arena, &inputs, map_get(replacement, node->inputs[i]));
    prune_body(p, less);
    memset(&attr, 0, sizeof attr);
    attr.scan = less;
    graph_set_place(p->graph, node->span, node->origin);
    return graph_node(p->graph, OP_SCAN, NULL, inputs.len, inputs.data, &attr);
}

/* The nodes that are needed, inputs first. */
static NodeVec needed_nodes(Prune *p) {
    NodeVec order = {0};
    for (int id = 0; id < graph_node_count(p->graph); id++) {
        Node *node = graph_node_at(p->graph, id);
        if (map_has(p->seen, node) || map_has(p->needs, node)) vec_push(p->arena, &order, node);
    }
    return order;
}

static Node *replaced(Prune *p, Node *node, Map *replacement) {
    Node **inputs  = ARENA_ARRAY(p->arena, Node *, node->n_inputs + 1);
    bool   changed = false;
    if (node->op == OP_SCAN) return needs_of(p, node)->pruned = pruned(p, node, replacement);
    if (node->op == OP_PICK) {
        Needs *needs = needs_of(p, node->inputs[0]);
        return scan_pick(p->graph, needs->pruned, needs->moved[node->attr.ref]);
    }
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = map_get(replacement, node->inputs[i]);
        changed |= inputs[i] != node->inputs[i];
    }
    if (!changed) return node;
    graph_set_place(p->graph, node->span, node->origin);
    return graph_node(p->graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

static void prune_roots(Arena *arena, Graph *graph, int n, Node **roots[]) {
    Prune p = {.arena = arena, .graph = graph, .needs = map_new(arena), .seen = map_new(arena)};
    for (int i = 0; i < n; i++)
        if (*roots[i]) mark(&p, *roots[i]);
    if (!p.any) return;
    NodeVec order       = needed_nodes(&p);
    Map    *replacement = map_new(arena);
    for (int i = 0; i < order.len; i++) map_set(replacement, order.data[i], replaced(&p, order.data[i], replacement));
    for (int i = 0; i < n; i++)
        if (*roots[i]) *roots[i] = map_get(replacement, *roots[i]);
}

void scans_prune(Compilation *c, Program *program) {
    for (int f = 0; f < program->fns.len; f++) {
        Fn *fn             = program->fns.data[f];
        VEC(Node **) roots = {0};
        for (int i = 0; i < fn->results.len; i++) {
            vec_push(c->arena, &roots, &fn->results.data[i].value);
            vec_push(c->arena, &roots, &fn->results.data[i].weight);
        }
        for (int i = 0; i < fn->updates.len; i++) vec_push(c->arena, &roots, &fn->updates.data[i].value);
        prune_roots(c->arena, program->graph, roots.len, roots.data);
    }
}
