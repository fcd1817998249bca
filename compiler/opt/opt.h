/* Rewriting of the tensor graph. */
#ifndef NNC_OPT_OPT_H
#define NNC_OPT_OPT_H

#include "compilation.h"
#include "ir/program.h"

/* Requires: gradients added. Provides: simplified, constant-folded, without dead or duplicate nodes, ids
 * dense in topological order (a fresh graph in program->graph). Values change at most by rounding. */
void graph_optimise(Compilation *c, Program *program);

/* prune.c: each function's loops lose the results that it does not read, and the carries and inputs that only those needed. */
void scans_prune(Compilation *c, Program *program);

#endif
