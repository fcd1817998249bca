/* Products of convolutions by groups are stored where movement ops take them.
 *
 * A convolution's groups are a batch axis of its contraction, the first of the result; its users have them among the filters, behind a PERMUTE
 * and a RESHAPE. In memory in the order of the contraction, the result would be copied once more, or read in pieces. So what these ops make of it
 * is computed as a node of its own, a select of the value with itself: it joins the contraction's kernel, whose points are then
 * those of the last movement op (Kernel.moved), and is what is stored. */
#include "plan/fuse.h"

typedef struct Moves {
    Arena  *arena;
    Graph  *graph;
    NodeVec order;
    Map    *users;       /* node -> its only reader; itself: it has several, or is a root */
    Map    *replacement; /* node -> node */
} Moves;

static void use(Moves *m, Node *node, Node *user) {
    if (node) map_set(m->users, node, map_has(m->users, node) && map_get(m->users, node) != user ? node : user);
}

static bool slides(const Node *node) {
    while (op_info[node->op].class == MOVEMENT && node->n_inputs == 1 && node->op != OP_SLIDE) node = node->inputs[0];
    return node->op == OP_SLIDE;
}

static bool is_grouped(const Node *node) {
    return node->op == OP_DOT && node->attr.dot.n_batch && elem_is_float(node->type.elem) &&
           (slides(node->inputs[0]) || slides(node->inputs[1]));
}

/* Whether each axis of a RESHAPE's result is some of its input's joined. */
static bool only_joins(DimTable *dims, const Node *reshape) {
    const Type *from = &reshape->inputs[0]->type, *to = &reshape->type;
    int         next = 0;
    for (int i = 0; i < to->rank; i++) {
        if (next == from->rank) return false;
        const Dim *product = from->dims[next++];
        while (product && product != to->dims[i] && next < from->rank)
            product = dim_mul(dims, product, from->dims[next++]);
        if (product != to->dims[i]) return false;
    }
    return next == from->rank;
}

static Node *product_under_moves(DimTable *dims, Node *node) {
    if (node->op == OP_RESHAPE && only_joins(dims, node)) node = node->inputs[0];
    if (node->op != OP_PERMUTE) return NULL;
    return is_grouped(node->inputs[0]) ? node->inputs[0] : NULL;
}

static Node *only_user(const Moves *m, const Node *node) {
    Node *user = map_get(m->users, node);
    return user != node ? user : NULL;
}

/* The last of the movement ops that a contraction's result goes through, or NULL. */
static Node *last_move(const Moves *m, const Node *dot) {
    Node *move = only_user(m, dot), *join = move && move->op == OP_PERMUTE ? only_user(m, move) : NULL;
    if (!move || move->op != OP_PERMUTE) return NULL;
    return join && join->op == OP_RESHAPE && only_joins(graph_dims(m->graph), join) ? join : move;
}

static Node *computed(Moves *m, Node *move) {
    Node *value = graph_substitute(m->graph, move, m->replacement);
    Type  flags = value->type;
    flags.elem  = ELEM_BOOL;
    graph_set_place(m->graph, move->span, move->origin);
    return node_select(m->graph, node_fill(m->graph, &flags, 1), value, value);
}

static void collect(Moves *m, Map *seen, Node *root) {
    if (root) graph_post_order(m->arena, root, seen, &m->order);
    use(m, root, root);
}

void products_compute_moves(Compilation *c, Graph *graph, Fn *fn) {
    Moves m    = {.arena = c->arena, .graph = graph, .users = map_new(c->arena), .replacement = map_new(c->arena)};
    Map  *seen = map_new(c->arena);
    bool  any  = false;
    for (int i = 0; i < fn->results.len; i++)
        collect(&m, seen, fn->results.data[i].value), collect(&m, seen, fn->results.data[i].weight);
    for (int i = 0; i < fn->updates.len; i++) collect(&m, seen, fn->updates.data[i].value);
    for (int i = 0; i < m.order.len; i++)
        for (int k = 0; k < m.order.data[i]->n_inputs; k++) use(&m, m.order.data[i]->inputs[k], m.order.data[i]);
    for (int i = 0; i < m.order.len; i++) {
        Node *move = is_grouped(m.order.data[i]) ? last_move(&m, m.order.data[i]) : NULL;
        if (!move) continue;
        map_set(m.replacement, move, computed(&m, move));
        any = true;
    }
    if (any) fn_substitute(graph, fn, m.replacement);
}

/* The select of a value with itself that products_compute_moves has put there. */
void products_find_moves(Fuse *f) {
    for (int i = 0; i < f->nodes.len; i++) {
        Node *node = f->nodes.data[i];
        if (node->op != OP_SELECT || node->inputs[1] != node->inputs[2] || f->facts[node->inputs[1]->id].uses != 2)
            continue;
        Node *move = node->inputs[1], *dot = product_under_moves(graph_dims(f->graph), move);
        if (!dot || f->facts[dot->id].uses != 1) continue;
        const Node *permute = move->op == OP_RESHAPE ? move->inputs[0] : move;
        if (permute != move && f->facts[permute->id].uses != 1) continue;
        f->facts[move->id].product = dot;
        f->facts[dot->id].moved    = move;
    }
}
