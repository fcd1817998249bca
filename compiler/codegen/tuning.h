/* What was measured on a machine: which row of blocking.h a contraction's shape takes there.
 *
 * The file is text, a line an entry, made by `nnc --tune` and read by `--tuned=FILE`:
 *
 *     nnc tuning 1
 *     target x86-64-v4 sapphirerapids
 *     narrow-b 1.08 f32 m=64 n=512 k=784 a=784,1 b=512,1
 *
 * the blocking, how many times faster than the default it was, and the shape's text. */
#ifndef NNC_CODEGEN_TUNING_H
#define NNC_CODEGEN_TUNING_H

#include <stdio.h>

#include "base/map.h"
#include "base/vec.h"
#include "codegen/blocking.h"
#include "compilation.h"

struct ContractShape;
struct Target;

/* Everything of a shape that a choice may depend on; equal texts are equal contractions. */
const char *tuning_key(Arena *arena, const struct ContractShape *shape);

typedef struct Tuning {
    const char *target, *cpu; /* entries hold for these; NULL: no file is in use */
    Intern     *names;
    Map        *chosen; /* key -> Blocking */

    /* While candidates are timed, else NULL: all contractions take this one, and code calls nnc_tune_mark(measured, number, ends) around
     * each, `number` being the key's among `keys`. */
    const Blocking *candidate;
    void           *measured;
    VEC(const char *) keys;
} Tuning;

Tuning *tuning_new(Arena *arena);

/* The row for a contraction; the default without tuning, and for another target than the file's. */
const Blocking *tuning_choose(const Tuning *tuning, const struct Target *target, Arena *arena,
                              const struct ContractShape *shape);
int             tuning_number(Tuning *tuning, Arena *arena, const struct ContractShape *shape); /* of its key */

/* The first lines of a file for c->options.target. */
const char *tuning_head(Compilation *c);

/* Reads a file; NULL after E0732: not a tuning file, damaged, or of another machine. */
Tuning *tuning_read(Compilation *c, const char *path);

#endif
