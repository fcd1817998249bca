/* --weights: the values of a safetensors file become part of what is compiled. */
#ifndef NNC_WEIGHTS_H
#define NNC_WEIGHTS_H

#include "compilation.h"
#include "ir/program.h"

/* Reads c->options.weights and sets the data of every parameter, state, statistic and moving average, and program->weights. False
 * after E0745: the file cannot be read, or is not this model's. */
bool weights_read(Compilation *c, Program *program);

#endif
