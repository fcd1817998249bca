/* The contraction template: the order in which the products of a batch are computed. */
#include "codegen/matmul_batch.h"

/* Element `number` of the batch, or of its vectors. */
static void emit_element(KernelEmit *k, const Product *p, Scope *scope, LLVMValueRef number, const Units *units) {
    LLVMBuilderRef b = scope->b;
    Index          batch[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) batch[i] = index_constant(k, 0);
    if (p->lanes) number = irb_mul(b, number, irb_i64(b, p->lanes));
    product_split_axes(k, &p->a, &p->a.batch, index_uniform(number, scope), batch);
    matmul_emit_product(k, p, scope, batch, units);
}

/* Of an element, those of the units [begin, end) of all that are its. */
static void own_units(Units *units, LLVMBuilderRef b, LLVMValueRef number, LLVMValueRef each) {
    LLVMValueRef first = irb_mul(b, number, each);
    units->begin       = irb_max(b, irb_sub(b, units->begin, first), irb_i64(b, 0));
    units->end         = irb_min(b, irb_sub(b, units->end, first), each);
}

/* Element after element. */
static void emit_in_order(KernelEmit *k, const Product *p, const Units *all) {
    ScopedLoop     loop;
    Units          units = *all;
    LLVMBuilderRef b     = k->root->b;
    LLVMValueRef   each  = product_units(k->contract, &k->dims, p);
    scope_loop_begin(k, &loop, k->root, LLVMBuildUDiv(b, all->begin, each, ""), irb_ceil_div(b, all->end, each),
                     irb_i64(b, 1), 0, NULL);
    own_units(&units, loop.scope->b, loop.index, each);
    emit_element(k, p, loop.scope, loop.index, &units);
    scope_loop_end(k, &loop, NULL);
}

/* Windows over images as rows: unit after unit, of all elements in turn. Those of neighbours lie in the same lines of memory. */
static void emit_in_turn(KernelEmit *k, const Product *p, const Units *all) {
    ScopedLoop   loop;
    Units        units = *all;
    LLVMValueRef count = product_count(k->contract, &k->dims, p);
    scope_loop_begin(k, &loop, k->root, all->begin, all->end, irb_i64(k->root->b, 1), 0, NULL);
    LLVMBuilderRef b = loop.scope->b;
    units.begin      = LLVMBuildUDiv(b, loop.index, count, "");
    units.end        = irb_add(b, units.begin, irb_i64(b, 1));
    emit_element(k, p, loop.scope, LLVMBuildURem(b, loop.index, count, ""), &units);
    scope_loop_end(k, &loop, NULL);
}

/* Sums over images: chunk after chunk of them, for a few neighbours in turn. */
static void emit_chunk_by_chunk(KernelEmit *k, const Product *p, const Units *all, int neighbours) {
    ScopedLoop     some, chunks, loop;
    LLVMBuilderRef b    = k->root->b;
    LLVMValueRef   each = product_units(k->contract, &k->dims, p), one = irb_i64(b, 1), zero = irb_i64(b, 0);
    LLVMValueRef   sums  = irb_at(b, k->e->t_i8, all->scratch, irb_i64(b, contract_scratch_bytes(k->contract)));
    LLVMValueRef   first = LLVMBuildUDiv(b, all->begin, each, ""), end = irb_ceil_div(b, all->end, each);
    LLVMValueRef   n_chunks = contract_chunks(k->contract, b, side_extent(&k->dims, &p->a, &p->a.contract));
    scope_loop_begin(k, &some, k->root, first, end, irb_i64(b, neighbours), 0, NULL);
    LLVMValueRef last = irb_min(some.scope->b, irb_add(some.scope->b, some.index, some.step), end);
    scope_loop_begin(k, &chunks, some.scope, zero, n_chunks, one, 0, NULL);
    scope_loop_begin(k, &loop, chunks.scope, some.index, last, one, 0, NULL);
    LLVMBuilderRef body  = loop.scope->b;
    LLVMValueRef   place = irb_sub(body, loop.index, some.index);
    Units          units = *all;
    own_units(&units, body, loop.index, each);
    units.chunk = chunks.index;
    units.sums  = irb_at(body, k->e->t_i8, sums, irb_mul(body, place, irb_i64(body, contract_sums_bytes(k->contract))));
    emit_element(k, p, loop.scope, loop.index, &units);
    scope_loop_end(k, &loop, NULL);
    scope_loop_end(k, &chunks, NULL);
    scope_loop_end(k, &some, NULL);
}

void matmul_emit_batch(KernelEmit *k, const Product *p, const Units *units) {
    int neighbours = product_neighbours(k->contract, p);
    matmul_prepare_batch(k, p, units->scratch);
    if (neighbours > 1)
        emit_chunk_by_chunk(k, p, units, neighbours);
    else
        (p->windowed && !p->geometry.image_in_k ? emit_in_turn : emit_in_order)(k, p, units);
}
