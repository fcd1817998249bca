/* --only=predict: a program of its predictions alone. */
#include "base/map.h"
#include "ir/program.h"

typedef struct Kept {
    int *index; /* by slot: its new index, or -1 */
    VEC(Slot) slots;
} Kept;

static void keep_slots(Program *program, const NodeVec *nodes, Kept *kept) {
    Arena *arena = graph_arena(program->graph);
    kept->index  = ARENA_ARRAY(arena, int, program->slots.len + 1);
    for (int i = 0; i < program->slots.len; i++) kept->index[i] = -1;
    for (int i = 0; i < nodes->len; i++)
        if (nodes->data[i]->op == OP_READ) kept->index[nodes->data[i]->attr.ref] = 0;
    for (int i = 0; i < program->slots.len; i++) {
        if (kept->index[i] < 0) continue;
        kept->index[i] = kept->slots.len;
        vec_push(arena, &kept->slots, program->slots.data[i]);
    }
    for (int i = 0; i < kept->slots.len; i++) {
        Slot *slot = &kept->slots.data[i];
        slot->init = NULL;
        if (slot->param >= 0) slot->param = kept->index[slot->param];
    }
}

/* Every READ of a slot becomes one of its new index. */
static void renumber(Program *program, const NodeVec *nodes, const Kept *kept) {
    Map *replacement = map_new(graph_arena(program->graph));
    for (int i = 0; i < nodes->len; i++) {
        Node *node = nodes->data[i];
        if (node->op == OP_READ)
            map_set(replacement, node, node_ref(program->graph, OP_READ, kept->index[node->attr.ref], &node->type));
    }
    for (int i = 0; i < program->fns.len; i++)
        for (int k = 0; k < program->fns.data[i]->results.len; k++) {
            Result *result = &program->fns.data[i]->results.data[k];
            result->value  = graph_substitute(program->graph, result->value, replacement);
        }
}

void program_only_predict(Program *program) {
    Arena  *arena = graph_arena(program->graph);
    Map    *seen  = map_new(arena);
    NodeVec nodes = {0};
    Kept    kept  = {0};
    int     n     = 0;
    for (int i = 0; i < program->fns.len; i++) {
        Fn *fn = program->fns.data[i];
        if (fn->kind != FN_PREDICT) continue;
        program->fns.data[n++] = fn;
        for (int k = 0; k < fn->results.len; k++) graph_post_order(arena, fn->results.data[k].value, seen, &nodes);
    }
    program->fns.len   = n;
    program->has_train = false;
    keep_slots(program, &nodes, &kept);
    renumber(program, &nodes, &kept);
    program->slots.len = 0;
    for (int i = 0; i < kept.slots.len; i++) vec_push(arena, &program->slots, kept.slots.data[i]);
}
