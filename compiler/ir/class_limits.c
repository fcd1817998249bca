/* Class indices: an integer input compared with 0, 1, 2 ... along an axis of constant size (a one-hot encoding), or gathered
 * with from a table of constant size, must be below that size. An input that is also compared with a constant may hold that
 * constant as a mark (an index to ignore) and gets no limit. */
#include "base/map.h"
#include "ir/program.h"
#include "ir/scan.h"

/* What the body of a loop knows as `node`; NULL: no LOCAL, a carry, an index. */
static const Node *outside(const Map *locals, const Node *node) {
    return node->op == OP_LOCAL ? map_get(locals, node) : NULL;
}

/* The integer input that `node` repeats, moves, converts, or is a part of, or -1. */
static int input_below(const Map *locals, const Node *node) {
    for (;; node = node->op == OP_LOCAL ? outside(locals, node) : node->inputs[0]) {
        if (!elem_is_integer(node->type.elem)) return -1;
        bool moves = node->op == OP_EXPAND || node->op == OP_CAST || node->op == OP_RESHAPE || node->op == OP_PERMUTE;
        if (!moves && !outside(locals, node)) break;
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

static void look_at(Program *program, const Map *locals, const Node *node) {
    if (node->op == OP_GATHER) {
        int input = input_below(locals, node->inputs[1]);
        if (input >= 0) limit(program, input, node->inputs[0]->type.dims[0]);
    }
    if (node->op != OP_EQ && node->op != OP_NE) return;
    for (int side = 0; side < 2; side++) {
        int         input = input_below(locals, node->inputs[side]);
        const Node *other = below_expand(node->inputs[1 - side]);
        if (input < 0) continue;
        if (other->op == OP_CONST) program->inputs.data[input].class_limit = MARKED;
        if (other->op == OP_IOTA) limit(program, input, other->type.dims[other->attr.axis]);
    }
}

/* What the LOCALs of loops stand for, but for carries, which change. */
static Map *locals_of(const Program *program) {
    Map *locals = map_new(graph_arena(program->graph));
    for (int id = 0; id < graph_node_count(program->graph); id++) {
        const Node *node = graph_node_at(program->graph, id);
        if (node->op != OP_SCAN) continue;
        const Scan *scan  = node->attr.scan;
        int         input = scan->carries.len;
        for (int i = 0; i < scan->slices.len; i++) map_set(locals, scan->slices.data[i], node->inputs[input++]);
        for (int i = 0; i < scan->captures.len; i++) map_set(locals, scan->captures.data[i], node->inputs[input++]);
    }
    return locals;
}

void program_find_class_limits(Program *program) {
    const Map *locals = locals_of(program);
    for (int id = 0; id < graph_node_count(program->graph); id++)
        look_at(program, locals, graph_node_at(program->graph, id));
    for (int i = 0; i < program->inputs.len; i++)
        if (program->inputs.data[i].class_limit == MARKED) program->inputs.data[i].class_limit = 0;
}
