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

bool child_run(const char *const *args, const char *const *environment, LineReader *read, void *context, Cost *cost) {
    int             ends[2], status = 0;
    pid_t           pid;
    struct timespec begin, end;
    struct rusage   usage;
    char            line[512];
    if (pipe(ends) != 0) return perror("bench: pipe"), false;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    bool started = start(args, environment, ends[1], &pid);
    close(ends[1]);
    FILE *output = fdopen(ends[0], "r");
    while (started && output && fgets(line, sizeof line, output))
        if (read) read(context, line);
    if (output) fclose(output);
    if (!started) return false;
    while (wait4(pid, &status, 0, &usage) < 0)
        if (errno != EINTR) return perror("bench: wait"), false;
    clock_gettime(CLOCK_MONOTONIC, &end);
    if (cost) {
        cost->wall = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
        cost->cpu  = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
    fprintf(stderr, "bench: failed:");
    for (int i = 0; args[i]; i++) fprintf(stderr, " %s", args[i]);
    fprintf(stderr, "\n");
    return false;
}

bool child_build(const Options *options, const char *file, const char *model, const char *const *defines,
                 const char *const *dims, const char *symbol, const char *worker, const char *program, Cost *compiled) {
    enum { ROOM = 1024 };
    char nnc[ROOM], source[ROOM], object[ROOM], named[ROOM], library[ROOM], runtime[ROOM], defined[ROOM];
    snprintf(nnc, ROOM, "%s/nnc", options->build);
    snprintf(source, ROOM, "%s/models/%s.nnet", options->source, file);
    snprintf(object, ROOM, "%s.o", program);
    snprintf(named, ROOM, "--model=%s", model ? model : "");
    snprintf(library, ROOM, "%s/tests/bench/lib%s.a", options->build, worker);
    snprintf(runtime, ROOM, "%s/lib/libnnrt.a", options->build);
    snprintf(defined, ROOM, "-Wl,--defsym,bench_model=%s_nnrt_model", symbol);
    const char *args[MAX_ARGS] = {nnc, "-c", source, "-o", object};
    int         n              = 5;
    if (model) args[n++] = named;
    for (int i = 0; defines && i < MAX_DEFINES && defines[i]; i++) args[n++] = "-D", args[n++] = defines[i];
    for (int i = 0; dims && i < MAX_DIMS && dims[i]; i++) args[n++] = "--dim", args[n++] = dims[i];
    const char *link[] = {"cc", "-o", program, library, object, runtime, defined, "-lm", "-lpthread", NULL};
    return child_run(args, NULL, NULL, NULL, compiled) && child_run(link, NULL, NULL, NULL, NULL);
}
