/* Thin helpers over LLVM's C builder: constants, vectors, masks, loops, branches. They keep no state of their own; what they
 * emit goes to the builder's position. Constants fold, so that a loop over constant bounds costs nothing to describe. */
#ifndef NNC_CODEGEN_IRB_H
#define NNC_CODEGEN_IRB_H

#include <llvm-c/Core.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the builder stands. */
LLVMContextRef irb_context(LLVMBuilderRef b);
LLVMModuleRef  irb_module(LLVMBuilderRef b);
LLVMValueRef   irb_function(LLVMBuilderRef b);
/* A new function that only this module calls; not inlined, does not unwind. */
LLVMValueRef irb_internal_function(LLVMModuleRef module, const char *name, LLVMTypeRef type);

/* Types and constants. `type` is an integer, a float type or a vector of one (then every lane gets the value). */
LLVMTypeRef  irb_vector_type(LLVMTypeRef elem, int lanes); /* the element type itself for one lane */
LLVMTypeRef  irb_elem_type(LLVMTypeRef type);
int          irb_lanes(LLVMTypeRef type);                       /* 1 for a scalar */
LLVMTypeRef  irb_with_elem(LLVMTypeRef type, LLVMTypeRef elem); /* the lanes of `type`, of another element */
int          irb_elem_bytes(LLVMTypeRef type);
LLVMTypeRef  irb_int_like(LLVMBuilderRef b, LLVMTypeRef type); /* integers as wide as the floats of `type` */
LLVMValueRef irb_i64(LLVMBuilderRef b, int64_t value);
LLVMValueRef irb_int(LLVMTypeRef type, uint64_t value);
LLVMValueRef irb_real(LLVMTypeRef type, double value);
LLVMValueRef irb_zero(LLVMTypeRef type);
LLVMValueRef irb_iota(LLVMTypeRef elem, int lanes);       /* <0, 1, 2, ...> */
bool         irb_const(LLVMValueRef value, int64_t *out); /* whether value is a constant integer */

/* Arithmetic on i64. */
LLVMValueRef irb_add(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef irb_sub(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef irb_mul(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef irb_min(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y); /* signed */
LLVMValueRef irb_max(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y);
LLVMValueRef irb_ceil_div(LLVMBuilderRef b, LLVMValueRef x, LLVMValueRef y); /* x >= 0, y > 0 */
LLVMValueRef irb_round_up(LLVMBuilderRef b, LLVMValueRef x, int64_t multiple);

/* Vectors. */
LLVMValueRef irb_splat(LLVMBuilderRef b, LLVMValueRef scalar, int lanes); /* the scalar itself for one lane */
/* Lanes [from, from + count) of a vector; the element for one lane. */
LLVMValueRef irb_lanes_from(LLVMBuilderRef b, LLVMValueRef v, int from, int count);
LLVMValueRef irb_mask_below(LLVMBuilderRef b, LLVMValueRef count, int lanes); /* <lanes x i1>: lane < count (i64) */

/* Memory, in elements from `base`. */
LLVMValueRef irb_at(LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef base, LLVMValueRef index);
/* The same where it, or `base`, may lie outside of the memory it is about: nothing is read there. */
LLVMValueRef irb_near(LLVMBuilderRef b, LLVMTypeRef elem, LLVMValueRef base, LLVMValueRef index);
LLVMValueRef irb_load(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef pointer);    /* aligned to the element */
void         irb_store(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer); /* aligned to the element */
/* Past the caches; aligned to the whole vector. A fence must follow before others read it. */
void         irb_store_streamed(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer);
void         irb_fence(LLVMBuilderRef b);
LLVMValueRef irb_masked_load(LLVMBuilderRef b, LLVMTypeRef type, LLVMValueRef pointer,
                             LLVMValueRef mask); /* others 0 */
void         irb_masked_store(LLVMBuilderRef b, LLVMValueRef value, LLVMValueRef pointer, LLVMValueRef mask);
LLVMValueRef irb_variable(LLVMBuilderRef b, LLVMTypeRef type);           /* an alloca at the function's entry */
typedef enum PrefetchFor { TO_READ, TO_READ_FAR, TO_WRITE } PrefetchFor; /* far: not so soon, into the second cache */
void irb_prefetch(LLVMBuilderRef b, LLVMValueRef pointer, PrefetchFor use); /* past any end is harmless */

/* An intrinsic overloaded on one type, such as llvm.fma; NULL: on none. */
LLVMValueRef irb_intrinsic(LLVMBuilderRef b, const char *name, LLVMTypeRef overload, LLVMValueRef *args, int n_args);

/* for (index = lo; index < hi; index += step) with values carried from turn to turn (phis):
 *     Loop loop = loop_begin(b, lo, hi, step);
 *     LLVMValueRef sum = loop_carry(&loop, b, start);   // before anything else is emitted in the body
 *     ...
 *     loop_next(&loop, 0, new_sum);
 *     loop_end(&loop, b);                                // the builder stands after the loop
 *     use(loop.result[0]);
 * The body may contain any control flow. The loop is tested before its first turn, and marked not to be unrolled. */
enum { LOOP_MAX_CARRIED = 40 };
typedef struct Loop {
    LLVMValueRef      index, step, hi;
    LLVMBasicBlockRef before, body, after;
    int               n_carried;
    LLVMValueRef carried[LOOP_MAX_CARRIED], start[LOOP_MAX_CARRIED], next[LOOP_MAX_CARRIED], result[LOOP_MAX_CARRIED];
    bool         always; /* known to run at least once */
} Loop;
Loop         loop_begin(LLVMBuilderRef b, LLVMValueRef lo, LLVMValueRef hi, LLVMValueRef step);
LLVMValueRef loop_carry(Loop *loop, LLVMBuilderRef b, LLVMValueRef start);
void         loop_next(Loop *loop, int which, LLVMValueRef value);
void         loop_end(Loop *loop, LLVMBuilderRef b);

/* if (condition) { ... } else { ... }; no else part needed. */
typedef struct Branch {
    LLVMBasicBlockRef otherwise, after;
    bool              has_else;
} Branch;
Branch branch_begin(LLVMBuilderRef b, LLVMValueRef condition);
void   branch_unlikely(LLVMBasicBlockRef before); /* the branch that ends this block is hardly ever taken */
void   branch_else(Branch *branch, LLVMBuilderRef b);
void   branch_end(Branch *branch, LLVMBuilderRef b);

#endif
