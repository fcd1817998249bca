/* Pattern strings: "b t d, v d -> b t v". Names stand for axes, `...` for any number of them, (h k) for an axis that is
 * the product of several, 1 for an axis of size 1. */
#ifndef NNC_SEMA_PATTERN_H
#define NNC_SEMA_PATTERN_H

#include "sema/elab.h"

enum { MAX_GROUP = MAX_RANK, MAX_OPERANDS = 8 };

typedef struct AxisGroup {        /* one axis of a tensor */
    int         count;            /* 1: a plain name; 0: an axis of size 1 */
    const char *names[MAX_GROUP]; /* interned */
    bool        bracketed;
} AxisGroup;

typedef struct AxisList {
    int       rank;
    AxisGroup axes[MAX_RANK];
} AxisList;

typedef struct AxisPattern {
    int         n_inputs;
    AxisList    inputs[MAX_OPERANDS];
    AxisList    output;
    Span        span;
    const char *text;
} AxisPattern;

typedef struct AxisSizes { /* what the names stand for */
    int         count;
    const char *names[64];
    const Dim  *dims[64];
    Span        spans[64];
} AxisSizes;

/* Parses `text`, in which each input's `...` stands for the axes that its names leave of ranks[i]: they become names
 * of their own, counted from the right, so that ellipses of different inputs align. False after a report. */
bool pattern_parse(Elab *e, const char *text, Span span, int n_inputs, const Type *const *types, AxisPattern *pattern);

const Dim *sizes_find(const AxisSizes *sizes, const char *name); /* NULL when unknown */
void       sizes_add(AxisSizes *sizes, const char *name, const Dim *dim, Span span);
/* Binds the names of an operand's axes to its dims; one unknown in a group is solved for. False after a report. */
bool sizes_bind(Elab *e, AxisSizes *sizes, const AxisPattern *pattern, const AxisList *list, const Type *type,
                Span span);

#endif
