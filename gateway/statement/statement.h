/* statement: what we tell about firms. Built from one firm value, one source state and the rules in force, signed
 * at first question, kept in a bounded memory cache until the firm's sequence moves, the configuration's
 * generation moves, or next_update passes. Reads never write the store.
 */
#ifndef STATEMENT_STATEMENT_H
#define STATEMENT_STATEMENT_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "journal/journal.h"
#include "ledger/ledger.h"
#include "message/message.h"
#include "partner/partner.h"
#include "policy/policy.h"
#include "store/store.h"

struct statements;
struct statements_options {
    struct journal *journal;
    const char *issuer_name, *issuer_uscc;
    int64_t validity_ms, stale_after_ms, refuse_after_ms;
    size_t cache_max;
};
struct statements *statements_new(const struct statements_options *options);
void statements_free(struct statements **statements);

/* What is in force, swapped whole at reload; all borrowed and kept alive by the caller until no request uses them.
 * Another key means another generation: what is kept in memory is then signed again, what was given away holds. */
struct statement_context {
    const struct policy *policy;
    const struct directory *directory;
    const struct crypto_keyring *ring;
    uint64_t generation;
    const struct catalog *catalog;      /* for STATEMENT_XML, as is the next */
    struct message_profile profile;     /* agreed with who asks */
};

enum statement_form { STATEMENT_JSON, STATEMENT_JOSE, STATEMENT_XML };
/* An answer; reference counted, immutable. */
struct statement {
    struct bytes body;                /* JSON, compact JWS, or an element Statement with its XML signature */
    const char *signature;            /* x-jws-signature for STATEMENT_JSON, else NULL */
    const char *etag;                 /* quoted; NULL: of a past moment */
    const char *id, *status;
    uint64_t sequence, head;
    int64_t this_update_ms, next_update_ms;
    uint8_t digest[32];               /* SHA-256 of body: for the access log */
};
/* uscc is in normal form. source.stale when freshness ended or no full list was ever applied; rules.none; key.file when
 * no key of that algorithm is loaded. Signatures carry typ "statement+jws". XML has no profile for PS256: it is signed
 * with RS256, which is the same key. Any thread, each with its own txn. `*signed_out` (may be NULL) tells that this
 * call signed. A signature by SM2 or RSA, and XML, take ~350 µs: ask statement_cached first and do the rest on a worker. */
bool statement_get(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                   const char *uscc, enum policy_view view, enum crypto_alg alg, enum statement_form form, int64_t now_ms,
                   const struct statement **out, bool *signed_out, struct err *err);
/* Only from the cache; NULL when it must be made. */
const struct statement *statement_cached(struct statements *statements, const struct statement_context *context,
                                         struct store_txn *txn, const char *uscc, enum policy_view view,
                                         enum crypto_alg alg, enum statement_form form, int64_t now_ms);
/* What would have been told at an earlier moment, as far as records tell (README.md), signed now and not kept: it has
 * neither next_update nor ETag. http.query for a moment that has not passed; else as statement_get. Takes the records of
 * the firm's history to be read: for a worker. */
bool statement_past(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                    const char *uscc, enum policy_view view, enum crypto_alg alg, enum statement_form form,
                    int64_t as_of_ms, int64_t now_ms, const struct statement **out, struct err *err);
void statement_release(const struct statement **statement);
/* Appends the unsigned JSON of one firm's statement (for the batch query, signed as one body by the caller). */
bool statement_write(struct statements *statements, const struct statement_context *context, struct store_txn *txn,
                     const char *uscc, enum policy_view view, int64_t now_ms, struct buf *out, struct err *err);

enum freshness { FRESH_ON_TIME, FRESH_DELAYED, FRESH_STALE, FRESH_REFUSED };
const char *freshness_name(enum freshness freshness);
/* Of a last good contact, and the moment at which it changes next (0: never). */
enum freshness freshness_of(int64_t completed_ms, int64_t period_ms, int64_t stale_after_ms, int64_t refuse_after_ms,
                            int64_t now_ms, int64_t *changes_at_out);

#endif
