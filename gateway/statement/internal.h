/* statement, private: what the files of this module share. */
#ifndef STATEMENT_INTERNAL_H
#define STATEMENT_INTERNAL_H

#include <pthread.h>

#include "statement/statement.h"

#include "json/json.h"
#include "jws/jws.h"

#define STATEMENT_BODY_MAX (32u << 10)
#define STATEMENT_ID_SIZE 30                /* st- and 26 characters of base32, NUL */
#define STATEMENT_TYP "statement+jws"
#define STATEMENT_SHORTEST_MS 1000
#define STATEMENT_XML_MAX (8 * STATEMENT_BODY_MAX)
#define STATEMENT_KIND "whitelist.statement"      /* whose XSD declares the element */
#define STATEMENT_ELEMENT "Statement"
#define STATEMENT_PROFILE_SIZE 8

/* ---- how old what we know is (source.c) -------------------------------------------------------------- */

/* What the sources' stored contacts say, read once for each change of their bytes: reading one costs as much as
 * writing half a statement. Any thread. */
struct statement_contacts;
struct statement_contacts *statement_contacts_new(void);
void statement_contacts_free(struct statement_contacts **contacts);
/* As source_state_read. */
bool statement_contacts_read(struct statement_contacts *contacts, struct store_txn *txn, struct arena *arena,
                             const char *source, struct source_state *out,
                   struct err *err);

struct statement_source {
    const char *id, *list_version;          /* borrowed from the directory and the arena */
    int64_t completed_ms;
    enum freshness freshness;
    int64_t changes_ms;                     /* when freshness changes next; 0: never */
};
struct statement_view {
    const struct statements_options *options;
    const struct directory *directory;
    struct statement_contacts *contacts;
    struct store_txn *txn;
    struct arena *arena;
    int64_t now_ms;
    const struct past *past;                /* NULL: as it is now */
};
/* The source of the firm's certification; for other firms the full-scope source with the oldest contact. source.stale
 * when its contact is too old or no whole list was ever applied. */
bool statement_source_choose(const struct statement_view *view, const struct firm *firm, struct statement_source *out,
                             struct err *err);

/* ---- what it says (build.c) ---------------------------------------------------------------------------- */

struct statement_facts {
    const char *id;
    const struct firm *firm;                /* firm_init'ed when not known */
    const struct rules *rules;
    enum policy_view view;
    struct statement_source source;
    const char *issuer_name, *issuer_uscc;
    uint64_t head;
    int64_t now_ms, next_update_ms;         /* now_ms: what is told is as of then */
    int64_t signed_ms;                      /* 0: at now_ms */
    uint64_t corrected_by;                  /* 0: by no later record */
};
void statement_build(const struct statement_facts *facts, struct buf *out);
/* As told: `checking` reads not_listed. */
enum listing_status statement_status(const struct firm *firm);
/* The first moment at which something in the statement may change, in whole seconds; a moment that passed and whose
 * record is about to be written gives the shortest validity. */
int64_t statement_next_update(const struct statement_facts *facts, const struct policy *policy, int64_t validity_ms);

/* Random bytes drawn in stock, because a draw costs more than its bytes. Any thread. */
struct statement_ids {
    pthread_mutex_t lock;
    uint8_t stock[1024];
    size_t left;
};
void statement_new_id(struct statement_ids *ids, char out[STATEMENT_ID_SIZE]);

/* ---- as an element (xml.c) ------------------------------------------------------------------------------- */

void statement_profile_key(const struct message_profile *profile, uint8_t out[STATEMENT_PROFILE_SIZE]);
/* Appends the signed element. A statement that its own schema refuses is a defect: internal. */
bool statement_sign_xml(const struct statement_context *context, enum crypto_alg alg, struct bytes json,
                        struct buf *out, struct err *err);

/* ---- one signed statement --------------------------------------------------------------------------------- */

struct statement_key {
    char uscc[USCC_SIZE];
    uint8_t view, alg, form;
    uint8_t profile[STATEMENT_PROFILE_SIZE]; /* of XML: the profile's digest, zero for that of the contract */
};
/* Immutable once it is in the cache, apart from what the cache marks as its own. Text lives behind it. */
struct statement_entry {
    struct statement statement;
    struct statement_key key;
    uint64_t last_sequence, generation;
    int64_t source_completed_ms;
    const char *source_id;
    bool late;                              /* its source is not on time: new contact ends the entry */
    _Atomic unsigned refs;
    struct statement_entry *next;                     /* the cache's own, as are the next two */
    size_t slot;
    bool used;
    struct statement_memory *memory;        /* it lies in; NULL: the heap */
};

/* ---- where entries lie (memory.c) ------------------------------------------------------------------------ */

/* Grows with the entries that live at once and goes when the last one does, behind its own end if need be. Any thread. */
struct statement_memory;
struct statement_memory *statement_memory_new(void);
void statement_memory_free(struct statement_memory **memory);
/* With one reference, room for `text` bytes behind it, and everything before them zero. NULL memory: from the heap. */
struct statement_entry *statement_entry_new(struct statement_memory *memory, size_t text);
void statement_entry_release(struct statement_entry *entry);

/* ---- kept in memory (cache.c) ---------------------------------------------------------------------------- */

struct statement_cache;
struct statement_cache *statement_cache_new(size_t max);
void statement_cache_free(struct statement_cache **cache);
/* One more reference, or NULL. Whether it may still be told is for the caller to judge. */
struct statement_entry *statement_cache_find(struct statement_cache *cache, const struct statement_key *key);
/* Keeps a reference of its own, unless the cache knows a later one of the same firm or keeps nothing. */
void statement_cache_put(struct statement_cache *cache, struct statement_entry *entry);
/* For new entries; NULL when nothing is kept. */
struct statement_memory *statement_cache_memory(struct statement_cache *cache);

#endif
