/* Making loops: their bodies' LOCALs and results. */
#include "ir/scan.h"

#include <string.h>

Scan *scan_new(Graph *graph, const Dim *length, bool reverse) {
    Scan *scan    = ARENA_NEW(graph_arena(graph), Scan);
    Type  count   = {.elem = ELEM_I64};
    scan->length  = length;
    scan->reverse = reverse;
    scan->index   = node_local(graph, &count);
    return scan;
}

Node *scan_carry(Graph *graph, Scan *scan, const Type *type) {
    Node *local = node_local(graph, type);
    vec_push(graph_arena(graph), &scan->carries, local);
    vec_push(graph_arena(graph), &scan->next, local);
    return local;
}

Node *scan_slice(Graph *graph, Scan *scan, const Type *whole) {
    Type type = {.elem = whole->elem, .rank = whole->rank - 1};
    for (int i = 0; i < type.rank; i++) type.dims[i] = whole->dims[i + 1];
    Node *local = node_local(graph, &type);
    vec_push(graph_arena(graph), &scan->slices, local);
    return local;
}

int scan_emit(Graph *graph, Scan *scan, Node *value) {
    for (int i = 0; i < scan->emits.len; i++)
        if (scan->emits.data[i] == value) return scan->carries.len + i;
    vec_push(graph_arena(graph), &scan->emits, value);
    return scan_result_count(scan) - 1;
}

int scan_result_count(const Scan *scan) {
    return scan->carries.len + scan->emits.len;
}

Type scan_result_type(const Scan *scan, int result) {
    if (result < scan->carries.len) return scan->carries.data[result]->type;
    return scan_stack_type(scan->length, &scan->emits.data[result - scan->carries.len]->type);
}

Type scan_stack_type(const Dim *length, const Type *step) {
    Type type    = {.elem = step->elem, .rank = step->rank + 1};
    type.dims[0] = length;
    for (int i = 0; i < step->rank; i++) type.dims[i + 1] = step->dims[i];
    return type;
}

Node *scan_pick(Graph *graph, Node *node, int result) {
    Attr attr;
    memset(&attr, 0, sizeof attr);
    attr.ref = result;
    return graph_node(graph, OP_PICK, NULL, 1, &node, &attr);
}

int scan_root_count(const Scan *scan) {
    return scan->next.len + scan->emits.len + scan->carries.len + scan->slices.len + scan->captures.len + 1;
}

Node *scan_root(const Scan *scan, int i) {
    const NodeVec *lists[] = {&scan->next, &scan->emits, &scan->carries, &scan->slices, &scan->captures};
    for (int k = 0; k < 5; k++) {
        if (i < lists[k]->len) return lists[k]->data[i];
        i -= lists[k]->len;
    }
    return scan->index;
}
