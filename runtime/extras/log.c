#include "extras/log.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/status.h"
#include "extras/memory_use.h"

/* ---- opening and closing ----------------------------------------------------------------------------------------- */

/* The step that a line was logged at; INT64_MAX for any other line, as the one at a run's end. */
static int64_t step_of(const char *line, const char *end) {
    static const char KEY[] = "\"step\":";
    const char       *at    = strstr(line, KEY);
    return at && at < end ? strtoll(at + sizeof KEY - 1, NULL, 10) : INT64_MAX;
}

/* Rewrites the log with the lines up to a step. */
static nnrt_status keep_lines(const char *path, int64_t steps_done, nnrt_error *error) {
    nnrt_bytes  bytes;
    nnrt_writer writer;
    if (nnrt_read_file(path, &bytes, NULL) != NNRT_OK) return NNRT_OK; /* opening it will say what is wrong */
    nnrt_status status = nnrt_writer_open(&writer, path, error);
    char       *line   = (char *)bytes.data;
    while (status == NNRT_OK && *line) {
        char *end = strchr(line, '\n');
        if (!end) break; /* cut off by the kill */
        if (step_of(line, end) <= steps_done) nnrt_writer_put(&writer, line, (size_t)(end + 1 - line));
        line = end + 1;
    }
    if (status == NNRT_OK) status = nnrt_writer_commit(&writer, error);
    free(bytes.data);
    return status;
}

/* Whether a block can be written: a full disk is better found now than after the training. Sets errno. */
static bool has_room(FILE *file) {
    static const char block[4096];
    long              end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    if (end < 0) { /* a pipe, a terminal */
        errno = 0;
        return true;
    }
    bool fits = fwrite(block, 1, sizeof block, file) == sizeof block && fflush(file) == 0;
    int  why  = errno;
    if (ftruncate(fileno(file), end) != 0 && errno != EINVAL) fits = false, why = errno;
    rewind(file);
    errno = why;
    return fits;
}

nnrt_status nnrt_log_open(nnrt_log *log, const char *path, int64_t steps_done, nnrt_error *error) {
    *log = (nnrt_log){.path = path};
    clock_gettime(CLOCK_MONOTONIC, &log->start);
    if (!path) return NNRT_OK;
    nnrt_status status = steps_done > 0 ? keep_lines(path, steps_done, error) : NNRT_OK;
    if (status != NNRT_OK) return status;
    log->file = fopen(path, steps_done > 0 ? "a" : "w");
    if (log->file && has_room(log->file)) return NNRT_OK;
    if (log->file) fclose(log->file);
    log->file = NULL;
    return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", path, strerror(errno));
}

nnrt_status nnrt_log_close(nnrt_log *log, nnrt_status status, nnrt_error *error) {
    if (!log->file) return status;
    errno       = 0;
    bool failed = ferror(log->file) != 0;
    failed |= fclose(log->file) != 0;
    log->file = NULL;
    if (!failed || status != NNRT_OK) return status;
    return nnrt_fail(error, NNRT_ERROR, "%s: cannot be written: %s", log->path, strerror(errno ? errno : EIO));
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void put_name(FILE *file, const char *prefix, const char *name) {
    fprintf(file, "\"%s", prefix);
    for (; *name; name++) {
        if (*name == '"' || *name == '\\') fputc('\\', file);
        fputc((unsigned char)*name < ' ' ? ' ' : *name, file);
    }
    fputs("\":", file);
}

/* JSON has no NaN and no infinity. */
static void put_number(FILE *file, double value) {
    fprintf(file, isfinite(value) ? "%.9g" : "null", value);
}

/* A number, or arrays within arrays; returns the values behind it. */
static const double *put_values(FILE *file, const double *values, const int64_t *shape, int rank) {
    if (rank == 0) {
        put_number(file, *values);
        return values + 1;
    }
    fputc('[', file);
    for (int64_t i = 0; i < shape[0]; i++) {
        if (i > 0) fputc(',', file);
        values = put_values(file, values, shape + 1, rank - 1);
    }
    fputc(']', file);
    return values;
}

static void put_scores(FILE *file, const char *prefix, const nnrt_scores *scores, const char *separator) {
    for (int i = 0; scores && i < scores->n; i++) {
        const nnrt_score *score = &scores->items[i];
        fputs(separator, file);
        put_name(file, prefix, score->name);
        put_values(file, score->values, score->shape, score->count == 1 ? 0 : score->tensor->rank);
        separator = ",";
    }
}

/* Hyper-parameters as they stand; where a schedule drives one, its value at this step. */
static void put_settings(FILE *file, const nnrt_instance *instance, const nnrt_scores *scheduled) {
    const nnrt_model *model     = instance->model;
    const char       *separator = "";
    fputs(",\"settings\":{", file);
    for (int i = 0; i < model->n_slots; i++) {
        const char *name = model->slots[i].tensor.name;
        if (model->slots[i].kind != NNRT_HYPER || (scheduled && nnrt_scores_find(scheduled, name))) continue;
        fputs(separator, file);
        put_name(file, "", name);
        put_number(file, *(const double *)instance->slots[i]);
        separator = ",";
    }
    put_scores(file, "", scheduled, separator);
    fputc('}', file);
}

static double seconds_since(const struct timespec *start) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

void nnrt_log_epoch(nnrt_log *log, const nnrt_progress *progress, const nnrt_instance *instance) {
    if (!log->file) return;
    fprintf(log->file, "{\"epoch\":%lld,\"step\":%lld", (long long)progress->epoch, (long long)progress->step);
    put_scores(log->file, "", progress->train, ",");
    put_scores(log->file, "val_", progress->val, ",");
    put_settings(log->file, instance, progress->values);
    if (progress->norms) {
        fputs(",\"gradient_norms\":{", log->file);
        put_scores(log->file, "", progress->norms, "");
        fputc('}', log->file);
    }
    fprintf(log->file, ",\"seconds\":%.3f,\"peak_nbytes\":%lld}\n", seconds_since(&log->start),
            (long long)nnrt_peak_nbytes());
    fflush(log->file);
}

void nnrt_log_scores(nnrt_log *log, const char *set, const nnrt_scores *scores) {
    char prefix[16];
    if (!log->file) return;
    snprintf(prefix, sizeof prefix, "%s_", set);
    fputc('{', log->file);
    put_scores(log->file, prefix, scores, "");
    fputs("}\n", log->file);
}
