/* What a run shows while it goes: a bar on a terminal, plain lines elsewhere, one line of JSON an epoch in a log. */
#ifndef NNRT_EXTRAS_REPORT_H
#define NNRT_EXTRAS_REPORT_H

#include <stdio.h>
#include <time.h>

#include "extras/trainer.h"

typedef struct nnrt_report {
    FILE           *out; /* NULL: quiet */
    FILE           *log; /* NULL: none */
    bool            is_terminal, bar_shown;
    struct timespec start, drawn; /* of the run; of the bar last */
} nnrt_report;

void          nnrt_report_open(nnrt_report *report, FILE *out, FILE *log);
nnrt_observer nnrt_report_observer(nnrt_report *report);
void          nnrt_report_clear_bar(nnrt_report *report);

/* "0.9722"; small numbers keep four significant digits. */
const char *nnrt_number_text(double value, char *text, size_t size);

/* `test loss: 0.0812` for every score, the headline last unless only_headline asks for nothing else. */
void nnrt_report_scores(FILE *out, const char *set, const nnrt_scores *scores, const nnrt_model *model,
                        bool only_headline);

/* The last line of a log: {"test_accuracy":0.9722,...}. */
void nnrt_report_log_scores(nnrt_report *report, const char *set, const nnrt_scores *scores);

#endif
