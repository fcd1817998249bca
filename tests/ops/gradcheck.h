/* The gradient check: what a builder makes and how rows find theirs. */
#ifndef NNC_TESTS_GRADCHECK_H
#define NNC_TESTS_GRADCHECK_H

#include "interp/scratch.h"

typedef struct Check {
    Scratch   *s;
    Graph     *graph;
    const Dim *n, *m; /* symbolic dims */
    int        drawn; /* how many values of domain `apart` have been drawn */
} Check;

/* A parameter with values from a domain, real and checked. */
Node *check_param(Check *check, Domain domain, int rank, const Dim *const *dims);

/* An output of the op for this variant, or NULL when there are no more. */
typedef Node *Builder(Check *check, int variant);

/* The builder of an op whose attributes need choosing, or NULL. */
Builder *check_builder(Op op);

#endif
