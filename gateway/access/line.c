/* line: one line of the log, how it is written, chained and searched. */
#include "access/internal.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define CHAIN_KEY ",\"chain\":\""

void access_line_write(struct buf *out, const struct access_line *line)
{
    struct json_out json;
    char hex[ACCESS_CHAIN_SIZE];

    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_time(&json, "time", line->time_ms);
    json_add_string_opt(&json, "partner", line->partner);
    json_add_string_opt(&json, "address", line->address);
    json_add_string_opt(&json, "uscc", line->uscc);
    json_add_string_opt(&json, "route", line->route);
    json_add_integer(&json, "status", line->status);
    json_add_string_opt(&json, "outcome", line->outcome);
    json_add_integer(&json, "sequence", (int64_t)line->sequence);
    if (line->digest != NULL)
        json_add_string(&json, "digest", hex_encode(line->digest, CRYPTO_DIGEST_SIZE, hex));
    json_add_string_opt(&json, "request_id", line->request_id);
    json_end_object(&json);
}

static bool is_hex(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!(p[i] >= '0' && p[i] <= '9') && !(p[i] >= 'a' && p[i] <= 'f'))
            return false;
    return true;
}

bool access_line_split(struct bytes line, struct bytes *body_out, char chain_out[ACCESS_CHAIN_SIZE])
{
    const size_t key = sizeof(CHAIN_KEY) - 1;
    const uint8_t *tail;

    if (line.n < ACCESS_TAIL_SIZE + 1)
        return false;
    tail = line.p + line.n - ACCESS_TAIL_SIZE;
    if (memcmp(tail, CHAIN_KEY, key) != 0 || memcmp(line.p + line.n - 2, "\"}", 2) != 0)
        return false;
    if (!is_hex(tail + key, ACCESS_CHAIN_SIZE - 1))
        return false;
    *body_out = bytes_of(line.p, line.n - ACCESS_TAIL_SIZE);
    memcpy(chain_out, tail + key, ACCESS_CHAIN_SIZE - 1);
    chain_out[ACCESS_CHAIN_SIZE - 1] = '\0';
    return true;
}

void access_chain(const char *previous, struct bytes body, char chain_out[ACCESS_CHAIN_SIZE])
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    const struct bytes parts[] = {bytes_of(previous, ACCESS_CHAIN_SIZE - 1), body, BYTES_LIT("}")};

    crypto_digest_parts(CRYPTO_SHA256, parts, 3, digest);
    hex_encode(digest, sizeof(digest), chain_out);
}

void access_tail(const char *chain, uint8_t *out)
{
    memcpy(out, CHAIN_KEY, sizeof(CHAIN_KEY) - 1);
    memcpy(out + sizeof(CHAIN_KEY) - 1, chain, ACCESS_CHAIN_SIZE - 1);
    memcpy(out + ACCESS_TAIL_SIZE - 2, "\"}", 2);
}

bool access_line_check(const char *name, uint64_t number, struct bytes line, char chain[ACCESS_CHAIN_SIZE],
                       struct err *err)
{
    char place[sizeof(err->place)], stated[ACCESS_CHAIN_SIZE], found[ACCESS_CHAIN_SIZE];
    struct bytes body;

    snprintf(place, sizeof(place), "%s:%llu", name, (unsigned long long)number);
    if (!access_line_split(line, &body, stated))
        return err_set(err, ERR_ACCESS_BROKEN, place, "no chain value at its end");
    access_chain(chain, body, found);
    memcpy(chain, stated, sizeof(stated));
    if (strcmp(found, stated) != 0)
        return err_set(err, ERR_ACCESS_BROKEN, place, "the line or one before it was changed, removed or moved");
    return true;
}

/* Our own writer makes the text that is looked for, so that values compare as bytes. */
static void quote(struct buf *out, const char *value)
{
    struct json_out json;

    buf_init(out, 6 * ACCESS_LINE_MAX + 2);
    if (value == NULL || *value == '\0')
        return;
    json_out_init(&json, out);
    json_put_string(&json, value);
}

void access_matcher_init(struct access_matcher *matcher, const struct access_filter *filter)
{
    quote(&matcher->uscc, filter->uscc);
    quote(&matcher->partner, filter->partner);
    quote(&matcher->request_id, filter->request_id);
    matcher->since_ms = filter->since_ms - filter->since_ms % 1000;
    matcher->until_ms = filter->until_ms;
}

void access_matcher_free(struct access_matcher *matcher)
{
    buf_free(&matcher->uscc);
    buf_free(&matcher->partner);
    buf_free(&matcher->request_id);
}

static bool member_is(struct bytes line, const char *name, const struct buf *wanted)
{
    struct bytes value;

    if (wanted->n == 0)
        return true;
    if (wanted->overflow || memmem(line.p, line.n, wanted->p, wanted->n) == NULL)
        return false;
    return json_scan_member(line, name, &value) && bytes_equal(value, buf_bytes(wanted));
}

static bool time_is_within(const struct access_matcher *matcher, struct bytes line)
{
    struct bytes value, text;
    int64_t ms;

    if (matcher->since_ms == 0 && matcher->until_ms == 0)
        return true;
    if (!json_scan_member(line, "time", &value) || !json_scan_string(value, &text) || !time_parse(text, &ms))
        return false;
    return ms >= matcher->since_ms && (matcher->until_ms == 0 || ms <= matcher->until_ms);
}

bool access_matches(const struct access_matcher *matcher, struct bytes line)
{
    return member_is(line, "uscc", &matcher->uscc) && member_is(line, "request_id", &matcher->request_id) &&
           member_is(line, "partner", &matcher->partner) && time_is_within(matcher, line);
}
