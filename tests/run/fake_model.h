/* A compiled model written by hand: softmax regression on 4 features and 3 classes, momentum SGD, centred features.
 * It lets the runtime's tests run without the compiler. */
#ifndef TESTS_RUN_FAKE_MODEL_H
#define TESTS_RUN_FAKE_MODEL_H

#include "nnrt.h"

extern const nnrt_model nnrt_model_main;

enum { FAKE_FEATURES = 4, FAKE_CLASSES = 3 };
enum { FAKE_W, FAKE_B, FAKE_MEAN, FAKE_SEEN, FAKE_M, FAKE_LR, FAKE_HITS, FAKE_COUNT, FAKE_SLOTS };

#endif
