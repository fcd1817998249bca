/* Strided views: an operand of a contraction that is a located tensor seen through permutations, slices and expansions. */
#include "codegen/view.h"

static bool view_of_memory(DimTable *table, const Node *node, const Location *at, View *view) {
    *view = (View){.base = at, .elem = node->type.elem, .rank = node->type.rank, .offset = dim_const(table, 0)};
    const Dim *stride = dim_const(table, 1);
    for (int i = node->type.rank - 1; i >= 0; i--) {
        view->strides[i] = stride;
        stride           = dim_mul(table, stride, node->type.dims[i]);
        if (!stride) return false;
    }
    return true;
}

static bool view_permuted(const Node *node, View *view) {
    View from = *view;
    for (int i = 0; i < node->type.rank; i++) view->strides[i] = from.strides[node->attr.axes.axes[i]];
    return true;
}

static bool view_expanded(DimTable *table, const Node *node, View *view) {
    View from = *view;
    int  next = 0;
    for (int i = 0; i < node->type.rank; i++) {
        bool is_new = false;
        for (int a = 0; a < node->attr.axes.count; a++) is_new |= node->attr.axes.axes[a] == i;
        view->strides[i] = is_new ? dim_const(table, 0) : from.strides[next++];
    }
    view->rank = node->type.rank;
    return true;
}

static bool view_sliced(DimTable *table, const Node *node, View *view) {
    for (int i = 0; i < node->type.rank; i++) {
        const Dim *part = dim_mul(table, view->strides[i], node->attr.offsets[i]);
        view->offset    = part ? dim_add(table, view->offset, part) : NULL;
        if (!view->offset) return false;
    }
    return true;
}

static bool view_from(const Node *node, View *view) {
    if (view->n_starts == VIEW_STARTS) return false;
    int i                  = view->n_starts++;
    view->starts[i].start  = node->inputs[1];
    view->starts[i].stride = view->strides[node->attr.axis];
    return true;
}

Index view_offset(KernelEmit *k, const View *view) {
    Index offset = index_uniform(dims_value(&k->dims, view->offset), k->root);
    for (int i = 0; i < view->n_starts; i++) {
        Value start = value_at(k, view->starts[i].start, NULL);
        offset = index_add(k, offset, index_scale(k, index_uniform(start->v, start->scope), view->starts[i].stride));
    }
    return offset;
}

bool view_of(Emit *e, const FnPlan *plan, const Kernel *kernel, const Node *node, View *view) {
    DimTable *table = graph_dims(e->program->graph);
    if (kernel_loads(plan, kernel, node)) return view_of_memory(table, node, node_location(plan, node), view);
    if (node->op != OP_PERMUTE && node->op != OP_EXPAND && node->op != OP_SLICE && node->op != OP_DYNAMIC_SLICE)
        return false;
    if (!view_of(e, plan, kernel, node->inputs[0], view)) return false;
    if (node->op == OP_PERMUTE) return view_permuted(node, view);
    if (node->op == OP_EXPAND) return view_expanded(table, node, view);
    return node->op == OP_SLICE ? view_sliced(table, node, view) : view_from(node, view);
}

bool view_levels(Emit *e, const View *view, const Type *type, int count, const int *axes, ViewLevels *levels) {
    DimTable  *table = graph_dims(e->program->graph);
    const Dim *next  = NULL; /* stride of the axis before, so that it runs on */
    *levels          = (ViewLevels){.run = dim_const(table, 1)};
    for (int i = count - 1; i >= 0; i--) {
        const Dim *dim = type->dims[axes[i]], *own = view->strides[axes[i]];
        if (dim_is_one(dim)) continue;
        if (!levels->stride) {
            levels->stride = own;
        } else if (own != next) {
            if (levels->outer) return false;
            levels->outer = own;
        }
        if (!levels->outer) levels->run = dim_mul(table, levels->run, dim);
        next = dim_mul(table, own, dim);
        if (!next || !levels->run) return false;
    }
    if (!levels->stride) levels->stride = dim_const(table, 1);
    return true;
}
