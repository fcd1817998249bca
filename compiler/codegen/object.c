/* From a plan to a file: functions and tables into one LLVM module, the passes over it, and the file, written under a temporary
 * name and renamed when it is whole. */
#include "codegen/codegen.h"

#include <errno.h>
#include <fcntl.h>
#include <llvm-c/Analysis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "codegen/emit.h"
#include "codegen/passes.h"

static Emit emit_begin(Compilation *c, const Plan *plan, Target *target) {
    LLVMContextRef    context = LLVMContextCreate();
    Emit              e       = {.c       = c,
                                 .arena   = c->arena,
                                 .plan    = plan,
                                 .program = plan->program,
                                 .target  = target,
                                 .context = context,
                                 .module  = LLVMModuleCreateWithNameInContext(plan->program->model, context),
                                 .t_void  = LLVMVoidTypeInContext(context),
                                 .t_ptr   = LLVMPointerTypeInContext(context, 0),
                                 .t_i1    = LLVMInt1TypeInContext(context),
                                 .t_i8    = LLVMInt8TypeInContext(context),
                                 .t_i16   = LLVMInt16TypeInContext(context),
                                 .t_i32   = LLVMInt32TypeInContext(context),
                                 .t_i64   = LLVMInt64TypeInContext(context),
                                 .t_f16   = LLVMHalfTypeInContext(context),
                                 .t_f32   = LLVMFloatTypeInContext(context),
                                 .t_f64   = LLVMDoubleTypeInContext(context)};
    LLVMTargetDataRef layout  = LLVMCreateTargetDataLayout(target->machine);
    LLVMSetModuleDataLayout(e.module, layout);
    LLVMSetTarget(e.module, target->triple);
    LLVMDisposeTargetData(layout);
    return e;
}

static void emit_end(Emit *e) {
    LLVMDisposeModule(e->module);
    LLVMContextDispose(e->context);
}

static void emit_module(Emit *e, bool as_main) {
    debug_begin(e, e->program->inputs.len ? e->program->inputs.data[0].span.file : 0);
    CompiledFn *fns = ARENA_ARRAY(e->arena, CompiledFn, e->plan->fns.len + 1);
    for (int i = 0; i < e->plan->fns.len; i++) fns[i] = step_emit(e, e->plan->fns.data[i]);
    tables_emit(e, fns, as_main);
    debug_end(e);
    char *message = NULL;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message)) BUG("generated code is not valid: %s", message);
    LLVMDisposeMessage(message);
    codegen_run_passes(e->module, e->target, e->c->options.opt_level);
}

/* ---- the file ------------------------------------------------------------------------------------------------------------- */

static bool report_unwritable(Emit *e, const char *path, const char *why) {
    diag_error(e->c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, why);
    return false;
}

/* Everything in memory first, so that a full disk is seen by write() and leaves nothing behind. */
static LLVMMemoryBufferRef module_bytes(Emit *e, EmitKind kind, char **message) {
    LLVMMemoryBufferRef bytes = NULL;
    if (kind == EMIT_LLVM) {
        char *ir = LLVMPrintModuleToString(e->module);
        bytes    = LLVMCreateMemoryBufferWithMemoryRangeCopy(ir, strlen(ir), "module");
        LLVMDisposeMessage(ir);
        return bytes;
    }
    LLVMCodeGenFileType type = kind == EMIT_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    if (LLVMTargetMachineEmitToMemoryBuffer(e->target->machine, e->module, type, message, &bytes)) return NULL;
    return bytes;
}

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

/* A device or a pipe cannot be replaced by a file: it is written to. "-" is standard output. */
static bool is_stream(const char *path) {
    struct stat about;
    return !strcmp(path, "-") || (!stat(path, &about) && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode));
}

static bool write_stream(Emit *e, const char *path, const char *bytes, size_t nbytes) {
    bool own  = strcmp(path, "-") != 0;
    int  file = own ? open(path, O_WRONLY) : STDOUT_FILENO;
    bool done = file >= 0 && write_all(file, bytes, nbytes);
    int  why  = errno;
    if (own && file >= 0) close(file);
    return done || report_unwritable(e, path, strerror(why));
}

static bool write_file(Emit *e, const char *path, const char *bytes, size_t nbytes) {
    if (is_stream(path)) return write_stream(e, path, bytes, nbytes);
    char *temporary = arena_printf(e->arena, "%s.XXXXXX", path);
    int   file      = mkstemp(temporary);
    if (file < 0) return report_unwritable(e, path, strerror(errno));
    mode_t mask = umask(0); /* there is no other way to ask for it */
    umask(mask);
    bool done = !fchmod(file, 0666 & ~mask) && write_all(file, bytes, nbytes);
    int  why  = errno;
    if (close(file) && done) {
        done = false;
        why  = errno;
    }
    if (done && rename(temporary, path)) {
        done = false;
        why  = errno;
    }
    if (done) return true;
    unlink(temporary);
    return report_unwritable(e, path, strerror(why));
}

bool object_from_plan(Compilation *c, const Plan *plan, EmitKind kind, bool as_main, const char *path) {
    Target *target = target_new(c);
    if (!target) return false;
    Emit e = emit_begin(c, plan, target);
    emit_module(&e, as_main);
    char               *message = NULL;
    LLVMMemoryBufferRef bytes   = module_bytes(&e, kind, &message);
    if (!bytes) BUG("LLVM cannot emit code for '%s': %s", target->name, message);
    bool done = write_file(&e, path, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes));
    LLVMDisposeMemoryBuffer(bytes);
    emit_end(&e);
    target_free(target);
    return done;
}
