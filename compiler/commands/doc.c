/* nnc doc: the reference of declarations, from their signatures and the comments above them. As Markdown, or one JSON object a
 * declaration. `--std` walks the library by what its prelude imports; a family is a folder. */
#include <stdlib.h>
#include <string.h>

#include "ast/parse.h"
#include "commands/commands.h"
#include "embedded.h"
#include "pipeline.h"

typedef struct Doc {
    Compilation       *c;
    const CommandLine *line;
    FILE              *out;
    const char        *module; /* "std.layers.dense", or the file's path */
} Doc;

static int line_of(const Doc *d, uint32_t file, uint32_t offset) {
    int line, column;
    diags_position(d->c->diags, (Span){file, offset, offset}, &line, &column);
    return line;
}

/* ---- texts ------------------------------------------------------------------------------------------------------------ */

/* The comment's words, without the mark. */
static const char *comment_words(const Doc *d, const char *source, Span span) {
    uint32_t begin = span.begin + 1;
    while (begin < span.end && source[begin] == ' ') begin++;
    uint32_t end = span.end;
    while (end > begin && (source[end - 1] == '\n' || source[end - 1] == '\r' || source[end - 1] == ' ')) end--;
    return arena_strndup(d->c->arena, source + begin, end - begin);
}

/* The comments that end on the line before `line`, joined; "" when there are none. */
static const char *comment_above(const Doc *d, const Module *module, const char *source, int line) {
    int last = module->comments.len - 1;
    while (last >= 0 && line_of(d, module->file, module->comments.data[last].span.begin) >= line) last--;
    const char *text = "";
    for (int i = last; i >= 0; i--) {
        const Comment *comment = &module->comments.data[i];
        if (!comment->own_line || line_of(d, module->file, comment->span.begin) != --line) break;
        const char *words = comment_words(d, source, comment->span);
        text              = *text ? arena_printf(d->c->arena, "%s %s", words, text) : words;
    }
    return text;
}

/* The file's first comment, where a blank line parts it from what follows. */
static const char *head_comment(const Doc *d, const Module *module, const char *source) {
    int next = 1, i = 0;
    while (i < module->comments.len && module->comments.data[i].own_line &&
           line_of(d, module->file, module->comments.data[i].span.begin) == next)
        i++, next++;
    bool parted = source[0] == '#';
    for (int k = 0; k < module->decls.len; k++)
        if (module->decls.data[k]->kind != DECL_IMPORT &&
            line_of(d, module->file, module->decls.data[k]->span.begin) == next)
            parted = false;
    return parted ? comment_above(d, module, source, next) : "";
}

/* From the name to the body, on one line. */
static const char *signature(const Doc *d, const Decl *decl, const char *source) {
    uint32_t begin = decl->name.span.begin;
    uint32_t end   = decl->kind == DECL_CONST ? decl->span.end : decl->u.callable.body->span.begin;
    char    *text  = arena_alloc(d->c->arena, end - begin + 1);
    size_t   n     = 0;
    for (uint32_t i = begin; i < end; i++) {
        bool blank = source[i] == ' ' || source[i] == '\n' || source[i] == '\r' || source[i] == '\t';
        if (blank && (!n || text[n - 1] == ' ' || text[n - 1] == '(')) continue;
        if (source[i] == '(' && n > 1 && text[n - 1] == ' ' && text[n - 2] == ')') n--; /* the second list */
        text[n++] = blank ? ' ' : source[i];
    }
    while (n && text[n - 1] == ' ') n--;
    text[n] = 0;
    return text;
}

/* ---- forms ------------------------------------------------------------------------------------------------------------- */

static void put_markdown(FILE *out, const char *text) {
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '*')
            fputs("\\*", out);
        else
            fputc(*text, out);
}

static void put_json(FILE *out, const char *key, const char *text) {
    fprintf(out, "\"%s\":\"", key);
    for (; *text; text++)
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", *text);
        else
            fputc(*text, out);
    fputc('"', out);
}

/* The line under the declaration's comment: its own, or the first of the consts in a row that it ends. */
static int documented_line(const Doc *d, const Module *module, int index) {
    int line = line_of(d, module->file, module->decls.data[index]->span.begin);
    if (module->decls.data[index]->kind != DECL_CONST) return line;
    for (; index > 0 && module->decls.data[index - 1]->kind == DECL_CONST; index--, line--)
        if (line_of(d, module->file, module->decls.data[index - 1]->span.begin) != line - 1) break;
    return line;
}

static void put_decl(const Doc *d, const Module *module, int index, const char *source) {
    const Decl *decl = module->decls.data[index];
    const char *text = comment_above(d, module, source, documented_line(d, module, index));
    const char *head = signature(d, decl, source);
    if (!d->line->doc_json) {
        fprintf(d->out, "\n### `%s%s%s`\n", d->line->doc_std ? "" : decl_word(decl->kind), d->line->doc_std ? "" : " ",
                head);
        if (*text) fputc('\n', d->out), put_markdown(d->out, text), fputc('\n', d->out);
        return;
    }
    fputc('{', d->out);
    put_json(d->out, "kind", decl_word(decl->kind));
    fputc(',', d->out);
    put_json(d->out, "name", decl->name.text);
    fputc(',', d->out);
    put_json(d->out, "module", d->module);
    fprintf(d->out, ",\"line\":%d,", line_of(d, module->file, decl->span.begin));
    put_json(d->out, "signature", head);
    fputc(',', d->out);
    put_json(d->out, "doc", text);
    fputs("}\n", d->out);
}

static bool documented(const Decl *decl) {
    return decl->kind != DECL_ERROR && decl->kind != DECL_IMPORT && decl->kind != DECL_TEST && decl->name.text;
}

static void put_module(const Doc *d, const Module *module) {
    size_t      length;
    const char *source = diags_source_text(d->c->diags, module->file, &length), *head = head_comment(d, module, source);
    if (*head && !d->line->doc_json) fputc('\n', d->out), put_markdown(d->out, head), fputc('\n', d->out);
    for (int i = 0; i < module->decls.len; i++)
        if (documented(module->decls.data[i])) put_decl(d, module, i, source);
}

/* ---- files -------------------------------------------------------------------------------------------------------------- */

static bool doc_file(Doc *d, const char *path) {
    Module *module = ast_from_file(d->c, path);
    if (!module || diags_error_count(d->c->diags)) return false;
    const char *slash = strrchr(path, '/');
    d->module         = path;
    if (!d->line->doc_json) fprintf(d->out, "# %s\n", slash ? slash + 1 : path);
    put_module(d, module);
    return true;
}

static Module *std_module(const Doc *d, const char *relative) {
    if (d->c->options.stdlib_dir)
        return ast_from_file(d->c, arena_printf(d->c->arena, "%s/%s", d->c->options.stdlib_dir, relative));
    for (const EmbeddedFile *file = embedded_stdlib; file->path; file++)
        if (!strcmp(file->path, relative))
            return ast_parse(d->c, diags_add_source(d->c->diags, relative, file->text, file->length));
    return NULL;
}

/* import std.layers.dense: a new family begins where the folder changes. */
static bool doc_import(Doc *d, const Decl *import, const char **family) {
    const NameVec *path     = &import->u.import.path;
    const char    *relative = "", *dotted = path->len ? path->data[0].text : "";
    for (int i = 1; i < path->len; i++) {
        relative = arena_printf(d->c->arena, "%s%s%s", relative, i > 1 ? "/" : "", path->data[i].text);
        dotted   = arena_printf(d->c->arena, "%s.%s", dotted, path->data[i].text);
    }
    Module *module = std_module(d, arena_printf(d->c->arena, "%s.nnet", relative));
    if (!module || diags_error_count(d->c->diags)) return false;
    if (path->len > 2 && path->data[1].text != *family && !d->line->doc_json)
        fprintf(d->out, "\n## %s\n", path->data[1].text);
    if (path->len > 2) *family = path->data[1].text;
    d->module = dotted;
    put_module(d, module);
    return true;
}

static bool doc_std(Doc *d) {
    const char *family  = NULL;
    Module     *prelude = std_module(d, "nn.nnet");
    if (!prelude) {
        diag_error(d->c->diags, (Span){0}, E0104, "the standard library (nn.nnet) cannot be read");
        return false;
    }
    if (!d->line->doc_json)
        fputs("# The standard library\n\nGenerated from `stdlib/` by `nnc doc --std`. `import std.nn` brings all of "
              "it.\n",
              d->out);
    bool fine = true;
    for (int i = 0; i < prelude->decls.len && fine; i++)
        if (prelude->decls.data[i]->kind == DECL_IMPORT) fine = doc_import(d, prelude->decls.data[i], &family);
    d->module = "std.nn";
    if (fine && d->line->doc_json) put_module(d, prelude);
    return fine;
}

int command_doc(Compilation *c, const CommandLine *line) {
    char  *text   = NULL;
    size_t length = 0;
    Doc    d      = {.c = c, .line = line, .out = open_memstream(&text, &length)};
    if (!d.out) return EXIT_FAILED;
    bool fine = !line->doc_std || doc_std(&d);
    for (int i = 0; i < line->n_operands && fine; i++) fine = doc_file(&d, line->operands[i]);
    fclose(d.out);
    fine =
        fine && output_is_apart(c) && command_write(c, line->options.output ? line->options.output : "-", text, length);
    free(text);
    command_report(c, line);
    return fine ? EXIT_OK : EXIT_FAILED;
}
