/* Runs a compiled model beside what PyTorch recorded for it, and compares.
 *
 *     oracle_run RECORD.safetensors TOLERANCE
 *
 * The record (see common.py) gives the slots to start from, the inputs and the batches. Compared are the predictions before
 * training, every step's losses, the slots after the last step and the metrics over all samples; an error is
 * max |ours - theirs| / max |theirs| of a tensor. Linked with the object of the case's model. Exit code 0: all within the tolerance. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"
#include "extras/array.h"

extern const nnrt_model oracle_nnrt_model;

enum { MAX_SYMBOLS = 8 };

typedef struct Oracle {
    const nnrt_model *model;
    nnrt_instance    *instance;
    nnrt_content      record;
    nnrt_error        error;
    nnrt_clock        clock;
    const int64_t    *batches;
    int64_t           n_batches, n_samples;
    double            tolerance, worst;
    int               n_compared, n_failed;
} Oracle;

static void die(const char *what, const char *detail) {
    fprintf(stderr, "oracle: %s: %s\n", what, detail);
    exit(2);
}

static void require(Oracle *o, nnrt_status status, const char *what) {
    if (status != NNRT_OK) die(what, o->error.message);
}

/* The recorded tensor PREFIX/NAME, or NULL. */
static const nnrt_array *find(const Oracle *o, const char *prefix, const char *name) {
    char full[256];
    snprintf(full, sizeof full, "%s/%s", prefix, name);
    for (int i = 0; i < o->record.n_arrays; i++)
        if (!strcmp(o->record.arrays[i].name, full)) return &o->record.arrays[i];
    return NULL;
}

static const nnrt_array *need(const Oracle *o, const char *prefix, const char *name) {
    const nnrt_array *array = find(o, prefix, name);
    if (!array) die("the record lacks", name);
    return array;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------ */

static void compare(Oracle *o, const char *prefix, const char *name, int elem, const void *ours, int64_t count) {
    const nnrt_array *theirs = need(o, prefix, name);
    if (theirs->count != count) die("another number of elements", name);
    double difference = 0.0, scale = 0.0;
    for (int64_t i = 0; i < count; i++) {
        double a = nnrt_elem_get(elem, ours, i), b = nnrt_elem_get(theirs->elem, theirs->data, i);
        double d   = fabs(a - b);
        difference = d <= difference ? difference : d; /* keeps NaN */
        scale      = fmax(scale, fabs(b));
    }
    double error = scale > 0.0 ? difference / scale : difference;
    o->n_compared++;
    if (error <= o->tolerance) {
        o->worst = fmax(o->worst, error);
        return;
    }
    o->n_failed++;
    fprintf(stderr, "oracle: %s/%s: error %.3g > %.3g (largest value %.6g)\n", prefix, name, error, o->tolerance,
            scale);
    for (int64_t i = 0; i < count && i < 4; i++)
        fprintf(stderr, "oracle:   [%lld] ours %.10g, recorded %.10g\n", (long long)i, nnrt_elem_get(elem, ours, i),
                nnrt_elem_get(theirs->elem, theirs->data, i));
}

/* ---- feeding ---------------------------------------------------------------------------------------------------------- */

static void set_slots(Oracle *o) {
    const nnrt_model *model = o->model;
    for (int i = 0; i < model->n_slots; i++) { /* averages start as their parameters do */
        const nnrt_slot  *slot = &model->slots[i];
        const nnrt_slot  *of   = slot->kind == NNRT_EMA ? &model->slots[slot->param] : slot;
        const nnrt_array *from = find(o, "slot", of->tensor.name);
        if (!from) continue;
        if (from->elem != model->slots[i].tensor.elem) die("another element type", from->name);
        size_t nbytes = (size_t)from->count * nnrt_elem_size(from->elem);
        if (nbytes != o->instance->slot_nbytes[i]) die("another size", from->name);
        memcpy(o->instance->slots[i], from->data, nbytes);
    }
}

static void check_slots_exist(const Oracle *o) {
    for (int i = 0; i < o->record.n_arrays; i++) {
        const char *name  = o->record.arrays[i].name;
        bool        found = strncmp(name, "slot/", 5) != 0;
        for (int k = 0; k < o->model->n_slots && !found; k++) found = !strcmp(o->model->slots[k].tensor.name, name + 5);
        if (!found) die("the model has no slot of that path", name + 5);
    }
}

/* Binds the dims by the inputs' shapes, the sample dim to `size`, and points the inputs at the samples from `from` on;
 * size 0: inputs are taken whole. */
static void bind_batch(Oracle *o, int64_t from, int64_t size, const void **inputs) {
    const nnrt_model *model                    = o->model;
    int64_t           symbols[MAX_SYMBOLS + 1] = {0};
    if (model->n_symbols > MAX_SYMBOLS) die("too many symbolic dims", model->name);
    for (int i = 0; i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        const nnrt_array  *array  = need(o, "in", tensor->name);
        int64_t            stride = size && array->rank ? array->count / array->shape[0] : 0;
        if (array->elem != tensor->elem || array->rank != tensor->rank) die("another type of input", array->name);
        inputs[i] = (const char *)array->data + (size_t)(from * stride) * nnrt_elem_size(array->elem);
        for (int axis = 0; axis < tensor->rank; axis++)
            if (tensor->symbol[axis] >= 0)
                symbols[tensor->symbol[axis]] = size && axis == 0 ? size : array->shape[axis];
    }
    require(o, nnrt_instance_bind(o->instance, symbols, &o->error), "bind");
}

static void call(Oracle *o, int fn, const void *const *inputs) {
    nnrt_fault fault;
    require(o, nnrt_instance_call(o->instance, fn, inputs, &o->clock, &fault, &o->error), o->model->fns[fn].name);
}

/* Calls every function of a kind once. */
static void call_kind(Oracle *o, nnrt_fn_kind kind, const void *const *inputs) {
    for (int fn = nnrt_model_fn(o->model, kind, 0); fn >= 0; fn = nnrt_model_fn(o->model, kind, fn + 1))
        call(o, fn, inputs);
}

static void call_on_batches(Oracle *o, nnrt_fn_kind kind, const void **inputs) {
    int64_t from = 0;
    for (int64_t i = 0; i < o->n_batches; from += o->batches[i++]) {
        bind_batch(o, from, o->batches[i], inputs);
        call_kind(o, kind, inputs);
    }
}

/* ---- the parts of a run ------------------------------------------------------------------------------------------------ */

static void compare_results(Oracle *o, int index, const char *prefix) {
    const nnrt_fn *fn = &o->model->fns[index];
    for (int i = 0; i < fn->n_results; i++) {
        const nnrt_tensor *tensor = &fn->results[i].tensor;
        compare(o, prefix, tensor->name, tensor->elem, o->instance->results[i].data,
                nnrt_shape_count(nnrt_instance_shape(o->instance, tensor), tensor->rank));
    }
}

static void run_predict(Oracle *o, const void **inputs) {
    bind_batch(o, 0, o->batches[0], inputs);
    for (int fn = nnrt_model_fn(o->model, NNRT_FN_PREDICT, 0); fn >= 0;
         fn     = nnrt_model_fn(o->model, NNRT_FN_PREDICT, fn + 1)) {
        call(o, fn, inputs);
        compare_results(o, fn, "out");
    }
}

/* The training functions' results, one after the other. */
static const nnrt_result *training_result(const nnrt_model *model, int index) {
    for (int fn = nnrt_model_fn(model, NNRT_FN_TRAIN, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_TRAIN, fn + 1)) {
        if (index < model->fns[fn].n_results) return &model->fns[fn].results[index];
        index -= model->fns[fn].n_results;
    }
    return NULL;
}

/* One step on the batch that is bound; losses[k * n_batches + step] is the k-th result's value. */
static void train_step(Oracle *o, int64_t step, const void *const *inputs, double *losses) {
    int first = 0;
    for (int fn = nnrt_model_fn(o->model, NNRT_FN_TRAIN, 0); fn >= 0;
         fn     = nnrt_model_fn(o->model, NNRT_FN_TRAIN, fn + 1)) {
        const nnrt_fn *train = &o->model->fns[fn];
        call(o, fn, inputs);
        for (int k = 0; k < train->n_results; k++)
            losses[(first + k) * o->n_batches + step] =
                nnrt_elem_get(train->results[k].tensor.elem, o->instance->results[k].data, 0);
        first += train->n_results;
    }
}

/* Trains over all batches, where the model can be trained. Terms that weigh differently are results of their own. */
static void run_training(Oracle *o, const void **inputs) {
    int n_results = 0;
    while (training_result(o->model, n_results)) n_results++;
    double *losses = calloc((size_t)(n_results * o->n_batches) + 1, sizeof *losses);
    if (!losses) die("memory", "losses");
    int64_t from = 0;
    for (int64_t step = 0; n_results > 0 && step < o->n_batches; from += o->batches[step++]) {
        bind_batch(o, from, o->batches[step], inputs);
        o->clock.step = step;
        o->clock.pass = (uint64_t)step;
        train_step(o, step, inputs, losses);
    }
    for (int k = n_results - 1; k >= 0; k--) {
        const nnrt_result *result = training_result(o->model, k);
        double            *values = losses + k * o->n_batches;
        for (int64_t i = 0; result->adds && i < o->n_batches; i++) values[i - o->n_batches] += values[i];
        if (!result->adds && find(o, "loss", result->tensor.name))
            compare(o, "loss", result->tensor.name, NNRT_F64, values, o->n_batches);
    }
    free(losses);
}

static void compare_slots(Oracle *o) {
    for (int i = 0; i < o->model->n_slots; i++) {
        const nnrt_tensor *tensor = &o->model->slots[i].tensor;
        if (find(o, "final", tensor->name))
            compare(o, "final", tensor->name, tensor->elem, o->instance->slots[i],
                    nnrt_shape_count(nnrt_instance_shape(o->instance, tensor), tensor->rank));
    }
}

/* Results of an evaluation with a weight, among them losses used as metrics, are averaged by it over all batches. */
static void run_eval(Oracle *o, int fn, const void **inputs) {
    const nnrt_fn *eval = &o->model->fns[fn];
    double        *sums = calloc((size_t)eval->n_results * 2 + 1, sizeof *sums);
    if (!sums) die("memory", "sums");
    int64_t from = 0;
    for (int64_t i = 0; i < o->n_batches; from += o->batches[i++]) {
        bind_batch(o, from, o->batches[i], inputs);
        call(o, fn, inputs);
        for (int k = 0; k < eval->n_results; k++) {
            if (!eval->results[k].has_weight) continue;
            double weight = nnrt_elem_get(eval->results[k].tensor.elem, o->instance->results[k].data, 1);
            sums[2 * k] += weight * nnrt_elem_get(eval->results[k].tensor.elem, o->instance->results[k].data, 0);
            sums[2 * k + 1] += weight;
        }
    }
    for (int k = 0; k < eval->n_results; k++) {
        double mean = sums[2 * k] / sums[2 * k + 1];
        if (find(o, "metric", eval->results[k].tensor.name))
            compare(o, "metric", eval->results[k].tensor.name, NNRT_F64, &mean, 1);
    }
    free(sums);
}

static void run_metrics(Oracle *o, const void **inputs) {
    int eval = nnrt_model_fn(o->model, NNRT_FN_EVAL, 0), metrics = nnrt_model_fn(o->model, NNRT_FN_METRICS, 0);
    call_kind(o, NNRT_FN_RESET, inputs);
    if (eval >= 0) run_eval(o, eval, inputs);
    if (metrics < 0) return;
    call(o, metrics, inputs);
    compare_results(o, metrics, "metric");
}

/* Nothing that was recorded is passed over. */
static void check_all_compared(const Oracle *o) {
    int expected = 0;
    for (int i = 0; i < o->record.n_arrays; i++) {
        const char *name = o->record.arrays[i].name;
        expected += !strncmp(name, "out/", 4) || !strncmp(name, "loss/", 5) || !strncmp(name, "final/", 6) ||
                    !strncmp(name, "metric/", 7);
    }
    if (expected != o->n_compared) die("the model did not give all that was recorded", o->model->name);
}

static void open_record(Oracle *o, const char *path) {
    require(o, nnrt_read_content(path, &o->record, &o->error), "read");
    const nnrt_array *batches = need(o, "plan", "batches");
    o->batches                = batches->data;
    o->n_batches              = batches->count;
    for (int64_t i = 0; i < o->n_batches; i++) o->n_samples += o->batches[i];
    o->clock.total_steps = o->n_batches;
    o->clock.epoch_steps = *(const int64_t *)need(o, "plan", "epoch_steps")->data;
    check_slots_exist(o);
}

int main(int argc, char **argv) {
    if (argc != 3) die("usage", "oracle_run RECORD.safetensors TOLERANCE");
    Oracle o   = {.model = &oracle_nnrt_model, .tolerance = atof(argv[2])};
    o.instance = nnrt_instance_new(o.model, NULL, &o.error);
    if (!o.instance) die("instance", o.error.message);
    open_record(&o, argv[1]);
    const void **inputs = calloc((size_t)o.model->n_inputs + 1, sizeof *inputs);
    if (!inputs) die("memory", "inputs");

    bind_batch(&o, 0, o.batches[0], inputs);
    call_kind(&o, NNRT_FN_INIT, inputs);
    set_slots(&o);
    call_on_batches(&o, NNRT_FN_FIT, inputs);
    run_predict(&o, inputs);
    run_training(&o, inputs);
    compare_slots(&o);
    run_metrics(&o, inputs);

    check_all_compared(&o);
    printf("%d tensors compared, %d off, worst error of the others %.3g\n", o.n_compared, o.n_failed, o.worst);
    free(inputs);
    nnrt_instance_free(o.instance);
    nnrt_content_free(&o.record);
    return o.n_failed || !o.n_compared ? 1 : 0;
}
