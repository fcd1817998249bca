/* Indices: one component an axis, each the same in all lanes, running with the lanes, or a vector. */
#include "codegen/emit.h"

static int64_t gcd(int64_t a, int64_t b) {
    while (b) {
        int64_t rest = a % b;
        a            = b;
        b            = rest;
    }
    return a < 0 ? -a : a;
}

static int64_t multiple_of(LLVMValueRef v, int64_t otherwise) {
    int64_t value;
    if (!irb_const(v, &value)) return otherwise;
    return value < 0 ? -value : value;
}

Index index_bounded(Index a, int64_t low, int64_t high) {
    a.bounded = a.kind == INDEX_UNIFORM;
    a.low     = low;
    a.high    = high;
    return a;
}

static Index index_of(LLVMValueRef v, IndexKind kind, Scope *scope, int64_t multiple) {
    Index   a = {.v = v, .kind = kind, .scope = scope, .multiple = multiple};
    int64_t value;
    return irb_const(v, &value) ? index_bounded(a, value, value) : a;
}

Index index_uniform(LLVMValueRef v, Scope *scope) {
    return index_of(v, INDEX_UNIFORM, scope, multiple_of(v, 1));
}

Index index_constant(KernelEmit *k, int64_t value) {
    return index_uniform(irb_i64(k->root->b, value), k->root);
}

Index index_linear(LLVMValueRef v, Scope *scope, int64_t multiple) {
    return index_of(v, INDEX_LINEAR, scope, multiple_of(v, multiple));
}

Index index_full(LLVMValueRef v, Scope *scope) {
    return index_of(v, INDEX_FULL, scope, 1);
}

static bool is_zero(Index a) {
    int64_t value;
    return a.kind == INDEX_UNIFORM && irb_const(a.v, &value) && value == 0;
}

LLVMValueRef index_vector(KernelEmit *k, Index a) {
    LLVMBuilderRef b = a.scope->b;
    if (a.kind == INDEX_FULL || k->lanes == 1) return a.v;
    LLVMValueRef v = irb_splat(b, a.v, k->lanes);
    return a.kind == INDEX_UNIFORM ? v : LLVMBuildAdd(b, v, irb_iota(k->e->t_i64, k->lanes), "");
}

Index index_add(KernelEmit *k, Index a, Index b) {
    if (is_zero(a)) return b;
    if (is_zero(b)) return a;
    Scope  *scope    = scope_deeper(a.scope, b.scope);
    bool    vector   = a.kind != INDEX_UNIFORM && b.kind != INDEX_UNIFORM;
    int64_t multiple = gcd(a.multiple, b.multiple);
    if (!vector && a.kind != INDEX_FULL && b.kind != INDEX_FULL) {
        IndexKind kind = a.kind == INDEX_LINEAR || b.kind == INDEX_LINEAR ? INDEX_LINEAR : INDEX_UNIFORM;
        Index     sum  = index_of(irb_add(scope->b, a.v, b.v), kind, scope, multiple);
        return a.bounded && b.bounded ? index_bounded(sum, a.low + b.low, a.high + b.high) : sum;
    }
    LLVMValueRef x = index_vector(k, a), y = index_vector(k, b);
    return index_full(LLVMBuildAdd(scope->b, x, y, ""), scope);
}

Index index_sub(KernelEmit *k, Index a, Index b) {
    if (is_zero(b)) return a;
    if (b.kind == INDEX_UNIFORM && a.kind != INDEX_FULL) {
        Scope *scope = scope_deeper(a.scope, b.scope);
        Index  rest  = index_of(irb_sub(scope->b, a.v, b.v), a.kind, scope, gcd(a.multiple, b.multiple));
        return a.bounded && b.bounded ? index_bounded(rest, a.low - b.high, a.high - b.low) : rest;
    }
    Scope       *scope = scope_deeper(a.scope, b.scope);
    LLVMValueRef x = index_vector(k, a), y = index_vector(k, b);
    return index_full(LLVMBuildSub(scope->b, x, y, ""), scope);
}

Index index_scale(KernelEmit *k, Index a, const Dim *by) {
    int64_t      factor = 1;
    bool         known  = dim_is_const(by, &factor);
    LLVMValueRef v      = dims_value(&k->dims, by);
    if ((known && factor == 1) || is_zero(a)) return a;
    if (a.kind == INDEX_UNIFORM) {
        Index product = index_of(irb_mul(a.scope->b, a.v, v), INDEX_UNIFORM, a.scope,
                                 multiple_of(a.v, known ? a.multiple * factor : a.multiple));
        if (!a.bounded || !known) return product;
        return factor < 0 ? index_bounded(product, a.high * factor, a.low * factor)
                          : index_bounded(product, a.low * factor, a.high * factor);
    }
    LLVMBuilderRef b     = a.scope->b;
    LLVMValueRef   splat = irb_splat(k->root->b, v, k->lanes);
    if (a.kind == INDEX_FULL) return index_full(LLVMBuildMul(b, a.v, splat, ""), a.scope);
    /* (first + lane) * v: the lanes' part is computed at the entry */
    LLVMValueRef lanes = LLVMBuildMul(k->root->b, irb_iota(k->e->t_i64, k->lanes), splat, "");
    LLVMValueRef first = irb_splat(b, irb_mul(b, a.v, v), k->lanes);
    return index_full(LLVMBuildAdd(b, first, lanes, ""), a.scope);
}

/* Lanes stay within one quotient when the first lane's place and the divisor are multiples of the lanes' count. */
static bool lanes_stay_together(const KernelEmit *k, Index a, int64_t divisor) {
    int64_t first;
    if (irb_const(a.v, &first)) return first % divisor + k->lanes <= divisor;
    return divisor % k->lanes == 0 && a.multiple % k->lanes == 0;
}

static LLVMValueRef divide_lanes(KernelEmit *k, LLVMBuilderRef b, LLVMValueRef x, const Dim *by, int64_t extent) {
    int64_t divisor;
    if (!dim_is_const(by, &divisor) || extent < 0 || extent > INT32_MAX) {
        LLVMValueRef d = irb_splat(k->root->b, dims_value(&k->dims, by), k->lanes);
        return LLVMBuildUDiv(b, x, d, "");
    }
    LLVMTypeRef  narrow = irb_with_elem(LLVMTypeOf(x), k->e->t_i32);
    LLVMValueRef q      = LLVMBuildUDiv(b, LLVMBuildTrunc(b, x, narrow, ""), irb_int(narrow, (uint64_t)divisor), "");
    return LLVMBuildZExt(b, q, LLVMTypeOf(x), "");
}

void index_split(KernelEmit *k, Index a, const Dim *by, int64_t extent, Index *quotient, Index *remainder) {
    LLVMBuilderRef b = a.scope->b;
    LLVMValueRef   d = dims_value(&k->dims, by);
    int64_t        divisor;
    bool           known = dim_is_const(by, &divisor) && divisor > 0;
    bool           whole = a.kind == INDEX_LINEAR && known && lanes_stay_together(k, a, divisor);
    if (a.kind == INDEX_UNIFORM || whole) {
        LLVMValueRef q = LLVMBuildUDiv(b, a.v, d, ""), r = LLVMBuildURem(b, a.v, d, "");
        *quotient  = index_uniform(q, a.scope);
        *remainder = index_of(r, a.kind, a.scope, multiple_of(r, known ? gcd(a.multiple, divisor) : 1));
        return;
    }
    LLVMValueRef x = index_vector(k, a), q = divide_lanes(k, b, x, by, extent);
    LLVMValueRef back = LLVMBuildMul(b, q, irb_splat(k->root->b, d, k->lanes), "");
    *quotient         = index_full(q, a.scope);
    *remainder        = index_full(LLVMBuildSub(b, x, back, ""), a.scope);
}

Index index_row_major(KernelEmit *k, int rank, const Dim *const *dims, const Index *index) {
    Index sum = index_constant(k, 0);
    for (int i = 0; i < rank; i++) sum = index_add(k, i ? index_scale(k, sum, dims[i]) : sum, index[i]);
    return sum;
}

/* ---- reshape ------------------------------------------------------------------------------------------------------------ */

/* Axes of a shape that are not 1, in order. */
static int long_axes(const Type *type, int *axes) {
    int count = 0;
    for (int i = 0; i < type->rank; i++)
        if (!dim_is_one(type->dims[i])) axes[count++] = i;
    return count;
}

static bool same_product(DimTable *table, const Type *a, const int *axes_a, int n_a, const Type *b, const int *axes_b,
                         int n_b) {
    const Dim *x = dim_const(table, 1), *y = x;
    for (int i = 0; x && i < n_a; i++) x = dim_mul(table, x, a->dims[axes_a[i]]);
    for (int i = 0; y && i < n_b; i++) y = dim_mul(table, y, b->dims[axes_b[i]]);
    return x && x == y;
}

/* One group of axes with equal products: linearise over `to`, split over `from`. */
static void reshape_group(KernelEmit *k, const Type *to, const int *axes_to, int n_to, const Index *index,
                          const Type *from, const int *axes_from, int n_from, Index *result) {
    const Dim *dims[MAX_RANK];
    Index      part[MAX_RANK];
    for (int i = 0; i < n_to; i++) dims[i] = to->dims[axes_to[i]], part[i] = index[axes_to[i]];
    int64_t extent = dims_constant(n_to, dims);
    Index   linear = index_row_major(k, n_to, dims, part);
    for (int i = n_from - 1; i > 0; i--) {
        Index quotient;
        index_split(k, linear, from->dims[axes_from[i]], extent, &quotient, &result[axes_from[i]]);
        linear = quotient;
    }
    result[axes_from[0]] = linear;
}

void index_reshape(KernelEmit *k, const Type *to, const Index *index, const Type *from, Index *result) {
    DimTable *table = graph_dims(k->e->program->graph);
    int axes_to[MAX_RANK], axes_from[MAX_RANK], n_to = long_axes(to, axes_to), n_from = long_axes(from, axes_from);
    for (int i = 0; i < from->rank; i++) result[i] = index_constant(k, 0);
    int t = 0, f = 0;
    while (t < n_to && f < n_from) {
        /* the smallest groups from here on whose products are provably equal; else all that is left */
        int count_t = n_to - t, count_f = n_from - f;
        for (int total = 2; total <= n_to - t + n_from - f; total++)
            for (int a = 1; a < total; a++)
                if (a <= n_to - t && total - a <= n_from - f &&
                    same_product(table, to, axes_to + t, a, from, axes_from + f, total - a)) {
                    count_t = a, count_f = total - a;
                    total = n_to + n_from; /* found */
                    break;
                }
        reshape_group(k, to, axes_to + t, count_t, index, from, axes_from + f, count_f, result);
        t += count_t, f += count_f;
    }
}
