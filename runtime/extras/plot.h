/* Learning curves as an SVG file: losses by epoch, and the headline metric in a panel of its own. Needs nothing else to be
 * shown, and is readable on light and dark grounds. */
#ifndef NNRT_EXTRAS_PLOT_H
#define NNRT_EXTRAS_PLOT_H

#include <stdbool.h>
#include <time.h>

#include "extras/trainer.h"

typedef struct nnrt_curve {
    double *values; /* one an epoch; NaN where there is none */
} nnrt_curve;

typedef struct nnrt_panel {
    char       title[64]; /* "": there is no such panel */
    nnrt_curve curves[2]; /* of the training data, of the validation data */
} nnrt_panel;

typedef struct nnrt_plot {
    const char     *path, *model;
    int64_t        *epochs; /* of each point */
    int64_t         n, capacity, n_epochs;
    nnrt_panel      panels[2];
    struct timespec drawn;
} nnrt_plot;

void nnrt_plot_open(nnrt_plot *plot, const char *path, const nnrt_model *model);
void nnrt_plot_close(nnrt_plot *plot);

/* Adds an epoch's scores. NNRT_ERROR without memory. */
nnrt_status nnrt_plot_add(nnrt_plot *plot, const nnrt_progress *progress, const nnrt_model *model, nnrt_error *error);
/* plot_history.c: adds the epochs of a log, for a run that goes on; what is no line of a log is passed over. NNRT_ERROR without
 * memory. */
nnrt_status nnrt_plot_add_log(nnrt_plot *plot, const char *path, const nnrt_model *model, nnrt_error *error);
/* Writes the file, whole or not at all. */
nnrt_status nnrt_plot_draw(nnrt_plot *plot, nnrt_error *error);

#endif
