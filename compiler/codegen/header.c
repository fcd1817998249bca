/* The C header of a compiled model: a struct for each thing that its functions take, with fields named as in the model, and
 * what each function does. It needs no other header than the C library's. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/output.h"
#include "codegen/api.h"
#include "codegen/codegen.h"

typedef struct Header {
    Compilation   *c;
    const Program *program;
    const Api     *api;
    const char    *upper; /* "XOR" */
    FILE          *out;
} Header;

/* ---- names ------------------------------------------------------------------------------------------------------------------ */

static bool is_reserved(const char *name) {
    static const char *const words[] = {
        "alignas",  "alignof",  "and",      "and_eq",    "asm",       "auto",     "bitand",   "bitor",    "bool",
        "break",    "case",     "catch",    "char",      "class",     "compl",    "concept",  "const",    "constexpr",
        "continue", "decltype", "default",  "delete",    "do",        "double",   "else",     "enum",     "explicit",
        "export",   "extern",   "false",    "float",     "for",       "friend",   "goto",     "if",       "inline",
        "int",      "long",     "mutable",  "namespace", "new",       "noexcept", "not",      "not_eq",   "nullptr",
        "operator", "or",       "or_eq",    "private",   "protected", "public",   "register", "requires", "restrict",
        "return",   "short",    "signed",   "sizeof",    "static",    "struct",   "switch",   "template", "this",
        "throw",    "true",     "try",      "typedef",   "typeid",    "typename", "union",    "unsigned", "using",
        "virtual",  "void",     "volatile", "wchar_t",   "while",     "xor",      "xor_eq"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(name, words[i]) == 0) return true;
    return false;
}

typedef struct Names { /* of one struct's fields, each once */
    VEC(const char *) taken;
} Names;

/* A field for `name`: letters, digits and _; a word of C or C++, or a name that is taken, gets a _. */
static const char *field(Header *h, Names *names, const char *name) {
    char *text = arena_printf(h->c->arena, "%s%s", isdigit((unsigned char)*name) ? "_" : "", name);
    for (char *at = text; *at; at++)
        if (!isalnum((unsigned char)*at)) *at = '_';
    if (is_reserved(text)) text = arena_printf(h->c->arena, "%s_", text);
    for (int i = 0; i < names->taken.len; i++)
        if (strcmp(names->taken.data[i], text) == 0) {
            text = arena_printf(h->c->arena, "%s_", text);
            i    = -1;
        }
    vec_push(h->c->arena, &names->taken, text);
    return text;
}

static const char *c_type(ElemType elem) {
    static const char *const types[ELEM_COUNT] = {
        [ELEM_F32] = "float",   [ELEM_F64] = "double",  [ELEM_BF16] = "uint16_t", [ELEM_F16] = "uint16_t",
        [ELEM_I32] = "int32_t", [ELEM_I64] = "int64_t", [ELEM_U8] = "uint8_t",    [ELEM_BOOL] = "uint8_t"};
    return types[elem];
}

static const char *type_note(ElemType elem) {
    return elem == ELEM_BF16   ? ", the bits of bf16"
           : elem == ELEM_F16  ? ", the bits of f16"
           : elem == ELEM_BOOL ? ", 0 or 1"
                               : "";
}

/* ---- structs ------------------------------------------------------------------------------------------------------------------ */

static void put_dims(Header *h, Names *names, const IndexVec *dims) {
    const DimTable *table = graph_dims(h->program->graph);
    for (int i = 0; i < dims->len; i++) {
        const Dim  *dim  = dim_symbol(table, dims->data[i]);
        const char *name = dim_symbol_name(table, dims->data[i]), *note = "a size";
        for (int k = 0; k < h->program->dims.len; k++) {
            const ProgDim *known = &h->program->dims.data[k];
            if (known->dim != dim) continue;
            name = known->name;
            if (known->is_sample) note = "samples";
            if (known->bound >= 0) note = arena_printf(h->c->arena, "%s, at most %lld", note, (long long)known->bound);
        }
        fprintf(h->out, "    int64_t %s; /* %s */\n", field(h, names, name), note);
    }
}

static void put_inputs(Header *h, Names *names, const IndexVec *inputs) {
    for (int i = 0; i < inputs->len; i++) {
        const ProgInput *input = &h->program->inputs.data[inputs->data[i]];
        fprintf(h->out, "    const %s *%s; /* %s%s", c_type(input->type.elem), field(h, names, input->name),
                shape_print(h->c->arena, &input->type), type_note(input->type.elem));
        if (input->class_limit > 0 && elem_is_integer(input->type.elem))
            fprintf(h->out, ", from 0 to %lld", (long long)input->class_limit - 1);
        fputs(" */\n", h->out);
    }
}

static void put_batch(Header *h) {
    Names names = {0};
    fprintf(h->out,
            "/* What a step of training and an evaluation take: sizes, then data, row-major, in the shapes beside it. "
            "What a\n"
            " * function does not read may be NULL. */\n"
            "typedef struct %s_batch {\n",
            h->api->prefix);
    put_dims(h, &names, &h->api->batch_dims);
    put_inputs(h, &names, &h->api->batch_inputs);
    if (!h->api->batch_dims.len && !h->api->batch_inputs.len) fputs("    int64_t none;\n", h->out);
    fprintf(h->out, "} %s_batch;\n\n", h->api->prefix);
}

static void put_metrics(Header *h) {
    Names names = {0};
    fprintf(h->out, "/* Losses and metrics; NaN is what was not computed. */\ntypedef struct %s_metrics {\n",
            h->api->prefix);
    for (int i = 0; i < h->api->metrics.len; i++) {
        const ApiMetric *metric = &h->api->metrics.data[i];
        fprintf(h->out, "    double %s", field(h, &names, metric->name));
        if (metric->count > 1) fprintf(h->out, "[%lld]", (long long)metric->count);
        fprintf(h->out, "; /* %s%s */\n", metric->is_loss ? "loss" : "metric, of evaluations",
                metric->count > 1 ? arena_printf(h->c->arena, ": %s", shape_print(h->c->arena, metric->type)) : "");
    }
    if (!h->api->metrics.len) fputs("    double none;\n", h->out);
    fprintf(h->out, "} %s_metrics;\n\n", h->api->prefix);
}

static void put_prediction(Header *h) {
    Names names = {0}, outputs = {0};
    fprintf(h->out, "/* What predict takes. */\ntypedef struct %s_inputs {\n", h->api->prefix);
    put_dims(h, &names, &h->api->predict_dims);
    fprintf(h->out, "    uint64_t %s; /* of random numbers, where the model draws any */\n", field(h, &names, "seed"));
    put_inputs(h, &names, &h->api->predict_inputs);
    fprintf(h->out,
            "} %s_inputs;\n\n"
            "/* What predict fills: your memory, of the sizes beside it; NULL where an output is not wanted. */\n"
            "typedef struct %s_outputs {\n",
            h->api->prefix, h->api->prefix);
    for (int i = 0; i < h->api->outputs.len; i++) {
        const Type *type = &h->api->outputs.data[i]->value->type;
        fprintf(h->out, "    %s *%s; /* %s%s */\n", c_type(type->elem),
                field(h, &outputs, h->api->outputs.data[i]->name), shape_print(h->c->arena, type),
                type_note(type->elem));
    }
    fprintf(h->out, "} %s_outputs;\n\n", h->api->prefix);
}

/* ---- texts -------------------------------------------------------------------------------------------------------------------- */

/* Prints a text in which @ is the prefix and ^ the prefix in capitals. */
static void put(const Header *h, const char *text) {
    for (; *text; text++) {
        if (*text == '@')
            fputs(h->api->prefix, h->out);
        else if (*text == '^')
            fputs(h->upper, h->out);
        else
            fputc(*text, h->out);
    }
}

static const char opening[] =
    "#ifndef ^_MODEL_H\n"
    "#define ^_MODEL_H\n"
    "\n"
    "#include <stddef.h>\n"
    "#include <stdint.h>\n"
    "\n"
    "#ifdef __cplusplus\n"
    "extern \"C\" {\n"
    "#endif\n"
    "\n"
    "/* Threads that share the work of a call: `nthreads` counts the caller. One pool serves any number of models and "
    "contexts;\n"
    " * it must outlive the contexts. NULL when threads cannot be started. Results are the same bits for any number. "
    "*/\n"
    "typedef struct nnrt_pool nnrt_pool;\n"
    "nnrt_pool *nnrt_pool_new(int nthreads);\n"
    "void       nnrt_pool_free(nnrt_pool *pool);\n"
    "\n"
    "/* The model's parameters, state and optimizer state. Any number of them may exist. */\n"
    "typedef struct @_model @_model;\n"
    "/* One thread's workspace: it serves any model of this kind, one call at a time. */\n"
    "typedef struct @_ctx @_ctx;\n"
    "\n"
    "typedef enum @_status {\n"
    "    ^_OK       = 0,\n"
    "    ^_ERROR    = 1, /* no memory, a file that cannot be read or written, a loss that is not finite */\n"
    "    ^_USAGE    = 2, /* the call is wrong: NULL, a name that does not exist, a wrong size */\n"
    "    ^_BAD_DATA = 3  /* the data is wrong: sizes, class indices, a file that is not this model's */\n"
    "} @_status;\n"
    "\n"
    "/* What went wrong, in words. Every function takes NULL in its place. */\n"
    "typedef struct @_error {\n"
    "    int  code; /* an @_status */\n"
    "    char message[512];\n"
    "} @_error;\n"
    "\n";

static const char config[] =
    "typedef struct @_config {\n"
    "    uint64_t seed;        /* of initial values and random draws; 0: the train block's */\n"
    "    int64_t  total_steps; /* of the whole training; 0: as the train block says */\n"
    "    int64_t  epoch_steps; /* steps an epoch; 0: not known */\n"
    "} @_config;\n"
    "\n";

static const char making[] = "/* A model with its initial values, or the weights that are compiled in. config: NULL, "
                             "or zeros, for the defaults. NULL\n"
                             " * after an error, here and wherever a pointer is returned. */\n"
                             "@_model *@_model_new(const @_config *config, @_error *error);\n"
                             "@_model *@_model_clone(const @_model *model, @_error *error);\n"
                             "void     @_model_free(@_model *model);\n"
                             "\n"
                             "/* A context for calls from one thread at a time. pool: NULL for that thread alone. Its "
                             "memory grows when larger sizes are\n"
                             " * first met, so that later calls allocate nothing. */\n"
                             "@_ctx *@_ctx_new(const @_model *model, nnrt_pool *pool, @_error *error);\n"
                             "void   @_ctx_free(@_ctx *ctx);\n"
                             "\n";

static const char predicting[] = "/* Computes the outputs that are not NULL. Threads may predict from one model at the "
                                 "same time, each with a context of its\n"
                                 " * own, as long as no call changes the model meanwhile. */\n"
                                 "@_status @_predict(const @_model *model, @_ctx *ctx, const @_inputs *inputs, "
                                 "@_outputs *outputs, @_error *error);\n"
                                 "\n";

static const char one_batch[] = "/* A step of training takes so many batches. */\n"
                                "enum { ^_STEP_BATCHES = 1 };\n\n";

static const char several_batches[] = "/* A step of training takes so many batches, one after the other in memory: "
                                      "%lld group%s of %lld. A batch of no samples ends its\n"
                                      " * group early, but for the first. */\n"
                                      "enum { ^_STEP_BATCHES = %lld };\n\n";

static const char stepping[] =
    "/* One step of training on ^_STEP_BATCHES batches: gradients and the optimizer's update. metrics: NULL, or gets "
    "the losses,\n"
    " * which are those before the update. Data that is wrong changes nothing; a loss that is not finite is ^_ERROR, "
    "and the\n"
    " * parameters are spoilt then. Nobody else may use the model meanwhile. */\n"
    "@_status @_train_step(@_model *model, @_ctx *ctx, const @_batch *batch, @_metrics *metrics, @_error *error);\n"
    "int64_t  @_steps_done(const @_model *model);\n"
    "\n"
    "/* Fills the batch `index`, from 0, of an epoch, from 0. Returns 1; 0: the epoch has no more; less: stop with an "
    "error. The\n"
    " * data must stay as it is until the step is done: ^_STEP_BATCHES batches are asked for at a time. */\n"
    "typedef int (*@_next_fn)(void *context, int64_t epoch, int64_t index, @_batch *batch);\n"
    "\n"
    "typedef struct @_progress {\n"
    "    int64_t epoch, step, total_steps; /* the epoch from 1, steps done; total_steps 0: not known */\n"
    "    int64_t epoch_ends;               /* 1: called at an epoch's end, after the call of its last step */\n"
    "    const @_metrics *last, *mean;     /* losses of the last step; their means over the epoch so far */\n"
    "} @_progress;\n"
    "/* Returns 0 to go on, anything else to stop. */\n"
    "typedef int (*@_progress_fn)(void *context, const @_progress *progress);\n"
    "\n"
    "/* Trains: as many steps as the config or the train block says, or its epochs. progress may be NULL. Validation "
    "and early\n"
    " * stopping are the application's, in `progress`. */\n"
    "@_status @_fit(@_model *model, @_ctx *ctx, @_next_fn next, void *next_context, @_progress_fn progress,\n"
    "               void *progress_context, @_error *error);\n"
    "\n"
    "/* Hyper-parameters, by names as in \"optimizer.lr\". */\n"
    "@_status @_get_hyper(const @_model *model, const char *name, double *value, @_error *error);\n"
    "@_status @_set_hyper(@_model *model, const char *name, double value, @_error *error);\n"
    "\n";

static const char fitting[] =
    "/* The model has statistics of the training data (`fit`): before the first step, call this for each batch of it. "
    "@_fit does it\n"
    " * by itself. */\n"
    "@_status @_fit_statistics(@_model *model, @_ctx *ctx, const @_batch *batch, @_error *error);\n"
    "\n";

static const char evaluating[] =
    "/* Losses and metrics over n batches, exact for batches of different sizes. The model is not changed: threads may "
    "evaluate and\n"
    " * predict at the same time. */\n"
    "@_status @_evaluate(const @_model *model, @_ctx *ctx, const @_batch *batches, int64_t n, @_metrics *metrics,\n"
    "                    @_error *error);\n"
    "/* The same batch by batch. */\n"
    "@_status @_evaluate_begin(const @_model *model, @_ctx *ctx, @_error *error);\n"
    "@_status @_evaluate_add(const @_model *model, @_ctx *ctx, const @_batch *batch, @_error *error);\n"
    "@_status @_evaluate_finish(const @_model *model, @_ctx *ctx, @_metrics *metrics, @_error *error);\n"
    "\n";

static const char values[] =
    "/* What the model holds, by path: parameters, state, statistics, optimizer state, averages, hyper-parameters. */\n"
    "typedef struct @_param {\n"
    "    const char *path, *type, *kind; /* \"hidden/kernel\", \"f32\", \"parameter\" */\n"
    "    size_t      nbytes;\n"
    "    int64_t     rank, shape[8];\n"
    "} @_param;\n"
    "int64_t  @_param_count(const @_model *model);\n"
    "@_status @_param_info(const @_model *model, int64_t index, @_param *param, @_error *error);\n"
    "\n"
    "/* Copies a value out or in, row-major; nbytes must be its size. */\n"
    "@_status @_get(const @_model *model, const char *path, void *data, size_t nbytes, @_error *error);\n"
    "@_status @_set(@_model *model, const char *path, const void *data, size_t nbytes, @_error *error);\n"
    "\n"
    "/* Copies what predictions read: parameters, state, statistics, averages. Nobody else may use `to` meanwhile. To "
    "serve while\n"
    " * training: predict from a clone, copy to a second clone between steps, and swap the two. */\n"
    "@_status @_copy_params(@_model *to, const @_model *from, @_error *error);\n"
    "\n"
    "/* Weights in a safetensors file, written whole or not at all: what the program's train saves and its --weights "
    "takes. An\n"
    " * application that calls these two links nnrt_extras too. */\n"
    "int nnrt_net_save(const void *model, const char *path, void *error);\n"
    "int nnrt_net_load(void *model, const char *path, void *error);\n"
    "static inline @_status @_save(const @_model *model, const char *path, @_error *error) {\n"
    "    return (@_status)nnrt_net_save(model, path, error);\n"
    "}\n"
    "static inline @_status @_load(@_model *model, const char *path, @_error *error) {\n"
    "    return (@_status)nnrt_net_load(model, path, error);\n"
    "}\n"
    "\n";

static const char closing[] = "#ifdef __cplusplus\n"
                              "}\n"
                              "#endif\n"
                              "\n"
                              "#endif\n";

/* ---- the header ---------------------------------------------------------------------------------------------------------------- */

static void put_step_batches(const Header *h) {
    int64_t n = h->api->step_batches, group = h->program->train.accumulate > 1 ? h->program->train.accumulate : 1;
    if (n == 1) {
        put(h, one_batch);
        return;
    }
    put(h, arena_printf(h->c->arena, several_batches, (long long)(n / group), n > group ? "s" : "", (long long)group,
                        (long long)n));
}

static void put_training(Header *h) {
    put_step_batches(h);
    put(h, stepping);
    if (h->api->needs_total_steps)
        put(h, "/* This model's training depends on its number of steps: the config must tell total_steps. */\n\n");
    if (h->api->needs_epoch_steps)
        put(h, "/* This model's training depends on the steps of an epoch: the config must tell epoch_steps. */\n\n");
}

bool header_print(Compilation *c, const Program *program, FILE *out) {
    Header h     = {.c = c, .program = program, .api = api_from_program(c->arena, program), .out = out};
    char  *upper = arena_printf(c->arena, "%s", h.api->prefix);
    for (char *at = upper; *at; at++) *at = (char)toupper((unsigned char)*at);
    h.upper = upper;
    fprintf(out, "/* The model %s as C and C++ see it. " HEADER_MARK ": change the .nnet file instead. */\n",
            program->model);
    put(&h, opening);
    put(&h, config);
    if (h.api->trains || h.api->evaluates) put_batch(&h), put_metrics(&h);
    if (h.api->predicts) put_prediction(&h);
    put(&h, making);
    if (h.api->predicts) put(&h, predicting);
    if (h.api->trains) put_training(&h);
    if (h.api->fits) put(&h, fitting);
    if (h.api->evaluates) put(&h, evaluating);
    put(&h, values);
    put(&h, closing);
    return true;
}

const char *header_path(Arena *arena, const char *output) {
    struct stat info;
    const char *slash = strrchr(output, '/'), *name = slash ? slash + 1 : output, *dot = strrchr(name, '.');
    size_t      length = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    if (strcmp(output, "-") == 0 || (stat(output, &info) == 0 && !S_ISREG(info.st_mode))) return NULL;
    bool        is_library = strncmp(name, "lib", 3) == 0 && length > 3 && dot && strcmp(dot, ".o") != 0;
    const char *stem       = is_library ? name + 3 : name;
    length -= (size_t)(stem - name);
    return arena_printf(arena, "%.*s%.*s.h", (int)(name - output), output, (int)length, stem);
}

bool header_from_plan(Compilation *c, const Plan *plan, const char *path) {
    char  *text   = NULL;
    size_t length = 0;
    FILE  *out    = open_memstream(&text, &length);
    if (!out) return false;
    header_print(c, plan->program, out);
    fclose(out);
    const char *wrong = output_write(c->arena, path, text, length);
    if (wrong) diag_error(c->diags, (Span){0}, E0743, "cannot write '%s': %s", path, wrong);
    free(text);
    return !wrong;
}
