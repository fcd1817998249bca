/* Where the rows of windows lie, and the runs of k in which they are read: tables in scratch, for one chunk of images. Without regions they are
 * written from the levels of rows and of k; with regions they are the module's tables, repeated for each image of a chunk. */
#include <stddef.h>
#include <stdlib.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum { ENTRY = sizeof(int32_t), REGION_NUMBERS = sizeof(WindowRegion) / ENTRY };

static LLVMValueRef c64(const ContractEmit *e, int64_t value) {
    return irb_i64(e->b, value);
}

ContractLevel window_run(const ContractWindow *w) {
    return w->n_depth ? w->depth[w->n_depth - 1] : (ContractLevel){1, 1};
}

/* ---- entries --------------------------------------------------------------------------------------------------------------- */

static LLVMTypeRef entry_type(const ContractEmit *e) {
    return LLVMInt32TypeInContext(irb_context(e->b));
}

static void write_entry(const ContractEmit *e, LLVMValueRef table, LLVMValueRef place, LLVMValueRef value) {
    LLVMValueRef narrow = LLVMBuildTrunc(e->b, value, entry_type(e), "");
    irb_store(e->b, narrow, irb_at(e->b, entry_type(e), table, place));
}

static LLVMValueRef read_entry(const ContractEmit *e, LLVMValueRef table, LLVMValueRef place) {
    LLVMTypeRef i64 = LLVMInt64TypeInContext(irb_context(e->b));
    return LLVMBuildSExt(e->b, irb_load(e->b, entry_type(e), irb_at(e->b, entry_type(e), table, place)), i64, "");
}

static LLVMValueRef scratch_at(const ContractEmit *e, int64_t offset) {
    LLVMTypeRef i8 = LLVMInt8TypeInContext(irb_context(e->b));
    return irb_at(e->b, i8, e->c_buffer, c64(e, offset - e->plan->c_offset));
}

/* ---- from levels ------------------------------------------------------------------------------------------------------------ */

typedef struct Levels {
    LLVMValueRef table;
    int64_t length; /* of runs, each of which has its first k behind its offset: its place times the length; 0: rows */
    int     count;
    ContractLevel levels[CONTRACT_LEVELS + 1];
} Levels;

/* The offsets of all indices, in order. */
static void write_levels(const ContractEmit *e, const Levels *of, int level, LLVMValueRef offset, LLVMValueRef place) {
    LLVMBuilderRef b = e->b;
    if (level == of->count) {
        LLVMValueRef at = of->length ? irb_mul(b, place, c64(e, 2)) : place;
        write_entry(e, of->table, at, offset);
        if (of->length) write_entry(e, of->table, irb_add(b, at, e->one), irb_mul(b, place, c64(e, of->length)));
        return;
    }
    int64_t inside = 1;
    for (int i = level + 1; i < of->count; i++) inside *= of->levels[i].extent;
    Loop         loop = loop_begin(b, e->zero, c64(e, of->levels[level].extent), e->one);
    LLVMValueRef at   = irb_add(b, offset, irb_mul(b, loop.index, c64(e, of->levels[level].stride)));
    write_levels(e, of, level + 1, at, irb_add(b, place, irb_mul(b, loop.index, c64(e, inside))));
    loop_end(&loop, b);
}

/* The levels of a side, with the chunk's images or its part of one where they belong to that side. */
static void set_levels(const ContractWindow *w, bool k_side, Levels *to) {
    const ContractLevel *from   = k_side ? w->depth : w->rows;
    int                  count  = k_side ? w->n_depth - (w->n_depth > 0) : w->n_rows; /* runs are one entry */
    bool                 images = k_side == w->image_in_k;
    if (images && w->images > 1) to->levels[to->count++] = (ContractLevel){w->images, w->image_stride};
    for (int i = 0; i < count; i++) {
        ContractLevel *level = &to->levels[to->count++];
        *level               = from[i];
        if (images && w->bands > 1 && i == 0) level->extent = w->band;
    }
}

static void tables_from_levels(ContractEmit *e, bool write) {
    const ContractWindow *w = e->plan->shape.window;
    Levels rows = {.table = e->row_table}, runs = {.table = e->run_table, .length = window_run(w).extent};
    set_levels(w, false, &rows);
    set_levels(w, true, &runs);
    if (write) write_levels(e, &rows, 0, e->zero, e->zero);
    if (write) write_levels(e, &runs, 0, e->zero, e->zero);
    e->run_length = c64(e, window_run(w).extent);
    e->run_step   = c64(e, window_run(w).stride);
}

/* ---- from regions ------------------------------------------------------------------------------------------------------------- */

static LLVMValueRef constant_table(const ContractEmit *e, const int32_t *numbers, int count) {
    LLVMValueRef *values = calloc((size_t)count + 1, sizeof *values);
    if (!values) abort();
    for (int i = 0; i < count; i++) values[i] = LLVMConstInt(entry_type(e), (uint32_t)numbers[i], false);
    LLVMTypeRef  type  = LLVMArrayType2(entry_type(e), (uint64_t)count);
    LLVMValueRef table = LLVMAddGlobal(irb_module(e->b), type, "nnc.regions");
    LLVMSetInitializer(table, LLVMConstArray2(entry_type(e), values, (uint64_t)count));
    LLVMSetGlobalConstant(table, true);
    LLVMSetLinkage(table, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(table, LLVMGlobalUnnamedAddr);
    free(values);
    return table;
}

LLVMValueRef window_region_number(const ContractEmit *e, const RegionTables *tables, LLVMValueRef region,
                                  size_t offset) {
    LLVMValueRef first = irb_mul(e->b, region, c64(e, REGION_NUMBERS));
    return read_entry(e, tables->regions, irb_add(e->b, first, c64(e, (int64_t)(offset / ENTRY))));
}

/* A region's pairs of numbers, for each image of a chunk: image after image, raised by `steps` from each to the next. They go to two
 * tables, or as pairs to one. */
typedef struct Repeat {
    LLVMValueRef from, first, count;
    int64_t      images, steps[2];
    LLVMValueRef to[2]; /* to[1] NULL: pairs */
} Repeat;

static void repeat_pairs(const ContractEmit *e, const Repeat *r) {
    LLVMBuilderRef b      = e->b;
    LLVMValueRef   two    = c64(e, 2);
    Loop           image  = loop_begin(b, e->zero, c64(e, r->images), e->one);
    LLVMValueRef   begin  = irb_add(b, irb_mul(b, r->first, c64(e, r->images)), irb_mul(b, image.index, r->count));
    Loop           pair   = loop_begin(b, e->zero, r->count, e->one);
    LLVMValueRef   source = irb_mul(b, irb_add(b, r->first, pair.index), two), place = irb_add(b, begin, pair.index);
    for (int i = 0; i < 2; i++) {
        LLVMValueRef old = read_entry(e, r->from, irb_add(b, source, c64(e, i)));
        LLVMValueRef new = irb_add(b, old, irb_mul(b, image.index, c64(e, r->steps[i])));
        write_entry(e, r->to[1] ? r->to[i] : r->to[0], r->to[1] ? place : irb_add(b, irb_mul(b, place, two), c64(e, i)),
                    new);
    }
    loop_end(&pair, b);
    loop_end(&image, b);
}

static RegionTables tables_from_regions(ContractEmit *e) {
    const ContractWindow *w      = e->plan->shape.window;
    const WindowRegions  *all    = w->regions;
    RegionTables          tables = {constant_table(e, &all->regions[0].row, all->count * REGION_NUMBERS),
                                    constant_table(e, &all->rows[0].at, 2 * all->n_rows),
                                    constant_table(e, &all->runs[0].at, 2 * all->n_runs)};
    Loop                  loop   = loop_begin(e->b, e->zero, c64(e, all->count), e->one);
    Repeat                rows   = {.from  = tables.rows,
                                    .first = window_region_number(e, &tables, loop.index, offsetof(WindowRegion, row)),
                                    .count = window_region_number(e, &tables, loop.index, offsetof(WindowRegion, n_rows)),
                                    .images = w->image_in_k ? 1 : w->images,
                                    .steps  = {w->image_stride, w->positions},
                                    .to     = {e->row_table, e->number_table}};
    Repeat                runs   = {.from  = tables.runs,
                                    .first = window_region_number(e, &tables, loop.index, offsetof(WindowRegion, run)),
                                    .count = window_region_number(e, &tables, loop.index, offsetof(WindowRegion, n_runs)),
                                    .images = w->image_in_k ? w->images : 1,
                                    .steps  = {w->image_stride, w->positions},
                                    .to     = {e->run_table, NULL}};
    repeat_pairs(e, &rows);
    repeat_pairs(e, &runs);
    loop_end(&loop, e->b);
    return tables;
}

/* ---- both ------------------------------------------------------------------------------------------------------------------------ */

RegionTables window_make_tables(ContractEmit *e, bool write) {
    const ContractPlan *plan = e->plan;
    e->row_table             = scratch_at(e, plan->rows_offset);
    e->run_table             = scratch_at(e, plan->runs_offset);
    if (!plan->shape.window->regions) {
        tables_from_levels(e, write);
        return (RegionTables){0};
    }
    e->number_table = scratch_at(e, plan->numbers_offset);
    e->number0      = e->zero;
    return tables_from_regions(e);
}

int64_t window_table_bytes(ContractPlan *plan) {
    enum { LINE = 64 };
    int64_t rows         = (window_rows(plan) * ENTRY + LINE - 1) / LINE * LINE;
    plan->rows_offset    = 0;
    plan->numbers_offset = rows;
    plan->runs_offset    = 2 * rows;
    return 2 * rows + (window_runs(plan) * 2 * ENTRY + LINE - 1) / LINE * LINE;
}

/* Of a tile within one index of the rows' outer level: the runs that meet elements. */
static void clip_runs(const ContractEmit *e, LLVMValueRef outer, TileArgs *args) {
    const ContractWindow *w     = e->plan->shape.window;
    const WindowReach    *reach = &w->reach[0];
    LLVMBuilderRef        b     = e->b;
    LLVMValueRef          index = LLVMBuildURem(b, outer, c64(e, w->rows[0].extent), "");
    LLVMValueRef          place = irb_add(b, irb_mul(b, index, c64(e, reach->step)), c64(e, reach->offset));
    LLVMValueRef          first = irb_max(b, irb_sub(b, e->zero, place), e->zero);
    LLVMValueRef          end   = irb_min(b, irb_sub(b, c64(e, reach->extent), place), c64(e, w->depth[0].extent));
    args->runs                  = irb_at(b, entry_type(e), args->runs, irb_mul(b, first, c64(e, 2)));
    args->n_runs                = irb_max(b, irb_sub(b, end, first), e->zero);
}

/* Which of the fixed tile's edges it is: the first one of its level, one between, or the last. */
static LLVMValueRef edge_of(const ContractEmit *e, LLVMValueRef row, int64_t extent) {
    LLVMBuilderRef b     = e->b;
    int64_t        mr    = e->plan->mr;
    LLVMValueRef   place = LLVMBuildURem(b, LLVMBuildUDiv(b, row, c64(e, mr), ""), c64(e, extent / mr), "");
    LLVMValueRef   last  = LLVMBuildICmp(b, LLVMIntEQ, place, c64(e, extent / mr - 1), "");
    LLVMValueRef   edge  = LLVMBuildSelect(b, last, c64(e, e->plan->fixed_tile.n_edges - 1), e->one, "");
    return LLVMBuildSelect(b, LLVMBuildICmp(b, LLVMIntEQ, place, e->zero, ""), e->zero, edge, "");
}

/* What a tile of fixed offsets, whose rows are within one index of the rows' outer level, leaves out of what is outside. */
static void leave_out(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    const ContractWindow *w = e->plan->shape.window;
    if (!e->plan->fixed || w->image_in_k || !w->n_rows) return;
    int64_t extent = w->rows[w->n_rows - 1].extent;
    if (extent % e->plan->mr) return;
    LLVMValueRef row = irb_sub(e->b, at->i0, e->a_row0);
    if (w->reach[0].step) clip_runs(e, LLVMBuildUDiv(e->b, row, c64(e, extent), ""), args);
    if (e->plan->fixed_tile.n_edges > 1) args->edge = edge_of(e, row, extent);
}

void window_locate_a(const ContractEmit *e, const TilePlace *at, TileArgs *args) {
    args->a      = e->plan->shape.a_vectors ? irb_near(e->b, e->elem, e->a_buffer, at->j0) : e->a_buffer;
    args->a_row  = e->zero;
    args->a_k    = e->run_step;
    args->k      = e->run_length;
    args->rows   = irb_at(e->b, entry_type(e), e->row_table, irb_sub(e->b, at->i0, e->a_row0));
    args->runs   = e->run_table;
    args->n_runs = e->n_runs;
    leave_out(e, at, args);
}
