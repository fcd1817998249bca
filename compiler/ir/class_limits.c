/* Class indices: an integer input compared with 0, 1, 2 ... along an axis of constant size (a one-hot encoding), or gathered
 * with from a table of constant size, must be below that size. An input that is also compared with a constant may hold that
 * constant as a mark (an index to ignore) and gets no limit. */
#include "ir/program.h"

/* The integer input that `node` repeats or converts, or -1. */
static int input_below(const Node *node) {
    while (node->op == OP_EXPAND || node->op == OP_CAST || node->op == OP_RESHAPE) {
        if (!elem_is_integer(node->type.elem)) return -1;
        node = node->inputs[0];
    }
    return node->op == OP_INPUT && elem_is_integer(node->type.elem) ? node->attr.ref : -1;
}

static const Node *below_expand(const Node *node) {
    while (node->op == OP_EXPAND || node->op == OP_CAST) node = node->inputs[0];
    return node;
}

enum { MARKED = -1 };

static void limit(Program *program, int input, const Dim *dim) {
    int64_t size, *known = &program->inputs.data[input].class_limit;
    if (!dim_is_const(dim, &size) || size <= 0 || size > INT32_MAX || *known == MARKED) return;
    if (*known == 0 || size < *known) *known = size;
}

static void look_at(Program *program, const Node *node) {
    if (node->op == OP_GATHER) {
        int input = input_below(node->inputs[1]);
        if (input >= 0) limit(program, input, node->inputs[0]->type.dims[0]);
    }
    if (node->op != OP_EQ && node->op != OP_NE) return;
    for (int side = 0; side < 2; side++) {
        int         input = input_below(node->inputs[side]);
        const Node *other = below_expand(node->inputs[1 - side]);
        if (input < 0) continue;
        if (other->op == OP_CONST) program->inputs.data[input].class_limit = MARKED;
        if (other->op == OP_IOTA) limit(program, input, other->type.dims[other->attr.axis]);
    }
}

void program_find_class_limits(Program *program) {
    for (int id = 0; id < graph_node_count(program->graph); id++) look_at(program, graph_node_at(program->graph, id));
    for (int i = 0; i < program->inputs.len; i++)
        if (program->inputs.data[i].class_limit == MARKED) program->inputs.data[i].class_limit = 0;
}
