/* The contraction's plan: everything that is chosen from the shape and the target before code is emitted.
 *
 * Tile: accumulators fill the vector registers but for the B vectors and a broadcast, as the table says. Blocking follows
 * Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): a kc x nc block of B in L2, streamed past an
 * mr x kc panel of A in L1. A transposed A is packed; where several column blocks would each pack it, the packed rows are shared
 * by all of them. */
#include <assert.h>

#include "codegen/blocking.h"
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

/* Register tiles by vector width and registers: rows x vectors. */
typedef struct TileRow {
    int vector_bytes, vector_registers, mr, nv;
} TileRow;
static const TileRow tiles[] = {
    {64, 32, 8, 3}, /* AVX-512: 24 accumulators, 3 of B, 1 broadcast */
    {32, 16, 6, 2}, /* AVX2: 12, 2, 1 */
    {16, 16, 4, 2}, /* SSE, without FMA one more for the product: 8, 2, 1, 1 */
    {16, 32, 8, 3}, /* NEON: 24, 3, 1 */
};

enum {
    C_BYTES_MOST    = 5 << 18, /* of the sums kept where K takes several blocks */
    MA_ROWS         = 96,      /* rows of A packed at once: whole cache lines of a transposed A */
    SHARED_ROWS     = 1056,    /* rows of a transposed A packed once for all column blocks: a multiple of MA_ROWS */
    SHARED_LEAST    = 480,     /* ... fewer would pack B too often */
    SHARED_BYTES    = 9 << 20, /* ... packed for all of K, or the sums of all columns kept beside one block of K */
    SMALL_WORK      = 1 << 18, /* multiply-adds not worth cutting */
    ONE_VECTOR_ROWS = 16,      /* of a tile through windows */
    SHORT_K         = 16,      /* sums for which a wider tile pays ... */
    WIDE_COLUMNS    = 512,     /* ... over so many columns */
};

static int64_t round_up(int64_t x, int64_t multiple) {
    return (x + multiple - 1) / multiple * multiple;
}

static int64_t least(int64_t x, int64_t y) {
    return x < y ? x : y;
}

/* Few columns: a narrower tile, where that spares a last one of a single vector. Beside windows tiles have as many rows whatever their width, so
 * that two workers may take half of the columns each. */
static int choose_vectors(const ContractShape *shape, int most, int lanes) {
    int64_t vectors = (shape->n + lanes - 1) / lanes, few = shape->window && vectors % 2 == 0 ? 8 : 4;
    if (shape->a_vectors) return 1;
    if (shape->n < 0 || vectors > few || vectors % most == 0) return most;
    return vectors % 2 ? (int)least(vectors, most) : 2;
}

/* Few columns: vectors of half the width, two of which a clock may take where it takes one of 64 bytes. */
static int choose_lanes(const ContractShape *shape, const Target *target, int elem_bytes) {
    enum { WIDEST_BYTES = 64 };
    int  lanes = target_lanes(target, elem_bytes);
    bool few   = shape->n > 0 && shape->n <= lanes / 2;
    return target->vector_bytes == WIDEST_BYTES && few ? lanes / 2 : lanes;
}

static TileRow tile_for(const Target *target) {
    int count = (int)(sizeof tiles / sizeof *tiles);
    for (int i = 0; i < count; i++)
        if (tiles[i].vector_bytes == target->vector_bytes && tiles[i].vector_registers == target->vector_registers)
            return tiles[i];
    return tiles[2];
}

/* Short sums over many columns, which a tile of a vector more divides: it starts fewer of them a row. */
static bool is_short_and_wide(const ContractPlan *plan, const TileRow *tile) {
    const ContractShape *s     = &plan->shape;
    int                  lanes = target_lanes(plan->target, plan->elem_bytes);
    return tile->vector_registers == 32 && s->k > 0 && s->k <= SHORT_K && s->n >= WIDE_COLUMNS &&
           s->n % ((tile->nv + 1) * lanes) == 0;
}

/* The target's tile, or one of a vector more or less, of as many sums at most. Windows have tables by the target's rows. */
static TileRow tile_of(const ContractPlan *plan) {
    TileRow tile = tile_for(plan->target);
    if (plan->shape.window) return tile;
    int sums = tile.mr * tile.nv;
    tile.nv += plan->blocking->vectors ? plan->blocking->vectors : is_short_and_wide(plan, &tile);
    tile.mr = sums / tile.nv;
    return tile;
}

int contract_tile_rows(const Target *target) {
    return tile_for(target).mr;
}

/* Whether each column block packs its own rows of a transposed A. */
static bool packs_rows_often(const ContractPlan *plan) {
    return plan->a_packing == A_PACK_ROWS && !plan->shared_rows;
}

/* Equal blocks of K, as few as may be. */
static int64_t choose_kc(const ContractPlan *plan) {
    int64_t k = plan->shape.k, most = packs_rows_often(plan) ? plan->blocking->kc_transposed : plan->blocking->kc_most;
    if (k < 0) return least(most, plan->blocking->kc_unknown);
    if (k <= most) return k > 0 ? k : 1;
    int64_t blocks = (k + most - 1) / most;
    return round_up((k + blocks - 1) / blocks, 16);
}

/* Panels of a block of columns by minimal filtering: images are transformed anew for each block, which costs more than that its kernels' transforms
 * exceed the second-level cache; but workers share few images' columns. */
static int64_t filtered_panels(const ContractPlan *plan, int64_t least_panels) {
    enum { PANELS = 3, UNITS = 4 };
    const ContractWindow *w      = plan->shape.window;
    int64_t               chunks = (plan->shape.m_likely / w->positions + w->images - 1) / w->images, panels = PANELS;
    if (chunks < 1) chunks = 1;
    while (panels > least_panels && chunks * round_up(plan->shape.n, panels * plan->nr) / (panels * plan->nr) < UNITS)
        panels--;
    return panels > least_panels ? panels : least_panels;
}

/* The block of B takes about half of L2 and leaves the rest to what streams past it. */
static int64_t choose_nc(const ContractPlan *plan) {
    int64_t eighths = packs_rows_often(plan) ? 5 : 4;
    int64_t budget  = least(plan->target->l2_bytes * eighths / 8, plan->blocking->b_bytes_most);
    int64_t panels  = budget / (plan->kc * plan->elem_bytes * plan->nr * plan->groups);
    if (plan->winograd && !plan->shape.window->image_in_k) panels = filtered_panels(plan, panels > 1 ? panels : 1);
    int64_t nc = (panels > 1 ? least(panels, 64) : 1) * plan->nr;
    return plan->shape.n >= 0 ? least(nc, round_up(plan->shape.n > 0 ? plan->shape.n : 1, plan->nr)) : nc;
}

/* One block of K, whatever its length turns out to be. */
static bool is_one_block(const ContractPlan *plan) {
    if (plan->shape.window) return !plan->shape.window->image_in_k;
    return plan->shape.k >= 0 && plan->shape.k <= plan->kc;
}

static int64_t choose_mc(const ContractPlan *plan) {
    if (is_one_block(plan)) return 0;
    if (plan->shared_rows) return plan->shared_rows;
    int64_t m = plan->shape.m, most = C_BYTES_MOST / (plan->nc * plan->elem_bytes * plan->groups) / plan->mr * plan->mr;
    return m >= 0 ? least(most, round_up(m > 0 ? m : 1, plan->mr)) : most;
}

/* Columns in blocks of at most nc, more of them where that balances: what contract_cut finds at run time. */
static int64_t panels_of_blocks(const ContractPlan *plan, int64_t blocks, int64_t unit) {
    int64_t width = round_up((plan->shape.n + blocks - 1) / blocks, unit);
    return (plan->shape.n + width - 1) / width * ((width + plan->nr - 1) / plan->nr);
}

static int64_t panels_most(const ContractPlan *plan) {
    int64_t n = plan->shape.n, few = (n + plan->nc - 1) / plan->nc,
            many   = least(n / plan->blocking->columns_a_block, plan->blocking->col_blocks_most);
    int64_t wide   = panels_of_blocks(plan, few, plan->nr);
    int64_t narrow = panels_of_blocks(plan, many > few ? many : few, plan->lanes);
    return wide > narrow ? wide : narrow;
}

/* Rows of A that fit when each takes `row_bytes`. */
static int64_t rows_within(const ContractPlan *plan, int64_t row_bytes) {
    int64_t rows = least(SHARED_ROWS, round_up(plan->shape.m, MA_ROWS));
    return least(rows, SHARED_BYTES / row_bytes / MA_ROWS * MA_ROWS);
}

/* How to share a transposed A, if at all: packed for all of K, so that the sums of one column block are summed up before the
 * next; else, where K is not known or long, a block of K at a time, with the sums of all column blocks kept. */
static void choose_sharing(ContractPlan *plan) {
    ContractPlan shared  = *plan;
    int64_t      enough  = least(SHARED_LEAST, plan->shape.m);
    shared.shared_rows   = SHARED_ROWS;
    shared.kc            = choose_kc(&shared);
    shared.nc            = choose_nc(&shared);
    int64_t blocks       = (plan->shape.k + shared.kc - 1) / shared.kc;
    shared.shared_blocks = plan->shape.k > 0 ? (int)blocks : 1;
    shared.row_panels    = shared.nc / shared.nr;
    shared.shared_rows =
        rows_within(plan, shared.shared_blocks * a_panel_stride(&shared) / plan->mr * plan->elem_bytes);
    if (plan->shape.k < 0 || shared.shared_rows < enough) {
        shared.shared_blocks = 1;
        shared.row_panels    = panels_most(&shared);
        shared.shared_rows   = rows_within(plan, shared.row_panels * plan->c_row * plan->elem_bytes);
    }
    if (shared.shared_rows >= enough) *plan = shared;
}

/* Blocking of K and N; a transposed A is shared where N takes several blocks. */
static void choose_blocks(ContractPlan *plan) {
    plan->kc    = plan->shape.window ? window_kc(plan) : choose_kc(plan);
    plan->nc    = choose_nc(plan);
    bool shares = plan->a_packing == A_PACK_ROWS && plan->groups == 1;
    if (shares && plan->shape.m > 0 && plan->shape.n > plan->nc) choose_sharing(plan);
}

static void choose_packing(ContractPlan *plan) {
    const ContractShape *s = &plan->shape;
    if (s->window)
        plan->a_packing = A_WINDOW;
    else if (s->a_split)
        plan->a_packing = s->a_split == SPLIT_K ? A_PACK_ROWS : A_PACK_K;
    else if (s->a_has_load)
        plan->a_packing = s->a_stride_m == 1 && s->a_stride_k != 1 ? A_PACK_ROWS : A_PACK_K;
    else
        plan->a_packing = s->a_stride_m == 1 && s->a_stride_k != 1 ? A_PACK_ROWS : A_DIRECT;
    bool few = s->k > 1 && s->k <= CONTRACT_FEW_K && s->b_stride_n == s->k && !s->b_has_load && !s->b_has_levels &&
               !s->b_split;
    if (s->b_stride_k == 1 && s->b_stride_n != 1)
        plan->b_packing = few ? B_FEW : B_TRANSPOSE;
    else if (s->b_has_load)
        plan->b_packing = B_ANCHOR;
    else
        plan->b_packing = s->b_stride_n == 1 ? B_COPY : B_ELEMENTS;
    plan->b_packed   = s->b_packed && !s->window;
    plan->b_may_stay = plan->b_packing == B_COPY && !plan->b_packed && plan->groups == 1 && !s->b_has_levels &&
                       !s->b_split && !plan->winograd && !plan->fixed;
}

static void lay_out_scratch(ContractPlan *plan) {
    int64_t rows   = plan->mc ? plan->mc : plan->mr;
    int64_t panels = plan->shared_rows ? plan->row_panels : round_up(plan->nc, plan->nr) / plan->nr;
    int64_t cols   = (plan->mc ? panels : 1) * plan->c_row * plan->groups;
    if (plan->dot_lanes) cols = plan->nr + plan->dot_lanes; /* a whole vector is read from the last row */
    int64_t slack  = (int64_t)plan->lanes * plan->nr;       /* a transposed block may end past the last row */
    int64_t tile   = (int64_t)plan->lanes * plan->lanes;
    int64_t b      = plan->b_packed ? 0 : round_up(plan->nc, plan->nr) * plan->kc * plan->groups + slack + tile;
    int64_t packed = plan->shared_rows ? plan->shared_blocks * plan->shared_rows : plan->ma;
    int64_t per_k  = plan->a_packing == A_PACK_ROWS ? packed / plan->mr * a_panel_stride(plan) : 0;
    int64_t a      = plan->a_packing == A_PACK_K ? plan->ma * a_row_stride(plan) : per_k;
    int64_t tables = 0;
    if (plan->shape.window) {
        a      = plan->shape.window->copied ? plan->shape.window->copy_elems : 0;
        tables = window_table_bytes(plan);
    }
    plan->c_offset      = 0;
    plan->a_offset      = round_up(rows * cols * plan->elem_bytes, 64);
    plan->b_offset      = plan->a_offset + round_up(a * plan->elem_bytes, 64);
    plan->scratch_bytes = plan->b_offset + round_up(b * plan->elem_bytes, 64);
    plan->rows_offset += plan->scratch_bytes;
    plan->numbers_offset += plan->scratch_bytes;
    plan->runs_offset += plan->scratch_bytes;
    plan->scratch_bytes += tables;
    plan->winograd_offset = plan->scratch_bytes;
    if (plan->winograd) plan->scratch_bytes += round_up(winograd_scratch_elems(plan) * plan->elem_bytes, 64);
    plan->dots_offset = plan->scratch_bytes;
    if (plan->dot_lanes) plan->scratch_bytes += round_up(contract_dot_elems(plan) * plan->elem_bytes, 64);
}

/* Beside one vector of B a tile has room for more rows, each of which is a load a step; B is one more. */
static bool is_one_vector(const ContractPlan *plan) {
    return plan->shape.window && plan->shape.window->regions && plan->shape.window->image_in_k && !plan->winograd &&
           !plan->fixed && !plan->dot_lanes && plan->nv == 1 && plan->target->vector_registers >= 2 * ONE_VECTOR_ROWS;
}

ContractPlan *contract_plan(Arena *arena, const Target *target, const ContractShape *shape) {
    ContractPlan *plan = ARENA_NEW(arena, ContractPlan);
    plan->target       = target;
    plan->blocking     = shape->blocking ? shape->blocking : &blockings[0];
    plan->shape        = *shape;
    plan->elem_bytes   = shape->is_double ? 8 : 4;
    TileRow tile       = tile_of(plan);
    plan->lanes        = choose_lanes(shape, target, plan->elem_bytes);
    plan->mr           = tile.mr;
    plan->nv           = choose_vectors(shape, tile.nv, plan->lanes);
    plan->nr           = plan->nv * plan->lanes;
    plan->c_row        = tile.nv * plan->lanes;
    if (shape->turned) plan->mr = plan->nr = plan->c_row = plan->lanes, plan->nv = 1;
    plan->groups = shape->groups ? shape->groups : 1;
    plan->direct = shape->k <= plan->blocking->direct_k && plan->groups == 1;
    plan->whole_cols =
        shape->n > 0 && plan->nr - shape->n < plan->lanes && shape->n < plan->nr ? (int)shape->n : plan->nr;
    plan->winograd = !plan->blocking->plain && winograd_fits(plan);
    plan->parts    = contract_parts(plan);
    plan->direct &= plan->parts == 1;
    plan->dot_lanes = plan->winograd ? 0 : contract_dot_lanes(plan);
    if (plan->dot_lanes) {
        plan->mr     = contract_dot_rows(plan, tile.mr * tile.nv);
        plan->c_row  = (int)shape->n;
        plan->direct = false;
    }
    plan->fixed = !plan->dot_lanes && contract_fix_tile(plan, &plan->fixed_tile);
    if (plan->fixed) plan->mr = plan->fixed_tile.n_rows;
    if (is_one_vector(plan)) plan->mr = ONE_VECTOR_ROWS;
    plan->row_lanes = 1;
    while (plan->row_lanes < plan->mr) plan->row_lanes *= 2;
    choose_packing(plan);
    if (plan->winograd && shape->window->image_in_k) {
        winograd_kernel_plan(plan);
        return plan;
    }
    choose_blocks(plan);
    plan->mc = choose_mc(plan);
    plan->ma = MA_ROWS;
    assert(shape->window || MA_ROWS % plan->mr == 0);
    assert(SHARED_ROWS % MA_ROWS == 0 && SHARED_LEAST % MA_ROWS == 0);
    lay_out_scratch(plan);
    return plan;
}

int64_t contract_scratch_bytes(const ContractPlan *plan) {
    return plan->scratch_bytes;
}

/* Blocks of rows, about as many as the table says, so that two and four threads get as much each where the rows are as many as is likely. */
static int64_t blocks_of_rows(const ContractPlan *plan) {
    int64_t base = plan->blocking->row_blocks, m = plan->shape.m >= 0 ? plan->shape.m : plan->shape.m_likely;
    int64_t row_tiles = (m + plan->mr - 1) / plan->mr, best = base, least_work = INT64_MAX;
    for (int64_t blocks = base; m > 0 && blocks < 2 * base; blocks++) {
        int64_t height = (row_tiles + blocks - 1) / blocks, count = (row_tiles + height - 1) / height;
        int64_t work =
            2 * ((count + 1) / 2 * height) + 4 * ((count + 3) / 4 * height); /* of the busiest, times threads */
        if (work >= least_work) continue;
        best       = blocks;
        least_work = work;
    }
    return best;
}

Cut contract_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef m, LLVMValueRef n, LLVMValueRef k) {
    if (plan->shape.window && !plan->shape.window->image_in_k) return window_cut(plan, b, m, n);
    if (plan->winograd) return winograd_kernel_cut(plan, b, n);
    LLVMValueRef one = irb_i64(b, 1), rows = irb_max(b, m, one), cols = irb_max(b, n, one);
    LLVMValueRef all   = irb_mul(b, cols, irb_i64(b, plan->groups));
    LLVMValueRef work  = irb_mul(b, irb_mul(b, rows, all), k);
    LLVMValueRef small = LLVMBuildICmp(b, LLVMIntSLT, work, irb_i64(b, SMALL_WORK), "");
    LLVMValueRef tall  = LLVMBuildICmp(b, LLVMIntSGT, rows, irb_i64(b, plan->blocking->tall_rows), "");

    LLVMValueRef few  = irb_ceil_div(b, cols, irb_i64(b, plan->nc));
    LLVMValueRef more = LLVMBuildUDiv(b, all, irb_i64(b, plan->blocking->columns_a_block), "");
    LLVMValueRef many = irb_max(b, few, irb_min(b, more, irb_i64(b, plan->blocking->col_blocks_most)));

    Cut cut                 = {0};
    cut.row_major           = tall;
    cut.widths[0]           = irb_round_up(b, irb_ceil_div(b, cols, few), plan->nr);
    cut.widths[1]           = irb_round_up(b, irb_ceil_div(b, cols, many), plan->lanes);
    LLVMValueRef wide       = LLVMBuildOr(b, small, tall, "");
    LLVMValueRef row_target = LLVMBuildSelect(b, small, one, irb_i64(b, blocks_of_rows(plan)), "");
    cut.width               = LLVMBuildSelect(b, wide, cut.widths[0], cut.widths[1], "");
    cut.col_blocks          = irb_ceil_div(b, cols, cut.width);
    cut.height              = irb_round_up(b, irb_ceil_div(b, rows, row_target), plan->mr);
    cut.row_blocks          = irb_ceil_div(b, rows, cut.height);
    return cut;
}

LLVMValueRef contract_row_blocks(const ContractPlan *plan, LLVMBuilderRef b, Extent m, Extent n, Extent k) {
    return contract_cut(plan, b, m.value, n.value, k.value).row_blocks;
}

LLVMValueRef contract_units(const ContractPlan *plan, LLVMBuilderRef b, Extent m, Extent n, Extent k) {
    Cut cut = contract_cut(plan, b, m.value, n.value, k.value);
    return irb_mul(b, contract_part_count(plan, b, k.value), irb_mul(b, cut.col_blocks, cut.row_blocks));
}

const ContractShape *contract_shape(const ContractPlan *plan) {
    return &plan->shape;
}
