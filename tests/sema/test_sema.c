/* Golden tests of the elaborator: each .nnet file given says what is to come of it.
 *
 *     # error: E0301 text     on a line: a diagnostic with this code and text is reported at this line, and no others are
 *     # expect: text          the printed program has a line with this text, after that of the `expect` before it
 *     # reject: text          no line of the printed program has it
 *     # options: -D n=3 --precision f64 --model M
 *
 * Where NAME.expected stands beside NAME.nnet, the rendered diagnostics and warnings must be its text; UPDATE=1 rewrites it. */
#define _POSIX_C_SOURCE 200809L

#include "ast/parse.h"
#include "sema/sema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEFINES = 8, MAX_MARKS = 64, MAX_LINE = 1024 };

typedef struct Mark {
    int  line;
    char text[MAX_LINE];
    bool seen;
} Mark;

typedef struct Case {
    const char *path;
    char       *text;
    Define      defines[MAX_DEFINES];
    Options     options;
    Mark        errors[MAX_MARKS];
    int         n_errors;
    char       *diags, *program; /* rendered */
    bool        failed;
} Case;

static char *read_text(const char *path) {
    FILE *file = fopen(path, "rb");
    if (!file) return NULL;
    char  *text;
    size_t length;
    FILE  *memory = open_memstream(&text, &length);
    for (int byte; (byte = fgetc(file)) != EOF;) fputc(byte, memory);
    fclose(file);
    fclose(memory);
    return text;
}

static void fail(Case *test, const char *what, const char *detail) {
    fprintf(stderr, "%s: %s%s%s\n", test->path, what, detail ? ": " : "", detail ? detail : "");
    test->failed = true;
}

/* ---- what the file asks for --------------------------------------------------------------------------------------------------------- */

static void read_options(Case *test, char *text) {
    char *rest = text;
    for (char *word = strtok_r(rest, " ", &rest); word; word = strtok_r(rest, " ", &rest)) {
        char *value = strtok_r(rest, " ", &rest);
        if (!value) break;
        if (!strcmp(word, "--precision"))
            test->options.precision = strdup(value);
        else if (!strcmp(word, "--model"))
            test->options.model = strdup(value);
        else if (!strcmp(word, "-D") && strchr(value, '=') && test->options.n_defines < MAX_DEFINES) {
            char *name                               = strdup(value);
            char *equals                             = strchr(name, '=');
            *equals                                  = 0;
            test->defines[test->options.n_defines++] = (Define){name, equals + 1};
        }
    }
    test->options.defines = test->defines;
}

static bool next_line(const char **at, char *line) {
    if (!**at) return false;
    size_t length = strcspn(*at, "\n");
    size_t copied = length < MAX_LINE - 1 ? length : MAX_LINE - 1;
    memcpy(line, *at, copied);
    line[copied] = 0;
    *at += length + ((*at)[length] == '\n');
    return true;
}

static char *after(char *line, const char *key) {
    char *found = strstr(line, key);
    return found ? found + strlen(key) : NULL;
}

static void read_marks(Case *test) {
    const char *at = test->text;
    char        line[MAX_LINE];
    for (int number = 1; next_line(&at, line); number++) {
        char *options = after(line, "# options: "), *error = after(line, "# error: ");
        if (options) read_options(test, options);
        if (!error || test->n_errors == MAX_MARKS) continue;
        Mark *mark = &test->errors[test->n_errors++];
        mark->line = number;
        snprintf(mark->text, MAX_LINE, "%s", error);
    }
}

/* ---- running ----------------------------------------------------------------------------------------------------------------------------- */

static void run(Case *test) {
    Compilation c = {0};
    size_t      n_diags, n_program;
    c.arena          = arena_new();
    c.names          = intern_new(c.arena);
    c.diags          = diags_new(c.arena);
    c.options        = test->options;
    c.options.input  = test->path;
    Module  *module  = ast_from_file(&c, test->path);
    Program *program = module ? graph_from_ast(&c, module) : NULL;
    FILE    *out     = open_memstream(&test->diags, &n_diags);
    diags_render(c.diags, out, DIAG_HUMAN, false);
    fclose(out);
    out = open_memstream(&test->program, &n_program);
    if (program) program_verify(program, "elaboration");
    if (program) program_print(program, out);
    fclose(out);
    if (!program && !diags_error_count(c.diags)) fail(test, "no program and no error", NULL);
    if (program && diags_error_count(c.diags)) fail(test, "a program in spite of errors", NULL);
    arena_free(c.arena);
}

/* ---- checks -------------------------------------------------------------------------------------------------------------------------------- */

static void match_error(Case *test, const char *headline, int line) {
    for (int i = 0; i < test->n_errors; i++) {
        Mark *mark = &test->errors[i];
        if (mark->seen || mark->line != line) continue;
        char code[8] = {0};
        int  used    = 0;
        if (sscanf(mark->text, "%7s %n", code, &used) < 1) continue;
        if (!strstr(headline, code) || !strstr(headline, mark->text + used)) continue;
        mark->seen = true;
        return;
    }
    char detail[2 * MAX_LINE];
    snprintf(detail, sizeof detail, "line %d: %s", line, headline);
    fail(test, "not expected", detail);
}

/* A rendered diagnostic begins "error[E0301]: text" and " --> path:line:column". */
static void check_errors(Case *test) {
    const char *at = test->diags;
    char        line[MAX_LINE], headline[MAX_LINE] = "";
    while (next_line(&at, line)) {
        char *arrow = after(line, "--> ");
        if (!strncmp(line, "error[", 6) || !strncmp(line, "warning[", 8))
            snprintf(headline, MAX_LINE, "%s", line);
        else if (arrow && *headline) {
            char *column = strrchr(arrow, ':');
            if (column) *column = 0;
            char *number = strrchr(arrow, ':');
            match_error(test, headline, number ? atoi(number + 1) : 0);
            *headline = 0;
        }
    }
    for (int i = 0; i < test->n_errors; i++)
        if (!test->errors[i].seen) fail(test, "missing", test->errors[i].text);
}

static void check_program(Case *test) {
    const char *at = test->text, *from = test->program;
    char        line[MAX_LINE];
    while (next_line(&at, line)) {
        char *expect = after(line, "# expect: "), *reject = after(line, "# reject: ");
        if (reject && strstr(test->program, reject)) fail(test, "the program has", reject);
        if (!expect) continue;
        const char *found = strstr(from, expect);
        if (!found)
            fail(test, "the program lacks (in this order)", expect);
        else
            from = found + strlen(expect);
    }
}

/* The rendering shows the path that was given; only its last part is kept. */
static char *without_folder(const Case *test) {
    char  *text;
    size_t length, folder = (size_t)(strrchr(test->path, '/') ? strrchr(test->path, '/') + 1 - test->path : 0);
    FILE  *out = open_memstream(&text, &length);
    for (const char *p = test->diags; *p; p++) {
        if (folder && !strncmp(p, test->path, folder)) p += folder;
        fputc(*p, out);
    }
    fclose(out);
    return text;
}

static void check_rendering(Case *test) {
    char path[MAX_LINE];
    snprintf(path, sizeof path, "%.*s.expected", (int)(strlen(test->path) - strlen(".nnet")), test->path);
    char *wanted = read_text(path);
    if (!wanted) return;
    char *got = without_folder(test);
    if (strcmp(wanted, got)) {
        FILE *file = getenv("UPDATE") ? fopen(path, "wb") : NULL;
        if (file) {
            fputs(got, file);
            fclose(file);
        } else
            fail(test, "the diagnostics read otherwise (UPDATE=1 rewrites)", got);
    }
    free(got);
    free(wanted);
}

int main(int argc, char **argv) {
    int failures = 0;
    for (int i = 1; i < argc; i++) {
        Case test = {.path = argv[i], .text = read_text(argv[i])};
        if (!test.text) {
            fail(&test, "cannot be read", NULL);
        } else {
            read_marks(&test);
            run(&test);
            check_errors(&test);
            check_program(&test);
            check_rendering(&test);
        }
        if (test.failed && test.diags && *test.diags) fprintf(stderr, "%s", test.diags);
        failures += test.failed;
        for (int k = 0; k < test.options.n_defines; k++) free((char *)(uintptr_t)test.defines[k].name);
        free((char *)(uintptr_t)test.options.precision);
        free((char *)(uintptr_t)test.options.model);
        free(test.text);
        free(test.diags);
        free(test.program);
    }
    printf("%d of %d files as expected\n", argc - 1 - failures, argc - 1);
    return failures ? 1 : 0;
}
