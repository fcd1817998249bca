/* The transforms of minimal filtering: products with the small matrices B, G and A of F(4 x 4, 3 x 3) and their transposes, on vectors, and
 * the module's functions that apply them to patches, kernels and sums. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "codegen/contract_winograd.h"
#include "codegen/irb.h"

/* ---- arithmetic --------------------------------------------------------------------------------------------------------------- */

typedef struct Vectors { /* arithmetic on vectors */
    const ContractPlan    *plan;
    LLVMBuilderRef         b;
    LLVMTypeRef            elem, vec;
    int                    lanes;
    const WinogradPatches *patches; /* of a function of patches */
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

/* A d: the results' gradient back to the points */
static void transform_slopes(const Vectors *v, const LLVMValueRef *d, LLVMValueRef *t) {
    LLVMValueRef near     = scale_add(v, d[2], 0.5, d[0]),
                 near_odd = scale_add(v, d[1], ROOT / 2, scale(v, d[3], ROOT / 4));
    LLVMValueRef far = scale_add(v, d[2], 2, d[0]), far_odd = scale_add(v, d[1], ROOT, scale(v, d[3], 2 * ROOT));
    t[0] = d[0];
    t[1] = add(v, near, near_odd);
    t[2] = sub(v, near, near_odd);
    t[3] = add(v, far, far_odd);
    t[4] = sub(v, far, far_odd);
    t[5] = d[3];
}

/* G' m: the points' products back to the kernel */
static void transform_taps(const Vectors *v, const LLVMValueRef *m, LLVMValueRef *g) {
    LLVMValueRef near = add(v, m[1], m[2]), near_odd = sub(v, m[2], m[1]);
    LLVMValueRef far = add(v, m[3], m[4]), far_odd = sub(v, m[3], m[4]);
    g[0] = scale_add(v, far, 1.0 / 6, scale_add(v, near, -2.0 / 3, m[0]));
    g[1] = scale_add(v, far_odd, ROOT / 6, scale(v, near_odd, ROOT / 3));
    g[2] = scale_add(v, sub(v, far, near), 1.0 / 3, m[5]);
}

typedef struct Halfway { /* a transform of n x n vectors to m x m, after the first way: m x n */
    const Vectors *v;
    Transform     *transform;
    int            n, m;
    LLVMValueRef   vectors[POINTS];
} Halfway;

static void transform_column(void *halfway, int j, const LLVMValueRef *column) {
    Halfway     *h = halfway;
    LLVMValueRef out[PATCH_SIDE];
    h->transform(h->v, column, out);
    for (int i = 0; i < h->m; i++) h->vectors[i * h->n + j] = out[i];
}

static void transform_rows(const Halfway *h, LLVMValueRef *to) {
    for (int i = 0; i < h->m; i++) {
        LLVMValueRef out[PATCH_SIDE];
        h->transform(h->v, &h->vectors[i * h->n], out);
        for (int j = 0; j < h->m; j++) to[i * h->m + j] = out[j];
    }
}

/* Both ways: from[i][j] to to[i][j]. */
static void transform_both(const Vectors *v, Transform *transform, int n, const LLVMValueRef *from, int m,
                           LLVMValueRef *to) {
    Halfway h = {.v = v, .transform = transform, .n = n, .m = m};
    for (int j = 0; j < n; j++) {
        LLVMValueRef column[PATCH_SIDE];
        for (int i = 0; i < n; i++) column[i] = from[i * n + j];
        transform_column(&h, j, column);
    }
    transform_rows(&h, to);
}

/* ---- functions ------------------------------------------------------------------------------------------------------------------ */

static LLVMValueRef c64(const Vectors *v, int64_t value) {
    return irb_i64(v->b, value);
}

static LLVMValueRef load_at(const Vectors *v, LLVMValueRef base, LLVMValueRef offset) {
    return irb_load(v->b, v->vec, irb_at(v->b, v->elem, base, offset));
}

static void load_points(const Vectors *v, LLVMValueRef from, LLVMValueRef stride, int count, LLVMValueRef *points) {
    for (int p = 0; p < count; p++) points[p] = load_at(v, from, irb_mul(v->b, stride, c64(v, p)));
}

static void store_points(const Vectors *v, const LLVMValueRef *points, int count, LLVMValueRef to,
                         LLVMValueRef stride) {
    for (int p = 0; p < count; p++)
        irb_store(v->b, points[p], irb_at(v->b, v->elem, to, irb_mul(v->b, stride, c64(v, p))));
}

typedef struct Patch { /* a function's: of `side` places each way */
    Transform             *transform;
    int                    side;
    const WinogradPatches *of;
    LLVMValueRef           base, start[2], to, count; /* its parameters */
    LLVMValueRef           inside[2][PATCH_SIDE];     /* vectors of i1, the same in all lanes */
    const ContractSpec    *spec;                      /* whose A is computed; NULL: elements are in memory */
    LLVMValueRef           image, channel;            /* ... of these */
} Patch;

/* All places each way lie inside. */
static LLVMValueRef is_whole(const Vectors *v, const Patch *patch) {
    LLVMValueRef whole = LLVMConstInt(LLVMInt1TypeInContext(irb_context(v->b)), 1, false);
    for (int way = 0; way < 2; way++) {
        LLVMValueRef last = c64(v, patch->of->extents[way] - patch->side);
        LLVMValueRef high = LLVMBuildICmp(v->b, LLVMIntSLE, patch->start[way], last, "");
        LLVMValueRef low  = LLVMBuildICmp(v->b, LLVMIntSGE, patch->start[way], c64(v, 0), "");
        whole             = LLVMBuildAnd(v->b, whole, LLVMBuildAnd(v->b, low, high, ""), "");
    }
    return whole;
}

static void find_inside(const Vectors *v, Patch *patch) {
    for (int way = 0; way < 2; way++)
        for (int i = 0; i < patch->side; i++) {
            LLVMValueRef at       = irb_add(v->b, patch->start[way], c64(v, i));
            LLVMValueRef in       = LLVMBuildICmp(v->b, LLVMIntULT, at, c64(v, patch->of->extents[way]), "");
            patch->inside[way][i] = irb_splat(v->b, in, v->lanes);
        }
}

/* Of a patch that is not whole, what is outside is neither read nor pointed at: there addresses are no part of the plane. */
static LLVMValueRef load_element(const Vectors *v, const Patch *patch, LLVMValueRef corner, int y, int x, bool whole) {
    LLVMValueRef offset = c64(v, y * patch->of->strides[0] + x * patch->of->strides[1]);
    LLVMValueRef at     = LLVMBuildGEP2(v->b, v->elem, corner, &offset, 1, "");
    if (whole) return irb_load(v->b, v->vec, at);
    return irb_masked_load(v->b, v->vec, at, LLVMBuildAnd(v->b, patch->inside[0][y], patch->inside[1][x], ""));
}

static void load_elements(const Vectors *v, const Patch *patch, LLVMValueRef behind, bool whole, Halfway *h) {
    LLVMBuilderRef b      = v->b;
    const int64_t *stride = patch->of->strides;
    LLVMValueRef   place =
        irb_add(b, irb_mul(b, patch->start[0], c64(v, stride[0])), irb_mul(b, patch->start[1], c64(v, stride[1])));
    LLVMValueRef offset = irb_add(b, place, behind), column[PATCH_SIDE];
    LLVMValueRef corner = LLVMBuildGEP2(b, v->elem, patch->base, &offset, 1, "");
    for (int j = 0; j < patch->side; j++) {
        for (int i = 0; i < patch->side; i++) column[i] = load_element(v, patch, corner, i, j, whole);
        transform_column(h, j, column);
    }
}

static void compute_elements(const Vectors *v, const Patch *patch, LLVMValueRef behind, Halfway *h) {
    ContractPatch at = {.image   = patch->image,
                        .y       = patch->start[0],
                        .x       = patch->start[1],
                        .channel = irb_add(v->b, patch->channel, behind),
                        .side    = patch->side,
                        .lanes   = v->lanes,
                        .inside  = {patch->inside[0], patch->inside[1]},
                        .take    = transform_column,
                        .user    = h};
    patch->spec->a.patch(patch->spec->a.user, v->b, &at);
}

static void patch_loop(const Vectors *v, const Patch *patch, bool whole) {
    LLVMBuilderRef b    = v->b;
    Loop           loop = loop_begin(b, c64(v, 0), patch->count, c64(v, v->lanes));
    Halfway        h    = {.v = v, .transform = patch->transform, .n = patch->side, .m = PATCH_SIDE};
    LLVMValueRef   points[POINTS];
    if (patch->spec)
        compute_elements(v, patch, loop.index, &h);
    else
        load_elements(v, patch, loop.index, whole, &h);
    transform_rows(&h, points);
    store_points(v, points, POINTS, irb_at(b, v->elem, patch->to, loop.index), c64(v, patch->of->point));
    loop_end(&loop, b);
}

/* Patches inside of the plane are read as they are; those at its borders where they lie inside. */
static void transform_patch(const Vectors *v, Patch *patch) {
    Branch inside = branch_begin(v->b, is_whole(v, patch));
    patch_loop(v, patch, true);
    branch_else(&inside, v->b);
    find_inside(v, patch);
    patch_loop(v, patch, false);
    branch_end(&inside, v->b);
}

static void patch_body(const Vectors *v, LLVMValueRef f, Patch *patch) {
    patch->base     = LLVMGetParam(f, 0);
    patch->start[0] = LLVMGetParam(f, 1);
    patch->start[1] = LLVMGetParam(f, 2);
    patch->to       = LLVMGetParam(f, 3);
    patch->count    = LLVMGetParam(f, 4);
    transform_patch(v, patch);
}

void winograd_computed_patch(const ContractEmit *e, int lanes, const WinogradPatches *patches,
                             const WinogradPlace *from, LLVMValueRef channel, LLVMValueRef to, LLVMValueRef count) {
    Vectors v     = {.plan = e->plan, .b = e->b, .elem = e->elem, .lanes = lanes};
    Patch   patch = {.transform = transform_elements,
                     .side      = PATCH_SIDE,
                     .of        = patches,
                     .start     = {from->y, from->x},
                     .to        = to,
                     .count     = count,
                     .spec      = e->spec,
                     .image     = from->image,
                     .channel   = channel};
    v.vec         = irb_vector_type(e->elem, lanes);
    find_inside(&v, &patch);
    patch_loop(&v, &patch, false);
}

static void elements_body(const Vectors *v, LLVMValueRef f) {
    patch_body(v, f, &(Patch){.transform = transform_elements, .side = PATCH_SIDE, .of = v->patches});
}

static void slopes_body(const Vectors *v, LLVMValueRef f) {
    patch_body(v, f, &(Patch){.transform = transform_slopes, .side = TILE_SIDE, .of = v->patches});
}

static void kernel_body(const Vectors *v, LLVMValueRef f) {
    LLVMValueRef taps[TAPS * TAPS], points[POINTS];
    load_points(v, LLVMGetParam(f, 0), LLVMGetParam(f, 1), TAPS * TAPS, taps);
    transform_both(v, transform_kernel, TAPS, taps, PATCH_SIDE, points);
    store_points(v, points, POINTS, LLVMGetParam(f, 2), LLVMGetParam(f, 3));
}

static void results_body(const Vectors *v, LLVMValueRef f, Transform *transform, int side) {
    LLVMValueRef points[POINTS], results[TILE_SIDE * TILE_SIDE];
    load_points(v, LLVMGetParam(f, 0), LLVMGetParam(f, 1), POINTS, points);
    transform_both(v, transform, PATCH_SIDE, points, side, results);
    store_points(v, results, side * side, LLVMGetParam(f, 2), c64(v, v->lanes));
}

static void sums_body(const Vectors *v, LLVMValueRef f) {
    results_body(v, f, transform_sums, TILE_SIDE);
}

static void taps_body(const Vectors *v, LLVMValueRef f) {
    results_body(v, f, transform_taps, TAPS);
}

enum { PARAMS_MOST = 5 };

typedef struct FunctionRow {
    const char *name, *params; /* p: a pointer, i: a number */
    void (*body)(const Vectors *v, LLVMValueRef f);
} FunctionRow;
static const FunctionRow functions[] = {
    [WINOGRAD_ELEMENTS] = {"elements", "piipi", elements_body},
    [WINOGRAD_SLOPES]   = {"slopes", "piipi", slopes_body},
    [WINOGRAD_KERNEL]   = {"kernel", "pipi", kernel_body},
    [WINOGRAD_SUMS]     = {"sums", "pip", sums_body},
    [WINOGRAD_TAPS]     = {"taps", "pip", taps_body},
};

static LLVMTypeRef function_type(LLVMContextRef context, const char *letters) {
    LLVMTypeRef params[PARAMS_MOST];
    unsigned    n = (unsigned)strlen(letters);
    for (unsigned i = 0; i < n; i++)
        params[i] = letters[i] == 'p' ? LLVMPointerTypeInContext(context, 0) : LLVMInt64TypeInContext(context);
    return LLVMFunctionType(LLVMVoidTypeInContext(context), params, n, false);
}

/* Made when first asked for, and shared by the module. */
static LLVMValueRef function_of(const ContractEmit *e, WinogradFunction which, int lanes,
                                const WinogradPatches *patches) {
    const FunctionRow *row     = &functions[which];
    LLVMModuleRef      module  = irb_module(e->b);
    LLVMContextRef     context = irb_context(e->b);
    char               name[192];
    int                n = snprintf(name, sizeof name, "nnc.winograd.%s.v%d", row->name, lanes);
    if (patches)
        snprintf(name + n, sizeof name - (size_t)n, ".%" PRId64 "x%" PRId64 ".%" PRId64 ".%" PRId64 ".%" PRId64,
                 patches->extents[0], patches->extents[1], patches->strides[0], patches->strides[1], patches->point);
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    if (f) return f;
    f         = irb_internal_function(module, name, function_type(context, row->params));
    Vectors v = {.plan = e->plan, .elem = e->elem, .vec = irb_vector_type(e->elem, lanes), .lanes = lanes};
    v.patches = patches;
    v.b       = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(v.b, LLVMAppendBasicBlockInContext(context, f, "entry"));
    row->body(&v, f);
    LLVMBuildRetVoid(v.b);
    LLVMDisposeBuilder(v.b);
    return f;
}

void winograd_call(const ContractEmit *e, WinogradFunction which, int lanes, LLVMValueRef *args, unsigned n) {
    LLVMValueRef f = function_of(e, which, lanes, NULL);
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, n, "");
}

void winograd_patch(const ContractEmit *e, WinogradFunction which, int lanes, const WinogradPatches *patches,
                    LLVMValueRef base, const WinogradPlace *from, LLVMValueRef to, LLVMValueRef count) {
    LLVMValueRef f = function_of(e, which, lanes, patches), args[] = {base, from->y, from->x, to, count};
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, PARAMS_MOST, "");
}

void winograd_results(const ContractEmit *e, LLVMValueRef sums, int64_t point, LLVMValueRef *results) {
    Vectors      v = {.plan = e->plan, .b = e->b, .elem = e->elem, .vec = e->vec, .lanes = e->plan->lanes};
    LLVMValueRef points[POINTS];
    load_points(&v, sums, irb_i64(e->b, point), POINTS, points);
    transform_both(&v, transform_sums, PATCH_SIDE, points, TILE_SIDE, results);
}

/* ---- places ------------------------------------------------------------------------------------------------------------ */

int64_t winograd_tiles(const WindowPlane *plane, int way) {
    return (plane->positions[way] + TILE_SIDE - 1) / TILE_SIDE;
}

WinogradPlace winograd_place(const ContractEmit *e, LLVMValueRef tile) {
    const WindowPlane *plane  = e->plan->shape.window->plane;
    LLVMBuilderRef     b      = e->b;
    LLVMValueRef       across = irb_i64(b, winograd_tiles(plane, 1)), down = irb_i64(b, winograd_tiles(plane, 0));
    LLVMValueRef       row = LLVMBuildUDiv(b, tile, across, ""), side = irb_i64(b, TILE_SIDE);
    WinogradPlace      place;
    place.x     = irb_mul(b, LLVMBuildURem(b, tile, across, ""), side);
    place.y     = irb_mul(b, LLVMBuildURem(b, row, down, ""), side);
    place.image = LLVMBuildUDiv(b, row, down, "");
    return place;
}
