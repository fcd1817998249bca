# Reads gradcheck.table, then `nnc doc --std --format=json`; writes WORK/NAME.nnet for each layer and fn whose module begins with
# PREFIX (and not with EXCEPT): a model that applies the item to tensors of three sizes, with axes of size 1 among them.
# Prints on standard error what it cannot make a model for, and ends with 1 then.
function fail(text) { print "gradcheck: " text > "/dev/stderr"; failed = 1 }
function trim(text) { gsub(/^ +| +$/, "", text); return text }
function field(key,   at, text) {   # of a JSON line; signatures hold no quotes but escaped ones
  at = index($0, "\"" key "\":\"")
  text = substr($0, at + length(key) + 4)
  gsub(/\\"/, "\001", text)
  sub(/".*/, "", text)
  gsub(/\001/, "\"", text)
  return text
}
# The last list of a signature: what stands in its parentheses.
function last_list(sig,   depth, i, c, start) {
  sub(/ -> .*/, "", sig)
  for (i = 1; i <= length(sig); i++) {
    c = substr(sig, i, 1)
    if (c == "(" && depth++ == 0) start = i
    if (c == ")" && --depth == 0) last = substr(sig, start + 1, i - start - 1)
  }
  return last
}
# Size of a dim in variant v: all different ones; in the second the first dim of the first tensor is 1, in the third the last.
# gradcheck.table may fix some.
function size_of(name, v) {
  if (name ~ /^[0-9]+$/) return name
  if ((item, name) in fixed) return fixed[item, name]
  if (name == small[v]) return 1
  if (!(name in number)) number[name] = n_numbers++
  return 2 + (number[name] + v) % 4
}
function shape_of(list, v,   n, dims, i, text, size) {
  n = split(list, dims, /, */)
  for (i = 1; i <= n; i++) {
    size = dims[i] ~ /^\.\.\./ ? pack[v] : size_of(dims[i], v)
    text = text (i > 1 ? ", " : "") size
  }
  return text
}
function note_small(list,   n, dims) {
  n = split(list, dims, /, */)
  small[1] = ""; small[2] = dims[1]; small[3] = dims[n]
}
# text with the name `from` called `to`.
function rename(text, from, to,   done, word) {
  while (match(text, /[A-Za-z_][A-Za-z_0-9]*/)) {
    word = substr(text, RSTART, RLENGTH)
    done = done substr(text, 1, RSTART - 1) (word == from ? to : word)
    text = substr(text, RSTART + RLENGTH)
  }
  return done text
}
function write_model(file, kind, name, sig, args,   params, n, i, parts, v, variable, type, list, made, call, result, values) {
  params = last_list(sig)
  n = 0
  while (match(params, /[a-z_0-9]+: [a-z0-9]+\[[^]]*\]/)) {
    n++
    split(substr(params, RSTART, RLENGTH), parts, /: /)
    variable[n] = parts[1]
    type[n] = parts[2]; sub(/\[.*/, "", type[n])
    list[n] = substr(params, RSTART, RLENGTH); sub(/^[^[]*\[/, "", list[n]); sub(/\]$/, "", list[n])
    params = substr(params, RSTART + RLENGTH)
  }
  if (!n) { fail("'" name "' takes no tensor: add a line to gradcheck.table"); return }
  note_small(list[1])
  print "model Check {\n  param gain: real[2] = constant(0.7)" > file
  for (v = 1; v <= 3; v++) {
    made = ""
    for (i = 1; i <= n; i++) {
      print "  input " variable[i] "_" v ": " (type[i] == "real" ? "f64" : type[i]) "[" shape_of(list[i], v) "]" > file
      values = ((name, variable[i]) in feed) ? feed[name, variable[i]] : variable[i]
      made = made (i > 1 ? ", " : "") rename(values, variable[i], variable[i] "_" v)
    }
    call = name (args != "" ? "(" args ")" : kind == "layer" ? "()" : "") "(" made ")"
    print "  let r_" v " = " call > file
    result = result (v > 1 ? " + " : "") "mean(sin(gain[0] * r_" v " + gain[1]))"
  }
  print "  loss " result "\n}" > file
  close(file)
}
BEGIN { pack[1] = "3"; pack[2] = "2, 1"; pack[3] = "1" }
FILENAME == ARGV[1] {
  if (/^ *(#|$)/) next
  n = split($0, cells, "|")
  name = trim(cells[1])
  listed[name] = 1
  if (name ~ /\./) { family[name] = 1; next }
  if (trim(cells[2]) ~ /^skip: ./) { skipped[name] = 1; next }
  arguments[name] = trim(cells[2])
  if (arguments[name] ~ /^body: /) { body[name] = substr(arguments[name], 7); next }
  n_parts = split(cells[3], parts, ";")
  for (i = 1; i <= n_parts; i++) {
    if (!match(parts[i], /=/)) continue
    key = trim(substr(parts[i], 1, RSTART - 1)); value = trim(substr(parts[i], RSTART + 1))
    if (key ~ /^[A-Z]+$/) fixed[name, key] = value
    else feed[name, key] = value
  }
  next
}
{
  item = field("name"); kind = field("kind"); module = field("module")
  exists[item] = 1
  if (kind != "layer" && kind != "fn") next
  if (index(module, prefix) != 1 || (except != "" && index(module, except) == 1) || skipped[item]) next
  for (name in family) if (index(module, name) == 1) next
  count++
  split("", number); n_numbers = 0
  if (item in body) {
    print "model Check {\n" body[item] "\n}" > (work "/" item ".nnet")
    close(work "/" item ".nnet")
  } else
    write_model(work "/" item ".nnet", kind, item, field("signature"), arguments[item])
}
END {
  for (name in listed) if (!exists[name] && !(name in family)) fail("gradcheck.table lists '" name "', which the library has not")
  if (!count) fail("no item of the library begins with '" prefix "'")
  exit failed
}
