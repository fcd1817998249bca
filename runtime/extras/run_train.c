/* The command train. */
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/checkpoint.h"
#include "extras/cli.h"
#include "extras/cpus.h"
#include "extras/import.h"
#include "extras/recorder.h"
#include "extras/train_data.h"

enum { OVERFIT_STEPS = 1000 /* of --overfit-batch, where neither --steps nor --epochs is given */ };

/* Set by the first SIGINT, SIGTERM or SIGHUP; the second finds the default action and ends the program. The one global of
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
    if (signal(SIGHUP, SIG_IGN) != SIG_IGN) sigaction(SIGHUP, &action, NULL); /* the terminal is gone, no nohup */
}

static void unwatch_interrupts(void) {
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    if (signal(SIGHUP, SIG_IGN) != SIG_IGN) signal(SIGHUP, SIG_DFL);
}

/* ---- the start --------------------------------------------------------------------------------------------------- */

static nnrt_status import_weights(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error) {
    nnrt_map    map;
    nnrt_import result = {0};
    nnrt_status status = nnrt_map_parse(&map, "--map", options->maps.items, options->maps.n, error);
    if (status == NNRT_OK) status = nnrt_import_weights(instance, options->init, &map, false, &result, error);
    if (status == NNRT_OK && !options->quiet) {
        printf("%s: %d of %d weights taken\n", options->init, result.n_taken, result.n_wanted);
        if (result.kept[0]) printf("not in it, left at their start:\n%s", result.kept);
        if (result.unused[0]) printf("in it, not used:\n%s", result.unused);
    }
    nnrt_import_free(&result);
    nnrt_map_free(&map);
    return status;
}

/* Statistics of the data come first: those that a file of weights brings take their place. */
static nnrt_status prepare(const nnrt_options *options, nnrt_training *training, nnrt_error *error) {
    nnrt_status status = nnrt_init(training->instance, training->settings, error);
    if (status == NNRT_OK && options->resume) return nnrt_checkpoint_resume(training, options->resume, error);
    if (status == NNRT_OK) status = nnrt_fit(training, error);
    if (status == NNRT_OK && options->init) status = import_weights(options, training->instance, error);
    return status;
}

/* What can be refused is refused before any data is read: settings, then files that could not be written at the end. */
static nnrt_status check_train(const nnrt_options *options, const nnrt_model *model, const char *save,
                               nnrt_error *error) {
    if (nnrt_model_fn(model, NNRT_FN_TRAIN, 0) < 0)
        return nnrt_fail(error, NNRT_USAGE, "model %s has no loss: there is nothing to train", model->name);
    if (options->data.n == 0 && model->n_inputs > 0)
        return nnrt_fail(error, NNRT_USAGE, "train needs data: --data FILE (train --help says what it holds)");
    if (options->overfit && (options->resume || options->save || options->val.n > 0 || options->test.n > 0))
        return nnrt_fail(error, NNRT_USAGE,
                         "--overfit-batch only tries out: it takes no --resume, --save, --val or --test");
    nnrt_status status = options->overfit ? NNRT_OK : nnrt_check_writable(save, error);
    return status == NNRT_OK && options->plot ? nnrt_check_writable(options->plot, error) : status;
}

/* A training that goes on keeps its settings: with another seed it would hold out other samples, with another batch its
 * place in the data would be lost. Only its length may change. */
static nnrt_status keep_settings(const nnrt_options *options, nnrt_instance *instance, nnrt_settings *settings,
                                 nnrt_settings *trained, nnrt_error *error) {
    *trained = (nnrt_settings){0};
    if (!options->resume) return NNRT_OK;
    nnrt_status status = nnrt_checkpoint_settings(instance, options->resume, trained, error);
    if (status != NNRT_OK || trained->batch == 0) return status;
    const char *changed = options->seed_given && settings->seed != trained->seed      ? "seed"
                          : options->batch_given && settings->batch != trained->batch ? "batch"
                                                                                      : NULL;
    if (changed)
        return nnrt_fail(
            error, NNRT_USAGE,
            "--resume: %s was trained with --%s %lld: leave --%s out, or start from its weights with --init",
            options->resume, changed, (long long)(changed[0] == 's' ? trained->seed : trained->batch), changed);
    if ((trained->accumulate > 1 || settings->accumulate > 1) && trained->accumulate != settings->accumulate)
        return nnrt_fail(error, NNRT_USAGE,
                         "--resume: %s was trained with accumulate = %lld, the model now says %lld: start from its "
                         "weights with --init",
                         options->resume, (long long)(trained->accumulate ? trained->accumulate : 1),
                         (long long)(settings->accumulate ? settings->accumulate : 1));
    settings->seed  = trained->seed;
    settings->batch = trained->batch;
    if (!options->length_given) {
        settings->epochs = trained->epochs;
        settings->steps  = trained->steps;
    }
    return NNRT_OK;
}

static nnrt_status check_same_data(const nnrt_options *options, const nnrt_settings *settings,
                                   const nnrt_settings *trained, nnrt_error *error) {
    if (trained->batch == 0) return NNRT_OK;
    if (trained->data_sum != 0 && trained->data_sum != settings->data_sum)
        return nnrt_fail(error, NNRT_USAGE,
                         "--resume: this is not the data that %s was trained on: to train on other data, start from "
                         "its weights with --init",
                         options->resume);
    if (trained->validation_split == settings->validation_split && trained->test_split == settings->test_split)
        return NNRT_OK;
    return nnrt_fail(error, NNRT_USAGE,
                     "--resume: %s was trained with validation_split %g and test_split %g: give --val and --test as "
                     "then, or start from its weights with --init",
                     options->resume, trained->validation_split, trained->test_split);
}

/* ---- the end ----------------------------------------------------------------------------------------------------- */

/* The set that the last line is about: the one that training has touched least. */
static nnrt_status report_result(nnrt_recorder *recorder, nnrt_instance *instance, const nnrt_train_data *data,
                                 const nnrt_settings *settings, nnrt_error *error) {
    const char       *name   = data->test.n > 0 ? "test" : data->val.n > 0 ? "val" : "train";
    const nnrt_split *split  = data->test.n > 0 ? &data->test : data->val.n > 0 ? &data->val : &data->train;
    nnrt_scores       scores = {0};
    nnrt_status       status = nnrt_evaluate(instance, split, settings, &scores, error);
    if (status == NNRT_OK) {
        nnrt_report_scores(stdout, name, &scores, instance->model, recorder->options->quiet);
        nnrt_log_scores(&recorder->log, name, &scores);
    }
    nnrt_scores_free(&scores);
    return status;
}

static void report_fit(const nnrt_recorder *recorder, const nnrt_training *training) {
    const char *verdict = recorder->has_fit ? "fit" : recorder->has_levelled ? "levelled off" : "not fit";
    char        first[32], best[32];
    nnrt_number_text(recorder->first_loss, first, sizeof first);
    nnrt_number_text(recorder->best_loss, best, sizeof best);
    printf("%s after %lld steps on %lld samples: loss %s, at first %s; nothing is saved\n", verdict,
           (long long)training->steps_done, (long long)training->train->n, best, first);
    if (!recorder->has_fit)
        puts("A loss that can reach 0 does so on one batch (label smoothing or noise keep it above): if the scores "
             "below "
             "are bad, check the learning rate, the loss, and what it compares.");
}

static void report_stop(const nnrt_training *training) {
    const nnrt_model *model = training->instance->model;
    char              best[32];
    if (training->best_epoch == 0) return;
    nnrt_number_text(training->state.best, best, sizeof best);
    if (training->stopped_early)
        printf("stopped early: %lld epochs without a better %s\n", (long long)model->train.stop_patience,
               model->train.stop_metric);
    printf("best %s %s at epoch %lld: its weights are kept\n", model->train.stop_metric, best,
           (long long)training->best_epoch);
}

static nnrt_status finish(nnrt_recorder *recorder, nnrt_training *training, nnrt_error *error) {
    const nnrt_options *options = recorder->options;
    if (options->overfit) {
        if (!options->quiet) report_fit(recorder, training);
        return NNRT_OK;
    }
    nnrt_status status = nnrt_recorder_save(recorder, training, error);
    if (status != NNRT_OK) return status;
    if (training->stopped)
        printf("interrupted after step %lld: saved %s; to go on: --resume %s\n", (long long)training->steps_done,
               recorder->save, recorder->save);
    if (!training->stopped && !options->quiet) report_stop(training);
    if (!training->stopped && !options->quiet)
        printf("trained %lld steps: saved %s\n", (long long)training->steps_done, recorder->save);
    return NNRT_OK;
}

/* Other programs on the same CPUs: a kernel is done when its slowest thread is. */
static void warn_of_others(const nnrt_busy *busy, int n_threads) {
    double rate;
    if (!nnrt_busy_is_shared(busy, n_threads, &rate)) return;
    fprintf(
        stderr,
        "warning: other programs took the CPU from these %d threads %.0f times a second: fewer (--threads %d) may be "
        "as fast\n",
        n_threads, rate, n_threads - 1);
}

static nnrt_status train_on(nnrt_recorder *recorder, nnrt_training *training, nnrt_error *error) {
    nnrt_recorder_attach(recorder, training);
    recorder->stop        = &interrupt_requested;
    training->interrupted = &interrupt_requested;
    watch_interrupts();
    nnrt_busy busy;
    nnrt_busy_start(&busy);
    nnrt_status status = nnrt_train(training, error);
    nnrt_report_clear_bar(&recorder->report);
    if (!recorder->options->quiet) warn_of_others(&busy, nnrt_pool_size(training->instance->pool));
    if (status == NNRT_OK) status = finish(recorder, training, error);
    unwatch_interrupts();
    return status;
}

static nnrt_status run(const nnrt_options *options, nnrt_instance *instance, const nnrt_train_data *data,
                       const nnrt_settings *settings, const char *save, bool *interrupted, nnrt_error *error) {
    nnrt_training training = {.instance = instance, .train = &data->train, .val = &data->val, .settings = settings};
    nnrt_recorder recorder;
    nnrt_status   status = prepare(options, &training, error);
    if (status == NNRT_OK) {
        status = nnrt_recorder_open(&recorder, options, instance, save, training.steps_done, error);
        if (status == NNRT_OK) status = train_on(&recorder, &training, error);
        *interrupted = training.stopped && !recorder.has_fit && !recorder.has_levelled;
        if (status == NNRT_OK && !*interrupted) status = report_result(&recorder, instance, data, settings, error);
        status = nnrt_recorder_close(&recorder, status, error);
    }
    nnrt_trainer_state_free(&training.state);
    return status;
}

static nnrt_status keep_batch(const nnrt_options *options, nnrt_train_data *data, nnrt_settings *settings,
                              nnrt_error *error) {
    if (!options->overfit) return NNRT_OK;
    if (!options->length_given) settings->steps = OVERFIT_STEPS;
    settings->shuffle = false;
    return nnrt_train_data_keep_batch(data, settings, error);
}

nnrt_status nnrt_run_train(const nnrt_options *options, nnrt_instance *instance, bool *interrupted, nnrt_error *error) {
    nnrt_settings settings = options->settings, trained;
    char         *save     = options->save ? strdup(options->save) : nnrt_checkpoint_default_path(instance->model);
    if (!save) return nnrt_fail_memory(error, 0, "a file name");
    nnrt_train_data data   = {0};
    nnrt_status     status = check_train(options, instance->model, save, error);
    if (status == NNRT_OK) status = keep_settings(options, instance, &settings, &trained, error);
    if (status == NNRT_OK) status = nnrt_options_apply_sets(options, instance, error);
    if (status == NNRT_OK) status = nnrt_train_data_load(&data, options, instance->model, &settings, error);
    if (status == NNRT_OK) status = check_same_data(options, &settings, &trained, error);
    if (status == NNRT_OK) status = keep_batch(options, &data, &settings, error);
    if (status == NNRT_OK) status = run(options, instance, &data, &settings, save, interrupted, error);
    nnrt_train_data_free(&data);
    free(save);
    return status;
}
