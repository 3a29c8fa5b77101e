/* Firms: stored bytes come back or are refused; what records do to a firm; when time acts. */
#include "samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void encode(const struct firm *firm, struct buf *buf)
{
    buf_init(buf, RECORD_BYTES_MAX);
    firm_encode(firm, buf);
    assert_false(buf->overflow);
}

static void same_texts(const struct firm *a, const struct firm *b)
{
    assert_string_equal(a->uscc, b->uscc);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->name_pending, b->name_pending);
    assert_string_equal(a->region_code, b->region_code);
    assert_string_equal(a->industry_code, b->industry_code);
    assert_string_equal(a->scale, b->scale);
    assert_string_equal(a->ownership, b->ownership);
    assert_string_equal(a->certification.source, b->certification.source);
    assert_string_equal(a->certification.level, b->certification.level);
    assert_string_equal(a->certification.batch, b->certification.batch);
    assert_string_equal(a->certification.document_no, b->certification.document_no);
    assert_string_equal(a->certification.list_version, b->certification.list_version);
}

static void same_listing(const struct listing *a, const struct listing *b)
{
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->lane, b->lane);
    assert_int_equal(a->reason_n, b->reason_n);
    assert_memory_equal(a->reasons, b->reasons, a->reason_n * sizeof(a->reasons[0]));
    assert_int_equal(a->since, b->since);
    assert_int_equal(a->listed_since, b->listed_since);
    assert_int_equal(a->valid_until, b->valid_until);
    assert_int_equal(a->disputed, b->disputed);
    assert_true(a->sequence == b->sequence);
}

static void same(const struct firm *a, const struct firm *b)
{
    same_texts(a, b);
    same_listing(&a->listing, &b->listing);
    assert_int_equal(a->doubtful, b->doubtful);
    assert_int_equal(a->confirmed, b->confirmed);
    assert_int_equal(a->certification.state, b->certification.state);
    assert_int_equal(a->certification.valid_from, b->certification.valid_from);
    assert_int_equal(a->certification.valid_until, b->certification.valid_until);
    assert_true(a->certification.granted_ms == b->certification.granted_ms);
    assert_true(a->certification.sequence == b->certification.sequence);
    assert_true(a->last_sequence == b->last_sequence);
    assert_int_equal(a->exclusion_n, b->exclusion_n);
    for (size_t i = 0; i < a->exclusion_n; i++) {
        const struct exclusion *x = &a->exclusions[i], *y = &b->exclusions[i];
        assert_int_equal(x->ground, y->ground);
        assert_string_equal(x->imposed_by, y->imposed_by);
        assert_string_equal(x->document_no, y->document_no);
        assert_int_equal(x->effective, y->effective);
        assert_int_equal(x->until, y->until);
        assert_true(x->sequence == y->sequence);
    }
}

static unsigned pick(unsigned n)
{
    return (unsigned)rand() % n;
}

static const char *any_text(unsigned max)
{
    static char pool[24][RECORD_NAME_MAX + 1];
    static unsigned next;
    char *out = pool[next++ % 24];
    unsigned n = pick(max + 1);
    memset(out, (int)('a' + pick(26)), n);
    out[n] = '\0';
    return out;
}

static void any_firm(struct firm *firm)
{
    firm_init(firm, SAMPLE_USCC);
    firm->name = any_text(RECORD_NAME_MAX);
    firm->name_pending = any_text(RECORD_NAME_MAX);
    firm->region_code = any_text(6);
    firm->industry_code = any_text(5);
    firm->scale = any_text(1);
    firm->ownership = any_text(RECORD_ID_MAX);
    firm->doubtful = pick(2);
    firm->confirmed = pick(2);
    firm->certification = (struct certification){
        (enum cert_state)pick(CERT_STATE_COUNT), any_text(20), any_text(9), any_text(9), any_text(RECORD_TEXT_MAX),
        any_text(9), (date_day)pick(30000), pick(2) ? DATE_NONE : (date_day)pick(30000), rand(), pick(99999)};
    firm->exclusion_n = pick(GROUND_COUNT + 1);
    for (size_t i = 0; i < firm->exclusion_n; i++)
        firm->exclusions[i] = (struct exclusion){(enum ground)i, "onestop-sx", i % 2 ? "" : "晋〔2026〕1号",
                                                 (date_day)pick(30000), DATE_NONE, pick(1000)};
    firm->listing.status = (enum listing_status)pick(LISTING_COUNT);
    firm->listing.lane = (enum listing_lane)pick(LANE_COUNT);
    firm->listing.reason_n = pick(FIRM_REASONS_MAX + 1);
    for (size_t i = 0; i < firm->listing.reason_n; i++)
        firm->listing.reasons[i] = (enum reason)pick(REASON_COUNT);
    firm->listing.since = (date_day)pick(30000);
    firm->listing.disputed = pick(2);
    firm->listing.sequence = UINT64_C(1) << pick(64);
    firm->last_sequence = UINT64_C(1) << pick(64);
}

static void random_firms_come_back(void **unused)
{
    (void)unused;
    srand(1);
    for (int i = 0; i < 5000; i++) {
        struct firm in, out;
        struct err err = {0};
        struct buf buf;
        any_firm(&in);
        encode(&in, &buf);
        assert_true(firm_decode(buf_bytes(&buf), SAMPLE_USCC, &out, &err));
        same(&in, &out);
        buf_free(&buf);
    }
}

static void refused(const uint8_t *p, size_t n)
{
    struct firm out;
    struct err err = {0};
    uint8_t *exact = malloc(n + 1);
    memcpy(exact, p, n);
    assert_false(firm_decode(bytes_of(exact, n), SAMPLE_USCC, &out, &err));
    assert_int_equal(err.code, ERR_STORE_CORRUPT);
    free(exact);
}

static void every_cut_and_every_flipped_bit_is_noticed(void **unused)
{
    (void)unused;
    struct firm firm;
    struct buf buf;
    sample_firm(&firm);
    encode(&firm, &buf);
    for (size_t n = 0; n < buf.n; n++)
        refused(buf.p, n);
    for (size_t bit = 0; bit < 8 * buf.n; bit++) {
        buf.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused(buf.p, buf.n);
        buf.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_byte(&buf, 0);
    refused(buf.p, buf.n);
    buf_free(&buf);
}

static void a_record_moves_only_what_it_is_about(void **unused)
{
    (void)unused;
    struct firm firm;
    sample_firm(&firm);
    assert_string_equal(firm.name, "山西示例科技有限公司");
    assert_string_equal(firm.certification.source, "bureau-sx");
    assert_int_equal(firm.certification.state, CERT_IN_FORCE);
    assert_true(firm.certification.sequence == 1234);
    assert_true(firm.certification.granted_ms == moment("2026-03-02T09:30:00.250+08:00"));
    assert_int_equal(firm.listing.status, LISTING_SUSPENDED);
    assert_true(firm.listing.sequence == 2001 && firm.last_sequence == 2001);

    struct record amend;
    sample_grant(&amend);
    amend.action = CERT_AMEND;
    amend.seq = 2100;
    amend.row.name = amend.row.scale = "";
    amend.row.industry_code = "C2710";
    amend.listing = firm.listing;
    firm_apply(&firm, &amend);
    assert_string_equal(firm.name, "山西示例科技有限公司");
    assert_string_equal(firm.scale, "3");
    assert_string_equal(firm.industry_code, "C2710");
    assert_true(firm.listing.sequence == 2001);
    assert_true(firm.last_sequence == 2100);
}

static void exclusions_are_kept_by_ground_and_imposer(void **unused)
{
    (void)unused;
    struct firm firm;
    struct record record;
    sample_firm(&firm);
    sample_exclusion(&record);
    record.seq = 2002;
    record.exclusion.document_no = "";
    firm_apply(&firm, &record);
    assert_int_equal(firm.exclusion_n, 1);
    assert_string_equal(firm.exclusions[0].document_no, "");
    assert_true(firm.exclusions[0].sequence == 2002);
    record.exclusion.ground = GROUND_MOVED_OUT;
    record.seq = 2003;
    firm_apply(&firm, &record);
    record.exclusion.ground = GROUND_ABNORMAL_OPERATION;
    record.exclusion.imposed_by = "operator-1";
    firm_apply(&firm, &record);
    assert_int_equal(firm.exclusion_n, 3);
    record.lift = true;
    firm_apply(&firm, &record);
    firm_apply(&firm, &record);
    assert_int_equal(firm.exclusion_n, 2);
    assert_string_equal(firm.exclusions[0].imposed_by, "onestop-sx");
    record.exclusion.imposed_by = "";
    firm_apply(&firm, &record);
    assert_int_equal(firm.exclusion_n, 1);
    assert_int_equal(firm.exclusions[0].ground, GROUND_MOVED_OUT);
}

static void certifications_end(void **unused)
{
    (void)unused;
    static const struct { enum cert_action action; enum cert_state state; } ends[] = {
        {CERT_WITHDRAW, CERT_WITHDRAWN}, {CERT_ABSENT, CERT_ABSENT_FROM_LIST}, {CERT_EXPIRE, CERT_EXPIRED}};
    for (size_t i = 0; i < 3; i++) {
        struct firm firm;
        struct record record;
        sample_firm(&firm);
        record_init(&record, RECORD_CERTIFICATION);
        record.seq = 3000;
        record.action = ends[i].action;
        record.listing.status = LISTING_REMOVED;
        firm_apply(&firm, &record);
        assert_int_equal(firm.certification.state, ends[i].state);
        assert_string_equal(firm.certification.level, "省级");
        assert_int_equal(firm.listing.status, LISTING_REMOVED);
        assert_true(firm.listing.sequence == 3000);
    }
}

static void another_name_waits_until_confirmed(void **unused)
{
    (void)unused;
    static const char *const acts[] = {"confirm", "refuse"};
    for (size_t i = 0; i < 2; i++) {
        struct firm firm;
        struct record row, act;
        sample_grant(&row);
        firm_init(&firm, SAMPLE_USCC);
        firm_apply(&firm, &row);
        row.row.name = "山西新名科技有限公司";
        row.name_waits = row.unconfirmed = true;
        firm.confirmed = true;
        firm_apply(&firm, &row);
        assert_string_equal(firm.name, "山西示例科技有限公司");
        assert_string_equal(firm.name_pending, "山西新名科技有限公司");
        assert_false(firm.confirmed);
        record_init(&act, RECORD_LISTING);
        act.act = acts[i];
        act.listing = firm.listing;
        firm_apply(&firm, &act);
        assert_string_equal(firm.name, i == 0 ? "山西新名科技有限公司" : "山西示例科技有限公司");
        assert_string_equal(firm.name_pending, "");
        assert_int_equal(firm.confirmed, i == 0);
    }
}

static void a_proposal_about_a_firm_leaves_its_listing(void **unused)
{
    (void)unused;
    struct firm firm;
    struct record proposal;
    sample_firm(&firm);
    record_init(&proposal, RECORD_PROPOSAL);
    proposal.seq = 4000;
    proposal.uscc = SAMPLE_USCC;
    firm_apply(&firm, &proposal);
    assert_int_equal(firm.listing.status, LISTING_SUSPENDED);
    assert_true(firm.listing.sequence == 2001 && firm.last_sequence == 4000);
}

static void time_acts_on_the_day_after_the_earliest_end(void **unused)
{
    (void)unused;
    struct firm firm;
    firm_init(&firm, SAMPLE_USCC);
    assert_int_equal(firm_due(&firm), DATE_NONE);
    sample_firm(&firm);
    assert_int_equal(firm_due(&firm), day("2026-11-06"));
    firm.exclusion_n = 0;
    assert_int_equal(firm_due(&firm), day("2027-03-01"));
    firm.certification.state = CERT_WITHDRAWN;
    firm.listing.status = LISTING_REMOVED;
    assert_int_equal(firm_due(&firm), DATE_NONE);
    firm.listing.status = LISTING_LISTED;
    firm.listing.valid_until = day("2026-12-31");
    assert_int_equal(firm_due(&firm), day("2027-01-01"));
    firm.certification.state = CERT_PENDING;
    firm.certification.valid_from = day("2026-10-01");
    assert_int_equal(firm_due(&firm), day("2026-10-01"));
}

static void decoding_is_fast(void **unused)
{
    (void)unused;
    struct firm firm, out;
    struct err err = {0};
    struct buf buf;
    sample_firm(&firm);
    encode(&firm, &buf);
    clock_t start = clock();
    for (int i = 0; i < 1000000; i++)
        assert_true(firm_decode(buf_bytes(&buf), SAMPLE_USCC, &out, &err));
    print_message("firm_decode: %.3f us for %zu bytes\n", (double)(clock() - start) / CLOCKS_PER_SEC, buf.n);
    buf_free(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_firms_come_back),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_noticed),
        cmocka_unit_test(a_record_moves_only_what_it_is_about),
        cmocka_unit_test(exclusions_are_kept_by_ground_and_imposer),
        cmocka_unit_test(certifications_end),
        cmocka_unit_test(another_name_waits_until_confirmed),
        cmocka_unit_test(a_proposal_about_a_firm_leaves_its_listing),
        cmocka_unit_test(time_acts_on_the_day_after_the_earliest_end),
        cmocka_unit_test(decoding_is_fast),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
