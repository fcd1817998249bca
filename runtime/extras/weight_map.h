/* Names of weights by patterns: `TO=FROM`, one of the model's and one of a file's, as in
 *
 *     dense/kernel=layers.0.weight:t      one tensor; :t swaps its two axes
 *     backbone/[star]=encoder.[star]      each star stands for any text, the first for the first
 *     head/[star]=                        nothing is taken: these keep what they have
 *
 * ([star] is written *). The first entry whose left side matches decides; a name that none matches stands for itself. */
#ifndef NNRT_EXTRAS_WEIGHT_MAP_H
#define NNRT_EXTRAS_WEIGHT_MAP_H

#include <stdbool.h>

#include "nnrt.h"

enum { NNRT_MAP_NAME = 512 /* longest name made by a pattern */ };

typedef struct nnrt_map_entry {
    char *to, *from; /* from "": nothing */
    bool  transposed;
    int   n_uses; /* names matched so far */
} nnrt_map_entry;

typedef struct nnrt_map {
    nnrt_map_entry *entries;
    int             n;
} nnrt_map;

typedef struct nnrt_mapping { /* what stands for a name */
    char name[NNRT_MAP_NAME];
    bool transposed, nothing, same; /* same: no entry matched */
} nnrt_mapping;

/* `option` is named in messages. NNRT_USAGE for what is no entry. Free with nnrt_map_free, also after a failure. */
nnrt_status nnrt_map_parse(nnrt_map *map, const char *option, const char *const *texts, int n, nnrt_error *error);
void        nnrt_map_free(nnrt_map *map);

/* The right side for a name on the left. NNRT_USAGE when the name that a pattern makes is too long. */
nnrt_status nnrt_map_apply(nnrt_map *map, const char *to, nnrt_mapping *mapping, nnrt_error *error);
/* The left side for a name on the right. */
nnrt_status nnrt_map_reverse(nnrt_map *map, const char *from, nnrt_mapping *mapping, nnrt_error *error);

/* Does `name` match a pattern whose stars stand for any text? */
bool nnrt_name_matches(const char *pattern, const char *name);

/* An entry that has matched nothing, or NULL. */
const nnrt_map_entry *nnrt_map_unused(const nnrt_map *map);

#endif
