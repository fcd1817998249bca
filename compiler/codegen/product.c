/* Which axes of a DOT are rows, columns and k, and how its operands lie in memory: views with one stride for each, views in two levels, windows, or
 * values that must be computed. */
#include "codegen/product.h"

#include <string.h>

/* ---- axes ------------------------------------------------------------------------------------------------------------------- */

static void axis_push(AxisList *list, int axis) {
    list->axes[list->count++] = axis;
}

/* NULL where the axes do not run on. */
static const Dim *axis_stride(Emit *e, const Side *side, const AxisList *list, ViewLevels *levels) {
    bool one = view_levels(e, &side->view, &side->node->type, list->count, list->axes, levels) && !levels->outer;
    return one ? levels->stride : NULL;
}

static Side side_of(Emit *e, const FnPlan *plan, const Kernel *kernel, bool right) {
    const DotAxes *dot     = &kernel->dot->attr.dot;
    const int8_t  *batch   = right ? dot->right_batch : dot->left_batch,
                 *contract = right ? dot->right_contract : dot->left_contract;
    Side side              = {.node = kernel->dot->inputs[right]};
    bool done[MAX_RANK]    = {0};
    for (int i = 0; i < dot->n_batch; i++) axis_push(&side.batch, batch[i]), done[batch[i]] = true;
    for (int i = 0; i < dot->n_contract; i++) axis_push(&side.contract, contract[i]), done[contract[i]] = true;
    for (int i = 0; i < side.node->type.rank; i++)
        if (!done[i]) axis_push(&side.free, i);
    if (!view_of(e, plan, kernel, side.node, &side.view) || side.view.elem != kernel->dot->type.elem) return side;
    ViewLevels free, k;
    side.is_view     = true;
    side.stride_free = axis_stride(e, &side, &side.free, &free);
    side.stride_k    = axis_stride(e, &side, &side.contract, &k);
    side.plain       = side.stride_free && side.stride_k;
    return side;
}

/* A side whose free axis or k runs in two levels is nearly plain: it is packed run by run along its other axis, which lies together, as B's columns
 * must. */
static void find_split(Emit *e, Side *side, bool is_b) {
    ViewLevels free, k;
    if (side->plain || !side->is_view) return;
    const Dim *stride_free = axis_stride(e, side, &side->free, &free),
              *stride_k    = axis_stride(e, side, &side->contract, &k);
    if (stride_free && dim_is_one(stride_free) && k.outer)
        side->split = SPLIT_K;
    else if (stride_k && dim_is_one(stride_k) && free.outer && !is_b)
        side->split = SPLIT_FREE;
    else
        return;
    const ViewLevels *levels = side->split == SPLIT_K ? &k : &free;
    side->split_run          = levels->run;
    side->split_outer        = levels->outer;
    side->stride_free        = free.stride;
    side->stride_k           = k.stride;
    side->plain              = true;
}

/* k of a view as levels of known extents and strides, the innermost of them being the run; false where they are not known. */
static bool side_levels(DimTable *dims, Side *side) {
    int64_t extent, stride, run_stride = 1;
    side->n_outer = 0;
    side->k_run   = 1;
    for (int i = side->contract.count - 1; i >= 0; i--) {
        int axis = side->contract.axes[i];
        if (!dim_is_const(side->node->type.dims[axis], &extent) || !dim_is_const(side->view.strides[axis], &stride))
            return false;
        if (extent == 1) continue;
        ContractLevel *outermost = side->n_outer ? &side->outer[0] : NULL;
        if (side->k_run == 1) {
            side->k_run = extent, run_stride = stride;
        } else if (!outermost && stride == run_stride * side->k_run) {
            side->k_run *= extent;
        } else if (outermost && stride == outermost->stride * outermost->extent) {
            outermost->extent *= extent;
        } else {
            memmove(&side->outer[1], &side->outer[0], sizeof *side->outer * (size_t)side->n_outer++);
            side->outer[0] = (ContractLevel){extent, stride};
        }
    }
    side->stride_k = dim_const(dims, run_stride);
    return true;
}

static int axis_dims(const Side *side, const AxisList *list, const Dim **dims) {
    for (int i = 0; i < list->count; i++) dims[i] = side->node->type.dims[list->axes[i]];
    return list->count;
}

int64_t side_extent_constant(const Side *side, const AxisList *list) {
    const Dim *dims[MAX_RANK];
    return dims_constant(axis_dims(side, list, dims), dims);
}

/* Beside a windowed A, B may be a view whose k does not run on. */
static void find_windows(Emit *e, const FnPlan *plan, const Kernel *kernel, Product *p) {
    Side       *a = &p->a, *b = &p->b;
    int         bytes = elem_size(kernel->dot->type.elem);
    WindowSides sides = {&a->batch, &a->free, &a->contract, side_extent_constant(b, &b->free)};
    if (a->plain || !windows_of(e, plan, kernel, a->node, &a->batch, &p->windows) ||
        !windows_geometry(e, &p->windows, a->node, &sides, bytes, &p->geometry))
        return;
    p->windowed = true;
    if (b->plain || !b->stride_free || p->geometry.image_in_k) return;
    b->plain = side_levels(graph_dims(e->program->graph), b);
    if (!b->plain) b->n_outer = 0;
}

Product product_of(Emit *e, const FnPlan *plan, const Kernel *kernel) {
    Side    left = side_of(e, plan, kernel, false), right = side_of(e, plan, kernel, true);
    Product p = kernel->swap ? (Product){.a = right, .b = left} : (Product){.a = left, .b = right};
    for (int i = kernel->groups > 0; i < p.b.free.count; i++) axis_push(&p.columns, p.b.free.axes[i]);
    find_windows(e, plan, kernel, &p);
    if (p.windowed) return p;
    find_split(e, &p.a, false);
    find_split(e, &p.b, true);
    return p;
}

Extent side_extent(DimEnv *env, const Side *side, const AxisList *list) {
    const Dim *dims[MAX_RANK];
    int        count = axis_dims(side, list, dims);
    return (Extent){dims_constant(count, dims), dims_product(env, count, dims)};
}
