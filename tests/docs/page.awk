# Turns a page of documentation into a shell script that tries its code blocks in order. The convention is in CONTRIBUTING.md, the functions
# that the script calls (check_nnet, expect, ...) are in page.sh.
#
# A block becomes a here-document (nnet, c, ...) or, for sh, the commands themselves, so that one block's variables and folder last into the next.

function quoted(text) {
    gsub(/'/, "'\\''", text)
    return "'" text "'"
}

# The word after `key=` in the fence's label; "" if there is none.
function setting(key,    i) {
    for (i = 2; i <= n_words; i++)
        if (index(words[i], key "=") == 1) return substr(words[i], length(key) + 2)
    return ""
}

function has(word,    i) {
    for (i = 2; i <= n_words; i++)
        if (words[i] == word) return 1
    return 0
}

# The number of backticks at the start of a line.
function ticks(line) {
    match(line, /^`*/)
    return RLENGTH
}

function complain(what) {
    print "complain " NR " " quoted(what)
}

# `command # prints: TEXT` runs the command and compares the last line of what it prints.
function emit_command(text,    at) {
    at = match(text, /[ \t]# prints: /)
    if (!at) {
        print text
        return
    }
    print "{ " substr(text, 1, at - 1) "; } > \"$scratch/line\" 2>&1"
    print "cat \"$scratch/line\""
    print "prints " NR " " quoted(substr(text, at + RLENGTH))
}

function begin_block() {
    n_words = split(substr($0, fence + 1), words, /[ \t]+/)
    kind = words[1]
    first = NR
    body = ""
    if (kind == "") complain("a code block without a label: see \"Documentation\" in CONTRIBUTING.md")
    if (kind == "sh" && !skipped) print "begin_sh " NR
}

function end_sh(    exit_code) {
    if (skipped) return
    exit_code = setting("exit")
    if (exit_code != "") {
        print "set +e; ("
        printf "%s", body
        print ")"
        print "exit_code=$?; set -e; expect_exit " first " \"$exit_code\" " exit_code
    }
    print "end_sh"
}

function end_block(    file, mark) {
    if (kind == "sh") {
        end_sh()
        after_sh = !skipped
    } else {
        if (within != "") {
            sub(/(^|\n)[ \t]*\.\.\.[ \t]*\n/, "\n@BLOCK@\n", within)
            mark = index(within, "@BLOCK@\n")
            if (!mark) complain("`within` without a line `...`")
            body = substr(within, 1, mark - 1) body substr(within, mark + 8)
        }
        file = setting("file")
        if (kind == "text" && !skipped && file == "") {
            if (after_sh) emit_text("expect " first, body)
        } else if (!skipped && (file != "" || kind ~ /^(nnet|nnet-error|c|cpp)$/)) {
            emit_text("block " first " " kind " " quoted(file) " " quoted(heading) " " has("more"), body)
        }
        after_sh = 0
    }
    kind = ""
    within = ""
    skipped = 0
}

function emit_text(command, text) {
    print command " <<'END_OF_BLOCK'"
    printf "%s", text
    print "END_OF_BLOCK"
}

in_within {
    if (/^-->/) in_within = 0
    else within = within $0 "\n"
    next
}
in_block && /^```+[ ]*$/ && ticks($0) >= fence {
    in_block = 0
    end_block()
    next
}
in_block {
    if (kind == "sh" && setting("exit") == "" && !skipped) {
        command = command $0
        if (/\\$/) {
            command = command "\n"
        } else {
            emit_command(command)
            command = ""
        }
    }
    body = body $0 "\n"
    next
}
/^```/ { # also of more backticks, around blocks that are shown as they are written
    in_block = 1
    fence = ticks($0)
    begin_block()
    next
}
/^<!-- within$/ { in_within = 1; within = ""; next }
/^<!-- run: .* -->$/ {
    line = $0
    sub(/^<!-- run: /, "", line)
    sub(/ -->$/, "", line)
    print "begin_sh " NR
    print line
    print "end_sh"
    next
}
/^<!-- not run: .* -->$/ { skipped = 1; next }
/^## / { heading = $2 }
/[^ ]/ { after_sh = 0 }
END {
    if (in_block) complain("a code block without an end")
    print "finish"
}
