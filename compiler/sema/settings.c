/* Reading `train { }`: settings, minimize lines and groups; and the training functions made of them. */
#include "sema/train.h"

#include <math.h>
#include <string.h>

typedef struct Reading {
    Elab           *e;
    Env            *env;
    TrainPlan       plan;
    const Function *optimizer;
    Span            optimizer_span;
    StmtVec         groups, minimizes;
    Span            epochs_at, steps_at; /* where they are given */
} Reading;

typedef void SettingFn(Reading *r, const Stmt *stmt, Value value);

static void bad_value(Reading *r, const Stmt *stmt, const char *needed, Value value) {
    if (value.kind != VALUE_POISON)
        sema_error(r->e, stmt->u.bind.value->span, E0605, "'%s' is %s, not %s", stmt->u.bind.name.text, needed,
                   value_describe(r->e->arena, value));
}

static int64_t whole(Reading *r, const Stmt *stmt, Value value, int64_t least) {
    int64_t number;
    if (const_int(value, &number) && number >= least && number <= INT64_C(1000000000000)) return number;
    bad_value(r, stmt, arena_printf(r->e->arena, "an integer of at least %lld", (long long)least), value);
    return least;
}

static double within(Reading *r, const Stmt *stmt, Value value, double low, double high, const char *needed) {
    double number;
    if (const_real(value, &number) && number >= low && number < high) return number;
    bad_value(r, stmt, needed, value);
    return low;
}

static void set_batch(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.batch = whole(r, stmt, value, 1);
}

static void set_epochs(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.epochs = whole(r, stmt, value, 1);
    r->epochs_at                = stmt->u.bind.name.span;
}

static void set_steps(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.steps = whole(r, stmt, value, 1);
    r->steps_at                = stmt->u.bind.name.span;
}

static void set_seed(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.seed = whole(r, stmt, value, 0);
}

static void set_shuffle(Reading *r, const Stmt *stmt, Value value) {
    if (value.kind == VALUE_BOOL)
        r->e->program->train.shuffle = value.boolean;
    else
        bad_value(r, stmt, "true or false", value);
}

static void set_validation(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.validation_split = within(r, stmt, value, 0, 1, "a share from 0 to below 1");
}

static void set_test(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.test_split = within(r, stmt, value, 0, 1, "a share from 0 to below 1");
}

static void set_clip_norm(Reading *r, const Stmt *stmt, Value value) {
    r->plan.clip_norm = within(r, stmt, value, 1e-300, HUGE_VAL, "a positive number");
}

static void set_clip_value(Reading *r, const Stmt *stmt, Value value) {
    r->plan.clip_value = within(r, stmt, value, 1e-300, HUGE_VAL, "a positive number");
}

static const Function *as_optimizer(Elab *e, Value value, Span span) {
    bool optimizer = value.kind == VALUE_FN && value.fn->decl && value.fn->decl->kind == DECL_OPTIMIZER;
    if (optimizer && !value.fn->bound) {
        Call empty = {.span = span, .callee = span};
        value      = construct(e, value.fn, &empty);
    }
    if (optimizer) return value.kind == VALUE_FN ? value.fn : NULL;
    if (value.kind != VALUE_POISON)
        sema_error(e, span, E0605, "an optimizer is needed, not %s", value_describe(e->arena, value));
    return NULL;
}

static void set_optimizer(Reading *r, const Stmt *stmt, Value value) {
    r->optimizer_span = stmt->u.bind.value->span;
    r->optimizer      = as_optimizer(r->e, value, r->optimizer_span);
}

static void set_nothing(Reading *r, const Stmt *stmt, Value value) {
    (void)r, (void)stmt, (void)value;
}

static void set_later(Reading *r, const Stmt *stmt, Value value) {
    (void)value;
    sema_error(r->e, stmt->u.bind.name.span, E0601, "'%s' needs a later version of nnc", stmt->u.bind.name.text);
}

typedef struct SettingRow {
    const char *key;
    SettingFn  *set;
} SettingRow;

static const SettingRow settings[] = {
    {"batch", set_batch},         {"epochs", set_epochs},       {"steps", set_steps},
    {"seed", set_seed},           {"shuffle", set_shuffle},     {"validation_split", set_validation},
    {"test_split", set_test},     {"clip_norm", set_clip_norm}, {"clip_value", set_clip_value},
    {"optimizer", set_optimizer}, {"precision", set_nothing},   {"accumulate", set_later},
    {"ema", set_later},           {"early_stop", set_later},    {"freeze", set_later},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

static const char *listed(Elab *e, const char *const *names, int n) {
    const char *list = "";
    for (int i = 0; i < n; i++) list = arena_printf(e->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    return list;
}

static void unknown_setting(Elab *e, const Name *name) {
    const char *names[N_SETTINGS], *usable[N_SETTINGS];
    int         n_usable = 0;
    for (int i = 0; i < N_SETTINGS; i++) {
        names[i] = settings[i].key;
        if (settings[i].set != set_later) usable[n_usable++] = settings[i].key;
    }
    Diag       *diag = sema_error(e, name->span, E0604, "unknown setting '%s'", name->text);
    const char *near = nearest_name(name->text, names, N_SETTINGS);
    if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else
        diag_note(diag, "there are: %s", listed(e, usable, n_usable));
}

static const SettingRow *find_row(const char *key) {
    for (int i = 0; i < N_SETTINGS; i++)
        if (!strcmp(settings[i].key, key)) return &settings[i];
    return NULL;
}

static void read_setting(Reading *r, const StmtVec *stmts, int index) {
    const Stmt       *stmt = stmts->data[index];
    const SettingRow *row  = find_row(stmt->u.bind.name.text);
    for (int i = 0; i < index; i++)
        if (stmts->data[i]->kind == STMT_SETTING && stmts->data[i]->u.bind.name.text == stmt->u.bind.name.text) {
            Diag *diag = sema_error(r->e, stmt->u.bind.name.span, E0102, "'%s' is set twice", stmt->u.bind.name.text);
            diag_label(diag, stmts->data[i]->u.bind.name.span, "first set here");
            return;
        }
    if (!row)
        unknown_setting(r->e, &stmt->u.bind.name);
    else if (row->set == set_later)
        set_later(r, stmt, value_poison());
    else
        row->set(r, stmt, row->set == set_nothing ? value_poison() : eval_expr(r->e, r->env, stmt->u.bind.value));
}

static void read_call(Reading *r, const Stmt *stmt) {
    const Expr *expr = stmt->u.expr.value;
    Name        name = {NULL, expr->span};
    if (expr->kind == EXPR_CALL && expr->u.call.callee->kind == EXPR_NAME)
        name = (Name){expr->u.call.callee->u.name.text, expr->u.call.callee->span};
    const SettingRow *row = name.text ? find_row(name.text) : NULL;
    if (row && row->set == set_later)
        sema_error(r->e, name.span, E0601, "'%s' needs a later version of nnc", name.text);
    else if (name.text)
        unknown_setting(r->e, &name);
    else
        sema_error(r->e, expr->span, E0608, "'train' holds settings (key = value), minimize lines and groups");
}

static void read_block(Reading *r, const Block *block) {
    for (int i = 0; i < block->stmts.len; i++) {
        Stmt *stmt = block->stmts.data[i];
        switch (stmt->kind) {
        case STMT_SETTING: read_setting(r, &block->stmts, i); break;
        case STMT_MINIMIZE: vec_push(r->e->arena, &r->minimizes, stmt); break;
        case STMT_GROUP: vec_push(r->e->arena, &r->groups, stmt); break;
        case STMT_FREEZE: sema_error(r->e, stmt->span, E0601, "'freeze' needs a later version of nnc"); break;
        case STMT_EXPR: read_call(r, stmt); break;
        case STMT_ERROR: break;
        default:
            sema_error(r->e, stmt->span, E0608, "'train' holds settings (key = value), minimize lines and groups");
            break;
        }
    }
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
        diag_note(diag, "it has: %s", listed(e, names, params->len));
}

/* The line's optimizer with a group's settings in place of its own. */
static const Function *group_optimizer(Reading *r, const Stmt *group, const Function *base, const bool **own) {
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

static void add_rules(Reading *r, MinimizeLine *line, int line_index, const Function *fn, Span span) {
    Elab       *e = r->e;
    const char *prefix =
        intern(e->c->names, line_index ? arena_printf(e->arena, "optimizer_%d", line_index + 1) : "optimizer");
    OptimizerRule base = {.fn = fn, .prefix = prefix, .slot_prefix = prefix, .span = span};
    vec_push(e->arena, &line->rules, base);
    for (int i = 0; i < r->groups.len; i++) {
        const Stmt   *group = r->groups.data[i];
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

static void read_over(Reading *r, MinimizeLine *line, const ExprVec *over) {
    Elab *e            = r->e;
    line->over         = ARENA_ARRAY(e->arena, const char *, over->len + 1);
    line->over_is_glob = ARENA_ARRAY(e->arena, bool, over->len + 1);
    for (int i = 0; i < over->len; i++) {
        Value value = eval_expr(e, r->env, over->data[i]);
        if (value.kind == VALUE_LAYER && value.layer->path)
            line->over[line->n_over++] = value.layer->path;
        else if (value.kind == VALUE_STRING) {
            line->over_is_glob[line->n_over] = true;
            line->over[line->n_over++]       = value.string;
        } else if (value.kind != VALUE_POISON)
            sema_error(e, over->data[i]->span, E0605, "'over' names parts of the model, not %s",
                       value_describe(e->arena, value));
    }
}

static bool line_loss(Reading *r, MinimizeLine *line, const Expr *expr) {
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

static void read_minimize(Reading *r, const Stmt *stmt, int index) {
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
    Span            span = with ? with->span : r->optimizer ? r->optimizer_span : stmt->span;
    const Function *fn   = with           ? as_optimizer(e, eval_expr(e, r->env, with), span)
                           : r->optimizer ? r->optimizer
                                          : default_optimizer(e, span);
    if (!fn) return;
    add_rules(r, &line, index, fn, span);
    vec_push(e->arena, &r->plan.lines, line);
    e->total_expr = r->minimizes.len == 1 && stmt->u.minimize.loss->kind != EXPR_NAME ? stmt->u.minimize.loss : NULL;
}

static void default_line(Reading *r) {
    Elab           *e    = r->e;
    Span            span = r->optimizer ? r->optimizer_span : e->losses.data[0].span;
    MinimizeLine    line = {.span = span, .over_all = true, .times = 1, .loss = total_loss(e), .name = "loss"};
    const Function *fn   = r->optimizer ? r->optimizer : default_optimizer(e, span);
    e->sums_losses       = true;
    if (!fn || line.loss.kind == VALUE_POISON) return;
    add_rules(r, &line, 0, fn, span);
    vec_push(e->arena, &r->plan.lines, line);
}

void train_functions(Elab *e) {
    Frame   frame     = {.kind = FRAME_MODEL, .decl = e->model, .path = ""};
    Reading r         = {.e = e, .env = e->model_env};
    e->program->train = (TrainSettings){.batch = 32, .epochs = 10, .shuffle = true};
    frame_push(e, &frame);
    if (e->train_block) read_block(&r, e->train_block);
    if (e->program->train.steps && !r.epochs_at.file) e->program->train.epochs = 0;
    if (r.steps_at.file && r.epochs_at.file) {
        bool  last = r.steps_at.begin > r.epochs_at.begin;
        Diag *diag =
            sema_error(e, last ? r.steps_at : r.epochs_at, E0605, "'train' gives both 'epochs' and 'steps': give one");
        diag_label(diag, last ? r.epochs_at : r.steps_at, "the other one");
    }
    if (e->program->train.validation_split + e->program->train.test_split >= 1)
        sema_error(e, e->train_block->span, E0605, "'validation_split' and 'test_split' leave nothing to train on");
    for (int i = 0; i < r.minimizes.len; i++) read_minimize(&r, r.minimizes.data[i], i);
    if (!r.minimizes.len && e->losses.len) default_line(&r);
    if (r.optimizer && r.minimizes.len)
        for (int i = 0; i < r.minimizes.len; i++)
            if (r.minimizes.data[i]->u.minimize.optimizer && i == r.minimizes.len - 1 && r.minimizes.len == 1)
                sema_error(e, r.optimizer_span, E0605, "this optimizer is not used: the minimize line names its own");
    bool only = r.plan.lines.len == 1;
    for (int i = 0; i < r.plan.lines.len && !diags_error_count(e->diags); i++) {
        const char *name = i ? arena_printf(e->arena, "train_%d", i + 1) : "train";
        train_line(e, &r.plan, &r.plan.lines.data[i], name, only);
    }
    for (int i = 0; i < r.plan.lines.len && e->c->options.keep_gradients && !diags_error_count(e->diags); i++)
        gradients_function(e, &r.plan.lines.data[i], i);
    frame_pop(e, &frame);
}
