/* The passes in order: the compiler's table of contents. */
#ifndef NNC_PIPELINE_H
#define NNC_PIPELINE_H

#include <stdbool.h>
#include <stdio.h>

#include "compilation.h"
#include "plan/kernel.h"

/* What a run stops at and writes. */
typedef enum Product {
    PRODUCT_CHECK, /* nothing: diagnostics only, through the whole front half */
    PRODUCT_AST,
    PRODUCT_DEPENDENCIES, /* a make rule: the files that the object depends on */
    PRODUCT_GRAPH,
    PRODUCT_GRAD,
    PRODUCT_DOT,
    PRODUCT_HEADER, /* of the C API */
    PRODUCT_KERNELS,
    PRODUCT_PLAN,
    PRODUCT_LLVM,
    PRODUCT_ASM,
    PRODUCT_OBJECT,
    PRODUCT_ARCHIVE, /* lib: the object and the core runtime */
    PRODUCT_SHARED,
    PRODUCT_EXECUTABLE,
} Product;

/* Compiles c->options.input. Texts go to `out`, files to c->options.output. False after diagnostics. */
bool compile(Compilation *c, Product product, FILE *out);

/* False, after a diagnostic, where c->options.output would replace a file that was read, under whatever name. */
bool output_is_apart(Compilation *c);

/* The passes between sema and codegen. NULL after diagnostics. */
Plan *plan_from_program(Compilation *c, Program *program);

#endif
