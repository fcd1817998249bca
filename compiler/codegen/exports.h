/* Inside codegen/: the functions of the C API. */
#ifndef NNC_CODEGEN_EXPORTS_H
#define NNC_CODEGEN_EXPORTS_H

#include "codegen/emit.h"

/* Adds them to the module, which has the model's description. `with_files`: saving and loading too, which are the extras': a
 * header declares them by itself, so that an object does not need the extras. */
void exports_emit(Emit *e, bool with_files);

#endif
