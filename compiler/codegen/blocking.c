#include "codegen/blocking.h"

#include <string.h>

const Blocking blockings[] = {
    {"default", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 0, false},
    {"short-k", 256, 192, 256, 640 << 10, 256, 128, 8, 24, 0, false},
    {"long-k", 768, 512, 768, 640 << 10, 256, 128, 8, 24, 0, false},
    {"narrow-b", 512, 256, 384, 256 << 10, 256, 128, 8, 24, 0, false},
    {"wide-b", 512, 256, 384, 1280 << 10, 256, 128, 8, 24, 0, false},
    {"by-scratch", 512, 256, 384, 640 << 10, -2, 128, 8, 24, 0, false},
    {"by-registers", 512, 256, 384, 640 << 10, 1024, 128, 8, 24, 0, false},
    {"few-parts", 512, 256, 384, 640 << 10, 256, 512, 2, 4, 0, false},
    {"many-parts", 512, 256, 384, 640 << 10, 256, 64, 16, 48, 0, false},
    {"tall-tiles", 512, 256, 384, 640 << 10, 256, 128, 8, 24, -1, false},
    {"wide-tiles", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 1, false},
    {"plain-sums", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 0, true},
};
const int blocking_count = sizeof blockings / sizeof *blockings;

const Blocking *blocking_named(const char *name) {
    for (int i = 0; i < blocking_count; i++)
        if (!strcmp(name, blockings[i].name)) return &blockings[i];
    return NULL;
}
