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

static void emit_functions(Emit *e, CompiledFn *fns) {
    debug_begin(e, e->program->inputs.len ? e->program->inputs.data[0].span.file : 0);
    for (int i = 0; i < e->plan->fns.len; i++) fns[i] = step_emit(e, e->plan->fns.data[i]);
}

static void finish_module(Emit *e) {
    debug_end(e);
    char *message = NULL;
    if (LLVMVerifyModule(e->module, LLVMReturnStatusAction, &message)) BUG("generated code is not valid: %s", message);
    LLVMDisposeMessage(message);
    codegen_inline_kernels(e->module, e->target);
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

/* ---- targets --------------------------------------------------------------------------------------------------------------- */

typedef struct Build {
    Compilation *c;
    const Plan  *plan;
    ObjectUse    use;
    TargetList   targets;
    Variant     *variants;
    CompiledFn  *fns;
} Build;

static const char *full_name(const Emit *e, LLVMValueRef fn) {
    size_t length;
    return arena_printf(e->arena, "%s%s", LLVMGetValueName2(fn, &length), e->target->suffix);
}

/* The functions for a target other than the first. */
static void add_variant(Build *build, Shards *shards, int index) {
    Target  *target  = build->targets.data[index];
    Emit     e       = emit_begin(build->c, build->plan, target);
    int      n       = build->plan->fns.len;
    Variant *variant = &build->variants[index];
    *variant = (Variant){target, ARENA_ARRAY(e.arena, const char *, n + 1), ARENA_ARRAY(e.arena, const char *, n + 1)};
    emit_functions(&e, build->fns);
    for (int i = 0; i < n; i++) {
        variant->code[i]      = full_name(&e, build->fns[i].code);
        variant->workspace[i] = full_name(&e, build->fns[i].workspace);
    }
    finish_module(&e);
    shards_add(shards, e.module, target, target->suffix);
    emit_end(&e);
}

/* The functions for the first target, and all that does not depend on one. */
static Emit emit_first(Build *build) {
    Emit e             = emit_begin(build->c, build->plan, build->targets.data[0]);
    build->variants[0] = (Variant){.target = e.target};
    emit_functions(&e, build->fns);
    tables_emit(&e, build->fns, build->variants, build->targets.len, build->use == OBJECT_PROGRAM);
    if (build->use != OBJECT_PROGRAM) exports_emit(&e, build->use == OBJECT_SHARED);
    finish_module(&e);
    return e;
}

static ElfBytes build_bytes(Build *build, EmitKind kind) {
    Compilation *c      = build->c;
    Shards      *shards = shards_new(c->arena, c->options.opt_level);
    for (int i = 1; i < build->targets.len; i++) add_variant(build, shards, i);
    Emit     e       = emit_first(build);
    bool     several = build->targets.len > 1 || (kind == EMIT_OBJECT && shards_pay(shards_work(e.module)));
    ElfBytes bytes   = {0};
    if (several)
        shards_add(shards, e.module, e.target, e.target->suffix);
    else
        bytes = module_bytes(&e, kind);
    emit_end(&e);
    return several ? shards_compile(shards) : bytes;
}

static ElfBytes plan_bytes(Compilation *c, const Plan *plan, EmitKind kind, ObjectUse use) {
    Build    build = {c, plan, use, targets_new(c), NULL, ARENA_ARRAY(c->arena, CompiledFn, plan->fns.len + 1)};
    ElfBytes bytes = {0};
    build.variants = ARENA_ARRAY(c->arena, Variant, build.targets.len + 1);
    if (build.targets.len > 1 && kind != EMIT_OBJECT) {
        Diag *d = diag_error(c->diags, (Span){0}, E0731, "--emit=llvm and --emit=asm are for one target");
        diag_help(d, "print the code of each target in turn");
    } else if (build.targets.len) {
        bytes = build_bytes(&build, kind);
    }
    targets_free(build.targets);
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
