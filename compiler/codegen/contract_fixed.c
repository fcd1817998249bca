/* Tiles of fixed offsets: of windows over a copy whose layout is known when compiling, beside few columns. There a row of the tile is a single
 * vector, and what the tables of offsets cost would show. Where k is short, too, the tile is straight-line code. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    STRAIGHT_MOST = 64, /* k of a tile without a loop */
    ROWS_LEAST    = 6,  /* of a tile */
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

/* Where neighbouring rows lie a part of a run apart, the elements of a run that they share are loaded once for all of them. */
static int shared_taps(const ContractWindow *w) {
    ContractLevel run = window_run(w), row = w->rows[w->n_rows - 1];
    bool          even = run.stride == 1 && row.stride > 0 && run.extent % row.stride == 0;
    int64_t       taps = even ? run.extent / row.stride : 0;
    return taps > 1 && taps <= TAPS_SHARED ? (int)taps : 0;
}

/* Of a tile that is all of a level: how many of the elements that its rows meet lie outside the image. */
static void find_zeros(const WindowReach *reach, FixedTile *fixed) {
    int64_t met = fixed->n_rows + fixed->taps - 1, behind = reach->offset + met - reach->extent;
    fixed->zeros[0] = reach->offset < 0 ? (int)-reach->offset : 0;
    fixed->zeros[1] = behind > 0 ? (int)behind : 0;
}

/* Rows of images: a tile is a part of the innermost level's; k is all of a window, straight-line or run by run. */
static bool fix_images(const ContractPlan *plan, bool narrow, FixedTile *fixed) {
    const ContractWindow *w      = plan->shape.window;
    int64_t               extent = w->n_rows ? w->rows[w->n_rows - 1].extent : 0, rows = 0;
    for (int64_t r = ROWS_LEAST; r <= ROWS_MOST; r++)
        if (extent % r == 0) rows = r;
    if (!rows || plan->shape.k < 1) return false;
    fixed->n_rows = (int)rows;
    for (int i = 0; i < rows; i++) fixed->rows[i] = (int32_t)(i * w->rows[w->n_rows - 1].stride);
    if (narrow && plan->shape.k <= STRAIGHT_MOST) {
        fixed->n_k = offsets_of(w->depth, w->n_depth, fixed->k);
        return true;
    }
    fixed->taps = shared_taps(w);
    if (rows == extent && w->reach[1].step == 1) find_zeros(&w->reach[1], fixed);
    return fixed->taps > 0;
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
    return w->image_in_k ? fix_kernel(&plan->shape, fixed) : fix_images(plan, half, fixed);
}
