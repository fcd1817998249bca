/* The error index: the pages of docs/errors.md, each from its `## E0301: title` up to the next heading of that level. */
#include <string.h>

#include "base/diag.h"
#include "embedded.h"

static const char *find_file(const char *path) {
    for (const EmbeddedFile *file = embedded_docs; file->path; file++)
        if (strcmp(file->path, path) == 0) return file->text;
    return NULL;
}

/* The next line at or behind `text` that begins with "## ", or NULL. */
static const char *next_heading(const char *text) {
    while (text && strncmp(text, "## ", 3) != 0) {
        text = strchr(text, '\n');
        if (text) text++;
    }
    return text;
}

const char *diag_explain(DiagCode code, size_t *length) {
    const char *name = diag_code_name(code);
    size_t      n    = strlen(name);
    for (const char *page = next_heading(find_file("errors.md")); page; page = next_heading(page + 1)) {
        if (strncmp(page + 3, name, n) != 0 || page[3 + n] != ':') continue;
        const char *end = next_heading(page + 1);
        *length         = end ? (size_t)(end - page) : strlen(page);
        while (*length > 1 && page[*length - 1] == '\n' && page[*length - 2] == '\n') --*length;
        return page;
    }
    return NULL;
}
