/* How much memory the program takes: now, at most so far, and what training will take. */
#ifndef NNRT_EXTRAS_MEMORY_USE_H
#define NNRT_EXTRAS_MEMORY_USE_H

#include <stdbool.h>

#include "core/instance.h"

/* Bytes in memory of this process, and the most there ever were; 0 where the system does not say. */
int64_t nnrt_resident_nbytes(void);
int64_t nnrt_peak_nbytes(void);

/* Up to as many bytes of slots the trainer keeps a copy of them, from which it finds where a loss stops being finite. */
enum { NNRT_COPIED_SLOTS = 256 << 20 };

/* Bytes that training takes at the dims bound last beside the program itself and its data: slots, a copy of them where one is kept, the
 * largest workspace and results of what training calls. */
int64_t nnrt_training_nbytes(const nnrt_instance *instance, bool find_nan);
/* The same with --log, which computes the norms of gradients at each epoch's end. */
int64_t nnrt_logged_training_nbytes(const nnrt_instance *instance, bool find_nan);

#endif
