/* The host's sink of a run: what happens to a page and a row while they come in. Called on step threads, never
 * two at once for one run. */
#include "sync/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ident/ident.h"

/* ---- which known rows were seen ---- */

bool run_has_seen(const struct run *run, uint32_t ordinal)
{
    return ordinal / 64 < run->seen_words && ((run->seen[ordinal / 64] >> (ordinal % 64)) & 1) != 0;
}

/* True when it was not marked before. */
static bool seen_mark(struct run *run, uint32_t ordinal)
{
    if (ordinal / 64 >= run->seen_words || run_has_seen(run, ordinal))
        return false;
    run->seen[ordinal / 64] |= (uint64_t)1 << (ordinal % 64);
    run->seen_n++;
    return true;
}

static const char *number_name(struct run *run, const char *what)
{
    return arena_printf(run->row_arena, "%s:%s", what, run->source->id);
}

bool run_prepare_seen(struct run *run, struct err *err)
{
    struct store_txn *txn = store_read(run->sync->store, err);
    if (txn == NULL)
        return false;
    uint64_t ordinals = store_number(txn, TABLE_META, number_name(run, "ordinals"));
    run->known_n = store_number(txn, TABLE_META, number_name(run, "rows"));
    store_read_end(&txn);
    run->seen_words = ordinals / 64 + 1;
    run->seen = xrealloc(run->seen, run->seen_words * sizeof *run->seen);
    if (run->known_n == 0)
        return true; /* a first list: nothing to look up */
    run->known = store_finder_open(run->sync->store, TABLE_ROW, err);
    return run->known != NULL;
}

void run_reset_rows(struct run *run)
{
    memset(run->seen, 0, run->seen_words * sizeof *run->seen);
    run->seen_n = 0;
    spill_reset(run->spill);
    run->rejected_kept = 0;
    run->page_n = 0;
    run->list_changed = run->unreadable = run->too_many = run->batches_differ = false;
    run->sink_err = (struct err){0};
    free(run->batch);
    run->batch = NULL;
    arena_reset(run->row_arena);
    run->story.counts = (struct run_counts){0};
    run->story.list_version[0] = run->story.origin[0] = '\0';
    run->story.total = -1;
    uint8_t ignored[CRYPTO_DIGEST_SIZE];
    crypto_hash_end(run->pages, ignored);
}

/* ---- pages ---- */

static bool same_list(struct run *run, const struct gwa_page *page)
{
    const char *version = page->list_version == NULL ? "" : page->list_version;
    if (run->page_n == 0) {
        snprintf(run->story.list_version, sizeof run->story.list_version, "%s", version);
        run->story.total = page->total;
        return true;
    }
    return strncmp(run->story.list_version, version, sizeof run->story.list_version - 1) == 0 &&
           run->story.total == page->total;
}

static bool on_page(void *arg, const struct gwa_page *page)
{
    struct run *run = arg;
    if (run_is_cancelled(run) || run->sink_err.code != ERR_NONE)
        return false;
    if (!same_list(run, page)) {
        run->list_changed = true;
        return false;
    }
    run->page_n++;
    if (run->known != NULL && !store_finder_renew(run->known, &run->sink_err))
        return false;
    if (page->origin != NULL)
        snprintf(run->story.origin, sizeof run->story.origin, "%s", page->origin);
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    crypto_digest(CRYPTO_SHA256, bytes_of(page->raw.p, page->raw.n), digest);
    crypto_hash_add(run->pages, bytes_of(digest, sizeof digest));
    return true;
}

/* ---- rows ---- */

/* The same bytes under another mapping may mean something else, so the mapping is part of the digest. */
static void row_digest(const struct run *run, struct bytes raw, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    const struct bytes parts[] = {bytes_of(run->map_digest, sizeof run->map_digest), raw};
    crypto_digest_parts(CRYPTO_SHA256, parts, 2, out);
}

/* A row that is stored with these very bytes, was not missing, and was not seen before in this run. */
static bool is_unchanged(struct run *run, const char *uscc)
{
    struct known_row known;
    return run->known != NULL && known_row_find(run->known, run->source->id, uscc, &known) &&
           memcmp(known.digest, run->row_digest, sizeof known.digest) == 0 && known.missing[0] == '\0' &&
           seen_mark(run, known.ordinal);
}

/* True when this firm's stored row was seen before in this run. */
static bool mark_seen(struct run *run, const char *uscc)
{
    struct known_row known;
    return run->known != NULL && known_row_find(run->known, run->source->id, uscc, &known) &&
           !seen_mark(run, known.ordinal);
}

static void reject(struct run *run, struct staged *staged, bool readable)
{
    run->story.counts.rejected++;
    metric_add(METRIC_ROWS_REJECTED, 1);
    if (readable)
        mark_seen(run, staged->uscc);
    else
        run->unreadable = true;
    if (run->rejected_kept >= REJECTED_KEPT_MAX)
        return;
    run->rejected_kept++;
    /* kept under the line, because two bad rows may name one firm or none */
    if (!readable)
        snprintf(staged->uscc, sizeof staged->uscc, "#%0*llu", UNREADABLE_DIGITS,
                 (unsigned long long)staged->line);
    staged->kind = STAGE_BAD;
    stage_add(run, staged, &run->sink_err);
}

static enum gwa_row_answer on_row(void *arg, uint64_t line, struct bytes code, struct bytes raw)
{
    struct run *run = arg;
    if (run->sink_err.code != ERR_NONE || run->list_changed || (line % 256 == 0 && run_is_cancelled(run)))
        return GWA_ROW_STOP;
    if (run->story.counts.received >= ROWS_MAX) {
        run->too_many = true;
        return GWA_ROW_STOP;
    }
    run->story.counts.received++;
    run->line = line;
    run->row_raw = raw;
    row_digest(run, raw, run->row_digest);
    run->row_code[0] = '\0';
    if (code.n == USCC_LENGTH) {
        memcpy(run->row_code, code.p, code.n);
        run->row_code[code.n] = '\0';
        if (is_unchanged(run, run->row_code)) {
            run->story.counts.unchanged++;
            return GWA_ROW_KNOWN;
        }
    }
    return GWA_ROW_PARSE;
}

static void note_batch(struct run *run, const char *batch)
{
    if (run->batch == NULL)
        run->batch = xstrdup(batch);
    else if (strcmp(run->batch, batch) != 0)
        run->batches_differ = true;
}

static void on_fields(void *arg, const struct gwa_field *fields, size_t n)
{
    struct run *run = arg;
    struct staged staged;
    bool readable = false;
    staged_init(&staged, STAGE_ROW, "", run->line);
    arena_reset(run->row_arena);
    bool good = row_read(run->row_arena, fields, n, &staged, &readable);
    if (run->row_raw.n > SYNC_ROW_MAX) {
        staged.code = ERR_LIST_ROW_TOO_LONG;
        staged.field = "row";
        staged.detail = "over 64 KiB";
        good = false;
    }
    if (!good) {
        reject(run, &staged, readable);
        return;
    }
    memcpy(staged.digest, run->row_digest, sizeof staged.digest);
    staged.raw = run->row_raw;
    note_batch(run, staged.row.batch);
    if (staged.row.doubtful)
        run->story.counts.doubtful++;
    if (strcmp(staged.uscc, run->row_code) != 0 && is_unchanged(run, staged.uscc)) {
        run->story.counts.unchanged++;
        return;
    }
    staged.again = mark_seen(run, staged.uscc);
    stage_add(run, &staged, &run->sink_err);
}

static void on_bad(void *arg, const char *field, const char *text)
{
    struct run *run = arg;
    struct staged staged;
    arena_reset(run->row_arena);
    staged_init(&staged, STAGE_BAD, "", run->line);
    staged.code = strcmp(field == NULL ? "" : field, "row") == 0 ? ERR_LIST_ROW_TOO_LONG : ERR_LIST_ROW_FIELD;
    staged.field = field == NULL ? "" : arena_strdup(run->row_arena, field);
    staged.detail = text == NULL ? "" : arena_strndup(run->row_arena, text, 200);
    struct ident_result code;
    ident_uscc(bytes_str(run->row_code), &code);
    bool readable = code.verdict != IDENT_INVALID;
    if (readable)
        memcpy(staged.uscc, code.normal, USCC_SIZE - 1);
    reject(run, &staged, readable);
}

void run_sink(struct run *run, struct host_sink *out)
{
    *out = (struct host_sink){on_page, on_row, on_fields, on_bad, run};
}
