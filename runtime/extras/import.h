/* Weights of other models and other programs: arrays of a safetensors file by name patterns (weight_map.h). */
#ifndef NNRT_EXTRAS_IMPORT_H
#define NNRT_EXTRAS_IMPORT_H

#include "core/instance.h"
#include "extras/weight_map.h"

typedef struct nnrt_import { /* what came of it */
    int   n_taken, n_wanted; /* of the model's parameters, states and statistics */
    char *kept;              /* one a line: what the model has and the file has not */
    char *unused;            /* one a line: what the file has and the model does not take */
} nnrt_import;

/* Fills parameters, layer state and fitted statistics; optimizer state is never taken. A moving average becomes what
 * its parameter is. What the file lacks keeps its value and is listed in `result`, unless `all_needed`.
 *
 * NNRT_BAD_DATA when an array does not fit its slot, when nothing fits, or, if all_needed, when something lacks;
 * NNRT_USAGE for an entry of the map that matches nothing. Nothing is changed then. Free with nnrt_import_free. */
nnrt_status nnrt_import_weights(nnrt_instance *instance, const char *path, nnrt_map *map, bool all_needed,
                                nnrt_import *result, nnrt_error *error);
void        nnrt_import_free(nnrt_import *result);

#endif
