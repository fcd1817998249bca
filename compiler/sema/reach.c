/* What a value depends on, and names that match patterns. */
#include "sema/elab.h"

#include <string.h>

/* Ids are a topological order: one sweep downwards marks everything under the root. */
bool *reach_marks(Elab *e, const Node *root) {
    bool *marks     = ARENA_ARRAY(e->arena, bool, root->id + 1);
    marks[root->id] = true;
    for (int id = root->id; id >= 0; id--) {
        if (!marks[id]) continue;
        const Node *node = graph_node_at(e->graph, id);
        for (int i = 0; i < node->n_inputs; i++) marks[node->inputs[i]->id] = true;
    }
    return marks;
}

bool reach_slots(Elab *e, const Node *root, bool *slots) {
    bool *marks = reach_marks(e, root);
    for (int id = 0; id <= root->id; id++) {
        const Node *node = graph_node_at(e->graph, id);
        if (marks[id] && node->op == OP_READ) slots[node->attr.ref] = true;
    }
    return true;
}

const ProgInput *reach_input(Elab *e, const Node *root, bool only_targets) {
    bool *marks = reach_marks(e, root);
    for (int id = 0; id <= root->id; id++) {
        const Node *node = graph_node_at(e->graph, id);
        if (!marks[id] || node->op != OP_INPUT) continue;
        const ProgInput *input = &e->program->inputs.data[node->attr.ref];
        if (input->is_target || !only_targets) return input;
    }
    return NULL;
}

const bool *reach_inputs(Elab *e, const Node *root) {
    bool *marks = reach_marks(e, root), *inputs = ARENA_ARRAY(e->arena, bool, e->program->inputs.len + 1);
    for (int id = 0; id <= root->id; id++) {
        const Node *node = graph_node_at(e->graph, id);
        if (marks[id] && node->op == OP_INPUT) inputs[node->attr.ref] = true;
    }
    return inputs;
}

/* `*` matches any text, `/` included. Quadratic at worst: backtracks to the latest star only. */
bool glob_match(const char *pattern, const char *text) {
    const char *star = NULL, *resume = NULL;
    while (*text) {
        if (*pattern == '*') {
            star   = pattern++;
            resume = text;
        } else if (*pattern == *text)
            pattern++, text++;
        else if (star) {
            pattern = star + 1;
            text    = ++resume;
        } else
            return false;
    }
    while (*pattern == '*') pattern++;
    return !*pattern;
}
