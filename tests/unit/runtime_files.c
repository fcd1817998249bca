#include "runtime_files.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static char folder[] = "/tmp/nnrt_test_XXXXXX";

const char *files_write(const char *name, const void *bytes, size_t size) {
    const char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".gz") == 0) {
        gzFile file = gzopen(name, "wb");
        if (!file || gzwrite(file, bytes, (unsigned)size) != (int)size || gzclose(file) != Z_OK) abort();
        return name;
    }
    FILE *file = fopen(name, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0) abort();
    return name;
}

const char *files_write_text(const char *name, const char *text) {
    return files_write(name, text, strlen(text));
}

int files_enter(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

int files_leave(void **state) {
    (void)state;
    DIR *open = opendir(".");
    for (struct dirent *entry; open && (entry = readdir(open));)
        if (entry->d_name[0] != '.') unlink(entry->d_name);
    if (open) closedir(open);
    return chdir("/") == 0 && rmdir(folder) == 0 ? 0 : -1;
}
