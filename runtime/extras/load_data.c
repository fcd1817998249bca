/* Data for a model that is trained: read, and made numbers of as its weights were. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/status.h"
#include "extras/checkpoint.h"
#include "extras/cli.h"

nnrt_status nnrt_load_vocabularies(const nnrt_options *options, const nnrt_model *model,
                                   nnrt_vocabularies *vocabularies, nnrt_error *error) {
    if (!options->weights && model->weights)
        return nnrt_vocabularies_of_metadata(vocabularies, model, model->weights, "the weights compiled in", error);
    char *path = options->weights ? strdup(options->weights) : nnrt_checkpoint_default_path(model);
    if (!path) return nnrt_fail_memory(error, 0, "a file name");
    nnrt_status status = nnrt_vocabularies_read(vocabularies, model, path, NULL, error);
    free(path);
    return status;
}

nnrt_status nnrt_load_data(const nnrt_options *options, const nnrt_model *model, const bool *needed, nnrt_dataset *set,
                           nnrt_vocabularies *vocabularies, nnrt_error *error) {
    nnrt_status status = nnrt_load_vocabularies(options, model, vocabularies, error);
    if (status == NNRT_OK)
        status = nnrt_dataset_load(set, model, options->data.items, options->data.n, needed, NULL, error);
    return status == NNRT_OK ? nnrt_dataset_encode(set, vocabularies, error) : status;
}
