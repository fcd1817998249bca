/* Loops: the body's nodes are evaluated anew each step, over LOCALs that are given. */
#include <string.h>

#include "interp/internal.h"
#include "ir/scan.h"

static Tensor piece_of(Interp *interp, const Node *local, const Tensor *whole, int64_t position) {
    Tensor piece = tensor_new(interp->arena, &local->type, interp->args->symbols);
    memcpy(piece.data, whole->data + position * piece.count, sizeof *piece.data * (size_t)piece.count);
    return piece;
}

static void set_piece(Tensor *whole, const Tensor *piece, int64_t position) {
    memcpy(whole->data + position * piece->count, piece->data, sizeof *piece->data * (size_t)piece->count);
}

/* One step at `position`: a fresh evaluation over what the body is given. */
static Interp *step_of(Interp *interp, const Scan *scan, const Tensor *const *in, const Tensor *carries,
                       int64_t position) {
    Interp *step  = interp_new(interp->arena, interp->program, interp->args);
    Tensor  index = tensor_new(interp->arena, &scan->index->type, interp->args->symbols);
    int     k     = scan->carries.len;
    index.data[0] = (double)position;
    interp_give(step, scan->index, index);
    for (int i = 0; i < scan->carries.len; i++) interp_give(step, scan->carries.data[i], carries[i]);
    for (int i = 0; i < scan->slices.len; i++, k++)
        interp_give(step, scan->slices.data[i], piece_of(interp, scan->slices.data[i], in[k], position));
    for (int i = 0; i < scan->captures.len; i++, k++) interp_give(step, scan->captures.data[i], *in[k]);
    return step;
}

void interp_scan(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const Scan *scan    = node->attr.scan;
    int         n       = scan_result_count(scan);
    Tensor     *results = ARENA_ARRAY(interp->arena, Tensor, n + 1);
    int64_t     length;
    (void)out;
    if (!dim_eval(scan->length, interp->args->symbols, &length)) BUG("node %d: dim", node->id);
    for (int i = 0; i < n; i++) {
        Type type  = scan_result_type(scan, i);
        results[i] = i < scan->carries.len ? *in[i] : tensor_new(interp->arena, &type, interp->args->symbols);
    }
    for (int64_t turn = 0; turn < length; turn++) {
        int64_t position = scan->reverse ? length - 1 - turn : turn;
        Interp *step     = step_of(interp, scan, in, results, position);
        Tensor *next     = ARENA_ARRAY(interp->arena, Tensor, n + 1);
        for (int i = 0; i < scan->carries.len; i++) next[i] = interp_value(step, scan->next.data[i]);
        for (int i = 0; i < scan->emits.len; i++) {
            Tensor value = interp_value(step, scan->emits.data[i]);
            set_piece(&results[scan->carries.len + i], &value, position);
        }
        for (int i = 0; i < scan->carries.len; i++) results[i] = next[i];
        if (!interp->error) interp->error = step->error;
    }
    interp_keep_results(interp, node, results);
}

void interp_pick(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)in;
    const Tensor *results = interp_results(interp, node->inputs[0]);
    *out                  = results[node->attr.ref];
}
