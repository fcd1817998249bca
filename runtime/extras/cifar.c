/* CIFAR-10's binary version: records of a label byte and 3 x 32 x 32 pixel bytes, red, green and blue planes after one
 * another. https://www.cs.toronto.edu/~kriz/cifar.html */
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/array.h"

enum { SIDE = 32, COLOURS = 3, PIXELS = SIDE * SIDE, RECORD = 1 + COLOURS * PIXELS, CLASSES = 10 };

static nnrt_status new_arrays(nnrt_content *content, int64_t n, const char *path, nnrt_error *error) {
    static const char *const NAMES[] = {"image", "label"};
    content->arrays                  = calloc(2, sizeof *content->arrays);
    if (!content->arrays) return nnrt_fail_memory(error, 0, path);
    content->n_arrays  = 2;
    content->arrays[0] = (nnrt_array){.elem = NNRT_U8, .rank = 4, .shape = {n, SIDE, SIDE, COLOURS}};
    content->arrays[1] = (nnrt_array){.elem = NNRT_U8, .rank = 1, .shape = {n}};
    nnrt_status status = NNRT_OK;
    for (int i = 0; i < 2 && status == NNRT_OK; i++) {
        status                  = nnrt_array_alloc(&content->arrays[i], path, error);
        content->arrays[i].name = strdup(NAMES[i]);
        if (status == NNRT_OK && !content->arrays[i].name) status = nnrt_fail_memory(error, 0, path);
    }
    return status;
}

nnrt_status nnrt_read_cifar(const char *path, const nnrt_bytes *bytes, nnrt_content *content, nnrt_error *error) {
    int64_t n = (int64_t)(bytes->size / RECORD);
    if (n == 0 || bytes->size % RECORD != 0)
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: is no CIFAR-10 file: its %zu bytes are no whole number of records of %d: get the file "
                         "again, or save arrays as .npy",
                         path, bytes->size, RECORD);
    nnrt_status status = new_arrays(content, n, path, error);
    for (int64_t i = 0; i < n && status == NNRT_OK; i++) {
        const unsigned char *record = bytes->data + i * RECORD;
        unsigned char       *image  = (unsigned char *)content->arrays[0].data + i * COLOURS * PIXELS;
        if (record[0] >= CLASSES)
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: is no CIFAR-10 file, or damaged: record %lld has class %d, beyond 0 to 9", path,
                             (long long)i, record[0]);
        ((unsigned char *)content->arrays[1].data)[i] = record[0];
        for (int k = 0; k < PIXELS; k++)
            for (int colour = 0; colour < COLOURS; colour++)
                image[k * COLOURS + colour] = record[1 + colour * PIXELS + k];
    }
    content->is_pair = true;
    return status;
}
