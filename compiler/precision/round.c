/* The model's contractions, before there are gradients: their operands and results become rounded values.
 *
 * A rounded value of the data is CUSTOM(round(x), g, x, round(g)): its gradient, which a contraction of the backward pass gives or
 * reads, is rounded as well. */
#include "base/map.h"
#include "ir/scan.h"
#include "precision/mixed.h"

typedef struct Rounding {
    Compilation         *c;
    Program             *program;
    Graph               *graph;
    const unsigned char *marks;
    NodeVec              model; /* nodes of the model's own functions, inputs first */
    Map                 *done;  /* old node -> new one */
    int                  cotangents;
} Rounding;

/* ---- what depends on data --------------------------------------------------------------------------------------------- */

static unsigned char own_marks(Op op) {
    switch (op) {
    case OP_INPUT:
    case OP_UNIFORM:
    case OP_NORMAL: return OF_DATA;
    case OP_COTANGENT: return OF_DATA | OF_COTANGENT;
    default: return 0;
    }
}

/* What a loop's body knows by a LOCAL: captured values and slices are as the inputs are, carries have met the data after a step. */
static bool mark_locals(unsigned char *marks, const Node *node) {
    const Scan    *scan     = node->attr.scan;
    const NodeVec *lists[3] = {&scan->carries, &scan->slices, &scan->captures};
    bool           changed  = false;
    for (int k = 0, input = 0; k < 3; k++)
        for (int i = 0; i < lists[k]->len; i++, input++) {
            unsigned char *mark = &marks[lists[k]->data[i]->id], before = *mark;
            *mark |= k ? marks[node->inputs[input]->id] : OF_DATA;
            changed |= *mark != before;
        }
    return changed;
}

const unsigned char *data_marks(Compilation *c, const Graph *graph) {
    int            n       = graph_node_count(graph);
    unsigned char *marks   = ARENA_ARRAY(c->arena, unsigned char, n + 1);
    bool           changed = true;
    while (changed) { /* again for each loop within a loop, as a body's nodes come before the loop */
        changed = false;
        for (int id = 0; id < n; id++) {
            const Node *node = graph_node_at(graph, id);
            marks[id] |= own_marks(node->op);
            for (int i = 0; i < node->n_inputs; i++) marks[id] |= marks[node->inputs[i]->id];
            if (node->op == OP_SCAN) changed |= mark_locals(marks, node);
        }
    }
    return marks;
}

/* ---- what belongs to the model ------------------------------------------------------------------------------------------ */

/* Functions whose results are of the forward pass. */
static bool gives_forward(FnKind kind) {
    switch (kind) {
    case FN_TRAIN:
    case FN_EVAL:
    case FN_PREDICT:
    case FN_ACCUMULATE:
    case FN_PROBE:
    case FN_GRADIENTS: return true;
    case FN_INIT:
    case FN_FIT:
    case FN_RESET:
    case FN_METRICS: return false;
    }
    return false;
}

/* Of an update only the losses whose gradients it takes, and all of a layer's state. */
static void add_update(Rounding *r, const Update *update, Map *walked, Map *seen) {
    NodeVec order = {0};
    if (r->program->slots.data[update->slot].kind == SLOT_STATE) {
        graph_post_order_deep(r->c->arena, update->value, seen, &r->model);
        return;
    }
    graph_post_order_deep(r->c->arena, update->value, walked, &order);
    for (int i = 0; i < order.len; i++)
        if (order.data[i]->op == OP_GRAD) graph_post_order_deep(r->c->arena, order.data[i]->inputs[0], seen, &r->model);
}

static void find_model(Rounding *r) {
    Map *walked = map_new(r->c->arena), *seen = map_new(r->c->arena);
    for (int f = 0; f < r->program->fns.len; f++) {
        const Fn *fn = r->program->fns.data[f];
        if (!gives_forward(fn->kind)) continue;
        for (int i = 0; i < fn->results.len; i++) {
            graph_post_order_deep(r->c->arena, fn->results.data[i].value, seen, &r->model);
            graph_post_order_deep(r->c->arena, fn->results.data[i].weight, seen, &r->model);
        }
        for (int i = 0; i < fn->updates.len; i++) add_update(r, &fn->updates.data[i], walked, seen);
    }
}

/* ---- rounding ------------------------------------------------------------------------------------------------------------ */

static Node *rounded(const Rounding *r, Node *x) {
    return node_cast(r->graph, x->type.elem, node_cast(r->graph, r->program->products, x));
}

/* Each has a cotangent of its own: contributions of several contractions are rounded one by one, before they are added. */
static Node *rounded_both_ways(Rounding *r, Node *x) {
    Node *g         = node_ref(r->graph, OP_COTANGENT, --r->cotangents, &x->type);
    Node *inputs[4] = {rounded(r, x), g, x, rounded(r, g)};
    return graph_node(r->graph, OP_CUSTOM, NULL, 4, inputs, NULL);
}

/* What an element of the result is one of the input's: rounding first gives the same. */
static bool selects(const void *context, const Node *node) {
    (void)context;
    return op_info[node->op].class == MOVEMENT || node->op == OP_REDUCE_MAX;
}

/* The operand with what lies under its movement ops rounded. Under a maximum too, as its gradient looks for elements equal to it; the
 * maximum is rounded once more, which changes nothing but says that 16 bits hold it. */
static Node *rounded_operand(Rounding *r, Node *operand) {
    NodeVec order = {0};
    Map    *below = map_new(r->c->arena);
    graph_post_order_where(r->c->arena, operand, map_new(r->c->arena), selects, NULL, &order);
    for (int i = 0; i < order.len; i++) {
        Node *leaf = order.data[i];
        if (op_info[leaf->op].class == MOVEMENT) continue;
        bool  chosen = selects(NULL, leaf);
        bool  learns = (r->marks[leaf->id] & OF_DATA) && op_info[leaf->op].class != SOURCE;
        Node *now    = graph_substitute(r->graph, leaf, chosen ? below : r->done);
        map_set(below, leaf, learns ? rounded_both_ways(r, now) : rounded(r, now));
    }
    return graph_substitute(r->graph, operand, below);
}

static void round_product(Rounding *r, Node *dot) {
    Node *inputs[2] = {rounded_operand(r, dot->inputs[0]), rounded_operand(r, dot->inputs[1])};
    graph_set_place(r->graph, dot->span, dot->origin);
    Node *now = graph_node(r->graph, dot->op, &dot->type, 2, inputs, &dot->attr);
    map_set(r->done, dot, r->marks[dot->id] & OF_COTANGENT ? now : rounded_both_ways(r, now));
}

static NodeVec images(Rounding *r, Node *const *nodes, int count) {
    NodeVec all = {0};
    for (int i = 0; i < count; i++) vec_push(r->c->arena, &all, graph_substitute(r->graph, nodes[i], r->done));
    return all;
}

/* The loop over its body as it is now, closed anew: captured weights are rounded once, outside. */
static void round_loop(Rounding *r, Node *node) {
    const Scan *old    = node->attr.scan;
    int         slices = old->carries.len, captures = slices + old->slices.len;
    NodeVec     inputs = images(r, node->inputs, node->n_inputs), inits = {0}, wholes = {0};
    Map        *opened = map_new(r->c->arena);
    Scan       *scan   = ARENA_NEW(r->c->arena, Scan);
    *scan              = (Scan){.length  = old->length,
                                .reverse = old->reverse,
                                .index   = old->index,
                                .next    = images(r, old->next.data, old->next.len),
                                .emits   = images(r, old->emits.data, old->emits.len)};
    for (int i = 0; i < slices; i++) vec_push(r->c->arena, &scan->carries, old->carries.data[i]);
    for (int i = 0; i < slices; i++) vec_push(r->c->arena, &inits, inputs.data[i]);
    for (int i = slices; i < captures; i++) vec_push(r->c->arena, &scan->slices, old->slices.data[i - slices]);
    for (int i = slices; i < captures; i++) vec_push(r->c->arena, &wholes, inputs.data[i]);
    for (int i = captures; i < node->n_inputs; i++) map_set(opened, old->captures.data[i - captures], inputs.data[i]);
    for (int i = 0; i < scan->next.len; i++)
        scan->next.data[i] = graph_substitute(r->graph, scan->next.data[i], opened);
    for (int i = 0; i < scan->emits.len; i++)
        scan->emits.data[i] = graph_substitute(r->graph, scan->emits.data[i], opened);
    graph_set_place(r->graph, node->span, node->origin);
    map_set(r->done, node, scan_node(r->graph, scan, &inits, &wholes));
}

void products_round(Compilation *c, Program *program) {
    if (!is_mixed(program)) return;
    Rounding r = {.c = c, .program = program, .graph = program->graph, .done = map_new(c->arena)};
    r.marks    = data_marks(c, program->graph);
    find_model(&r);
    for (int i = 0; i < r.model.len; i++) {
        Node *node = r.model.data[i];
        bool  is   = op_info[node->op].class == CONTRACTION && node->type.elem == program->real;
        if (is && r.marks[node->id] & OF_DATA) round_product(&r, node);
        if (node->op == OP_SCAN) round_loop(&r, node);
    }
    RootVec roots = program_roots(c->arena, program);
    for (int i = 0; i < roots.len; i++)
        if (*roots.data[i]) *roots.data[i] = graph_substitute(program->graph, *roots.data[i], r.done);
}
