/* Documents that lay themselves out (after Wadler, "A prettier printer"): text with places where a line may break, in
 * groups that stay on one line where they fit. fmt builds one a declaration. */
#ifndef NNC_AST_DOC_H
#define NNC_AST_DOC_H

#include <stdio.h>

#include "base/arena.h"
#include "base/vec.h"

typedef struct Doc Doc;
typedef VEC(Doc *) DocVec;

enum { DOC_WIDTH = 100 };

Doc *doc_text(Arena *arena, const char *text); /* kept by reference; no line end in it */
Doc *doc_span(Arena *arena, const char *text, size_t nbytes);
Doc *doc_line(Arena *arena);                       /* a space, or a line end where the group is broken */
Doc *doc_soft(Arena *arena);                       /* nothing, or a line end where the group is broken */
Doc *doc_hard(Arena *arena);                       /* always a line end */
Doc *doc_suffix(Arena *arena, const Doc *comment); /* text for the end of the line, two spaces behind */
Doc *doc_concat(Arena *arena, DocVec parts);
Doc *doc_nest(Arena *arena, int indent, Doc *body); /* lines inside begin further right */
Doc *doc_align(Arena *arena, Doc *body);            /* lines inside begin where body does, unless that is far right */
Doc *doc_group(Arena *arena, Doc *body);            /* on one line where it fits, else every line place in it breaks */
Doc *doc_fill(Arena *arena, DocVec items);          /* as many items a line as fit */
Doc *doc_own_line(Arena *arena, Doc *body);         /* an item that a fill begins on a new line */

void doc_print(Doc *doc, FILE *out);

#endif
