/* Values: making lists, and words for messages. */
#include "sema/elab.h"

#include <string.h>

bool value_is_numeric(Value value) {
    return value.kind == VALUE_TENSOR || value.kind == VALUE_SCALAR || value.kind == VALUE_DIM ||
           value.kind == VALUE_REAL;
}

bool value_is_callable(Value value) {
    return value.kind == VALUE_FN || value.kind == VALUE_LAYER || value.kind == VALUE_BUILTIN;
}

Value value_list(Arena *arena, ValueKind kind, int n, const Value *items) {
    Value *copy = ARENA_ARRAY(arena, Value, n + 1);
    if (n) memcpy(copy, items, sizeof *items * (size_t)n);
    int depth = 1;
    for (int i = 0; i < n; i++)
        if ((items[i].kind == VALUE_LIST || items[i].kind == VALUE_TUPLE) && items[i].list->depth >= depth)
            depth = items[i].list->depth + 1;
    List *list = ARENA_NEW(arena, List);
    *list      = (List){n, depth, copy};
    return (Value){.kind = kind, .list = list};
}

Value value_shape(Arena *arena, int rank, const Dim *const *dims) {
    Value items[MAX_RANK];
    for (int i = 0; i < rank; i++) items[i] = value_dim(dims[i]);
    return value_list(arena, VALUE_LIST, rank, items);
}

static const char *describe_list(Arena *arena, const List *list, const char *open, const char *close) {
    const char *text = open;
    for (int i = 0; i < list->len && i < 8; i++) {
        Value       item = list->items[i];
        const char *one  = item.kind == VALUE_DIM    ? dim_print(arena, item.dim)
                           : item.kind == VALUE_REAL ? arena_printf(arena, "%g", item.real)
                                                     : value_describe(arena, item);
        text             = arena_printf(arena, "%s%s%s", text, i ? ", " : "", one);
    }
    return arena_printf(arena, "%s%s%s", text, list->len > 8 ? ", ..." : "", close);
}

const char *value_describe(Arena *arena, Value value) {
    switch (value.kind) {
    case VALUE_POISON: return "an erroneous value";
    case VALUE_NONE: return "no value";
    case VALUE_TENSOR: return type_print(arena, &value.node->type);
    case VALUE_SCALAR: return arena_printf(arena, "a run-time scalar (%s)", elem_name(value.node->type.elem));
    case VALUE_DIM:
        return arena_printf(arena, "the %s %s", dim_is_const(value.dim, NULL) ? "integer" : "dim",
                            dim_print(arena, value.dim));
    case VALUE_REAL: return arena_printf(arena, "the number %g", value.real);
    case VALUE_BOOL: return value.boolean ? "true" : "false";
    case VALUE_STRING: return arena_printf(arena, "the string \"%.40s\"", value.string);
    case VALUE_ELEM: return arena_printf(arena, "the element type '%s'", elem_name(value.elem));
    case VALUE_LIST: return describe_list(arena, value.list, "[", "]");
    case VALUE_TUPLE: return describe_list(arena, value.list, "(", ")");
    case VALUE_FN:
        if (!value.fn->decl) return "a fn";
        return arena_printf(arena, "%s '%s'", decl_word(value.fn->decl->kind), value.fn->decl->name.text);
    case VALUE_LAYER:
        if (!value.layer->fn) return "a chain of layers";
        return arena_printf(arena, "layer '%s'", value.layer->fn->decl->name.text);
    case VALUE_BUILTIN: return arena_printf(arena, "fn '%s'", builtin_name(value.builtin));
    case VALUE_MODULE: return "a module";
    }
    return "a value";
}
