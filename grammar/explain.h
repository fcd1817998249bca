/* Syntax errors in the user's words. */
#ifndef NNC_GRAMMAR_EXPLAIN_H
#define NNC_GRAMMAR_EXPLAIN_H

#include "token.h"

/* Reports that the token last given, spelled `found` in words, cannot stand where it does; `expected` could. The
 * layout then skips to the end of the statement. */
void explain_syntax_error(Layout *layout, Span at, const char *found, const char *const *expected, int count);

/* Reports nesting that the parser's stack does not hold. */
void explain_too_deep(Layout *layout, Span at);

#endif
