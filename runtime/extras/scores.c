/* Scores for people: numbers, small tables, and the line that every run ends with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "extras/report.h"

const char *nnrt_number_text(double value, char *text, size_t size) {
    double magnitude = fabs(value);
    bool   plain     = magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7);
    snprintf(text, size, plain ? "%.4f" : "%.4g", value);
    return text;
}

static bool all_whole(const nnrt_score *score) {
    for (int64_t i = 0; i < score->count; i++)
        if (score->values[i] != floor(score->values[i]) || fabs(score->values[i]) >= 1e15) return false;
    return true;
}

static void cell_text(double value, bool whole, char *text, size_t size) {
    if (whole)
        snprintf(text, size, "%.0f", value);
    else
        nnrt_number_text(value, text, size);
}

/* Rows of the last axis, numbered; one row without a number where there is one axis alone. */
static void print_table(FILE *out, const char *set, const nnrt_score *score) {
    int     rank    = score->tensor->rank;
    int64_t columns = rank > 0 ? score->shape[rank - 1] : 1, rows = columns > 0 ? score->count / columns : 0;
    bool    whole = all_whole(score);
    char    text[40];
    int     width = snprintf(text, sizeof text, "%lld", (long long)(columns > rows ? columns : rows) - 1);
    for (int64_t i = 0; i < score->count; i++) {
        cell_text(score->values[i], whole, text, sizeof text);
        if ((int)strlen(text) > width) width = (int)strlen(text);
    }
    fprintf(out, "%s %s:\n", set, score->name);
    fprintf(out, rank > 1 ? "  %*s" : "", width, "");
    for (int64_t k = 0; k < columns; k++) fprintf(out, "  %*lld", width, (long long)k);
    fputc('\n', out);
    for (int64_t i = 0; i < rows; i++) {
        if (rank > 1) fprintf(out, "  %*lld", width, (long long)i);
        for (int64_t k = 0; k < columns; k++) {
            cell_text(score->values[i * columns + k], whole, text, sizeof text);
            fprintf(out, "  %*s", width, text);
        }
        fputc('\n', out);
    }
}

static void print_score(FILE *out, const char *set, const nnrt_score *score) {
    char number[40];
    if (score->count != 1)
        print_table(out, set, score);
    else
        fprintf(out, "%s %s: %s\n", set, score->name, nnrt_number_text(score->values[0], number, sizeof number));
}

void nnrt_report_scores(FILE *out, const char *set, const nnrt_scores *scores, const nnrt_model *model,
                        bool only_headline) {
    const nnrt_score *headline = nnrt_scores_headline(scores, model);
    for (int i = 0; i < scores->n; i++)
        if (&scores->items[i] != headline && (!only_headline || !headline)) print_score(out, set, &scores->items[i]);
    if (headline) print_score(out, set, headline);
}
