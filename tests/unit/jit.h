/* Runs emitted code inside a test: a module, a target, and the addresses of its functions once compiled. */
#ifndef NNC_TESTS_JIT_H
#define NNC_TESTS_JIT_H

#include <llvm-c/Core.h>
#include <llvm-c/LLJIT.h>
#include <stddef.h>

#include "codegen/target.h"
#include "compilation.h"

typedef struct Jit {
    Compilation                *c;
    Target                     *target;
    LLVMOrcThreadSafeContextRef shared;
    LLVMContextRef              context;
    LLVMModuleRef               module;
    LLVMOrcLLJITRef             engine;
} Jit;

/* An empty module for `target` ("native" or a weaker one of this machine). Fails the process on any error. */
Jit *jit_new(const char *target);
/* Verifies, optimises and compiles the module; afterwards jit_address finds its external functions. */
void  jit_compile(Jit *jit);
void *jit_address(Jit *jit, const char *name);
void  jit_dispose(Jit *jit);

/* nbytes that end where unreadable memory begins, so that reading past the end is caught. */
void *guarded_new(size_t nbytes);
void  guarded_free(void *memory, size_t nbytes);

#endif
