/* Modules to one object, in parallel: their functions are dealt out to shards, threads run LLVM over these, and the shards' objects are
 * joined. How many shards there are and what is in them depends on the code alone, so the result does not depend on the machine. */
#ifndef NNC_CODEGEN_SHARDS_H
#define NNC_CODEGEN_SHARDS_H

#include <llvm-c/Core.h>

#include "base/arena.h"
#include "codegen/elf_join.h"
#include "codegen/target.h"

typedef struct Shards Shards;

Shards *shards_new(Arena *arena, int opt_level);

/* Instructions of a function, of a module: the measure of its work. */
int64_t shards_function_work(LLVMValueRef function);
int64_t shards_work(LLVMModuleRef module);
/* Whether so much work is worth more than one shard. */
bool shards_pay(int64_t work);

/* Takes over what the module says; its internal names get `suffix` and become known to the other shards, and may so be declared by other
 * modules. The module itself may be disposed then; the target must live until shards_compile. */
void shards_add(Shards *shards, LLVMModuleRef module, const Target *target, const char *suffix);

/* The object of all modules added, in the arena. */
ElfBytes shards_compile(Shards *shards);

#endif
