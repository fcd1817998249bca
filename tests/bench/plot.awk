# Lines "panel <tab> series <tab> x <tab> y" become an SVG of two panels, "time" (microseconds) and "memory" (MB), both axes logarithmic.
# -v title=... -v xlabel=...
function log10(v) { return log(v) / log(10) }
function px(panel, x) { return left[panel] + (log(x) - xlow) / (xhigh - xlow) * width }
function py(panel, y) { return top + height - (log10(y) - ylow[panel]) / (yhigh[panel] - ylow[panel]) * height }
function floor(v) { return v < int(v) ? int(v) - 1 : int(v) }
function text(x, y, anchor, what, extra) {
  printf "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" %s>%s</text>\n", x, y, anchor, extra, what
}
function power(e) { return e >= 0 && e <= 4 ? 10 ^ e : (e < 0 ? sprintf("%." (-e) "f", 10 ^ e) : "1e" e) }
BEGIN {
  FS = "\t"
  width = 330; height = 230; top = 46
  left["time"] = 60; left["memory"] = 470
  unit["time"] = "time of a step, microseconds"; unit["memory"] = "memory, MB"
  colour[1] = "#1b6ca8"; colour[2] = "#c1440e"; colour[3] = "#3a7d44"
  dash[1] = ""; dash[2] = "stroke-dasharray=\"5 3\""; dash[3] = "stroke-dasharray=\"2 3\""
}
NF == 4 && $4 > 0 {
  p = $1; s = $2
  if (!((p, s) in number)) { number[p, s] = ++series[p]; name[p, series[p]] = s }
  k = number[p, s]
  n = ++points[p, k]; xs[p, k, n] = $3; ys[p, k, n] = $4
  if (xlow == "" || log($3) < xlow) xlow = log($3)
  if (xhigh == "" || log($3) > xhigh) xhigh = log($3)
  if (!(p in lowest) || $4 < lowest[p]) lowest[p] = $4
  if (!(p in highest) || $4 > highest[p]) highest[p] = $4
  if (!($3 in ticks)) { ticks[$3]; order[++n_ticks] = $3 }
}
END {
  print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 820 390\" font-family=\"sans-serif\" font-size=\"11\">"
  print "<rect width=\"820\" height=\"390\" fill=\"white\"/>"
  text(410, 18, "middle", title, "font-size=\"13\"")
  for (panel = 1; panel <= 2; panel++) {
    p = panel == 1 ? "time" : "memory"
    ylow[p] = floor(log10(lowest[p])); yhigh[p] = floor(log10(highest[p])) + 1
    text(left[p], top - 8, "start", unit[p], "")
    for (e = ylow[p]; e <= yhigh[p]; e++) {
      y = py(p, 10 ^ e)
      printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>\n", left[p], left[p] + width, y, y
      text(left[p] - 6, y + 4, "end", power(e), "")
    }
    for (i = 1; i <= n_ticks; i++) {
      x = px(p, order[i])
      printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\" stroke=\"#eee\"/>\n", x, x, top, top + height
      text(x, top + height + 15, "middle", order[i], "")
    }
    printf "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", left[p], top, width, height
    text(left[p] + width / 2, top + height + 32, "middle", xlabel, "")
    for (k = 1; k <= series[p]; k++) {
      path = ""
      for (i = 1; i <= points[p, k]; i++) path = path sprintf("%s%.1f %.1f", i == 1 ? "M" : " L", px(p, xs[p, k, i]), py(p, ys[p, k, i]))
      printf "<path d=\"%s\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" %s/>\n", path, colour[k], dash[k]
      for (i = 1; i <= points[p, k] && k == 1; i++) printf "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%s\"/>\n", px(p, xs[p, k, i]), py(p, ys[p, k, i]), colour[k]
      y = top + height + 50 + 16 * (k - 1)
      printf "<line x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"%s\" stroke-width=\"1.6\" %s/>\n", left[p], left[p] + 26, y - 4, y - 4, colour[k], dash[k]
      text(left[p] + 32, y, "start", name[p, k], "")
    }
  }
  print "</svg>"
}
