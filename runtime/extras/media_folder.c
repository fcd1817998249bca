/* A folder of pictures or sounds as a table. It is written as a CSV and read as one, so that whatever tables can do
 * holds for it. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/status.h"
#include "extras/media.h"

static const char *const ENDINGS[] = {".png", ".jpg", ".jpeg", ".wav", ".png.gz", ".jpg.gz", ".jpeg.gz", ".wav.gz"};

static bool is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

bool nnrt_is_media(const char *path) {
    size_t size = strlen(path);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t n = strlen(ENDINGS[i]);
        if (size > n && strcasecmp(path + size - n, ENDINGS[i]) == 0) return true;
    }
    return is_folder(path);
}

typedef struct Listing {
    FILE       *text;
    nnrt_error *error;
    int64_t     n_files;
} Listing;

static void put_cell(FILE *text, const char *cell, size_t size, char end) {
    putc('"', text);
    for (size_t i = 0; i < size; i++) {
        if (cell[i] == '"') putc('"', text);
        putc(cell[i], text);
    }
    putc('"', text);
    putc(end, text);
}

/* `file`: its path within the listed folder; `folder`: the path of the folder that it is in. */
static void put_file(Listing *l, const char *file, const char *folder) {
    const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
    size_t      n = strlen(folder);
    while (n > 1 && folder[n - 1] == '/') n--;
    size_t from = n;
    while (from > 0 && folder[from - 1] != '/') from--;
    put_cell(l->text, file, strlen(file), ',');
    put_cell(l->text, folder + from, n - from, ',');
    put_cell(l->text, name, strcspn(name, "_."), '\n');
    l->n_files++;
}

static int is_listed(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

/* By bytes, whatever the locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* `within`: "" or "cats/", the part of `folder` below the listed one. Folders within folders are not read, so that links
 * in circles end. */
static nnrt_status list(Listing *l, const char *folder, const char *within) {
    struct dirent **entries;
    int             n      = scandir(folder, &entries, is_listed, by_name);
    nnrt_status     status = NNRT_OK;
    if (n < 0) return nnrt_fail(l->error, NNRT_BAD_DATA, "%s: cannot be read: %s", folder, strerror(errno));
    for (int i = 0; i < n; i++) {
        char path[4096], below[4096];
        int  size = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        snprintf(below, sizeof below, "%s%s", within, entries[i]->d_name);
        if (status == NNRT_OK && size >= (int)sizeof path)
            status = nnrt_fail(l->error, NNRT_BAD_DATA, "%.200s...: its name is too long", path);
        else if (status == NNRT_OK && strpbrk(entries[i]->d_name, "\r\n\t"))
            status =
                nnrt_fail(l->error, NNRT_BAD_DATA, "%s: holds a file whose name has a line end or tab in it", folder);
        else if (status == NNRT_OK && !is_folder(path))
            put_file(l, below, folder);
        else if (status == NNRT_OK && within[0])
            status = nnrt_fail(l->error, NNRT_BAD_DATA,
                               "%s: is a folder in a folder of a folder: a class is one folder of files", path);
        else if (status == NNRT_OK) {
            size_t end = strlen(below);
            if (end + 1 < sizeof below) memcpy(below + end, "/", 2);
            status = list(l, path, below);
        }
        free(entries[i]);
    }
    free(entries);
    return status;
}

static nnrt_status list_path(Listing *l, const char *path) {
    fputs("\"file\",\"folder\",\"prefix\"\n", l->text);
    if (is_folder(path)) {
        nnrt_status status = list(l, path, "");
        if (status == NNRT_OK && l->n_files == 0)
            return nnrt_fail(l->error, NNRT_BAD_DATA, "%s: is a folder without files", path);
        return status;
    }
    const char *slash = strrchr(path, '/');
    char        folder[4096];
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    put_file(l, slash ? slash + 1 : path, folder);
    return NNRT_OK;
}

nnrt_status nnrt_list_media(const char *path, nnrt_table *table, nnrt_error *error) {
    nnrt_bytes bytes = {0};
    char      *text  = NULL;
    Listing    l     = {.text = open_memstream(&text, &bytes.size), .error = error};
    if (!l.text) return nnrt_fail_memory(error, 0, path);
    nnrt_status status = list_path(&l, path);
    bool        whole  = fclose(l.text) == 0;
    bytes.data         = (unsigned char *)text;
    if (status == NNRT_OK && !whole) status = nnrt_fail_memory(error, 0, path);
    if (status == NNRT_OK) status = nnrt_read_csv(path, &bytes, table, error);
    free(bytes.data);
    if (status == NNRT_OK && table->is_unsure) nnrt_table_settle(table, true);
    return status;
}
