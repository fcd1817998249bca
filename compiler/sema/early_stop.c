/* `early_stop(metric = "val_loss", patience = 5, min_delta = 0, mode = min)`: read with the settings, and checked against the
 * losses and metrics once these are known. A loss falls; which way a metric is better must be said. */
#include "sema/train.h"

#include <math.h>
#include <string.h>

struct EarlyStop {
    Span metric; /* the name, or the whole call */
    bool has_mode;
};

typedef enum StopField { STOP_METRIC, STOP_PATIENCE, STOP_MIN_DELTA, STOP_MODE, N_STOP_FIELDS } StopField;
static const char *const field_names[N_STOP_FIELDS] = {"metric", "patience", "min_delta", "mode"};

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static void bad_field(Elab *e, const Expr *expr, StopField field, const char *needed, Value value) {
    if (value.kind != VALUE_POISON)
        sema_error(e, expr->span, E0605, "'%s' is %s, not %s", field_names[field], needed,
                   value_describe(e->arena, value));
}

static void read_mode(Elab *e, const Expr *expr) {
    TrainSettings *train = &e->program->train;
    const char    *text  = expr->kind == EXPR_NAME ? expr->u.name.text : NULL;
    if (!text) {
        Value value = eval_expr(e, e->model_env, expr);
        if (value.kind == VALUE_STRING) text = value.string;
    }
    e->stop->has_mode  = true;
    train->stop_larger = text && !strcmp(text, "max");
    if (!text || (strcmp(text, "max") && strcmp(text, "min")))
        sema_error(e, expr->span, E0605, "'mode' is max (larger is better) or min (smaller is better)");
}

static void read_field(Elab *e, Env *env, StopField field, const Expr *expr) {
    TrainSettings *train = &e->program->train;
    int64_t        count;
    double         number;
    Value          value = field == STOP_MODE ? value_none() : eval_expr(e, env, expr);
    switch (field) {
    case STOP_METRIC:
        e->stop->metric = expr->span;
        if (value.kind == VALUE_STRING)
            train->stop_metric = value.string;
        else
            bad_field(e, expr, field, "the name of a loss or metric, as \"val_loss\"", value);
        break;
    case STOP_PATIENCE:
        if (const_int(value, &count) && count >= 1 && count <= 1000000)
            train->stop_patience = count;
        else
            bad_field(e, expr, field, "a number of epochs, at least 1", value);
        break;
    case STOP_MIN_DELTA:
        if (const_real(value, &number) && number >= 0 && isfinite(number))
            train->stop_min_delta = number;
        else
            bad_field(e, expr, field, "a number of at least 0", value);
        break;
    case STOP_MODE: read_mode(e, expr); break;
    case N_STOP_FIELDS: break;
    }
}

static int field_of(Elab *e, const Arg *arg, int position) {
    if (!arg->name.text) {
        if (position < N_STOP_FIELDS) return position;
        sema_error(e, arg->value->span, E0203, "'early_stop' takes %d values", N_STOP_FIELDS);
        return -1;
    }
    for (int i = 0; i < N_STOP_FIELDS; i++)
        if (!strcmp(arg->name.text, field_names[i])) return i;
    Diag       *diag = sema_error(e, arg->name.span, E0203, "'early_stop' has no parameter '%s'", arg->name.text);
    const char *near = nearest_name(arg->name.text, field_names, N_STOP_FIELDS);
    if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else
        diag_note(diag, "it has: %s", list_names(e, field_names, N_STOP_FIELDS));
    return -1;
}

void read_early_stop(Elab *e, Env *env, const Expr *call) {
    const ArgVec *args                 = &call->u.call.args;
    const Expr   *given[N_STOP_FIELDS] = {0};
    if (e->stop) {
        sema_error(e, call->span, E0102, "'early_stop' is given twice");
        return;
    }
    e->stop                         = ARENA_NEW(e->arena, struct EarlyStop);
    e->stop->metric                 = call->span;
    e->program->train.stop_metric   = "val_loss";
    e->program->train.stop_patience = 5;
    for (int i = 0; i < args->len; i++) {
        int field = field_of(e, &args->data[i], i);
        if (field < 0) continue;
        if (given[field])
            sema_error(e, args->data[i].value->span, E0102, "'%s' is given twice", field_names[field]);
        else
            read_field(e, env, (StopField)field, args->data[i].value);
        given[field] = args->data[i].value;
    }
}

/* ---- checking -------------------------------------------------------------------------------------------------------- */

enum { MAX_NAMES = 128 };

typedef struct Watchable { /* what there is to watch */
    const char *names[MAX_NAMES];
    bool        is_metric[MAX_NAMES], is_number[MAX_NAMES];
    int         n;
} Watchable;

static bool names_metric(const Elab *e, const char *name) {
    for (int i = 0; i < e->metrics.len; i++)
        if (!strcmp(e->metrics.data[i].name, name)) return true;
    return false;
}

static void add_watchable(Elab *e, Watchable *w, const Fn *fn) {
    bool evaluated = fn->kind == FN_EVAL || fn->kind == FN_METRICS;
    for (int i = 0; i < fn->results.len && w->n < MAX_NAMES; i++) {
        const Result *result = &fn->results.data[i];
        const char   *name   = evaluated ? arena_printf(e->arena, "val_%s", result->name) : result->name;
        if (result->adds) continue;
        w->is_metric[w->n] = fn->kind == FN_METRICS || (evaluated && names_metric(e, result->name));
        w->is_number[w->n] = result->value->type.rank == 0;
        w->names[w->n++]   = name;
    }
}

static void unknown_metric(Elab *e, const Watchable *w, const char *wanted) {
    Diag       *diag   = sema_error(e, e->stop->metric, E0605, "early_stop: there is no loss or metric '%s'", wanted);
    const char *as_val = arena_printf(e->arena, "val_%s", wanted), *near = nearest_name(wanted, w->names, w->n);
    for (int i = 0; i < w->n; i++)
        if (!strcmp(w->names[i], as_val)) {
            diag_help(diag, "metrics are computed on validation data: write \"%s\"", as_val);
            return;
        }
    if (near) diag_help(diag, "did you mean \"%s\"?", near);
    diag_note(diag, "there are: %s", list_names(e, w->names, w->n));
}

/* After the evaluation's functions are made. */
void check_early_stop(Elab *e) {
    TrainSettings *train = &e->program->train;
    Watchable      w     = {.n = 0};
    int            found = 0;
    if (!e->stop) return;
    for (int i = 0; i < e->program->fns.len; i++)
        if (e->program->fns.data[i]->kind == FN_EVAL || e->program->fns.data[i]->kind == FN_METRICS)
            add_watchable(e, &w, e->program->fns.data[i]);
    for (int i = 0; i < e->program->fns.len; i++)
        if ((e->program->fns.data[i]->kind == FN_TRAIN || e->program->fns.data[i]->kind == FN_ACCUMULATE) &&
            !e->program->fns.data[i]->phase)
            add_watchable(e, &w, e->program->fns.data[i]);
    while (found < w.n && strcmp(w.names[found], train->stop_metric)) found++;
    if (found == w.n)
        unknown_metric(e, &w, train->stop_metric);
    else if (!w.is_number[found])
        sema_error(e, e->stop->metric, E0605, "early_stop: '%s' is no single number", train->stop_metric);
    else if (w.is_metric[found] && !e->stop->has_mode) {
        Diag *diag = sema_error(e, e->stop->metric, E0605, "early_stop: is a larger '%s' better, or a smaller one?",
                                train->stop_metric);
        diag_help(diag, "add mode = max or mode = min");
    }
}
