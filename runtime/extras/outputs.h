/* Outputs that a prediction has computed, and their ways out: CSV, .npy, .npz. */
#ifndef NNRT_EXTRAS_OUTPUTS_H
#define NNRT_EXTRAS_OUTPUTS_H

#include "extras/vocabulary.h"

typedef struct nnrt_output { /* a chosen result, all batches of it */
    int         fn, result;
    const char *name;
    nnrt_array  array;  /* rows first */
    int64_t     width;  /* elements a row */
    int64_t     n_rows; /* filled so far */
} nnrt_output;

typedef struct nnrt_outputs {
    nnrt_output           *items;
    int                    n;
    const nnrt_vocabulary *classes; /* names of the classes that whole numbers stand for; NULL: none */
} nnrt_outputs;

/* Can these be written to `path` (NULL: CSV on standard output)? By its ending, and whether the file can be made.
 * NNRT_USAGE. */
nnrt_status nnrt_outputs_check(const nnrt_outputs *outputs, const char *path, nnrt_error *error);

/* Writes them. In CSV a class is its name, and where real numbers come in as many columns as there are classes, each
 * column is called by its class; arrays keep their numbers. */
nnrt_status nnrt_outputs_write(const nnrt_outputs *outputs, const char *path, nnrt_error *error);

/* Writes a CSV cell, in quotes where it needs them (RFC 4180). */
void nnrt_put_csv_cell(FILE *out, const char *text);

#endif
