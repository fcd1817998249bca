/* An interpreter of the tensor graph, the tests' oracle: floats of every type are computed in double and never rounded to their own
 * type, integers exactly as their type wraps. Elementwise ops run through their lowering rules, so what is compared with compiled code is the
 * rule's execution and not a second rule.
 *
 *     InterpArgs args = {.symbols = dims, .inputs = inputs, .slots = slots, .seed = 1};
 *     InterpOutcome outcome;
 *     if (!interp_run(arena, program, fn, &args, &outcome)) fail(outcome.error);
 *
 * Tensors are row-major and live in the caller's arena. */
#ifndef NNC_TESTS_INTERP_INTERP_H
#define NNC_TESTS_INTERP_INTERP_H

#include "ir/program.h"

typedef union Scalar { /* by the tensor's element type: real for floats, integer for integers and bool */
    double  real;
    int64_t integer;
} Scalar;

typedef struct Tensor {
    ElemType elem;
    int      rank;
    int64_t  dims[MAX_RANK];
    int64_t  count; /* product of dims */
    Scalar  *data;
} Tensor;

typedef struct InterpArgs {
    const int64_t       *symbols; /* values of the dims' symbols, by index */
    const Tensor *const *inputs;  /* by INPUT's ref */
    const Tensor *const *slots;   /* by READ's ref: values at entry; those never read may be NULL */
    uint64_t             seed, pass;
    int64_t              runtime[3]; /* by RuntimeValue */
} InterpArgs;

typedef struct InterpOutcome {
    const Tensor **values;  /* one a result */
    const Tensor **weights; /* one a result, NULL where it has none */
    const Tensor **updates; /* one an update of the function */
    const char    *error;   /* "index 7 of 5 rows", NULL when all is well */
} InterpOutcome;

/* Runs a function. False when the step would stop with an error. */
bool interp_run(Arena *arena, const Program *program, const Fn *fn, const InterpArgs *args, InterpOutcome *outcome);

/* Single nodes: values are kept, so that shared nodes are computed once. */
typedef struct Interp Interp;
Interp               *interp_new(Arena *arena, const InterpArgs *args);
const Tensor         *interp_value(Interp *interp, Node *node);
const char           *interp_error(const Interp *interp); /* the first one, or NULL */

/* Tensors: zeroed; dims from a type under the symbols' values. */
Tensor *tensor_new(Arena *arena, ElemType elem, int rank, const int64_t *dims);
Tensor *tensor_of_type(Arena *arena, const Type *type, const int64_t *symbols);
double  tensor_real(const Tensor *tensor, int64_t index); /* the element as a double, of any type */

#endif
