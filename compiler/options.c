/* The command line, by the tables of options_table.h. */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options_table.h"

static bool unknown_option(Arena *arena, const char *text, Command command) {
    const char **names = ARENA_ARRAY(arena, const char *, option_row_count);
    int          n     = 0;
    for (int i = 0; i < option_row_count; i++)
        if (option_rows[i].commands & 1u << command) names[n++] = option_rows[i].name;
    const char *near = nearest_name(text, names, n);
    if (near) fprintf(stderr, "nnc: unknown option '%s'; did you mean '%s'?\n", text, near);
    return near ? false : option_complain("unknown option '%s'", text);
}

static bool misplaced_option(const OptionRow *row, Command command) {
    for (int i = 0; i < command_row_count; i++)
        if (command_rows[i].command == command && command_rows[i].name)
            fprintf(stderr, "nnc: '%s' is no option of 'nnc %s'; see nnc %s --help\n", row->name, command_rows[i].name,
                    command_rows[i].name);
    if (command == COMMAND_COMPILE) fprintf(stderr, "nnc: '%s' is no option of compiling; see nnc --help\n", row->name);
    return false;
}

/* The row that `text` names, with the value attached to it ("-O2", "--emit=ast") or NULL. */
static const OptionRow *find_row(const char *text, const char **attached) {
    for (int i = 0; i < option_row_count; i++) {
        size_t length = strlen(option_rows[i].name);
        if (strncmp(text, option_rows[i].name, length) != 0) continue;
        bool is_long = option_rows[i].name[1] == '-';
        if (text[length] == 0) {
            *attached = NULL;
            return &option_rows[i];
        }
        if (!option_rows[i].argument || (is_long && text[length] != '=')) continue;
        *attached = text + length + (is_long ? 1 : 0);
        return &option_rows[i];
    }
    return NULL;
}

/* The output's default: the input without its directory and ending. */
static bool default_output(Arena *arena, Options *options, Product product) {
    const char *slash = strrchr(options->input, '/'), *base = slash ? slash + 1 : options->input;
    const char *dot    = strrchr(base, '.');
    const char *stem   = arena_strndup(arena, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    const char *prefix = product == PRODUCT_ARCHIVE || product == PRODUCT_SHARED ? "lib" : "";
    const char *ending = product == PRODUCT_OBJECT    ? ".o"
                         : product == PRODUCT_ARCHIVE ? ".a"
                         : product == PRODUCT_SHARED  ? ".so"
                         : product == PRODUCT_ASM     ? ".s"
                         : product == PRODUCT_LLVM    ? ".ll"
                                                      : "";
    if (!dot && !*ending)
        return option_complain("'%s' has no ending to take off: name the output with -o", options->input);
    options->output = arena_printf(arena, "%s%s%s", prefix, strcmp(stem, "-") == 0 ? "a" : stem, ending);
    return true;
}

/* An option without files is enough for some. */
static bool needs_operand(const CommandLine *line) {
    if (line->n_operands || line->doc_std) return false;
    option_complain(line->command == COMMAND_EXPLAIN ? "explain which code? for example: nnc explain E0301%s"
                                                     : "no input file%s",
                    "");
    return true;
}

static bool takes_many(Command command) {
    return command == COMMAND_EXPLAIN || command == COMMAND_FMT || command == COMMAND_TEST || command == COMMAND_DOC;
}

/* What runs once is compiled quickly. */
static int default_level(Command command) {
    return command == COMMAND_TEST || command == COMMAND_GRADCHECK ? 0 : 2;
}

/* A first word that is neither a file nor looks like one is a command's, misspelt. */
static bool no_such_command(Arena *arena, const char *word) {
    const char **names = ARENA_ARRAY(arena, const char *, command_row_count + 1);
    int          n     = 0;
    if (strpbrk(word, "./-") || access(word, F_OK) == 0) return false;
    for (int i = 0; i < command_row_count; i++)
        if (command_rows[i].name) names[n++] = command_rows[i].name;
    const char *near = nearest_name(word, names, n);
    if (near)
        fprintf(stderr, "nnc: no command and no file is called '%s'; did you mean 'nnc %s'?\n", word, near);
    else
        option_complain("no command and no file is called '%s'", word);
    return true;
}

static bool finish(Arena *arena, CommandLine *line) {
    if (line->options.opt_level < 0) line->options.opt_level = default_level(line->command);
    if (line->command == COMMAND_HELP || line->command == COMMAND_VERSION) return true;
    if (needs_operand(line)) return false;
    if (takes_many(line->command)) return true;
    if (line->command == COMMAND_COMPILE && no_such_command(arena, line->operands[0])) return false;
    if (line->n_operands > 1) return option_complain("one file at a time, '%s' is a second one", line->operands[1]);
    line->options.input = line->operands[0];
    if (line->command == COMMAND_CHECK) line->product = PRODUCT_CHECK;
    if (line->command == COMMAND_COMPILE && line->product >= PRODUCT_LLVM && !line->options.output)
        return default_output(arena, &line->options, line->product);
    return true;
}

static void begin(Arena *arena, int argc, CommandLine *line, OptionParse *p) {
    memset(line, 0, sizeof *line);
    line->product           = PRODUCT_EXECUTABLE;
    line->options.target    = "native";
    line->options.opt_level = -1;
    *p = (OptionParse){arena, line, ARENA_ARRAY(arena, const char *, argc), ARENA_ARRAY(arena, Define, argc)};
    line->options.include_dirs = p->includes;
    line->options.defines      = p->defines;
    line->operands             = ARENA_ARRAY(arena, const char *, argc + 1);
    line->passed               = ARENA_ARRAY(arena, const char *, argc + 1);
    line->data                 = ARENA_ARRAY(arena, const char *, argc + 1);
    line->dims                 = ARENA_ARRAY(arena, Define, argc + 1);
}

static bool is_command(const char *text, CommandLine *line) {
    for (int i = 0; i < command_row_count; i++) {
        if (!command_rows[i].name || strcmp(text, command_rows[i].name)) continue;
        line->command = command_rows[i].command;
        return true;
    }
    return false;
}

/* One of nnc's own options, at argv[*i]; false after a message. */
static bool read_option(OptionParse *p, const OptionRow *row, const char *value, int argc, char **argv, int *i) {
    if (!(row->commands & 1u << p->line->command)) return misplaced_option(row, p->line->command);
    if (row->argument && !value) {
        if (*i + 1 == argc) return option_complain("'%s' needs a value", argv[*i]);
        value = argv[++*i];
    }
    return row->set(p, value);
}

bool options_parse(Arena *arena, int argc, char **argv, CommandLine *line) {
    OptionParse p;
    begin(arena, argc, line, &p);
    bool only_operands = false;
    int  first         = argc > 1 && is_command(argv[1], line) ? 2 : 1;
    for (int i = first; i < argc; i++) {
        const char *text    = argv[i], *value;
        bool        passes  = line->command == COMMAND_TRAIN && line->n_operands; /* to the program */
        bool        operand = only_operands || text[0] != '-' || text[1] == 0;
        if (!only_operands && strcmp(text, "--") == 0) {
            only_operands = true;
            continue;
        }
        const OptionRow *row = operand ? NULL : find_row(text, &value);
        if (row && passes && !(row->commands & 1u << COMMAND_TRAIN)) row = NULL;
        if (row) {
            if (!read_option(&p, row, value, argc, argv, &i)) return false;
        } else if (passes) {
            line->passed[line->n_passed++] = text;
        } else if (operand) {
            line->operands[line->n_operands++] = text;
        } else {
            return unknown_option(arena, text, line->command);
        }
    }
    return finish(arena, line);
}
