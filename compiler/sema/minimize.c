/* The minimize lines of `train { }` with the groups that refine their optimizers, read anew for each phase of the
 * training: each is an elaboration of the model with parts of its own. */
#include "sema/train.h"

#include <string.h>

typedef struct Lines {
    Elab                 *e;
    Env                  *env;
    TrainPlan            *plan;
    const MinimizeSource *source;
} Lines;

const Function *as_optimizer(Elab *e, Value value, Span span) {
    bool optimizer = value.kind == VALUE_FN && value.fn->decl && value.fn->decl->kind == DECL_OPTIMIZER;
    if (optimizer && !value.fn->bound) {
        Call empty = {.span = span, .callee = span};
        value      = construct(e, value.fn, &empty);
    }
    if (optimizer) return value.kind == VALUE_FN ? value.fn : NULL;
    if (value.kind == VALUE_POISON) return NULL;
    Diag *diag = sema_error(e, span, E0605, "an optimizer is needed, not %s", value_describe(e->arena, value));
    if (value.kind == VALUE_STRING) diag_help(diag, "a name is written without quotes: optimizer = %s()", value.string);
    return NULL;
}

/* ---- groups ---------------------------------------------------------------------------------------------------------------------------- */

static int hyper_index(const Decl *decl, const char *name) {
    for (int i = 0; i < decl->u.callable.hyper.len; i++)
        if (decl->u.callable.hyper.data[i].name.text == name) return i;
    return -1;
}

static void unknown_hyper(Elab *e, const Decl *decl, const Name *name) {
    const ParamDeclVec *params = &decl->u.callable.hyper;
    const char        **names  = ARENA_ARRAY(e->arena, const char *, params->len + 1);
    for (int i = 0; i < params->len; i++) names[i] = params->data[i].name.text;
    Diag *diag =
        sema_error(e, name->span, E0604, "optimizer '%s' has no hyper-parameter '%s'", decl->name.text, name->text);
    const char *near = nearest_name(name->text, names, params->len);
    if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else
        diag_note(diag, "it has: %s", list_names(e, names, params->len));
}

/* The line's optimizer with a group's settings in place of its own. */
static const Function *group_optimizer(Lines *r, const Stmt *group, const Function *base, const bool **own) {
    Elab          *e       = r->e;
    const StmtVec *stmts   = &group->u.group.settings->stmts;
    bool           another = false;
    for (int i = 0; i < stmts->len; i++) {
        const Stmt *stmt = stmts->data[i];
        if (stmt->kind != STMT_SETTING || strcmp(stmt->u.bind.name.text, "optimizer")) continue;
        base = as_optimizer(e, eval_expr(e, r->env, stmt->u.bind.value), stmt->u.bind.value->span);
        if (!base) return NULL;
        another = true;
    }
    int       n      = base->decl->u.callable.hyper.len;
    Function *fn     = ARENA_NEW(e->arena, Function);
    Value    *values = ARENA_ARRAY(e->arena, Value, n + 1);
    Span     *spans  = ARENA_ARRAY(e->arena, Span, n + 1);
    bool     *set    = ARENA_ARRAY(e->arena, bool, n + 1);
    *fn              = *base;
    for (int i = 0; i < n; i++) values[i] = base->hyper[i], spans[i] = base->hyper_spans[i];
    for (int i = 0; i < stmts->len; i++) {
        const Stmt *stmt = stmts->data[i];
        if (stmt->kind != STMT_SETTING) {
            sema_error(e, stmt->span, E0608, "a group holds settings: key = value");
            continue;
        }
        if (!strcmp(stmt->u.bind.name.text, "optimizer")) continue;
        int index = hyper_index(base->decl, stmt->u.bind.name.text);
        if (index < 0) {
            unknown_hyper(e, base->decl, &stmt->u.bind.name);
            continue;
        }
        values[index] = eval_expr(e, r->env, stmt->u.bind.value);
        spans[index]  = stmt->u.bind.value->span;
        set[index]    = true;
    }
    *own            = another ? NULL : set;
    fn->hyper       = values;
    fn->hyper_spans = spans;
    return fn;
}

static bool matches_some_parameter(const Elab *e, const char *pattern) {
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].kind == SLOT_PARAM && glob_match(pattern, e->program->slots.data[i].path))
            return true;
    return false;
}

static int read_patterns(Elab *e, Env *env, const ExprVec *exprs, const char **patterns) {
    int n = 0;
    for (int i = 0; i < exprs->len; i++) {
        Value value = eval_expr(e, env, exprs->data[i]);
        if (value.kind == VALUE_POISON) continue;
        if (value.kind != VALUE_STRING) {
            sema_error(e, exprs->data[i]->span, E0605,
                       "a pattern of parameter paths is a string such as \"*/bias\", not %s",
                       value_describe(e->arena, value));
            continue;
        }
        if (!matches_some_parameter(e, value.string)) {
            Diag *diag = sema_error(e, exprs->data[i]->span, E0606, "no parameter matches \"%s\"", value.string);
            for (int k = 0; k < e->program->slots.len && k < 4; k++)
                if (e->program->slots.data[k].kind == SLOT_PARAM)
                    diag_note(diag, "a parameter is '%s'", e->program->slots.data[k].path);
            continue;
        }
        patterns[n++] = value.string;
    }
    return n;
}

static void add_rules(Lines *r, MinimizeLine *line, int line_index, const Function *fn, Span span) {
    Elab       *e = r->e;
    const char *prefix =
        intern(e->c->names, line_index ? arena_printf(e->arena, "optimizer_%d", line_index + 1) : "optimizer");
    OptimizerRule base = {.fn = fn, .prefix = prefix, .slot_prefix = prefix, .span = span};
    vec_push(e->arena, &line->rules, base);
    for (int i = 0; i < r->source->groups->len; i++) {
        const Stmt   *group = r->source->groups->data[i];
        OptimizerRule rule  = base;
        rule.shared         = prefix;
        rule.prefix         = intern(e->c->names, arena_printf(e->arena, "%s.group_%d", prefix, i + 1));
        rule.patterns       = ARENA_ARRAY(e->arena, const char *, group->u.group.patterns.len + 1);
        rule.n_patterns     = read_patterns(e, r->env, &group->u.group.patterns, rule.patterns);
        rule.fn             = group_optimizer(r, group, fn, &rule.own);
        if (rule.fn) vec_push(e->arena, &line->rules, rule);
    }
}

/* ---- minimize lines --------------------------------------------------------------------------------------------------------------------- */

/* Where no optimizer is named: the library's choice. */
static const Function *default_optimizer(Elab *e, Span span) {
    Value value;
    if (e->prelude && scope_lookup_member(e, e->prelude, intern(e->c->names, "default_optimizer"), &value))
        return as_optimizer(e, value, span);
    sema_error(e, span, E0606, "no optimizer is given, and the library names no default one");
    return NULL;
}

static void read_over(Lines *r, MinimizeLine *line, const ExprVec *over) {
    Elab *e = r->e;
    for (int i = 0; i < over->len; i++) {
        Value value = eval_expr(e, r->env, over->data[i]);
        if (value.kind == VALUE_LAYER && value.layer->path)
            part_paths(e, value, &line->parts);
        else if (value.kind == VALUE_STRING)
            vec_push(e->arena, &line->patterns, value.string);
        else if (value.kind != VALUE_POISON)
            sema_error(e, over->data[i]->span, E0605, "'over' names parts of the model, not %s",
                       value_describe(e->arena, value));
    }
}

static bool line_loss(Lines *r, MinimizeLine *line, const Expr *expr) {
    Elab *e    = r->e;
    line->loss = eval_expr(e, r->env, expr);
    if (line->loss.kind == VALUE_POISON) return false;
    if (line->loss.kind != VALUE_TENSOR || line->loss.node->type.rank || !elem_is_float(line->loss.node->type.elem)) {
        sema_error(e, expr->span, E0603, "what is minimized is a single real number, not %s",
                   value_describe(e->arena, line->loss));
        return false;
    }
    line->loss.node = node_cast(e->graph, e->real, line->loss.node);
    line->name      = expr->kind == EXPR_NAME ? expr->u.name.text : "loss";
    return true;
}

static void read_minimize(Lines *r, const Stmt *stmt, int index) {
    Elab        *e     = r->e;
    MinimizeLine line  = {.span = stmt->span, .over_all = stmt->u.minimize.over_all, .times = 1};
    int64_t      times = 1;
    if (!line_loss(r, &line, stmt->u.minimize.loss)) return;
    if (!line.over_all) read_over(r, &line, &stmt->u.minimize.over);
    if (stmt->u.minimize.times && eval_count(e, r->env, stmt->u.minimize.times, "'times'", &times) &&
        (times < 1 || times > 1000)) {
        sema_error(e, stmt->u.minimize.times->span, E0605, "'times' is between 1 and 1000");
        times = 1;
    }
    line.times           = (int)times;
    const Expr     *with = stmt->u.minimize.optimizer;
    Span            span = with ? with->span : r->source->optimizer ? r->source->optimizer_span : stmt->span;
    const Function *fn   = with                   ? as_optimizer(e, eval_expr(e, r->env, with), span)
                           : r->source->optimizer ? r->source->optimizer
                                                  : default_optimizer(e, span);
    if (!fn) return;
    add_rules(r, &line, index, fn, span);
    vec_push(e->arena, &r->plan->lines, line);
    e->total_expr =
        r->source->minimizes->len == 1 && stmt->u.minimize.loss->kind != EXPR_NAME ? stmt->u.minimize.loss : NULL;
}

static void default_line(Lines *r) {
    Elab           *e    = r->e;
    Span            span = r->source->optimizer ? r->source->optimizer_span : e->losses.data[0].span;
    MinimizeLine    line = {.span = span, .over_all = true, .times = 1, .loss = total_loss(e), .name = "loss"};
    const Function *fn   = r->source->optimizer ? r->source->optimizer : default_optimizer(e, span);
    e->sums_losses       = true;
    if (!fn || line.loss.kind == VALUE_POISON) return;
    add_rules(r, &line, 0, fn, span);
    vec_push(e->arena, &r->plan->lines, line);
}

void read_lines(Elab *e, const MinimizeSource *source, TrainPlan *plan) {
    Lines r         = {e, e->model_env, plan, source};
    plan->lines.len = 0;
    for (int i = 0; i < source->minimizes->len; i++) read_minimize(&r, source->minimizes->data[i], i);
    if (!source->minimizes->len && e->losses.len) default_line(&r);
}
