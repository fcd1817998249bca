/* Inside the loop template (plan/kernel.h): rows x inner, row and whole-space reductions. */
#ifndef NNC_CODEGEN_LOOP_H
#define NNC_CODEGEN_LOOP_H

#include "codegen/emit.h"

enum {
    LOOP_PARTS    = 4,  /* accumulators of a reduction that run side by side */
    LOOP_STRAIGHT = 8,  /* vectors in a row, up to which the row is straight-line code */
    LOOP_PERIOD   = 4,  /* rows of a turn at most */
    LOOP_TOGETHER = 8,  /* indices of a window's last axis at most that are straight-line code */
    LOOP_COLUMNS  = 12, /* column sums that a straight row keeps in registers at most */
};

/* Sizes of a kernel, in the block that `dims` belongs to. */
typedef struct LoopSpace {
    LLVMValueRef rows, row_elements, rows_per_unit, units;
    LLVMValueRef flat_block;           /* elements of a unit of a flat kernel */
    LLVMValueRef offsets[MAX_CARRIED]; /* by reduction: its partial sums in the shared scratch, in bytes */
    LLVMValueRef shared_bytes, kept_bytes;
} LoopSpace;
LoopSpace loop_space(const Kernel *kernel, DimEnv *dims);
/* Of a contraction that keeps sums over rows: blocks of rows as units, and where their partial sums are. */
LoopSpace matmul_space(Emit *e, const Kernel *kernel, const struct ContractPlan *plan, DimEnv *dims);
int64_t   loop_nest(const Kernel *kernel); /* units hold whole multiples of so many rows */

/* [low, high) of the last two of the rows' dims; the first of them may be empty: any. */
typedef struct RowBounds {
    int64_t low[2], high[2];
} RowBounds;

typedef struct LoopEmit LoopEmit;
struct LoopEmit {
    KernelEmit   *k;
    const Kernel *kernel;
    LoopSpace     space;
    int           lanes, parts; /* lanes of a vector; accumulators of a POINT reduction */
    bool          straight;
    int64_t       nest;    /* rows of the inner of two loops over rows; 1: there is one loop */
    int           period;  /* of them, those in a turn */
    int           beside;  /* ... and those whose points are computed together, as they share elements of windows */
    Beside       *besides; /* their indices */
    int together; /* ... and indices of the inner axis before the last that are computed together with them; 0: it is a loop */
    int          n_inner; /* inner dims but those of extent 1 at the end; lanes run along the last of them */
    int64_t      last;    /* its extent, -1: symbolic */
    LLVMValueRef clip;    /* of it, the first index that is not computed; NULL: all are */
    Index        index[MAX_RANK];
    int          vectors;              /* of a straight row */
    int          vector;               /* of them, the one at hand */
    int          sets, set;            /* of sums of columns, each of every so manieth row; the one at hand */
    bool         across;               /* lanes run over rows, and a row's few columns are straight-line code */
    bool         columns_in_registers; /* a column's sums are carried by the loop over rows, one accumulator a vector */
    Accumulator *acc;                  /* reductions x LOOP_STRAIGHT */
    LLVMValueRef *partials;            /* by reduction: pointer to its partial sums (to COLUMN, TOTAL) */
    LLVMValueRef  unit;
    int           pass;
    void (*point)(LoopEmit *l, int part); /* the body at l->index */
};

LoopEmit loop_new(KernelEmit *k);
void     loop_row(LoopEmit *l, Scope *row);              /* all passes over the row at l->index */
bool     loop_computes(const void *k, const Node *node); /* the KernelEmit's kernel, rather than load it */
NodeVec  loop_nodes(const KernelEmit *k);                /* what it computes, and loads for that */
/* The values that a loop in this pass (-1: the loop over rows) carries. */
typedef struct Carry {
    int           n;
    LLVMValueRef *slot[MAX_CARRIED];
} Carry;
Carry loop_carry_set(LoopEmit *l, int pass);
void  loop_carry_begin(LoopEmit *l, ScopedLoop *loop, Carry *carry, Scope *parent, LLVMValueRef low, LLVMValueRef high,
                       int64_t step);
void  loop_carry_end(LoopEmit *l, ScopedLoop *loop, Carry *carry);

void loop_store_point(LoopEmit *l); /* loop_spread.c: of the pass at hand */

/* loop_across.c: lanes over rows of few columns */
bool across_fits(const LoopEmit *l);
void across_begin(LoopEmit *l);
void across_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high);
void across_columns(LoopEmit *l, int axis);
void across_store_points(LoopEmit *l);
void across_store_columns(LoopEmit *l, Scope *scope);

void loop_row_pass(LoopEmit *l, Scope *row, int pass); /* loop.c: one pass over the row at l->index */

/* loop_rows.c: rows [low, high); the index of a row, of the first `n` of the rows' dims */
void loop_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high);
void loop_row_index(LoopEmit *l, int n, LLVMValueRef row, Scope *scope);

/* loop_sets.c: sums of few columns, several rows a turn */
int  sets_pick(const LoopEmit *l);
void sets_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high);
void sets_merge(LoopEmit *l, Scope *scope, int reduction);

/* loop_ahead.c: whether rows are of a length and in an order that passes can be arranged for; elements from what a pass over `rows` rows
 * side by side loads to what it asks for, 0: nothing */
bool    ahead_plain_rows(const LoopEmit *l);
int64_t ahead_elements(const LoopEmit *l, int pass, int rows);

/* loop_abreast.c: two rows at a time, pass by pass */
bool abreast_fits(const LoopEmit *l);
void abreast_rows(LoopEmit *l, Scope *parent, LLVMValueRef low, LLVMValueRef high);

/* Runs l->point over the inner dims from `axis` on. */
void         loop_inner(LoopEmit *l, Scope *parent, int axis);
void         loop_vectors(LoopEmit *l, Scope *parent, int axis, LLVMValueRef low, LLVMValueRef high);
LLVMValueRef loop_partial_at(LoopEmit *l, LLVMBuilderRef b, int reduction, LLVMValueRef unit); /* its first element */

#endif
