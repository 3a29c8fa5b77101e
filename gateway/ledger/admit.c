/* A granted admission lists the firms that one run certified. There may be a million, so the work is a row in
 * the local table `work` with the next sequence to look at, done in chunks and rolled forward after a crash. */
#include "ledger/internal.h"

#include <stdlib.h>
#include <string.h>

#include "json/json.h"

struct work {
    const char *id, *run, *person;
    int64_t next, last;
};

static void work_put(struct ledger_tx *tx, const struct work *work)
{
    struct buf out;
    struct json_out json;
    buf_init(&out, 4096);
    json_out_init(&json, &out);
    json_begin_object(&json);
    json_add_string(&json, "run", work->run);
    json_add_string(&json, "person", work->person);
    json_add_integer(&json, "next", work->next);
    json_add_integer(&json, "last", work->last);
    json_end_object(&json);
    struct store_key key = key_text(work->id);
    store_put(tx->txn, TABLE_WORK, &key, buf_bytes(&out));
    buf_free(&out);
}

bool admit_begin(struct ledger_tx *tx, const struct approval *approval, const struct actor *person, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(bytes_str(approval->payload), &doc, err));
    struct work work = {.id = approval->id, .run = approval->object, .person = person->id};
    const json_value *payload = json_root(doc);
    CHECK(json_need_integer(payload, "", "first", 1, INT64_MAX, &work.next, err));
    CHECK(json_need_integer(payload, "", "last", 0, INT64_MAX, &work.last, err));
    /* what is not in the journal was not certified by this run */
    work.last = work.last < (int64_t)tx->head ? work.last : (int64_t)tx->head;
    work_put(tx, &work);
    return true;
}

bool admit_waits(struct ledger_tx *tx)
{
    struct store_walk walk;
    store_walk(&walk, tx->txn, TABLE_WORK, NULL, NULL);
    bool found = store_next(&walk);
    store_walk_end(&walk);
    return found;
}

static bool work_first(struct ledger_tx *tx, struct work *out, bool *found_out, struct err *err)
{
    struct store_walk walk;
    store_walk(&walk, tx->txn, TABLE_WORK, NULL, NULL);
    *found_out = store_next(&walk);
    if (!*found_out)
        return !store_failed(tx->txn, err);
    out->id = arena_strndup(tx->arena, (const char *)walk.key.p, walk.key.n);
    AUTO_JSON doc = NULL;
    bool ok = json_parse(walk.value, &doc, err);
    store_walk_end(&walk);
    CHECK(ok);
    const json_value *o = json_root(doc);
    out->run = arena_strdup(tx->arena, json_string(json_member(o, "run")));
    out->person = arena_strdup(tx->arena, json_string(json_member(o, "person")));
    CHECK(json_need_integer(o, "", "next", 1, INT64_MAX, &out->next, err));
    return json_need_integer(o, "", "last", 0, INT64_MAX, &out->last, err);
}

static bool admit_one(struct ledger_tx *tx, const struct work *work, const struct record *record, struct err *err)
{
    if (record->kind != RECORD_CERTIFICATION || strcmp(record->origin, work->run) != 0)
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

bool admit_step(struct ledger_tx *tx, bool *more_out, struct err *err)
{
    struct work work = {0};
    CHECK(work_first(tx, &work, more_out, err));
    if (!*more_out)
        return true;
    for (int i = 0; i < LEDGER_CHUNK && work.next <= work.last; i++, work.next++)
        CHECK(admit_record(tx, &work, err));
    if (work.next <= work.last) {
        work_put(tx, &work);
    } else {
        struct store_key key = key_text(work.id);
        store_delete(tx->txn, TABLE_WORK, &key);
        log_event(LOG_NOTICE, "admission.done", "approval=%s run=%s", work.id, work.run);
    }
    return true;
}

/* ---- driving it ---- */

static bool step_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    return admit_step(tx, arg, err);
}

bool admit_all(struct ledger *ledger, struct err *err)
{
    bool more = true;
    while (more)
        CHECK(ledger_run(ledger, step_job, &more, err));
    return true;
}

/* Queued chunks run between other jobs, so that a large admission does not hold up the rest. */
struct kick {
    struct ledger *ledger;
    bool more;
};

static bool kick_decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct kick *kick = arg;
    return admit_step(tx, &kick->more, err);
}
static void kick_done(void *arg, const struct err *err);

static void kick_again(struct kick *kick)
{
    struct err err = {0};
    if (committer_submit(kick->ledger, kick_decide, kick_done, kick, &err))
        return;
    /* stopping: the work row stays, and the next start goes on with it */
    log_err(LOG_NOTICE, "admission.waits", &err);
    free(kick);
}

static void kick_done(void *arg, const struct err *err)
{
    struct kick *kick = arg;
    if (err->code != ERR_NONE) {
        /* the work row stays; ledger_time looks for it */
        log_err(LOG_WARN, "admission.failed", err);
        kick->more = false;
    }
    if (kick->more)
        kick_again(kick);
    else
        free(kick);
}

void admit_kick(struct ledger *ledger)
{
    struct kick *kick = xcalloc(1, sizeof *kick);
    kick->ledger = ledger;
    kick_again(kick);
}
