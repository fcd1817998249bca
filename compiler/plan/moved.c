/* Products of convolutions by groups are stored where movement ops take them.
 *
 * A convolution's groups are a batch axis of its contraction, the first of the result; its users have them among the filters, behind a PERMUTE
 * and a RESHAPE. In memory in the order of the contraction, the result would be copied once more, or read in pieces. So what these ops make of it
 * is computed as a node of its own, a select of the value with itself: it joins the contraction's kernel, whose points are then
 * those of the last movement op (Kernel.moved), and is what is stored. Sums over the contraction's rows, as batch norm takes them, are taken of
 * that. */
#include "plan/fuse.h"

typedef struct Moves {
    Arena  *arena;
    Graph  *graph;
    NodeVec order;
    Map    *users; /* node -> its only reader; itself: it has several, or is a root */
    Map    *roots;
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

/* The PERMUTE that reads a contraction, beside nothing but sums; NULL: there is none, or another reader. */
static Node *only_permute(const Moves *m, const Node *dot) {
    Node *found = NULL;
    if (map_has(m->roots, dot)) return NULL;
    for (int i = 0; i < m->order.len; i++) {
        Node *user  = m->order.data[i];
        bool  reads = false;
        for (int k = 0; k < user->n_inputs; k++) reads |= user->inputs[k] == dot;
        if (!reads || user->op == OP_SUM) continue;
        if (user->op != OP_PERMUTE || found) return NULL;
        found = user;
    }
    return found;
}

/* The last of the movement ops that a contraction's result goes through, or NULL. */
static Node *last_move(const Moves *m, const Node *dot) {
    Node *move = only_permute(m, dot), *join = move ? only_user(m, move) : NULL;
    return join && join->op == OP_RESHAPE && only_joins(graph_dims(m->graph), join) ? join : move;
}

static int n_rows(const Node *dot) {
    return dot->inputs[0]->type.rank - dot->attr.dot.n_batch - dot->attr.dot.n_contract;
}

/* Whether the movement ops put the contraction's rows first and all else, in order, behind them as one axis or as it was. */
static bool rows_come_first(const Node *dot, const Node *move) {
    const Node *permute = move->op == OP_PERMUTE ? move : move->inputs[0];
    int         rows = n_rows(dot), n_batch = dot->attr.dot.n_batch;
    for (int i = 0; i < permute->type.rank; i++) {
        int axis = i < rows ? n_batch + i : i < rows + n_batch ? i - rows : i;
        if (permute->attr.axes.axes[i] != axis) return false;
        if (i < rows && move->type.dims[i] != permute->type.dims[i]) return false;
    }
    return move == permute || move->type.rank == rows + 1;
}

/* Sums over a contraction's rows alone. */
static bool sums_rows(const Node *sum, const Node *dot) {
    if (sum->op != OP_SUM || sum->inputs[0] != dot || sum->attr.axes.count != n_rows(dot)) return false;
    for (int i = 0; i < sum->attr.axes.count; i++)
        if (sum->attr.axes.axes[i] != dot->attr.dot.n_batch + i) return false;
    return true;
}

static bool sums_follow(const Moves *m, const Node *dot, const Node *move) {
    for (int i = 0; i < m->order.len; i++) {
        const Node *user = m->order.data[i];
        if (user->op == OP_SUM && user->inputs[0] == dot && (!sums_rows(user, dot) || !rows_come_first(dot, move)))
            return false;
    }
    return true;
}

/* Sums over the contraction's rows are of what is stored. */
static void sum_stored(Moves *m, const Node *dot, Node *stored) {
    int axes[MAX_RANK], rows = n_rows(dot);
    for (int i = 0; i < rows; i++) axes[i] = i;
    for (int i = 0; i < m->order.len; i++) {
        Node *sum = m->order.data[i];
        if (!sums_rows(sum, dot)) continue;
        graph_set_place(m->graph, sum->span, sum->origin);
        Node *total = node_reduce(m->graph, OP_SUM, stored, rows, axes);
        map_set(m->replacement, sum, node_reshape(m->graph, total, sum->type.rank, sum->type.dims));
    }
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
    if (root) map_set(m->roots, root, root);
}

void products_compute_moves(Compilation *c, Graph *graph, Fn *fn) {
    Moves   m     = {.arena       = c->arena,
                     .graph       = graph,
                     .users       = map_new(c->arena),
                     .roots       = map_new(c->arena),
                     .replacement = map_new(c->arena)};
    Map    *seen  = map_new(c->arena);
    bool    any   = false;
    RootVec roots = fn_roots(c->arena, fn);
    for (int i = 0; i < roots.len; i++) collect(&m, seen, *roots.data[i]);
    for (int i = 0; i < m.order.len; i++)
        for (int k = 0; k < m.order.data[i]->n_inputs; k++) use(&m, m.order.data[i]->inputs[k], m.order.data[i]);
    for (int i = 0; i < m.order.len; i++) {
        const Node *dot  = m.order.data[i];
        Node       *move = is_grouped(dot) ? last_move(&m, dot) : NULL;
        if (!move || !sums_follow(&m, dot, move)) continue;
        Node *stored = computed(&m, move);
        map_set(m.replacement, move, stored);
        sum_stored(&m, dot, stored);
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
