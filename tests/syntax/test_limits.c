/* The front end stays quick and upright on text that nests, repeats or runs on without end: 60,000 bytes of one pattern,
 * alone, in a function, and behind an open bracket. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "front.h"

enum { NBYTES = 60 * 1000, MAX_SECONDS = 10 };

static const char *const patterns[] = {
    "(",
    "[",
    "{",
    ")",
    "]",
    "}",
    "-",
    "not ",
    "a b;",
    "a;",
    ";",
    ",",
    ".",
    "=",
    "\n",
    " ",
    "#",
    "#\n",
    "\"",
    "\"\n",
    "'",
    "/*",
    "1",
    "1.",
    "1.0",
    "a",
    "_",
    "\xff",
    "\xc3\xa4",
    "2**",
    "x |> ",
    "[1, ",
    "f(",
    "f(a, ",
    "a[",
    "a.",
    "fn(x) => ",
    "if a then b else ",
    "if a {} else ",
    "if a {",
    "repeat 2 { ",
    "scan i in 0..1 {",
    "let x = 1\n",
    "const a = 1\n",
    "import a\n",
    "model M {\n",
    "fn f(x: real) -> real { return x }\n",
    "fn f(",
    "a +\n",
    "$ ",
    "dim a\n",
    "1 < ",
    "a and ",
    "# c\nconst a = 1\n",
};

static const char *const openings[] = {"", "fn f() {\n  let y = ", "const a = f(", "model M {\n  train {\n"};

static int check(const char *opening, const char *pattern) {
    size_t head = strlen(opening), unit = strlen(pattern), length = head;
    char  *text = malloc(head + NBYTES + 1);
    if (!text) abort();
    memcpy(text, opening, head);
    for (; length + unit <= head + NBYTES; length += unit) memcpy(text + length, pattern, unit);
    text[length]  = '\0';
    clock_t begin = clock();
    Front   front = front_parse("limits.nnet", text, length);
    free(front_diagnostics(&front));
    if (!diags_error_count(front.c.diags)) free(front_fmt(&front));
    front_free(&front);
    free(text);
    double seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
    if (seconds < MAX_SECONDS) return 0;
    printf("'%s' many times after '%s' took %.1f s\n", pattern, opening, seconds);
    return 1;
}

int main(void) {
    int failures = 0;
    for (size_t i = 0; i < sizeof openings / sizeof *openings; i++)
        for (size_t k = 0; k < sizeof patterns / sizeof *patterns; k++) failures += check(openings[i], patterns[k]);
    printf("%d patterns fail\n", failures);
    return failures != 0;
}
