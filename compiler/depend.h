/* What a compilation has read, for make, ninja and CMake. */
#ifndef NNC_DEPEND_H
#define NNC_DEPEND_H

#include <stdio.h>

#include "compilation.h"

/* Writes the rule "OBJECT: FILE FILE ...": the files read, but for the library inside nnc. OBJECT is what -c makes by
 * default, or -o's name with .o for its ending: `--emit=dep -o build/model.d` is about build/model.o. Requires: a program was made. */
void dependencies_print(const Compilation *c, FILE *out);

#endif
