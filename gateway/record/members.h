/* members: the tables that say which members a journal record has, in which order, and where each lives in
 * struct record. The encoder and the decoder both run along them, so neither can know a member the other
 * does not. */
#ifndef RECORD_MEMBERS_H
#define RECORD_MEMBERS_H

#include "record/record.h"
#include "record/words.h"

/* Version of the JSON form; a new one is needed when an old record would be read differently. */
#define RECORD_VERSION 1

enum member_type {
    MEMBER_TEXT,        /* const char *; absent when "" */
    MEMBER_TIME,        /* int64_t ms, as RFC 3339 with milliseconds; absent when 0 */
    MEMBER_DATE,        /* date_day; absent when DATE_NONE */
    MEMBER_FLAG,        /* bool; absent when false */
    MEMBER_COUNT,       /* int64_t ≥ 0; always there */
    MEMBER_AMOUNT,      /* int64_t ≥ 0; absent when AMOUNT_NONE */
    MEMBER_DIGEST,      /* 32 bytes as hex; absent when zero */
    MEMBER_WORD,        /* an enum by name; absent when its name is "" */
    MEMBER_REASONS,     /* struct listing's reasons; absent when there is none */
    MEMBER_JSON,        /* const char *, JSON text written as it is; absent when ""; only in a kind's own table */
    MEMBER_OBJECT,      /* a table of its own over the same struct; absent when empty */
};

struct member {
    const char *name;                   /* NULL ends a table */
    enum member_type type;
    size_t offset;                      /* in struct record */
    size_t max;                         /* MEMBER_TEXT, MEMBER_JSON: bytes at most */
    const struct words *words;          /* MEMBER_WORD */
    const struct member *members;       /* MEMBER_OBJECT */
};

/* Members every kind has, before those of the kind. `version` and `kind` come before both. */
extern const struct member members_common[];
extern const struct member *const members_of_kind[RECORD_KIND_COUNT];

#endif
