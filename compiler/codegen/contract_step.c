/* One tile of a contraction: where its operands lie, its sums, its epilogue.
 *
 * In general a shared micro-kernel stores the sums to scratch and a loop hands them, vector by vector, to the store anchor: little
 * code for any tile. Whole tiles of products over a short K, where that detour would show, are summed in place and go from the
 * registers to an anchor that is short enough to be repeated. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

static LLVMValueRef select_value(const ContractEmit *e, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildSelect(e->b, condition, x, y, "");
}

/* ---- the sums ---- */

/* Whether an extent can leave a tile of `count` rows or vectors, each of `unit` elements, `most` being a whole tile. */
static bool may_leave(int64_t extent, int count, int most, int unit) {
    if (extent < 0) return true;
    int64_t units = (extent + unit - 1) / unit;
    return count == most ? units >= most : units % most == count;
}

/* Column blocks are `width` wide but for the last one. */
static bool may_have_vectors(const ContractEmit *e, int vectors) {
    const ContractPlan *plan = e->plan;
    if (e->spec->seen) return true;
    for (int i = 0; i < 2; i++) {
        int64_t width, n = plan->shape.n;
        if (n < 0 || !irb_const(e->cut.widths[i], &width)) return true;
        int64_t halves[] = {e->cut.half ? e->cut.half : n, n - e->cut.half};
        for (int h = 0; h < 2; h++) {
            int64_t rest = halves[h] % width;
            if (halves[h] >= width && may_leave(width, vectors, plan->nv, plan->lanes)) return true;
            if (rest && may_leave(rest, vectors, plan->nv, plan->lanes)) return true;
        }
    }
    return false;
}

/* Calls the micro-kernel for the tile's vectors, and for all or some of its rows. */
static void dispatch_tile(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    const ContractPlan *plan       = e->plan;
    LLVMBuilderRef      b          = e->b;
    LLVMContextRef      context    = irb_context(b);
    LLVMTypeRef         i64        = LLVMInt64TypeInContext(context);
    LLVMValueRef        vectors    = irb_ceil_div(b, at->summed ? at->summed : at->cols, c64(e, plan->lanes));
    LLVMValueRef        full       = LLVMBuildICmp(b, LLVMIntEQ, at->rows, c64(e, plan->mr), "");
    LLVMValueRef        code       = irb_add(b, irb_mul(b, vectors, c64(e, 2)), LLVMBuildZExt(b, full, i64, ""));
    LLVMBasicBlockRef   impossible = LLVMAppendBasicBlockInContext(context, irb_function(b), "impossible");
    LLVMBasicBlockRef   after      = LLVMAppendBasicBlockInContext(context, irb_function(b), "summed");
    LLVMValueRef        choice     = LLVMBuildSwitch(b, code, impossible, 2 * (unsigned)plan->nv);
    for (int c = 2 * plan->nv + 1; c > 1; c--) {
        int     v = c / 2, rows = c % 2 ? plan->mr : -1;
        int64_t m        = e->number_table ? -1 : plan->shape.m; /* a region has any number of rows */
        bool    rows_may = rows > 0 ? may_leave(m, rows, plan->mr, 1) : m < 0 || m % plan->mr;
        if (!rows_may || !may_have_vectors(e, v)) continue;
        LLVMBasicBlockRef here = LLVMInsertBasicBlockInContext(context, impossible, "tile");
        LLVMAddCase(choice, c64(e, c), here);
        LLVMPositionBuilderAtEnd(b, here);
        TileArgs plain = *args;
        if (v < plan->nv) plain.ahead = NULL;
        if (rows > 0)
            contract_call_tile(plan, b, rows, v, &plain);
        else
            contract_call_tail(plan, b, at->rows, v, args);
        LLVMBuildBr(b, after);
    }
    LLVMPositionBuilderAtEnd(b, impossible);
    LLVMBuildUnreachable(b);
    LLVMPositionBuilderAtEnd(b, after);
}

/* Packed or in place, as chosen; where that is known only at run time both are described and one is selected. */
static void locate_a(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    const ContractPlan    *plan = e->plan;
    const ContractOperand *A    = &e->spec->a;
    LLVMBuilderRef         b    = e->b;
    if (plan->a_packing == A_WINDOW) {
        window_locate_a(e, at, args);
        return;
    }
    if (!known(e->a_packed, false)) {
        bool    together = plan->a_packing == A_PACK_ROWS;
        int64_t step     = together ? a_panel_stride(plan) : plan->mr * a_row_stride(plan);
        args->a          = irb_at(b, e->elem, e->a_buffer, irb_mul(b, at->tile, c64(e, step)));
        args->a_row      = c64(e, together ? 1 : a_row_stride(plan));
        args->a_k        = c64(e, together ? plan->row_lanes : 1);
    }
    if (known(e->a_packed, true)) return;
    LLVMValueRef row = irb_mul(b, at->i0, A->stride_free.value), column = irb_mul(b, e->p0, A->stride_k.value);
    LLVMValueRef direct = irb_at(b, e->elem, A->base, irb_add(b, row, column));
    bool         both   = args->a != NULL;
    args->a             = both ? select_value(e, e->a_packed, args->a, direct) : direct;
    args->a_row         = both ? select_value(e, e->a_packed, args->a_row, A->stride_free.value) : A->stride_free.value;
    args->a_k           = both ? select_value(e, e->a_packed, args->a_k, A->stride_k.value) : A->stride_k.value;
}

static void locate_b(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    const ContractPlan    *plan  = e->plan;
    const ContractOperand *B     = &e->spec->b;
    LLVMBuilderRef         b     = e->b;
    LLVMValueRef           width = irb_round_up(b, at->cols, plan->lanes);
    LLVMValueRef           start = irb_mul(b, at->panel, c64(e, (int64_t)plan->groups * plan->nr * plan->kc));
    args->b                      = irb_at(b, e->elem, e->b_buffer, start);
    args->b_k                    = width;
    if (plan->fixed && plan->fixed_tile.b_step)
        args->b = irb_at(b, e->elem, B->base, irb_add(b, at->j0, irb_mul(b, e->p0, c64(e, plan->fixed_tile.b_step))));
    if (known(e->b_stays, false)) return;
    LLVMValueRef whole  = LLVMBuildICmp(b, LLVMIntEQ, width, at->cols, "");
    LLVMValueRef stays  = LLVMBuildAnd(b, e->b_stays, whole, "");
    LLVMValueRef offset = irb_add(b, at->j0, irb_mul(b, e->p0, B->stride_k.value));
    args->b             = select_value(e, stays, irb_at(b, e->elem, B->base, offset), args->b);
    args->b_k           = select_value(e, stays, B->stride_k.value, args->b_k);
}

/* ---- the epilogue ---- */

static LLVMValueRef load_sums(const ContractEmit *e, const TilePlace *at, LLVMValueRef row, LLVMValueRef column) {
    LLVMValueRef offset = irb_add(e->b, irb_mul(e->b, row, c64(e, e->plan->c_row)), column);
    return irb_load(e->b, e->vec, irb_at(e->b, e->elem, at->c, offset));
}

/* The product's row at place i of the loops. */
static LLVMValueRef row_number(const ContractEmit *e, LLVMValueRef i) {
    LLVMContextRef context = irb_context(e->b);
    LLVMTypeRef    i32 = LLVMInt32TypeInContext(context), i64 = LLVMInt64TypeInContext(context);
    if (!e->number_table) return i;
    LLVMValueRef number = irb_load(e->b, i32, irb_at(e->b, i32, e->number_table, i));
    return irb_add(e->b, e->number0, LLVMBuildSExt(e->b, number, i64, ""));
}

/* The same vector of all groups, to their anchor. */
static void store_groups(const ContractEmit *e, const TilePlace *at, LLVMValueRef row, LLVMValueRef column,
                         LLVMValueRef i, LLVMValueRef mask) {
    const ContractPlan *plan = e->plan;
    LLVMValueRef        values[CONTRACT_GROUPS];
    TilePlace           group = *at;
    for (int g = 0; g < plan->groups; g++) {
        group.c   = irb_at(e->b, e->elem, at->c, c64(e, (int64_t)g * plan->mr * plan->c_row));
        values[g] = load_sums(e, &group, row, column);
    }
    e->spec->store_groups(e->spec->store_user, i, irb_add(e->b, at->j0, column), values, plan->lanes, mask);
}

/* From scratch: the vector at `column` of the tile's row `row`, which is the product's row i. */
static unsigned store_scratch_vector(const ContractEmit *e, const TilePlace *at, LLVMValueRef row, LLVMValueRef column,
                                     LLVMValueRef i, LLVMValueRef mask) {
    if (e->plan->groups == 1)
        return contract_store_vector(e, i, irb_add(e->b, at->j0, column), load_sums(e, at, row, column), mask);
    store_groups(e, at, row, column, i, mask);
    return contract_anchor_most(e->plan) + 1;
}

/* Vector by vector, all rows of each at once. */
static void store_rows_at(const ContractEmit *e, const TilePlace *at, LLVMValueRef column, LLVMValueRef mask) {
    LLVMValueRef values[TILE_SUMS_MOST];
    for (int r = 0; r < (int)e->plan->shape.m; r++) values[r] = load_sums(e, at, c64(e, r), column);
    e->spec->store_rows(e->spec->store_user, irb_add(e->b, at->j0, column), values, e->plan->lanes, mask);
}

static unsigned store_rows_together(const ContractEmit *e, const TilePlace *at) {
    LLVMBuilderRef b     = e->b;
    int            lanes = e->plan->lanes;
    int64_t        n     = e->spec->n.constant;
    LLVMValueRef   rest  = LLVMBuildURem(b, at->cols, c64(e, lanes), "");
    LLVMValueRef   whole = irb_sub(b, at->cols, rest);
    if (n < 0 || n >= lanes) {
        Loop loop = loop_begin(b, e->zero, whole, c64(e, lanes));
        store_rows_at(e, at, loop.index, NULL);
        loop_end(&loop, b);
    }
    if (n < 0 || n % lanes) {
        Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, e->zero, ""));
        store_rows_at(e, at, whole, irb_mask_below(b, rest, lanes));
        branch_end(&part, b);
    }
    return contract_anchor_most(e->plan) + 1;
}

/* Hands each row's whole vectors, then the part of one, to the store anchor; returns its size. */
static unsigned store_from_scratch(const ContractEmit *e, const TilePlace *at) {
    LLVMBuilderRef b     = e->b;
    int            lanes = e->plan->lanes;
    int64_t        n     = e->spec->n.constant;
    unsigned       size  = contract_anchor_most(e->plan) + 1;
    LLVMValueRef   rest  = LLVMBuildURem(b, at->cols, c64(e, lanes), "");
    LLVMValueRef   whole = irb_sub(b, at->cols, rest), mask = irb_mask_below(b, rest, lanes);
    Loop           rows = loop_begin(b, e->zero, at->rows, e->one);
    LLVMValueRef   i    = row_number(e, irb_add(b, at->i0, rows.index));
    if (n < 0 || n >= lanes) {
        Loop loop = loop_begin(b, e->zero, whole, c64(e, lanes));
        size      = store_scratch_vector(e, at, rows.index, loop.index, i, NULL);
        loop_end(&loop, b);
    }
    if (n < 0 || n % lanes) {
        Branch   part    = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, e->zero, ""));
        unsigned of_part = store_scratch_vector(e, at, rows.index, whole, i, mask);
        if (n > 0 && n < lanes) size = of_part;
        branch_end(&part, b);
    }
    loop_end(&rows, b);
    return size;
}

/* Of one column, whole tiles whose rows follow each other: lanes along rows. */
static unsigned store_along_rows(const ContractEmit *e, const TilePlace *at) {
    const ContractPlan *plan  = e->plan;
    LLVMBuilderRef      b     = e->b;
    LLVMValueRef        first = row_number(e, at->i0), last_place = irb_add(b, at->i0, irb_sub(b, at->rows, e->one));
    LLVMValueRef        whole = LLVMBuildICmp(b, LLVMIntEQ, at->rows, c64(e, plan->mr), "");
    LLVMValueRef        end   = irb_add(b, first, c64(e, plan->mr - 1));
    LLVMValueRef        along = LLVMBuildICmp(b, LLVMIntEQ, row_number(e, last_place), end, "");
    int                 lanes = plan->mr < target_lanes(plan->target, plan->elem_bytes) ? plan->mr
                                                                                        : target_lanes(plan->target, plan->elem_bytes);
    Branch              rows  = branch_begin(b, LLVMBuildAnd(b, whole, along, ""));
    LLVMTypeRef         vec   = irb_vector_type(e->elem, lanes);
    for (int r = 0; r < plan->mr; r += lanes) {
        LLVMValueRef value = irb_load(b, vec, irb_at(b, e->elem, at->c, c64(e, r)));
        e->spec->store_column(e->spec->store_user, irb_add(b, first, c64(e, r)), at->j0, value, lanes);
    }
    branch_else(&rows, b);
    unsigned size = store_from_scratch(e, at);
    branch_end(&rows, b);
    return size;
}

/* The same column by column of vectors, with sums over their rows. */
static LLVMValueRef row_block_of(const ContractEmit *e, const TilePlace *at) {
    return e->row_block ? e->row_block : LLVMBuildUDiv(e->b, at->i0, e->cut.height, "");
}

static unsigned store_column(const ContractEmit *e, const TilePlace *at, LLVMValueRef column, LLVMValueRef mask) {
    LLVMBuilderRef      b    = e->b;
    const ContractSpec *spec = e->spec;
    spec->columns_begin(spec->columns_user, e->plan->lanes);
    Loop         rows = loop_begin(b, e->zero, at->rows, e->one);
    LLVMValueRef i    = row_number(e, irb_add(b, at->i0, rows.index));
    unsigned size = contract_store_vector(e, i, irb_add(b, at->j0, column), load_sums(e, at, rows.index, column), mask);
    loop_end(&rows, b);
    spec->columns_end(spec->columns_user, row_block_of(e, at), irb_add(b, at->j0, column), mask);
    return size;
}

static unsigned store_with_sums(const ContractEmit *e, const TilePlace *at) {
    LLVMBuilderRef b     = e->b;
    int            lanes = e->plan->lanes;
    int64_t        n     = e->spec->n.constant;
    LLVMValueRef   rest  = LLVMBuildURem(b, at->cols, c64(e, lanes), "");
    LLVMValueRef   whole = irb_sub(b, at->cols, rest), mask = irb_mask_below(b, rest, lanes);
    unsigned       size = contract_anchor_most(e->plan) + 1;
    if (n < 0 || n >= lanes) {
        Loop loop = loop_begin(b, e->zero, whole, c64(e, lanes));
        size      = store_column(e, at, loop.index, NULL);
        loop_end(&loop, b);
    }
    if (n < 0 || n % lanes) {
        Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSGT, rest, e->zero, ""));
        store_column(e, at, whole, mask);
        branch_end(&part, b);
    }
    return size;
}

/* ---- both ---- */

/* The tile of each group: their panels of B and their sums lie one behind the other. */
static void sum_groups(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    const ContractPlan *plan  = e->plan;
    LLVMBuilderRef      b     = e->b;
    Loop                loop  = loop_begin(b, e->zero, c64(e, plan->groups), e->one);
    LLVMValueRef        group = contract_in_turn(e, loop.index, c64(e, plan->groups));
    TileArgs            part  = *args;
    part.b                    = irb_at(b, e->elem, args->b, irb_mul(b, group, c64(e, (int64_t)plan->nr * plan->kc)));
    part.c                    = irb_at(b, e->elem, args->c, irb_mul(b, group, c64(e, (int64_t)plan->mr * plan->c_row)));
    dispatch_tile(e, at, &part);
    loop_end(&loop, b);
}

/* Sums of a tile of which not all is looked at. */
static void clear_sums(const ContractEmit *e, const TilePlace *at) {
    LLVMBuilderRef b    = e->b;
    Branch         part = branch_begin(b, LLVMBuildICmp(b, LLVMIntSLT, at->summed, at->cols, ""));
    Loop           rows = loop_begin(b, e->zero, at->rows, e->one);
    LLVMValueRef   row  = irb_mul(b, rows.index, c64(e, e->plan->c_row));
    for (int v = 0; v < e->plan->nv; v++)
        irb_store(b, LLVMConstNull(e->vec),
                  irb_at(b, e->elem, at->c, irb_add(b, row, c64(e, (int64_t)v * e->plan->lanes))));
    loop_end(&rows, b);
    branch_end(&part, b);
}

static unsigned step_by_scratch(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    if (at->summed) clear_sums(e, at);
    if (e->plan->dot_lanes)
        contract_dot_tile(e, at, args);
    else if (e->plan->groups == 1)
        dispatch_tile(e, at, args);
    else
        sum_groups(e, at, args);
    Branch   last  = branch_begin(e->b, e->last);
    bool     along = e->plan->dot_lanes && e->plan->shape.n == 1 && e->spec->store_column;
    unsigned size  = (e->spec->store_rows      ? store_rows_together
                      : e->spec->columns_begin ? store_with_sums
                      : along                  ? store_along_rows
                                               : store_from_scratch)(e, at);
    branch_end(&last, e->b);
    return size;
}

/* Of a whole tile, column by column of vectors. */
static void store_sums(const ContractEmit *e, const TilePlace *at, const LLVMValueRef *sums) {
    const ContractPlan *plan = e->plan;
    const ContractSpec *spec = e->spec;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        rows[TILE_SUMS_MOST];
    for (int r = 0; r < plan->mr; r++) rows[r] = row_number(e, irb_add(b, at->i0, c64(e, r)));
    for (int v = 0; v < plan->nv; v++) {
        int64_t      first = (int64_t)v * plan->lanes, left = plan->whole_cols - first;
        LLVMValueRef mask   = left < plan->lanes ? irb_mask_below(b, c64(e, left), plan->lanes) : NULL;
        LLVMValueRef column = irb_add(b, at->j0, c64(e, first));
        if (spec->columns_begin) spec->columns_begin(spec->columns_user, plan->lanes);
        for (int r = 0; r < plan->mr; r++) contract_store_vector(e, rows[r], column, sums[r * plan->nv + v], mask);
        if (spec->columns_end) spec->columns_end(spec->columns_user, row_block_of(e, at), column, mask);
    }
}

/* A whole tile: summed here, stored from the registers. */
static void step_by_registers(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        sums[TILE_SUMS_MOST];
    contract_tile_sums(plan, b, plan->mr, plan->nv, args, sums);
    Branch last = branch_begin(b, e->last);
    store_sums(e, at, sums);
    branch_else(&last, b);
    for (int i = 0; i < plan->mr * plan->nv; i++)
        irb_store(b, sums[i], contract_sum_address(plan, b, at->c, plan->nv, i));
    branch_end(&last, b);
}

/* A square one, stored column by column. */
static void step_turned(const ContractEmit *e, const TilePlace *at, const TileArgs *args) {
    const ContractPlan *plan = e->plan;
    const ContractSpec *spec = e->spec;
    LLVMValueRef        sums[TILE_SUMS_MOST];
    contract_tile_sums(plan, e->b, plan->mr, 1, args, sums);
    contract_transpose(e->b, sums, plan->lanes);
    for (int c = 0; c < plan->lanes; c++)
        spec->store_column(spec->store_user, at->i0, irb_add(e->b, at->j0, c64(e, c)), sums[c], plan->lanes);
}

static LLVMValueRef is_whole(const ContractEmit *e, const TilePlace *at) {
    LLVMBuilderRef b    = e->b;
    LLVMValueRef   rows = LLVMBuildICmp(b, LLVMIntEQ, at->rows, c64(e, e->plan->mr), "");
    LLVMValueRef   cols = at->summed ? at->summed : at->cols;
    return LLVMBuildAnd(b, rows, LLVMBuildICmp(b, LLVMIntEQ, cols, c64(e, e->plan->whole_cols), ""), "");
}

/* Limits the block of K to what the tile needs. */
static void clip_depth(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    LLVMBuilderRef b    = e->b;
    ContractTile   tile = {at->i0, at->rows, at->j0, at->cols};
    LLVMValueRef   begin, end;
    e->spec->range(e->spec->range_user, b, &tile, &begin, &end);
    begin   = irb_max(b, irb_min(b, irb_sub(b, begin, e->p0), e->kk), e->zero);
    end     = irb_max(b, irb_min(b, irb_sub(b, end, e->p0), e->kk), begin);
    args->a = irb_at(b, e->elem, args->a, irb_mul(b, begin, args->a_k));
    args->b = irb_at(b, e->elem, args->b, irb_mul(b, begin, args->b_k));
    args->k = irb_sub(b, end, begin);
}

typedef struct Step {
    const ContractEmit *e;
    const TilePlace    *at;
    const TileArgs     *args;
} Step;

static unsigned scratch_way(void *user) {
    const Step *step = user;
    return step_by_scratch(step->e, step->at, step->args);
}

static void registers_way(void *user) {
    const Step *step = user;
    step_by_registers(step->e, step->at, step->args);
}

void contract_step(const ContractEmit *e, const TilePlace *place) {
    LLVMBuilderRef   b    = e->b;
    TilePlace        seen = *place;
    const TilePlace *at   = &seen;
    seen.summed           = NULL;
    if (e->spec->seen && !e->plan->mc && e->plan->groups == 1) {
        ContractTile tile = {at->i0, at->rows, at->j0, at->cols};
        seen.summed       = irb_max(b, irb_min(b, e->spec->seen(e->spec->range_user, b, &tile), at->cols), e->one);
    }
    TileArgs args = {.k = e->kk, .c = at->c, .first = e->first};
    locate_a(e, at, &args);
    locate_b(e, at, &args);
    if (e->spec->range) clip_depth(e, at, &args);
    if (e->plan->shape.turned) {
        step_turned(e, at, &args);
        return;
    }
    if (contract_looks_ahead(e)) contract_look_ahead(e, at, is_whole(e, at), &args);
    if (!e->plan->direct) {
        step_by_scratch(e, at, &args);
        return;
    }
    Step step = {e, at, &args};
    contract_fork(b, is_whole(e, at), contract_anchor_most(e->plan), scratch_way, registers_way, &step);
}
