/* Loops: their inputs are in memory, their bodies have plans of their own. */
#include "ir/scan.h"
#include "plan/fuse.h"

/* ---- what is read from memory -------------------------------------------------------------------------------------------------------------- */

/* In memory without a kernel of its own: it, or what it is a reshape of, is given or computed. */
static bool is_in_memory(const Node *node) {
    while (is_same_memory(node)) node = node->inputs[0];
    return node_computes(node) || node->op == OP_INPUT || node->op == OP_READ || node->op == OP_LOCAL;
}

static Node *copied(Graph *graph, Node *node) {
    Type flags = node->type;
    if (is_in_memory(node)) return node;
    flags.elem = ELEM_BOOL;
    graph_set_place(graph, node->span, node->origin);
    return node_select(graph, node_fill(graph, &flags, 1), node, node);
}

static Node *over_memory(Graph *graph, Node *node, const Map *replacement) {
    Node **inputs  = ARENA_ARRAY(graph_arena(graph), Node *, node->n_inputs + 1);
    bool   changed = false;
    for (int i = 0; i < node->n_inputs; i++) {
        inputs[i] = map_get(replacement, node->inputs[i]);
        if (node->op == OP_SCAN || (node->op == OP_DOT && is_put_together(inputs[i])))
            inputs[i] = copied(graph, inputs[i]);
        changed |= inputs[i] != node->inputs[i];
    }
    if (!changed) return node;
    graph_set_place(graph, node->span, node->origin);
    return graph_node(graph, node->op, &node->type, node->n_inputs, inputs, &node->attr);
}

static void root_over_memory(Arena *arena, Graph *graph, Node **root, Map *replacement) {
    NodeVec order = {0};
    if (!*root) return;
    graph_post_order(arena, *root, replacement, &order);
    for (int i = 0; i < order.len; i++)
        map_set(replacement, order.data[i], over_memory(graph, order.data[i], replacement));
    *root = map_get(replacement, *root);
}

void scans_take_memory(Compilation *c, Graph *graph, Fn *fn) {
    Map *replacement = map_new(c->arena);
    for (int i = 0; i < fn->results.len; i++) {
        root_over_memory(c->arena, graph, &fn->results.data[i].value, replacement);
        root_over_memory(c->arena, graph, &fn->results.data[i].weight, replacement);
    }
    for (int i = 0; i < fn->updates.len; i++)
        root_over_memory(c->arena, graph, &fn->updates.data[i].value, replacement);
}

/* ---- bodies --------------------------------------------------------------------------------------------------------------- */

int scan_local_index(const Scan *scan, const Node *local) {
    const NodeVec *lists[] = {&scan->carries, &scan->slices, &scan->captures};
    int            first   = 0;
    for (int k = 0; k < 3; k++) {
        for (int i = 0; i < lists[k]->len; i++)
            if (lists[k]->data[i] == local) return first + i;
        first += lists[k]->len;
    }
    if (local != scan->index) BUG("a loop's body reads what is not its own");
    return first;
}

int scan_emitted_carry(const Scan *scan, int result) {
    int emit = result - scan->carries.len;
    for (int i = 0; emit >= 0 && i < scan->carries.len; i++)
        if (scan->carries.data[i] == scan->emits.data[emit]) return i;
    return -1;
}

int scan_planned_result(const Scan *scan, int index) {
    for (int result = 0; result < scan_result_count(scan); result++)
        if (scan_emitted_carry(scan, result) < 0 && index-- == 0) return result;
    BUG("a loop has fewer results than its body's plan");
}

FnPlan *scan_plan(Compilation *c, Program *program, const Kernel *kernel) {
    const Scan *scan = kernel->scan->attr.scan;
    Fn         *fn   = ARENA_NEW(c->arena, Fn);
    fn->name         = kernel->name;
    for (int i = 0; i < scan_result_count(scan); i++) {
        if (scan_emitted_carry(scan, i) >= 0) continue;
        bool  carry = i < scan->carries.len;
        Node *value = carry ? scan->next.data[i] : scan->emits.data[i - scan->carries.len];
        vec_push(c->arena, &fn->results,
                 ((Result){.name  = arena_printf(c->arena, "%s %d", carry ? "carry" : "emit",
                                                carry ? i : i - scan->carries.len),
                           .value = value,
                           .slot  = -1}));
    }
    return fn_plan(c, program, fn, scan);
}
