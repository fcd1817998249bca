/* Scores for people: numbers, small tables, and the line that every run ends with. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "extras/report.h"
#include "extras/vocabulary.h"

enum { LABEL = 24 /* bytes of a class name */ };

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

/* Class k of n, where there are n named classes; else its number. */
static const char *label_text(const nnrt_vocabulary *classes, int64_t k, int64_t n, char *text, size_t size) {
    if (classes && classes->n_texts == n)
        snprintf(text, size, "%.*s", LABEL, classes->texts[k]);
    else
        snprintf(text, size, "%lld", (long long)k);
    return text;
}

/* The widest of what the table prints. */
static int table_width(const nnrt_score *score, const nnrt_vocabulary *classes, int64_t columns, int64_t rows) {
    char text[LABEL + 40];
    int  width = 0;
    bool whole = all_whole(score);
    for (int64_t i = 0; i < score->count + columns + rows; i++) {
        if (i < score->count)
            cell_text(score->values[i], whole, text, sizeof text);
        else if (i < score->count + columns)
            label_text(classes, i - score->count, columns, text, sizeof text);
        else
            label_text(classes, i - score->count - columns, rows, text, sizeof text);
        if ((int)strlen(text) > width) width = (int)strlen(text);
    }
    return width;
}

/* Rows of the last axis, with their numbers or classes; one row without where there is one axis alone. */
static void print_table(FILE *out, const char *set, const nnrt_score *score, const nnrt_vocabulary *classes) {
    int     rank    = score->tensor->rank;
    int64_t columns = rank > 0 ? score->shape[rank - 1] : 1, rows = columns > 0 ? score->count / columns : 0;
    bool    whole = all_whole(score);
    int     width = table_width(score, classes, columns, rows);
    char    text[LABEL + 40];
    fprintf(out, "%s %s:\n", set, score->name);
    if (rank > 1) fprintf(out, "  %*s", width, "");
    for (int64_t k = 0; k < columns; k++)
        fprintf(out, "  %*s", width, label_text(classes, k, columns, text, sizeof text));
    fputc('\n', out);
    for (int64_t i = 0; i < rows; i++) {
        if (rank > 1) fprintf(out, "  %*s", width, label_text(classes, i, rows, text, sizeof text));
        for (int64_t k = 0; k < columns; k++) {
            cell_text(score->values[i * columns + k], whole, text, sizeof text);
            fprintf(out, "  %*s", width, text);
        }
        fputc('\n', out);
    }
}

static void print_score(FILE *out, const char *set, const nnrt_score *score, const nnrt_vocabulary *classes) {
    char number[40];
    if (score->count != 1)
        print_table(out, set, score, classes);
    else
        fprintf(out, "%s %s: %s\n", set, score->name, nnrt_number_text(score->values[0], number, sizeof number));
}

void nnrt_report_scores(FILE *out, const char *set, const nnrt_scores *scores, const nnrt_model *model,
                        bool only_headline) {
    const nnrt_score *headline = nnrt_scores_headline(scores, model);
    for (int i = 0; i < scores->n; i++)
        if (&scores->items[i] != headline && (!only_headline || !headline))
            print_score(out, set, &scores->items[i], scores->classes);
    if (headline) print_score(out, set, headline, scores->classes);
}
