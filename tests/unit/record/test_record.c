/* Journal records as JSON: what is written is read back, damage is noticed, leaves have the public shape. */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- random records ---------------------------------------------------------------------------------- */

static uint64_t state = 88172645463325252u;

static unsigned pick(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static const char *any_text(struct arena *arena, unsigned max)
{
    static const char *const pieces[] = {"晋", "A", "\"", "\\", "\n", "𠮷", "7", " ", "/"};
    unsigned want = pick(4) == 0 ? 0 : pick(max + 1);
    char *out = arena_alloc(arena, max + 1);
    for (size_t n = 0;;) {
        const char *piece = pieces[pick(9)];
        if (n + strlen(piece) > want)
            return out;
        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
}

static date_day any_day(void)
{
    return pick(3) == 0 ? DATE_NONE : (date_day)pick(40000);
}

static int64_t any_time(void)
{
    return pick(4) == 0 ? 0 : (int64_t)pick(2000000000) * 1000 + pick(1000);
}

static void any_row(struct arena *a, struct cert_row *row)
{
    row->name = any_text(a, RECORD_NAME_MAX);
    row->region_code = any_text(a, 6);
    row->industry_code = any_text(a, 8);
    row->scale = any_text(a, 3);
    row->ownership = any_text(a, 12);
    row->level = any_text(a, 20);
    row->batch = any_text(a, RECORD_TEXT_MAX);
    row->document_no = any_text(a, 40);
    row->reason = any_text(a, RECORD_REASON_MAX);
    row->valid_from = any_day();
    row->valid_until = any_day();
    row->withdrawn = pick(2);
    row->doubtful = pick(2);
}

static void any_listing(struct listing *listing)
{
    listing->status = (enum listing_status)pick(LISTING_COUNT);
    listing->lane = (enum listing_lane)pick(LANE_COUNT);
    listing->reason_n = pick(FIRM_REASONS_MAX + 1);
    for (size_t i = 0; i < listing->reason_n; i++)
        listing->reasons[i] = (enum reason)pick(REASON_COUNT);
    listing->since = any_day();
    listing->listed_since = any_day();
    listing->valid_until = any_day();
    listing->disputed = pick(2);
}

static void any_exclusion(struct arena *a, struct exclusion *exclusion)
{
    exclusion->ground = (enum ground)pick(GROUND_COUNT);
    exclusion->imposed_by = any_text(a, RECORD_ID_MAX);
    exclusion->document_no = any_text(a, 40);
    exclusion->effective = any_day();
    exclusion->until = any_day();
}

static void any_work(struct arena *a, struct record *r)
{
    r->approval_id = any_text(a, RECORD_ID_MAX);
    r->what = any_text(a, RECORD_ID_MAX);
    r->object = any_text(a, RECORD_TEXT_MAX);
    r->object_digest = any_text(a, 64);
    r->payload = any_text(a, 3000);
    r->run_state = any_text(a, 10);
    r->pages = any_text(a, 64);
    r->started_ms = any_time();
    r->completed_ms = any_time();
    r->counts = (struct run_counts){pick(9), pick(9), pick(9), pick(9), pick(9), pick(9), pick(9), pick(9), pick(9)};
    r->full = pick(2);
    r->kid = any_text(a, 43);
    r->alg = any_text(a, 5);
    r->key_state = any_text(a, 7);
    r->certificate = any_text(a, RECORD_CERTIFICATE_MAX);
}

static void any_message(struct arena *a, struct record *r)
{
    r->message.id = any_text(a, RECORD_ID_MAX);
    r->message.kind = any_text(a, 20);
    r->message.sender = any_text(a, 20);
    r->message.in_reply_to = any_text(a, RECORD_ID_MAX);
    r->message.created_ms = any_time();
    r->message.form = any_text(a, 4);
    r->message.bytes = pick(1 << 22);
    r->message.digest[pick(32)] = (uint8_t)pick(256);
    r->message.signature = any_text(a, 200);
    r->message.kid = any_text(a, 43);
    r->message.trace_id = any_text(a, 32);
    r->result = any_text(a, 8);
    r->code = any_text(a, 20);
    r->to = any_text(a, 100);
    r->first = pick(1000);
    r->rows = pick(2) ? "[{\"index\":3,\"result\":\"rejected\",\"code\":\"uscc.check_char\"}]" : "";
}

static int64_t any_amount(void)
{
    return pick(3) == 0 ? AMOUNT_NONE : (int64_t)pick(1u << 30) * 1000;
}

static void any_credit(struct arena *a, struct record *r)
{
    r->credit.event = (enum credit_event)pick(CREDIT_EVENT_COUNT);
    r->credit.credit_no = any_text(a, 66);
    r->credit.loan_no = any_text(a, 66);
    r->credit.pledge_no = any_text(a, 66);
    r->credit.consent_no = any_text(a, 66);
    r->credit.reason = any_text(a, RECORD_REASON_MAX);
    r->credit.amount_fen = any_amount();
    r->credit.rate_bp = any_amount();
    r->credit.date = any_day();
    r->credit.due = any_day();
    r->credit.row = pick(10000);
    r->credit.corrects = any_text(a, 70);
}

static void any_pledge(struct arena *a, struct record *r)
{
    r->pledge.event = (enum pledge_event)pick(PLEDGE_EVENT_COUNT);
    r->pledge.state = (enum pledge_state)pick(PLEDGE_STATE_COUNT);
    r->pledge.registration_no = any_text(a, 66);
    r->pledge.right_kind = (enum right_kind)pick(RIGHT_KIND_COUNT);
    r->pledge.date = any_day();
    r->pledge.debt_from = any_day();
    r->pledge.debt_until = any_day();
    r->pledge.valid_until = any_day();
    r->pledge.secured_fen = any_amount();
    r->pledge.pledgee_uscc = any_text(a, 18);
    r->pledge.pledgee_name = any_text(a, RECORD_NAME_MAX);
    r->pledge.pledgors = pick(2) ? "[{\"name\":\"a \\\"b\"}]" : "";
    r->pledge.rights = pick(2) ? "[{\"number\":\"2020101234563\"},{\"number\":\"G123\",\"class\":\"9\"}]" : "";
    r->pledge.superseded_by = any_text(a, 66);
}

static void any_right(struct arena *a, struct record *r)
{
    r->right.kind = (enum right_kind)pick(RIGHT_KIND_COUNT);
    r->right.number = any_text(a, 13);
    r->right.status = (enum right_status)pick(RIGHT_STATUS_COUNT);
    r->right.since = any_day();
    r->answer_by = any_day();
    r->answers = pick(100000);
}

static void any_record(struct arena *a, struct record *r)
{
    record_init(r, (enum record_kind)pick(RECORD_KIND_COUNT));
    r->time_ms = 1 + any_time();
    r->due_ms = any_time();
    r->actor = (struct actor){(enum actor_kind)pick(ACTOR_COUNT), any_text(a, RECORD_ID_MAX)};
    r->origin = any_text(a, RECORD_ID_MAX);
    r->uscc = any_text(a, 18);
    r->rules = any_text(a, 10);
    r->note = any_text(a, RECORD_REASON_MAX);
    r->action = (enum cert_action)pick(CERT_ACTION_COUNT);
    any_row(a, &r->row);
    r->name_waits = pick(2);
    r->unconfirmed = pick(2);
    r->begins_later = pick(2);
    r->reverted = pick(CERT_STATE_COUNT);
    r->list_version = any_text(a, 20);
    r->row_digest[pick(32)] = (uint8_t)pick(256);
    r->lift = pick(2);
    any_exclusion(a, &r->exclusion);
    r->act = any_text(a, 8);
    r->from = (enum listing_status)pick(LISTING_COUNT);
    any_listing(&r->listing);
    r->corrects = pick(2);
    r->source = any_text(a, 20);
    any_work(a, r);
    any_message(a, r);
    any_credit(a, r);
    any_pledge(a, r);
    any_right(a, r);
}

/* ---- what a reader of the decoded record would notice -------------------------------------------------- */

static void same_row(const struct cert_row *a, const struct cert_row *b)
{
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->region_code, b->region_code);
    assert_string_equal(a->industry_code, b->industry_code);
    assert_string_equal(a->scale, b->scale);
    assert_string_equal(a->ownership, b->ownership);
    assert_string_equal(a->level, b->level);
    assert_string_equal(a->batch, b->batch);
    assert_string_equal(a->document_no, b->document_no);
    assert_string_equal(a->reason, b->reason);
    assert_int_equal(a->valid_from, b->valid_from);
    assert_int_equal(a->valid_until, b->valid_until);
    assert_int_equal(a->withdrawn, b->withdrawn);
    assert_int_equal(a->doubtful, b->doubtful);
}

static void same_decision(const struct record *a, const struct record *b)
{
    assert_int_equal(a->from, b->from);
    assert_int_equal(a->corrects, b->corrects);
    assert_int_equal(a->listing.status, b->listing.status);
    assert_int_equal(a->listing.lane, b->listing.lane);
    assert_int_equal(a->listing.reason_n, b->listing.reason_n);
    for (size_t i = 0; i < a->listing.reason_n; i++)
        assert_int_equal(a->listing.reasons[i], b->listing.reasons[i]);
    assert_int_equal(a->listing.since, b->listing.since);
    assert_int_equal(a->listing.listed_since, b->listing.listed_since);
    assert_int_equal(a->listing.valid_until, b->listing.valid_until);
    assert_int_equal(a->listing.disputed, b->listing.disputed);
}

static void same_certification(const struct record *a, const struct record *b)
{
    assert_int_equal(a->action, b->action);
    assert_string_equal(a->source, b->source);
    assert_string_equal(a->list_version, b->list_version);
    assert_memory_equal(a->row_digest, b->row_digest, 32);
    assert_int_equal(a->name_waits, b->name_waits);
    assert_int_equal(a->unconfirmed, b->unconfirmed);
    assert_int_equal(a->begins_later, b->begins_later);
    assert_int_equal(a->reverted, b->reverted);
    same_row(&a->row, &b->row);
    same_decision(a, b);
}

static void same_exclusion(const struct record *a, const struct record *b)
{
    assert_int_equal(a->lift, b->lift);
    assert_int_equal(a->exclusion.ground, b->exclusion.ground);
    assert_string_equal(a->exclusion.imposed_by, b->exclusion.imposed_by);
    assert_string_equal(a->exclusion.document_no, b->exclusion.document_no);
    assert_int_equal(a->exclusion.effective, b->exclusion.effective);
    assert_int_equal(a->exclusion.until, b->exclusion.until);
    same_decision(a, b);
}

static void same_listing(const struct record *a, const struct record *b)
{
    assert_string_equal(a->act, b->act);
    assert_string_equal(a->approval_id, b->approval_id);
    same_row(&a->row, &b->row);
    same_decision(a, b);
}

static void same_object(const struct record *a, const struct record *b)
{
    assert_string_equal(a->object, b->object);
    assert_string_equal(a->object_digest, b->object_digest);
}

static void same_approval(const struct record *a, const struct record *b)
{
    same_object(a, b);
    assert_string_equal(a->approval_id, b->approval_id);
    assert_string_equal(a->what, b->what);
    assert_string_equal(a->payload, b->payload);
}

static void same_run(const struct record *a, const struct record *b)
{
    assert_string_equal(a->source, b->source);
    assert_string_equal(a->run_state, b->run_state);
    assert_string_equal(a->list_version, b->list_version);
    assert_string_equal(a->pages, b->pages);
    assert_true(a->started_ms == b->started_ms && a->completed_ms == b->completed_ms);
    assert_memory_equal(&a->counts, &b->counts, sizeof(a->counts));
    assert_int_equal(a->full, b->full);
}

static void same_key(const struct record *a, const struct record *b)
{
    assert_string_equal(a->kid, b->kid);
    assert_string_equal(a->alg, b->alg);
    assert_string_equal(a->key_state, b->key_state);
    assert_string_equal(a->certificate, b->certificate);
}

static void same_message(const struct record *a, const struct record *b)
{
    assert_string_equal(a->message.id, b->message.id);
    assert_string_equal(a->message.kind, b->message.kind);
    assert_string_equal(a->message.sender, b->message.sender);
    assert_string_equal(a->message.in_reply_to, b->message.in_reply_to);
    assert_true(a->message.created_ms == b->message.created_ms && a->message.bytes == b->message.bytes);
    assert_string_equal(a->message.form, b->message.form);
    assert_memory_equal(a->message.digest, b->message.digest, 32);
    assert_string_equal(a->message.signature, b->message.signature);
    assert_string_equal(a->message.kid, b->message.kid);
    assert_string_equal(a->message.trace_id, b->message.trace_id);
    assert_string_equal(a->result, b->result);
    assert_string_equal(a->code, b->code);
    assert_string_equal(a->to, b->to);
    assert_string_equal(a->rows, b->rows);
    assert_true(a->first == b->first);
}

static void same_credit(const struct record *a, const struct record *b)
{
    assert_int_equal(a->credit.event, b->credit.event);
    assert_string_equal(a->credit.credit_no, b->credit.credit_no);
    assert_string_equal(a->credit.loan_no, b->credit.loan_no);
    assert_string_equal(a->credit.pledge_no, b->credit.pledge_no);
    assert_string_equal(a->credit.consent_no, b->credit.consent_no);
    assert_string_equal(a->credit.reason, b->credit.reason);
    assert_string_equal(a->credit.corrects, b->credit.corrects);
    assert_string_equal(a->code, b->code);
    assert_true(a->credit.amount_fen == b->credit.amount_fen && a->credit.rate_bp == b->credit.rate_bp);
    assert_true(a->credit.row == b->credit.row);
    assert_int_equal(a->credit.date, b->credit.date);
    assert_int_equal(a->credit.due, b->credit.due);
}

static void same_pledge(const struct record *a, const struct record *b)
{
    assert_int_equal(a->pledge.event, b->pledge.event);
    assert_int_equal(a->pledge.state, b->pledge.state);
    assert_string_equal(a->pledge.registration_no, b->pledge.registration_no);
    assert_int_equal(a->pledge.right_kind, b->pledge.right_kind);
    assert_int_equal(a->pledge.date, b->pledge.date);
    assert_int_equal(a->pledge.debt_from, b->pledge.debt_from);
    assert_int_equal(a->pledge.debt_until, b->pledge.debt_until);
    assert_int_equal(a->pledge.valid_until, b->pledge.valid_until);
    assert_true(a->pledge.secured_fen == b->pledge.secured_fen);
    assert_string_equal(a->pledge.pledgee_uscc, b->pledge.pledgee_uscc);
    assert_string_equal(a->pledge.pledgee_name, b->pledge.pledgee_name);
    assert_string_equal(a->pledge.pledgors, b->pledge.pledgors);
    assert_string_equal(a->pledge.rights, b->pledge.rights);
    assert_string_equal(a->pledge.superseded_by, b->pledge.superseded_by);
    assert_string_equal(a->approval_id, b->approval_id);
}

static void same_right(const struct record *a, const struct record *b)
{
    assert_int_equal(a->right.kind, b->right.kind);
    assert_string_equal(a->right.number, b->right.number);
    assert_int_equal(a->right.status, b->right.status);
    assert_int_equal(a->right.since, b->right.since);
}

static void same_enterprise(const struct record *a, const struct record *b)
{
    same_row(&a->row, &b->row);
    assert_int_equal(a->name_waits, b->name_waits);
    assert_int_equal(a->unconfirmed, b->unconfirmed);
    same_decision(a, b);
}

static void same_objection(const struct record *a, const struct record *b)
{
    assert_string_equal(a->act, b->act);
    assert_string_equal(a->object, b->object);
    assert_string_equal(a->approval_id, b->approval_id);
    assert_int_equal(a->answer_by, b->answer_by);
    assert_true(a->answers == b->answers);
    same_decision(a, b);
}

static void same(const struct record *a, const struct record *b)
{
    static void (*const compare[RECORD_KIND_COUNT])(const struct record *, const struct record *) = {
        same_certification, same_exclusion, same_listing, same_approval, same_approval, same_run, same_object, same_object,
        same_key, same_object, same_message, same_message, same_credit, same_pledge, same_right, same_enterprise,
        same_objection};
    assert_int_equal(a->kind, b->kind);
    assert_true(a->time_ms == b->time_ms && a->due_ms == b->due_ms);
    assert_int_equal(a->actor.kind, b->actor.kind);
    assert_string_equal(a->actor.id, b->actor.id);
    assert_string_equal(a->origin, b->origin);
    assert_string_equal(a->uscc, b->uscc);
    assert_string_equal(a->rules, b->rules);
    assert_string_equal(a->note, b->note);
    compare[a->kind](a, b);
}

/* ---- tests ------------------------------------------------------------------------------------------- */

static void random_records_come_back(void **unused)
{
    (void)unused;
    AUTO_ARENA arena = arena_new();
    struct buf buf;
    buf_init(&buf, RECORD_BYTES_MAX);
    for (int i = 0; i < 5000; i++) {
        struct record in, out;
        struct err err = {0};
        arena_reset(arena);
        any_record(arena, &in);
        buf_reset(&buf);
        record_encode(&in, &buf);
        assert_false(buf.overflow);
        if (!record_decode(arena, 7, buf_bytes(&buf), &out, &err))
            fail_msg("%s %s: %.2000s", err.place, err.detail, (char *)buf.p);
        assert_int_equal(out.seq, 7);
        same(&in, &out);
    }
    buf_free(&buf);
}

static void damage_is_noticed(void **unused)
{
    (void)unused;
    AUTO_ARENA arena = arena_new();
    struct buf buf;
    struct record record, out;
    sample_grant(&record);
    buf_init(&buf, RECORD_BYTES_MAX);
    record_encode(&record, &buf);
    for (size_t n = 0; n < buf.n; n++) {
        struct err err = {0};
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, buf.p, n);
        assert_false(record_decode(arena, 1, bytes_of(cut, n), &out, &err));
        assert_int_equal(err.code, ERR_STORE_CORRUPT);
        free(cut);
    }
    for (int i = 0; i < 20000; i++) {
        struct err err = {0};
        size_t at = pick((unsigned)buf.n);
        uint8_t old = buf.p[at];
        buf.p[at] = (uint8_t)pick(256);
        if (!record_decode(arena, 1, buf_bytes(&buf), &out, &err))
            assert_int_equal(err.code, ERR_STORE_CORRUPT);
        buf.p[at] = old;
        arena_reset(arena);
    }
    buf_free(&buf);
}

static void unknown_things_are_refused(void **unused)
{
    (void)unused;
    static const char *const bad[][2] = {
        {"{\"version\":2,\"kind\":\"access\",\"time\":\"2026-01-01T00:00:00.000+08:00\"}", "/version"},
        {"{\"version\":1,\"kind\":\"party\",\"time\":\"2026-01-01T00:00:00.000+08:00\"}", "/kind"},
        {"{\"version\":1,\"kind\":\"access\"}", "/time"},
        {"{\"version\":1,\"kind\":\"access\",\"time\":\"2026-01-01T00:00:00.000+08:00\",\"new\":1}", "/new"},
        {"{\"version\":1,\"kind\":\"access\",\"time\":\"2026-01-01T00:00:00.000+08:00\",\"source\":\"s\"}", "/source"},
        {"{\"version\":1,\"kind\":\"exclusion\",\"time\":\"2026-01-01T00:00:00.000+08:00\",\"exclusion\":{\"ground\":\"x\"}}",
         "/exclusion/ground"},
        {"{\"version\":1,\"kind\":\"exclusion\",\"time\":\"2026-01-01T00:00:00.000+08:00\",\"listing\":{\"valid_until\":1}}",
         "/listing/valid_until"},
        {"{\"version\":1,\"kind\":\"exclusion\",\"time\":\"2026-01-01T00:00:00.000+08:00\",\"listing\":{\"reasons\":[null]}}",
         "/listing/reasons"},
        {"[]", "/"},
    };
    AUTO_ARENA arena = arena_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct record out;
        struct err err = {0};
        assert_false(record_decode(arena, 3, bytes_str(bad[i][0]), &out, &err));
        assert_int_equal(err.code, ERR_STORE_CORRUPT);
        assert_string_equal(err.place, bad[i][1]);
    }
}

static void too_long_a_text_is_an_overflow(void **unused)
{
    (void)unused;
    char name[RECORD_NAME_MAX + 2];
    struct record record;
    struct buf buf;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    sample_grant(&record);
    record.row.name = name;
    buf_init(&buf, RECORD_BYTES_MAX);
    record_encode(&record, &buf);
    assert_true(buf.overflow);
    buf_free(&buf);
}

static void words_are_those_of_the_contract(void **unused)
{
    (void)unused;
    enum ground ground;
    enum listing_status status;
    assert_string_equal(listing_name(LISTING_NONE), "not_listed");
    assert_string_equal(listing_zh(LISTING_LISTED), "已入名单");
    assert_true(listing_parse("suspended", &status) && status == LISTING_SUSPENDED);
    assert_false(listing_parse("Listed", &status));
    assert_true(ground_parse("false_material", &ground) && ground == GROUND_FALSE_MATERIAL);
    assert_false(ground_parse("", &ground));
    assert_string_equal(ground_category(GROUND_DEREGISTERED), "operation");
    assert_string_equal(reason_name(REASON_ABSENT_FROM_LIST), "absent_from_list");
    assert_string_equal(lane_name(LANE_NONE), "");
    assert_string_equal(cert_action_name(CERT_WITHDRAW), "withdraw");
    assert_string_equal(cert_state_name(CERT_NONE), "");
    assert_string_equal(cert_state_name(CERT_PENDING), "pending");
    assert_string_equal(actor_kind_name(ACTOR_PERSON), "person");
}

/* version(1) ‖ seq(8) ‖ time_ms(8) ‖ len(1) kind ‖ commitment(32), big-endian: contract section 2. */
static void a_leaf_has_the_public_shape(void **unused)
{
    (void)unused;
    uint8_t commitment[32], leaf[RECORD_LEAF_MAX];
    char hex[2 * RECORD_LEAF_MAX + 1];
    memset(commitment, 0xAB, sizeof(commitment));
    size_t n = record_leaf(258, 1700000000000, "run", commitment, leaf);
    assert_int_equal(n, 53);
    assert_string_equal(hex_encode(leaf, n, hex), "01" "0000000000000102" "0000018bcfe56800" "03" "72756e"
                        "abababababababababababababababababababababababababababababababab");
}

static void encoding_is_fast(void **unused)
{
    (void)unused;
    struct record record;
    struct buf buf;
    sample_grant(&record);
    buf_init(&buf, RECORD_BYTES_MAX);
    clock_t start = clock();
    for (int i = 0; i < 100000; i++) {
        buf_reset(&buf);
        record_encode(&record, &buf);
    }
    print_message("record_encode: %.2f us for %zu bytes\n", (double)(clock() - start) * 10 / CLOCKS_PER_SEC, buf.n);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_records_come_back),
        cmocka_unit_test(damage_is_noticed),
        cmocka_unit_test(unknown_things_are_refused),
        cmocka_unit_test(too_long_a_text_is_an_overflow),
        cmocka_unit_test(words_are_those_of_the_contract),
        cmocka_unit_test(a_leaf_has_the_public_shape),
        cmocka_unit_test(encoding_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
