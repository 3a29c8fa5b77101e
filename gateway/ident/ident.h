/* ident: identifiers of firms, rights and places, judged.
 *
 * Pure functions over bytes; thread-safe; nothing is allocated. Sources: GB 32100-2015 (unified social
 * credit code), GB 11714 (organisation code), CNIPA ZC 0006-2003 (patent application numbers), GB/T 2260
 * (regions of Shanxi, with abolished and statistical codes).
 */
#ifndef IDENT_IDENT_H
#define IDENT_IDENT_H

#include "base/base.h"

enum ident_kind { IDENT_USCC, IDENT_PATENT, IDENT_TRADEMARK, IDENT_REGION };
enum ident_verdict { IDENT_VALID, IDENT_DOUBTFUL, IDENT_INVALID };

#define IDENT_INPUT_MAX 128     /* bytes of one value; longer is invalid by length */
#define IDENT_NORMAL_SIZE 32    /* the normal form and its NUL */
#define IDENT_FINDINGS_MAX 8
#define USCC_LENGTH 18

/* What was found about one value. `findings` are error codes in the order found; a finding does not by
 * itself make a value invalid (folded, abolished region, other province are remarks). `normal` is the
 * folded form to store, empty when the value is invalid beyond folding (length, characters). */
struct ident_result {
    enum ident_kind kind;
    enum ident_verdict verdict;
    enum err_code cause;        /* the finding that made it doubtful or invalid; ERR_NONE when valid */
    char normal[IDENT_NORMAL_SIZE];
    enum err_code findings[IDENT_FINDINGS_MAX];
    size_t finding_n;
};

/* Judges a unified social credit code. Width, case and inner spaces are folded first (finding
 * uscc.folded). Invalid: length, charset, structure, region that never existed, wrong check character,
 * spreadsheet number. Doubtful: wrong GB 11714 digit alone. Remarks: folded, region_abolished,
 * other_province. */
void ident_uscc(struct bytes input, struct ident_result *out);
/* Patent application number: 12 digits + check since October 2003, 8 digits + check before. Normal form has
 * no point (13 or 9 characters). */
void ident_patent(struct bytes input, struct ident_result *out);
/* Trademark number: up to 8 digits with an optional letter, or Madrid `G` + the same. */
void ident_trademark(struct bytes input, struct ident_result *out);
/* Region code of six digits: current, statistical or abolished regions of Shanxi are known one by one; of
 * other provinces the province prefix is checked. */
void ident_region(struct bytes input, struct ident_result *out);
void ident_check(enum ident_kind kind, struct bytes input, struct ident_result *out);

bool ident_kind_parse(const char *name, enum ident_kind *out);     /* "uscc" "patent" "trademark" "region" */
const char *ident_kind_name(enum ident_kind kind);
const char *ident_verdict_name(enum ident_verdict verdict);
bool ident_has(const struct ident_result *result, enum err_code finding);

struct ident_region_info {
    char code[7];
    const char *name;       /* Chinese */
    char city[7]; /* code of the prefecture-level city it belongs to; itself for a city; empty for the province */
    enum { REGION_CURRENT, REGION_STATISTICS, REGION_ABOLISHED } state;
    char successor[7];      /* empty when none is known */
};
/* The Shanxi region with this code, or NULL. Static storage. */
const struct ident_region_info *ident_region_find(const char *code);
/* All of them, in code order of the table; returns the count. */
size_t ident_regions(const struct ident_region_info **out);
/* True when six digits denote Shanxi (14xxxx and known). */
bool ident_region_in_shanxi(const char *code);

/* Folds a firm's name for comparison: full-width forms to ASCII, white space dropped, brackets unified,
 * letters upper-cased. out is bounded by size and terminated; false when it does not fit (the name's bytes and one
 * more always do) or the name is not UTF-8. */
bool ident_name_fold(struct bytes name, char *out, size_t size);

#endif
