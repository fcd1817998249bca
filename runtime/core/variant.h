/* Which of a model's variants this machine runs. */
#ifndef NNRT_CORE_VARIANT_H
#define NNRT_CORE_VARIANT_H

#include "nnrt.h"

/* Names one of the model's targets, to run a weaker one than the machine could. */
#define NNRT_TARGET_VARIABLE "NNC_TARGET"

/* Bits of NNRT_CPU_FEATURES that this machine, and its operating system, have. */
uint64_t nnrt_cpu_features(void);

/* The strongest that a machine with these features runs, or, where `wanted` is not NULL, the one of that name. *chosen is NULL where the
 * model has no variants. NNRT_ERROR with what is missing, or NNRT_USAGE for a name the model does not have. */
nnrt_status nnrt_variant_choose(const nnrt_model *model, uint64_t features, const char *wanted,
                                const nnrt_variant **chosen, nnrt_error *error);

#endif
