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
static bool share_taps(const ContractPlan *plan, FixedTile *fixed) {
    const ContractWindow *w   = plan->shape.window;
    ContractLevel         run = window_run(w), row = w->rows[w->n_rows - 1];
    bool                  vectors = plan->shape.a_vectors;
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

/* The places that a tile's rows meet; of one that is all of a level without those outside of the image. */
static void find_met(const WindowReach *reach, bool whole, FixedTile *fixed) {
    int64_t end      = (fixed->n_rows - 1) * fixed->row_taps + fixed->taps;
    fixed->met_begin = 0;
    fixed->met_end   = (int)end;
    if (!whole || reach->step != fixed->row_taps) return;
    if (reach->offset < 0) fixed->met_begin = (int)-reach->offset;
    if (reach->offset + end > reach->extent) fixed->met_end = (int)(reach->extent - reach->offset);
}

/* The most rows whose sums leave room in the registers for the taps' vectors of B and two of A. */
static int64_t rows_of(const ContractPlan *plan, int taps, int64_t extent) {
    int64_t most = plan->target->vector_registers - taps - 2, rows = 0;
    for (int64_t r = 1; r <= ROWS_MOST && r <= most; r++)
        if (extent % r == 0) rows = r;
    return rows;
}

/* Rows of images: a tile is a part of the innermost level's; k is all of a window, straight-line or run by run. */
static bool fix_images(const ContractPlan *plan, bool narrow, FixedTile *fixed) {
    const ContractWindow *w      = plan->shape.window;
    int64_t               extent = w->n_rows ? w->rows[w->n_rows - 1].extent : 0, rows;
    bool straight = narrow && plan->shape.k <= STRAIGHT_MOST && !plan->shape.a_vectors && !share_taps(plan, fixed);
    if (plan->shape.k < 1 || !extent) return false;
    if (!straight && ((!plan->shape.a_vectors && !narrow) || !share_taps(plan, fixed))) return false;
    rows = rows_of(plan, straight ? 0 : fixed->taps, extent);
    if (rows < (plan->shape.a_vectors ? VECTORS_LEAST : ROWS_LEAST)) return false;
    fixed->n_rows = (int)rows;
    for (int i = 0; i < rows; i++) fixed->rows[i] = (int32_t)(i * w->rows[w->n_rows - 1].stride);
    if (straight)
        fixed->n_k = offsets_of(w->depth, w->n_depth, fixed->k);
    else
        find_met(&w->reach[1], rows == extent, fixed);
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
