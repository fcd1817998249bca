/* The files that predictions are written to, by the ending of their name: one row of the table in outputs.c each. */
#ifndef NNRT_EXTRAS_OUTPUTS_FORMAT_H
#define NNRT_EXTRAS_OUTPUTS_FORMAT_H

#include "extras/outputs.h"

typedef struct nnrt_format {
    const char *ending;
    /* Whether these outputs can be written so; NNRT_USAGE. NULL: always. */
    nnrt_status (*check)(const nnrt_outputs *outputs, const char *path, nnrt_error *error);
    nnrt_status (*write)(const nnrt_outputs *outputs, const char *path, nnrt_error *error);
} nnrt_format;

nnrt_status nnrt_check_text(const nnrt_outputs *outputs, const char *path, nnrt_error *error);
nnrt_status nnrt_write_text(const nnrt_outputs *outputs, const char *path, nnrt_error *error);

nnrt_status nnrt_check_png(const nnrt_outputs *outputs, const char *path, nnrt_error *error);
nnrt_status nnrt_write_png(const nnrt_outputs *outputs, const char *path, nnrt_error *error);

#endif
