/* What a granted approval does may touch a million records, so it is a row in the local table `work` with the next
 * sequence to look at, done in chunks between other jobs and rolled forward after a crash. */
#include "ledger/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

#define WORK_VALUE_MAX 4096

typedef bool work_chunk(struct ledger_tx *tx, struct work *work, struct err *err);
typedef bool work_ended(struct ledger_tx *tx, const struct work *work, struct err *err);
static const struct {
    const char *what;
    work_chunk *chunk;
    work_ended *ended; /* NULL: nothing more */
} kinds[] = {
    {"admit", admit_chunk, NULL},
    {"purge", purge_chunk, purge_end},
    {"revert", revert_chunk, NULL},
    {"rules", rules_chunk, rules_end},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static size_t kind_of(const char *what)
{
    size_t i = 0;
    while (i < KINDS && strcmp(kinds[i].what, what) != 0)
        i++;
    return i;
}

bool work_is_of(const char *what)
{
    return kind_of(what) < KINDS;
}

/* ---- the row ---- */

static void work_put(struct ledger_tx *tx, const struct work *work)
{
    struct buf out;
    struct json_out json;
    buf_init(&out, WORK_VALUE_MAX);
    json_out_init(&json, &out);
    json_begin_object(&json);
    json_add_string(&json, "what", work->what);
    json_add_string(&json, "object", work->object);
    json_add_string(&json, "person", work->person);
    json_add_integer(&json, "next", work->next);
    json_add_integer(&json, "last", work->last);
    json_add_integer(&json, "before_ms", work->before_ms);
    json_add_integer(&json, "records", work->records);
    json_add_integer(&json, "raw", work->raw);
    json_add_boolean(&json, "erases_records", work->erases_records);
    json_add_boolean(&json, "erases_raw", work->erases_raw);
    json_add_boolean(&json, "initial", work->initial);
    json_add_integer(&json, "held", work->held);
    json_add_string_opt(&json, "digest", work->digest);
    json_end_object(&json);
    struct store_key key = key_text(work->id);
    store_put(tx->txn, TABLE_WORK, &key, buf_bytes(&out));
    buf_free(&out);
}

static const char *text(struct ledger_tx *tx, const json_value *object, const char *name, const char *otherwise)
{
    const char *s = json_string(json_member(object, name));
    return s == NULL ? otherwise : arena_strdup(tx->arena, s);
}

/* Of a row, and of the payload that asked for it, which has fewer members. Format 1 knew admissions only and called
 * their object `run`. */
static bool work_read(struct ledger_tx *tx, struct bytes in, struct work *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(in, &doc, err));
    const json_value *o = json_root(doc);
    out->what = text(tx, o, "what", "admit");
    out->object = text(tx, o, "object", text(tx, o, "run", ""));
    out->person = text(tx, o, "person", "");
    snprintf(out->digest, sizeof out->digest, "%s", text(tx, o, "digest", ""));
    CHECK(json_opt_integer(o, "", "next", 1, INT64_MAX, &out->next, err));
    CHECK(json_opt_integer(o, "", "first", 1, INT64_MAX, &out->next, err));
    CHECK(json_need_integer(o, "", "last", 0, INT64_MAX, &out->last, err));
    CHECK(json_opt_integer(o, "", "before_ms", 0, INT64_MAX, &out->before_ms, err));
    CHECK(json_opt_integer(o, "", "records", 0, INT64_MAX, &out->records, err));
    CHECK(json_opt_integer(o, "", "raw", 0, INT64_MAX, &out->raw, err));
    CHECK(json_opt_boolean(o, "", "erases_records", &out->erases_records, err));
    CHECK(json_opt_boolean(o, "", "erases_raw", &out->erases_raw, err));
    CHECK(json_opt_boolean(o, "", "initial", &out->initial, err));
    CHECK(json_opt_integer(o, "", "held", 0, INT64_MAX, &out->held, err));
    return out->next > 0 || err_set(err, ERR_STORE_CORRUPT, "work", "no sequence to begin with");
}

bool work_begin(struct ledger_tx *tx, const struct approval *approval, const struct actor *person, struct err *err)
{
    struct work work = {0};
    CHECK(work_read(tx, bytes_str(approval->payload), &work, err));
    work.id = approval->id;
    work.what = approval->what;
    work.object = approval->object;
    work.person = person->id;
    work.records = work.raw = 0; /* a payload tells what was counted when it was proposed */
    /* what is not in the journal when it is granted was not meant */
    work.last = work.last < (int64_t)tx->head ? work.last : (int64_t)tx->head;
    work_put(tx, &work);
    return true;
}

static bool work_first(struct ledger_tx *tx, struct work *out, bool *found_out, struct err *err)
{
    struct store_walk walk;
    store_walk(&walk, tx->txn, TABLE_WORK, NULL, NULL);
    *found_out = store_next(&walk);
    if (!*found_out)
        return !store_failed(tx->txn, err);
    out->id = arena_strndup(tx->arena, (const char *)walk.key.p, walk.key.n);
    struct bytes value = bytes_dup(tx->arena, walk.value);
    store_walk_end(&walk);
    return work_read(tx, value, out, err);
}

bool work_waits(struct ledger_tx *tx)
{
    struct store_walk walk;
    store_walk(&walk, tx->txn, TABLE_WORK, NULL, NULL);
    bool found = store_next(&walk);
    store_walk_end(&walk);
    return found;
}

/* ---- a chunk ---- */

static bool work_end(struct ledger_tx *tx, const struct work *work, work_ended *ended, struct err *err)
{
    struct store_key key = key_text(work->id);
    if (ended != NULL)
        CHECK(ended(tx, work, err));
    if (work->held > 0)
        ledger_hold_end(tx, (uint64_t)work->held, ledger_next_sequence(tx) - 1, true);
    store_delete(tx->txn, TABLE_WORK, &key);
    log_event(LOG_NOTICE, "work.done", "what=%s approval=%s object=%s", work->what, work->id, work->object);
    return true;
}

/* What a first list brings is held back from its first record on. */
static bool run_chunk(struct ledger_tx *tx, struct work *work, work_chunk *chunk, struct err *err)
{
    uint64_t next = ledger_next_sequence(tx);
    CHECK(chunk(tx, work, err));
    if (work->initial && work->held == 0 && ledger_next_sequence(tx) > next) {
        work->held = (int64_t)next;
        ledger_hold(tx, next);
    }
    return true;
}

/* One chunk of the first work waiting; *more_out tells that there is more. */
static bool work_step(struct ledger_tx *tx, bool *more_out, struct err *err)
{
    struct work work = {0};
    CHECK(work_first(tx, &work, more_out, err));
    if (!*more_out)
        return true;
    size_t kind = kind_of(work.what);
    if (kind == KINDS)
        return err_set(err, ERR_STORE_CORRUPT, "work", "%.40s", work.what);
    CHECK(run_chunk(tx, &work, kinds[kind].chunk, err));
    if (work.next > work.last)
        return work_end(tx, &work, kinds[kind].ended, err);
    work_put(tx, &work);
    return true;
}

/* ---- driving it ---- */

static bool step_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    return work_step(tx, arg, err);
}

bool work_all(struct ledger *ledger, struct err *err)
{
    bool more = true;
    while (more)
        CHECK(ledger_run(ledger, step_job, &more, err));
    return true;
}

/* Queued chunks run between other jobs, so that large work does not hold up the rest. */
struct kick {
    struct ledger *ledger;
    bool more;
};

static bool kick_decide(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct kick *kick = arg;
    return work_step(tx, &kick->more, err);
}
static void kick_done(void *arg, const struct err *err);

static void kick_again(struct kick *kick)
{
    struct err err = {0};
    if (committer_submit(kick->ledger, kick_decide, kick_done, kick, &err))
        return;
    /* stopping: the work row stays, and the next start goes on with it */
    log_err(LOG_NOTICE, "work.waits", &err);
    free(kick);
}

static void kick_done(void *arg, const struct err *err)
{
    struct kick *kick = arg;
    if (err->code != ERR_NONE) {
        /* the work row stays; ledger_time looks for it */
        log_err(LOG_WARN, "work.failed", err);
        kick->more = false;
    }
    if (kick->more)
        kick_again(kick);
    else
        free(kick);
}

void work_kick(struct ledger *ledger)
{
    struct kick *kick = xcalloc(1, sizeof *kick);
    kick->ledger = ledger;
    kick_again(kick);
}
