/* The format: Tool Interface Standard, "Executable and Linking Format specification" 1.2 (1995), and the psABIs' 64-bit form. */
#include "codegen/elf_join.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/diag.h"
#include "base/map.h"
#include "base/vec.h"

enum {
    ADDRESS_SIGNIFICANCE = 0x6fff4c03
}; /* SHT_LLVM_ADDRSIG: symbols by number, for a linker's folding; not needed */

typedef struct Part {
    const char       *bytes;
    const Elf64_Ehdr *head;
    const Elf64_Shdr *sections;
    const Elf64_Sym  *symbols;
    const char       *section_names, *symbol_names;
    int               n_sections, n_symbols;
    uint32_t         *section_at; /* in the result; 0: not there */
    uint32_t         *symbol_at;
} Part;

typedef struct Section {
    Elf64_Shdr  header;
    const char *name;
    const void *data;
} Section;

typedef VEC(Elf64_Sym) SymbolVec;

typedef struct Join {
    Arena  *arena;
    Part   *parts;
    int     n_parts;
    Intern *names;
    VEC(Section) sections; /* the first is the null section */
    SymbolVec symbols;     /* the first is the null symbol; locals come first */
    VEC(char) text;        /* of names */
    Map *text_at;          /* interned name -> its place */
    Map *globals;          /* interned name -> its symbol as it is defined, or undefined */
} Join;

/* ---- reading ------------------------------------------------------------------------------------------------------------------ */

static Part part_open(Join *j, const ElfBytes *from) {
    Part p = {.bytes = from->data, .head = from->data};
    if (from->nbytes < sizeof *p.head || memcmp(p.head->e_ident, ELFMAG, SELFMAG) || p.head->e_type != ET_REL ||
        p.head->e_ident[EI_CLASS] != ELFCLASS64)
        BUG("what is joined is no relocatable object");
    p.sections      = (const void *)(p.bytes + p.head->e_shoff);
    p.n_sections    = p.head->e_shnum;
    p.section_names = p.bytes + p.sections[p.head->e_shstrndx].sh_offset;
    p.section_at    = ARENA_ARRAY(j->arena, uint32_t, p.n_sections + 1);
    for (int i = 0; i < p.n_sections; i++) {
        if (p.sections[i].sh_type == SHT_GROUP || p.sections[i].sh_type == SHT_SYMTAB_SHNDX)
            BUG("an object with section groups");
        if (p.sections[i].sh_type != SHT_SYMTAB) continue;
        p.symbols      = (const void *)(p.bytes + p.sections[i].sh_offset);
        p.n_symbols    = (int)(p.sections[i].sh_size / sizeof *p.symbols);
        p.symbol_names = p.bytes + p.sections[p.sections[i].sh_link].sh_offset;
    }
    p.symbol_at = ARENA_ARRAY(j->arena, uint32_t, p.n_symbols + 1);
    return p;
}

static const char *symbol_name(Join *j, const Part *p, const Elf64_Sym *symbol) {
    return intern(j->names, p->symbol_names + symbol->st_name);
}

/* ---- sections ----------------------------------------------------------------------------------------------------------------- */

static bool is_kept(const Join *j, const Part *p, const Elf64_Shdr *section) {
    bool        of_symbols = section->sh_type == SHT_SYMTAB || section->sh_type == SHT_STRTAB;
    const char *name       = p->section_names + section->sh_name;
    if (section->sh_type == SHT_NULL || of_symbols || section->sh_type == ADDRESS_SIGNIFICANCE) return false;
    return p == j->parts || strcmp(name, ".note.GNU-stack") != 0; /* once is enough */
}

static void take_sections(Join *j, Part *p) {
    for (int i = 0; i < p->n_sections; i++) {
        const Elf64_Shdr *from = &p->sections[i];
        if (!is_kept(j, p, from)) continue;
        p->section_at[i] = (uint32_t)j->sections.len;
        Section section  = {*from, intern(j->names, p->section_names + from->sh_name), p->bytes + from->sh_offset};
        vec_push(j->arena, &j->sections, section);
    }
}

/* ---- symbols ------------------------------------------------------------------------------------------------------------------ */

static uint32_t text_place(Join *j, const char *name) {
    if (!*name) return 0;
    intptr_t known = (intptr_t)map_get(j->text_at, name);
    if (known) return (uint32_t)known;
    intptr_t at = j->text.len;
    for (const char *c = name; c == name || c[-1]; c++) vec_push(j->arena, &j->text, *c);
    map_set(j->text_at, name, (void *)at);
    return (uint32_t)at;
}

/* As it stands in the result. */
static Elf64_Sym moved_symbol(const Part *p, const Elf64_Sym *from) {
    Elf64_Sym symbol = *from;
    if (from->st_shndx != SHN_UNDEF && from->st_shndx < SHN_LORESERVE)
        symbol.st_shndx = (uint16_t)p->section_at[from->st_shndx];
    return symbol;
}

static bool is_hidden(const Elf64_Sym *symbol) {
    return ELF64_ST_VISIBILITY(symbol->st_other) == STV_HIDDEN;
}

typedef VEC(const char *) NameVec;

/* What all parts together say of each global name; a definition is worth more than a reference. */
static void collect_globals(Join *j, const Part *p, NameVec *order) {
    for (int i = 1; i < p->n_symbols; i++) {
        if (ELF64_ST_BIND(p->symbols[i].st_info) == STB_LOCAL) continue;
        const char *name  = symbol_name(j, p, &p->symbols[i]);
        Elf64_Sym  *known = map_get(j->globals, name), symbol = moved_symbol(p, &p->symbols[i]);
        if (!known) {
            known  = ARENA_NEW(j->arena, Elf64_Sym);
            *known = symbol;
            map_set(j->globals, name, known);
            vec_push(j->arena, order, name);
        } else if (symbol.st_shndx != SHN_UNDEF) {
            if (known->st_shndx != SHN_UNDEF) BUG("'%s' is defined twice", name);
            *known = symbol;
        }
    }
}

static uint32_t add_symbol(Join *j, Elf64_Sym symbol, const char *name) {
    symbol.st_name = text_place(j, name);
    vec_push(j->arena, &j->symbols, symbol);
    return (uint32_t)j->symbols.len - 1;
}

static void add_locals(Join *j, Part *p) {
    for (int i = 1; i < p->n_symbols; i++) {
        const Elf64_Sym *from = &p->symbols[i];
        bool             file = ELF64_ST_TYPE(from->st_info) == STT_FILE;
        if (ELF64_ST_BIND(from->st_info) != STB_LOCAL || (file && p != j->parts)) continue;
        p->symbol_at[i] = add_symbol(j, moved_symbol(p, from), symbol_name(j, p, from));
    }
}

/* Hidden names first, as locals; then the others. Returns the number of the first that is not local. */
static uint32_t add_globals(Join *j, const NameVec *order, Map *place) {
    uint32_t first = 0;
    for (int global = 0; global < 2; global++) {
        if (global) first = (uint32_t)j->symbols.len;
        for (int i = 0; i < order->len; i++) {
            Elf64_Sym symbol = *(Elf64_Sym *)map_get(j->globals, order->data[i]);
            if (is_hidden(&symbol) && symbol.st_shndx == SHN_UNDEF) BUG("'%s' is nowhere", order->data[i]);
            if (is_hidden(&symbol) == (global == 1)) continue;
            if (!global) {
                symbol.st_info  = (unsigned char)ELF64_ST_INFO(STB_LOCAL, ELF64_ST_TYPE(symbol.st_info));
                symbol.st_other = STV_DEFAULT;
            }
            map_set(place, order->data[i], (void *)(intptr_t)add_symbol(j, symbol, order->data[i]));
        }
    }
    return first;
}

/* Returns the number of the first symbol that is not local. */
static uint32_t join_symbols(Join *j) {
    NameVec order = {0};
    Map    *place = map_new(j->arena);
    add_symbol(j, (Elf64_Sym){0}, "");
    for (int i = 0; i < j->n_parts; i++) add_locals(j, &j->parts[i]);
    for (int i = 0; i < j->n_parts; i++) collect_globals(j, &j->parts[i], &order);
    uint32_t first = add_globals(j, &order, place);
    for (int i = 0; i < j->n_parts; i++) {
        Part *p = &j->parts[i];
        for (int k = 1; k < p->n_symbols; k++)
            if (ELF64_ST_BIND(p->symbols[k].st_info) != STB_LOCAL)
                p->symbol_at[k] = (uint32_t)(intptr_t)map_get(place, symbol_name(j, p, &p->symbols[k]));
    }
    return first;
}

/* ---- relocations -------------------------------------------------------------------------------------------------------------- */

static const Elf64_Rela *moved_relocations(Join *j, const Part *p, const Elf64_Shdr *section) {
    size_t            count = section->sh_size / sizeof(Elf64_Rela);
    const Elf64_Rela *from  = (const void *)(p->bytes + section->sh_offset);
    Elf64_Rela       *to    = ARENA_ARRAY(j->arena, Elf64_Rela, count + 1);
    for (size_t i = 0; i < count; i++) {
        to[i]        = from[i];
        to[i].r_info = ELF64_R_INFO((uint64_t)p->symbol_at[ELF64_R_SYM(from[i].r_info)], ELF64_R_TYPE(from[i].r_info));
    }
    return to;
}

static void move_links(Join *j, const Part *p, uint32_t symbol_table) {
    for (int i = 0; i < p->n_sections; i++) {
        if (!p->section_at[i]) continue;
        Section *section = &j->sections.data[p->section_at[i]];
        if (section->header.sh_type == SHT_RELA) {
            section->data           = moved_relocations(j, p, &p->sections[i]);
            section->header.sh_link = symbol_table;
            section->header.sh_info = p->section_at[p->sections[i].sh_info];
        } else if (section->header.sh_link) {
            section->header.sh_link = p->section_at[section->header.sh_link];
        }
    }
}

/* ---- the result --------------------------------------------------------------------------------------------------------------- */

static void add_tables(Join *j, uint32_t first_global) {
    uint32_t at      = (uint32_t)j->sections.len;
    Section  symbols = {.name = intern(j->names, ".symtab"), .data = j->symbols.data};
    symbols.header   = (Elf64_Shdr){.sh_type      = SHT_SYMTAB,
                                    .sh_link      = at + 1,
                                    .sh_info      = first_global,
                                    .sh_addralign = 8,
                                    .sh_entsize   = sizeof(Elf64_Sym),
                                    .sh_size      = sizeof(Elf64_Sym) * (uint64_t)j->symbols.len};
    Section text     = {.name = intern(j->names, ".strtab"), .header = {.sh_type = SHT_STRTAB, .sh_addralign = 1}};
    vec_push(j->arena, &j->sections, symbols);
    vec_push(j->arena, &j->sections, text);
    for (int i = 1; i < j->sections.len; i++)
        j->sections.data[i].header.sh_name = text_place(j, j->sections.data[i].name);
    j->sections.data[at + 1].data           = j->text.data;
    j->sections.data[at + 1].header.sh_size = (uint64_t)j->text.len;
}

static uint64_t aligned(uint64_t at, uint64_t alignment) {
    return alignment > 1 ? (at + alignment - 1) / alignment * alignment : at;
}

static ElfBytes write_out(Join *j) {
    uint64_t end = sizeof(Elf64_Ehdr);
    for (int i = 1; i < j->sections.len; i++) {
        Elf64_Shdr *header = &j->sections.data[i].header;
        end                = aligned(end, header->sh_addralign);
        header->sh_offset  = end;
        if (header->sh_type != SHT_NOBITS) end += header->sh_size;
    }
    uint64_t   headers = aligned(end, 8);
    size_t     nbytes  = (size_t)headers + sizeof(Elf64_Shdr) * (size_t)j->sections.len;
    char      *bytes   = arena_alloc(j->arena, nbytes);
    Elf64_Ehdr head    = *j->parts[0].head;
    head.e_shoff       = headers;
    head.e_shnum       = (uint16_t)j->sections.len;
    head.e_shstrndx    = (uint16_t)(j->sections.len - 1);
    memcpy(bytes, &head, sizeof head);
    for (int i = 0; i < j->sections.len; i++) {
        const Section *section = &j->sections.data[i];
        memcpy(bytes + headers + sizeof(Elf64_Shdr) * (size_t)i, &section->header, sizeof section->header);
        if (i && section->header.sh_type != SHT_NOBITS && section->header.sh_size)
            memcpy(bytes + section->header.sh_offset, section->data, section->header.sh_size);
    }
    return (ElfBytes){bytes, nbytes};
}

ElfBytes elf_join(Arena *arena, const ElfBytes *parts, int n_parts) {
    Join    j    = {.arena = arena, .n_parts = n_parts, .names = intern_new(arena)};
    Section none = {.name = ""};
    j.parts      = ARENA_ARRAY(arena, Part, n_parts);
    j.text_at    = map_new(arena);
    j.globals    = map_new(arena);
    vec_push(arena, &j.text, 0);
    vec_push(arena, &j.sections, none);
    for (int i = 0; i < n_parts; i++) {
        j.parts[i] = part_open(&j, &parts[i]);
        take_sections(&j, &j.parts[i]);
    }
    if (j.sections.len + 2 >= SHN_LORESERVE) BUG("more sections than an object can number");
    uint32_t first_global = join_symbols(&j);
    for (int i = 0; i < n_parts; i++) move_links(&j, &j.parts[i], (uint32_t)j.sections.len);
    add_tables(&j, first_global);
    return write_out(&j);
}
