/* Shared inside ident: folding of a value as people type it, places, and the parts of a result. */
#ifndef IDENT_INTERNAL_H
#define IDENT_INTERNAL_H

#include "ident/ident.h"

/* Stands for one character that no identifier holds. */
#define FOLD_FOREIGN '?'

struct fold {
    char text[IDENT_INPUT_MAX + 1]; /* ASCII; one byte a character */
    size_t n;
    bool changed; /* width, case or spaces were corrected */
};

/* Full-width forms become ASCII, letters upper case, spaces go; every other character becomes FOLD_FOREIGN. Input
 * longer than IDENT_INPUT_MAX returns false. */
bool fold_value(struct bytes input, struct fold *out);

bool fold_is_space(uint32_t c);
/* The ASCII character of a full-width one; others stay. */
uint32_t fold_width(uint32_t c);

/* What six characters say about a place. */
enum region_class { REGION_HERE, REGION_GONE, REGION_ELSEWHERE, REGION_NEVER };
enum region_class region_classify(const char *code);

/* Notes a finding; a verdict only ever gets worse. */
void result_add(struct ident_result *out, enum err_code finding, enum ident_verdict verdict);
void result_normal(struct ident_result *out, const char *text, size_t n);

#endif
