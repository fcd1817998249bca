/* Inside the contraction template: a register tile while its sums are emitted. */
#ifndef NNC_CODEGEN_CONTRACT_TILE_H
#define NNC_CODEGEN_CONTRACT_TILE_H

#include "codegen/contract_internal.h"

typedef struct Tile {
    const ContractPlan *plan;
    LLVMBuilderRef      b;
    LLVMTypeRef         elem, vec;
    int                 rows, vectors, lanes;
    LLVMValueRef        row_offset[32]; /* elements from row 0 of A to row i */
    LLVMValueRef        row_start[32];  /* through windows: where row i starts */
    LLVMValueRef        columns;        /* of a single vector, those that exist; NULL: all */
} Tile;

LLVMValueRef tile_multiply_add(const Tile *t, LLVMValueRef x, LLVMValueRef y, LLVMValueRef z);
/* In all lanes; of vectors each lane's own. */
LLVMValueRef tile_load_element(const Tile *t, LLVMValueRef at);
/* Entry `i` of a table of 32-bit numbers. */
LLVMValueRef tile_table_entry(const Tile *t, LLVMValueRef table, LLVMValueRef i);

/* contract_taps.c: a fixed tile whose rows share elements, the first of them at `a`, to `sums`, of which there is one a row. */
void tile_sum_taps(const Tile *t, const TileArgs *args, LLVMValueRef a, LLVMValueRef *sums);

#endif
