/* The range of k that the elements of a tile that matter need. */
#include "codegen/triangle.h"

typedef struct TileSpan { /* of indices, both ends within */
    LLVMValueRef first, last;
} TileSpan;

static Index start_of(KernelEmit *k, Node *start) {
    if (!start) return index_constant(k, 0);
    Value value = value_at(k, start, NULL);
    return index_uniform(value->v, value->scope);
}

static TileSpan span_of(const Kernel *kernel, LLVMBuilderRef b, ProductAxis axis, const ContractTile *tile) {
    bool         rows  = (axis == PRODUCT_LEFT) != kernel->swap;
    LLVMValueRef first = rows ? tile->m : tile->n, count = rows ? tile->rows : tile->cols;
    return (TileSpan){first, irb_sub(b, irb_add(b, first, count), irb_i64(b, 1))};
}

/* Elements matter where low <= high + offset. */
static void range_anchor(void *user, LLVMBuilderRef b, const ContractTile *tile, LLVMValueRef *begin,
                         LLVMValueRef *end) {
    const TriangleRange *range    = user;
    const Triangle      *triangle = &range->kernel->triangle;
    *begin                        = irb_i64(b, 0);
    *end                          = range->depth;
    if (triangle->low == PRODUCT_DEPTH) {
        TileSpan high = span_of(range->kernel, b, triangle->high, tile);
        *end          = irb_add(b, irb_add(b, high.last, range->offset), irb_i64(b, 1));
        return;
    }
    TileSpan low = span_of(range->kernel, b, triangle->low, tile);
    if (triangle->high == PRODUCT_DEPTH) {
        *begin = irb_sub(b, low.first, range->offset);
        return;
    }
    TileSpan     high = span_of(range->kernel, b, triangle->high, tile);
    LLVMValueRef any  = LLVMBuildICmp(b, LLVMIntSLE, low.first, irb_add(b, high.last, range->offset), "");
    *end              = LLVMBuildSelect(b, any, range->depth, irb_i64(b, 0), "");
}

/* Columns low of the tile with low <= its last row high + offset. */
static LLVMValueRef seen_anchor(void *user, LLVMBuilderRef b, const ContractTile *tile) {
    const TriangleRange *range = user;
    TileSpan             high  = span_of(range->kernel, b, range->kernel->triangle.high, tile);
    return irb_sub(b, irb_add(b, irb_add(b, high.last, range->offset), irb_i64(b, 1)), tile->n);
}

LLVMValueRef clip_end(KernelEmit *k) {
    const Clip    *clip   = &k->kernel->clip;
    LLVMBuilderRef b      = k->root->b;
    Index          offset = index_sub(k, start_of(k, clip->high_start), start_of(k, clip->low_start));
    LLVMValueRef   beyond = irb_add(b, dims_value(&k->dims, clip->rows), irb_i64(b, clip->beyond));
    return irb_add(b, offset.v, beyond);
}

void triangle_clip(KernelEmit *k, ContractSpec *spec) {
    if (!k->kernel->clip.rows) return;
    bool rows                                          = (k->kernel->triangle.low == PRODUCT_LEFT) != k->kernel->swap;
    *(rows ? &spec->rows_limit : &spec->columns_limit) = clip_end(k);
}

void triangle_range(KernelEmit *k, ContractSpec *spec, TriangleRange *range) {
    const Triangle *triangle = &k->kernel->triangle;
    if (triangle->low == PRODUCT_NONE) return;
    Index offset     = index_sub(k, start_of(k, triangle->high_start), start_of(k, triangle->low_start));
    *range           = (TriangleRange){k->kernel, offset.v, spec->k.value};
    spec->range      = range_anchor;
    spec->range_user = range;
    bool columns     = (triangle->low == PRODUCT_RIGHT) != k->kernel->swap && triangle->low != PRODUCT_DEPTH;
    if (columns && triangle->high != PRODUCT_DEPTH) spec->seen = seen_anchor;
}
