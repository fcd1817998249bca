/* Tokens as the scanner finds them, and the layout that turns them into what the parser reads.
 *
 * nnet.l knows spellings only: it makes every word an IDENT or a reserved word and forgets line ends, except that each
 * token says whether one stood before it. layout.c adds what depends on the neighbours: the ';' at line ends and before
 * '}', and the words that are keywords only at the start of a statement or after a value. */
#ifndef NNC_GRAMMAR_TOKEN_H
#define NNC_GRAMMAR_TOKEN_H

#include "ast/build.h"
#include "nnet_parser.h"

typedef struct Token {
    int        kind; /* enum nnet_tokentype */
    bool       line_before;
    Span       span;
    NNET_STYPE value;
} Token;

typedef VEC(Token) TokenVec;

/* All tokens of `file`, the last of kind YYEOF. Reports what cannot be a token; comments go to `module`. */
TokenVec tokens_scan(Compilation *c, uint32_t file, Module *module);

typedef struct Bracket {
    char open;      /* '(', '[' or '{' */
    bool of_repeat; /* a '{' that holds a layer, not statements */
    Span span;
} Bracket;

struct Layout {
    Compilation *c;
    TokenVec     tokens;
    int          next;     /* index of the token to give next */
    int          previous; /* kind last given; ';' at the start */
    Span         previous_span;
    VEC(Bracket) open;    /* brackets not closed yet, the innermost last */
    int     open_before;  /* open.len before the token last given */
    Bracket unclosed;     /* the last one given up because a statement began inside; span.file 0: none */
    int     repeat_level; /* 1 + open.len where a 'repeat' waits for its '{'; 0: none */
    int     closing;      /* '}' still to give because a declaration began inside a block */
    bool    skipping;     /* after a syntax error: nothing is given before the statement's ';' */
    int     skip_depth;   /* open.len of the block that holds the statement */
    bool    too_deep;     /* reported */
};

Layout layout_new(Compilation *c, TokenVec tokens);

/* The parser's token source. */
int nnet_lex(NNET_STYPE *value, Span *span, Layout *layout);

/* After a syntax error at the token last given: skips to the end of its statement. */
void layout_skip_statement(Layout *layout);

/* The opening bracket that the token last given stands in, or NULL. */
const Bracket *layout_enclosing(const Layout *layout);

#endif
