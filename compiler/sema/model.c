/* The model: its hyper-parameters with -D, its precision, and one elaboration of its body a mode. */
#include "sema/elab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- -D name=value ------------------------------------------------------------------------------------------------------------- */

static Value parse_define(Elab *e, const Define *define) {
    char *end;
    if (!strcmp(define->value, "true") || !strcmp(define->value, "false")) return value_bool(*define->value == 't');
    errno             = 0;
    long long integer = strtoll(define->value, &end, 10);
    if (end != define->value && !*end && !errno) return value_dim(dim_const(e->dims, integer));
    double real = strtod(define->value, &end);
    if (end != define->value && !*end) return value_real(real);
    return value_string(intern(e->c->names, define->value));
}

static void bind_define(Elab *e, const Define *define, Value *values) {
    const ParamDeclVec *params = &e->model->u.callable.hyper;
    const char        **names  = ARENA_ARRAY(e->arena, const char *, params->len + 1);
    for (int i = 0; i < params->len; i++) {
        names[i] = params->data[i].name.text;
        if (strcmp(names[i], define->name)) continue;
        values[i] = parse_define(e, define);
        return;
    }
    Diag       *diag = sema_error(e, e->model->name.span, E0203, "-D %s: model '%s' has no hyper-parameter '%s'",
                                  define->name, e->model->name.text, define->name);
    const char *near = nearest_name(define->name, names, params->len);
    const char *list = "";
    for (int i = 0; i < params->len; i++) list = arena_printf(e->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    if (params->len) diag_note(diag, "it has: %s", list);
    if (near) diag_help(diag, "did you mean '%s'?", near);
}

static const Function *model_function(Elab *e) {
    const ParamDeclVec *params = &e->model->u.callable.hyper;
    Function           *fn     = ARENA_NEW(e->arena, Function);
    Value              *values = ARENA_ARRAY(e->arena, Value, params->len + 1);
    Span               *spans  = ARENA_ARRAY(e->arena, Span, params->len + 1);
    for (int i = 0; i < params->len; i++) {
        values[i] = value_none();
        spans[i]  = params->data[i].span;
    }
    for (int i = 0; i < e->c->options.n_defines; i++) bind_define(e, &e->c->options.defines[i], values);
    *fn = (Function){.decl        = e->model,
                     .scope       = e->model_scope,
                     .bound       = true,
                     .hyper       = values,
                     .hyper_spans = spans,
                     .span        = e->model->name.span};
    return fn;
}

/* ---- precision ------------------------------------------------------------------------------------------------------------------- */

static const Stmt *find_setting(const Block *block, const char *key) {
    for (int i = 0; block && i < block->stmts.len; i++) {
        const Stmt *stmt = block->stmts.data[i];
        if (stmt->kind == STMT_SETTING && !strcmp(stmt->u.bind.name.text, key)) return stmt;
        if (stmt->kind == STMT_TRAIN) {
            const Stmt *inner = find_setting(stmt->u.train.body, key);
            if (inner) return inner;
        }
    }
    return NULL;
}

/* Rows: how it is written, what `real` is, what contractions read and give. */
static const struct Precision {
    const char *text;
    ElemType    real, products;
} precisions[] = {
    {"f32", ELEM_F32, ELEM_F32},
    {"f64", ELEM_F64, ELEM_F64},
    {"mixed(bf16)", ELEM_F32, ELEM_BF16},
    {"mixed(f16)", ELEM_F32, ELEM_F16},
};

/* As in the table; "" where it is nothing like it. */
static const char *precision_text(Elab *e, const Expr *value) {
    if (value->kind == EXPR_NAME) return value->u.name.text;
    if (value->kind != EXPR_CALL || value->u.call.callee->kind != EXPR_NAME || value->u.call.args.len != 1) return "";
    const Arg *of = &value->u.call.args.data[0];
    if (of->name.text || of->value->kind != EXPR_NAME) return "";
    return arena_printf(e->arena, "%s(%s)", value->u.call.callee->u.name.text, of->value->u.name.text);
}

bool model_declare(Elab *e) {
    const Stmt *setting = find_setting(e->model->u.callable.body, "precision");
    const char *wanted  = e->c->options.precision;
    if (!wanted) wanted = setting ? precision_text(e, setting->u.bind.value) : "f32";
    for (size_t i = 0; i < sizeof precisions / sizeof *precisions; i++) {
        if (strcmp(wanted, precisions[i].text) != 0) continue;
        e->real     = precisions[i].real;
        e->products = precisions[i].products;
        return true;
    }
    sema_error(e, setting->u.bind.value->span, E0605, "'precision' is f32, f64, mixed(bf16) or mixed(f16)");
    return true;
}

/* ---- elaboration --------------------------------------------------------------------------------------------------------------------- */

void model_elaborate(Elab *e, Mode mode) {
    static const Origin root = {.path = "", .what = "model"};
    e->mode                  = mode;
    e->training              = mode == MODE_TRAIN;
    e->taken                 = map_new(e->arena);
    e->draws                 = map_new(e->arena);
    e->calls.len = e->losses.len = e->outputs.len = e->metrics.len = 0;
    for (int i = 0; i < e->current.len; i++) e->current.data[i] = NULL;
    Frame frame = {.kind = FRAME_MODEL, .decl = e->model, .path = "", .origin = &root};
    frame_push(e, &frame);
    const Function *fn = model_function(e);
    e->model_env       = bind_hypers(e, fn);
    exec_stmts(e, e->model_env, &e->model->u.callable.body->stmts, 0);
    frame_pop(e, &frame);
}

Node *sample_count(Elab *e) {
    for (int i = 0; i < e->program->dims.len; i++)
        if (e->program->dims.data[i].is_sample)
            return node_cast(e->graph, e->real, node_dim(e->graph, e->program->dims.data[i].dim));
    return node_const(e->graph, e->real, 1.0);
}
