/* The object, made in memory, is loaded by LLVM's object linking layer. */
#include "codegen/jit.h"

#include <llvm-c/Core.h>
#include <llvm-c/Error.h>
#include <llvm-c/LLJIT.h>
#include <stdint.h>

#include "codegen/codegen.h"
#include "codegen/object.h"

struct Jit {
    LLVMOrcLLJITRef          engine;
    const struct nnrt_model *model;
};

/* LLVM frees nothing of what it could not do: a failure here is a broken LLVM installation. */
static void must(LLVMErrorRef error, const char *what) {
    if (error) BUG("LLVM cannot %s: %s", what, LLVMGetErrorMessage(error));
}

static void define_symbols(Jit *jit, LLVMOrcJITDylibRef library, Arena *arena, const JitSymbol *symbols, int n) {
    LLVMOrcCSymbolMapPair *pairs = ARENA_ARRAY(arena, LLVMOrcCSymbolMapPair, n + 1);
    for (int i = 0; i < n; i++) {
        pairs[i].Name        = LLVMOrcLLJITMangleAndIntern(jit->engine, symbols[i].name);
        pairs[i].Sym.Address = (LLVMOrcExecutorAddress)(uintptr_t)symbols[i].address;
        pairs[i].Sym.Flags   = (LLVMJITSymbolFlags){LLVMJITSymbolGenericFlagsExported, 0};
        pairs[i].Sym.Flags.GenericFlags |= LLVMJITSymbolGenericFlagsCallable;
    }
    if (n) must(LLVMOrcJITDylibDefine(library, LLVMOrcAbsoluteSymbols(pairs, (size_t)n)), "define symbols");
    LLVMOrcDefinitionGeneratorRef process;
    must(LLVMOrcCreateDynamicLibrarySearchGeneratorForProcess(&process, LLVMOrcLLJITGetGlobalPrefix(jit->engine), NULL,
                                                              NULL),
         "look into this process");
    LLVMOrcJITDylibAddGenerator(library, process);
}

Jit *jit_from_plan(Compilation *c, const Plan *plan, const JitSymbol *symbols, int n_symbols) {
    ElfBytes object = object_in_memory(c, plan);
    if (!object.data) return NULL;
    LLVMMemoryBufferRef bytes = LLVMCreateMemoryBufferWithMemoryRangeCopy(object.data, object.nbytes, "model");
    Jit                *jit   = ARENA_NEW(c->arena, Jit);
    must(LLVMOrcCreateLLJIT(&jit->engine, NULL), "make code in memory");
    LLVMOrcJITDylibRef library = LLVMOrcLLJITGetMainJITDylib(jit->engine);
    define_symbols(jit, library, c->arena, symbols, n_symbols);
    must(LLVMOrcLLJITAddObjectFile(jit->engine, library, bytes), "load the code");
    LLVMOrcExecutorAddress address = 0;
    must(LLVMOrcLLJITLookup(jit->engine, &address, "nnrt_model_main"), "load the code");
    jit->model = (const struct nnrt_model *)(uintptr_t)address;
    return jit;
}

const struct nnrt_model *jit_model(const Jit *jit) {
    return jit->model;
}

void jit_free(Jit *jit) {
    if (jit) must(LLVMOrcDisposeLLJIT(jit->engine), "unload the code");
}
