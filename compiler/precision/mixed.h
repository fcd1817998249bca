/* `precision = mixed(bf16)` and `mixed(f16)`: which values have 16 bits.
 *
 * Products have: what a contraction reads is rounded to the program's `products` type (sums are of f32), and so is what it gives,
 * forwards and backwards. The exceptions are gradients of what depends on no data, parameters above all, which stay as they were
 * summed; products of what depends on no data; and whatever is no part of the model: optimizers, metrics, initial values, `fit`.
 * Everything between contractions is computed in f32 registers; a value that a contraction reads is kept in 16 bits alone, so that
 * everybody reads the same one.
 *
 * Both passes only insert CASTs, so that all later ones need to know nothing of this. */
#ifndef NNC_PRECISION_MIXED_H
#define NNC_PRECISION_MIXED_H

#include "compilation.h"
#include "ir/program.h"

/* Requires: gradients not yet added. Rounds the operands and results of the model's contractions, so that those of the backward pass
 * are rounded too once autodiff makes them. */
void products_round(Compilation *c, Program *program);

/* Requires: gradients added. Whoever reads a value that some contraction reads rounded reads it rounded. */
void products_share(Compilation *c, Program *program);

/* Inside precision/: by node id, whether a node depends on inputs or random numbers, or on the incoming gradient of a custom one. */
enum { OF_DATA = 1, OF_COTANGENT = 2 };
const unsigned char *data_marks(Compilation *c, const Graph *graph);

#endif
