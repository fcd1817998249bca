#include "mutants.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Tokens {
    Token *data;
    size_t len, capacity;
} Tokens;

/* ---- tokens ------------------------------------------------------------------------------------------------------- */

static const char *const operators[] = {
    "...", ".**", ".<=", ".>=", ".==", ".!=", "**", "//", "|>", ":=", "->", "=>", "<=", ">=", "==", "!=", "..", ".+",
    ".-",  ".*",  "./",  ".<",  ".>",  "+",   "-",  "*",  "/",  "%",  "@",  "<",  ">",  "=",  ",",  ":",  ";",  ".",
};

static const char *const brackets[] = {"(", ")", "[", "]", "{", "}"};

static const char *const numbers[] = {"0",    "1",     "-1", "7", "0.5", "99999999999", "9223372036854775807",
                                      "1e30", "3.0e-9"};

static const char *const words[] = {"if",   "let", "batch", "true",  "f32",  "int",
                                    "real", "not", "over",  "model", "state"};

#define COUNT(array) (sizeof(array) / sizeof *(array))

static size_t operator_length(const char *text) {
    for (size_t i = 0; i < COUNT(operators); i++)
        if (strncmp(text, operators[i], strlen(operators[i])) == 0) return strlen(operators[i]);
    return 1;
}

static size_t number_length(const char *text) {
    size_t length = 0;
    while (isdigit((unsigned char)text[length]) || text[length] == '_') length++;
    if (text[length] == '.' && isdigit((unsigned char)text[length + 1])) {
        length++;
        while (isdigit((unsigned char)text[length])) length++;
    }
    size_t sign = text[length + 1] == '-' ? 2 : 1;
    if (text[length] == 'e' && isdigit((unsigned char)text[length + sign])) {
        length += sign;
        while (isdigit((unsigned char)text[length])) length++;
    }
    return length;
}

static size_t string_length(const char *text) {
    size_t length = 1;
    while (text[length] && text[length] != '"' && text[length] != '\n') length++;
    return length + (text[length] == '"');
}

static Token token_at(const char *text, size_t begin) {
    const char *at = text + begin;
    if (isalpha((unsigned char)*at) || *at == '_') {
        size_t end = begin;
        while (isalnum((unsigned char)text[end]) || text[end] == '_') end++;
        return (Token){TOKEN_NAME, begin, end};
    }
    if (isdigit((unsigned char)*at)) return (Token){TOKEN_NUMBER, begin, begin + number_length(at)};
    if (*at == '"') return (Token){TOKEN_STRING, begin, begin + string_length(at)};
    if (*at == '\n') return (Token){TOKEN_NEWLINE, begin, begin + 1};
    if (strchr("()[]{}", *at)) return (Token){TOKEN_BRACKET, begin, begin + 1};
    return (Token){TOKEN_OPERATOR, begin, begin + operator_length(at)};
}

static void push(Tokens *tokens, Token token) {
    if (tokens->len == tokens->capacity) {
        tokens->capacity = tokens->capacity ? 2 * tokens->capacity : 256;
        tokens->data     = realloc(tokens->data, tokens->capacity * sizeof *tokens->data);
        if (!tokens->data) abort();
    }
    tokens->data[tokens->len++] = token;
}

static Tokens tokens_of(const char *text, size_t length) {
    Tokens tokens = {0};
    for (size_t i = 0; i < length;) {
        if (text[i] == '#') {
            while (i < length && text[i] != '\n') i++;
            if (i < length) i++;
            continue;
        }
        if (text[i] == ' ' || text[i] == '\t') {
            i++;
            continue;
        }
        Token token = token_at(text, i);
        push(&tokens, token);
        i = token.end;
    }
    return tokens;
}

/* ---- mutants ------------------------------------------------------------------------------------------------------ */

typedef struct Mutator {
    const char *text;
    size_t      length;
    Tokens      tokens;
    char       *buffer;
    size_t      count;
    unsigned    random; /* state of a small generator: the same mutants in every run */
    MutantVisit visit;
    void       *context;
} Mutator;

static size_t draw(Mutator *m, size_t count) {
    m->random = m->random * 1664525u + 1013904223u;
    return (m->random >> 8) % count;
}

/* Text for messages: without line ends, not too long. */
static void show(char *out, size_t size, const char *text, size_t length) {
    size_t n = length < size - 1 ? length : size - 1;
    for (size_t i = 0; i < n; i++) out[i] = text[i] == '\n' ? '$' : text[i];
    out[n] = '\0';
}

static void splice(Mutator *m, Token token, const char *middle, size_t nbytes, const char *verb) {
    char  *out    = m->buffer;
    size_t length = 0;
    memcpy(out, m->text, token.begin);
    length += token.begin;
    memcpy(out + length, middle, nbytes);
    length += nbytes;
    memcpy(out + length, m->text + token.end, m->length - token.end);
    length += m->length - token.end;
    out[length]   = '\0';
    Mutant mutant = {.text = out, .length = length, .place = token.begin};
    char   old[32], new[32];
    show(old, sizeof old, m->text + token.begin, token.end - token.begin);
    show(new, sizeof new, middle, nbytes);
    snprintf(mutant.what, sizeof mutant.what, "'%s' %s '%s'", old, verb, new);
    m->count++;
    m->visit(m->context, &mutant);
}

static void replace(Mutator *m, Token token, const char *by) {
    size_t length = strlen(by);
    if (length == token.end - token.begin && memcmp(by, m->text + token.begin, length) == 0) return;
    splice(m, token, by, length, "replaced by");
}

/* By another token of the file: of the same kind or of any. */
static void replace_from_file(Mutator *m, Token token, bool same_kind) {
    for (int tries = 0; tries < 20; tries++) {
        Token  other  = m->tokens.data[draw(m, m->tokens.len)];
        size_t length = other.end - other.begin;
        if (same_kind != (other.kind == token.kind)) continue;
        if (length == token.end - token.begin && memcmp(m->text + other.begin, m->text + token.begin, length) == 0)
            continue;
        splice(m, token, m->text + other.begin, length, "replaced by");
        return;
    }
}

static void misspell(Mutator *m, Token token) {
    size_t length = token.end - token.begin;
    char   name[64];
    if (length < 3 || length >= sizeof name) return;
    memcpy(name, m->text + token.begin, length);
    name[length]     = '\0';
    char swapped     = name[length - 1];
    name[length - 1] = name[length - 2];
    name[length - 2] = swapped;
    replace(m, token, name);
}

static void replace_by_kind(Mutator *m, Token token) {
    switch (token.kind) {
    case TOKEN_NAME:
        replace_from_file(m, token, true);
        misspell(m, token);
        replace(m, token, words[draw(m, COUNT(words))]);
        replace(m, token, "1");
        break;
    case TOKEN_NUMBER:
        for (size_t i = 0; i < COUNT(numbers); i++) replace(m, token, numbers[i]);
        replace(m, token, "\"text\"");
        break;
    case TOKEN_STRING:
        replace(m, token, "\"\"");
        replace(m, token, "\"b c -> c b\"");
        replace(m, token, "1");
        break;
    case TOKEN_OPERATOR: replace(m, token, operators[draw(m, COUNT(operators))]); break;
    case TOKEN_BRACKET: replace(m, token, brackets[draw(m, COUNT(brackets))]); break;
    case TOKEN_NEWLINE: replace(m, token, " "); break;
    }
    replace_from_file(m, token, true);
    replace_from_file(m, token, false);
}

static void mutate(Mutator *m, Token token) {
    size_t length = token.end - token.begin;
    char   twice[256];
    splice(m, token, "", 0, "deleted");
    if (2 * length + 1 < sizeof twice) {
        int n = snprintf(twice, sizeof twice, "%.*s %.*s", (int)length, m->text + token.begin, (int)length,
                         m->text + token.begin);
        splice(m, token, twice, (size_t)n, "doubled:");
    }
    replace_by_kind(m, token);
}

size_t mutants_visit(const char *text, size_t length, MutantVisit visit, void *context) {
    Mutator m = {.text    = text,
                 .length  = length,
                 .tokens  = tokens_of(text, length),
                 .random  = 1,
                 .visit   = visit,
                 .context = context};
    m.buffer  = malloc(2 * length + 512);
    if (!m.buffer) abort();
    for (size_t i = 0; i < m.tokens.len; i++) mutate(&m, m.tokens.data[i]);
    free(m.buffer);
    free(m.tokens.data);
    return m.count;
}
