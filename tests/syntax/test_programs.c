/* test_programs FILE...: each program parses without a diagnostic; its canonical form is a fixed point, has the same tree,
 * and keeps every comment. */
#include <stdlib.h>
#include <string.h>

#include "front.h"

static int fail(const char *path, const char *what, const char *text) {
    printf("%s: %s\n%s", path, what, text ? text : "");
    return 1;
}

static int same(const char *path, const char *what, char *a, char *b) {
    int status = strcmp(a, b) == 0 ? 0 : fail(path, what, NULL);
    if (status) printf("---- before\n%s---- after\n%s", a, b);
    free(a);
    free(b);
    return status;
}

static int check_canonical(const char *path, const Front *front) {
    char *text      = front_fmt(front);
    Front canonical = front_parse("canonical.nnet", text, strlen(text));
    char *problems  = front_diagnostics(&canonical);
    int   status    = *problems ? fail(path, "the canonical form does not parse", problems) : 0;
    if (*problems) fputs(text, stdout);
    free(problems);
    if (!status) {
        status |= same(path, "the canonical form has another tree", front_dump(front), front_dump(&canonical));
        status |= same(path, "comments changed", front_comments(front), front_comments(&canonical));
        status |= same(path, "formatting again changes the text", strdup(text), front_fmt(&canonical));
    }
    front_free(&canonical);
    free(text);
    return status;
}

static int check_file(const char *path) {
    size_t length;
    char  *text = front_read_file(path, &length);
    if (!text) return fail(path, "cannot be read", "\n");
    Front front    = front_parse(path, text, length);
    char *problems = front_diagnostics(&front);
    int   status   = *problems ? fail(path, "does not parse", problems) : check_canonical(path, &front);
    free(problems);
    front_free(&front);
    free(text);
    return status;
}

int main(int argc, char **argv) {
    int failures = 0;
    for (int i = 1; i < argc; i++) failures += check_file(argv[i]);
    printf("%d of %d programs fail\n", failures, argc - 1);
    return failures || argc < 2;
}
