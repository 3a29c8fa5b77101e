/* Registrations page by page: {"code","message","data":{"total","pageNo","rows":[…]}}, rows with the members of a
 * pledge.registration. Members that the contract does not have are left out, the others stand in its order; whether
 * their values are right is judged by the gateway. */
#include "registry.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct pull {
    int64_t page;  /* asked for last, from 1 */
    int64_t total; /* announced; -1: not said */
    uint64_t seen;
};

/* ---- asking ------------------------------------------------------------------------------------------------------ */

/* In +08:00, the zone that every date without one is meant in; ready for a query. */
static void write_since(int64_t ms, char out[64])
{
    time_t at = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;

    if (gmtime_r(&at, &tm) == NULL || strftime(out, 64, "&updatedSince=%Y-%m-%dT%H%%3A%M%%3A%S%%2B08%%3A00", &tm) == 0)
        out[0] = '\0';
}

static enum gwa_verdict ask(struct gwa_job *job, struct pull *pull)
{
    static const char *const headers[] = {"Accept: application/json", NULL};
    const struct registry *registry = job->instance;
    char url[URL_MAX], since[64] = "";
    const struct gwa_io io = {
        .size = sizeof(io), .kind = GWA_HTTP, .target = url, .headers = headers, .timeout_ms = registry->timeout_ms};

    if (job->scope == GWA_DELTA && job->updated_since_ms > 0)
        write_since(job->updated_since_ms, since);
    (void)snprintf(url, sizeof(url), "%.*s?pageNo=%lld&pageSize=%lld%s", URL_MAX - 128, registry->url,
                   (long long)++pull->page, (long long)registry->page_size, since);
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* ---- is it a page ------------------------------------------------------------------------------------------------ */

/* A refusal that time does not heal is REJECTED: wrong address, wrong identity, a redirect. */
static enum gwa_verdict judge_answer(struct gwa_job *job)
{
    const int status = job->result.status;
    char why[64];

    if (job->result.state != GWA_IO_OK)
        return run_fail(job, GWA_RETRY, "source.failed: no answer");
    if (status == 200)
        return GWA_DONE;
    (void)snprintf(why, sizeof(why), "source.failed: HTTP status %d", status);
    return run_fail(job, status >= 500 || status == 408 || status == 429 || status < 300 ? GWA_RETRY : GWA_REJECTED,
                    why);
}

static bool is_success(const struct registry *registry, const json_t *code)
{
    const char *text = json_string_value(code);
    char room[24];

    if (json_is_integer(code)) {
        (void)snprintf(room, sizeof(room), "%lld", (long long)json_integer_value(code));
        text = room;
    }
    return text != NULL && text_is_one_of((struct gwa_bytes){(const uint8_t *)text, strlen(text)}, registry->success);
}

/* Their message is words for people: it may name some, so only the code is told, when it is one. */
static enum gwa_verdict not_success(struct gwa_job *job, const json_t *code)
{
    const char *text = json_string_value(code);
    char why[96];
    size_t n = text == NULL ? 0 : strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    (void)snprintf(why, sizeof(why), "source.failed: code %s",
                   n > 0 && n < 32 && text[n] == '\0' ? text : "that is no code");
    return run_fail(job, GWA_RETRY, why);
}

static bool number_in(const json_t *data, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(data, name);

    *out = -1;
    if (value == NULL || json_is_null(value))
        return true;
    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

/* NULL: *verdict_out, with why. */
static json_t *rows_of(struct gwa_job *job, struct pull *pull, json_t *page, enum gwa_verdict *verdict_out)
{
    json_t *code = json_object_get(page, "code"), *data = json_object_get(page, "data");
    json_t *rows = json_object_get(data, "rows");
    int64_t total, number;

    *verdict_out = GWA_RETRY;
    if (!is_success(job->instance, code))
        *verdict_out = not_success(job, code);
    else if (!json_is_array(rows))
        (void)run_fail(job, GWA_RETRY, "list.page: there are no rows in it");
    else if (!number_in(data, "total", &total) || !number_in(data, "pageNo", &number))
        (void)run_fail(job, GWA_RETRY, "list.page: its total or page number is not a number");
    else if (number != -1 && number != pull->page)
        (void)run_fail(job, GWA_RETRY, "list.page: another page than was asked for");
    else if (pull->page > 1 && total != pull->total)
        (void)run_fail(job, GWA_RETRY, "list.changed: the total differs between pages");
    else {
        pull->total = total;
        return rows;
    }
    return NULL;
}

/* ---- rows -------------------------------------------------------------------------------------------------------- */

static json_t *ordered(const json_t *from, const char *const *names)
{
    json_t *to = json_object();

    for (; *names != NULL; names++) {
        json_t *value = json_object_get(from, *names);

        if (value != NULL && !json_is_null(value))
            (void)json_object_set(to, *names, value);
    }
    return to;
}

static const char *const party_names[] = {"uscc", "name", NULL};
static const char *const right_names[] = {"number", "class", "title", NULL};

/* Elements that are no objects stay what they are: the gateway's schema says what is wrong with them. */
static json_t *ordered_list(const json_t *from, const char *const *names)
{
    json_t *to = json_array(), *item;
    size_t i;

    json_array_foreach((json_t *)(uintptr_t)from, i, item)(void)(
        json_is_object(item) ? json_array_append_new(to, ordered(item, names)) : json_array_append(to, item));
    return to;
}

static json_t *body_of(const json_t *row)
{
    static const char *const names[] = {
        "registration_no",    "event",     "date",       "right_kind",  "pledgors", "pledgee",
        "secured_amount_fen", "debt_from", "debt_until", "valid_until", "rights",   NULL};
    json_t *body = ordered(row, names);
    const json_t *pledgors = json_object_get(body, "pledgors"), *pledgee = json_object_get(body, "pledgee");
    const json_t *rights = json_object_get(body, "rights");

    if (json_is_array(pledgors))
        (void)json_object_set_new(body, "pledgors", ordered_list(pledgors, party_names));
    if (json_is_object(pledgee))
        (void)json_object_set_new(body, "pledgee", ordered(pledgee, party_names));
    if (json_is_array(rights))
        (void)json_object_set_new(body, "rights", ordered_list(rights, right_names));
    return body;
}

static bool refuse(struct gwa_job *job, uint64_t line, const char *why)
{
    const struct gwa_bytes none = {NULL, 0};
    enum gwa_row_answer answer = job->host->row(job, line, none, none);

    if (answer == GWA_ROW_PARSE)
        job->host->row_bad(job, "line", why);
    return answer != GWA_ROW_STOP;
}

static bool take_row(struct gwa_job *job, uint64_t line, const json_t *row)
{
    const char *number = json_string_value(json_object_get(row, "registration_no"));
    struct gwa_bytes code = {(const uint8_t *)number, number == NULL ? 0 : strlen(number)};
    json_t *body;
    bool go_on;

    if (!json_is_object(row))
        return refuse(job, line, "not a registration");
    body = body_of(row);
    go_on = body_give(job, line, code.n > NUMBER_MAX ? (struct gwa_bytes){NULL, 0} : code, body);
    json_decref(body);
    return go_on;
}

static enum gwa_verdict take_rows(struct gwa_job *job, struct pull *pull, const json_t *rows)
{
    const struct gwa_page page = {
        .size = sizeof(page), .number = (uint64_t)pull->page, .total = pull->total, .raw = job->result.body};
    const json_t *row;
    size_t i;

    if (!job->host->page(job, &page))
        return run_fail(job, GWA_RETRY, "the run was stopped");
    json_array_foreach((json_t *)(uintptr_t)rows, i, row) if (!take_row(job, ++pull->seen, row)) return run_fail(
        job, GWA_RETRY, "the run was stopped");
    return GWA_DONE;
}

/* ---- the run ----------------------------------------------------------------------------------------------------- */

/* A total that was announced counts; without one the last page is the one that is not full. */
static enum gwa_verdict go_on(struct gwa_job *job, struct pull *pull, size_t n)
{
    const struct registry *registry = job->instance;
    bool all = pull->total >= 0 ? pull->seen >= (uint64_t)pull->total : n < (size_t)registry->page_size;

    if (all)
        return GWA_DONE;
    return n == 0 ? run_fail(job, GWA_RETRY, "list.page: fewer rows than its total") : ask(job, pull);
}

static enum gwa_verdict take_page(struct gwa_job *job, struct pull *pull, json_t *page)
{
    enum gwa_verdict verdict;
    const json_t *rows = rows_of(job, pull, page, &verdict);

    if (rows == NULL)
        return verdict;
    verdict = take_rows(job, pull, rows);
    return verdict == GWA_DONE ? go_on(job, pull, json_array_size(rows)) : verdict;
}

enum gwa_verdict pull_fetch(struct gwa_job *job)
{
    struct pull *pull = job->state;
    enum gwa_verdict verdict;
    json_t *page;

    if (pull == NULL) {
        pull = job->state = job->host->alloc(job, sizeof(*pull));
        return pull == NULL ? run_fail(job, GWA_RETRY, "no memory") : ask(job, pull);
    }
    verdict = judge_answer(job);
    if (verdict != GWA_DONE)
        return verdict;
    page = json_loadb((const char *)job->result.body.p, job->result.body.n, JSON_REJECT_DUPLICATES, NULL);
    verdict = json_is_object(page) ? take_page(job, pull, page)
                                   : run_fail(job, GWA_RETRY, "list.page: not a JSON object whose members differ");
    json_decref(page);
    return verdict;
}
