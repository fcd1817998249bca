/* Results never replace what they are made from, nor one another. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"
#include "extras/checkpoint.h"
#include "extras/options.h"

enum { SAVE, LOG, PLOT, OUT, N_RESULTS };

typedef struct Results {
    const nnrt_options *options;
    const char         *weights; /* that are read, given or not; NULL: none */
    const char         *names[N_RESULTS], *paths[N_RESULTS];
    nnrt_error         *error;
} Results;

static bool is_same_file(const char *a, const char *b) {
    struct stat one, other;
    if (strcmp(a, b) == 0) return true;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && S_ISREG(one.st_mode) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static const char *remedy(const Results *r, int result) {
    return result == SAVE && !r->options->save ? "give --save FILE" : "name another file";
}

static nnrt_status check_data(const Results *r, int result) {
    const nnrt_list *const data[] = {&r->options->data, &r->options->val, &r->options->test};
    const char            *path   = r->paths[result];
    for (size_t d = 0; d < sizeof data / sizeof *data; d++)
        for (int i = 0; i < data[d]->n; i++) {
            const char *argument = data[d]->items[i], *equals = strchr(argument, '=');
            if (is_same_file(path, argument) || (equals && is_same_file(path, equals + 1)))
                return nnrt_fail(r->error, NNRT_USAGE, "%s %s would replace data that is read: %s", r->names[result],
                                 path, remedy(r, result));
        }
    return NNRT_OK;
}

/* ---- files that the data names: pictures and sounds -------------------------------------------------------------------- */

static bool reads_files(const nnrt_model *model) {
    for (int i = 0; i < model->n_inputs; i++)
        if (model->inputs[i].source.kind == NNRT_FROM_IMAGE || model->inputs[i].source.kind == NNRT_FROM_WAV)
            return true;
    return false;
}

/* Whether `path` exists and lies in the folder `in`, or in the one that the file `in` stands in, at any depth. */
static bool lies_beside(const char *path, const char *in) {
    char       *whole = realpath(path, NULL), *folder = realpath(in, NULL);
    struct stat info;
    char       *slash = folder && stat(folder, &info) == 0 && !S_ISDIR(info.st_mode) ? strrchr(folder, '/') : NULL;
    if (slash) *slash = 0;
    size_t length = folder ? strlen(folder) : 0;
    bool   inside = whole && folder && strncmp(whole, folder, length) == 0 && whole[length] == '/';
    free(whole);
    free(folder);
    return inside;
}

/* Which files a table names is known when it is read, and too late: a result replaces none that it might name. */
static nnrt_status check_named(const Results *r, const nnrt_model *model, int result) {
    const nnrt_list *const data[] = {&r->options->data, &r->options->val, &r->options->test};
    for (size_t d = 0; d < sizeof data / sizeof *data && reads_files(model); d++)
        for (int i = 0; i < data[d]->n; i++)
            if (lies_beside(r->paths[result], data[d]->items[i]))
                return nnrt_fail(r->error, NNRT_USAGE,
                                 "%s %s is there and lies among the data, which may name it: name another file",
                                 r->names[result], r->paths[result]);
    return NNRT_OK;
}

/* --save may replace the weights begun with. */
static nnrt_status check_weights(const Results *r, int result) {
    const char *const weights[] = {r->weights, r->options->init, r->options->resume};
    for (size_t w = 0; w < sizeof weights / sizeof *weights && result != SAVE; w++)
        if (weights[w] && is_same_file(r->paths[result], weights[w]))
            return nnrt_fail(r->error, NNRT_USAGE, "%s %s would replace weights that are read: name another file",
                             r->names[result], r->paths[result]);
    return NNRT_OK;
}

static nnrt_status check_others(const Results *r, int result) {
    for (int k = 0; k < result; k++)
        if (r->paths[k] && is_same_file(r->paths[result], r->paths[k]))
            return nnrt_fail(r->error, NNRT_USAGE, "%s and %s name the same file '%s'", r->names[k], r->names[result],
                             r->paths[result]);
    return NNRT_OK;
}

nnrt_status nnrt_results_check(const nnrt_options *options, const nnrt_model *model, nnrt_error *error) {
    bool        saves   = options->command == NNRT_TRAIN && !options->overfit && !options->save;
    bool        reads   = options->command != NNRT_TRAIN && !options->weights && !model->weights;
    char       *usual   = nnrt_checkpoint_default_path(model);
    const char *weights = reads && usual && access(usual, F_OK) == 0 ? usual : options->weights;
    Results     r       = {options,
                           weights,
                           {saves ? "train's own result" : "--save", "--log", "--plot", "--out"},
                           {saves ? usual : options->save, options->log, options->plot, options->out},
                           error};
    nnrt_status status  = usual ? NNRT_OK : nnrt_fail_memory(error, 0, "a file name");
    for (int i = 0; i < N_RESULTS && status == NNRT_OK; i++) {
        if (!r.paths[i]) continue;
        status = check_data(&r, i);
        if (status == NNRT_OK && i == OUT) status = check_named(&r, model, i);
        if (status == NNRT_OK) status = check_weights(&r, i);
        if (status == NNRT_OK) status = check_others(&r, i);
    }
    free(usual);
    return status;
}
