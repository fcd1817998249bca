/* WAV by libsndfile, from memory. It reads what there is of a file that was cut off; check_length refuses those. */
#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/media.h"

typedef struct Tape {
    nnrt_bytes bytes;
    sf_count_t at;
} Tape;

static sf_count_t tape_size(void *tape) {
    return (sf_count_t)((Tape *)tape)->bytes.size;
}

static sf_count_t tape_seek(sf_count_t offset, int whence, void *pointer) {
    Tape      *tape = pointer;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? tape->at : tape_size(tape);
    if (offset < -from || offset > tape_size(tape) - from) return -1;
    return tape->at = from + offset;
}

static sf_count_t tape_read(void *out, sf_count_t n, void *pointer) {
    Tape      *tape = pointer;
    sf_count_t left = tape_size(tape) - tape->at;
    if (n > left) n = left;
    if (n <= 0) return 0;
    memcpy(out, tape->bytes.data + tape->at, (size_t)n);
    tape->at += n;
    return n;
}

static sf_count_t tape_tell(void *tape) {
    return ((Tape *)tape)->at;
}

static uint32_t little_endian(const unsigned char *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* RIFF: chunks of a name, a size and as many bytes, rounded up to even. A size of all ones is that of a stream. */
static nnrt_status check_length(const char *path, const nnrt_bytes *bytes, nnrt_error *error) {
    enum { HEADER = 12, CHUNK = 8 };
    if (bytes->size < HEADER || memcmp(bytes->data + 8, "WAVE", 4) != 0)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: is no WAV file (sox and ffmpeg make one of other formats)", path);
    for (size_t at = HEADER; bytes->size - at >= CHUNK;) {
        uint32_t size = little_endian(bytes->data + at + 4);
        size_t   left = bytes->size - at - CHUNK;
        bool     data = memcmp(bytes->data + at, "data", 4) == 0;
        if (size > left && size != UINT32_MAX)
            return nnrt_fail(error, NNRT_BAD_DATA,
                             "%s: is cut off: %u bytes are announced where %zu follow: get the file again", path, size,
                             left);
        if (data || size >= left) return NNRT_OK;
        at += CHUNK + size + (size & 1);
        if (at > bytes->size) break;
    }
    return nnrt_fail(error, NNRT_BAD_DATA, "%s: holds no sound: it has no data chunk", path);
}

static nnrt_status check_form(const char *path, const nnrt_sound *sound, const SF_INFO *info, nnrt_error *error) {
    if (info->samplerate != sound->rate)
        return nnrt_fail(error, NNRT_BAD_DATA,
                         "%s: has %d samples a second, the model takes %lld: resample it (sox IN -r %lld OUT)", path,
                         info->samplerate, (long long)sound->rate, (long long)sound->rate);
    if (info->channels != sound->channels)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: has %d channel%s, the model takes %d: mix it (sox IN -c %d OUT)",
                         path, info->channels, info->channels == 1 ? "" : "s", sound->channels, sound->channels);
    if (info->frames <= 0) return nnrt_fail(error, NNRT_BAD_DATA, "%s: holds no sound", path);
    return NNRT_OK;
}

static nnrt_status read_frames(const char *path, SNDFILE *file, const SF_INFO *info, float *frames, int64_t length,
                               nnrt_error *error) {
    sf_count_t wanted = length < info->frames ? length : info->frames;
    if (sf_readf_float(file, frames, wanted) != wanted)
        return nnrt_fail(error, NNRT_BAD_DATA, "%s: is damaged: not all of its sound can be read", path);
    for (int64_t i = 0; i < wanted * info->channels; i++)
        if (!isfinite(frames[i]))
            return nnrt_fail(error, NNRT_BAD_DATA, "%s: sample %lld is no finite number", path,
                             (long long)(i / info->channels));
    return NNRT_OK;
}

nnrt_status nnrt_sound_read(const char *path, const nnrt_sound *sound, float *frames, int64_t length, int64_t *n_frames,
                            nnrt_error *error) {
    SF_VIRTUAL_IO io     = {tape_size, tape_seek, tape_read, NULL, tape_tell};
    SF_INFO       info   = {0};
    Tape          tape   = {0};
    nnrt_status   status = nnrt_read_file(path, &tape.bytes, error);
    if (status == NNRT_OK) status = check_length(path, &tape.bytes, error);
    SNDFILE *file = status == NNRT_OK ? sf_open_virtual(&io, SFM_READ, &info, &tape) : NULL;
    if (status == NNRT_OK && !file)
        status = nnrt_fail(error, NNRT_BAD_DATA, "%s: is no WAV file that can be read: %s", path, sf_strerror(NULL));
    if (status == NNRT_OK) status = check_form(path, sound, &info, error);
    if (status == NNRT_OK && frames) status = read_frames(path, file, &info, frames, length, error);
    if (status == NNRT_OK) *n_frames = info.frames;
    if (file) sf_close(file);
    free(tape.bytes.data);
    return status;
}
