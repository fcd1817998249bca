/* The loops of a contraction whose A is seen through windows over images: a convolution (the images are rows of the product), or its
 * gradient with respect to the kernel (they are summed over).
 *
 *     for each column block of the units                      for each column block, each chunk of rows
 *       pack B, all of K                                         for each chunk of images
 *       for each chunk of images                                   pack B, copy the images
 *         copy the images with zeros around, if need be            for each region, each tile: sum
 *         for each region, each tile: sum; epilogue                after the last chunk: epilogue
 *
 * Where an element of A lies is the sum of an offset of its row and one of its k, so that no window is ever copied: the tile reads the
 * images. Where windows reach out of them, rows that miss the same k make a region; no zeros are multiplied. */
#include <assert.h>
#include <stddef.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum { ROW_BLOCKS_ENOUGH = 8 }; /* blocks of rows that are shared among workers, instead of columns */

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------ */

/* Positions of one index of the outermost axis. */
static int64_t positions_inside(const ContractWindow *w) {
    int count = w->image_in_k ? w->n_depth : w->n_rows;
    return count ? w->positions / (w->image_in_k ? w->depth : w->rows)[0].extent : 1;
}

/* Positions of a full chunk. */
static int64_t chunk_positions(const ContractWindow *w) {
    return w->bands > 1 ? w->band * positions_inside(w) : w->images * w->positions;
}

int64_t window_kc(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    if (w->image_in_k) return chunk_positions(w);
    return plan->shape.k > 0 ? plan->shape.k : 1;
}

int64_t window_rows(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    return w->image_in_k ? plan->shape.m : chunk_positions(w);
}

int64_t window_runs(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    if (w->regions) return w->regions->n_runs * (w->image_in_k ? w->images : 1);
    int64_t length = window_run(w).extent;
    return (window_kc(plan) + length - 1) / length;
}

LLVMValueRef window_chunks(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef positions) {
    const ContractWindow *w      = plan->shape.window;
    LLVMValueRef          images = LLVMBuildUDiv(b, positions, irb_i64(b, w->positions), "");
    return irb_mul(b, irb_ceil_div(b, images, irb_i64(b, w->images)), irb_i64(b, w->bands));
}

static int64_t ceil_of(int64_t x, int64_t y) {
    return (x + y - 1) / y;
}

static int64_t round_to(int64_t x, int64_t multiple) {
    return ceil_of(x, multiple) * multiple;
}

static int64_t width_of(const ContractPlan *plan, int64_t columns) {
    return round_to(ceil_of(columns, ceil_of(columns, plan->nc)), plan->nr);
}

enum { HALVES_LEAST = 64 }; /* columns beside a single chunk that are worth two blocks */

/* With few chunks of images workers share the columns: cut in the middle first, so that two get as many. 0: they do without, or it would take too
 * many blocks, each of which has the images to transform. */
static int64_t half_of(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    int64_t               n = plan->shape.n, images = plan->shape.m_likely / w->positions;
    int64_t               chunks = ceil_of(images, w->images) * w->bands;
    if (chunks >= ROW_BLOCKS_ENOUGH) return 0;
    if (n <= plan->nc)
        return chunks == 1 && !plan->winograd && n >= HALVES_LEAST ? round_to(ceil_of(n, 2), plan->nr) : 0;
    int64_t width = width_of(plan, n), half = round_to(ceil_of(n, 2), plan->lanes), in_half = width_of(plan, half);
    int64_t before = ceil_of(n, width), blocks = ceil_of(half, in_half);
    if (before % 2 == 0 && n % width == 0) return 0;
    if (n - half <= (blocks - 1) * in_half) return 0;
    return plan->winograd && 2 * blocks > before + before / 8 ? 0 : half;
}

/* Blocks of rows are chunks of images. */
Cut window_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef m, LLVMValueRef n) {
    LLVMValueRef one = irb_i64(b, 1), cols = irb_max(b, n, one);
    LLVMValueRef few = irb_ceil_div(b, cols, irb_i64(b, plan->nc));
    Cut          cut = {.height = irb_i64(b, chunk_positions(plan->shape.window)), .half = half_of(plan)};
    cut.width        = irb_round_up(b, irb_ceil_div(b, cols, few), plan->nr);
    if (cut.half) cut.width = irb_i64(b, width_of(plan, cut.half));
    cut.widths[0] = cut.widths[1] = cut.width;
    cut.col_blocks                = irb_ceil_div(b, cols, cut.width);
    if (cut.half) cut.col_blocks = irb_mul(b, irb_ceil_div(b, irb_i64(b, cut.half), cut.width), irb_i64(b, 2));
    cut.row_blocks = irb_max(b, window_chunks(plan, b, m), one);
    cut.row_major  = LLVMBuildICmp(b, LLVMIntSGE, cut.row_blocks, irb_i64(b, ROW_BLOCKS_ENOUGH), "");
    return cut;
}

/* ---- chunks ----------------------------------------------------------------------------------------------------------------- */

typedef struct Chunk {
    LLVMValueRef begin, end; /* of its positions among all images' */
    LLVMValueRef n_images;   /* where images are whole */
} Chunk;

static void zero_copy(const ContractEmit *e, LLVMValueRef copy) {
    LLVMTypeRef  i8     = LLVMInt8TypeInContext(irb_context(e->b));
    LLVMValueRef nbytes = c64(e, e->plan->shape.window->copy_elems * e->plan->elem_bytes);
    LLVMBuildMemSet(e->b, copy, LLVMConstNull(i8), nbytes, (unsigned)e->plan->elem_bytes);
}

/* Makes chunk `number` readable at e->a_buffer. */
static Chunk open_chunk(ContractEmit *e, LLVMValueRef number, LLVMValueRef copy, LLVMValueRef positions) {
    LLVMBuilderRef        b     = e->b;
    const ContractWindow *w     = e->plan->shape.window;
    LLVMValueRef          each  = c64(e, w->positions);
    LLVMValueRef          image = irb_mul(b, LLVMBuildUDiv(b, number, c64(e, w->bands), ""), c64(e, w->images));
    LLVMValueRef          part  = LLVMBuildURem(b, number, c64(e, w->bands), "");
    LLVMValueRef          start = irb_mul(b, image, each);
    LLVMValueRef          full  = irb_add(b, start, c64(e, w->images * w->positions));
    Chunk                 chunk = {.begin = start, .end = irb_min(b, full, positions)};
    if (w->bands > 1) {
        LLVMValueRef per_band = c64(e, w->band * positions_inside(w));
        chunk.begin           = irb_add(b, start, irb_mul(b, part, per_band));
        chunk.end             = irb_min(b, irb_add(b, chunk.begin, per_band), irb_add(b, start, each));
    }
    chunk.n_images = e->one;
    if (w->images > 1) chunk.n_images = LLVMBuildUDiv(b, irb_sub(b, chunk.end, chunk.begin), each, "");
    if (w->copied) {
        LLVMValueRef band = irb_mul(b, part, c64(e, w->band)); /* its first index */
        if (w->bands > 1) zero_copy(e, copy);
        e->spec->a.fill(e->spec->a.user, copy, image, chunk.n_images, band);
        e->a_buffer = irb_at(b, e->elem, copy, c64(e, e->plan->winograd ? 0 : w->copy_origin));
    } else {
        LLVMValueRef offset = irb_mul(b, image, c64(e, w->image_stride));
        if (w->bands > 1) offset = irb_add(b, offset, irb_mul(b, part, c64(e, w->band_stride)));
        e->a_buffer = irb_near(b, e->elem, e->spec->a.base, offset);
    }
    return chunk;
}

/* ---- regions ------------------------------------------------------------------------------------------------------------------ */

/* The tiles of a chunk: region by region, its rows among [r0, r1) of the row table (NULL: all of them). */
static void emit_regions(ContractEmit *e, const RegionTables *tables, LLVMValueRef n_images, LLVMValueRef r0,
                         LLVMValueRef r1) {
    LLVMBuilderRef        b   = e->b;
    const ContractWindow *w   = e->plan->shape.window;
    LLVMValueRef          all = e->run_table, images = c64(e, w->images);
    Loop                  loop   = loop_begin(b, e->zero, c64(e, w->regions->count), e->one);
    LLVMValueRef          row    = window_region_number(e, tables, loop.index, offsetof(WindowRegion, row));
    LLVMValueRef          n_rows = window_region_number(e, tables, loop.index, offsetof(WindowRegion, n_rows));
    LLVMValueRef          run    = window_region_number(e, tables, loop.index, offsetof(WindowRegion, run));
    e->n_runs                    = window_region_number(e, tables, loop.index, offsetof(WindowRegion, n_runs));
    e->run_length                = window_region_number(e, tables, loop.index, offsetof(WindowRegion, length));
    e->run_step                  = window_region_number(e, tables, loop.index, offsetof(WindowRegion, step));
    if (w->image_in_k) {
        run       = irb_mul(b, run, images);
        e->n_runs = irb_mul(b, e->n_runs, n_images);
    } else {
        row    = irb_mul(b, row, images);
        n_rows = irb_mul(b, n_rows, n_images);
    }
    LLVMTypeRef pair   = LLVMInt64TypeInContext(irb_context(b)); /* two entries */
    e->run_table       = irb_at(b, pair, all, run);
    LLVMValueRef begin = r0 ? irb_max(b, row, r0) : row, end = irb_add(b, row, n_rows);
    if (r1) end = irb_min(b, end, r1);
    emit_tiles(e, begin, irb_max(b, begin, end));
    loop_end(&loop, b);
    e->run_table = all;
}

/* ---- images are rows ------------------------------------------------------------------------------------------------------------ */

static void emit_images_as_rows(ContractEmit *e, LLVMValueRef copy, const RegionTables *tables) {
    LLVMBuilderRef b       = e->b;
    Loop           columns = loop_begin(b, e->column0, e->column1, e->one);
    set_columns(e, columns.index);
    e->p0    = e->zero;
    e->kk    = e->k;
    e->first = e->last = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 1, false);
    e->n_runs          = c64(e, window_runs(e->plan));
    emit_pack_b(e);
    if (e->plan->winograd) winograd_prepare(e);
    if (e->plan->dot_lanes) contract_dot_prepare(e);
    Loop chunks = loop_begin(b, first_block(e, columns.index, e->begin), first_block(e, columns.index, e->end), e->one);
    Chunk chunk = open_chunk(e, chunks.index, copy, e->m);
    e->row_block      = chunks.index;
    ContractTile tile = {chunk.begin, irb_sub(b, chunk.end, chunk.begin), e->n0, irb_sub(b, e->n1, e->n0)};
    if (e->spec->chunk_begin) e->spec->chunk_begin(e->spec->chunk_user, b, &tile);
    if (e->plan->winograd) {
        winograd_chunk(e, chunk.begin, chunk.n_images);
    } else if (e->number_table) {
        e->a_row0  = e->zero;
        e->number0 = chunk.begin;
        emit_regions(e, tables, chunk.n_images, NULL, NULL);
    } else {
        e->a_row0 = chunk.begin;
        emit_tiles(e, chunk.begin, chunk.end);
    }
    if (e->spec->chunk_end) e->spec->chunk_end(e->spec->chunk_user, b, &tile);
    loop_end(&chunks, b);
    loop_end(&columns, b);
}

int64_t contract_chunk_rows(const ContractPlan *plan) {
    const ContractWindow *w    = plan->shape.window;
    bool                  rows = w && !w->image_in_k && !plan->shape.a_vectors;
    return rows && plan->shape.n > 0 ? chunk_positions(w) : 0;
}

bool contract_stores_whole_rows(const ContractPlan *plan) {
    return plan->shape.n > 0 && plan->shape.n <= plan->nc && !half_of(plan);
}

/* ---- images are summed over ------------------------------------------------------------------------------------------------------ */

static void emit_chunks_of_k(ContractEmit *e, LLVMValueRef copy, const RegionTables *tables) {
    LLVMBuilderRef        b     = e->b;
    const ContractWindow *w     = e->plan->shape.window;
    LLVMValueRef          begin = e->chunk0 ? e->chunk0 : e->zero;
    LLVMValueRef          end   = e->chunk1 ? e->chunk1 : irb_max(b, window_chunks(e->plan, b, e->k), e->one);
    LLVMValueRef          one   = e->spec->chunk;
    Loop                  loop  = loop_begin(b, one ? one : begin, one ? irb_add(b, one, e->one) : end, e->one);
    Chunk                 chunk = open_chunk(e, loop.index, copy, e->k);
    e->p0                       = chunk.begin;
    e->kk                       = irb_sub(b, chunk.end, chunk.begin);
    e->first                    = LLVMBuildICmp(b, LLVMIntEQ, loop.index, begin, "");
    e->last                     = LLVMBuildICmp(b, LLVMIntEQ, irb_add(b, loop.index, e->one), end, "");
    emit_pack_b(e);
    if (e->number_table) {
        emit_regions(e, tables, chunk.n_images, e->r0, e->r1);
    } else {
        e->n_runs = LLVMBuildUDiv(b, e->kk, c64(e, window_run(w).extent), "");
        emit_tiles(e, e->r0, e->r1);
    }
    loop_end(&loop, b);
}

typedef struct Images { /* that are summed over */
    LLVMValueRef        copy;
    const RegionTables *tables;
} Images;

static void emit_images_summed(ContractEmit *e, void *user) {
    const Images  *images  = user;
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
    emit_chunks_of_k(e, images->copy, images->tables);
    loop_end(&chunks, b);
    loop_end(&columns, b);
}

int64_t contract_sums_bytes(const ContractPlan *plan) {
    const ContractWindow *w   = plan->shape.window;
    bool                  one = w && w->image_in_k && !plan->winograd && plan->parts == 1 && plan->mc >= plan->shape.m;
    return one && plan->shape.m > 0 ? plan->a_offset - plan->c_offset : 0;
}

LLVMValueRef contract_chunks(const ContractPlan *plan, LLVMBuilderRef b, Extent k) {
    return irb_max(b, window_chunks(plan, b, k.value), irb_i64(b, 1));
}

bool contract_prepares(const ContractPlan *plan) {
    const ContractWindow *w = plan->shape.window;
    return w && !w->regions && (!plan->winograd || w->copied);
}

void contract_emit_prepare(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, LLVMValueRef scratch) {
    ContractEmit e = contract_emit_begin(plan, b, spec->elem, spec->m.value, spec->n.value, spec->k.value);
    contract_set_buffers(&e, spec, scratch);
    if (!plan->winograd) window_make_tables(&e, true);
    if (plan->shape.window->copied && plan->shape.window->bands == 1) zero_copy(&e, e.a_buffer);
}

void window_emit(ContractEmit *e) {
    const ContractWindow *w    = e->plan->shape.window;
    LLVMValueRef          copy = e->a_buffer;
    assert(e->spec->k.constant >= 0 || w->image_in_k);
    assert(!w->regions || (!w->copied && w->bands == 1));
    if (w->copied && w->bands == 1 && !e->spec->prepared) zero_copy(e, copy);
    if (e->plan->winograd && w->image_in_k) {
        contract_emit_parts(e, winograd_kernel_emit, NULL);
        return;
    }
    RegionTables tables = {0};
    if (!e->plan->winograd) tables = window_make_tables(e, !e->spec->prepared);
    if (e->spec->sums) e->c_buffer = e->spec->sums;
    Images images = {copy, &tables};
    if (w->image_in_k)
        contract_emit_parts(e, emit_images_summed, &images);
    else
        emit_images_as_rows(e, copy, &tables);
}
