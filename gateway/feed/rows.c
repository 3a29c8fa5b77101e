/* Rows as the adapter hands them over, on step threads: put aside for the run's own thread, which judges them. When
 * that is behind, the adapter waits; it is not blamed for that. */
#include "feed/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fetched_free(struct fetched *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(rows[i].code);
        free(rows[i].body);
        free(rows[i].field);
        free(rows[i].detail);
    }
}

void rows_reset(struct run *run)
{
    uint8_t ignored[CRYPTO_DIGEST_SIZE];

    fetched_free(run->waiting, run->waiting_n);
    run->waiting_n = 0;
    run->received = 0;
    run->pages = 0;
    run->origin[0] = '\0';
    run->fetch_done = run->deaf = false;
    run->err = (struct err){0};
    crypto_hash_end(run->digest, ignored);
}

static char *copy_text(const char *text, size_t n)
{
    char *copy = xcalloc(1, n + 1);

    if (n > 0)
        memcpy(copy, text, n);
    return copy;
}

/* Cut between characters. */
static char *copy_shown(const char *text)
{
    size_t n = text == NULL ? 0 : strnlen(text, SHOWN_MAX - 1);

    while (n > 0 && ((uint8_t)text[n] & 0xC0) == 0x80)
        n--;
    return copy_text(text, n);
}

/* ---- from the adapter ------------------------------------------------------------------------------------------ */

static bool is_deaf(struct run *run)
{
    pthread_mutex_lock(&run->lock);
    bool deaf = run->deaf || run->cancelled;
    pthread_mutex_unlock(&run->lock);
    return deaf;
}

static bool on_page(void *arg, const struct gwa_page *page)
{
    struct run *run = arg;
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    if (is_deaf(run))
        return false;
    crypto_digest(CRYPTO_SHA256, bytes_of(page->raw.p, page->raw.n), digest);
    crypto_hash_add(run->digest, bytes_of(digest, sizeof(digest)));
    pthread_mutex_lock(&run->lock);
    run->pages++;
    if (page->origin != NULL)
        (void)snprintf(run->origin, sizeof(run->origin), "%s", page->origin);
    pthread_mutex_unlock(&run->lock);
    return true;
}

static enum gwa_row_answer on_row(void *arg, uint64_t line, struct bytes code, struct bytes raw)
{
    struct run *run = arg;
    size_t n = code.n < SHOWN_MAX ? code.n : SHOWN_MAX - 1;

    (void)raw;
    if (is_deaf(run))
        return GWA_ROW_STOP;
    pthread_mutex_lock(&run->lock);
    run->received++;
    pthread_mutex_unlock(&run->lock);
    run->line = line;
    while (n < code.n && n > 0 && (code.p[n] & 0xC0) == 0x80)
        n--;
    if (n > 0)
        memcpy(run->code, code.p, n);
    run->code[n] = '\0';
    return GWA_ROW_PARSE;
}

static void put(struct run *run, struct fetched row)
{
    row.line = run->line;
    row.code = copy_shown(run->code);
    pthread_mutex_lock(&run->lock);
    while (run->waiting_n == ROWS_WAITING_MAX && !run->cancelled && !run->deaf)
        pthread_cond_wait(&run->changed, &run->lock);
    bool taken = !run->cancelled && !run->deaf;
    if (taken)
        run->waiting[run->waiting_n++] = row;
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    if (!taken)
        fetched_free(&row, 1);
}

static void put_bad(struct run *run, enum err_code code, const char *field, const char *detail)
{
    put(run, (struct fetched){.bad = code, .field = copy_shown(field), .detail = copy_shown(detail)});
}

static void on_fields(void *arg, const struct gwa_field *fields, size_t n)
{
    struct run *run = arg;

    if (n != 1 || strcmp(fields[0].name, "body") != 0)
        put_bad(run, ERR_LIST_ROW_FIELD, "body", "the adapter tells no message");
    else
        put(run, (struct fetched){.body = (uint8_t *)copy_text((const char *)fields[0].value.p, fields[0].value.n),
                                  .n = fields[0].value.n});
}

static void on_bad(void *arg, const char *field, const char *text)
{
    bool too_long = field != NULL && strcmp(field, "row") == 0;

    put_bad(arg, too_long ? ERR_LIST_ROW_TOO_LONG : ERR_LIST_ROW_FIELD, field, text);
}

void rows_sink(struct run *run, struct host_sink *out)
{
    *out = (struct host_sink){on_page, on_row, on_fields, on_bad, run};
}

/* ---- to the run ------------------------------------------------------------------------------------------------- */

size_t rows_take(struct run *run, struct fetched *out, size_t max)
{
    pthread_mutex_lock(&run->lock);
    while (run->waiting_n == 0 && !run->fetch_done)
        pthread_cond_wait(&run->changed, &run->lock);
    size_t n = run->waiting_n < max ? run->waiting_n : max;
    memcpy(out, run->waiting, n * sizeof(*out));
    run->waiting_n -= n;
    memmove(run->waiting, run->waiting + n, run->waiting_n * sizeof(*out));
    pthread_cond_broadcast(&run->changed);
    pthread_mutex_unlock(&run->lock);
    return n;
}
