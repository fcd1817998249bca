/* The engine: rebuilds what is reachable from the program's roots into a fresh graph, inputs first, applying rules as nodes
 * are made, until that changes nothing more. The builder's hash-consing removes duplicates; what is not reached is not copied. */
#include "opt/rewrite.h"

#include "base/map.h"
#include "ir/scan.h"
#include "opt/opt.h"

enum {
    MAX_ROUNDS = 8,   /* rebuilds with rules: a second finds what the first uncovered, and so on */
    MAX_STEPS  = 64,  /* rules only ever make a node simpler; the bound guards against a pair that undo each other */
    MAX_DEPTH  = 100, /* of new nodes upon new nodes */
};

typedef struct Image { /* what is known of a node of the new graph, by id */
    Node *normal;      /* its normal form, or NULL */
    int   uses;        /* of the old nodes that became it */
} Image;

typedef struct Rewrite {
    Graph *graph;       /* the new one */
    bool   apply_rules; /* or only copy */
    bool   fired;       /* whether a rule changed anything */
    Node **done;        /* new node, by the old one's id */
    int   *uses;        /* by the old node's id */
    VEC(Image) images;
} Rewrite;

static Image *image_of(Rewrite *r, const Node *node) {
    while (r->images.len <= node->id) vec_push(graph_arena(r->graph), &r->images, (Image){0});
    return &r->images.data[node->id];
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
    if (!next && node->n_inputs > 0 && image_of(r, node->inputs[0])->uses == 1)
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
    Node *known = image_of(r, node)->normal;
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
    image_of(r, node)->normal   = result;
    image_of(r, result)->normal = result;
    return result;
}

static NodeVec images_of(Rewrite *r, const NodeVec *nodes) {
    NodeVec images = {0};
    for (int i = 0; i < nodes->len; i++) vec_push(graph_arena(r->graph), &images, r->done[nodes->data[i]->id]);
    return images;
}

/* A SCAN over the image of its body, whose nodes come before it. */
static Node *over_body(Rewrite *r, const Node *old, Node *const *inputs) {
    const Scan *body = old->attr.scan;
    Scan       *scan = ARENA_NEW(graph_arena(r->graph), Scan);
    Attr        attr = old->attr;
    *scan            = (Scan){.length   = body->length,
                              .reverse  = body->reverse,
                              .index    = r->done[body->index->id],
                              .carries  = images_of(r, &body->carries),
                              .slices   = images_of(r, &body->slices),
                              .captures = images_of(r, &body->captures),
                              .next     = images_of(r, &body->next),
                              .emits    = images_of(r, &body->emits)};
    attr.scan        = scan;
    return graph_node(r->graph, OP_SCAN, NULL, old->n_inputs, inputs, &attr);
}

static void rewrite_node(Rewrite *r, Node *old) {
    Node **inputs = ARENA_ARRAY(graph_arena(r->graph), Node *, old->n_inputs + 1);
    for (int i = 0; i < old->n_inputs; i++) inputs[i] = r->done[old->inputs[i]->id];
    graph_set_place(r->graph, old->span, old->origin);
    Node *node = old->op == OP_SCAN ? over_body(r, old, inputs) : over(r->graph, old, inputs);
    if (r->apply_rules) node = normalise(r, node, 0);
    r->done[old->id] = node;
    image_of(r, node)->uses += r->uses[old->id];
}

/* ---- roots ------------------------------------------------------------------------------------------------------------- */

static int *count_uses(Arena *arena, const Program *program, const RootVec *roots, const NodeVec *order) {
    int *uses = ARENA_ARRAY(arena, int, graph_node_count(program->graph) + 1);
    for (int i = 0; i < roots->len; i++)
        if (*roots->data[i]) uses[(*roots->data[i])->id]++;
    for (int i = 0; i < order->len; i++)
        for (int k = 0; k < order->data[i]->n_inputs; k++) uses[order->data[i]->inputs[k]->id]++;
    for (int i = 0; i < order->len; i++)
        for (int k = 0; order->data[i]->op == OP_SCAN && k < scan_root_count(order->data[i]->attr.scan); k++)
            uses[scan_root(order->data[i]->attr.scan, k)->id]++;
    return uses;
}

/* Whether a rule changed anything. */
static bool rebuild(Compilation *c, Program *program, bool apply_rules) {
    Arena  *arena = c->arena;
    RootVec roots = program_roots(arena, program);
    NodeVec order = {0};
    Map    *seen  = map_new(arena);
    Rewrite r     = {.graph = graph_successor(program->graph), .apply_rules = apply_rules};
    for (int i = 0; i < roots.len; i++) graph_post_order_deep(arena, *roots.data[i], seen, &order);
    r.done = ARENA_ARRAY(arena, Node *, graph_node_count(program->graph) + 1);
    r.uses = count_uses(arena, program, &roots, &order);
    for (int i = 0; i < order.len; i++) rewrite_node(&r, order.data[i]);
    for (int i = 0; i < roots.len; i++)
        if (*roots.data[i]) *roots.data[i] = r.done[(*roots.data[i])->id];
    program->graph = r.graph;
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
    scans_prune(c, program);
}
