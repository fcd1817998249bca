#include "extras/cli.h"
#include "extras/cpus.h"
#include "extras/memory_use.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/checkpoint.h"
#include "extras/checkpoint_text.h"
#include "extras/import.h"

enum { EXIT_INTERRUPTED = 130 };

static bool has_weights(const nnrt_model *model) {
    for (int i = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_PARAM || model->slots[i].kind == NNRT_STATE) return true;
    return false;
}

/* Another program's file: every weight has to be in it. */
static nnrt_status load_mapped(const nnrt_options *options, nnrt_instance *instance, const char *path,
                               nnrt_settings *trained, nnrt_error *error) {
    nnrt_map    map;
    nnrt_import result = {0};
    nnrt_status status = nnrt_map_parse(&map, "--map", options->maps.items, options->maps.n, error);
    if (status == NNRT_OK) status = nnrt_import_weights(instance, path, &map, true, &result, error);
    nnrt_import_free(&result);
    nnrt_map_free(&map);
    if (status == NNRT_OK && trained) status = nnrt_checkpoint_settings(NULL, path, trained, error);
    return status;
}

nnrt_status nnrt_load_weights(const nnrt_options *options, nnrt_instance *instance, nnrt_settings *trained,
                              nnrt_error *error) {
    if (!options->weights && instance->model->weights) { /* compiled in */
        const nnrt_content content = {.metadata = (char *)instance->model->weights};
        nnrt_store_fill(&instance->own);
        if (trained) nnrt_settings_read(&content, trained, NULL);
        return NNRT_OK;
    }
    char *path = options->weights ? strdup(options->weights) : nnrt_checkpoint_default_path(instance->model);
    if (!path) return nnrt_fail_memory(error, 0, "a file name");
    FILE       *file   = fopen(path, "rb");
    nnrt_status status = NNRT_OK;
    if (!file && errno == ENOENT && !options->weights && !has_weights(instance->model)) {
        free(path);
        return NNRT_OK; /* nothing is learned, so nothing is missing */
    }
    if (!file && errno == ENOENT)
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: no such file: train first, or give --weights FILE", path);
    if (file) fclose(file);
    if (status == NNRT_OK && options->maps.n > 0)
        status = load_mapped(options, instance, path, trained, error);
    else if (status == NNRT_OK)
        status = nnrt_checkpoint_load(instance, path, trained, error);
    free(path);
    return status;
}

static nnrt_status run_command(const nnrt_options *options, nnrt_instance *instance, bool *interrupted,
                               nnrt_error *error) {
    switch (options->command) {
    case NNRT_TRAIN: return nnrt_run_train(options, instance, interrupted, error);
    case NNRT_EVAL: return nnrt_run_eval(options, instance, error);
    case NNRT_PREDICT: return nnrt_run_predict(options, instance, error);
    case NNRT_INFO: return nnrt_run_info(options, instance, error);
    case NNRT_EXPORT: return nnrt_run_export(options, instance, error);
    case NNRT_DATA: return nnrt_run_data(options, instance, error);
    }
    return NNRT_OK;
}

/* More threads than CPUs take turns: whoever waits for a kernel's last part waits for a thread that is not running. */
static void warn_of_threads(const nnrt_options *options) {
    int usable = nnrt_usable_cpus();
    if (options->threads <= usable || options->command == NNRT_INFO || options->quiet) return;
    fprintf(stderr, "warning: --threads %d, and this process may use %d CPU%s: --threads %d is faster\n",
            options->threads, usable, usable == 1 ? "" : "s", usable);
}

static nnrt_status run(const nnrt_model *model, const nnrt_options *options, bool *interrupted, nnrt_error *error) {
    warn_of_threads(options);
    nnrt_pool *pool = nnrt_pool_new(options->threads);
    if (!pool)
        return nnrt_fail(error, NNRT_ERROR, "%d threads cannot be started: give --threads less", options->threads);
    nnrt_instance *instance = nnrt_instance_new(model, pool, error);
    nnrt_status    status   = instance ? run_command(options, instance, interrupted, error) : (nnrt_status)error->code;
    nnrt_instance_free(instance);
    nnrt_pool_free(pool);
    return status;
}

/* A result that could not be written is a failure, however well it was computed. */
static nnrt_status close_output(nnrt_status status, nnrt_error *error) {
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == NNRT_OK)
        return nnrt_fail(error, NNRT_ERROR, "standard output cannot be written: %s", strerror(errno ? errno : EIO));
    return status;
}

int nnrt_main(const nnrt_model *model, int argc, char **argv) {
    const char  *program = argc > 0 ? argv[0] : "model";
    nnrt_options options;
    nnrt_error   error       = {0};
    bool         interrupted = false;
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is then an error of write() like a full disk */
    nnrt_status status = nnrt_options_parse(&options, model, argc, argv, &error);
    if (status == NNRT_OK && options.help) nnrt_print_help(model, program, options.command);
    options.program_nbytes = nnrt_resident_nbytes();
    if (status == NNRT_OK && !options.help) status = run(model, &options, &interrupted, &error);
    status = close_output(status, &error);
    nnrt_options_free(&options);
    if (status == NNRT_OK) return interrupted ? EXIT_INTERRUPTED : 0;
    fprintf(stderr, "error: %s\n", error.message);
    return (int)status;
}
