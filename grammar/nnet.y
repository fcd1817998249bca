/* The grammar of .nnet. LALR(1) without conflicts; every action is one constructor call of ast/build.h. What depends on
 * line ends and on the place of a word is settled before, in layout.c: every statement ends in ';' here, and
 * words like 'input' are tokens of their own only where they begin a statement. */

%require "3.8"
%expect 0
%define api.pure full
%define api.prefix {nnet_}
%define api.token.prefix {TOK_}
%define api.value.type union
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations

%code requires {
#include "ast/build.h"

typedef struct Layout Layout;
}

%code provides {
/* Parses the tokens of `layout` into build->module. */
int nnet_parse(Build *build, Layout *layout);
}

%code {
#include "explain.h"
#include "token.h"

#define YYINITDEPTH 200
#define YYMAXDEPTH  8000

#define YYLLOC_DEFAULT(current, rhs, n)                                                                                \
    ((current) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                                                   \
                     : (Span){YYRHSLOC(rhs, 0).file, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})

static void yyerror(const Span *at, Build *build, Layout *layout, const char *message);
}

%parse-param {Build *build} {Layout *layout}
%lex-param {Layout *layout}

%token END 0 "the end of the file"
%token <const char *> IDENT "a name" STRING "a string"
%token <uint64_t> INT "a number"
%token <double> REAL "a number with a point"

/* Reserved words. */
%token AND "'and'" OR "'or'" NOT "'not'" IF "'if'" THEN "'then'" ELSE "'else'" FOR "'for'" IN "'in'" LET "'let'"
       VAR "'var'" RETURN "'return'" AS "'as'" FN "'fn'" REPEAT "'repeat'" SCAN "'scan'" TRUE "'true'" FALSE "'false'"

/* Words that are keywords at the start of a statement or declaration. */
%token IMPORT "'import'" CONST "'const'" MODEL "'model'" LAYER "'layer'" OPTIMIZER "'optimizer'" SCHEDULE "'schedule'"
       INITIALISER "'initialiser'" METRIC "'metric'" TEST "'test'" DIM "'dim'" INPUT "'input'" TARGET "'target'"
       OUTPUT "'output'" LOSS "'loss'" PART "'part'" PARAM "'param'" STATE "'state'" TRAIN "'train'" FIT "'fit'"
       MINIMIZE "'minimize'" GROUP "'group'" FREEZE "'freeze'" EMIT "'emit'" ASSERT "'assert'"

/* Words that are keywords after a value. */
%token OVER "'over'" ALL "'all'" AXIS "'axis'" REVERSE "'reverse'" CARRY "'carry'" WITH "'with'" TIMES "'times'"
       UNTIL "'until'" FROM "'from'" FAN "'fan'" GRADIENT "'gradient'"

%token PIPE "'|>'" POW "'**'" IDIV "'//'" EQ "'=='" NE "'!='" LE "'<='" GE "'>='" DOT_POW "'.**'" DOT_EQ "'.=='"
       DOT_NE "'.!='" DOT_LE "'.<='" DOT_GE "'.>='" DOT_LT "'.<'" DOT_GT "'.>'" DOT_ADD "'.+'" DOT_SUB "'.-'"
       DOT_MUL "'.*'" DOT_DIV "'./'" ASSIGN "':='" DOTDOT "'..'" ELLIPSIS "'...'" ARROW "'->'" FATARROW "'=>'"

%left OR
%left AND
%precedence NOT
%left EQ NE '<' LE '>' GE DOT_EQ DOT_NE DOT_LT DOT_LE DOT_GT DOT_GE
%left '+' '-' DOT_ADD DOT_SUB
%left '*' '/' IDIV '%' DOT_MUL DOT_DIV '@'
%precedence NEGATION
%right POW DOT_POW

%type <Decl *> decl
%type <DeclKind> two_lists_kind one_or_two_kind
%type <NameVec> path names names_opt
%type <Name> alias_opt name
%type <Lists> lists lists_opt
%type <ParamDeclVec> params params_opt
%type <ParamDecl> param
%type <TypeExpr *> type type_opt
%type <TypeVec> returns types
%type <Gradient> gradient
%type <Block *> block else_opt stmts
%type <Stmt *> stmt if_stmt
%type <StmtKind> named_value_kind input_kind
%type <Pattern> pattern pattern_item
%type <PatternVec> pattern_items
%type <Fan> fan_opt
%type <Expr *> init_opt source_opt until_opt times_opt with_opt
%type <DimDecl> dim
%type <DimDeclVec> dims
%type <Over> over_opt
%type <Expr *> expr stage operand postfix primary pipe shape_item default_opt values
%type <ExprVec> exprs shape shape_items
%type <ArgVec> args args_opt carries carry_opt
%type <Arg> arg
%type <SubscriptVec> subscripts
%type <Subscript> subscript
%type <ScanSourceVec> sources
%type <ScanSource> source

%%

module
    : decls
    ;

decls
    : %empty
    | decls decl ';'   { build_module_add(build, $2); }
    | decls ';'
    | decls error ';'  { yyerrok; }
    ;

/* ---- declarations ---- */

decl
    : IMPORT path alias_opt                                    { $$ = build_import(build, @$, $2, $3); }
    | CONST name '=' expr                                      { $$ = build_const(build, @$, $2, $4); }
    | two_lists_kind name lists_opt returns block              { $$ = build_callable(build, @$, $1, $2, $3, $4, $5, (Gradient){0}); }
    | one_or_two_kind name lists returns block gradient        { $$ = build_callable(build, @$, $1, $2, $3, $4, $5, $6); }
    | TEST STRING block                                        { $$ = build_test(build, @$, build_name($2, @2), $3); }
    ;

two_lists_kind
    : MODEL        { $$ = DECL_MODEL; }
    | LAYER        { $$ = DECL_LAYER; }
    | OPTIMIZER    { $$ = DECL_OPTIMIZER; }
    | SCHEDULE     { $$ = DECL_SCHEDULE; }
    | INITIALISER  { $$ = DECL_INITIALISER; }
    ;

one_or_two_kind
    : FN           { $$ = DECL_FN; }
    | METRIC       { $$ = DECL_METRIC; }
    ;

name
    : IDENT        { $$ = build_name($1, @1); }
    ;

path
    : name            { $$ = build_names(build, (NameVec){0}, $1); }
    | path '.' name   { $$ = build_names(build, $1, $3); }
    ;

alias_opt
    : %empty       { $$ = build_name(NULL, @$); }
    | AS name      { $$ = $2; }
    ;

lists_opt
    : %empty       { $$ = (Lists){0}; }
    | lists
    ;

lists
    : '(' params_opt ')'                     { $$ = (Lists){1, $2, {0}}; }
    | '(' params_opt ')' '(' params_opt ')'  { $$ = (Lists){2, $2, $5}; }
    ;

params_opt
    : %empty       { $$ = (ParamDeclVec){0}; }
    | params
    | params ','
    ;

params
    : param              { $$ = build_params(build, (ParamDeclVec){0}, $1); }
    | params ',' param   { $$ = build_params(build, $1, $3); }
    ;

param
    : name type_opt default_opt  { $$ = build_param(build, @$, $1, $2, $3); }
    ;

type_opt
    : %empty       { $$ = NULL; }
    | ':' type     { $$ = $2; }
    ;

default_opt
    : %empty       { $$ = NULL; }
    | '=' expr     { $$ = $2; }
    ;

returns
    : %empty                        { $$ = (TypeVec){0}; }
    | ARROW type                    { $$ = build_types(build, (TypeVec){0}, $2); }
    | ARROW '(' types ')'           { $$ = $3; }
    ;

types
    : type             { $$ = build_types(build, (TypeVec){0}, $1); }
    | types ',' type   { $$ = build_types(build, $1, $3); }
    ;

type
    : name                    { $$ = build_type(build, @$, $1, false, (ExprVec){0}); }
    | FN                      { $$ = build_type(build, @$, build_word(build, "fn", @1), false, (ExprVec){0}); }
    | name '[' shape ']'      { $$ = build_type(build, @$, $1, true, $3); }
    ;

shape
    : %empty                  { $$ = (ExprVec){0}; }
    | shape_items
    | shape_items ','
    ;

shape_items
    : shape_item                  { $$ = build_exprs(build, (ExprVec){0}, $1); }
    | shape_items ',' shape_item  { $$ = build_exprs(build, $1, $3); }
    ;

shape_item
    : expr
    | ELLIPSIS IDENT          { $$ = build_pack(build, @$, $2); }
    ;

gradient
    : %empty                             { $$ = (Gradient){0}; }
    | GRADIENT '(' names_opt ')' block   { $$ = (Gradient){$3, $5}; }
    ;

names_opt
    : %empty           { $$ = (NameVec){0}; }
    | names
    ;

names
    : name             { $$ = build_names(build, (NameVec){0}, $1); }
    | names ',' name   { $$ = build_names(build, $1, $3); }
    ;

/* ---- statements ---- */

block
    : '{' stmts '}'        { $$ = build_block_end(build, @$, $2); }
    | '{' stmts error '}'  { $$ = build_block_end(build, @$, $2); }
    ;

stmts
    : %empty               { $$ = build_block(build, @$); }
    | stmts stmt ';'       { $$ = build_block_add(build, $1, $2); }
    | stmts ';'
    | stmts error ';'      { $$ = build_block_add(build, $1, build_stmt_error(build, @2)); yyerrok; }
    ;

stmt
    : expr                                         { $$ = build_expr_stmt(build, @$, STMT_EXPR, $1); }
    | LET pattern '=' values                       { $$ = build_let(build, @$, $2, $4); }
    | VAR name '=' expr                            { $$ = build_bind(build, @$, STMT_VAR, $2, $4); }
    | name ASSIGN expr                             { $$ = build_bind(build, @$, STMT_ASSIGN, $1, $3); }
    | name '=' expr                                { $$ = build_bind(build, @$, STMT_SETTING, $1, $3); }
    | RETURN                                       { $$ = build_expr_stmt(build, @$, STMT_RETURN, NULL); }
    | RETURN values                                { $$ = build_expr_stmt(build, @$, STMT_RETURN, $2); }
    | EMIT values                                  { $$ = build_expr_stmt(build, @$, STMT_EMIT, $2); }
    | if_stmt
    | FOR name IN expr block                       { $$ = build_for(build, @$, $2, $4, NULL, $5); }
    | FOR name IN expr DOTDOT expr block           { $$ = build_for(build, @$, $2, $4, $6, $7); }
    | ASSERT expr                                  { $$ = build_assert(build, @$, $2, NULL); }
    | ASSERT expr ',' expr                         { $$ = build_assert(build, @$, $2, $4); }
    | PARAM name ':' type fan_opt init_opt         { $$ = build_store(build, @$, STMT_PARAM, $2, $4, $5, $6); }
    | STATE name type_opt init_opt                 { $$ = build_store(build, @$, STMT_STATE, $2, $3, (Fan){0}, $4); }
    | FIT block                                    { $$ = build_block_stmt(build, @$, STMT_FIT, $2); }
    | DIM dims                                     { $$ = build_dims_stmt(build, @$, $2); }
    | input_kind name ':' type source_opt          { $$ = build_input(build, @$, $1, $2, $4, $5); }
    | named_value_kind expr                        { $$ = build_bind(build, @$, $1, build_name(NULL, @1), $2); }
    | named_value_kind name '=' expr               { $$ = build_bind(build, @$, $1, $2, $4); }
    | PART name '=' expr                           { $$ = build_bind(build, @$, STMT_PART, $2, $4); }
    | TRAIN block                                  { $$ = build_block_stmt(build, @$, STMT_TRAIN, $2); }
    | MINIMIZE expr over_opt with_opt times_opt    { $$ = build_minimize(build, @$, $2, $3, $4, $5); }
    | GROUP exprs block                            { $$ = build_group(build, @$, $2, $3); }
    | FREEZE exprs until_opt                       { $$ = build_freeze(build, @$, $2, $3); }
    ;

named_value_kind
    : OUTPUT       { $$ = STMT_OUTPUT; }
    | LOSS         { $$ = STMT_LOSS; }
    | METRIC       { $$ = STMT_METRIC; }
    ;

input_kind
    : INPUT        { $$ = STMT_INPUT; }
    | TARGET       { $$ = STMT_TARGET; }
    ;

if_stmt
    : IF expr block else_opt       { $$ = build_if_stmt(build, @$, $2, $3, $4); }
    ;

else_opt
    : %empty                       { $$ = NULL; }
    | ELSE block                   { $$ = $2; }
    | ELSE if_stmt                 { $$ = build_else_if(build, @2, $2); }
    ;

pattern
    : pattern_item
    | pattern_items ',' pattern_item  { $$ = build_pattern_group(@$, build_patterns(build, $1, $3)); }
    ;

pattern_items
    : pattern_item                    { $$ = build_patterns(build, (PatternVec){0}, $1); }
    | pattern_items ',' pattern_item  { $$ = build_patterns(build, $1, $3); }
    ;

pattern_item
    : name                            { $$ = build_pattern_name($1); }
    | '(' pattern_items ')'           { $$ = build_pattern_group(@$, $2); }
    ;

values
    : expr
    | exprs ',' expr                  { $$ = build_list(build, @$, EXPR_TUPLE, build_exprs(build, $1, $3)); }
    ;

fan_opt
    : %empty                          { $$ = (Fan){0}; }
    | FAN '(' expr ',' expr ')'       { $$ = (Fan){$3, $5}; }
    ;

init_opt
    : %empty                          { $$ = NULL; }
    | '=' expr                        { $$ = $2; }
    ;

dims
    : dim                             { $$ = build_dims(build, (DimDeclVec){0}, $1); }
    | dims ',' dim                    { $$ = build_dims(build, $1, $3); }
    ;

dim
    : name                            { $$ = (DimDecl){$1, NULL, NULL}; }
    | name LE expr                    { $$ = (DimDecl){$1, $3, NULL}; }
    | name '=' expr                   { $$ = (DimDecl){$1, NULL, $3}; }
    ;

source_opt
    : %empty                          { $$ = NULL; }
    | FROM expr                       { $$ = $2; }
    ;

over_opt
    : %empty                          { $$ = (Over){true, {0}}; }
    | OVER ALL                        { $$ = (Over){true, {0}}; }
    | OVER exprs                      { $$ = (Over){false, $2}; }
    ;

with_opt
    : %empty                          { $$ = NULL; }
    | WITH expr                       { $$ = $2; }
    ;

times_opt
    : %empty                          { $$ = NULL; }
    | TIMES expr                      { $$ = $2; }
    ;

until_opt
    : %empty                          { $$ = NULL; }
    | UNTIL expr                      { $$ = $2; }
    ;

/* ---- expressions ---- */

expr
    : pipe
    | IF expr THEN expr ELSE expr     { $$ = build_if(build, @$, $2, $4, $6); }
    | FN '(' names_opt ')' FATARROW expr  { $$ = build_lambda(build, @$, $3, $6); }
    ;

pipe
    : stage
    | pipe PIPE stage                 { $$ = build_pipe(build, @$, $1, $3); }
    ;

stage
    : operand
    | operand AS name                 { $$ = build_as(build, @$, $1, $3); }
    ;

operand
    : postfix
    | '-' operand %prec NEGATION      { $$ = build_unary(build, @$, UNARY_NEG, $2); }
    | NOT operand                     { $$ = build_unary(build, @$, UNARY_NOT, $2); }
    | operand OR operand              { $$ = build_binary(build, @$, BIN_OR, @2, $1, $3); }
    | operand AND operand             { $$ = build_binary(build, @$, BIN_AND, @2, $1, $3); }
    | operand EQ operand              { $$ = build_binary(build, @$, BIN_EQ, @2, $1, $3); }
    | operand NE operand              { $$ = build_binary(build, @$, BIN_NE, @2, $1, $3); }
    | operand '<' operand             { $$ = build_binary(build, @$, BIN_LT, @2, $1, $3); }
    | operand LE operand              { $$ = build_binary(build, @$, BIN_LE, @2, $1, $3); }
    | operand '>' operand             { $$ = build_binary(build, @$, BIN_GT, @2, $1, $3); }
    | operand GE operand              { $$ = build_binary(build, @$, BIN_GE, @2, $1, $3); }
    | operand DOT_EQ operand          { $$ = build_binary(build, @$, BIN_DOT_EQ, @2, $1, $3); }
    | operand DOT_NE operand          { $$ = build_binary(build, @$, BIN_DOT_NE, @2, $1, $3); }
    | operand DOT_LT operand          { $$ = build_binary(build, @$, BIN_DOT_LT, @2, $1, $3); }
    | operand DOT_LE operand          { $$ = build_binary(build, @$, BIN_DOT_LE, @2, $1, $3); }
    | operand DOT_GT operand          { $$ = build_binary(build, @$, BIN_DOT_GT, @2, $1, $3); }
    | operand DOT_GE operand          { $$ = build_binary(build, @$, BIN_DOT_GE, @2, $1, $3); }
    | operand '+' operand             { $$ = build_binary(build, @$, BIN_ADD, @2, $1, $3); }
    | operand '-' operand             { $$ = build_binary(build, @$, BIN_SUB, @2, $1, $3); }
    | operand DOT_ADD operand         { $$ = build_binary(build, @$, BIN_DOT_ADD, @2, $1, $3); }
    | operand DOT_SUB operand         { $$ = build_binary(build, @$, BIN_DOT_SUB, @2, $1, $3); }
    | operand '*' operand             { $$ = build_binary(build, @$, BIN_MUL, @2, $1, $3); }
    | operand '/' operand             { $$ = build_binary(build, @$, BIN_DIV, @2, $1, $3); }
    | operand IDIV operand            { $$ = build_binary(build, @$, BIN_IDIV, @2, $1, $3); }
    | operand '%' operand             { $$ = build_binary(build, @$, BIN_MOD, @2, $1, $3); }
    | operand DOT_MUL operand         { $$ = build_binary(build, @$, BIN_DOT_MUL, @2, $1, $3); }
    | operand DOT_DIV operand         { $$ = build_binary(build, @$, BIN_DOT_DIV, @2, $1, $3); }
    | operand '@' operand             { $$ = build_binary(build, @$, BIN_MATMUL, @2, $1, $3); }
    | operand POW operand             { $$ = build_binary(build, @$, BIN_POW, @2, $1, $3); }
    | operand DOT_POW operand         { $$ = build_binary(build, @$, BIN_DOT_POW, @2, $1, $3); }
    ;

postfix
    : primary
    | postfix '.' name                { $$ = build_field(build, @$, $1, $3); }
    | postfix '(' args_opt ')'        { $$ = build_call(build, @$, $1, $3); }
    | postfix '[' subscripts ']'      { $$ = build_index(build, @$, $1, $3); }
    ;

primary
    : INT                             { $$ = build_int(build, @$, $1); }
    | REAL                            { $$ = build_real(build, @$, $1); }
    | STRING                          { $$ = build_text(build, @$, EXPR_STRING, $1); }
    | IDENT                           { $$ = build_text(build, @$, EXPR_NAME, $1); }
    | TRUE                            { $$ = build_bool(build, @$, true); }
    | FALSE                           { $$ = build_bool(build, @$, false); }
    | '(' expr ')'                    { $$ = build_parenthesised($2); }
    | '(' exprs ',' expr ')'          { $$ = build_parenthesised(build_list(build, @$, EXPR_TUPLE, build_exprs(build, $2, $4))); }
    | '[' ']'                         { $$ = build_list(build, @$, EXPR_LIST, (ExprVec){0}); }
    | '[' exprs ']'                   { $$ = build_list(build, @$, EXPR_LIST, $2); }
    | '[' exprs ',' ']'               { $$ = build_list(build, @$, EXPR_LIST, $2); }
    | REPEAT expr '{' expr ';' '}'    { $$ = build_repeat(build, @$, $2, $4); }
    | SCAN sources carry_opt block    { $$ = build_scan(build, @$, $2, $3, $4); }
    ;

exprs
    : expr                            { $$ = build_exprs(build, (ExprVec){0}, $1); }
    | exprs ',' expr                  { $$ = build_exprs(build, $1, $3); }
    ;

args_opt
    : %empty                          { $$ = (ArgVec){0}; }
    | args
    | args ','
    ;

args
    : arg                             { $$ = build_args(build, (ArgVec){0}, $1); }
    | args ',' arg                    { $$ = build_args(build, $1, $3); }
    ;

arg
    : expr                            { $$ = (Arg){build_name(NULL, @$), $1}; }
    | name '=' expr                   { $$ = (Arg){$1, $3}; }
    ;

subscripts
    : subscript                       { $$ = build_subscripts(build, (SubscriptVec){0}, $1); }
    | subscripts ',' subscript        { $$ = build_subscripts(build, $1, $3); }
    ;

subscript
    : expr                            { $$ = (Subscript){@$, false, $1, NULL}; }
    | ':'                             { $$ = (Subscript){@$, true, NULL, NULL}; }
    | expr ':'                        { $$ = (Subscript){@$, true, $1, NULL}; }
    | ':' expr                        { $$ = (Subscript){@$, true, NULL, $2}; }
    | expr ':' expr                   { $$ = (Subscript){@$, true, $1, $3}; }
    ;

sources
    : source                          { $$ = build_sources(build, (ScanSourceVec){0}, $1); }
    | sources ',' source              { $$ = build_sources(build, $1, $3); }
    ;

source
    : name IN expr OVER AXIS expr            { $$ = (ScanSource){$1, $3, NULL, $6, false}; }
    | name IN expr OVER AXIS expr REVERSE    { $$ = (ScanSource){$1, $3, NULL, $6, true}; }
    | name IN expr DOTDOT expr               { $$ = (ScanSource){$1, $3, $5, NULL, false}; }
    | name IN expr DOTDOT expr REVERSE       { $$ = (ScanSource){$1, $3, $5, NULL, true}; }
    ;

carry_opt
    : %empty                          { $$ = (ArgVec){0}; }
    | CARRY carries                   { $$ = $2; }
    ;

carries
    : name '=' expr                   { $$ = build_args(build, (ArgVec){0}, (Arg){$1, $3}); }
    | carries ',' name '=' expr       { $$ = build_args(build, $1, (Arg){$3, $5}); }
    ;

%%

static void yyerror(const Span *at, Build *build, Layout *layout, const char *message) {
    (void)message; /* only ever "memory exhausted": the stack is bounded by YYMAXDEPTH */
    (void)build;
    explain_too_deep(layout, *at);
}

static int yyreport_syntax_error(const yypcontext_t *context, Build *build, Layout *layout) {
    (void)build;
    yysymbol_kind_t kinds[YYNTOKENS];
    const char     *names[YYNTOKENS];
    int             count = yypcontext_expected_tokens(context, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) names[i] = yysymbol_name(kinds[i]);
    yysymbol_kind_t found = yypcontext_token(context);
    explain_syntax_error(layout, *yypcontext_location(context), found == YYSYMBOL_YYEMPTY ? NULL : yysymbol_name(found),
                         names, count < 0 ? 0 : count);
    return 0;
}
