/* The log of a training run: one JSON object a line. */
#ifndef NNRT_EXTRAS_LOG_H
#define NNRT_EXTRAS_LOG_H

#include <stdio.h>
#include <time.h>

#include "extras/trainer.h"

typedef struct nnrt_log {
    FILE           *file; /* NULL: none */
    const char     *path;
    struct timespec start; /* of the run */
} nnrt_log;

/* Opens the log anew or, for a run that goes on after `steps_done` steps, behind the lines up to that step: what a
 * killed run has logged since its last checkpoint is dropped, since it is computed again. `path` NULL: no log. */
nnrt_status nnrt_log_open(nnrt_log *log, const char *path, int64_t steps_done, nnrt_error *error);
/* {"epoch", "step", losses, "val_" scores, "settings", "gradient_norms", "seconds"}; null for what is no number. */
void nnrt_log_epoch(nnrt_log *log, const nnrt_progress *progress, const nnrt_instance *instance);
/* The last line: {"test_accuracy":0.9722,...}. */
void nnrt_log_scores(nnrt_log *log, const char *set, const nnrt_scores *scores);
/* NNRT_ERROR when a line could not be written; `status` otherwise. */
nnrt_status nnrt_log_close(nnrt_log *log, nnrt_status status, nnrt_error *error);

#endif
