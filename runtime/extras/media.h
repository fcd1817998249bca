/* Pictures and sounds: a file for each sample, named by a column of a table (`from image(...)`, `from wav(...)`).
 *
 * picture.c and sound.c need libpng, libjpeg and libsndfile. A program has them only where its model takes such files:
 * dataset_media.c refers to them weakly, and nnc asks the linker for what the model's sources need. */
#ifndef NNRT_EXTRAS_MEDIA_H
#define NNRT_EXTRAS_MEDIA_H

#include "extras/dataset.h"

typedef struct nnrt_picture { /* what the model takes */
    int64_t height, width;
    int     channels; /* 1: grey, 3: red, green, blue */
} nnrt_picture;

/* Decodes a PNG or JPEG file (gzipped or not) of exactly this size into pixels[height][width][channels]. Grey becomes
 * colour by repetition; colour is not made grey. NNRT_BAD_DATA names the file. */
nnrt_status nnrt_picture_read(const char *path, const nnrt_picture *picture, unsigned char *pixels, nnrt_error *error);

typedef struct nnrt_sound { /* what the model takes */
    int64_t rate;           /* samples a second */
    int     channels;
} nnrt_sound;

/* The first `length` frames of a WAV file, in -1 to 1, into frames[length][channels] (NULL: none); *n_frames is how many
 * the file has. NNRT_BAD_DATA names the file. */
nnrt_status nnrt_sound_read(const char *path, const nnrt_sound *sound, float *frames, int64_t length, int64_t *n_frames,
                            nnrt_error *error);

bool nnrt_takes_media(const nnrt_model *model);

/* Is this a folder, or a picture or sound by its name, rather than a list of some? */
bool nnrt_is_media(const char *path);
/* A folder's files, or the one file, as a table of the columns file, folder (the name of the one it is in) and prefix (of
 * its name, up to the first '_' or '.'), in order of their names. Files directly in the folder and in its sub-folders are
 * taken; what begins with a dot is not. (media_folder.c) */
nnrt_status nnrt_list_media(const char *path, nnrt_table *table, nnrt_error *error);

/* The cells of an input's texts, which name files beside the list, become paths. */
nnrt_status nnrt_media_paths(nnrt_texts *texts, const char *list, const int32_t *lines, nnrt_error *error);
/* Reads the files of every input `from image` and `from wav`: arrays take the place of the paths. */
nnrt_status nnrt_dataset_read_media(nnrt_dataset *set, nnrt_error *error);

#endif
