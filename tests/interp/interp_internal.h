/* Inside tests/interp/. */
#ifndef NNC_TESTS_INTERP_INTERNAL_H
#define NNC_TESTS_INTERP_INTERNAL_H

#include "interp/interp.h"
#include "ops/lower.h"

struct Interp {
    Arena            *arena;
    const Program    *program;
    const InterpArgs *args;
    Tensor          **values; /* by node id; NULL: not known yet */
    int               n_values;
    const char       *error;
};

/* One instruction on scalars of an element type, wrapped to its width. */
double scalar_math(MathFn fn, ElemType elem, const double *operands);
double scalar_convert(ElemType to, double value);
int    scalar_operands(MathFn fn);

/* `in` holds the inputs' values; `out` has the node's type and shape, zeroed. */
void eval_elementwise(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
void eval_reduction(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
void eval_movement(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
void eval_indexed(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
void eval_dot(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
void eval_random(Interp *interp, const Node *node, Tensor *out);

/* Copies `rank` dims from one strided place to another; strides in elements. */
void copy_strided(int rank, const int64_t *dims, double *to, const int64_t *to_strides, const double *from,
                  const int64_t *from_strides);
void row_major(int rank, const int64_t *dims, int64_t *strides);
/* The tensor's elements with its axes in the order given. */
double *copy_permuted(Interp *interp, const Tensor *tensor, const int *axes);

int64_t interp_dim(Interp *interp, const Dim *dim);

#endif
