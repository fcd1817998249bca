/* From a plan to machine code. The only folder that includes llvm-c. */
#ifndef NNC_CODEGEN_CODEGEN_H
#define NNC_CODEGEN_CODEGEN_H

#include <stdio.h>

#include "plan/kernel.h"

typedef enum EmitKind { EMIT_OBJECT, EMIT_ASSEMBLY, EMIT_LLVM } EmitKind;

typedef enum ObjectUse {
    OBJECT_LINKED,  /* in an application: with the functions of the C API */
    OBJECT_SHARED,  /* in a shared library of its own: with those for files too */
    OBJECT_PROGRAM, /* with `nnrt_model_main`, the name that the extras' command line looks for, and no API */
} ObjectUse;

/* Requires: a plan with regions. Writes the module to `path` (whole or not at all: a temporary file is renamed).
 * The module exports `<model>_nnrt_model` (lower case) of type nnrt_model (runtime/nnrt.h) and what its use asks for; everything
 * else is internal. False after diagnostics E07xx. */
bool object_from_plan(Compilation *c, const Plan *plan, EmitKind kind, ObjectUse use, const char *path);

/* The C header of the API as text (header.c). Requires: an optimised program. */
bool header_print(Compilation *c, const Program *program, FILE *out);
/* Where the header of a linkable file goes: "build/xor.h" for build/xor.o and build/libxor.a; NULL where `output` is a device. */
/* In the first line of every header made. */
#define HEADER_MARK "Made by nnc"
const char *header_path(Arena *arena, const char *output);
/* Writes it there, whole or not at all. */
bool header_from_plan(Compilation *c, const Plan *plan, const char *path);

#endif
