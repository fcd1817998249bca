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

/* One stride for its free and one for its contracted axes, where there are. */
static void lay_out_view(Emit *e, Side *side) {
    ViewLevels free, k;
    side->stride_free = axis_stride(e, side, &side->free, &free);
    side->stride_k    = axis_stride(e, side, &side->contract, &k);
    side->plain       = side->stride_free && side->stride_k;
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
    side.is_view = true;
    lay_out_view(e, &side);
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

/* Turns round the axes of k along which windows are read backwards, in both operands: beside few columns, where lanes run along k, runs of k are as
 * long then as elements lie side by side. False where there are none. */
static bool turn_windows(Emit *e, Product *p) {
    DimTable *dims = graph_dims(e->program->graph);
    Side     *b    = &p->b;
    bool      any  = false;
    for (int i = 0; i < p->a.contract.count; i++) {
        int     axis = p->a.contract.axes[i], other = b->contract.axes[i];
        int64_t extent;
        bool    forwards = false, backwards = false;
        for (int s = 0; s < p->windows.rank; s++) {
            forwards |= p->windows.axes[s].factors[axis] > 0;
            backwards |= p->windows.axes[s].factors[axis] < 0;
        }
        if (forwards || !backwards || !dim_is_const(p->a.node->type.dims[axis], &extent)) continue;
        for (int s = 0; s < p->windows.rank; s++) {
            p->windows.axes[s].offset += p->windows.axes[s].factors[axis] * (extent - 1);
            p->windows.axes[s].factors[axis] *= -1;
        }
        const Dim *last        = dim_mul(dims, b->view.strides[other], dim_const(dims, extent - 1));
        b->view.offset         = last ? dim_add(dims, b->view.offset, last) : NULL;
        b->view.strides[other] = dim_mul(dims, b->view.strides[other], dim_const(dims, -1));
        if (!b->view.offset || !b->view.strides[other]) return false;
        any = true;
    }
    if (any) lay_out_view(e, b);
    return any;
}

/* Beside a windowed A, B may be a view whose k does not run on. */
static bool use_windows(Emit *e, Product *p, int elem_bytes) {
    Side       *a = &p->a, *b = &p->b;
    WindowSides sides = {&a->batch, &a->free, &a->contract, side_extent_constant(b, &b->free), p->lanes > 0};
    if (p->lanes) p->windows.lanes = p->lanes;
    if (!windows_geometry(e, &p->windows, a->node, &sides, elem_bytes, &p->geometry)) return false;
    p->windowed = true;
    if (b->plain || !b->stride_free || p->geometry.image_in_k) return true;
    b->plain = side_levels(graph_dims(e->program->graph), b);
    if (!b->plain) b->n_outer = 0;
    return true;
}

/* How many of `count` neighbouring vectors of channels are one product: where the lines of an image's positions, which lie `step` bytes apart, fall on
 * a few sets of the first-level cache, what is read and what is stored would drive each other out. */
static int64_t vectors_together(int64_t count, int64_t vector_bytes, int64_t step) {
    enum { LINE = 64, SETS_WANTED = 16 };
    int64_t together = 1, bytes = SETS_WANTED * LINE / window_sets(step);
    if (window_sets(step) >= WINDOW_SETS_ENOUGH) return 1;
    while (together < count && (together * vector_bytes < bytes || count % together)) together++;
    return together;
}

/* One channel a product, all channels side by side in memory: vectors of them are computed together. */
static int lanes_of_batch(const Emit *e, const Product *p) {
    int64_t     extent, stride;
    const Side *a = &p->a, *b = &p->b;
    int bytes = elem_size(a->node->type.elem), lanes = target_lanes(e->target, bytes), last = p->windows.rank - 1;
    if (a->batch.count != 1 || b->free.count || !b->is_view || last < 1 || lanes < 2) return 0;
    if (!dim_is_const(a->node->type.dims[a->batch.axes[0]], &extent) || extent % lanes) return 0;
    if (!dim_is_const(b->view.strides[b->batch.axes[0]], &stride) || stride != 1) return 0;
    if (p->windows.axes[last].whole != a->batch.axes[0]) return 0;
    return lanes * (int)vectors_together(extent / lanes, (int64_t)lanes * bytes, extent * bytes);
}

static void find_windows(Emit *e, const FnPlan *plan, const Kernel *kernel, bool computed, Product *p) {
    int bytes = elem_size(kernel->dot->type.elem);
    if (p->a.plain || !windows_of(e, plan, kernel, p->a.node, &p->a.batch, computed, &p->windows)) return;
    int64_t columns = side_extent_constant(&p->b, &p->b.free);
    p->windows.unit = kernel->tail_band;
    p->lanes        = lanes_of_batch(e, p);
    int64_t most    = p->a.batch.count ? WINDOW_GROUP_COLUMNS : CONTRACT_DOT_COLUMNS;
    if (columns > 0 && columns <= most && p->b.is_view) {
        Product turned = *p;
        if (turn_windows(e, &turned) && use_windows(e, &turned, bytes) && turned.b.plain) {
            *p = turned;
            return;
        }
    }
    if (!use_windows(e, p, bytes)) p->lanes = 0;
}

Product product_of(Emit *e, const FnPlan *plan, const Kernel *kernel, bool computed) {
    Side    left = side_of(e, plan, kernel, false), right = side_of(e, plan, kernel, true);
    Product p = kernel->swap ? (Product){.a = right, .b = left} : (Product){.a = left, .b = right};
    for (int i = kernel->groups > 0; i < p.b.free.count; i++) axis_push(&p.columns, p.b.free.axes[i]);
    find_windows(e, plan, kernel, computed, &p);
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
