/* A value that a contraction reads in 16 bits is read so by everybody: then it is in memory once, in 16 bits. */
#include "base/map.h"
#include "ir/scan.h"
#include "precision/mixed.h"

typedef struct Sharing {
    const Program       *program;
    Graph               *graph;
    const unsigned char *marks;
    Map                 *shared; /* nodes that are read rounded */
    Map                 *exact;  /* those, rebuilt, before the rounding */
    Map                 *done;   /* old node -> what its readers get */
} Sharing;

/* CAST(x) to the 16-bit type, x computed from data. Parameters and inputs stay as they are for all other readers. */
static bool rounds_value(const Sharing *s, const Node *node) {
    if (node->op != OP_CAST || node->type.elem != s->program->products) return false;
    const Node *x = node->inputs[0];
    OpClass class = op_info[x->op].class;
    return x->type.elem == s->program->real && (s->marks[x->id] & OF_DATA) && x->type.rank > 0 &&
           (class == ELEMENTWISE || class == REDUCTION || class == CONTRACTION);
}

/* A value that has been rounded is exactly what it is. */
static bool is_rounded(const Sharing *s, const Node *node) {
    return node->op == OP_CAST && node->inputs[0]->type.elem == s->program->products;
}

static Node *rebuilt(Sharing *s, Node *node) {
    Node *inputs[node->n_inputs + 1];
    bool  changed = false;
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = map_get(rounds_value(s, node) ? s->exact : s->done, node->inputs[i]);
        if (!inputs[i]) inputs[i] = map_get(s->done, node->inputs[i]);
        changed |= inputs[i] != node->inputs[i];
    }
    if (!changed) return node;
    graph_set_place(s->graph, node->span, node->origin);
    return graph_node(s->graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

static void share_in(Sharing *s, Scan *body) {
    for (int i = 0; i < body->next.len; i++) body->next.data[i] = map_get(s->done, body->next.data[i]);
    for (int i = 0; i < body->emits.len; i++) body->emits.data[i] = map_get(s->done, body->emits.data[i]);
}

static void share(Sharing *s, Node *node) {
    Node *now = rebuilt(s, node);
    if (node->op == OP_SCAN) share_in(s, node->attr.scan);
    if (map_has(s->shared, node)) {
        map_set(s->exact, node, now);
        now = node_cast(s->graph, node->type.elem, node_cast(s->graph, s->program->products, now));
    }
    map_set(s->done, node, now);
}

void products_share(Compilation *c, Program *program) {
    if (!is_mixed(program)) return;
    Sharing s     = {.program = program, .graph = program->graph};
    s.marks       = data_marks(c, program->graph);
    s.shared      = map_new(c->arena);
    s.exact       = map_new(c->arena);
    s.done        = map_new(c->arena);
    NodeVec order = {0};
    Map    *seen  = map_new(c->arena);
    RootVec roots = program_roots(c->arena, program);
    for (int i = 0; i < roots.len; i++) graph_post_order_deep(c->arena, *roots.data[i], seen, &order);
    for (int i = 0; i < order.len; i++)
        if (rounds_value(&s, order.data[i]) && !is_rounded(&s, order.data[i]->inputs[0]))
            map_set(s.shared, order.data[i]->inputs[0], order.data[i]->inputs[0]);
    for (int i = 0; i < order.len; i++) share(&s, order.data[i]);
    for (int i = 0; i < roots.len; i++)
        if (*roots.data[i]) *roots.data[i] = map_get(s.done, *roots.data[i]);
}
