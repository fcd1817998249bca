/* Predictions as a picture: a PNG with all images of an output in a grid.
 *
 * A PNG of one kind is a signature and three chunks around what zlib compresses (ISO/IEC 15948:2004); zlib is linked anyway, so programs
 * need no library more for it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/file.h"
#include "extras/outputs_format.h"

enum { GAP = 1, GREY = 0, RGB = 2, SIDE_MOST = 20000, BACKGROUND = 128 };

typedef struct Images {
    const nnrt_output *output;
    int64_t            n, height, width, channels, columns, rows;
} Images;

static int64_t root_of(int64_t n) {
    int64_t root = (int64_t)llround(sqrt((double)n));
    return root * root == n ? root : 0;
}

/* [n, height, width], [n, height, width, 1 or 3], or [n, side * side]. False: no images. */
static bool images_of(const nnrt_output *output, Images *images) {
    const int64_t *shape = output->array.shape;
    int            rank  = output->array.rank;
    *images              = (Images){.output = output, .n = shape[0], .channels = 1};
    if (rank == 2) images->height = images->width = root_of(shape[1]);
    if (rank >= 3) images->height = shape[1], images->width = shape[2];
    if (rank == 4) images->channels = shape[3];
    if (rank < 2 || rank > 4 || images->n * images->height * images->width == 0) return false;
    if (images->channels != 1 && images->channels != 3) return false;
    images->columns = (int64_t)ceil(sqrt((double)images->n * (double)images->height / (double)images->width));
    images->columns = images->columns > images->n ? images->n : images->columns;
    images->rows    = (images->n + images->columns - 1) / images->columns;
    return images->columns * (images->width + GAP) <= SIDE_MOST && images->rows * (images->height + GAP) <= SIDE_MOST;
}

nnrt_status nnrt_check_png(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    const nnrt_output *output = &outputs->items[0];
    if (outputs->n > 1)
        return nnrt_fail(error, NNRT_USAGE, "--out %s: a picture shows one output: choose it by --output NAME", path);
    bool fits = output->array.rank >= 2 && output->array.rank <= 4 &&
                (nnrt_elem_is_float(output->array.elem) || output->array.elem == NNRT_U8);
    if (fits) return NNRT_OK;
    return nnrt_fail(
        error, NNRT_USAGE,
        "--out %s: output '%s' is no images: [n, height, width], [n, height, width, 1 or 3] or [n, side * side] of "
        "real numbers from 0 to 1, or of u8",
        path, output->name);
}

/* 0 to 255; real numbers are brightness from 0 to 1. */
static unsigned char brightness(const nnrt_array *array, int64_t index) {
    double value = nnrt_elem_get(array->elem, array->data, index);
    if (nnrt_elem_is_float(array->elem)) value *= 255;
    return value > 0 ? value < 255 ? (unsigned char)lround(value) : 255 : 0; /* NaN: 0 */
}

/* The grid's lines, each after a byte 0: "no filter". */
static unsigned char *draw(const Images *images, int64_t width, int64_t height) {
    size_t         line   = (size_t)(width * images->channels + 1);
    unsigned char *pixels = malloc(line * (size_t)height);
    if (!pixels) return NULL;
    memset(pixels, BACKGROUND, line * (size_t)height);
    for (int64_t y = 0; y < height; y++) pixels[(size_t)y * line] = 0;
    for (int64_t i = 0; i < images->n; i++) {
        int64_t top = i / images->columns * (images->height + GAP), left = i % images->columns * (images->width + GAP);
        for (int64_t y = 0; y < images->height; y++) {
            unsigned char *to   = pixels + (size_t)(top + y) * line + 1 + left * images->channels;
            int64_t        from = (i * images->height + y) * images->width * images->channels;
            for (int64_t x = 0; x < images->width * images->channels; x++)
                to[x] = brightness(&images->output->array, from + x);
        }
    }
    return pixels;
}

static void put_u32(unsigned char *to, uint32_t value) {
    for (int i = 0; i < 4; i++) to[i] = (unsigned char)(value >> (24 - 8 * i));
}

static void put_chunk(nnrt_writer *writer, const char *kind, const unsigned char *data, size_t size) {
    unsigned char head[8], tail[4];
    put_u32(head, (uint32_t)size);
    memcpy(head + 4, kind, 4);
    uLong sum = crc32(crc32(0, head + 4, 4), data, (uInt)size);
    put_u32(tail, (uint32_t)sum);
    nnrt_writer_put(writer, head, sizeof head);
    nnrt_writer_put(writer, data, size);
    nnrt_writer_put(writer, tail, sizeof tail);
}

static void put_png(nnrt_writer *writer, const Images *images, int64_t width, int64_t height,
                    const unsigned char *packed, size_t size) {
    unsigned char head[13] = {[8] = 8 /* bits */};
    put_u32(head, (uint32_t)width);
    put_u32(head + 4, (uint32_t)height);
    head[9] = images->channels == 3 ? RGB : GREY;
    nnrt_writer_put(writer, "\x89PNG\r\n\x1a\n", 8);
    put_chunk(writer, "IHDR", head, sizeof head);
    put_chunk(writer, "IDAT", packed, size);
    put_chunk(writer, "IEND", head, 0);
}

nnrt_status nnrt_write_png(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    Images images;
    if (!images_of(&outputs->items[0], &images))
        return nnrt_fail(error, NNRT_USAGE, "--out %s: output '%s' is no images that a picture of %d x %d holds", path,
                         outputs->items[0].name, SIDE_MOST, SIDE_MOST);
    int64_t        width  = images.columns * (images.width + GAP) - GAP;
    int64_t        height = images.rows * (images.height + GAP) - GAP;
    uLong          size   = (uLong)((width * images.channels + 1) * height);
    uLongf         room   = compressBound(size);
    unsigned char *pixels = draw(&images, width, height), *packed = malloc(room);
    nnrt_writer    writer;
    nnrt_status    status = NNRT_OK;
    if (!pixels || !packed || compress(packed, &room, pixels, size) != Z_OK)
        status = nnrt_fail_memory(error, size, path);
    if (status == NNRT_OK) status = nnrt_writer_open(&writer, path, error);
    if (status == NNRT_OK) {
        put_png(&writer, &images, width, height, packed, room);
        status = nnrt_writer_commit(&writer, error);
    }
    free(pixels);
    free(packed);
    return status;
}
