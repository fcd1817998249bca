/* From a plan to a file: functions and tables into one LLVM module, the passes over it, and the file, written under a temporary
 * name and renamed when it is whole. */
#include "codegen/codegen.h"

#include <llvm-c/Analysis.h>
#include <stdlib.h>
#include <string.h>

#include "base/output.h"
#include "codegen/emit.h"
#include "codegen/exports.h"
#include "codegen/object.h"
#include "codegen/passes.h"
#include "codegen/shards.h"

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

static void emit_module(Emit *e, ObjectUse use) {
    debug_begin(e, e->program->inputs.len ? e->program->inputs.data[0].span.file : 0);
    CompiledFn *fns = ARENA_ARRAY(e->arena, CompiledFn, e->plan->fns.len + 1);
    for (int i = 0; i < e->plan->fns.len; i++) fns[i] = step_emit(e, e->plan->fns.data[i]);
    tables_emit(e, fns, use == OBJECT_PROGRAM);
    if (use != OBJECT_PROGRAM) exports_emit(e, use == OBJECT_SHARED);
    debug_end(e);
    char *message = NULL;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message)) BUG("generated code is not valid: %s", message);
    LLVMDisposeMessage(message);
}

/* ---- the file ------------------------------------------------------------------------------------------------------------- */

/* As text the module is one. Everything is in memory first, so that a full disk is seen by write() and leaves nothing behind. */
static ElfBytes module_bytes(Emit *e, EmitKind kind) {
    LLVMMemoryBufferRef bytes   = NULL;
    char               *message = NULL;
    codegen_run_passes(e->module, e->target, e->c->options.opt_level);
    if (kind == EMIT_LLVM) {
        char       *ir   = LLVMPrintModuleToString(e->module);
        const char *copy = arena_printf(e->arena, "%s", ir);
        LLVMDisposeMessage(ir);
        return (ElfBytes){copy, strlen(copy)};
    }
    LLVMCodeGenFileType type = kind == EMIT_OBJECT ? LLVMObjectFile : LLVMAssemblyFile;
    if (LLVMTargetMachineEmitToMemoryBuffer(e->target->machine, e->module, type, &message, &bytes))
        BUG("LLVM cannot emit code for '%s': %s", e->target->name, message);
    char *copy = arena_alloc(e->arena, LLVMGetBufferSize(bytes) + 1);
    memcpy(copy, LLVMGetBufferStart(bytes), LLVMGetBufferSize(bytes));
    ElfBytes result = {copy, LLVMGetBufferSize(bytes)};
    LLVMDisposeMemoryBuffer(bytes);
    return result;
}

static ElfBytes plan_bytes(Compilation *c, const Plan *plan, EmitKind kind, ObjectUse use) {
    Target *target = target_new(c);
    if (!target) return (ElfBytes){0};
    Emit e = emit_begin(c, plan, target);
    emit_module(&e, use);
    Shards *shards =
        kind == EMIT_OBJECT && shards_pay(shards_work(e.module)) ? shards_new(c->arena, c->options.opt_level) : NULL;
    ElfBytes bytes = {0};
    if (shards)
        shards_add(shards, e.module, target, "");
    else
        bytes = module_bytes(&e, kind);
    emit_end(&e);
    if (shards) bytes = shards_compile(shards);
    target_free(target);
    return bytes;
}

ElfBytes object_in_memory(Compilation *c, const Plan *plan) {
    return plan_bytes(c, plan, EMIT_OBJECT, OBJECT_PROGRAM);
}

bool object_from_plan(Compilation *c, const Plan *plan, EmitKind kind, ObjectUse use, const char *path) {
    ElfBytes bytes = plan_bytes(c, plan, kind, use);
    if (!bytes.data) return false;
    const char *wrong = output_write(c->arena, path, bytes.data, bytes.nbytes);
    if (wrong)
        diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", c->options.output ? c->options.output : path,
                   wrong);
    return !wrong;
}
