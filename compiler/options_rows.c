/* Options: one row each, and what each sets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "options_table.h"

/* Which commands take an option: bits. */
enum {
    OF_COMPILE   = 1u << COMMAND_COMPILE,
    OF_FMT       = 1u << COMMAND_FMT,
    OF_GRADCHECK = 1u << COMMAND_GRADCHECK,
    OF_TUNE      = 1u << COMMAND_TUNE,
    OF_DOC       = 1u << COMMAND_DOC,
    OF_READING   = 1u << COMMAND_CHECK | 1u << COMMAND_TEST, /* what reads a program or tests */
    OF_TRAIN     = 1u << COMMAND_TRAIN,
    OF_MODEL     = OF_COMPILE | 1u << COMMAND_CHECK | OF_GRADCHECK | OF_TUNE | OF_TRAIN,
    OF_ALL       = (1u << COMMAND_HELP) - 1,
};

bool option_complain(const char *format, const char *what) {
    fputs("nnc: ", stderr);
    fprintf(stderr, format, what);
    fputs("\nTry 'nnc --help'.\n", stderr);
    return false;
}

static bool set_output(OptionParse *p, const char *value) {
    p->line->options.output = value;
    return true;
}

static bool set_object(OptionParse *p, const char *value) {
    (void)value;
    p->line->product = PRODUCT_OBJECT;
    return true;
}

typedef struct ProductName {
    const char *name;
    Product     product;
} ProductName;

static const ProductName products[] = {
    {"ast", PRODUCT_AST},          {"graph", PRODUCT_GRAPH},    {"grad", PRODUCT_GRAD},   {"dot", PRODUCT_DOT},
    {"kernels", PRODUCT_KERNELS},  {"plan", PRODUCT_PLAN},      {"llvm", PRODUCT_LLVM},   {"asm", PRODUCT_ASM},
    {"obj", PRODUCT_OBJECT},       {"exe", PRODUCT_EXECUTABLE}, {"lib", PRODUCT_ARCHIVE}, {"shared", PRODUCT_SHARED},
    {"dep", PRODUCT_DEPENDENCIES}, {"header", PRODUCT_HEADER},
};
enum { N_PRODUCTS = sizeof products / sizeof *products };

static bool set_emit(OptionParse *p, const char *value) {
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
    fputs("One of: exe, obj, lib, shared, header, dep, ast, graph, grad, dot, kernels, plan, llvm, asm.\n", stderr);
    return false;
}

static bool set_model(OptionParse *p, const char *value) {
    p->line->options.model = value;
    return true;
}

static bool set_stdlib(OptionParse *p, const char *value) {
    p->line->options.stdlib_dir = value;
    return true;
}

static bool set_include(OptionParse *p, const char *value) {
    p->includes[p->line->options.n_include_dirs++] = value;
    return true;
}

static bool set_define(OptionParse *p, const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1]) return option_complain("-D takes name=value, not '%s'", value);
    Define define                            = {arena_strndup(p->arena, value, (size_t)(equals - value)), equals + 1};
    p->defines[p->line->options.n_defines++] = define;
    return true;
}

static bool set_precision(OptionParse *p, const char *value) {
    static const char *const values[] = {"f32", "f64", "mixed(bf16)", "mixed(f16)"};
    p->line->options.precision        = value;
    bool tests                        = p->line->command == COMMAND_TEST;
    for (size_t i = 0; i < (tests ? 2 : sizeof values / sizeof *values); i++)
        if (strcmp(value, values[i]) == 0) return true;
    if (tests) return option_complain("--precision of tests is f32 or f64, not '%s'", value);
    return option_complain("--precision is f32, f64, mixed(bf16) or mixed(f16), not '%s'", value);
}

static bool set_weights(OptionParse *p, const char *value) {
    p->line->options.weights = value;
    return true;
}

static bool set_only(OptionParse *p, const char *value) {
    p->line->options.only_predict = strcmp(value, "predict") == 0;
    return p->line->options.only_predict || option_complain("--only knows predict alone, not '%s'", value);
}

static bool set_target(OptionParse *p, const char *value) {
    p->line->options.target = value;
    return true;
}

static bool set_level(OptionParse *p, const char *value) {
    if (strlen(value) != 1 || value[0] < '0' || value[0] > '3')
        return option_complain("-O takes 0, 1, 2 or 3, not '%s'", value);
    p->line->options.opt_level = value[0] - '0';
    return true;
}

static bool set_winograd(OptionParse *p, const char *value) {
    p->line->options.no_winograd = strcmp(value, "off") == 0;
    return p->line->options.no_winograd || strcmp(value, "on") == 0 ||
           option_complain("--winograd is on or off, not '%s'", value);
}

static bool set_tuned(OptionParse *p, const char *value) {
    p->line->options.tuned = value;
    return true;
}

static bool set_debug(OptionParse *p, const char *value) {
    (void)value;
    p->line->options.debug_info = true;
    return true;
}

static bool set_format(OptionParse *p, const char *value) {
    p->line->diag_format = strcmp(value, "json") == 0 ? DIAG_JSON : DIAG_HUMAN;
    if (strcmp(value, "json") == 0 || strcmp(value, "human") == 0) return true;
    return option_complain("--error-format is human or json, not '%s'", value);
}

static bool set_check(OptionParse *p, const char *value) {
    (void)value;
    p->line->fmt_check = true;
    return true;
}

/* A whole number of at least `least`. */
static bool whole(const char *option, const char *value, int64_t least, int64_t *result) {
    char *end;
    errno             = 0;
    long long number  = strtoll(value, &end, 10);
    bool      is_fine = end != value && !*end && !errno && number >= least;
    if (!is_fine) fprintf(stderr, "nnc: %s takes a whole number of at least %d, not '%s'\n", option, (int)least, value);
    *result = number;
    return is_fine;
}

static bool set_seed(OptionParse *p, const char *value) {
    return whole("--seed", value, 0, &p->line->seed);
}

static bool set_batch(OptionParse *p, const char *value) {
    bool is_fine           = whole("--batch", value, 1, &p->line->batch);
    p->line->options.batch = p->line->batch;
    return is_fine;
}

/* "1.8G", "500M", "900k", "123456"; a B may follow. */
static bool set_memory(OptionParse *p, const char *value) {
    static const char units[] = "kMG";
    char             *end;
    double            number = strtod(value, &end);
    const char       *unit   = *end ? strchr(units, *end) : NULL;
    for (const char *at = units; unit && at <= unit; at++) number *= 1000;
    if (unit) end++;
    if (*end == 'B') end++;
    bool is_fine = end != value && !*end && number >= 1 && number < 1e18;
    if (!is_fine) return option_complain("--memory takes a number of bytes such as 1.8G or 500M, not '%s'", value);
    p->line->options.memory = (int64_t)number;
    return true;
}

static bool set_elements(OptionParse *p, const char *value) {
    return whole("--elements", value, 1, &p->line->elements);
}

static bool set_data(OptionParse *p, const char *value) {
    p->line->data[p->line->n_data++] = value;
    return true;
}

static bool set_dim(OptionParse *p, const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1]) return option_complain("--dim takes name=number, not '%s'", value);
    Define dim                       = {arena_strndup(p->arena, value, (size_t)(equals - value)), equals + 1};
    p->line->dims[p->line->n_dims++] = dim;
    p->line->options.dims            = p->line->dims;
    p->line->options.n_dims          = p->line->n_dims;
    int64_t number;
    return whole(arena_printf(p->arena, "--dim %s", dim.name), dim.value, 1, &number);
}

static bool set_std(OptionParse *p, const char *value) {
    (void)value;
    p->line->doc_std = true;
    return true;
}

static bool set_doc_format(OptionParse *p, const char *value) {
    p->line->doc_json = strcmp(value, "json") == 0;
    if (p->line->doc_json || strcmp(value, "md") == 0) return true;
    return option_complain("--format is md or json, not '%s'", value);
}

static bool set_help(OptionParse *p, const char *value) {
    (void)value;
    p->line->help_on = p->line->command;
    p->line->command = COMMAND_HELP;
    return true;
}

static bool set_version(OptionParse *p, const char *value) {
    (void)value;
    p->line->command = COMMAND_VERSION;
    return true;
}

const OptionRow option_rows[] = {
    {"-o", "FILE", set_output, OF_COMPILE | OF_DOC | OF_TUNE,
     "where to write (default: the input's name, in this folder; -o - prints llvm and asm)"},
    {"-c", NULL, set_object, OF_COMPILE, "stop at an object file"},
    {"--emit", "WHAT", set_emit, OF_COMPILE,
     "exe (default), obj, lib, shared, llvm, asm; printed: header, dep (a make rule), ast, graph, grad, dot, kernels, "
     "plan"},
    {"--model", "NAME", set_model, OF_MODEL, "the model to compile, where the file holds several"},
    {"-D", "NAME=VALUE", set_define, OF_MODEL, "set a parameter of the model"},
    {"-I", "DIR", set_include, OF_MODEL | OF_READING | OF_DOC, "search imports there too"},
    {"--precision", "P", set_precision, OF_COMPILE | OF_READING | OF_TRAIN | OF_TUNE,
     "f32 (default), f64, mixed(bf16) or mixed(f16)"},
    {"--weights", "FILE", set_weights, OF_COMPILE, "compile in the weights of a safetensors file"},
    {"--only", "WHAT", set_only, OF_COMPILE, "predict: neither training nor evaluation"},
    {"--target", "T", set_target, OF_COMPILE | OF_TRAIN | 1u << COMMAND_CHECK,
     "native (default), x86-64-v2, x86-64-v3, x86-64-v4 or aarch64; several, with commas: picked when it starts"},
    {"-O", "LEVEL", set_level, OF_MODEL | OF_READING,
     "0 to 3: how hard LLVM works (default 2; 0 in test and gradcheck)"},
    {"--winograd", "WHEN", set_winograd, OF_COMPILE | OF_TRAIN | OF_TUNE,
     "on (default) or off: 3 x 3 convolutions in f32 with fewer multiplications and a little more rounding"},
    {"--tuned", "FILE", set_tuned, OF_COMPILE | OF_TRAIN,
     "block matrix products as nnc --tune has found best on this machine"},
    {"-g", NULL, set_debug, OF_COMPILE | OF_TRAIN | 1u << COMMAND_CHECK,
     "keep line numbers of the .nnet file and frame pointers, for debuggers and profilers"},
    {"--stdlib", "DIR", set_stdlib, OF_ALL, "use this standard library instead of the one inside nnc"},
    {"--error-format", "F", set_format, OF_ALL, "human (default) or json, one object a line"},
    {"--check", NULL, set_check, OF_FMT, "change nothing, exit 1 if a file is not formatted"},
    {"--data", "FILE", set_data, OF_GRADCHECK | OF_TUNE,
     "take the inputs from there, as ./model train does (default: random)"},
    {"--memory", "BYTES", set_memory, OF_COMPILE,
     "what training may take, as in 1.8G: where that is less than it would, parts are computed again (k, M, G: 1000s)"},
    {"--batch", "N", set_batch, OF_COMPILE | OF_GRADCHECK | OF_TUNE,
     "samples: those that memory is planned for (default: the model's), or that are checked (3)"},
    {"--dim", "NAME=N", set_dim, OF_COMPILE | OF_GRADCHECK | OF_TUNE,
     "size of another dim of the model, for the same (planned for by default: its bound)"},
    {"--seed", "N", set_seed, OF_GRADCHECK | OF_TUNE, "of parameters, inputs and random draws (default 0)"},
    {"--elements", "N", set_elements, OF_GRADCHECK, "how many elements of a tensor are checked (default 64)"},
    {"--std", NULL, set_std, OF_DOC, "the standard library"},
    {"--format", "F", set_doc_format, OF_DOC, "md (default), or json: one object a line for each declaration"},
    {"-h", NULL, set_help, OF_ALL, NULL},
    {"--help", NULL, set_help, OF_ALL, "this text"},
    {"--version", NULL, set_version, OF_ALL, "the version"},
};
const int option_row_count = sizeof option_rows / sizeof *option_rows;
