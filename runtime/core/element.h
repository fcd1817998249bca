/* Element types: size, name and value as a number. */
#ifndef NNRT_CORE_ELEMENT_H
#define NNRT_CORE_ELEMENT_H

#include <stdbool.h>

#include "nnrt.h"

size_t      nnrt_elem_size(int elem); /* bytes */
const char *nnrt_elem_name(int elem); /* "f32" */
bool        nnrt_elem_is_float(int elem);

/* Element `index` of an array of `elem`; i64 above 2^53 rounds. */
double nnrt_elem_get(int elem, const void *data, int64_t index);

/* Writes `value` there. Floats round to nearest, ties to even, and to infinity beyond the type's largest; the other types must
 * hold the value. */
void nnrt_elem_put(int elem, void *data, int64_t index, double value);

/* Product of a shape; -1 when it overflows what memory can hold or a size is negative. */
int64_t nnrt_shape_count(const int64_t *shape, int rank);

/* "[60000, 28, 28]" into text; returns text. */
const char *nnrt_shape_text(const int64_t *shape, int rank, char *text, size_t size);

#endif
