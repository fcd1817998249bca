/* The hash-consing builder. Types come from the shape rules of ops/shape.c. */
#include "ir/graph.h"

#include <string.h>

#include "base/map.h"
#include "ir/scan.h"
#include "ops/shape.h"

typedef struct Entry {
    struct Entry *next;
    uint64_t      hash;
    Node         *node;
} Entry;

struct Graph {
    Arena        *arena;
    DimTable     *dims;
    NodeVec       nodes;
    Entry       **buckets;
    size_t        n_buckets;
    int           n_locals;
    Span          span;
    const Origin *origin;
};

Graph *graph_new(Arena *arena, DimTable *dims) {
    Graph *graph     = ARENA_NEW(arena, Graph);
    graph->arena     = arena;
    graph->dims      = dims;
    graph->n_buckets = 1024;
    graph->buckets   = ARENA_ARRAY(arena, Entry *, graph->n_buckets);
    return graph;
}

Graph *graph_successor(const Graph *graph) {
    Graph *next    = graph_new(graph->arena, graph->dims);
    next->n_locals = graph->n_locals;
    return next;
}

Node *node_local(Graph *graph, const Type *type) {
    return node_ref(graph, OP_LOCAL, graph->n_locals++, type);
}

Arena *graph_arena(const Graph *graph) {
    return graph->arena;
}

DimTable *graph_dims(const Graph *graph) {
    return graph->dims;
}

int graph_node_count(const Graph *graph) {
    return graph->nodes.len;
}

Node *graph_node_at(const Graph *graph, int id) {
    return graph->nodes.data[id];
}

void graph_set_place(Graph *graph, Span span, const Origin *origin) {
    graph->span   = span;
    graph->origin = origin;
}

static uint64_t node_hash(const Node *node) {
    uint64_t hash = hash_bytes(HASH_SEED, &node->op, sizeof node->op);
    hash          = hash_bytes(hash, &node->type.elem, sizeof node->type.elem);
    hash          = hash_bytes(hash, node->type.dims, sizeof *node->type.dims * (size_t)node->type.rank);
    for (int i = 0; i < node->n_inputs; i++) hash = hash_bytes(hash, &node->inputs[i]->id, sizeof node->inputs[i]->id);
    return hash_bytes(hash, &node->attr, sizeof node->attr);
}

static bool node_same(const Node *a, const Node *b) {
    if (a->op != b->op || a->n_inputs != b->n_inputs || !type_equal(&a->type, &b->type)) return false;
    if (memcmp(&a->attr, &b->attr, sizeof a->attr) != 0) return false;
    for (int i = 0; i < a->n_inputs; i++)
        if (a->inputs[i] != b->inputs[i]) return false;
    return true;
}

static void rehash(Graph *graph) {
    Entry **old      = graph->buckets;
    size_t  count    = graph->n_buckets;
    graph->n_buckets = count * 4;
    graph->buckets   = ARENA_ARRAY(graph->arena, Entry *, graph->n_buckets);
    for (size_t i = 0; i < count; i++)
        for (Entry *entry = old[i], *next; entry; entry = next) {
            next           = entry->next;
            Entry **bucket = &graph->buckets[entry->hash % graph->n_buckets];
            entry->next    = *bucket;
            *bucket        = entry;
        }
}

static Node *intern_node(Graph *graph, const Node *candidate) {
    uint64_t hash   = node_hash(candidate);
    Entry  **bucket = &graph->buckets[hash % graph->n_buckets];
    for (Entry *entry = *bucket; entry; entry = entry->next)
        if (entry->hash == hash && node_same(entry->node, candidate)) return entry->node;
    Node *node = ARENA_NEW(graph->arena, Node);
    *node      = *candidate;
    node->id   = graph->nodes.len;
    node->span = graph->span, node->origin = graph->origin;
    node->inputs = ARENA_ARRAY(graph->arena, Node *, node->n_inputs + 1);
    for (int i = 0; i < node->n_inputs; i++) node->inputs[i] = candidate->inputs[i];
    vec_push(graph->arena, &graph->nodes, node);
    Entry *entry = ARENA_NEW(graph->arena, Entry);
    *entry       = (Entry){*bucket, hash, node};
    *bucket      = entry;
    if ((size_t)graph->nodes.len > graph->n_buckets) rehash(graph);
    return node;
}

Node *graph_node(Graph *graph, Op op, const Type *type, int n_inputs, Node *const *inputs, const Attr *attr) {
    Node candidate;
    memset(&candidate, 0, sizeof candidate);
    candidate.op       = op;
    candidate.n_inputs = n_inputs;
    candidate.inputs   = (Node **)(uintptr_t)inputs;
    if (attr) candidate.attr = *attr;
    if (type) candidate.type = *type;
    const char *wrong = op_shape[op](graph, &candidate, type != NULL);
    if (wrong) BUG("%s: %s", op_info[op].name, wrong);
    return intern_node(graph, &candidate);
}

/* ---- walks ------------------------------------------------------------------------------------------------------------ */

typedef struct Frame { /* a node whose inputs from `next` on are still to be visited */
    Node *node;
    int   next;
} Frame;

/* What must come before a node: its inputs, and the body of a scan where the walk is deep. */
static int edge_count(const Node *node, bool deep) {
    return node->n_inputs + (deep && node->op == OP_SCAN ? scan_root_count(node->attr.scan) : 0);
}

static Node *edge(const Node *node, int i) {
    return i < node->n_inputs ? node->inputs[i] : scan_root(node->attr.scan, i - node->n_inputs);
}

typedef struct Walk {
    Arena         *arena;
    NodePredicate *enter; /* NULL: all are entered */
    const void    *context;
    bool           deep;
} Walk;

static void walk(const Walk *w, Node *root, struct Map *seen, NodeVec *order) {
    VEC(Frame) stack = {0};
    if (!root || map_has(seen, root)) return;
    vec_push(w->arena, &stack, ((Frame){root, 0}));
    while (stack.len) {
        Frame *top = &vec_last(&stack);
        bool   in  = top->next > 0 || !w->enter || w->enter(w->context, top->node);
        int    n   = in ? edge_count(top->node, w->deep) : 0;
        while (top->next < n && map_has(seen, edge(top->node, top->next))) top->next++;
        if (top->next < n) {
            Node *before = edge(top->node, top->next++);
            vec_push(w->arena, &stack, ((Frame){before, 0}));
            continue;
        }
        map_set(seen, top->node, top->node);
        vec_push(w->arena, order, top->node);
        stack.len--;
    }
}

void graph_post_order_where(Arena *arena, Node *root, struct Map *seen, NodePredicate *enter, const void *context,
                            NodeVec *order) {
    walk(&(Walk){arena, enter, context, false}, root, seen, order);
}

void graph_post_order(Arena *arena, Node *root, struct Map *seen, NodeVec *order) {
    walk(&(Walk){.arena = arena}, root, seen, order);
}

void graph_post_order_deep(Arena *arena, Node *root, struct Map *seen, NodeVec *order) {
    walk(&(Walk){.arena = arena, .deep = true}, root, seen, order);
}

bool names_axis(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* The node over the replacements of its inputs. */
static Node *substitute_inputs(Graph *graph, Node *node, const struct Map *replacement) {
    Node **inputs  = ARENA_ARRAY(graph->arena, Node *, node->n_inputs + 1);
    bool   changed = false;
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = map_get(replacement, node->inputs[i]);
        changed |= inputs[i] != node->inputs[i];
    }
    if (!changed) return node;
    graph_set_place(graph, node->span, node->origin);
    return graph_node(graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

Node *graph_substitute(Graph *graph, Node *root, struct Map *replacement) {
    NodeVec order = {0};
    graph_post_order(graph->arena, root, replacement, &order);
    for (int i = 0; i < order.len; i++)
        map_set(replacement, order.data[i], substitute_inputs(graph, order.data[i], replacement));
    return map_get(replacement, root);
}
