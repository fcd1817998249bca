/* What the programs of tests/syntax share: one source through the front end, its results as text. */
#ifndef NNC_TESTS_SYNTAX_FRONT_H
#define NNC_TESTS_SYNTAX_FRONT_H

#include <stdio.h>

#include "ast/parse.h"

/* One parsed source; front_free releases everything. */
typedef struct Front {
    Compilation c;
    Module     *module;
} Front;

Front front_parse(const char *path, const char *text, size_t length);
void  front_free(Front *front);

/* The results as malloc'ed, NUL-terminated text. */
char *front_fmt(const Front *front);
char *front_dump(const Front *front);
char *front_comments(const Front *front); /* one a line */
char *front_diagnostics(const Front *front);

/* The whole file, malloc'ed and NUL-terminated; NULL when it cannot be read. */
char *front_read_file(const char *path, size_t *length);

#endif
