/* --help: what the program is, two examples, the options with this model's defaults, and the data it expects. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "extras/checkpoint.h"
#include "extras/cli.h"
#include "extras/cpus.h"
#include "extras/media.h"

static const struct {
    nnrt_command command;
    const char  *name, *summary, *examples[2];
} COMMANDS[] = {
    {NNRT_TRAIN,
     "train",
     "trains the model and saves its weights",
     {"train --data train.csv", "train --data train.csv --val val.csv --epochs 20 --seed 1"}},
    {NNRT_EVAL,
     "eval",
     "computes losses and metrics of the trained model",
     {"eval --data test.csv", "eval --data test.csv --weights best.safetensors"}},
    {NNRT_PREDICT,
     "predict",
     "computes the outputs of the trained model",
     {"predict --data new.csv", "predict --data new.csv --out predictions.npy"}},
    {NNRT_INFO,
     "info",
     "shows the model by layer: shapes, parameters, memory, flops",
     {"info --batch 256 --threads 1", "info --params --json"}},
    {NNRT_EXPORT,
     "export",
     "writes the weights alone for other programs",
     {"export --out weights.safetensors", "export --rename 'fc1.weight=dense/kernel:t' 'fc1.bias=dense/bias'"}},
    {NNRT_DATA,
     "data",
     "says what the program understands of data files, and whether they fit",
     {"data train.csv", "data x=images.npy y=labels.npy"}},
};
enum { N_COMMANDS = sizeof COMMANDS / sizeof *COMMANDS };

/* An option's default for this model, or "". */
static void default_text(const nnrt_option *option, const nnrt_model *model, char *text, size_t size) {
    const nnrt_settings settings = nnrt_settings_default(model);
    text[0]                      = 0;
    if (strcmp(option->name, "--batch") == 0) snprintf(text, size, " (%lld)", (long long)settings.batch);
    if (strcmp(option->name, "--epochs") == 0 && settings.steps == 0)
        snprintf(text, size, " (%lld)", (long long)settings.epochs);
    if (strcmp(option->name, "--steps") == 0 && settings.steps > 0)
        snprintf(text, size, " (%lld)", (long long)settings.steps);
    if (strcmp(option->name, "--seed") == 0) snprintf(text, size, " (%lld)", (long long)settings.seed);
    if (strcmp(option->name, "--threads") == 0) snprintf(text, size, " (%d)", nnrt_usable_cpus());
    if (strcmp(option->name, "--save") != 0 && strcmp(option->name, "--weights") != 0) return;
    char *path = nnrt_checkpoint_default_path(model);
    if (path) snprintf(text, size, " (%s)", path);
    free(path);
}

static void print_options(const nnrt_model *model, nnrt_command command) {
    puts("\noptions (with their defaults)");
    for (int i = 0; i < nnrt_option_count; i++) {
        const nnrt_option *option = &nnrt_option_table[i];
        if (!(option->commands & command)) continue;
        char flag[64], value[160];
        snprintf(flag, sizeof flag, "%s%s%s", option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        default_text(option, model, value, sizeof value);
        printf("  %-24s %s%s\n", flag, option->help, value);
    }
    if (command != NNRT_TRAIN) return;
    for (int i = 0, n = 0; i < model->n_slots; i++)
        if (model->slots[i].kind == NNRT_HYPER && !model->slots[i].frozen)
            printf("%s  %-24s %g\n", n++ ? "" : "\nsettings for --set (with their defaults)\n",
                   model->slots[i].tensor.name, model->slots[i].value);
}

static void print_data(const nnrt_model *model, nnrt_command command) {
    int64_t *widths  = calloc((size_t)model->n_inputs + 1, sizeof *widths);
    bool    *needed  = calloc((size_t)model->n_inputs + 1, sizeof *needed);
    unsigned kinds   = command == NNRT_PREDICT ? 1u << NNRT_FN_PREDICT : ~0u;
    bool     columns = widths && nnrt_sample_widths(model, widths, NULL) == NNRT_OK, by_order = false;
    puts("\ndata");
    if (needed) nnrt_inputs_needed(model, kinds, needed);
    for (int i = 0; needed && i < model->n_inputs; i++) {
        const nnrt_tensor *tensor = &model->inputs[i].tensor;
        if (!needed[i]) continue;
        by_order |= model->inputs[i].source.kind == NNRT_FROM_NAME;
        printf("  %-6s %s: %s%s", model->inputs[i].is_target ? "target" : "input", tensor->name,
               nnrt_elem_name(tensor->elem), tensor->shape_text);
        char source[300];
        if (nnrt_source_text(&model->inputs[i], source, sizeof source)[0])
            printf("    %s", source);
        else if (columns && widths[i] >= 0)
            printf("    %lld column%s of a CSV", (long long)widths[i], widths[i] == 1 ? "" : "s");
        putchar('\n');
        columns &= widths && widths[i] >= 0;
    }
    if (columns && by_order)
        puts("  A CSV names these columns in a header, or has the inputs first and the targets last.");
    if (nnrt_takes_media(model))
        puts("  A folder, or files of it by name, is a table of its files with the columns file, folder and prefix.");
    puts("  NAME=FILE gives one array: .npy, IDX (MNIST's), .csv; .npz and .safetensors give arrays by their names; "
         "each may be gzipped.");
    free(widths);
    free(needed);
}

void nnrt_print_help(const nnrt_model *model, const char *program, nnrt_command command) {
    if (!command) {
        printf("%s: the compiled model %s\n\nusage: %s COMMAND [options]\n\ncommands (each has its own --help)\n",
               program, model->name, program);
        for (int i = 0; i < N_COMMANDS; i++) printf("  %-8s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
        printf("\nexamples\n  %s %s\n  %s %s\n", program, COMMANDS[0].examples[0], program, COMMANDS[2].examples[0]);
        print_data(model, NNRT_TRAIN);
        return;
    }
    for (int i = 0; i < N_COMMANDS; i++) {
        if (COMMANDS[i].command != command) continue;
        printf("%s %s: %s\n\nexamples\n", program, COMMANDS[i].name, COMMANDS[i].summary);
        for (int k = 0; k < 2; k++) printf("  %s %s\n", program, COMMANDS[i].examples[k]);
    }
    print_options(model, command);
    if (command & (NNRT_TRAIN | NNRT_EVAL | NNRT_PREDICT | NNRT_DATA)) print_data(model, command);
}
