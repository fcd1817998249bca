/* NumPy's .npz: a zip archive of .npy files, stored or deflated. The archive itself is minizip's business.
 * https://numpy.org/doc/stable/reference/generated/numpy.savez.html */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <minizip/unzip.h>
#include <minizip/zip.h>

#include "core/status.h"
#include "extras/array.h"
#include "extras/unpack.h"
#include "extras/zip_io.h"

enum { NAME_SIZE = 512, MAX_MEMBERS = 65536, CHUNK = 1 << 30 };

typedef struct Archive {
    const char   *path;
    uint64_t      size; /* of the file */
    unzFile       zip;
    uint64_t      unpacked; /* so far */
    nnrt_content *content;
    nnrt_error   *error;
} Archive;

static nnrt_status fail_damaged(const Archive *a, const char *what, const char *name) {
    return nnrt_fail(a->error, NNRT_BAD_DATA, "%s: damaged .npz file: %s%.100s: save it again with np.savez", a->path,
                     what, name);
}

static nnrt_status fail_empty(const Archive *a) {
    return nnrt_fail(a->error, NNRT_BAD_DATA, "%s: holds no arrays: save them with np.savez(file, name=array)",
                     a->path);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static nnrt_status unpack_member(Archive *a, const unz_file_info64 *info, const char *name, nnrt_bytes *bytes) {
    if (info->flag & 1)
        return nnrt_fail(a->error, NNRT_BAD_DATA, "%s: '%.100s' is encrypted: save it without a password", a->path,
                         name);
    if (info->compression_method != 0 && info->compression_method != Z_DEFLATED)
        return nnrt_fail(a->error, NNRT_BAD_DATA,
                         "%s: '%.100s' is packed by method %lu, which is not read: save it with np.savez or "
                         "np.savez_compressed",
                         a->path, name, info->compression_method);
    if (info->uncompressed_size > SIZE_MAX / 2 || info->compressed_size > a->size)
        return fail_damaged(a, "impossible size of ", name);
    a->unpacked += info->uncompressed_size;
    nnrt_status status = nnrt_check_unpacked(a->path, a->size, a->unpacked, a->error);
    if (status != NNRT_OK) return status;
    if (unzOpenCurrentFile(a->zip) != UNZ_OK) return fail_damaged(a, "no data for ", name);
    bytes->data = malloc((size_t)info->uncompressed_size + 1);
    if (!bytes->data) return nnrt_fail_memory(a->error, (size_t)info->uncompressed_size, a->path);
    int n = 1;
    while (n > 0 && bytes->size < info->uncompressed_size) {
        uint64_t left = info->uncompressed_size - bytes->size;
        n             = unzReadCurrentFile(a->zip, bytes->data + bytes->size, left < CHUNK ? (unsigned)left : CHUNK);
        if (n > 0) bytes->size += (size_t)n;
    }
    bytes->data[bytes->size] = 0;
    if (n < 0 || bytes->size < info->uncompressed_size) return fail_damaged(a, "it ends inside ", name);
    return unzCloseCurrentFile(a->zip) == UNZ_OK ? NNRT_OK : fail_damaged(a, "a wrong checksum of ", name);
}

static nnrt_array *new_array(nnrt_content *content) {
    nnrt_array *more = realloc(content->arrays, ((size_t)content->n_arrays + 1) * sizeof *more);
    if (!more) return NULL;
    content->arrays         = more;
    more[content->n_arrays] = (nnrt_array){0};
    return &more[content->n_arrays++];
}

/* The member that the archive stands at, where it is an array. */
static nnrt_status read_member(Archive *a) {
    static const char SUFFIX[] = ".npy";
    char              name[NAME_SIZE], shown[NAME_SIZE + 64];
    unz_file_info64   info;
    if (unzGetCurrentFileInfo64(a->zip, &info, name, sizeof name - 1, NULL, 0, NULL, 0) != UNZ_OK)
        return fail_damaged(a, "its directory cannot be read", "");
    name[info.size_filename < sizeof name - 1 ? info.size_filename : sizeof name - 1] = 0;
    size_t size                                                                       = strlen(name);
    if (size <= strlen(SUFFIX) || strcmp(name + size - strlen(SUFFIX), SUFFIX) != 0) return NNRT_OK;
    nnrt_bytes  bytes  = {0};
    nnrt_status status = unpack_member(a, &info, name, &bytes);
    nnrt_array *array  = status == NNRT_OK ? new_array(a->content) : NULL;
    if (status == NNRT_OK && !array) status = nnrt_fail_memory(a->error, 0, a->path);
    snprintf(shown, sizeof shown, "%.60s(%s)", a->path, name);
    if (status == NNRT_OK && (bytes.size < 6 || memcmp(bytes.data, "\x93NUMPY", 6) != 0))
        status = fail_damaged(a, "no array in ", name);
    if (status == NNRT_OK) status = nnrt_read_npy(shown, &bytes, array, a->error);
    if (status == NNRT_OK && !(array->name = strndup(name, size - strlen(SUFFIX))))
        status = nnrt_fail_memory(a->error, 0, a->path);
    for (nnrt_array *other = a->content->arrays; status == NNRT_OK && other < array; other++)
        if (strcmp(other->name, array->name) == 0) status = fail_damaged(a, "it holds twice ", name);
    free(bytes.data);
    return status;
}

nnrt_status nnrt_read_npz(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    nnrt_zip_memory     memory = {bytes, 0};
    zlib_filefunc64_def io     = nnrt_zip_from_memory(&memory);
    Archive             a      = {.path = path, .size = bytes->size, .content = content, .error = error};
    unz_global_info64   info;
    if (memcmp(bytes->data, "PK\5\6", 4) == 0) return fail_empty(&a); /* nothing but a directory */
    a.zip = unzOpen2_64(path, &io);
    if (!a.zip) return fail_damaged(&a, "it has no directory at its end", "");
    nnrt_status status = NNRT_OK;
    if (unzGetGlobalInfo64(a.zip, &info) != UNZ_OK || info.number_entry > MAX_MEMBERS)
        status = fail_damaged(&a, "its directory cannot be read", "");
    int more = status == NNRT_OK && info.number_entry > 0 ? unzGoToFirstFile(a.zip) : UNZ_END_OF_LIST_OF_FILE;
    while (status == NNRT_OK && more == UNZ_OK) {
        status = read_member(&a);
        more   = unzGoToNextFile(a.zip);
    }
    if (status == NNRT_OK && more != UNZ_END_OF_LIST_OF_FILE)
        status = fail_damaged(&a, "its directory cannot be read", "");
    unzClose(a.zip);
    return status == NNRT_OK && content->n_arrays == 0 ? fail_empty(&a) : status;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

static bool put(zipFile zip, const void *data, size_t nbytes) {
    for (const char *at = data; nbytes > 0;) {
        unsigned part = nbytes < CHUNK ? (unsigned)nbytes : CHUNK;
        if (zipWriteInFileInZip(zip, at, part) != ZIP_OK) return false;
        at += part;
        nbytes -= part;
    }
    return true;
}

/* Stored, with a fixed date: the same arrays give the same file. */
static nnrt_status write_member(zipFile zip, const nnrt_array *array, const char *path, nnrt_error *error) {
    static const zip_fileinfo DATE = {.dosDate = 1 << 21 | 1 << 16}; /* 1980-01-01 */
    char                      name[NAME_SIZE], header[NNRT_NPY_HEADER];
    nnrt_bytes                bytes  = {(unsigned char *)header, 0};
    nnrt_status               status = nnrt_npy_header(array, path, &bytes, error);
    if (status != NNRT_OK) return status;
    size_t nbytes = nnrt_array_nbytes(array);
    snprintf(name, sizeof name, "%.500s.npy", array->name);
    errno       = 0;
    bool opened = zipOpenNewFileInZip64(zip, name, &DATE, NULL, 0, NULL, 0, NULL, 0, 0,
                                        nbytes >= UINT32_MAX - NNRT_NPY_HEADER) == ZIP_OK;
    if (opened && put(zip, header, bytes.size) && put(zip, array->data, nbytes) && zipCloseFileInZip(zip) == ZIP_OK)
        return NNRT_OK;
    return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno ? errno : EIO));
}

nnrt_status nnrt_write_npz(const char *path, const nnrt_array *arrays, int n_arrays, nnrt_error *error) {
    nnrt_writer writer;
    nnrt_status status = nnrt_writer_open(&writer, path, error);
    if (status != NNRT_OK) return status;
    zlib_filefunc64_def io  = nnrt_zip_to_file(writer.file);
    zipFile             zip = zipOpen2_64(path, APPEND_STATUS_CREATE, NULL, &io);
    if (!zip) status = nnrt_fail_memory(error, 0, path);
    for (int i = 0; i < n_arrays && status == NNRT_OK; i++) status = write_member(zip, &arrays[i], path, error);
    if (zip && zipClose(zip, NULL) != ZIP_OK && status == NNRT_OK)
        status = nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno ? errno : EIO));
    if (status == NNRT_OK) return nnrt_writer_commit(&writer, error);
    nnrt_writer_abandon(&writer);
    return status;
}
