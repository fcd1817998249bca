/* The data of a training run: what is trained on, what is watched and what is kept for the end. */
#ifndef NNRT_EXTRAS_TRAIN_DATA_H
#define NNRT_EXTRAS_TRAIN_DATA_H

#include "extras/options.h"
#include "extras/vocabulary.h"

typedef struct nnrt_train_data {
    nnrt_dataset      all, val_set, test_set; /* --data, --val, --test */
    nnrt_split        train, val, test;
    bool             *needed; /* inputs */
    nnrt_vocabularies vocabularies;
} nnrt_train_data;

/* Loads and splits; settings' splits become 0 where a file of its own takes the place of a share of --data, and its
 * data_sum is set. Free with nnrt_train_data_free, also after a failure. */
nnrt_status nnrt_train_data_load(nnrt_train_data *data, const nnrt_options *options, const nnrt_model *model,
                                 nnrt_settings *settings, nnrt_error *error);
void        nnrt_train_data_free(nnrt_train_data *data);

/* Leaves one batch to train on, drawn at random, a function of seed alone; nothing is watched or kept. */
nnrt_status nnrt_train_data_keep_batch(nnrt_train_data *data, const nnrt_settings *settings, nnrt_error *error);

#endif
