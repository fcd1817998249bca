/* What a run shows while it goes: a bar on a terminal, plain lines elsewhere; and scores at its end. */
#ifndef NNRT_EXTRAS_REPORT_H
#define NNRT_EXTRAS_REPORT_H

#include <stdio.h>
#include <time.h>

#include "extras/trainer.h"

typedef struct nnrt_report {
    FILE           *out; /* NULL: quiet */
    bool            is_terminal, bar_shown;
    struct timespec start, drawn; /* of the run; of the bar last */
} nnrt_report;

void nnrt_report_open(nnrt_report *report, FILE *out);
/* After a step or an epoch. */
void nnrt_report_progress(nnrt_report *report, const nnrt_progress *progress);
void nnrt_report_clear_bar(nnrt_report *report);

/* scores.c: "0.9722"; small numbers keep four significant digits. */
const char *nnrt_number_text(double value, char *text, size_t size);

/* `test loss: 0.0812` for every score, tables for those that are no number, the headline last; the headline alone where
 * only that is asked for and there is one. */
void nnrt_report_scores(FILE *out, const char *set, const nnrt_scores *scores, const nnrt_model *model,
                        bool only_headline);

#endif
