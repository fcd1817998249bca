/* Small random graphs over the op table, rich in what rewriting rules look for. */
#ifndef NNC_TESTS_OPT_RANDOM_GRAPH_H
#define NNC_TESTS_OPT_RANDOM_GRAPH_H

#include "interp/scratch.h"

/* A function "f" with about `size` nodes in the scratch program: its results are the last values made and, when `gradients` is
 * set, its updates the gradients of their sum by every slot. */
Fn *random_graph(Scratch *s, int size, bool gradients);

#endif
