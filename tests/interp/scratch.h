/* A program made by hand, for tests: its graph, its slots with random values, and the interpreter's arguments for it. */
#ifndef NNC_TESTS_SCRATCH_H
#define NNC_TESTS_SCRATCH_H

#include "compilation.h"
#include "interp/interp.h"

enum { MAX_SCRATCH = 64 };

typedef struct Scratch {
    Compilation c;
    Arena      *arena;
    Program    *program;
    Graph      *graph;
    DimTable   *dims;
    uint64_t    rng;
    int64_t     symbols[MAX_SCRATCH];
    Tensor      slots[MAX_SCRATCH]; /* the values, by slot */
} Scratch;

Scratch *scratch_new(uint64_t seed);
void     scratch_free(Scratch *s);

const Dim *scratch_symbol(Scratch *s, const char *name, int64_t value);
const Dim *scratch_dim(Scratch *s, int64_t value);
Type       scratch_type(ElemType elem, int rank, const Dim *const *dims);
/* A new slot, read. Its values are drawn from (-2, 2). */
Node *scratch_slot(Scratch *s, const Type *type);
Fn   *scratch_fn(Scratch *s, FnKind kind, const char *name);
void  scratch_result(Scratch *s, Fn *fn, Node *value);
void  scratch_update(Scratch *s, Fn *fn, int slot, Node *value);

InterpArgs scratch_args(const Scratch *s);

uint64_t scratch_random(Scratch *s);           /* 64 bits */
int      scratch_below(Scratch *s, int limit); /* 0 .. limit - 1 */
double   scratch_real(Scratch *s, double low, double high);

#endif
