/* Reports: an error with the chain of calls that led there, and the place that graph nodes remember. */
#include "sema/elab.h"

#include <stdarg.h>
#include <string.h>

enum { MAX_NOTES = 6 };

const char *sema_where(Elab *e, Span at) {
    int line = 0, column = 0;
    diags_position(e->diags, at, &line, &column);
    const char *path  = diags_source_path(e->diags, at.file);
    const char *slash = strrchr(path, '/');
    return arena_printf(e->arena, "%s:%d", slash ? slash + 1 : path, line);
}

static bool within(Span inner, Span outer) {
    return inner.file == outer.file && inner.begin >= outer.begin && inner.end <= outer.end;
}

/* The chains called in `frame`; one that is called where it is written says nothing new. */
static const ChainCall *note_chain_calls(Elab *e, Diag *diag, const Frame *frame, const ChainCall *calls, int *shown) {
    for (; calls && calls->frame == frame; calls = calls->parent) {
        const char *path = calls->layer->path;
        if (*shown >= MAX_NOTES || within(calls->layer->span, calls->call)) continue;
        diag_note(diag, "in a chain%s, called at %s", path && *path ? arena_printf(e->arena, " as '%s'", path) : "",
                  sema_where(e, calls->call));
        ++*shown;
    }
    return calls;
}

static void note_chain(Elab *e, Diag *diag) {
    int              shown = 0;
    const ChainCall *calls = e->chain_call;
    for (const Frame *frame = e->frame; frame && shown < MAX_NOTES; frame = frame->parent) {
        calls = note_chain_calls(e, diag, frame, calls, &shown);
        if (frame->kind == FRAME_MODEL || !frame->call.file) continue;
        const char *as =
            frame->layer && frame->layer->path ? arena_printf(e->arena, " as '%s'", frame->layer->path) : "";
        diag_note(diag, "in %s '%s'%s, called at %s", decl_word(frame->decl->kind), frame->decl->name.text, as,
                  sema_where(e, frame->call));
        shown++;
    }
}

static bool in_library(const Elab *e, Span at) {
    for (int i = 0; i < e->scopes.len; i++)
        if (e->scopes.data[i]->module->file == at.file) return e->scopes.data[i]->is_std;
    return false;
}

/* Where to look for the mistake behind an error at `at`: in the library it is the call from outside of it. */
static Span outside_library(const Elab *e, Span at) {
    if (!in_library(e, at)) return at;
    for (const Frame *frame = e->frame; frame; frame = frame->parent)
        if (frame->call.file && !in_library(e, frame->call)) return frame->call;
    return at;
}

Diag *sema_error(Elab *e, Span at, DiagCode code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[1024];
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    Span  shown = outside_library(e, at);
    Diag *diag  = diag_error(e->diags, shown, code, "%s", text);
    if (shown.file != at.file) diag_found_at(diag, at);
    note_chain(e, diag);
    return diag;
}

void sema_place(Elab *e, Span span) {
    graph_set_place(e->graph, span, e->frame ? e->frame->origin : NULL);
}

void suggest_assert(Elab *e, Diag *diag, const Dim *a, const Dim *b) {
    if (dim_is_const(a, NULL) && dim_is_const(b, NULL)) return;
    diag_help(diag, "if they are equal in all data, state it in the model: assert %s == %s", dim_print(e->arena, a),
              dim_print(e->arena, b));
}
