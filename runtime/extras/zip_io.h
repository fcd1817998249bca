/* Where minizip reads and writes: memory, and a file that is being written. */
#ifndef NNRT_EXTRAS_ZIP_IO_H
#define NNRT_EXTRAS_ZIP_IO_H

#include <stdio.h>

#include <minizip/ioapi.h>

#include "extras/file.h"

typedef struct nnrt_zip_memory {
    const nnrt_bytes *bytes;
    size_t            at;
} nnrt_zip_memory;

/* For unzOpen2_64 with any name; reads memory->bytes. */
zlib_filefunc64_def nnrt_zip_from_memory(nnrt_zip_memory *memory);
/* For zipOpen2_64 with any name; writes to `file`, which stays open. */
zlib_filefunc64_def nnrt_zip_to_file(FILE *file);

#endif
