/* The key of a random source. random.c's head is the specification of the numbers drawn. */
#ifndef NNC_OPS_RANDOM_H
#define NNC_OPS_RANDOM_H

#include "ir/graph.h"

/* The 64 bits that tell this draw from all others of the program. */
uint64_t random_key(RandomKey key);

#endif
