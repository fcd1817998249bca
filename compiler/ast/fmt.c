/* fmt of a module: its declarations, one a line. Comments keep their place: behind a line, or on lines of their own
 * above what they stood above; of blank lines in a row one is kept. */
#include "ast/fmt.h"

#include <string.h>

#include "ast/print.h"

/* ---- parts ------------------------------------------------------------------------------------------------------------ */

Parts parts_new(Fmt *f) {
    return (Parts){.f = f};
}

void put_doc(Parts *parts, Doc *doc) {
    vec_push(parts->f->arena, &parts->docs, doc);
}

void put_text(Parts *parts, const char *text) {
    put_doc(parts, doc_text(parts->f->arena, text));
}

void put_line(Parts *parts) {
    put_doc(parts, doc_line(parts->f->arena));
}

void put_hard(Parts *parts) {
    put_doc(parts, doc_hard(parts->f->arena));
}

Doc *parts_doc(Parts *parts) {
    return doc_concat(parts->f->arena, parts->docs);
}

Doc *parts_group(Parts *parts) {
    return doc_group(parts->f->arena, parts_doc(parts));
}

Doc *fmt_spelling(Fmt *f, Span span) {
    return doc_span(f->arena, f->source + span.begin, span.end - span.begin);
}

/* ---- comments --------------------------------------------------------------------------------------------------------- */

static const Comment *next_comment(const Fmt *f, uint32_t place) {
    if (f->comment >= f->module->comments.len) return NULL;
    const Comment *comment = &f->module->comments.data[f->comment];
    return comment->span.begin < place ? comment : NULL;
}

bool fmt_has_comments(const Fmt *f, uint32_t place) {
    return next_comment(f, place) != NULL;
}

/* The next comment without the blanks at its end. */
static Doc *take_comment(Fmt *f) {
    Span span = f->module->comments.data[f->comment++].span;
    while (span.end > span.begin && strchr(" \t\r\f\v", f->source[span.end - 1])) span.end--;
    return fmt_spelling(f, span);
}

Comments fmt_comments(Fmt *f, uint32_t place) {
    Comments       comments = {NULL, NULL};
    const Comment *comment  = next_comment(f, place);
    if (comment && !comment->own_line) comments.behind = doc_suffix(f->arena, take_comment(f));
    if (!next_comment(f, place)) return comments;
    Parts above = parts_new(f);
    while (next_comment(f, place)) {
        put_doc(&above, take_comment(f));
        put_hard(&above);
    }
    comments.above = parts_doc(&above);
    return comments;
}

/* ---- lines ------------------------------------------------------------------------------------------------------------ */

static bool blank_line_before(const Fmt *f, uint32_t place) {
    int lines = 0;
    for (uint32_t i = f->place; i < place; i++) lines += f->source[i] == '\n';
    return lines > 1;
}

static void start_line(Parts *parts, uint32_t place, bool *first) {
    Fmt *f = parts->f;
    if (!*first && blank_line_before(f, place)) put_hard(parts);
    if (parts->docs.len || !*first) put_hard(parts);
    *first = false;
}

static void put_comments(Parts *parts, uint32_t place, bool *first) {
    Fmt           *f = parts->f;
    const Comment *comment;
    while ((comment = next_comment(f, place))) {
        Span span   = comment->span;
        bool behind = !comment->own_line && (parts->docs.len || !*first);
        if (!behind) start_line(parts, span.begin, first);
        Doc *text = take_comment(f);
        put_doc(parts, behind ? doc_suffix(f->arena, text) : text);
        if (span.end > f->place) f->place = span.end;
    }
}

void fmt_begin_line(Parts *parts, uint32_t place, bool *first) {
    put_comments(parts, place, first);
    start_line(parts, place, first);
}

void fmt_end_lines(Parts *parts, uint32_t place, bool *first) {
    put_comments(parts, place, first);
}

/* ---- declarations ----------------------------------------------------------------------------------------------------- */

static uint32_t param_begin(const void *items, int index) {
    return ((const ParamDecl *)items)[index].span.begin;
}

static Doc *param_item(Fmt *f, const void *items, int index) {
    const ParamDecl *param = &((const ParamDecl *)items)[index];
    Parts            parts = parts_new(f);
    put_text(&parts, param->name.text);
    if (param->type) {
        put_text(&parts, ": ");
        put_doc(&parts, fmt_type(f, param->type));
    }
    put_expr(&parts, " = ", param->default_value);
    return parts_doc(&parts);
}

static const ListKind param_list = {param_begin, param_item};

static void put_params(Parts *parts, const ParamDeclVec *params) {
    put_doc(parts, fmt_list(parts->f, &param_list, params->data, params->len, "(", ")", 0));
}

static const char *const decl_words[] = {
    [DECL_FN]          = "fn ",
    [DECL_LAYER]       = "layer ",
    [DECL_OPTIMIZER]   = "optimizer ",
    [DECL_SCHEDULE]    = "schedule ",
    [DECL_METRIC]      = "metric ",
    [DECL_INITIALISER] = "initialiser ",
    [DECL_MODEL]       = "model ",
};

static void put_returns(Parts *parts, const TypeVec *returns) {
    if (!returns->len) return;
    Parts result = parts_new(parts->f);
    put_line(&result);
    put_text(&result, "-> ");
    if (returns->len == 1)
        put_doc(&result, fmt_type(parts->f, returns->data[0]));
    else
        put_doc(&result, fmt_list(parts->f, &type_list, returns->data, returns->len, "(", ")", 0));
    put_doc(parts, doc_nest(parts->f->arena, FMT_INDENT, parts_group(&result)));
}

/* Where the head is too long for a line, the second list stands below the first. */
static void put_signature(Parts *parts, const Callable *callable, bool model) {
    bool  hyper  = callable->has_hyper && (!model || callable->hyper.len || callable->params.len);
    bool  params = !model || callable->params.len;
    Parts lists  = parts_new(parts->f);
    if (hyper) put_params(&lists, &callable->hyper);
    if (hyper && params) put_doc(&lists, doc_soft(parts->f->arena));
    if (params) put_params(&lists, &callable->params);
    put_returns(&lists, &callable->returns);
    put_doc(parts, doc_align(parts->f->arena, parts_group(&lists)));
}

static void put_callable(Parts *parts, const Decl *decl) {
    const Callable *callable = &decl->u.callable;
    put_name(parts, decl_words[decl->kind], decl->name, "");
    put_signature(parts, callable, decl->kind == DECL_MODEL);
    put_block(parts, callable->body);
    if (!callable->grad_body) return;
    put_text(parts, " gradient ");
    const NameVec *names = &callable->grad_params;
    put_doc(parts, fmt_list(parts->f, &name_list, names->data, names->len, "(", ")", 0));
    put_block(parts, callable->grad_body);
}

static void put_import(Parts *parts, const Decl *decl) {
    for (int i = 0; i < decl->u.import.path.len; i++)
        put_name(parts, i ? "." : "import ", decl->u.import.path.data[i], "");
    if (decl->u.import.alias.text) put_name(parts, " as ", decl->u.import.alias, "");
}

static Doc *fmt_decl(Fmt *f, const Decl *decl) {
    Parts parts = parts_new(f);
    switch (decl->kind) {
    case DECL_ERROR: put_doc(&parts, fmt_spelling(f, decl->span)); break;
    case DECL_IMPORT: put_import(&parts, decl); break;
    case DECL_CONST:
        put_name(&parts, "const ", decl->name, " = ");
        put_expr(&parts, "", decl->u.constant.value);
        break;
    case DECL_TEST:
        put_text(&parts, "test ");
        put_doc(&parts, fmt_spelling(f, decl->name.span));
        put_block(&parts, decl->u.test.body);
        break;
    case DECL_FN:
    case DECL_LAYER:
    case DECL_OPTIMIZER:
    case DECL_SCHEDULE:
    case DECL_METRIC:
    case DECL_INITIALISER:
    case DECL_MODEL: put_callable(&parts, decl); break;
    }
    return parts_doc(&parts);
}

void ast_fmt(const Compilation *c, const Module *module, FILE *out) {
    size_t length;
    Fmt    f    = {.arena = arena_new(), .module = module};
    f.source    = diags_source_text(c->diags, module->file, &length);
    Parts parts = parts_new(&f);
    bool  first = true;
    for (int i = 0; i < module->decls.len; i++) {
        const Decl *decl = module->decls.data[i];
        fmt_begin_line(&parts, decl->span.begin, &first);
        put_doc(&parts, fmt_decl(&f, decl));
        f.place = decl->span.end;
    }
    fmt_end_lines(&parts, (uint32_t)length + 1, &first);
    if (!first) put_hard(&parts);
    doc_print(parts_doc(&parts), out);
    arena_free(f.arena);
}
