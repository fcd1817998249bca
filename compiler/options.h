/* The command line of nnc, from one table of options: parsing, --help and suggestions read the same rows. */
#ifndef NNC_OPTIONS_H
#define NNC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "compilation.h"
#include "pipeline.h"

typedef enum Command {
    COMMAND_COMPILE,
    COMMAND_CHECK,
    COMMAND_FMT,
    COMMAND_EXPLAIN,
    COMMAND_TEST,
    COMMAND_GRADCHECK,
    COMMAND_TUNE,
    COMMAND_DOC,
    COMMAND_TRAIN,
    COMMAND_HELP,
    COMMAND_VERSION
} Command;

typedef struct CommandLine {
    Command      command;
    Product      product;
    Options      options;
    bool         fmt_check;   /* fmt --check */
    bool         doc_std;     /* doc --std */
    bool         doc_json;    /* doc --format=json */
    DiagFormat   diag_format; /* --error-format */
    const char **data;        /* gradcheck --data */
    int          n_data;
    Define      *dims; /* gradcheck --dim */
    int          n_dims;
    int64_t      seed, batch, elements; /* of gradcheck; batch and elements 0: not given */
    const char **operands;              /* files, or codes for explain */
    int          n_operands;
    const char **passed; /* train: what the compiled program is called with, after 'train' */
    int          n_passed;
    Command      help_on; /* of COMMAND_HELP: the command asked about; COMMAND_COMPILE: all */
} CommandLine;

/* False after a message on stderr: the process ends with exit code 2. Strings point into argv or the arena. */
bool options_parse(Arena *arena, int argc, char **argv, CommandLine *line);
void options_help(FILE *out, Command command);

#endif
