/* The tests of a file: `test "name" { assert ... }`, elaborated into one program with a function a test. */
#ifndef NNC_SEMA_SUITE_H
#define NNC_SEMA_SUITE_H

#include "ast/ast.h"
#include "compilation.h"
#include "ir/program.h"

typedef struct Assertion { /* indices of the test function's results; -1: none */
    Span        span;      /* of the condition */
    const char *message;   /* as written after the condition; NULL: none */
    int         held;      /* bool, of any shape: true everywhere when the assertion holds */
    int         left, right;
    int         tolerance;              /* what approx allows */
    const char *left_text, *right_text; /* sides that are not numbers: lists, strings */
} Assertion;

typedef struct TestCase {
    const char *name;
    Span        span;
    Fn         *fn;   /* FN_PREDICT */
    Map        *kept; /* while it is elaborated: constructions with state of their own -> number */
    unsigned    n_kept;
    VEC(Assertion) asserts;
} TestCase;

typedef struct Suite {
    Program *program; /* FN_INIT, then a function a test; its inputs are the tensors written in the tests */
    VEC(TestCase *) tests;
    VEC(const double *) tensors; /* values of the program's inputs, row-major */
} Suite;

/* Requires: a parsed module. NULL after errors. `real` is f64, or what --precision says. */
Suite *suite_from_ast(Compilation *c, Module *module);

#endif
