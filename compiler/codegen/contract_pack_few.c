/* Packing of a B of few k that lie together, as the weights of a layer of few units are for the gradient of what is before it: the columns are one
 * run of memory, and each row of the panel is every k-th element of it, put together of whole vectors. */
#include "codegen/contract_internal.h"
#include "codegen/irb.h"

typedef struct Few {
    const ContractPlan *plan;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem;
    int                 lanes, k;
} Few;

/* Element `of_k` of each of the columns in `parts`, which hold one after the other. */
static LLVMValueRef every(const Few *f, const LLVMValueRef *parts, int of_k) {
    LLVMTypeRef  i32 = LLVMInt32TypeInContext(irb_context(f->b));
    LLVMValueRef row = LLVMGetPoison(LLVMTypeOf(parts[0])), lanes[64];
    for (int part = 0; part < f->k; part++) {
        for (int i = 0; i < f->lanes; i++) {
            int at   = i * f->k + of_k;
            lanes[i] = LLVMConstInt(i32, (unsigned)(at / f->lanes == part ? f->lanes + at % f->lanes : i), false);
        }
        row = LLVMBuildShuffleVector(f->b, row, parts[part], LLVMConstVector(lanes, (unsigned)f->lanes), "");
    }
    return row;
}

/* Columns [j, j + lanes), of which `left` exist (NULL: all), to rows `width` elements apart. */
static void pack_columns(const Few *f, LLVMValueRef from, LLVMValueRef left, LLVMValueRef to, LLVMValueRef width) {
    LLVMBuilderRef b    = f->b;
    LLVMTypeRef    type = irb_vector_type(f->elem, f->lanes);
    LLVMValueRef   parts[CONTRACT_FEW_K];
    for (int i = 0; i < f->k; i++) {
        LLVMValueRef first = irb_i64(b, (int64_t)i * f->lanes), at = irb_at(b, f->elem, from, first);
        LLVMValueRef rest = left ? irb_sub(b, irb_mul(b, left, irb_i64(b, f->k)), first) : NULL;
        parts[i] = left ? irb_masked_load(b, type, at, irb_mask_below(b, rest, f->lanes)) : irb_load(b, type, at);
    }
    for (int k = 0; k < f->k; k++)
        irb_store(b, every(f, parts, k), irb_at(b, f->elem, to, irb_mul(b, irb_i64(b, k), width)));
}

void contract_pack_few(const ContractPlan *plan, LLVMBuilderRef b, const ContractSpec *spec, const Panel *panel) {
    Few          f       = {plan, b, spec->elem, plan->lanes, (int)plan->shape.k};
    bool         whole   = spec->n.constant >= 0 && spec->n.constant % plan->lanes == 0;
    Loop         columns = loop_begin(b, irb_i64(b, 0), panel->cols, irb_i64(b, plan->lanes));
    LLVMValueRef j       = irb_add(b, panel->j0, columns.index);
    LLVMValueRef from    = irb_at(b, spec->elem, spec->b.base, irb_mul(b, j, irb_i64(b, f.k)));
    LLVMValueRef to      = irb_at(b, spec->elem, panel->at, columns.index);
    pack_columns(&f, from, whole ? NULL : irb_sub(b, panel->cols, columns.index), to, panel->width);
    loop_end(&columns, b);
}
