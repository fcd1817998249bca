/* Kernels and their memory: what fusion decides and code generation carries out.
 *
 * A function's graph is cut into kernels. Each node of the graph is one of
 *   located    its value is in memory when the kernel runs: an input, a slot, a result, a workspace buffer (FnPlan.located);
 *   kept       computed by the kernel at hand: a reduction of it, or its contraction;
 *   inlined    anything else: recomputed where it is used, by emitting its expression at the index asked for. Movement ops
 *              only change that index; GATHER reads its index first; elementwise ops go through op_lower.
 * A located node that the kernel itself stores is computed by it (and memoised), never loaded: loads are for what was in memory when
 * the kernel started. Within one iteration (vector of points, row, finish) all values are evaluated before the first is
 * stored, because an update reads its slot's old value at the same index.
 * So code generation is one recursive function, value_at(node, index), under a few loop templates, and every template's
 * anchors (loads, the register tile before its store, a finished row) are calls of it.
 *
 * TEMPLATE_LOOP   rows x inner. For each row (flattened row-major over `rows`; the unit of parallel work is a block of rows)
 *                 `n_passes` loops over the inner dims (vector lanes run along the last inner dim). Levels:
 *                   POINT   a value at (row..., inner...): node dims == rows ++ inner
 *                   ROW     a value a row: node dims == rows
 *                   COLUMN  a value an inner index, summed over all rows: node dims == inner
 *                   TOTAL   one value, summed over everything: rank 0
 *                   SPREAD  a few values a point, put together of point values along one axis more of known length: node dims ==
 *                           rows ++ inner with that axis between
 *                 With no rows it has one row; with no dims at all it is a scalar kernel. Reductions to COLUMN and TOTAL are partial sums by
 *                 block of rows (blocks cut by shape only), added in block order after all units are done; then the COLUMN and
 *                 TOTAL stores run (the "finish"), on the calling thread.
 *                 `flat`: every load and store is at the identity index of the same shape or a rank-0 value, or the space has one dim, so the
 *                 kernel may run as one linear loop over the whole space.
 * TEMPLATE_CONTRACT  `dot` through codegen/contract.h; its stores are POINT stores over the dot's output dims (batch, left free,
 *                 right free; with `moved` those of what movement ops make of it), evaluated on the register tile with the dot's
 *                 value kept. Sums over its rows (the left free dims) of what it alone makes are COLUMN values, with a finish, as in a loop. Operands that are not located are load anchors.
 *                 With `groups` the first right free axis has so many indices, and values that read the dot's elements of all of them
 *                 are computed here, too (the gates of a cell, each a group of columns):
 *                   GROUP   node dims == the dot's without that axis
 * TEMPLATE_SCATTER  `scatter` = SCATTER_ADD: zero (then) add rows in index order into dest; partition over the trailing dims, or over
 *                 parts of the index that the shape says, whose sums are added up in their order.
 * TEMPLATE_SCAN   `scan`: the kernels of `body`, a plan of its own, once a step. The body's inputs are LOCALs (LOC_LOCAL: carries,
 *                 slices, captures, then the index), its results the next carries and the emits; stores are of the SCAN's PICKs.
 */
#ifndef NNC_PLAN_KERNEL_H
#define NNC_PLAN_KERNEL_H

#include <stdio.h>

#include "base/map.h"
#include "compilation.h"
#include "ir/program.h"

typedef enum LocationKind {
    LOC_WORKSPACE,
    LOC_INPUT,
    LOC_SLOT,
    LOC_RESULT,
    LOC_LOCAL,
    LOC_KEY /* codegen's: no place, but the key of the draw that node `ref` is, so that draws differ in an operand alone */
} LocationKind;

typedef struct Location {
    LocationKind kind;
    int          ref;    /* buffer, input, slot, result or local index */
    int          offset; /* elements; 1 for the weight of a loss (LOC_RESULT), else 0 */
} Location;

typedef enum Template { TEMPLATE_LOOP, TEMPLATE_CONTRACT, TEMPLATE_SCATTER, TEMPLATE_SCAN } Template;
typedef enum Level { LEVEL_POINT, LEVEL_ROW, LEVEL_COLUMN, LEVEL_TOTAL, LEVEL_GROUP, LEVEL_SPREAD } Level;

typedef struct Reduction {
    Node *node; /* SUM, REDUCE_MAX or ARGMAX; its input is at level `from` */
    Level from,
        to; /* POINT -> ROW (over inner), POINT -> COLUMN (over rows), POINT or ROW -> TOTAL; only SUM goes to COLUMN and TOTAL */
    int pass; /* accumulated in this pass (from ROW: after it); ROW values are available from pass + 1 on */
} Reduction;

typedef struct Store {
    Node    *node;
    Level    level;
    int      pass; /* POINT: during this pass; ROW: after this pass; COLUMN, TOTAL: the finish */
    Location to;
    Type     type;   /* of the destination: elements are converted (a bool result is one byte 0 or 1) */
    bool     passed; /* of a product with a tail: nobody but the tail reads it */
} Store;

/* A POINT value computed in one pass and used in later ones too, worth keeping (registers or per-worker scratch row). */
typedef struct Kept {
    Node *node;
    int   pass;
} Kept;

/* A product of which only the elements with index(low) + low_start <= index(high) + high_start matter: the others of its result are not looked
 * at, or those of an operand are 0. The axes: the left or right operand's free one, or the contracted one. */
typedef enum ProductAxis { PRODUCT_NONE, PRODUCT_LEFT, PRODUCT_RIGHT, PRODUCT_DEPTH } ProductAxis;
typedef struct Triangle {
    ProductAxis low, high;              /* NONE: all elements matter */
    Node       *low_start, *high_start; /* i64; NULL: 0 */
} Triangle;

/* Of the elements along one axis, the last inner one of a loop, `low` of a product's triangle, only those below
 * rows + high_start - low_start are looked at, and so many beyond them. The others are not computed. */
typedef struct Clip {
    const Dim *rows; /* NULL: all are computed */
    Node      *low_start, *high_start;
    int        beyond;
} Clip;

typedef struct Kernel {
    Template template;
    int         index; /* position in FnPlan.kernels */
    const char *name;  /* "train_3_row": for symbols and dumps; unique in the program */
    int         n_rows, n_inner;
    const Dim  *rows[MAX_RANK], *inner[MAX_RANK];
    int         n_passes;
    bool        flat;
    int window; /* elements of a window that each point adds up, or that sums over rows are of; 0: none, or other values, too */
    VEC(Reduction) reductions; /* in dependency order */
    VEC(Kept) kept;
    VEC(Store) stores; /* in order */
    Node *dot;         /* TEMPLATE_CONTRACT */
    Node *moved;       /* what a PERMUTE, or a RESHAPE of one, makes of `dot`: points are its; NULL: the dot's own */
    bool  packed; /* a loop's step: the product's columns are the same at all steps and are packed before the first */
    int   groups; /* TEMPLATE_CONTRACT with values at LEVEL_GROUP: how many; else 0 */
    bool  swap;   /* compute the transposed product, so that lanes run along the left free dims */
    int turned; /* ... of so many, in tiles that are transposed before they are stored; 0: as they are. Code generation's choice */
    Triangle       triangle;
    Clip           clip;
    Node          *scatter; /* TEMPLATE_SCATTER */
    Node          *scan;    /* TEMPLATE_SCAN */
    struct FnPlan *body;    /* of its steps */
    int row_symbol; /* TEMPLATE_SCAN: the symbolic dim of whose indices each has steps of its own (scan_rows.c); -1: none */
    struct Kernel *
        tail; /* of a product of images: the next kernel, a loop whose rows of a chunk of images may run when it is stored */
    int64_t
        tail_band; /* of an image's rows, so many are needed for one of the tail's, one after the other; 0: not known */
    bool       tail_columns;            /* each column of the tail's is made of the same one of the product's alone */
    const Dim *flops, *bytes, *lookups; /* counts, in the symbolic dims; of places found through an index */
} Kernel;

typedef struct Buffer { /* a tensor in the workspace */
    Node *node;
    Type  type;
    int   first, last; /* kernels that write it first and use it last */
    int   over;     /* the buffer whose memory it takes, which its kernel reads for the last time; -1: its own place */
    VEC(int) below; /* buffers that live at the same time and lie directly below it */
    int64_t     offset; /* at nominal sizes; at run time the largest end of those below */
    const char *why;    /* why it is in memory, for --emit=plan */
} Buffer;

enum { PLACE_ALIGNMENT = 64 }; /* bytes, of buffers in the workspace; per-kernel scratch lies behind them */

typedef struct FnPlan {
    const Fn   *fn;
    const Scan *scan;      /* whose body this is; NULL: a function's */
    VEC(Kernel *) kernels; /* in execution order */
    VEC(Buffer) buffers;
    VEC(int) places; /* the buffers with a place of their own, each after those that lie below it */
    int64_t nominal; /* bytes of the buffers at nominal sizes */
    Map    *located; /* Node * -> Location * ; RESHAPEs of located nodes included */
} FnPlan;

typedef struct Plan {
    const Program *program;
    VEC(FnPlan *) fns;
} Plan;

/* Requires: an optimised program. Provides: its kernels, buffers still without places. */
Plan *kernels_from_graph(Compilation *c, Program *program);
/* Requires: kernels. Provides: places. */
void plan_from_kernels(Compilation *c, Plan *plan);

/* Of an index of the node's inputs, the component that is component `axis` of the node's own (what an OP_SLIDE along it makes of it); -1: none is. */
int node_axis_below(const Node *node, int axis);

/* The axis by which `type` has more than `dims`, few and a known number of indices of it; -1 where there is none. */
enum { SPREAD_MOST = 8 };
int spread_axis(const Type *type, const Type *dims);

/* Results of a loop that its body's plan computes, in order: all but emits of carries, whose stacks the steps' carries are themselves. */
int scan_emitted_carry(const Scan *scan, int result); /* the carry that this result stacks, else -1 */
int scan_planned_result(const Scan *scan, int index); /* the loop's result that is result `index` of the body's plan */

/* Whether a carry's next value may be written over it. */
bool carry_stays(Arena *arena, const FnPlan *body, const Scan *scan, int carry);

Location *node_location(const FnPlan *plan, const Node *node); /* NULL: not in memory */
/* Whether `kernel` reads the value in memory: a value that it itself puts there is not there yet, nor is a reshape of one. */
bool kernel_loads(const FnPlan *plan, const Kernel *kernel, const Node *node);

void kernels_print(const Plan *plan, FILE *out); /* --emit=kernels */
void plan_print(const Plan *plan, FILE *out);    /* --emit=plan */

#endif
