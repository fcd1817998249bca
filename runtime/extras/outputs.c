#include "extras/outputs_format.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/element.h"
#include "core/status.h"
#include "extras/convert.h"

static bool ends_with(const char *text, const char *end) {
    size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* ---- CSV --------------------------------------------------------------------------------------------------------- */

void nnrt_put_csv_cell(FILE *out, const char *text) {
    bool blank = text[0] == ' ' || (text[0] && text[strlen(text) - 1] == ' ');
    if (!blank && !strpbrk(text, ",;\t\"\r\n")) {
        fputs(text, out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"') fputc('"', out);
        fputc(*text, out);
    }
    fputc('"', out);
}

static void put_element(FILE *out, const nnrt_array *array, int64_t index) {
    if (array->elem == NNRT_I64)
        fprintf(out, "%lld", (long long)((const int64_t *)array->data)[index]);
    else if (!nnrt_elem_is_float(array->elem))
        fprintf(out, "%.0f", nnrt_elem_get(array->elem, array->data, index));
    else
        fprintf(out, array->elem == NNRT_F64 ? "%.17g" : "%.9g", nnrt_elem_get(array->elem, array->data, index));
}

/* Does this output give one class a row? */
static bool is_class(const nnrt_outputs *outputs, const nnrt_output *output) {
    return outputs->classes && output->width == 1 && (output->array.elem == NNRT_I32 || output->array.elem == NNRT_I64);
}

static void put_value(FILE *out, const nnrt_outputs *outputs, const nnrt_output *output, int64_t index) {
    double class = is_class(outputs, output) ? nnrt_elem_get(output->array.elem, output->array.data, index) : -1;
    if (class >= 0 && class < (double)outputs->classes->n_texts)
        nnrt_put_csv_cell(out, outputs->classes->texts[(int64_t)class]);
    else
        put_element(out, &output->array, index);
}

/* "p", "p_0", or "p_setosa" where there is a column for each class. */
static void put_name(FILE *out, const nnrt_outputs *outputs, const nnrt_output *output, int64_t k) {
    char name[512];
    bool by_class = outputs->classes && output->width > 1 && output->width == outputs->classes->n_texts &&
                    nnrt_elem_is_float(output->array.elem);
    if (by_class)
        snprintf(name, sizeof name, "%.200s_%.300s", output->name, outputs->classes->texts[k]);
    else if (output->width > 1)
        snprintf(name, sizeof name, "%.200s_%lld", output->name, (long long)k);
    else
        snprintf(name, sizeof name, "%.200s", output->name);
    nnrt_put_csv_cell(out, name);
}

static void put_csv(FILE *out, const nnrt_outputs *outputs) {
    for (int i = 0; i < outputs->n; i++)
        for (int64_t k = 0; k < outputs->items[i].width; k++) {
            if (i || k) fputc(',', out);
            put_name(out, outputs, &outputs->items[i], k);
        }
    fputc('\n', out);
    for (int64_t row = 0; row < outputs->items[0].n_rows && !ferror(out); row++) {
        for (int i = 0; i < outputs->n; i++)
            for (int64_t k = 0; k < outputs->items[i].width; k++) {
                if (i || k) fputc(',', out);
                put_value(out, outputs, &outputs->items[i], row * outputs->items[i].width + k);
            }
        fputc('\n', out);
    }
}

static nnrt_status check_rows(const nnrt_outputs *outputs, nnrt_error *error) {
    for (int i = 1; i < outputs->n; i++)
        if (outputs->items[i].n_rows != outputs->items[0].n_rows)
            return nnrt_fail(error, NNRT_USAGE,
                             "outputs '%s' and '%s' have different numbers of rows: choose one by --output NAME, or "
                             "write --out FILE.npz",
                             outputs->items[0].name, outputs->items[i].name);
    return NNRT_OK;
}

static nnrt_status write_csv(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    nnrt_writer writer;
    nnrt_status status = check_rows(outputs, error);
    if (status == NNRT_OK) status = nnrt_writer_open(&writer, path, error);
    if (status != NNRT_OK) return status;
    errno = 0;
    put_csv(writer.file, outputs);
    if (ferror(writer.file)) writer.failure = errno ? errno : EIO;
    return nnrt_writer_commit(&writer, error);
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */

/* NumPy has no bf16: such an output is written as f32, which `wide` then holds. */
static nnrt_status as_numpy_type(const nnrt_array *array, nnrt_array *wide, const char *path, nnrt_error *error) {
    *wide = *array;
    if (array->elem != NNRT_BF16) return NNRT_OK;
    wide->elem         = NNRT_F32;
    nnrt_status status = nnrt_array_alloc(wide, path, error);
    if (status == NNRT_OK) nnrt_convert(array->data, array->elem, wide->data, wide->elem, array->count);
    return status;
}

static nnrt_status write_arrays(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    nnrt_array *arrays = calloc((size_t)outputs->n + 1, sizeof *arrays);
    if (!arrays) return nnrt_fail_memory(error, 0, path);
    nnrt_status status = NNRT_OK;
    int         n      = 0;
    while (n < outputs->n && status == NNRT_OK) {
        status         = as_numpy_type(&outputs->items[n].array, &arrays[n], path, error);
        arrays[n].name = (char *)outputs->items[n].name;
        n += status == NNRT_OK;
    }
    if (status == NNRT_OK && ends_with(path, ".npy"))
        status = nnrt_write_npy(path, arrays, error);
    else if (status == NNRT_OK)
        status = nnrt_write_npz(path, arrays, n, error);
    for (int i = 0; i < n; i++)
        if (arrays[i].data != outputs->items[i].array.data) free(arrays[i].data);
    free(arrays);
    return status;
}

static nnrt_status check_one_array(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    if (outputs->n == 1) return NNRT_OK;
    return nnrt_fail(error, NNRT_USAGE,
                     "--out %s: a .npy file holds one array: choose an output by --output NAME, or write a .npz", path);
}

/* ---- by ending ---------------------------------------------------------------------------------------------------- */

static const nnrt_format formats[] = {
    {".csv", NULL, write_csv},
    {".npy", check_one_array, write_arrays},
    {".npz", NULL, write_arrays},
    {".txt", nnrt_check_text, nnrt_write_text},
    {".png", nnrt_check_png, nnrt_write_png},
};
enum { N_FORMATS = sizeof formats / sizeof *formats };

static const nnrt_format *format_of(const char *path) {
    for (int i = 0; i < N_FORMATS; i++)
        if (ends_with(path, formats[i].ending)) return &formats[i];
    return NULL;
}

static nnrt_status fail_format(const char *path, nnrt_error *error) {
    char   endings[128] = "";
    size_t n            = 0;
    for (int i = 0; i < N_FORMATS; i++)
        n += (size_t)snprintf(endings + n, sizeof endings - n, "%s%s",
                              i == 0              ? ""
                              : i + 1 < N_FORMATS ? ", "
                                                  : " or ",
                              formats[i].ending);
    return nnrt_fail(error, NNRT_USAGE, "--out %s: the name must end in %s", path, endings);
}

nnrt_status nnrt_outputs_check(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    if (!path) return NNRT_OK;
    const nnrt_format *format = format_of(path);
    if (!format) return fail_format(path, error);
    nnrt_status status = format->check ? format->check(outputs, path, error) : NNRT_OK;
    return status == NNRT_OK ? nnrt_check_writable(path, error) : status;
}

nnrt_status nnrt_outputs_write(const nnrt_outputs *outputs, const char *path, nnrt_error *error) {
    if (path) return format_of(path)->write(outputs, path, error);
    nnrt_status status = check_rows(outputs, error);
    if (status == NNRT_OK) put_csv(stdout, outputs);
    return status;
}
