/* held: rows of messages that wait for a person. Each is a row of a local table under the proposal it waits for; when
 * that is decided, what follows is carried out and a later receipt written in one transaction, so that nothing is done
 * twice or left out by a crash: what is still in the table is still to be done. Several messages may wait for one
 * proposal (the same firm in doubt); each is carried out and answered by itself. */
#include <stdlib.h>
#include <string.h>

#include "intake/internal.h"

#define QUEUE 0                        /* of net's workers: the machine's own */
#define LAST (UINT64_MAX - 1)          /* behind every sequence and row; UINT64_MAX means a prefix */

static const char *id_of(struct arena *arena, uint64_t proposal)
{
    return arena_printf(arena, "p-%llu", (unsigned long long)proposal);
}

/* A later row of the same message may have asked anew about the same firm. */
static bool present_question(struct ledger_tx *tx, uint64_t proposal, uint64_t *out, struct err *err)
{
    struct approval old;

    *out = proposal;
    if (approval_is_open(ledger_txn(tx), proposal))
        return true;
    CHECK(approval_read(ledger_txn(tx), ledger_arena(tx), id_of(ledger_arena(tx), proposal), &old, err));
    uint64_t newer = approval_about(ledger_txn(tx), old.object);
    *out = newer != 0 ? newer : proposal;
    return true;
}

/* What an answer needs to know of the message, so that nobody has to read its record for that. */
static struct bytes names_of(struct ledger_tx *tx, const struct intake_case *c)
{
    const char *const parts[] = {c->in.sender->id, c->envelope.id, c->envelope.kind, case_form(c)};
    struct buf names;

    buf_init(&names, 4 * (RECORD_ID_MAX + 1));
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        buf_put(&names, parts[i], strlen(parts[i]) + 1);
    struct bytes kept = bytes_dup(ledger_arena(tx), buf_bytes(&names));
    buf_free(&names);
    return kept;
}

bool held_keep(struct ledger_tx *tx, const struct intake_case *c, uint64_t seq, struct err *err)
{
    struct bytes names = c->pending > 0 ? names_of(tx, c) : (struct bytes){0};

    for (size_t i = 0; i < c->row_n; i++) {
        uint64_t proposal;
        if (c->rows[i].verdict != VERDICT_PENDING)
            continue;
        CHECK(present_question(tx, c->rows[i].proposal, &proposal, err));
        struct store_key key = key_held(id_of(ledger_arena(tx), proposal), seq, c->rows[i].index);
        store_put(ledger_txn(tx), TABLE_HELD, &key, names);
    }
    return !store_failed(ledger_txn(tx), err);
}

/* ---- what waits ---------------------------------------------------------------------------------------------------- */

/* The rows of one message that wait for one proposal. */
struct waiting {
    const char *proposal;
    uint64_t seq;                      /* of the message */
    size_t *rows, n;
};

static size_t waiting_rows(struct store_txn *txn, const struct waiting *waiting, size_t *rows)
{
    struct store_key prefix = key_held(waiting->proposal, waiting->seq, STORE_PREFIX);
    struct store_walk walk;
    size_t n = 0;

    for (store_walk(&walk, txn, TABLE_HELD, NULL, &prefix); store_next(&walk);) {
        if (walk.key.n != prefix.n + 8)
            continue;
        if (rows != NULL)
            rows[n] = (size_t)get_be64(walk.key.p + prefix.n);
        n++;
    }
    return n;
}

static bool waiting_read(struct store_txn *txn, struct arena *arena, struct waiting *waiting, struct err *err)
{
    waiting->n = waiting_rows(txn, waiting, NULL);
    waiting->rows = arena_alloc(arena, (waiting->n + 1) * sizeof(*waiting->rows));
    (void)waiting_rows(txn, waiting, waiting->rows);
    return !store_failed(txn, err);
}

static void waiting_delete(struct store_txn *txn, const struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->n; i++) {
        struct store_key key = key_held(waiting->proposal, waiting->seq, waiting->rows[i]);
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

static enum intake_form form_named(const char *form)
{
    if (strcmp(form, "row") == 0)
        return INTAKE_ROW;
    return strcmp(form, "xml") == 0 ? INTAKE_XML : strcmp(form, "jose") == 0 ? INTAKE_JOSE : INTAKE_JSON;
}

static bool parse_again(struct intake_case *c, struct bytes raw, struct err *err)
{
    if (c->in.form == INTAKE_ROW)
        return case_row_again(c, raw, err);
    if (c->in.form == INTAKE_JOSE)
        CHECK(open_payload(raw, &c->opened, err));
    if (c->in.form != INTAKE_XML)
        return message_read_json(c->in.form == INTAKE_JOSE ? buf_bytes(&c->opened) : raw, &c->message, err);
    CHECK(message_read_xml(raw, &c->message, err));
    message_drop_signature(c->message);
    return true;
}

/* It was verified when it came: the journal vouches for its bytes. */
static bool read_again(struct intake_case *c, struct bytes raw, struct err *err)
{
    size_t n;
    struct err fault[1];

    CHECK(parse_again(c, raw, err));
    CHECK(message_envelope(c->message, &c->envelope, err));
    CHECK(case_kind(c, err));
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

static bool names_split(struct bytes names, const char *parts[4])
{
    for (size_t i = 0; i < 4; i++) {
        size_t n = strnlen((const char *)names.p, names.n);
        if (n == names.n)
            return false;
        parts[i] = (const char *)names.p;
        names = bytes_of(names.p + n + 1, names.n - n - 1);
    }
    return true;
}

static bool case_named(struct intake_case *c, struct bytes names, struct err *err)
{
    const char *parts[4];

    if (!names_split(bytes_dup(c->arena, names), parts))
        return err_set(err, ERR_STORE_CORRUPT, "held", "%s", "");
    c->in.sender = sender_of(c, parts[0]);
    c->envelope.id = parts[1];
    c->envelope.kind = parts[2];
    c->in.form = form_named(parts[3]);
    c->object = arena_printf(c->arena, "%s/%s", parts[0], parts[1]);
    c->consequence = consequence_of(parts[2]);
    return true;
}

static bool load_body(struct intake_case *c, struct store_txn *txn, uint64_t seq, struct err *err)
{
    struct bytes raw;

    CHECK(journal_read_raw(c->intake->options.journal, txn, seq, &raw, err));
    return read_again(c, bytes_dup(c->arena, raw), err);
}

/* ---- carrying it out ----------------------------------------------------------------------------------------------- */

struct resolution {
    struct intake_case *c;
    const char *proposal;
    uint64_t seq;
};

static bool granted(const struct approval *approval)
{
    return strcmp(approval->state, "granted") == 0;
}

static bool is_about(const struct approval *approval, const char *what)
{
    return strcmp(approval->what, what) == 0;
}

/* What a firm waited for the ledger has done already; of a message whose rows are not wanted nothing is done. */
static bool something_is_to_do(const struct approval *approval)
{
    return !is_about(approval, "firm") && (granted(approval) || !is_about(approval, "message"));
}

/* A newer version of the gateway may know nothing of what an older one asked. */
static bool somebody_does_it(const struct intake_case *c, const struct approval *approval)
{
    const struct consequence *consequence = c->consequence;

    if (consequence == NULL)
        return false;
    return is_about(approval, "message") ? consequence->row != NULL || consequence->whole != NULL
                                         : consequence->resolve != NULL;
}

/* The original bytes may have been erased since, the kind have left the catalogue, its schema changed. Then nothing can
 * be carried out, now or later, and the sender is told so. */
static bool is_lost(const struct err *why)
{
    enum err_kind kind = err_info(why->code)->kind;

    return kind == ERR_KIND_INPUT || kind == ERR_KIND_MISSING;
}

/* Nothing is left but to say what was decided. */
static void say(struct intake_case *c, const struct approval *approval, const struct waiting *waiting)
{
    for (size_t i = 0; i < waiting->n; i++) {
        struct row_verdict verdict = {.index = waiting->rows[i], .field = ""};
        if (strcmp(approval->state, "rejected") == 0)
            (void)reject_text(&verdict, ERR_APPROVAL_REJECTED, "", approval->comment);
        else if (c->lost.code != ERR_NONE)
            (void)reject_text(&verdict, c->lost.code, "", err_detail(&c->lost, false));
        case_tell(c, &verdict);
    }
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
    c->approval_id = approval->id;
    if (c->lost.code != ERR_NONE || !something_is_to_do(approval)) {
        say(c, approval, waiting);
        return true;
    }
    if (!is_about(approval, "message"))
        return resolve_own(tx, c, approval, waiting, err);
    return c->consequence->row != NULL ? case_rows(tx, c, waiting->rows, waiting->n, err) : case_whole(tx, c, err);
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
    record.message.id = c->envelope.id;
    record.message.kind = c->envelope.kind;
    record.message.sender = c->in.sender->id;
    /* a row was sent by nobody: whoever looks at the source's runs sees what became of it */
    record.to = c->in.form == INTAKE_ROW ? "" : c->in.sender->id;
    record.message.form = case_form(c);
    record.result = case_result(c);
    record.first = (int64_t)c->first;
    if (whole && c->row_n == 1 && c->rows[0].code != ERR_NONE)
        record.code = err_info(c->rows[0].code)->code;
    else if (!whole)
        record.rows = case_rows_json(c, ledger_arena(tx), true);
    return ledger_message(tx, &record, (struct bytes){0}, err);
}

/* Rows that wait again, for another proposal, are answered when that is decided. */
static bool resolve_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct resolution *resolution = arg;
    struct intake_case *c = resolution->c;
    struct approval approval;
    struct waiting waiting = {.proposal = resolution->proposal, .seq = resolution->seq};

    CHECK(approval_read(ledger_txn(tx), ledger_arena(tx), waiting.proposal, &approval, err));
    CHECK(waiting_read(ledger_txn(tx), ledger_arena(tx), &waiting, err));
    if (waiting.n == 0)
        return true; /* another was faster */
    case_begin(c, tx);
    CHECK(carry_out(tx, c, &approval, &waiting, err));
    waiting_delete(ledger_txn(tx), &waiting);
    CHECK(case_ask(tx, c, err));
    CHECK(held_keep(tx, c, waiting.seq, err));
    return c->row_n == c->pending || write_receipt(tx, c, &approval, err);
}

/* ---- one proposal -------------------------------------------------------------------------------------------------- */

/* The next message, from this sequence on, of which something waits; its names borrowed. */
static bool next_message(struct store_txn *txn, const char *proposal, uint64_t from, uint64_t *seq_out,
                         struct bytes *names_out)
{
    struct store_key start = key_held(proposal, from, 0), prefix = key_held(proposal, STORE_PREFIX, 0);
    struct store_walk walk;

    store_walk(&walk, txn, TABLE_HELD, &start, &prefix);
    bool found = store_next(&walk) && walk.key.n == prefix.n + 16;
    if (found) {
        *seq_out = get_be64(walk.key.p + prefix.n);
        *names_out = walk.value;
    }
    store_walk_end(&walk);
    return found;
}

/* With c->lost where it can never be done. */
static bool make_ready(struct intake_case *c, struct store_txn *txn, const struct approval *approval, uint64_t seq,
                       struct err *err)
{
    if (!somebody_does_it(c, approval)) {
        (void)err_set(&c->lost, ERR_SCHEMA_KIND_UNKNOWN, NULL, "%s", c->envelope.kind);
        return true;
    }
    if (!is_about(approval, "message") && c->consequence->blind)
        return true;
    if (load_body(c, txn, seq, &c->lost) || is_lost(&c->lost))
        return true;
    *err = c->lost;
    return false;
}

/* *found_out: something waits and may go on; its case is ready for the ledger. */
static bool look(struct intake_case *c, struct store_txn *txn, const char *proposal, uint64_t from,
                 struct resolution *out, bool *found_out, struct err *err)
{
    struct approval approval;
    struct bytes names;

    *found_out = next_message(txn, proposal, from, &out->seq, &names);
    if (!*found_out)
        return !store_failed(txn, err);
    CHECK(approval_read(txn, c->arena, proposal, &approval, err));
    *found_out = !approval_is_open(txn, approval.seq);
    if (!*found_out)
        return true;
    CHECK(case_named(c, names, err));
    return !something_is_to_do(&approval) || make_ready(c, txn, &approval, out->seq, err);
}

static bool prepare(struct intake_case *c, const char *proposal, uint64_t from, struct resolution *out,
                    bool *found_out, struct err *err)
{
    struct store_txn *txn = store_read(c->intake->options.store, err);

    *out = (struct resolution){.c = c, .proposal = proposal};
    *found_out = false;
    if (txn == NULL)
        return false;
    bool ok = look(c, txn, proposal, from, out, found_out, err);
    store_read_end(&txn);
    return ok;
}

/* One message; *from moves behind it, also when it could not be carried out. False when nothing is left. */
static bool resolve_next(struct intake *intake, const char *proposal, uint64_t *from, struct err *err)
{
    const struct intake_in none = {.address = "", .trace_id = "", .now_ms = clock_wall_ms()};
    struct intake_case *c = case_new(intake, &none);
    struct resolution resolution;
    bool found;

    if (prepare(c, proposal, *from, &resolution, &found, err) && found)
        (void)ledger_run(intake->options.ledger, resolve_job, &resolution, err);
    intake_close(&c);
    *from = resolution.seq + 1;
    return found;
}

/* False when the ledger takes nothing any more. */
static bool resolve(struct intake *intake, const char *proposal)
{
    uint64_t from = 0;
    bool more = true;

    while (more) {
        struct err err = {0};
        more = resolve_next(intake, proposal, &from, &err);
        if (err.code == ERR_STOPPING)
            return false;
        if (err.code != ERR_NONE)
            log_err(LOG_WARN, "message.held", &err);
    }
    return true;
}

/* ---- when ---------------------------------------------------------------------------------------------------------- */

struct decided {
    struct intake *intake;
    char *proposal;
};

static void decided_work(void *arg)
{
    struct decided *decided = arg;

    (void)resolve(decided->intake, decided->proposal);
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

#define ROUND 1000                     /* proposals gathered at a time */

/* The proposal behind `after` ("": the first) for which something waits; NULL: none. */
static const char *next_proposal(struct store_txn *txn, struct arena *arena, const char *after)
{
    struct store_key from = key_held(after, LAST, LAST);
    struct store_walk walk;
    const char *id = NULL;

    store_walk(&walk, txn, TABLE_HELD, after[0] == '\0' ? NULL : &from, NULL);
    if (store_next(&walk))
        id = arena_strndup(arena, (const char *)walk.key.p, strnlen((const char *)walk.key.p, walk.key.n));
    store_walk_end(&walk);
    return id;
}

/* Those behind *after that are decided, at most ROUND; *after moves. The open ones, which may stay so for days, cost a
 * look each and keep no others waiting. */
static size_t gather(struct intake *intake, struct arena *arena, const char **after, const char *ids[ROUND],
                     struct err *err)
{
    struct store_txn *txn = store_read(intake->options.store, err);
    const char *id;
    size_t n = 0;

    if (txn == NULL)
        return 0;
    while (n < ROUND && (id = next_proposal(txn, arena, *after)) != NULL) {
        *after = id;
        if (!approval_is_open(txn, strtoull(id + strspn(id, "p-"), NULL, 10)))
            ids[n++] = id;
    }
    store_read_end(&txn);
    return n;
}

bool intake_recover(struct intake *intake, struct err *err)
{
    AUTO_ARENA arena = arena_new();
    const char *ids[ROUND], *after = "";
    size_t n;

    do {
        n = gather(intake, arena, &after, ids, err);
        for (size_t i = 0; i < n; i++)
            if (!resolve(intake, ids[i]))
                return true; /* the gateway stops; it goes on from here at the next start */
    } while (n == ROUND);
    return err->code == ERR_NONE;
}

void intake_tick(struct intake *intake)
{
    struct err err = {0};

    if (!intake_recover(intake, &err))
        log_err(LOG_WARN, "message.held", &err);
}
