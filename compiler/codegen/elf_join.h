/* Several relocatable ELF objects made into one, as `ld -r` would, but for any machine and without a process.
 *
 * What LLVM emits for this compiler is all it takes: 64 bits, little-endian, relocations with addends, no section groups. */
#ifndef NNC_CODEGEN_ELF_JOIN_H
#define NNC_CODEGEN_ELF_JOIN_H

#include <stddef.h>

#include "base/arena.h"

typedef struct ElfBytes {
    const void *data;
    size_t      nbytes;
} ElfBytes;

/* The sections of all parts, in order; symbols of the same global name are one. Hidden ones, which parts use to refer to each other,
 * become local. The parts are of one machine and define each global name once at most. */
ElfBytes elf_join(Arena *arena, const ElfBytes *parts, int n_parts);

#endif
