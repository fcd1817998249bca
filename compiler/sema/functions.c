/* The program's functions, made from the elaborated modes, and the entry of this pass. */
#include "sema/elab.h"

#include "sema/sema.h"

#include <stdlib.h>
#include <string.h>

Fn *fn_add(Elab *e, FnKind kind, const char *name) {
    Fn *fn    = ARENA_NEW(e->arena, Fn);
    fn->kind  = kind;
    fn->name  = name;
    fn->times = 1;
    vec_push(e->arena, &e->program->fns, fn);
    return fn;
}

void fn_update(Elab *e, Fn *fn, int slot, Node *value) {
    Update update = {slot, value};
    vec_push(e->arena, &fn->updates, update);
}

void fn_result(Elab *e, Fn *fn, const char *name, Node *value, Node *weight) {
    Result result = {.name = name, .value = value, .weight = weight, .slot = -1};
    vec_push(e->arena, &fn->results, result);
}

/* One result a term, so that the mean over all batches is exact however the terms weigh. */
void loss_result(Elab *e, Fn *fn, const char *name, const Value *loss) {
    if (!loss->terms) {
        fn_result(e, fn, name, node_cast(e->graph, e->real, loss->node), loss->weight ? loss->weight : sample_count(e));
        return;
    }
    for (int i = 0; i < loss->terms->len; i++) {
        Node *weight = loss->terms->weights[i];
        fn_result(e, fn, name, node_cast(e->graph, e->real, loss->terms->values[i]), weight ? weight : sample_count(e));
        vec_last(&fn->results).adds = i > 0;
    }
}

/* Updates of the slots of one kind that the mode just elaborated has assigned. */
static void add_updates(Elab *e, Fn *fn, SlotKind kind) {
    for (int i = 0; i < e->current.len; i++)
        if (e->current.data[i] && e->program->slots.data[i].kind == kind) fn_update(e, fn, i, e->current.data[i]);
}

static void fit_function(Elab *e) {
    bool any = false;
    for (int i = 0; i < e->program->slots.len; i++) any = any || e->program->slots.data[i].kind == SLOT_FIT;
    if (!any) return;
    model_elaborate(e, MODE_FIT);
    Fn *fn = fn_add(e, FN_FIT, "fit");
    add_updates(e, fn, SLOT_FIT);
}

Value total_loss(Elab *e) {
    Value total = value_poison();
    for (int i = 0; i < e->losses.len; i++) {
        Span  span = e->losses.data[i].span;
        Value loss = e->losses.data[i].value;
        loss.node  = node_cast(e->graph, e->real, loss.node);
        total      = i ? op_binary(e, BIN_ADD, total, loss, span, span, span) : loss;
    }
    return total;
}

void add_losses(Elab *e, Fn *fn, bool with_total) {
    if (with_total && e->losses.len > 1) {
        Value total = total_loss(e);
        loss_result(e, fn, "loss", &total);
    }
    for (int i = 0; i < e->losses.len; i++) {
        const NamedLoss *loss = &e->losses.data[i];
        const char      *name = e->losses.len == 1 && !loss->named ? "loss" : loss->name;
        loss_result(e, fn, name, &loss->value);
    }
}

/* What the minimize line adds up, over the evaluation's losses. */
static void add_total(Elab *e, Fn *fn) {
    Frame frame = {.kind = FRAME_MODEL, .decl = e->model, .path = ""};
    if (!e->total_expr) return;
    frame_push(e, &frame);
    Value total = eval_expr(e, e->model_env, e->total_expr);
    frame_pop(e, &frame);
    if (total.kind == VALUE_TENSOR) loss_result(e, fn, "loss", &total);
}

static void eval_functions(Elab *e) {
    Fn *fn = fn_add(e, FN_EVAL, "eval");
    add_total(e, fn);
    add_losses(e, fn, e->sums_losses);
    e->program->headline = e->headline ? e->headline : fn->results.len ? fn->results.data[0].name : "loss";
    for (int i = 0; i < e->metrics.len; i++) {
        const NamedLoss *metric = &e->metrics.data[i];
        loss_result(e, fn, metric->name, &metric->value);
    }
    add_updates(e, fn, SLOT_METRIC);
    if (!e->metric_values.len) return;
    Fn *reset = fn_add(e, FN_RESET, "reset"), *metrics = fn_add(e, FN_METRICS, "metrics");
    for (int i = 0; i < e->program->slots.len; i++)
        if (e->program->slots.data[i].kind == SLOT_METRIC) fn_update(e, reset, i, e->program->slots.data[i].init);
    for (int i = 0; i < e->metric_values.len; i++)
        fn_result(e, metrics, e->metric_values.data[i].name, e->metric_values.data[i].value.node, NULL);
}

static bool check_output(Elab *e, const NamedValue *output) {
    if (output->value.kind != VALUE_TENSOR) { /* the other modes have reported any other reason */
        Diag *diag = sema_error(e, output->span, E0602, "output '%s' depends on a loss, which predict does not compute",
                                output->name);
        diag_help(diag, "bind what both need with 'let'");
        return false;
    }
    const ProgInput *target = reach_input(e, output->value.node, true);
    if (!target) return true;
    Diag *diag = sema_error(e, output->span, E0602, "output '%s' depends on target '%s', which predict does not have",
                            output->name, target->name);
    diag_label(diag, target->span, "the target");
    return false;
}

/* An output needs its own inputs only, so outputs share a function where they need the same ones. */
static void predict_functions(Elab *e) {
    int          n_outputs = e->outputs.len, n_inputs = e->program->inputs.len, n_fns = 0;
    Fn         **fns    = ARENA_ARRAY(e->arena, Fn *, n_outputs + 1);
    const bool **inputs = ARENA_ARRAY(e->arena, const bool *, n_outputs + 1);
    for (int i = 0; i < n_outputs; i++) {
        const NamedValue *output = &e->outputs.data[i];
        if (!check_output(e, output)) continue;
        const bool *needed = reach_inputs(e, output->value.node);
        int         k      = 0;
        while (k < n_fns && memcmp(inputs[k], needed, (size_t)n_inputs * sizeof *needed) != 0) k++;
        if (k == n_fns) {
            fns[n_fns]      = fn_add(e, FN_PREDICT, k ? arena_printf(e->arena, "predict_%d", k + 1) : "predict");
            inputs[n_fns++] = needed;
        }
        fn_result(e, fns[k], output->name, output->value.node, NULL);
    }
    if (!n_outputs) fn_add(e, FN_PREDICT, "predict");
}

void init_function(Elab *e) {
    Fn *fn = fn_add(e, FN_INIT, "init");
    for (int i = 0; i < e->program->slots.len; i++) {
        const Slot *slot = &e->program->slots.data[i];
        if (slot->kind != SLOT_METRIC && slot->kind != SLOT_HYPER && slot->init) fn_update(e, fn, i, slot->init);
    }
}

/* Functions in the order of their kinds, several of one kind as they were made. */
static void sort_functions(Program *program) {
    for (int i = 1; i < program->fns.len; i++)
        for (int k = i; k > 0 && program->fns.data[k - 1]->kind > program->fns.data[k]->kind; k--) {
            Fn *fn                   = program->fns.data[k];
            program->fns.data[k]     = program->fns.data[k - 1];
            program->fns.data[k - 1] = fn;
        }
}

/* ---- the pass --------------------------------------------------------------------------------------------------------------------- */

static Elab *elab_new(Compilation *c) {
    Elab *e           = ARENA_NEW(c->arena, Elab);
    e->c              = c;
    e->arena          = c->arena;
    e->diags          = c->diags;
    e->dims           = dim_table_new(c->arena);
    e->graph          = graph_new(c->arena, e->dims);
    e->program        = ARENA_NEW(c->arena, Program);
    e->program->graph = e->graph;
    e->real           = ELEM_F32;
    e->products       = ELEM_F32;
    e->modules        = map_new(c->arena);
    e->told           = map_new(c->arena);
    e->model_dims     = map_new(c->arena);
    e->slot_by_path   = map_new(c->arena);
    e->taken          = map_new(c->arena);
    e->draws          = map_new(c->arena);
    e->baked          = map_new(c->arena);
    return e;
}

static bool clean(const Elab *e) {
    return diags_error_count(e->diags) == 0;
}

static const Decl *choose_model(Elab *e, const Module *module) {
    const Decl *found = NULL, *second = NULL;
    const char *names[64];
    int         n      = 0;
    const char *wanted = e->c->options.model;
    for (int i = 0; i < module->decls.len; i++) {
        const Decl *decl = module->decls.data[i];
        if (decl->kind != DECL_MODEL || !decl->name.text) continue;
        if (n < 64) names[n++] = decl->name.text;
        if (found && !second) second = decl;
        if (!found || (wanted && !strcmp(decl->name.text, wanted))) found = decl;
    }
    Span        at     = {module->file, 0, 0};
    const char *listed = "";
    for (int i = 0; i < n; i++) listed = arena_printf(e->arena, "%s%s%s", listed, i ? ", " : "", names[i]);
    if (!found) {
        if (clean(e)) diag_error(e->diags, at, E0108, "the file holds no model");
    } else if (wanted && strcmp(found->name.text, wanted)) {
        Diag       *diag = diag_error(e->diags, at, E0108, "the file holds no model '%s'", wanted);
        const char *near = nearest_name(wanted, names, n);
        diag_note(diag, "it holds: %s", listed);
        if (near) diag_help(diag, "did you mean '%s'?", near);
        return NULL;
    } else if (!wanted && n > 1) {
        Diag *diag = diag_error(e->diags, second->name.span, E0108, "the file holds %d models", n);
        diag_label(diag, found->name.span, "the first one");
        diag_help(diag, "choose one with --model NAME: %s", listed);
        return NULL;
    }
    return found;
}

static bool nothing_to_do(Elab *e) {
    if (e->outputs.len || e->losses.len || e->exhausted || !clean(e)) return false;
    Diag *diag =
        sema_error(e, e->model->name.span, E0606, "model '%s' has neither an output nor a loss", e->model->name.text);
    Span end = e->model->u.callable.body->span;
    diag_label(diag, (Span){end.file, end.end - 1, end.end}, "it ends here");
    diag_help(diag, "'output x' makes x what the model predicts");
    return true;
}

static void make_functions(Elab *e) {
    model_elaborate(e, MODE_TRAIN);
    e->program->has_train = e->losses.len > 0;
    if (!nothing_to_do(e)) train_functions(e);
    if (!e->exhausted) model_elaborate(e, MODE_EVAL);
    if (!clean(e)) return;
    if (e->losses.len || e->metrics.len || e->metric_values.len) eval_functions(e), layer_rows(e, FN_EVAL);
    check_early_stop(e);
    model_elaborate(e, MODE_PREDICT);
    if (!clean(e)) return;
    predict_functions(e);
    layer_rows(e, FN_PREDICT);
    fit_function(e);
    init_function(e);
    sort_functions(e->program);
}

Elab *elab_begin(Compilation *c, Module *module) {
    if (diags_error_count(c->diags)) return NULL;
    Elab *e = elab_new(c);
    if (!scope_load_prelude(e) && !diags_error_count(c->diags)) {
        Diag *diag =
            diag_error(c->diags, (Span){module->file, 0, 0}, E0104, "the standard library (nn.nnet) cannot be read%s%s",
                       c->options.stdlib_dir ? " in " : "", c->options.stdlib_dir ? c->options.stdlib_dir : "");
        diag_help(diag, "--stdlib names the folder that holds nn.nnet");
        return NULL;
    }
    e->model_scope = scope_of_module(e, module, diags_source_path(c->diags, module->file));
    return e;
}

Program *graph_from_ast(Compilation *c, Module *module) {
    Elab *e = elab_begin(c, module);
    if (!e) return NULL;
    e->model = choose_model(e, module);
    if (!e->model || !model_declare(e)) return NULL;
    e->program->model    = e->model->name.text;
    e->program->real     = e->real;
    e->program->products = e->products;
    e->program->headline = "loss";
    make_functions(e);
    for (int i = 0; i < e->scopes.len && clean(e); i++) check_unused(e, e->scopes.data[i]->module);
    if (!clean(e)) return NULL;
    return e->program;
}
