/* Line tables (-g): each instruction of a kernel carries the place in the .nnet source of the node it computes, so that debuggers and
 * profilers show the model's lines. Without -g, e->debug is NULL and everything here does nothing. */
#include "codegen/emit.h"

#include <llvm-c/DebugInfo.h>
#include <string.h>

struct Debug {
    LLVMDIBuilderRef b;
    LLVMMetadataRef  unit;
    LLVMMetadataRef *files; /* by source file; NULL until used */
};

enum { DEBUG_MAX_FILES = 1024 };

static LLVMMetadataRef file_named(Debug *debug, const char *path) {
    const char *slash  = strrchr(path, '/');
    const char *folder = slash ? path : ".", *name = slash ? slash + 1 : path;
    size_t      length = slash ? (size_t)(slash - path) : 1;
    return LLVMDIBuilderCreateFile(debug->b, name, strlen(name), folder, length);
}

static LLVMMetadataRef file_of(Emit *e, uint32_t file) {
    Debug *debug = e->debug;
    if (!file || file >= DEBUG_MAX_FILES) file = 0;
    if (!debug->files[file])
        debug->files[file] = file_named(debug, file ? diags_source_path(e->c->diags, file) : e->program->model);
    return debug->files[file];
}

static void add_flag(Emit *e, const char *name, unsigned value) {
    LLVMMetadataRef constant = LLVMValueAsMetadata(LLVMConstInt(e->t_i32, value, false));
    LLVMAddModuleFlag(e->module, LLVMModuleFlagBehaviorWarning, name, strlen(name), constant);
}

void debug_begin(Emit *e, uint32_t main_file) {
    if (!e->c->options.debug_info) return;
    static const char producer[] = "nnc";
    e->debug                     = ARENA_NEW(e->arena, Debug);
    e->debug->b                  = LLVMCreateDIBuilder(e->module);
    e->debug->files              = ARENA_ARRAY(e->arena, LLVMMetadataRef, DEBUG_MAX_FILES);
    add_flag(e, "Debug Info Version", LLVMDebugMetadataVersion());
    add_flag(e, "Dwarf Version", 4);
    e->debug->unit = LLVMDIBuilderCreateCompileUnit(e->debug->b, LLVMDWARFSourceLanguageC99, file_of(e, main_file),
                                                    producer, sizeof producer - 1, true, "", 0, 0, "", 0,
                                                    LLVMDWARFEmissionLineTablesOnly, 0, false, false, "", 0, "", 0);
}

/* Frames are linked by the frame pointer, so that a profiler's sample says which kernel called a routine. */
static void link_frames(Emit *e) {
    LLVMAttributeRef all = LLVMCreateStringAttribute(e->context, "frame-pointer", 13, "all", 3);
    for (LLVMValueRef f = LLVMGetFirstFunction(e->module); f; f = LLVMGetNextFunction(f))
        if (!LLVMIsDeclaration(f)) LLVMAddAttributeAtIndex(f, LLVMAttributeFunctionIndex, all);
}

void debug_end(Emit *e) {
    if (!e->debug) return;
    link_frames(e);
    LLVMDIBuilderFinalize(e->debug->b);
    LLVMDisposeDIBuilder(e->debug->b);
    e->debug = NULL;
}

static int line_of(const Emit *e, Span span) {
    int line = 0, column = 0;
    if (span.file) diags_position(e->c->diags, span, &line, &column);
    return line;
}

void debug_function(KernelEmit *k, const char *name, Span span) {
    Emit *e = k->e;
    if (!e->debug) return;
    LLVMMetadataRef file = file_of(e, span.file),
                    type = LLVMDIBuilderCreateSubroutineType(e->debug->b, file, NULL, 0, LLVMDIFlagZero);
    unsigned line        = (unsigned)line_of(e, span);
    k->debug_function    = LLVMDIBuilderCreateFunction(e->debug->b, file, name, strlen(name), name, strlen(name), file,
                                                       line, type, true, true, line, LLVMDIFlagZero, true);
    k->debug_file        = span.file;
    LLVMSetSubprogram(k->fn, k->debug_function);
    debug_place(k, span);
}

/* The source's file is the function's, or a block of another file within it. */
static LLVMMetadataRef scope_of(KernelEmit *k, uint32_t file) {
    if (!file || file == k->debug_file) return k->debug_function;
    return LLVMDIBuilderCreateLexicalBlockFile(k->e->debug->b, k->debug_function, file_of(k->e, file), 0);
}

void debug_mark(KernelEmit *k, LLVMBuilderRef b) {
    if (k->debug_location) LLVMSetCurrentDebugLocation2(b, k->debug_location);
}

Span debug_place(KernelEmit *k, Span span) {
    Span outer = k->place;
    k->place   = span;
    if (!k->debug_function) return outer;
    int line = 0, column = 0;
    if (span.file) diags_position(k->e->c->diags, span, &line, &column);
    k->debug_location =
        LLVMDIBuilderCreateDebugLocation(k->e->context, (unsigned)line, (unsigned)column, scope_of(k, span.file), NULL);
    for (Scope *scope = k->now; scope; scope = scope->parent) debug_mark(k, scope->b);
    return outer;
}
