/* Loops over regions: what is as large as a table of scores exists for one batch element and one band of its rows at a time.
 *
 * Each level of a region becomes a loop without carries over batch elements and bands, whose steps are units of work. Where sums over the rows are
 * wanted (the gradients of keys and values), it runs over batch elements, and in it a loop over bands adds them up. A loop computes again
 * what an earlier one had in its bands; what that knew of its rows (a maximum, a sum) it has emitted.
 *
 * In a body every node is what it is outside, with smaller axes: one batch element, one band of rows. It reads parts of what is outside by
 * dynamic slices, which contractions see as views. */
#include "ir/scan.h"
#include "plan/regions.h"

#include <string.h>

typedef struct Bands {
    Regions  *r;
    Graph    *graph;
    Arena    *arena;
    DimTable *dims;
    Map      *outside; /* node -> what stands for it outside of loops: sinks and emitted members, and what reads them */
} Bands;

typedef struct Body { /* of one loop, or of two, one in the other */
    Bands             *b;
    const ScoreRegion *region;
    int                level;
    const Dim         *batch[MAX_RANK], *rows, *band, *n_bands;
    NodeVec            results;                       /* nodes whose values leave the loop */
    Node              *starts[ROLE_BATCH + MAX_RANK]; /* by role: where the step's part starts */
    Map               *clones;                        /* node -> its part in the body */
} Body;

/* ---- sizes ---------------------------------------------------------------------------------------------------------- */

/* Of a band: rows, and elements of a table of scores. */
enum { BAND_ROWS = 128, BAND_ROWS_LEAST = 32, BAND_ELEMENTS = 128 * 1024 };

/* A number of rows that divides all, so that a band of the table stays in the cache; all where there is none. */
static int64_t band_rows(int64_t rows, int64_t columns) {
    int64_t most = BAND_ELEMENTS / (columns > 0 ? columns : 1);
    if (most > BAND_ROWS) most = BAND_ROWS;
    if (most < BAND_ROWS_LEAST) most = BAND_ROWS_LEAST;
    if (rows <= most) return rows;
    for (int64_t band = most; band >= BAND_ROWS_LEAST / 2; band--)
        if (rows % band == 0) return band;
    return rows;
}

static void set_sizes(Body *body, const Node *large, const Roles *roles) {
    const Dim *columns = NULL;
    for (int i = 0; i < large->type.rank; i++) {
        int role = roles->of[i];
        if (role == ROLE_ROWS) body->rows = large->type.dims[i];
        if (role == ROLE_COLUMNS) columns = large->type.dims[i];
        if (role >= ROLE_BATCH) body->batch[role - ROLE_BATCH] = large->type.dims[i];
    }
    int64_t rows, across, band;
    body->band    = body->rows;
    body->n_bands = dim_const(body->b->dims, 1);
    if (!dim_is_const(body->rows, &rows) || !dim_is_const(columns, &across)) return;
    band          = band_rows(rows, across);
    body->band    = dim_const(body->b->dims, band);
    body->n_bands = dim_const(body->b->dims, rows / band);
}

/* Batch elements; NULL where they are more than can be counted. */
static const Dim *batch_count(const Body *body) {
    const Dim *count = dim_const(body->b->dims, 1);
    for (int i = 0; count && i < body->region->n_batch; i++) count = dim_mul(body->b->dims, count, body->batch[i]);
    return count;
}

/* ---- parts ------------------------------------------------------------------------------------------------------------- */

static const Dim *part_size(const Body *body, int role, const Dim *whole) {
    if (role >= ROLE_BATCH) return dim_const(body->b->dims, 1);
    return role == ROLE_ROWS ? body->band : whole;
}

static Type part_type(const Body *body, const Type *whole, const Roles *roles) {
    Type type = *whole;
    for (int i = 0; i < type.rank; i++) type.dims[i] = part_size(body, roles->of[i], type.dims[i]);
    return type;
}

static bool is_whole(const Body *body, const Type *type, const Roles *roles) {
    for (int i = 0; i < type->rank; i++)
        if (part_size(body, roles->of[i], type->dims[i]) != type->dims[i]) return false;
    return true;
}

static Node *part_of(Body *body, Node *node, const Roles *roles);

static Node *sliced(Body *body, Node *node, const Roles *roles) {
    Node *part = graph_substitute(body->b->graph, node, body->b->outside);
    for (int i = 0; i < node->type.rank; i++) {
        const Dim *size = part_size(body, roles->of[i], node->type.dims[i]);
        if (size != node->type.dims[i])
            part = node_dynamic_slice(body->b->graph, part, body->starts[roles->of[i]], i, size);
    }
    return part;
}

static Node *expanded_part(Body *body, Node *node, const Roles *roles) {
    Roles below = {{0}};
    Type  type  = part_type(body, &node->type, roles);
    for (int i = 0, at = 0; i < node->type.rank; i++) {
        bool is_new = false;
        for (int k = 0; k < node->attr.axes.count; k++) is_new |= node->attr.axes.axes[k] == i;
        if (!is_new) below.of[at++] = roles->of[i];
    }
    Node *input = part_of(body, node->inputs[0], &below);
    return graph_node(body->b->graph, OP_EXPAND, &type, 1, &input, &node->attr);
}

static Node *permuted_part(Body *body, Node *node, const Roles *roles) {
    Roles below = {{0}};
    for (int i = 0; i < node->type.rank; i++) below.of[node->attr.axes.axes[i]] = roles->of[i];
    Node *input = part_of(body, node->inputs[0], &below);
    return graph_node(body->b->graph, OP_PERMUTE, NULL, 1, &input, &node->attr);
}

/* Made of positions and constants: computed anywhere. */
static bool is_of_positions(const Node *node, int depth) {
    if (node->op == OP_IOTA || node->op == OP_CONST || node->op == OP_DIM) return true;
    if (!depth || (op_info[node->op].class != ELEMENTWISE && node->op != OP_EXPAND && node->op != OP_PERMUTE))
        return false;
    for (int i = 0; i < node->n_inputs; i++)
        if (!is_of_positions(node->inputs[i], depth - 1)) return false;
    return true;
}

/* What is elementwise and as large as the scores, or made of positions, is computed in the body: it need not be in memory. */
static bool is_computed_inside(const Node *node, const Roles *roles) {
    enum { DEPTH = 8 };
    if (op_info[node->op].class != ELEMENTWISE) return false;
    bool large = roles_have(roles, node->type.rank, ROLE_ROWS) && roles_have(roles, node->type.rank, ROLE_COLUMNS);
    return large || is_of_positions(node, DEPTH);
}

/* The step's part of a node of outside, whose axes have the given roles. */
static Node *part_of(Body *body, Node *node, const Roles *roles) {
    if (node->op == OP_EXPAND) return expanded_part(body, node, roles);
    if (is_whole(body, &node->type, roles) && !is_computed_inside(node, roles))
        return graph_substitute(body->b->graph, node, body->b->outside);
    if (node->op == OP_PERMUTE) return permuted_part(body, node, roles);
    if (!is_computed_inside(node, roles)) return sliced(body, node, roles);
    Node *inputs[3];
    Type  type = part_type(body, &node->type, roles);
    for (int i = 0; i < node->n_inputs; i++) inputs[i] = part_of(body, node->inputs[i], roles);
    return graph_node(body->b->graph, node->op, &type, node->n_inputs, inputs, &node->attr);
}

/* ---- bodies ---------------------------------------------------------------------------------------------------------------- */

/* Computed in the body: members, but for what earlier loops knew of the rows; and the loop's own sinks. */
static bool is_inside(const void *context, const Node *node) {
    const Body        *body  = context;
    const RegionFacts *facts = region_facts(body->b->r, node);
    if (facts->part == PART_OUTSIDE) return false;
    if (facts->part == PART_SINK) return facts->level == body->level && region_of(facts->region) == body->region;
    return facts->level == body->level || is_large(body->b->r, node);
}

static Node *clone(Body *body, Node *node) {
    Regions *r      = body->b->r;
    Node   **inputs = ARENA_ARRAY(body->b->arena, Node *, node->n_inputs + 1);
    for (int i = 0; i < node->n_inputs; i++) {
        Roles roles = input_roles(r, node, i);
        inputs[i]   = is_inside(body, node->inputs[i]) && map_has(body->clones, node->inputs[i])
                          ? map_get(body->clones, node->inputs[i])
                          : part_of(body, node->inputs[i], &roles);
    }
    Type type = part_type(body, &node->type, &region_facts(r, node)->roles);
    graph_set_place(body->b->graph, node->span, node->origin);
    return graph_node(body->b->graph, node->op, &type, node->n_inputs, inputs, &node->attr);
}

static NodeVec inner_nodes(const Body *body, Node *root) {
    NodeVec order = {0}, inner = {0};
    graph_post_order_where(body->b->arena, root, map_new(body->b->arena), is_inside, body, &order);
    for (int i = 0; i < order.len; i++)
        if (is_inside(body, order.data[i])) vec_push(body->b->arena, &inner, order.data[i]);
    return inner;
}

/* A result's axes as they leave the loop: batch, rows, the others. */
static void result_axes(const Body *body, const Node *node, int *axes) {
    const Roles *roles = &region_facts(body->b->r, node)->roles;
    int          n     = 0;
    for (int k = 0; k < body->region->n_batch; k++)
        for (int i = 0; i < node->type.rank; i++)
            if (roles->of[i] == ROLE_BATCH + k) axes[n++] = i;
    for (int i = 0; i < node->type.rank; i++)
        if (roles->of[i] == ROLE_ROWS) axes[n++] = i;
    for (int i = 0; i < node->type.rank; i++)
        if (roles->of[i] == ROLE_NONE || roles->of[i] == ROLE_COLUMNS) axes[n++] = i;
    if (n != node->type.rank) BUG("node %d leaves a loop without an axis", node->id);
}

static Node *result_part(Body *body, Node *node) {
    NodeVec inner = inner_nodes(body, node);
    int     axes[MAX_RANK];
    for (int i = 0; i < inner.len; i++)
        if (!map_has(body->clones, inner.data[i])) map_set(body->clones, inner.data[i], clone(body, inner.data[i]));
    result_axes(body, node, axes);
    return node_permute(body->b->graph, map_get(body->clones, node), axes);
}

/* The stack of a result's parts as the node it stands for. */
static void replace_result(Body *body, Node *node, Node *stack) {
    const Dim *dims[MAX_RANK];
    int        axes[MAX_RANK], inverse[MAX_RANK];
    result_axes(body, node, axes);
    for (int i = 0; i < node->type.rank; i++) {
        dims[i]          = node->type.dims[axes[i]];
        inverse[axes[i]] = i;
    }
    Node *whole = node_reshape(body->b->graph, stack, node->type.rank, dims);
    map_set(body->b->outside, node, node_permute(body->b->graph, whole, inverse));
}

/* ---- loops ------------------------------------------------------------------------------------------------------------------- */

/* Takes `index` apart: the last of `count` extents runs fastest; the parts, each a multiple of its step, go to starts. */
static Node *times(Graph *graph, Node *position, const Dim *by) {
    return dim_is_one(by) ? position : node_binary(graph, OP_MUL, position, node_dim(graph, by));
}

static Node *split_off(Graph *graph, Node **index, const Dim *extent) {
    Node *size = node_dim(graph, extent), *position = node_binary(graph, OP_MOD, *index, size);
    *index = node_binary(graph, OP_IDIV, *index, size);
    return position;
}

static void set_batch_starts(Body *body, Node *index) {
    Graph *graph = body->b->graph;
    for (int i = body->region->n_batch - 1; i > 0; i--)
        body->starts[ROLE_BATCH + i] = split_off(graph, &index, body->batch[i]);
    body->starts[ROLE_BATCH] = index;
}

static Scan *loop_new(Body *body, const Dim *length) {
    return scan_new(body->b->graph, length, false);
}

static Node *close_loop(Body *body, Scan *scan, const NodeVec *inits) {
    NodeVec none = {0};
    return scan_node(body->b->graph, scan, inits ? inits : &none, &none);
}

/* One loop over batch elements and bands. */
static void single_loop(Body *body, const Dim *count) {
    Graph *graph = body->b->graph;
    Scan  *scan  = loop_new(body, dim_mul(body->b->dims, count, body->n_bands));
    Node  *index = scan->index;
    if (!dim_is_one(body->n_bands))
        body->starts[ROLE_ROWS] = times(graph, split_off(graph, &index, body->n_bands), body->band);
    set_batch_starts(body, index);
    int *results = ARENA_ARRAY(body->b->arena, int, body->results.len + 1);
    for (int i = 0; i < body->results.len; i++)
        results[i] = scan_emit(graph, scan, result_part(body, body->results.data[i]));
    Node *node = close_loop(body, scan, NULL);
    for (int i = 0; i < body->results.len; i++)
        replace_result(body, body->results.data[i], scan_pick(graph, node, results[i]));
}

static bool is_sum_over_rows(const Body *body, const Node *node) {
    return !roles_have(&region_facts(body->b->r, node)->roles, node->type.rank, ROLE_ROWS);
}

/* A loop over batch elements, in it one over bands that adds up sums over the rows. */
static void double_loop(Body *body, const Dim *count) {
    Graph  *graph = body->b->graph;
    Arena  *arena = body->b->arena;
    Scan   *outer = loop_new(body, count), *inner = loop_new(body, body->n_bands);
    int    *results = ARENA_ARRAY(arena, int, body->results.len + 1);
    NodeVec zeros   = {0};
    set_batch_starts(body, outer->index);
    body->starts[ROLE_ROWS] = times(graph, inner->index, body->band);
    for (int i = 0; i < body->results.len; i++) {
        if (!is_sum_over_rows(body, body->results.data[i])) continue;
        Node *part = result_part(body, body->results.data[i]), *sum = scan_carry(graph, inner, &part->type);
        results[i]                   = inner->carries.len - 1;
        inner->next.data[results[i]] = node_binary(graph, OP_ADD, sum, part);
        vec_push(arena, &zeros, node_fill(graph, &part->type, 0));
    }
    for (int i = 0; i < body->results.len; i++)
        if (!is_sum_over_rows(body, body->results.data[i]))
            results[i] = scan_emit(graph, inner, result_part(body, body->results.data[i]));
    Node *bands = close_loop(body, inner, &zeros);
    for (int i = 0; i < body->results.len; i++)
        results[i] = scan_emit(graph, outer, scan_pick(graph, bands, results[i]));
    Node *node = close_loop(body, outer, NULL);
    for (int i = 0; i < body->results.len; i++)
        replace_result(body, body->results.data[i], scan_pick(graph, node, results[i]));
}

/* ---- which loops ---------------------------------------------------------------------------------------------------------------- */

static void collect_results(Body *body) {
    Regions           *r      = body->b->r;
    const ScoreRegion *region = body->region;
    for (int i = 0; i < region->nodes.len; i++) {
        Node              *node  = region->nodes.data[i];
        const RegionFacts *facts = region_facts(r, node);
        if (facts->level != body->level || facts->part == PART_OUTSIDE) continue;
        if (facts->part == PART_SINK || facts->wanted) vec_push(body->b->arena, &body->results, node);
    }
}

/* Members that know a value a row and are read outside of their loop. */
static void want(const Regions *r, const Node *node) {
    if (region_facts(r, node)->part == PART_MEMBER) region_facts(r, node)->wanted = true;
}

static void want_roots(Regions *r) {
    for (int i = 0; i < r->fn->results.len; i++) {
        want(r, r->fn->results.data[i].value);
        if (r->fn->results.data[i].weight) want(r, r->fn->results.data[i].weight);
    }
    for (int i = 0; i < r->fn->updates.len; i++) want(r, r->fn->updates.data[i].value);
    for (int i = 0; i < r->nodes.len; i++)
        for (int k = 0; k < r->nodes.data[i]->n_inputs; k++)
            if (region_facts(r, r->nodes.data[i])->part == PART_OUTSIDE) want(r, r->nodes.data[i]->inputs[k]);
}

static Body body_of(Bands *b, const ScoreRegion *region, int level) {
    Body body = {.b = b, .region = region, .level = level, .clones = map_new(b->arena)};
    for (int i = 0; i < region->nodes.len; i++) {
        const Node *node = region->nodes.data[i];
        if (is_large(b->r, node)) {
            set_sizes(&body, node, &region_facts(b->r, node)->roles);
            break;
        }
    }
    collect_results(&body);
    return body;
}

/* Later loops want what earlier ones know of their rows. */
static void want_rows(Bands *b, const ScoreRegion *region, int level) {
    Body body = body_of(b, region, level);
    for (int i = 0; i < body.results.len; i++) {
        NodeVec inner = inner_nodes(&body, body.results.data[i]);
        for (int k = 0; k < inner.len; k++)
            for (int m = 0; m < inner.data[k]->n_inputs; m++)
                if (!is_inside(&body, inner.data[k]->inputs[m])) want(b->r, inner.data[k]->inputs[m]);
    }
}

static void build_loop(Bands *b, const ScoreRegion *region, int level) {
    Body       body  = body_of(b, region, level);
    const Dim *count = body.rows ? batch_count(&body) : NULL;
    bool       sums  = false;
    if (!body.results.len || !count) return;
    for (int i = 0; i < body.results.len; i++) sums |= is_sum_over_rows(&body, body.results.data[i]);
    if (sums && !dim_is_one(body.n_bands))
        double_loop(&body, count);
    else
        single_loop(&body, count);
}

/* A loop of one step is none. */
static void drop_single_steps(Bands *b) {
    for (int i = 0; i < b->r->all.len; i++) {
        ScoreRegion *region = b->r->all.data[i];
        Body         body   = body_of(b, region, 0);
        const Dim   *count  = body.rows ? batch_count(&body) : NULL;
        if (count && !(dim_is_one(count) && dim_is_one(body.n_bands))) continue;
        for (int k = 0; k < region->nodes.len; k++) region_facts(b->r, region->nodes.data[k])->part = PART_OUTSIDE;
    }
}

static Node *outside(Bands *b, Node *node) {
    return node ? graph_substitute(b->graph, node, b->outside) : NULL;
}

static void find_nodes(Regions *r) {
    Map *seen = map_new(r->c->arena);
    r->nodes  = (NodeVec){0};
    for (int i = 0; i < r->fn->results.len; i++) {
        graph_post_order(r->c->arena, r->fn->results.data[i].value, seen, &r->nodes);
        if (r->fn->results.data[i].weight)
            graph_post_order(r->c->arena, r->fn->results.data[i].weight, seen, &r->nodes);
    }
    for (int i = 0; i < r->fn->updates.len; i++)
        graph_post_order(r->c->arena, r->fn->updates.data[i].value, seen, &r->nodes);
}

void scores_in_bands(Compilation *c, Graph *graph, Fn *fn) {
    Regions r = {.c = c, .graph = graph, .fn = fn};
    find_nodes(&r);
    if (totals_in_two_steps(&r)) find_nodes(&r);
    r.facts = ARENA_ARRAY(c->arena, RegionFacts, graph_node_count(graph) + 1);
    if (!regions_find(&r)) return;
    Bands b = {&r, graph, c->arena, graph_dims(graph), map_new(c->arena)};
    drop_single_steps(&b);
    want_roots(&r);
    for (int level = r.n_levels - 1; level >= 0; level--)
        for (int i = 0; i < r.all.len; i++)
            if (!r.all.data[i]->merged) want_rows(&b, r.all.data[i], level);
    for (int level = 0; level < r.n_levels; level++)
        for (int i = 0; i < r.all.len; i++)
            if (!r.all.data[i]->merged) build_loop(&b, r.all.data[i], level);
    for (int i = 0; i < fn->results.len; i++) {
        fn->results.data[i].value  = outside(&b, fn->results.data[i].value);
        fn->results.data[i].weight = outside(&b, fn->results.data[i].weight);
    }
    for (int i = 0; i < fn->updates.len; i++) fn->updates.data[i].value = outside(&b, fn->updates.data[i].value);
}
