/* test_mutations FILE...: the front end survives every program with one token deleted, doubled, followed by a comment,
 * replaced by some others, and cut off before it. What still parses formats to a fixed point with the same tree and the
 * same comments. */
#include <stdlib.h>
#include <string.h>

#include "front.h"

typedef struct Piece { /* a token-like run of bytes */
    size_t begin, end;
} Piece;

static const char *const replacements[] = {
    "(",  ")",  "[",   "]",  "{",    "}",    ";",     ",", "=",  ":=", "|>",
    "..", "\n", "let", "if", "else", "scan", "model", "0", "\"", "#",  "\x80",
};

static int is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static size_t piece_end(const char *text, size_t length, size_t begin) {
    size_t end = begin + 1;
    if (is_word(text[begin]))
        while (end < length && is_word(text[end])) end++;
    return end;
}

/* Whether the texts are equal; frees them. */
static int equal(char *a, char *b) {
    int same = strcmp(a, b) == 0;
    free(a);
    free(b);
    return same;
}

static int check_canonical(const Front *front) {
    char *text   = front_fmt(front);
    Front again  = front_parse("again.nnet", text, strlen(text));
    int   status = diags_error_count(again.c.diags) || !equal(strdup(text), front_fmt(&again)) ||
                 !equal(front_dump(front), front_dump(&again)) || !equal(front_comments(front), front_comments(&again));
    if (status) printf("---- canonical\n%s", text);
    front_free(&again);
    free(text);
    return status;
}

static int survive(const char *path, const char *text, size_t length) {
    Front front  = front_parse(path, text, length);
    int   status = 0;
    free(front_diagnostics(&front));
    free(front_dump(&front));
    if (!diags_error_count(front.c.diags)) status = check_canonical(&front);
    if (status) printf("---- of %s, mutated\n%.*s", path, (int)length, text);
    front_free(&front);
    return status;
}

typedef struct Mutant {
    const char *path, *text;
    size_t      length;
    char       *buffer; /* holds the text twice, and a replacement */
} Mutant;

/* Replaces [begin, end) by `middle`. */
static int try_splice(const Mutant *m, size_t begin, size_t end, const char *middle, size_t nbytes) {
    memcpy(m->buffer, m->text, begin);
    memcpy(m->buffer + begin, middle, nbytes);
    memcpy(m->buffer + begin + nbytes, m->text + end, m->length - end);
    size_t length     = begin + nbytes + m->length - end;
    m->buffer[length] = '\0';
    return survive(m->path, m->buffer, length);
}

static int mutate(const Mutant *m, Piece piece, size_t index) {
    int failures = try_splice(m, piece.begin, piece.end, "", 0);
    failures += try_splice(m, piece.begin, piece.begin, m->text + piece.begin, piece.end - piece.begin);
    failures += try_splice(m, piece.begin, m->length, "", 0);
    failures += try_splice(m, piece.end, piece.end, " # note\n", 8);
    size_t n = sizeof replacements / sizeof *replacements;
    for (size_t k = 0; k < 3; k++) {
        const char *replacement = replacements[(index * 7 + k * 5) % n];
        failures += try_splice(m, piece.begin, piece.end, replacement, strlen(replacement));
    }
    return failures;
}

static int check_file(const char *path) {
    size_t length;
    char  *text = front_read_file(path, &length);
    if (!text) return 1;
    Mutant m = {path, text, length, malloc(2 * length + 64)};
    if (!m.buffer) abort();
    int    failures = 0;
    size_t index    = 0;
    for (size_t i = 0; i < length;) {
        Piece piece = {i, piece_end(text, length, i)};
        if (text[i] != ' ') failures += mutate(&m, piece, index++);
        i = piece.end;
    }
    free(m.buffer);
    free(text);
    return failures;
}

int main(int argc, char **argv) {
    int failures = 0;
    for (int i = 1; i < argc; i++) failures += check_file(argv[i]);
    printf("%d mutants fail\n", failures);
    return failures || argc < 2;
}
