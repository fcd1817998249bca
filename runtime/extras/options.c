#include "extras/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/status.h"
#include "extras/cpus.h"
#include "extras/nearest.h"

enum {
    RUNS      = NNRT_TRAIN | NNRT_EVAL | NNRT_PREDICT,
    READS     = NNRT_EVAL | NNRT_PREDICT | NNRT_EXPORT,
    ALL       = RUNS | NNRT_INFO,
    ANY       = ALL | NNRT_EXPORT | NNRT_DATA,
    MAX_COUNT = INT32_MAX
};

#define AT(member) offsetof(nnrt_options, member)

const nnrt_option nnrt_option_table[] = {
    {"--data", "FILE|NAME=FILE", "the data; several may follow", RUNS | NNRT_DATA, NNRT_OPTION_LIST, AT(data)},
    {"--val", "FILE|NAME=FILE", "evaluated after each epoch, never trained on", NNRT_TRAIN, NNRT_OPTION_LIST, AT(val)},
    {"--test", "FILE|NAME=FILE", "evaluated once at the end", NNRT_TRAIN, NNRT_OPTION_LIST, AT(test)},
    {"--epochs", "N", "passes over the training data", NNRT_TRAIN, NNRT_OPTION_COUNT, AT(settings.epochs)},
    {"--steps", "N", "optimizer steps, instead of --epochs", NNRT_TRAIN, NNRT_OPTION_COUNT, AT(settings.steps)},
    {"--batch", "N", "samples a step", ALL, NNRT_OPTION_COUNT, AT(settings.batch)},
    {"--seed", "N", "of everything random", RUNS, NNRT_OPTION_SEED, AT(settings.seed)},
    {"--threads", "N", "changes the speed, never the result", ALL, NNRT_OPTION_THREADS, AT(threads)},
    {"--set", "NAME=VALUE", "a hyper-parameter, as in --set optimizer.lr=1e-4", NNRT_TRAIN, NNRT_OPTION_LIST, AT(sets)},
    {"--init", "FILE", "weights to start from; what does not match is listed", NNRT_TRAIN, NNRT_OPTION_TEXT, AT(init)},
    {"--resume", "FILE", "a checkpoint to go on from, bit for bit", NNRT_TRAIN, NNRT_OPTION_TEXT, AT(resume)},
    {"--save", "FILE", "where the weights go", NNRT_TRAIN, NNRT_OPTION_TEXT, AT(save)},
    {"--save-every", "N[epochs]", "a checkpoint each N steps or epochs", NNRT_TRAIN, NNRT_OPTION_INTERVAL,
     AT(save_every)},
    {"--weights", "FILE", "the trained weights", READS | NNRT_DATA, NNRT_OPTION_TEXT, AT(weights)},
    {"--map", "TO=FROM", "names of a file's weights, as in --map 'dense/kernel=fc1.weight:t'", NNRT_TRAIN | READS,
     NNRT_OPTION_NAMES, AT(maps)},
    {"--rename", "TO=FROM", "names to write, as in --rename 'fc1.weight=dense/kernel:t'", NNRT_EXPORT,
     NNRT_OPTION_NAMES, AT(renames)},
    {"--only", "PATTERN", "these weights alone, as in --only 'backbone/*'", NNRT_EXPORT, NNRT_OPTION_LIST, AT(only)},
    {"--log", "FILE.jsonl", "one line of JSON an epoch", NNRT_TRAIN, NNRT_OPTION_TEXT, AT(log)},
    {"--plot", "FILE.svg", "learning curves, drawn anew each epoch", NNRT_TRAIN, NNRT_OPTION_TEXT, AT(plot)},
    {"--overfit-batch", NULL, "train on one batch until it is fit: a check of the model", NNRT_TRAIN, NNRT_OPTION_FLAG,
     AT(overfit)},
    {"--find-nan", NULL, "say where a loss stops being finite also where the copy of the weights takes over 256 MB",
     NNRT_TRAIN | NNRT_INFO, NNRT_OPTION_FLAG, AT(find_nan)},
    {"--out", "FILE", "the .safetensors or .npz file to write", NNRT_EXPORT, NNRT_OPTION_TEXT, AT(out)},
    {"--out", "FILE", "a .csv, .npy, .npz, .txt or .png file instead of CSV on standard output", NNRT_PREDICT,
     NNRT_OPTION_TEXT, AT(out)},
    {"--output", "NAME", "this output alone", NNRT_PREDICT, NNRT_OPTION_TEXT, AT(output)},
    {"--raw", NULL, "numbers of classes instead of their names", NNRT_PREDICT, NNRT_OPTION_FLAG, AT(raw)},
    {"--all", NULL, "every sample, also those that it was trained on", NNRT_EVAL, NNRT_OPTION_FLAG, AT(all)},
    {"--quiet", NULL, "the result alone", NNRT_TRAIN | NNRT_EVAL, NNRT_OPTION_FLAG, AT(quiet)},
    {"--shapes", NULL, "layers, inputs and outputs", NNRT_INFO, NNRT_OPTION_FLAG, AT(shapes)},
    {"--params", NULL, "each parameter, and totals", NNRT_INFO, NNRT_OPTION_FLAG, AT(params)},
    {"--memory", NULL, "memory for this batch and these threads", NNRT_INFO, NNRT_OPTION_FLAG, AT(memory)},
    {"--json", NULL, "as one JSON object", NNRT_INFO, NNRT_OPTION_FLAG, AT(json)},
    {"--help", NULL, "this text", ANY, NNRT_OPTION_FLAG, AT(help)},
};
const int nnrt_option_count = sizeof nnrt_option_table / sizeof *nnrt_option_table;

static const struct {
    const char  *name;
    nnrt_command command;
} COMMANDS[] = {{"train", NNRT_TRAIN}, {"eval", NNRT_EVAL},     {"predict", NNRT_PREDICT},
                {"info", NNRT_INFO},   {"export", NNRT_EXPORT}, {"data", NNRT_DATA}};
enum { N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS };

static const char *command_name(int i, const void *unused) {
    (void)unused;
    return COMMANDS[i].name;
}

static const char *option_name(int i, const void *unused) {
    (void)unused;
    return nnrt_option_table[i].name;
}

static nnrt_status parse_count(const nnrt_option *option, const char *text, int64_t low, int64_t high, int64_t *value,
                               nnrt_error *error) {
    char *end;
    errno            = 0;
    long long parsed = strtoll(text, &end, 10);
    if (end != text && *end == 0 && errno == 0 && parsed >= low && parsed <= high) {
        *value = parsed;
        return NNRT_OK;
    }
    return nnrt_fail(error, NNRT_USAGE, "%s '%s': a whole number from %lld to %lld is needed", option->name, text,
                     (long long)low, (long long)high);
}

/* "500" steps, "2epochs". */
static nnrt_status parse_interval(const nnrt_option *option, const char *text, nnrt_interval *interval,
                                  nnrt_error *error) {
    size_t digits = strspn(text, "0123456789");
    char   number[24];
    bool   epochs = strcmp(text + digits, "epochs") == 0 || strcmp(text + digits, "epoch") == 0;
    if (digits == 0 || digits >= sizeof number || (text[digits] && !epochs))
        return nnrt_fail(error, NNRT_USAGE, "%s '%s': a number of steps (500) or epochs (2epochs) is needed",
                         option->name, text);
    snprintf(number, sizeof number, "%.*s", (int)digits, text);
    interval->in_epochs = epochs;
    return parse_count(option, number, 1, MAX_COUNT, &interval->n, error);
}

static nnrt_status append(nnrt_list *list, const char *item, nnrt_error *error) {
    const char **more = realloc(list->items, ((size_t)list->n + 1) * sizeof *more);
    if (!more) return nnrt_fail_memory(error, 0, "options");
    list->items            = more;
    list->items[list->n++] = item;
    return NNRT_OK;
}

static nnrt_status fail_empty(const nnrt_option *option, nnrt_error *error) {
    return nnrt_fail(error, NNRT_USAGE, "'%s' has an empty value: %s %s is needed", option->name, option->name,
                     option->argument);
}

static nnrt_status store(nnrt_options *options, const nnrt_option *option, const char *text, nnrt_error *error) {
    void       *place  = (char *)options + option->offset;
    int64_t     count  = 0;
    nnrt_status status = NNRT_OK;
    switch (option->kind) {
    case NNRT_OPTION_FLAG: *(bool *)place = true; break;
    case NNRT_OPTION_TEXT:
        if (!*text) return fail_empty(option, error);
        *(const char **)place = text;
        break;
    case NNRT_OPTION_LIST:
        if (!*text || text[strlen(text) - 1] == '=') return fail_empty(option, error);
        return append(place, text, error);
    case NNRT_OPTION_NAMES: return *text ? append(place, text, error) : fail_empty(option, error);
    case NNRT_OPTION_COUNT: status = parse_count(option, text, 1, MAX_COUNT, place, error); break;
    case NNRT_OPTION_SEED: status = parse_count(option, text, 0, INT64_MAX, place, error); break;
    case NNRT_OPTION_INTERVAL: status = parse_interval(option, text, place, error); break;
    case NNRT_OPTION_THREADS:
        status = parse_count(option, text, 1, 1024, &count, error);
        if (status == NNRT_OK) *(int *)place = (int)count;
        break;
    }
    return status;
}

const nnrt_option *nnrt_option_find(const char *name, size_t size) {
    for (int i = 0; i < nnrt_option_count; i++)
        if (strlen(nnrt_option_table[i].name) == size && strncmp(nnrt_option_table[i].name, name, size) == 0)
            return &nnrt_option_table[i];
    return NULL;
}

/* An option may have a row for each of several commands. */
static const nnrt_option *find_for(nnrt_command command, const char *name, size_t size) {
    for (int i = 0; i < nnrt_option_count; i++) {
        const nnrt_option *option = &nnrt_option_table[i];
        if (option->commands & command && strlen(option->name) == size && strncmp(option->name, name, size) == 0)
            return option;
    }
    return NULL;
}

static nnrt_status fail_unknown(const char *what, const char *name, const char *near, nnrt_error *error) {
    return nnrt_fail(error, NNRT_USAGE, "unknown %s '%s'%s%s%s", what, name, near ? "; did you mean '" : ": see --help",
                     near ? near : "", near ? "'?" : "");
}

/* An option's name without its value, as a message quotes it. */
static nnrt_status fail_unknown_option(const char *argument, size_t size, nnrt_error *error) {
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)size, argument);
    return fail_unknown("option", name, nnrt_nearest(name, option_name, NULL, nnrt_option_count), error);
}

static const char *name_of(nnrt_command command) {
    for (int i = 0; i < N_COMMANDS; i++)
        if (COMMANDS[i].command == command) return COMMANDS[i].name;
    return "";
}

/* One option with its value, from argv[*at] on; a list takes all values up to the next option. */
static nnrt_status parse_option(nnrt_options *options, int argc, char **argv, int *at, nnrt_error *error) {
    const char        *argument = argv[*at], *equals = strchr(argument, '=');
    size_t             size   = equals ? (size_t)(equals - argument) : strlen(argument);
    const nnrt_option *option = find_for(options->command, argument, size);
    if (!option) option = nnrt_option_find(argument, size);
    if (!option) return fail_unknown_option(argument, size, error);
    if (!(option->commands & options->command))
        return nnrt_fail(error, NNRT_USAGE, "'%s' is no option of '%s': see %s --help", option->name,
                         name_of(options->command), name_of(options->command));
    if (option->kind == NNRT_OPTION_FLAG)
        return equals ? nnrt_fail(error, NNRT_USAGE, "'%s' takes no value", option->name)
                      : store(options, option, NULL, error);
    if (equals) return store(options, option, equals + 1, error);
    if (*at + 1 >= argc || strncmp(argv[*at + 1], "--", 2) == 0)
        return nnrt_fail(error, NNRT_USAGE, "'%s' needs a value: %s %s", option->name, option->name, option->argument);
    nnrt_status status  = store(options, option, argv[++*at], error);
    bool        is_list = option->kind == NNRT_OPTION_LIST || option->kind == NNRT_OPTION_NAMES;
    while (status == NNRT_OK && is_list && *at + 1 < argc && argv[*at + 1][0] != '-')
        status = store(options, option, argv[++*at], error);
    return status;
}

static nnrt_status parse_arguments(nnrt_options *options, int argc, char **argv, nnrt_error *error) {
    for (int at = 2; at < argc; at++) {
        nnrt_status status = NNRT_OK;
        if (strcmp(argv[at], "-h") == 0)
            options->help = true;
        else if (argv[at][0] == '-')
            status = parse_option(options, argc, argv, &at, error);
        else if (options->command == NNRT_DATA)
            status = append(&options->data, argv[at], error);
        else
            status = nnrt_fail(error, NNRT_USAGE, "unexpected argument '%s': data is given by --data %s", argv[at],
                               argv[at]);
        if (status != NNRT_OK) return status;
    }
    return NNRT_OK;
}

static nnrt_status check_together(const nnrt_options *options, nnrt_error *error) {
    const nnrt_settings *settings = &options->settings;
    if (settings->epochs >= 0 && settings->steps >= 0)
        return nnrt_fail(error, NNRT_USAGE, "--epochs and --steps exclude each other");
    if (options->init && options->resume) return nnrt_fail(error, NNRT_USAGE, "--init and --resume exclude each other");
    if (options->maps.n > 0 && !options->init && !options->weights)
        return nnrt_fail(error, NNRT_USAGE, "--map names the weights of a file: give %s FILE too",
                         options->command == NNRT_TRAIN ? "--init" : "--weights");
    return NNRT_OK;
}

/* What was not given is the model's; a resumed training takes its file's instead (run_train.c). */
static void fill_defaults(nnrt_options *options, const nnrt_model *model) {
    nnrt_settings *settings = &options->settings;
    options->seed_given     = settings->seed >= 0;
    options->batch_given    = settings->batch >= 0;
    options->length_given   = settings->epochs >= 0 || settings->steps >= 0;
    if (!options->seed_given) settings->seed = model->train.seed;
    if (!options->batch_given) settings->batch = model->train.batch;
    if (!options->length_given) {
        settings->epochs = model->train.epochs;
        settings->steps  = model->train.steps;
    }
    if (settings->epochs < 0) settings->epochs = 0;
    if (settings->steps < 0) settings->steps = 0;
}

nnrt_status nnrt_options_parse(nnrt_options *options, const nnrt_model *model, int argc, char **argv,
                               nnrt_error *error) {
    *options = (nnrt_options){.settings = nnrt_settings_default(model), .threads = nnrt_usable_cpus()};
    if (argc < 2)
        return nnrt_fail(error, NNRT_USAGE, "no command: train, eval, predict, data, info or export (--help explains)");
    if (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
        options->help = true;
        return NNRT_OK;
    }
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(argv[1], COMMANDS[i].name) == 0) options->command = COMMANDS[i].command;
    if (!options->command)
        return fail_unknown("command", argv[1], nnrt_nearest(argv[1], command_name, NULL, N_COMMANDS), error);
    nnrt_settings *settings = &options->settings;
    settings->epochs = settings->steps = settings->seed = settings->batch = -1; /* to see what was given */
    nnrt_status status                                                    = parse_arguments(options, argc, argv, error);
    if (status == NNRT_OK) status = check_together(options, error);
    if (status == NNRT_OK && !options->help) status = nnrt_results_check(options, model, error);
    fill_defaults(options, model);
    return status;
}

void nnrt_options_free(nnrt_options *options) {
    nnrt_list *lists[] = {&options->data, &options->val,     &options->test, &options->sets,
                          &options->maps, &options->renames, &options->only};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) free(lists[i]->items);
    *options = (nnrt_options){0};
}
