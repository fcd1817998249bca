/* What the programs of tests/mutation share: a text through every pass up to the memory plan, without code generation. */
#ifndef NNC_TESTS_MUTATION_FRONT_HALF_H
#define NNC_TESTS_MUTATION_FRONT_HALF_H

#include "compilation.h"

typedef struct FrontHalf {
    Compilation c;
    bool        planned; /* all passes went through */
} FrontHalf;

/* `path` is what diagnostics call the text, and where its imports start from. */
FrontHalf front_half_run(const char *path, const char *text, size_t length);
void      front_half_free(FrontHalf *half);

/* The diagnostics as nnc prints them; malloc'ed. */
char *front_half_render(const FrontHalf *half);

/* The whole file, malloc'ed and NUL-terminated; NULL when it cannot be read. */
char *read_whole_file(const char *path, size_t *length);

#endif
