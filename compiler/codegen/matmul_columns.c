/* Sums over the rows of a contraction, out of its epilogue: of each block of rows a partial sum for each column, added up in registers
 * along the rows of a tile. The finish adds the blocks in their order, as it does for loops. */
#include "codegen/matmul_columns.h"

#include "codegen/contract.h"

static LLVMTypeRef elem_type(const ColumnSums *s, int i) {
    return emit_reg_type(s->k->e, math_register_elem(s->k->kernel->reductions.data[i].node->type.elem));
}

static LLVMValueRef partial_at(const ColumnSums *s, int i, LLVMValueRef row_block, LLVMValueRef n) {
    LLVMValueRef offset = irb_add(s->b, irb_mul(s->b, row_block, s->columns), n);
    return irb_at(s->b, elem_type(s, i), s->partials[i], offset);
}

void column_sums_clear(void *user, LLVMValueRef row_block, LLVMValueRef n0, LLVMValueRef n1) {
    ColumnSums *s    = user;
    LLVMTypeRef byte = LLVMInt8TypeInContext(irb_context(s->b));
    for (int i = 0; i < s->k->kernel->reductions.len; i++) {
        int          size   = irb_elem_bytes(elem_type(s, i));
        LLVMValueRef nbytes = irb_mul(s->b, irb_sub(s->b, n1, n0), irb_i64(s->b, size));
        LLVMBuildMemSet(s->b, partial_at(s, i, row_block, n0), LLVMConstNull(byte), nbytes, (unsigned)size);
    }
}

void column_sums_begin(void *user, int lanes) {
    ColumnSums *s = user;
    s->lanes      = lanes;
    for (int i = 0; i < s->k->kernel->reductions.len; i++) {
        LLVMTypeRef type = irb_vector_type(elem_type(s, i), lanes);
        s->sums[i]       = irb_variable(s->b, type);
        LLVMBuildStore(s->b, irb_zero(type), s->sums[i]);
    }
}

static void add_to(const ColumnSums *s, int i, LLVMValueRef pointer, LLVMValueRef value) {
    LLVMValueRef sum = LLVMBuildLoad2(s->b, irb_vector_type(elem_type(s, i), s->lanes), pointer, "");
    LLVMBuildStore(s->b, LLVMBuildFAdd(s->b, sum, value, ""), pointer);
}

void column_sums_add(ColumnSums *s, const Index *at) {
    for (int i = 0; i < s->k->kernel->reductions.len; i++) {
        Node *input = s->k->kernel->reductions.data[i].node->inputs[0];
        add_to(s, i, s->sums[i], value_lanes(s->k, value_at(s->k, input, at)));
    }
}

void column_sums_end(void *user, LLVMValueRef row_block, LLVMValueRef n, LLVMValueRef mask) {
    ColumnSums    *s = user;
    LLVMBuilderRef b = s->b;
    for (int i = 0; i < s->k->kernel->reductions.len; i++) {
        LLVMTypeRef  type = irb_vector_type(elem_type(s, i), s->lanes);
        LLVMValueRef to = partial_at(s, i, row_block, n), more = LLVMBuildLoad2(b, type, s->sums[i], "");
        LLVMValueRef sum =
            LLVMBuildFAdd(b, mask ? irb_masked_load(b, type, to, mask) : irb_load(b, type, to), more, "");
        if (mask)
            irb_masked_store(b, sum, to, mask);
        else
            irb_store(b, sum, to);
    }
}
