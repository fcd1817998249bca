/* The object and what is linked of it are made in temporary files beside the result; the latter is renamed into place at the end. An
 * interrupt removes them. */
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

/* ---- the tools ------------------------------------------------------------------------------------------------------------ */

typedef struct Tool { /* a command line that grows */
    const char *argv[56];
    int         n;
} Tool;

static void tool_add(Tool *tool, const char *argument) {
    if (tool->n + 1 < (int)(sizeof tool->argv / sizeof *tool->argv)) tool->argv[tool->n++] = argument;
}

/* The words of `text`: CC may be "gcc -m64". */
static void tool_add_words(Arena *arena, Tool *tool, const char *text) {
    while (*(text += strspn(text, " \t"))) {
        size_t length = strcspn(text, " \t");
        tool_add(tool, arena_strndup(arena, text, length));
        text += length;
    }
}

static int run_tool(Compilation *c, const Tool *tool, const sigset_t *before, const char *install, const char *help) {
    int status = interruptible_run(tool->argv, before);
    if (status == -1 || status == 127) {
        Diag *d = diag_error(c->diags, (Span){0}, E0740, "cannot run '%s' to link", tool->argv[0]);
        diag_help(d, "%s", install);
    } else if (status != 0) {
        Diag *d =
            diag_error(c->diags, (Span){0}, E0741, "linking failed: '%s' ended with status %d", tool->argv[0], status);
        diag_help(d, "%s", help);
    }
    return status;
}

/* Readers that a program has only where an input's source needs them: the runtime refers to `symbol` weakly. */
typedef struct FileReader {
    SourceKind  kind;
    const char *symbol;
    const char *libs[2];
} FileReader;

static const FileReader file_readers[] = {
    {SOURCE_IMAGE, "-Wl,-u,nnrt_picture_read", {"-lpng", "-ljpeg"}},
    {SOURCE_WAV, "-Wl,-u,nnrt_sound_read", {"-lsndfile"}},
};
enum { N_FILE_READERS = sizeof file_readers / sizeof *file_readers };

static bool needs_reader(const Plan *plan, LinkKind kind, const FileReader *reader) {
    bool needs = false;
    for (int i = 0; kind == LINK_EXECUTABLE && i < plan->program->inputs.len; i++)
        needs |= plan->program->inputs.data[i].source.kind == reader->kind;
    return needs;
}

static bool run_compiler(Compilation *c, const Plan *plan, LinkKind kind, const char *object, const char *runtime,
                         const char *output, const sigset_t *before) {
    static const char *const shared[] = {"-shared", "-Wl,-Bsymbolic", "-Wl,-u,nnrt_pool_new", "-Wl,-u,nnrt_pool_free"};
    static const char *const libs[]   = {"-lcjson", "-lminizip", "-lz", "-lm", "-lpthread"};
    const char              *compiler = getenv("CC");
    Tool                     tool     = {.n = 0};
    tool_add_words(c->arena, &tool, compiler && compiler[strspn(compiler, " \t")] ? compiler : "cc");
    tool_add(&tool, "-o");
    tool_add(&tool, output);
    tool_add(&tool, "-Wl,--gc-sections");
    tool_add(&tool, "-Wl,-z,noseparate-code"); /* no padding to whole pages between code and data */
    for (size_t i = 0; kind == LINK_SHARED && i < sizeof shared / sizeof *shared; i++) tool_add(&tool, shared[i]);
    for (int i = 0; i < N_FILE_READERS; i++)
        if (needs_reader(plan, kind, &file_readers[i])) tool_add(&tool, file_readers[i].symbol);
    tool_add(&tool, object);
    tool_add(&tool, arena_printf(c->arena, "%s/libnnrt_extras.a", runtime));
    tool_add(&tool, arena_printf(c->arena, "%s/libnnrt.a", runtime));
    for (size_t i = 0; i < sizeof libs / sizeof *libs; i++) tool_add(&tool, libs[i]);
    for (int i = 0; i < N_FILE_READERS; i++)
        for (int k = 0; k < 2 && needs_reader(plan, kind, &file_readers[i]); k++)
            if (file_readers[i].libs[k]) tool_add(&tool, file_readers[i].libs[k]);
    tool_add_words(c->arena, &tool, NNC_LINK_FLAGS);
    return run_tool(
               c, &tool, before,
               "install a C compiler (on Debian: apt-get install gcc libc6-dev), or name yours in the environment "
               "variable CC",
               "its messages are above; the libraries cjson, minizip and zlib must be installed (on Debian: "
               "libcjson-dev, libminizip-dev and zlib1g-dev); for pictures libpng-dev and libjpeg62-turbo-dev, for "
               "sounds libsndfile1-dev") == 0;
}

static const char *read_file(Arena *arena, const char *path, size_t *nbytes) {
    FILE *file  = fopen(path, "rb");
    char *bytes = NULL;
    long  size  = file && fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (size >= 0) {
        rewind(file);
        bytes   = arena_alloc(arena, (size_t)size + 1);
        *nbytes = fread(bytes, 1, (size_t)size, file);
        if (*nbytes != (size_t)size) bytes = NULL;
    }
    if (file) fclose(file);
    return bytes;
}

/* A copy of the core runtime's archive with the object added. */
static bool run_archiver(Compilation *c, const char *object, const char *runtime, const char *output,
                         const sigset_t *before) {
    size_t      nbytes;
    const char *core  = arena_printf(c->arena, "%s/libnnrt.a", runtime);
    const char *bytes = read_file(c->arena, core, &nbytes), *wrong = bytes ? NULL : strerror(errno);
    if (bytes) wrong = output_write(c->arena, output, bytes, nbytes);
    if (wrong) {
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", output, wrong);
        return false;
    }
    const char *archiver = getenv("AR");
    Tool        tool     = {.n = 0};
    tool_add_words(c->arena, &tool, archiver && archiver[strspn(archiver, " \t")] ? archiver : "ar");
    tool_add(&tool, "rcs");
    tool_add(&tool, output);
    tool_add(&tool, object);
    return run_tool(
               c, &tool, before,
               "install an archiver (on Debian: apt-get install binutils), or name yours in the environment variable "
               "AR",
               "its messages are above") == 0;
}

/* ---- the result ------------------------------------------------------------------------------------------------------------ */

/* What stands at `path` and cannot be replaced by a program; NULL when nothing does. */
static const char *in_the_way(const char *path) {
    struct stat info;
    if (stat(path, &info) != 0 || S_ISREG(info.st_mode)) return NULL;
    return S_ISDIR(info.st_mode) ? "a directory" : "a device or a pipe";
}

static bool make(Compilation *c, const Plan *plan, LinkKind kind, const char *runtime, const char *path) {
    sigset_t    before;
    const char *folder = output_temporary(c->arena, path, ".d"); /* an archive's member has the object's name */
    const char *object =
        kind == LINK_ARCHIVE ? arena_printf(c->arena, "%s/model.o", folder) : output_temporary(c->arena, path, ".o");
    const char *result = output_temporary(c->arena, path, "");
    interrupts_hold(&before);
    if (kind == LINK_ARCHIVE) mkdir(folder, 0700); /* where it fails, writing the object says why */
    static const ObjectUse uses[] = {
        [LINK_EXECUTABLE] = OBJECT_PROGRAM, [LINK_SHARED] = OBJECT_SHARED, [LINK_ARCHIVE] = OBJECT_LINKED};
    bool ok = object_from_plan(c, plan, EMIT_OBJECT, uses[kind], object);
    if (ok && kind == LINK_ARCHIVE)
        ok = run_archiver(c, object, runtime, result, &before);
    else if (ok)
        ok = run_compiler(c, plan, kind, object, runtime, result, &before);
    if (ok && rename(result, path) != 0) {
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, strerror(errno));
        ok = false;
    }
    unlink(object);
    if (kind == LINK_ARCHIVE) rmdir(folder);
    if (!ok) unlink(result);
    interrupts_release(&before);
    return ok;
}

/* The runtime beside nnc is this machine's. */
static bool is_foreign(const char *target) {
#if defined __aarch64__
    return strstr(target, "x86") != NULL;
#else
    return strstr(target, "aarch64") != NULL;
#endif
}

bool linked_from_plan(Compilation *c, const Plan *plan, LinkKind kind, const char *path) {
    const char *runtime = runtime_directory(c->arena);
    if (!runtime) {
        Diag *d = diag_error(c->diags, (Span){0}, E0742, "the runtime library libnnrt.a is not beside nnc");
        diag_help(d, "build the whole project (cmake --build), or compile to an object with -c");
        return false;
    }
    if (is_foreign(c->options.target)) {
        Diag *d = diag_error(c->diags, (Span){0}, E0741, "what is for %s cannot be linked here", c->options.target);
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
    return make(c, plan, kind, runtime, path);
}
