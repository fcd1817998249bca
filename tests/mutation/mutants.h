/* The mutants of a program: each token deleted, doubled, and replaced by others of its own and of other kinds. Which ones is
 * a function of the text alone. */
#ifndef NNC_TESTS_MUTATION_MUTANTS_H
#define NNC_TESTS_MUTATION_MUTANTS_H

#include <stddef.h>

typedef enum TokenKind {
    TOKEN_NAME,
    TOKEN_NUMBER,
    TOKEN_STRING,
    TOKEN_OPERATOR,
    TOKEN_BRACKET,
    TOKEN_NEWLINE
} TokenKind;

typedef struct Token {
    TokenKind kind;
    size_t    begin, end;
} Token;

typedef struct Mutant {
    const char *text; /* NUL-terminated, valid until the call returns */
    size_t      length;
    size_t      place;    /* byte where it differs from the original */
    char        what[96]; /* "16 for batch", "batch deleted", ... */
} Mutant;

typedef void (*MutantVisit)(void *context, const Mutant *mutant);

/* Visits every mutant of `text`; returns how many there are. */
size_t mutants_visit(const char *text, size_t length, MutantVisit visit, void *context);

#endif
