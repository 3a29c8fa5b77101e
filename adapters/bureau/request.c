/* What is asked: URL or body with the page's parameters, and the headers of the agreed authentication. */
#include "bureau.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- parameters ----------------------------------------------------------------------------------------- */

static void add_encoded(struct text *text, const char *s)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

    for (; *s != '\0'; s++) {
        char one[4] = {*s};

        if (strchr(plain, *s) == NULL)
            (void)snprintf(one, sizeof(one), "%%%02X", (unsigned)(unsigned char)*s);
        text_add(text, one);
    }
}

/* Times are written in +08:00, the zone that every date without one is meant in. */
void request_time(int64_t ms, bool plain, char out[32])
{
    time_t at = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;

    if (gmtime_r(&at, &tm) == NULL ||
        strftime(out, 32, plain ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S+08:00", &tm) == 0)
        out[0] = '\0';
}

struct parameter {
    const char *name;
    char value[32];
    bool is_text;
};

static size_t parameters(const struct gwa_job *job, const struct run *run, struct parameter out[3])
{
    const struct bureau *bureau = job->instance;

    out[0] = (struct parameter){.name = bureau->page_parameter};
    (void)snprintf(out[0].value, sizeof(out[0].value), "%lld", (long long)run->page);
    out[1] = (struct parameter){.name = bureau->size_parameter};
    (void)snprintf(out[1].value, sizeof(out[1].value), "%lld", (long long)bureau->page_size);
    if (job->scope != GWA_DELTA || job->updated_since_ms == 0)
        return 2;
    out[2] = (struct parameter){.name = bureau->since_parameter, .is_text = true};
    request_time(job->updated_since_ms, bureau->since_plain, out[2].value);
    return 3;
}

static void add_form(struct text *text, const struct parameter *parameters, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        text_add(text, i == 0 ? "" : "&");
        add_encoded(text, parameters[i].name);
        text_add(text, "=");
        add_encoded(text, parameters[i].value);
    }
}

static void add_json(struct text *text, const struct parameter *parameters, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *quote = parameters[i].is_text ? "\"" : "";

        text_add(text, i == 0 ? "{\"" : ",\"");
        text_add(text, parameters[i].name);
        text_add(text, "\":");
        text_add(text, quote);
        text_add(text, parameters[i].value);
        text_add(text, quote);
    }
    text_add(text, "}");
}

static bool write_url(const struct bureau *bureau, struct run *run, const struct parameter *parameters, size_t n)
{
    size_t base = strlen(bureau->base);
    struct text url;

    text_init(&url, run->url, sizeof(run->url));
    while (base > 0 && bureau->base[base - 1] == '/')
        base--;
    text_add_bytes(&url, (struct gwa_bytes){(const uint8_t *)bureau->base, base});
    text_add(&url, bureau->path[0] == '\0' || bureau->path[0] == '/' ? "" : "/");
    text_add(&url, bureau->path);
    if (bureau->query != NULL || !bureau->post)
        text_add(&url, strchr(bureau->path, '?') == NULL ? "?" : "&");
    if (bureau->query != NULL)
        text_add(&url, bureau->query);
    if (!bureau->post) {
        text_add(&url, bureau->query == NULL ? "" : "&");
        add_form(&url, parameters, n);
    }
    return !url.full;
}

static bool write_body(const struct bureau *bureau, struct run *run, const struct parameter *parameters, size_t n)
{
    struct text body;

    text_init(&body, run->body, sizeof(run->body));
    if (bureau->post && bureau->form)
        add_form(&body, parameters, n);
    else if (bureau->post)
        add_json(&body, parameters, n);
    return !body.full;
}

/* ---- headers -------------------------------------------------------------------------------------------- */

static bool write_headers(struct gwa_job *job, struct headers *headers)
{
    const struct bureau *bureau = job->instance;

    headers->n = 0;
    if (!headers_add(headers, "Accept", "", "application/json"))
        return false;
    if (bureau->post && !headers_add(headers, "Content-Type", "",
                                     bureau->form ? "application/x-www-form-urlencoded" : "application/json"))
        return false;
    if (bureau->auth == AUTH_TOKEN)
        return headers_add(headers, bureau->token_header, bureau->token_prefix, bureau->token);
    return bureau->auth != AUTH_HMAC || headers_add_sharing(job, headers, bureau->rid, bureau->sid, "secret_file");
}

bool request_ask(struct gwa_job *job, struct run *run)
{
    const struct bureau *bureau = job->instance;
    struct parameter list[3];
    size_t n = parameters(job, run, list);
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_HTTP, .timeout_ms = bureau->timeout_ms};

    if (!write_url(bureau, run, list, n) || !write_body(bureau, run, list, n) || !write_headers(job, &run->headers))
        return false;
    io.target = run->url;
    io.method = bureau->post ? "POST" : "GET";
    io.headers = run->headers.list;
    io.body = (struct gwa_bytes){(const uint8_t *)run->body, strlen(run->body)};
    job->host->io(job, &io);
    return true;
}
