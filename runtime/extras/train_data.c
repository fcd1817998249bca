#include "extras/train_data.h"

#include <stdlib.h>
#include <string.h>

#include "core/status.h"

static const uint64_t OVERFIT_STREAM = UINT64_MAX - 1; /* epochs are the streams from 0 on, splits the last */

static nnrt_status load_set(nnrt_dataset *set, const nnrt_model *model, const nnrt_list *list,
                            const nnrt_train_data *data, const nnrt_dataset *shared, nnrt_error *error) {
    return nnrt_dataset_load(set, model, list->items, list->n, data->needed, shared, error);
}

/* Weights that are gone on with were trained with the vocabularies of their file. */
static nnrt_status encode_sets(nnrt_train_data *data, const nnrt_options *options, const nnrt_model *model,
                               nnrt_error *error) {
    const char   *from   = options->resume ? options->resume : options->init;
    bool          found  = false;
    nnrt_status   status = NNRT_OK;
    nnrt_dataset *sets[] = {&data->all, &data->val_set, &data->test_set};
    if (from) status = nnrt_vocabularies_read(&data->vocabularies, model, from, &found, error);
    if (status == NNRT_OK && !found) {
        nnrt_vocabularies_free(&data->vocabularies);
        status = nnrt_vocabularies_build(&data->vocabularies, &data->train, error);
    }
    for (int i = 0; i < 3 && status == NNRT_OK; i++)
        if (sets[i]->model) status = nnrt_dataset_encode(sets[i], &data->vocabularies, error);
    return status;
}

/* A model without a sample dim is evaluated on what it is trained on. */
nnrt_status nnrt_train_data_load(nnrt_train_data *data, const nnrt_options *options, const nnrt_model *model,
                                 nnrt_settings *settings, nnrt_error *error) {
    *data        = (nnrt_train_data){0};
    data->needed = calloc((size_t)model->n_inputs + 1, sizeof *data->needed);
    if (!data->needed) return nnrt_fail_memory(error, 0, "data");
    nnrt_inputs_needed(model, 1u << NNRT_FN_FIT | NNRT_TRAINING | 1u << NNRT_FN_EVAL, data->needed);
    nnrt_status status = load_set(&data->all, model, &options->data, data, NULL, error);
    if (options->val.n > 0 || nnrt_model_sample_dim(model) < 0) settings->validation_split = 0;
    if (options->test.n > 0 || nnrt_model_sample_dim(model) < 0) settings->test_split = 0;
    if (status == NNRT_OK && options->val.n > 0)
        status = load_set(&data->val_set, model, &options->val, data, &data->all, error);
    if (status == NNRT_OK && options->test.n > 0)
        status = load_set(&data->test_set, model, &options->test, data, &data->all, error);
    if (status == NNRT_OK)
        status = nnrt_split_random(&data->all, settings->validation_split, settings->test_split,
                                   (uint64_t)settings->seed, &data->train, &data->val, &data->test, error);
    if (status == NNRT_OK && options->val.n > 0)
        nnrt_split_free(&data->val), data->val = nnrt_split_all(&data->val_set);
    if (status == NNRT_OK && options->test.n > 0)
        nnrt_split_free(&data->test), data->test = nnrt_split_all(&data->test_set);
    if (status == NNRT_OK) status = encode_sets(data, options, model, error);
    if (status != NNRT_OK) return status;
    settings->vocabularies = &data->vocabularies;
    settings->data_sum     = nnrt_dataset_sum(&data->all);
    return NNRT_OK;
}

void nnrt_train_data_free(nnrt_train_data *data) {
    nnrt_split_free(&data->train);
    nnrt_split_free(&data->val);
    nnrt_split_free(&data->test);
    if (data->val_set.model) nnrt_dataset_free(&data->val_set);
    if (data->test_set.model) nnrt_dataset_free(&data->test_set);
    if (data->all.model) nnrt_dataset_free(&data->all);
    nnrt_vocabularies_free(&data->vocabularies);
    free(data->needed);
}

nnrt_status nnrt_train_data_keep_batch(nnrt_train_data *data, const nnrt_settings *settings, nnrt_error *error) {
    int64_t  n = data->train.n, kept = settings->batch < n ? settings->batch : n;
    int64_t *order   = malloc(((size_t)n + 1) * sizeof *order);
    int64_t *samples = malloc(((size_t)kept + 1) * sizeof *samples);
    if (order && samples) {
        nnrt_permutation((uint64_t)settings->seed, OVERFIT_STREAM, n, order);
        for (int64_t i = 0; i < kept; i++) samples[i] = data->train.samples ? data->train.samples[order[i]] : order[i];
        nnrt_split_free(&data->train);
        nnrt_split_free(&data->val);
        nnrt_split_free(&data->test);
        data->train = (nnrt_split){.set = &data->all, .samples = samples, .n = kept};
    } else {
        free(samples);
    }
    bool whole = order && samples;
    free(order);
    return whole ? NNRT_OK : nnrt_fail_memory(error, 0, "a batch");
}
