/* Meaning: names, dims, types, and the elaboration of a model into the tensor graph. */
#ifndef NNC_SEMA_SEMA_H
#define NNC_SEMA_SEMA_H

#include "ast/ast.h"
#include "compilation.h"
#include "ir/program.h"

/* Requires: a parsed module (error nodes allowed: they stay silent). Provides: the program of the model that
 * c->options.model names (or the only one), with GRAD nodes for the optimizers' gradients. NULL after errors. Imports,
 * and the prelude std.nn, are read on the way. */
Program *graph_from_ast(Compilation *c, Module *module);

/* Requires: class limits (program_find_class_limits). An input whose `from` gives larger numbers than what they index
 * has rows for is reported. */
void sources_check_limits(Compilation *c, const Program *program);

#endif
