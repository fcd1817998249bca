/* Random splits and batches: everything drawn is a function of the seed, so a run can be repeated and its test set
 * found again. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/element.h"
#include "core/instance.h"
#include "core/status.h"
#include "extras/convert.h"
#include "extras/dataset.h"

enum { SHARED_ELEMENTS = 8192 /* a batch of as many is worth handing to other threads */ };

static const uint64_t SPLIT_STREAM = UINT64_MAX; /* epochs are the streams from 0 on */

static bool eval_reads(const nnrt_model *model, int input) {
    for (int fn = nnrt_model_fn(model, NNRT_FN_EVAL, 0); fn >= 0; fn = nnrt_model_fn(model, NNRT_FN_EVAL, fn + 1))
        for (int i = 0; i < model->fns[fn].n_inputs_used; i++)
            if (model->fns[fn].inputs_used[i] == input) return true;
    return false;
}

int64_t nnrt_dataset_sum(const nnrt_dataset *set) {
    uLong sum = crc32_z(0, NULL, 0);
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_array *array = &set->columns[i].array;
        if (array->data && eval_reads(set->model, i))
            sum = crc32_z(sum, array->data, (size_t)array->count * nnrt_elem_size(array->elem));
    }
    return (int64_t)sum + 1;
}

nnrt_split nnrt_split_all(const nnrt_dataset *set) {
    return (nnrt_split){.set = set, .n = set->n_samples};
}

void nnrt_split_free(nnrt_split *split) {
    free(split->samples);
    *split = (nnrt_split){0};
}

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static nnrt_status take_part(nnrt_split *part, const nnrt_dataset *set, const int64_t *order, int64_t n,
                             nnrt_error *error) {
    *part = (nnrt_split){.set = set, .samples = malloc(((size_t)n + 1) * sizeof *order), .n = n};
    if (!part->samples) return nnrt_fail_memory(error, (size_t)n * sizeof *order, "a split");
    memcpy(part->samples, order, (size_t)n * sizeof *order);
    qsort(part->samples, (size_t)n, sizeof *order, ascending);
    return NNRT_OK;
}

static nnrt_status check_share(const char *name, double share, int64_t n_taken, int64_t n, nnrt_error *error) {
    if (share == 0 || (n_taken > 0 && n_taken < n)) return NNRT_OK;
    return nnrt_fail(error, NNRT_BAD_DATA, "%s = %g of %lld samples is %s: give more data or another share", name,
                     share, (long long)n, n_taken == 0 ? "none" : "all");
}

/* Are the samples windows of one text or of a table's rows, one after the other? Then the last ones are held out. */
static bool is_in_time(const nnrt_dataset *set) {
    for (int i = 0; i < set->model->n_inputs; i++)
        if (nnrt_takes_whole_file(&set->model->inputs[i])) return true;
    return nnrt_model_reach(set->model) > 1;
}

nnrt_status nnrt_split_random(const nnrt_dataset *set, double validation, double test, uint64_t seed, nnrt_split *train,
                              nnrt_split *val, nnrt_split *held_out, nnrt_error *error) {
    int64_t n = set->n_samples, n_test = llround((double)n * test), n_val = llround((double)n * validation);
    *train = *val = *held_out = (nnrt_split){.set = set};
    nnrt_status status        = check_share("test_split", test, n_test, n, error);
    if (status == NNRT_OK) status = check_share("validation_split", validation, n_val, n, error);
    if (status == NNRT_OK && n_test + n_val >= n && n_test + n_val > 0)
        status = nnrt_fail(error, NNRT_BAD_DATA,
                           "test_split and validation_split leave none of %lld samples to train on", (long long)n);
    if (status != NNRT_OK) return status;
    int64_t *order = malloc(((size_t)n + 1) * sizeof *order);
    if (!order) return nnrt_fail_memory(error, (size_t)n * sizeof *order, "a split");
    if (is_in_time(set))
        for (int64_t i = 0; i < n; i++) order[i] = n - 1 - i;
    else
        nnrt_permutation(seed, SPLIT_STREAM, n, order);
    status = take_part(held_out, set, order, n_test, error);
    if (status == NNRT_OK) status = take_part(val, set, order + n_test, n_val, error);
    if (status == NNRT_OK) status = take_part(train, set, order + n_test + n_val, n - n_test - n_val, error);
    free(order);
    return status;
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

static bool is_plain(const nnrt_batches *batches, int input) {
    const nnrt_column *column = &batches->split->set->columns[input];
    bool               same   = column->array.elem == batches->split->set->model->inputs[input].tensor.elem;
    return same && (!column->is_sampled || (column->outer == 1 && !batches->shuffle && !batches->split->samples));
}

/* Buffers for a whole batch, where the data cannot be used in place. */
static bool alloc_buffers(nnrt_batches *batches) {
    const nnrt_dataset *set = batches->split->set;
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_column *column = &set->columns[i];
        if (!column->array.data || is_plain(batches, i)) continue;
        size_t size = nnrt_elem_size(set->model->inputs[i].tensor.elem);
        size_t count =
            (size_t)(column->is_sampled ? column->outer * batches->batch * column->inner : column->array.count);
        batches->buffers[i] = nnrt_alloc(count * size);
        if (!batches->buffers[i]) return false;
        if (!column->is_sampled)
            nnrt_convert(column->array.data, column->array.elem, batches->buffers[i], set->model->inputs[i].tensor.elem,
                         column->array.count);
    }
    return true;
}

nnrt_status nnrt_batches_new(nnrt_batches *batches, const nnrt_split *split, int64_t batch, bool shuffle, uint64_t seed,
                             nnrt_error *error) {
    const nnrt_model *model = split->set->model;
    for (int i = 0; i < model->n_inputs; i++)
        if (split->set->columns[i].is_pending)
            return nnrt_fail(error, NNRT_ERROR, "the texts of '%s' have no numbers yet", model->inputs[i].tensor.name);
    if (nnrt_model_sample_dim(model) < 0) batch = 1, shuffle = false;
    if (batch > split->n) batch = split->n;
    *batches           = (nnrt_batches){.split = split, .batch = batch, .shuffle = shuffle, .seed = seed, .epoch = -1};
    batches->n_batches = batch > 0 ? (split->n + batch - 1) / batch : 0;
    batches->order     = shuffle ? malloc(((size_t)split->n + 1) * sizeof *batches->order) : NULL;
    batches->buffers   = calloc((size_t)model->n_inputs + 1, sizeof *batches->buffers);
    batches->inputs    = calloc((size_t)model->n_inputs + 1, sizeof *batches->inputs);
    batches->symbols   = calloc((size_t)model->n_symbols + 1, sizeof *batches->symbols);
    bool whole         = batches->buffers && batches->inputs && batches->symbols && (batches->order || !shuffle) &&
                 alloc_buffers(batches);
    if (whole) return NNRT_OK;
    nnrt_batches_free(batches);
    return nnrt_fail_memory(error, 0, "batches");
}

void nnrt_batches_free(nnrt_batches *batches) {
    for (int i = 0; batches->buffers && i < batches->split->set->model->n_inputs; i++) {
        const nnrt_column *column = &batches->split->set->columns[i];
        int64_t count = column->is_sampled ? column->outer * batches->batch * column->inner : column->array.count;
        nnrt_free(batches->buffers[i],
                  (size_t)count * nnrt_elem_size(batches->split->set->model->inputs[i].tensor.elem));
    }
    free(batches->order);
    free(batches->buffers);
    free(batches->inputs);
    free(batches->symbols);
    *batches = (nnrt_batches){0};
}

int64_t nnrt_batches_sample(const nnrt_batches *batches, int64_t row) {
    int64_t position = batches->first + row;
    if (batches->order) position = batches->order[position];
    return batches->split->samples ? batches->split->samples[position] : position;
}

typedef struct Gather {
    const nnrt_batches *batches;
    const nnrt_column  *column;
    char               *out;
    int                 elem;
} Gather;

/* Copies rows [begin, end) of the batch. */
static void gather_rows(void *context, int64_t begin, int64_t end, int32_t worker) {
    const Gather       *g       = context;
    const nnrt_batches *batches = g->batches;
    const nnrt_array   *array   = &g->column->array;
    int64_t             inner = g->column->inner, n_samples = batches->split->set->n_samples;
    size_t              from_size = nnrt_elem_size(array->elem), to_size = nnrt_elem_size(g->elem);
    (void)worker;
    for (int64_t outer = 0; outer < g->column->outer; outer++)
        for (int64_t row = begin; row < end; row++) {
            int64_t from = (outer * n_samples + nnrt_batches_sample(batches, row)) * inner;
            int64_t to   = (outer * batches->count + row) * inner;
            nnrt_convert((const char *)array->data + (size_t)from * from_size, array->elem,
                         g->out + (size_t)to * to_size, g->elem, inner);
        }
}

static void gather(const nnrt_batches *batches, const nnrt_column *column, void *out, int elem) {
    Gather g     = {batches, column, out, elem};
    bool   large = batches->count * column->outer * column->inner >= SHARED_ELEMENTS;
    if (large)
        nnrt_parallel(batches->pool, gather_rows, &g, batches->count);
    else
        gather_rows(&g, 0, batches->count, 0);
}

void nnrt_batches_fetch(nnrt_batches *batches, int64_t epoch, int64_t index) {
    const nnrt_dataset *set = batches->split->set;
    if (batches->shuffle && batches->epoch != epoch) {
        nnrt_permutation(batches->seed, (uint64_t)epoch, batches->split->n, batches->order);
        batches->epoch = epoch;
    }
    batches->first = index * batches->batch;
    batches->count =
        batches->split->n - batches->first < batches->batch ? batches->split->n - batches->first : batches->batch;
    int sample = nnrt_model_sample_dim(set->model);
    memcpy(batches->symbols, set->symbols, (size_t)set->model->n_symbols * sizeof *set->symbols);
    if (sample >= 0) batches->symbols[sample] = batches->count;
    for (int i = 0; i < set->model->n_inputs; i++) {
        const nnrt_column *column = &set->columns[i];
        if (!column->array.data) continue;
        if (!batches->buffers[i]) { /* the data itself */
            size_t offset =
                column->is_sampled ? (size_t)(batches->first * column->inner) * nnrt_elem_size(column->array.elem) : 0;
            batches->inputs[i] = (const char *)column->array.data + offset;
            continue;
        }
        if (column->is_sampled) gather(batches, column, batches->buffers[i], set->model->inputs[i].tensor.elem);
        batches->inputs[i] = batches->buffers[i];
    }
}
