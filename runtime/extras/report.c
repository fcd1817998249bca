#include "extras/report.h"

#include <unistd.h>

enum { BAR_WIDTH = 24, LINES = 20 /* about that many epochs are printed of a long run */ };

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

void nnrt_report_open(nnrt_report *report, FILE *out) {
    *report = (nnrt_report){.out = out, .is_terminal = out && isatty(fileno(out))};
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

void nnrt_report_progress(nnrt_report *report, const nnrt_progress *p) {
    if (!report->out) return;
    if (p->train)
        print_epoch(report, p);
    else
        draw_bar(report, p);
}
