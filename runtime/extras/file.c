#include "extras/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "core/status.h"

enum { CHUNK = 1 << 18 };

static nnrt_status fail_read(const char *path, nnrt_error *error) {
    if (errno == ENOENT) return nnrt_fail(error, NNRT_BAD_DATA, "%s: no such file", path);
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: cannot be read: %s", path, strerror(errno));
}

static nnrt_status fail_unpack(gzFile file, const char *path, nnrt_error *error) {
    int         code;
    const char *text = gzerror(file, &code);
    if (code == Z_ERRNO) return fail_read(path, error);
    if (code == Z_BUF_ERROR) text = "it ends early";
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: the gzip data is damaged (%s): get the file again", path, text);
}

static nnrt_status read_all(gzFile file, const char *path, nnrt_bytes *bytes, nnrt_error *error) {
    size_t capacity = 0;
    for (;;) {
        if (capacity - bytes->size < CHUNK + 1) {
            capacity            = capacity ? 2 * capacity : 4 * CHUNK;
            unsigned char *more = realloc(bytes->data, capacity);
            if (!more) return nnrt_fail_memory(error, capacity, path);
            bytes->data = more;
        }
        int n = gzread(file, bytes->data + bytes->size, CHUNK);
        if (n < 0) return fail_unpack(file, path, error);
        if (n == 0) break;
        bytes->size += (size_t)n;
    }
    int code;
    gzerror(file, &code);
    if (code != Z_OK && code != Z_STREAM_END) return fail_unpack(file, path, error);
    bytes->data[bytes->size] = 0;
    return NNRT_OK;
}

nnrt_status nnrt_read_file(const char *path, nnrt_bytes *bytes, nnrt_error *error) {
    *bytes = (nnrt_bytes){0};
    struct stat info;
    if (stat(path, &info) != 0) return fail_read(path, error);
    if (S_ISDIR(info.st_mode)) return nnrt_fail(error, NNRT_BAD_DATA, "%s: is a directory, not a data file", path);
    errno       = 0;
    gzFile file = gzopen(path, "rb");
    if (!file) return fail_read(path, error);
    gzbuffer(file, CHUNK);
    nnrt_status status = read_all(file, path, bytes, error);
    gzclose(file);
    if (status == NNRT_OK) return NNRT_OK;
    free(bytes->data);
    *bytes = (nnrt_bytes){0};
    return status;
}

static nnrt_status fail_write(const char *path, nnrt_error *error) {
    return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno));
}

/* What stands at the path now must be nothing or an ordinary file that may be replaced: a rename would even replace
 * a device. */
static nnrt_status check_target(const char *path, nnrt_error *error) {
    struct stat info;
    if (stat(path, &info) != 0) return errno == ENOENT ? NNRT_OK : fail_write(path, error);
    if (S_ISDIR(info.st_mode)) return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: is a directory", path);
    if (!S_ISREG(info.st_mode))
        return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: is not an ordinary file", path);
    return access(path, W_OK) == 0 ? NNRT_OK : fail_write(path, error);
}

nnrt_status nnrt_writer_open(nnrt_writer *writer, const char *path, nnrt_error *error) {
    *writer            = (nnrt_writer){.path = path};
    nnrt_status status = check_target(path, error);
    if (status != NNRT_OK) return status;
    size_t size       = strlen(path) + 32;
    writer->temporary = malloc(size);
    if (!writer->temporary) return nnrt_fail_memory(error, size, "a file name");
    snprintf(writer->temporary, size, "%s.%ld.tmp", path, (long)getpid());
    int fd = open(writer->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0) writer->file = fdopen(fd, "wb");
    if (writer->file) return NNRT_OK;
    status = fail_write(path, error);
    if (fd >= 0) close(fd);
    nnrt_writer_abandon(writer);
    return status;
}

void nnrt_writer_abandon(nnrt_writer *writer) {
    if (writer->file) fclose(writer->file);
    if (writer->temporary) unlink(writer->temporary);
    free(writer->temporary);
    *writer = (nnrt_writer){0};
}

void nnrt_writer_put(nnrt_writer *writer, const void *data, size_t nbytes) {
    if (writer->failure == 0 && fwrite(data, 1, nbytes, writer->file) != nbytes) writer->failure = errno ? errno : EIO;
}

nnrt_status nnrt_writer_commit(nnrt_writer *writer, nnrt_error *error) {
    bool whole   = writer->failure == 0 && fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0;
    int  failure = writer->failure ? writer->failure : errno;
    bool closed  = fclose(writer->file) == 0;
    writer->file = NULL;
    if (whole && closed && rename(writer->temporary, writer->path) == 0) {
        free(writer->temporary);
        *writer = (nnrt_writer){0};
        return NNRT_OK;
    }
    if (!whole) errno = failure;
    nnrt_status status = fail_write(writer->path, error);
    nnrt_writer_abandon(writer);
    return status;
}

nnrt_status nnrt_check_writable(const char *path, nnrt_error *error) {
    nnrt_writer writer;
    nnrt_status status = nnrt_writer_open(&writer, path, error);
    if (status == NNRT_OK) nnrt_writer_abandon(&writer);
    return status;
}
