/* Movement, reductions, indexing and contraction on dense tensors. */
#include <math.h>
#include <string.h>

#include "interp/interp_internal.h"

/* ---- strides -------------------------------------------------------------------------------------------------------------- */

void row_major(int rank, const int64_t *dims, int64_t *strides) {
    int64_t stride = 1;
    for (int i = rank - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= dims[i];
    }
}

void copy_strided(int rank, const int64_t *dims, double *to, const int64_t *to_strides, const double *from,
                  const int64_t *from_strides) {
    int64_t count = 1;
    for (int i = 0; i < rank; i++) count *= dims[i];
    for (int64_t at = 0; at < count; at++) {
        int64_t rest = at, target = 0, source = 0;
        for (int i = rank - 1; i >= 0; i--) {
            target += rest % dims[i] * to_strides[i];
            source += rest % dims[i] * from_strides[i];
            rest /= dims[i];
        }
        to[target] = from[source];
    }
}

double *copy_permuted(Interp *interp, const Tensor *tensor, const int *axes) {
    int64_t dims[MAX_RANK], strides[MAX_RANK], from[MAX_RANK], to[MAX_RANK];
    row_major(tensor->rank, tensor->dims, strides);
    for (int i = 0; i < tensor->rank; i++) {
        dims[i] = tensor->dims[axes[i]];
        from[i] = strides[axes[i]];
    }
    row_major(tensor->rank, dims, to);
    double *copy = ARENA_ARRAY(interp->arena, double, tensor->count + 1);
    copy_strided(tensor->rank, dims, copy, to, tensor->data, from);
    return copy;
}

static bool has_axis(const Node *node, int axis) {
    for (int i = 0; i < node->attr.axes.count; i++)
        if (node->attr.axes.axes[i] == axis) return true;
    return false;
}

/* ---- movement ---------------------------------------------------------------------------------------------------------------- */

static void eval_expand(const Node *node, const Tensor *x, Tensor *out) {
    int64_t from[MAX_RANK], inner[MAX_RANK], to[MAX_RANK];
    row_major(x->rank, x->dims, inner);
    for (int i = 0, at = 0; i < out->rank; i++) from[i] = has_axis(node, i) ? 0 : inner[at++];
    row_major(out->rank, out->dims, to);
    copy_strided(out->rank, out->dims, out->data, to, x->data, from);
}

static int64_t offset_of(Interp *interp, const Node *node, const int64_t *strides) {
    int64_t offset = 0;
    for (int i = 0; i < node->type.rank; i++) offset += interp_dim(interp, node->attr.offsets[i]) * strides[i];
    return offset;
}

static void eval_slice(Interp *interp, const Node *node, const Tensor *x, Tensor *out) {
    int64_t from[MAX_RANK], to[MAX_RANK];
    row_major(x->rank, x->dims, from);
    row_major(out->rank, out->dims, to);
    copy_strided(out->rank, out->dims, out->data, to, x->data + offset_of(interp, node, from), from);
}

static void eval_pad(Interp *interp, const Node *node, const Tensor *x, Tensor *out) {
    int64_t from[MAX_RANK], to[MAX_RANK];
    row_major(x->rank, x->dims, from);
    row_major(out->rank, out->dims, to);
    copy_strided(x->rank, x->dims, out->data + offset_of(interp, node, to), to, x->data, from);
}

static void eval_concat(const Node *node, const Tensor *const *in, Tensor *out) {
    int64_t from[MAX_RANK], to[MAX_RANK], at = 0;
    row_major(out->rank, out->dims, to);
    for (int i = 0; i < node->n_inputs; i++) {
        row_major(in[i]->rank, in[i]->dims, from);
        copy_strided(out->rank, in[i]->dims, out->data + at * to[node->attr.axis], to, in[i]->data, from);
        at += in[i]->dims[node->attr.axis];
    }
}

void eval_movement(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    int axes[MAX_RANK];
    for (int i = 0; i < out->rank; i++) axes[i] = node->attr.axes.axes[i];
    switch (node->op) {
    case OP_RESHAPE:
        if (in[0]->count != out->count) BUG("a reshape changes the number of elements");
        out->data = in[0]->data;
        break;
    case OP_PERMUTE: out->data = copy_permuted(interp, in[0], axes); break;
    case OP_EXPAND: eval_expand(node, in[0], out); break;
    case OP_SLICE: eval_slice(interp, node, in[0], out); break;
    case OP_PAD: eval_pad(interp, node, in[0], out); break;
    case OP_CONCAT: eval_concat(node, in, out); break;
    default: BUG("%s is not known here", op_info[node->op].name);
    }
}

/* ---- reductions --------------------------------------------------------------------------------------------------------------- */

static double reduce(const Node *node, const double *x, int64_t count, int64_t stride) {
    const ReduceRule *rule = op_reduce(node->op);
    double            sum  = rule->start;
    for (int64_t i = 0; i < count; i++)
        sum = scalar_math(rule->combine, node->type.elem, (double[]){sum, x[i * stride]});
    return sum;
}

static double argmax(const double *x, int64_t count, int64_t stride) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (x[i * stride] > x[best * stride]) best = i;
    return (double)best;
}

/* The kept axes first, the reduced ones behind. */
void eval_reduction(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const Tensor *x = in[0];
    int           axes[MAX_RANK], n = 0;
    for (int i = 0; i < x->rank; i++)
        if (!has_axis(node, i)) axes[n++] = i;
    for (int i = 0; i < x->rank; i++)
        if (has_axis(node, i)) axes[n++] = i;
    const double *rows  = copy_permuted(interp, x, axes);
    int64_t       count = 1;
    for (int i = out->rank; i < x->rank; i++) count *= x->dims[axes[i]];
    for (int64_t i = 0; i < out->count; i++)
        out->data[i] =
            node->op == OP_ARGMAX ? argmax(rows + i * count, count, 1) : reduce(node, rows + i * count, count, 1);
}

/* ---- rows by index --------------------------------------------------------------------------------------------------------------- */

static bool in_range(Interp *interp, const Node *node, double index, int64_t rows) {
    if (index >= 0 && index < (double)rows) return true;
    interp->error =
        arena_printf(interp->arena, "%s: index %.0f of %lld rows", op_info[node->op].name, index, (long long)rows);
    return false;
}

void eval_indexed(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const Tensor *index  = in[1];
    const Tensor *table  = node->op == OP_GATHER ? in[0] : out; /* whose rows the index names */
    const Tensor *values = node->op == OP_GATHER ? out : in[0];
    int64_t       width  = index->count ? values->count / index->count : 0;
    for (int64_t i = 0; i < index->count; i++) {
        if (!in_range(interp, node, index->data[i], table->dims[0])) continue;
        double *row = table->data + (int64_t)index->data[i] * width, *value = values->data + i * width;
        if (node->op == OP_GATHER)
            memcpy(value, row, sizeof *row * (size_t)width);
        else
            for (int64_t k = 0; k < width; k++) row[k] += value[k];
    }
}

/* ---- contraction ---------------------------------------------------------------------------------------------------------------- */

typedef struct Operand { /* as (batch, free, contracted) */
    double *data;
    int64_t batch, free, contract;
} Operand;

static Operand operand(Interp *interp, const Tensor *x, const DotAxes *dot, const int8_t *batch,
                       const int8_t *contract) {
    Operand  result = {NULL, 1, 1, 1};
    int      axes[MAX_RANK], n = 0;
    unsigned used = 0;
    for (int i = 0; i < dot->n_batch; i++) {
        used |= 1u << (axes[n++] = batch[i]);
        result.batch *= x->dims[batch[i]];
    }
    for (int i = 0; i < dot->n_contract; i++) used |= 1u << contract[i];
    for (int i = 0; i < x->rank; i++) {
        if (used >> i & 1) continue;
        axes[n++] = i;
        result.free *= x->dims[i];
    }
    for (int i = 0; i < dot->n_contract; i++) {
        axes[n++] = contract[i];
        result.contract *= x->dims[contract[i]];
    }
    result.data = copy_permuted(interp, x, axes);
    return result;
}

void eval_dot(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out) {
    const DotAxes *dot   = &node->attr.dot;
    Operand        left  = operand(interp, in[0], dot, dot->left_batch, dot->left_contract);
    Operand        right = operand(interp, in[1], dot, dot->right_batch, dot->right_contract);
    double        *to    = out->data;
    for (int64_t b = 0; b < left.batch; b++)
        for (int64_t i = 0; i < left.free; i++)
            for (int64_t k = 0; k < right.free; k++) {
                const double *x   = left.data + (b * left.free + i) * left.contract;
                const double *y   = right.data + (b * right.free + k) * right.contract;
                double        sum = 0;
                for (int64_t at = 0; at < left.contract; at++) sum += x[at] * y[at];
                *to++ = scalar_convert(out->elem, sum);
            }
}
