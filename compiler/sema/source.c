/* `from ...` of an input or target: which columns of a file fill it, and how their texts become numbers.
 *
 *     input  x:    f32[batch, 2]    from column("age", "fare", missing = mean)
 *     input  job:  i32[batch]       from category("occupation", max = 16)
 *     input  text: i32[batch, time] from words("message", max = 20000)
 *     target next: i32[batch, time] from bytes(shift = 1)
 *     input lags: f32[batch, 30]    from column("Temp", window = 30)
 *     input photo: u8[batch, 32, 32, 3] from image("file")
 *     input voice: f32[batch, 8000] from wav("file", rate = 8000)
 *
 * These names mean something after `from` only; everything else in the argument list is evaluated as anywhere. */
#include "sema/elab.h"
#include "sema/sema.h"

#include <math.h>
#include <string.h>

enum { MAX_COLUMNS = 4096, MAX_SHIFT = 1 << 20, MAX_RATE = 1 << 20 };

typedef struct SourceForm {
    const char *name;
    SourceKind  kind;
    int         max_columns;
    bool        needs_column;
    const char *settings[4]; /* by name; NULL ends them */
    const char *example;
} SourceForm;

static const SourceForm forms[] = {
    {"column", SOURCE_COLUMN, MAX_COLUMNS, true, {"missing", "window", "shift"}, "column(\"age\")"},
    {"category", SOURCE_CATEGORY, 1, true, {"max"}, "category(\"occupation\", max = 16)"},
    {"words", SOURCE_WORDS, 1, true, {"max"}, "words(\"text\", max = 20000)"},
    {"bytes", SOURCE_BYTES, 1, false, {"shift"}, "bytes(\"text\")"},
    {"image", SOURCE_IMAGE, 1, true, {NULL}, "image(\"file\")"},
    {"wav", SOURCE_WAV, 1, true, {"rate"}, "wav(\"file\", rate = 8000)"},
};
enum { N_FORMS = sizeof forms / sizeof *forms };

typedef struct Reader {
    Elab             *e;
    Env              *env;
    const SourceForm *form;
    const Type       *type;
    Source           *source;
} Reader;

static const SourceForm *find_form(Elab *e, const Expr *expr) {
    const char *names[N_FORMS];
    const Expr *callee = expr->kind == EXPR_CALL ? expr->u.call.callee : expr;
    for (int i = 0; i < N_FORMS; i++) {
        names[i] = forms[i].name;
        if (callee->kind == EXPR_NAME && !strcmp(callee->u.name.text, names[i])) {
            if (expr->kind == EXPR_CALL) return &forms[i];
            Diag *diag = sema_error(e, expr->span, E0620, "'%s' needs its arguments", names[i]);
            diag_help(diag, "write it as in: from %s", forms[i].example);
            return NULL;
        }
    }
    Diag       *diag = sema_error(e, callee->span, E0620, "unknown source of data after 'from'");
    const char *near = callee->kind == EXPR_NAME ? nearest_name(callee->u.name.text, names, N_FORMS) : NULL;
    if (near)
        diag_help(diag, "did you mean '%s'?", near);
    else
        diag_help(diag, "the sources are column(...), category(...), words(...), bytes(...), image(...) and wav(...)");
    return NULL;
}

/* ---- arguments --------------------------------------------------------------------------------------------------------- */

static bool read_column(Reader *r, const Expr *expr) {
    Elab   *e     = r->e;
    Value   value = eval_expr(e, r->env, expr);
    int64_t index = -1;
    if (value.kind == VALUE_POISON) return false;
    bool named  = value.kind == VALUE_STRING;
    bool number = !named && const_int(value, &index) && index >= 0 && index < 1 << 30;
    if (!named && !number) {
        Diag *diag = sema_error(e, expr->span, E0621, "a column is a name or a number from 0, not %s",
                                value_describe(e->arena, value));
        diag_help(diag, "write %s, or its number: %s(7)", r->form->example, r->form->name);
        return false;
    }
    if (r->source->n_columns == r->form->max_columns) {
        Diag *diag = sema_error(e, expr->span, E0621, "'%s' takes one column", r->form->name);
        if (r->form->kind == SOURCE_CATEGORY) diag_help(diag, "declare an input for each column");
        return false;
    }
    if (named && !value.string[0]) {
        sema_error(e, expr->span, E0621, "a column's name is not empty");
        return false;
    }
    const char *column = named ? value.string : intern(e->c->names, arena_printf(e->arena, "%lld", (long long)index));
    for (int i = 0; i < r->source->n_columns; i++)
        if (r->source->columns[i] == column) {
            sema_error(e, expr->span, E0621, "column \"%s\" is named twice", column);
            return false;
        }
    r->source->columns[r->source->n_columns++] = column;
    return true;
}

/* max = n, shift = n */
static bool read_count(Reader *r, const Arg *arg, int64_t low, int64_t high, int64_t *count) {
    if (!eval_count(r->e, r->env, arg->value, arena_printf(r->e->arena, "'%s'", arg->name.text), count)) return false;
    if (*count >= low && *count <= high) return true;
    Diag *diag = sema_error(r->e, arg->value->span, E0621, "'%s' is from %lld to %lld, not %lld", arg->name.text,
                            (long long)low, (long long)high, (long long)*count);
    if (!strcmp(arg->name.text, "max"))
        diag_help(diag, "max counts all numbers, with 0 for what is unknown: a table of as many rows");
    return false;
}

/* missing = mean, or a number that the input's type holds */
static bool read_missing(Reader *r, const Expr *expr) {
    Elab    *e    = r->e;
    ElemType elem = r->type->elem;
    if (expr->kind == EXPR_NAME && !strcmp(expr->u.name.text, "mean")) {
        r->source->missing = MISSING_MEAN;
        if (elem_is_float(elem)) return true;
        Diag *diag = sema_error(e, expr->span, E0622, "the mean of a column is no %s", elem_name(elem));
        diag_help(diag, "give the input a float type, or write the number: missing = 0");
        return false;
    }
    Value   value = eval_expr(e, r->env, expr);
    double  fill  = 0;
    int64_t whole = 0;
    if (value.kind == VALUE_POISON) return false;
    bool integer = const_int(value, &whole);
    if (!integer && !(const_real(value, &fill) && isfinite(fill))) {
        Diag *diag = sema_error(e, expr->span, E0621, "'missing' is 'mean' or a number, not %s",
                                value_describe(e->arena, value));
        diag_help(diag, "write missing = mean, or the number that takes the place of a missing one");
        return false;
    }
    if (integer) fill = (double)whole;
    double low  = elem == ELEM_I32 ? INT32_MIN : elem == ELEM_U8 || elem == ELEM_BOOL ? 0 : -0x1p53;
    double high = elem == ELEM_I32 ? INT32_MAX : elem == ELEM_U8 ? 255 : elem == ELEM_BOOL ? 1 : 0x1p53;
    if (!elem_is_float(elem) && (!integer || fill < low || fill > high)) {
        sema_error(e, expr->span, E0622, "%s cannot hold %g", elem_name(elem), fill);
        return false;
    }
    r->source->missing = MISSING_FILL;
    r->source->fill    = fill;
    return true;
}

static bool read_setting(Reader *r, const Arg *arg) {
    const char *const *known = r->form->settings;
    for (int i = 0; known[i]; i++) {
        if (strcmp(arg->name.text, known[i])) continue;
        if (!strcmp(known[i], "missing")) return read_missing(r, arg->value);
        if (!strcmp(known[i], "max")) return read_count(r, arg, 2, INT32_MAX, &r->source->max);
        if (!strcmp(known[i], "window")) return read_count(r, arg, 1, MAX_COLUMNS, &r->source->window);
        if (!strcmp(known[i], "rate")) return read_count(r, arg, 1, MAX_RATE, &r->source->rate);
        return read_count(r, arg, 0, MAX_SHIFT, &r->source->shift);
    }
    Diag *diag = sema_error(r->e, arg->name.span, E0621, "'%s' has no argument '%s'", r->form->name, arg->name.text);
    if (!known[0])
        diag_help(diag, "it takes the column alone");
    else if (!strcmp(arg->name.text, "missing") && r->form->kind != SOURCE_WAV)
        diag_help(diag, "a missing text is 0, as an unknown one is");
    else
        diag_help(diag, "it has '%s', besides the column", known[0]);
    return false;
}

static bool read_arguments(Reader *r, const Expr *expr) {
    const ArgVec *args = &expr->u.call.args;
    bool          ok   = true;
    r->source->columns = ARENA_ARRAY(r->e->arena, const char *, args->len + 1);
    for (int i = 0; i < args->len; i++) {
        const Arg *arg   = &args->data[i];
        bool       twice = false;
        for (int k = 0; k < i && arg->name.text; k++) twice |= args->data[k].name.text == arg->name.text;
        if (twice) sema_error(r->e, arg->name.span, E0205, "'%s' is given twice", arg->name.text);
        ok &= !twice && (arg->name.text ? read_setting(r, arg) : read_column(r, arg->value));
    }
    if (!ok) return false;
    if (r->form->needs_column && r->source->n_columns == 0) {
        Diag *diag = sema_error(r->e, expr->span, E0621, "'%s' names no column", r->form->name);
        diag_help(diag, "write it as in: from %s", r->form->example);
        return false;
    }
    if (r->form->kind == SOURCE_WAV && r->source->rate == 0) {
        Diag *diag = sema_error(r->e, expr->span, E0621, "'wav' does not say how many samples a second has");
        diag_help(diag, "write it as in: from %s; files of another rate are refused", r->form->example);
        return false;
    }
    if (r->source->window && r->source->missing == MISSING_MEAN) {
        Diag *diag = sema_error(r->e, expr->span, E0621, "'missing = mean' is not for windows of rows");
        diag_help(diag, "write the number: missing = 0");
        return false;
    }
    if (r->form->kind == SOURCE_BYTES && r->source->shift && r->source->n_columns) {
        sema_error(r->e, expr->span, E0621, "'shift' moves the windows of a whole file: leave the column out");
        return false;
    }
    return true;
}

/* ---- the type ------------------------------------------------------------------------------------------------------------ */

static int symbol_index(Elab *e, const Dim *dim) {
    for (int i = 0; i < dim_symbol_count(e->dims); i++)
        if (dim_symbol(e->dims, i) == dim) return i;
    return -1;
}

static Diag *type_error(Reader *r, const Stmt *stmt, const char *needed) {
    Diag *diag = sema_error(r->e, stmt->u.input.type->span, E0622, "'%s' fills %s, not %s", r->form->name, needed,
                            type_print(r->e->arena, r->type));
    diag_label(diag, stmt->u.input.source->span, "the source");
    return diag;
}

/* Elements a sample, or -1 where they are not constant. */
static int64_t sample_size(const Type *type) {
    int64_t size = 1, length;
    for (int i = 1; i < type->rank; i++) {
        if (!dim_is_const(type->dims[i], &length) || length > MAX_COLUMNS) return -1;
        size *= length;
        if (size > MAX_COLUMNS) return -1;
    }
    return size;
}

static bool check_numbers(Reader *r, const Stmt *stmt) {
    int64_t size = sample_size(r->type), length = 0;
    int     n = r->source->n_columns;
    if (r->source->window) {
        const Type *type = r->type;
        bool        rows = type->rank > 1 && dim_is_const(type->dims[1], &length) && length == r->source->window;
        if (rows && size == length * n && (type->rank == 3 || (type->rank == 2 && n == 1))) return true;
        long long window = (long long)r->source->window;
        char     *axes =
            n == 1 ? arena_printf(r->e->arena, "%lld", window) : arena_printf(r->e->arena, "%lld, %d", window, n);
        Diag *diag = type_error(r, stmt, arena_printf(r->e->arena, "%lld rows a sample", window));
        diag_help(diag, "write %s[%s, %s]", elem_name(type->elem), dim_print(r->e->arena, type->dims[0]), axes);
        return false;
    }
    if (size == n) return true;
    const char *rows = dim_print(r->e->arena, r->type->dims[0]);
    Diag       *diag = type_error(r, stmt, arena_printf(r->e->arena, "%d number%s a sample", n, n == 1 ? "" : "s"));
    if (n == 1)
        diag_help(diag, "write %s[%s]", elem_name(r->type->elem), rows);
    else
        diag_help(diag, "write %s[%s, %d]", elem_name(r->type->elem), rows, n);
    return false;
}

/* Texts become whole numbers; a target's classes may be floats, as binary losses take them. */
static bool check_elements(Reader *r, const Stmt *stmt, bool floats, bool bytes) {
    ElemType elem = r->type->elem;
    bool     fits = elem == ELEM_I32 || elem == ELEM_I64 || (floats && (elem == ELEM_F32 || elem == ELEM_F64)) ||
                (elem == ELEM_U8 && (bytes || (r->source->max > 0 && r->source->max <= 256)));
    if (fits) return true;
    Diag *diag = type_error(r, stmt, bytes ? "u8, i32 or i64" : floats ? "i32, i64, f32 or f64" : "i32 or i64");
    diag_help(diag, "declare it as %s, and cast it where it is used",
              shape_print(r->e->arena, r->type)[0]
                  ? arena_printf(r->e->arena, "i32%s", shape_print(r->e->arena, r->type))
                  : "i32");
    return false;
}

static bool check_category(Reader *r, const Stmt *stmt) {
    if (sample_size(r->type) != 1) {
        Diag *diag = type_error(r, stmt, "one number a sample");
        diag_help(diag, "write i32[%s]", dim_print(r->e->arena, r->type->dims[0]));
        return false;
    }
    return check_elements(r, stmt, stmt->kind == STMT_TARGET, false);
}

/* A text's length is constant or bounded, so that memory is. */
static bool check_text(Reader *r, const Stmt *stmt) {
    Elab *e = r->e;
    if (r->type->rank != 2) {
        Diag *diag = type_error(r, stmt, "a row of numbers a sample");
        diag_help(diag, "write i32[%s, time], with 'dim time <= 200' for the longest text",
                  dim_print(e->arena, r->type->dims[0]));
        return false;
    }
    const Dim *time   = r->type->dims[1];
    int        symbol = symbol_index(e, time);
    if (!dim_is_const(time, NULL) && (symbol < 0 || symbol >= e->bounds.len || e->bounds.data[symbol] < 0)) {
        Diag *diag = type_error(r, stmt, "a row of constant or bounded length");
        diag_help(diag, "bound it where it is declared: dim %s <= 200",
                  symbol < 0 ? "time" : dim_print(e->arena, time));
        return false;
    }
    return check_elements(r, stmt, false, r->form->kind == SOURCE_BYTES);
}

/* Pixels are bytes; a model that calculates with them may have them as floats at once. */
static bool check_image(Reader *r, const Stmt *stmt) {
    const Type *type = r->type;
    int64_t     size, channels = 1;
    bool        fits = type->rank == 3 || type->rank == 4;
    for (int i = 1; i < type->rank; i++) fits = fits && dim_is_const(type->dims[i], &size);
    fits = fits && (type->rank == 3 || (dim_is_const(type->dims[3], &channels) && (channels == 1 || channels == 3)));
    fits =
        fits && (type->elem == ELEM_U8 || type->elem == ELEM_I32 || type->elem == ELEM_F32 || type->elem == ELEM_F64);
    if (fits) return true;
    Diag *diag = type_error(r, stmt, "a picture a sample");
    diag_help(diag, "write u8[%s, 32, 32, 3] (height, width, colours), or u8[%s, 32, 32] for grey ones",
              dim_print(r->e->arena, type->dims[0]), dim_print(r->e->arena, type->dims[0]));
    return false;
}

/* A sound's length is constant or bounded, as a text's is. */
static bool check_wav(Reader *r, const Stmt *stmt) {
    const Type *type = r->type;
    int64_t     length, channels = 1;
    int         symbol  = type->rank > 1 ? symbol_index(r->e, type->dims[1]) : -1;
    bool        bounded = symbol >= 0 && symbol < r->e->bounds.len && r->e->bounds.data[symbol] > 0;
    bool        fits    = (type->rank == 2 || type->rank == 3) && (dim_is_const(type->dims[1], &length) || bounded) &&
                (type->elem == ELEM_F32 || type->elem == ELEM_F64) &&
                (type->rank == 2 || (dim_is_const(type->dims[2], &channels) && channels <= 1024));
    if (fits) return true;
    Diag *diag = type_error(r, stmt, "a sound a sample");
    diag_help(diag,
              "write f32[%s, 8000], or f32[%s, 8000, 2] for two channels; a length may also be a dim with a bound",
              dim_print(r->e->arena, type->dims[0]), dim_print(r->e->arena, type->dims[0]));
    return false;
}

static bool check_type(Reader *r, const Stmt *stmt) {
    if (r->type->rank == 0 || symbol_index(r->e, r->type->dims[0]) < 0) {
        Diag *diag = type_error(r, stmt, "one row a sample");
        diag_help(diag, "its first axis is the model's 'dim batch'");
        return false;
    }
    switch (r->form->kind) {
    case SOURCE_COLUMN: return check_numbers(r, stmt);
    case SOURCE_CATEGORY: return check_category(r, stmt);
    case SOURCE_WORDS:
    case SOURCE_BYTES: return check_text(r, stmt);
    case SOURCE_IMAGE: return check_image(r, stmt);
    case SOURCE_WAV: return check_wav(r, stmt);
    case SOURCE_NAME: break;
    }
    return true;
}

bool eval_source(Elab *e, Env *env, const Stmt *stmt, const Type *type, Source *source) {
    const Expr *expr = stmt->u.input.source;
    *source          = (Source){.kind = SOURCE_NAME};
    if (!expr) return true;
    if (expr->kind == EXPR_ERROR) return false;
    const SourceForm *form = find_form(e, expr);
    if (!form) return false;
    Reader r     = {e, env, form, type, source};
    source->kind = form->kind;
    source->span = expr->span;
    if (!read_arguments(&r, expr)) return false;
    if (form->kind == SOURCE_BYTES) source->max = 256;
    return check_type(&r, stmt);
}

void sources_check_limits(Compilation *c, const Program *program) {
    for (int i = 0; i < program->inputs.len; i++) {
        const ProgInput *input  = &program->inputs.data[i];
        const Source    *source = &input->source;
        if (source->max == 0 || input->class_limit == 0 || source->max <= input->class_limit) continue;
        Diag *diag = diag_error(c->diags, source->span, E0622,
                                "'%s' gives numbers from 0 to %lld, but '%s' is used as an index below %lld",
                                source->kind == SOURCE_CATEGORY ? "category"
                                : source->kind == SOURCE_WORDS  ? "words"
                                                                : "bytes",
                                (long long)source->max - 1, input->name, (long long)input->class_limit);
        diag_help(diag, "make what it indexes %lld long (a table's rows, a layer's units)%s", (long long)source->max,
                  source->kind == SOURCE_BYTES
                      ? ""
                      : arena_printf(c->arena, ", or write max = %lld", (long long)input->class_limit));
    }
}
