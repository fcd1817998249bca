/* Shared by the files of the operators. */
#ifndef NNC_SEMA_OPERATORS_H
#define NNC_SEMA_OPERATORS_H

#include "sema/elab.h"

typedef enum OpShape { PLAIN, COMPARISON } OpShape;

typedef struct OperatorRow {
    const char *text;
    BinaryOp    plain; /* a dotted operator's undotted form */
    bool        dotted;
    OpShape     shape;
    Op          op;
    bool        swap; /* a > b is b < a */
} OperatorRow;

typedef struct Operands {
    const OperatorRow *row;
    Value              a, b;
    Span               at, left, right;
} Operands;

/* Operators on two dims, one of which may be a number; on two numbers. Poison, with a diagnostic at `at`, where the result has
 * no value: it overflows 64 bits, divides by zero, or depends on what the dims will be. */
Value operator_on_dims(Elab *e, const Operands *o);
Value operator_compares_dims(Elab *e, const Operands *o);
Value operator_on_numbers(Elab *e, const Operands *o, double a, double b);

/* Reports an integer that overflows. */
Value operator_overflow(Elab *e, Span at);

#endif
