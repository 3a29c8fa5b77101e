/* head: the gateway's signed word about its whole journal, and proofs that lead to it.
 *
 * A head says: of this log, after so many records, the tree's root is this. It is signed as a note, whose text
 * README.md shows. Reading, signing and judging heads and proofs is pure and for any thread; what is read may come from
 * anybody. `heads` makes them while the gateway runs and never two that disagree.
 */
#ifndef HEAD_HEAD_H
#define HEAD_HEAD_H

#include "base/base.h"
#include "crypto/crypto.h"
#include "journal/journal.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "merkle/merkle.h"
#include "store/store.h"

#define HEAD_ORIGIN_MAX 128
#define HEAD_NOTE_MAX (16u << 10)      /* bytes of a note that is read; ours are below 1 KiB */
#define HEAD_SIGNATURES_MAX 64

/* ---- a head -------------------------------------------------------------------------------------------------- */

struct head {
    char origin[HEAD_ORIGIN_MAX + 1];  /* which log */
    uint64_t size;                     /* of the journal: the last sequence */
    struct merkle_hash root;           /* of its tree */
    int64_t time_ms;                   /* when it was signed; whole seconds, never before the last record's second */
};
/* A name that may stand in a note: no white space, no plus, nothing but UTF-8. */
bool head_origin_good(const char *origin);
/* Appends the note: signed with ES256, then SM2, as far as the ring holds their keys. key.file when it holds neither;
 * key.ended when no certificate is in force any more. */
bool head_sign(const struct head *head, const struct crypto_keyring *ring, struct buf *note, struct err *err);
/* What a note says; nothing of it is proved. proof.malformed. */
bool head_parse(struct bytes note, struct head *out, struct err *err);

struct head_key {
    const struct crypto_key *key;      /* borrowed */
    enum crypto_alg alg;               /* those that sign no notes are passed over */
    bool held;                         /* out: one of the note's signatures is its */
};
/* The head of a note that at least one of the keys signed. One by the log itself, with an algorithm that one of the keys is
 * for, must be by such a key and hold; others (of witnesses) count for nothing. signature.key_unknown, signature.invalid,
 * proof.malformed. */
bool head_verify(struct bytes note, struct head_key *keys, size_t n, const char *sm2_id, struct head *out,
                 struct err *err);

/* {"origin","size","root","time","note"}. */
void head_write(struct json_out *json, const struct head *head, struct bytes note);
/* The note inside such an object, whose other members must say the same. Borrowed. */
bool head_read(const json_value *object, struct bytes *note_out, struct err *err);

/* ---- a proof ------------------------------------------------------------------------------------------------- */

/* That a record is in the journal of that size, or (from > 0) that the journal of size `from` is its beginning. */
struct head_proof {
    uint64_t seq;                      /* 0: of consistency */
    uint64_t from, size;
    struct merkle_hash leaf_hash;
    uint8_t leaf[RECORD_LEAF_MAX];     /* public; leaf_n 0: not told */
    size_t leaf_n;
    struct merkle_proof path;
};
/* proof.not_yet when the journal is shorter, or seq > size. */
bool head_prove(const struct journal_nodes *nodes, uint64_t seq, uint64_t size, struct head_proof *out,
                struct err *err);
bool head_prove_growth(const struct journal_nodes *nodes, uint64_t from, uint64_t to, struct head_proof *out,
                       struct err *err);
/* Members of an object under way: seq size leaf leaf_hash hashes, or from to hashes. */
void head_proof_write(struct json_out *json, const struct head_proof *proof);
/* proof.malformed. A leaf must be that of seq and have that hash. */
bool head_proof_read(const json_value *object, struct head_proof *out, struct err *err);
/* proof.invalid unless the record is in the journal of which the head speaks. */
bool head_proves(const struct head_proof *proof, const struct head *head, struct err *err);
/* proof.invalid unless the newer one speaks of the same log, grown. */
bool head_proves_growth(const struct head_proof *proof, const struct head *older, const struct head *newer,
                        struct err *err);

/* ---- making them --------------------------------------------------------------------------------------------- */

struct heads;
struct heads_options {
    struct store *store;
    struct journal *journal;
    struct ledger *ledger;
    const char *origin;                /* copied */
    int64_t pause_ms, every_ms;        /* between two at least, unless one was asked for; at most. 0: 1 s, 10 min */
};
/* Before ledger_start: it listens to commits. */
struct heads *heads_new(const struct heads_options *options);
void heads_free(struct heads **heads);
/* With what is signed from now on; taken by reference. A ring with other keys asks for a new head. */
void heads_set_ring(struct heads *heads, struct crypto_keyring *ring);
/* Publishes the newest stored head and makes the one that is due, then goes on by itself. That one cannot be made is
 * told in the log and no failure: a gateway that cannot sign heads still answers. config.value for an origin that
 * cannot stand in a note. */
bool heads_start(struct heads *heads, struct err *err);
void heads_stop(struct heads *heads);  /* before ledger_stop */
/* The newest published head; the note in the arena. proof.not_yet before there is one; journal.broken when the journal
 * is not what an earlier head says it was: then nothing is published any more. */
bool heads_newest(struct heads *heads, struct arena *arena, struct head *out, struct bytes *note_out, struct err *err);

#endif
