/* whitelist: answers about firms to banks and platforms. No answer leaves before its line is in the access log; a
 * line that cannot be kept turns the answer into 503 store.full.
 */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "jws/jws.h"

#define CODES_MAX 1000
#define CODE_SHOWN 32                  /* characters of an invalid code that the log keeps */

/* ---- the access log ---------------------------------------------------------------------------------- */

static bool digits(const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] < '0' || p[i] > '9')
            return false;
    return true;
}

/* An invalid code can be a citizen's number typed by mistake: 17 digits with a date of birth in the middle. */
static bool looks_personal(const char *code)
{
    if (strlen(code) != USCC_SIZE - 1 || !digits(code, 17))
        return false;
    int year = (code[6] - '0') * 10 + (code[7] - '0');
    int month = (code[10] - '0') * 10 + (code[11] - '0');
    int day = (code[12] - '0') * 10 + (code[13] - '0');
    return (year == 18 || year == 19 || year == 20) && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

/* What the log keeps of a code that is not one. */
static const char *shown(struct ask *ask, const char *given, const struct ident_result *result)
{
    char *code = arena_strndup(ask->arena, result->normal[0] ? result->normal : given, CODE_SHOWN);
    /* a character cut in half would not be text any more */
    for (size_t n = strlen(code); n > 0 && !utf8_valid(bytes_of(code, n)); n--)
        code[n - 1] = '\0';
    if (looks_personal(code))
        memset(code + 6, '*', 8);
    return code;
}

bool api_keep(struct ask *ask, const struct api_line *line, struct err *err)
{
    const struct access_line whole = {
        .time_ms = ask->now_ms,
        .partner = ask->who->id,
        .address = net_remote(ask->request),
        .uscc = line->uscc,
        .request_id = net_request_id(ask->request),
        .route = line->route,
        .status = line->status,
        .outcome = line->outcome,
        .sequence = line->sequence,
        .digest = line->digest,
    };
    struct err why = {0};

    if (access_append(ask->api->options.access, &whole, &why))
        return true;
    log_err(LOG_ERROR, "api.access", &why);
    return err_set(err, ERR_STORE_FULL, NULL, "the access log cannot keep this question");
}

bool api_keep_refusal(struct ask *ask, const char *route, const char *uscc, struct err *err)
{
    const struct err_info *info = err_info(err->code);
    const struct api_line line = {.route = route, .uscc = uscc, .status = info->http, .outcome = info->code};

    if (!api_keep(ask, &line, err))
        ask->error_n = 0;
    return false;
}

/* ---- one firm ---------------------------------------------------------------------------------------- */

static enum policy_view view_of(const struct ask *ask)
{
    return ask->who->view_full ? POLICY_VIEW_FULL : POLICY_VIEW_BANK;
}

static bool answer_statement(struct ask *ask, const char *uscc, const struct statement *statement, struct err *err)
{
    struct bytes named = net_header_value(ask->request, "If-None-Match");
    bool same = named.n > 0 && ask->now_ms < statement->next_update_ms && api_names_tag(named, statement->etag);
    const struct api_line line = {.route = "whitelist.get", .uscc = uscc, .outcome = statement->status,
                              .status = same ? 304 : 200, .sequence = statement->sequence, .digest = statement->digest};

    CHECK(api_keep(ask, &line, err));
    if (statement->etag)
        ask_header(ask, "ETag", statement->etag);
    ask_header(ask, "Cache-Control", "private, no-cache");
    ask_header(ask, "Vary", "Accept");
    if (statement->signature)
        ask_header(ask, "x-jws-signature", statement->signature);
    ask->reply.status = line.status;
    if (same)
        ask->reply.media_type = NULL;
    else
        ask->reply.body = statement->body;
    return true;
}

static enum statement_form form_of(const struct ask *ask)
{
    if (ask->media == API_MEDIA_XML)
        return STATEMENT_XML;
    return ask->media == API_MEDIA_JOSE ? STATEMENT_JOSE : STATEMENT_JSON;
}

static bool find_statement(struct ask *ask, const char *uscc, struct err *err)
{
    const struct statement_context context = ask_context(ask);
    enum statement_form form = form_of(ask);
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    if ((ask_slow(ask) || form == STATEMENT_XML) && !ask->on_worker) {
        ask->statement = statement_cached(ask->api->options.statements, &context, txn, uscc, view_of(ask), ask_alg(ask),
                                          form, ask->now_ms);
        ask->move = ask->statement == NULL;
        return true;
    }
    return statement_get(ask->api->options.statements, &context, txn, uscc, view_of(ask), ask_alg(ask), form,
                         ask->now_ms, &ask->statement, NULL, err);
}

/* What would have been answered at an earlier moment. */
static bool find_past(struct ask *ask, const char *uscc, struct err *err)
{
    const struct statement_context context = ask_context(ask);
    int64_t as_of_ms = 0;

    CHECK(ask_past(ask, "as_of", &as_of_ms, err));
    AUTO_READ txn = store_read(ask->api->options.store, err);
    if (!txn)
        return false;
    return statement_past(ask->api->options.statements, &context, txn, uscc, view_of(ask), ask_alg(ask), form_of(ask),
                          as_of_ms, ask->now_ms, &ask->statement, err);
}

static bool find(struct ask *ask, const char *uscc, struct err *err)
{
    if (!net_parameter(ask->request, "as_of", NULL))
        return find_statement(ask, uscc, err);
    ask->move = !ask->on_worker;
    return ask->move || find_past(ask, uscc, err);
}

bool api_do_whitelist_get(struct ask *ask, struct err *err)
{
    char uscc[USCC_SIZE];

    if (!ask_uscc(ask, ask->values[0], "uscc", uscc, err)) {
        struct ident_result result;
        ident_uscc(bytes_str(ask->values[0]), &result);
        return api_keep_refusal(ask, "whitelist.get", shown(ask, ask->values[0], &result), err);
    }
    if (!find(ask, uscc, err))
        return api_keep_refusal(ask, "whitelist.get", uscc, err);
    return ask->move || answer_statement(ask, uscc, ask->statement, err);
}

/* ---- many firms ---------------------------------------------------------------------------------------- */

struct code {
    char uscc[USCC_SIZE];
    const char *status;
    uint64_t sequence;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
};

/* Judges code i at `place`; an invalid one is written to the log and added to the problem's findings. */
static bool read_code(struct ask *ask, const char *text, const char *place, struct code *out, struct err *err)
{
    struct ident_result result;

    if (!text) {
        err_set(&ask->errors[ask->error_n++], ERR_SCHEMA_TYPE, place, "a string is expected");
        return true;
    }
    ident_uscc(bytes_str(text), &result);
    snprintf(out->uscc, sizeof(out->uscc), "%.18s", result.normal);
    if (result.verdict != IDENT_INVALID)
        return true;
    enum err_code code = api_uscc_fault(&result);
    err_set(&ask->errors[ask->error_n++], code, place, "%s", "");
    const struct api_line line = {.route = "whitelist.query", .uscc = shown(ask, text, &result), .status = 422,
                              .outcome = err_info(code)->code};
    if (api_keep(ask, &line, err))
        return true;
    ask->error_n = 0;
    return false;
}

/* Firms asked about at once, and what was told of each. */
struct questions {
    struct code *codes;
    size_t n;
};

static bool questions_begin(struct ask *ask, size_t n, const char *place, struct questions *out, struct err *err)
{
    if (n == 0 || n > CODES_MAX)
        return err_set(err, ERR_QUERY_TOO_MANY, place, "%zu given", n);
    *out = (struct questions){arena_alloc(ask->arena, n * sizeof(*out->codes)), n};
    ask->errors = arena_alloc(ask->arena, n * sizeof(*ask->errors));
    return true;
}

static bool questions_good(const struct ask *ask, struct err *err)
{
    if (ask->error_n == 0)
        return true;
    *err = ask->errors[0];
    return false;
}

static bool read_codes(struct ask *ask, struct questions *out, struct err *err)
{
    static const char *const members[] = {"codes", NULL};
    const json_value *codes = json_member(ask_object(ask), "codes");
    char place[32];

    CHECK(json_only(ask_object(ask), "", members, err));
    if (!codes)
        return err_set(err, ERR_SCHEMA_INVALID, "/codes", "the member is missing");
    if (json_type_of(codes) != JSON_TYPE_ARRAY)
        return err_set(err, ERR_SCHEMA_TYPE, "/codes", "an array is expected");
    CHECK(questions_begin(ask, json_count(codes), "/codes", out, err));
    for (size_t i = 0; i < out->n; i++) {
        snprintf(place, sizeof(place), "/codes/%zu", i);
        CHECK(read_code(ask, json_string(json_at(codes, i)), place, &out->codes[i], err));
    }
    return questions_good(ask, err);
}

/* What the log tells of a statement is read from its own bytes. */
static void note(struct ask *ask, struct code *code, struct bytes body)
{
    struct bytes value, inside;

    code->status = "";
    if (json_scan_member(body, "status", &value) && json_scan_string(value, &inside))
        code->status = arena_strndup(ask->arena, (const char *)inside.p, inside.n);
    if (json_scan_member(body, "sequence", &value))
        for (size_t i = 0; i < value.n && value.p[i] >= '0' && value.p[i] <= '9'; i++)
            code->sequence = code->sequence * 10 + (uint64_t)(value.p[i] - '0');
}

static bool write_plain(struct ask *ask, const struct statement_context *context, struct store_txn *txn,
                        struct code *code, struct err *err)
{
    struct buf one;

    buf_init(&one, RECORD_BYTES_MAX);
    bool ok =
        statement_write(ask->api->options.statements, context, txn, code->uscc, view_of(ask), ask->now_ms, &one, err);
    if (ok) {
        json_put_raw(&ask->json, buf_bytes(&one));
        note(ask, code, buf_bytes(&one));
    }
    buf_free(&one);
    return ok;
}

static bool write_compact(struct ask *ask, const struct statement_context *context, struct store_txn *txn,
                          struct code *code, struct err *err)
{
    const struct statement *statement;

    CHECK(statement_get(ask->api->options.statements, context, txn, code->uscc, view_of(ask), ask_alg(ask),
                        STATEMENT_JOSE, ask->now_ms, &statement, NULL, err));
    json_put_bytes(&ask->json, statement->body);
    code->status = arena_strdup(ask->arena, statement->status);
    code->sequence = statement->sequence;
    memcpy(code->digest, statement->digest, sizeof(code->digest));
    statement_release(&statement);
    return true;
}

static bool write_statements(struct ask *ask, struct questions *questions, struct err *err)
{
    struct code *codes = questions->codes;
    const struct statement_context context = ask_context(ask);
    bool jose = ask->media == API_MEDIA_JOSE;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    json_begin_object(&ask->json);
    json_key(&ask->json, "statements");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < questions->n; i++) {
        bool ok = jose ? write_compact(ask, &context, txn, &codes[i], err)
                       : write_plain(ask, &context, txn, &codes[i], err);
        if (!ok)
            return err_context(err, "%s", codes[i].uscc);
    }
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    return true;
}

/* A line for each firm asked about, with the outcome it was told; a refusal of the whole is told to each. */
static bool keep_all(struct ask *ask, const struct questions *questions, const struct err *refused, struct err *err)
{
    const struct code *codes = questions->codes;

    for (size_t i = 0; i < questions->n; i++) {
        struct api_line line = {.route = "whitelist.query", .uscc = codes[i].uscc, .status = 200,
                            .outcome = codes[i].status, .sequence = codes[i].sequence, .digest = codes[i].digest};
        if (refused) {
            line.status = err_info(refused->code)->http;
            line.outcome = err_info(refused->code)->code;
            line.sequence = 0;
            line.digest = NULL;
        }
        CHECK(api_keep(ask, &line, err));
    }
    return true;
}

/* Nothing was told: each question keeps why. Returns false. */
static bool keep_refusal(struct ask *ask, const struct questions *questions, struct err *err)
{
    const struct err refused = *err;

    keep_all(ask, questions, &refused, err);
    return false;
}

/* One signed body is the answer about every firm in it, so its digest stands in every line. */
static void note_body(const struct questions *questions, struct bytes body)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    crypto_digest(CRYPTO_SHA256, body, digest);
    for (size_t i = 0; i < questions->n; i++)
        memcpy(questions->codes[i].digest, digest, sizeof(digest));
}

static bool seal(struct ask *ask, const struct questions *questions, struct err *err)
{
    if (ask->media == API_MEDIA_JOSE)
        return true;
    note_body(questions, buf_bytes(&ask->out));
    return ask_sign(ask, "statements+jws", err);
}

bool api_do_whitelist_query(struct ask *ask, struct err *err)
{
    struct questions questions = {0};

    CHECK(read_codes(ask, &questions, err));
    if (!write_statements(ask, &questions, err) || !seal(ask, &questions, err))
        return keep_refusal(ask, &questions, err);
    CHECK(keep_all(ask, &questions, NULL, err));
    /* the compact statements are strings of a JSON array, whatever form each of them has */
    ask->reply.media_type = api_media_name(API_MEDIA_JSON);
    ask_header(ask, "Cache-Control", "private, no-cache");
    ask_header(ask, "Vary", "Accept");
    return true;
}

/* ---- many firms, asked about by a message ------------------------------------------------------------------- */

bool api_ask_firms(struct ask *ask, const struct message_node *body, struct questions **out, struct err *err)
{
    size_t first = ask->message_xml ? 1 : 0;
    struct questions *questions = arena_alloc(ask->arena, sizeof(*questions));
    char place[48];

    ask->media = API_MEDIA_JSON;
    CHECK(questions_begin(ask, message_count(body, "codes"), ask->message_xml ? "/Message/Body" : "/body/codes",
                          questions, err));
    for (size_t i = 0; i < questions->n; i++) {
        snprintf(place, sizeof(place), ask->message_xml ? "/Message/Body/Code[%zu]" : "/body/codes/%zu", i + first);
        CHECK(read_code(ask, message_text(message_at(body, "codes", i)), place, &questions->codes[i], err));
    }
    CHECK(questions_good(ask, err));
    *out = questions;
    return write_statements(ask, questions, err) || keep_refusal(ask, questions, err);
}

bool api_told_firms(struct ask *ask, const struct questions *questions, struct bytes body, struct err *err)
{
    note_body(questions, body);
    return keep_all(ask, questions, NULL, err);
}
