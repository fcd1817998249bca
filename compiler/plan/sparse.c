/* Sums of few rows into a large table, as the gradient of an embedding: the table is mostly zeros, which take as much memory as its weights and
 * have to be written and read. Where all readers are elementwise it is read instead as
 *
 *     scatter_add(values, index)[v] = sums[where[v]]
 *     where[v] = the first place i with index[i] = v, else their number
 *     sums     = scatter_add(values, where[index]), a row for each place and one of zeros
 *
 * with each row's sum in the same order. Finding `where` compares all rows of the table with all places, which is less work than the table's
 * traffic while there are not many more places than elements in a row. */
#include "plan/plan.h"

enum {
    TABLE_LEAST     = 4 << 20, /* bytes */
    ROWS_A_PLACE    = 4,       /* of the table, at least */
    PLACES_A_COLUMN = 2,       /* at most */
};

typedef struct Sparse {
    Compilation   *c;
    Graph         *graph;
    const int64_t *sizes;
    NodeVec        order;
    Map           *whole; /* nodes that something but elementwise work reads */
} Sparse;

static void collect(Sparse *s, Map *seen, Node *root) {
    if (!root) return;
    graph_post_order(s->c->arena, root, seen, &s->order);
    map_set(s->whole, root, root);
}

static void find_whole(Sparse *s) {
    for (int i = 0; i < s->order.len; i++) {
        const Node *node = s->order.data[i];
        for (int k = 0; k < node->n_inputs && op_info[node->op].class != ELEMENTWISE; k++)
            map_set(s->whole, node->inputs[k], node->inputs[k]);
    }
}

static const Dim *place_count(Graph *graph, const Node *index) {
    const Dim *count = dim_const(graph_dims(graph), 1);
    for (int i = 0; i < index->type.rank && count; i++) count = dim_mul(graph_dims(graph), count, index->type.dims[i]);
    return count;
}

static bool pays(const Sparse *s, const Node *node) {
    int64_t rows, count, columns = 1, extent;
    if (node->op != OP_SCATTER_ADD || map_has(s->whole, node) || node->type.rank < 2) return false;
    const Dim *places = place_count(s->graph, node->inputs[1]);
    if (!places || nominal_bytes(s->sizes, &node->type) < TABLE_LEAST) return false;
    if (!dim_eval(node->type.dims[0], s->sizes, &rows) || !dim_eval(places, s->sizes, &count)) return false;
    for (int i = 1; i < node->type.rank; i++) {
        if (!dim_eval(node->type.dims[i], s->sizes, &extent)) return false;
        columns *= extent;
    }
    return count * ROWS_A_PLACE <= rows && count <= columns * PLACES_A_COLUMN;
}

static Node *repeated(Graph *graph, Node *scalar, const Type *shape) {
    int axes[MAX_RANK];
    for (int i = 0; i < shape->rank; i++) axes[i] = i;
    return node_expand(graph, scalar, shape, shape->rank, axes);
}

/* The first place of each row, i32. The largest of what is below 0 is the first. */
static Node *first_places(Graph *graph, Node *index, const Dim *rows, const Dim *places) {
    const Dim *flat[] = {places};
    Type       pairs  = {.elem = ELEM_I32, .rank = 2, .dims = {rows, places}};
    Node      *named  = node_cast(graph, ELEM_I32, node_reshape(graph, index, 1, flat));
    named             = node_expand(graph, named, &pairs, 1, (int[]){0});
    Node *meets       = node_binary(graph, OP_EQ, named, node_iota(graph, &pairs, 0));
    Node *none        = node_unary(graph, OP_NEG, node_cast(graph, ELEM_I32, node_dim(graph, places)));
    Node *place       = node_unary(graph, OP_NEG, node_iota(graph, &pairs, 1));
    place             = node_select(graph, meets, place, repeated(graph, none, &pairs));
    return node_unary(graph, OP_NEG, node_reduce(graph, OP_REDUCE_MAX, place, 1, (int[]){1}));
}

static Node *sparse(Sparse *s, Node *node, Map *replacement) {
    Graph *graph  = s->graph;
    Node  *values = graph_substitute(graph, node->inputs[0], replacement);
    Node  *index  = graph_substitute(graph, node->inputs[1], replacement);
    graph_set_place(graph, node->span, node->origin);
    const Dim *places = place_count(graph, index), *one = dim_const(graph_dims(graph), 1);
    Node      *where = first_places(graph, index, node->type.dims[0], places);
    Node      *sums =
        node_scatter_add(graph, values, node_gather(graph, where, index), dim_add(graph_dims(graph), places, one));
    return node_gather(graph, sums, where);
}

void tables_from_few_rows(Compilation *c, Program *program, Fn *fn) {
    Sparse  s    = {.c = c, .graph = program->graph, .sizes = nominal_sizes(c, program), .whole = map_new(c->arena)};
    Map    *seen = map_new(c->arena);
    Map    *replacement = map_new(c->arena);
    bool    any         = false;
    RootVec roots       = fn_roots(c->arena, fn);
    for (int i = 0; i < roots.len; i++) collect(&s, seen, *roots.data[i]);
    find_whole(&s);
    for (int i = 0; i < s.order.len; i++) {
        Node *node = s.order.data[i];
        if (!pays(&s, node)) continue;
        map_set(replacement, node, sparse(&s, node, replacement));
        any = true;
    }
    if (!any) return;
    fn_substitute(s.graph, fn, replacement);
}
