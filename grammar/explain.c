/* Syntax errors in the user's words: what was expected, in groups ("an expression" rather than its nine beginnings),
 * what was found, the bracket that was left open, and a hint where the mistake is a common one. */
#include "explain.h"

#include <stdarg.h>
#include <string.h>

typedef struct Situation {
    Layout            *layout;
    Span               at;
    const char        *found; /* the parser's word for the token */
    const char *const *expected;
    int                count;
} Situation;

static bool expects(const Situation *s, const char *word) {
    for (int i = 0; i < s->count; i++)
        if (strcmp(s->expected[i], word) == 0) return true;
    return false;
}

/* `list` ends with NULL. */
static bool is_in(const char *word, const char *const *list) {
    for (; *list; list++)
        if (strcmp(word, *list) == 0) return true;
    return false;
}

/* ---- tokens in words -------------------------------------------------------------------------------------------------- */

static const char *source_text(const Situation *s, Span at, int *length) {
    const char *text = diags_source_text(s->layout->c->diags, at.file, NULL);
    *length          = (int)(at.end - at.begin);
    return text + at.begin;
}

/* The raw token `back` places before the one last given (0: the one last given, when it was not inserted). */
static const Token *raw_token(const Situation *s, int back) {
    bool inserted = s->at.begin == s->at.end;
    int  index    = s->layout->next - (inserted ? 0 : 1) - back;
    return index >= 0 ? &s->layout->tokens.data[index] : NULL;
}

static bool spelled(const Situation *s, const Token *token, const char *word) {
    if (!token) return false;
    int         length;
    const char *text = source_text(s, token->span, &length);
    return (size_t)length == strlen(word) && memcmp(text, word, (size_t)length) == 0;
}

static const char *found_in_words(const Situation *s) {
    Arena *arena = s->layout->c->arena;
    int    kind  = s->layout->previous;
    if (kind == TOK_END) return "the end of the file";
    if (s->at.begin == s->at.end) { /* an inserted ';' */
        const Token *next = &s->layout->tokens.data[s->layout->next];
        if (next->kind == TOK_END) return "the end of the file";
        return next->kind == '}' ? "'}'" : "the end of the line";
    }
    if (kind == TOK_STRING) return "a string";
    int         length;
    const char *text = source_text(s, s->at, &length);
    return length <= 40 ? arena_printf(arena, "'%.*s'", length, text) : s->found;
}

/* ---- what was expected ------------------------------------------------------------------------------------------------ */

static const char *const expression_starts[] = {
    "a name",   "a string", "a number", "a number with a point",
    "'-'",      "'not'",    "'if'",     "'fn'",
    "'repeat'", "'scan'",   "'true'",   "'false'",
    "'('",      "'['",      NULL,
};

static const char *const statement_starts[] = {
    "'let'",   "'var'",    "'return'", "'for'",    "'dim'",   "'input'", "'target'", "'output'",
    "'loss'",  "'metric'", "'part'",   "'param'",  "'state'", "'train'", "'fit'",    "'minimize'",
    "'group'", "'freeze'", "'emit'",   "'assert'", "';'",     NULL,
};

static const char *const declaration_starts[] = {
    "'import'",      "'const'",  "'model'", "'layer'", "'optimizer'", "'schedule'",
    "'initialiser'", "'metric'", "'test'",  "'fn'",    "';'",         NULL,
};

/* What may follow any operand: no news where something else is expected too. */
static const char *const continuations[] = {
    "'and'", "'or'",  "'as'",  "'|>'", "'**'", "'//'", "'=='", "'!='", "'<='", "'>='", "'.**'", "'.=='",
    "'.!='", "'.<='", "'.>='", "'.<'", "'.>'", "'.+'", "'.-'", "'.*'", "'./'", "'<'",  "'>'",   "'+'",
    "'-'",   "'*'",   "'/'",   "'%'",  "'@'",  "'('",  "'['",  "'.'",  "'='",  "':='", NULL,
};

static const char *const ends_of_file[] = {"the end of the file", NULL};

typedef struct Wanted {
    const char *words[8];
    int         count;
    bool        more; /* than fit */
} Wanted;

static void want(Wanted *wanted, const char *word) {
    if (wanted->count < (int)(sizeof wanted->words / sizeof *wanted->words))
        wanted->words[wanted->count++] = word;
    else
        wanted->more = true;
}

static Wanted expected_groups(const Situation *s) {
    Wanted wanted       = {0};
    bool   declaration  = expects(s, "'import'");
    bool   statement    = !declaration && expects(s, "'let'");
    bool   expression   = expects(s, "a number");
    bool   continuation = expects(s, "'*'");
    if (declaration) want(&wanted, "a declaration");
    if (statement) want(&wanted, "a statement");
    if (expression && !statement) want(&wanted, "an expression");
    for (int i = 0; i < s->count; i++) {
        const char *word = s->expected[i];
        if (declaration && (is_in(word, declaration_starts) || is_in(word, ends_of_file))) continue;
        if (statement && is_in(word, statement_starts)) continue;
        if (expression && is_in(word, expression_starts)) continue;
        if (continuation && is_in(word, continuations)) continue;
        want(&wanted, strcmp(word, "';'") == 0 ? "the end of the statement" : word);
    }
    if (wanted.count == 0 && continuation) want(&wanted, "an operator");
    return wanted;
}

static const char *expected_in_words(const Situation *s) {
    Arena      *arena  = s->layout->c->arena;
    Wanted      wanted = expected_groups(s);
    const char *text   = NULL;
    if (wanted.more) return NULL;
    for (int i = 0; i < wanted.count; i++) {
        const char *glue = i == wanted.count - 1 ? " or " : ", ";
        text             = text ? arena_printf(arena, "%s%s%s", text, glue, wanted.words[i]) : wanted.words[i];
    }
    return text;
}

/* ---- hints ------------------------------------------------------------------------------------------------------------ */

static const struct {
    const char *word, *help;
} other_languages[] = {
    {"def", "a function is declared with 'fn', a layer with 'layer'"},
    {"func", "a function is declared with 'fn'"},
    {"fun", "a function is declared with 'fn'"},
    {"function", "a function is declared with 'fn'"},
    {"class", "a network is a 'model', a reusable part of one a 'layer'"},
    {"struct", "a network is a 'model', a reusable part of one a 'layer'"},
    {"network", "a network is a 'model'"},
    {"module", "a network is a 'model', a reusable part of one a 'layer'"},
    {"elif", "write 'else if'"},
    {"elsif", "write 'else if'"},
    {"elseif", "write 'else if'"},
    {"while", "loops are 'for i in 0..n' (unrolled) and 'scan' (over an axis)"},
    {"lambda", "a function value is 'fn(x) => x * x'"},
    {"from", "write 'import std.nn'"},
    {"include", "write 'import std.nn'"},
    {"use", "write 'import std.nn'"},
    {"using", "write 'import std.nn'"},
    {"mut", "a name that is assigned again is declared with 'var'"},
    {"val", "a name is bound with 'let'"},
    {"auto", "a name is bound with 'let'"},
    {"end", "a block ends with '}'"},
    {"activation", "an activation is declared with 'fn'"},
    {"is", "'==' compares"},
};

static bool in_brackets(const Situation *s) {
    const Bracket *bracket = layout_enclosing(s->layout);
    return bracket && bracket->open != '{';
}

static const char *hint_of_language(const Situation *s) {
    if (in_brackets(s)) return NULL; /* there it is more often a name like others */
    for (int back = 0; back <= 1; back++)
        for (size_t i = 0; i < sizeof other_languages / sizeof *other_languages; i++)
            if (spelled(s, raw_token(s, back), other_languages[i].word)) return other_languages[i].help;
    return NULL;
}

/* Whether the line that holds the found token begins with '//'. */
static bool on_comment_line(const Situation *s) {
    for (int back = 0; back < 64; back++) {
        const Token *token = raw_token(s, back);
        if (!token) return false;
        if (token->kind == TOK_IDIV && token->line_before) return true;
        if (token->line_before && back > 0) return false;
    }
    return false;
}

static bool is_reserved(int kind) {
    return kind >= TOK_AND && kind <= TOK_FALSE;
}

static bool starts_like_statement(int kind) {
    return kind == TOK_IDENT || kind == TOK_LET || kind == TOK_VAR || kind == TOK_RETURN || kind == TOK_IF ||
           kind == TOK_FOR || (kind >= TOK_IMPORT && kind <= TOK_ASSERT);
}

static bool is_setting_value(int kind) {
    return kind == TOK_INT || kind == TOK_REAL || kind == TOK_STRING || kind == TOK_TRUE || kind == TOK_FALSE ||
           kind == ':';
}

/* What nearly is one of the keywords `starts` (in quotes, as the parser says them). */
static const char *misspelled(const Situation *s, const Token *word, const char *const *starts) {
    enum { MAX_STARTS = 32 };
    const char *names[MAX_STARTS];
    Arena      *arena = s->layout->c->arena;
    int         n     = 0;
    if (!word || word->kind != TOK_IDENT) return NULL;
    for (; *starts && n < MAX_STARTS; starts++)
        if (strlen(*starts) > 3) names[n++] = arena_printf(arena, "%.*s", (int)strlen(*starts) - 2, *starts + 1);
    const char *near = nearest_name(word->value.TOK_IDENT, names, n);
    return near ? arena_printf(arena, "did you mean '%s'?", near) : NULL;
}

/* Two names, of which the first begins a statement. */
static const char *misspelled_statement(const Situation *s) {
    const Token *word = raw_token(s, 1), *before = raw_token(s, 2);
    bool         first = word && (word->line_before || !before || before->kind == '{' || before->kind == ';');
    return first ? misspelled(s, word, statement_starts) : NULL;
}

static const char *setting_hint(const Situation *s) {
    const Token *name = raw_token(s, 1);
    if (!name || name->kind != TOK_IDENT || !name->line_before) return NULL;
    return arena_printf(s->layout->c->arena, "to set it, write '%s = ...'", name->value.TOK_IDENT);
}

static const char *hint_at_top_level(const Situation *s) {
    int kind = s->layout->previous;
    if (kind == TOK_LET || kind == TOK_VAR) return "outside of models and functions a name is bound with 'const'";
    if (kind >= TOK_DIM && kind <= TOK_ASSERT) return "this statement belongs between the braces of a model or layer";
    if (kind == '}') return "this '}' closes nothing";
    return kind == TOK_IDENT ? misspelled(s, raw_token(s, 0), declaration_starts) : NULL;
}

static bool starts_operand(int kind) {
    return kind == TOK_IDENT || kind == TOK_INT || kind == TOK_REAL || kind == TOK_STRING || kind == TOK_TRUE ||
           kind == TOK_FALSE;
}

static const char *hint_of(const Situation *s) {
    int         kind = s->layout->previous;
    const char *help = hint_of_language(s);
    if (help) return help;
    if (expects(s, "'import'") && (help = hint_at_top_level(s))) return help;
    if (kind == TOK_IDENT && expects(s, "';'") && !in_brackets(s) && (help = misspelled_statement(s))) return help;
    if (kind == TOK_IDIV || on_comment_line(s)) return "a comment begins with '#'; '//' is integer division";
    if (expects(s, "'then'") && kind == '{') return "as a value it is 'if condition then a else b'";
    if (expects(s, "'['") && expects(s, "'from'") && kind == '(')
        return "a shape stands between '[' and ']': f32[batch, 4]";
    if (expects(s, "'{'") && kind == ';') return "the body follows between '{' and '}', with the '{' on this line";
    if (expects(s, "')'") && expects(s, "','") && starts_operand(kind)) return "a ',' stands between arguments";
    if (expects(s, "'{'") && kind == ':') return "a block stands between '{' and '}'";
    if (expects(s, "'{'") && kind == '=') return "'==' compares; '=' binds a name";
    if (expects(s, "'then'") && kind == '=') return "'==' compares; '=' binds a name";
    if (expects(s, "'{'") && kind == TOK_FATARROW)
        return "the type of a result stands after '->', the body between '{' and '}'";
    if (expects(s, "'=>'") && kind == TOK_ARROW) return "a function value is 'fn(x) => x * x'";
    if (expects(s, "'='") && kind == TOK_ASSIGN && !expects(s, "':='"))
        return "a name is bound with '='; ':=' assigns to one that exists";
    if (expects(s, "'='") && kind == ':' && spelled(s, raw_token(s, 2), "let"))
        return "'let' takes no type: the value has one";
    if (s->count && expects(s, "a name") && !expects(s, "a number") && is_reserved(kind))
        return "this word is reserved; choose another name";
    if (kind == '=' && expects(s, "')'") && expects(s, "','"))
        return "'==' compares; an argument is named by 'name = value'";
    if (kind == ')' && !in_brackets(s)) return "this ')' closes nothing";
    if (kind == ']' && !in_brackets(s)) return "this ']' closes nothing";
    if (expects(s, "';'") && kind == ',') return "statements end with ';' or with the line, not with ','";
    if (expects(s, "';'") && is_setting_value(kind) && (help = setting_hint(s))) return help;
    if (expects(s, "';'") && !expects(s, "'import'") && starts_like_statement(kind))
        return "statements stand on lines of their own, or with ';' between them";
    return NULL;
}

/* ---- the report ------------------------------------------------------------------------------------------------------- */

static const char *closer_of(char open) {
    return open == '(' ? "')'" : open == '[' ? "']'" : "'}'";
}

/* The bracket that the found token leaves open, or NULL. */
static const Bracket *left_open(const Situation *s) {
    const Bracket *bracket = layout_enclosing(s->layout);
    int            kind    = s->layout->previous;
    bool           closing = kind == ')' || kind == ']' || kind == '}' || kind == ';' || kind == TOK_END;
    return bracket && closing && expects(s, closer_of(bracket->open)) ? bracket : NULL;
}

void explain_syntax_error(Layout *layout, Span at, const char *found, const char *const *expected, int count) {
    if (layout->previous == TOK_NNET_UNDEF || layout->too_deep) { /* reported where it was met */
        layout_skip_statement(layout);
        return;
    }
    Situation      s      = {layout, at, found ? found : "a token", expected, count};
    const Bracket *open   = left_open(&s);
    const char    *wanted = expected_in_words(&s);
    const char    *help   = hint_of(&s);
    DiagCode       code   = open || (expects(&s, "'import'") && layout->previous == '}') ? E0003 : E0001;
    Diag *diag = wanted ? diag_error(layout->c->diags, at, code, "expected %s, found %s", wanted, found_in_words(&s))
                        : diag_error(layout->c->diags, at, code, "unexpected %s", found_in_words(&s));
    if (open) diag_label(diag, open->span, "this '%c' is not closed", open->open);
    if (help) diag_help(diag, "%s", help);
    layout_skip_statement(layout);
}

void explain_too_deep(Layout *layout, Span at) {
    if (layout->too_deep) return;
    Diag *diag = diag_error(layout->c->diags, at, E0010, "this nests too deeply");
    diag_help(diag, "name parts of it with 'let', or write a fn");
}
