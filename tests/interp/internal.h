/* What the interpreter's files share. */
#ifndef NNC_TESTS_INTERP_INTERNAL_H
#define NNC_TESTS_INTERP_INTERNAL_H

#include "base/map.h"
#include "interp/interp.h"
#include "ops/lower.h"

struct Interp {
    Arena            *arena;
    const InterpArgs *args;
    const Program    *program;
    Map              *values;  /* Node * -> Tensor * */
    Map              *results; /* SCAN -> Tensor[] */
    const char       *error;
};

/* lower.c: `out` = the elementwise node of its inputs' values. */
void interp_elementwise(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
/* One reduction step, by the op's own rule. */
double interp_combine(MathFn fn, ElemType elem, double a, double b);

/* Row-major strides of a tensor. */
void strides_of(const Tensor *tensor, int64_t strides[MAX_RANK]);
/* The offsets of all points of a box, in row-major order: sums of index * stride. `*count` gets their number. */
int64_t *box_offsets(Arena *arena, int rank, const int64_t *dims, const int64_t *strides, int64_t *count);

/* An op's implementation on whole tensors. */
typedef void InterpRule(Interp *interp, const Node *node, const Tensor *const *in, Tensor *out);
InterpRule   interp_reduce, interp_argmax, interp_reshape, interp_permute, interp_expand, interp_slice,
    interp_dynamic_slice, interp_pad, interp_concat, interp_slide, interp_gather, interp_scatter_add, interp_dot,
    interp_scan, interp_pick;

/* scan.c: the results of a SCAN, for its PICKs. */
static inline void interp_keep_results(Interp *interp, const Node *scan, Tensor *results) {
    map_set(interp->results, scan, results);
}
static inline const Tensor *interp_results(const Interp *interp, const Node *scan) {
    return map_get(interp->results, scan);
}

#endif
