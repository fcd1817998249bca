/* The loops of a contraction whose A is seen through windows over an image: a convolution (the images are rows of the product), or its
 * gradient with respect to the kernel (they are summed over).
 *
 *     for each column block of the units                      for each column block, each chunk of rows
 *       pack B, all of K                                         for each chunk of images
 *       for each chunk of images                                   pack B, copy the images
 *         copy the images with zeros around, if need be            for each tile: sum; after the last chunk: epilogue
 *         for each tile: sum; epilogue
 *
 * Where an element of A lies is the sum of an offset of its row and one of its k, so that no window is ever copied: the tile reads the
 * images. Offsets of rows, and of the segments of k that run on evenly, are in tables in scratch. */
#include <assert.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum { ROW_BLOCKS_ENOUGH = 8 }; /* blocks of rows that are shared among workers, instead of columns */

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

/* ---- sizes ---- */

static const ContractLevel *position_levels(const ContractWindow *w, int *count) {
    *count = w->image_in_k ? w->n_depth : w->n_rows;
    return w->image_in_k ? w->depth : w->rows;
}

/* Positions of one index of the outermost axis. */
static int64_t positions_inside(const ContractWindow *w) {
    int                  count;
    const ContractLevel *levels = position_levels(w, &count);
    return count ? w->positions / levels[0].extent : 1;
}

/* Positions of a full chunk. */
static int64_t chunk_positions(const ContractWindow *w) {
    return w->bands > 1 ? w->band * positions_inside(w) : w->images * w->positions;
}

/* The innermost level of k, in which elements follow each other evenly. */
static ContractLevel run_of(const ContractWindow *w) {
    return w->n_depth ? w->depth[w->n_depth - 1] : (ContractLevel){1, 1};
}

int64_t window_kc(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    if (w->image_in_k) return chunk_positions(w);
    return plan->shape.k > 0 ? plan->shape.k : 1;
}

static int64_t table_rows(const ContractPlan *plan) {
    return plan->shape.window->image_in_k ? plan->shape.m : chunk_positions(plan->shape.window);
}

static int64_t table_segments(const ContractPlan *plan) {
    int64_t run = run_of(plan->shape.window).extent;
    return (window_kc(plan) + run - 1) / run;
}

int64_t window_table_bytes(const ContractPlan *plan, int64_t *rows, int64_t *segments) {
    enum { ENTRY = 4 };
    *rows     = 0;
    *segments = (table_rows(plan) * ENTRY + 63) / 64 * 64;
    return *segments + (table_segments(plan) * ENTRY + 63) / 64 * 64;
}

static LLVMValueRef chunks_of_images(const ContractWindow *w, LLVMBuilderRef b, LLVMValueRef positions) {
    LLVMValueRef images = LLVMBuildUDiv(b, positions, irb_i64(b, w->positions), "");
    return irb_mul(b, irb_ceil_div(b, images, irb_i64(b, w->images)), irb_i64(b, w->bands));
}

/* Blocks of rows are chunks of images. */
Cut window_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef m, LLVMValueRef n) {
    LLVMValueRef one = irb_i64(b, 1), cols = irb_max(b, n, one);
    LLVMValueRef few = irb_ceil_div(b, cols, irb_i64(b, plan->nc));
    Cut          cut = {.height = irb_i64(b, chunk_positions(plan->shape.window))};
    cut.width        = irb_round_up(b, irb_ceil_div(b, cols, few), plan->nr);
    cut.widths[0] = cut.widths[1] = cut.width;
    cut.col_blocks                = irb_ceil_div(b, cols, cut.width);
    cut.row_blocks                = irb_max(b, chunks_of_images(plan->shape.window, b, m), one);
    cut.row_major                 = LLVMBuildICmp(b, LLVMIntSGE, cut.row_blocks, irb_i64(b, ROW_BLOCKS_ENOUGH), "");
    return cut;
}

/* ---- tables ---- */

/* Writes the offsets of all indices of the levels, in order, from entry `place` of the table on. */
static void write_offsets(const ContractEmit *e, LLVMValueRef table, const ContractLevel *levels, int count,
                          LLVMValueRef offset, LLVMValueRef place) {
    LLVMBuilderRef b = e->b;
    if (!count) {
        LLVMTypeRef i32 = LLVMInt32TypeInContext(irb_context(b));
        irb_store(b, LLVMBuildTrunc(b, offset, i32, ""), irb_at(b, i32, table, place));
        return;
    }
    int64_t inside = 1;
    for (int i = 1; i < count; i++) inside *= levels[i].extent;
    Loop         loop = loop_begin(b, e->zero, c64(e, levels->extent), e->one);
    LLVMValueRef at   = irb_add(b, offset, irb_mul(b, loop.index, c64(e, levels->stride)));
    write_offsets(e, table, levels + 1, count - 1, at, irb_add(b, place, irb_mul(b, loop.index, c64(e, inside))));
    loop_end(&loop, b);
}

static LLVMValueRef new_table(const ContractEmit *e, int64_t offset, const ContractLevel *levels, int count) {
    LLVMTypeRef  i8    = LLVMInt8TypeInContext(irb_context(e->b));
    LLVMValueRef table = irb_at(e->b, i8, e->c_buffer, c64(e, offset - e->plan->c_offset));
    write_offsets(e, table, levels, count, e->zero, e->zero);
    return table;
}

/* The levels of a side, with the chunk's images or its part of one where they belong to that side. */
static int table_levels(const ContractWindow *w, bool k_side, ContractLevel *levels) {
    const ContractLevel *from = k_side ? w->depth : w->rows;
    int                  n = 0, count = k_side ? w->n_depth - (w->n_depth > 0) : w->n_rows; /* runs have no entries */
    bool                 images = k_side == w->image_in_k;
    if (images && w->images > 1) levels[n++] = (ContractLevel){w->images, w->image_stride};
    for (int i = 0; i < count; i++) {
        levels[n] = from[i];
        if (images && w->bands > 1 && i == 0) levels[n].extent = w->band;
        n++;
    }
    return n;
}

static void make_tables(ContractEmit *e) {
    const ContractWindow *w = e->plan->shape.window;
    ContractLevel         levels[CONTRACT_LEVELS + 1];
    int                   n = table_levels(w, false, levels);
    e->row_table            = new_table(e, e->plan->rows_offset, levels, n);
    n                       = table_levels(w, true, levels);
    e->segment_table        = new_table(e, e->plan->segments_offset, levels, n);
}

void window_locate_a(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    const ContractLevel run = run_of(e->plan->shape.window);
    LLVMTypeRef         i32 = LLVMInt32TypeInContext(irb_context(e->b));
    args->a                 = e->a_buffer;
    args->a_row             = e->zero;
    args->a_k               = c64(e, run.stride);
    args->k                 = c64(e, run.extent);
    args->rows              = irb_at(e->b, i32, e->row_table, irb_sub(e->b, at->i0, e->a_row0));
    args->segments          = e->segment_table;
    args->n_segments        = e->n_segments;
}

/* ---- chunks ---- */

typedef struct Chunk {
    LLVMValueRef begin, end; /* of its positions among all images' */
} Chunk;

static void zero_copy(const ContractEmit *e, LLVMValueRef copy) {
    LLVMTypeRef  i8     = LLVMInt8TypeInContext(irb_context(e->b));
    LLVMValueRef nbytes = c64(e, e->plan->shape.window->copy_elems * e->plan->elem_bytes);
    LLVMBuildMemSet(e->b, copy, LLVMConstNull(i8), nbytes, (unsigned)e->plan->elem_bytes);
}

/* Makes chunk `number` readable at e->a_buffer. */
static Chunk open_chunk(ContractEmit *e, LLVMValueRef number, LLVMValueRef copy, LLVMValueRef positions) {
    LLVMBuilderRef        b    = e->b;
    const ContractWindow *w    = e->plan->shape.window;
    LLVMValueRef          each = c64(e, w->positions), per_band = c64(e, w->band * positions_inside(w));
    LLVMValueRef          image = irb_mul(b, LLVMBuildUDiv(b, number, c64(e, w->bands), ""), c64(e, w->images));
    LLVMValueRef          part  = LLVMBuildURem(b, number, c64(e, w->bands), "");
    LLVMValueRef          start = irb_mul(b, image, each);
    Chunk                 chunk = {start, irb_min(b, irb_add(b, start, c64(e, w->images * w->positions)), positions)};
    LLVMValueRef          band  = irb_mul(b, part, c64(e, w->band)); /* its first index */
    if (w->bands > 1) {
        LLVMValueRef end = irb_add(b, start, each);
        chunk.begin      = irb_add(b, start, irb_mul(b, part, per_band));
        chunk.end        = irb_min(b, irb_add(b, chunk.begin, per_band), end);
    }
    if (w->copied) {
        LLVMValueRef n = w->images == 1 ? e->one : LLVMBuildUDiv(b, irb_sub(b, chunk.end, chunk.begin), each, "");
        if (w->bands > 1) zero_copy(e, copy);
        e->spec->a.fill(e->spec->a.user, copy, image, n, band);
        e->a_buffer = irb_at(b, e->elem, copy, c64(e, w->copy_origin));
    } else {
        LLVMValueRef offset = irb_mul(b, image, c64(e, w->image_stride));
        if (w->bands > 1) offset = irb_add(b, offset, irb_mul(b, part, c64(e, w->band_stride)));
        e->a_buffer = irb_at(b, e->elem, e->spec->a.base, offset);
    }
    return chunk;
}

/* ---- images are rows ---- */

static void emit_images_as_rows(ContractEmit *e, LLVMValueRef copy) {
    LLVMBuilderRef b       = e->b;
    Loop           columns = loop_begin(b, e->column0, e->column1, e->one);
    set_columns(e, columns.index);
    e->p0    = e->zero;
    e->kk    = e->k;
    e->first = e->last = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 1, false);
    e->n_segments      = c64(e, table_segments(e->plan));
    emit_pack_b(e);
    Loop chunks = loop_begin(b, first_block(e, columns.index, e->begin), first_block(e, columns.index, e->end), e->one);
    Chunk chunk = open_chunk(e, chunks.index, copy, e->m);
    e->a_row0   = chunk.begin;
    emit_tiles(e, chunk.begin, chunk.end);
    loop_end(&chunks, b);
    loop_end(&columns, b);
}

/* ---- images are summed over ---- */

static void emit_chunks_of_k(ContractEmit *e, LLVMValueRef copy) {
    LLVMBuilderRef b     = e->b;
    LLVMValueRef   count = irb_max(b, chunks_of_images(e->plan->shape.window, b, e->k), e->one);
    Loop           loop  = loop_begin(b, e->zero, count, e->one);
    Chunk          chunk = open_chunk(e, loop.index, copy, e->k);
    e->p0                = chunk.begin;
    e->kk                = irb_sub(b, chunk.end, chunk.begin);
    e->n_segments        = LLVMBuildUDiv(b, e->kk, c64(e, run_of(e->plan->shape.window).extent), "");
    e->first             = LLVMBuildICmp(b, LLVMIntEQ, loop.index, e->zero, "");
    e->last              = LLVMBuildICmp(b, LLVMIntEQ, irb_add(b, loop.index, e->one), count, "");
    emit_pack_b(e);
    emit_tiles(e, e->r0, e->r1);
    loop_end(&loop, b);
}

static void emit_images_summed(ContractEmit *e, LLVMValueRef copy) {
    LLVMBuilderRef b       = e->b;
    Loop           columns = loop_begin(b, e->column0, e->column1, e->one);
    LLVMValueRef   height  = e->cut.height;
    LLVMValueRef   m0      = irb_min(b, irb_mul(b, first_block(e, columns.index, e->begin), height), e->m);
    LLVMValueRef   m1      = irb_min(b, irb_mul(b, first_block(e, columns.index, e->end), height), e->m);
    set_columns(e, columns.index);
    Loop chunks = loop_begin(b, m0, m1, c64(e, e->plan->mc));
    e->r0       = chunks.index;
    e->r1       = irb_min(b, irb_add(b, e->r0, chunks.step), m1);
    e->c_row0   = e->r0;
    e->c_panel0 = e->zero;
    e->c_panels = e->panels;
    e->a_row0   = e->zero;
    emit_chunks_of_k(e, copy);
    loop_end(&chunks, b);
    loop_end(&columns, b);
}

void window_emit(ContractEmit *e) {
    const ContractWindow *w    = e->plan->shape.window;
    LLVMValueRef          copy = e->a_buffer;
    assert(e->spec->k.constant >= 0 || w->image_in_k);
    make_tables(e);
    if (w->copied && w->bands == 1) zero_copy(e, copy);
    if (w->image_in_k)
        emit_images_summed(e, copy);
    else
        emit_images_as_rows(e, copy);
}
