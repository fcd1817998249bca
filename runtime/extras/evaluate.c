/* One function on one batch, and losses and metrics over a whole set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/trainer.h"
#include "extras/vocabulary.h"

/* Evaluation draws from other random numbers than training, and the same in every evaluation. */
static const uint64_t EVALUATION_PASS = UINT64_C(1) << 62;

void nnrt_inputs_needed(const nnrt_model *model, unsigned kinds, bool *needed) {
    memset(needed, 0, (size_t)model->n_inputs * sizeof *needed);
    for (int i = 0; i < model->n_fns; i++)
        for (int k = 0; (kinds >> model->fns[i].kind & 1) && k < model->fns[i].n_inputs_used; k++)
            needed[model->fns[i].inputs_used[k]] = true;
}

/* Does input i hold the value that a kernel could not use as an index? Then `error` names its place in the data. */
static bool find_fault(const nnrt_batches *batches, int i, const nnrt_fault *fault, nnrt_error *error) {
    const nnrt_dataset *set    = batches->split->set;
    const nnrt_column  *column = &set->columns[i];
    const nnrt_tensor  *tensor = &set->model->inputs[i].tensor;
    int64_t             count  = column->is_sampled ? batches->count * column->inner : column->array.count;
    if (nnrt_elem_is_float(tensor->elem) || column->outer != 1 || !batches->inputs[i]) return false;
    for (int64_t at = 0; at < count; at++) {
        if ((int64_t)nnrt_elem_get(tensor->elem, batches->inputs[i], at) != fault->value) continue;
        int64_t element = column->is_sampled
                              ? nnrt_batches_sample(batches, at / column->inner) * column->inner + at % column->inner
                              : at;
        char    place[4400];
        nnrt_fail(error, NNRT_BAD_DATA, "%s: %s %lld is out of range: '%s' takes 0 to %lld",
                  nnrt_dataset_place(column, element, place, sizeof place), nnrt_dataset_index_word(set, i),
                  (long long)fault->value, tensor->name, (long long)fault->limit - 1);
        return true;
    }
    return false;
}

/* Looks last at the inputs whose limit is known: the readers have held them to it. */
static void explain_fault(const nnrt_batches *batches, const nnrt_fn *fn, const nnrt_fault *fault, nnrt_error *error) {
    const nnrt_input *inputs = batches->split->set->model->inputs;
    for (int limited = 0; limited < 2; limited++)
        for (int k = 0; k < fn->n_inputs_used; k++)
            if ((inputs[fn->inputs_used[k]].class_limit > 0) == limited &&
                find_fault(batches, fn->inputs_used[k], fault, error))
                return;
}

nnrt_status nnrt_call_on_batch(nnrt_instance *instance, int fn, const nnrt_batches *batches, const nnrt_clock *clock,
                               nnrt_error *error) {
    nnrt_fault  fault;
    nnrt_status status = nnrt_instance_bind(instance, batches->symbols, error);
    if (status != NNRT_OK) return status;
    status = nnrt_instance_call(instance, fn, batches->inputs, clock, &fault, error);
    if (status == NNRT_BAD_DATA) explain_fault(batches, &instance->model->fns[fn], &fault, error);
    return status;
}

/* ---- scores ------------------------------------------------------------------------------------------------------ */

void nnrt_scores_free(nnrt_scores *scores) {
    for (int i = 0; i < scores->n; i++) free(scores->items[i].values);
    free(scores->items);
    *scores = (nnrt_scores){0};
}

const nnrt_score *nnrt_scores_find(const nnrt_scores *scores, const char *name) {
    for (int i = 0; name && i < scores->n; i++)
        if (scores->items[i].count == 1 && strcmp(scores->items[i].name, name) == 0) return &scores->items[i];
    return NULL;
}

const nnrt_score *nnrt_scores_headline(const nnrt_scores *scores, const nnrt_model *model) {
    const nnrt_score *found = nnrt_scores_find(scores, model->train.headline);
    for (int i = 0; i < scores->n && !found; i++)
        if (scores->items[i].count == 1) found = &scores->items[i];
    return found;
}

/* Sum of value * weight and of weights, one pair a result of an evaluation function. */
typedef struct Mean {
    double sum, weight;
} Mean;

static void add_results(const nnrt_instance *instance, const nnrt_fn *fn, int64_t n_samples, Mean *means) {
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_result *result = &fn->results[i];
        double             value  = nnrt_elem_get(result->tensor.elem, instance->results[i].data, 0);
        double             weight =
            result->has_weight ? nnrt_elem_get(result->tensor.elem, instance->results[i].data, 1) : (double)n_samples;
        if (weight == 0) continue; /* nothing to average: the value may be 0/0 */
        means[i].sum += value * weight;
        means[i].weight += weight;
    }
}

/* Room for a score of the tensor's shape: a number where `shape` is NULL. */
static bool append(nnrt_scores *scores, const nnrt_tensor *tensor, const int64_t *shape) {
    int64_t    count = shape ? nnrt_shape_count(shape, tensor->rank) : 1;
    nnrt_score score = {.name = tensor->name, .count = count, .tensor = tensor};
    score.values     = calloc((size_t)count + 1, sizeof *score.values);
    if (!score.values) return false;
    for (int axis = 0; shape && axis < tensor->rank; axis++) score.shape[axis] = shape[axis];
    scores->items[scores->n++] = score;
    return true;
}

static nnrt_status evaluate_batches(nnrt_instance *instance, int fn, nnrt_batches *batches, uint64_t seed,
                                    nnrt_scores *scores, nnrt_error *error) {
    const nnrt_fn *code   = &instance->model->fns[fn];
    Mean          *means  = calloc((size_t)code->n_results + 1, sizeof *means);
    nnrt_status    status = means ? NNRT_OK : nnrt_fail_memory(error, 0, "scores");
    nnrt_clock     clock  = {.seed = seed, .epoch_steps = batches->n_batches, .total_steps = batches->n_batches};
    for (int64_t i = 0; i < batches->n_batches && status == NNRT_OK; i++) {
        nnrt_batches_fetch(batches, 0, i);
        clock.step = i;
        clock.pass = EVALUATION_PASS + (uint64_t)i;
        status     = nnrt_call_on_batch(instance, fn, batches, &clock, error);
        if (status == NNRT_OK) add_results(instance, code, batches->count, means);
    }
    for (int i = 0; i < code->n_results && status == NNRT_OK; i++) {
        if (!code->results[i].adds && !append(scores, &code->results[i].tensor, NULL))
            status = nnrt_fail_memory(error, 0, "scores");
        else
            scores->items[scores->n - 1].values[0] +=
                means[i].weight == 0 ? (double)NAN : means[i].sum / means[i].weight;
    }
    free(means);
    return status;
}

static nnrt_status read_metrics(nnrt_instance *instance, int fn, uint64_t seed, nnrt_scores *scores,
                                nnrt_error *error) {
    const nnrt_fn *code   = &instance->model->fns[fn];
    nnrt_status    status = nnrt_instance_call_plain(instance, fn, seed, error);
    for (int i = 0; i < code->n_results && status == NNRT_OK; i++) {
        const nnrt_tensor *tensor = &code->results[i].tensor;
        if (!append(scores, tensor, nnrt_instance_shape(instance, tensor))) return nnrt_fail_memory(error, 0, "scores");
        for (int64_t k = 0; k < scores->items[scores->n - 1].count; k++)
            scores->items[scores->n - 1].values[k] = nnrt_elem_get(tensor->elem, instance->results[i].data, k);
    }
    return status;
}

nnrt_status nnrt_evaluate(nnrt_instance *instance, const nnrt_split *split, const nnrt_settings *settings,
                          nnrt_scores *scores, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    int               eval = nnrt_model_fn(model, NNRT_FN_EVAL, 0), reset = nnrt_model_fn(model, NNRT_FN_RESET, 0);
    int               metrics = nnrt_model_fn(model, NNRT_FN_METRICS, 0);
    int n   = (eval >= 0 ? model->fns[eval].n_results : 0) + (metrics >= 0 ? model->fns[metrics].n_results : 0);
    *scores = (nnrt_scores){.items = calloc((size_t)n + 1, sizeof *scores->items)};
    if (!scores->items) return nnrt_fail_memory(error, 0, "scores");
    if (settings->vocabularies) scores->classes = nnrt_vocabularies_classes(settings->vocabularies, NULL);
    if (eval < 0) return nnrt_fail(error, NNRT_USAGE, "model %s has no loss or metric to evaluate", model->name);
    nnrt_batches batches;
    nnrt_status  status = nnrt_batches_new(&batches, split, settings->batch, false, (uint64_t)settings->seed, error);
    if (status != NNRT_OK) return status;
    if (reset >= 0) status = nnrt_instance_call_plain(instance, reset, (uint64_t)settings->seed, error);
    if (status == NNRT_OK) status = evaluate_batches(instance, eval, &batches, (uint64_t)settings->seed, scores, error);
    if (status == NNRT_OK && metrics >= 0)
        status = read_metrics(instance, metrics, (uint64_t)settings->seed, scores, error);
    nnrt_batches_free(&batches);
    return status;
}
