/* Undoing a run: each firm it changed, and that nothing has changed since, stands again as before. A run may have
 * touched a million firms, so it is work done in chunks after another person granted it. */
#include "ledger/internal.h"

#include <string.h>

/* The admission of this very run is part of what is undone; anything else since then is kept. */
static bool belongs_to_run(const struct record *record)
{
    return record->kind == RECORD_LISTING && strcmp(record->act, "admit") == 0;
}

/* The records about the firm before `seq` make it as it stood then; *since_out tells of others behind it. */
static bool stood_before(struct ledger_tx *tx, const char *uscc, uint64_t seq, struct firm *out, bool *since_out,
                         struct err *err)
{
    struct store_key prefix = key_history(uscc, STORE_PREFIX);
    struct store_walk walk;
    bool ok = true;
    firm_init(out, uscc);
    *since_out = false;
    for (store_walk(&walk, tx->txn, TABLE_HISTORY, NULL, &prefix); ok && store_next(&walk);) {
        uint64_t at = get_be64(walk.key.p + walk.key.n - 8);
        struct bytes bytes;
        struct record *record = arena_alloc(tx->arena, sizeof *record);
        if (at == seq)
            continue;
        ok = journal_read(tx->ledger->journal, tx->txn, at, &bytes, err) &&
             record_decode(tx->arena, at, bytes_dup(tx->arena, bytes), record, err);
        if (ok && at < seq)
            firm_apply(out, record);
        else if (ok && !belongs_to_run(record))
            *since_out = true;
    }
    store_walk_end(&walk);
    return ok && !store_failed(tx->txn, err);
}

static bool revert_one(struct ledger_tx *tx, struct work *work, const struct record *record, struct err *err)
{
    struct firm before;
    bool since;
    if (record->kind != RECORD_CERTIFICATION || strcmp(record->origin, work->object) != 0)
        return true;
    CHECK(stood_before(tx, record->uscc, record->seq, &before, &since, err));
    if (since)
        return true;
    struct fact fact;
    struct ledger_outcome outcome;
    ledger_fact_init(&fact, FACT_REVERT, record->uscc);
    fact.actor = (struct actor){ACTOR_PERSON, work->person};
    fact.origin = work->id;
    fact.approval_id = work->id;
    fact.before = &before;
    CHECK(ledger_fact(tx, &fact, (struct bytes){0}, &outcome, err));
    work->records++;
    return true;
}

bool revert_chunk(struct ledger_tx *tx, struct work *work, struct err *err)
{
    for (int i = 0; i < LEDGER_CHUNK && work->next <= work->last; i++, work->next++) {
        struct bytes bytes;
        struct record record;
        CHECK(journal_read(tx->ledger->journal, tx->txn, (uint64_t)work->next, &bytes, err));
        if (bytes.n == 0)
            continue; /* purged */
        CHECK(record_decode(tx->arena, (uint64_t)work->next, bytes_dup(tx->arena, bytes), &record, err));
        CHECK(revert_one(tx, work, &record, err));
    }
    return true;
}

struct revert {
    const struct ledger_revert *of;
    char *id_out;
};

static bool propose_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct revert *revert = arg;
    const struct ledger_revert *of = revert->of;
    struct approval proposal = {
        .what = "revert", .object = of->run, .digest = "", .maker = of->maker, .note = of->reason,
        .payload = arena_printf(tx->arena, "{\"source\":\"%s\",\"first\":%llu,\"last\":%llu}", of->source,
                                (unsigned long long)of->first, (unsigned long long)of->last),
    };
    return ledger_propose(tx, &proposal, revert->id_out, err);
}

bool ledger_propose_revert(struct ledger *ledger, const struct ledger_revert *of, char id_out[32], struct err *err)
{
    if (of->reason == NULL || of->reason[0] == '\0')
        return err_set(err, ERR_APPROVAL_REASON, "/reason", "empty");
    struct revert revert = {of, id_out};
    return ledger_run(ledger, propose_job, &revert, err);
}
