#include <stdlib.h>
#include <string.h>

#include "bench/driver/bench.h"

static double time_of(const Side *side, bool wall) {
    return wall ? side->wall_us : side->cpu_us;
}

double row_ratio(const Row *row, const Side *peer, bool wall) {
    return time_of(peer, wall) / time_of(&row->ours, wall);
}

int row_fastest(const Row *row) {
    int  best = -1;
    bool wall = row->threads > 1;
    for (int i = 0; i < N_PEERS; i++) {
        if (!row->peers[i].ran) continue;
        if (best < 0 || time_of(&row->peers[i], wall) < time_of(&row->peers[best], wall)) best = i;
    }
    return best;
}

void report_head(void) {
    printf("%-16s %7s %-8s %12s %12s %6s %7s %7s %8s %8s %9s\n", "case", "threads", "program", "us_wall", "us_cpu",
           "share", "x_wall", "x_cpu", "MB", "MB_start", "s_compile");
}

static void print_side(const Row *row, const char *name, const Side *side, const char *share) {
    bool ours = side == &row->ours;
    printf("%-16s %7d %-8s %12.2f %12.2f %6s ", row->kase->name, row->threads, name, side->wall_us, side->cpu_us,
           share);
    if (ours)
        printf("%7s %7s ", "-", "-");
    else
        printf("%7.2f %7.2f ", row_ratio(row, side, true), row_ratio(row, side, false));
    printf("%8.1f %8.1f %9.2f\n", side->peak_kb / 1024, side->start_kb / 1024, side->compile_s);
}

void report_row(const Row *row) {
    char share[16];
    int  best = row_fastest(row);
    snprintf(share, sizeof share, "%.1f%%", 100 * row->share);
    print_side(row, "nnc", &row->ours, share);
    for (int i = 0; i < N_PEERS; i++)
        if (row->peers[i].ran) print_side(row, PEERS[i].name, &row->peers[i], "-");
    if (row->round_trip_ns > 0)
        printf("%-16s %7d round trip between two threads: %.0f ns\n", row->kase->name, row->threads,
               row->round_trip_ns);
    if (best >= 0) {
        double ratio = row_ratio(row, &row->peers[best], row->threads > 1);
        printf("%-16s %7d fastest peer %s: %.2f times nnc's step; target %.1f: %s\n", row->kase->name, row->threads,
               PEERS[best].name, ratio, row->kase->target, ratio >= row->kase->target ? "reached" : "not reached");
    }
    fflush(stdout);
}
