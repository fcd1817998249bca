/* The program that a compiled model becomes: train, eval, predict, info, export, data. */
#ifndef NNRT_EXTRAS_CLI_H
#define NNRT_EXTRAS_CLI_H

#include "core/instance.h"
#include "extras/options.h"
#include "extras/vocabulary.h"

/* Everything from argv to the exit code: 0 ok, 1 failed, 2 usage, 3 bad data, 130 interrupted. */
int nnrt_main(const nnrt_model *model, int argc, char **argv);

/* One command each; the instance has its slots, not yet their values. */
nnrt_status nnrt_run_train(const nnrt_options *options, nnrt_instance *instance, bool *interrupted, nnrt_error *error);
nnrt_status nnrt_run_eval(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);
nnrt_status nnrt_run_predict(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);
nnrt_status nnrt_run_info(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);
nnrt_status nnrt_run_export(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);
nnrt_status nnrt_run_data(const nnrt_options *options, nnrt_instance *instance, nnrt_error *error);

/* Help on a command (0: on the program). */
void nnrt_print_help(const nnrt_model *model, const char *program, nnrt_command command);

/* --data for the inputs in `needed`, with its texts made numbers of as the weights' vocabularies say. The caller frees
 * vocabularies, also after an error, and set, where set->model is not NULL. */
nnrt_status nnrt_load_data(const nnrt_options *options, const nnrt_model *model, const bool *needed, nnrt_dataset *set,
                           nnrt_vocabularies *vocabularies, nnrt_error *error);

/* The vocabularies alone, as above. */
nnrt_status nnrt_load_vocabularies(const nnrt_options *options, const nnrt_model *model,
                                   nnrt_vocabularies *vocabularies, nnrt_error *error);

/* --weights, or the file that train saves; NNRT_BAD_DATA with advice when there is none. `trained` as in
 * nnrt_checkpoint_load. */
nnrt_status nnrt_load_weights(const nnrt_options *options, nnrt_instance *instance, nnrt_settings *trained,
                              nnrt_error *error);

#endif
