/* The command train. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/checkpoint.h"
#include "extras/cli.h"
#include "extras/report.h"

/* Set by the first SIGINT or SIGTERM; the second finds the default action and ends the program. The one global of
 * the runtime: a signal handler is given nothing else to write to. */
static volatile sig_atomic_t interrupt_requested;

static void on_interrupt(int number) {
    (void)number;
    interrupt_requested = 1;
}

static void watch_interrupts(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    sigemptyset(&action.sa_mask);
    interrupt_requested = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static void unwatch_interrupts(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

typedef struct Data {                    /* of one training run */
    nnrt_dataset all, val_set, test_set; /* --data, --val, --test */
    nnrt_split   train, val, test;
    bool        *needed;
} Data;

static nnrt_status load_set(nnrt_dataset *set, const nnrt_model *model, const nnrt_list *list, const Data *data,
                            const nnrt_dataset *shared, nnrt_error *error) {
    return nnrt_dataset_load(set, model, list->items, list->n, data->needed, shared, error);
}

/* A file of its own takes the place of a share of --data. A model without a sample dim is evaluated on what it is
 * trained on. */
static nnrt_status load_data(const nnrt_options *options, const nnrt_model *model, nnrt_settings *settings, Data *data,
                             nnrt_error *error) {
    *data        = (Data){0};
    data->needed = calloc((size_t)model->n_inputs + 1, sizeof *data->needed);
    if (!data->needed) return nnrt_fail_memory(error, 0, "data");
    nnrt_inputs_needed(model, 1u << NNRT_FN_FIT | 1u << NNRT_FN_TRAIN | 1u << NNRT_FN_EVAL, data->needed);
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
    if (status == NNRT_OK) settings->data_sum = nnrt_dataset_sum(&data->all);
    return status;
}

static void free_data(Data *data) {
    nnrt_split_free(&data->train);
    nnrt_split_free(&data->val);
    nnrt_split_free(&data->test);
    if (data->val_set.model) nnrt_dataset_free(&data->val_set);
    if (data->test_set.model) nnrt_dataset_free(&data->test_set);
    if (data->all.model) nnrt_dataset_free(&data->all);
    free(data->needed);
}

/* The set that the last line is about: the one that training has touched least. */
static nnrt_status report_result(const nnrt_options *options, nnrt_instance *instance, const Data *data,
                                 const nnrt_settings *settings, nnrt_report *report, nnrt_error *error) {
    const char       *name  = data->test.n > 0 ? "test" : data->val.n > 0 ? "val" : "train";
    const nnrt_split *split = data->test.n > 0 ? &data->test : data->val.n > 0 ? &data->val : &data->train;
    nnrt_scores       scores;
    nnrt_status       status = nnrt_evaluate(instance, split, settings, &scores, error);
    if (status == NNRT_OK) {
        nnrt_report_scores(stdout, name, &scores, instance->model, options->quiet);
        nnrt_report_log_scores(report, name, &scores);
    }
    nnrt_scores_free(&scores);
    return status;
}

static nnrt_status prepare(const nnrt_options *options, nnrt_training *training, nnrt_error *error) {
    nnrt_status status = nnrt_init(training->instance, training->settings, error);
    if (status != NNRT_OK) return status;
    if (options->resume)
        return nnrt_checkpoint_resume(training->instance, options->resume, &training->steps_done, error);
    if (options->init)
        return nnrt_checkpoint_load(training->instance, options->init, NULL, error); /* its statistics go with it */
    return nnrt_fit(training, error);
}

static nnrt_status train_on(const nnrt_options *options, nnrt_instance *instance, const Data *data,
                            const nnrt_settings *settings, const char *save, nnrt_report *report, bool *interrupted,
                            nnrt_error *error) {
    nnrt_training training = {.instance    = instance,
                              .train       = &data->train,
                              .val         = &data->val,
                              .settings    = settings,
                              .observer    = nnrt_report_observer(report),
                              .interrupted = &interrupt_requested};
    nnrt_status   status   = prepare(options, &training, error);
    if (status != NNRT_OK) return status;
    watch_interrupts();
    status = nnrt_train(&training, error);
    nnrt_report_clear_bar(report);
    if (status == NNRT_OK) status = nnrt_checkpoint_save(instance, settings, training.steps_done, save, error);
    unwatch_interrupts();
    if (status != NNRT_OK) return status;
    *interrupted = training.stopped;
    if (report->out)
        printf(training.stopped ? "interrupted after step %lld: saved %s\n" : "trained %lld steps: saved %s\n",
               (long long)training.steps_done, save);
    return training.stopped ? NNRT_OK : report_result(options, instance, data, settings, report, error);
}

static nnrt_status open_log(const char *path, FILE **log, nnrt_error *error) {
    *log = path ? fopen(path, "w") : NULL;
    if (path && !*log) return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno));
    return NNRT_OK;
}

static nnrt_status close_log(const char *path, FILE *log, nnrt_status status, nnrt_error *error) {
    if (!log) return status;
    bool failed = ferror(log) != 0;
    failed |= fclose(log) != 0;
    return failed && status == NNRT_OK
               ? nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno))
               : status;
}

/* What can be refused is refused before any data is read: settings, then files that could not be written at the end. */
static nnrt_status check_train(const nnrt_options *options, nnrt_instance *instance, const char *save,
                               nnrt_error *error) {
    const nnrt_model *model = instance->model;
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) < 0)
        return nnrt_fail(error, NNRT_USAGE, "model %s has no loss: there is nothing to train", model->name);
    if (options->data.n == 0 && model->n_inputs > 0)
        return nnrt_fail(error, NNRT_USAGE, "train needs data: --data FILE (train --help says what it holds)");
    nnrt_status status = nnrt_options_apply_sets(options, instance, error);
    return status == NNRT_OK ? nnrt_check_writable(save, error) : status;
}

/* A training that goes on keeps its seed: another would hold out other samples than those it has not been trained on. */
static nnrt_status keep_seed(const nnrt_options *options, nnrt_settings *settings, nnrt_error *error) {
    nnrt_settings trained;
    if (!options->resume) return NNRT_OK;
    nnrt_status status = nnrt_checkpoint_settings(options->resume, &trained, error);
    if (status != NNRT_OK || trained.batch == 0) return status;
    if (options->seed_given && settings->seed != trained.seed)
        return nnrt_fail(error, NNRT_USAGE,
                         "--resume: %s was trained with --seed %lld: leave --seed out, or start from its weights with "
                         "--init",
                         options->resume, (long long)trained.seed);
    settings->seed = trained.seed;
    return NNRT_OK;
}

nnrt_status nnrt_run_train(const nnrt_options *options, nnrt_instance *instance, bool *interrupted, nnrt_error *error) {
    nnrt_settings settings = options->settings;
    char         *save     = options->save ? strdup(options->save) : nnrt_checkpoint_default_path(instance->model);
    if (!save) return nnrt_fail_memory(error, 0, "a file name");
    Data        data   = {0};
    FILE       *log    = NULL;
    nnrt_status status = check_train(options, instance, save, error);
    if (status == NNRT_OK) status = keep_seed(options, &settings, error);
    if (status == NNRT_OK) status = load_data(options, instance->model, &settings, &data, error);
    if (status == NNRT_OK) status = open_log(options->log, &log, error);
    if (status == NNRT_OK) {
        nnrt_report report;
        nnrt_report_open(&report, options->quiet ? NULL : stdout, log);
        status = train_on(options, instance, &data, &settings, save, &report, interrupted, error);
    }
    status = close_log(options->log, log, status, error);
    free_data(&data);
    free(save);
    return status;
}
