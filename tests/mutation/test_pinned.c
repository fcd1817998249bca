/* test_pinned NAME.nnet...: the diagnostics of each program are the text of NAME.expected beside it. UPDATE=1 rewrites them. */
#include <stdlib.h>
#include <string.h>

#include "front_half.h"

static char *expected_path(const char *path) {
    size_t stem   = strlen(path) - strlen(".nnet");
    char  *result = malloc(strlen(path) + 8);
    if (!result) abort();
    sprintf(result, "%.*s.expected", (int)stem, path);
    return result;
}

static int update(const char *path, const char *text) {
    FILE *file = fopen(path, "wb");
    if (!file) return 1;
    fputs(text, file);
    return fclose(file) != 0;
}

static int check(const char *path) {
    size_t length, expected_length;
    char  *text = read_whole_file(path, &length);
    if (!text) return printf("%s: cannot be read\n", path), 1;
    FrontHalf half     = front_half_run(path, text, length);
    char     *got      = front_half_render(&half);
    char     *beside   = expected_path(path);
    char     *expected = read_whole_file(beside, &expected_length);
    int       failed   = 0;
    if (getenv("UPDATE"))
        failed = update(beside, got);
    else if (half.planned || !expected || strcmp(got, expected) != 0)
        failed = 1, printf("---- %s should give\n%s---- but gives\n%s", path, expected ? expected : "", got);
    free(expected);
    free(beside);
    free(got);
    free(text);
    front_half_free(&half);
    return failed;
}

int main(int argc, char **argv) {
    int failed = argc < 2;
    for (int i = 1; i < argc; i++) failed += check(argv[i]);
    printf("%d of %d fail\n", failed, argc - 1);
    return failed != 0;
}
