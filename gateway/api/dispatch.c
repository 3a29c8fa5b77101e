/* dispatch: a request's way through the api, from net's call to the one place where it is answered. */
#include "api/dispatch.h"

#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/held.h"
#include "api/internal.h"
#include "api/slow.h"

#define LONG_BODY (64u << 10)

const struct config *ask_config(const struct ask *ask)
{
    return ask->held->state.config;
}

/* Queue 0 is the machine's own: probes must get through whatever strangers do. */
unsigned ask_queue(const struct ask *ask)
{
    bool own = ask->listener == API_LISTENER_PLAIN || ask->listener == API_LISTENER_SOCKET;
    return own ? 0 : 1 + (unsigned)(ask->caller->mark % (API_QUEUES - 1));
}

/* What a large body asks for is long work, from reading it to the receipt of its rows. */
bool ask_work(struct ask *ask, void (*work)(void *ask), struct err *err)
{
    bool large = net_body(ask->request).n > LONG_BODY;
    return (large ? net_work_long : net_work)(ask->api->options.net, ask_queue(ask), work, ask, err);
}

void ask_header(struct ask *ask, const char *name, const char *value)
{
    size_t max = sizeof(ask->reply.headers) / sizeof(ask->reply.headers[0]);
    if (ask->reply.header_n < max)
        ask->reply.headers[ask->reply.header_n++] = (struct net_header){bytes_str(name), bytes_str(value)};
}

/* ---- the end -------------------------------------------------------------------------------------- */

static bool has_header(const struct ask *ask, const char *name)
{
    for (size_t i = 0; i < ask->reply.header_n; i++)
        if (bytes_equal(ask->reply.headers[i].name, bytes_str(name)))
            return true;
    return false;
}

/* Denials at notice, defects at error, everything else is the caller's business. */
static void log_failure(const struct ask *ask, const struct err *err)
{
    enum err_kind kind = err_info(err->code)->kind;
    enum log_level level = kind == ERR_KIND_BROKEN ? LOG_ERROR : kind == ERR_KIND_DENIED ? LOG_NOTICE : LOG_DEBUG;

    log_event(level, kind == ERR_KIND_DENIED ? "api.denied" : "api.failed",
              "code=%s partner=%s address=%s route=%s trace=%s", err_info(err->code)->code,
              ask->who ? ask->who->id : "unknown", net_remote(ask->request), ask->route ? ask->route->pattern : "none",
              net_trace_id(ask->request));
    if (kind == ERR_KIND_BROKEN)
        log_err(LOG_ERROR, "api.broken", err);
}

static bool is_for_partners(const struct ask *ask)
{
    return ask->listener == API_LISTENER_PARTNER || ask->listener == API_LISTENER_FRAMES;
}

void ask_fail(struct ask *ask, const struct err *err)
{
    int wait = problem_retry_after(err->code);
    bool in_body = ask->body != NULL || ask->in_message;
    struct err shown = *err;

    /* what a defect or damaged data says is for the log and for people, not for partners */
    if (err_info(err->code)->kind == ERR_KIND_BROKEN && is_for_partners(ask))
        shown.place[0] = shown.detail[0] = '\0';
    if (ask->listener == API_LISTENER_FRAMES) {
        ask_frame_refuse(ask, &shown);
        log_failure(ask, err);
        return;
    }
    buf_reset(&ask->out);
    problem_write(&ask->out, &shown, ask->errors, ask->error_n, in_body, net_trace_id(ask->request));
    ask->reply.status = err_info(err->code)->http;
    ask->reply.media_type = PROBLEM_MEDIA;
    ask->reply.body = buf_bytes(&ask->out);
    if (wait > 0 && !has_header(ask, "Retry-After"))
        ask_header(ask, "Retry-After", arena_printf(ask->arena, "%d", wait));
    log_failure(ask, err);
}

/* What succeeded or is wrong in itself is answered the same again; what may go better later is forgotten. */
static void keep_answer(struct ask *ask)
{
    int status = ask->reply.status;
    bool keep = status < 500 && status != 429;
    if (ask->ticket >= 0)
        idempotency_end(ask->api->idempotency, ask->ticket, keep, status, ask->reply.body);
    ask->ticket = -1;
}

void ask_end(struct ask *ask)
{
    if (ask->listener == API_LISTENER_FRAMES)
        ask_frame_write(ask);
    /* net may free the request's arena, and the ask in it, inside net_answer */
    struct net_request *request = ask->request;
    struct net_reply reply = ask->reply;
    struct held *held = ask->held;
    struct json_doc *body = ask->body;
    struct buf out = ask->out;
    const struct statement *statement = ask->statement;

    keep_answer(ask);
    log_event(LOG_DEBUG, "api.request", "method=%s route=%s status=%d partner=%s ms=%lld trace=%s", ask->method,
              ask->route ? ask->route->pattern : "none", reply.status, ask->who ? ask->who->id : "unknown",
              (long long)(clock_mono_ms() - ask->started_mono_ms), net_trace_id(request));
    net_answer(request, &reply);
    if (statement)
        statement_release(&statement);
    json_free(&body);
    buf_free(&out);
    held_drop(&held);
}

/* ---- running a handler ------------------------------------------------------------------------------- */

static bool read_body(struct ask *ask, struct err *err)
{
    struct bytes body = net_body(ask->request);
    struct bytes type = net_header_value(ask->request, "Content-Type");
    bool optional = strcmp(ask->route->takes, "Codes") != 0 && strcmp(ask->route->takes, "RunStart") != 0;

    if (optional && body.n == 0)
        body = BYTES_LIT("{}");
    else if (!api_is_media(type, "application/json"))
        return err_set(err, ERR_MESSAGE_MEDIA_TYPE, NULL, "application/json is expected");
    CHECK(json_parse(body, &ask->body, err));
    if (json_type_of(json_root(ask->body)) != JSON_TYPE_OBJECT)
        return err_set(err, ERR_SCHEMA_TYPE, "", "an object is expected");
    return true;
}

/* Names the person and key, and what was asked, by digests. */
static void name_request(const struct ask *ask, struct bytes key, uint8_t name_out[32], uint8_t content_out[32])
{
    const struct bytes zero = BYTES_LIT("\0");
    const struct bytes name[] = {bytes_str(ask->who ? ask->who->id : ""), zero, key};
    const struct bytes content[] = {bytes_str(ask->method), zero, bytes_str(net_path(ask->request)), zero,
                                    net_body(ask->request)};
    crypto_digest_parts(CRYPTO_SHA256, name, 3, name_out);
    crypto_digest_parts(CRYPTO_SHA256, content, 5, content_out);
}

/* *again_out: the answer is already there. */
static bool check_key(struct ask *ask, bool *again_out, struct err *err)
{
    struct bytes key = net_header_value(ask->request, "Idempotency-Key");
    uint8_t name[32], content[32];
    enum idempotency_found found;

    if (!net_header_present(ask->request, "Idempotency-Key") || ask->listener == API_LISTENER_PARTNER)
        return true;
    if (!idempotency_key_good(key))
        return err_set(err, ERR_HTTP_BAD_REQUEST, "Idempotency-Key", "1 to %d visible ASCII characters",
                       IDEMPOTENCY_KEY_MAX);
    name_request(ask, key, name, content);
    found = idempotency_begin(ask->api->idempotency, name, content, ask->now_ms, ask->arena, &ask->ticket,
                              &ask->reply.status, &ask->reply.body, err);
    *again_out = found == IDEMPOTENCY_AGAIN;
    if (*again_out)
        ask_header(ask, "X-Duplicate", "true");
    if (*again_out && ask->reply.status >= 400)
        ask->reply.media_type = PROBLEM_MEDIA;
    return found != IDEMPOTENCY_REFUSED;
}

/* A message is read by intake, which verifies its bytes before it looks at them. */
static bool takes_object(const struct ask *ask)
{
    return ask->route->takes[0] != '\0' && strcmp(ask->route->takes, "Message") != 0;
}

static bool handle(struct ask *ask, struct err *err)
{
    if (takes_object(ask) && !ask->body) {
        bool again = false;
        CHECK(check_key(ask, &again, err));
        if (again)
            return true;
        CHECK(read_body(ask, err));
    }
    CHECK(ask->route->handler(ask, err));
    return true;
}

void ask_complete(struct ask *ask)
{
    struct err err = {0};

    if (ask->out.overflow) {
        err_set(&err, ERR_INTERNAL, NULL, "the answer is larger than %u bytes", API_OUT_MAX);
        ask_fail(ask, &err);
    }
    if (ask->reply.body.n == 0)
        ask->reply.body = buf_bytes(&ask->out);
    ask_end(ask);
}

static void run(void *arg);

static void run_on_worker(struct ask *ask)
{
    struct err err = {0};

    ask->move = false;
    ask->on_worker = true;
    if (ask_work(ask, run, &err))
        return;
    ask_fail(ask, &err);
    ask_end(ask);
}

static void run_apart(struct ask *ask)
{
    struct err err = {0};

    ask->on_worker = true;
    if (slow_add(ask, run, &err))
        return;
    ask_fail(ask, &err);
    ask_end(ask);
}

static void run(void *arg)
{
    struct ask *ask = arg;
    struct err err = {0};

    if (!handle(ask, &err)) {
        ask_fail(ask, &err);
        ask_end(ask);
    } else if (ask->move) {
        run_on_worker(ask);
    } else if (ask->later) {
        ask->later(ask);
    } else {
        ask_complete(ask);
    }
}

/* ---- net calls ---------------------------------------------------------------------------------------- */

static struct ask *ask_new(struct api *api, struct net_request *request)
{
    struct ask *ask = arena_alloc(net_arena(request), sizeof(*ask));
    ask->api = api;
    ask->request = request;
    ask->arena = net_arena(request);
    ask->method = strcmp(net_method(request), "HEAD") == 0 ? "GET" : net_method(request);
    ask->listener = net_listener_tag(request);
    ask->held = held_take(api);
    ask->now_ms = clock_wall_ms();
    ask->started_mono_ms = clock_mono_ms();
    ask->ticket = -1;
    ask->reply.status = 200;
    buf_init(&ask->out, API_OUT_MAX);
    json_out_init(&ask->json, &ask->out);
    return ask;
}

void dispatch_request(struct net_request *request, void *arg)
{
    struct ask *ask = ask_new(arg, request);
    struct err err = {0};

    if (!admit(ask, &err)) {
        ask_fail(ask, &err);
        ask_end(ask);
        return;
    }
    ask->reply.media_type = api_media_name(ask->media);
    if (ask->route->run == RUN_SLOW)
        run_apart(ask);
    else if (ask->route->run == RUN_WORKER || net_body(request).n > API_WORKER_BODY)
        run_on_worker(ask);
    else
        run(ask);
}

void dispatch_refused(enum err_code code, const char *detail, const char *request_id, struct buf *out, void *arg)
{
    struct err err = {0};

    (void)arg;
    err_set(&err, code, NULL, "%s", detail ? detail : "");
    problem_write(out, &err, NULL, 0, false, request_id);
}

void dispatch_closed(uint64_t mark, void *arg)
{
    admit_closed(arg, mark);
}
