/* Reading `train { }`: its settings; and the training functions that are made, phase by phase, of its lines. */
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

/* More batches in a step than any training has is a slip of the pen. */
static const int64_t COUNT_MOST = INT64_C(1000000000000), ACCUMULATE_MOST = 1000000;

typedef void SettingFn(Reading *r, const Stmt *stmt, Value value);

static void bad_value(Reading *r, const Stmt *stmt, const char *needed, Value value) {
    if (value.kind != VALUE_POISON)
        sema_error(r->e, stmt->u.bind.value->span, E0605, "'%s' is %s, not %s", stmt->u.bind.name.text, needed,
                   value_describe(r->e->arena, value));
}

static int64_t whole(Reading *r, const Stmt *stmt, Value value, int64_t least, int64_t most) {
    int64_t number;
    if (const_int(value, &number) && number >= least && number <= most) return number;
    bool        large  = const_int(value, &number) && number > most;
    const char *needed = arena_printf(r->e->arena, large ? "an integer of at most %lld" : "an integer of at least %lld",
                                      (long long)(large ? most : least));
    bad_value(r, stmt, needed, value);
    return least;
}

static double within(Reading *r, const Stmt *stmt, Value value, double low, double high, const char *needed) {
    double number;
    if (const_real(value, &number) && number >= low && number < high) return number;
    bad_value(r, stmt, needed, value);
    return low;
}

static void set_batch(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.batch = whole(r, stmt, value, 1, COUNT_MOST);
}

static void set_epochs(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.epochs = whole(r, stmt, value, 1, COUNT_MOST);
    r->epochs_at                = stmt->u.bind.name.span;
}

static void set_steps(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.steps = whole(r, stmt, value, 1, COUNT_MOST);
    r->steps_at                = stmt->u.bind.name.span;
}

static void set_seed(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.seed = whole(r, stmt, value, 0, COUNT_MOST);
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

static void set_optimizer(Reading *r, const Stmt *stmt, Value value) {
    r->optimizer_span = stmt->u.bind.value->span;
    r->optimizer      = as_optimizer(r->e, value, r->optimizer_span);
}

static void set_nothing(Reading *r, const Stmt *stmt, Value value) {
    (void)r, (void)stmt, (void)value;
}

static void set_accumulate(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.accumulate = whole(r, stmt, value, 1, ACCUMULATE_MOST);
}

static void set_ema(Reading *r, const Stmt *stmt, Value value) {
    r->e->program->train.ema = within(r, stmt, value, 0, 1, "a decay from 0 to below 1, as 0.999");
}

/* `early_stop` and `freeze` have a form of their own. */
static void set_call(Reading *r, const Stmt *stmt, Value value) {
    (void)value;
    Diag *diag = sema_error(r->e, stmt->u.bind.name.span, E0608, "'early_stop' is no setting with '='");
    diag_help(diag, "write early_stop(metric = \"val_loss\", patience = 5)");
}

typedef struct SettingRow {
    const char *key;
    SettingFn  *set;
} SettingRow;

static const SettingRow settings[] = {
    {"batch", set_batch},
    {"epochs", set_epochs},
    {"steps", set_steps},
    {"seed", set_seed},
    {"shuffle", set_shuffle},
    {"validation_split", set_validation},
    {"test_split", set_test},
    {"clip_norm", set_clip_norm},
    {"clip_value", set_clip_value},
    {"optimizer", set_optimizer},
    {"precision", set_nothing},
    {"accumulate", set_accumulate},
    {"ema", set_ema},
    {"early_stop", set_call},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };

const char *list_names(Elab *e, const char *const *names, int n) {
    const char *list = "";
    for (int i = 0; i < n; i++) list = arena_printf(e->arena, "%s%s%s", list, i ? ", " : "", names[i]);
    return list;
}

/* The optimizer that these settings name, if it has a hyper-parameter of this name. */
static const Decl *optimizer_taking(Reading *r, const StmtVec *stmts, const char *hyper) {
    for (int i = 0; i < stmts->len; i++) {
        if (stmts->data[i]->kind != STMT_SETTING || strcmp(stmts->data[i]->u.bind.name.text, "optimizer")) continue;
        Value value = eval_expr(r->e, r->env, stmts->data[i]->u.bind.value);
        if (value.kind != VALUE_FN || !value.fn->decl || value.fn->decl->kind != DECL_OPTIMIZER) return NULL;
        const ParamDeclVec *params = &value.fn->decl->u.callable.hyper;
        for (int k = 0; k < params->len; k++)
            if (params->data[k].name.text == hyper) return value.fn->decl;
    }
    return NULL;
}

static void unknown_setting(Reading *r, const StmtVec *stmts, const Name *name) {
    Elab       *e = r->e;
    const char *names[N_SETTINGS];
    for (int i = 0; i < N_SETTINGS; i++) names[i] = settings[i].key;
    const Decl *optimizer = optimizer_taking(r, stmts, name->text);
    Diag       *diag      = sema_error(e, name->span, E0604, "unknown setting '%s'", name->text);
    const char *near      = nearest_name(name->text, names, N_SETTINGS);
    if (optimizer)
        diag_help(diag, "it is the optimizer's: optimizer = %s(%s = ...)", optimizer->name.text, name->text);
    else if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else
        diag_note(diag, "there are: %s", list_names(e, names, N_SETTINGS));
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
        unknown_setting(r, stmts, &stmt->u.bind.name);
    else if (row->set == set_nothing || row->set == set_call)
        row->set(r, stmt, value_poison());
    else
        row->set(r, stmt, eval_expr(r->e, r->env, stmt->u.bind.value));
}

static const char CONTENT[] =
    "'train' holds settings (key = value), early_stop(...), minimize lines, groups and freeze lines";

static void read_call(Reading *r, const Stmt *stmt) {
    const Expr *expr = stmt->u.expr.value;
    Name        name = {NULL, expr->span};
    if (expr->kind == EXPR_CALL && expr->u.call.callee->kind == EXPR_NAME)
        name = (Name){expr->u.call.callee->u.name.text, expr->u.call.callee->span};
    const SettingRow *row = name.text ? find_row(name.text) : NULL;
    if (row && row->set == set_call)
        read_early_stop(r->e, r->env, expr);
    else if (row) {
        Diag *diag = sema_error(r->e, expr->span, E0608, "'%s' is a setting: give it with '='", name.text);
        diag_help(diag, "write %s = ...", name.text);
    } else if (name.text)
        unknown_setting(r, &(StmtVec){0}, &name);
    else
        sema_error(r->e, expr->span, E0608, "%s", CONTENT);
}

static void read_block(Reading *r, const Block *block) {
    for (int i = 0; i < block->stmts.len; i++) {
        Stmt *stmt = block->stmts.data[i];
        switch (stmt->kind) {
        case STMT_SETTING: read_setting(r, &block->stmts, i); break;
        case STMT_MINIMIZE: vec_push(r->e->arena, &r->minimizes, stmt); break;
        case STMT_GROUP: vec_push(r->e->arena, &r->groups, stmt); break;
        case STMT_FREEZE: read_freeze(r->e, &r->plan, stmt); break;
        case STMT_EXPR: read_call(r, stmt); break;
        case STMT_ERROR: break;
        default: sema_error(r->e, stmt->span, E0608, "%s", CONTENT); break;
        }
    }
}

static void check_lengths(const Reading *r) {
    Elab          *e     = r->e;
    TrainSettings *train = &e->program->train;
    if (train->steps && !r->epochs_at.file) train->epochs = 0;
    if (r->steps_at.file && r->epochs_at.file) {
        bool  last = r->steps_at.begin > r->epochs_at.begin;
        Diag *diag = sema_error(e, last ? r->steps_at : r->epochs_at, E0605,
                                "'train' gives both 'epochs' and 'steps': give one");
        diag_label(diag, last ? r->epochs_at : r->steps_at, "the other one");
    }
    if (train->validation_split + train->test_split >= 1)
        sema_error(e, e->train_block->span, E0605, "'validation_split' and 'test_split' leave nothing to train on");
}

/* ---- the functions ------------------------------------------------------------------------------------------------------------------ */

static const char *line_suffix(Elab *e, int line, int phase) {
    const char *suffix = line ? arena_printf(e->arena, "_%d", line + 1) : "";
    return phase ? arena_printf(e->arena, "%s_phase_%d", suffix, phase + 1) : suffix;
}

static bool clean(const Elab *e) {
    return diags_error_count(e->diags) == 0;
}

/* Lines of which a phase freezes everything make no function; one of them at least does in each. After errors the first
 * phase's lines are read all the same, for theirs. */
static void phase_functions(Elab *e, const MinimizeSource *source, TrainPlan *plan, int phase) {
    bool any = false;
    if (plan->freezes.len && clean(e)) enter_phase(e, plan, phase);
    Frame frame = {.kind = FRAME_MODEL, .decl = e->model, .path = ""};
    frame_push(e, &frame);
    read_lines(e, source, plan);
    for (int i = 0; i < plan->lines.len && clean(e); i++)
        any |= train_line(e, plan, &plan->lines.data[i], line_suffix(e, i, phase), phase);
    if (!any && plan->lines.len && clean(e)) {
        Diag *diag = sema_error(e, plan->freezes.data[0].span, E0606, "everything that could be trained is frozen");
        diag_help(diag, "leave out what is to be trained, or end the freezing with 'until epoch(n)'");
    }
    frame_pop(e, &frame);
}

void train_functions(Elab *e) {
    Frame   frame     = {.kind = FRAME_MODEL, .decl = e->model, .path = ""};
    Reading r         = {.e = e, .env = e->model_env};
    e->program->train = (TrainSettings){.batch = 32, .epochs = 10, .shuffle = true, .accumulate = 1};
    frame_push(e, &frame);
    if (e->train_block) read_block(&r, e->train_block);
    check_lengths(&r);
    plan_phases(e, &r.plan);
    if (r.optimizer && r.minimizes.len == 1 && r.minimizes.data[0]->u.minimize.optimizer)
        sema_error(e, r.optimizer_span, E0605, "this optimizer is not used: the minimize line names its own");
    frame_pop(e, &frame);
    MinimizeSource source = {&r.minimizes, &r.groups, r.optimizer, r.optimizer_span};
    for (int phase = 0; phase < e->program->train.phases.len && (!phase || clean(e)); phase++)
        phase_functions(e, &source, &r.plan, phase);
    frame_push(e, &frame);
    for (int i = 0; i < r.plan.lines.len && e->c->options.keep_gradients && clean(e); i++)
        gradients_function(e, &r.plan.lines.data[i], i);
    frame_pop(e, &frame);
    mark_frozen_slots(e);
}
