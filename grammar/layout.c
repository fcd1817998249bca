/* From spellings to what the parser reads: the ';' at line ends and before '}', and the words that are keywords only
 * in some places. Also keeps the stack of open brackets, for recovery: a statement that begins inside '(' or '['
 * ends them, a declaration at the first column ends every block. */
#include "token.h"

#include <string.h>

enum { MAX_NESTING = 200, ENOUGH_ERRORS = 100 };

/* ---- words ------------------------------------------------------------------------------------------------------------ */

typedef enum Place {
    NAMED,  /* at the start of a statement, before a name: `param w` */
    VALUED, /* at the start of a statement, before a value or a block: `loss mse(a, b)`, `train {` */
    AFTER,  /* after a value: `over`, `with` */
    OVER,   /* right after `over` */
} Place;

static const struct Word {
    const char *text;
    int         kind;
    Place       place;
    bool        declares; /* begins a declaration: at the first column it ends an unclosed block */
} words[] = {
    {"import", TOK_IMPORT, NAMED, true},
    {"const", TOK_CONST, NAMED, true},
    {"model", TOK_MODEL, NAMED, true},
    {"layer", TOK_LAYER, NAMED, true},
    {"optimizer", TOK_OPTIMIZER, NAMED, true},
    {"schedule", TOK_SCHEDULE, NAMED, true},
    {"initialiser", TOK_INITIALISER, NAMED, true},
    {"initializer", TOK_INITIALISER, NAMED, true},
    {"test", TOK_TEST, VALUED, true},
    {"metric", TOK_METRIC, VALUED, false},
    {"dim", TOK_DIM, NAMED, false},
    {"input", TOK_INPUT, NAMED, false},
    {"target", TOK_TARGET, NAMED, false},
    {"part", TOK_PART, NAMED, false},
    {"param", TOK_PARAM, NAMED, false},
    {"state", TOK_STATE, NAMED, false},
    {"output", TOK_OUTPUT, VALUED, false},
    {"loss", TOK_LOSS, VALUED, false},
    {"train", TOK_TRAIN, VALUED, false},
    {"fit", TOK_FIT, VALUED, false},
    {"minimize", TOK_MINIMIZE, VALUED, false},
    {"group", TOK_GROUP, VALUED, false},
    {"freeze", TOK_FREEZE, VALUED, false},
    {"emit", TOK_EMIT, VALUED, false},
    {"assert", TOK_ASSERT, VALUED, false},
    {"over", TOK_OVER, AFTER, false},
    {"reverse", TOK_REVERSE, AFTER, false},
    {"carry", TOK_CARRY, AFTER, false},
    {"with", TOK_WITH, AFTER, false},
    {"times", TOK_TIMES, AFTER, false},
    {"until", TOK_UNTIL, AFTER, false},
    {"from", TOK_FROM, AFTER, false},
    {"fan", TOK_FAN, AFTER, false},
    {"gradient", TOK_GRADIENT, AFTER, false},
    {"axis", TOK_AXIS, OVER, false},
    {"all", TOK_ALL, OVER, false},
};

static const struct Word *word_of(const Token *token) {
    if (token->kind != TOK_IDENT) return NULL;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i].text, token->value.TOK_IDENT) == 0) return &words[i];
    return NULL;
}

static bool ends_value(int kind) {
    switch (kind) {
    case TOK_IDENT:
    case TOK_INT:
    case TOK_REAL:
    case TOK_STRING:
    case TOK_TRUE:
    case TOK_FALSE:
    case TOK_FN: /* the type */
    case TOK_ALL:
    case TOK_REVERSE:
    case ')':
    case ']':
    case '}': return true;
    default: return false;
    }
}

/* What makes the word before it an ordinary name, whatever the word: `state := 1`, `loss.x`, `metric = "a"`. */
static bool follows_name(const Token *next) {
    return next->kind == '=' || next->kind == TOK_ASSIGN || next->kind == '.';
}

/* What may follow a keyword that wants a name: nothing that could continue an expression. */
static bool follows_named_keyword(const Token *next) {
    if (next->line_before) return false;
    return next->kind == TOK_IDENT || next->kind == TOK_STRING || next->kind == TOK_INT ||
           (next->kind >= TOK_AND && next->kind <= TOK_FALSE && next->kind != TOK_AND && next->kind != TOK_OR &&
            next->kind != TOK_AS && next->kind != TOK_IN && next->kind != TOK_THEN && next->kind != TOK_ELSE);
}

/* The kind of tokens.data[index] where `previous` was given before it. */
static int kind_at(const Layout *layout, int index, int previous) {
    const Token       *token = &layout->tokens.data[index];
    const struct Word *word  = word_of(token);
    if (!word) return token->kind;
    const Token *next     = token + 1; /* END has no word, so there is one */
    bool         starting = previous == ';' || previous == '{';
    bool         keyword  = false;
    switch (word->place) {
    case NAMED: keyword = starting && (follows_named_keyword(next) || (word->declares && !layout->open.len)); break;
    case VALUED: keyword = starting && !follows_name(next); break;
    case AFTER: keyword = ends_value(previous) && !follows_name(next); break;
    case OVER: keyword = previous == TOK_OVER; break;
    }
    if (word->kind == TOK_GRADIENT) keyword = previous == '}' && next->kind == '(';
    return keyword ? word->kind : TOK_IDENT;
}

/* ---- line ends -------------------------------------------------------------------------------------------------------- */

static bool ends_statement(int kind) {
    return ends_value(kind) || kind == TOK_RETURN;
}

/* Whether a line that begins with this token goes on with the statement of the line before. */
static bool continues(const Layout *layout) {
    const Token *token = &layout->tokens.data[layout->next];
    switch (token->kind) {
    case TOK_IDENT: {
        bool called = token[1].kind == '(' && strcmp(token->value.TOK_IDENT, "gradient") != 0 &&
                      strcmp(token->value.TOK_IDENT, "fan") != 0;
        if (called || token[1].line_before || token[1].kind == ';') return false;
        int kind = kind_at(layout, layout->next, layout->previous);
        return kind >= TOK_OVER && kind <= TOK_GRADIENT;
    }
    case '(': return layout->open.len == 0; /* a declaration's second list on a line of its own */
    case TOK_AND:
    case TOK_OR:
    case TOK_AS:
    case TOK_IN:
    case TOK_THEN:
    case TOK_ELSE:
    case '=':
    case ',':
    case ':':
    case '.':
    case ')':
    case ']':
    case '{':
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
    case '@':
    case '<':
    case '>': return true;
    default: return token->kind >= TOK_PIPE && token->kind <= TOK_FATARROW && token->kind != TOK_ELLIPSIS;
    }
}

static const Bracket *innermost(const Layout *layout) {
    return layout->open.len ? &vec_last(&layout->open) : NULL;
}

static bool in_parentheses(const Layout *layout) {
    return layout->open.len && innermost(layout)->open != '{';
}

static bool in_block(const Layout *layout) {
    for (int i = layout->open.len - 1; i >= 0; i--)
        if (layout->open.data[i].open == '{') return true;
    return false;
}

static bool declares(const Token *token) {
    const struct Word *word = word_of(token);
    if (token->kind == TOK_FN) return token[1].kind == TOK_IDENT;
    return word && word->declares && (follows_named_keyword(token + 1) || token[1].kind == '{' || token[1].kind == '(');
}

/* A line that begins like this is a new statement even inside '(' or '[': one of them was never closed. */
static bool surely_starts_statement(const Token *token) {
    if (!token->line_before) return false;
    if (token->kind == TOK_LET || token->kind == TOK_VAR || token->kind == TOK_RETURN) return true;
    if (token->kind == TOK_FN) return declares(token);
    const struct Word *word = word_of(token);
    if (!word || word->place == AFTER || word->place == OVER) return false;
    return token[1].kind == TOK_IDENT && !token[1].line_before;
}

static bool at_first_column(const Layout *layout, const Token *token) {
    const char *text = diags_source_text(layout->c->diags, token->span.file, NULL);
    return token->span.begin == 0 || text[token->span.begin - 1] == '\n';
}

/* Gives up the '(' and '[' above the innermost '{'; the first of them is to blame. */
static void abandon_parentheses(Layout *layout) {
    while (in_parentheses(layout)) {
        layout->unclosed = vec_last(&layout->open);
        layout->open.len--;
    }
}

/* After an error a line that begins with a statement's word is one, whatever stands at the end of the line before. */
static bool may_start_statement(const Token *token) {
    const struct Word *word = word_of(token);
    return word && (word->place == NAMED || word->place == VALUED) && !follows_name(token + 1);
}

static bool separator_due(Layout *layout, const Token *token) {
    if (layout->previous == ';' || layout->previous == '{') return false;
    if (token->kind == TOK_END) {
        abandon_parentheses(layout);
        return true;
    }
    if (token->kind == '}') {
        abandon_parentheses(layout);
        return true;
    }
    if (in_parentheses(layout)) {
        if (!surely_starts_statement(token)) return false;
        abandon_parentheses(layout);
        return true;
    }
    bool reserved = token->kind == TOK_LET || token->kind == TOK_VAR || token->kind == TOK_RETURN;
    if (layout->skipping) reserved |= may_start_statement(token);
    return token->line_before && (reserved || (ends_statement(layout->previous) && !continues(layout)));
}

/* ---- brackets --------------------------------------------------------------------------------------------------------- */

static void check_nesting(Layout *layout, Span at) {
    if (layout->open.len < MAX_NESTING || layout->too_deep) return;
    layout->too_deep = true;
    diag_error(layout->c->diags, at, E0010, "brackets nest deeper than %d", MAX_NESTING);
}

static void open_bracket(Layout *layout, const Token *token) {
    check_nesting(layout, token->span);
    bool    of_repeat = token->kind == '{' && layout->repeat_level == layout->open.len + 1;
    Bracket bracket   = {(char)token->kind, of_repeat, token->span};
    if (of_repeat) layout->repeat_level = 0;
    vec_push(layout->c->arena, &layout->open, bracket);
}

static bool closes(char open, int close) {
    return (open == '(' && close == ')') || (open == '[' && close == ']') || (open == '{' && close == '}');
}

static void close_bracket(Layout *layout, int kind) {
    if (layout->open.len && closes(innermost(layout)->open, kind)) layout->open.len--;
}

/* At a declaration in the first column every block still open was left open: reports the innermost. */
static void close_blocks(Layout *layout, const Token *token) {
    abandon_parentheses(layout);
    Diag *diag = diag_error(layout->c->diags, innermost(layout)->span, E0003, "this '{' is never closed");
    diag_label(diag, token->span, "a new declaration begins here");
    layout->closing  = layout->open.len;
    layout->open.len = 0;
}

/* ---- giving tokens ---------------------------------------------------------------------------------------------------- */

Layout layout_new(Compilation *c, TokenVec tokens) {
    return (Layout){.c = c, .tokens = tokens, .previous = ';'};
}

static int give(Layout *layout, int kind, Span at, Span *span) {
    layout->previous      = kind;
    layout->previous_span = at;
    *span                 = at;
    return kind;
}

/* An empty place right after the token last given. */
static Span just_after(const Layout *layout) {
    Span at = layout->previous_span;
    return (Span){at.file, at.end, at.end};
}

static int give_closing(Layout *layout, Span *span) {
    if (layout->previous != ';' && layout->previous != '{') return give(layout, ';', just_after(layout), span);
    layout->closing--;
    return give(layout, '}', just_after(layout), span);
}

static int next_token(NNET_STYPE *value, Span *span, Layout *layout) {
    const Token *token  = &layout->tokens.data[layout->next];
    layout->open_before = layout->open.len;
    layout->unclosed    = (Bracket){0};
    if (!layout->closing && in_block(layout) && token->line_before && declares(token) && at_first_column(layout, token))
        close_blocks(layout, token);
    if (layout->closing) return give_closing(layout, span);
    if (separator_due(layout, token)) return give(layout, ';', just_after(layout), span);
    int kind = kind_at(layout, layout->next, layout->previous);
    *value   = token->value;
    if (kind == TOK_REPEAT) layout->repeat_level = layout->open.len + 1;
    if (kind == '(' || kind == '[' || kind == '{') open_bracket(layout, token);
    if (kind == ')' || kind == ']' || kind == '}') close_bracket(layout, kind);
    if (kind != TOK_END) layout->next++;
    return give(layout, kind, token->span, span);
}

/* Two words in a row at the first column: a declaration, or what somebody takes for one. */
static bool may_declare(const Layout *layout, const Token *token) {
    if (declares(token) || kind_at(layout, layout->next, ';') == TOK_METRIC) return true;
    return token->kind == TOK_IDENT && token[1].kind == TOK_IDENT && !token[1].line_before &&
           at_first_column(layout, token);
}

/* At the top level a ';' ends the skipping only before a declaration, so that a broken head swallows its body. */
static bool skip_ends(const Layout *layout) {
    const Token *token = &layout->tokens.data[layout->next];
    if (layout->open.len > layout->skip_depth) return false;
    return layout->open.len > 0 || token->kind == TOK_END || may_declare(layout, token);
}

/* Nobody reads more errors than these, and none behind nesting that is too deep. */
static void give_up_in_time(Layout *layout) {
    if (layout->too_deep || diags_error_count(layout->c->diags) > ENOUGH_ERRORS) layout->next = layout->tokens.len - 1;
}

int nnet_lex(NNET_STYPE *value, Span *span, Layout *layout) {
    int kind;
    do {
        give_up_in_time(layout);
        kind = next_token(value, span, layout);
    } while (layout->skipping && kind != TOK_END && !(kind == ';' && skip_ends(layout)));
    layout->skipping = false;
    return kind;
}

static bool holds_statements(const Bracket *bracket) {
    return bracket->open == '{' && !bracket->of_repeat;
}

void layout_skip_statement(Layout *layout) {
    int depth = layout->open_before < layout->open.len ? layout->open_before : layout->open.len;
    while (depth > 0 && !holds_statements(&layout->open.data[depth - 1])) depth--;
    layout->skip_depth = depth;
    layout->skipping   = layout->previous != TOK_END && (layout->previous != ';' || !skip_ends(layout));
}

const Bracket *layout_enclosing(const Layout *layout) {
    if (layout->unclosed.span.file) return &layout->unclosed;
    return layout->open_before > 0 ? &layout->open.data[layout->open_before - 1] : NULL;
}
