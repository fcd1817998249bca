/* Runs a compiled model on made-up inputs and records all it computes, or compares it with such a record.
 *
 *     steps RECORD                    writes the record
 *     steps RECORD TOLERANCE [BUT]    compares; an error is max |ours - theirs| / max |theirs| of a tensor; tensors with BUT in their
 *                                     name are left out: parameters whose true gradient is zero, which rounding moves
 *
 * Linked with the object of a model and the core runtime alone, so that it also runs under an emulator. A run is: init, fit, four
 * training steps, reset, evaluation, metrics, prediction; with two threads. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/instance.h"

extern const nnrt_model nnrt_model_main;

enum { MAX_SYMBOLS = 8, TRAIN_STEPS = 4, SAMPLES = 7 };

typedef struct Run {
    const nnrt_model *model;
    nnrt_instance    *instance;
    nnrt_clock        clock;
    void            **inputs;
    FILE             *record;
    double            tolerance, worst; /* tolerance < 0: writing */
    const char       *but;              /* NULL: compare all */
    int               n_compared, n_failed;
    uint64_t          rng;
} Run;

static void die(const char *what, const char *detail) {
    fprintf(stderr, "steps: %s: %s\n", what, detail);
    exit(2);
}

/* ---- the record: a count and so many doubles, tensor after tensor -------------------------------------------------------------- */

static void write_tensor(Run *run, int elem, const void *data, int64_t count) {
    fwrite(&count, sizeof count, 1, run->record);
    for (int64_t i = 0; i < count; i++) {
        double value = nnrt_elem_get(elem, data, i);
        fwrite(&value, sizeof value, 1, run->record);
    }
}

static void compare_tensor(Run *run, const char *where, const char *name, int elem, const void *data, int64_t count) {
    int64_t recorded;
    if (fread(&recorded, sizeof recorded, 1, run->record) != 1 || recorded != count) die("another tensor", name);
    double off = 0, scale = 0;
    for (int64_t i = 0; i < count; i++) {
        double theirs, ours = nnrt_elem_get(elem, data, i);
        if (fread(&theirs, sizeof theirs, 1, run->record) != 1) die("the record ends", name);
        double d = fabs(ours - theirs);
        off      = d <= off ? off : d; /* keeps NaN */
        scale    = fmax(scale, fabs(theirs));
    }
    if (run->but && strstr(name, run->but)) return;
    double error = scale > 0 ? off / scale : off;
    run->n_compared++;
    if (error <= run->tolerance) {
        run->worst = fmax(run->worst, error);
        return;
    }
    run->n_failed++;
    fprintf(stderr, "steps: %s: %s: error %.3g > %.3g\n", where, name, error, run->tolerance);
}

static void note(Run *run, const char *where, const nnrt_tensor *tensor, const void *data, int64_t count) {
    if (run->tolerance < 0)
        write_tensor(run, tensor->elem, data, count);
    else
        compare_tensor(run, where, tensor->name, tensor->elem, data, count);
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------------- */

static int64_t count_of(const Run *run, const nnrt_tensor *tensor) {
    return nnrt_shape_count(nnrt_instance_shape(run->instance, tensor), tensor->rank);
}

static void note_slots(Run *run, const char *where) {
    for (int i = 0; i < run->model->n_slots; i++) {
        const nnrt_tensor *tensor = &run->model->slots[i].tensor;
        note(run, where, tensor, run->instance->slots[i], count_of(run, tensor));
    }
}

static void call_kind(Run *run, nnrt_fn_kind kind) {
    for (int f = nnrt_model_fn(run->model, kind, 0); f >= 0; f = nnrt_model_fn(run->model, kind, f + 1)) {
        const nnrt_fn *fn = &run->model->fns[f];
        nnrt_fault     fault;
        nnrt_error     error;
        if (nnrt_instance_call(run->instance, f, (const void *const *)run->inputs, &run->clock, &fault, &error) !=
            NNRT_OK)
            die(fn->name, error.message);
        run->clock.pass++;
        for (int i = 0; i < fn->n_results; i++)
            note(run, fn->name, &fn->results[i].tensor, run->instance->results[i].data,
                 count_of(run, &fn->results[i].tensor) + fn->results[i].has_weight);
        note_slots(run, fn->name);
    }
}

/* ---- inputs --------------------------------------------------------------------------------------------------------------------- */

/* SplitMix64, in [0, 1). */
static double draw(Run *run) {
    uint64_t z = run->rng += UINT64_C(0x9E3779B97F4A7C15);
    z          = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z          = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void set_element(int elem, void *data, int64_t i, double unit, int64_t limit) {
    switch (elem) {
    case NNRT_F32: ((float *)data)[i] = (float)(4 * unit - 2); break;
    case NNRT_F64: ((double *)data)[i] = 4 * unit - 2; break;
    case NNRT_I32: ((int32_t *)data)[i] = (int32_t)(unit * (double)limit); break;
    case NNRT_I64: ((int64_t *)data)[i] = (int64_t)(unit * (double)limit); break;
    case NNRT_U8: ((uint8_t *)data)[i] = (uint8_t)(unit * 256); break;
    case NNRT_BOOL: ((uint8_t *)data)[i] = unit < 0.5; break;
    default: die("input", "no data of this type");
    }
}

/* Binds the dims and draws the inputs; integers are below their class limit or else below every dim. */
static void feed(Run *run) {
    int64_t    symbols[MAX_SYMBOLS + 1] = {0}, smallest = SAMPLES;
    nnrt_error error;
    if (run->model->n_symbols > MAX_SYMBOLS) die("too many symbolic dims", run->model->name);
    for (int i = 0; i < run->model->n_symbols; i++) {
        const nnrt_dim *dim = &run->model->dims[i];
        symbols[i]          = SAMPLES + i;
        if (dim->bound >= 0 && symbols[i] > dim->bound) symbols[i] = dim->bound;
        if (symbols[i] < smallest) smallest = symbols[i];
    }
    if (nnrt_instance_bind(run->instance, symbols, &error) != NNRT_OK) die("dims", error.message);
    for (int i = 0; i < run->model->n_inputs; i++) {
        const nnrt_input *input = &run->model->inputs[i];
        int64_t           count = count_of(run, &input->tensor);
        run->inputs[i]          = calloc((size_t)count + 1, nnrt_elem_size(input->tensor.elem));
        if (!run->inputs[i]) die("memory", input->tensor.name);
        for (int64_t k = 0; k < count; k++)
            set_element(input->tensor.elem, run->inputs[i], k, draw(run),
                        input->class_limit > 0 ? input->class_limit : smallest);
    }
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) die("usage", "steps RECORD [TOLERANCE [BUT]]");
    nnrt_error error;
    nnrt_pool *pool = nnrt_pool_new(2);
    Run        run  = {.model     = &nnrt_model_main,
                       .but       = argc == 4 ? argv[3] : NULL,
                       .tolerance = argc > 2 ? atof(argv[2]) : -1,
                       .rng       = 3};
    run.record      = fopen(argv[1], argc > 2 ? "rb" : "wb");
    run.instance    = nnrt_instance_new(run.model, pool, &error);
    run.inputs      = calloc((size_t)run.model->n_inputs + 1, sizeof *run.inputs);
    if (!run.record || !run.inputs) die("cannot open", argv[1]);
    if (!run.instance) die("instance", error.message);
    run.clock = (nnrt_clock){.total_steps = TRAIN_STEPS, .epoch_steps = 2, .seed = 9};
    feed(&run);
    call_kind(&run, NNRT_FN_INIT);
    call_kind(&run, NNRT_FN_FIT);
    for (; run.clock.step < TRAIN_STEPS; run.clock.step++) call_kind(&run, NNRT_FN_TRAIN);
    call_kind(&run, NNRT_FN_RESET);
    call_kind(&run, NNRT_FN_EVAL);
    call_kind(&run, NNRT_FN_METRICS);
    call_kind(&run, NNRT_FN_PREDICT);
    for (int i = 0; i < run.model->n_inputs; i++) free(run.inputs[i]);
    free(run.inputs);
    nnrt_instance_free(run.instance);
    nnrt_pool_free(pool);
    if (fclose(run.record) != 0) die("cannot write", argv[1]);
    if (argc > 2)
        printf("%d tensors, %d off, worst error of the others %.3g\n", run.n_compared, run.n_failed, run.worst);
    return run.n_failed || (argc > 2 && !run.n_compared);
}
