/* One fact: read the firm, let policy decide, write what follows. And the guard over many of them. */
#include "ledger/internal.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"

struct store_txn *ledger_txn(struct ledger_tx *tx)
{
    return tx->txn;
}

struct arena *ledger_arena(struct ledger_tx *tx)
{
    return tx->arena;
}

int64_t ledger_now(struct ledger_tx *tx)
{
    return tx->now;
}

const struct rules *ledger_rules(struct ledger_tx *tx)
{
    return tx->policy == NULL ? NULL : policy_in_force(tx->policy, date_of_ms(tx->now));
}

int64_t ledger_tally(struct ledger_tx *tx, enum listing_status status)
{
    return apply_tally(&tx->apply, status);
}

uint64_t ledger_next_sequence(struct ledger_tx *tx)
{
    return tx->head + tx->entry_n + 1;
}

bool ledger_firm(struct ledger_tx *tx, const char *uscc, struct firm *out, bool *known_out, struct err *err)
{
    return apply_firm_read(&tx->apply, uscc, out, known_out, err);
}

/* ---- records ---- */

static struct journal_entry *entry_new(struct ledger_tx *tx)
{
    if (tx->entry_n == tx->entry_room) {
        tx->entry_room = tx->entry_room == 0 ? 256 : tx->entry_room * 2;
        tx->entries = xrealloc(tx->entries, tx->entry_room * sizeof *tx->entries);
    }
    return &tx->entries[tx->entry_n];
}

bool tx_add(struct ledger_tx *tx, struct record *record, const struct firm *before, struct bytes raw, struct err *err)
{
    record->seq = tx->head + tx->entry_n + 1;
    record->time_ms = tx->now;
    if (record->kind == RECORD_PROPOSAL)
        record->approval_id = arena_printf(tx->arena, "p-%llu", (unsigned long long)record->seq);
    buf_reset(&tx->record);
    record_encode(record, &tx->record);
    if (tx->record.overflow)
        return err_set(err, ERR_MESSAGE_TOO_LARGE, record_kind_name(record->kind), "the record or a text in it");
    struct bytes kept = bytes_dup(tx->arena, buf_bytes(&tx->record));
    if (!apply_record(&tx->apply, record, before, err)) {
        tx->spoiled = *err;
        return false;
    }
    *entry_new(tx) = (struct journal_entry){kept, tx->now, record_kind_name(record->kind), bytes_dup(tx->arena, raw)};
    tx->entry_n++;
    tx->raw_n += raw.n;
    return !store_failed(tx->txn, err);
}

bool ledger_record(struct ledger_tx *tx, struct record *record, struct err *err)
{
    return tx_add(tx, record, NULL, (struct bytes){0}, err);
}

/* ---- facts ---- */

static bool decide(struct ledger_tx *tx, const struct fact *fact, struct firm *firm, struct decision *decision,
                   struct ledger_outcome *out, struct err *err)
{
    *out = (struct ledger_outcome){0};
    const struct rules *rules = ledger_rules(tx);
    if (rules == NULL)
        return err_set(err, ERR_RULES_NONE, "rules", "today");
    CHECK(ledger_firm(tx, fact->uscc, firm, NULL, err));
    policy_decide(rules, firm, fact, date_of_ms(tx->now), decision, err);
    if (decision->outcome == POLICY_REFUSED)
        return false;
    out->from = firm->listing.status;
    out->to = firm->listing.status;
    out->why_en = decision->why_en;
    out->why_zh = decision->why_zh;
    if (decision->outcome == POLICY_NOTHING)
        return true;
    out->changed = true;
    out->to = decision->record.listing.status;
    out->action = decision->record.action;
    out->removes = decision->removes;
    out->needs_person = decision->needs_person;
    out->awaits_admission = decision->awaits_admission;
    return true;
}

bool ledger_look(struct ledger_tx *tx, const struct fact *fact, struct ledger_outcome *out, struct err *err)
{
    struct firm firm;
    struct decision decision;
    return decide(tx, fact, &firm, &decision, out, err);
}

/* A question about the firm that is still open was asked about an older state: nobody could grant it any more. */
static bool ask_again(struct ledger_tx *tx, const struct firm *before, uint64_t *seq_out, struct err *err)
{
    const char *id;
    if (before->listing.status != LISTING_CHECKING && before->name_pending[0] == '\0')
        return true;
    CHECK(apply_open_question(&tx->apply, before->uscc, &id, err));
    if (id == NULL)
        return true;
    struct approval old;
    CHECK(approval_read(tx->txn, tx->arena, id, &old, err));
    return firm_proposal(tx, before->uscc, &old.maker, old.note, seq_out, err);
}

bool ledger_fact(struct ledger_tx *tx, const struct fact *fact, struct bytes raw, struct ledger_outcome *out,
                 struct err *err)
{
    struct firm firm;
    struct decision decision;
    CHECK(decide(tx, fact, &firm, &decision, out, err));
    if (!out->changed)
        return true;
    CHECK(tx_add(tx, &decision.record, &firm, raw, err));
    out->seq = decision.record.seq;
    /* from here on a record stands: to fail means that the whole job fails */
    bool asked = decision.needs_person
                     ? firm_proposal(tx, fact->uscc, &fact->actor, decision.why_en, &out->proposal_seq, err)
                     : ask_again(tx, &firm, &out->proposal_seq, err);
    if (!asked)
        tx->spoiled = *err;
    return asked;
}

void ledger_fact_init(struct fact *fact, enum fact_kind kind, const char *uscc)
{
    *fact = (struct fact){
        .kind = kind, .origin = "", .approval_id = "", .uscc = uscc, .list_version = "", .document_no = "",
        .effective = DATE_NONE, .until = DATE_NONE, .note = "", .actor = {ACTOR_GATEWAY, ""},
    };
    struct cert_row *row = &fact->row;
    row->name = row->region_code = row->industry_code = row->scale = row->ownership = "";
    row->level = row->batch = row->document_no = row->reason = "";
    row->valid_from = row->valid_until = DATE_NONE;
}

/* ---- guard ---- */

#define HOUR_MS (60 * 60 * 1000LL)
#define GUARD_HOURS 24

static int64_t guard_taken(struct ledger_tx *tx, const char *source)
{
    struct store_key prefix = key_pair(source, "");
    struct store_key from = key_guard(source, tx->now / HOUR_MS - GUARD_HOURS);
    struct store_walk walk;
    int64_t taken = 0;
    for (store_walk(&walk, tx->txn, TABLE_GUARD, &from, &prefix); store_next(&walk);) {
        if (walk.value.n == 8)
            taken += (int64_t)get_be64(walk.value.p);
    }
    return taken;
}

bool ledger_guard_judge(struct ledger_tx *tx, const char *source, int64_t wanted, struct ledger_guard *out,
                        struct err *err)
{
    const struct rules *rules = ledger_rules(tx);
    if (rules == NULL)
        return err_set(err, ERR_RULES_NONE, "rules", "today");
    int64_t taken = guard_taken(tx, source);
    /* what left within the window still counts as the base it was taken from */
    int64_t listed = apply_tally(&tx->apply, LISTING_LISTED);
    int64_t limit = policy_guard_limit(rules, listed + taken);
    *out = (struct ledger_guard){listed, limit, taken, taken + wanted <= limit};
    return !store_failed(tx->txn, err);
}

/* ---- digests ---- */

bool ledger_firm_digest(struct ledger_tx *tx, const char *uscc, char out[65], struct err *err)
{
    struct store_key key = key_text(uscc);
    struct bytes value = {0};
    store_get(tx->txn, TABLE_FIRM, &key, &value);
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, value, digest);
    hex_encode(digest, sizeof digest, out);
    return !store_failed(tx->txn, err);
}
