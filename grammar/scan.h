/* What the rules of nnet.l call: one function a kind of token. */
#ifndef NNC_GRAMMAR_SCAN_H
#define NNC_GRAMMAR_SCAN_H

#include "token.h"

typedef struct Scan {
    Compilation *c;
    uint32_t     file;
    Module      *module;
    TokenVec     tokens;
    uint32_t     begin, end;  /* of the spelling just matched */
    bool         bad_byte;    /* one was reported */
    bool         line_before; /* a line end stands between the last token and here */
} Scan;

void scan_advance(Scan *s, int nbytes);
void scan_line(Scan *s);
void scan_comment(Scan *s);
void scan_symbol(Scan *s, int kind);
void scan_word(Scan *s, const char *text);
void scan_integer(Scan *s, const char *text);
void scan_real(Scan *s, const char *text);
void scan_string(Scan *s, const char *text, int length);

/* Mistakes: each is reported and stands for the likeliest token, so that the parser goes on. */
void scan_number_with_letters(Scan *s, const char *text);
void scan_bare_dot(Scan *s, const char *text);
void scan_unterminated(Scan *s);
void scan_single_quoted(Scan *s, const char *text, int length);
void scan_foreign(Scan *s, const char *text);
void scan_block_comment(Scan *s);
void scan_stray(Scan *s, const char *text);
void scan_no_break_space(Scan *s);
void scan_bad_byte(Scan *s, unsigned byte);

#endif
