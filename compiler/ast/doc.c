/* Layout of documents: a stack of pieces with the mode (flat or broken) of the group that each stands in. */
#include "ast/doc.h"

#include <stdbool.h>
#include <string.h>

enum { FAR_RIGHT = 60, CONTINUATION = 4 };

typedef enum DocKind {
    DOC_TEXT,
    DOC_LINE,
    DOC_SOFT,
    DOC_HARD,
    DOC_SUFFIX,
    DOC_CONCAT,
    DOC_NEST,
    DOC_ALIGN,
    DOC_GROUP,
    DOC_FILL
} DocKind;

struct Doc {
    DocKind     kind;
    bool        forced;   /* holds a line end that cannot be avoided */
    bool        own_line; /* as an item of a FILL it begins a line */
    int         indent;   /* NEST */
    const char *text;     /* TEXT, SUFFIX */
    size_t      nbytes;
    DocVec      parts; /* CONCAT, FILL; the one body of NEST, ALIGN, GROUP */
};

/* ---- constructors ----------------------------------------------------------------------------------------------------- */

static Doc *doc_new(Arena *arena, DocKind kind) {
    Doc *doc  = ARENA_NEW(arena, Doc);
    doc->kind = kind;
    return doc;
}

Doc *doc_span(Arena *arena, const char *text, size_t nbytes) {
    Doc *doc    = doc_new(arena, DOC_TEXT);
    doc->text   = text;
    doc->nbytes = nbytes;
    return doc;
}

Doc *doc_text(Arena *arena, const char *text) {
    return doc_span(arena, text, strlen(text));
}

Doc *doc_line(Arena *arena) {
    return doc_new(arena, DOC_LINE);
}

Doc *doc_soft(Arena *arena) {
    return doc_new(arena, DOC_SOFT);
}

Doc *doc_hard(Arena *arena) {
    Doc *doc    = doc_new(arena, DOC_HARD);
    doc->forced = true;
    return doc;
}

Doc *doc_suffix(Arena *arena, const Doc *comment) {
    Doc *doc    = doc_new(arena, DOC_SUFFIX);
    doc->text   = comment->text;
    doc->nbytes = comment->nbytes;
    return doc;
}

static Doc *doc_of_parts(Arena *arena, DocKind kind, DocVec parts) {
    Doc *doc   = doc_new(arena, kind);
    doc->parts = parts;
    for (int i = 0; i < parts.len; i++) doc->forced |= parts.data[i]->forced;
    return doc;
}

static Doc *doc_around(Arena *arena, DocKind kind, Doc *body) {
    DocVec parts = {0};
    vec_push(arena, &parts, body);
    return doc_of_parts(arena, kind, parts);
}

Doc *doc_concat(Arena *arena, DocVec parts) {
    return doc_of_parts(arena, DOC_CONCAT, parts);
}

Doc *doc_fill(Arena *arena, DocVec items) {
    return doc_of_parts(arena, DOC_FILL, items);
}

Doc *doc_nest(Arena *arena, int indent, Doc *body) {
    Doc *doc    = doc_around(arena, DOC_NEST, body);
    doc->indent = indent;
    return doc;
}

Doc *doc_align(Arena *arena, Doc *body) {
    return doc_around(arena, DOC_ALIGN, body);
}

Doc *doc_group(Arena *arena, Doc *body) {
    return doc_around(arena, DOC_GROUP, body);
}

Doc *doc_own_line(Arena *arena, Doc *body) {
    Doc *doc      = doc_around(arena, DOC_CONCAT, body);
    doc->own_line = true;
    return doc;
}

/* ---- layout ----------------------------------------------------------------------------------------------------------- */

typedef struct Piece {
    const Doc *doc;
    int        indent;
    bool       broken;
    int        item;     /* of a FILL: the next to lay out */
    int        suffixes; /* of a FILL: how many were pending where it began */
} Piece;

typedef struct Printer {
    Arena *arena;
    FILE  *out;
    VEC(Piece) stack;
    DocVec suffixes;
    int    column;
    int    pending_indent; /* of a line that has no text yet */
} Printer;

static int cells(const char *text, size_t nbytes) {
    int n = 0;
    for (size_t i = 0; i < nbytes; i++) n += ((unsigned char)text[i] & 0xC0) != 0x80;
    return n;
}

static void push(Printer *p, const Doc *doc, int indent, bool broken) {
    Piece piece = {doc, indent, broken, 0, p->suffixes.len};
    vec_push(p->arena, &p->stack, piece);
}

static void push_parts(Printer *p, const Doc *doc, int indent, bool broken) {
    for (int i = doc->parts.len - 1; i >= 0; i--) push(p, doc->parts.data[i], indent, broken);
}

/* Whether `doc` and what follows it up to the next line end fit in `room` cells. What follows is read from the stack. */
static bool fits(Printer *p, const Doc *doc, bool broken, int room) {
    int base = p->stack.len, below = base; /* pieces under `below` are read, not popped */
    push(p, doc, 0, broken);
    bool fit = true, decided = false, passed = false;
    while (!decided) {
        if (room < 0) {
            fit = false;
            break;
        }
        Piece piece;
        if (p->stack.len > base) {
            piece = p->stack.data[--p->stack.len];
        } else if (below > 0) {
            piece  = p->stack.data[--below];
            passed = true; /* what follows may break at its first chance */
        } else {
            break;
        }
        switch (piece.doc->kind) {
        case DOC_TEXT: room -= cells(piece.doc->text, piece.doc->nbytes); break;
        case DOC_LINE:
            decided = piece.broken;
            room--;
            break;
        case DOC_SOFT: decided = piece.broken; break;
        case DOC_HARD: decided = true; break;
        case DOC_SUFFIX: break;
        case DOC_GROUP: push_parts(p, piece.doc, 0, piece.broken && (passed || piece.doc->forced)); break;
        case DOC_FILL:
            if (piece.item > 0) { /* a line may end before each further item */
                decided = true;
                break;
            }
            if (passed) {
                Piece rest = {piece.doc, 0, true, 1, 0};
                if (piece.doc->parts.len > 1) vec_push(p->arena, &p->stack, rest);
                if (piece.doc->parts.len) push(p, piece.doc->parts.data[0], 0, true);
                break;
            }
            for (int i = piece.doc->parts.len - 1; i >= 0; i--) {
                push(p, piece.doc->parts.data[i], 0, false);
                if (i > 0) room--;
            }
            break;
        case DOC_CONCAT:
        case DOC_NEST:
        case DOC_ALIGN: push_parts(p, piece.doc, 0, piece.broken); break;
        }
    }
    p->stack.len = base;
    return fit && room >= 0;
}

static void begin_text(Printer *p) {
    if (p->pending_indent > 0) fprintf(p->out, "%*s", p->pending_indent, "");
    p->pending_indent = 0;
}

static void flush_suffixes(Printer *p) {
    for (int i = 0; i < p->suffixes.len; i++) {
        const Doc *suffix = p->suffixes.data[i];
        bool       behind = p->column > p->pending_indent || i > 0;
        begin_text(p);
        if (behind) fputs("  ", p->out);
        fwrite(suffix->text, 1, suffix->nbytes, p->out);
        p->column += 2;
    }
    p->suffixes.len = 0;
}

static void new_line(Printer *p, int indent) {
    flush_suffixes(p);
    fputc('\n', p->out);
    p->column = p->pending_indent = indent;
}

/* Two comments cannot share a line: the second begins one of its own. */
static void put_suffix(Printer *p, const Piece *piece) {
    if (p->suffixes.len) new_line(p, piece->indent);
    Doc *suffix = (Doc *)piece->doc;
    vec_push(p->arena, &p->suffixes, suffix);
}

static void put_fill(Printer *p, Piece piece) {
    const DocVec *items = &piece.doc->parts;
    if (piece.item == items->len) return;
    const Doc *item = items->data[piece.item];
    Piece      rest = piece;
    rest.item       = piece.item + 1;
    if (piece.item == 0 || rest.suffixes > p->suffixes.len) rest.suffixes = p->suffixes.len;
    if (rest.item < items->len) vec_push(p->arena, &p->stack, rest);
    bool behind = p->suffixes.len > rest.suffixes || !fits(p, item, item->forced, DOC_WIDTH - p->column - 1);
    if (item->own_line || (piece.item > 0 && behind)) {
        new_line(p, piece.indent);
    } else if (piece.item > 0) {
        fputc(' ', p->out);
        p->column++;
    }
    bool flat = !item->forced && fits(p, item, false, DOC_WIDTH - p->column);
    push(p, item, piece.indent, !flat);
}

static void put(Printer *p, Piece piece) {
    const Doc *doc = piece.doc;
    switch (doc->kind) {
    case DOC_TEXT:
        begin_text(p);
        fwrite(doc->text, 1, doc->nbytes, p->out);
        p->column += cells(doc->text, doc->nbytes);
        break;
    case DOC_LINE:
        if (piece.broken) {
            new_line(p, piece.indent);
        } else {
            begin_text(p);
            fputc(' ', p->out);
            p->column++;
        }
        break;
    case DOC_SOFT:
        if (piece.broken) new_line(p, piece.indent);
        break;
    case DOC_HARD: new_line(p, piece.indent); break;
    case DOC_SUFFIX: put_suffix(p, &piece); break;
    case DOC_CONCAT: push_parts(p, doc, piece.indent, piece.broken); break;
    case DOC_NEST: push_parts(p, doc, piece.indent + doc->indent, piece.broken); break;
    case DOC_ALIGN:
        push_parts(p, doc, p->column <= FAR_RIGHT ? p->column : piece.indent + CONTINUATION, piece.broken);
        break;
    case DOC_GROUP: {
        bool flat = !doc->forced && fits(p, doc->parts.data[0], false, DOC_WIDTH - p->column);
        push_parts(p, doc, piece.indent, !flat);
        break;
    }
    case DOC_FILL: put_fill(p, piece); break;
    }
}

void doc_print(Doc *doc, FILE *out) {
    Printer p = {.arena = arena_new(), .out = out};
    push(&p, doc, 0, true);
    while (p.stack.len) {
        Piece piece = p.stack.data[--p.stack.len];
        put(&p, piece);
    }
    flush_suffixes(&p);
    arena_free(p.arena);
}
