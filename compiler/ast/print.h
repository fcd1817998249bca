/* The AST as text: the canonical form of a program (`nnc fmt`) and the tree itself (`--emit=ast`). */
#ifndef NNC_AST_PRINT_H
#define NNC_AST_PRINT_H

#include <stdio.h>

#include "ast/ast.h"
#include "compilation.h"

/* Writes `module` in its canonical form. Requires a module without syntax errors; reads the spelling of numbers,
 * strings and comments from the source in c->diags. Formatting twice gives the same text; every comment survives. */
void ast_fmt(const Compilation *c, const Module *module, FILE *out);

/* Writes the tree as an indented s-expression, without places. */
void ast_dump(const Module *module, FILE *out);

#endif
