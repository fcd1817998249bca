/* Tiles of fixed offsets: of windows over a copy whose layout is known when compiling, beside few columns. There a row of the tile is a single
 * vector, and what the tables of offsets cost would show. Where k is short, too, the tile is straight-line code. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    STRAIGHT_MOST = 64, /* k of a tile without a loop */
    ROWS_LEAST    = 6,  /* of a tile */
    VECTORS_LEAST = 4,  /* ... of vectors */
    ROWS_MOST     = 16, /* ... of images' rows */
    TAPS_MOST     = 28, /* ... of a kernel's: beside its vector of B they fill the registers */
    TAPS_SHARED   = 7,  /* vectors of B at once */
};

/* The offsets of all indices of some levels, in order; returns their number. */
static int offsets_of(const ContractLevel *levels, int n_levels, int32_t *offsets) {
    int count  = 1;
    offsets[0] = 0;
    for (int l = 0; l < n_levels; l++) { /* each index so far becomes `extent` of them, the last ones first */
        int extent = (int)levels[l].extent;
        for (int i = count * extent - 1; i >= 0; i--)
            offsets[i] = offsets[i / extent] + (int32_t)(i % extent * levels[l].stride);
        count *= extent;
    }
    return count;
}

/* Whether neighbouring rows share elements of a run: it is as long as a few rows are apart or, of vectors, rows are few of its elements apart. */
static bool share_taps(const ContractWindow *w, bool vectors, FixedTile *fixed) {
    ContractLevel run = window_run(w), row = w->rows[w->n_rows - 1];
    if (row.stride <= 0 || run.stride <= 0 || w->n_depth > 2) return false;
    if (vectors ? row.stride % run.stride != 0 : run.stride != 1 || run.extent % row.stride != 0) return false;
    int64_t taps    = vectors ? run.extent : run.extent / row.stride;
    fixed->tap_step = (int)(vectors ? run.stride : row.stride);
    fixed->phases   = vectors ? 1 : (int)row.stride;
    fixed->row_taps = (int)(row.stride / fixed->tap_step);
    fixed->taps     = (int)taps;
    fixed->run_step = w->n_depth == 2 ? (int)w->depth[0].stride : 0;
    return taps > 1 && taps <= TAPS_SHARED && fixed->row_taps < taps;
}

/* The places that rows meet where some tile of several, whose first rows are `first` to `last` of a level, is inside of the image; `all`: where all
 * of them are. */
static void find_met(const WindowReach *reach, int64_t first, int64_t last, bool all, FixedTile *fixed, int edge) {
    int64_t end   = (fixed->n_rows - 1) * fixed->row_taps + fixed->taps;
    int64_t low   = (all ? first : last) * reach->step + reach->offset;
    int64_t high  = (all ? last : first) * reach->step + reach->offset;
    int64_t begin = low < 0 ? -low : 0;
    if (high + end > reach->extent) end = reach->extent - high;
    fixed->met_begin[edge] = (int)begin;
    fixed->met_end[edge]   = (int)(end > begin ? end : begin);
}

/* The first tile of a level, those between and the last one, as far as there are any: without what is outside of the image. Returns whether nothing
 * that is outside is left in any of them. */
static bool find_edges(const WindowReach *reach, int64_t extent, FixedTile *fixed) {
    int64_t rows = fixed->n_rows, tiles = extent / rows;
    bool    exact  = true;
    fixed->n_edges = 1;
    if (reach->step != fixed->row_taps) {
        fixed->met_end[0] = (int)((rows - 1) * fixed->row_taps + fixed->taps);
        return false;
    }
    fixed->n_edges = (int)(tiles < TILE_EDGES ? tiles : TILE_EDGES);
    for (int i = 0; i < fixed->n_edges; i++) {
        int64_t   first  = i == 0 ? 0 : i < fixed->n_edges - 1 ? rows : extent - rows;
        int64_t   last   = i == 0 || i == fixed->n_edges - 1 ? first : extent - 2 * rows;
        FixedTile inside = *fixed;
        find_met(reach, first, last, false, fixed, i);
        find_met(reach, first, last, true, &inside, i);
        exact &= inside.met_begin[i] == fixed->met_begin[i] && inside.met_end[i] == fixed->met_end[i];
    }
    return exact;
}

/* The most rows whose sums leave room in the registers for the taps' vectors of B and two of A. */
static int64_t rows_of(const Target *target, int taps, int64_t extent) {
    int64_t most = target->vector_registers - taps - 2, rows = 0;
    for (int64_t r = 1; r <= ROWS_MOST && r <= most; r++)
        if (extent % r == 0) rows = r;
    return rows;
}

bool contract_leaves_out(const Target *target, const ContractWindow *w) {
    FixedTile fixed = {0};
    if (w->image_in_k || w->n_rows != 2 || w->n_depth != 2 || !share_taps(w, true, &fixed)) return false;
    fixed.n_rows = (int)rows_of(target, fixed.taps, w->rows[1].extent);
    return fixed.n_rows >= VECTORS_LEAST && w->reach[0].step && find_edges(&w->reach[1], w->rows[1].extent, &fixed);
}

/* Rows of images: a tile is a part of the innermost level's; k is all of a window, straight-line or run by run. */
static bool fix_images(const ContractPlan *plan, bool narrow, FixedTile *fixed) {
    const ContractWindow *w       = plan->shape.window;
    bool                  vectors = plan->shape.a_vectors;
    int64_t               extent  = w->n_rows ? w->rows[w->n_rows - 1].extent : 0, rows;
    if (plan->shape.k < 1 || !extent) return false;
    bool shares = share_taps(w, vectors, fixed), straight = narrow && plan->shape.k <= STRAIGHT_MOST && !vectors;
    if (shares ? !vectors && !narrow : !straight) return false;
    rows = rows_of(plan->target, shares ? fixed->taps : 0, extent);
    if (rows < (vectors ? VECTORS_LEAST : ROWS_LEAST)) return false;
    fixed->n_rows = (int)rows;
    for (int i = 0; i < rows; i++) fixed->rows[i] = (int32_t)(i * w->rows[w->n_rows - 1].stride);
    if (shares)
        find_edges(&w->reach[1], extent, fixed);
    else
        fixed->n_k = offsets_of(w->depth, w->n_depth, fixed->k);
    return true;
}

/* Rows of a kernel: all of them are one tile, for which packing B would not pay; or a tile is a part of the innermost level's. */
static bool fix_kernel(const ContractShape *s, FixedTile *fixed) {
    const ContractWindow *w = s->window;
    if (s->m < ROWS_LEAST || !w->n_rows) return false;
    if (s->m > TAPS_MOST) {
        ContractLevel part = w->rows[w->n_rows - 1];
        int64_t       rows = 0;
        for (int64_t r = ROWS_LEAST; r <= TAPS_MOST; r++)
            if (part.extent % r == 0) rows = r;
        part.extent   = rows;
        fixed->n_rows = rows ? offsets_of(&part, 1, fixed->rows) : 0;
        return rows > 0;
    }
    fixed->n_rows    = offsets_of(w->rows, w->n_rows, fixed->rows);
    fixed->b_step    = !s->b_has_load && s->b_stride_n == 1 && s->b_stride_k > 0 ? s->b_stride_k : 0;
    fixed->b_columns = (int)s->n;
    return true;
}

bool contract_fix_tile(const ContractPlan *plan, FixedTile *fixed) {
    const ContractWindow *w    = plan->shape.window;
    bool                  half = plan->lanes < target_lanes(plan->target, plan->elem_bytes);
    if (!w || w->regions || plan->nv != 1 || plan->winograd) return false;
    *fixed = (FixedTile){0};
    if (w->image_in_k && plan->shape.m > TAPS_MOST && !half) return false;
    return w->image_in_k ? fix_kernel(&plan->shape, fixed) : fix_images(plan, half, fixed);
}
