/* source: how fresh what we know about a firm is, and whether it is fresh enough to be told. */
#include "statement/internal.h"

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

/* A list of its own batches says nothing about firms that it does not name. */
static bool oldest_full(const struct directory *directory, struct store_txn *txn, struct arena *arena,
                        const struct source **source_out, struct source_state *state_out, struct err *err)
{
    *source_out = NULL;
    for (size_t i = 0; i < directory_sources(directory); i++) {
        const struct source *source = directory_source(directory, i);
        struct source_state state;

        if (source->scope == SOURCE_BATCH)
            continue;
        CHECK(source_state_read(txn, arena, source->id, &state, err));
        if (!state.full || state.completed_ms == 0)
            continue;
        if (*source_out == NULL || state.completed_ms < state_out->completed_ms) {
            *source_out = source;
            *state_out = state;
        }
    }
    return *source_out != NULL || err_set(err, ERR_SOURCE_STALE, NULL, "no whole list was ever applied");
}

static bool choose(const struct directory *directory, struct store_txn *txn, struct arena *arena, const struct firm *firm,
                   const struct source **source_out, struct source_state *state_out, struct err *err)
{
    *source_out = NULL;
    if (firm->certification.state != CERT_NONE && firm->certification.source[0] != '\0')
        *source_out = directory_source_find(directory, firm->certification.source);
    if (*source_out != NULL) {
        CHECK(source_state_read(txn, arena, (*source_out)->id, state_out, err));
        if (state_out->completed_ms != 0)
            return true;
    }
    return oldest_full(directory, txn, arena, source_out, state_out, err);
}

bool statement_source_choose(const struct statements_options *options, const struct statement_context *context, struct store_txn *txn,
                             struct arena *arena, const struct firm *firm, int64_t now_ms, struct statement_source *out, struct err *err)
{
    const struct source *source;
    struct source_state state;
    char text[TIME_TEXT_SIZE];

    CHECK(choose(context->directory, txn, arena, firm, &source, &state, err));
    *out = (struct statement_source){.id = source->id, .list_version = state.list_version, .completed_ms = state.completed_ms};
    out->freshness = freshness_of(state.completed_ms, source->period_ms, options->stale_after_ms, options->refuse_after_ms, now_ms,
                                  &out->changes_ms);
    if (out->freshness == FRESH_REFUSED)
        return err_set(err, ERR_SOURCE_STALE, source->id, "last good contact %s", time_format(state.completed_ms, text));
    return true;
}
