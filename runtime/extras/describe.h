/* What a data file holds, in words. */
#ifndef NNRT_EXTRAS_DESCRIBE_H
#define NNRT_EXTRAS_DESCRIBE_H

#include <stdio.h>

#include "extras/dataset.h"

/* Prints a file: its format, and each array or column with its values. `set` (members NULL when it was not loaded) says
 * which inputs each fills. NNRT_BAD_DATA when the file cannot be read. */
nnrt_status nnrt_describe_file(FILE *out, const char *path, const nnrt_model *model, const nnrt_dataset *set,
                               nnrt_error *error);

#endif
