/* The checker that runs between passes in debug builds. */
#include <string.h>

#include "ir/program.h"
#include "ops/shape.h"

typedef struct Verify {
    const Program *program;
    const char    *after;
} Verify;

static void verify_ref(const Verify *v, const Node *node) {
    int limit = node->op == OP_INPUT ? v->program->inputs.len : node->op == OP_READ ? v->program->slots.len : INT32_MAX;
    if (node->attr.ref < 0 || node->attr.ref >= limit)
        BUG("after %s: node %d (%s) refers to %d of %d", v->after, node->id, op_info[node->op].name, node->attr.ref,
            limit);
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
    if (!type_equal(&copy.type, &node->type))
        BUG("after %s: node %d (%s) has a wrong type", v->after, node->id, info->name);
    if (node->op == OP_INPUT || node->op == OP_READ) verify_ref(v, node);
}

static void verify_fn(const Verify *v, const Fn *fn) {
    for (int i = 0; i < fn->updates.len; i++) {
        const Update *update = &fn->updates.data[i];
        const Slot   *slot   = &v->program->slots.data[update->slot];
        if (!type_equal(&update->value->type, &slot->type))
            BUG("after %s: %s updates '%s' with a value of another type", v->after, fn->name, slot->path);
    }
    for (int i = 0; i < fn->results.len; i++)
        if (!fn->results.data[i].value)
            BUG("after %s: result '%s' of %s has no value", v->after, fn->results.data[i].name, fn->name);
}

void program_verify(const Program *program, const char *after) {
    Verify v = {program, after};
    for (int i = 0; i < graph_node_count(program->graph); i++) verify_node(&v, graph_node_at(program->graph, i));
    for (int i = 0; i < program->fns.len; i++) verify_fn(&v, program->fns.data[i]);
}
