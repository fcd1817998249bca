/* An interpreter of the tensor graph, the tests' oracle: floats of every type are computed in double and never rounded to their own
 * type, integers as their type wraps. Elementwise ops run through their lowering rules, so what is compared with compiled code is the
 * rule's execution and not a second rule.
 *
 *     InterpArgs args = {.symbols = dims, .inputs = inputs, .slots = slots, .seed = 1};
 *     InterpRun  run  = interp_run(arena, program, fn, &args);
 *     if (run.error) fail(run.error);
 *
 * Tensors are row-major and live in the caller's arena. */
#ifndef NNC_TESTS_INTERP_INTERP_H
#define NNC_TESTS_INTERP_INTERP_H

#include "ir/program.h"

typedef struct Tensor {
    ElemType elem;
    int      rank;
    int64_t  dims[MAX_RANK];
    int64_t  count; /* product of dims */
    double  *data;  /* of integers and bool too: exact up to 2^53 */
} Tensor;

typedef struct InterpArgs {
    const int64_t *symbols; /* values of the dims' symbols, by index */
    const Tensor  *inputs;  /* by INPUT's ref */
    const Tensor  *slots;   /* by READ's ref: values at entry; those never read may have no data */
    uint64_t       seed, pass;
    int64_t        runtime[3]; /* by RuntimeValue */
} InterpArgs;

typedef struct InterpRun {
    Tensor     *results; /* one a result */
    Tensor     *weights; /* one a result; without data where it has none */
    Tensor     *updates; /* one an update of the function */
    const char *error;   /* "index 7 of 5 rows": the step would stop with an error; else NULL */
} InterpRun;

InterpRun interp_run(Arena *arena, const Program *program, const Fn *fn, const InterpArgs *args);

/* Single nodes: values are kept, so that shared nodes are computed once. */
typedef struct Interp Interp;
Interp               *interp_new(Arena *arena, const Program *program, const InterpArgs *args);
void                  interp_give(Interp *interp, const Node *node, Tensor value); /* instead of computing it */
Tensor                interp_value(Interp *interp, Node *node);
const char           *interp_error(const Interp *interp); /* the first one, or NULL */

/* A zeroed tensor; its dims from the type under the symbols' values. */
Tensor tensor_new(Arena *arena, const Type *type, const int64_t *symbols);

#endif
