/* What must hold whatever happens to a firm, tried on long random lives. */
#include "firms.h"

static uint64_t state;

static unsigned pick(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static bool now_and_then(void)
{
    return pick(4) == 0;
}

static void any_row(struct fact *fact, date_day today)
{
    static const char *const names[] = {NAME, NEW_NAME, "山西示例科技有限公司 "};
    static const char *const batches[] = {"2026-1", "2026-2"};
    static const char *const regions[] = {"140105", "110108", "", "140105"};
    static const char *const levels[] = {"省级", "国家级"};
    fact->row.name = names[pick(3)];
    fact->row.batch = batches[pick(2)];
    fact->row.region_code = regions[pick(4)];
    fact->row.level = levels[pick(2)];
    fact->row.valid_from = now_and_then() ? DATE_NONE : today - 60 + (date_day)pick(90);
    fact->row.valid_until = now_and_then() ? DATE_NONE : today - 20 + (date_day)pick(200);
    fact->row.withdrawn = now_and_then();
    fact->uscc_doubtful = now_and_then();
}

static void any_fact(struct fact *fact, date_day today)
{
    static const char *const partners[] = {"onestop-sx", "bureau-sx", "bureau-ty"};
    static const enum fact_kind often[] = {FACT_ROW, FACT_ROW, FACT_ROW, FACT_TIME, FACT_TIME, FACT_IMPOSE, FACT_LIFT};
    fact_init(fact);
    fact->kind = pick(2) ? often[pick(7)] : (enum fact_kind)pick(FACT_TIME + 1);
    any_row(fact, today);
    fact->ground = (enum ground)pick(GROUND_COUNT);
    fact->until = now_and_then() ? today - 2 + (date_day)pick(60) : DATE_NONE;
    fact->effective = now_and_then() ? today : DATE_NONE;
    fact->actor = (struct actor){ACTOR_PARTNER, partners[pick(3)]};
    if (fact->kind >= FACT_ADD || (fact->kind == FACT_LIFT && pick(2)))
        fact->actor = (struct actor){ACTOR_PERSON, "operator-1"};
    if (fact->kind == FACT_TIME)
        fact->actor = (struct actor){ACTOR_TIMER, ""};
}

static void check_firm(const struct firm *f)
{
    const struct listing *l = &f->listing;
    bool listed = l->status == LISTING_LISTED;
    assert_false(listed && f->exclusion_n > 0);
    assert_false(listed && f->doubtful && !f->confirmed);
    assert_false(listed && l->lane == LANE_NONE);
    assert_false(listed && (l->listed_since == DATE_NONE || l->since < l->listed_since));
    assert_false(listed && l->lane == LANE_PRIORITY && f->certification.state != CERT_IN_FORCE &&
                 f->certification.state != CERT_PENDING);
    assert_false(l->status == LISTING_SUSPENDED && f->exclusion_n == 0);
    assert_true(l->reason_n <= FIRM_REASONS_MAX);
    assert_true(l->status == LISTING_NONE || l->reason_n > 0);
}

/* What a stored firm says must fit into its stored bytes. */
static void check_bytes(const struct firm *f)
{
    struct firm back;
    struct err err = {0};
    struct buf buf;
    buf_init(&buf, RECORD_BYTES_MAX);
    firm_encode(f, &buf);
    assert_false(buf.overflow);
    assert_true(firm_decode(buf_bytes(&buf), f->uscc, &back, &err));
    buf_free(&buf);
}

static void apply(struct firm *f, struct decision *d, uint64_t *seq, date_day today)
{
    assert_int_equal(d->record.from, f->listing.status);
    d->record.seq = ++*seq;
    d->record.time_ms = date_start_ms(today);
    firm_apply(f, &d->record);
    check_firm(f);
    check_bytes(f);
}

/* The ledger asks until nothing is due; then nothing may be due until tomorrow. */
static void pass_time(const struct rules *rules, struct firm *f, date_day today, uint64_t *seq)
{
    struct fact fact;
    fact_init(&fact);
    fact.kind = FACT_TIME;
    fact.actor = (struct actor){ACTOR_TIMER, ""};
    for (int i = 0;; i++) {
        struct decision d;
        struct err err = {0};
        date_day due = firm_due(f);
        policy_decide(rules, f, &fact, today, &d, &err);
        assert_false(d.removes);
        assert_int_equal(d.outcome, due != DATE_NONE && due <= today ? POLICY_RECORD : POLICY_NOTHING);
        if (d.outcome == POLICY_NOTHING)
            break;
        assert_true(d.record.due_ms != 0 && d.record.due_ms <= date_start_ms(today));
        apply(f, &d, seq, today);
        assert_true(i < FIRM_EXCLUSIONS_MAX + 4);
    }
    if (f->listing.status == LISTING_LISTED && f->listing.valid_until != DATE_NONE)
        assert_true(f->listing.valid_until >= today);
}

static void check_decision(const struct firm *before, const struct fact *fact, const struct decision *d)
{
    bool left = before->listing.status == LISTING_LISTED && d->record.listing.status != LISTING_LISTED;
    bool sooner = d->record.listing.valid_until != DATE_NONE &&
                  (before->listing.valid_until == DATE_NONE || d->record.listing.valid_until < before->listing.valid_until);
    if (left && fact->kind != FACT_TIME)
        assert_true(d->removes);
    if (d->removes) /* it leaves now, or before long by an end that was moved up */
        assert_true(left || (before->listing.status == LISTING_LISTED && sooner));
    assert_false(d->awaits_admission && d->needs_person);
    if (d->record.listing.status == LISTING_LISTED && before->listing.status == LISTING_SUSPENDED && !d->record.corrects)
        assert_int_equal(d->record.listing.listed_since, d->record.listing.since);
}

/* Said twice, a fact has nothing more to say; persons are told so. */
static void check_again(const struct rules *rules, const struct firm *f, const struct fact *fact, date_day today)
{
    struct decision d;
    struct err err = {0};
    if (fact->kind == FACT_TIME)
        return;
    policy_decide(rules, f, fact, today, &d, &err);
    bool telling = fact->kind <= FACT_IMPOSE || fact->kind == FACT_ADMIT;
    assert_int_equal(d.outcome, telling ? POLICY_NOTHING : POLICY_REFUSED);
}

static void live(const struct rules *rules)
{
    struct firm f;
    uint64_t seq = 0;
    date_day today = day("2026-06-01");
    firm_init(&f, CODE);
    for (int step = 0; step < 60; step++) {
        struct fact fact;
        struct decision d;
        struct err err = {0};
        if (now_and_then())
            today += (date_day)pick(40);
        pass_time(rules, &f, today, &seq);
        any_fact(&fact, today);
        policy_decide(rules, &f, &fact, today, &d, &err);
        assert_int_equal(d.outcome == POLICY_REFUSED, err.code == ERR_FIRM_STATE);
        if (d.outcome != POLICY_RECORD)
            continue;
        check_decision(&f, &fact, &d);
        apply(&f, &d, &seq, today);
        check_again(rules, &f, &fact, today);
    }
}

static void random_lives_keep_the_rules(void **unused)
{
    (void)unused;
    static const char *const variants[] = {"auto", "approval", "term", "accept"};
    for (uint64_t seed = 1; seed <= 20000; seed++) {
        state = seed * UINT64_C(0x9E3779B97F4A7C15);
        live(rules_of(variants[seed % 4]));
    }
}

/* max(2, 5 %), domain "Bureau lists". */
static void the_guard_is_the_larger_of_two_and_five_percent(void **unused)
{
    (void)unused;
    const struct rules *rules = rules_of("auto");
    assert_int_equal(policy_guard_limit(rules, 0), 2);
    assert_int_equal(policy_guard_limit(rules, 40), 2);
    assert_int_equal(policy_guard_limit(rules, 59), 2);
    assert_int_equal(policy_guard_limit(rules, 60), 3);
    assert_int_equal(policy_guard_limit(rules, 1000), 50);
    assert_int_equal(policy_guard_limit(rules, 1000019), 50000);
}

static void words(const char *rules, enum policy_view view, struct firm *firm, const char *wanted)
{
    struct policy_reason out[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX];
    char text[512] = "";
    size_t n = policy_reasons(rules_of(rules), firm, view, out);
    for (size_t i = 0; i < n; i++)
        strcat(strcat(text, i ? "," : ""), out[i].word);
    assert_string_equal(text, wanted);
}

static void who_may_see_the_ground_sees_it(void **unused)
{
    (void)unused;
    struct firm f;
    firm_named("suspended_two", &f);
    words("auto", POLICY_VIEW_BANK, &f, "exclusion.operation,exclusion.ip");
    words("full", POLICY_VIEW_BANK, &f, "exclusion.abnormal_operation,exclusion.rights_lapsed");
    words("none", POLICY_VIEW_BANK, &f, "exclusion");
    words("none", POLICY_VIEW_FULL, &f, "exclusion.abnormal_operation,exclusion.rights_lapsed");
    f.exclusions[1].ground = GROUND_DEREGISTERED;
    words("auto", POLICY_VIEW_BANK, &f, "exclusion.operation");
    firm_named("unknown", &f);
    words("auto", POLICY_VIEW_BANK, &f, "never_listed");
    firm_named("excluded_unknown", &f);
    words("auto", POLICY_VIEW_BANK, &f, "never_listed");
    firm_named("waiting", &f);
    words("auto", POLICY_VIEW_BANK, &f, "under_review");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_lives_keep_the_rules),
        cmocka_unit_test(the_guard_is_the_larger_of_two_and_five_percent),
        cmocka_unit_test(who_may_see_the_ground_sees_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
