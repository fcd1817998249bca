/* The gradient of a 3 x 3 convolution with respect to its kernel by minimal filtering: F(4 x 4, 3 x 3) transposed, with the matrices of
 * contract_winograd_transforms.c.
 *
 *     A (images)                V[36][tile][c] = B' d B       for a block of tiles
 *     B (results' gradient)     W[36][tile][n] = A e A'
 *                               M[36][c][n] += V[p]' W[p]     36 small products by the usual register tile, over all images
 *     C (kernel's gradient)     G' M G                        to the store anchor, 9 rows a channel
 *
 * A unit is a block of channels by a block of filters, over all images. A worker takes several blocks of channels at once, so that W is
 * computed once for all of them; each sum is added up in the same order whoever computes it. */
#include "codegen/contract_winograd.h"
#include "codegen/irb.h"

enum {
    TILES_MOST   = 32,      /* of a block */
    FILTERS_MOST = 96,      /* columns of a unit */
    GROUP_MOST   = 64,      /* channels taken at once */
    SUMS_BYTES   = 5 << 17, /* of M, which should stay in L2 beside V and W */
};

bool winograd_kernel_fits(const ContractPlan *plan) {
    const ContractShape *s = &plan->shape;
    return !s->b_has_load && !s->b_has_levels && s->b_stride_n == 1 && s->b_stride_k > 0 && !s->window->plane->turned;
}

/* ---- plan ------------------------------------------------------------------------------------------------------------------- */

/* Lanes of V's transform, and channels of a unit: half vectors where that gives two units and images are in one part. */
static int unit_channels(const ContractPlan *plan) {
    bool whole = plan->parts > 1 || plan->shape.window->plane->channels >= 2 * plan->lanes;
    return whole ? plan->lanes : plan->lanes / 2;
}

static int64_t round_to(int64_t x, int64_t multiple) {
    return (x + multiple - 1) / multiple * multiple;
}

static int64_t width_of(const ContractPlan *plan) {
    int64_t most = FILTERS_MOST / plan->nr * plan->nr, n = plan->shape.n;
    int64_t blocks = (n + most - 1) / most;
    return round_to((n + blocks - 1) / blocks, plan->nr);
}

static int64_t group_of(const ContractPlan *plan) {
    int64_t fit = SUMS_BYTES / (POINTS * plan->elem_bytes * width_of(plan)), unit = unit_channels(plan);
    int64_t most = fit < GROUP_MOST ? fit : GROUP_MOST, channels = plan->shape.window->plane->channels;
    if (most > channels) most = channels;
    return most < unit ? unit : most / unit * unit;
}

/* From one point to the next: a line more than it holds. */
static int64_t v_point(const ContractPlan *plan) {
    return TILES_MOST * group_of(plan) + plan->lanes;
}

static int64_t w_point(const ContractPlan *plan) {
    return TILES_MOST * width_of(plan) + plan->lanes;
}

static int64_t tile_sums(const ContractPlan *plan) {
    return (int64_t)plan->mr * plan->c_row;
}

static int64_t panels_of(const ContractPlan *plan) {
    return width_of(plan) / plan->nr;
}

static int64_t m_point(const ContractPlan *plan) {
    return (group_of(plan) + plan->mr - 1) / plan->mr * panels_of(plan) * tile_sums(plan) + plan->lanes;
}

static int64_t v_elems(const ContractPlan *plan) {
    return round_to(POINTS * v_point(plan) + plan->mr, plan->lanes); /* a tile of rows may pass the last channel */
}

void winograd_kernel_plan(ContractPlan *plan) {
    int64_t elems       = v_elems(plan) + POINTS * (w_point(plan) + m_point(plan)) + TAPS * TAPS * plan->lanes;
    plan->a_offset      = round_to(elems * plan->elem_bytes, 64);
    plan->scratch_bytes = plan->a_offset + round_to(plan->shape.window->copy_elems * plan->elem_bytes, 64);
}

Cut winograd_kernel_cut(const ContractPlan *plan, LLVMBuilderRef b, LLVMValueRef n) {
    int64_t unit  = unit_channels(plan);
    Cut     cut   = {.width = irb_i64(b, width_of(plan)), .height = irb_i64(b, unit)};
    cut.widths[0] = cut.widths[1] = cut.width;
    cut.col_blocks                = irb_ceil_div(b, n, cut.width);
    cut.row_blocks                = irb_i64(b, plan->shape.window->plane->channels / unit);
    cut.row_major                 = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 0, false);
    return cut;
}

/* ---- the loops -------------------------------------------------------------------------------------------------------------- */

typedef struct Gradient {
    ContractEmit      *e;
    const WindowPlane *plane;
    LLVMValueRef       v, w, m, results; /* in scratch */
    LLVMValueRef       channel, count;   /* the channels at hand */
    LLVMValueRef       filters;          /* of the column block */
    LLVMValueRef       start;            /* the first of all tiles */
    LLVMValueRef       image0;           /* the first one of a copy; NULL: they are in place */
    LLVMValueRef       first, tiles;     /* the block of tiles */
} Gradient;

static LLVMValueRef c64(const Gradient *g, int64_t value) {
    return irb_i64(g->e->b, value);
}

static Gradient gradient_begin(ContractEmit *e) {
    const ContractPlan *plan = e->plan;
    Gradient            g    = {.e = e, .plane = plan->shape.window->plane, .v = e->c_buffer};
    g.w                      = irb_at(e->b, e->elem, g.v, c64(&g, v_elems(plan)));
    g.m                      = irb_at(e->b, e->elem, g.w, c64(&g, POINTS * w_point(plan)));
    g.results                = irb_at(e->b, e->elem, g.m, c64(&g, POINTS * m_point(plan)));
    return g;
}

static void transform_block(const Gradient *g) {
    const ContractEmit *e        = g->e;
    const ContractPlan *plan     = e->plan;
    LLVMBuilderRef      b        = e->b;
    const WindowPlane  *p        = g->plane;
    int64_t             step[]   = {plan->shape.b_stride_k * p->positions[1], plan->shape.b_stride_k};
    WinogradPatches     elements = {.extents = p->extents, .strides = p->strides, .point = v_point(plan)};
    WinogradPatches     slopes   = {.extents = p->positions, .strides = step, .point = w_point(plan)};
    Loop                tiles    = loop_begin(b, e->zero, g->tiles, e->one);
    WinogradPlace       at = winograd_place(e, irb_add(b, g->first, tiles.index)), from = at;
    LLVMValueRef        images = g->image0 ? e->a_buffer : e->spec->a.base;
    LLVMValueRef        image  = g->image0 ? irb_sub(b, at.image, g->image0) : at.image;
    LLVMValueRef        offset = irb_mul(b, image, c64(g, plan->shape.window->image_stride));
    from.y                     = irb_add(b, at.y, c64(g, p->starts[0]));
    from.x                     = irb_add(b, at.x, c64(g, p->starts[1]));
    LLVMValueRef to            = irb_at(b, e->elem, g->v, irb_mul(b, tiles.index, g->count));
    if (e->spec->a.patch)
        winograd_computed_patch(e, unit_channels(plan), &elements, &from, g->channel, to, g->count);
    else
        winograd_patch(e, WINOGRAD_ELEMENTS, unit_channels(plan), &elements,
                       irb_at(b, e->elem, images, irb_add(b, offset, g->channel)), &from, to, g->count);
    offset = irb_mul(b, at.image, c64(g, plan->shape.window->positions * plan->shape.b_stride_k));
    offset = irb_add(b, offset, e->n0);
    winograd_patch(e, WINOGRAD_SLOPES, plan->lanes, &slopes, irb_at(b, e->elem, e->spec->b.base, offset), &at,
                   irb_at(b, e->elem, g->w, irb_mul(b, tiles.index, c64(g, width_of(plan)))), g->filters);
    loop_end(&tiles, b);
}

static LLVMValueRef sums_at(const Gradient *g, LLVMValueRef point, LLVMValueRef row_tile, LLVMValueRef panel) {
    const ContractPlan *plan  = g->e->plan;
    LLVMBuilderRef      b     = g->e->b;
    LLVMValueRef        block = irb_add(b, irb_mul(b, row_tile, c64(g, panels_of(plan))), panel);
    LLVMValueRef        offset =
        irb_add(b, irb_mul(b, point, c64(g, m_point(plan))), irb_mul(b, block, c64(g, tile_sums(plan))));
    return irb_at(b, g->e->elem, g->m, offset);
}

static void multiply_panel(const Gradient *g, LLVMValueRef point, LLVMValueRef row_tile, LLVMValueRef panel,
                           int vectors) {
    const ContractEmit *e    = g->e;
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef a    = irb_add(b, irb_mul(b, point, c64(g, v_point(plan))), irb_mul(b, row_tile, c64(g, plan->mr)));
    LLVMValueRef w    = irb_add(b, irb_mul(b, point, c64(g, w_point(plan))), irb_mul(b, panel, c64(g, plan->nr)));
    TileArgs     args = {.a     = irb_at(b, e->elem, g->v, a),
                         .a_row = e->one,
                         .a_k   = g->count,
                         .b     = irb_at(b, e->elem, g->w, w),
                         .b_k   = c64(g, width_of(plan)),
                         .k     = g->tiles,
                         .c     = sums_at(g, point, row_tile, panel),
                         .first = LLVMBuildICmp(b, LLVMIntEQ, g->first, g->start, "")};
    contract_call_tile(plan, b, plan->mr, vectors, &args);
}

/* Whole tiles of rows: those behind the last channel are not read. */
static void multiply(const Gradient *g) {
    const ContractEmit *e      = g->e;
    const ContractPlan *plan   = e->plan;
    LLVMBuilderRef      b      = e->b;
    LLVMValueRef        rest   = LLVMBuildURem(b, g->filters, c64(g, plan->nr), "");
    Loop                points = loop_begin(b, e->zero, c64(g, POINTS), e->one);
    Loop                rows   = loop_begin(b, e->zero, irb_ceil_div(b, g->count, c64(g, plan->mr)), e->one);
    Loop                panels = loop_begin(b, e->zero, e->full_panels, e->one);
    multiply_panel(g, points.index, rows.index, panels.index, plan->nv);
    loop_end(&panels, b);
    for (int vectors = 1; vectors < plan->nv; vectors++) {
        Branch part = branch_begin(b, LLVMBuildICmp(b, LLVMIntEQ, rest, c64(g, (int64_t)vectors * plan->lanes), ""));
        multiply_panel(g, points.index, rows.index, e->full_panels, vectors);
        branch_end(&part, b);
    }
    loop_end(&rows, b);
    loop_end(&points, b);
}

/* The nine taps of each channel, for all filters of the column block. */
static void transform_sums_back(const Gradient *g) {
    const ContractEmit *e    = g->e;
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        nr = c64(g, plan->nr), mr = c64(g, plan->mr);
    Loop                channel = loop_begin(b, e->zero, g->count, e->one);
    Loop                column  = loop_begin(b, e->zero, g->filters, c64(g, plan->lanes));
    LLVMValueRef        block =
        sums_at(g, e->zero, LLVMBuildUDiv(b, channel.index, mr, ""), LLVMBuildUDiv(b, column.index, nr, ""));
    LLVMValueRef inside = irb_mul(b, LLVMBuildURem(b, channel.index, mr, ""), c64(g, plan->c_row));
    inside              = irb_add(b, inside, LLVMBuildURem(b, column.index, nr, ""));
    LLVMValueRef args[] = {irb_at(b, e->elem, block, inside), c64(g, m_point(plan)), g->results};
    winograd_call(e, WINOGRAD_TAPS, plan->lanes, args, 3);
    if (e->spec->columns_begin) e->spec->columns_begin(e->spec->columns_user, plan->lanes);
    Loop         taps = loop_begin(b, e->zero, c64(g, TAPS * TAPS), e->one);
    LLVMValueRef value =
        irb_load(b, e->vec, irb_at(b, e->elem, g->results, irb_mul(b, taps.index, c64(g, plan->lanes))));
    LLVMValueRef row =
        irb_add(b, irb_mul(b, taps.index, c64(g, g->plane->channels)), irb_add(b, g->channel, channel.index));
    e->spec->store(e->spec->store_user, row, irb_add(b, e->n0, column.index), value, plan->lanes, NULL);
    loop_end(&taps, b);
    LLVMValueRef unit = LLVMBuildUDiv(b, irb_add(b, g->channel, channel.index), e->cut.height, "");
    if (e->spec->columns_end) e->spec->columns_end(e->spec->columns_user, unit, irb_add(b, e->n0, column.index), NULL);
    loop_end(&column, b);
    loop_end(&channel, b);
}

/* Tiles [begin, end) of all, at least one block of them: an empty sum is one, too. */
static void emit_blocks(Gradient *g, LLVMValueRef begin, LLVMValueRef end) {
    LLVMBuilderRef b      = g->e->b;
    Loop           blocks = loop_begin(b, begin, irb_max(b, end, irb_add(b, begin, g->e->one)), c64(g, TILES_MOST));
    g->first              = blocks.index;
    g->tiles              = irb_min(b, irb_sub(b, end, blocks.index), c64(g, TILES_MOST));
    transform_block(g);
    multiply(g);
    loop_end(&blocks, b);
}

/* Images [begin, end), copied a few at a time. */
static void emit_copies(Gradient *g, LLVMValueRef begin, LLVMValueRef end, LLVMValueRef each) {
    ContractEmit  *e      = g->e;
    LLVMBuilderRef b      = e->b;
    LLVMValueRef   most   = c64(g, e->plan->shape.window->images);
    Loop           copies = loop_begin(b, begin, irb_max(b, end, irb_add(b, begin, e->one)), most);
    LLVMValueRef   count  = irb_min(b, irb_sub(b, end, copies.index), most);
    LLVMValueRef   first  = irb_mul(b, copies.index, each);
    e->spec->a.fill(e->spec->a.user, e->a_buffer, copies.index, count, e->zero);
    g->image0 = copies.index;
    emit_blocks(g, first, irb_add(b, first, irb_mul(b, count, each)));
    loop_end(&copies, b);
}

/* All images, for the channels and the column block at hand. */
static void emit_group(Gradient *g) {
    ContractEmit  *e     = g->e;
    LLVMBuilderRef b     = e->b;
    LLVMValueRef   each  = c64(g, winograd_tiles(g->plane, 0) * winograd_tiles(g->plane, 1));
    LLVMValueRef   end   = LLVMBuildUDiv(b, e->k, c64(g, e->plan->shape.window->positions), "");
    LLVMValueRef   begin = e->chunk0 ? e->chunk0 : e->zero;
    if (e->chunk1) end = irb_min(b, e->chunk1, end);
    g->start = irb_mul(b, begin, each);
    if (e->plan->shape.window->copied)
        emit_copies(g, begin, end, each);
    else
        emit_blocks(g, g->start, irb_mul(b, end, each));
    transform_sums_back(g);
}

void winograd_kernel_emit(ContractEmit *e, void *user) {
    (void)user;
    LLVMBuilderRef b       = e->b;
    Gradient       g       = gradient_begin(e);
    Loop           columns = loop_begin(b, e->column0, e->column1, e->one);
    set_columns(e, columns.index);
    g.filters         = irb_sub(b, e->n1, e->n0);
    LLVMValueRef low  = irb_mul(b, first_block(e, columns.index, e->begin), e->cut.height);
    LLVMValueRef high = irb_mul(b, first_block(e, columns.index, e->end), e->cut.height);
    Loop         rows = loop_begin(b, low, high, c64(&g, group_of(e->plan)));
    g.channel         = rows.index;
    g.count           = irb_min(b, irb_sub(b, high, rows.index), rows.step);
    emit_group(&g);
    loop_end(&rows, b);
    loop_end(&columns, b);
}
