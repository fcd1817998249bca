/* The loops around the tile:
 *
 *     for each column block of the units                      (width <= nc)
 *       for each chunk of its rows                            (mc; one chunk when K is one block)
 *         for each block of K                                 (kc; cut by shape, so that sums keep their order)
 *           pack B                                            (not where few rows use it and its columns lie together)
 *           for each stretch of rows                          (ma; only where A is packed)
 *             pack A
 *             for each tile of the stretch x block: sum; after the last block of K: epilogue through the store anchor
 *
 * Where a packed A is shared, its packing moves out of the loop over column blocks:
 *
 *     for each chunk of the units' rows                       (shared_rows)
 *       for each stretch of K                                 (shared_blocks: all of K where that is known and fits)
 *         pack A
 *         for each column block, each block of K of the stretch: pack B; for each tile: sum; ...
 */
#include <assert.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

/* Until when operands are read in place: B while few rows use it, a transposed A while K is short. A tile of one cache line
 * suffers sooner, as all lines of an operand with a large power of two between rows fall on the same cache sets. */
typedef struct InPlace {
    int rows, k;
} InPlace;
static const InPlace in_place_wide = {256, 128}, in_place_narrow = {64, 64};
enum {
    A_BYTES_IN_PLACE = 64 << 10
}; /* a transposed A of so many bytes, gaps included, is read in place whatever its K */

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

static LLVMValueRef select_value(const ContractEmit *e, LLVMValueRef condition, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildSelect(e->b, condition, x, y, "");
}

LLVMValueRef contract_in_turn(const ContractEmit *e, LLVMValueRef i, LLVMValueRef count) {
    if (!e->spec->backwards) return i;
    LLVMValueRef from_end = irb_sub(e->b, irb_sub(e->b, count, e->one), i);
    return select_value(e, e->spec->backwards, from_end, i);
}

/* Tiles of rows [s0, s1) by the panels of the column block. Panels go outside where B was not packed for these rows, so that a
 * panel stays in L1 while all rows use it; else rows go outside, so that a row panel of A does. */
void emit_tiles(const ContractEmit *e, LLVMValueRef s0, LLVMValueRef s1) {
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        mr = c64(e, plan->mr), nr = c64(e, plan->nr);
    LLVMValueRef        tiles = irb_ceil_div(b, irb_sub(b, s1, s0), mr);
    Loop                outer = loop_begin(b, e->zero, select_value(e, e->panels_outside, e->panels, tiles), e->one);
    Loop                inner = loop_begin(b, e->zero, select_value(e, e->panels_outside, tiles, e->panels), e->one);
    LLVMValueRef        tile  = select_value(e, e->panels_outside, inner.index, outer.index);
    TilePlace           at;
    at.panel   = contract_in_turn(e, select_value(e, e->panels_outside, outer.index, inner.index), e->panels);
    at.i0      = irb_add(b, s0, irb_mul(b, tile, mr));
    at.tile    = LLVMBuildUDiv(b, irb_sub(b, at.i0, e->a_row0), mr, "");
    bool whole = !e->number_table && plan->shape.m >= 0 && plan->shape.m % plan->mr == 0;
    at.rows    = whole ? mr : irb_min(b, irb_sub(b, s1, at.i0), mr);
    at.j0      = irb_add(b, e->n0, irb_mul(b, at.panel, nr));
    at.cols    = plan->shape.a_vectors ? nr : irb_min(b, irb_sub(b, e->n1, at.j0), nr);
    at.c       = e->c_buffer;
    if (plan->mc) {
        LLVMValueRef row_tile = LLVMBuildUDiv(b, irb_sub(b, at.i0, e->c_row0), mr, "");
        LLVMValueRef number   = irb_add(b, irb_mul(b, row_tile, e->c_panels), irb_add(b, e->c_panel0, at.panel));
        LLVMValueRef offset   = irb_mul(b, number, c64(e, (int64_t)plan->groups * plan->mr * plan->c_row));
        at.c                  = irb_at(b, e->elem, e->c_buffer, offset);
    }
    contract_step(e, &at);
    loop_end(&inner, b);
    loop_end(&outer, b);
}

/* ---- B packed beforehand: blocks [column block][block of K], each of the widest block's panels ---- */

static LLVMValueRef packed_block_elems(const ContractEmit *e) {
    LLVMValueRef panels = irb_ceil_div(e->b, e->cut.width, c64(e, e->plan->nr));
    return irb_mul(e->b, panels, c64(e, e->plan->groups * e->plan->nr * e->plan->kc));
}

static LLVMValueRef packed_k_blocks(const ContractEmit *e) {
    return irb_ceil_div(e->b, irb_max(e->b, e->k, e->one), c64(e, e->plan->kc));
}

static LLVMValueRef packed_block(const ContractEmit *e, LLVMValueRef packed) {
    LLVMBuilderRef b     = e->b;
    LLVMValueRef   block = LLVMBuildUDiv(b, e->p0, c64(e, e->plan->kc), "");
    block                = irb_add(b, irb_mul(b, e->column, packed_k_blocks(e)), block);
    return irb_at(b, e->elem, packed, irb_mul(b, block, packed_block_elems(e)));
}

void emit_pack_b(ContractEmit *e) {
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    if (plan->b_packed) {
        e->b_buffer = packed_block(e, e->spec->b.packed);
        return;
    }
    if (plan->fixed && plan->fixed_tile.b_step) return;
    bool         edges = plan->shape.n < 0 || plan->shape.n % plan->lanes; /* a part of a vector is packed anyway */
    LLVMValueRef whole = LLVMBuildUDiv(b, irb_sub(b, e->n1, e->n0), c64(e, plan->lanes), "");
    LLVMValueRef even =
        LLVMBuildICmp(b, LLVMIntEQ, irb_mul(b, whole, c64(e, plan->lanes)), irb_sub(b, e->n1, e->n0), "");
    LLVMValueRef stay  = select_value(e, even, e->panels, e->full_panels);
    PackB        block = {.n0 = e->n0, .n1 = e->n1, .p0 = e->p0, .kk = e->kk, .last = e->panels, .buffer = e->b_buffer};
    block.first        = select_value(e, e->b_stays, edges ? stay : e->panels, e->zero);
    if (!known(e->b_stays, true) || edges) contract_pack_b(plan, b, e->spec, &block);
}

/* Rows [s0, s1) of the block of K to `buffer`, where A is packed. */
static void emit_pack_a(const ContractEmit *e, LLVMValueRef s0, LLVMValueRef s1, LLVMValueRef buffer) {
    PackA  rows = {.m0 = s0, .m1 = s1, .row_end = e->m, .p0 = e->p0, .kk = e->kk, .buffer = buffer};
    Branch pack = branch_begin(e->b, e->a_packed);
    contract_pack_a(e->plan, e->b, e->spec, &rows);
    branch_end(&pack, e->b);
}

/* One block of K of a chunk: B's panels, then its rows. */
static void emit_k_block(ContractEmit *e) {
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    emit_pack_b(e);
    e->a_row0 = e->r0;
    if (known(e->a_packed, false)) {
        emit_tiles(e, e->r0, e->r1);
        return;
    }
    LLVMValueRef ma = c64(e, plan->ma);
    if (!known(e->a_packed, true)) ma = select_value(e, e->a_packed, ma, irb_max(b, irb_sub(b, e->r1, e->r0), e->one));
    Loop         loop = loop_begin(b, e->r0, e->r1, ma);
    LLVMValueRef s1   = irb_min(b, irb_add(b, loop.index, ma), e->r1);
    emit_pack_a(e, loop.index, s1, e->a_buffer);
    e->a_row0 = loop.index;
    emit_tiles(e, loop.index, s1);
    loop_end(&loop, b);
}

static void set_k_block(ContractEmit *e, LLVMValueRef p0) {
    LLVMBuilderRef b  = e->b;
    LLVMValueRef   kc = c64(e, e->plan->kc);
    e->p0             = p0;
    e->kk             = irb_min(b, irb_sub(b, e->k, p0), kc);
    e->first          = LLVMBuildICmp(b, LLVMIntEQ, p0, e->zero, "");
    e->last           = LLVMBuildICmp(b, LLVMIntSGE, irb_add(b, p0, kc), e->k, "");
}

/* All of K, block by block; without `mc` it is one block. */
static void emit_chunk(ContractEmit *e) {
    LLVMBuilderRef b  = e->b;
    LLVMValueRef   kc = c64(e, e->plan->kc), yes = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 1, false);
    if (!e->plan->mc) {
        e->p0    = e->zero;
        e->kk    = e->k;
        e->first = e->last = yes;
        emit_k_block(e);
        return;
    }
    Loop loop = loop_begin(b, e->zero, irb_max(b, e->k, e->one), kc); /* once for an empty sum */
    set_k_block(e, loop.index);
    emit_k_block(e);
    loop_end(&loop, b);
}

/* Of column block j, the first block of rows that units from `unit` on hold. */
LLVMValueRef first_block(const ContractEmit *e, LLVMValueRef j, LLVMValueRef unit) {
    LLVMBuilderRef b         = e->b;
    const Cut     *cut       = &e->cut;
    LLVMValueRef   start     = irb_mul(b, j, cut->row_blocks);
    LLVMValueRef   in_column = irb_max(b, irb_sub(b, unit, start), e->zero);
    LLVMValueRef   in_rows   = irb_ceil_div(b, irb_max(b, irb_sub(b, unit, j), e->zero), cut->col_blocks);
    LLVMValueRef   block     = select_value(e, cut->row_major, in_rows, in_column);
    return irb_min(b, block, cut->row_blocks);
}

static LLVMValueRef first_row(const ContractEmit *e, LLVMValueRef j, LLVMValueRef unit) {
    return irb_min(e->b, irb_mul(e->b, first_block(e, j, unit), e->cut.height), e->m_end);
}

/* Up to `end` in whole tiles, so that tiles have the extents that they have without a limit. */
static LLVMValueRef whole_tiles(LLVMBuilderRef b, LLVMValueRef end, int64_t tile) {
    return irb_round_up(b, irb_max(b, end, irb_i64(b, 0)), tile);
}

void set_columns(ContractEmit *e, LLVMValueRef j) {
    LLVMBuilderRef b  = e->b;
    LLVMValueRef   nr = c64(e, e->plan->nr);
    e->column         = j;
    LLVMValueRef end  = e->n;
    e->n0             = irb_mul(b, j, e->cut.width);
    if (e->cut.half) {
        LLVMValueRef half = c64(e, e->cut.half), blocks = LLVMBuildUDiv(b, e->cut.col_blocks, c64(e, 2), "");
        LLVMValueRef second = LLVMBuildICmp(b, LLVMIntSGE, j, blocks, "");
        LLVMValueRef behind = irb_add(b, half, irb_mul(b, irb_sub(b, j, blocks), e->cut.width));
        e->n0               = select_value(e, second, behind, e->n0);
        end                 = select_value(e, second, e->n, half);
    }
    e->n1 = irb_min(b, irb_add(b, e->n0, e->cut.width), end);
    if (e->spec && e->spec->columns_limit)
        e->n1 = irb_min(b, e->n1,
                        irb_add(b, e->n0, whole_tiles(b, irb_sub(b, e->spec->columns_limit, e->n0), e->plan->nr)));
    e->full_panels = LLVMBuildUDiv(b, irb_sub(b, e->n1, e->n0), nr, "");
    e->panels      = irb_ceil_div(b, irb_sub(b, e->n1, e->n0), nr);
}

/* `count` rows in equal chunks of at most `most`, each a multiple of `unit`. */
static LLVMValueRef chunk_rows(const ContractEmit *e, LLVMValueRef count, int64_t most, int64_t unit) {
    LLVMBuilderRef b = e->b;
    count            = irb_max(b, count, e->one);
    return irb_round_up(b, irb_ceil_div(b, count, irb_ceil_div(b, count, c64(e, most))), unit);
}

/* The rows of column block j, in equal chunks of at most mc. */
static void emit_column_block(ContractEmit *e, LLVMValueRef j) {
    LLVMBuilderRef b  = e->b;
    LLVMValueRef   m0 = first_row(e, j, e->begin), m1 = first_row(e, j, e->end);
    set_columns(e, j);
    LLVMValueRef count = irb_sub(b, m1, m0);
    Loop         chunks =
        loop_begin(b, m0, m1, e->plan->mc ? chunk_rows(e, count, e->plan->mc, e->plan->mr) : irb_max(b, count, e->one));
    e->r0       = chunks.index;
    e->r1       = irb_min(b, irb_add(b, e->r0, chunks.step), m1);
    e->c_row0   = e->r0;
    e->c_panel0 = e->zero;
    e->c_panels = e->panels;
    emit_chunk(e);
    loop_end(&chunks, b);
}

/* ---- a shared A ---- */

/* Of a stretch of K: block by block, each with its panels of packed A. */
typedef struct Stretch {
    LLVMValueRef begin, end, a_buffer;
} Stretch;

static Loop begin_block(ContractEmit *e, const Stretch *k) {
    LLVMBuilderRef b      = e->b;
    int64_t        panels = e->plan->shared_rows / e->plan->mr * a_panel_stride(e->plan);
    Loop           loop   = loop_begin(b, k->begin, k->end, c64(e, e->plan->kc));
    LLVMValueRef   block  = LLVMBuildUDiv(b, irb_sub(b, loop.index, k->begin), c64(e, e->plan->kc), "");
    set_k_block(e, loop.index);
    e->a_buffer = irb_at(b, e->elem, k->a_buffer, irb_mul(b, block, c64(e, panels)));
    return loop;
}

static void emit_shared_packing(ContractEmit *e, const Stretch *k) {
    LLVMBuilderRef      b      = e->b;
    const ContractPlan *plan   = e->plan;
    Loop                blocks = begin_block(e, k);
    Loop                rows   = loop_begin(b, e->r0, e->r1, c64(e, plan->ma));
    LLVMValueRef        panel  = LLVMBuildUDiv(b, irb_sub(b, rows.index, e->r0), c64(e, plan->mr), "");
    LLVMValueRef        buffer = irb_at(b, e->elem, e->a_buffer, irb_mul(b, panel, c64(e, a_panel_stride(plan))));
    emit_pack_a(e, rows.index, irb_min(b, irb_add(b, rows.index, c64(e, plan->ma)), e->r1), buffer);
    loop_end(&rows, b);
    loop_end(&blocks, b);
}

/* The rows of the chunk that the units hold of column block j. Its sums are alone in scratch where the stretch is all of K. */
static void emit_shared_columns(ContractEmit *e, LLVMValueRef j, const Stretch *k) {
    LLVMBuilderRef      b    = e->b;
    const ContractPlan *plan = e->plan;
    LLVMValueRef        r0 = e->r0, r1 = e->r1;
    set_columns(e, j);
    e->c_panel0 = e->zero;
    if (plan->row_panels > plan->nc / plan->nr)
        e->c_panel0 = irb_mul(b, j, irb_ceil_div(b, e->cut.width, c64(e, plan->nr)));
    e->r0         = irb_max(b, r0, first_row(e, j, e->begin));
    e->r1         = irb_min(b, r1, first_row(e, j, e->end));
    Branch some   = branch_begin(b, LLVMBuildICmp(b, LLVMIntSLT, e->r0, e->r1, ""));
    Loop   blocks = begin_block(e, k);
    emit_pack_b(e);
    emit_tiles(e, e->r0, e->r1);
    loop_end(&blocks, b);
    branch_end(&some, b);
    e->r0 = r0, e->r1 = r1;
}

/* All of K of a chunk, stretch by stretch: A's panels, then the column blocks. */
static void emit_shared_chunk(ContractEmit *e) {
    LLVMBuilderRef b         = e->b;
    LLVMValueRef   k         = irb_max(b, e->k, e->one); /* once for an empty sum */
    LLVMValueRef   step      = c64(e, e->plan->shared_blocks * e->plan->kc);
    Stretch        stretch   = {.a_buffer = e->a_buffer};
    Loop           stretches = loop_begin(b, e->zero, k, step);
    stretch.begin            = stretches.index;
    stretch.end              = irb_min(b, irb_add(b, stretches.index, step), k);
    emit_shared_packing(e, &stretch);
    e->a_row0    = e->r0;
    Loop columns = loop_begin(b, e->column0, e->column1, e->one);
    emit_shared_columns(e, columns.index, &stretch);
    loop_end(&columns, b);
    loop_end(&stretches, b);
    e->a_buffer = stretch.a_buffer;
}

/* Rows [*m0, *m1): all that the units hold of any column block. */
static void rows_of_units(const ContractEmit *e, LLVMValueRef *m0, LLVMValueRef *m1) {
    LLVMBuilderRef b      = e->b;
    const Cut     *cut    = &e->cut;
    LLVMValueRef   single = LLVMBuildICmp(b, LLVMIntEQ, irb_sub(b, e->column1, e->column0), e->one, "");
    LLVMValueRef   low    = irb_mul(b, LLVMBuildUDiv(b, e->begin, cut->col_blocks, ""), cut->height);
    LLVMValueRef   high   = irb_min(b, irb_mul(b, irb_ceil_div(b, e->end, cut->col_blocks), cut->height), e->m_end);
    *m0 = select_value(e, single, first_row(e, e->column0, e->begin), select_value(e, cut->row_major, low, e->zero));
    *m1 = select_value(e, single, first_row(e, e->column0, e->end), select_value(e, cut->row_major, high, e->m_end));
}

static void emit_shared(ContractEmit *e) {
    LLVMBuilderRef b = e->b;
    LLVMValueRef   m0, m1;
    rows_of_units(e, &m0, &m1);
    Loop chunks = loop_begin(b, m0, m1, chunk_rows(e, irb_sub(b, m1, m0), e->plan->shared_rows, e->plan->ma));
    e->r0       = chunks.index;
    e->r1       = irb_min(b, irb_add(b, e->r0, chunks.step), m1);
    e->c_row0   = e->r0;
    e->c_panels = c64(e, e->plan->row_panels);
    emit_shared_chunk(e);
    loop_end(&chunks, b);
}

/* ---- everything ---- */

/* The longest K for which a transposed A is read in place. */
static int64_t k_in_place(const ContractPlan *plan, const InPlace *limits) {
    int64_t stride = plan->shape.a_stride_k;
    int64_t few    = stride > 0 ? A_BYTES_IN_PLACE / (stride * plan->elem_bytes) : 0;
    return few > limits->k ? few : limits->k;
}

static void choose_at_run_time(ContractEmit *e) {
    LLVMBuilderRef b   = e->b;
    LLVMTypeRef    i1  = LLVMInt1TypeInContext(irb_context(b));
    LLVMValueRef   yes = LLVMConstInt(i1, 1, false), no = LLVMConstInt(i1, 0, false);
    const InPlace *limits = e->plan->c_row * e->plan->elem_bytes > 64 ? &in_place_wide : &in_place_narrow;
    LLVMValueRef   few    = LLVMBuildICmp(b, LLVMIntSLE, e->m, c64(e, limits->rows), "");
    e->b_stays            = e->plan->b_may_stay ? few : no;
    e->panels_outside     = e->plan->b_packed ? few : e->b_stays;
    e->a_packed           = e->plan->a_packing == A_DIRECT   ? no
                            : e->plan->a_packing == A_WINDOW ? yes
                            : e->spec->a.load || e->spec->a.split.run
                                ? yes
                                : LLVMBuildICmp(b, LLVMIntSGT, e->k, c64(e, k_in_place(e->plan, limits)), "");
}

ContractEmit contract_emit_begin(const ContractPlan *plan, LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef m,
                                 LLVMValueRef n, LLVMValueRef k) {
    ContractEmit e = {.plan = plan, .b = b, .elem = elem, .m = m, .n = n, .k = k};
    e.zero         = irb_i64(b, 0);
    e.one          = irb_i64(b, 1);
    e.cut          = contract_cut(plan, b, m, n, k);
    e.m_end        = m;
    return e;
}

bool contract_packs_whole(const ContractPlan *plan) {
    return plan->b_packed;
}

/* All blocks, then slack and scrap for transposing. */
static LLVMValueRef packed_elems(const ContractEmit *e) {
    LLVMBuilderRef b      = e->b;
    LLVMValueRef   blocks = irb_mul(b, e->cut.col_blocks, packed_k_blocks(e));
    return irb_add(b, irb_mul(b, blocks, packed_block_elems(e)), c64(e, (int64_t)e->plan->lanes * e->plan->nr));
}

LLVMValueRef contract_packed_bytes(const ContractPlan *plan, LLVMBuilderRef b, Extent m, Extent n, Extent k) {
    ContractEmit e     = contract_emit_begin(plan, b, NULL, m.value, n.value, k.value);
    LLVMValueRef elems = irb_add(b, packed_elems(&e), c64(&e, (int64_t)plan->lanes * plan->lanes));
    return irb_round_up(b, irb_mul(b, elems, c64(&e, plan->elem_bytes)), 64);
}

void contract_pack_whole(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, LLVMValueRef to) {
    ContractEmit e       = contract_emit_begin(plan, b, spec->elem, spec->m.value, spec->n.value, spec->k.value);
    LLVMValueRef scrap   = irb_at(b, e.elem, to, packed_elems(&e));
    Loop         columns = loop_begin(b, e.zero, e.cut.col_blocks, e.one);
    set_columns(&e, columns.index);
    Loop blocks = loop_begin(b, e.zero, e.k, c64(&e, plan->kc));
    set_k_block(&e, blocks.index);
    PackB block  = {.n0 = e.n0, .n1 = e.n1, .p0 = e.p0, .kk = e.kk, .first = e.zero, .last = e.panels, .scrap = scrap};
    block.buffer = packed_block(&e, to);
    contract_pack_b(plan, b, spec, &block);
    loop_end(&blocks, b);
    loop_end(&columns, b);
}

/* The partial sums of the units' columns. */
static void clear_columns(ContractEmit *e) {
    LLVMBuilderRef b     = e->b;
    const Cut     *cut   = &e->cut;
    Loop           units = loop_begin(b, e->begin, e->end, e->one);
    LLVMValueRef   block = select_value(e, cut->row_major, LLVMBuildUDiv(b, units.index, cut->col_blocks, ""),
                                        LLVMBuildURem(b, units.index, cut->row_blocks, ""));
    LLVMValueRef   j     = select_value(e, cut->row_major, LLVMBuildURem(b, units.index, cut->col_blocks, ""),
                                        LLVMBuildUDiv(b, units.index, cut->row_blocks, ""));
    set_columns(e, j);
    e->spec->columns_clear(e->spec->columns_user, block, e->n0, e->n1);
    loop_end(&units, b);
}

/* Then there is nothing to find out about units at run time: a task's units are never none. */
static bool is_one_unit(const ContractEmit *e) {
    int64_t columns, rows;
    return e->plan->parts == 1 && irb_const(e->cut.col_blocks, &columns) && irb_const(e->cut.row_blocks, &rows) &&
           columns * rows == 1;
}

void contract_set_units(ContractEmit *e, LLVMValueRef begin, LLVMValueRef end) {
    LLVMBuilderRef b       = e->b;
    LLVMValueRef   column0 = LLVMBuildUDiv(b, begin, e->cut.row_blocks, "");
    LLVMValueRef   column1 = irb_ceil_div(b, end, e->cut.row_blocks);
    e->begin               = begin;
    e->end                 = end;
    e->column0             = select_value(e, e->cut.row_major, e->zero, column0);
    e->column1             = select_value(e, e->cut.row_major, e->cut.col_blocks, column1);
}

/* In scratch. */
void contract_set_buffers(ContractEmit *e, const ContractSpec *spec, LLVMValueRef scratch) {
    LLVMTypeRef i8 = LLVMInt8TypeInContext(irb_context(e->b));
    e->spec        = spec;
    e->vec         = irb_vector_type(spec->elem, e->plan->lanes);
    e->a_buffer    = irb_at(e->b, i8, scratch, irb_i64(e->b, e->plan->a_offset));
    e->b_buffer    = irb_at(e->b, i8, scratch, irb_i64(e->b, e->plan->b_offset));
    e->c_buffer    = irb_at(e->b, i8, scratch, irb_i64(e->b, e->plan->c_offset));
}

void contract_emit(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec, LLVMValueRef begin,
                   LLVMValueRef end, LLVMValueRef scratch) {
    assert(spec->m.constant == plan->shape.m && spec->n.constant == plan->shape.n && spec->k.constant == plan->shape.k);
    ContractEmit e = contract_emit_begin(plan, builder, spec->elem, spec->m.value, spec->n.value, spec->k.value);
    contract_set_buffers(&e, spec, scratch);
    if (spec->rows_limit) e.m_end = irb_min(builder, e.m, whole_tiles(builder, spec->rows_limit, plan->mr));
    choose_at_run_time(&e);
    if (is_one_unit(&e)) begin = e.zero, end = e.one;
    contract_set_units(&e, begin, end);
    if (spec->columns_clear) clear_columns(&e);
    if (plan->a_packing == A_WINDOW) {
        window_emit(&e);
        return;
    }
    if (plan->shared_rows) {
        emit_shared(&e);
        return;
    }
    Loop blocks = loop_begin(builder, e.column0, e.column1, e.one);
    emit_column_block(&e, blocks.index);
    loop_end(&blocks, builder);
}
