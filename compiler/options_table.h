/* Inside the driver: the tables that parsing, --help and suggestions share. */
#ifndef NNC_OPTIONS_TABLE_H
#define NNC_OPTIONS_TABLE_H

#include "options.h"

typedef struct OptionParse {
    Arena       *arena;
    CommandLine *line;
    const char **includes;
    Define      *defines;
} OptionParse;

typedef bool OptionSetter(OptionParse *p, const char *value);

typedef struct OptionRow {
    const char   *name;     /* as written; a one-letter option may have its value attached */
    const char   *argument; /* NULL: none; "--x=ARG" and "--x ARG" both work */
    OptionSetter *set;
    unsigned      commands; /* which commands take it: bits 1 << Command */
    const char   *help;     /* NULL: not listed */
} OptionRow;

extern const OptionRow option_rows[];
extern const int       option_row_count;

typedef struct CommandRow {
    const char *name; /* NULL: none is written */
    Command     command;
    const char *usage, *summary;
    const char *text; /* of its own --help */
} CommandRow;

extern const CommandRow command_rows[];
extern const int        command_row_count;

/* Says it on stderr, and where help is; false. `format` takes one text. */
bool option_complain(const char *format, const char *what);

#endif
