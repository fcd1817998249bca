/* What a training run leaves behind while it goes: what is shown, the log, the plot, and checkpoints from which it can be
 * gone on with after a kill. */
#ifndef NNRT_EXTRAS_RECORDER_H
#define NNRT_EXTRAS_RECORDER_H

#include "extras/log.h"
#include "extras/options.h"
#include "extras/plot.h"
#include "extras/report.h"

typedef struct nnrt_recorder {
    const nnrt_options    *options;
    const nnrt_instance   *instance;
    const char            *save; /* path of the checkpoint */
    nnrt_report            report;
    nnrt_log               log;
    nnrt_plot              plot;
    int64_t                epoch; /* ended last */
    struct timespec        saved;
    double                 first_loss, best_loss; /* --overfit-batch: of the first step; the smallest, but for less */
    int64_t                best_step;             /* at which it was reached */
    bool                   has_fit, has_levelled; /* the loss has fallen far enough; it falls no further */
    volatile sig_atomic_t *stop;                  /* set then */
    nnrt_error             error;                 /* the first failure within the observer; code 0: none */
} nnrt_recorder;

/* Opens the log; `steps_done` of a resumed run. Close also after a failure. */
nnrt_status nnrt_recorder_open(nnrt_recorder *recorder, const nnrt_options *options, const nnrt_instance *instance,
                               const char *save, int64_t steps_done, nnrt_error *error);
/* Makes a training report to the recorder. */
void nnrt_recorder_attach(nnrt_recorder *recorder, nnrt_training *training);
/* Saves the weights. NNRT_ERROR, the old file untouched, when a parameter is not finite. */
nnrt_status nnrt_recorder_save(nnrt_recorder *recorder, const nnrt_training *training, nnrt_error *error);
/* Draws the plot for the last time and closes the log; `status`, or what went wrong with those. */
nnrt_status nnrt_recorder_close(nnrt_recorder *recorder, nnrt_status status, nnrt_error *error);

#endif
