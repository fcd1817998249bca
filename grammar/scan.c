/* Spellings to tokens: values of numbers and strings, reserved words, and reports of what is no token. */
#include "scan.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_NAME_BYTES = 255, MAX_NUMBER_BYTES = 400 };

static const struct {
    const char *word;
    int         kind;
} reserved[] = {
    {"and", TOK_AND},   {"as", TOK_AS},     {"else", TOK_ELSE}, {"false", TOK_FALSE},   {"fn", TOK_FN},
    {"for", TOK_FOR},   {"if", TOK_IF},     {"in", TOK_IN},     {"let", TOK_LET},       {"not", TOK_NOT},
    {"or", TOK_OR},     {"scan", TOK_SCAN}, {"then", TOK_THEN}, {"repeat", TOK_REPEAT}, {"return", TOK_RETURN},
    {"true", TOK_TRUE}, {"var", TOK_VAR},
};

static Span here(const Scan *s) {
    return (Span){s->file, s->begin, s->end};
}

static void push(Scan *s, int kind, NNET_STYPE value) {
    Token token = {kind, s->line_before, here(s), value};
    vec_push(s->c->arena, &s->tokens, token);
    s->line_before = false;
}

void scan_advance(Scan *s, int nbytes) {
    s->begin = s->end;
    s->end += (uint32_t)nbytes;
}

void scan_line(Scan *s) {
    s->line_before = true;
}

void scan_comment(Scan *s) {
    Comment comment = {here(s), s->line_before};
    vec_push(s->c->arena, &s->module->comments, comment);
}

void scan_symbol(Scan *s, int kind) {
    push(s, kind, (NNET_STYPE){0});
}

void scan_word(Scan *s, const char *text) {
    for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
        if (strcmp(text, reserved[i].word) == 0) {
            scan_symbol(s, reserved[i].kind);
            return;
        }
    size_t length = s->end - s->begin;
    if (length > MAX_NAME_BYTES) {
        diag_error(s->c->diags, here(s), E0007, "this name has %zu characters; at most %d are allowed", length,
                   MAX_NAME_BYTES);
        length = MAX_NAME_BYTES;
    }
    push(s, TOK_IDENT, (NNET_STYPE){.TOK_IDENT = intern_text(s->c->names, text, length)});
}

/* ---- numbers ---------------------------------------------------------------------------------------------------------- */

static void push_integer(Scan *s, uint64_t value) {
    push(s, TOK_INT, (NNET_STYPE){.TOK_INT = value});
}

static void push_real(Scan *s, double value) {
    push(s, TOK_REAL, (NNET_STYPE){.TOK_REAL = value});
}

void scan_integer(Scan *s, const char *text) {
    uint64_t value = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '_') continue;
        uint64_t digit = (uint64_t)(*p - '0');
        if (value > ((uint64_t)INT64_MAX - digit) / 10) {
            Diag *diag = diag_error(s->c->diags, here(s), E0005, "this number does not fit in 64 bits");
            diag_note(diag, "the largest is %lld", (long long)INT64_MAX);
            value = 0;
            break;
        }
        value = value * 10 + digit;
    }
    push_integer(s, value);
}

/* The digits without '_', in `buffer`; false when there are more than any number needs. */
static bool plain_digits(const char *text, char *buffer) {
    int length = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '_') continue;
        if (length == MAX_NUMBER_BYTES) return false;
        buffer[length++] = *p;
    }
    buffer[length] = '\0';
    return true;
}

void scan_real(Scan *s, const char *text) {
    char   buffer[MAX_NUMBER_BYTES + 1];
    double value = 0;
    if (!plain_digits(text, buffer)) {
        diag_error(s->c->diags, here(s), E0004, "this number has more than %d digits", MAX_NUMBER_BYTES);
    } else {
        value = strtod(buffer, NULL);
        if (isinf(value)) {
            diag_error(s->c->diags, here(s), E0005, "this number is larger than any 64-bit float");
            value = 0;
        }
    }
    push_real(s, value);
}

void scan_number_with_letters(Scan *s, const char *text) {
    bool  hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    Diag *diag        = diag_error(s->c->diags, here(s), E0004, "a number runs into letters");
    if (hexadecimal)
        diag_help(diag, "numbers are decimal");
    else
        diag_help(diag, "names begin with a letter; write '*' to multiply");
    push_integer(s, 1);
}

void scan_bare_dot(Scan *s, const char *text) {
    char        buffer[MAX_NUMBER_BYTES + 1];
    const char *point = strchr(text, '.');
    Diag       *diag  = diag_error(s->c->diags, here(s), E0004, "a number needs digits on both sides of the point");
    if (plain_digits(text, buffer) && point) {
        diag_help(diag, "write '%.*s%s.%s%s'", (int)(point - text), text, point == text ? "0" : "",
                  isdigit((unsigned char)point[1]) ? "" : "0", point + 1);
        push_real(s, strtod(buffer, NULL));
    } else {
        push_real(s, 0);
    }
}

/* ---- strings ---------------------------------------------------------------------------------------------------------- */

static void push_string(Scan *s, const char *text, size_t length) {
    push(s, TOK_STRING, (NNET_STYPE){.TOK_STRING = intern_text(s->c->names, text, length)});
}

static char escaped(char letter) {
    switch (letter) {
    case 'n': return '\n';
    case 't': return '\t';
    case '"':
    case '\\': return letter;
    default: return '\0';
    }
}

static bool valid_utf8(const char *text, size_t length) {
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t more = p[i] < 0x80 ? 0 : p[i] < 0xC2 ? 9 : p[i] < 0xE0 ? 1 : p[i] < 0xF0 ? 2 : p[i] < 0xF5 ? 3 : 9;
        if (p[i] == 0 || i + more >= length) return false;
        if (p[i] == 0xE0 && p[i + 1] < 0xA0) return false;
        for (size_t k = 1; k <= more; k++)
            if ((p[i + k] & 0xC0) != 0x80) return false;
        i += more + 1;
    }
    return true;
}

void scan_string(Scan *s, const char *text, int length) {
    char  *resolved = arena_alloc(s->c->arena, (size_t)length);
    size_t n        = 0;
    if (!valid_utf8(text, (size_t)length)) {
        diag_error(s->c->diags, here(s), E0009, "this string holds bytes that are not UTF-8 text");
        push_string(s, "", 0);
        return;
    }
    for (int i = 1; i < length - 1; i++) {
        char letter = text[i];
        if (letter == '\\' && !(letter = escaped(text[++i]))) {
            Span  at   = {s->file, s->begin + (uint32_t)i - 1, s->begin + (uint32_t)i + 1};
            Diag *diag = diag_error(s->c->diags, at, E0006, "unknown escape in a string");
            diag_help(diag, "the escapes are \\n, \\t, \\\" and \\\\");
            letter = '?';
        }
        resolved[n++] = letter;
    }
    push_string(s, resolved, n);
}

void scan_unterminated(Scan *s) {
    Diag *diag = diag_error(s->c->diags, here(s), E0006, "this string has no closing '\"'");
    diag_help(diag, "a string ends on the line where it begins; '\\n' stands for a line end");
    push_string(s, "", 0);
}

void scan_single_quoted(Scan *s, const char *text, int length) {
    Diag *diag = diag_error(s->c->diags, here(s), E0008, "strings stand in double quotes");
    if (valid_utf8(text, (size_t)length)) diag_help(diag, "write \"%.*s\"", length - 2, text + 1);
    push_string(s, "", 0);
}

/* ---- what is no token ------------------------------------------------------------------------------------------------- */

static const struct {
    const char *spelling;
    int         kind; /* what it stands for */
    const char *message, *help;
} foreign[] = {
    {"^", TOK_POW, "'^' is not an operator", "power is '**'"},
    {"&&", TOK_AND, "'&&' is not an operator", "write 'and'"},
    {"||", TOK_OR, "'||' is not an operator", "write 'or'"},
    {"&", TOK_AND, "'&' is not an operator", "write 'and' between bool tensors"},
    {"|", TOK_OR, "'|' is not an operator", "write 'or' between bool tensors, '|>' to pipe"},
    {"!", TOK_NOT, "'!' is not an operator", "write 'not'"},
    {"~", TOK_NOT, "'~' is not an operator", "write 'not'"},
    {"+=", TOK_ASSIGN, "'+=' is not an operator", "write 'x := x + ...'"},
    {"-=", TOK_ASSIGN, "'-=' is not an operator", "write 'x := x - ...'"},
    {"*=", TOK_ASSIGN, "'*=' is not an operator", "write 'x := x * ...'"},
    {"/=", TOK_ASSIGN, "'/=' is not an operator", "write 'x := x / ...'"},
    {"//=", TOK_ASSIGN, "'//=' is not an operator", "write 'x := x // ...'"},
    {"**=", TOK_ASSIGN, "'**=' is not an operator", "write 'x := x ** ...'"},
};

void scan_foreign(Scan *s, const char *text) {
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++) {
        if (strcmp(text, foreign[i].spelling) != 0) continue;
        Diag *diag = diag_error(s->c->diags, here(s), E0008, "%s", foreign[i].message);
        diag_help(diag, "%s", foreign[i].help);
        scan_symbol(s, foreign[i].kind);
        return;
    }
    BUG("no row for '%s'", text);
}

void scan_block_comment(Scan *s) {
    Diag *diag = diag_error(s->c->diags, here(s), E0008, "'/*' does not begin a comment");
    diag_help(diag, "a comment runs from '#' to the end of its line");
}

/* A token that fits nowhere: the parser skips the statement, and what was reported here is all that is said of it. */
static void push_nothing(Scan *s) {
    scan_symbol(s, TOK_NNET_UNDEF);
}

static const struct {
    const char *spelling;
    int         kind; /* what it stands for; 0: nothing */
    const char *help;
} lookalikes[] = {
    {"\xE2\x88\x92", '-', "write '-'"},
    {"\xE2\x80\x93", '-', "write '-'"},
    {"\xC3\x97", '*', "write '*'"},
    {"\xC2\xB7", '*', "write '*'"},
    {"\xC3\xB7", '/', "write '/'"},
    {"\xE2\x89\xA4", TOK_LE, "write '<='"},
    {"\xE2\x89\xA5", TOK_GE, "write '>='"},
    {"\xE2\x89\xA0", TOK_NE, "write '!='"},
    {"\xE2\x86\x92", TOK_ARROW, "write '->'"},
    {"\xE2\x80\x9C", 0, "strings stand in plain '\"' quotes"},
    {"\xE2\x80\x9D", 0, "strings stand in plain '\"' quotes"},
    {"\xCE\xBB", 0, "a function value is 'fn(x) => x * x'"},
    {"?", 0, "a choice is 'if condition then a else b'"},
};

void scan_stray(Scan *s, const char *text) {
    Diag *diag = diag_error(s->c->diags, here(s), E0002, "unexpected character '%s'", text);
    for (size_t i = 0; i < sizeof lookalikes / sizeof *lookalikes; i++) {
        if (strcmp(text, lookalikes[i].spelling) != 0) continue;
        diag_help(diag, "%s", lookalikes[i].help);
        if (lookalikes[i].kind)
            scan_symbol(s, lookalikes[i].kind);
        else
            push_nothing(s);
        return;
    }
    if ((unsigned char)text[0] >= 0x80) diag_help(diag, "names are made of a-z, A-Z, 0-9 and '_'");
    push_nothing(s);
}

void scan_no_break_space(Scan *s) {
    Diag *diag = diag_error(s->c->diags, here(s), E0002, "this is a no-break space");
    diag_help(diag, "use a plain space");
}

/* Of a file that is no text one such byte says enough. */
void scan_bad_byte(Scan *s, unsigned byte) {
    if (!s->bad_byte) {
        Diag *diag = diag_error(s->c->diags, here(s), E0009, "the file holds a byte 0x%02X, which is not text", byte);
        diag_help(diag, "a .nnet file is UTF-8 text");
    }
    s->bad_byte = true;
    push_nothing(s);
}
