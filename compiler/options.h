/* The command line of nnc, from one table of options: parsing, --help and suggestions read the same rows. */
#ifndef NNC_OPTIONS_H
#define NNC_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "compilation.h"
#include "pipeline.h"

typedef enum Command {
    COMMAND_COMPILE,
    COMMAND_CHECK,
    COMMAND_FMT,
    COMMAND_EXPLAIN,
    COMMAND_TEST,
    COMMAND_HELP,
    COMMAND_VERSION
} Command;

typedef struct CommandLine {
    Command      command;
    Product      product;
    Options      options;
    bool         fmt_check;   /* fmt --check */
    DiagFormat   diag_format; /* --error-format */
    const char **operands;    /* files, or codes for explain */
    int          n_operands;
} CommandLine;

/* False after a message on stderr: the process ends with exit code 2. Strings point into argv or the arena. */
bool options_parse(Arena *arena, int argc, char **argv, CommandLine *line);
void options_help(FILE *out);

#endif
