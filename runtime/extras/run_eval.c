/* The command eval. On the data that the weights were trained on it evaluates what the last line of the training was
 * about: samples that were trained on say nothing about new ones, so the share held out is drawn again. */
#include <stdlib.h>

#include "core/status.h"
#include "extras/cli.h"
#include "extras/report.h"

typedef struct Choice { /* of samples */
    const char *name;   /* what their scores are called */
    nnrt_split  split;
} Choice;

static nnrt_status choose_held_out(const nnrt_dataset *set, const nnrt_settings *trained, Choice *choice,
                                   nnrt_error *error) {
    nnrt_split  train, val, test;
    nnrt_status status = nnrt_split_random(set, trained->validation_split, trained->test_split, (uint64_t)trained->seed,
                                           &train, &val, &test, error);
    if (status == NNRT_OK && test.n > 0) {
        *choice = (Choice){"test", test};
        test    = (nnrt_split){0};
    } else if (status == NNRT_OK) {
        *choice = (Choice){"val", val};
        val     = (nnrt_split){0};
    }
    nnrt_split_free(&train);
    nnrt_split_free(&val);
    nnrt_split_free(&test);
    return status;
}

static nnrt_status choose(const nnrt_options *options, const nnrt_dataset *set, const nnrt_settings *trained,
                          Choice *choice, nnrt_error *error) {
    bool known = trained->data_sum != 0 && nnrt_dataset_sum(set) == trained->data_sum;
    if (known && !options->all && (trained->validation_split > 0 || trained->test_split > 0)) {
        nnrt_status status = choose_held_out(set, trained, choice, error);
        if (status == NNRT_OK && !options->quiet)
            printf("%s: the %lld of %lld samples held out of training (--all evaluates every one)\n", choice->name,
                   (long long)choice->split.n, (long long)set->n_samples);
        return status;
    }
    *choice = (Choice){options->all ? "all" : known ? "train" : "test", nnrt_split_all(set)};
    return NNRT_OK;
}

static nnrt_status evaluate(const nnrt_options *options, nnrt_instance *instance, const nnrt_dataset *set,
                            const nnrt_vocabularies *vocabularies, const nnrt_settings *trained, nnrt_error *error) {
    Choice        choice   = {0};
    nnrt_scores   scores   = {0};
    nnrt_settings settings = options->settings;
    settings.vocabularies  = vocabularies;
    nnrt_status status     = choose(options, set, trained, &choice, error);
    if (status == NNRT_OK) status = nnrt_evaluate(instance, &choice.split, &settings, &scores, error);
    if (status == NNRT_OK) nnrt_report_scores(stdout, choice.name, &scores, instance->model, options->quiet);
    nnrt_scores_free(&scores);
    nnrt_split_free(&choice.split);
    return status;
}

nnrt_status nnrt_run_eval(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    const nnrt_model *model = instance->model;
    if (nnrt_model_fn(model, NNRT_FN_EVAL, 0) < 0)
        return nnrt_fail(error, NNRT_USAGE, "model %s has no loss or metric to evaluate", model->name);
    if (options->data.n == 0 && model->n_inputs > 0)
        return nnrt_fail(error, NNRT_USAGE, "eval needs data: --data FILE (eval --help says what it holds)");
    bool             *needed       = calloc((size_t)model->n_inputs + 1, sizeof *needed);
    nnrt_dataset      set          = {0};
    nnrt_vocabularies vocabularies = {0};
    nnrt_settings     trained      = {0};
    nnrt_status       status =
        needed ? nnrt_load_weights(options, instance, &trained, error) : nnrt_fail_memory(error, 0, "data");
    if (status == NNRT_OK) {
        nnrt_inputs_needed(model, 1u << NNRT_FN_EVAL, needed);
        status = nnrt_load_data(options, model, needed, &set, &vocabularies, error);
    }
    if (status == NNRT_OK) status = evaluate(options, instance, &set, &vocabularies, &trained, error);
    nnrt_vocabularies_free(&vocabularies);
    if (set.model) nnrt_dataset_free(&set);
    free(needed);
    return status;
}
