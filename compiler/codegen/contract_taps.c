/* Tiles of taps: rows of a fixed tile that meet the same elements of a run. Each element is loaded once and multiplied with all taps that meet one of
 * the rows; what lies outside of the image is left out, by code of its own for each of the fixed tile's edges. */
#include "codegen/contract_tile.h"
#include "codegen/irb.h"

/* The row whose element `tap` is place p of a run; -1: none. */
static int row_met(const FixedTile *fixed, int p, int tap) {
    int from_first = p - tap;
    return from_first >= 0 && from_first % fixed->row_taps == 0 && from_first / fixed->row_taps < fixed->n_rows
               ? from_first / fixed->row_taps
               : -1;
}

static bool meets_any(const FixedTile *fixed, int p) {
    for (int v = 0; v < fixed->taps; v++)
        if (row_met(fixed, p, v) >= 0) return true;
    return false;
}

/* One phase of a run: each element is loaded once, for all rows that meet it. Two stretches of them in turn, so that no sum is added to twice in
 * a row. */
static void sum_phase(const Tile *t, int edge, LLVMValueRef a, LLVMValueRef b_at, LLVMValueRef tap,
                      LLVMValueRef *sums) {
    LLVMBuilderRef   b     = t->b;
    const FixedTile *fixed = &t->plan->fixed_tile;
    LLVMValueRef     columns[TILE_SUMS_MOST], step = irb_i64(b, fixed->tap_step);
    for (int v = 0; v < fixed->taps; v++)
        columns[v] = irb_load(b, t->vec, irb_at(b, t->elem, b_at, irb_mul(b, tap, irb_i64(b, v))));
    int begin = fixed->met_begin[edge], end = fixed->met_end[edge], half = (end - begin + 1) / 2;
    for (int i = 0; i < 2 * half; i++) {
        int p = begin + i / 2 + i % 2 * half;
        if (p >= end || !meets_any(fixed, p)) continue;
        LLVMValueRef row = tile_load_element(t, irb_near(b, t->elem, a, irb_mul(b, step, irb_i64(b, p))));
        for (int v = 0; v < fixed->taps; v++) {
            int r = row_met(fixed, p, v);
            if (r >= 0) sums[r] = tile_multiply_add(t, row, columns[v], sums[r]);
        }
    }
}

/* Runs of which neighbouring rows meet the same elements, phase by phase: one loop over all phases of all runs, which lie `run_step` apart. */
static void sum_taps(const Tile *t, const TileArgs *args, int edge, LLVMValueRef a, LLVMValueRef *sums) {
    LLVMBuilderRef   b     = t->b;
    const FixedTile *fixed = &t->plan->fixed_tile;
    LLVMValueRef     zero = irb_i64(b, 0), one = irb_i64(b, 1), phases = irb_i64(b, fixed->phases);
    LLVMValueRef     tap    = irb_mul(b, args->b_k, phases);
    LLVMValueRef     first  = tile_table_entry(t, args->runs, one);
    LLVMValueRef     a_from = irb_near(b, t->elem, a, tile_table_entry(t, args->runs, zero));
    LLVMValueRef     b_from = irb_at(b, t->elem, args->b, irb_mul(b, first, args->b_k));
    LLVMValueRef     a_next = irb_i64(b, fixed->run_step - fixed->phases + 1);
    LLVMValueRef     b_next = irb_mul(b, args->b_k, irb_i64(b, (int64_t)fixed->phases * (fixed->taps - 1) + 1));
    Loop             loop   = loop_begin(b, zero, irb_mul(b, args->n_runs, phases), one);
    LLVMValueRef     a_at = loop_carry(&loop, b, a_from), b_at = loop_carry(&loop, b, b_from),
                 left = loop_carry(&loop, b, phases);
    for (int r = 0; r < t->rows; r++) sums[r] = loop_carry(&loop, b, sums[r]);
    sum_phase(t, edge, a_at, b_at, tap, sums);
    LLVMValueRef last = LLVMBuildICmp(b, LLVMIntEQ, left, one, "");
    loop_next(&loop, 0, irb_near(b, t->elem, a_at, LLVMBuildSelect(b, last, a_next, one, "")));
    loop_next(&loop, 1, irb_at(b, t->elem, b_at, LLVMBuildSelect(b, last, b_next, args->b_k, "")));
    loop_next(&loop, 2, LLVMBuildSelect(b, last, phases, irb_sub(b, left, one), ""));
    for (int r = 0; r < t->rows; r++) loop_next(&loop, r + 3, sums[r]);
    loop_end(&loop, b);
    for (int r = 0; r < t->rows; r++) sums[r] = loop.result[r + 3];
}

void tile_sum_taps(const Tile *t, const TileArgs *args, LLVMValueRef a, LLVMValueRef *sums) {
    LLVMBuilderRef    b     = t->b;
    int               edges = t->plan->fixed_tile.n_edges;
    LLVMBasicBlockRef blocks[TILE_EDGES], after;
    LLVMValueRef      choice, values[TILE_EDGES][TILE_SUMS_MOST];
    if (edges == 1 || !args->edge) {
        sum_taps(t, args, 0, a, sums);
        return;
    }
    for (int i = 0; i < edges; i++) blocks[i] = LLVMAppendBasicBlockInContext(irb_context(b), irb_function(b), "edge");
    after  = LLVMAppendBasicBlockInContext(irb_context(b), irb_function(b), "edges");
    choice = LLVMBuildSwitch(b, args->edge, blocks[0], (unsigned)edges - 1);
    for (int i = 0; i < edges; i++) {
        if (i) LLVMAddCase(choice, irb_i64(b, i), blocks[i]);
        LLVMPositionBuilderAtEnd(b, blocks[i]);
        for (int r = 0; r < t->rows; r++) values[i][r] = sums[r];
        sum_taps(t, args, i, a, values[i]);
        blocks[i] = LLVMGetInsertBlock(b);
        LLVMBuildBr(b, after);
    }
    LLVMPositionBuilderAtEnd(b, after);
    for (int r = 0; r < t->rows; r++) {
        sums[r] = LLVMBuildPhi(b, t->vec, "");
        for (int i = 0; i < edges; i++) LLVMAddIncoming(sums[r], &values[i][r], &blocks[i], 1);
    }
}
