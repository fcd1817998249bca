#include "codegen/api.h"

#include <ctype.h>
#include <string.h>

#include "base/map.h"

/* ---- what functions depend on ----------------------------------------------------------------------------------------------- */

static void mark_symbols(const Dim *dim, bool *used) {
    for (int i = 0; i < dim_term_count(dim); i++) {
        const DimTerm *term = dim_term(dim, i);
        for (int k = 0; k < term->n_atoms; k++) {
            if (term->atoms[k].symbol >= 0) {
                used[term->atoms[k].symbol] = true;
            } else {
                mark_symbols(term->atoms[k].numerator, used);
                mark_symbols(term->atoms[k].denominator, used);
            }
        }
    }
}

static void mark_node(const Node *node, FnReach *reach) {
    for (int i = 0; i < node->type.rank; i++) {
        mark_symbols(node->type.dims[i], reach->dims);
        if (op_info[node->op].attr == ATTR_OFFSETS) mark_symbols(node->attr.offsets[i], reach->dims);
    }
    if (op_info[node->op].attr == ATTR_SLIDE) mark_symbols(node->attr.slide.before, reach->dims);
    if (op_info[node->op].attr == ATTR_DIM) mark_symbols(node->attr.dim, reach->dims);
    if (node->op == OP_INPUT) reach->inputs[node->attr.ref] = true;
    if (node->op == OP_RUNTIME && node->attr.ref == RUNTIME_TOTAL_STEPS) reach->total_steps = true;
    if (node->op == OP_RUNTIME && node->attr.ref == RUNTIME_EPOCH_STEPS) reach->epoch_steps = true;
}

FnReach fn_reach(Arena *arena, const Program *program, const Fn *fn) {
    FnReach reach = {.dims   = ARENA_ARRAY(arena, bool, dim_symbol_count(graph_dims(program->graph)) + 1),
                     .inputs = ARENA_ARRAY(arena, bool, program->inputs.len + 1)};
    NodeVec order = {0};
    Map    *seen  = map_new(arena);
    for (int i = 0; i < fn->updates.len; i++) graph_post_order(arena, fn->updates.data[i].value, seen, &order);
    for (int i = 0; i < fn->results.len; i++) {
        graph_post_order(arena, fn->results.data[i].value, seen, &order);
        if (fn->results.data[i].weight) graph_post_order(arena, fn->results.data[i].weight, seen, &order);
    }
    for (int i = 0; i < order.len; i++) mark_node(order.data[i], &reach);
    return reach;
}

/* ---- fields ------------------------------------------------------------------------------------------------------------------- */

static bool trains(FnKind kind) {
    return kind == FN_TRAIN || kind == FN_ACCUMULATE;
}

/* The dims and inputs of functions of some kinds, in the program's order; a dim that an input's shape names comes with it. */
static void collect(Arena *arena, const Program *program, unsigned kinds, IndexVec *dims, IndexVec *inputs, Api *api) {
    int   n_dims   = dim_symbol_count(graph_dims(program->graph));
    bool *has_dim  = ARENA_ARRAY(arena, bool, n_dims + 1);
    bool *has_data = ARENA_ARRAY(arena, bool, program->inputs.len + 1);
    for (int i = 0; i < program->fns.len; i++) {
        const Fn *fn = program->fns.data[i];
        if (!(kinds >> fn->kind & 1)) continue;
        FnReach reach = fn_reach(arena, program, fn);
        for (int k = 0; k < n_dims; k++) has_dim[k] = has_dim[k] || reach.dims[k];
        for (int k = 0; k < program->inputs.len; k++) has_data[k] = has_data[k] || reach.inputs[k];
        if (!trains(fn->kind)) continue;
        api->needs_total_steps = api->needs_total_steps || reach.total_steps;
        api->needs_epoch_steps = api->needs_epoch_steps || reach.epoch_steps;
    }
    for (int k = 0; k < n_dims; k++)
        if (has_dim[k]) vec_push(arena, dims, k);
    for (int k = 0; k < program->inputs.len; k++)
        if (has_data[k]) vec_push(arena, inputs, k);
}

/* Elements of a constant shape; 0 of any other. */
static int64_t count_of(const Type *type) {
    int64_t count = 1, length;
    for (int i = 0; i < type->rank; i++) {
        if (!dim_is_const(type->dims[i], &length)) return 0;
        count *= length;
    }
    return count;
}

static void add_metric(Arena *arena, Api *api, const Result *result, bool is_loss, bool is_mean) {
    for (int i = 0; i < api->metrics.len; i++) {
        ApiMetric *known = &api->metrics.data[i];
        if (strcmp(known->name, result->name) != 0) continue;
        known->is_loss = known->is_loss || is_loss;
        return;
    }
    ApiMetric metric = {result->name, &result->value->type, api->n_metric_values,
                        is_mean ? 1 : count_of(&result->value->type), is_loss};
    if (metric.count == 0) return; /* of no constant shape */
    api->n_metric_values += metric.count;
    vec_push(arena, &api->metrics, metric);
}

static void add_metrics(Arena *arena, Api *api, const Program *program, FnKind kind) {
    for (int i = 0; i < program->fns.len; i++) {
        const Fn *fn = program->fns.data[i];
        if (fn->kind != kind) continue;
        for (int k = 0; k < fn->results.len; k++)
            if (!fn->results.data[k].adds)
                add_metric(arena, api, &fn->results.data[k], trains(kind), kind != FN_METRICS);
    }
}

static int64_t at_least_1(int64_t n) {
    return n > 1 ? n : 1;
}

/* As nnrt_steps_of counts them (runtime/core/steps.h). */
static int64_t step_batches(const Program *program) {
    int64_t most = 1;
    for (int phase = 0; phase < at_least_1(program->train.phases.len); phase++) {
        int64_t draws = 1;
        for (int i = 0; i < program->fns.len; i++)
            if (program->fns.data[i]->kind == FN_TRAIN && program->fns.data[i]->phase == phase)
                draws += at_least_1(program->fns.data[i]->times) - 1;
        if (draws > most) most = draws;
    }
    return most * at_least_1(program->train.accumulate);
}

static bool has_phases_in_epochs(const Program *program) {
    for (int i = 0; i < program->train.phases.len; i++)
        if (program->train.phases.data[i].in_epochs) return true;
    return false;
}

Api *api_from_program(Arena *arena, const Program *program) {
    const unsigned trained = 1u << FN_FIT | 1u << FN_TRAIN | 1u << FN_ACCUMULATE | 1u << FN_EVAL | 1u << FN_METRICS;
    Api           *api     = ARENA_NEW(arena, Api);
    char          *prefix  = arena_printf(arena, "%s", program->model);
    for (char *c = prefix; *c; c++) *c = (char)tolower((unsigned char)*c);
    api->prefix = prefix;
    collect(arena, program, trained, &api->batch_dims, &api->batch_inputs, api);
    collect(arena, program, 1u << FN_PREDICT, &api->predict_dims, &api->predict_inputs, api);
    add_metrics(arena, api, program, FN_EVAL);
    add_metrics(arena, api, program, FN_METRICS);
    add_metrics(arena, api, program, FN_TRAIN);
    add_metrics(arena, api, program, FN_ACCUMULATE);
    for (int i = 0; i < program->fns.len; i++) {
        const Fn *fn   = program->fns.data[i];
        api->trains    = api->trains || fn->kind == FN_TRAIN;
        api->evaluates = api->evaluates || fn->kind == FN_EVAL;
        api->fits      = api->fits || fn->kind == FN_FIT;
        if (fn->kind != FN_PREDICT) continue;
        for (int k = 0; k < fn->results.len; k++) vec_push(arena, &api->outputs, &fn->results.data[k]);
    }
    api->predicts          = api->outputs.len > 0;
    api->step_batches      = step_batches(program);
    api->needs_epoch_steps = api->needs_epoch_steps || has_phases_in_epochs(program);
    return api;
}
