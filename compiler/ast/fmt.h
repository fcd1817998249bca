/* Shared by the files of fmt: building documents from the tree, with the comments woven in by their places. */
#ifndef NNC_AST_FMT_H
#define NNC_AST_FMT_H

#include "ast/ast.h"
#include "ast/doc.h"

enum { FMT_INDENT = 2, FMT_CONTINUATION = 4 };

typedef struct Fmt {
    Arena        *arena; /* of the documents */
    const Module *module;
    const char   *source;
    int           comment; /* the next one to place */
    uint32_t      place;   /* the source is laid out up to here: for blank lines */
} Fmt;

/* A document under construction: parts that follow each other. */
typedef struct Parts {
    Fmt   *f;
    DocVec docs;
} Parts;

Parts parts_new(Fmt *f);
void  put_text(Parts *parts, const char *text);
void  put_doc(Parts *parts, Doc *doc);
void  put_line(Parts *parts);
void  put_hard(Parts *parts);
Doc  *parts_doc(Parts *parts);
Doc  *parts_group(Parts *parts);

/* The source's own spelling of `span`. */
Doc *fmt_spelling(Fmt *f, Span span);

/* Comments that begin before `place`: `behind` takes the one at the end of a line that is laid out already, `above` those
 * on lines of their own, each with its line end. Either may be NULL. */
typedef struct Comments {
    Doc *behind, *above;
} Comments;
Comments fmt_comments(Fmt *f, uint32_t place);
bool     fmt_has_comments(const Fmt *f, uint32_t place);

/* A kind of list: where an item begins in the source, and its document. */
typedef struct ListKind {
    uint32_t (*begin)(const void *items, int index);
    Doc *(*format)(Fmt *f, const void *items, int index);
} ListKind;

extern const ListKind expr_list, arg_list, name_list, type_list;

/* `open` item, item, ... `close`, filled; `end` is where the closing bracket ends in the source. */
Doc *fmt_list(Fmt *f, const ListKind *kind, const void *items, int count, const char *open, const char *close,
              uint32_t end);
/* Items without brackets. */
Doc *fmt_items(Fmt *f, const ListKind *kind, const void *items, int count);

Doc *fmt_expr(Fmt *f, const Expr *expr);
Doc *fmt_type(Fmt *f, const TypeExpr *type);

/* `{ ... }`. One statement that stood on one line with its braces stays there where it fits; the line places belong to
 * the group around. */
Doc *fmt_block(Fmt *f, const Block *block);
/* The same behind a blank, in a group of its own. */
void put_block(Parts *parts, const Block *block);

/* `expr` behind the text `before`; nothing where it is NULL. */
void put_expr(Parts *parts, const char *before, const Expr *expr);
void put_name(Parts *parts, const char *before, Name name, const char *after);

/* Begins the line of what stands at `place` in the source: the comments above, a blank line where there was one. `first`:
 * nothing stands above in the block. */
void fmt_begin_line(Parts *parts, uint32_t place, bool *first);
/* The comments up to `place`, where the block ends. */
void fmt_end_lines(Parts *parts, uint32_t place, bool *first);

#endif
