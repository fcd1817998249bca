/* Pictures and sounds as samples: what is decoded, what is refused and how, folders and lists of them, and damaged files.
 * The files are made here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jpeglib.h>
#include <png.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "extras/media.h"
#include "extras/vocabulary.h"
#include "runtime_files.h"

enum { WIDTH = 3, HEIGHT = 2, PIXELS = WIDTH * HEIGHT };

static const nnrt_picture GREY = {HEIGHT, WIDTH, 1}, COLOURS = {HEIGHT, WIDTH, 3};
static const nnrt_sound   MONO = {8000, 1}, STEREO = {8000, 2};

static const unsigned char ONE_TO_18[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18};

static void write_png(const char *name, const unsigned char *pixels, unsigned form, unsigned width, unsigned height) {
    png_image image = {.version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = form};
    assert_true(png_image_write_to_file(&image, name, 0, pixels, 0, NULL));
}

static void write_jpeg(const char *name, unsigned char level, int components) {
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr       errors;
    unsigned char               row[WIDTH * 4];
    JSAMPROW                    rows[] = {row};
    FILE                       *file   = fopen(name, "wb");
    memset(row, level, sizeof row);
    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_stdio_dest(&jpeg, file);
    jpeg.image_width      = WIDTH;
    jpeg.image_height     = HEIGHT;
    jpeg.input_components = components;
    jpeg.in_color_space   = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_set_defaults(&jpeg);
    jpeg_start_compress(&jpeg, TRUE);
    while (jpeg.next_scanline < jpeg.image_height) jpeg_write_scanlines(&jpeg, rows, 1);
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    fclose(file);
}

static void put(unsigned char **at, uint32_t value, int nbytes) {
    for (int i = 0; i < nbytes; i++) *(*at)++ = (unsigned char)(value >> 8 * i);
}

/* 16-bit PCM; `announced`: bytes that the header promises. Returns the file's size. */
static size_t write_wav(const char *name, const int16_t *samples, uint32_t n, uint32_t channels, uint32_t rate,
                        uint32_t announced) {
    unsigned char bytes[256], *at = bytes;
    memcpy(at, "RIFF", 4), at += 4;
    put(&at, 36 + announced, 4);
    memcpy(at, "WAVEfmt ", 8), at += 8;
    put(&at, 16, 4);
    put(&at, 1, 2);
    put(&at, channels, 2);
    put(&at, rate, 4);
    put(&at, rate * channels * 2, 4);
    put(&at, channels * 2, 2);
    put(&at, 16, 2);
    memcpy(at, "data", 4), at += 4;
    put(&at, announced, 4);
    for (uint32_t i = 0; i < n; i++) put(&at, (uint16_t)samples[i], 2);
    files_write(name, bytes, (size_t)(at - bytes));
    return (size_t)(at - bytes);
}

static void refuse_picture(const char *name, const nnrt_picture *picture, const char *message) {
    unsigned char pixels[PIXELS * 3];
    nnrt_error    error = {0};
    assert_int_equal(nnrt_picture_read(name, picture, pixels, &error), NNRT_BAD_DATA);
    if (!strstr(error.message, message)) fail_msg("'%s' is not in '%s'", message, error.message);
}

static void refuse_sound(const char *name, const nnrt_sound *sound, const char *message) {
    float      frames[8];
    int64_t    n;
    nnrt_error error = {0};
    assert_int_equal(nnrt_sound_read(name, sound, frames, 4, &n, &error), NNRT_BAD_DATA);
    if (!strstr(error.message, message)) fail_msg("'%s' is not in '%s'", message, error.message);
}

static void pictures_are_decoded(void **state) {
    (void)state;
    unsigned char pixels[PIXELS * 3];
    write_png("rgb.png", ONE_TO_18, PNG_FORMAT_RGB, WIDTH, HEIGHT);
    assert_int_equal(nnrt_picture_read("rgb.png", &COLOURS, pixels, NULL), NNRT_OK);
    assert_memory_equal(pixels, ONE_TO_18, sizeof pixels);
    write_png("grey.png", ONE_TO_18, PNG_FORMAT_GRAY, WIDTH, HEIGHT);
    assert_int_equal(nnrt_picture_read("grey.png", &GREY, pixels, NULL), NNRT_OK);
    assert_memory_equal(pixels, ONE_TO_18, PIXELS);
    assert_int_equal(nnrt_picture_read("grey.png", &COLOURS, pixels, NULL), NNRT_OK);
    for (int i = 0; i < PIXELS * 3; i++) assert_int_equal(pixels[i], ONE_TO_18[i / 3]);
    for (int components = 1; components <= 3; components += 2) {
        write_jpeg("flat.jpg", 77, components);
        assert_int_equal(nnrt_picture_read("flat.jpg", components == 1 ? &GREY : &COLOURS, pixels, NULL), NNRT_OK);
        for (int i = 0; i < PIXELS * components; i++) assert_in_range(pixels[i], 75, 79);
    }
}

static void other_pictures_are_refused(void **state) {
    (void)state;
    unsigned char clear[PIXELS * 4] = {0};
    write_png("rgb.png", ONE_TO_18, PNG_FORMAT_RGB, WIDTH, HEIGHT);
    write_png("tall.png", ONE_TO_18, PNG_FORMAT_GRAY, HEIGHT, WIDTH);
    write_png("clear.png", clear, PNG_FORMAT_RGBA, WIDTH, HEIGHT);
    write_jpeg("print.jpg", 9, 4);
    files_write_text("text.png", "no picture");
    files_write_text("empty.png", "");
    refuse_picture("tall.png", &GREY, "tall.png: is 2 pixels wide and 3 high, the model takes 3 wide and 2 high");
    refuse_picture("rgb.png", &GREY, "rgb.png: has colours, the model takes grey");
    refuse_picture("clear.png", &COLOURS, "clear.png: is transparent in parts");
    refuse_picture("print.jpg", &COLOURS, "print.jpg: has 4 colour components");
    refuse_picture("text.png", &GREY, "text.png: is no PNG and no JPEG file");
    refuse_picture("empty.png", &GREY, "empty.png: is no PNG and no JPEG file");
    refuse_picture("none.png", &GREY, "none.png: no such file");
}

static void sounds_are_decoded(void **state) {
    (void)state;
    const int16_t samples[] = {0, 16384, -16384, -32768, 8192, -8192};
    float         frames[6];
    int64_t       n;
    write_wav("mono.wav", samples, 6, 1, 8000, 12);
    assert_int_equal(nnrt_sound_read("mono.wav", &MONO, frames, 6, &n, NULL), NNRT_OK);
    assert_int_equal(n, 6);
    for (int i = 0; i < 6; i++) assert_true(frames[i] == (float)samples[i] / 32768);
    write_wav("stereo.wav", samples, 6, 2, 8000, 12);
    assert_int_equal(nnrt_sound_read("stereo.wav", &STEREO, frames, 2, &n, NULL), NNRT_OK);
    assert_int_equal(n, 3);
    assert_true(frames[3] == -1);
}

static void other_sounds_are_refused(void **state) {
    (void)state;
    const int16_t samples[] = {1, 2, 3, 4};
    write_wav("fast.wav", samples, 4, 1, 44100, 8);
    write_wav("stereo.wav", samples, 4, 2, 8000, 8);
    write_wav("short.wav", samples, 4, 1, 8000, 800);
    write_wav("silent.wav", samples, 0, 1, 8000, 0);
    files_write_text("text.wav", "no sound at all");
    files_write_text("empty.wav", "");
    refuse_sound("fast.wav", &MONO, "fast.wav: has 44100 samples a second, the model takes 8000");
    refuse_sound("stereo.wav", &MONO, "stereo.wav: has 2 channels, the model takes 1");
    refuse_sound("short.wav", &MONO, "short.wav: is cut off: 800 bytes are announced where 8 follow");
    refuse_sound("silent.wav", &MONO, "silent.wav: holds no sound");
    refuse_sound("text.wav", &MONO, "text.wav: is no WAV file");
    refuse_sound("empty.wav", &MONO, "empty.wav: is no WAV file");
}

/* ---- folders and lists --------------------------------------------------------------------------------------------- */

static const char *const FILE_COLUMN[] = {"file"}, *const FOLDER_COLUMN[] = {"folder"};
static const nnrt_dim DIMS[] = {{"batch", -1, 1, 0}, {"time", 5, 0, 0}};
#define AXES(a, b, c) {a, b, c, -1, -1, -1, -1, -1}

static void picture_shapes(const int64_t *symbols, int64_t *shapes) {
    const int64_t values[] = {symbols[0], HEIGHT, WIDTH, symbols[0]};
    memcpy(shapes, values, sizeof values);
}

static const nnrt_input PICTURE_INPUTS[] = {
    {{"image", NNRT_F32, 3, 0, 0, AXES(0, -1, -1), "[batch, 2, 3]"},
     {NNRT_FROM_IMAGE, 0, FILE_COLUMN, 1, 0, 0, 0, 0, 0},
     0,
     0},
    {{"kind", NNRT_I32, 1, 3, 0, AXES(0, -1, -1), "[batch]"},
     {NNRT_FROM_CATEGORY, 0, FOLDER_COLUMN, 1, 2, 0, 0, 0, 0},
     1,
     2},
};
static const nnrt_model picture_model = {.abi            = NNRT_ABI,
                                         .name           = "Pictures",
                                         .n_symbols      = 1,
                                         .n_shape_values = 4,
                                         .shapes         = picture_shapes,
                                         .dims           = DIMS,
                                         .inputs         = PICTURE_INPUTS,
                                         .n_inputs       = 2};

static void sound_shapes(const int64_t *symbols, int64_t *shapes) {
    memcpy(shapes, symbols, 2 * sizeof *shapes);
}

static const nnrt_input SOUND_INPUTS[] = {{{"wave", NNRT_F32, 2, 0, 0, AXES(0, 1, -1), "[batch, time]"},
                                           {NNRT_FROM_WAV, 0, FILE_COLUMN, 1, 0, 0, 0, 8000, 0},
                                           0,
                                           0}};
static const nnrt_model sound_model    = {.abi            = NNRT_ABI,
                                          .name           = "Sounds",
                                          .n_symbols      = 2,
                                          .n_shape_values = 2,
                                          .shapes         = sound_shapes,
                                          .dims           = DIMS,
                                          .inputs         = SOUND_INPUTS,
                                          .n_inputs       = 1};

static const bool BOTH[] = {true, true};

static void refuse_data(const nnrt_model *model, const char *argument, const char *message) {
    nnrt_dataset set;
    nnrt_error   error = {0};
    assert_int_equal(nnrt_dataset_load(&set, model, &argument, 1, BOTH, NULL, &error), NNRT_BAD_DATA);
    if (!strstr(error.message, message)) fail_msg("'%s' is not in '%s'", message, error.message);
}

static void make_classes(void) {
    mkdir("pets", 0700);
    mkdir("pets/dog", 0700);
    mkdir("pets/cat", 0700);
    write_png("pets/dog/1.png", ONE_TO_18 + 4, PNG_FORMAT_GRAY, WIDTH, HEIGHT);
    write_png("pets/cat/2.PNG", ONE_TO_18, PNG_FORMAT_GRAY, WIDTH, HEIGHT);
    write_png("pets/cat/10.png", ONE_TO_18 + 2, PNG_FORMAT_GRAY, WIDTH, HEIGHT);
    files_write_text("pets/cat/.hidden", "not taken");
}

static void clear_classes(void) {
    const char *const names[] = {"pets/dog/1.png", "pets/cat/2.PNG", "pets/cat/10.png", "pets/cat/.hidden"};
    for (int i = 0; i < 4; i++) unlink(names[i]);
    rmdir("pets/dog");
    rmdir("pets/cat");
    rmdir("pets");
}

static void a_folder_is_a_class(void **state) {
    (void)state;
    const char       *arguments[] = {"pets"};
    nnrt_dataset      set;
    nnrt_vocabularies vocabularies;
    make_classes();
    assert_int_equal(nnrt_dataset_load(&set, &picture_model, arguments, 1, BOTH, NULL, NULL), NNRT_OK);
    const nnrt_split all = nnrt_split_all(&set);
    assert_int_equal(nnrt_vocabularies_build(&vocabularies, &all, NULL), NNRT_OK);
    assert_int_equal(nnrt_dataset_encode(&set, &vocabularies, NULL), NNRT_OK);
    assert_int_equal(set.n_samples, 3);
    const unsigned char *pixels = set.columns[0].array.data;
    const int32_t       *kinds  = set.columns[1].array.data;
    for (int i = 0; i < 3; i++) assert_int_equal(pixels[i * PIXELS], i == 0 ? 3 : i == 1 ? 1 : 5);
    assert_true(kinds[0] == 0 && kinds[1] == 0 && kinds[2] == 1);
    assert_string_equal(vocabularies.inputs[1].texts[1], "dog");
    nnrt_vocabularies_free(&vocabularies);
    nnrt_dataset_free(&set);
    clear_classes();
}

static void folders_that_are_refused(void **state) {
    (void)state;
    mkdir("pets", 0700);
    refuse_data(&picture_model, "pets", "pets: is a folder without files");
    mkdir("pets/cat", 0700);
    refuse_data(&picture_model, "pets", "pets: is a folder without files");
    assert_int_equal(symlink("..", "pets/cat/up"), 0);
    refuse_data(&picture_model, "pets", "pets/cat/up: is a folder in a folder of a folder");
    unlink("pets/cat/up");
    assert_int_equal(symlink("gone", "pets/cat/a.png"), 0);
    refuse_data(&picture_model, "pets", "pets/cat/a.png: no such file");
    unlink("pets/cat/a.png");
    rmdir("pets/cat");
    rmdir("pets");
}

static void lists_name_files_beside_them(void **state) {
    (void)state;
    const int16_t samples[]   = {8192, 16384, 24576, -8192, -16384, -24576};
    const char   *arguments[] = {"sounds.csv", "a.wav"};
    nnrt_dataset  set;
    write_wav("a.wav", samples, 2, 1, 8000, 4);
    write_wav("b.wav", samples, 6, 1, 8000, 12);
    files_write_text("sounds.csv", "file,who\na.wav,x\nb.wav,y\n");
    assert_int_equal(nnrt_dataset_load(&set, &sound_model, arguments, 2, BOTH, NULL, NULL), NNRT_OK);
    assert_int_equal(set.n_samples, 3);
    assert_int_equal(set.symbols[1], 5); /* the longest has 6, time is at most 5 */
    const float *waves = set.columns[0].array.data;
    assert_true(waves[0] == 0.25f && waves[1] == 0.5f && waves[2] == 0 && waves[9] == -0.5f && waves[10] == 0.25f);
    nnrt_dataset_free(&set);
    files_write_text("sounds.csv", "file,who\na.wav,x\n,y\n");
    refuse_data(&sound_model, "sounds.csv", "sounds.csv:3: names no file");
    files_write_text("sounds.csv", "file,who\na.wav,x\nc.wav,y\n");
    refuse_data(&sound_model, "sounds.csv", "c.wav: no such file");
}

/* ---- damaged files --------------------------------------------------------------------------------------------------- */

static void try_file(const char *name) {
    unsigned char pixels[PIXELS * 3];
    float         frames[8];
    int64_t       n;
    nnrt_error    error = {0};
    bool          sound = strstr(name, ".wav") != NULL;
    nnrt_status   status =
        sound ? nnrt_sound_read(name, &MONO, frames, 8, &n, &error) : nnrt_picture_read(name, &COLOURS, pixels, &error);
    assert_int_equal(status == NNRT_OK, error.message[0] == 0);
}

/* Cut off after each byte, and each byte changed in two ways. */
static void damaged_files_are_said(void **state) {
    (void)state;
    static const char *const names[]   = {"rgb.png", "flat.jpg", "mono.wav"};
    const int16_t            samples[] = {1, 2, 3, 4};
    write_png("rgb.png", ONE_TO_18, PNG_FORMAT_RGB, WIDTH, HEIGHT);
    write_jpeg("flat.jpg", 77, 3);
    write_wav("mono.wav", samples, 4, 1, 8000, 8);
    for (int i = 0; i < 3; i++) {
        nnrt_bytes file;
        assert_int_equal(nnrt_read_file(names[i], &file, NULL), NNRT_OK);
        for (size_t k = 0; k < file.size; k++) {
            files_write(names[i], file.data, k);
            i == 2 ? refuse_sound(names[i], &MONO, "mono.wav: ") : refuse_picture(names[i], &COLOURS, ": is ");
            for (int change = 1; change <= 0x80; change += 0x7f) {
                file.data[k] ^= (unsigned char)change;
                files_write(names[i], file.data, file.size);
                try_file(names[i]);
                file.data[k] ^= (unsigned char)change;
            }
        }
        free(file.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_are_decoded),         cmocka_unit_test(other_pictures_are_refused),
        cmocka_unit_test(sounds_are_decoded),           cmocka_unit_test(other_sounds_are_refused),
        cmocka_unit_test(a_folder_is_a_class),          cmocka_unit_test(folders_that_are_refused),
        cmocka_unit_test(lists_name_files_beside_them), cmocka_unit_test(damaged_files_are_said),
    };
    return cmocka_run_group_tests(tests, files_enter, files_leave);
}
