/* Tensors as compiled code sees them: typed bytes with a guard behind. */
#ifndef NNC_TESTS_BATCHES_VALUES_H
#define NNC_TESTS_BATCHES_VALUES_H

#include "interp/interp.h"

/* A buffer of the tensor's type with its values (rounded to the type) and `extra` further elements. */
void *buffer_new(Arena *arena, const Tensor *tensor, int64_t extra);
/* Was anything written behind it? */
bool buffer_guarded(const Tensor *tensor, int64_t extra, const void *buffer);
/* The tensor's values become the buffer's, from element `at` on. */
void tensor_read(Tensor *tensor, const void *buffer, int64_t at);

#endif
