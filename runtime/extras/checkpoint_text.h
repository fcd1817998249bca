/* The texts in a checkpoint's metadata: settings, and the state of a training that has not ended. */
#ifndef NNRT_EXTRAS_CHECKPOINT_TEXT_H
#define NNRT_EXTRAS_CHECKPOINT_TEXT_H

#include "extras/array.h"
#include "extras/trainer.h"

#define NNRT_BEST_PREFIX "best/" /* of the names of the best weights so far */

/* Is this slot in a checkpoint? */
bool nnrt_checkpoint_keeps(const nnrt_slot *slot);

/* A slot as an array to write: its memory is the instance's. */
nnrt_array nnrt_slot_array(const nnrt_instance *instance, int slot);

/* Settings and hyper-parameters as JSON; the caller frees it. NULL without memory. */
char *nnrt_settings_text(const nnrt_instance *instance, const nnrt_settings *settings);
/* All 0 where the metadata hold no settings. `instance` may be NULL: hyper-parameters are not set then. */
void nnrt_settings_read(const nnrt_content *content, nnrt_settings *settings, nnrt_instance *instance);

/* The steps done; 0 where the metadata do not tell. */
int64_t nnrt_steps_read(const nnrt_content *content);

/* A training's state as JSON, *text NULL where it has none; the caller frees it. False without memory. */
bool nnrt_state_text(const nnrt_trainer_state *state, char **text);
/* steps_done and state; NNRT_BAD_DATA where the metadata are not those of a checkpoint of this model. */
nnrt_status nnrt_state_read(const nnrt_content *content, const char *path, nnrt_training *training, nnrt_error *error);

#endif
