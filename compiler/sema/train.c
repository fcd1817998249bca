/* Training: the settings of `train { }`, what each `minimize` line updates, and the elaboration of an optimizer's body for
 * each parameter. Real hyper-parameters of optimizers and schedules are slots that --set changes at run time, except those
 * that decide a compile-time `if` or a shape: these are found by a first elaboration and baked in. */
#include "sema/elab.h"

#include "sema/train.h"

#include <math.h>
#include <string.h>

/* ---- hyper-parameters as slots ---------------------------------------------------------------------------------------------------- */

static Value hyper_slot(Elab *e, const char *path, double value, bool count, Span span) {
    Type type  = {.elem = ELEM_F64};
    path       = intern(e->c->names, path);
    bool baked = map_has(e->baked, path);
    int  slot  = slot_find(e, path);
    if (slot < 0) {
        slot                                = slot_new(e, SLOT_HYPER, path, &type, span);
        e->program->slots.data[slot].value  = value;
        e->program->slots.data[slot].frozen = baked; /* for --set, which has to say so */
    }
    if (baked) return value_real(value);
    Node *node = slot_read(e, slot);
    return value_scalar(count ? node_cast(e->graph, ELEM_I64, node) : node);
}

static bool is_schedule(Value value) {
    return value.kind == VALUE_FN && value.fn->decl && value.fn->decl->kind == DECL_SCHEDULE;
}

static const Function *plain_hypers(Elab *e, const Function *fn, const char *prefix);

static bool type_named(const TypeExpr *type, const char *name) {
    return type && !type->has_shape && !strcmp(type->elem.text, name);
}

static Value run_time_value(Elab *e, const ParamDecl *param, Value value, const char *path, Span span) {
    double number;
    if (is_schedule(value)) {
        if (type_named(param->type, "schedule")) return value_fn(plain_hypers(e, value.fn, path));
        value            = schedule_value(e, value.fn, path, span);
        NamedValue named = {intern(e->c->names, path), value, span};
        vec_push(e->arena, &e->scheduled, named);
        return value;
    }
    bool count = type_named(param->type, "steps"),
         real  = param->type ? type_elem(e, param->type) < ELEM_COUNT : value.kind == VALUE_REAL;
    if ((count || (real && elem_is_float(param->type ? type_elem(e, param->type) : ELEM_F64))) &&
        const_real(value, &number))
        return hyper_slot(e, path, number, count, span);
    return value;
}

/* The callable with every real hyper-parameter read from a slot "prefix.name". */
static const Function *hyper_function(Elab *e, const Function *fn, const OptimizerRule *rule) {
    const ParamDeclVec *params = &fn->decl->u.callable.hyper;
    Function           *bound  = ARENA_NEW(e->arena, Function);
    Value              *values = ARENA_ARRAY(e->arena, Value, params->len + 1);
    Span               *spans  = ARENA_ARRAY(e->arena, Span, params->len + 1);
    Env                *env    = env_new(e, NULL, fn->scope);
    *bound                     = *fn;
    for (int i = 0; i < params->len; i++) {
        const ParamDecl *param  = &params->data[i];
        bool             given  = fn->bound && fn->hyper && fn->hyper[i].kind != VALUE_NONE;
        Value            value  = given                  ? fn->hyper[i]
                                  : param->default_value ? eval_expr(e, env, param->default_value)
                                                         : value_none();
        const char      *prefix = rule->own && !rule->own[i] ? rule->shared : rule->prefix;
        const char      *path   = arena_printf(e->arena, "%s.%s", prefix, param->name.text);
        spans[i]                = given ? fn->hyper_spans[i] : param->span;
        env_bind(e, env, param->name.text, spans[i], value);
        values[i] = value.kind == VALUE_NONE ? value : run_time_value(e, param, value, path, spans[i]);
    }
    bound->bound       = true;
    bound->hyper       = values;
    bound->hyper_spans = spans;
    return bound;
}

static const Function *plain_hypers(Elab *e, const Function *fn, const char *prefix) {
    OptimizerRule rule = {.prefix = prefix};
    return hyper_function(e, fn, &rule);
}

/* A schedule's value at this step: f64. */
Value schedule_value(Elab *e, const Function *fn, const char *prefix, Span span) {
    Function used = *fn;
    if (!fn->bound) used.span = span; /* where hyper-parameters could have been given */
    const Function *bound = plain_hypers(e, &used, prefix);
    Type            type  = {.elem = ELEM_I64};
    sema_place(e, span);
    Value    step    = value_scalar(steps_done(e));
    Value    total   = value_scalar(node_ref(e->graph, OP_RUNTIME, RUNTIME_TOTAL_STEPS, &type));
    Argument args[2] = {{.value = step, .span = span}, {.value = total, .span = span}};
    Call     call    = {.span = span, .callee = span, .n = 2, .args = args};
    Value    value   = apply_function(e, bound, &call, NULL);
    if (value.kind == VALUE_POISON || (value_is_numeric(value) && value.kind != VALUE_TENSOR)) return value;
    sema_error(e, span, E0605, "a schedule gives a number, not %s", value_describe(e->arena, value));
    return value_poison();
}

/* ---- one parameter ----------------------------------------------------------------------------------------------------------------- */

static Node *optimizer_step(Elab *e, const Function *fn, const char *prefix, const Trainee *trainee, Span span) {
    const Callable *callable = &fn->decl->u.callable;
    const char     *path     = e->program->slots.data[trainee->slot].path;
    Frame           frame    = {.kind        = FRAME_OPTIMIZER,
                                .decl        = fn->decl,
                                .slot_prefix = prefix,
                                .slot_suffix = path,
                                .param       = trainee->slot,
                                .call        = span};
    if (callable->params.len != 3) {
        Span at = callable->params.len ? callable->params.data[0].span : fn->decl->name.span;
        sema_error(e, at, E0605, "an optimizer's second list is (p, g, t)");
        return NULL;
    }
    sema_place(e, span);
    Node *t         = node_binary(e->graph, OP_ADD, steps_done(e), node_const(e->graph, ELEM_I64, 1));
    Value values[3] = {value_tensor(slot_read(e, trainee->slot)), value_tensor(trainee->gradient), value_scalar(t)};
    Span  spans[3]  = {span, span, span};
    Node *result    = NULL;
    Env  *env       = bind_hypers(e, fn);
    frame_push(e, &frame);
    if (bind_tensors(e, fn, env, values, spans, span)) {
        Binding *p = env_find(env, callable->params.data[0].name.text);
        p->kind    = BIND_VAR;
        bind_late_hypers(e, fn, env);
        exec_block(e, env, callable->body);
        p = env_find(env, callable->params.data[0].name.text);
        if (p->value.kind == VALUE_TENSOR) result = p->value.node;
    }
    frame_pop(e, &frame);
    return result;
}

static void forget_slots(Elab *e, int from, Node *const *current, int n_current) {
    for (int i = from; i < e->program->slots.len; i++) map_set(e->slot_by_path, e->program->slots.data[i].path, NULL);
    for (int i = 0; i < e->current.len; i++) e->current.data[i] = i < n_current ? current[i] : NULL;
    e->program->slots.len = from;
}

/* Elaborates in a graph of its own, for nothing, until no further hyper-parameter turns out to decide something when
 * compiling. */
static void find_baked(Elab *e, const OptimizerRule *rule, const Trainee *trainee) {
    int    from = e->program->slots.len, n_current = e->current.len, n_scheduled = e->scheduled.len, before;
    Graph *kept    = e->graph;
    Node **current = ARENA_ARRAY(e->arena, Node *, n_current + 1);
    for (int i = 0; i < n_current; i++) current[i] = e->current.data[i];
    do {
        e->graph                = graph_new(e->arena, e->dims);
        before                  = e->bakes;
        Trainee         standin = {trainee->slot, node_ref(e->graph, OP_COTANGENT, 0, &trainee->gradient->type)};
        const Function *fn      = hyper_function(e, rule->fn, rule);
        optimizer_step(e, fn, rule->slot_prefix, &standin, rule->span);
        forget_slots(e, from, current, n_current);
        e->scheduled.len = n_scheduled;
    } while (e->bakes > before && diags_error_count(e->diags) == 0);
    e->graph = kept;
}

/* ---- clipping ------------------------------------------------------------------------------------------------------------------------- */

static void clip_value(Elab *e, Trainee *trainees, int n, double limit) {
    for (int i = 0; i < n; i++) {
        Type  type           = trainees[i].gradient->type;
        Node *upper          = node_binary(e->graph, OP_MIN, trainees[i].gradient, node_fill(e->graph, &type, limit));
        trainees[i].gradient = node_binary(e->graph, OP_MAX, upper, node_fill(e->graph, &type, -limit));
    }
}

/* All gradients times min(1, limit / (norm + 1e-6)), the norm being that of all of them together. */
static void clip_norm(Elab *e, Trainee *trainees, int n, double limit) {
    Node *squares = NULL;
    int   axes[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) axes[i] = i;
    for (int i = 0; i < n; i++) {
        Node *g   = node_cast(e->graph, e->real, trainees[i].gradient);
        Node *sum = node_reduce(e->graph, OP_SUM, node_binary(e->graph, OP_MUL, g, g), g->type.rank, axes);
        squares   = squares ? node_binary(e->graph, OP_ADD, squares, sum) : sum;
    }
    if (!squares) return;
    Node *norm =
        node_binary(e->graph, OP_ADD, node_unary(e->graph, OP_SQRT, squares), node_const(e->graph, e->real, 1e-6));
    Node *ratio = node_binary(e->graph, OP_DIV, node_const(e->graph, e->real, limit), norm);
    Node *scale = node_binary(e->graph, OP_MIN, ratio, node_const(e->graph, e->real, 1.0));
    for (int i = 0; i < n; i++) {
        Node *g              = trainees[i].gradient;
        Node *factor         = expand_to(e, node_cast(e->graph, g->type.elem, scale), &g->type);
        trainees[i].gradient = node_binary(e->graph, OP_MUL, g, factor);
    }
}

/* ---- one minimize line ------------------------------------------------------------------------------------------------------------------ */

bool path_within(const char *path, const char *prefix) {
    size_t length = strlen(prefix);
    return !strncmp(path, prefix, length) && (path[length] == '/' || !path[length] || !length);
}

bool line_selects(const Elab *e, const MinimizeLine *line, int slot) {
    const char *path = e->program->slots.data[slot].path;
    if (line->over_all) return true;
    for (int i = 0; i < line->parts.len; i++)
        if (path_within(path, line->parts.data[i])) return true;
    for (int i = 0; i < line->patterns.len; i++)
        if (glob_match(line->patterns.data[i], path)) return true;
    return false;
}

static const OptimizerRule *rule_for(const MinimizeLine *line, const char *path) {
    const OptimizerRule *found = &line->rules.data[0];
    for (int i = 1; i < line->rules.len; i++)
        for (int k = 0; k < line->rules.data[i].n_patterns; k++)
            if (glob_match(line->rules.data[i].patterns[k], path)) found = &line->rules.data[i];
    return found;
}

/* What the line trains; `any`: something, were it not frozen. */
static int collect_trainees(Elab *e, const MinimizeLine *line, Trainee *trainees, bool *any) {
    bool *reached = ARENA_ARRAY(e->arena, bool, e->program->slots.len + 1);
    int   n       = 0;
    reach_slots(e, line->loss.node, reached);
    sema_place(e, line->span);
    for (int i = 0; i < e->program->slots.len; i++) {
        if (e->program->slots.data[i].kind != SLOT_PARAM || !reached[i] || !line_selects(e, line, i)) continue;
        *any = true;
        if (slot_frozen(e, i)) continue;
        trainees[n++] = (Trainee){i, loss_gradient(e, line->loss.node, slot_read(e, i))};
    }
    return n;
}

static void update_parameters(Elab *e, const MinimizeLine *line, Fn *fn, const Trainee *trainees, int n) {
    const Function **bound = ARENA_ARRAY(e->arena, const Function *, line->rules.len);
    for (int i = 0; i < n; i++) {
        const OptimizerRule *rule  = rule_for(line, e->program->slots.data[trainees[i].slot].path);
        int                  index = (int)(rule - line->rules.data);
        if (!bound[index]) {
            find_baked(e, rule, &trainees[i]);
            if (diags_error_count(e->diags)) return;
            bound[index] = hyper_function(e, rule->fn, rule);
        }
        Node *next = optimizer_step(e, bound[index], rule->slot_prefix, &trainees[i], rule->span);
        if (!next || diags_error_count(e->diags)) return;
        fn_update(e, fn, trainees[i].slot, next);
    }
    for (int i = 0; i < e->current.len; i++) {
        if (!e->current.data[i] || e->program->slots.data[i].kind != SLOT_OPTIMIZER) continue;
        fn_update(e, fn, i, e->current.data[i]);
        e->current.data[i] = NULL;
    }
}

static bool value_marked(Value value, const bool *marks, int limit) {
    if (value.kind == VALUE_TENSOR) return value.node->id <= limit && marks[value.node->id];
    for (int i = 0; value.kind == VALUE_TUPLE && i < value.list->len; i++)
        if (value_marked(value.list->items[i], marks, limit)) return true;
    return false;
}

/* Was a layer that holds this slot part of the line's forward pass? */
static bool in_forward(const Elab *e, const char *path, const bool *marks, int limit) {
    for (int i = 0; i < e->calls.len; i++)
        if (path_within(path, e->calls.data[i].layer->path) && value_marked(e->calls.data[i].result, marks, limit))
            return true;
    return false;
}

static void update_state(Elab *e, const MinimizeLine *line, Fn *fn, bool only_line) {
    bool *marks = reach_marks(e, line->loss.node);
    for (int i = 0; i < e->current.len; i++) {
        const Slot *slot = &e->program->slots.data[i];
        if (e->current.data[i] && slot->kind == SLOT_STATE && !slot_frozen(e, i) &&
            (only_line || in_forward(e, slot->path, marks, line->loss.node->id)))
            fn_update(e, fn, i, e->current.data[i]);
    }
}

static void line_results(Elab *e, const MinimizeLine *line, Fn *fn, bool only_line) {
    if (only_line && e->sums_losses) {
        add_losses(e, fn, true);
        return;
    }
    loss_result(e, fn, line->name, &line->loss);
    for (int i = 0; only_line && i < e->losses.len; i++)
        if (e->losses.data[i].value.node != line->loss.node)
            loss_result(e, fn, e->losses.data[i].name, &e->losses.data[i].value);
}

static bool nothing_to_train(Elab *e, const MinimizeLine *line, bool any) {
    if (any) return false; /* all of them are frozen in this phase: the line waits for another */
    Diag *diag = sema_error(e, line->span, E0606, "there is no parameter to train");
    diag_help(diag, line->over_all ? "the loss depends on no 'param'"
                                   : "the loss depends on no parameter of what follows 'over'");
    return false;
}

bool train_line(Elab *e, const TrainPlan *plan, const MinimizeLine *line, const char *suffix, int phase) {
    bool any = false, only_line = plan->lines.len == 1, sums = e->program->train.accumulate > 1;
    loss_scale_begin(e, line);
    Trainee *trainees = ARENA_ARRAY(e->arena, Trainee, e->program->slots.len + 1);
    int      n        = collect_trainees(e, line, trainees, &any);
    if (!n) return nothing_to_train(e, line, any);
    int first        = e->program->fns.len;
    e->scheduled.len = 0;
    Fn *probe        = e->c->options.reports ? probe_function(e, line, suffix, trainees, n) : NULL;
    Fn *adds = sums ? accumulate_function(e, line, arena_printf(e->arena, "accumulate%s", suffix), trainees, n) : NULL;
    StepCheck check = check_step(e, trainees, n);
    unscale_gradients(e, trainees, n, &check);
    if (plan->clip_value > 0) clip_value(e, trainees, n, plan->clip_value);
    if (plan->clip_norm > 0) clip_norm(e, trainees, n, plan->clip_norm);
    Fn *fn         = fn_add(e, FN_TRAIN, arena_printf(e->arena, "train%s", suffix));
    fn->times      = line->times;
    fn->accumulate = adds;
    line_results(e, line, adds ? adds : fn, only_line);
    update_parameters(e, line, fn, trainees, n);
    update_averages(e, fn);
    skip_unless_made(e, fn, &check);
    if (probe) probe_schedules(e, probe);
    if (adds) clear_accumulated(e, fn);
    update_state(e, line, adds ? adds : fn, only_line);
    for (int i = first; i < e->program->fns.len; i++) e->program->fns.data[i]->phase = phase;
    return true;
}
