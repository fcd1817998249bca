/* The contraction template: C[m, n] (+)= sum_k A[m, k] * B[k, n], register-tiled, blocked and packed for the target.
 *
 * It knows loops, tiles and packing; what is loaded and what is stored is the caller's (its anchors). It is emitted inside
 * the caller's LLVM function at the builder's position and leaves the builder after it. Work is cut into `units` by shape
 * only; any worker may run any range of units with the same bits as result. */
#ifndef NNC_CODEGEN_CONTRACT_H
#define NNC_CODEGEN_CONTRACT_H

#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "codegen/target.h"

typedef struct Extent {
    int64_t      constant; /* -1: known only at run time */
    LLVMValueRef value;    /* i64; a constant when `constant` >= 0 */
} Extent;

typedef struct ContractOperand {
    LLVMValueRef base;        /* pointer to element (0, 0) */
    Extent       stride_free; /* elements between neighbours along m (of A) or n (of B) */
    Extent       stride_k;
    /* Load anchor (may be NULL: plain loads). Gives `lanes` values (1: a scalar) from (free, k) on, consecutive along k
     * when along_k else along the free axis; `mask` (NULL: all lanes) says which lanes exist, others must be 0. With a load
     * anchor the operand is always packed, and each element is asked for as few times as blocking allows. */
    LLVMValueRef (*load)(void *user, LLVMValueRef free, LLVMValueRef k, int lanes, bool along_k, LLVMValueRef mask);
    void *user;
} ContractOperand;

typedef struct ContractSpec {
    LLVMTypeRef     elem; /* float or double */
    Extent          m, n, k;
    ContractOperand a, b;
    /* Store anchor, on the register tile once all of K is summed: `lanes` values of row m at columns n, n+1, ...; `mask`
     * (NULL: all) says which exist. The caller applies epilogues and stores. Called once an element. It may be
     * emitted several times (full tiles, edges), always inside the caller's function, so values that dominate the
     * contraction may be used. */
    void (*store)(void *user, LLVMValueRef m, LLVMValueRef n, LLVMValueRef value, int lanes, LLVMValueRef mask);
    void *store_user;
} ContractSpec;

/* What is known when compiling, for choosing a plan. Extents and strides are -1 where only the run time knows them. */
typedef struct ContractShape {
    bool    is_double;
    int64_t m, n, k;
    int64_t a_stride_m, a_stride_k, b_stride_k, b_stride_n;
    bool    a_has_load, b_has_load;
} ContractShape;

typedef struct ContractPlan ContractPlan; /* tile, blocking, packing, partition chosen for a shape */

ContractPlan *contract_plan(Arena *arena, const Target *target, const ContractShape *shape);

/* Bytes of scratch (64-byte aligned) that one worker needs. */
int64_t contract_scratch_bytes(const ContractPlan *plan);

/* The number of units the work is cut into, as an i64 computed at the builder's position. */
LLVMValueRef contract_units(const ContractPlan *plan, LLVMBuilderRef builder, Extent m, Extent n, Extent k);

/* Emits units [begin, end) of the contraction at the builder's position, calling the anchors. */
void contract_emit(const ContractPlan *plan, LLVMBuilderRef builder, const ContractSpec *spec, LLVMValueRef begin,
                   LLVMValueRef end, LLVMValueRef scratch);

#endif
