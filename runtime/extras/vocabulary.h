/* What the training data says about texts and missing numbers: which number a text has, the names of classes, means of
 * columns. Built before the first step, saved with the weights, and used whenever data is read afterwards. */
#ifndef NNRT_EXTRAS_VOCABULARY_H
#define NNRT_EXTRAS_VOCABULARY_H

#include "extras/dataset.h"

typedef struct nnrt_vocabulary { /* of one input */
    char   **texts;  /* an input's: number i + 1 is texts[i], 0 any other; a target's: class i is texts[i] */
    int64_t *counts; /* how often each occurs in the data it was built from; NULL when loaded */
    int64_t  n_texts;
    int64_t  n_left_out; /* rarer texts that `max` leaves without a number */
    double  *means;      /* of from column(..., missing = mean): one a column */
    int64_t  n_means;
    int64_t *slots; /* hash table: index + 1 of a text */
    int64_t  n_slots;
} nnrt_vocabulary;

typedef struct nnrt_vocabularies {
    const nnrt_model *model;
    nnrt_vocabulary  *inputs; /* one an input; empty where it needs none */
} nnrt_vocabularies;

/* From the samples of `train`: an input's texts by falling number of occurrences, equally frequent ones by their bytes.
 * A target's classes are all of its set's, in order of their numbers where all are whole numbers, else of their bytes.
 * NNRT_BAD_DATA when a target has more classes than the model. The caller frees it, also after an error. */
nnrt_status nnrt_vocabularies_build(nnrt_vocabularies *vocabularies, const nnrt_split *train, nnrt_error *error);
void        nnrt_vocabularies_free(nnrt_vocabularies *vocabularies);

/* As JSON, to be saved; NULL without memory. Empty vocabularies give "{}". */
char *nnrt_vocabularies_to_json(const nnrt_vocabularies *vocabularies);
/* From JSON (NULL: of a file without any); NNRT_BAD_DATA when it does not fit the model. `path` is for messages. */
nnrt_status nnrt_vocabularies_from_json(nnrt_vocabularies *vocabularies, const nnrt_model *model, const char *json,
                                        const char *path, nnrt_error *error);

/* From a file of weights; found (may be NULL) says whether it has any. */
nnrt_status nnrt_vocabularies_read(nnrt_vocabularies *vocabularies, const nnrt_model *model, const char *path,
                                   bool *found, nnrt_error *error);
/* The same from a weights file's metadata as JSON; `source` is for messages. */
nnrt_status nnrt_vocabularies_of_metadata(nnrt_vocabularies *vocabularies, const nnrt_model *model,
                                          const char *metadata, const char *source, nnrt_error *error);

/* Turns the texts of a set into numbers and fills its missing values, after which batches can be made of it. Texts that
 * are not known are 0, or looked up once more without a full stop at their end; a target's are an error. */
nnrt_status nnrt_dataset_encode(nnrt_dataset *set, const nnrt_vocabularies *vocabularies, nnrt_error *error);

/* The number of a text, -1 when it has none. */
int64_t nnrt_vocabulary_find(const nnrt_vocabulary *vocabulary, const nnrt_field *text);
/* Makes the hash table of texts; false without memory. */
bool nnrt_vocabulary_index(nnrt_vocabulary *vocabulary);

/* All texts of a column (or its words), the most frequent first; false without memory. */
bool nnrt_vocabulary_of(nnrt_vocabulary *vocabulary, const nnrt_texts *texts, nnrt_source_kind kind);
void nnrt_vocabulary_free(nnrt_vocabulary *vocabulary);

/* How many numbers an input's texts may have, 0 for no limit; with the one for unknown texts. */
int64_t nnrt_vocabulary_limit(const nnrt_input *input);

/* The vocabulary of the only target that has names for its classes, or NULL; `input` (may be NULL) gets the target. */
const nnrt_vocabulary *nnrt_vocabularies_classes(const nnrt_vocabularies *vocabularies, int *input);

#endif
