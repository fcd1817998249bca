#include "extras/plot.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/status.h"
#include "extras/report.h"

enum { WIDTH = 720, PANEL = 260, LEFT = 64, RIGHT = 20, TOP = 44, BOTTOM = 40, HEAD = 34, POINTS = 600, TICKS = 5 };

static const char STYLE[] =
    "<style>\n"
    "  svg { font: 12px system-ui, sans-serif; background: #fff; }\n"
    "  .text { fill: #333; } .faint { fill: #767676; } .title { font-weight: 600; font-size: 14px; }\n"
    "  .grid { stroke: #e3e3e3; stroke-width: 1; } .axis { stroke: #9a9a9a; stroke-width: 1; }\n"
    "  .curve { fill: none; stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }\n"
    "  .c0 { stroke: #1f6fb4; } .c1 { stroke: #c2500a; } .d0 { fill: #1f6fb4; } .d1 { fill: #c2500a; }\n"
    "  @media (prefers-color-scheme: dark) {\n"
    "    svg { background: #16181c; } .text { fill: #e0e0e0; } .faint { fill: #9a9a9a; }\n"
    "    .grid { stroke: #2c3036; } .axis { stroke: #6a6f76; }\n"
    "    .c0 { stroke: #6cb4ee; } .c1 { stroke: #f2a65a; } .d0 { fill: #6cb4ee; } .d1 { fill: #f2a65a; }\n"
    "  }\n"
    "</style>\n";

/* ---- what is shown ----------------------------------------------------------------------------------------------- */

void nnrt_plot_open(nnrt_plot *plot, const char *path, const nnrt_model *model) {
    *plot = (nnrt_plot){.path = path, .model = model->name};
}

void nnrt_plot_close(nnrt_plot *plot) {
    for (int i = 0; i < 4; i++) free(plot->panels[i / 2].curves[i % 2].values);
    free(plot->epochs);
    *plot = (nnrt_plot){0};
}

static bool grow(nnrt_plot *plot) {
    if (plot->n < plot->capacity) return true;
    int64_t  capacity = plot->capacity ? 2 * plot->capacity : 64;
    int64_t *epochs   = realloc(plot->epochs, (size_t)capacity * sizeof *epochs);
    if (!epochs) return false;
    plot->epochs = epochs;
    for (int i = 0; i < 4; i++) {
        nnrt_curve *curve  = &plot->panels[i / 2].curves[i % 2];
        double     *values = realloc(curve->values, (size_t)capacity * sizeof *values);
        if (!values) return false;
        curve->values = values;
    }
    plot->capacity = capacity;
    return true;
}

static double value_of(const nnrt_scores *scores, const char *name) {
    const nnrt_score *score = scores ? nnrt_scores_find(scores, name) : NULL;
    return score ? score->values[0] : NAN;
}

/* The loss that is minimized: called "loss", or the first one. */
static const char *loss_name(const nnrt_scores *train) {
    if (nnrt_scores_find(train, "loss")) return "loss";
    return train->n > 0 ? train->items[0].name : "loss";
}

nnrt_status nnrt_plot_add(nnrt_plot *plot, const nnrt_progress *progress, const nnrt_model *model, nnrt_error *error) {
    const char       *loss     = loss_name(progress->train);
    const nnrt_score *headline = progress->val ? nnrt_scores_headline(progress->val, model) : NULL;
    if (!grow(plot)) return nnrt_fail_memory(error, 0, "a plot");
    nnrt_panel *losses = &plot->panels[0], *metric = &plot->panels[1];
    snprintf(losses->title, sizeof losses->title, "%s", loss);
    if (headline && strcmp(headline->name, loss) != 0)
        snprintf(metric->title, sizeof metric->title, "%s", headline->name);
    for (int i = 0; i < 2; i++) {
        nnrt_panel *panel                = &plot->panels[i];
        panel->curves[0].values[plot->n] = panel->curves[1].values[plot->n] = NAN;
        if (!panel->title[0]) continue;
        panel->curves[0].values[plot->n] = value_of(progress->train, panel->title);
        panel->curves[1].values[plot->n] = value_of(progress->val, panel->title);
    }
    plot->n_epochs          = progress->n_epochs;
    plot->epochs[plot->n++] = progress->epoch;
    return NNRT_OK;
}

/* ---- scales ------------------------------------------------------------------------------------------------------ */

typedef struct Scale { /* from values to places */
    double low, high;  /* of the axis; logarithms where is_log */
    double from, to;
    bool   is_log;
} Scale;

static double place(const Scale *scale, double value) {
    double at = scale->is_log ? log10(value) : value;
    return scale->from + (scale->to - scale->from) * (at - scale->low) / (scale->high - scale->low);
}

/* 1, 2 or 5 times a power of ten: what cuts the range into at most TICKS parts. */
static double nice_step(double range) {
    double power = pow(10, floor(log10(range / TICKS)));
    double ratio = range / TICKS / power;
    return power * (ratio <= 1 ? 1 : ratio <= 2 ? 2 : ratio <= 5 ? 5 : 10);
}

static void find_range(const nnrt_panel *panel, int64_t n, double *low, double *high) {
    *low  = INFINITY;
    *high = -INFINITY;
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < n; i++) {
            double value = panel->curves[k].values[i];
            if (!isfinite(value)) continue;
            *low  = fmin(*low, value);
            *high = fmax(*high, value);
        }
}

/* Values that span more than a factor of 50 are shown by their logarithms. */
static Scale value_scale(const nnrt_panel *panel, int64_t n, double from, double to) {
    Scale  scale = {.from = from, .to = to};
    double low, high;
    find_range(panel, n, &low, &high);
    if (low > high) low = 0, high = 1;
    scale.is_log = low > 0 && high / low > 50;
    if (scale.is_log) {
        scale.low  = floor(log10(low));
        scale.high = ceil(log10(high));
        return scale;
    }
    if (high - low < 1e-9 * fmax(fabs(low), fabs(high)) || high == low) low -= 0.5, high += 0.5;
    double step = nice_step(high - low);
    scale.low   = floor(low / step) * step;
    scale.high  = ceil(high / step) * step;
    return scale;
}

/* ---- drawing ----------------------------------------------------------------------------------------------------- */

static void draw_text(FILE *out, double x, double y, const char *anchor, const char *class, const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor, class);
    for (; *text; text++) switch (*text) {
        case '<': fputs("&lt;", out); break;
        case '>': fputs("&gt;", out); break;
        case '&': fputs("&amp;", out); break;
        default: fputc(*text, out);
        }
    fputs("</text>\n", out);
}

static void draw_line(FILE *out, double x0, double y0, double x1, double y1, const char *class) {
    fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" class=\"%s\"/>\n", x0, y0, x1, y1, class);
}

static void draw_value_tick(FILE *out, const Scale *scale, double value) {
    char   text[32];
    double y = place(scale, value);
    draw_line(out, LEFT, y, WIDTH - RIGHT, y, "grid");
    snprintf(text, sizeof text, "%.4g", fabs(value) < 1e-12 ? 0 : value);
    draw_text(out, LEFT - 8, y + 4, "end", "faint", text);
}

static void draw_value_axis(FILE *out, const Scale *scale) {
    if (scale->is_log) {
        int every = (int)((scale->high - scale->low) / (TICKS + 1)) + 1;
        for (double at = scale->low; at <= scale->high + 1e-9; at += every) draw_value_tick(out, scale, pow(10, at));
        return;
    }
    double step = nice_step(scale->high - scale->low);
    for (int i = 0; scale->low + i * step <= scale->high + step / 1e6; i++)
        draw_value_tick(out, scale, scale->low + i * step);
}

static void draw_epoch_axis(FILE *out, const Scale *scale, double y) {
    double step = fmax(1, nice_step(fmax(1, scale->high - scale->low)));
    char   text[32];
    draw_line(out, LEFT, y, WIDTH - RIGHT, y, "axis");
    for (double at = ceil(scale->low / step) * step; at <= scale->high; at += step) {
        double x = place(scale, at);
        draw_line(out, x, y, x, y + 4, "axis");
        snprintf(text, sizeof text, "%.0f", at);
        draw_text(out, x, y + 17, "middle", "faint", text);
    }
    draw_text(out, (LEFT + WIDTH - RIGHT) / 2.0, y + 33, "middle", "faint", "epoch");
}

/* At most POINTS points, the last one always. A value that is no number leaves a gap. */
static void draw_curve(FILE *out, const nnrt_plot *plot, const nnrt_curve *curve, int index, const Scale *x,
                       const Scale *y) {
    int64_t every = plot->n / POINTS + 1;
    bool    down  = false;
    fprintf(out, "<path class=\"curve c%d\" d=\"", index);
    for (int64_t i = 0; i < plot->n; i++) {
        double value = curve->values[i];
        if (i % every != 0 && i != plot->n - 1) continue;
        if (isfinite(value))
            fprintf(out, "%c%.1f %.1f", down ? 'L' : 'M', place(x, (double)plot->epochs[i]), place(y, value));
        down = isfinite(value);
    }
    fputs("\"/>\n", out);
}

static int64_t last_value(const nnrt_plot *plot, const nnrt_curve *curve) {
    int64_t i = plot->n - 1;
    while (i >= 0 && !isfinite(curve->values[i])) i--;
    return i;
}

/* A dot where the curve stands, and its name and value in the panel's head; returns where the next name goes. */
static double draw_legend(FILE *out, const nnrt_plot *plot, const nnrt_panel *panel, int index, double at, double top,
                          const Scale *x, const Scale *y) {
    const nnrt_curve *curve = &panel->curves[index];
    char              text[128], number[32], class[8];
    int64_t           last = last_value(plot, curve);
    if (last < 0) return at;
    snprintf(class, sizeof class, "d%d", index);
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" class=\"%s\"/>\n", place(x, (double)plot->epochs[last]),
            place(y, curve->values[last]), class);
    fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"%s\"/>\n", at, top - 4, class);
    snprintf(text, sizeof text, "%s %s %s", index ? "val" : "train", panel->title,
             nnrt_number_text(curve->values[last], number, sizeof number));
    draw_text(out, at + 9, top, "start", "text", text);
    return at + 34 + 6.6 * (double)strlen(text);
}

static void draw_panel(FILE *out, const nnrt_plot *plot, const nnrt_panel *panel, double top) {
    double bottom = top + PANEL - BOTTOM;
    Scale  x      = {.low = (double)plot->epochs[0], .high = (double)plot->n_epochs, .from = LEFT, .to = WIDTH - RIGHT};
    Scale  y      = value_scale(panel, plot->n, bottom, top + TOP);
    char   title[96];
    if (x.high <= x.low) x.high = x.low + 1;
    snprintf(title, sizeof title, "%.64s%s", panel->title, y.is_log ? " (logarithmic)" : "");
    draw_text(out, LEFT, top + 8, "start", "text title", title);
    draw_value_axis(out, &y);
    draw_epoch_axis(out, &x, bottom);
    double at = LEFT + 4;
    for (int i = 0; i < 2; i++) {
        draw_curve(out, plot, &panel->curves[i], i, &x, &y);
        at = draw_legend(out, plot, panel, i, at, top + 28, &x, &y);
    }
}

nnrt_status nnrt_plot_draw(nnrt_plot *plot, nnrt_error *error) {
    nnrt_writer writer;
    char        title[160];
    int         n_panels = plot->panels[1].title[0] ? 2 : 1, height = HEAD + n_panels * (PANEL + 12);
    nnrt_status status = nnrt_writer_open(&writer, plot->path, error);
    if (status != NNRT_OK) return status;
    errno     = 0;
    FILE *out = writer.file;
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" role=\"img\" "
            "aria-label=\"learning curves of %s\">\n%s",
            WIDTH, height, WIDTH, height, plot->model, STYLE);
    if (plot->n > 0) {
        snprintf(title, sizeof title, "%.80s, epoch %lld of %lld", plot->model, (long long)plot->epochs[plot->n - 1],
                 (long long)plot->n_epochs);
        draw_text(out, WIDTH - RIGHT, 22, "end", "faint", title);
        for (int i = 0; i < n_panels; i++) draw_panel(out, plot, &plot->panels[i], HEAD + i * (PANEL + 12));
    }
    fputs("</svg>\n", out);
    if (ferror(out)) writer.failure = errno ? errno : EIO;
    clock_gettime(CLOCK_MONOTONIC, &plot->drawn);
    return nnrt_writer_commit(&writer, error);
}
