/* Arrays and tables as files hold them, before they meet a model. */
#ifndef NNRT_EXTRAS_ARRAY_H
#define NNRT_EXTRAS_ARRAY_H

#include <stdbool.h>

#include "extras/file.h"
#include "extras/table.h"
#include "nnrt.h"

typedef struct nnrt_array {
    char    *name; /* in a file of named arrays, else NULL */
    int      elem; /* nnrt_elem */
    int      rank;
    int64_t  shape[NNRT_MAX_RANK];
    int64_t  count;  /* elements */
    void    *data;   /* malloc'ed, row-major, native byte order */
    char    *source; /* the file's path, for messages */
    int32_t *lines;  /* of a CSV: the line each row stands on; else NULL */
    int64_t  at;     /* of a content with a file: where its elements begin there */
} nnrt_array;

/* What one file held: arrays, or a table where n_arrays is 0. */
typedef struct nnrt_content {
    nnrt_array *arrays;
    int         n_arrays;
    nnrt_table  table;
    const char *format;   /* "CSV", ".npz" */
    bool        is_pair;  /* an array for the input and one for the target, by order */
    char       *metadata; /* a safetensors file's __metadata__ as JSON, or NULL */
    FILE       *file;     /* from which elements are read when they are wanted; NULL: the arrays hold them */
} nnrt_content;

/* Reads a file by its contents: .npy, .npz, IDX, safetensors, each also gzipped, else CSV. NNRT_BAD_DATA with a message
 * that names the file, and for CSV the line and column. */
nnrt_status nnrt_read_content(const char *path, nnrt_content *content, nnrt_error *error);
void        nnrt_content_free(nnrt_content *content);

void nnrt_array_free(nnrt_array *array);

/* Sets count and allocates data for elem, rank and shape; NNRT_BAD_DATA when the sizes overflow. */
nnrt_status nnrt_array_alloc(nnrt_array *array, const char *path, nnrt_error *error);

/* The readers of one format each; `path` is for messages. The bytes may be written to. */
nnrt_status nnrt_read_npy(const char *path, const nnrt_bytes *bytes, nnrt_array *array, nnrt_error *error);
nnrt_status nnrt_read_npz(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error);
nnrt_status nnrt_read_cifar(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error);
nnrt_status nnrt_read_idx(const char *path, const nnrt_bytes *bytes, nnrt_array *array, nnrt_error *error);
nnrt_status nnrt_read_safetensors(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error);

/* A safetensors file, its elements left where they are unless it is packed: weights are as large as the model, and a copy of all of them
 * would be what decides how much memory a program takes. */
nnrt_status nnrt_open_safetensors(const char *path, nnrt_content *content, nnrt_error *error);
/* The elements of an array of such a content: to `to` (nnrt_array_nbytes of them), or to array->data until it is dropped. */
nnrt_status nnrt_array_read(const nnrt_content *content, const nnrt_array *array, void *to, nnrt_error *error);
nnrt_status nnrt_array_fetch(const nnrt_content *content, nnrt_array *array, nnrt_error *error);
void        nnrt_array_drop(const nnrt_content *content, nnrt_array *array);

/* Writes named arrays (name, elem, rank, shape and data are used) in the order of their names. */
nnrt_status nnrt_write_safetensors(const char *path, const nnrt_array *arrays, int n_arrays,
                                   const char *const *metadata, int n_metadata, nnrt_error *error);
nnrt_status nnrt_write_npy(const char *path, const nnrt_array *array, nnrt_error *error);
nnrt_status nnrt_write_npz(const char *path, const nnrt_array *arrays, int n_arrays, nnrt_error *error);

/* What stands before the elements in a .npy file; bytes->data has NNRT_NPY_HEADER bytes, bytes->size is set. */
enum { NNRT_NPY_HEADER = 640 };
nnrt_status nnrt_npy_header(const nnrt_array *array, const char *path, nnrt_bytes *bytes, nnrt_error *error);

size_t nnrt_array_nbytes(const nnrt_array *array); /* of its elements */

#endif
