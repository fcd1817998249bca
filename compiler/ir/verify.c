/* The checker that runs between passes in debug builds. */
#include <string.h>

#include "base/map.h"
#include "ir/program.h"
#include "ir/scan.h"
#include "ops/shape.h"

typedef struct Verify {
    const Program *program;
    const char    *after;
} Verify;

/* An INPUT, READ or RUNTIME names an entry of its table, and has its type. */
static void verify_ref(const Verify *v, const Node *node) {
    const Program *program = v->program;
    const Type     count   = {.elem = ELEM_I64};
    int            ref     = node->attr.ref;
    int            limit   = node->op == OP_INPUT  ? program->inputs.len
                             : node->op == OP_READ ? program->slots.len
                                                   : RUNTIME_EPOCH_STEPS + 1;
    if (ref < 0 || ref >= limit)
        BUG("after %s: node %d (%s) refers to %d of %d", v->after, node->id, op_info[node->op].name, ref, limit);
    const Type *type = node->op == OP_INPUT  ? &program->inputs.data[ref].type
                       : node->op == OP_READ ? &program->slots.data[ref].type
                                             : &count;
    if (!type_equal(type, &node->type))
        BUG("after %s: node %d (%s %d) has another type than its entry", v->after, node->id, op_info[node->op].name,
            ref);
}

/* bf16 and f16 are converted, moved, chosen and compared, all of which is exact; sums and products of them are of f32 or f64. */
static bool computes_narrow(const Node *node) {
    OpClass class = op_info[node->op].class;
    bool exact    = node->op == OP_CAST || node->op == OP_SELECT || node->op == OP_REDUCE_MAX;
    return elem_is_narrow(node->type.elem) && !exact &&
           (class == ELEMENTWISE || class == REDUCTION || class == CONTRACTION || node->op == OP_SCATTER_ADD);
}

static void verify_node(const Verify *v, const Node *node) {
    const OpInfo *info = &op_info[node->op];
    if (info->arity >= 0 && node->n_inputs != info->arity)
        BUG("after %s: node %d: %d inputs", v->after, node->id, node->n_inputs);
    for (int i = 0; i < node->n_inputs; i++)
        if (node->inputs[i]->id >= node->id)
            BUG("after %s: node %d is used before it is made", v->after, node->inputs[i]->id);
    Node        copy  = *node;
    const char *wrong = op_shape[node->op](v->program->graph, &copy, true);
    if (wrong) BUG("after %s: node %d (%s): %s", v->after, node->id, info->name, wrong);
    if (computes_narrow(node)) BUG("after %s: node %d (%s) computes in a narrow type", v->after, node->id, info->name);
    if (!type_equal(&copy.type, &node->type))
        BUG("after %s: node %d (%s) has a wrong type", v->after, node->id, info->name);
}

/* Of the nodes that are reached: what a program of predictions alone leaves behind may name slots that are gone. */
static void verify_refs(const Verify *v) {
    Arena  *arena = arena_new();
    Map    *seen  = map_new(arena);
    NodeVec order = {0};
    RootVec roots = program_roots(arena, (Program *)v->program); /* places in it, which are only read */
    for (int i = 0; i < roots.len; i++)
        if (*roots.data[i]) graph_post_order(arena, *roots.data[i], seen, &order);
    for (int i = 0; i < order.len; i++) {
        Op op = order.data[i]->op;
        if (op == OP_INPUT || op == OP_READ || op == OP_RUNTIME) verify_ref(v, order.data[i]);
    }
    arena_free(arena);
}

/* ---- loops: their bodies read their own LOCALs, and nothing else does ------------------------------------------------------ */

static bool has_local(const Scan *scan, const Node *local) {
    const NodeVec *lists[] = {&scan->carries, &scan->slices, &scan->captures};
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < lists[k]->len; i++)
            if (lists[k]->data[i] == local) return true;
    return local == scan->index;
}

/* `scan` is NULL for a function's own nodes. */
static void verify_locals(const Verify *v, Arena *arena, const char *fn, const Scan *scan, Node *root) {
    NodeVec order = {0};
    graph_post_order(arena, root, map_new(arena), &order);
    for (int i = 0; i < order.len; i++) {
        Node *node = order.data[i];
        if (node->op == OP_LOCAL && (!scan || !has_local(scan, node)))
            BUG("after %s: %s reads local %d outside of its loop", v->after, fn, node->attr.ref);
        if (node->op != OP_SCAN) continue;
        const Scan *body = node->attr.scan;
        for (int k = 0; k < body->next.len; k++) verify_locals(v, arena, fn, body, body->next.data[k]);
        for (int k = 0; k < body->emits.len; k++) verify_locals(v, arena, fn, body, body->emits.data[k]);
    }
}

static void verify_fn_locals(const Verify *v, const Fn *fn) {
    Arena *arena = arena_new();
    for (int i = 0; i < fn->results.len; i++) verify_locals(v, arena, fn->name, NULL, fn->results.data[i].value);
    for (int i = 0; i < fn->updates.len; i++) verify_locals(v, arena, fn->name, NULL, fn->updates.data[i].value);
    arena_free(arena);
}

static void verify_fn(const Verify *v, const Fn *fn) {
    for (int i = 0; i < fn->updates.len; i++) {
        const Update *update = &fn->updates.data[i];
        const Slot   *slot   = &v->program->slots.data[update->slot];
        if (!type_equal(&update->value->type, &slot->type))
            BUG("after %s: %s updates '%s' with a value of another type", v->after, fn->name, slot->path);
        for (int k = 0; k < i; k++)
            if (fn->updates.data[k].slot == update->slot)
                BUG("after %s: %s updates '%s' twice", v->after, fn->name, slot->path);
    }
    for (int i = 0; i < fn->results.len; i++) {
        const Result *result = &fn->results.data[i];
        if (!result->value) BUG("after %s: result '%s' of %s has no value", v->after, result->name, fn->name);
        if (result->weight && result->weight->type.rank != 0)
            BUG("after %s: the weight of '%s' of %s is no scalar", v->after, result->name, fn->name);
    }
}

static void verify_slot(const Verify *v, const Slot *slot) {
    if (slot->init && !type_equal(&slot->init->type, &slot->type))
        BUG("after %s: '%s' starts as a value of another type", v->after, slot->path);
}

void program_verify(const Program *program, const char *after) {
    Verify v = {program, after};
    for (int i = 0; i < graph_node_count(program->graph); i++) verify_node(&v, graph_node_at(program->graph, i));
    verify_refs(&v);
    for (int i = 0; i < program->slots.len; i++) verify_slot(&v, &program->slots.data[i]);
    for (int i = 0; i < program->fns.len; i++) verify_fn(&v, program->fns.data[i]);
    for (int i = 0; i < program->fns.len; i++) verify_fn_locals(&v, program->fns.data[i]);
}
