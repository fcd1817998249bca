#include "extras/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "core/status.h"
#include "extras/unpack.h"

enum {
    CHUNK        = 1 << 18,
    TURN_MS      = 5000, /* how long to wait for another program that writes the same file */
    TURN_STEP_MS = 5
};

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

/* `packed`: the file's size. */
static nnrt_status read_all(gzFile file, const char *path, uint64_t packed, nnrt_bytes *bytes, nnrt_error *error) {
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
        nnrt_status status = gzdirect(file) ? NNRT_OK : nnrt_check_unpacked(path, packed, bytes->size, error);
        if (status != NNRT_OK) return status;
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
    if (S_ISCHR(info.st_mode) || S_ISBLK(info.st_mode)) /* some have no end */
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: is a device, not a data file", path);
    errno       = 0;
    gzFile file = gzopen(path, "rb");
    if (!file) return fail_read(path, error);
    gzbuffer(file, CHUNK);
    nnrt_status status = read_all(file, path, (uint64_t)info.st_size, bytes, error);
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

/* Opens the temporary file and locks it, so that two programs that write the same file take turns. One left by a
 * program that was killed is taken over: its lock has gone with its owner. -1 with errno; ETIMEDOUT when another holds
 * it for TURN_MS. */
static int open_temporary(const char *temporary) {
    const struct timespec pause = {.tv_nsec = TURN_STEP_MS * 1000000};
    for (int waited = 0; waited <= TURN_MS; waited += TURN_STEP_MS) {
        struct stat ours, named;
        int         fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) return -1;
        bool locked = flock(fd, LOCK_EX | LOCK_NB) == 0 || (errno != EWOULDBLOCK && errno != EINTR);
        /* A writer that has just finished has renamed the file that was waited for. */
        if (locked && fstat(fd, &ours) == 0 && stat(temporary, &named) == 0 && ours.st_ino == named.st_ino &&
            ours.st_dev == named.st_dev) {
            if (S_ISREG(ours.st_mode) && ftruncate(fd, 0) == 0) return fd;
            close(fd);
            return -1;
        }
        close(fd);
        if (!locked) nanosleep(&pause, NULL);
    }
    errno = ETIMEDOUT;
    return -1;
}

nnrt_status nnrt_writer_open(nnrt_writer *writer, const char *path, nnrt_error *error) {
    *writer            = (nnrt_writer){.path = path};
    nnrt_status status = check_target(path, error);
    if (status != NNRT_OK) return status;
    size_t size       = strlen(path) + sizeof ".nnc-tmp";
    writer->temporary = malloc(size);
    if (!writer->temporary) return nnrt_fail_memory(error, size, "a file name");
    snprintf(writer->temporary, size, "%s.nnc-tmp", path);
    int fd = open_temporary(writer->temporary);
    if (fd >= 0) writer->file = fdopen(fd, "wb");
    if (writer->file) return NNRT_OK;
    status = errno == ETIMEDOUT
                 ? nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: another program is writing it", path)
                 : fail_write(path, error);
    if (fd < 0) { /* it is not ours to remove */
        free(writer->temporary);
        writer->temporary = NULL;
    } else {
        close(fd);
    }
    nnrt_writer_abandon(writer);
    return status;
}

void nnrt_writer_abandon(nnrt_writer *writer) {
    if (writer->temporary) unlink(writer->temporary); /* while it is locked */
    if (writer->file) fclose(writer->file);
    free(writer->temporary);
    *writer = (nnrt_writer){0};
}

void nnrt_writer_put(nnrt_writer *writer, const void *data, size_t nbytes) {
    if (writer->failure == 0 && fwrite(data, 1, nbytes, writer->file) != nbytes) writer->failure = errno ? errno : EIO;
}

/* Makes the new name survive a crash of the machine; `path` is cut to its folder. Not every file system can: then the
 * rename is all there is. */
static void sync_folder(char *path) {
    char *slash = strrchr(path, '/');
    if (slash) slash[1] = 0;
    int fd = open(slash ? path : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fsync(fd);
    close(fd);
}

nnrt_status nnrt_writer_commit(nnrt_writer *writer, nnrt_error *error) {
    bool whole = writer->failure == 0 && fflush(writer->file) == 0 && fsync(fileno(writer->file)) == 0;
    if (writer->failure) errno = writer->failure;
    if (whole && rename(writer->temporary, writer->path) == 0) { /* before the lock is given up */
        fclose(writer->file);
        sync_folder(writer->temporary);
        free(writer->temporary);
        *writer = (nnrt_writer){0};
        return NNRT_OK;
    }
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
