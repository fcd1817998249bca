/* Options: one row each. */
#include "options.h"

#include <stdlib.h>
#include <string.h>

typedef struct Parse {
    Arena       *arena;
    CommandLine *line;
    const char **includes;
    Define      *defines;
} Parse;

typedef bool Setter(Parse *p, const char *value);

typedef struct OptionRow {
    const char *name;     /* as written; a one-letter option may have its value attached */
    const char *argument; /* NULL: none; "--x=ARG" and "--x ARG" both work */
    Setter     *set;
    const char *help; /* NULL: not listed */
} OptionRow;

static bool complain(const char *format, const char *what) {
    fputs("nnc: ", stderr);
    fprintf(stderr, format, what);
    fputs("\nTry 'nnc --help'.\n", stderr);
    return false;
}

static bool set_output(Parse *p, const char *value) {
    p->line->options.output = value;
    return true;
}

static bool set_object(Parse *p, const char *value) {
    (void)value;
    p->line->product = PRODUCT_OBJECT;
    return true;
}

typedef struct ProductName {
    const char *name;
    Product     product;
} ProductName;

static const ProductName products[] = {
    {"ast", PRODUCT_AST},         {"graph", PRODUCT_GRAPH},    {"grad", PRODUCT_GRAD}, {"dot", PRODUCT_DOT},
    {"kernels", PRODUCT_KERNELS}, {"plan", PRODUCT_PLAN},      {"llvm", PRODUCT_LLVM}, {"asm", PRODUCT_ASM},
    {"obj", PRODUCT_OBJECT},      {"exe", PRODUCT_EXECUTABLE},
};
enum { N_PRODUCTS = sizeof products / sizeof *products };

static bool set_emit(Parse *p, const char *value) {
    const char *names[N_PRODUCTS];
    for (int i = 0; i < N_PRODUCTS; i++) {
        names[i] = products[i].name;
        if (strcmp(value, names[i]) == 0) {
            p->line->product = products[i].product;
            return true;
        }
    }
    const char *near = nearest_name(value, names, N_PRODUCTS);
    fprintf(stderr, "nnc: --emit does not know '%s'%s%s%s\n", value, near ? "; did you mean '" : "", near ? near : "",
            near ? "'?" : "");
    fputs("One of: exe, obj, ast, graph, grad, dot, kernels, plan, llvm, asm.\n", stderr);
    return false;
}

static bool set_model(Parse *p, const char *value) {
    p->line->options.model = value;
    return true;
}

static bool set_stdlib(Parse *p, const char *value) {
    p->line->options.stdlib_dir = value;
    return true;
}

static bool set_include(Parse *p, const char *value) {
    p->includes[p->line->options.n_include_dirs++] = value;
    return true;
}

static bool set_define(Parse *p, const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1]) return complain("-D takes name=value, not '%s'", value);
    Define define                            = {arena_strndup(p->arena, value, (size_t)(equals - value)), equals + 1};
    p->defines[p->line->options.n_defines++] = define;
    return true;
}

static bool set_precision(Parse *p, const char *value) {
    p->line->options.precision = value;
    if (strcmp(value, "f32") == 0 || strcmp(value, "f64") == 0) return true;
    return complain("--precision is f32 or f64, not '%s'", value);
}

static bool set_target(Parse *p, const char *value) {
    p->line->options.target = value;
    return true;
}

static bool set_level(Parse *p, const char *value) {
    if (strlen(value) != 1 || value[0] < '0' || value[0] > '3')
        return complain("-O takes 0, 1, 2 or 3, not '%s'", value);
    p->line->options.opt_level = value[0] - '0';
    return true;
}

static bool set_debug(Parse *p, const char *value) {
    (void)value;
    p->line->options.debug_info = true;
    return true;
}

static bool set_format(Parse *p, const char *value) {
    p->line->diag_format = strcmp(value, "json") == 0 ? DIAG_JSON : DIAG_HUMAN;
    if (strcmp(value, "json") == 0 || strcmp(value, "human") == 0) return true;
    return complain("--error-format is human or json, not '%s'", value);
}

static bool set_check(Parse *p, const char *value) {
    (void)value;
    p->line->fmt_check = true;
    return true;
}

static bool set_help(Parse *p, const char *value) {
    (void)value;
    p->line->command = COMMAND_HELP;
    return true;
}

static bool set_version(Parse *p, const char *value) {
    (void)value;
    p->line->command = COMMAND_VERSION;
    return true;
}

static const OptionRow rows[] = {
    {"-o", "FILE", set_output, "where to write (default: the input's name, in this folder; -o - prints llvm and asm)"},
    {"-c", NULL, set_object, "stop at an object file"},
    {"--emit", "WHAT", set_emit, "exe (default), obj, llvm, asm; printed: ast, graph, grad, dot, kernels, plan"},
    {"--model", "NAME", set_model, "the model to compile, where the file holds several"},
    {"-D", "NAME=VALUE", set_define, "set a parameter of the model"},
    {"-I", "DIR", set_include, "search imports there too"},
    {"--precision", "P", set_precision, "what 'real' means: f32 (default) or f64"},
    {"--target", "T", set_target, "native (default), x86-64-v2, x86-64-v3, x86-64-v4 or aarch64"},
    {"-O", "LEVEL", set_level, "0 to 3: how hard LLVM works (default 2)"},
    {"-g", NULL, set_debug, "keep line numbers of the .nnet file for debuggers and profilers"},
    {"--stdlib", "DIR", set_stdlib, "use this standard library instead of the one inside nnc"},
    {"--error-format", "F", set_format, "human (default) or json, one object a line"},
    {"--check", NULL, set_check, "with fmt: change nothing, exit 1 if a file is not formatted"},
    {"-h", NULL, set_help, NULL},
    {"--help", NULL, set_help, "this text"},
    {"--version", NULL, set_version, "the version"},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

void options_help(FILE *out) {
    fputs("nnc compiles a neural network, written in .nnet, to a native program that trains it.\n\n"
          "  nnc model.nnet -o model         then: ./model train --data data.csv\n"
          "  nnc check model.nnet            only say what is wrong with it\n\n"
          "  nnc [options] FILE              compile\n"
          "  nnc check [options] FILE        diagnostics only\n"
          "  nnc test [options] FILE...      run the files' test blocks\n"
          "  nnc fmt [--check] FILE...       rewrite in the one canonical form\n"
          "  nnc explain CODE...             what an error code means\n\n",
          out);
    for (int i = 0; i < N_ROWS; i++) {
        if (!rows[i].help) continue;
        char left[40];
        snprintf(left, sizeof left, "%s%s%s", rows[i].name,
                 rows[i].argument ? (rows[i].name[1] == '-' ? "=" : " ") : "",
                 rows[i].argument ? rows[i].argument : "");
        fprintf(out, "  %-18s %s\n", left, rows[i].help);
    }
    fputs("\nExit codes: 0 ok, 1 failed, 2 wrong usage.\n", out);
}

static bool unknown_option(const char *text) {
    const char *names[N_ROWS];
    for (int i = 0; i < N_ROWS; i++) names[i] = rows[i].name;
    const char *near = nearest_name(text, names, N_ROWS);
    if (near) fprintf(stderr, "nnc: unknown option '%s'; did you mean '%s'?\n", text, near);
    return near ? false : complain("unknown option '%s'", text);
}

/* The row that `text` names, with the value attached to it ("-O2", "--emit=ast") or NULL. */
static const OptionRow *find_row(const char *text, const char **attached) {
    for (int i = 0; i < N_ROWS; i++) {
        size_t length = strlen(rows[i].name);
        if (strncmp(text, rows[i].name, length) != 0) continue;
        bool is_long = rows[i].name[1] == '-';
        if (text[length] == 0) {
            *attached = NULL;
            return &rows[i];
        }
        if (!rows[i].argument || (is_long && text[length] != '=')) continue;
        *attached = text + length + (is_long ? 1 : 0);
        return &rows[i];
    }
    return NULL;
}

typedef struct CommandName {
    const char *name;
    Command     command;
} CommandName;
static const CommandName commands[] = {
    {"check", COMMAND_CHECK}, {"fmt", COMMAND_FMT}, {"explain", COMMAND_EXPLAIN}, {"test", COMMAND_TEST}};

/* The output's default: the input without its directory and ending. */
static bool default_output(Arena *arena, Options *options, Product product) {
    const char *slash = strrchr(options->input, '/'), *base = slash ? slash + 1 : options->input;
    const char *dot    = strrchr(base, '.');
    const char *stem   = arena_strndup(arena, base, dot && dot > base ? (size_t)(dot - base) : strlen(base));
    const char *ending = product == PRODUCT_OBJECT ? ".o"
                         : product == PRODUCT_ASM  ? ".s"
                         : product == PRODUCT_LLVM ? ".ll"
                                                   : "";
    if (!dot && !*ending) return complain("'%s' has no ending to take off: name the output with -o", options->input);
    options->output = arena_printf(arena, "%s%s", strcmp(stem, "-") == 0 ? "a" : stem, ending);
    return true;
}

static bool finish(Arena *arena, CommandLine *line) {
    if (line->command == COMMAND_HELP || line->command == COMMAND_VERSION) return true;
    if (line->n_operands == 0)
        return complain(line->command == COMMAND_EXPLAIN ? "explain which code? for example: nnc explain E0301%s"
                                                         : "no input file%s",
                        "");
    if (line->command == COMMAND_EXPLAIN || line->command == COMMAND_FMT || line->command == COMMAND_TEST) return true;
    if (line->n_operands > 1) return complain("one file at a time, '%s' is a second one", line->operands[1]);
    line->options.input = line->operands[0];
    if (line->command == COMMAND_CHECK) line->product = PRODUCT_CHECK;
    if (line->product >= PRODUCT_LLVM && !line->options.output)
        return default_output(arena, &line->options, line->product);
    return true;
}

bool options_parse(Arena *arena, int argc, char **argv, CommandLine *line) {
    memset(line, 0, sizeof *line);
    line->product           = PRODUCT_EXECUTABLE;
    line->options.target    = "native";
    line->options.opt_level = 2;
    Parse p                 = {arena, line, ARENA_ARRAY(arena, const char *, argc), ARENA_ARRAY(arena, Define, argc)};
    line->options.include_dirs = p.includes;
    line->options.defines      = p.defines;
    line->operands             = ARENA_ARRAY(arena, const char *, argc + 1);
    bool only_operands         = false;
    for (int i = 1; i < argc; i++) {
        const char *text = argv[i], *value;
        if (only_operands || text[0] != '-' || text[1] == 0) {
            bool is_command = false;
            for (size_t k = 0; i == 1 && k < sizeof commands / sizeof *commands; k++)
                if (strcmp(text, commands[k].name) == 0) line->command = commands[k].command, is_command = true;
            if (!is_command) line->operands[line->n_operands++] = text;
            continue;
        }
        if (strcmp(text, "--") == 0) {
            only_operands = true;
            continue;
        }
        const OptionRow *row = find_row(text, &value);
        if (!row) return unknown_option(text);
        if (row->argument && !value) {
            if (i + 1 == argc) return complain("'%s' needs a value", text);
            value = argv[++i];
        }
        if (!row->set(&p, value)) return false;
    }
    return finish(arena, line);
}
