/* held: rows of messages that wait for a person. Each is a row of a local table under the proposal it waits for; when
 * that is decided, what follows is carried out and a later receipt written in one transaction, so that nothing is done
 * twice or left out by a crash: what is still in the table is still to be done. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define QUEUE 0                        /* of net's workers: the machine's own */
#define WAITING_MAX 10000              /* rows of one proposal: as many as a message may have */

bool held_put(struct ledger_tx *tx, const struct intake_case *c, uint64_t proposal, size_t index, struct err *err)
{
    const char *id = arena_printf(ledger_arena(tx), "p-%llu", (unsigned long long)proposal);
    struct store_key key = key_held(id, index);
    uint8_t seq[8];

    (void)c;
    put_be64(seq, ledger_next_sequence(tx)); /* the message's record comes next */
    store_put(ledger_txn(tx), TABLE_HELD, &key, bytes_of(seq, sizeof(seq)));
    return !store_failed(ledger_txn(tx), err);
}

/* What waits for one proposal. */
struct waiting {
    const char *proposal;
    uint64_t seq;                      /* of the message */
    size_t *rows, n;
};

static bool waiting_read(struct store_txn *txn, struct arena *arena, const char *proposal, struct waiting *out,
                         struct err *err)
{
    struct store_key prefix = key_held(proposal, STORE_PREFIX);
    struct store_walk walk;

    *out = (struct waiting){.proposal = proposal, .rows = arena_alloc(arena, WAITING_MAX * sizeof(*out->rows))};
    store_walk(&walk, txn, TABLE_HELD, NULL, &prefix);
    while (out->n < WAITING_MAX && store_next(&walk)) {
        if (walk.key.n != prefix.n + 8 || walk.value.n != 8)
            continue;
        out->seq = get_be64(walk.value.p);
        out->rows[out->n++] = (size_t)get_be64(walk.key.p + prefix.n);
    }
    store_walk_end(&walk);
    return !store_failed(txn, err);
}

static void waiting_delete(struct store_txn *txn, const struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->n; i++) {
        struct store_key key = key_held(waiting->proposal, waiting->rows[i]);
        store_delete(txn, TABLE_HELD, &key);
    }
}

/* ---- the message again --------------------------------------------------------------------------------------------- */

static bool open_payload(struct bytes raw, struct buf *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    CHECK(json_parse(raw, &doc, err));
    const char *payload = json_string(json_member(json_root(doc), "payload"));

    return payload != NULL && base64_decode(out, bytes_str(payload), true) ? true
                                                                          : err_set(err, ERR_STORE_CORRUPT, "raw", "payload");
}

/* It was verified when it came: the journal vouches for its bytes. */
static bool read_again(struct intake_case *c, struct bytes raw, const char *form, struct err *err)
{
    size_t n;
    struct err fault[1];

    c->in.form = strcmp(form, "xml") == 0 ? INTAKE_XML : strcmp(form, "jose") == 0 ? INTAKE_JOSE : INTAKE_JSON;
    if (c->in.form == INTAKE_JOSE)
        CHECK(open_payload(raw, &c->opened, err));
    CHECK(c->in.form == INTAKE_XML ? message_read_xml(raw, &c->message, err)
                                   : message_read_json(c->in.form == INTAKE_JOSE ? buf_bytes(&c->opened) : raw,
                                                       &c->message, err));
    if (c->in.form == INTAKE_XML)
        message_drop_signature(c->message);
    CHECK(message_envelope(c->message, &c->envelope, err));
    c->kind = catalog_find(c->catalog, c->envelope.kind, (int)c->envelope.version, err);
    if (c->kind == NULL)
        return false;
    if (message_validate(c->catalog, c->message, fault, 1, &n))
        return true;
    *err = fault[0];
    return false;
}

/* The partner as it is now; one that has left is still the actor of what it said. */
static const struct partner *sender_of(struct intake_case *c, const char *id)
{
    const struct partner *known = directory_find(c->directory, id);

    if (known != NULL)
        return known;
    struct partner *gone = arena_alloc(c->arena, sizeof(*gone));
    gone->id = id;
    return gone;
}

static bool load(struct intake_case *c, struct store_txn *txn, uint64_t seq, bool body, struct err *err)
{
    struct bytes raw;

    CHECK(ledger_read_record(c->intake->options.journal, txn, c->arena, seq, &c->record, err));
    c->in.sender = sender_of(c, c->record.message.sender);
    c->envelope.id = c->record.message.id;
    c->envelope.kind = c->record.message.kind;
    c->object = arena_printf(c->arena, "%s/%s", c->in.sender->id, c->envelope.id);
    c->consequence = consequence_of(c->record.message.kind);
    if (!body)
        return true;
    CHECK(journal_read_raw(c->intake->options.journal, txn, seq, &raw, err));
    return read_again(c, bytes_dup(c->arena, raw), c->record.message.form, err);
}

/* ---- carrying it out ----------------------------------------------------------------------------------------------- */

struct resolution {
    struct intake_case *c;
    const char *proposal;
};

static bool granted(const struct approval *approval)
{
    return strcmp(approval->state, "granted") == 0;
}

/* The ledger has done to the firm what was decided; what is left is to say so. */
static bool say(struct intake_case *c, const struct approval *approval, const struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->n; i++) {
        struct row_verdict verdict = {.index = waiting->rows[i], .field = ""};
        if (!granted(approval) && strcmp(approval->state, "superseded") != 0)
            (void)reject_text(&verdict, ERR_APPROVAL_REJECTED, "", approval->comment);
        case_tell(c, &verdict);
    }
    return true;
}

static bool resolve_own(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                        const struct waiting *waiting, struct err *err)
{
    for (size_t i = 0; i < waiting->n; i++) {
        struct row_verdict verdict = {.index = waiting->rows[i], .field = ""};
        CHECK(c->consequence->resolve(tx, c, approval, &verdict, err));
        case_tell(c, &verdict);
    }
    return true;
}

static bool carry_out(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                      const struct waiting *waiting, struct err *err)
{
    bool of_message = strcmp(approval->what, "message") == 0, of_firm = strcmp(approval->what, "firm") == 0;

    c->approval_id = approval->id;
    if (of_message && granted(approval))
        return case_rows(tx, c, waiting->rows, waiting->n, err);
    if (of_message || of_firm || c->consequence == NULL || c->consequence->resolve == NULL)
        return say(c, approval, waiting);
    return resolve_own(tx, c, approval, waiting, err);
}

/* Rows that wait again, for another proposal, are not spoken of until that is decided. */
static bool put_again(struct ledger_tx *tx, struct intake_case *c, uint64_t seq, struct err *err)
{
    for (size_t i = 0; i < c->row_n; i++) {
        uint8_t value[8];
        if (c->rows[i].verdict != VERDICT_PENDING)
            continue;
        struct store_key key = key_held(
            arena_printf(ledger_arena(tx), "p-%llu", (unsigned long long)c->rows[i].proposal), c->rows[i].index);
        put_be64(value, seq);
        store_put(ledger_txn(tx), TABLE_HELD, &key, bytes_of(value, sizeof(value)));
    }
    return !store_failed(ledger_txn(tx), err);
}

static bool write_receipt(struct ledger_tx *tx, struct intake_case *c, const struct approval *approval,
                          struct err *err)
{
    struct record record;
    bool whole = c->consequence != NULL && c->consequence->whole != NULL;

    record_init(&record, RECORD_RECEIPT);
    record.actor = approval->decided_by[0] != '\0' ? (struct actor){ACTOR_PERSON, approval->decided_by}
                                                   : (struct actor){ACTOR_GATEWAY, ""};
    record.note = approval->comment;
    record.approval_id = approval->id;
    record.message.id = c->record.message.id;
    record.message.kind = c->record.message.kind;
    record.message.sender = c->record.message.sender;
    record.message.form = c->record.message.form;
    record.result = case_result(c);
    record.to = c->record.message.sender;
    record.first = (int64_t)c->first;
    if (whole && c->rows[0].code != ERR_NONE)
        record.code = err_info(c->rows[0].code)->code;
    else if (!whole)
        record.rows = case_rows_json(c, ledger_arena(tx), true);
    return ledger_message(tx, &record, (struct bytes){0}, err);
}

/* A question that was asked anew: what waited for the old one waits for the new one. */
static bool moved_on(struct ledger_tx *tx, const struct approval *approval, const struct waiting *waiting)
{
    struct store_key open = key_pair("open", approval->object);
    struct bytes id;
    uint8_t seq[8];

    if (strcmp(approval->state, "superseded") != 0 || !store_get(ledger_txn(tx), TABLE_APPROVAL, &open, &id))
        return false;
    const char *newer = arena_strndup(ledger_arena(tx), (const char *)id.p, id.n);
    put_be64(seq, waiting->seq);
    waiting_delete(ledger_txn(tx), waiting);
    for (size_t i = 0; i < waiting->n; i++) {
        struct store_key key = key_held(newer, waiting->rows[i]);
        store_put(ledger_txn(tx), TABLE_HELD, &key, bytes_of(seq, sizeof(seq)));
    }
    return true;
}

static bool resolve_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct resolution *resolution = arg;
    struct intake_case *c = resolution->c;
    struct approval approval;
    struct waiting waiting;

    CHECK(approval_read(ledger_txn(tx), ledger_arena(tx), resolution->proposal, &approval, err));
    CHECK(waiting_read(ledger_txn(tx), ledger_arena(tx), resolution->proposal, &waiting, err));
    if (strcmp(approval.state, "open") == 0 || waiting.n == 0 || moved_on(tx, &approval, &waiting))
        return true;
    CHECK(case_begin(c, tx));
    CHECK(carry_out(tx, c, &approval, &waiting, err));
    waiting_delete(ledger_txn(tx), &waiting);
    CHECK(put_again(tx, c, waiting.seq, err));
    return c->row_n == c->pending || write_receipt(tx, c, &approval, err);
}

/* True when there is something to do; the approval's own words in the arena. */
static bool look(struct intake *intake, struct arena *arena, const char *proposal, struct approval *approval,
                 struct waiting *waiting, struct intake_case *c, struct err *err)
{
    struct store_txn *txn = store_read(intake->options.store, err);

    if (txn == NULL)
        return false;
    bool ok = approval_read(txn, arena, proposal, approval, err) &&
              waiting_read(txn, arena, proposal, waiting, err) && waiting->n > 0 &&
              strcmp(approval->state, "open") != 0 &&
              load(c, txn, waiting->seq, strcmp(approval->what, "firm") != 0, err);
    store_read_end(&txn);
    return ok;
}

static void resolve(struct intake *intake, const char *proposal)
{
    const struct intake_in none = {.address = "", .trace_id = "", .now_ms = clock_wall_ms()};
    struct intake_case *c = case_new(intake, &none);
    struct approval approval;
    struct waiting waiting;
    struct err err = {0};
    struct resolution resolution = {c, proposal};

    if (look(intake, c->arena, proposal, &approval, &waiting, c, &err))
        ledger_run(intake->options.ledger, resolve_job, &resolution, &err);
    if (err.code != ERR_NONE && err.code != ERR_APPROVAL_UNKNOWN)
        log_err(LOG_WARN, "message.held", &err);
    intake_close(&c);
}

/* ---- when ---------------------------------------------------------------------------------------------------------- */

struct decided {
    struct intake *intake;
    char *proposal;
};

static void decided_work(void *arg)
{
    struct decided *decided = arg;

    resolve(decided->intake, decided->proposal);
    free(decided->proposal);
    free(decided);
}

/* On the committer's thread. What finds no room is taken up by the next tick. */
void held_watch(void *arg, const struct ledger_news *news)
{
    struct intake *intake = arg;
    struct err err = {0};

    if (news->approval_id == NULL)
        return;
    struct decided *decided = xcalloc(1, sizeof(*decided));
    decided->intake = intake;
    decided->proposal = xstrdup(news->approval_id);
    if (net_work(intake->options.net, QUEUE, decided_work, decided, &err))
        return;
    free(decided->proposal);
    free(decided);
}

#define TICK_MAX 1000

/* The proposals for which something waits, each once. */
static size_t waiting_for(struct intake *intake, struct arena *arena, const char *ids[TICK_MAX], struct err *err)
{
    struct store_txn *txn = store_read(intake->options.store, err);
    struct store_walk walk;
    size_t n = 0;

    if (txn == NULL)
        return 0;
    store_walk(&walk, txn, TABLE_HELD, NULL, NULL);
    while (n < TICK_MAX && store_next(&walk)) {
        const char *id = arena_strndup(arena, (const char *)walk.key.p, strnlen((const char *)walk.key.p, walk.key.n));
        if (n == 0 || strcmp(ids[n - 1], id) != 0)
            ids[n++] = id;
    }
    store_walk_end(&walk);
    store_read_end(&txn);
    return n;
}

bool intake_recover(struct intake *intake, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const char *ids[TICK_MAX];
    size_t n = waiting_for(intake, arena, ids, err);

    for (size_t i = 0; i < n; i++)
        resolve(intake, ids[i]);
    return err->code == ERR_NONE;
}

void intake_tick(struct intake *intake)
{
    struct err err = {0};

    if (!intake_recover(intake, &err))
        log_err(LOG_WARN, "message.held", &err);
}
