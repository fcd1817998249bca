/* The copy of a chunk of images that windows reach out of: each image's elements at their places, zeros between and around them left as they
 * are. */
#include "codegen/window.h"

enum { SHORT_RUN = 64 }; /* elements */

typedef struct Fill {
    const WindowFill *f;
    KernelEmit       *k;
    LLVMBuilderRef    b;
    LLVMTypeRef       elem; /* of the copy */
    LLVMValueRef      band;
    LLVMValueRef      from; /* the source in memory, or NULL */
    int               run;  /* first of the axes that lie together in the source and in the copy */
    int               lane; /* else the axis that lanes run along */
    LLVMValueRef      index[MAX_RANK];
} Fill;

typedef struct Reach { /* indices of the source along an axis, and where index 0 falls in the copy */
    LLVMValueRef begin, end, start;
} Reach;

static LLVMValueRef c64(const Fill *f, int64_t value) {
    return irb_i64(f->b, value);
}

/* What the operand's first index along the chunk and its batch axes add to the position along an axis. */
static LLVMValueRef shift_of(const Fill *f, int axis) {
    const Windows    *w    = f->f->windows;
    const WindowAxis *at   = &w->axes[axis];
    LLVMValueRef      sum  = c64(f, 0);
    const AxisList   *list = &f->f->batch_axes;
    if (axis == w->banded) sum = irb_mul(f->b, f->band, c64(f, at->factors[w->band_axis]));
    for (int i = 0; i < list->count; i++)
        if (at->factors[list->axes[i]])
            sum = irb_add(f->b, sum, irb_mul(f->b, f->f->batch[i].v, c64(f, at->factors[list->axes[i]])));
    return sum;
}

/* The copy holds positions low + shift and on; index i stands at position i * spread. */
static Reach span_of(const Fill *f, int axis) {
    LLVMBuilderRef    b    = f->b;
    const WindowAxis *at   = &f->f->windows->axes[axis];
    LLVMValueRef      low  = irb_add(b, c64(f, at->low), shift_of(f, axis));
    LLVMValueRef      high = irb_add(b, low, c64(f, at->copied)), zero = c64(f, 0), step = c64(f, at->spread);
    Reach             span = {.start = irb_sub(b, zero, low)};
    if (at->inside && at->spread == 1) return (Reach){low, high, span.start};
    span.begin = irb_ceil_div(b, irb_max(b, low, zero), step);
    span.end   = irb_ceil_div(b, irb_max(b, high, zero), step);
    if (at->extent >= 0) span.end = irb_min(b, span.end, c64(f, at->extent));
    return span;
}

/* Whether an axis is copied from end to end, without zeros. */
static bool is_copied_whole(const Fill *f, int axis) {
    const Windows    *w  = f->f->windows;
    const WindowAxis *at = &w->axes[axis];
    int64_t           shift;
    return at->spread == 1 && at->low == 0 && at->copied == at->extent && irb_const(shift_of(f, axis), &shift) &&
           !shift;
}

static int first_of_run(const Fill *f) {
    const Windows *w   = f->f->windows;
    int            run = w->rank - 1;
    if (run < w->has_images || w->axes[run].spread != 1) return w->rank;
    while (run > w->has_images && is_copied_whole(f, run) && w->axes[run - 1].spread == 1) run--;
    return run;
}

static int axis_of_lanes(const Fill *f) {
    const Windows *w    = f->f->windows;
    int            lane = w->rank - 1;
    while (lane > w->has_images && w->axes[lane].copied == 1) lane--;
    return lane >= w->has_images && w->axes[lane].spread == 1 ? lane : w->rank;
}

/* ---- elements ------------------------------------------------------------------------------------------------------------------ */

typedef struct Turn { /* one vector of a row */
    LLVMValueRef at;  /* its first element */
    int          lanes;
    LLVMValueRef mask;
} Turn;

static LLVMValueRef source_element(const Fill *f) {
    const Windows *w      = f->f->windows;
    LLVMValueRef   offset = c64(f, 0);
    int64_t        stride = 1;
    for (int i = w->rank - 1; i >= 0; i--) {
        offset = irb_add(f->b, offset, irb_mul(f->b, f->index[i], c64(f, stride)));
        if (i > 0) stride *= w->axes[i].extent;
    }
    return offset;
}

static LLVMValueRef load_in_memory(const Fill *f, const Turn *turn) {
    ElemType     elem = f->f->windows->source->type.elem;
    LLVMValueRef at   = irb_at(f->b, emit_mem_type(f->k->e, elem), f->from, irb_add(f->b, source_element(f), turn->at));
    return build_load_lanes(f->k, f->b, at, elem, turn->lanes, turn->mask);
}

static LLVMValueRef load_computed(const Fill *f, const Turn *turn) {
    KernelEmit    *k     = f->k;
    const Windows *w     = f->f->windows;
    Scope         *scope = ARENA_NEW(k->e->arena, Scope), *now = k->now, *mask_scope = k->mask_scope;
    LLVMValueRef   mask  = k->mask;
    int            lanes = k->lanes;
    Index          at[MAX_RANK];
    *scope        = (Scope){.parent = f->f->outer, .depth = f->f->outer->depth + 1, .b = f->b};
    k->now        = scope;
    k->lanes      = turn->lanes;
    k->mask       = turn->mask;
    k->mask_scope = turn->mask ? scope : NULL;
    debug_mark(k, f->b);
    for (int i = 0; i < w->rank; i++) at[i] = index_uniform(f->index[i], scope);
    if (f->lane < w->rank) {
        LLVMValueRef first = irb_add(f->b, f->index[f->lane], turn->at);
        at[f->lane]        = turn->lanes > 1 ? index_linear(first, scope, 1) : index_uniform(first, scope);
    }
    LLVMValueRef v = value_lanes(k, value_at(k, w->source, at));
    k->now = now, k->mask = mask, k->mask_scope = mask_scope, k->lanes = lanes;
    return v;
}

static void copy_turn(const Fill *f, LLVMValueRef to, const Turn *turn) {
    LLVMValueRef v = f->from ? load_in_memory(f, turn) : load_computed(f, turn);
    to             = irb_at(f->b, f->elem, to, turn->at);
    if (turn->mask)
        irb_masked_store(f->b, v, to, turn->mask);
    else
        irb_store(f->b, v, to);
}

/* `count` elements that follow each other in the source and in the copy. */
static void copy_row(const Fill *f, LLVMValueRef to, LLVMValueRef count) {
    LLVMBuilderRef b     = f->b;
    int            lanes = f->k->full_lanes;
    int64_t        known;
    if (irb_const(count, &known))
        while (lanes > 1 && lanes > known) lanes /= 2; /* whole vectors, where there are any */
    if (irb_const(count, &known) && known == lanes) {
        copy_turn(f, to, &(Turn){c64(f, 0), lanes, NULL});
        return;
    }
    LLVMValueRef rest  = LLVMBuildURem(b, count, c64(f, lanes), "");
    LLVMValueRef whole = irb_sub(b, count, rest);
    Loop         loop  = loop_begin(b, c64(f, 0), whole, c64(f, lanes));
    copy_turn(f, to, &(Turn){loop.index, lanes, NULL});
    loop_end(&loop, b);
    if (irb_const(rest, &known) && !known) return;
    Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, c64(f, 0), ""));
    copy_turn(f, to, &(Turn){whole, lanes, irb_mask_below(b, rest, lanes)});
    branch_end(&part, b);
}

/* ---- axes ------------------------------------------------------------------------------------------------------------------------ */

/* The row that `axis` starts: the axes after it are whole. */
static void copy_from_axis(Fill *f, int axis, LLVMValueRef to) {
    const Windows *w      = f->f->windows;
    Reach          span   = span_of(f, axis);
    bool           inside = w->axes[axis].inside && w->axes[axis].spread == 1;
    LLVMValueRef   count  = inside ? c64(f, w->axes[axis].copied) : irb_sub(f->b, span.end, span.begin);
    LLVMValueRef   place  = irb_mul(f->b, irb_add(f->b, span.start, span.begin), c64(f, w->axes[axis].stride));
    f->index[axis]        = span.begin;
    for (int i = axis + 1; i < w->rank; i++) {
        f->index[i] = c64(f, 0);
        count       = irb_mul(f->b, count, c64(f, w->axes[i].copied));
    }
    copy_row(f, irb_at(f->b, f->elem, to, place), count);
}

/* Elements that follow each other at each index of the axis before the run: their number where that is known, else 0. */
static int64_t short_run(const Fill *f) {
    const Windows *w     = f->f->windows;
    int64_t        count = 1;
    for (int i = f->run; i < w->rank; i++) {
        if (!w->axes[i].inside || w->axes[i].spread != 1) return 0;
        count *= w->axes[i].copied;
    }
    bool whole = count < f->k->full_lanes ? (count & (count - 1)) == 0 : count % f->k->full_lanes == 0;
    return whole && count <= SHORT_RUN ? count : 0;
}

/* The axis before a short run: two addresses that move on. */
static void copy_short_runs(Fill *f, int axis, LLVMValueRef to, int64_t count) {
    LLVMBuilderRef    b    = f->b;
    const Windows    *w    = f->f->windows;
    const WindowAxis *at   = &w->axes[axis];
    ElemType          elem = w->source->type.elem;
    LLVMTypeRef       mem  = emit_mem_type(f->k->e, elem);
    Reach             span = span_of(f, axis), inner = span_of(f, f->run);
    int64_t           step = 1;
    f->index[axis]         = span.begin;
    f->index[f->run]       = inner.begin;
    for (int i = f->run + 1; i < w->rank; i++) f->index[i] = c64(f, 0);
    for (int i = axis + 1; i < w->rank; i++) step *= w->axes[i].extent;
    LLVMValueRef place  = irb_mul(b, irb_add(b, inner.start, inner.begin), c64(f, w->axes[f->run].stride));
    LLVMValueRef first  = irb_add(b, irb_mul(b, span.begin, c64(f, at->spread)), span.start);
    place               = irb_add(b, place, irb_mul(b, first, c64(f, at->stride)));
    LLVMValueRef from   = irb_at(b, mem, f->from, source_element(f));
    LLVMValueRef dst    = irb_at(b, f->elem, to, place);
    Loop         loop   = loop_begin(b, span.begin, span.end, c64(f, 1));
    LLVMValueRef src_at = loop_carry(&loop, b, from), dst_at = loop_carry(&loop, b, dst);
    int          lanes = count < f->k->full_lanes ? (int)count : f->k->full_lanes;
    for (int64_t i = 0; i < count; i += lanes) {
        LLVMValueRef v = build_load_lanes(f->k, b, irb_at(b, mem, src_at, c64(f, i)), elem, lanes, NULL);
        irb_store(b, v, irb_at(b, f->elem, dst_at, c64(f, i)));
    }
    loop_next(&loop, 0, irb_at(b, mem, src_at, c64(f, step)));
    loop_next(&loop, 1, irb_at(b, f->elem, dst_at, c64(f, at->spread * at->stride)));
    loop_end(&loop, b);
}

static void fill_axis(Fill *f, int axis, LLVMValueRef to) {
    LLVMBuilderRef b = f->b;
    const Windows *w = f->f->windows;
    if (axis == (f->from ? f->run : f->lane) && axis < w->rank) {
        copy_from_axis(f, axis, to);
        return;
    }
    if (f->from && axis + 1 == f->run && f->run < w->rank && short_run(f)) {
        copy_short_runs(f, axis, to, short_run(f));
        return;
    }
    if (axis == w->rank) {
        copy_turn(f, to, &(Turn){c64(f, 0), 1, NULL});
        return;
    }
    Reach        span  = span_of(f, axis);
    Loop         loop  = loop_begin(b, span.begin, span.end, c64(f, 1));
    LLVMValueRef place = irb_add(b, irb_mul(b, loop.index, c64(f, w->axes[axis].spread)), span.start);
    f->index[axis]     = loop.index;
    fill_axis(f, axis + 1, irb_at(b, f->elem, to, irb_mul(b, place, c64(f, w->axes[axis].stride))));
    loop_end(&loop, b);
}

void windows_fill(void *user, LLVMValueRef copy, LLVMValueRef image, LLVMValueRef n_images, LLVMValueRef band) {
    const WindowFill *f    = user;
    const Windows    *w    = f->windows;
    Fill              fill = {.f = f, .k = f->k, .b = f->b, .band = band};
    fill.elem              = emit_reg_type(f->k->e, f->k->kernel->dot->type.elem);
    const Location *at     = node_location(f->k->plan, w->source);
    if (at && kernel_loads(f->k->plan, f->k->kernel, w->source)) fill.from = operand_pointer(f->k, at);
    fill.run  = first_of_run(&fill);
    fill.lane = axis_of_lanes(&fill);
    if (!w->has_images) {
        fill_axis(&fill, 0, copy);
        return;
    }
    Loop loop           = loop_begin(f->b, c64(&fill, 0), n_images, c64(&fill, 1));
    fill.index[0]       = irb_add(f->b, image, loop.index);
    LLVMValueRef offset = irb_mul(f->b, loop.index, c64(&fill, f->geometry->image_stride));
    fill_axis(&fill, 1, irb_at(f->b, fill.elem, copy, offset));
    loop_end(&loop, f->b);
}
