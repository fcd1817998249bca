#include "extras/recorder.h"

#include <math.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/checkpoint.h"

/* Without --save-every: after an epoch where so much time has passed since the last checkpoint, and within a long one.
 * When a checkpoint is written changes no result. */
static const double EPOCH_SECONDS = 5, STEP_SECONDS = 60, PLOT_SECONDS = 1;

/* --overfit-batch: a loss below this share of the first one is a fit; where so many steps bring no further gain of a
 * thousandth of what was gained before (and a hundred-thousandth of the first loss), it has levelled off. */
static const double  FIT_SHARE = 0.01, GAIN_SHARE = 0.001, LEAST_GAIN = 1e-5;
static const int64_t PATIENCE = 200;

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

nnrt_status nnrt_recorder_open(nnrt_recorder *recorder, const nnrt_options *options, const nnrt_instance *instance,
                               const char *save, int64_t steps_done, nnrt_error *error) {
    *recorder =
        (nnrt_recorder){.options = options, .instance = instance, .save = save, .first_loss = NAN, .best_loss = NAN};
    nnrt_report_open(&recorder->report, options->quiet ? NULL : stdout);
    recorder->saved = recorder->report.start;
    if (options->plot) nnrt_plot_open(&recorder->plot, options->plot, instance->model);
    nnrt_status status = nnrt_log_open(&recorder->log, options->log, steps_done, error);
    if (status == NNRT_OK && options->plot && options->log && steps_done > 0)
        status = nnrt_plot_add_log(&recorder->plot, options->log, instance->model, error);
    return status;
}

nnrt_status nnrt_recorder_close(nnrt_recorder *recorder, nnrt_status status, nnrt_error *error) {
    if (recorder->plot.path && recorder->plot.n > 0 && status == NNRT_OK)
        status = nnrt_plot_draw(&recorder->plot, error);
    nnrt_plot_close(&recorder->plot);
    return nnrt_log_close(&recorder->log, status, error);
}

/* ---- hearing ----------------------------------------------------------------------------------------------------- */

static void watch_fit(nnrt_recorder *recorder, const nnrt_progress *p) {
    if (isnan(recorder->first_loss)) recorder->first_loss = recorder->best_loss = p->loss;
    recorder->has_fit = p->loss <= FIT_SHARE * recorder->first_loss;
    double gain       = recorder->best_loss - p->loss;
    double worth = GAIN_SHARE * (recorder->first_loss - recorder->best_loss) + LEAST_GAIN * fabs(recorder->first_loss);
    if (recorder->has_fit || gain > worth) {
        recorder->best_loss = p->loss;
        recorder->best_step = p->step;
    }
    recorder->has_levelled = !recorder->has_fit && p->step - recorder->best_step >= PATIENCE;
    if (recorder->has_fit || recorder->has_levelled) *recorder->stop = 1;
}

static void heard(void *context, const nnrt_progress *p) {
    nnrt_recorder *recorder = context;
    nnrt_status    status   = NNRT_OK;
    if (recorder->options->overfit) watch_fit(recorder, p);
    nnrt_report_progress(&recorder->report, p);
    if (!p->train) return;
    recorder->epoch = p->epoch;
    nnrt_log_epoch(&recorder->log, p, recorder->instance);
    if (!recorder->plot.path) return;
    status = nnrt_plot_add(&recorder->plot, p, recorder->instance->model, &recorder->error);
    if (status == NNRT_OK && (recorder->plot.n == 1 || seconds_since(&recorder->plot.drawn) >= PLOT_SECONDS))
        nnrt_plot_draw(&recorder->plot, &recorder->error);
}

/* ---- saving ------------------------------------------------------------------------------------------------------ */

static bool all_finite(const void *data, int elem, size_t nbytes) {
    int64_t count = (int64_t)(nbytes / nnrt_elem_size(elem));
    if (elem == NNRT_F32) { /* a sum of x * 0 is 0 or NaN, and is computed several at a time */
        const float *values  = data;
        float        sums[8] = {0};
        int64_t      i       = 0;
        for (; i + 8 <= count; i += 8)
            for (int k = 0; k < 8; k++) sums[k] += values[i + k] * 0.0f;
        for (; i < count; i++) sums[0] += values[i] * 0.0f;
        for (int k = 1; k < 8; k++) sums[0] += sums[k];
        return sums[0] == 0;
    }
    for (int64_t i = 0; i < count; i++)
        if (!isfinite(nnrt_elem_get(elem, data, i))) return false;
    return true;
}

nnrt_status nnrt_recorder_save(nnrt_recorder *recorder, const nnrt_training *training, nnrt_error *error) {
    const nnrt_instance *instance = training->instance;
    for (int i = 0; i < instance->model->n_slots; i++) {
        const nnrt_slot *slot = &instance->model->slots[i];
        if (slot->kind == NNRT_PARAM && !all_finite(instance->slots[i], slot->tensor.elem, instance->slot_nbytes[i]))
            return nnrt_fail(error, NNRT_ERROR,
                             "'%s' is no longer finite after step %lld, nothing is saved: lower the learning rate "
                             "(--set) or check the data",
                             slot->tensor.name, (long long)training->steps_done);
    }
    clock_gettime(CLOCK_MONOTONIC, &recorder->saved);
    return nnrt_checkpoint_save_training(training, recorder->save, error);
}

static bool is_due(const nnrt_recorder *recorder, const nnrt_training *training, bool epoch_ends) {
    const nnrt_interval *every = &recorder->options->save_every;
    if (every->n > 0)
        return every->in_epochs ? epoch_ends && recorder->epoch % every->n == 0 : training->steps_done % every->n == 0;
    double seconds = seconds_since(&recorder->saved);
    return seconds >= STEP_SECONDS || (epoch_ends && seconds >= EPOCH_SECONDS);
}

static nnrt_status after_step(void *context, const nnrt_training *training, bool epoch_ends, nnrt_error *error) {
    nnrt_recorder *recorder = context;
    if (recorder->error.code != 0) {
        if (error) *error = recorder->error;
        return (nnrt_status)recorder->error.code;
    }
    if (recorder->options->overfit || training->stopped || !is_due(recorder, training, epoch_ends)) return NNRT_OK;
    return nnrt_recorder_save(recorder, training, error);
}

void nnrt_recorder_attach(nnrt_recorder *recorder, nnrt_training *training) {
    training->observer      = (nnrt_observer){.heard = heard, .context = recorder};
    training->save          = after_step;
    training->save_context  = recorder;
    training->wants_probe   = recorder->options->log != NULL;
    training->no_early_stop = recorder->options->overfit;
    training->find_nan      = recorder->options->find_nan;
}
