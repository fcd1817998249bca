/* Chunks of images: their layout in memory or in a copy, the levels of rows and of k over that, and how many images or which bands of one a chunk
 * holds. */
#include "codegen/window.h"

#include "plan/plan.h"

enum {

    GROUP_POSITIONS  = 128, /* ... of one group's, whose copy the first-level cache should hold */
    COPY_SHARE       = 4,   /* of L2 that a copy may take: one in so many */
    STREAM_SHARE     = 2,   /* ... and images that are summed over, where they are read in place */
    STREAM_POSITIONS = 192, /* of these at least, in a chunk: its sums are loaded and stored */
};

static int64_t least(int64_t x, int64_t y) {
    return x < y ? x : y;
}

/* Images of the busiest of two and of four threads, times their number, when chunks hold n. */
static int64_t busiest(int64_t images, int64_t n) {
    int64_t chunks = (images + n - 1) / n;
    return 2 * least(images, (chunks + 1) / 2 * n) + 4 * least(images, (chunks + 3) / 4 * n);
}

/* At nominal sizes; 0 where it is not known. */
static int64_t images_likely(const Emit *e, const Node *operand, const ContractWindow *g, const WindowSides *sides) {
    const AxisList *axes = g->image_in_k ? sides->contract : sides->free;
    int64_t         images;
    if (!axes->count || !dim_eval(operand->type.dims[axes->axes[0]], nominal_sizes(e->c, e->program), &images))
        return 0;
    return images;
}

/* The images of a chunk, `fewest` or more: whole tiles if that takes few more, and such that of the images that are likely two and four threads
 * get as many each. */
static int64_t window_images(const Emit *e, const Node *operand, const WindowSides *sides, const ContractWindow *g,
                             int64_t fewest, int64_t most, int tile_rows) {
    int64_t n = fewest, images = images_likely(e, operand, g, sides);
    while (n < most && n < fewest + tile_rows && n * g->positions % tile_rows) n++;
    bool whole = n * g->positions % tile_rows == 0;
    if (!whole) n = fewest;
    for (int64_t more = n, first = n; more <= most && more < 2 * first; more++) {
        if (whole && more * g->positions % tile_rows) continue;
        if (busiest(images, more) < busiest(images, n)) n = more;
    }
    return n;
}

/* ---- layout and levels ------------------------------------------------------------------------------------------------------- */

/* Row-major over the copy, or over the source. Returns the elements of an image. */
int64_t windows_lay_out(Windows *w) {
    int64_t stride = 1;
    for (int i = w->rank - 1; i >= w->has_images; i--) {
        w->axes[i].stride = stride;
        stride *= w->in_place && w->axes[i].extent > 0 ? w->axes[i].extent : w->axes[i].copied;
    }
    return stride;
}

int64_t windows_stride(const Windows *w, int axis) {
    int64_t stride = 0;
    for (int i = w->has_images; i < w->rank; i++) stride += w->axes[i].factors[axis] * w->axes[i].stride;
    return stride;
}

/* The axes' loops, images left out; neighbours that run on as one are one, but for the first where `keep_first`. */
static bool levels_of(const Windows *w, const Node *operand, const AxisList *list, int from, bool keep_first,
                      ContractLevel *levels, int *count) {
    *count = 0;
    for (int i = from; i < list->count; i++) {
        ContractLevel level = {window_extent(operand, list->axes[i]), windows_stride(w, list->axes[i])};
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
static bool cut_bands(Windows *w, int axis, int64_t image_elems, int64_t budget, int64_t band, ContractWindow *g) {
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
    int64_t     table = WINDOW_POSITIONS_MOST / inside;
    fit               = fit < table ? fit : table;
    if (band && band < fit) fit = band;
    if (w->unit) fit = fit < w->unit ? w->unit : fit / w->unit * w->unit;
    g->band        = fit < 1 ? 1 : fit < outermost->extent ? fit : outermost->extent;
    g->bands       = (outermost->extent + g->band - 1) / g->band;
    g->band_stride = w->in_place ? g->band * outermost->stride : 0;
    w->band_axis   = axis;
    cut->copied    = factor * (g->band - 1) + more;
    return true;
}

int64_t windows_images(const Emit *e, const Node *operand, const WindowSides *sides, const ContractWindow *g,
                       int64_t enough, int64_t image_elems, int64_t budget) {
    int64_t most = WINDOW_POSITIONS_MOST / g->positions, fewest = (enough + g->positions - 1) / g->positions;
    if (g->copied && budget / image_elems < most) most = budget / image_elems;
    if (most < 1) most = 1;
    return window_images(e, operand, sides, g, fewest < most ? fewest : most, most, contract_tile_rows(e->target));
}

bool windows_few_columns(const WindowSides *sides) {
    return sides->batch->count && sides->columns > 0 && sides->columns <= WINDOW_GROUP_COLUMNS;
}

/* Images in place that are summed over, position by position: tile after tile of rows reads a chunk of them again, so that the second-level cache
 * should hold it. The bands' length along the positions' outermost axis; 0: whole images do. */
static int64_t band_of_stream(const Emit *e, const Windows *w, const Node *operand, const WindowSides *sides,
                              int elem_bytes, const ContractWindow *g) {
    const AxisList *positions = g->image_in_k ? sides->contract : NULL;
    if (!positions || g->copied || sides->batch->count || !w->has_images || positions->count < 2) return 0;
    int     axis   = positions->axes[1];
    int64_t extent = window_extent(operand, axis), elems = 1;
    for (int i = w->has_images; i < w->rank; i++) {
        int64_t factor = w->axes[i].factors[axis];
        if (factor && w->axes[i].copied - factor * (extent - 1) > factor) return 0; /* they overlap */
        elems *= w->axes[i].extent;
    }
    int64_t fit = e->target->l2_bytes / STREAM_SHARE / elem_bytes * extent / elems, inside = g->positions / extent;
    if (fit >= extent || fit < 1 || fit * inside < STREAM_POSITIONS) return 0;
    int64_t bands = (extent + fit - 1) / fit;
    return (extent + bands - 1) / bands;
}

bool windows_cut_chunks(const Emit *e, Windows *w, const Node *operand, const WindowSides *sides, int elem_bytes,
                        ContractWindow *g) {
    const AxisList *positions = g->image_in_k ? sides->contract : sides->free;
    int             from_free = w->has_images && !g->image_in_k, from_k = g->image_in_k;
    int64_t         budget = e->target->l2_bytes / COPY_SHARE / elem_bytes, elems = windows_lay_out(w);
    int64_t         band  = band_of_stream(e, w, operand, sides, elem_bytes, g);
    bool            large = positions->count > w->has_images &&
                 (g->positions > WINDOW_POSITIONS_MOST || (g->copied && elems > budget) || band);
    bool apart = sides->vectors && !g->image_in_k; /* levels of rows and columns, as vectors' tiles want them */
    if (!levels_of(w, operand, sides->free, from_free, apart || (large && !g->image_in_k), g->rows, &g->n_rows) ||
        !levels_of(w, operand, sides->contract, from_k, apart || (large && g->image_in_k), g->depth, &g->n_depth))
        return false;
    if (!large) {
        int64_t enough = sides->vectors || windows_few_columns(sides) ? GROUP_POSITIONS : WINDOW_POSITIONS_ENOUGH;
        g->images      = w->has_images ? windows_images(e, operand, sides, g, enough, elems, budget) : 1;
        g->band        = 1;
    } else {
        if (g->image_in_k && g->n_depth < 2) return false;
        if (!cut_bands(w, positions->axes[w->has_images], elems, budget, band, g)) return false;
        elems = windows_lay_out(w);
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
