/* firm: the stored bytes of a firm (README.md shows them). Read at every question, hence binary, borrowed and
 * checked in one pass. A check word at the end notices damage that no length can. */
#include "record/record.h"

#include <endian.h>
#include <string.h>

#define FIRM_VERSION 1
#define CHECK_SIZE 8
#define EXCLUSION_SIZE 17

/* Offsets of the fixed part. */
enum {
    AT_VERSION = 0,
    AT_FLAGS = 1,
    AT_CERT_STATE = 2,
    AT_STATUS = 3,
    AT_LANE = 4,
    AT_REASON_N = 5,
    AT_REASONS = 6,
    AT_EXCLUSION_N = AT_REASONS + FIRM_REASONS_MAX,
    AT_VALID_FROM = 11,
    AT_VALID_UNTIL = 15,
    AT_GRANTED = 19,
    AT_CERT_SEQUENCE = 27,
    AT_SINCE = 35,
    AT_LISTED_SINCE = 39,
    AT_LISTING_UNTIL = 43,
    AT_LISTING_SEQUENCE = 47,
    AT_LAST_SEQUENCE = 55,
    FIXED_SIZE = 63
};
_Static_assert(AT_EXCLUSION_N + 1 == AT_VALID_FROM, "the fixed part has no hole");

enum { FLAG_DOUBTFUL = 1, FLAG_CONFIRMED = 2, FLAG_DISPUTED = 4, FLAG_ALL = 7 };

/* Texts in stored order, before those of the exclusions. */
static const struct {
    size_t offset;
    size_t max;
} texts[] = {
    {offsetof(struct firm, name), RECORD_NAME_MAX},
    {offsetof(struct firm, name_pending), RECORD_NAME_MAX},
    {offsetof(struct firm, region_code), RECORD_ID_MAX},
    {offsetof(struct firm, industry_code), RECORD_ID_MAX},
    {offsetof(struct firm, scale), RECORD_ID_MAX},
    {offsetof(struct firm, ownership), RECORD_ID_MAX},
    {offsetof(struct firm, certification.source), RECORD_ID_MAX},
    {offsetof(struct firm, certification.level), RECORD_TEXT_MAX},
    {offsetof(struct firm, certification.batch), RECORD_TEXT_MAX},
    {offsetof(struct firm, certification.document_no), RECORD_TEXT_MAX},
    {offsetof(struct firm, certification.list_version), RECORD_TEXT_MAX},
};
#define TEXTS (sizeof(texts) / sizeof(texts[0]))

void firm_init(struct firm *firm, const char *uscc)
{
    memset(firm, 0, sizeof(*firm));
    strncat(firm->uscc, uscc, USCC_SIZE - 1);
    for (size_t i = 0; i < TEXTS; i++)
        memcpy((char *)firm + texts[i].offset, &(const char *){""}, sizeof(const char *));
    firm->certification.valid_from = firm->certification.valid_until = DATE_NONE;
    firm->listing.since = firm->listing.listed_since = firm->listing.valid_until = DATE_NONE;
}

/* Each step is a bijection of the state, so a change within one word always shows. */
static uint64_t check_word(const uint8_t *p, size_t n)
{
    uint64_t h = 0x9E3779B97F4A7C15u ^ n;
    uint64_t word;

    for (; n > 0; p += sizeof(word)) {
        size_t step = n < sizeof(word) ? n : sizeof(word);
        word = 0;
        if (step == sizeof(word))
            memcpy(&word, p, sizeof(word));
        else
            memcpy(&word, p, step);
        h = (h ^ le64toh(word)) * 0xD6E8FEB86659FD93u;
        h ^= h >> 32;
        n -= step;
    }
    return h;
}

/* ---- writing ----------------------------------------------------------------------------------------- */

static void put_date(uint8_t *p, date_day day)
{
    put_be32(p, (uint32_t)day);
}

static void put_text(struct buf *out, const char *text, size_t max)
{
    size_t n = strlen(text);
    uint8_t length[2] = {(uint8_t)(n >> 8), (uint8_t)n};

    if (n > max) {
        out->overflow = true;
        return;
    }
    buf_put(out, length, sizeof(length));
    buf_put(out, text, n + 1);
}

static void put_fixed(const struct firm *firm, uint8_t *p)
{
    p[AT_VERSION] = FIRM_VERSION;
    p[AT_FLAGS] = (uint8_t)((firm->doubtful ? FLAG_DOUBTFUL : 0) | (firm->confirmed ? FLAG_CONFIRMED : 0) |
                            (firm->listing.disputed ? FLAG_DISPUTED : 0));
    p[AT_CERT_STATE] = (uint8_t)firm->certification.state;
    p[AT_STATUS] = (uint8_t)firm->listing.status;
    p[AT_LANE] = (uint8_t)firm->listing.lane;
    p[AT_REASON_N] = (uint8_t)firm->listing.reason_n;
    for (size_t i = 0; i < FIRM_REASONS_MAX; i++)
        p[AT_REASONS + i] = i < firm->listing.reason_n ? (uint8_t)firm->listing.reasons[i] : 0;
    p[AT_EXCLUSION_N] = (uint8_t)firm->exclusion_n;
    put_date(p + AT_VALID_FROM, firm->certification.valid_from);
    put_date(p + AT_VALID_UNTIL, firm->certification.valid_until);
    put_be64(p + AT_GRANTED, (uint64_t)firm->certification.granted_ms);
    put_be64(p + AT_CERT_SEQUENCE, firm->certification.sequence);
    put_date(p + AT_SINCE, firm->listing.since);
    put_date(p + AT_LISTED_SINCE, firm->listing.listed_since);
    put_date(p + AT_LISTING_UNTIL, firm->listing.valid_until);
    put_be64(p + AT_LISTING_SEQUENCE, firm->listing.sequence);
    put_be64(p + AT_LAST_SEQUENCE, firm->last_sequence);
}

static void put_exclusions(const struct firm *firm, struct buf *out)
{
    for (size_t i = 0; i < firm->exclusion_n; i++) {
        const struct exclusion *exclusion = &firm->exclusions[i];
        uint8_t fixed[EXCLUSION_SIZE];

        fixed[0] = (uint8_t)exclusion->ground;
        put_date(fixed + 1, exclusion->effective);
        put_date(fixed + 5, exclusion->until);
        put_be64(fixed + 9, exclusion->sequence);
        buf_put(out, fixed, sizeof(fixed));
        put_text(out, exclusion->imposed_by, RECORD_ID_MAX);
        put_text(out, exclusion->document_no, RECORD_TEXT_MAX);
    }
}

void firm_encode(const struct firm *firm, struct buf *out)
{
    size_t start = out->n;
    uint8_t fixed[FIXED_SIZE];
    uint8_t check[CHECK_SIZE];

    put_fixed(firm, fixed);
    buf_put(out, fixed, sizeof(fixed));
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text;
        memcpy(&text, (const char *)firm + texts[i].offset, sizeof(text));
        put_text(out, text, texts[i].max);
    }
    put_exclusions(firm, out);
    if (out->overflow)
        return;
    put_be64(check, check_word(out->p + start, out->n - start));
    buf_put(out, check, sizeof(check));
}

/* ---- reading ----------------------------------------------------------------------------------------- */

struct scan {
    const uint8_t *p, *end;
};

static const uint8_t *take(struct scan *scan, size_t n)
{
    const uint8_t *p = scan->p;

    if ((size_t)(scan->end - p) < n)
        return NULL;
    scan->p += n;
    return p;
}

static bool take_text(struct scan *scan, size_t max, const char **out)
{
    const uint8_t *length = take(scan, 2);
    CHECK(length != NULL);
    size_t n = (size_t)length[0] << 8 | length[1];
    const uint8_t *p = n > max ? NULL : take(scan, n + 1);
    CHECK(p != NULL && memchr(p, '\0', n + 1) == p + n);
    *out = (const char *)p;
    return true;
}

static date_day get_date(const uint8_t *p)
{
    return (date_day)get_be32(p);
}

static bool take_reasons(const uint8_t *p, struct listing *listing)
{
    listing->reason_n = p[AT_REASON_N];
    CHECK(listing->reason_n <= FIRM_REASONS_MAX);
    for (size_t i = 0; i < FIRM_REASONS_MAX; i++) {
        CHECK(i < listing->reason_n ? p[AT_REASONS + i] < REASON_COUNT : p[AT_REASONS + i] == 0);
        listing->reasons[i] = (enum reason)p[AT_REASONS + i];
    }
    return true;
}

static bool take_fixed(const uint8_t *p, struct firm *out)
{
    CHECK(p[AT_VERSION] == FIRM_VERSION && (p[AT_FLAGS] & ~FLAG_ALL) == 0);
    CHECK(p[AT_CERT_STATE] < CERT_STATE_COUNT && p[AT_STATUS] < LISTING_COUNT && p[AT_LANE] < LANE_COUNT);
    CHECK(p[AT_EXCLUSION_N] <= FIRM_EXCLUSIONS_MAX && take_reasons(p, &out->listing));
    out->doubtful = p[AT_FLAGS] & FLAG_DOUBTFUL;
    out->confirmed = p[AT_FLAGS] & FLAG_CONFIRMED;
    out->listing.disputed = p[AT_FLAGS] & FLAG_DISPUTED;
    out->certification.state = (enum cert_state)p[AT_CERT_STATE];
    out->listing.status = (enum listing_status)p[AT_STATUS];
    out->listing.lane = (enum listing_lane)p[AT_LANE];
    out->exclusion_n = p[AT_EXCLUSION_N];
    out->certification.valid_from = get_date(p + AT_VALID_FROM);
    out->certification.valid_until = get_date(p + AT_VALID_UNTIL);
    out->certification.granted_ms = (int64_t)get_be64(p + AT_GRANTED);
    out->certification.sequence = get_be64(p + AT_CERT_SEQUENCE);
    out->listing.since = get_date(p + AT_SINCE);
    out->listing.listed_since = get_date(p + AT_LISTED_SINCE);
    out->listing.valid_until = get_date(p + AT_LISTING_UNTIL);
    out->listing.sequence = get_be64(p + AT_LISTING_SEQUENCE);
    out->last_sequence = get_be64(p + AT_LAST_SEQUENCE);
    return true;
}

static bool take_exclusion(struct scan *scan, struct exclusion *out)
{
    const uint8_t *p = take(scan, EXCLUSION_SIZE);

    CHECK(p != NULL && p[0] < GROUND_COUNT);
    out->ground = (enum ground)p[0];
    out->effective = get_date(p + 1);
    out->until = get_date(p + 5);
    out->sequence = get_be64(p + 9);
    return take_text(scan, RECORD_ID_MAX, &out->imposed_by) && take_text(scan, RECORD_TEXT_MAX, &out->document_no);
}

static bool take_all(struct scan *scan, struct firm *out)
{
    const uint8_t *fixed = take(scan, FIXED_SIZE);

    CHECK(fixed != NULL && take_fixed(fixed, out));
    for (size_t i = 0; i < TEXTS; i++) {
        const char *text;
        CHECK(take_text(scan, texts[i].max, &text));
        memcpy((char *)out + texts[i].offset, &text, sizeof(text));
    }
    for (size_t i = 0; i < out->exclusion_n; i++)
        CHECK(take_exclusion(scan, &out->exclusions[i]));
    return scan->p == scan->end;
}

bool firm_decode(struct bytes in, const char *uscc, struct firm *out, struct err *err)
{
    size_t n = strlen(uscc);

    if (n >= USCC_SIZE || in.n < FIXED_SIZE + CHECK_SIZE)
        return err_set(err, ERR_STORE_CORRUPT, uscc, "a firm's value of %zu bytes", in.n);
    struct scan scan = {in.p, in.p + in.n - CHECK_SIZE};
    if (get_be64(scan.end) != check_word(in.p, in.n - CHECK_SIZE))
        return err_set(err, ERR_STORE_CORRUPT, uscc, "the check word of a firm's value differs");
    memcpy(out->uscc, uscc, n + 1);
    if (!take_all(&scan, out))
        return err_set(err, ERR_STORE_CORRUPT, uscc, "a firm's value breaks off near byte %zu",
                       (size_t)(scan.p - in.p));
    return true;
}
