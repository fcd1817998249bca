/* Operands seen through windows: from a tree of movement ops to one affine map from the operand's indices to the source's, and from that
 * to the offsets of a contraction's rows and k (window_chunks.c), of images read in place or copied (window_reads.c). */
#include "codegen/window.h"

#include <string.h>

typedef struct Trace { /* the walk from the operand down */
    DimTable       *dims;
    const Type     *operand;
    const AxisList *batch;
    Node           *at;
    WindowAxis      axes[MAX_RANK]; /* of `at`: factors, offset and spread */
    bool            slides;
} Trace;

/* ---- ranges --------------------------------------------------------------------------------------------------------------- */

bool axis_is_in(const AxisList *list, int axis) {
    for (int i = 0; i < list->count; i++)
        if (list->axes[i] == axis) return true;
    return false;
}

/* The operand's axis that this axis is, or -1. */
static int whole_axis(const Trace *t, const WindowAxis *axis, const Dim *extent) {
    int found = -1;
    if (axis->offset || axis->spread != 1) return -1;
    for (int i = 0; i < t->operand->rank; i++) {
        if (!axis->factors[i]) continue;
        if (found >= 0 || axis->factors[i] != 1 || t->operand->dims[i] != extent) return -1;
        found = i;
    }
    return found;
}

static bool range_of(const Trace *t, const WindowAxis *axis, bool with_batch, int64_t *low, int64_t *high) {
    *low = *high = axis->offset;
    for (int i = 0; i < t->operand->rank; i++) {
        int64_t extent, factor = axis->factors[i];
        if (!factor || (!with_batch && axis_is_in(t->batch, i))) continue;
        if (!dim_is_const(t->operand->dims[i], &extent) || extent < 1) return false;
        *(factor < 0 ? low : high) += factor * (extent - 1);
    }
    return true;
}

/* Whether nothing lies outside of an axis of this extent. */
static bool stays_inside(const Trace *t, const WindowAxis *axis, const Dim *extent) {
    int64_t low, high, size;
    if (whole_axis(t, axis, extent) >= 0) return true;
    return axis->spread == 1 && dim_is_const(extent, &size) && range_of(t, axis, true, &low, &high) && low >= 0 &&
           high < size;
}

/* ---- movement ops ------------------------------------------------------------------------------------------------------------ */

static bool through_permute(Trace *t) {
    WindowAxis axes[MAX_RANK] = {0};
    for (int i = 0; i < t->at->type.rank; i++) axes[t->at->attr.axes.axes[i]] = t->axes[i];
    memcpy(t->axes, axes, sizeof axes);
    return true;
}

static bool through_expand(Trace *t) {
    WindowAxis axes[MAX_RANK] = {0};
    int        n              = 0;
    for (int i = 0; i < t->at->type.rank && i < MAX_RANK; i++) {
        bool fresh = false;
        for (int a = 0; a < t->at->attr.axes.count; a++) fresh |= t->at->attr.axes.axes[a] == i;
        if (fresh && !stays_inside(t, &t->axes[i], t->at->type.dims[i])) return false;
        if (!fresh) axes[n++] = t->axes[i];
    }
    memcpy(t->axes, axes, sizeof axes);
    return true;
}

static bool through_slice(Trace *t) {
    int64_t offsets[MAX_RANK];
    for (int i = 0; i < t->at->type.rank; i++) {
        bool moves = t->at->type.dims[i] != t->at->inputs[0]->type.dims[i];
        if (!dim_is_const(t->at->attr.offsets[i], &offsets[i])) return false;
        if (moves && !stays_inside(t, &t->axes[i], t->at->type.dims[i])) return false;
    }
    for (int i = 0; i < t->at->type.rank; i++) t->axes[i].offset += offsets[i];
    return true;
}

/* Beyond the ends of what it slides over there is nothing: where a slide before has left that, this one must leave its input too. */
static bool leaves_both(const Trace *t, const WindowAxis *axis, const Slide *slide, int64_t before) {
    int64_t           middle, size;
    const Dim *const *to = t->at->type.dims, *const *from = t->at->inputs[0]->type.dims;
    if (stays_inside(t, axis, to[slide->axis])) return true;
    return slide->step == 1 && !slide->dilation && before >= 0 && dim_is_const(to[slide->axis], &middle) &&
           dim_is_const(from[slide->axis], &size) && middle - before > (size - 1) * slide->divisor;
}

static bool through_slide(Trace *t) {
    const Slide *slide = &t->at->attr.slide;
    WindowAxis  *axis  = &t->axes[slide->axis];
    int64_t      before;
    if (axis->spread != 1 || slide->fill != 0 || !dim_is_const(slide->before, &before) ||
        !leaves_both(t, axis, slide, before))
        return false;
    if (slide->dilation) {
        const WindowAxis *by = &t->axes[slide->by];
        if (by->spread != 1 || !stays_inside(t, by, t->at->type.dims[slide->by])) return false;
    }
    const WindowAxis *by = slide->dilation ? &t->axes[slide->by] : NULL;
    for (int i = 0; i < MAX_RANK; i++)
        axis->factors[i] = axis->factors[i] * slide->step + (by ? by->factors[i] * slide->dilation : 0);
    axis->offset = axis->offset * slide->step + (by ? by->offset * slide->dilation : 0) - before;
    axis->spread = slide->divisor;
    t->slides    = true;
    return true;
}

/* One axis of a reshape's input from the axes of its result from *next on that make it up. */
static bool join_axes(const Trace *t, const Dim *extent, int *next, WindowAxis *joined) {
    const Type *type    = &t->at->type;
    const Dim  *product = dim_const(t->dims, 1);
    int         first   = *next;
    while (product && product != extent && *next < type->rank)
        product = dim_mul(t->dims, product, type->dims[(*next)++]);
    if (product != extent) return false;
    int64_t stride = 1, size;
    if (*next - first == 1) {
        *joined = t->axes[first];
        return true;
    }
    *joined = (WindowAxis){.spread = 1};
    for (int i = *next - 1; i >= first; i--) {
        const WindowAxis *axis = &t->axes[i];
        if (axis->spread != 1 || !stays_inside(t, axis, type->dims[i])) return false;
        for (int a = 0; a < MAX_RANK; a++) joined->factors[a] += axis->factors[a] * stride;
        joined->offset += axis->offset * stride;
        if (i > first && !dim_is_const(type->dims[i], &size)) return false;
        if (i > first) stride *= size;
    }
    return true;
}

/* A reshape that only cuts axes, or takes axes of size 1 in and out. */
static bool through_reshape(Trace *t) {
    const Type *from = &t->at->inputs[0]->type, *to = &t->at->type;
    const Dim  *one            = dim_const(t->dims, 1);
    WindowAxis  axes[MAX_RANK] = {0};
    int         next           = 0;
    for (int i = 0; i < from->rank; i++) {
        axes[i] = (WindowAxis){.spread = 1};
        if (from->dims[i] == one) continue;
        for (; next < to->rank && to->dims[next] == one; next++)
            if (!stays_inside(t, &t->axes[next], one)) return false;
        if (!join_axes(t, from->dims[i], &next, &axes[i])) return false;
    }
    for (; next < to->rank; next++)
        if (to->dims[next] != one || !stays_inside(t, &t->axes[next], one)) return false;
    memcpy(t->axes, axes, sizeof axes);
    return true;
}

/* bf16 and f16 are f32 in registers: they widen as they are copied. */
static bool through_cast(const Trace *t) {
    return elem_is_narrow(t->at->inputs[0]->type.elem) && t->at->type.elem == ELEM_F32;
}

static bool step_down(Trace *t) {
    bool through = false;
    switch (t->at->op) {
    case OP_PERMUTE: through = through_permute(t); break;
    case OP_EXPAND: through = through_expand(t); break;
    case OP_SLICE: through = through_slice(t); break;
    case OP_SLIDE: through = through_slide(t); break;
    case OP_RESHAPE: through = through_reshape(t); break;
    case OP_AGAIN: through = true; break;
    case OP_CAST: through = through_cast(t); break;
    default: break;
    }
    if (through) t->at = t->at->inputs[0];
    return through;
}

bool windows_of(Emit *e, const FnPlan *plan, const Kernel *kernel, Node *operand, const AxisList *batch, bool computed,
                Windows *windows) {
    Trace t = {.dims = graph_dims(e->program->graph), .operand = &operand->type, .batch = batch, .at = operand};
    for (int i = 0; i < operand->type.rank; i++) t.axes[i].factors[i] = t.axes[i].spread = 1;
    while (!kernel_loads(plan, kernel, t.at) && step_down(&t)) continue;
    const Type *type = &t.at->type;
    *windows         = (Windows){.source = t.at, .rank = type->rank, .slides = t.slides, .banded = -1};
    bool inside      = true;
    for (int i = 0; i < type->rank; i++) {
        WindowAxis *axis = &windows->axes[i];
        *axis            = t.axes[i];
        axis->whole      = whole_axis(&t, axis, type->dims[i]);
        axis->inside     = stays_inside(&t, axis, type->dims[i]);
        inside &= axis->inside;
        if (!dim_is_const(type->dims[i], &axis->extent)) axis->extent = -1;
        bool counted = range_of(&t, axis, false, &axis->low, &axis->high);
        if (axis->whole < 0 && (axis->extent < 0 || !counted)) return false;
    }
    windows->computed =
        computed && !batch->count && op_info[t.at->op].class == ELEMENTWISE && !kernel_loads(plan, kernel, t.at);
    windows->in_memory =
        (windows->computed || kernel_loads(plan, kernel, t.at)) && type->elem == kernel->dot->type.elem;
    windows->in_place = inside && windows->in_memory;
    return t.slides;
}

/* ---- geometry ------------------------------------------------------------------------------------------------------------------ */

int64_t window_extent(const Node *operand, int axis) {
    int64_t extent;
    return dim_is_const(operand->type.dims[axis], &extent) ? extent : -1;
}

/* The images are axis 0, if that comes first among the rows or among k. */
static bool find_images(Windows *w, const AxisList *free, const AxisList *contract, bool *in_k) {
    int whole     = w->rank ? w->axes[0].whole : -1;
    *in_k         = whole >= 0 && contract->count && contract->axes[0] == whole;
    w->has_images = *in_k || (whole >= 0 && free->count && free->axes[0] == whole);
    for (int i = w->has_images; i < w->rank; i++) {
        WindowAxis *axis = &w->axes[i];
        if (axis->extent < 0 && (i > 0 || axis_is_in(free, axis->whole) || axis_is_in(contract, axis->whole)))
            return false;
        axis->copied = axis->high - axis->low + 1;
    }
    return true;
}

bool windows_geometry(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                      ContractWindow *g) {
    *g = (ContractWindow){.images = 1, .bands = 1, .positions = 1, .copied = sides->vectors || !w->in_place};
    if (sides->vectors) {
        w->axes[w->rank - 1].high = w->axes[w->rank - 1].low + w->lanes - 1;
        w->in_place               = false;
    }
    if (!find_images(w, sides->free, sides->contract, &g->image_in_k)) return false;
    const AxisList *positions = g->image_in_k ? sides->contract : sides->free;
    for (int i = w->has_images; i < positions->count; i++) {
        int64_t extent = window_extent(operand, positions->axes[i]);
        if (extent < 1) return false;
        g->positions *= extent;
    }
    if (windows_copy_group(e, w, operand, sides, elem_bytes, g)) return true;
    bool found = sides->vectors ? windows_read_vectors(e, w, operand, sides, elem_bytes, g)
                                : windows_use_regions(e, w, operand, sides, g);
    if (!found && !windows_cut_chunks(e, w, operand, sides, elem_bytes, g)) return false;
    windows_reach(w, operand, sides, g);
    g->plane = windows_plane(e, w, operand, sides, g);
    return true;
}

LLVMValueRef windows_base(KernelEmit *k, const Windows *w, const ContractWindow *g, const AxisList *batch,
                          const Index *index) {
    int64_t start  = 0;
    Index   offset = index_constant(k, 0);
    for (int i = w->has_images; i < w->rank && !g->regions; i++) start += w->axes[i].offset * w->axes[i].stride;
    for (int i = 0; i < batch->count; i++) {
        const Dim *stride = dim_const(graph_dims(k->e->program->graph), windows_stride(w, batch->axes[i]));
        offset            = index_add(k, offset, index_scale(k, index[i], stride));
    }
    LLVMBuilderRef b  = offset.scope->b;
    LLVMValueRef   at = irb_add(b, offset.v, irb_i64(b, start));
    return irb_near(b, emit_mem_type(k->e, w->source->type.elem), operand_pointer(k, node_location(k->plan, w->source)),
                    at);
}
