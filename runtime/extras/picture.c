/* PNG by libpng, JPEG by libjpeg. Both leave by longjmp where a file is damaged; what has been allocated until then hangs
 * on the Decoder, which outlives it. */
#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>

#include "core/status.h"
#include "extras/media.h"

typedef struct Decoder {
    const char         *path;
    nnrt_bytes          bytes;
    size_t              at; /* read so far, of a PNG */
    const nnrt_picture *wanted;
    unsigned char      *pixels; /* decoded: height * width * channels */
    png_bytep          *rows;   /* of a PNG: pointers into pixels */
    int                 channels;
    char                damage[JMSG_LENGTH_MAX];
    nnrt_status         status; /* not OK: *error is set */
    nnrt_error         *error;
    jmp_buf             leave;
} Decoder;

/* Known from the header, so that a picture of another size takes no memory. */
static bool fits(Decoder *d, int64_t height, int64_t width) {
    if (height == d->wanted->height && width == d->wanted->width) return true;
    d->status =
        nnrt_fail(d->error, NNRT_BAD_DATA,
                  "%s: is %lld pixels wide and %lld high, the model takes %lld wide and %lld high: scale or crop "
                  "it (ImageMagick: mogrify -resize '%lldx%lld!')",
                  d->path, (long long)width, (long long)height, (long long)d->wanted->width,
                  (long long)d->wanted->height, (long long)d->wanted->width, (long long)d->wanted->height);
    return false;
}

static bool reserve(Decoder *d, size_t row_nbytes) {
    size_t height = (size_t)d->wanted->height;
    d->pixels     = malloc(row_nbytes * height + 1);
    d->rows       = malloc(height * sizeof *d->rows + 1);
    if (!d->pixels || !d->rows) {
        d->status = nnrt_fail_memory(d->error, row_nbytes * height, d->path);
        return false;
    }
    for (size_t i = 0; i < height; i++) d->rows[i] = d->pixels + i * row_nbytes;
    return true;
}

/* ---- PNG --------------------------------------------------------------------------------------------------------- */

static void png_leave(png_structp png, png_const_charp message) {
    Decoder *d = png_get_error_ptr(png);
    snprintf(d->damage, sizeof d->damage, "%s", message);
    longjmp(d->leave, 1);
}

static void png_ignore(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static void png_take(png_structp png, png_bytep out, size_t n) {
    Decoder *d = png_get_io_ptr(png);
    if (n > d->bytes.size - d->at) png_error(png, "it ends early");
    memcpy(out, d->bytes.data + d->at, n);
    d->at += n;
}

/* To 8 bits of grey or of red, green and blue, with alpha where the file has some. Values are not corrected for gamma. */
static void png_settle_form(png_structp png, png_infop info) {
    int type = png_get_color_type(png, info), depth = png_get_bit_depth(png, info);
    if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
    if (type == PNG_COLOR_TYPE_GRAY && depth < 8) png_set_expand_gray_1_2_4_to_8(png);
    if (png_get_valid(png, info, PNG_INFO_tRNS)) png_set_tRNS_to_alpha(png);
    if (depth == 16) png_set_scale_16(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

static void png_decode(Decoder *d, png_structp png, png_infop info) {
    if (setjmp(d->leave)) return;
    png_set_read_fn(png, d, png_take);
    png_read_info(png, info);
    if (!fits(d, png_get_image_height(png, info), png_get_image_width(png, info))) return;
    png_settle_form(png, info);
    d->channels = png_get_channels(png, info);
    if (!reserve(d, png_get_rowbytes(png, info))) return;
    png_read_image(png, d->rows);
    png_read_end(png, NULL);
}

static void decode_png(Decoder *d) {
    png_structp png  = png_create_read_struct(PNG_LIBPNG_VER_STRING, d, png_leave, png_ignore);
    png_infop   info = png ? png_create_info_struct(png) : NULL;
    if (info)
        png_decode(d, png, info);
    else
        d->status = nnrt_fail_memory(d->error, 0, d->path);
    if (png) png_destroy_read_struct(&png, &info, NULL);
}

/* ---- JPEG -------------------------------------------------------------------------------------------------------- */

static void jpeg_leave(j_common_ptr jpeg) {
    Decoder *d = jpeg->client_data;
    jpeg->err->format_message(jpeg, d->damage);
    longjmp(d->leave, 1);
}

/* Level -1 is damage that libjpeg would paint over. */
static void jpeg_note(j_common_ptr jpeg, int level) {
    if (level < 0) jpeg_leave(jpeg);
}

static void jpeg_decode(Decoder *d, struct jpeg_decompress_struct *jpeg) {
    if (setjmp(d->leave)) return;
    jpeg_create_decompress(jpeg);
    jpeg_mem_src(jpeg, d->bytes.data, d->bytes.size);
    jpeg_read_header(jpeg, TRUE);
    if (jpeg->num_components != 1 && jpeg->num_components != 3) {
        d->status = nnrt_fail(d->error, NNRT_BAD_DATA, "%s: has %d colour components (CMYK?): save it as RGB", d->path,
                              jpeg->num_components);
        return;
    }
    if (!fits(d, jpeg->image_height, jpeg->image_width)) return;
    jpeg->out_color_space = jpeg->num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_start_decompress(jpeg);
    d->channels = jpeg->output_components;
    if (!reserve(d, (size_t)jpeg->output_width * (size_t)jpeg->output_components)) return;
    while (jpeg->output_scanline < jpeg->output_height)
        jpeg_read_scanlines(jpeg, d->rows + jpeg->output_scanline, jpeg->output_height - jpeg->output_scanline);
    jpeg_finish_decompress(jpeg);
}

static void decode_jpeg(Decoder *d) {
    struct jpeg_decompress_struct jpeg = {0};
    struct jpeg_error_mgr         errors;
    jpeg.err            = jpeg_std_error(&errors);
    jpeg.client_data    = d;
    errors.error_exit   = jpeg_leave;
    errors.emit_message = jpeg_note;
    jpeg_decode(d, &jpeg);
    jpeg_destroy_decompress(&jpeg);
}

/* ---- both -------------------------------------------------------------------------------------------------------- */

/* Decoded pixels have 1 (grey), 2 (and alpha), 3 (colours) or 4 channels. */
static nnrt_status put_pixels(const Decoder *d, unsigned char *out) {
    const unsigned char *in    = d->pixels;
    int64_t              count = d->wanted->height * d->wanted->width;
    int                  alpha = d->channels % 2 == 0, colours = d->channels - alpha;
    if (colours > d->wanted->channels)
        return nnrt_fail(d->error, NNRT_BAD_DATA,
                         "%s: has colours, the model takes grey: give the input a last axis of 3, or convert the file "
                         "(ImageMagick: mogrify -colorspace Gray)",
                         d->path);
    for (int64_t i = 0; i < count; i++, in += d->channels) {
        if (alpha && in[colours] != 255)
            return nnrt_fail(d->error, NNRT_BAD_DATA,
                             "%s: is transparent in parts: give it a background (ImageMagick: mogrify -alpha remove)",
                             d->path);
        for (int k = 0; k < d->wanted->channels; k++) *out++ = in[colours == 1 ? 0 : k];
    }
    return NNRT_OK;
}

nnrt_status nnrt_picture_read(const char *path, const nnrt_picture *picture, unsigned char *pixels, nnrt_error *error) {
    Decoder d    = {.path = path, .wanted = picture, .status = NNRT_OK, .error = error};
    d.status     = nnrt_read_file(path, &d.bytes, error);
    bool read    = d.status == NNRT_OK;
    bool is_png  = read && d.bytes.size >= 8 && memcmp(d.bytes.data, "\x89PNG\r\n\x1a\n", 8) == 0;
    bool is_jpeg = read && d.bytes.size >= 3 && memcmp(d.bytes.data, "\xff\xd8\xff", 3) == 0;
    if (is_png) decode_png(&d);
    if (is_jpeg) decode_jpeg(&d);
    if (read && !is_png && !is_jpeg) d.status = nnrt_fail(error, NNRT_BAD_DATA, "%s: is no PNG and no JPEG file", path);
    if (d.status == NNRT_OK && d.damage[0])
        d.status = nnrt_fail(error, NNRT_BAD_DATA, "%s: is damaged (%s): get the file again", path, d.damage);
    if (d.status == NNRT_OK) d.status = put_pixels(&d, pixels);
    free(d.rows);
    free(d.pixels);
    free(d.bytes.data);
    return d.status;
}
