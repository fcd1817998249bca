/* Small graphs and what is left of each when it has been rewritten. */
#ifndef NNC_TESTS_OPT_STRUCTURE_H
#define NNC_TESTS_OPT_STRUCTURE_H

#include "interp/scratch.h"

#define DIMS(...)                                                                                                      \
    (const Dim *const[]) {                                                                                             \
        __VA_ARGS__                                                                                                    \
    }

typedef struct Build {
    Scratch   *s;
    Graph     *g;
    const Dim *n, *m, *one, *two, *four;
    Type       mat, row, cell, wide; /* f64 [n, m], [m], [] and [n, 4] */
} Build;

typedef Node *BuildCase(Build *b);

typedef struct Case {
    const char *name;
    const char *ops; /* expected */
    BuildCase  *build;
} Case;

extern const Case structure_cases[];
extern const int  structure_case_count;

#endif
