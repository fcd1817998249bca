/* Object and executable are made in temporary files beside the result; the executable is renamed into place at the end. An interrupt
 * removes them. */
#include "link.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output.h"
#include "codegen/codegen.h"

static const char *directory_of(Arena *arena, const char *path) {
    const char *slash = strrchr(path, '/');
    if (slash == path) return "/";
    return slash ? arena_strndup(arena, path, (size_t)(slash - path)) : ".";
}

static bool readable(const char *path) {
    return access(path, R_OK) == 0;
}

/* Where the runtime's libraries are: beside nnc in a build tree, under ../lib/nnc when installed. NULL when in neither. */
static const char *runtime_directory(Arena *arena) {
    static const char *const places[] = {"lib", "../lib/nnc"};
    char                     self[PATH_MAX];
    ssize_t                  length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length <= 0) return NULL;
    self[length] = 0;
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *directory = arena_printf(arena, "%s/%s", directory_of(arena, self), places[i]);
        if (readable(arena_printf(arena, "%s/libnnrt.a", directory))) return directory;
    }
    return NULL;
}

static int link_object(Compilation *c, const char *object, const char *runtime, const char *output,
                       const sigset_t *before) {
    const char *compiler = getenv("CC");
    if (!compiler || !*compiler) compiler = "cc";
    const char *extras  = arena_printf(c->arena, "%s/libnnrt_extras.a", runtime);
    const char *core    = arena_printf(c->arena, "%s/libnnrt.a", runtime);
    const char *start[] = {compiler, "-o", output, "-Wl,--gc-sections", object, extras, core};
    const char *libs[]  = {"-lcjson", "-lminizip", "-lz", "-lm", "-lpthread", NNC_LINK_FLAGS};
    const char *argv[16];
    size_t      n = 0;
    for (size_t i = 0; i < sizeof start / sizeof *start; i++) argv[n++] = start[i];
    for (size_t i = 0; i < sizeof libs / sizeof *libs; i++) argv[n++] = libs[i];
    if (!*argv[n - 1]) n--; /* no flags */
    argv[n]    = NULL;
    int status = interruptible_run(argv, before);
    if (status == -1 || status == 127) {
        Diag *d =
            diag_error(c->diags, (Span){0}, E0740, "cannot run the C compiler '%s' to link the program", compiler);
        diag_help(
            d, "install one (on Debian: apt-get install gcc libc6-dev), or name yours in the environment variable CC");
    } else if (status != 0) {
        Diag *d = diag_error(c->diags, (Span){0}, E0741, "linking failed: '%s' ended with status %d", compiler, status);
        diag_help(d, "its messages are above; the libraries cjson, minizip and zlib must be installed (on Debian: "
                     "libcjson-dev, libminizip-dev and zlib1g-dev)");
    }
    return status;
}

/* What stands at `path` and cannot be replaced by a program; NULL when nothing does. */
static const char *in_the_way(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) return NULL;
    return S_ISDIR(info.st_mode) ? "a directory" : "a device or a pipe";
}

static bool make_executable(Compilation *c, const Plan *plan, const char *runtime, const char *path) {
    sigset_t    before;
    const char *object  = output_temporary(c->arena, path, ".o");
    const char *program = output_temporary(c->arena, path, "");
    interrupts_hold(&before);
    bool ok =
        object_from_plan(c, plan, EMIT_OBJECT, true, object) && link_object(c, object, runtime, program, &before) == 0;
    if (ok && rename(program, path) != 0) {
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, strerror(errno));
        ok = false;
    }
    unlink(object);
    if (!ok) unlink(program);
    interrupts_release(&before);
    return ok;
}

/* The runtime beside nnc is this machine's. */
static bool is_foreign(const char *target) {
#if defined __aarch64__
    return strncmp(target, "x86", 3) == 0;
#else
    return strcmp(target, "aarch64") == 0;
#endif
}

bool executable_from_plan(Compilation *c, const Plan *plan, const char *path) {
    const char *runtime = runtime_directory(c->arena);
    if (!runtime) {
        Diag *d = diag_error(c->diags, (Span){0}, E0742, "the runtime library libnnrt.a is not beside nnc");
        diag_help(d, "build the whole project (cmake --build), or compile to an object with -c");
        return false;
    }
    if (is_foreign(c->options.target)) {
        Diag *d = diag_error(c->diags, (Span){0}, E0741, "a program for %s cannot be linked here", c->options.target);
        diag_help(d, "compile to an object with -c, and link it on that machine");
        return false;
    }
    const char *obstacle = in_the_way(path);
    if (obstacle) {
        Diag *d = diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': it is %s", path, obstacle);
        diag_help(d, "name a file with -o");
        return false;
    }
    if (access(directory_of(c->arena, path), W_OK | X_OK) != 0) {
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, strerror(errno));
        return false;
    }
    return make_executable(c, plan, runtime, path);
}
