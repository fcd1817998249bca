/* Inside codegen/: the sums over rows that a contraction's kernel keeps (plan/kernel.h: reductions to COLUMN). */
#ifndef NNC_CODEGEN_MATMUL_COLUMNS_H
#define NNC_CODEGEN_MATMUL_COLUMNS_H

#include "codegen/emit.h"

typedef struct ColumnSums {
    KernelEmit    *k;
    LLVMBuilderRef b;                     /* the contraction's */
    LLVMValueRef   columns;               /* of the product: elements from one block's partial sums to the next's */
    LLVMValueRef   partials[MAX_CARRIED]; /* by reduction, in the shared scratch */
    LLVMValueRef   sums[MAX_CARRIED];     /* of the columns at hand */
    int            lanes;
} ColumnSums;

/* As ContractSpec has them; `user` is the ColumnSums. */
void column_sums_clear(void *user, LLVMValueRef row_block, LLVMValueRef n0, LLVMValueRef n1);
void column_sums_begin(void *user, int lanes);
void column_sums_end(void *user, LLVMValueRef row_block, LLVMValueRef n, LLVMValueRef mask);
/* Adds the element at `at`, whose product is bound. */
void column_sums_add(ColumnSums *sums, const Index *at);

#endif
