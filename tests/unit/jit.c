/* Runs emitted code inside a test. */
#include "unit/jit.h"

#include <llvm-c/Analysis.h>
#include <llvm-c/Error.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "codegen/passes.h"

static void check(LLVMErrorRef error) {
    if (!error) return;
    fprintf(stderr, "%s\n", LLVMGetErrorMessage(error));
    abort();
}

Jit *jit_new(const char *target) {
    Jit *jit                  = calloc(1, sizeof *jit);
    jit->c                    = calloc(1, sizeof *jit->c);
    jit->c->arena             = arena_new();
    jit->c->diags             = diags_new(jit->c->arena);
    jit->c->options.target    = target;
    jit->c->options.opt_level = 2;
    jit->target               = target_new(jit->c);
    if (!jit->target) abort();
    LLVMOrcLLJITBuilderRef builder = LLVMOrcCreateLLJITBuilder();
    Target                *own     = target_new(jit->c); /* the engine takes its machine over */
    LLVMOrcLLJITBuilderSetJITTargetMachineBuilder(builder,
                                                  LLVMOrcJITTargetMachineBuilderCreateFromTargetMachine(own->machine));
    check(LLVMOrcCreateLLJIT(&jit->engine, builder));
    jit->shared  = LLVMOrcCreateNewThreadSafeContext();
    jit->context = LLVMOrcThreadSafeContextGetContext(jit->shared);
    jit->module  = LLVMModuleCreateWithNameInContext("test", jit->context);
    LLVMSetTarget(jit->module, jit->target->triple);
    LLVMSetDataLayout(jit->module, LLVMOrcLLJITGetDataLayoutStr(jit->engine));
    return jit;
}

void jit_compile(Jit *jit) {
    char *message = NULL;
    if (LLVMVerifyModule(jit->module, LLVMReturnStatusAction, &message)) {
        fprintf(stderr, "%s\n", message);
        abort();
    }
    LLVMDisposeMessage(message);
    codegen_run_passes(jit->module, jit->target, jit->c->options.opt_level);
    const char *path = getenv("JIT_ASSEMBLY"); /* a look at what was compiled */
    if (path && LLVMTargetMachineEmitToFile(jit->target->machine, jit->module, path, LLVMAssemblyFile, &message))
        abort();
    LLVMOrcThreadSafeModuleRef module = LLVMOrcCreateNewThreadSafeModule(jit->module, jit->shared);
    check(LLVMOrcLLJITAddLLVMIRModule(jit->engine, LLVMOrcLLJITGetMainJITDylib(jit->engine), module));
    jit->module = NULL;
}

void *jit_address(Jit *jit, const char *name) {
    LLVMOrcExecutorAddress address = 0;
    check(LLVMOrcLLJITLookup(jit->engine, &address, name));
    return (void *)(uintptr_t)address;
}

void jit_dispose(Jit *jit) {
    check(LLVMOrcDisposeLLJIT(jit->engine));
    LLVMOrcDisposeThreadSafeContext(jit->shared);
    target_free(jit->target);
    arena_free(jit->c->arena);
    free(jit->c);
    free(jit);
}

enum { PAGE = 4096 };

static size_t whole_pages(size_t nbytes) {
    return (nbytes + PAGE - 1) / PAGE * PAGE;
}

void *guarded_new(size_t nbytes) {
    size_t size  = whole_pages(nbytes);
    char  *pages = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED || mprotect(pages + size, PAGE, PROT_NONE)) abort();
    return pages + size - nbytes;
}

void guarded_free(void *memory, size_t nbytes) {
    size_t size = whole_pages(nbytes);
    munmap((char *)memory - (size - nbytes), size + PAGE);
}
