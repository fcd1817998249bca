/* Compiles the functions of a hand-made program, loads them as a shared library, runs one and compares it with the interpreter. */
#ifndef NNC_TESTS_CODEGEN_HARNESS_H
#define NNC_TESTS_CODEGEN_HARNESS_H

#include "interp/scratch.h"
#include "nnrt.h"
#include "plan/kernel.h"

typedef struct Compiled {
    void             *library;
    const nnrt_model *model;
    const Plan       *plan;
} Compiled;

/* Plans and compiles; `target` NULL: native. Fails the running test where that fails. */
Compiled compiled_new(Scratch *s, const char *target);
void     compiled_free(Compiled *compiled);

/* Runs function `index` on the scratch program's slots with `nthreads` threads and compares results and updated slots with the
 * interpreter's within `tolerance` (relative to 1 + |expected|). Returns the fault's code; `bits` (may be NULL) gets a hash of everything
 * that was computed. */
int compiled_check(Scratch *s, const Compiled *compiled, int index, int nthreads, double tolerance, uint64_t *bits);

/* All of it for every function of the program, with 1 and 3 threads, which must give the same bits. */
void check_program(Scratch *s, double tolerance);

/* Calls `look` for each line of the program's LLVM text. */
void emitted_each(Scratch *s, void (*look)(void *user, const char *line), void *user);
/* How many of these lines hold each of `n` words. */
void emitted_lines(Scratch *s, int n, const char *const *words, int *lines);

#endif
