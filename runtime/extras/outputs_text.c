/* Predictions as text: an output of bytes, a line each row. */
#include "core/status.h"
#include "extras/file.h"
#include "extras/outputs_format.h"

nnrt_status nnrt_check_text(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    if (outputs->n > 1)
        return nnrt_fail(error, NNRT_USAGE, "--out %s: a .txt file holds one output: choose it by --output NAME", path);
    if (outputs->items[0].array.elem == NNRT_U8) return NNRT_OK;
    return nnrt_fail(error, NNRT_USAGE, "--out %s: a .txt file holds bytes, and output '%s' is not of u8: write a .csv",
                     path, outputs->items[0].name);
}

nnrt_status nnrt_write_text(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    const nnrt_output *output = &outputs->items[0];
    const char        *bytes  = output->array.data;
    nnrt_writer        writer;
    nnrt_status        status = nnrt_writer_open(&writer, path, error);
    if (status != NNRT_OK) return status;
    for (int64_t row = 0; row < output->n_rows; row++) {
        nnrt_writer_put(&writer, bytes + row * output->width, (size_t)output->width);
        nnrt_writer_put(&writer, "\n", 1);
    }
    return nnrt_writer_commit(&writer, error);
}
