/* The functions of the C API in the object: each hands its arguments on to the runtime's function for any model. */
#include <llvm-c/Core.h>
#include <string.h>

#include "codegen/api.h"
#include "codegen/emit.h"
#include "codegen/exports.h"

/* Arguments and results: p pointer, i int64_t, s size_t, d double, e an enum of errors, v nothing. */
typedef struct Export {
    const char *name, *target;
    const char *signature; /* result, then arguments */
    bool        describes; /* the model's description is the first argument handed on */
} Export;

static const Export always[] = {
    {"model_new", "nnrt_net_new", "ppp", true},
    {"model_clone", "nnrt_net_clone", "ppp", false},
    {"model_free", "nnrt_net_free", "vp", false},
    {"ctx_new", "nnrt_ctx_new", "pppp", false},
    {"ctx_free", "nnrt_ctx_free", "vp", false},
    {"param_count", "nnrt_net_param_count", "ip", false},
    {"param_info", "nnrt_net_param_info", "epipp", false},
    {"get", "nnrt_net_get", "epppsp", false},
    {"set", "nnrt_net_set", "epppsp", false},
    {"copy_params", "nnrt_net_copy_params", "eppp", false},
    {NULL, NULL, NULL, false},
};

static const Export predicting[] = {
    {"predict", "nnrt_net_predict", "eppppp", false},
    {NULL, NULL, NULL, false},
};

static const Export evaluating[] = {
    {"evaluate", "nnrt_net_evaluate", "epppipp", false},
    {"evaluate_begin", "nnrt_net_evaluate_begin", "eppp", false},
    {"evaluate_add", "nnrt_net_evaluate_add", "epppp", false},
    {"evaluate_finish", "nnrt_net_evaluate_finish", "epppp", false},
    {NULL, NULL, NULL, false},
};

static const Export training[] = {
    {"train_step", "nnrt_net_train_step", "eppppp", false}, {"fit", "nnrt_net_fit", "eppppppp", false},
    {"steps_done", "nnrt_net_steps_done", "ip", false},     {"get_hyper", "nnrt_net_get_hyper", "epppp", false},
    {"set_hyper", "nnrt_net_set_hyper", "eppdp", false},    {NULL, NULL, NULL, false},
};

static const Export fitting[] = {
    {"fit_statistics", "nnrt_net_fit_statistics", "epppp", false},
    {NULL, NULL, NULL, false},
};

static const Export files[] = {
    {"save", "nnrt_net_save", "eppp", false},
    {"load", "nnrt_net_load", "eppp", false},
    {NULL, NULL, NULL, false},
};

static LLVMTypeRef type_of(Emit *e, char letter) {
    switch (letter) {
    case 'p': return e->t_ptr;
    case 'd': return e->t_f64;
    case 'e': return e->t_i32;
    case 'v': return e->t_void;
    default: return e->t_i64;
    }
}

static LLVMValueRef declare(Emit *e, const Export *export, LLVMTypeRef type) {
    LLVMValueRef known = LLVMGetNamedFunction(e->module, export->target);
    return known ? known : LLVMAddFunction(e->module, export->target, type);
}

static void emit_one(Emit *e, const char *prefix, const Export *export) {
    LLVMTypeRef given[10], handed[10], result = type_of(e, export->signature[0]);
    unsigned    n = 0, first = export->describes;
    handed[0] = e->t_ptr;
    for (const char *letter = export->signature + 1; *letter; letter++, n++)
        given[n] = handed[first + n] = type_of(e, *letter);
    LLVMTypeRef    type  = LLVMFunctionType(result, given, n, false);
    LLVMTypeRef    inner = LLVMFunctionType(result, handed, first + n, false);
    LLVMValueRef   fn    = LLVMAddFunction(e->module, arena_printf(e->arena, "%s_%s", prefix, export->name), type);
    LLVMBuilderRef b     = LLVMCreateBuilderInContext(e->context);
    LLVMValueRef   arguments[10];
    LLVMPositionBuilderAtEnd(b, LLVMAppendBasicBlockInContext(e->context, fn, ""));
    if (first) arguments[0] = LLVMGetNamedGlobal(e->module, arena_printf(e->arena, "%s_nnrt_model", prefix));
    for (unsigned i = 0; i < n; i++) arguments[first + i] = LLVMGetParam(fn, i);
    LLVMValueRef call = LLVMBuildCall2(b, inner, declare(e, export, inner), arguments, first + n, "");
    LLVMSetTailCall(call, true);
    if (export->signature[0] == 'v')
        LLVMBuildRetVoid(b);
    else
        LLVMBuildRet(b, call);
    LLVMDisposeBuilder(b);
    LLVMSetSection(fn, arena_printf(e->arena, ".text.%s_%s", prefix, export->name)); /* dropped where unused */
}

static void emit_all(Emit *e, const char *prefix, const Export *exports) {
    for (; exports->name; exports++) emit_one(e, prefix, exports);
}

void exports_emit(Emit *e, bool with_files) {
    const Api *api = api_from_program(e->arena, e->program);
    emit_all(e, api->prefix, always);
    if (api->predicts) emit_all(e, api->prefix, predicting);
    if (api->evaluates) emit_all(e, api->prefix, evaluating);
    if (api->trains) emit_all(e, api->prefix, training);
    if (api->fits) emit_all(e, api->prefix, fitting);
    if (with_files) emit_all(e, api->prefix, files);
}
