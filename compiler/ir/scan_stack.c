/* Stacking: what a body computes from slices alone, for all positions at once. Each op gets a leading axis more; a contraction
 * of slices with a captured matrix becomes one with more rows. */
#include "base/map.h"
#include "ir/scan.h"

typedef Node *StackRule(Stacking *s, Node *node);

/* The stack of an input; one that is the same at all steps is repeated. */
static Node *stacked_input(Stacking *s, const Node *node, int i) {
    Node *input = node->inputs[i], *stack = scan_stacked(s, input);
    if (!stack || stack->type.rank > input->type.rank) return stack;
    Type type = scan_stack_type(s->scan->length, &input->type);
    return node_expand(s->graph, stack, &type, 1, (int[]){0});
}

static Node *over_inputs(Stacking *s, Node *node, const Attr *attr) {
    Node **inputs = ARENA_ARRAY(graph_arena(s->graph), Node *, node->n_inputs + 1);
    Type   type   = scan_stack_type(s->scan->length, &node->type);
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = stacked_input(s, node, i);
        if (!inputs[i]) return NULL;
    }
    return graph_node(s->graph, node->op, &type, node->n_inputs, inputs, attr);
}

static Node *stack_same(Stacking *s, Node *node) {
    return over_inputs(s, node, &node->attr);
}

/* Axes of the result, or of the input, move by one. */
static Node *stack_axes(Stacking *s, Node *node) {
    Attr attr = node->attr;
    for (int i = 0; i < attr.axes.count; i++) attr.axes.axes[i]++;
    return over_inputs(s, node, &attr);
}

static Node *stack_permute(Stacking *s, Node *node) {
    Attr attr         = node->attr;
    attr.axes.count   = (int8_t)(node->attr.axes.count + 1);
    attr.axes.axes[0] = 0;
    for (int i = 0; i < node->attr.axes.count; i++) attr.axes.axes[i + 1] = (int8_t)(node->attr.axes.axes[i] + 1);
    return over_inputs(s, node, &attr);
}

static Node *stack_axis(Stacking *s, Node *node) {
    Attr attr = node->attr;
    attr.axis++;
    return over_inputs(s, node, &attr);
}

static Node *stack_offsets(Stacking *s, Node *node) {
    Attr attr       = node->attr;
    attr.offsets[0] = dim_const(graph_dims(s->graph), 0);
    for (int i = 0; i < node->type.rank; i++) attr.offsets[i + 1] = node->attr.offsets[i];
    return over_inputs(s, node, &attr);
}

/* Rows of a table that is the same at all steps. */
static Node *stack_gather(Stacking *s, Node *node) {
    Node *table = scan_stacked(s, node->inputs[0]), *index = stacked_input(s, node, 1);
    if (!table || !index || table->type.rank > node->inputs[0]->type.rank) return NULL;
    return node_gather(s->graph, table, index);
}

/* The steps are a batch axis where both sides have them, else one more free axis, which then comes first. */
static Node *stack_dot(Stacking *s, Node *node) {
    Node *a = scan_stacked(s, node->inputs[0]), *b = scan_stacked(s, node->inputs[1]);
    if (!a || !b) return NULL;
    bool    left = a->type.rank > node->inputs[0]->type.rank, right = b->type.rank > node->inputs[1]->type.rank;
    DotAxes axes = node->attr.dot;
    for (int i = 0; i < axes.n_batch; i++) axes.left_batch[i] += left, axes.right_batch[i] += right;
    for (int i = 0; i < axes.n_contract; i++) axes.left_contract[i] += left, axes.right_contract[i] += right;
    if (left && right) {
        for (int i = axes.n_batch; i > 0; i--) {
            axes.left_batch[i]  = axes.left_batch[i - 1];
            axes.right_batch[i] = axes.right_batch[i - 1];
        }
        axes.left_batch[0] = axes.right_batch[0] = 0;
        axes.n_batch++;
        return node_dot(s->graph, a, b, &axes);
    }
    Node *dot = node_dot(s->graph, a, b, &axes);
    int   at  = right ? axes.n_batch + a->type.rank - axes.n_batch - axes.n_contract : axes.n_batch;
    int   order[MAX_RANK], n = 0;
    order[n++] = at;
    for (int i = 0; i < dot->type.rank; i++)
        if (i != at) order[n++] = i;
    return node_permute(s->graph, dot, order);
}

static StackRule *const rules[OP_COUNT] = {
    [OP_SUM] = stack_axes,      [OP_REDUCE_MAX] = stack_axes, [OP_PERMUTE] = stack_permute, [OP_EXPAND] = stack_axes,
    [OP_RESHAPE] = stack_same,  [OP_SLICE] = stack_offsets,   [OP_PAD] = stack_offsets,     [OP_CONCAT] = stack_axis,
    [OP_GATHER] = stack_gather, [OP_DOT] = stack_dot,
};

static StackRule *rule_of(const Node *node) {
    return op_info[node->op].class == ELEMENTWISE ? stack_same : rules[node->op];
}

bool scan_can_stack(const Node *node) {
    bool room = node->type.rank < MAX_RANK;
    for (int i = 0; i < node->n_inputs; i++) room = room && node->inputs[i]->type.rank < MAX_RANK;
    return room && rule_of(node);
}

Node *scan_stacked(Stacking *s, Node *node) {
    Node *known = map_get(s->stacks, node);
    if (known) return known;
    if (op_info[node->op].class == SOURCE && node->op != OP_LOCAL) return node;
    if (!scan_can_stack(node)) return NULL;
    for (int i = 0; i < node->n_inputs; i++) scan_stacked(s, node->inputs[i]);
    graph_set_place(s->graph, node->span, node->origin);
    Node *stack = rule_of(node)(s, node);
    if (stack) map_set(s->stacks, node, stack);
    return stack;
}
