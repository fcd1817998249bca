/* Ops and their facts, from ops/ops.def. */
#ifndef NNC_IR_OP_H
#define NNC_IR_OP_H

#include <stdbool.h>

typedef enum Op {
#define OP(id, name, arity, attr, class, shape, gradient, lowering, domain, doc) OP_##id,
#include "ops/ops.def"
#undef OP
    OP_COUNT
} Op;

typedef enum OpClass { SOURCE, ELEMENTWISE, REDUCTION, MOVEMENT, INDEXED, CONTRACTION, LOOP, EFFECT } OpClass;

typedef enum AttrKind {
    ATTR_NONE,
    ATTR_VALUE,   /* double value */
    ATTR_ELEM,    /* the element type is the node's own */
    ATTR_DIM,     /* const Dim *dim */
    ATTR_AXIS,    /* int axis */
    ATTR_AXES,    /* list of axes */
    ATTR_OFFSETS, /* one Dim an axis */
    ATTR_SLIDE,   /* how one axis is stepped along */
    ATTR_DOT,     /* batch and contracted axes of both sides */
    ATTR_REF,     /* an index into a table of the program */
    ATTR_RANDOM,  /* the key of a random source */
    ATTR_SCAN,    /* the body of a loop */
} AttrKind;

typedef enum Domain { DOMAIN_none, DOMAIN_any, DOMAIN_positive, DOMAIN_nonzero, DOMAIN_unit, DOMAIN_apart } Domain;

#endif
