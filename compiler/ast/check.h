/* What the grammar leaves open about a parsed module: which statements may stand where. */
#ifndef NNC_AST_CHECK_H
#define NNC_AST_CHECK_H

#include "ast/ast.h"
#include "compilation.h"

/* Requires a module as the parser built it. Reports E0015, E0207 and E0608; replaces a statement out of place by
 * STMT_ERROR, so that later passes meet each statement only where it belongs. */
void ast_check(Compilation *c, Module *module);

#endif
