/* Erasing by a granted retention.purge. State must still follow from what is left: README.md tells, kind by kind, why
 * what is erased here is not missed. A leaf is never touched, so every proof given out stays good. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define PURGE_OBJECT "journal"

/* ---- what may go ---- */

/* The last run that was carried out is the source's good contact, and one whole list is remembered for ever: it may
 * go only when the last one was whole as well. */
static bool run_may_go(struct journal *journal, struct store_txn *txn, struct arena *arena, const struct record *record,
                       bool *may_out, struct err *err)
{
    struct source_state state;
    struct bytes bytes;
    struct record last;
    *may_out = strcmp(record->run_state, "done") != 0;
    if (*may_out)
        return true;
    CHECK(source_state_read(txn, arena, record->source, &state, err));
    if (state.seq <= record->seq)
        return true;
    CHECK(journal_read(journal, txn, state.seq, &bytes, err));
    CHECK(record_decode(arena, state.seq, bytes, &last, err));
    *may_out = !record->full || last.full;
    return true;
}

/* A question that was settled, by a person before the moment or by what came later. What was granted as a whole is
 * kept: the guard asks for it when state is rebuilt. */
static bool question_may_go(struct store_txn *txn, struct arena *arena, const struct record *record, int64_t before_ms,
                            struct approval *out, bool *may_out, struct err *err)
{
    CHECK(approval_read(txn, arena, record->approval_id, out, err));
    bool whole = strcmp(out->what, "firm") != 0 && strcmp(out->what, "act") != 0;
    *may_out = strcmp(out->state, "open") != 0 && !(whole && strcmp(out->state, "granted") == 0) &&
               (out->decision_seq == 0 || out->decided_ms < before_ms);
    return true;
}

struct verdict {
    bool may;
    struct approval question; /* RECORD_PROPOSAL that may go */
};

static bool judge(struct journal *journal, struct store_txn *txn, struct arena *arena, const struct record *record,
                  int64_t before_ms, struct verdict *out, struct err *err)
{
    *out = (struct verdict){0};
    switch (record->kind) {
    case RECORD_RUN:
        return run_may_go(journal, txn, arena, record, &out->may, err);
    case RECORD_PROPOSAL:
        return question_may_go(txn, arena, record, before_ms, &out->question, &out->may, err);
    case RECORD_ACCESS:
        out->may = true;
        return true;
    default:
        /* decisions about firms, files and keys in force, purges; a person's decision goes with its question */
        return true;
    }
}

/* ---- the range ---- */

/* A record that is there and not erased; *there_out false otherwise. */
static bool read_record(struct journal *journal, struct store_txn *txn, struct arena *arena, uint64_t seq,
                        struct record *out, bool *there_out, struct err *err)
{
    struct bytes bytes;
    CHECK(journal_read(journal, txn, seq, &bytes, err));
    *there_out = bytes.n > 0;
    return !*there_out || record_decode(arena, seq, bytes_dup(arena, bytes), out, err);
}

static bool has_raw(struct journal *journal, struct store_txn *txn, uint64_t seq)
{
    struct bytes raw;
    struct err none = {0};
    return journal_read_raw(journal, txn, seq, &raw, &none);
}

/* ---- looking ---- */

static bool look_at(struct store_txn *txn, struct journal *journal, struct arena *arena, uint64_t seq,
                    struct ledger_purge *purge, struct err *err)
{
    struct record record;
    struct verdict verdict;
    bool there = false;
    if (purge->raw && has_raw(journal, txn, seq))
        purge->raw_n++;
    if (purge->records)
        CHECK(read_record(journal, txn, arena, seq, &record, &there, err));
    if (!there)
        return true;
    CHECK(judge(journal, txn, arena, &record, purge->before_ms, &verdict, err));
    if (verdict.may)
        purge->record_n += verdict.question.decision_seq != 0 ? 2 : 1;
    return true;
}

bool ledger_purge_look(struct store *store, struct journal *journal, struct ledger_purge *purge, struct err *err)
{
    struct store_txn *txn = store_read(store, err);
    if (txn == NULL)
        return false;
    AUTO_ARENA arena = arena_new();
    purge->first = 1;
    purge->record_n = purge->raw_n = 0;
    bool ok = journal_size_at(journal, txn, purge->before_ms - 1, &purge->last, err);
    for (uint64_t seq = 1; ok && seq <= purge->last; seq++) {
        arena_reset(arena);
        ok = look_at(txn, journal, arena, seq, purge, err);
    }
    ok = ok && !store_failed(txn, err);
    store_read_end(&txn);
    return ok;
}

/* ---- proposing ---- */

struct purge_proposal {
    const struct ledger_purge *purge;
    const struct actor *person;
    const char *reason;
    char *id_out;
};

static bool propose_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    const struct purge_proposal *proposal = arg;
    const struct ledger_purge *purge = proposal->purge;
    struct buf out;
    struct json_out json;
    buf_init(&out, APPROVAL_VALUE_MAX);
    json_out_init(&json, &out);
    json_begin_object(&json);
    json_add_integer(&json, "first", (int64_t)purge->first);
    json_add_integer(&json, "last", (int64_t)purge->last);
    json_add_time(&json, "before", purge->before_ms);
    json_add_integer(&json, "before_ms", purge->before_ms);
    json_add_boolean(&json, "erases_records", purge->records);
    json_add_boolean(&json, "erases_raw", purge->raw);
    json_add_integer(&json, "records", (int64_t)purge->record_n);
    json_add_integer(&json, "raw", (int64_t)purge->raw_n);
    json_end_object(&json);
    struct approval approval = {.what = "purge",
                                .object = PURGE_OBJECT,
                                .digest = "",
                                .maker = *proposal->person,
                                .note = proposal->reason,
                                .payload = arena_strdup(tx->arena, (const char *)out.p)};
    buf_free(&out);
    return ledger_propose(tx, &approval, proposal->id_out, err);
}

bool ledger_propose_purge(struct ledger *ledger, const struct ledger_purge *purge, const struct actor *person,
                          const char *reason, char id_out[32], struct err *err)
{
    if (reason == NULL || reason[0] == '\0')
        return err_set(err, ERR_APPROVAL_REASON, "/reason", "empty");
    if (strlen(reason) > RECORD_REASON_MAX)
        return err_set(err, ERR_SCHEMA_INVALID, "/reason", "over %d bytes", RECORD_REASON_MAX);
    if (purge->record_n == 0 && purge->raw_n == 0)
        return err_set(err, ERR_RETENTION_NOTHING, "/before", "of %llu records", (unsigned long long)purge->last);
    struct purge_proposal proposal = {purge, person, reason, id_out};
    return ledger_run(ledger, propose_job, &proposal, err);
}

/* ---- doing it ---- */

/* The digest goes on from chunk to chunk: SHA-256(digest so far ‖ sequence), from nothing. */
static void note_erased(struct work *work, uint64_t seq)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE], number[8];
    bool first = work->digest[0] == '\0';
    put_be64(number, seq);
    if (!first)
        hex_decode(work->digest, digest, sizeof digest);
    struct bytes parts[] = {bytes_of(digest, first ? 0 : sizeof digest), bytes_of(number, sizeof number)};
    crypto_digest_parts(CRYPTO_SHA256, parts, 2, digest);
    hex_encode(digest, sizeof digest, work->digest);
}

static void erase_record(struct ledger_tx *tx, struct work *work, uint64_t seq)
{
    journal_erase_record(tx->ledger->journal, tx->txn, seq);
    work->records++;
    note_erased(work, seq);
}

/* What state says because of this record alone goes with it. */
static void erase_state(struct ledger_tx *tx, const struct record *record)
{
    struct store_key key = key_text(record->kind == RECORD_PROPOSAL ? record->approval_id : record->object);
    if (record->kind == RECORD_PROPOSAL)
        store_delete(tx->txn, TABLE_APPROVAL, &key);
    if (record->kind == RECORD_ACCESS && store_number(tx->txn, TABLE_SEGMENT, record->object) == record->seq)
        store_delete(tx->txn, TABLE_SEGMENT, &key);
    if (record->kind == RECORD_RUN)
        past_forget(tx->txn, record);
}

static bool purge_one(struct ledger_tx *tx, struct work *work, uint64_t seq, struct err *err)
{
    struct journal *journal = tx->ledger->journal;
    struct record record;
    struct verdict verdict;
    bool there = false;
    if (work->erases_raw && has_raw(journal, tx->txn, seq)) {
        journal_erase_raw(journal, tx->txn, seq);
        work->raw++;
        note_erased(work, seq);
    }
    if (work->erases_records)
        CHECK(read_record(journal, tx->txn, tx->arena, seq, &record, &there, err));
    if (!there)
        return true;
    CHECK(judge(journal, tx->txn, tx->arena, &record, work->before_ms, &verdict, err));
    if (!verdict.may)
        return true;
    erase_record(tx, work, seq);
    if (verdict.question.decision_seq != 0)
        erase_record(tx, work, verdict.question.decision_seq);
    erase_state(tx, &record);
    return true;
}

bool purge_chunk(struct ledger_tx *tx, struct work *work, struct err *err)
{
    for (int i = 0; i < LEDGER_CHUNK && work->next <= work->last; i++, work->next++)
        CHECK(purge_one(tx, work, (uint64_t)work->next, err));
    return !store_failed(tx->txn, err);
}

bool purge_end(struct ledger_tx *tx, const struct work *work, struct err *err)
{
    char before[TIME_TEXT_SIZE];
    struct record record;
    record_init(&record, RECORD_PURGE);
    record.actor = (struct actor){ACTOR_PERSON, work->person};
    record.origin = work->id;
    record.object = arena_printf(tx->arena, "1-%lld", (long long)work->last);
    record.object_digest = work->digest;
    record.note = arena_printf(tx->arena, "records=%lld raw=%lld before=%s", (long long)work->records,
                               (long long)work->raw, time_format(work->before_ms, before));
    return ledger_record(tx, &record, err);
}
