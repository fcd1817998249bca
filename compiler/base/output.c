#include "base/output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

enum { STALE_SECONDS = 60 };

/* ---- files -------------------------------------------------------------------------------------------------------- */

static bool write_all(int file, const char *bytes, size_t nbytes) {
    while (nbytes) {
        ssize_t written = write(file, bytes, nbytes);
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        bytes += written;
        nbytes -= (size_t)written;
    }
    return true;
}

/* A device or a pipe cannot be replaced by a file: it is written to. */
static bool is_stream(const char *path) {
    struct stat about;
    return !strcmp(path, "-") || (!stat(path, &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode));
}

static const char *write_stream(const char *path, const void *bytes, size_t nbytes) {
    bool own  = strcmp(path, "-") != 0;
    int  file = own ? open(path, O_WRONLY) : STDOUT_FILENO;
    bool done = file >= 0 && write_all(file, bytes, nbytes);
    int  why  = errno;
    if (own && file >= 0) close(file);
    return done ? NULL : strerror(why);
}

/* Is `name` the temporary file NAME.PID.tmp... of a process that is no more? The file's age is looked at too: the process
 * may run on another machine that shares the folder. */
static bool is_stale(const char *folder, const char *name, const char *base, Arena *arena) {
    size_t      length = strlen(base);
    char       *end;
    struct stat about;
    if (strncmp(name, base, length) != 0 || name[length] != '.') return false;
    long pid = strtol(name + length + 1, &end, 10);
    if (pid <= 0 || end == name + length + 1 || strncmp(end, ".tmp", 4) != 0) return false;
    if (kill((pid_t)pid, 0) == 0 || errno != ESRCH) return false;
    return stat(arena_printf(arena, "%s/%s", folder, name), &about) == 0 && S_ISREG(about.st_mode) &&
           time(NULL) - about.st_mtime > STALE_SECONDS;
}

static void remove_stale(Arena *arena, const char *path) {
    const char *slash  = strrchr(path, '/');
    const char *folder = slash ? arena_printf(arena, "%.*s", (int)(slash - path) + 1, path) : ".";
    DIR        *open   = opendir(folder);
    for (struct dirent *entry; open && (entry = readdir(open));)
        if (is_stale(folder, entry->d_name, slash ? slash + 1 : path, arena))
            unlink(arena_printf(arena, "%s/%s", folder, entry->d_name));
    if (open) closedir(open);
}

const char *output_temporary(Arena *arena, const char *path, const char *suffix) {
    remove_stale(arena, path);
    return arena_printf(arena, "%s.%ld.tmp%s", path, (long)getpid(), suffix);
}

/* Fills `temporary` and gives it its name. False with errno set. */
static bool fill(int file, const char *temporary, const char *path, const void *bytes, size_t nbytes) {
    bool done = write_all(file, bytes, nbytes);
    int  why  = errno;
    if (close(file) && done) return false;
    if (!done) errno = why;
    return done && !rename(temporary, path);
}

const char *output_write(Arena *arena, const char *path, const void *bytes, size_t nbytes) {
    if (is_stream(path)) return write_stream(path, bytes, nbytes);
    sigset_t before;
    interrupts_hold(&before);
    const char *wrong     = NULL;
    const char *temporary = output_temporary(arena, path, "");
    unlink(temporary); /* of an older process with this number */
    int file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0)
        wrong = strerror(errno);
    else if (!fill(file, temporary, path, bytes, nbytes)) {
        wrong = strerror(errno);
        unlink(temporary);
    }
    interrupts_release(&before);
    return wrong;
}

/* ---- interrupts --------------------------------------------------------------------------------------------------- */

/* Those that are not ignored, as they are in a background job. */
static sigset_t interrupts(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t         set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        struct sigaction action;
        if (!sigaction(signals[i], NULL, &action) && action.sa_handler != SIG_IGN) sigaddset(&set, signals[i]);
    }
    return set;
}

static bool interrupted(void) {
    sigset_t pending, set = interrupts();
    return !sigpending(&pending) && ((sigismember(&set, SIGINT) && sigismember(&pending, SIGINT)) ||
                                     (sigismember(&set, SIGTERM) && sigismember(&pending, SIGTERM)) ||
                                     (sigismember(&set, SIGHUP) && sigismember(&pending, SIGHUP)));
}

void interrupts_hold(sigset_t *before) {
    sigset_t set = interrupts();
    sigaddset(&set, SIGCHLD); /* for sigwaitinfo */
    sigprocmask(SIG_BLOCK, &set, before);
}

void interrupts_release(const sigset_t *before) {
    sigprocmask(SIG_SETMASK, before, NULL);
}

static int spawn(pid_t *pid, const char *const *argv, const sigset_t *mask) {
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, mask);
    posix_spawnattr_setpgroup(&attributes, 0);
    int error = posix_spawnp(pid, argv[0], NULL, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    return error;
}

int interruptible_run(const char *const *argv, const sigset_t *before) {
    sigset_t awaited = interrupts();
    pid_t    pid;
    int      status;
    if (interrupted()) return 128 + SIGINT;
    if (spawn(&pid, argv, before) != 0) return -1;
    sigaddset(&awaited, SIGCHLD);
    while (waitpid(pid, &status, WNOHANG) == 0) {
        int signal = sigwaitinfo(&awaited, NULL);
        if (signal <= 0 || signal == SIGCHLD) continue;
        kill(-pid, SIGTERM);
        raise(signal); /* held until release */
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
        break;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
