/* Convolutions with 3 x 3 kernels by minimal filtering, F(4 x 4, 3 x 3) of Lavin and Gray, "Fast algorithms for convolutional neural
 * networks", 2016: tiles of 4 x 4 results from 6 x 6 elements, 36 multiplications where the definition takes 144.
 *
 *     B (kernels)        U[36][c][n] = G g G'          once a column block, from packed B
 *     A (images)         V[36][tile][c] = B' d B       for a block of tiles
 *                        M[36][tile][n] = V[p] U[p]    36 small products by the usual register tile
 *     C                  Y = A' M A                    to the store anchor, 16 rows a tile
 *
 * The error is a few times that of the plain sum, some 1e-6 of the largest result in f32; f64 does not come here. */
#include <string.h>

#include "codegen/contract_internal.h"
#include "codegen/irb.h"

enum {
    TILE_SIDE      = 4, /* results of a tile, each way */
    PATCH_SIDE     = 6, /* elements that they need */
    POINTS         = PATCH_SIDE * PATCH_SIDE,
    TAPS           = 3,
    TILES_MOST     = 32, /* of a block: V and M of some hundred channels stay in L2 */
    LEAST_CHANNELS = 16,
};

/* ---- plan ------------------------------------------------------------------------------------------------------------------- */

bool winograd_fits(const ContractPlan *plan) {
    const WindowPlane *plane = plan->shape.window ? plan->shape.window->plane : NULL;
    int64_t            n     = plan->shape.n;
    return plane && plane->winograd && plan->elem_bytes == 4 && plane->channels >= LEAST_CHANNELS &&
           n >= LEAST_CHANNELS && plane->channels % plan->lanes == 0 && n % plan->lanes == 0 &&
           plan->shape.window->positions >= TILE_SIDE * TILE_SIDE;
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

/* ---- transforms ----------------------------------------------------------------------------------------------------------------- */

typedef struct Vectors { /* arithmetic on vectors */
    const ContractPlan *plan;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem, vec;
} Vectors;

static LLVMValueRef add(const Vectors *v, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFAdd(v->b, x, y, "");
}

static LLVMValueRef sub(const Vectors *v, LLVMValueRef x, LLVMValueRef y) {
    return LLVMBuildFSub(v->b, x, y, "");
}

static LLVMValueRef scale(const Vectors *v, LLVMValueRef x, double by) {
    return LLVMBuildFMul(v->b, x, irb_real(v->vec, by), "");
}

/* x * by + y */
static LLVMValueRef scale_add(const Vectors *v, LLVMValueRef x, double by, LLVMValueRef y) {
    LLVMValueRef args[] = {x, irb_real(v->vec, by), y};
    return irb_intrinsic(v->b, v->plan->target->has_fma ? "llvm.fma" : "llvm.fmuladd", v->vec, args, 3);
}

typedef void Transform(const Vectors *v, const LLVMValueRef *from, LLVMValueRef *to);

/* The points are 0, +-1/sqrt 2, +-sqrt 2 and infinity: their powers stay near 1, and rounding loses less than with 0, +-1, +-2. */
static const double ROOT = 1.4142135623730951;

/* B' d */
static void transform_elements(const Vectors *v, const LLVMValueRef *d, LLVMValueRef *t) {
    LLVMValueRef near = scale_add(v, d[2], -2, d[4]), near_odd = scale_add(v, d[1], -ROOT, scale(v, d[3], ROOT / 2));
    LLVMValueRef far = scale_add(v, d[2], -0.5, d[4]), far_odd = scale_add(v, d[1], -ROOT / 2, scale(v, d[3], ROOT));
    t[0] = scale_add(v, d[2], -2.5, add(v, d[0], d[4]));
    t[1] = add(v, near, near_odd);
    t[2] = sub(v, near, near_odd);
    t[3] = add(v, far, far_odd);
    t[4] = sub(v, far, far_odd);
    t[5] = scale_add(v, d[3], -2.5, add(v, d[1], d[5]));
}

/* G g */
static void transform_kernel(const Vectors *v, const LLVMValueRef *g, LLVMValueRef *t) {
    LLVMValueRef near = scale_add(v, g[0], -2.0 / 3, scale(v, g[2], -1.0 / 3));
    LLVMValueRef far  = scale_add(v, g[0], 1.0 / 6, scale(v, g[2], 1.0 / 3));
    t[0]              = g[0];
    t[1]              = scale_add(v, g[1], -ROOT / 3, near);
    t[2]              = scale_add(v, g[1], ROOT / 3, near);
    t[3]              = scale_add(v, g[1], ROOT / 6, far);
    t[4]              = scale_add(v, g[1], -ROOT / 6, far);
    t[5]              = g[2];
}

/* A' m */
static void transform_sums(const Vectors *v, const LLVMValueRef *m, LLVMValueRef *y) {
    LLVMValueRef near = add(v, m[1], m[2]), near_odd = sub(v, m[1], m[2]);
    LLVMValueRef far = add(v, m[3], m[4]), far_odd = sub(v, m[3], m[4]);
    y[0] = add(v, add(v, m[0], near), far);
    y[1] = scale_add(v, far_odd, ROOT, scale(v, near_odd, ROOT / 2));
    y[2] = scale_add(v, far, 2, scale(v, near, 0.5));
    y[3] = scale_add(v, far_odd, 2 * ROOT, scale_add(v, near_odd, ROOT / 4, m[5]));
}

/* Both ways: from[i][j], n x n, to to[i][j], m x m. */
static void transform_both(const Vectors *v, Transform *transform, int n, const LLVMValueRef *from, int m,
                           LLVMValueRef *to) {
    LLVMValueRef half[POINTS], line[PATCH_SIDE], out[PATCH_SIDE]; /* half: m x n */
    for (int j = 0; j < n; j++) {
        for (int i = 0; i < n; i++) line[i] = from[i * n + j];
        transform(v, line, out);
        for (int i = 0; i < m; i++) half[i * n + j] = out[i];
    }
    for (int i = 0; i < m; i++) {
        transform(v, &half[i * n], out);
        for (int j = 0; j < m; j++) to[i * m + j] = out[j];
    }
}

/* ---- the module's functions -------------------------------------------------------------------------------------------------------- */

static LLVMValueRef open_function(const ContractEmit *e, const char *name, int n_params, const LLVMTypeRef *params,
                                  Vectors *v) {
    LLVMModuleRef  module  = irb_module(e->b);
    LLVMContextRef context = irb_context(e->b);
    LLVMValueRef   f       = LLVMGetNamedFunction(module, name);
    *v                     = (Vectors){.plan = e->plan, .elem = e->elem, .vec = e->vec};
    if (f) return f;
    LLVMTypeRef types[8];
    memcpy(types, params, sizeof *types * (size_t)n_params);
    f    = irb_internal_function(module, name,
                                 LLVMFunctionType(LLVMVoidTypeInContext(context), types, (unsigned)n_params, false));
    v->b = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(v->b, LLVMAppendBasicBlockInContext(context, f, "entry"));
    return f;
}

static void close_function(Vectors *v) {
    LLVMBuildRetVoid(v->b);
    LLVMDisposeBuilder(v->b);
}

static void call(const ContractEmit *e, LLVMValueRef f, LLVMValueRef *args, unsigned n) {
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, n, "");
}

static LLVMValueRef c64(const Vectors *v, int64_t value) {
    return irb_i64(v->b, value);
}

static LLVMValueRef load_at(const Vectors *v, LLVMValueRef base, LLVMValueRef offset) {
    return irb_load(v->b, v->vec, irb_at(v->b, v->elem, base, offset));
}

static void store_points(const Vectors *v, const LLVMValueRef *points, LLVMValueRef to, LLVMValueRef stride) {
    for (int p = 0; p < POINTS; p++)
        irb_store(v->b, points[p], irb_at(v->b, v->elem, to, irb_mul(v->b, stride, c64(v, p))));
}

/* void (kernel, tap, to, point): taps `tap` apart, points `point` apart. */
static LLVMValueRef kernel_function(const ContractEmit *e) {
    LLVMTypeRef  ptr = LLVMPointerTypeInContext(irb_context(e->b), 0), i64 = LLVMInt64TypeInContext(irb_context(e->b));
    LLVMTypeRef  params[] = {ptr, i64, ptr, i64};
    Vectors      v;
    LLVMValueRef f = open_function(e, "nnc.winograd.kernel", 4, params, &v), taps[TAPS * TAPS], points[POINTS];
    if (!v.b) return f;
    for (int i = 0; i < TAPS * TAPS; i++)
        taps[i] = load_at(&v, LLVMGetParam(f, 0), irb_mul(v.b, LLVMGetParam(f, 1), c64(&v, i)));
    transform_both(&v, transform_kernel, TAPS, taps, PATCH_SIDE, points);
    store_points(&v, points, LLVMGetParam(f, 2), LLVMGetParam(f, 3));
    close_function(&v);
    return f;
}

/* Places start + i along an axis: whether inside, and the offset of the place or, outside, of the nearest inside. */
static void places_along(const Vectors *v, LLVMValueRef start, LLVMValueRef extent, LLVMValueRef stride,
                         LLVMValueRef *inside, LLVMValueRef *offset) {
    for (int i = 0; i < PATCH_SIDE; i++) {
        LLVMValueRef at = irb_add(v->b, start, c64(v, i)), last = irb_sub(v->b, extent, c64(v, 1));
        inside[i] = LLVMBuildICmp(v->b, LLVMIntULT, at, extent, "");
        offset[i] = irb_mul(v->b, irb_max(v->b, irb_min(v->b, at, last), c64(v, 0)), stride);
    }
}

/* void (image, plane, y, x, to, point): a patch from (y, x) on, for all channels; plane: {height, width, row stride, column stride,
 * channels}, i64 each. */
static LLVMValueRef elements_function(const ContractEmit *e) {
    LLVMTypeRef  ptr = LLVMPointerTypeInContext(irb_context(e->b), 0), i64 = LLVMInt64TypeInContext(irb_context(e->b));
    LLVMTypeRef  params[] = {ptr, ptr, i64, i64, ptr, i64};
    Vectors      v;
    LLVMValueRef f = open_function(e, "nnc.winograd.elements", 6, params, &v);
    if (!v.b) return f;
    LLVMValueRef plane[5], rows[PATCH_SIDE], columns[PATCH_SIDE], row_in[PATCH_SIDE], column_in[PATCH_SIDE];
    for (int i = 0; i < 5; i++) plane[i] = irb_load(v.b, i64, irb_at(v.b, i64, LLVMGetParam(f, 1), c64(&v, i)));
    places_along(&v, LLVMGetParam(f, 2), plane[0], plane[2], row_in, rows);
    places_along(&v, LLVMGetParam(f, 3), plane[1], plane[3], column_in, columns);
    Loop         loop = loop_begin(v.b, c64(&v, 0), plane[4], c64(&v, v.plan->lanes));
    LLVMValueRef patch[POINTS], points[POINTS], zero = irb_zero(v.vec);
    for (int i = 0; i < POINTS; i++) {
        int          y = i / PATCH_SIDE, x = i % PATCH_SIDE;
        LLVMValueRef at = irb_add(v.b, irb_add(v.b, rows[y], columns[x]), loop.index);
        LLVMValueRef in = LLVMBuildAnd(v.b, row_in[y], column_in[x], "");
        patch[i]        = LLVMBuildSelect(v.b, in, load_at(&v, LLVMGetParam(f, 0), at), zero, "");
    }
    transform_both(&v, transform_elements, PATCH_SIDE, patch, PATCH_SIDE, points);
    store_points(&v, points, irb_at(v.b, v.elem, LLVMGetParam(f, 4), loop.index), LLVMGetParam(f, 5));
    loop_end(&loop, v.b);
    close_function(&v);
    return f;
}

/* void (sums, point, to): 4 x 4 vectors, one after the other. */
static LLVMValueRef sums_function(const ContractEmit *e) {
    LLVMTypeRef  ptr = LLVMPointerTypeInContext(irb_context(e->b), 0), i64 = LLVMInt64TypeInContext(irb_context(e->b));
    LLVMTypeRef  params[] = {ptr, i64, ptr};
    Vectors      v;
    LLVMValueRef f = open_function(e, "nnc.winograd.sums", 3, params, &v), points[POINTS], results[POINTS];
    if (!v.b) return f;
    for (int i = 0; i < POINTS; i++)
        points[i] = load_at(&v, LLVMGetParam(f, 0), irb_mul(v.b, LLVMGetParam(f, 1), c64(&v, i)));
    transform_both(&v, transform_sums, PATCH_SIDE, points, TILE_SIDE, results);
    for (int i = 0; i < TILE_SIDE * TILE_SIDE; i++)
        irb_store(v.b, results[i], irb_at(v.b, v.elem, LLVMGetParam(f, 2), c64(&v, (int64_t)i * v.plan->lanes)));
    close_function(&v);
    return f;
}

/* ---- the loops ------------------------------------------------------------------------------------------------------------------------ */

typedef struct Winograd {
    ContractEmit      *e;
    const WindowPlane *plane;
    LLVMValueRef       u, v, m, results; /* in scratch */
    LLVMValueRef       facts;            /* the plane's, for elements_function */
    int64_t            tiles[2];         /* of an image, each way */
} Winograd;

static LLVMValueRef i64c(const Winograd *w, int64_t value) {
    return irb_i64(w->e->b, value);
}

static Winograd winograd_begin(ContractEmit *e) {
    const ContractPlan *plan = e->plan;
    Winograd            w    = {.e = e, .plane = plan->shape.window->plane};
    LLVMTypeRef         i8 = LLVMInt8TypeInContext(irb_context(e->b)), i64 = LLVMInt64TypeInContext(irb_context(e->b));
    LLVMValueRef        start = irb_at(e->b, i8, e->c_buffer, i64c(&w, plan->winograd_offset - plan->c_offset));
    int64_t             v     = POINTS * v_plane(plan) + row_tiles(plan) * plan->mr * w.plane->channels;
    w.u                       = start;
    w.v                       = irb_at(e->b, e->elem, w.u, i64c(&w, u_elems(plan)));
    w.m                       = irb_at(e->b, e->elem, w.v, i64c(&w, v));
    w.results                 = irb_at(e->b, e->elem, w.m, i64c(&w, m_elems(plan)));
    for (int i = 0; i < 2; i++) w.tiles[i] = (w.plane->positions[i] + TILE_SIDE - 1) / TILE_SIDE;
    LLVMValueRef facts[] = {i64c(&w, w.plane->extents[0]), i64c(&w, w.plane->extents[1]), i64c(&w, w.plane->strides[0]),
                            i64c(&w, w.plane->strides[1]), i64c(&w, w.plane->channels)};
    LLVMTypeRef  type    = LLVMArrayType2(i64, 5);
    w.facts              = LLVMAddGlobal(irb_module(e->b), type, "nnc.plane");
    LLVMSetInitializer(w.facts, LLVMConstArray2(i64, facts, 5));
    LLVMSetGlobalConstant(w.facts, true);
    LLVMSetLinkage(w.facts, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(w.facts, LLVMGlobalUnnamedAddr);
    return w;
}

/* U[point][panel][channel][nr] from the packed panels [panel][tap][channel][width]; turned kernels start from their last tap. */
static void transform_packed(const Winograd *w) {
    const ContractEmit *e        = w->e;
    const ContractPlan *plan     = e->plan;
    LLVMBuilderRef      b        = e->b;
    int64_t             channels = w->plane->channels;
    LLVMValueRef        f        = kernel_function(e);
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
    call(e, f, args, 4);
    loop_end(&column, b);
    loop_end(&channel, b);
    loop_end(&panels, b);
}

typedef struct Block {                 /* of tiles of a chunk */
    LLVMValueRef first, count, image0; /* image0: pointer to the chunk's first image */
    LLVMValueRef row0;                 /* the product's row that the chunk starts with */
} Block;

typedef struct Place {        /* of a tile */
    LLVMValueRef image, y, x; /* among the chunk's images; its first result */
} Place;

static Place place_of(const Winograd *w, const Block *block, LLVMValueRef tile) {
    LLVMBuilderRef b  = w->e->b;
    LLVMValueRef   at = irb_add(b, block->first, tile), across = i64c(w, w->tiles[1]);
    LLVMValueRef   row = LLVMBuildUDiv(b, at, across, ""), side = i64c(w, TILE_SIDE);
    Place          place;
    place.x     = irb_mul(b, LLVMBuildURem(b, at, across, ""), side);
    place.y     = irb_mul(b, LLVMBuildURem(b, row, i64c(w, w->tiles[0]), ""), side);
    place.image = LLVMBuildUDiv(b, row, i64c(w, w->tiles[0]), "");
    return place;
}

static void transform_images(const Winograd *w, const Block *block) {
    const ContractEmit *e      = w->e;
    LLVMBuilderRef      b      = e->b;
    Loop                tiles  = loop_begin(b, e->zero, block->count, e->one);
    Place               at     = place_of(w, block, tiles.index);
    LLVMValueRef        image  = irb_mul(b, at.image, i64c(w, e->plan->shape.window->image_stride));
    LLVMValueRef        args[] = {irb_at(b, e->elem, block->image0, image),
                                  w->facts,
                                  irb_add(b, at.y, i64c(w, w->plane->starts[0])),
                                  irb_add(b, at.x, i64c(w, w->plane->starts[1])),
                                  irb_at(b, e->elem, w->v, irb_mul(b, tiles.index, i64c(w, w->plane->channels))),
                                  i64c(w, v_plane(e->plan))};
    call(e, elements_function(e), args, 6);
    loop_end(&tiles, b);
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
    Loop points = loop_begin(b, e->zero, i64c(w, POINTS), e->one);
    Loop rows   = loop_begin(b, e->zero, irb_ceil_div(b, block->count, i64c(w, plan->mr)), e->one);
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

/* A tile's results of one vector of columns, those inside the image. */
static void store_results(const Winograd *w, const Block *block, const Place *at, LLVMValueRef column) {
    const ContractEmit *e       = w->e;
    LLVMBuilderRef      b       = e->b;
    const int64_t      *size    = w->plane->positions;
    LLVMValueRef        side    = i64c(w, TILE_SIDE);
    Loop                rows    = loop_begin(b, e->zero, irb_min(b, side, irb_sub(b, i64c(w, size[0]), at->y)), e->one);
    LLVMValueRef        above   = irb_add(b, irb_mul(b, at->image, i64c(w, size[0])), irb_add(b, at->y, rows.index));
    LLVMValueRef        row0    = irb_add(b, block->row0, irb_add(b, irb_mul(b, above, i64c(w, size[1])), at->x));
    Loop                columns = loop_begin(b, e->zero, irb_min(b, side, irb_sub(b, i64c(w, size[1]), at->x)), e->one);
    LLVMValueRef        which   = irb_add(b, irb_mul(b, rows.index, side), columns.index);
    LLVMValueRef        value =
        irb_load(b, e->vec, irb_at(b, e->elem, w->results, irb_mul(b, which, i64c(w, e->plan->lanes))));
    e->spec->store(e->spec->store_user, irb_add(b, row0, columns.index), irb_add(b, e->n0, column), value,
                   e->plan->lanes, NULL);
    loop_end(&columns, b);
    loop_end(&rows, b);
}

static void transform_results(const Winograd *w, const Block *block) {
    const ContractEmit *e    = w->e;
    const ContractPlan *plan = e->plan;
    LLVMBuilderRef      b    = e->b;
    LLVMValueRef        f = sums_function(e), nr = i64c(w, plan->nr), mr = i64c(w, plan->mr);
    int64_t             panels = panels_of(plan), point = row_tiles(plan) * panels * block_of_sums(plan);
    Loop                tiles  = loop_begin(b, e->zero, block->count, e->one);
    Place               at     = place_of(w, block, tiles.index);
    Loop                column = loop_begin(b, e->zero, irb_sub(b, e->n1, e->n0), i64c(w, plan->lanes));
    LLVMValueRef panel = LLVMBuildUDiv(b, column.index, nr, ""), row_tile = LLVMBuildUDiv(b, tiles.index, mr, "");
    LLVMValueRef sums =
        irb_mul(b, irb_add(b, irb_mul(b, row_tile, i64c(w, panels)), panel), i64c(w, block_of_sums(plan)));
    sums                = irb_add(b, sums, irb_mul(b, LLVMBuildURem(b, tiles.index, mr, ""), i64c(w, plan->c_row)));
    sums                = irb_add(b, sums, LLVMBuildURem(b, column.index, nr, ""));
    LLVMValueRef args[] = {irb_at(b, e->elem, w->m, sums), i64c(w, point), w->results};
    call(e, f, args, 3);
    store_results(w, block, &at, column.index);
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
    LLVMValueRef   count = irb_mul(b, n_images, i64c(&w, w.tiles[0] * w.tiles[1]));
    Loop           loop  = loop_begin(b, e->zero, count, i64c(&w, TILES_MOST));
    Block          block = {.first = loop.index, .image0 = e->a_buffer, .row0 = row0};
    block.count          = irb_min(b, i64c(&w, TILES_MOST), irb_sub(b, count, loop.index));
    transform_images(&w, &block);
    multiply(&w, &block);
    transform_results(&w, &block);
    loop_end(&loop, b);
}
