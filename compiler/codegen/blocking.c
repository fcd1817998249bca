#include "codegen/blocking.h"

#include <string.h>

const Blocking blockings[] = {
    {"default", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 256, 0, false},
    {"short-k", 256, 192, 256, 640 << 10, 256, 128, 8, 24, 256, 0, false},
    {"long-k", 768, 512, 768, 640 << 10, 256, 128, 8, 24, 256, 0, false},
    {"narrow-b", 512, 256, 384, 256 << 10, 256, 128, 8, 24, 256, 0, false},
    {"wide-b", 512, 256, 384, 1280 << 10, 256, 128, 8, 24, 256, 0, false},
    {"by-scratch", 512, 256, 384, 640 << 10, -2, 128, 8, 24, 256, 0, false},
    {"by-registers", 512, 256, 384, 640 << 10, 1024, 128, 8, 24, 256, 0, false},
    {"few-parts", 512, 256, 384, 640 << 10, 256, 512, 2, 4, 256, 0, false},
    {"many-parts", 512, 256, 384, 640 << 10, 256, 64, 16, 48, 256, 0, false},
    {"rows-shared", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 0, 0, false},
    {"columns-shared", 512, 256, 384, 640 << 10, 256, 128, 8, 24, INT32_MAX, 0, false},
    {"tall-tiles", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 256, -1, false},
    {"wide-tiles", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 256, 1, false},
    {"plain-sums", 512, 256, 384, 640 << 10, 256, 128, 8, 24, 256, 0, true},
};
const int blocking_count = sizeof blockings / sizeof *blockings;

bool blocking_cuts_only(const Blocking *blocking) {
    const Blocking *usual = &blockings[0];
    bool            same  = blocking->kc_most == usual->kc_most && blocking->kc_transposed == usual->kc_transposed &&
                blocking->kc_unknown == usual->kc_unknown && blocking->b_bytes_most == usual->b_bytes_most &&
                blocking->direct_k == usual->direct_k && blocking->vectors == usual->vectors;
    return same && blocking->plain == usual->plain && blocking != usual;
}

const Blocking *blocking_named(const char *name) {
    for (int i = 0; i < blocking_count; i++)
        if (!strcmp(name, blockings[i].name)) return &blockings[i];
    return NULL;
}
