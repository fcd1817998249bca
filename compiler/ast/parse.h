/* Source text to AST. */
#ifndef NNC_AST_PARSE_H
#define NNC_AST_PARSE_H

#include "ast/ast.h"
#include "compilation.h"

/* Parses source `file` (an index given by diags_add_source). Always returns a module; syntax errors are in
 * c->diags and leave error nodes. Requires nothing; provides spans on every node. */
Module *ast_parse(Compilation *c, uint32_t file);

/* Reads `path` (or standard input for "-") and parses it. NULL after E07xx when it cannot be read. */
Module *ast_from_file(Compilation *c, const char *path);

#endif
