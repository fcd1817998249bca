/* Operands seen through windows: from a tree of movement ops to one affine map from the operand's indices to the source's, and from that
 * to the offsets of a contraction's rows and k. */
#include "codegen/window.h"

#include <string.h>

enum {
    POSITIONS_ENOUGH = 512,  /* rows of a chunk */
    GROUP_POSITIONS  = 128,  /* ... of one group's, whose copy the first-level cache should hold */
    POSITIONS_MOST   = 4096, /* ... and of its tables */
    COPY_SHARE       = 4,    /* of L2 that a copy may take: one in so many */
};

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

/* Row-major over the copy, or over the source. Returns the elements of an image. */
static int64_t lay_out(Windows *w) {
    int64_t stride = 1;
    for (int i = w->rank - 1; i >= w->has_images; i--) {
        w->axes[i].stride = stride;
        stride *= w->in_place && w->axes[i].extent > 0 ? w->axes[i].extent : w->axes[i].copied;
    }
    return stride;
}

static int64_t stride_along(const Windows *w, int axis) {
    int64_t stride = 0;
    for (int i = w->has_images; i < w->rank; i++) stride += w->axes[i].factors[axis] * w->axes[i].stride;
    return stride;
}

/* The axes' loops, images left out; neighbours that run on as one are one, but for the first where `keep_first`. */
static bool levels_of(const Windows *w, const Node *operand, const AxisList *list, int from, bool keep_first,
                      ContractLevel *levels, int *count) {
    *count = 0;
    for (int i = from; i < list->count; i++) {
        ContractLevel level = {window_extent(operand, list->axes[i]), stride_along(w, list->axes[i])};
        if (level.extent < 1) return false;
        bool kept = keep_first && i == from;
        if (level.extent == 1 && !kept) continue;
        ContractLevel *last = *count > (keep_first ? 1 : 0) ? &levels[*count - 1] : NULL;
        if (last && last->stride == level.stride * level.extent)
            *last = (ContractLevel){last->extent * level.extent, level.stride};
        else
            levels[(*count)++] = level;
    }
    return true;
}

/* The axis that the positions' outermost axis alone moves along; bands of that many indices are cut there. */
static bool cut_bands(Windows *w, int axis, int64_t image_elems, int64_t budget, ContractWindow *g) {
    const ContractLevel *outermost = g->image_in_k ? &g->depth[0] : &g->rows[0];
    int64_t              inside    = g->positions / outermost->extent;
    w->banded                      = -1;
    for (int i = w->has_images; i < w->rank; i++) {
        if (!w->axes[i].factors[axis]) continue;
        if (w->banded >= 0 || w->axes[i].factors[axis] < 0) return false;
        w->banded = i;
    }
    if (w->banded < 0) return false;
    WindowAxis *cut = &w->axes[w->banded];
    int64_t     row = image_elems / cut->copied, factor = cut->factors[axis];
    int64_t     more  = cut->copied - factor * (outermost->extent - 1); /* rows that one index needs */
    int64_t     fit   = w->in_place ? outermost->extent : (budget / row - more) / factor + 1;
    int64_t     table = POSITIONS_MOST / inside;
    fit               = fit < table ? fit : table;
    g->band           = fit < 1 ? 1 : fit < outermost->extent ? fit : outermost->extent;
    g->bands          = (outermost->extent + g->band - 1) / g->band;
    g->band_stride    = w->in_place ? g->band * outermost->stride : 0;
    w->band_axis      = axis;
    cut->copied       = factor * (g->band - 1) + more;
    return true;
}

/* As many images as make a chunk worth while. */
static int64_t choose_images(const Emit *e, const Node *operand, const WindowSides *sides, const ContractWindow *g,
                             int64_t enough, int64_t image_elems, int64_t budget) {
    int64_t most = POSITIONS_MOST / g->positions, fewest = (enough + g->positions - 1) / g->positions;
    if (g->copied && budget / image_elems < most) most = budget / image_elems;
    if (most < 1) most = 1;
    return window_images(e, operand, sides, g, fewest < most ? fewest : most, most, contract_tile_rows(e->target));
}

/* A group of a convolution whose channels are spread over the image's lines of memory. */
static bool of_few_columns(const WindowSides *sides) {
    return sides->batch->count && sides->columns > 0 && sides->columns <= WINDOW_GROUP_COLUMNS;
}

/* Beside few columns and a short k, a copy with zeros around is worth its work: there tiles have fixed offsets (contract_fixed.c). */
static bool prefers_copy(const Windows *w, const Node *operand, const WindowSides *sides, const ContractWindow *g) {
    enum { COLUMNS = 8, DEPTH = 64, ZEROS = 3 }; /* ZEROS: a copy is larger by less than one part in so many */
    int64_t depth = 1, copied = 1, extent = 1;
    for (int i = 0; i < sides->contract->count; i++) depth *= window_extent(operand, sides->contract->axes[i]);
    for (int i = w->has_images; i < w->rank; i++) {
        copied *= w->axes[i].copied;
        extent *= w->axes[i].extent;
        if (w->axes[i].spread != 1) return false;
    }
    if (of_few_columns(sides)) return copied - extent < extent / ZEROS;
    return !g->image_in_k && sides->columns > 0 && sides->columns <= COLUMNS && depth > 0 && depth <= DEPTH &&
           copied - extent < extent / ZEROS;
}

/* Rows that miss the same of k, read from the images in place: instead of a copy, where images are whole and, of rows that are summed for
 * long, where each region is whole tiles. */
static bool use_regions(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, ContractWindow *g) {
    int tile_rows = contract_tile_rows(e->target);
    if (w->in_place || !w->in_memory || g->positions > POSITIONS_MOST || prefers_copy(w, operand, sides, g))
        return false;
    w->in_place      = true; /* its layout is the source's */
    int64_t elems    = lay_out(w);
    g->regions       = windows_regions(e, w, operand, sides, g->image_in_k);
    bool whole_tiles = g->regions != NULL;
    for (int i = 0; g->regions && i < g->regions->count; i++)
        whole_tiles &= !g->image_in_k || g->regions->regions[i].n_rows % tile_rows == 0;
    if (!whole_tiles) {
        g->regions  = NULL;
        w->in_place = false;
        return false;
    }
    int64_t most    = w->has_images ? POSITIONS_MOST / g->positions : 1;
    g->copied       = false;
    g->image_stride = elems;
    g->images       = choose_images(e, operand, sides, g, POSITIONS_ENOUGH, elems, elems);
    if (most >= tile_rows && g->images < tile_rows) g->images = tile_rows; /* borders of few rows fill tiles */
    if (!w->has_images) g->images = 1;
    g->band = 1;
    return elems * g->images < INT32_MAX;
}

static bool cut_chunks(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                       ContractWindow *g) {
    const AxisList *positions = g->image_in_k ? sides->contract : sides->free;
    int             from_free = w->has_images && !g->image_in_k, from_k = g->image_in_k;
    int64_t         budget = e->target->l2_bytes / COPY_SHARE / elem_bytes, elems = lay_out(w);
    bool large = positions->count > w->has_images && (g->positions > POSITIONS_MOST || (g->copied && elems > budget));
    bool apart = sides->vectors && !g->image_in_k; /* levels of rows and columns, as vectors' tiles want them */
    if (!levels_of(w, operand, sides->free, from_free, apart || (large && !g->image_in_k), g->rows, &g->n_rows) ||
        !levels_of(w, operand, sides->contract, from_k, apart || (large && g->image_in_k), g->depth, &g->n_depth))
        return false;
    if (!large) {
        int64_t enough = sides->vectors || of_few_columns(sides) ? GROUP_POSITIONS : POSITIONS_ENOUGH;
        g->images      = w->has_images ? choose_images(e, operand, sides, g, enough, elems, budget) : 1;
        g->band        = 1;
    } else {
        if (g->image_in_k && g->n_depth < 2) return false;
        if (!cut_bands(w, positions->axes[w->has_images], elems, budget, g)) return false;
        elems = lay_out(w);
        if (!levels_of(w, operand, sides->free, from_free, !g->image_in_k, g->rows, &g->n_rows) ||
            !levels_of(w, operand, sides->contract, from_k, g->image_in_k, g->depth, &g->n_depth))
            return false;
    }
    g->image_stride = elems;
    g->copy_elems   = g->copied ? elems * g->images : 0;
    for (int i = w->has_images; i < w->rank; i++)
        g->copy_origin += (w->axes[i].offset - w->axes[i].low) * w->axes[i].stride;
    return g->n_rows < CONTRACT_LEVELS && g->n_depth < CONTRACT_LEVELS && elems * g->images < INT32_MAX;
}

/* On how many sets of the first-level cache lines fall that lie so many bytes apart. */
int64_t window_sets(int64_t apart) {
    enum { SETS = 64, LINE = 64 };
    int64_t lines = (apart & -apart) / LINE;
    return lines <= 1 ? SETS : lines < SETS ? SETS / lines : 1;
}

/* Images of which vectors are read in place: nothing outside is asked for, and what the rows of a kernel meet of a row of the image stays in the
 * first-level cache while that moves on, most of it. */
static bool read_vectors(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                         ContractWindow *g) {
    enum { LINES = 16, SETS_LEAST = 8 }; /* a set of them: twice as many as it holds */
    Windows        there = *w;
    ContractWindow image = *g;
    if (!w->in_memory || g->image_in_k || w->lanes > target_lanes(e->target, elem_bytes)) return false;
    there.in_place = true;
    image.copied   = false;
    if (!cut_chunks(e, &there, operand, sides, elem_bytes, &image) || image.bands > 1) return false;
    windows_reach(&there, operand, sides, &image);
    if (!contract_leaves_out(e->target, &image)) return false;
    int64_t sets = window_sets(there.axes[there.rank - 2].stride * elem_bytes);
    if (sets < SETS_LEAST || image.depth[0].extent * there.axes[there.rank - 2].extent > LINES * sets) return false;
    *w = there;
    *g = image;
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
    bool found =
        sides->vectors ? read_vectors(e, w, operand, sides, elem_bytes, g) : use_regions(e, w, operand, sides, g);
    if (!found && !cut_chunks(e, w, operand, sides, elem_bytes, g)) return false;
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
        const Dim *stride = dim_const(graph_dims(k->e->program->graph), stride_along(w, batch->axes[i]));
        offset            = index_add(k, offset, index_scale(k, index[i], stride));
    }
    LLVMBuilderRef b  = offset.scope->b;
    LLVMValueRef   at = irb_add(b, offset.v, irb_i64(b, start));
    return irb_at(b, emit_mem_type(k->e, w->source->type.elem), operand_pointer(k, node_location(k->plan, w->source)),
                  at);
}
