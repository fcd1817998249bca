/* Weights on disk: a safetensors file of the slots that outlive a run, with the model's name, the settings that
 * produced it and, where a training has not ended, what is needed to go on with it. */
#ifndef NNRT_EXTRAS_CHECKPOINT_H
#define NNRT_EXTRAS_CHECKPOINT_H

#include "core/instance.h"
#include "extras/trainer.h"

/* Saves parameters, layer state, fitted statistics, moving averages and optimizer state. The file depends on them and
 * on the settings alone: never on threads, paths or time. */
nnrt_status nnrt_checkpoint_save(const nnrt_instance *instance, const nnrt_settings *settings, int64_t steps_done,
                                 const char *path, nnrt_error *error);
/* The same of a training, with its state. */
nnrt_status nnrt_checkpoint_save_training(const nnrt_training *training, const char *path, nnrt_error *error);

/* Fills the slots. Optimizer state and moving averages may be absent from the file; everything else must agree in
 * name, shape and type, and the message (NNRT_BAD_DATA) lists what does not. `trained` (may be NULL) gets the settings
 * that the file was trained with, all 0 when it does not tell. */
nnrt_status nnrt_checkpoint_load(nnrt_instance *instance, const char *path, nnrt_settings *trained, nnrt_error *error);

/* The same for an application: steps_done becomes the file's, 0 where it does not tell, and hyper-parameters the file's. */
nnrt_status nnrt_checkpoint_load_net(nnrt_instance *instance, const char *path, int64_t *steps_done, nnrt_error *error);

/* The same to go on training: optimizer state must be there too, and steps_done and state are set to where the file
 * stands. */
nnrt_status nnrt_checkpoint_resume(nnrt_training *training, const char *path, nnrt_error *error);

/* The settings alone, as for `trained` above; batch 0 when the file does not tell. Run-time hyper-parameters become
 * those of the file where `instance` is not NULL. */
nnrt_status nnrt_checkpoint_settings(nnrt_instance *instance, const char *path, nnrt_settings *trained,
                                     nnrt_error *error);

/* "digits.safetensors" for model Digits; the caller frees it. NULL without memory. */
char *nnrt_checkpoint_default_path(const nnrt_model *model);

#endif
