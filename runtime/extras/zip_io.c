#include "extras/zip_io.h"

#include <string.h>

static voidpf open_any(voidpf opaque, const void *name, int mode) {
    (void)name;
    (void)mode;
    return opaque;
}

static int close_any(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static uLong read_memory(voidpf opaque, voidpf stream, void *out, uLong size) {
    nnrt_zip_memory *memory = opaque;
    size_t           left   = memory->bytes->size - memory->at;
    (void)stream;
    if (size > left) size = left;
    memcpy(out, memory->bytes->data + memory->at, size);
    memory->at += size;
    return size;
}

static uLong write_nothing(voidpf opaque, voidpf stream, const void *data, uLong size) {
    (void)opaque;
    (void)stream;
    (void)data;
    (void)size;
    return 0;
}

static ZPOS64_T tell_memory(voidpf opaque, voidpf stream) {
    (void)stream;
    return ((nnrt_zip_memory *)opaque)->at;
}

static long seek_memory(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    nnrt_zip_memory *memory = opaque;
    size_t           base   = origin == ZLIB_FILEFUNC_SEEK_CUR   ? memory->at
                              : origin == ZLIB_FILEFUNC_SEEK_END ? memory->bytes->size
                                                                 : 0;
    (void)stream;
    if (offset > memory->bytes->size - base) return -1;
    memory->at = base + (size_t)offset;
    return 0;
}

static int no_error(voidpf opaque, voidpf stream) {
    (void)opaque;
    (void)stream;
    return 0;
}

zlib_filefunc64_def nnrt_zip_from_memory(nnrt_zip_memory *memory) {
    return (zlib_filefunc64_def){.zopen64_file = open_any,
                                 .zread_file   = read_memory,
                                 .zwrite_file  = write_nothing,
                                 .ztell64_file = tell_memory,
                                 .zseek64_file = seek_memory,
                                 .zclose_file  = close_any,
                                 .zerror_file  = no_error,
                                 .opaque       = memory};
}

/* ---- a file ------------------------------------------------------------------------------------------------------ */

static uLong read_nothing(voidpf opaque, voidpf stream, void *out, uLong size) {
    (void)opaque;
    (void)stream;
    (void)out;
    (void)size;
    return 0;
}

static uLong write_file(voidpf opaque, voidpf stream, const void *data, uLong size) {
    (void)opaque;
    return fwrite(data, 1, size, stream);
}

static ZPOS64_T tell_file(voidpf opaque, voidpf stream) {
    (void)opaque;
    return (ZPOS64_T)ftello(stream);
}

static long seek_file(voidpf opaque, voidpf stream, ZPOS64_T offset, int origin) {
    (void)opaque;
    int from = origin == ZLIB_FILEFUNC_SEEK_CUR ? SEEK_CUR : origin == ZLIB_FILEFUNC_SEEK_END ? SEEK_END : SEEK_SET;
    return fseeko(stream, (off_t)offset, from);
}

static int error_of_file(voidpf opaque, voidpf stream) {
    (void)opaque;
    return ferror((FILE *)stream);
}

zlib_filefunc64_def nnrt_zip_to_file(FILE *file) {
    return (zlib_filefunc64_def){.zopen64_file = open_any,
                                 .zread_file   = read_nothing,
                                 .zwrite_file  = write_file,
                                 .ztell64_file = tell_file,
                                 .zseek64_file = seek_file,
                                 .zclose_file  = close_any,
                                 .zerror_file  = error_of_file,
                                 .opaque       = file};
}
