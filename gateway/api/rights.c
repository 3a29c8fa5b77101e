/* rights: is a patent or trademark pledged, and does it live? Answered from what the register and the platforms told.
 * Where the register has not been heard of lately, or never, nothing is claimed: `unknown`.
 */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "ident/ident.h"

#define ROUTE_NAME "rights.get"
#define KIND "pledge.registration"
#define PERIOD_MS (24 * 60 * 60 * 1000LL)   /* a register is heard of at least once a day: reconciliation */
#define CLASSES_MAX 45

/* What is asked about. */
struct right {
    enum right_kind kind;
    const char *number, *class;        /* normal forms; class "" for patents and when there is none */
    const char *shown;                 /* for the log */
};
struct answer {
    const char *pledge, *registry;
    enum freshness freshness;
    int64_t heard_ms;
    struct right_state state;
    struct pledge live;                /* when pledged */
};

/* ---- the question ------------------------------------------------------------------------------------------------ */

static bool read_number(struct ask *ask, struct right *right, struct err *err)
{
    struct ident_result result;

    ident_check(right->kind == RIGHT_PATENT ? IDENT_PATENT : IDENT_TRADEMARK, bytes_str(ask->values[1]), &result);
    if (result.verdict == IDENT_INVALID)
        return err_set(err, result.cause, "number", "%s", "");
    right->number = arena_strdup(ask->arena, result.normal);
    return true;
}

static bool read_class(struct ask *ask, struct right *right, struct err *err)
{
    uint64_t class = 0;

    right->class = "";
    CHECK(ask_number(ask, "class", 1, CLASSES_MAX, &class, err));
    if (class != 0 && right->kind == RIGHT_PATENT)
        return err_set(err, ERR_HTTP_QUERY, "class", "a patent has no class");
    if (class != 0)
        right->class = arena_printf(ask->arena, "%d", (int)class);
    return true;
}

/* Without a class: the only one in which the number was ever pledged; of several the caller has to say which. */
static bool find_class(struct ask *ask, struct store_txn *txn, struct right *right, struct err *err)
{
    const char *classes[CLASSES_MAX];
    size_t n;

    if (right->kind == RIGHT_PATENT || right->class[0] != '\0')
        return true;
    n = right_classes(txn, ask->arena, right->number, classes, CLASSES_MAX);
    if (n > 1)
        return err_set(err, ERR_TRADEMARK_CLASS, "class", "known in several classes: say which, such as ?class=%s",
                       classes[0]);
    if (n == 1)
        right->class = classes[0];
    return true;
}

/* ---- the register ------------------------------------------------------------------------------------------------ */

static bool is_register(const struct partner *partner)
{
    bool tells = false;

    for (const char *const *kind = partner->kinds; kind != NULL && *kind != NULL; kind++)
        tells = tells || strcmp(*kind, KIND) == 0;
    return !partner->person && (partner->roles & ROLE_REGISTRY) && tells;
}

static bool is_fetched(const struct source *source)
{
    return source != NULL && source->feeds != NULL && strcmp(source->feeds, KIND) == 0;
}

/* A register may send, be fetched from, or both under one name: the later contact counts. One that never told of any
 * pledge is no contact, however often it was looked at. */
static bool heard_of(struct ask *ask, struct store_txn *txn, const char *id, int64_t *heard_out, int64_t *period_out,
                     struct err *err)
{
    const struct source *source = directory_source_find(ask->held->state.directory, id);
    struct source_state state;

    *heard_out = partner_heard(txn, id, KIND) == 0 ? 0 : partner_heard(txn, id, NULL);
    *period_out = PERIOD_MS;
    if (*heard_out == 0 || !is_fetched(source))
        return true;
    CHECK(source_state_read(txn, ask->arena, id, &state, err));
    *period_out = source->period_ms;
    if (state.completed_ms > *heard_out)
        *heard_out = state.completed_ms;
    return true;
}

/* The one with the oldest contact speaks for all: where one is silent, a pledge may be missed. */
static bool weigh(struct ask *ask, struct store_txn *txn, const char *id, struct answer *out, struct err *err)
{
    const struct config *config = ask_config(ask);
    int64_t heard, period, changes;

    CHECK(heard_of(ask, txn, id, &heard, &period, err));
    if (out->registry != NULL && heard >= out->heard_ms)
        return true;
    out->registry = id;
    out->heard_ms = heard;
    out->freshness = freshness_of(heard, period, config->freshness_stale_after, config->freshness_refuse_after, ask->now_ms,
                                  &changes);
    return true;
}

static bool find_register(struct ask *ask, struct store_txn *txn, struct answer *out, struct err *err)
{
    const struct directory *directory = ask->held->state.directory;

    for (size_t i = 0; i < directory_partners(directory); i++) {
        const struct partner *partner = directory_partner(directory, i);
        CHECK(!is_register(partner) || weigh(ask, txn, partner->id, out, err));
    }
    for (size_t i = 0; i < directory_sources(directory); i++) {
        const struct source *source = directory_source(directory, i);
        CHECK(!is_fetched(source) || weigh(ask, txn, source->id, out, err));
    }
    return true;
}

static bool find_pledge(struct ask *ask, struct store_txn *txn, const struct right *right, struct answer *out,
                        struct err *err)
{
    struct right_state held;
    bool found = false;

    CHECK(right_read(txn, ask->arena, right->kind, right->number, "", &out->state, err));
    CHECK(right_read(txn, ask->arena, right->kind, right->number, right->class, &held, err));
    if (held.pledge[0] != '\0')
        CHECK(pledge_read(txn, ask->arena, held.pledge, &out->live, &found, err));
    if (out->heard_ms == 0 || out->freshness >= FRESH_STALE)
        out->pledge = "unknown";
    else if (found && pledge_is_live(&out->live, date_of_ms(ask->now_ms)))
        out->pledge = "pledged";
    else
        out->pledge = "none_known";
    return true;
}

/* ---- the answer -------------------------------------------------------------------------------------------------- */

static void write_source(struct json_out *json, const struct answer *answer)
{
    json_key(json, "source");
    json_begin_object(json);
    json_add_string(json, "id", answer->registry == NULL ? "" : answer->registry);
    json_add_time(json, "completed_at", answer->heard_ms);
    json_add_string(json, "freshness", freshness_name(answer->heard_ms == 0 ? FRESH_STALE : answer->freshness));
    json_end_object(json);
}

/* By its code; where the register or our file has none, by its name, which is then all there is. */
static bool is_pledgee(const struct partner *who, const struct pledge_note *note)
{
    char ours[2 * RECORD_NAME_MAX], theirs[2 * RECORD_NAME_MAX];

    if (who->uscc[0] != '\0' && note->pledgee_uscc[0] != '\0')
        return strcmp(who->uscc, note->pledgee_uscc) == 0;
    return ident_name_fold(bytes_str(who->name), ours, sizeof(ours)) && ours[0] != '\0' &&
           ident_name_fold(bytes_str(note->pledgee_name), theirs, sizeof(theirs)) && strcmp(ours, theirs) == 0;
}

/* Whose pledge it is, is for the pledgee alone. */
static void write_pledge(struct ask *ask, const struct answer *answer)
{
    json_add_string(&ask->json, "pledge", answer->pledge);
    if (strcmp(answer->pledge, "pledged") != 0)
        return;
    json_add_date_opt(&ask->json, "since", answer->live.live_since);
    if (is_pledgee(ask->who, &answer->live.note))
        json_add_string(&ask->json, "registration_no", answer->live.note.registration_no);
}

static void write_answer(struct ask *ask, const struct right *right, const struct answer *answer)
{
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "kind", right_kind_name(right->kind));
    json_add_string(&ask->json, "number", right->number);
    json_add_string_opt(&ask->json, "class", right->class);
    write_pledge(ask, answer);
    json_add_string_opt(&ask->json, "legal_status", right_status_name(answer->state.status));
    write_source(&ask->json, answer);
    json_add_time(&ask->json, "as_of", ask->now_ms);
    json_end_object(&ask->json);
}

static bool answer_right(struct ask *ask, struct right *right, struct err *err)
{
    struct answer answer = {.pledge = "unknown", .freshness = FRESH_REFUSED};
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (txn == NULL)
        return false;
    CHECK(find_class(ask, txn, right, err));
    CHECK(find_register(ask, txn, &answer, err));
    CHECK(find_pledge(ask, txn, right, &answer, err));
    write_answer(ask, right, &answer);
    CHECK(ask_sign(ask, "right+jws", err));
    crypto_digest(CRYPTO_SHA256, buf_bytes(&ask->out), digest);
    const struct api_line line = {.route = ROUTE_NAME, .uscc = right->shown, .outcome = answer.pledge, .status = 200,
                                  .sequence = strcmp(answer.pledge, "pledged") == 0 ? answer.live.seq : 0,
                                  .digest = digest};
    ask_header(ask, "Cache-Control", "private, no-cache");
    return api_keep(ask, &line, err);
}

bool api_do_right_get(struct ask *ask, struct err *err)
{
    struct right right = {.number = "", .class = "", .shown = ""};

    if (!right_kind_parse(ask->values[0], &right.kind))
        return err_set(err, ERR_HTTP_NOT_FOUND, NULL, "patent or trademark is expected");
    if (!read_number(ask, &right, err) || !read_class(ask, &right, err))
        return api_keep_refusal(ask, ROUTE_NAME, ask->values[0], err);
    right.shown = arena_printf(ask->arena, "%s:%s%s%s", ask->values[0], right.number, right.class[0] ? "/" : "",
                               right.class);
    return answer_right(ask, &right, err) || api_keep_refusal(ask, ROUTE_NAME, right.shown, err);
}
