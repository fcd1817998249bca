/* The table of layers that the compiled program's reports are made of: one row a layer, in the order of the prediction;
 * after those, the layers that only losses call.
 *
 * A node belongs to the innermost layer that instantiated it, by its origin's path. Its flops: 1 an element for
 * elementwise ops, 1 an input element for reductions, 2 a multiplication and addition for contractions; casts and
 * movement are free; what is in a loop counts once a step. Counted before the graph is optimised. */
#include "ir/scan.h"
#include "sema/elab.h"

#include <string.h>

static const Dim *times(Elab *e, const Dim *a, const Dim *b) {
    return a && b ? dim_mul(e->dims, a, b) : NULL;
}

static const Dim *element_count(Elab *e, const Type *type) {
    const Dim *count = dim_const(e->dims, 1);
    for (int i = 0; i < type->rank; i++) count = times(e, count, type->dims[i]);
    return count;
}

static const Dim *contraction_flops(Elab *e, const Node *node) {
    const Dim *count = times(e, dim_const(e->dims, 2), element_count(e, &node->type));
    for (int i = 0; i < node->attr.dot.n_contract; i++)
        count = times(e, count, node->inputs[0]->type.dims[node->attr.dot.left_contract[i]]);
    return count;
}

/* NULL: more than 64 bits hold. */
static const Dim *node_flops(Elab *e, const Node *node) {
    switch (op_info[node->op].class) {
    case ELEMENTWISE:
        return node->type.rank && node->op != OP_CAST ? element_count(e, &node->type) : dim_const(e->dims, 0);
    case REDUCTION: return element_count(e, &node->inputs[0]->type);
    case CONTRACTION: return contraction_flops(e, node);
    case INDEXED: return node->op == OP_SCATTER_ADD ? element_count(e, &node->inputs[0]->type) : dim_const(e->dims, 0);
    default: return dim_const(e->dims, 0);
    }
}

/* ---- rows ---------------------------------------------------------------------------------------------------------------- */

static int find_row(const LayerRows *rows, const char *path) {
    for (int i = 0; i < rows->len; i++)
        if (strcmp(rows->data[i].path, path) == 0) return i;
    return -1;
}

/* The first tensor of a layer's result that is marked as needed, or the first one where nothing is marked; NULL: none is. */
static const Node *needed_tensor(const Value *value, const bool *marks) {
    if (value->kind == VALUE_TENSOR) return !marks || marks[value->node->id] ? value->node : NULL;
    for (int i = 0; value->kind == VALUE_TUPLE && i < value->list->len; i++) {
        const Node *node = needed_tensor(&value->list->items[i], marks);
        if (node) return node;
    }
    return NULL;
}

/* A layer's row stands before those of the layers within it, whose calls ended earlier. */
static void insert_row(Elab *e, LayerRows *rows, LayerRow row) {
    size_t length = strlen(row.path);
    int    at     = rows->len;
    while (at > 0 && strncmp(rows->data[at - 1].path, row.path, length) == 0 && rows->data[at - 1].path[length] == '/')
        at--;
    vec_push(e->arena, rows, row);
    memmove(&rows->data[at + 1], &rows->data[at], (size_t)(rows->len - 1 - at) * sizeof row);
    rows->data[at] = row;
}

/* What the functions of this kind need, by id. */
typedef struct Needed {
    int         count;
    bool       *marks;
    const Dim **times; /* how often a node in a loop is computed; NULL: it is in none */
} Needed;

static void need(Needed *needed, const Node *node, const Dim *often) {
    if (needed->marks[node->id]) return;
    needed->marks[node->id] = true;
    needed->times[node->id] = often;
}

static Needed needed_nodes(Elab *e, FnKind kind) {
    int    n      = graph_node_count(e->graph);
    Needed needed = {n, ARENA_ARRAY(e->arena, bool, n + 1), ARENA_ARRAY(e->arena, const Dim *, n + 1)};
    for (int i = 0; i < e->program->fns.len; i++) {
        const Fn *fn = e->program->fns.data[i];
        if (fn->kind != kind) continue;
        for (int k = 0; k < fn->results.len; k++) need(&needed, fn->results.data[k].value, NULL);
        for (int k = 0; k < fn->updates.len; k++) need(&needed, fn->updates.data[k].value, NULL);
    }
    for (int id = n - 1; id >= 0; id--) {
        const Node *node  = graph_node_at(e->graph, id);
        const Dim  *often = needed.times[id];
        for (int i = 0; needed.marks[id] && i < node->n_inputs; i++) need(&needed, node->inputs[i], often);
        if (!needed.marks[id] || node->op != OP_SCAN) continue;
        const Dim *steps = node->attr.scan->length, *all = often ? times(e, often, steps) : steps;
        for (int i = 0; i < scan_root_count(node->attr.scan); i++) need(&needed, scan_root(node->attr.scan, i), all);
    }
    return needed;
}

/* A loop's body is rebuilt when it is closed: of a layer that was called in one, other nodes are needed than its call gave. */
static const Node *needed_in_loop(Elab *e, const LayerCall *call, const Needed *needed) {
    size_t length = strlen(call->layer->path);
    bool   found  = false;
    for (int id = 0; id < needed->count && !found; id++) {
        const Origin *origin = graph_node_at(e->graph, id)->origin;
        found                = needed->marks[id] && origin && strncmp(origin->path, call->layer->path, length) == 0 &&
                (!origin->path[length] || origin->path[length] == '/');
    }
    return found ? needed_tensor(&call->result, NULL) : NULL;
}

static void add_call(Elab *e, LayerRows *rows, const LayerCall *call, const Needed *needed) {
    const Node *output = needed_tensor(&call->result, needed->marks);
    if (!output && call->in_loop) output = needed_in_loop(e, call, needed);
    int found = find_row(rows, call->layer->path);
    if (output && found >= 0)
        rows->data[found].calls++;
    else if (output)
        insert_row(e, rows,
                   (LayerRow){.path   = call->layer->path,
                              .kind   = call->layer->fn->decl->name.text,
                              .output = output->type,
                              .flops  = dim_const(e->dims, 0),
                              .calls  = 1});
}

static void add_flops(Elab *e, LayerRows *rows, const Needed *needed) {
    Map *by_path = map_new(e->arena);
    for (int i = 0; i < rows->len; i++) map_set(by_path, intern(e->c->names, rows->data[i].path), &rows->data[i]);
    for (int id = 0; id < graph_node_count(e->graph); id++) {
        const Node *node = graph_node_at(e->graph, id);
        if (!needed->marks[id]) continue;
        LayerRow  *row   = map_get(by_path, intern(e->c->names, node->origin ? node->origin->path : ""));
        const Dim *flops = row ? node_flops(e, node) : NULL;
        if (row && needed->times[id]) flops = times(e, flops, needed->times[id]);
        if (row) row->flops = flops && row->flops ? dim_add(e->dims, row->flops, flops) : NULL;
    }
}

/* What the model computes itself, outside of layers, is the last row of the prediction. */
static void add_model(Elab *e, LayerRows *rows) {
    for (int i = 0; i < e->outputs.len; i++) {
        if (e->outputs.data[i].value.kind != VALUE_TENSOR) continue;
        LayerRow row = {.path   = "",
                        .kind   = e->model->name.text,
                        .output = e->outputs.data[i].value.node->type,
                        .flops  = dim_const(e->dims, 0),
                        .calls  = 1};
        vec_push(e->arena, rows, row);
        return;
    }
}

void layer_rows(Elab *e, FnKind kind) {
    LayerRows  rows   = {0};
    LayerRows *before = &e->program->layers;
    if (!e->c->options.reports) return;
    Needed needed = needed_nodes(e, kind);
    for (int i = 0; i < e->calls.len; i++) add_call(e, &rows, &e->calls.data[i], &needed);
    if (kind == FN_PREDICT) add_model(e, &rows);
    add_flops(e, &rows, &needed);
    for (int i = 0; i < before->len; i++) {
        LayerRow row       = before->data[i];
        row.only_in_losses = true;
        if (find_row(&rows, row.path) < 0) vec_push(e->arena, &rows, row);
    }
    *before = rows;
}
