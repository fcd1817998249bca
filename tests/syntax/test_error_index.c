/* The error index is whole: every code has a page with its title, every page has a code, and the examples of the syntax
 * codes are as the pages say: a `nnet-error` block gives the code, a `nnet` block parses. */
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "front.h"

static int fail(const char *code, const char *what) {
    printf("%s: %s\n", code, what);
    return 1;
}

static int check_page(DiagCode code) {
    size_t      length;
    const char *name  = diag_code_name(code);
    const char *title = diag_code_title(code);
    const char *page  = diag_explain(code, &length);
    if (!page) return fail(name, "no page in docs/errors.md");
    size_t head = strlen("## E0000: ");
    if (strncmp(page + head, title, strlen(title)) != 0 || page[head + strlen(title)] != '\n')
        return fail(name, "the page's title is not the one of diag_codes.def");
    return 0;
}

static int check_heading(const char *heading) {
    char name[6] = {0};
    memcpy(name, heading, 5);
    return diag_code_parse(name) == DIAG_CODE_COUNT ? fail(name, "a page, but no such code") : 0;
}

/* ---- examples --------------------------------------------------------------------------------------------------------- */

static int has_code(const Front *front, const char *code) {
    char *text  = front_diagnostics(front);
    int   found = strstr(text, code) != NULL;
    free(text);
    return found;
}

static int check_example(const char *code, const char *text, size_t length, int wrong) {
    Front front  = front_parse("example.nnet", text, length);
    int   errors = diags_error_count(front.c.diags);
    int   status = 0;
    if (wrong && !has_code(&front, code)) status = fail(code, "the wrong example does not give this code");
    if (!wrong && errors) status = fail(code, "the right example does not parse");
    front_free(&front);
    return status;
}

static int check_examples(DiagCode code) {
    static const char wrong[] = "```nnet-error\n", right[] = "```nnet\n", end[] = "\n```";
    size_t            length;
    const char       *name = diag_code_name(code), *page = diag_explain(code, &length);
    int               failures = 0;
    if (!page || strncmp(name, "E00", 3) != 0) return 0;
    for (const char *p = page; p && p < page + length; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
        int is_wrong = strncmp(p, wrong, sizeof wrong - 1) == 0, is_right = strncmp(p, right, sizeof right - 1) == 0;
        if (!is_wrong && !is_right) continue;
        const char *text = strchr(p, '\n') + 1, *stop = strstr(text, end);
        failures += check_example(name, text, (size_t)(stop + 1 - text), is_wrong);
    }
    return failures;
}

int main(void) {
    int failures = 0;
    for (int code = 0; code < DIAG_CODE_COUNT; code++)
        failures += check_page((DiagCode)code) + check_examples((DiagCode)code);
    for (const char *p = embedded_docs[0].text; p; p = strstr(p, "\n## "), p = p ? p + 4 : NULL)
        if (p != embedded_docs[0].text) failures += check_heading(p);
    printf("%d failures\n", failures);
    return failures != 0;
}
