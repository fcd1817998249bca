/* nnc train FILE ...: compiles to a program in a temporary folder, runs its `train` and removes the folder. An interrupt goes to
 * the program, which saves and ends; its exit code is nnc's. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/output.h"
#include "commands/commands.h"
#include "pipeline.h"

extern char **environ;

/* ---- the folder ---------------------------------------------------------------------------------------------------- */

/* The file's name without folder and ending: what the program is called in its messages. */
static const char *program_name(Arena *arena, const char *input) {
    const char *slash = strrchr(input, '/'), *base = slash ? slash + 1 : input, *dot = strrchr(base, '.');
    size_t      length = dot && dot > base ? (size_t)(dot - base) : strlen(base);
    return strcmp(base, "-") ? arena_strndup(arena, base, length) : "model";
}

static const char *make_folder(Compilation *c) {
    const char *root   = getenv("TMPDIR");
    char       *folder = arena_printf(c->arena, "%s/nnc-train.XXXXXX", root && *root ? root : "/tmp");
    if (mkdtemp(folder)) return folder;
    diag_error(c->diags, (Span){0}, E0743, "cannot make a folder '%s': %s", folder, strerror(errno));
    return NULL;
}

/* ---- the program ---------------------------------------------------------------------------------------------------- */

/* The signals that end a run; they are held while the folder exists. */
static sigset_t awaited_signals(void) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD};
    sigset_t         set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) sigaddset(&set, signals[i]);
    return set;
}

static pid_t start(const char *program, const char *const *argv, const sigset_t *mask) {
    posix_spawnattr_t attributes;
    pid_t             pid = -1;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigmask(&attributes, mask);
    int error = posix_spawn(&pid, program, NULL, &attributes, (char *const *)(uintptr_t)argv, environ);
    posix_spawnattr_destroy(&attributes);
    errno = error;
    return error ? -1 : pid;
}

/* Waits for the program. A signal that was sent to nnc alone is passed on; one typed at the terminal has reached both. */
static int wait_for(pid_t pid) {
    sigset_t awaited = awaited_signals();
    int      status;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        siginfo_t info;
        int       signal = sigwaitinfo(&awaited, &info);
        if (signal > 0 && signal != SIGCHLD && info.si_code <= 0) kill(pid, signal);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_program(Compilation *c, const char *program, const CommandLine *line, const sigset_t *before) {
    const char **argv = ARENA_ARRAY(c->arena, const char *, line->n_passed + 3);
    int          n    = 0;
    argv[n++]         = arena_printf(c->arena, ".%s", strrchr(program, '/')); /* as its messages call it */
    argv[n++]         = "train";
    for (int i = 0; i < line->n_passed; i++) argv[n++] = line->passed[i];
    pid_t pid = start(program, argv, before);
    if (pid > 0) return wait_for(pid);
    diag_error(c->diags, (Span){0}, E0744, "cannot run '%s': %s", program, strerror(errno));
    return EXIT_FAILED;
}

/* Has one come while the program was made? It is delivered when the folder is gone. */
static bool interrupted(void) {
    sigset_t pending;
    return !sigpending(&pending) &&
           (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM) || sigismember(&pending, SIGHUP));
}

int command_train(Compilation *c, const CommandLine *line) {
    sigset_t before, set = awaited_signals();
    sigprocmask(SIG_BLOCK, &set, &before);
    int         code   = EXIT_FAILED;
    const char *folder = make_folder(c);
    if (folder) {
        const char *program = arena_printf(c->arena, "%s/%s", folder, program_name(c->arena, line->options.input));
        c->options.output   = program;
        bool made           = compile(c, PRODUCT_EXECUTABLE, NULL);
        command_report(c, line);
        if (made && !interrupted()) code = run_program(c, program, line, &before);
        unlink(program);
        rmdir(folder);
    }
    if (code != EXIT_OK && !folder) command_report(c, line);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return code;
}
