/* The loop template: two rows abreast, each pass over both before the next pass. What ends a row's pass, such as the sum over lanes and a division, is a
 * chain of a few instructions that all of the next pass waits for; so it runs beside the other row's pass. */
#include "codegen/loop.h"

#include <string.h>

#include "ir/cost.h"

enum {
    ABREAST    = 2,
    LONG_CHAIN = 20, /* cost of an op from which on a pass takes longer than its memory */
};

/* What is kept of the rows shares the room for one row of f64. */
static bool kept_fit(const Kernel *kernel) {
    for (int i = 0; i < kernel->kept.len; i++)
        if (ABREAST * elem_size(kernel->kept.data[i].node->type.elem) > elem_size(ELEM_F64)) return false;
    return true;
}

static bool computes_long(const KernelEmit *k) {
    NodeVec nodes = loop_nodes(k);
    for (int i = 0; i < nodes.len; i++)
        if (loop_computes(k, nodes.data[i]) && op_cost(nodes.data[i]->op) >= LONG_CHAIN) return true;
    return false;
}

/* In the task for large tensors only where arithmetic bounds: else the stream of one row after the other is what counts. */
bool abreast_fits(const LoopEmit *l) {
    return ahead_plain_rows(l) && kept_fit(l->kernel) && (!l->k->streams || computes_long(l->k));
}

static LLVMValueRef *kept_of(LoopEmit *l, int row) {
    KernelEmit *k = l->k;
    if (!k->kept_rows) return NULL;
    LLVMBuilderRef b    = k->root->b;
    LLVMValueRef  *kept = ARENA_ARRAY(k->e->arena, LLVMValueRef, l->kernel->kept.len);
    for (int i = 0; i < l->kernel->kept.len; i++) {
        LLVMTypeRef elem = emit_mem_type(k->e, l->kernel->kept.data[i].node->type.elem);
        kept[i]          = irb_at(b, elem, k->kept_rows[i], irb_mul(b, l->space.row_elements, irb_i64(b, row)));
    }
    return kept;
}

static void turn(LoopEmit *l, Scope *scope, LLVMValueRef first, int count) {
    KernelEmit   *k   = l->k;
    LLVMValueRef *all = k->kept_rows, *kept[ABREAST];
    Index         index[ABREAST][MAX_RANK];
    for (int r = 0; r < count; r++) {
        loop_row_index(l, l->kernel->n_rows, irb_add(scope->b, first, irb_i64(scope->b, r)), scope);
        memcpy(index[r], l->index, sizeof index[r]);
        kept[r] = kept_of(l, r);
    }
    for (int pass = 0; pass < l->kernel->n_passes; pass++) {
        k->ahead = count == ABREAST ? ahead_elements(l, pass, ABREAST) : 0;
        for (int r = 0; r < count; r++) {
            memcpy(l->index, index[r], sizeof index[r]);
            k->kept_rows = kept[r];
            loop_row_pass(l, scope, pass);
        }
    }
    k->ahead     = 0;
    k->kept_rows = all;
}

static void range(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high, int count) {
    Carry      carry = loop_carry_set(l, -1);
    ScopedLoop loop;
    loop_carry_begin(l, &loop, &carry, parent, low, high, count);
    turn(l, loop.scope, loop.index, count);
    loop_carry_end(l, &loop, &carry);
}

void abreast_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high) {
    LLVMBuilderRef b     = parent->b;
    LLVMValueRef   pairs = LLVMBuildAnd(b, irb_sub(b, high, low), irb_i64(b, -ABREAST), "");
    LLVMValueRef   end   = irb_add(b, low, pairs);
    range(l, parent, low, end, ABREAST);
    range(l, parent, end, high, 1);
}
