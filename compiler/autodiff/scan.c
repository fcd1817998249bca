/* The gradient of a loop is a loop in the other direction. Its carries are the gradients of the carries, its slices are the gradients of
 * what the steps emitted, it emits the gradients of the slices.
 *
 * What it needs of the forward steps is either kept, as one emit more of the forward loop, or computed again (autodiff/keep.h).
 *
 * The gradient of a captured value is a sum over the steps. Where the summand is a contraction, a sum or a scatter, the sum is taken
 * outside of the loop over the stacked operands: sum_t a_t' b_t is one contraction over steps and rows, and no step touches a matrix
 * of the parameter's size. Else it is a carry. */
#include "ir/scan.h"
#include "autodiff/keep.h"
#include "autodiff/sweep.h"

typedef struct Back {
    Sweep   *s;
    Arena   *arena;
    Graph   *graph;
    Node    *node; /* the forward SCAN */
    Scan    *fore, *back;
    NodeVec  inits, wholes; /* of the backward SCAN */
    Map     *own;           /* nodes that depend on the backward loop's LOCALs: node -> 1, else 2 */
    Map     *replacement;   /* forward node -> what stands for it in the backward body */
    Stacking stacking;      /* of what the forward steps computed */
    Map     *emitted;       /* node of the backward body -> result index + 1 */
    Node    *made;          /* the backward SCAN, once it is there */
    Keep     keep;
} Back;

static Type gradient_type(const Type *type) {
    Type result = *type;
    if (elem_is_narrow(type->elem)) result.elem = ELEM_F32;
    return result;
}

/* ---- what the forward steps computed ------------------------------------------------------------------------------------- */

static bool is_own(const Back *b, const Node *node) {
    return map_get(b->own, node) == (void *)1;
}

/* Classifies everything under `root`. */
static void classify(Back *b, Node *root) {
    NodeVec order = {0};
    Map    *seen  = map_new(b->arena);
    graph_post_order(b->arena, root, seen, &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        bool  own  = false;
        if (map_has(b->own, node)) continue;
        for (int k = 0; k < node->n_inputs; k++) own |= is_own(b, node->inputs[k]);
        map_set(b->own, node, own ? (void *)1 : (void *)2);
    }
}

/* The values of `node` at all steps, as the forward loop emits them, or the input it is a slice of. */
static Node *whole_of(Back *b, Node *node) {
    Node *known = map_get(b->stacking.stacks, node), *whole = known;
    if (known) return known;
    if (node->op == OP_LOCAL) whole = keep_slice_input(&b->keep, node);
    if (!whole) whole = scan_pick(b->graph, b->node, scan_emit(b->graph, b->fore, node));
    map_set(b->stacking.stacks, node, whole);
    return whole;
}

/* A slice of `whole` in the backward body. */
static void stand_for(Back *b, Node *node, Node *whole) {
    Node *local = scan_slice(b->graph, b->back, &whole->type);
    vec_push(b->arena, &b->wholes, whole);
    map_set(b->replacement, node, local);
}

static void bring(Back *b, Node *root);

static void bring_alias(Back *b, Node *node) {
    bring(b, node->inputs[0]);
    map_set(b->replacement, node, graph_substitute(b->graph, node->inputs[0], b->replacement));
}

/* Brings the forward values under `root` into the backward body: kept ones become slices, the rest is rebuilt of them. */
static void bring(Back *b, Node *root) {
    NodeVec found = keep_frontier(&b->keep, root, b->replacement);
    for (int i = 0; i < found.len; i++) {
        Node *node = found.data[i], *captured = keep_capture_input(&b->keep, node);
        if (captured)
            map_set(b->replacement, node, captured);
        else if (node == b->fore->index)
            map_set(b->replacement, node, b->back->index);
        else if (keep_is_alias(node))
            bring_alias(b, node);
        else
            stand_for(b, node, whole_of(b, node));
    }
}

/* A root of the backward body, with what it takes from the forward body brought in. */
static Node *brought(Back *b, Node *root) {
    NodeVec order = {0};
    Map    *seen  = map_new(b->arena);
    classify(b, root);
    graph_post_order(b->arena, root, seen, &order);
    if (!is_own(b, root)) bring(b, root);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        for (int k = 0; is_own(b, node) && k < node->n_inputs; k++)
            if (!is_own(b, node->inputs[k])) bring(b, node->inputs[k]);
    }
    return graph_substitute(b->graph, root, b->replacement);
}

/* ---- sums over the steps, outside ---------------------------------------------------------------------------------------------- */

static void keep_under(Back *b, Node *root);

static void keep_alias(Back *b, Node *node) {
    keep_under(b, node->inputs[0]);
    Node *stack = scan_stacked(&b->stacking, node->inputs[0]);
    if (stack) map_set(b->stacking.stacks, node, stack);
}

/* Keeps what the forward loop must keep for `root` to be stacked. */
static void keep_under(Back *b, Node *root) {
    NodeVec found = keep_frontier(&b->keep, root, b->stacking.stacks);
    for (int i = 0; i < found.len; i++) {
        Node *node = found.data[i], *captured = keep_capture_input(&b->keep, node);
        if (captured)
            map_set(b->stacking.stacks, node, captured);
        else if (keep_is_alias(node))
            keep_alias(b, node);
        else if (node != b->fore->index) /* that has no stack */
            whole_of(b, node);
    }
}

/* What the forward loop has of a node at all steps; NULL where that cannot be stacked. */
static Node *forward_stack(Back *b, Node *node) {
    keep_under(b, node);
    Node *stack = scan_stacked(&b->stacking, node);
    if (!stack || stack->type.rank > node->type.rank) return stack;
    Type type = scan_stack_type(b->fore->length, &node->type);
    return node_expand(b->graph, stack, &type, 1, (int[]){0});
}

/* The stack of an operand: emitted by the backward loop, or made of what the forward loop has. Before the loop is made it
 * only notes what must be emitted, and is NULL. */
static Node *operand(Back *b, Node *node) {
    classify(b, node);
    if (!is_own(b, node)) {
        Node *stack = forward_stack(b, node);
        if (stack) return stack;
    }
    int known = (int)(intptr_t)map_get(b->emitted, node);
    if (b->made) return scan_pick(b->graph, b->made, known - 1);
    if (!known) known = scan_emit(b->graph, b->back, brought(b, node)) + 1;
    map_set(b->emitted, node, (void *)(intptr_t)known);
    return NULL;
}

static Node *sum_of_dot(Back *b, Node *node) {
    Node *left = operand(b, node->inputs[0]), *right = operand(b, node->inputs[1]);
    if (!b->made) return NULL;
    const DotAxes *step = &node->attr.dot;
    DotAxes        axes = {.n_batch = step->n_batch, .n_contract = (int8_t)(step->n_contract + 1)};
    for (int i = 0; i < step->n_batch; i++) {
        axes.left_batch[i]  = (int8_t)(step->left_batch[i] + 1);
        axes.right_batch[i] = (int8_t)(step->right_batch[i] + 1);
    }
    for (int i = 0; i < step->n_contract; i++) { /* after the steps, which come first in memory */
        axes.left_contract[i + 1]  = (int8_t)(step->left_contract[i] + 1);
        axes.right_contract[i + 1] = (int8_t)(step->right_contract[i] + 1);
    }
    return node_dot(b->graph, left, right, &axes);
}

static Node *sum_of_sum(Back *b, Node *node) {
    Node *stack = operand(b, node->inputs[0]);
    int   axes[MAX_RANK], n = 0;
    if (!b->made) return NULL;
    axes[n++] = 0;
    for (int i = 0; i < node->attr.axes.count; i++) axes[n++] = node->attr.axes.axes[i] + 1;
    return node_reduce(b->graph, OP_SUM, stack, n, axes);
}

static Node *sum_of_scatter(Back *b, Node *node) {
    Node *values = operand(b, node->inputs[0]), *index = operand(b, node->inputs[1]);
    return b->made ? node_scatter_add(b->graph, values, index, node->type.dims[0]) : NULL;
}

/* Which summands' sums are taken outside; linear ops around such a one stay around its sum. */
static bool sums_outside(const Node *node) {
    if (node->type.rank == MAX_RANK) return false;
    switch (node->op) {
    case OP_DOT:
    case OP_SUM:
    case OP_SCATTER_ADD:
        for (int i = 0; i < node->n_inputs; i++)
            if (node->inputs[i]->type.rank == MAX_RANK) return false;
        return true;
    case OP_ADD:
    case OP_SUB: return sums_outside(node->inputs[0]) && sums_outside(node->inputs[1]);
    case OP_NEG:
    case OP_RESHAPE:
    case OP_PERMUTE:
    case OP_SLICE:
    case OP_PAD: return sums_outside(node->inputs[0]);
    default: return false;
    }
}

/* Called twice: before the loop is made to note the operands, after it for the sum. */
static Node *sum_outside(Back *b, Node *node) {
    if (node->op == OP_DOT) return sum_of_dot(b, node);
    if (node->op == OP_SUM) return sum_of_sum(b, node);
    if (node->op == OP_SCATTER_ADD) return sum_of_scatter(b, node);
    Node *inputs[2] = {NULL, NULL};
    for (int i = 0; i < node->n_inputs; i++) inputs[i] = sum_outside(b, node->inputs[i]);
    return b->made ? graph_node(b->graph, node->op, &node->type, node->n_inputs, inputs, &node->attr) : NULL;
}

/* ---- the loop ---------------------------------------------------------------------------------------------------------------------- */

typedef struct Share { /* the gradient of one input of the forward SCAN */
    Node *gradient;    /* in the backward body; NULL: none */
    int   result;      /* of the backward SCAN, where it is not summed outside */
    bool  outside;
} Share;

static SeedVec seeds_of(Back *b) {
    SeedVec seeds = {0};
    for (int i = 0; i < scan_result_count(b->fore); i++) {
        bool  carry = i < b->fore->carries.len;
        Node *value = carry ? b->fore->next.data[i] : b->fore->emits.data[i - b->fore->carries.len];
        Node *g     = map_get(b->s->cotangent, scan_pick(b->graph, b->node, i));
        if (!elem_is_float(value->type.elem) || (!carry && !g)) continue;
        Type  type  = gradient_type(&value->type);
        Node *local = carry ? scan_carry(b->graph, b->back, &type) : scan_slice(b->graph, b->back, &g->type);
        if (carry) g = g ? node_cast(b->graph, type.elem, g) : node_fill(b->graph, &type, 0);
        vec_push(b->arena, carry ? &b->inits : &b->wholes, g);
        vec_push(b->arena, &seeds, ((Seed){value, local}));
        map_set(b->own, local, (void *)1);
    }
    return seeds;
}

/* The body's LOCALs whose gradients are asked for: of carries all, they lead from step to step. */
static Map *targets_of(Back *b) {
    Map           *targets  = map_new(b->arena);
    const NodeVec *lists[3] = {&b->fore->carries, &b->fore->slices, &b->fore->captures};
    for (int k = 0, input = 0; k < 3; k++)
        for (int i = 0; i < lists[k]->len; i++, input++)
            if (elem_is_float(lists[k]->data[i]->type.elem) &&
                (k == 0 || map_has(b->s->wanted, b->node->inputs[input])))
                map_set(targets, lists[k]->data[i], lists[k]->data[i]);
    return targets;
}

static Share share_of_carry(Back *b, Node *local, const Map *cotangent, int *next) {
    if (!elem_is_float(local->type.elem)) return (Share){NULL, 0, false};
    Type  type                = gradient_type(&local->type);
    Node *g                   = map_get(cotangent, local);
    b->back->next.data[*next] = g ? node_cast(b->graph, type.elem, brought(b, g)) : node_fill(b->graph, &type, 0);
    return (Share){local, (*next)++, false};
}

static Share share_of_capture(Back *b, Node *g) {
    if (sums_outside(g)) {
        sum_outside(b, g);
        return (Share){g, 0, true};
    }
    Node *local = scan_carry(b->graph, b->back, &g->type);
    int   index = b->back->carries.len - 1;
    vec_push(b->arena, &b->inits, node_fill(b->graph, &g->type, 0));
    b->back->next.data[index] = node_binary(b->graph, OP_ADD, local, brought(b, g));
    return (Share){g, index, false};
}

/* Builds the body; emits come last, as the number of carries must be known before a result has its index. */
static Share *shares_of(Back *b, const Map *cotangent) {
    const Scan *fore   = b->fore;
    int         slices = fore->carries.len, captures = slices + fore->slices.len, next = 0;
    Share      *shares = ARENA_ARRAY(b->arena, Share, b->node->n_inputs + 1);
    for (int i = 0; i < slices; i++) shares[i] = share_of_carry(b, fore->carries.data[i], cotangent, &next);
    for (int pass = 0; pass < 2; pass++) /* those that are carries, those that are summed outside */
        for (int i = 0; i < fore->captures.len; i++) {
            Node *g = map_get(cotangent, fore->captures.data[i]);
            if (g && map_has(b->s->wanted, b->node->inputs[captures + i]) && sums_outside(g) == (pass == 1))
                shares[captures + i] = share_of_capture(b, g);
        }
    for (int i = 0; i < fore->slices.len; i++) {
        Node *g = map_get(cotangent, fore->slices.data[i]);
        if (g && map_has(b->s->wanted, b->node->inputs[slices + i]))
            shares[slices + i] = (Share){g, scan_emit(b->graph, b->back, brought(b, g)), false};
    }
    return shares;
}

/* The forward nodes that the gradient `root` reads. */
static void needed_by(Back *b, Node *root, Map *seen, NodeVec *needed) {
    NodeVec order = {0};
    classify(b, root);
    graph_post_order(b->arena, root, seen, &order);
    if (!is_own(b, root)) vec_push(b->arena, needed, root);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        for (int k = 0; is_own(b, node) && k < node->n_inputs; k++)
            if (!is_own(b, node->inputs[k])) vec_push(b->arena, needed, node->inputs[k]);
    }
}

static void choose_kept(Back *b, const Map *cotangent) {
    const NodeVec *lists[3] = {&b->fore->carries, &b->fore->slices, &b->fore->captures};
    NodeVec        needed   = {0};
    Map           *seen     = map_new(b->arena);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < lists[k]->len; i++) {
            Node *g = map_get(cotangent, lists[k]->data[i]);
            if (g) needed_by(b, g, seen, &needed);
        }
    keep_choose(&b->keep, &needed);
}

void sweep_scan(Sweep *s, Node *node) {
    Arena *arena = s->c->arena;
    Back   b     = {.s           = s,
                    .arena       = arena,
                    .graph       = s->graph,
                    .node        = node,
                    .fore        = node->attr.scan,
                    .back        = scan_new(s->graph, node->attr.scan->length, !node->attr.scan->reverse),
                    .own         = map_new(arena),
                    .replacement = map_new(arena),
                    .emitted     = map_new(arena)};
    b.stacking   = (Stacking){s->graph, b.fore, map_new(arena)};
    b.keep       = (Keep){arena, s->graph, node, b.fore, false};
    Sweep   body = {.c = s->c, .graph = s->graph, .loss = s->loss};
    SeedVec seeds;
    seeds          = seeds_of(&b);
    Map *cotangent = sweep_back(&body, &seeds, targets_of(&b));
    s->failed |= body.failed;
    if (body.failed) return;
    graph_set_place(s->graph, node->span, node->origin);
    choose_kept(&b, cotangent);
    Share *shares = shares_of(&b, cotangent);
    b.made        = scan_node(s->graph, b.back, &b.inits, &b.wholes);
    for (int i = 0; i < node->n_inputs; i++) {
        if (!shares[i].gradient) continue;
        Node *g =
            shares[i].outside ? sum_outside(&b, shares[i].gradient) : scan_pick(s->graph, b.made, shares[i].result);
        sweep_contribute(s, node->inputs[i], g);
    }
}
