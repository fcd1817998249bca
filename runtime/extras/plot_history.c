/* The curves of a run that goes on: its earlier epochs, from the log that it goes on with too. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/status.h"
#include "extras/plot.h"

enum { MAX_SCORES = 64 };

typedef struct Line { /* of a log: an epoch's scores; names point into the JSON */
    nnrt_score train[MAX_SCORES], val[MAX_SCORES];
    double     values[2 * MAX_SCORES];
    int        n_train, n_val;
} Line;

static void add_score(Line *line, const cJSON *item) {
    static const char *const OTHERS[] = {"epoch", "step", "seconds"};
    bool                     is_val   = strncmp(item->string, "val_", 4) == 0;
    for (size_t i = 0; i < sizeof OTHERS / sizeof *OTHERS; i++)
        if (strcmp(item->string, OTHERS[i]) == 0) return;
    if (!cJSON_IsNumber(item) || (is_val ? line->n_val : line->n_train) == MAX_SCORES) return;
    int         index   = is_val ? MAX_SCORES + line->n_val : line->n_train;
    nnrt_score *score   = is_val ? &line->val[line->n_val++] : &line->train[line->n_train++];
    line->values[index] = item->valuedouble;
    *score = (nnrt_score){.name = item->string + (is_val ? 4 : 0), .count = 1, .values = &line->values[index]};
}

static nnrt_status add_line(nnrt_plot *plot, const cJSON *object, const nnrt_model *model, nnrt_error *error) {
    const cJSON *epoch = cJSON_GetObjectItemCaseSensitive(object, "epoch"), *item;
    if (!cJSON_IsNumber(epoch) || epoch->valuedouble < 1 || epoch->valuedouble > INT32_MAX) return NNRT_OK;
    Line *line = calloc(1, sizeof *line);
    if (!line) return nnrt_fail_memory(error, sizeof *line, "a plot");
    cJSON_ArrayForEach(item, object) add_score(line, item);
    nnrt_scores train = {.items = line->train, .n = line->n_train}, val = {.items = line->val, .n = line->n_val};
    const nnrt_progress progress = {.epoch    = (int64_t)epoch->valuedouble,
                                    .n_epochs = (int64_t)epoch->valuedouble,
                                    .train    = &train,
                                    .val      = val.n > 0 ? &val : NULL};
    nnrt_status         status   = nnrt_plot_add(plot, &progress, model, error);
    free(line);
    return status;
}

nnrt_status nnrt_plot_add_log(nnrt_plot *plot, const char *path, const nnrt_model *model, nnrt_error *error) {
    nnrt_bytes  bytes;
    nnrt_status status = NNRT_OK;
    if (nnrt_read_file(path, &bytes, NULL) != NNRT_OK) return NNRT_OK;
    for (char *line = (char *)bytes.data, *end; status == NNRT_OK && (end = strchr(line, '\n')); line = end + 1) {
        cJSON *object = cJSON_ParseWithLength(line, (size_t)(end - line));
        if (object) status = add_line(plot, object, model, error);
        cJSON_Delete(object);
    }
    free(bytes.data);
    return status;
}
