/* Elements of a file to elements of an input. A conversion is accepted where every value survives it exactly (u8 to
 * f32, i64 labels to i32); whether it does is checked once when data is loaded, so that the copying of batches can
 * just copy. */
#ifndef NNRT_EXTRAS_CONVERT_H
#define NNRT_EXTRAS_CONVERT_H

#include <stdbool.h>

#include "nnrt.h"

/* Index of the first element that `to` cannot hold or that is not finite; -1 when all are fine. */
int64_t nnrt_convert_check(const void *data, int from, int64_t count, int to);

/* Copies `count` elements, converting. */
void nnrt_convert(const void *data, int from, void *out, int to, int64_t count);

#endif
