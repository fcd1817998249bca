/* Convolutions with 3 x 3 kernels by minimal filtering, F(4 x 4, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural
 * networks", 2016: tiles of 4 x 4 results from 6 x 6 elements, 36 multiplications where the definition takes 144.
 *
 *     B (kernels)        U[36][c][n] = G g G'          once a column block, from packed B
 *     A (images)         V[36][tile][c] = B' d B       for a block of tiles
 *                        M[36][tile][n] = V[p] U[p]    36 small products by the usual register tile
 *     C                  Y = A' M A                    to the store anchor, 16 rows a tile
 *
 * The gradient with respect to the kernel has files of its own (contract_winograd_kernel.c). The error is a few times that of the plain sum,
 * some 1e-6 of the largest result in f32; f64 does not come here. */
#include "codegen/contract_winograd.h"
#include "codegen/irb.h"

enum {
    TILES_MOST     = 24, /* of a block: V and M of some hundred channels stay in L2, those of few half in L1 */
    LEAST_CHANNELS = 16,
    SHORT_ANCHOR   = 40, /* instructions of an anchor worth repeating for each result of a tile */
    CACHE_LINE     = 64, /* bytes */
};

/* ---- plan ------------------------------------------------------------------------------------------------------------------- */

bool winograd_fits(const ContractPlan *plan) {
    const WindowPlane *plane = plan->shape.window ? plan->shape.window->plane : NULL;
    int64_t            n     = plan->shape.n;
    return plane && plane->winograd && plan->elem_bytes == 4 && plane->channels >= LEAST_CHANNELS &&
           n >= LEAST_CHANNELS && plane->channels % plan->lanes == 0 && n % plan->lanes == 0 &&
           plan->shape.window->positions >= TILE_SIDE * TILE_SIDE &&
           (!plan->shape.window->image_in_k || winograd_kernel_fits(plan));
}

bool contract_is_filtered(const ContractPlan *plan) {
    return plan->winograd && !plan->shape.window->image_in_k;
}

bool contract_by_filtering(const ContractPlan *plan) {
    return plan->winograd;
}

static int64_t panels_of(const ContractPlan *plan) {
    return (plan->nc + plan->nr - 1) / plan->nr;
}

static int64_t u_elems(const ContractPlan *plan) {
    return POINTS * panels_of(plan) * plan->shape.window->plane->channels * plan->nr;
}

/* From one point's rows to the next's: a line more than they hold. */
static int64_t v_plane(const ContractPlan *plan) {
    return TILES_MOST * plan->shape.window->plane->channels + plan->lanes;
}

static int64_t block_of_sums(const ContractPlan *plan) {
    return (int64_t)plan->mr * plan->c_row;
}

static int64_t row_tiles(const ContractPlan *plan) {
    return (TILES_MOST + plan->mr - 1) / plan->mr;
}

static int64_t m_elems(const ContractPlan *plan) {
    return POINTS * row_tiles(plan) * panels_of(plan) * block_of_sums(plan);
}

int64_t winograd_scratch_elems(const ContractPlan *plan) {
    return u_elems(plan) + POINTS * v_plane(plan) + row_tiles(plan) * plan->mr * plan->shape.window->plane->channels +
           m_elems(plan) + TILE_SIDE * TILE_SIDE * plan->lanes;
}

/* ---- the loops ------------------------------------------------------------------------------------------------------------------------ */

typedef struct Winograd {
    ContractEmit      *e;
    const WindowPlane *plane;
    LLVMValueRef       u, v, m, results; /* in scratch */
} Winograd;

static LLVMValueRef i64c(const Winograd *w, int64_t value) {
    return irb_i64(w->e->b, value);
}

static Winograd winograd_begin(ContractEmit *e) {
    const ContractPlan *plan  = e->plan;
    Winograd            w     = {.e = e, .plane = plan->shape.window->plane};
    LLVMTypeRef         i8    = LLVMInt8TypeInContext(irb_context(e->b));
    LLVMValueRef        start = irb_at(e->b, i8, e->c_buffer, i64c(&w, plan->winograd_offset - plan->c_offset));
    int64_t             v     = POINTS * v_plane(plan) + row_tiles(plan) * plan->mr * w.plane->channels;
    w.u                       = start;
    w.v                       = irb_at(e->b, e->elem, w.u, i64c(&w, u_elems(plan)));
    w.m                       = irb_at(e->b, e->elem, w.v, i64c(&w, v));
    w.results                 = irb_at(e->b, e->elem, w.m, i64c(&w, m_elems(plan)));
    return w;
}

/* U[point][panel][channel][nr] from the packed panels [panel][tap][channel][width]; turned kernels start from their last tap. */
static void transform_packed(const Winograd *w) {
    const ContractEmit *e        = w->e;
    const ContractPlan *plan     = e->plan;
    LLVMBuilderRef      b        = e->b;
    int64_t             channels = w->plane->channels;
    Loop                panels   = loop_begin(b, e->zero, e->panels, e->one);
    LLVMValueRef        left     = irb_sub(b, irb_sub(b, e->n1, e->n0), irb_mul(b, panels.index, i64c(w, plan->nr)));
    LLVMValueRef        width    = irb_min(b, left, i64c(w, plan->nr)); /* whole vectors */
    LLVMValueRef        from = irb_at(b, e->elem, e->b_buffer, irb_mul(b, panels.index, i64c(w, plan->nr * plan->kc)));
    LLVMValueRef        to   = irb_at(b, e->elem, w->u, irb_mul(b, panels.index, i64c(w, channels * plan->nr)));
    LLVMValueRef        tap  = irb_mul(b, width, i64c(w, channels));
    LLVMValueRef        last = w->plane->turned ? irb_mul(b, tap, i64c(w, TAPS * TAPS - 1)) : e->zero;
    if (w->plane->turned) tap = irb_sub(b, e->zero, tap);
    Loop         channel = loop_begin(b, e->zero, i64c(w, channels), e->one);
    Loop         column  = loop_begin(b, e->zero, width, i64c(w, plan->lanes));
    LLVMValueRef place   = irb_add(b, irb_mul(b, channel.index, width), column.index);
    LLVMValueRef args[]  = {irb_at(b, e->elem, from, irb_add(b, last, place)), tap, irb_at(b, e->elem, to, place),
                            i64c(w, panels_of(plan) * channels * plan->nr)};
    winograd_call(e, WINOGRAD_KERNEL, plan->lanes, args, 4);
    loop_end(&column, b);
    loop_end(&channel, b);
    loop_end(&panels, b);
}

typedef struct Block {                 /* of tiles of a chunk */
    LLVMValueRef first, count, image0; /* image0: pointer to the chunk's first image */
    LLVMValueRef row0;                 /* the product's row that the chunk starts with */
} Block;

static void transform_images(const Winograd *w, const Block *block) {
    const ContractEmit *e       = w->e;
    LLVMBuilderRef      b       = e->b;
    const WindowPlane  *p       = w->plane;
    WinogradPatches     patches = {.extents = p->extents, .strides = p->strides, .point = v_plane(e->plan)};
    Loop                tiles   = loop_begin(b, e->zero, block->count, e->one);
    WinogradPlace       at      = winograd_place(e, irb_add(b, block->first, tiles.index));
    LLVMValueRef        image   = irb_mul(b, at.image, i64c(w, e->plan->shape.window->image_stride));
    at.y                        = irb_add(b, at.y, i64c(w, p->starts[0]));
    at.x                        = irb_add(b, at.x, i64c(w, p->starts[1]));
    LLVMValueRef to             = irb_at(b, e->elem, w->v, irb_mul(b, tiles.index, i64c(w, p->channels)));
    if (e->spec->a.patch) {
        LLVMValueRef first = LLVMBuildUDiv(b, block->row0, i64c(w, p->positions[0] * p->positions[1]), "");
        at.image           = irb_add(b, first, at.image);
        winograd_computed_patch(e, e->plan->lanes, &patches, &at, e->zero, to, i64c(w, p->channels));
    } else {
        winograd_patch(e, WINOGRAD_ELEMENTS, e->plan->lanes, &patches, irb_at(b, e->elem, block->image0, image), &at,
                       to, i64c(w, p->channels));
    }
    loop_end(&tiles, b);
}

/* The product's row of a tile's first result. */
static LLVMValueRef result_row(const Winograd *w, const Block *block, const WinogradPlace *at) {
    LLVMBuilderRef b     = w->e->b;
    LLVMValueRef   above = irb_add(b, irb_mul(b, at->image, i64c(w, w->plane->positions[0])), at->y);
    return irb_add(b, block->row0, irb_add(b, irb_mul(b, above, i64c(w, w->plane->positions[1])), at->x));
}

/* The lines that the epilogue will read and write of one row of results of each tile are asked for while the block is multiplied, some at each
 * step of its loops: it touches them tile by tile, in an order that no hardware prefetcher follows. */
static void ask_for_row(const Winograd *w, const Block *block, LLVMValueRef which) {
    const ContractEmit *e    = w->e;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        side = i64c(w, TILE_SIDE), lines[CONTRACT_AHEAD];
    WinogradPlace       at   = winograd_place(e, irb_add(b, block->first, LLVMBuildUDiv(b, which, side, "")));
    at.y                     = irb_add(b, at.y, LLVMBuildURem(b, which, side, ""));
    LLVMValueRef last = irb_sub(b, e->m, side), row0 = irb_min(b, result_row(w, block, &at), last);
    Loop         line = loop_begin(b, e->n0, e->n1, i64c(w, CACHE_LINE / e->plan->elem_bytes));
    for (int x = 0; x < TILE_SIDE; x++) {
        LLVMValueRef row = irb_add(b, row0, i64c(w, x));
        int          n   = e->spec->ahead(e->spec->store_user, row, line.index, lines);
        for (int i = 0; i < n; i++) irb_prefetch(b, lines[i], TO_READ);
        n = e->spec->ahead_writes(e->spec->store_user, row, line.index, lines);
        for (int i = 0; i < n; i++) irb_prefetch(b, lines[i], TO_WRITE);
    }
    loop_end(&line, b);
}

static void look_ahead(const Winograd *w, const Block *block, LLVMValueRef step) {
    const ContractEmit *e   = w->e;
    LLVMBuilderRef      b   = e->b;
    int64_t             per = (TILE_SIDE * e->plan->mr + POINTS - 1) / POINTS;
    for (int64_t i = 0; i < per; i++) {
        LLVMValueRef which = irb_add(b, irb_mul(b, step, i64c(w, per)), i64c(w, i));
        LLVMValueRef rows  = irb_mul(b, block->count, i64c(w, TILE_SIDE));
        Branch       some  = branch_begin(b, LLVMBuildICmp(b, LLVMIntSLT, which, rows, ""));
        ask_for_row(w, block, which);
        branch_end(&some, b);
    }
}

static void multiply_panel(const Winograd *w, LLVMValueRef point, LLVMValueRef row_tile, LLVMValueRef panel,
                           int vectors) {
    const ContractEmit *e        = w->e;
    const ContractPlan *plan     = e->plan;
    LLVMBuilderRef      b        = e->b;
    int64_t             channels = w->plane->channels, panels = panels_of(plan);
    LLVMValueRef        rows = irb_mul(b, row_tile, i64c(w, plan->mr * channels));
    LLVMValueRef        a    = irb_add(b, irb_mul(b, point, i64c(w, v_plane(plan))), rows);
    LLVMValueRef        u    = irb_add(b, irb_mul(b, point, i64c(w, panels)), panel);
    LLVMValueRef        at   = irb_add(b, irb_mul(b, point, i64c(w, row_tiles(plan))), row_tile);
    LLVMValueRef        m    = irb_add(b, irb_mul(b, at, i64c(w, panels)), panel);
    TileArgs            args = {.a     = irb_at(b, e->elem, w->v, a),
                                .a_row = i64c(w, channels),
                                .a_k   = e->one,
                                .b     = irb_at(b, e->elem, w->u, irb_mul(b, u, i64c(w, channels * plan->nr))),
                                .b_k   = i64c(w, (int64_t)vectors * plan->lanes),
                                .k     = i64c(w, channels),
                                .c     = irb_at(b, e->elem, w->m, irb_mul(b, m, i64c(w, block_of_sums(plan)))),
                                .first = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 1, false)};
    contract_call_tile(plan, b, plan->mr, vectors, &args);
}

/* Whole tiles of rows: those behind the last one are not read. */
static void multiply(const Winograd *w, const Block *block) {
    const ContractEmit *e    = w->e;
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        rest =
        LLVMBuildUDiv(b, LLVMBuildURem(b, irb_sub(b, e->n1, e->n0), i64c(w, plan->nr), ""), i64c(w, plan->lanes), "");
    Loop         points    = loop_begin(b, e->zero, i64c(w, POINTS), e->one);
    LLVMValueRef row_tiles = irb_ceil_div(b, block->count, i64c(w, plan->mr));
    Loop         rows      = loop_begin(b, e->zero, row_tiles, e->one);
    if (e->spec->ahead) look_ahead(w, block, irb_add(b, irb_mul(b, points.index, row_tiles), rows.index));
    Loop panels = loop_begin(b, e->zero, e->full_panels, e->one);
    multiply_panel(w, points.index, rows.index, panels.index, plan->nv);
    loop_end(&panels, b);
    for (int vectors = 1; vectors < plan->nv; vectors++) {
        Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntEQ, rest, i64c(w, vectors), ""));
        multiply_panel(w, points.index, rows.index, e->full_panels, vectors);
        branch_end(&part, b);
    }
    loop_end(&rows, b);
    loop_end(&points, b);
}

/* One vector of columns of a tile. */
typedef struct Results {
    const Winograd      *w;
    const WinogradPlace *at;
    LLVMValueRef         row0;   /* the product's row of the first of them */
    LLVMValueRef         column; /* the product's first column */
    LLVMValueRef         sums;   /* of the first point */
    int64_t              point;  /* from one point's sums to the next's */
} Results;

static void sums_over_rows(const Results *r, bool begin) {
    const ContractEmit *e = r->w->e;
    if (!e->spec->columns_begin) return;
    if (begin)
        e->spec->columns_begin(e->spec->columns_user, e->plan->lanes);
    else
        e->spec->columns_end(e->spec->columns_user, e->row_block, r->column, NULL);
}

/* Those inside the image, by way of scratch. Returns the anchor's size. */
static unsigned store_some(void *user) {
    const Results      *r    = user;
    const Winograd     *w    = r->w;
    const ContractEmit *e    = w->e;
    LLVMBuilderRef      b    = e->b;
    const int64_t      *size = w->plane->positions;
    LLVMValueRef        side = i64c(w, TILE_SIDE), args[] = {r->sums, i64c(w, r->point), w->results};
    winograd_call(e, WINOGRAD_SUMS, e->plan->lanes, args, 3);
    sums_over_rows(r, true);
    Loop         rows    = loop_begin(b, e->zero, irb_min(b, side, irb_sub(b, i64c(w, size[0]), r->at->y)), e->one);
    LLVMValueRef row0    = irb_add(b, r->row0, irb_mul(b, rows.index, i64c(w, size[1])));
    Loop         columns = loop_begin(b, e->zero, irb_min(b, side, irb_sub(b, i64c(w, size[1]), r->at->x)), e->one);
    LLVMValueRef which   = irb_mul(b, irb_add(b, irb_mul(b, rows.index, side), columns.index), i64c(w, e->plan->lanes));
    LLVMValueRef value   = irb_load(b, e->vec, irb_at(b, e->elem, w->results, which));
    unsigned     n       = contract_store_vector(e, irb_add(b, row0, columns.index), r->column, value, NULL);
    loop_end(&columns, b);
    loop_end(&rows, b);
    sums_over_rows(r, false);
    return n;
}

/* All of them, from the registers. */
static void store_all(void *user) {
    const Results      *r = user;
    const ContractEmit *e = r->w->e;
    LLVMValueRef        values[TILE_SIDE * TILE_SIDE], rows[TILE_SIDE * TILE_SIDE];
    winograd_results(e, r->sums, r->point, values);
    sums_over_rows(r, true);
    for (int i = 0; i < TILE_SIDE * TILE_SIDE; i++)
        rows[i] = irb_add(e->b, r->row0, i64c(r->w, i / TILE_SIDE * r->w->plane->positions[1] + i % TILE_SIDE));
    e->spec->store_rows_of_tile(e->spec->store_user, TILE_SIDE * TILE_SIDE, rows, r->column, values, e->plan->lanes);
    sums_over_rows(r, false);
}

/* Where the anchor is short, whole tiles are stored from the registers. */
static void store_results(Results *r) {
    const Winograd *w     = r->w;
    LLVMBuilderRef  b     = w->e->b;
    const int64_t  *size  = w->plane->positions;
    LLVMValueRef    below = LLVMBuildICmp(b, LLVMIntSLE, r->at->y, i64c(w, size[0] - TILE_SIDE), "");
    LLVMValueRef    right = LLVMBuildICmp(b, LLVMIntSLE, r->at->x, i64c(w, size[1] - TILE_SIDE), "");
    contract_fork(b, LLVMBuildAnd(b, below, right, ""), SHORT_ANCHOR, store_some, store_all, r);
}

static void transform_results(const Winograd *w, const Block *block) {
    const ContractEmit *e    = w->e;
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        nr = i64c(w, plan->nr), mr = i64c(w, plan->mr);
    int64_t             panels = panels_of(plan);
    Loop                tiles  = loop_begin(b, e->zero, block->count, e->one);
    WinogradPlace       at     = winograd_place(e, irb_add(b, block->first, tiles.index));
    LLVMValueRef        row0   = result_row(w, block, &at);
    Loop                column = loop_begin(b, e->zero, irb_sub(b, e->n1, e->n0), i64c(w, plan->lanes));
    LLVMValueRef panel = LLVMBuildUDiv(b, column.index, nr, ""), row_tile = LLVMBuildUDiv(b, tiles.index, mr, "");
    LLVMValueRef sums =
        irb_mul(b, irb_add(b, irb_mul(b, row_tile, i64c(w, panels)), panel), i64c(w, block_of_sums(plan)));
    sums = irb_add(b, sums, irb_mul(b, LLVMBuildURem(b, tiles.index, mr, ""), i64c(w, plan->c_row)));
    sums = irb_add(b, sums, LLVMBuildURem(b, column.index, nr, ""));
    store_results(&(Results){.w      = w,
                             .at     = &at,
                             .row0   = row0,
                             .column = irb_add(b, e->n0, column.index),
                             .sums   = irb_at(b, e->elem, w->m, sums),
                             .point  = row_tiles(plan) * panels * block_of_sums(plan)});
    loop_end(&column, b);
    loop_end(&tiles, b);
}

void winograd_prepare(ContractEmit *e) {
    Winograd w = winograd_begin(e);
    transform_packed(&w);
}

/* The chunk's images, from e->a_buffer on. */
void winograd_chunk(ContractEmit *e, LLVMValueRef row0, LLVMValueRef n_images) {
    LLVMBuilderRef b     = e->b;
    Winograd       w     = winograd_begin(e);
    LLVMValueRef   count = irb_mul(b, n_images, i64c(&w, winograd_tiles(w.plane, 0) * winograd_tiles(w.plane, 1)));
    Loop           loop  = loop_begin(b, e->zero, count, i64c(&w, TILES_MOST));
    Block          block = {.first = loop.index, .image0 = e->a_buffer, .row0 = row0};
    block.count          = irb_min(b, i64c(&w, TILES_MOST), irb_sub(b, count, loop.index));
    transform_images(&w, &block);
    multiply(&w, &block);
    transform_results(&w, &block);
    loop_end(&loop, b);
}
