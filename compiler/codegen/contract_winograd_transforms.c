/* The transforms of minimal filtering: products with the small matrices B, G and A of F(4 x 4, 3 x 3) and their transposes, on vectors, and
 * the module's functions that apply them to patches, kernels and sums. */
#include <stdio.h>
#include <string.h>

#include "codegen/contract_winograd.h"
#include "codegen/irb.h"

/* ---- arithmetic --------------------------------------------------------------------------------------------------------------- */

typedef struct Vectors { /* arithmetic on vectors */
    const ContractPlan *plan;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem, vec;
    int                 lanes;
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

typedef struct PatchForm {
    Transform *transform;
    int        side;
} PatchForm;

typedef struct Patch { /* places along both ways, whether inside and their offsets */
    LLVMValueRef inside[2][PATCH_SIDE], offset[2][PATCH_SIDE];
    LLVMValueRef whole; /* nothing is outside */
} Patch;

/* Offsets of places outside are those of the nearest inside. */
static Patch patch_of(const Vectors *v, LLVMValueRef f, int side) {
    LLVMTypeRef    i64   = LLVMInt64TypeInContext(irb_context(v->b));
    LLVMBuilderRef b     = v->b;
    Patch          patch = {.whole = LLVMConstInt(LLVMInt1TypeInContext(irb_context(b)), 1, false)};
    for (int way = 0; way < 2; way++) {
        LLVMValueRef start  = LLVMGetParam(f, 2 + (unsigned)way);
        LLVMValueRef extent = irb_load(b, i64, irb_at(b, i64, LLVMGetParam(f, 1), c64(v, way)));
        LLVMValueRef stride = irb_load(b, i64, irb_at(b, i64, LLVMGetParam(f, 1), c64(v, 2 + way)));
        for (int i = 0; i < side; i++) {
            LLVMValueRef at = irb_add(b, start, c64(v, i)), last = irb_sub(b, extent, c64(v, 1));
            patch.inside[way][i] = LLVMBuildICmp(b, LLVMIntULT, at, extent, "");
            patch.offset[way][i] = irb_mul(b, irb_max(b, irb_min(b, at, last), c64(v, 0)), stride);
        }
        patch.whole = LLVMBuildAnd(b, patch.whole, patch.inside[way][0], "");
        patch.whole = LLVMBuildAnd(b, patch.whole, patch.inside[way][side - 1], "");
    }
    return patch;
}

static void patch_loop(const Vectors *v, LLVMValueRef f, const PatchForm *form, const Patch *patch, bool whole) {
    LLVMBuilderRef b    = v->b;
    int            side = form->side;
    Loop           loop = loop_begin(b, c64(v, 0), LLVMGetParam(f, 6), c64(v, v->lanes));
    LLVMValueRef   elements[POINTS], points[POINTS], zero = irb_zero(v->vec);
    for (int i = 0; i < side * side; i++) {
        int          y = i / side, x = i % side;
        LLVMValueRef at = irb_add(b, irb_add(b, patch->offset[0][y], patch->offset[1][x]), loop.index);
        LLVMValueRef in = LLVMBuildAnd(b, patch->inside[0][y], patch->inside[1][x], "");
        elements[i]     = load_at(v, LLVMGetParam(f, 0), at);
        if (!whole) elements[i] = LLVMBuildSelect(b, in, elements[i], zero, "");
    }
    transform_both(v, form->transform, side, elements, PATCH_SIDE, points);
    store_points(v, points, POINTS, irb_at(b, v->elem, LLVMGetParam(f, 4), loop.index), LLVMGetParam(f, 5));
    loop_end(&loop, b);
}

/* Patches inside of the plane are read as they are; those at its borders choose between elements and zeros. */
static void patch_body(const Vectors *v, LLVMValueRef f, const PatchForm *form) {
    Patch  patch  = patch_of(v, f, form->side);
    Branch inside = branch_begin(v->b, patch.whole);
    patch_loop(v, f, form, &patch, true);
    branch_else(&inside, v->b);
    patch_loop(v, f, form, &patch, false);
    branch_end(&inside, v->b);
}

static void elements_body(const Vectors *v, LLVMValueRef f) {
    patch_body(v, f, &(PatchForm){transform_elements, PATCH_SIDE});
}

static void slopes_body(const Vectors *v, LLVMValueRef f) {
    patch_body(v, f, &(PatchForm){transform_slopes, TILE_SIDE});
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

enum { PARAMS_MOST = 7 };

typedef struct FunctionRow {
    const char *name, *params; /* p: a pointer, i: a number */
    void (*body)(const Vectors *v, LLVMValueRef f);
} FunctionRow;
static const FunctionRow functions[] = {
    [WINOGRAD_ELEMENTS] = {"elements", "ppiipii", elements_body},
    [WINOGRAD_SLOPES]   = {"slopes", "ppiipii", slopes_body},
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
static LLVMValueRef function_of(const ContractEmit *e, WinogradFunction which, int lanes) {
    const FunctionRow *row     = &functions[which];
    LLVMModuleRef      module  = irb_module(e->b);
    LLVMContextRef     context = irb_context(e->b);
    char               name[64];
    snprintf(name, sizeof name, "nnc.winograd.%s.v%d", row->name, lanes);
    LLVMValueRef f = LLVMGetNamedFunction(module, name);
    if (f) return f;
    f         = irb_internal_function(module, name, function_type(context, row->params));
    Vectors v = {.plan = e->plan, .elem = e->elem, .vec = irb_vector_type(e->elem, lanes), .lanes = lanes};
    v.b       = LLVMCreateBuilderInContext(context);
    LLVMPositionBuilderAtEnd(v.b, LLVMAppendBasicBlockInContext(context, f, "entry"));
    row->body(&v, f);
    LLVMBuildRetVoid(v.b);
    LLVMDisposeBuilder(v.b);
    return f;
}

void winograd_call(const ContractEmit *e, WinogradFunction which, int lanes, LLVMValueRef *args, unsigned n) {
    LLVMValueRef f = function_of(e, which, lanes);
    LLVMBuildCall2(e->b, LLVMGlobalGetValueType(f), f, args, n, "");
}

/* ---- planes and places ------------------------------------------------------------------------------------------------------------ */

LLVMValueRef winograd_plane(const ContractEmit *e, const int64_t *extents, const int64_t *strides) {
    LLVMTypeRef  i64     = LLVMInt64TypeInContext(irb_context(e->b));
    LLVMValueRef facts[] = {irb_i64(e->b, extents[0]), irb_i64(e->b, extents[1]), irb_i64(e->b, strides[0]),
                            irb_i64(e->b, strides[1])};
    LLVMValueRef plane   = LLVMAddGlobal(irb_module(e->b), LLVMArrayType2(i64, 4), "nnc.plane");
    LLVMSetInitializer(plane, LLVMConstArray2(i64, facts, 4));
    LLVMSetGlobalConstant(plane, true);
    LLVMSetLinkage(plane, LLVMPrivateLinkage);
    LLVMSetUnnamedAddress(plane, LLVMGlobalUnnamedAddr);
    return plane;
}

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
