#define _GNU_SOURCE /* sched_getaffinity */
#include "extras/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* ---- how many -------------------------------------------------------------------------------------------------------- */

int nnrt_quota_cpus(const char *text) {
    char  *end;
    double quota = strtod(text, &end), period = end == text ? 0 : strtod(end, NULL);
    if (quota <= 0 || period <= 0) return 0;
    int cpus = (int)(quota / period);
    return cpus < quota / period ? cpus + 1 : cpus;
}

static int quota_in(const char *folder) {
    char  path[4200], text[128];
    FILE *file;
    snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", folder);
    if (!(file = fopen(path, "r"))) return 0;
    size_t n = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[n] = 0;
    return nnrt_quota_cpus(text);
}

/* The smallest quota of the process's group and the groups around it; 0: none. */
static int quota_cpus(void) {
    char  line[4096];
    int   least = 0;
    FILE *file  = fopen("/proc/self/cgroup", "r");
    bool  found = false;
    while (file && !found && fgets(line, sizeof line, file)) found = strncmp(line, "0::", 3) == 0;
    if (file) fclose(file);
    if (!found) return 0;
    line[strcspn(line, "\n")] = 0;
    for (char *folder = line + 3;;) {
        int cpus = quota_in(strcmp(folder, "/") == 0 ? "" : folder);
        if (cpus > 0 && (least == 0 || cpus < least)) least = cpus;
        char *slash = strrchr(folder, '/');
        if (!slash || slash[1] == 0) return least;
        slash[slash == folder ? 1 : 0] = 0;
    }
}

int nnrt_usable_cpus(void) {
    int quota = quota_cpus();
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int cpus = CPU_COUNT(&set);
        return quota > 0 && quota < cpus ? quota : cpus;
    }
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    if (n < 1) n = 1;
    return quota > 0 && quota < n ? quota : (int)n;
}

/* ---- whether the threads get them ------------------------------------------------------------------------------------ */

enum {
    LONG_ENOUGH = 30 /* seconds */,
    OFTEN       = 20 /* times a second and thread: a quiet machine does so once or twice */
};

static int64_t switches_so_far(void) {
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_nivcsw : 0;
}

void nnrt_busy_start(nnrt_busy *busy) {
    clock_gettime(CLOCK_MONOTONIC, &busy->start);
    busy->switches = switches_so_far();
}

bool nnrt_busy_is_shared(const nnrt_busy *busy, int n_threads, double *rate) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double seconds = (double)(now.tv_sec - busy->start.tv_sec) + 1e-9 * (double)(now.tv_nsec - busy->start.tv_nsec);
    *rate          = seconds > 0 ? (double)(switches_so_far() - busy->switches) / seconds : 0;
    return n_threads > 1 && seconds >= LONG_ENOUGH && *rate >= (double)OFTEN * n_threads;
}
