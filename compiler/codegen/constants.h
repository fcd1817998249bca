/* Inside codegen/: constants of the module: structs field by field, arrays, strings. */
#ifndef NNC_CODEGEN_CONSTANTS_H
#define NNC_CODEGEN_CONSTANTS_H

#include "base/map.h"
#include "codegen/emit.h"

typedef struct Fields { /* of a struct, in order */
    LLVMValueRef at[32];
    unsigned     n;
} Fields;

void         fields_put(Fields *f, LLVMValueRef value);
void         fields_i32(const Emit *e, Fields *f, int64_t value);
void         fields_i64(const Emit *e, Fields *f, int64_t value);
void         fields_f64(const Emit *e, Fields *f, double value);
LLVMValueRef fields_close(const Emit *e, Fields *f);

/* Pointers to private constants. `strings` remembers those there are; a NULL string and an array without elements are NULL. */
LLVMValueRef constant_global(const Emit *e, LLVMValueRef value);
LLVMValueRef constant_text(const Emit *e, Map *strings, const char *string);
LLVMValueRef constant_array(const Emit *e, LLVMValueRef *values, int count);

#endif
