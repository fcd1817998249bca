/* Dims: integer polynomials over the model's symbolic dims, with floor division as an opaque atom, in normal form and
 * hash-consed: two dims are provably equal exactly when their pointers are equal. */
#ifndef NNC_IR_DIM_H
#define NNC_IR_DIM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

typedef struct Dim      Dim;
typedef struct DimTable DimTable; /* owns dims and the symbols' names */

DimTable *dim_table_new(Arena *arena);

const Dim *dim_const(DimTable *table, int64_t value);
/* A new symbol; two calls make two different symbols even for the same name. Its index counts from 0. */
const Dim  *dim_symbol_new(DimTable *table, const char *name);
int         dim_symbol_count(const DimTable *table);
const Dim  *dim_symbol(const DimTable *table, int index);
const char *dim_symbol_name(const DimTable *table, int index);

/* Arithmetic. NULL when a coefficient would overflow 64 bits (the caller reports it). */
const Dim *dim_add(DimTable *table, const Dim *a, const Dim *b);
const Dim *dim_sub(DimTable *table, const Dim *a, const Dim *b);
const Dim *dim_mul(DimTable *table, const Dim *a, const Dim *b);
/* floor(a / b); exact polynomial division where it divides, else an atom. b must not be the constant 0. */
const Dim *dim_floordiv(DimTable *table, const Dim *a, const Dim *b);
const Dim *dim_mod(DimTable *table, const Dim *a, const Dim *b); /* a - b * (a // b) */

bool dim_is_const(const Dim *dim, int64_t *value); /* value may be NULL */
bool dim_is_one(const Dim *dim);
/* The value under `values[symbol index]`; false on overflow or division by zero. */
bool dim_eval(const Dim *dim, const int64_t *values, int64_t *result);
/* True when a <= b for all symbol values within 1 .. bounds[i] (bounds[i] < 0: unbounded). Conservative. */
bool dim_provably_le(DimTable *table, const Dim *a, const Dim *b, const int64_t *bounds);
/* "16*k + 1", in the symbols' names. */
const char *dim_print(Arena *arena, const Dim *dim);

/* Reading a dim's terms, for code generation: sum of coefficient * product of atoms. */
typedef struct DimAtom {
    int        symbol; /* >= 0: a symbol; -1: numerator // denominator */
    const Dim *numerator, *denominator;
} DimAtom;
typedef struct DimTerm {
    int64_t        coefficient;
    int            n_atoms; /* with repetition; 0 is the constant term */
    const DimAtom *atoms;
} DimTerm;
int            dim_term_count(const Dim *dim); /* the constant 0 has none */
const DimTerm *dim_term(const Dim *dim, int index);

#endif
