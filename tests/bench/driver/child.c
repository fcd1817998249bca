#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/driver/bench.h"

extern char **environ;

static void read_line(const char *line, Said *said) {
    char   word[32];
    double a = 0, b = 0;
    if (sscanf(line, "%31s %lf %lf", word, &a, &b) < 2) return;
    if (strcmp(word, "loss") == 0 && said->n_losses < MAX_LOSSES) said->losses[said->n_losses++] = a;
    if (strcmp(word, "step_us") == 0) said->wall_us = a, said->cpu_us = b;
    if (strcmp(word, "peak_gflops") == 0) said->peak_wall = a, said->peak_cpu = b;
    if (strcmp(word, "start_kb") == 0) said->start_kb = a;
    if (strcmp(word, "peak_kb") == 0) said->peak_kb = a;
    if (strcmp(word, "compile_s") == 0) said->compile_s = a;
    if (strcmp(word, "found") == 0) said->found = a != 0;
    if (strcmp(word, "variant") == 0) said->variant = (int)a;
}

/* environ with lines before it: the first of a name counts. The caller frees the array alone. */
static char **environment_with(const char *const *lines) {
    size_t n = 0, m = 0;
    while (environ[n]) n++;
    while (lines && lines[m]) m++;
    char **all = calloc(n + m + 1, sizeof *all);
    if (!all) return NULL;
    for (size_t i = 0; i < m; i++) all[i] = (char *)lines[i];
    memcpy(all + m, environ, n * sizeof *all);
    return all;
}

static bool start(const char *const *args, const char *const *environment, int output, pid_t *pid) {
    char                     **all = environment_with(environment);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    int failed = all ? posix_spawnp(pid, args[0], &actions, NULL, (char *const *)args, all) : ENOMEM;
    posix_spawn_file_actions_destroy(&actions);
    free(all);
    if (failed) fprintf(stderr, "bench: %s: %s\n", args[0], strerror(failed));
    return !failed;
}

static double seconds_of(struct timeval t) {
    return (double)t.tv_sec + 1e-6 * (double)t.tv_usec;
}

bool child_run(const char *const *args, const char *const *environment, Said *said) {
    int             ends[2], status = 0;
    pid_t           pid;
    struct timespec begin, end;
    struct rusage   usage;
    char            line[256];
    *said = (Said){.variant = -1};
    if (pipe(ends) != 0) return perror("bench: pipe"), false;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    bool started = start(args, environment, ends[1], &pid);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    while (started && output && fgets(line, sizeof line, output)) read_line(line, said);
    if (output) fclose(output);
    if (!started) return false;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR) return perror("bench: wait"), false;
    clock_gettime(CLOCK_MONOTONIC, &end);
    said->process_wall = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    said->process_cpu  = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    fprintf(stderr, "bench: failed:");
    for (int i = 0; args[i]; i++) fprintf(stderr, " %s", args[i]);
    fprintf(stderr, "\n");
    return false;
}
