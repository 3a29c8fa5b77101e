/* fetch: settings and outcome of one outgoing exchange, and the blocking form. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/fetch.h"

#define HEADERS_MAX (64u << 10)
#define REQUEST_HEADERS_MAX 32

static void start_curl(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != 0)
        abort();                           /* memory, as everywhere */
}

/* ---- what comes ------------------------------------------------------------------------------------- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    if (n >= 5 && memcmp(p, "HTTP/", 5) == 0)
        buf_reset(&fetch->head);           /* an interim answer was not the answer */
    buf_put(&fetch->head, p, size * n);
    return fetch->head.overflow ? 0 : size * n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    buf_put(&fetch->body, p, size * n);
    return fetch->body.overflow ? 0 : size * n;
}

/* ---- what goes out once ----------------------------------------------------------------------------- */

/* libcurl would send a body again that it holds itself. It cannot wind this one back; where it begins anew without
 * having asked for that, nothing is left to give. */
static size_t on_send(char *p, size_t size, size_t n, void *arg)
{
    struct fetch *fetch = arg;
    size_t left = fetch->out.n - fetch->out_at, taken = size * n < left ? size * n : left;
    if (taken == 0)
        return CURL_READFUNC_ABORT;
    memcpy(p, fetch->out.p + fetch->out_at, taken);
    fetch->out_at += taken;
    return taken;
}

/* ---- settings --------------------------------------------------------------------------------------- */

static bool add_header(struct fetch *fetch, const char *line)
{
    struct curl_slist *more = curl_slist_append(fetch->headers, line);
    if (more)
        fetch->headers = more;
    return more != NULL;
}

static bool has_header(const struct net_fetch_request *request, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        if (strncasecmp(request->headers[i], name, n) == 0 && request->headers[i][n] == ':')
            return true;
    return false;
}

static bool set_headers(struct fetch *fetch, const struct net_fetch_request *request)
{
    for (size_t i = 0; request->headers && request->headers[i]; i++)
        if (i == REQUEST_HEADERS_MAX || strpbrk(request->headers[i], "\r\n") ||
            !add_header(fetch, request->headers[i]))
            return false;
    /* libcurl would add these by itself */
    if (!add_header(fetch, "Expect:"))
        return false;
    if (!has_header(request, "Content-Type") && !add_header(fetch, "Content-Type:"))
        return false;
    return has_header(request, "Accept") || add_header(fetch, "Accept:");
}

/* libcurl's setters are variadic macros that check their types, so they stay one by one; `failed` gathers. */
#define SET(option, value) (failed |= curl_easy_setopt(easy, option, value) != CURLE_OK)

static bool set_body(struct fetch *fetch, const struct net_fetch_request *request)
{
    CURL *easy = fetch->easy;
    bool failed = false;
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.n);
    if (!request->once || request->body.n == 0) {
        SET(CURLOPT_COPYPOSTFIELDS, request->body.n > 0 ? (const char *)request->body.p : "");
        return !failed;
    }
    buf_put(&fetch->out, request->body.p, request->body.n);
    SET(CURLOPT_READFUNCTION, on_send);
    SET(CURLOPT_READDATA, fetch);
    return !failed && !fetch->out.overflow;
}

static bool set_method(struct fetch *fetch, const struct net_fetch_request *request)
{
    CURL *easy = fetch->easy;
    bool failed = false;
    if (strcmp(request->method, "HEAD") == 0) {
        SET(CURLOPT_NOBODY, 1L);
        return !failed;
    }
    if (request->body.n > 0 || strcmp(request->method, "POST") == 0 || strcmp(request->method, "PUT") == 0)
        failed |= !set_body(fetch, request);
    SET(CURLOPT_CUSTOMREQUEST, request->method);
    return !failed;
}

static bool set_tls(CURL *easy, const struct net_fetch_request *request)
{
    bool failed = false;
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (request->ca) {
        SET(CURLOPT_CAINFO, request->ca);
        SET(CURLOPT_CAPATH, (char *)NULL); /* the machine's anchors are not ours */
    }
    if (request->cert) {
        SET(CURLOPT_SSLCERT, request->cert);
        SET(CURLOPT_SSLKEY, request->key);
    }
    return !failed;
}

static bool set_bounds(CURL *easy, const struct net_fetch_request *request)
{
    bool failed = false;
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");                /* nor one from the environment */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);             /* the loop's thread blocks them */
    SET(CURLOPT_QUICK_EXIT, 1L);           /* at its deadline an exchange does not wait for the name server */
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)request->connect_ms);
    SET(CURLOPT_TIMEOUT_MS, (long)request->total_ms);
    SET(CURLOPT_MAXLIFETIME_CONN, 600L);   /* so that renewed certificates come into use */
    return !failed;
}

static bool set_all(struct fetch *fetch, const struct net_fetch_request *request, const char *unix_socket)
{
    CURL *easy = fetch->easy;
    bool failed = false;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_ERRORBUFFER, fetch->text);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, fetch);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, fetch);
    SET(CURLOPT_HTTPHEADER, fetch->headers);
    if (unix_socket)
        SET(CURLOPT_UNIX_SOCKET_PATH, unix_socket);
    return !failed && set_method(fetch, request) && set_tls(easy, request) && set_bounds(easy, request);
}

bool fetch_init(struct fetch *fetch, const struct net_fetch_request *request, const char *unix_socket,
                struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, start_curl);
    *fetch = (struct fetch){.easy = curl_easy_init()};
    buf_init(&fetch->head, HEADERS_MAX);
    buf_init(&fetch->body, request->body_max > 0 ? (size_t)request->body_max : NET_BODY_MAX);
    buf_init(&fetch->out, request->body.n);
    if (request->connect_ms <= 0 || request->total_ms <= 0) {
        fetch_free(fetch);
        return err_set(err, ERR_INTERNAL, NULL, "an exchange without deadlines");
    }
    if (fetch->easy && set_headers(fetch, request) && set_all(fetch, request, unix_socket))
        return true;
    fetch_free(fetch);
    return err_set(err, ERR_INTERNAL, NULL, "the exchange has settings that cannot be used");
}

void fetch_free(struct fetch *fetch)
{
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    buf_free(&fetch->head);
    buf_free(&fetch->body);
    buf_free(&fetch->out);
    *fetch = (struct fetch){0};
}

/* ---- outcome ---------------------------------------------------------------------------------------- */

static enum err_code code_of(const struct fetch *fetch, CURLcode code)
{
    if (fetch->body.overflow || fetch->head.overflow)
        return ERR_CLIENT_TOO_LARGE;
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        return ERR_CLIENT_TIMEOUT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CLIENTCERT:
        return ERR_CLIENT_TLS;
    default:
        /* in TLS 1.3 the other side's refusal of our certificate comes when we read */
        return strstr(fetch->text, " alert ") ? ERR_CLIENT_TLS : ERR_CLIENT_CONNECT;
    }
}

static const char *words_of(const struct fetch *fetch, CURLcode code)
{
    if (code == CURLE_SEND_FAIL_REWIND || code == CURLE_ABORTED_BY_CALLBACK)
        return "the connection ended without an answer; the body goes out once";
    return fetch->text[0] ? fetch->text : curl_easy_strerror(code);
}

/* A new connection that ended behind the handshake and before any answer: the other side's alert may have been
 * overtaken by the end of the connection, so that only the broken pipe is seen. */
static bool refused_behind_handshake(const struct fetch *fetch, CURLcode code)
{
    curl_off_t handshake_us = 0;
    long connects = 0;
    if ((code != CURLE_SEND_ERROR && code != CURLE_RECV_ERROR) || fetch->head.n > 0)
        return false;
    curl_easy_getinfo(fetch->easy, CURLINFO_APPCONNECT_TIME_T, &handshake_us);
    curl_easy_getinfo(fetch->easy, CURLINFO_NUM_CONNECTS, &connects);
    return handshake_us > 0 && connects > 0;
}

static bool was_sent(const struct fetch *fetch)
{
    long n = 0;
    return curl_easy_getinfo(fetch->easy, CURLINFO_REQUEST_SIZE, &n) == CURLE_OK && n > 0;
}

void fetch_result(const struct fetch *fetch, CURLcode code, struct net_fetch_result *result_out)
{
    long status = 0;
    *result_out = (struct net_fetch_result){.ok = code == CURLE_OK, .sent = was_sent(fetch)};
    if (code != CURLE_OK) {
        bool refused = refused_behind_handshake(fetch, code);
        err_set(&result_out->err, refused ? ERR_CLIENT_TLS : code_of(fetch, code), NULL, "%s%s",
                words_of(fetch, code),
                refused ? "; ended behind the handshake: it may not accept our certificate" : "");
        return;
    }
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    result_out->status = (int)status;
    result_out->headers = (const char *)fetch->head.p;
    result_out->body = buf_bytes(&fetch->body);
}

void fetch_stopped(const struct fetch *fetch, struct net_fetch_result *result_out)
{
    *result_out = (struct net_fetch_result){.sent = was_sent(fetch)};
    err_set(&result_out->err, ERR_STOPPING, NULL, "the exchange was ended");
}

bool net_fetch_wait(const struct net_fetch_request *request, const char *unix_socket, struct arena *arena,
                    struct net_fetch_result *result_out)
{
    struct fetch fetch;
    *result_out = (struct net_fetch_result){0};
    CHECK(fetch_init(&fetch, request, unix_socket, &result_out->err));
    curl_easy_setopt(fetch.easy, CURLOPT_NOSIGNAL, 0L);   /* a tool's only thread: libcurl keeps SIGPIPE off */
    fetch_result(&fetch, curl_easy_perform(fetch.easy), result_out);
    if (result_out->ok) {
        result_out->headers = arena_strdup(arena, result_out->headers);
        result_out->body = bytes_dup(arena, result_out->body);
    }
    fetch_free(&fetch);
    return result_out->ok;
}
