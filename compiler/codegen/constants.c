/* Constants of the module. */
#include "codegen/constants.h"

#include <string.h>

void fields_put(Fields *f, LLVMValueRef value) {
    f->at[f->n++] = value;
}

void fields_i32(const Emit *e, Fields *f, int64_t value) {
    fields_put(f, LLVMConstInt(e->t_i32, (unsigned long long)value, true));
}

void fields_i64(const Emit *e, Fields *f, int64_t value) {
    fields_put(f, LLVMConstInt(e->t_i64, (unsigned long long)value, true));
}

void fields_f64(const Emit *e, Fields *f, double value) {
    fields_put(f, LLVMConstReal(e->t_f64, value));
}

LLVMValueRef fields_close(const Emit *e, Fields *f) {
    return LLVMConstStructInContext(e->context, f->at, f->n, false);
}

LLVMValueRef constant_global(const Emit *e, LLVMValueRef value) {
    LLVMValueRef global = LLVMAddGlobal(e->module, LLVMTypeOf(value), "");
    LLVMSetInitializer(global, value);
    LLVMSetGlobalConstant(global, true);
    LLVMSetLinkage(global, LLVMPrivateLinkage);
    return global;
}

LLVMValueRef constant_text(const Emit *e, Map *strings, const char *string) {
    if (!string) return LLVMConstNull(e->t_ptr);
    const char  *key   = intern(e->c->names, string);
    LLVMValueRef known = map_get(strings, key);
    if (known) return known;
    known = constant_global(e, LLVMConstStringInContext2(e->context, string, strlen(string), false));
    map_set(strings, key, known);
    return known;
}

LLVMValueRef constant_array(const Emit *e, LLVMValueRef *values, int count) {
    if (!count) return LLVMConstNull(e->t_ptr);
    return constant_global(e, LLVMConstArray2(LLVMTypeOf(values[0]), values, (uint64_t)count));
}
