/* source: how fresh what we know about a firm is, and whether it is fresh enough to be told. */
#include "statement/internal.h"

#include <stdlib.h>
#include <string.h>

const char *freshness_name(enum freshness freshness)
{
    static const char *const names[] = {"on_time", "delayed", "stale", "refused"};

    return names[freshness];
}

enum freshness freshness_of(int64_t completed_ms, int64_t period_ms, int64_t stale_after_ms, int64_t refuse_after_ms,
                            int64_t now_ms, int64_t *changes_at_out)
{
    int64_t age = now_ms - completed_ms;
    int64_t refused = refuse_after_ms;
    int64_t late = 2 * period_ms + 1 < refused ? 2 * period_ms + 1 : refused;
    int64_t stale = stale_after_ms < late ? late : stale_after_ms < refused ? stale_after_ms : refused;

    *changes_at_out = 0;
    if (age >= refused)
        return FRESH_REFUSED;
    *changes_at_out = completed_ms + (age < late ? late : age < stale ? stale : refused);
    return age < late ? FRESH_ON_TIME : age < stale ? FRESH_DELAYED : FRESH_STALE;
}

/* ---- contacts, remembered by their stored bytes ------------------------------------------------------------- */

#define RAW_MAX 512

struct contact {
    char id[RECORD_ID_MAX + 1], list_version[RECORD_TEXT_MAX + 1];
    uint8_t raw[RAW_MAX];
    size_t raw_n;
    struct source_state state; /* its text points to the members above */
};
struct statement_contacts {
    pthread_mutex_t lock;
    struct contact list[SOURCE_MAX];
    size_t n;
};

struct statement_contacts *statement_contacts_new(void)
{
    struct statement_contacts *contacts = xcalloc(1, sizeof(*contacts));

    pthread_mutex_init(&contacts->lock, NULL);
    return contacts;
}

void statement_contacts_free(struct statement_contacts **contacts)
{
    if (*contacts == NULL)
        return;
    pthread_mutex_destroy(&(*contacts)->lock);
    free(*contacts);
    *contacts = NULL;
}

static struct contact *find(struct statement_contacts *contacts, const char *source)
{
    for (size_t i = 0; i < contacts->n; i++)
        if (strcmp(contacts->list[i].id, source) == 0)
            return &contacts->list[i];
    return NULL;
}

static bool recall(struct statement_contacts *contacts, struct arena *arena, const char *source, struct bytes raw,
                   struct source_state *out)
{
    const struct contact *contact;
    bool known;

    pthread_mutex_lock(&contacts->lock);
    contact = find(contacts, source);
    known = contact != NULL && bytes_equal(bytes_of(contact->raw, contact->raw_n), raw);
    if (known) {
        *out = contact->state;
        out->id = source;
        out->list_version = arena_strdup(arena, contact->list_version);
    }
    pthread_mutex_unlock(&contacts->lock);
    return known;
}

static void remember(struct statement_contacts *contacts, struct bytes raw, const struct source_state *state)
{
    struct contact *contact;

    if (raw.n > RAW_MAX || strlen(state->id) > RECORD_ID_MAX || strlen(state->list_version) > RECORD_TEXT_MAX)
        return;
    pthread_mutex_lock(&contacts->lock);
    contact = find(contacts, state->id);
    if (contact == NULL && contacts->n < SOURCE_MAX)
        contact = &contacts->list[contacts->n++];
    if (contact != NULL) {
        *contact = (struct contact){.raw_n = raw.n, .state = *state};
        memcpy(contact->raw, raw.p, raw.n);
        strcpy(contact->id, state->id);
        strcpy(contact->list_version, state->list_version);
    }
    pthread_mutex_unlock(&contacts->lock);
}

bool statement_contacts_read(struct statement_contacts *contacts, struct store_txn *txn, struct arena *arena,
                             const char *source, struct source_state *out, struct err *err)
{
    struct store_key key = key_text(source);
    struct bytes raw;
    bool stored = store_get(txn, TABLE_SOURCE, &key, &raw);

    if (stored && recall(contacts, arena, source, raw, out))
        return true;
    CHECK(source_state_read(txn, arena, source, out, err));
    if (stored)
        remember(contacts, raw, out);
    return true;
}

/* ---- the one that counts -------------------------------------------------------------------------------------- */

static bool contact_with(const struct statement_view *view, const char *source, struct source_state *out,
                         struct err *err)
{
    if (view->past != NULL)
        return past_source(view->past, source, out, err);
    return statement_contacts_read(view->contacts, view->txn, view->arena, source, out, err);
}

/* A list of its own batches says nothing about firms that it does not name. */
static bool oldest_full(const struct statement_view *view, const struct source **source_out,
                        struct source_state *state_out, struct err *err)
{
    *source_out = NULL;
    for (size_t i = 0; i < directory_sources(view->directory); i++) {
        const struct source *source = directory_source(view->directory, i);
        struct source_state state;

        if (source->scope == SOURCE_BATCH)
            continue;
        CHECK(contact_with(view, source->id, &state, err));
        if (!state.full || state.completed_ms == 0)
            continue;
        if (*source_out == NULL || state.completed_ms < state_out->completed_ms) {
            *source_out = source;
            *state_out = state;
        }
    }
    return *source_out != NULL || err_set(err, ERR_SOURCE_STALE, NULL, "no whole list was ever applied");
}

static bool choose(const struct statement_view *view, const struct firm *firm, const struct source **source_out,
                   struct source_state *state_out, struct err *err)
{
    *source_out = NULL;
    if (firm->certification.state != CERT_NONE && firm->certification.source[0] != '\0')
        *source_out = directory_source_find(view->directory, firm->certification.source);
    if (*source_out != NULL) {
        CHECK(contact_with(view, (*source_out)->id, state_out, err));
        if (state_out->completed_ms != 0)
            return true;
    }
    return oldest_full(view, source_out, state_out, err);
}

/* A bureau that pushes has no period of its own: it is measured as if it were asked each day. */
static const struct source pusher = {.id = "", .period_ms = 24 * 60 * 60 * 1000};

static bool heard_of(const struct statement_view *view, const char *partner, int64_t *out, struct err *err)
{
    if (view->past != NULL)
        return past_heard(view->past, partner, out, err);
    bool certifies = partner_heard(view->txn, partner, "certification.batch") != 0;
    *out = certifies ? partner_heard(view->txn, partner, NULL) : 0;
    return !store_failed(view->txn, err);
}

/* The firm's certification came in a message: its sender's last one is the contact. A source whose lists were fetched is
 * measured by those, also when it pushes between them. */
static bool pushed(const struct statement_view *view, const struct firm *firm, struct source_state *out,
                   bool *pushed_out, struct err *err)
{
    const struct certification *known = &firm->certification;
    const struct source *fetched = directory_source_find(view->directory, known->source);

    *pushed_out = false;
    if (known->state == CERT_NONE || known->source[0] == '\0')
        return true;
    if (fetched != NULL) {
        CHECK(contact_with(view, fetched->id, out, err));
        if (out->completed_ms != 0)
            return true;
    }
    *out = (struct source_state){.id = known->source, .list_version = known->list_version};
    CHECK(heard_of(view, known->source, &out->completed_ms, err));
    *pushed_out = out->completed_ms != 0;
    return true;
}

bool statement_source_choose(const struct statement_view *view, const struct firm *firm, struct statement_source *out,
                             struct err *err)
{
    const struct statements_options *options = view->options;
    const struct source *source;
    struct source_state state;
    bool by_push;
    char text[TIME_TEXT_SIZE];

    CHECK(pushed(view, firm, &state, &by_push, err));
    if (by_push) {
        source = &pusher;
    } else {
        CHECK(choose(view, firm, &source, &state, err));
        state.id = source->id;
    }
    *out = (struct statement_source){
        .id = state.id, .list_version = state.list_version, .completed_ms = state.completed_ms};
    out->freshness = freshness_of(state.completed_ms, source->period_ms, options->stale_after_ms,
                                  options->refuse_after_ms, view->now_ms, &out->changes_ms);
    if (out->freshness == FRESH_REFUSED)
        return err_set(err, ERR_SOURCE_STALE, state.id, "last good contact %s",
                       time_format(state.completed_ms, text));
    return true;
}
