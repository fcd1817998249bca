/* Tiles of fixed offsets: of windows over a copy whose layout is known when compiling, beside few columns. There a row of the tile is a single
 * vector, and what the tables of offsets cost would show. Where k is short, too, the tile is straight-line code. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    STRAIGHT_MOST = 64, /* k of a tile without a loop */
    ROWS_LEAST    = 6,  /* of a tile */
    ROWS_MOST     = 16, /* ... of images' rows */
    TAPS_MOST     = 28, /* ... of a kernel's: beside its vector of B they fill the registers */
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

/* Rows of images: a tile is a part of the innermost level's; k is all of a window. */
static bool fix_images(const ContractWindow *w, int64_t k, FixedTile *fixed) {
    int64_t extent = w->n_rows ? w->rows[w->n_rows - 1].extent : 0, rows = 0;
    for (int64_t r = ROWS_LEAST; r <= ROWS_MOST; r++)
        if (extent % r == 0) rows = r;
    if (!rows || k < 1 || k > STRAIGHT_MOST) return false;
    fixed->n_rows = (int)rows;
    for (int i = 0; i < rows; i++) fixed->rows[i] = (int32_t)(i * w->rows[w->n_rows - 1].stride);
    fixed->n_k = offsets_of(w->depth, w->n_depth, fixed->k);
    return true;
}

/* Rows of a kernel: all of them are one tile, for which packing B would not pay. */
static bool fix_kernel(const ContractShape *s, FixedTile *fixed) {
    if (s->m < ROWS_LEAST || s->m > TAPS_MOST) return false;
    fixed->n_rows    = offsets_of(s->window->rows, s->window->n_rows, fixed->rows);
    fixed->n_k       = 0;
    fixed->b_step    = !s->b_has_load && s->b_stride_n == 1 && s->b_stride_k > 0 ? s->b_stride_k : 0;
    fixed->b_columns = (int)s->n;
    return true;
}

bool contract_fix_tile(const ContractPlan *plan, FixedTile *fixed) {
    const ContractWindow *w    = plan->shape.window;
    bool                  half = plan->lanes < target_lanes(plan->target, plan->elem_bytes);
    if (!w || w->regions || plan->nv != 1 || plan->winograd || (!half && !w->image_in_k)) return false;
    return w->image_in_k ? fix_kernel(&plan->shape, fixed) : fix_images(w, plan->shape.k, fixed);
}
