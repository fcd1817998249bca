/* test_errors FILE...: the diagnostics of each FILE.nnet, as rendered, are those pinned in FILE.expected beside it.
 * With UPDATE=1 in the environment the pinned files are rewritten instead. */
#include <stdlib.h>
#include <string.h>

#include "front.h"

static char *expected_path(const char *path) {
    size_t stem   = strlen(path) - strlen(".nnet");
    char  *pinned = malloc(stem + sizeof ".expected");
    if (!pinned) abort();
    memcpy(pinned, path, stem);
    strcpy(pinned + stem, ".expected");
    return pinned;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int rewrite(const char *path, const char *text) {
    FILE *out = fopen(path, "wb");
    if (!out) return 1;
    fputs(text, out);
    return fclose(out) != 0;
}

static int compare(const char *path, const char *text) {
    size_t length;
    char  *pinned = front_read_file(path, &length);
    int    same   = pinned && strcmp(pinned, text) == 0;
    if (!same) printf("%s differs; the diagnostics now are:\n%s\n", path, text);
    free(pinned);
    return !same;
}

static int check_file(const char *path) {
    size_t length;
    char  *text = front_read_file(path, &length);
    if (!text) return 1;
    Front front    = front_parse(base_name(path), text, length);
    char *rendered = front_diagnostics(&front);
    char *pinned   = expected_path(path);
    int   status   = getenv("UPDATE") ? rewrite(pinned, rendered) : compare(pinned, rendered);
    if (!diags_error_count(front.c.diags)) {
        printf("%s has no error\n", path);
        status = 1;
    }
    free(pinned);
    free(rendered);
    front_free(&front);
    free(text);
    return status;
}

int main(int argc, char **argv) {
    int failures = 0;
    for (int i = 1; i < argc; i++) failures += check_file(argv[i]);
    printf("%d of %d files fail\n", failures, argc - 1);
    return failures || argc < 2;
}
