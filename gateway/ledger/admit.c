/* A granted admission lists the firms that one run certified. There may be a million, so it is done in chunks. */
#include "ledger/internal.h"

#include <string.h>

static bool admit_one(struct ledger_tx *tx, const struct work *work, const struct record *record, struct err *err)
{
    if (record->kind != RECORD_CERTIFICATION || strcmp(record->origin, work->object) != 0)
        return true;
    struct fact fact = {
        .kind = FACT_ADMIT,
        .actor = {ACTOR_PERSON, work->person},
        .origin = work->id,
        .approval_id = work->id,
        .uscc = record->uscc,
        .row = record->row,
        .list_version = "",
        .document_no = "",
        .effective = DATE_NONE,
        .until = DATE_NONE,
        .note = "",
    };
    struct ledger_outcome outcome;
    struct err refused = {0};
    if (ledger_fact(tx, &fact, (struct bytes){0}, &outcome, &refused) || refused.code == ERR_FIRM_STATE)
        return true; /* refused: it no longer waits for admission, being withdrawn, excluded or in doubt */
    *err = refused;
    return false;
}

static bool admit_record(struct ledger_tx *tx, const struct work *work, struct err *err)
{
    struct bytes bytes;
    struct record record;
    CHECK(journal_read(tx->ledger->journal, tx->txn, (uint64_t)work->next, &bytes, err));
    if (bytes.n == 0)
        return true; /* purged */
    CHECK(record_decode(tx->arena, (uint64_t)work->next, bytes_dup(tx->arena, bytes), &record, err));
    return admit_one(tx, work, &record, err);
}

bool admit_chunk(struct ledger_tx *tx, struct work *work, struct err *err)
{
    for (int i = 0; i < LEDGER_CHUNK && work->next <= work->last; i++, work->next++)
        CHECK(admit_record(tx, work, err));
    return true;
}
