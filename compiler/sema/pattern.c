/* Parsing of pattern strings and binding of their names to dims. */
#include "sema/pattern.h"

#include <ctype.h>
#include <string.h>

typedef struct Reader {
    Elab       *e;
    const char *text, *at;
    Span        span;
} Reader;

static bool complain(Reader *reader, const char *why) {
    Diag *diag = sema_error(reader->e, reader->span, E0303, "bad pattern \"%s\": %s", reader->text, why);
    diag_help(diag, "a pattern names the axes of each operand and of the result, as \"b t d, v d -> b t v\"");
    return false;
}

static void skip_blanks(Reader *reader) {
    while (*reader->at == ' ' || *reader->at == '\t') reader->at++;
}

static const char *read_name(Reader *reader) {
    const char *begin = reader->at;
    while (isalnum((unsigned char)*reader->at) || *reader->at == '_') reader->at++;
    return reader->at == begin ? NULL : intern_text(reader->e->c->names, begin, (size_t)(reader->at - begin));
}

static const char *ellipsis_name(Elab *e, int from_right) {
    return intern(e->c->names, arena_printf(e->arena, "...%d", from_right));
}

/* One name, a 1, or an ellipsis' axes, into group or as axes of their own. */
static bool read_item(Reader *reader, AxisList *list, AxisGroup *group, int n_ellipsis) {
    if (!strncmp(reader->at, "...", 3)) {
        reader->at += 3;
        for (int i = 0; i < n_ellipsis; i++) {
            const char *name = ellipsis_name(reader->e, n_ellipsis - 1 - i);
            if (group) {
                if (group->count == MAX_GROUP) return complain(reader, "too many axes");
                group->names[group->count++] = name;
            } else {
                if (list->rank == MAX_RANK) return complain(reader, "too many axes");
                list->axes[list->rank++] = (AxisGroup){.count = 1, .names = {name}};
            }
        }
        return true;
    }
    const char *name = read_name(reader);
    if (!name)
        return complain(reader, *reader->at ? arena_printf(reader->e->arena, "'%c' is not expected", *reader->at)
                                            : "it ends too early");
    bool one = !strcmp(name, "1");
    if (isdigit((unsigned char)*name) && !one) return complain(reader, "axes are named, only 1 may be a number");
    if (group) {
        if (group->count == MAX_GROUP) return complain(reader, "too many axes");
        if (!one) group->names[group->count++] = name;
        return true;
    }
    if (list->rank == MAX_RANK) return complain(reader, "too many axes");
    list->axes[list->rank++] = (AxisGroup){.count = !one, .names = {name}};
    return true;
}

static bool read_list(Reader *reader, AxisList *list, int n_ellipsis) {
    list->rank = 0;
    for (skip_blanks(reader); *reader->at && *reader->at != ',' && strncmp(reader->at, "->", 2); skip_blanks(reader)) {
        if (*reader->at != '(') {
            if (!read_item(reader, list, NULL, n_ellipsis)) return false;
            continue;
        }
        reader->at++;
        if (list->rank == MAX_RANK) return complain(reader, "too many axes");
        AxisGroup group = {.bracketed = true};
        for (skip_blanks(reader); *reader->at && *reader->at != ')'; skip_blanks(reader))
            if (!read_item(reader, list, &group, n_ellipsis)) return false;
        if (*reader->at++ != ')') return complain(reader, "')' is missing");
        list->axes[list->rank++] = group;
    }
    return true;
}

/* How many axes the `...` of the list at the reader stands for, given the operand's rank; -1 when they cannot fit. */
static int ellipsis_size(const Reader *reader, int rank) {
    int  axes = 0, depth = 0;
    bool found = false, in_name = false;
    for (const char *p = reader->at; *p && !(*p == ',' && !depth) && strncmp(p, "->", 2); p++) {
        bool word = isalnum((unsigned char)*p) || *p == '_';
        if (!strncmp(p, "...", 3)) {
            found = found || depth == 0;
            p += 2;
        } else if (*p == '(') {
            axes += depth == 0;
            depth++;
        } else if (*p == ')')
            depth -= depth > 0;
        else if (word && !in_name && !depth)
            axes++;
        in_name = word;
    }
    if (!found) return axes == rank ? 0 : -1;
    return rank >= axes ? rank - axes : -1;
}

static bool repeats(const AxisList *list, const char **name) {
    const char *seen[MAX_RANK * MAX_GROUP];
    int         count = 0;
    for (int i = 0; i < list->rank; i++)
        for (int k = 0; k < list->axes[i].count; k++) {
            for (int j = 0; j < count; j++)
                if (seen[j] == list->axes[i].names[k]) {
                    *name = seen[j];
                    return true;
                }
            seen[count++] = list->axes[i].names[k];
        }
    return false;
}

bool pattern_parse(Elab *e, const char *text, Span span, int n_inputs, const Type *const *types, AxisPattern *pattern) {
    Reader      reader = {e, text, text, span};
    const char *twice;
    int         widest = 0;
    *pattern           = (AxisPattern){.n_inputs = n_inputs, .span = span, .text = text};
    for (int i = 0; i < n_inputs; i++) {
        if (i && *reader.at++ != ',')
            return complain(&reader,
                            arena_printf(e->arena, "it has %d operand%s, the call %d", i, i == 1 ? "" : "s", n_inputs));
        int n_ellipsis = ellipsis_size(&reader, types[i]->rank);
        if (n_ellipsis < 0)
            return complain(&reader, arena_printf(e->arena, "operand %d is %s", i + 1, type_print(e->arena, types[i])));
        if (n_ellipsis > widest) widest = n_ellipsis;
        if (!read_list(&reader, &pattern->inputs[i], n_ellipsis)) return false;
        if (repeats(&pattern->inputs[i], &twice))
            return complain(&reader, arena_printf(e->arena, "'%s' occurs twice in an operand", twice));
    }
    if (*reader.at == ',')
        return complain(&reader,
                        arena_printf(e->arena, "it has more operands than the call, which gives %d", n_inputs));
    if (strncmp(reader.at, "->", 2)) return complain(&reader, "'->' and the result's axes are missing");
    reader.at += 2;
    if (!read_list(&reader, &pattern->output, widest)) return false;
    if (*reader.at) return complain(&reader, "there is more after the result");
    if (repeats(&pattern->output, &twice))
        return complain(&reader, arena_printf(e->arena, "'%s' occurs twice in the result", twice));
    return true;
}

/* ---- sizes ------------------------------------------------------------------------------------------------------------------------- */

const Dim *sizes_find(const AxisSizes *sizes, const char *name) {
    for (int i = 0; i < sizes->count; i++)
        if (sizes->names[i] == name) return sizes->dims[i];
    return NULL;
}

void sizes_add(AxisSizes *sizes, const char *name, const Dim *dim, Span span) {
    if (sizes->count == (int)(sizeof sizes->names / sizeof *sizes->names)) return;
    sizes->names[sizes->count] = name;
    sizes->dims[sizes->count]  = dim;
    sizes->spans[sizes->count] = span;
    sizes->count++;
}

static Span sizes_span(const AxisSizes *sizes, const char *name) {
    for (int i = 0; i < sizes->count; i++)
        if (sizes->names[i] == name) return sizes->spans[i];
    return (Span){0};
}

static bool bind_plain(Elab *e, AxisSizes *sizes, const AxisPattern *pattern, const char *name, const Dim *dim,
                       Span span) {
    const Dim *known = sizes_find(sizes, name);
    if (!known) sizes_add(sizes, name, dim, span);
    if (!known || known == dim) return true;
    Diag *diag = sema_error(e, pattern->span, E0301, "axis '%s' of \"%s\" is %s and %s", name, pattern->text,
                            dim_print(e->arena, known), dim_print(e->arena, dim));
    diag_label(diag, sizes_span(sizes, name), "here it is %s", dim_print(e->arena, known));
    diag_label(diag, span, "here it is %s", dim_print(e->arena, dim));
    return false;
}

static Diag *group_report(Elab *e, const AxisPattern *pattern, const AxisGroup *group, const Dim *dim,
                          const char *why) {
    const char *text = "(";
    for (int i = 0; i < group->count; i++) text = arena_printf(e->arena, "%s%s%s", text, i ? " " : "", group->names[i]);
    return sema_error(e, pattern->span, E0303, "%s) of \"%s\" is an axis of size %s: %s", text, pattern->text,
                      dim_print(e->arena, dim), why);
}

static bool group_error(Elab *e, const AxisPattern *pattern, const AxisGroup *group, const Dim *dim, const char *why) {
    group_report(e, pattern, group, dim, why);
    return false;
}

/* An axis that data decides can be taken apart where the model says that it is a multiple. */
static bool not_divisible(Elab *e, const AxisPattern *pattern, const AxisGroup *group, const Dim *dim,
                          const Dim *divisor) {
    const char *by   = dim_print(e->arena, divisor);
    Diag       *diag = group_report(e, pattern, group, dim, arena_printf(e->arena, "not divisible by %s", by));
    for (int i = 0; i < dim_symbol_count(e->dims); i++) {
        if (dim_symbol(e->dims, i) != dim) continue;
        const char *name = dim_symbol_name(e->dims, i);
        diag_help(diag, "if it is so in all data, say it where the dim is declared: dim n, %s = %s * n", name, by);
    }
    return false;
}

static bool bind_group(Elab *e, AxisSizes *sizes, const AxisPattern *pattern, const AxisGroup *group, const Dim *dim,
                       Span span) {
    const Dim  *known   = dim_const(e->dims, 1);
    const char *unknown = NULL;
    for (int i = 0; i < group->count && known; i++) {
        const Dim *size = sizes_find(sizes, group->names[i]);
        if (size)
            known = dim_mul(e->dims, known, size);
        else if (unknown)
            return group_error(e, pattern, group, dim,
                               arena_printf(e->arena, "give the size of '%s', as in %s = 4", unknown, unknown));
        else
            unknown = group->names[i];
    }
    if (!known) return group_error(e, pattern, group, dim, "the product overflows");
    if (!unknown)
        return known == dim || group_error(e, pattern, group, dim,
                                           arena_printf(e->arena, "the product is %s", dim_print(e->arena, known)));
    if (known == dim_const(e->dims, 0)) return group_error(e, pattern, group, dim, "a size is 0");
    const Dim *rest = dim_floordiv(e->dims, dim, known);
    if (!rest || dim_mul(e->dims, rest, known) != dim) return not_divisible(e, pattern, group, dim, known);
    sizes_add(sizes, unknown, rest, span);
    return true;
}

bool sizes_bind(Elab *e, AxisSizes *sizes, const AxisPattern *pattern, const AxisList *list, const Type *type,
                Span span) {
    for (int i = 0; i < list->rank; i++) {
        const AxisGroup *group = &list->axes[i];
        if (!group->bracketed && !group->count) {
            if (type->dims[i] != dim_const(e->dims, 1))
                return group_error(e, pattern, group, type->dims[i], "1 is needed");
        } else if (group->bracketed ? !bind_group(e, sizes, pattern, group, type->dims[i], span)
                                    : !bind_plain(e, sizes, pattern, group->names[0], type->dims[i], span))
            return false;
    }
    return true;
}
