/* Undoing a run that was carried out: a proposal that another person must approve; the ledger does the rest. */
#include <string.h>

#include "sync/internal.h"

bool sync_revert(struct sync *sync, const char *run_id, const struct actor *actor, const char *reason, char id_out[32],
                 struct err *err)
{
    struct story story;
    struct store_txn *txn = store_read(sync->store, err);
    bool ok = txn != NULL && story_get(txn, run_id, &story, err);
    store_read_end(&txn);
    CHECK(ok);
    if (story.state != RUN_DONE || story.dry_run)
        return err_set(err, ERR_RUN_STATE, run_id, "%s%s: only a run that was carried out can be undone",
                       story_state_name(story.state), story.dry_run ? ", a dry run" : "");
    if (story.first_seq == 0)
        return err_set(err, ERR_RUN_STATE, run_id, "it changed nothing");
    struct ledger_revert of = {
        .run = story.id,
        .source = story.source,
        .first = story.first_seq,
        .last = story.last_seq,
        .maker = *actor,
        .reason = reason,
    };
    return ledger_propose_revert(sync->ledger, &of, id_out, err);
}
