#include "extras/report.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

enum { BAR_WIDTH = 24, LINES = 20 /* about that many epochs are printed of a long run */ };

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

const char *nnrt_number_text(double value, char *text, size_t size) {
    double magnitude = fabs(value);
    bool   plain     = magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7);
    snprintf(text, size, plain ? "%.4f" : "%.4g", value);
    return text;
}

void nnrt_report_open(nnrt_report *report, FILE *out, FILE *log) {
    *report = (nnrt_report){.out = out, .log = log, .is_terminal = out && isatty(fileno(out))};
    clock_gettime(CLOCK_MONOTONIC, &report->start);
    report->drawn = report->start;
}

void nnrt_report_clear_bar(nnrt_report *report) {
    if (report->bar_shown) fputs("\r\033[K", report->out);
    report->bar_shown = false;
}

static void draw_bar(nnrt_report *report, const nnrt_progress *p) {
    if (!report->is_terminal || seconds_since(&report->drawn) < 0.1) return;
    clock_gettime(CLOCK_MONOTONIC, &report->drawn);
    char bar[BAR_WIDTH + 1], loss[32];
    int  filled = (int)((double)BAR_WIDTH * (double)p->epoch_step / (double)p->epoch_steps);
    for (int i = 0; i < BAR_WIDTH; i++) bar[i] = i < filled ? '=' : i == filled ? '>' : ' ';
    bar[BAR_WIDTH] = 0;
    fprintf(report->out, "\r\033[Kepoch %lld/%lld [%s] %lld/%lld  loss %s", (long long)p->epoch, (long long)p->n_epochs,
            bar, (long long)p->epoch_step, (long long)p->epoch_steps, nnrt_number_text(p->loss, loss, sizeof loss));
    fflush(report->out);
    report->bar_shown = true;
}

static void print_scores(FILE *out, const char *prefix, const nnrt_scores *scores) {
    char number[32];
    for (int i = 0; scores && i < scores->n; i++)
        if (scores->items[i].count == 1)
            fprintf(out, "  %s%s %s", prefix, scores->items[i].name,
                    nnrt_number_text(scores->items[i].values[0], number, sizeof number));
}

static void print_epoch(nnrt_report *report, const nnrt_progress *p) {
    int64_t every = (p->n_epochs + LINES - 1) / LINES;
    if (p->epoch != 1 && p->epoch % every != 0 && p->step != p->total_steps) return;
    nnrt_report_clear_bar(report);
    fprintf(report->out, "epoch %lld/%lld", (long long)p->epoch, (long long)p->n_epochs);
    print_scores(report->out, "", p->train);
    print_scores(report->out, "val_", p->val);
    fprintf(report->out, "  %.1f s\n", seconds_since(&report->start));
    fflush(report->out);
}

/* JSON has no NaN: a score that is none is null. */
static void log_scores(FILE *log, const char *prefix, const nnrt_scores *scores, const char *separator) {
    for (int i = 0; scores && i < scores->n; i++) {
        const nnrt_score *score = &scores->items[i];
        if (score->count != 1) continue;
        fprintf(log, "%s\"%s%s\":", separator, prefix, score->name);
        fprintf(log, isfinite(score->values[0]) ? "%.9g" : "null", score->values[0]);
        separator = ",";
    }
}

static void heard(void *context, const nnrt_progress *p) {
    nnrt_report *report = context;
    if (!p->train) {
        if (report->out) draw_bar(report, p);
        return;
    }
    if (report->out) print_epoch(report, p);
    if (!report->log) return;
    fprintf(report->log, "{\"epoch\":%lld,\"step\":%lld", (long long)p->epoch, (long long)p->step);
    log_scores(report->log, "", p->train, ",");
    log_scores(report->log, "val_", p->val, ",");
    fprintf(report->log, ",\"seconds\":%.3f}\n", seconds_since(&report->start));
    fflush(report->log);
}

nnrt_observer nnrt_report_observer(nnrt_report *report) {
    return (nnrt_observer){.heard = heard, .context = report};
}

void nnrt_report_log_scores(nnrt_report *report, const char *set, const nnrt_scores *scores) {
    char prefix[16];
    if (!report->log) return;
    snprintf(prefix, sizeof prefix, "%s_", set);
    fputc('{', report->log);
    log_scores(report->log, prefix, scores, "");
    fputs("}\n", report->log);
}

/* A metric that is no number: rows of its last axis. */
static void print_tensor(FILE *out, const char *set, const nnrt_score *score) {
    char number[32];
    fprintf(out, "%s %s:", set, score->name);
    for (int64_t i = 0; i < score->count; i++)
        fprintf(out, " %s", nnrt_number_text(score->values[i], number, sizeof number));
    fputc('\n', out);
}

void nnrt_report_scores(FILE *out, const char *set, const nnrt_scores *scores, const nnrt_model *model,
                        bool only_headline) {
    const nnrt_score *headline = nnrt_scores_headline(scores, model);
    char              number[32];
    for (int i = 0; !only_headline && i < scores->n; i++) {
        const nnrt_score *score = &scores->items[i];
        if (score == headline) continue;
        if (score->count != 1)
            print_tensor(out, set, score);
        else
            fprintf(out, "%s %s: %s\n", set, score->name, nnrt_number_text(score->values[0], number, sizeof number));
    }
    if (headline)
        fprintf(out, "%s %s: %s\n", set, headline->name, nnrt_number_text(headline->values[0], number, sizeof number));
}
