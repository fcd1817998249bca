/* The commands, and --help. */
#include <string.h>

#include "options_table.h"

const CommandRow command_rows[] = {
    {NULL, COMMAND_COMPILE, "nnc [options] FILE", "compile", NULL},
    {"check", COMMAND_CHECK, "nnc check [options] FILE", "diagnostics only",
     "Says what is wrong with a file, and writes nothing. Every model is checked, or the one that --model names; a "
     "file\n"
     "without a model is checked as a library: its names, and the tests in it.\n"},
    {"train", COMMAND_TRAIN, "nnc train [options] FILE ...", "compile and train in one step",
     "Compiles the model to a temporary program and runs its 'train' with all further arguments. The weights are "
     "written to\n"
     "MODEL.safetensors in this folder, as ./model train does; --save FILE names another place.\n\n"
     "  nnc train model.nnet --data data.csv --epochs 20\n\n"
     "Options of nnc are those below; all others are train's: nnc train FILE -- --help lists them. What follows -- is\n"
     "train's in any case. The exit code is the program's.\n"},
    {"test", COMMAND_TEST, "nnc test [options] FILE...", "run the files' test blocks",
     "Runs 'test \"name\" { assert ... }' blocks: a line for each test, and at an assertion that does not hold both "
     "sides'\n"
     "values. In tests 'real' is f64, unless --precision=f32.\n"},
    {"gradcheck", COMMAND_GRADCHECK, "nnc gradcheck [options] FILE", "compare gradients with slopes",
     "Compiles the model in f64 and compares the gradient of its loss, with respect to each parameter and each input "
     "of real\n"
     "numbers, with the loss's slope. Of a tensor with more than --elements elements a fixed random choice is "
     "checked.\n"
     "An element is right when |gradient - slope| <= 1e-6 max(|gradient|, |slope|, scale).\n"},
    {"--tune", COMMAND_TUNE, "nnc --tune [options] FILE", "time how products are blocked best here",
     "Runs training steps of the model (predictions, where it has none) on this machine with each way of blocking its\n"
     "matrix products and convolutions, and writes what is faster than the default to FILE.tune (-o names another\n"
     "place). How work is cut for threads is timed on all CPUs, where these are free. Compile with --tuned=FILE.tune\n"
     "to use it; without, the same nnc makes the same code on every machine of a kind.\n\n"
     "  nnc --tune model.nnet && nnc --tuned=model.tune model.nnet -o model\n"},
    {"doc", COMMAND_DOC, "nnc doc [options] FILE... | --std", "reference from doc comments",
     "Writes the reference of the files' declarations, or of the standard library: signatures and doc comments.\n"},
    {"fmt", COMMAND_FMT, "nnc fmt [--check] FILE...", "rewrite in the one canonical form",
     "Rewrites files in the canonical form; - reads standard input and writes standard output.\n"},
    {"explain", COMMAND_EXPLAIN, "nnc explain CODE...", "what an error code means",
     "Prints the pages of docs/errors.md on the codes: nnc explain E0301\n"},
};
const int command_row_count = sizeof command_rows / sizeof *command_rows;

static const CommandRow *row_of(Command command) {
    for (int i = 0; i < command_row_count; i++)
        if (command_rows[i].command == command) return &command_rows[i];
    return &command_rows[0];
}

static void list_options(FILE *out, Command command) {
    for (int i = 0; i < option_row_count; i++) {
        if (!option_rows[i].help || !(option_rows[i].commands & 1u << command)) continue;
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", option_rows[i].name,
                 option_rows[i].argument ? (option_rows[i].name[1] == '-' ? "=" : " ") : "",
                 option_rows[i].argument ? option_rows[i].argument : "");
        fprintf(out, "  %-18s %s\n", left, option_rows[i].help);
    }
    fputs(command == COMMAND_TRAIN ? "" : "\nExit codes: 0 ok, 1 failed, 2 wrong usage.\n", out);
}

void options_help(FILE *out, Command command) {
    const CommandRow *row = row_of(command);
    if (row->name) {
        fprintf(out, "%s: %s\n\n%s\n", row->usage, row->summary, row->text);
        list_options(out, command);
        return;
    }
    fputs("nnc compiles a neural network, written in .nnet, to a native program that trains it.\n\n"
          "  nnc model.nnet -o model         then: ./model train --data data.csv\n"
          "  nnc check model.nnet            only say what is wrong with it\n\n",
          out);
    for (int i = 0; i < command_row_count; i++)
        fprintf(out, "  %-33s %s\n", command_rows[i].usage, command_rows[i].summary);
    fputs("\nnnc COMMAND --help explains a command. Options of compiling:\n\n", out);
    list_options(out, COMMAND_COMPILE);
}
