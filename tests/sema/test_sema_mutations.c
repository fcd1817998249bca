/* Every token of every file given is deleted, doubled and replaced by its neighbour: each time there is a program that
 * verifies, or an error; never a crash, and never both or neither. */
#include "ast/parse.h"
#include "sema/sema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TEXT = 1 << 14 };

typedef enum Mutation { DELETE, DOUBLE, REPLACE, N_MUTATIONS } Mutation;

static size_t token_length(const char *at) {
    size_t n = 1;
    if (isalnum((unsigned char)*at) || *at == '_')
        while (isalnum((unsigned char)at[n]) || at[n] == '_') n++;
    else if (ispunct((unsigned char)*at) && !strchr("()[]{},;\"", *at))
        while (at[n] && ispunct((unsigned char)at[n]) && !strchr("()[]{},;\"_", at[n])) n++;
    return n;
}

static const char *next_token(const char *at) {
    while (*at && isspace((unsigned char)*at)) at++;
    return at;
}

/* Elaborates the text; 0 when the outcome is consistent. */
static int elaborate(const char *path, const char *text) {
    Compilation c    = {0};
    c.arena          = arena_new();
    c.names          = intern_new(c.arena);
    c.diags          = diags_new(c.arena);
    Module  *module  = ast_parse(&c, diags_add_source(c.diags, path, text, strlen(text)));
    Program *program = graph_from_ast(&c, module);
    int      errors  = diags_error_count(c.diags);
    if (program) program_verify(program, "elaboration");
    int status = (program != NULL) == (errors == 0) ? 0 : 1;
    if (status) fprintf(stderr, "%s: %d errors, %s program, from:\n%s\n", path, errors, program ? "a" : "no", text);
    arena_free(c.arena);
    return status;
}

static void mutate(char *out, const char *text, const char *token, size_t length, Mutation mutation) {
    const char *after = token + length, *neighbour = next_token(after);
    size_t      before = (size_t)(token - text), n = token_length(neighbour);
    char       *end = out;
    memcpy(end, text, before), end += before;
    if (mutation == DOUBLE) {
        memcpy(end, token, length), end += length;
        *end++ = ' ';
        memcpy(end, token, length), end += length;
    } else if (mutation == REPLACE && *neighbour) {
        memcpy(end, neighbour, n), end += n;
    }
    strcpy(end, after);
}

static int mutate_file(const char *path, int *count) {
    static char text[MAX_TEXT / 2], mutant[MAX_TEXT];
    int         failures = 0;
    FILE       *file     = fopen(path, "rb");
    size_t      length   = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (!file) return 1;
    fclose(file);
    text[length] = 0;
    for (const char *token = next_token(text); *token; token = next_token(token)) {
        if (*token == '#') {
            token += strcspn(token, "\n");
            continue;
        }
        size_t n = token_length(token);
        for (int m = 0; m < N_MUTATIONS; m++) {
            mutate(mutant, text, token, n, (Mutation)m);
            failures += elaborate(path, mutant);
            ++*count;
        }
        token += n;
    }
    return failures;
}

int main(int argc, char **argv) {
    int failures = 0, count = 0;
    for (int i = 1; i < argc; i++) failures += mutate_file(argv[i], &count);
    printf("%d mutants, %d failures\n", count, failures);
    return failures ? 1 : 0;
}
