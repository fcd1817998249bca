/* Files: read whole, gzip or not; written so that a reader sees the old file or the new one and never a part. */
#ifndef NNRT_EXTRAS_FILE_H
#define NNRT_EXTRAS_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "nnrt.h"

typedef struct nnrt_bytes {
    unsigned char *data; /* data[size] is 0, so that text may be scanned */
    size_t         size;
} nnrt_bytes;

/* The contents, unpacked where the file is gzip. The caller frees data. NNRT_BAD_DATA when it cannot be read. */
nnrt_status nnrt_read_file(const char *path, nnrt_bytes *bytes, nnrt_error *error);

/* A file being written under a temporary name beside its own. */
typedef struct nnrt_writer {
    FILE       *file;
    char       *temporary;
    const char *path;
    int         failure; /* errno of the first write that failed, else 0 */
} nnrt_writer;

nnrt_status nnrt_writer_open(nnrt_writer *writer, const char *path, nnrt_error *error);
/* A failed write is kept and reported by commit. */
void nnrt_writer_put(nnrt_writer *writer, const void *data, size_t nbytes);
/* Flushes to the disk and renames; on failure the temporary file is gone and an old file of that name untouched. */
nnrt_status nnrt_writer_commit(nnrt_writer *writer, nnrt_error *error);
void        nnrt_writer_abandon(nnrt_writer *writer);

/* Can a file of this name be written? Tried by creating the temporary file, so that a run of hours does not fail at
 * its end. */
nnrt_status nnrt_check_writable(const char *path, nnrt_error *error);

#endif
