/* Reductions, movement, indexed ops and contraction on whole tensors, all by offsets into row-major arrays. */
#include <math.h>

#include "interp/internal.h"

void strides_of(const Tensor *tensor, int64_t strides[MAX_RANK]) {
    int64_t stride = 1;
    for (int i = tensor->rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= tensor->dims[i];
    }
}

int64_t *box_offsets(Arena *arena, int rank, const int64_t *dims, const int64_t *strides, int64_t *count) {
    *count = 1;
    for (int i = 0; i < rank; i++) *count *= dims[i];
    int64_t *offsets         = ARENA_ARRAY(arena, int64_t, *count + 1);
    int64_t  index[MAX_RANK] = {0};
    int64_t  offset          = 0;
    for (int64_t n = 0; n < *count; n++) {
        offsets[n] = offset;
        for (int i = rank - 1; i >= 0; i--) {
            offset += strides[i];
            if (++index[i] < dims[i]) break;
            offset -= strides[i] * dims[i];
            index[i] = 0;
        }
    }
    return offsets;
}

/* Offsets of the box made of some axes of a tensor. */
static int64_t *axes_offsets(Arena *arena, const Tensor *tensor, int n, const int *axes, int64_t *count) {
    int64_t all[MAX_RANK], strides[MAX_RANK], dims[MAX_RANK];
    strides_of(tensor, all);
    for (int i = 0; i < n; i++) strides[i] = all[axes[i]], dims[i] = tensor->dims[axes[i]];
    return box_offsets(arena, n, dims, strides, count);
}

/* ---- reductions ------------------------------------------------------------------------------------------------------------ */

typedef struct Split { /* a tensor's axes in two sets */
    int64_t *outer, *inner, n_outer, n_inner;
} Split;

static Split split_axes(Arena *arena, const Node *node, const Tensor *x) {
    int  kept[MAX_RANK], gone[MAX_RANK], n_kept = 0, n_gone = 0;
    bool reduced[MAX_RANK] = {false};
    for (int i = 0; i < node->attr.axes.count; i++) reduced[node->attr.axes.axes[i]] = true;
    for (int i = 0; i < x->rank; i++) {
        if (reduced[i])
            gone[n_gone++] = i;
        else
            kept[n_kept++] = i;
    }
    Split split;
    split.outer = axes_offsets(arena, x, n_kept, kept, &split.n_outer);
    split.inner = axes_offsets(arena, x, n_gone, gone, &split.n_inner);
    return split;
}

void interp_reduce(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const ReduceRule *rule  = op_reduce(node->op);
    Split             split = split_axes(interp->arena, node, in[0]);
    for (int64_t o = 0; o < split.n_outer; o++) {
        double sum = elem_is_float(out->elem) || isfinite(rule->start) ? rule->start : (double)INT64_MIN;
        for (int64_t i = 0; i < split.n_inner; i++)
            sum = interp_combine(rule->combine, out->elem, sum, in[0]->data[split.outer[o] + split.inner[i]]);
        out->data[o] = sum;
    }
}

void interp_argmax(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    Split split = split_axes(interp->arena, node, in[0]);
    for (int64_t o = 0; o < split.n_outer; o++) {
        int64_t best = 0;
        for (int64_t i = 1; i < split.n_inner; i++)
            if (in[0]->data[split.outer[o] + split.inner[i]] > in[0]->data[split.outer[o] + split.inner[best]])
                best = i;
        out->data[o] = (double)best;
    }
}

/* ---- movement ---------------------------------------------------------------------------------------------------------------- */

void interp_reshape(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)interp;
    if (in[0]->count != out->count)
        BUG("node %d reshapes %d elements to %d", node->id, (int)in[0]->count, (int)out->count);
    for (int64_t i = 0; i < out->count; i++) out->data[i] = in[0]->data[i];
}

static void copy_from(Interp *interp, const Tensor *in, Tensor *out, const int64_t *strides, int64_t base) {
    int64_t  count;
    int64_t *from = box_offsets(interp->arena, out->rank, out->dims, strides, &count);
    for (int64_t i = 0; i < count; i++) out->data[i] = in->data[base + from[i]];
}

static void copy_to(Interp *interp, const Tensor *in, Tensor *out, int64_t base) {
    int64_t strides[MAX_RANK], count;
    strides_of(out, strides);
    int64_t *to = box_offsets(interp->arena, in->rank, in->dims, strides, &count);
    for (int64_t i = 0; i < count; i++) out->data[base + to[i]] = in->data[i];
}

void interp_permute(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t all[MAX_RANK], strides[MAX_RANK];
    strides_of(in[0], all);
    for (int i = 0; i < out->rank; i++) strides[i] = all[node->attr.axes.axes[i]];
    copy_from(interp, in[0], out, strides, 0);
}

void interp_expand(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t all[MAX_RANK], strides[MAX_RANK];
    bool    fresh[MAX_RANK] = {false};
    strides_of(in[0], all);
    for (int i = 0; i < node->attr.axes.count; i++) fresh[node->attr.axes.axes[i]] = true;
    for (int i = 0, at = 0; i < out->rank; i++) strides[i] = fresh[i] ? 0 : all[at++];
    copy_from(interp, in[0], out, strides, 0);
}

/* Where the offsets of the attribute point to in `tensor`, whose box of `dims` there must fit. */
static int64_t base_of(Interp *interp, const Node *node, const Tensor *tensor, const int64_t *dims) {
    int64_t strides[MAX_RANK], base = 0;
    strides_of(tensor, strides);
    for (int i = 0; i < tensor->rank; i++) {
        int64_t offset;
        if (!dim_eval(node->attr.offsets[i], interp->args->symbols, &offset)) BUG("node %d: offset", node->id);
        if (offset < 0 || offset + dims[i] > tensor->dims[i]) BUG("node %d: out of range along axis %d", node->id, i);
        base += offset * strides[i];
    }
    return base;
}

void interp_slice(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t strides[MAX_RANK];
    strides_of(in[0], strides);
    copy_from(interp, in[0], out, strides, base_of(interp, node, in[0], out->dims));
}

void interp_dynamic_slice(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t strides[MAX_RANK], start = (int64_t)in[1]->data[0];
    int     axis = node->attr.axis;
    strides_of(in[0], strides);
    if (start < 0 || start + out->dims[axis] > in[0]->dims[axis]) BUG("node %d: out of range", node->id);
    copy_from(interp, in[0], out, strides, start * strides[axis]);
}

void interp_pad(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    copy_to(interp, in[0], out, base_of(interp, node, out, in[0]->dims));
}

void interp_slide(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const Slide *slide = &node->attr.slide;
    int64_t      before, index[MAX_RANK], strides[MAX_RANK], own[MAX_RANK];
    if (!dim_eval(slide->before, interp->args->symbols, &before)) BUG("node %d: before", node->id);
    strides_of(in[0], strides);
    strides_of(out, own);
    for (int64_t i = 0; i < out->count; i++) {
        int64_t from = 0;
        for (int a = 0; a < out->rank; a++) index[a] = i / own[a] % out->dims[a];
        int64_t at = index[slide->axis] * slide->step - before;
        if (slide->dilation) at += index[slide->by] * slide->dilation;
        bool inside        = at >= 0 && at % slide->divisor == 0 && at / slide->divisor < in[0]->dims[slide->axis];
        index[slide->axis] = at / slide->divisor;
        for (int a = 0; inside && a < out->rank; a++) from += index[a] * strides[a];
        out->data[i] = inside ? in[0]->data[from] : slide->fill;
    }
}

void interp_concat(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t strides[MAX_RANK], base = 0;
    strides_of(out, strides);
    for (int i = 0; i < node->n_inputs; i++) {
        copy_to(interp, in[i], out, base);
        base += in[i]->dims[node->attr.axis] * strides[node->attr.axis];
    }
}

/* ---- indexed by data ------------------------------------------------------------------------------------------------------------ */

static bool row_in_range(Interp *interp, int64_t row, int64_t rows) {
    if (row >= 0 && row < rows) return true;
    if (!interp->error)
        interp->error = arena_printf(interp->arena, "index %lld of %lld rows", (long long)row, (long long)rows);
    return false;
}

void interp_gather(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)node;
    const Tensor *x = in[0], *index = in[1];
    int64_t       width = 1;
    for (int i = 1; i < x->rank; i++) width *= x->dims[i];
    for (int64_t i = 0; i < index->count; i++) {
        int64_t row = (int64_t)index->data[i];
        if (!row_in_range(interp, row, x->dims[0])) continue;
        for (int64_t k = 0; k < width; k++) out->data[i * width + k] = x->data[row * width + k];
    }
}

void interp_scatter_add(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    (void)node;
    const Tensor *values = in[0], *index = in[1];
    int64_t       width = 1;
    for (int i = 1; i < out->rank; i++) width *= out->dims[i];
    for (int64_t i = 0; i < index->count; i++) {
        int64_t row = (int64_t)index->data[i];
        if (!row_in_range(interp, row, out->dims[0])) continue;
        for (int64_t k = 0; k < width; k++) {
            double *cell = &out->data[row * width + k];
            *cell        = interp_combine(MATH_ADD, out->elem, *cell, values->data[i * width + k]);
        }
    }
}

/* ---- contraction ------------------------------------------------------------------------------------------------------------------ */

typedef struct Side { /* an operand's offsets by role of its axes */
    int64_t *batch, *free, *contract, n_batch, n_free, n_contract;
} Side;

static Side side_of(Arena *arena, const Tensor *x, const DotAxes *dot, const int8_t *batch, const int8_t *contract) {
    int  axes[3][MAX_RANK], n[3] = {dot->n_batch, 0, dot->n_contract};
    bool used[MAX_RANK] = {false};
    for (int i = 0; i < n[0]; i++) used[axes[0][i] = batch[i]] = true;
    for (int i = 0; i < n[2]; i++) used[axes[2][i] = contract[i]] = true;
    for (int i = 0; i < x->rank; i++)
        if (!used[i]) axes[1][n[1]++] = i;
    Side side;
    side.batch    = axes_offsets(arena, x, n[0], axes[0], &side.n_batch);
    side.free     = axes_offsets(arena, x, n[1], axes[1], &side.n_free);
    side.contract = axes_offsets(arena, x, n[2], axes[2], &side.n_contract);
    return side;
}

void interp_dot(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const DotAxes *dot = &node->attr.dot;
    Side           a   = side_of(interp->arena, in[0], dot, dot->left_batch, dot->left_contract);
    Side           b   = side_of(interp->arena, in[1], dot, dot->right_batch, dot->right_contract);
    int64_t        at  = 0;
    for (int64_t n = 0; n < a.n_batch; n++)
        for (int64_t i = 0; i < a.n_free; i++)
            for (int64_t k = 0; k < b.n_free; k++) {
                const double *left  = in[0]->data + a.batch[n] + a.free[i];
                const double *right = in[1]->data + b.batch[n] + b.free[k];
                double        sum   = 0;
                for (int64_t c = 0; c < a.n_contract; c++) {
                    double product = interp_combine(MATH_MUL, out->elem, left[a.contract[c]], right[b.contract[c]]);
                    sum            = interp_combine(MATH_ADD, out->elem, sum, product);
                }
                out->data[at++] = sum;
            }
}
