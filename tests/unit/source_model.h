/* A description of a model whose inputs come from columns, categories, words and bytes; it has no functions. */
#ifndef TESTS_UNIT_SOURCE_MODEL_H
#define TESTS_UNIT_SOURCE_MODEL_H

#include "nnrt.h"

extern const nnrt_model source_model;

/* x: f32[batch, 2] from column("age", "fare", missing = mean)     n: i32[batch] from column("n", missing = -1)
 * job: i32[batch] from category("job", max = 4)                   note: i32[batch, time] from words("note", max = 6)
 * raw: u8[batch, 3] from bytes("note")                            y: i32[batch] from category("class", max = 3), a target
 * with dim time <= 4. */
enum { SOURCE_X, SOURCE_N, SOURCE_JOB, SOURCE_NOTE, SOURCE_RAW, SOURCE_Y, SOURCE_INPUTS };

extern const nnrt_model window_model; /* tokens: i32[batch, 4] from bytes(), next from bytes(shift = 1) */

#endif
