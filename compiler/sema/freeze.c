/* `freeze`: what does not learn, and until when. Where something melts a phase of the training ends; each phase is an
 * elaboration of its own, in which frozen layers run as outside of training and keep their state.
 *
 * A name freezes the part. A pattern freezes the parameters whose paths match, and the layers whose path matches or that
 * are left with no parameter to learn. */
#include "sema/train.h"

#include <string.h>

struct FrozenPhase {
    const FreezeLine **lines;
    int                n;
};

void part_paths(Elab *e, Value part, PathVec *paths) {
    if (part.kind == VALUE_LIST || part.kind == VALUE_TUPLE)
        for (int i = 0; i < part.list->len; i++) part_paths(e, part.list->items[i], paths);
    if (part.kind != VALUE_LAYER) return;
    const Layer    *layer = part.layer;
    const Function *fn    = layer->fn;
    if (layer->path) vec_push(e->arena, paths, layer->path);
    for (int i = 0; i < layer->children.len; i++) part_paths(e, layer->children.items[i], paths);
    for (int i = 0; fn && fn->bound && i < fn->decl->u.callable.hyper.len; i++) part_paths(e, fn->hyper[i], paths);
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

static bool read_until(Elab *e, const Expr *until, Phase *phase) {
    const Expr *count = until;
    *phase            = (Phase){.until = -1};
    if (!until) return true;
    if (until->kind == EXPR_CALL && until->u.call.callee->kind == EXPR_NAME &&
        !strcmp(until->u.call.callee->u.name.text, "epoch") && until->u.call.args.len == 1) {
        phase->in_epochs = true;
        count            = until->u.call.args.data[0].value;
    }
    if (!eval_count(e, e->model_env, count, "the end of a 'freeze'", &phase->until)) return false;
    if (phase->until >= 1 && phase->until <= INT64_C(1000000000000)) return true;
    Diag *diag =
        sema_error(e, until->span, E0605, "a 'freeze' ends after at least 1 %s", phase->in_epochs ? "epoch" : "step");
    diag_help(diag, "to freeze nothing, leave it out; to freeze for the whole training, leave out 'until'");
    return false;
}

static bool pattern_matches(const Elab *e, const char *pattern) {
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].kind == SLOT_PARAM && glob_match(pattern, e->program->slots.data[i].path))
            return true;
    for (int i = 0; i < e->calls.len; i++)
        if (glob_match(pattern, e->calls.data[i].layer->path)) return true;
    return false;
}

static const char *nearest_path(Elab *e, const char *pattern) {
    int          n     = 0;
    const char **paths = ARENA_ARRAY(e->arena, const char *, e->program->slots.len + e->calls.len + 1);
    for (int i = 0; i < e->calls.len; i++) paths[n++] = e->calls.data[i].layer->path;
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].kind == SLOT_PARAM) paths[n++] = e->program->slots.data[i].path;
    return nearest_name(pattern, paths, n);
}

static bool read_pattern(Elab *e, const Expr *expr, Value value, FreezeLine *line) {
    if (value.kind != VALUE_STRING) {
        Diag *diag = sema_error(e, expr->span, E0605, "'freeze' names parts of the model, not %s",
                                value_describe(e->arena, value));
        diag_help(diag, "name a layer that 'part' or 'let' made, or give a pattern of paths such as \"encoder/*\"");
        return false;
    }
    line->pattern = value.string;
    if (pattern_matches(e, value.string)) return true;
    Diag       *diag = sema_error(e, expr->span, E0606, "no parameter or layer matches \"%s\"", value.string);
    const char *near = nearest_path(e, value.string);
    if (near) {
        diag_help(diag, "did you mean \"%s\"?", near);
        return false;
    }
    for (int i = 0, shown = 0; i < e->program->slots.len && shown < 4; i++)
        if (e->program->slots.data[i].kind == SLOT_PARAM && ++shown)
            diag_note(diag, "a parameter is '%s'", e->program->slots.data[i].path);
    return false;
}

/* What `as` names is a part of paths, and no name that an expression can use. */
static bool is_path_name(Elab *e, const Expr *expr) {
    if (expr->kind != EXPR_NAME || env_find(e->model_env, expr->u.name.text)) return false;
    const char *name = expr->u.name.text;
    if (!pattern_matches(e, name) && !pattern_matches(e, arena_printf(e->arena, "%s/*", name))) return false;
    Diag *diag = sema_error(e, expr->span, E0606, "'%s' is a name in paths, not a part of the model", name);
    diag_help(diag, "freeze what is below it: freeze \"%s/*\"", name);
    return true;
}

void read_freeze(Elab *e, TrainPlan *plan, const Stmt *stmt) {
    Phase phase;
    bool  fine = read_until(e, stmt->u.freeze.until, &phase);
    for (int i = 0; i < stmt->u.freeze.patterns.len; i++) {
        const Expr *expr = stmt->u.freeze.patterns.data[i];
        if (is_path_name(e, expr)) continue;
        Value      value = eval_expr(e, e->model_env, expr);
        FreezeLine line  = {.phase = phase, .span = expr->span};
        PathVec    paths = {0};
        if (value.kind == VALUE_LAYER) {
            part_paths(e, value, &paths);
            if (!value.layer->path)
                sema_error(e, expr->span, E0606, "this layer is never called: there is nothing to freeze");
        } else if (value.kind != VALUE_POISON && read_pattern(e, expr, value, &line) && fine)
            vec_push(e->arena, &plan->freezes, line);
        for (int k = 0; k < paths.len && fine; k++) {
            line.part = paths.data[k];
            vec_push(e->arena, &plan->freezes, line);
        }
    }
}

/* ---- phases ---------------------------------------------------------------------------------------------------------- */

static bool same_unit(Elab *e, const TrainPlan *plan) {
    const FreezeLine *first = NULL;
    for (int i = 0; i < plan->freezes.len; i++) {
        const FreezeLine *line = &plan->freezes.data[i];
        if (line->phase.until < 0) continue;
        if (first && first->phase.in_epochs != line->phase.in_epochs) {
            Diag *diag =
                sema_error(e, line->span, E0605, "this 'freeze' ends at a number of %s, another one of %s",
                           line->phase.in_epochs ? "epochs" : "steps", line->phase.in_epochs ? "steps" : "epochs");
            diag_label(diag, first->span, "the other one");
            diag_help(diag,
                      "which comes first depends on the data: count all in epochs, 'until epoch(n)', or in steps");
            return false;
        }
        first = line;
    }
    return true;
}

/* The phases end where something melts, and with the training. */
void plan_phases(Elab *e, const TrainPlan *plan) {
    TrainSettings *train = &e->program->train;
    train->phases.len    = 0;
    for (int i = 0; i < plan->freezes.len && same_unit(e, plan); i++) {
        Phase phase = plan->freezes.data[i].phase;
        int   at    = 0;
        if (phase.until < 0) continue;
        while (at < train->phases.len && train->phases.data[at].until < phase.until) at++;
        if (at < train->phases.len && train->phases.data[at].until == phase.until) continue;
        vec_push(e->arena, &train->phases, phase);
        for (int k = train->phases.len - 1; k > at; k--) train->phases.data[k] = train->phases.data[k - 1];
        train->phases.data[at] = phase;
    }
    vec_push(e->arena, &train->phases, ((Phase){.until = -1}));
}

void enter_phase(Elab *e, const TrainPlan *plan, int phase) {
    int64_t             start = phase ? e->program->train.phases.data[phase - 1].until : 0;
    struct FrozenPhase *held  = ARENA_NEW(e->arena, struct FrozenPhase);
    held->lines               = ARENA_ARRAY(e->arena, const FreezeLine *, plan->freezes.len + 1);
    for (int i = 0; i < plan->freezes.len; i++) {
        const FreezeLine *line = &plan->freezes.data[i];
        if (line->phase.until < 0 || line->phase.until > start) held->lines[held->n++] = line;
    }
    e->frozen = held->n ? held : NULL;
    model_elaborate(e, MODE_TRAIN);
}

/* ---- what is frozen -------------------------------------------------------------------------------------------------- */

static bool path_named(const Elab *e, const char *path) {
    for (int i = 0; e->frozen && i < e->frozen->n; i++) {
        const FreezeLine *line = e->frozen->lines[i];
        if (line->part ? path_within(path, line->part) : glob_match(line->pattern, path)) return true;
    }
    return false;
}

bool layer_frozen(const Elab *e, const char *path) {
    int n_params = 0;
    if (!e->frozen || path_named(e, path)) return e->frozen != NULL;
    for (int i = 0; i < e->program->slots.len; i++) {
        const Slot *slot = &e->program->slots.data[i];
        if (slot->kind != SLOT_PARAM || !path_within(slot->path, path)) continue;
        if (!path_named(e, slot->path)) return false;
        n_params++;
    }
    return n_params > 0;
}

bool slot_frozen(const Elab *e, int slot) {
    const char *path = e->program->slots.data[slot].path, *end = strrchr(path, '/');
    if (!e->frozen || path_named(e, path)) return e->frozen != NULL;
    if (e->program->slots.data[slot].kind == SLOT_PARAM || !end) return false;
    return layer_frozen(e, arena_printf(e->arena, "%.*s", (int)(end - path), path));
}

/* After the last phase, in which only what is never trained is frozen. */
void mark_frozen_slots(Elab *e) {
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].kind == SLOT_PARAM) e->program->slots.data[i].frozen = slot_frozen(e, i);
    e->frozen = NULL;
}
