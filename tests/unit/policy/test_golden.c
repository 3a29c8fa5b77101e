/* golden.tsv: what the whitelist's rules say, line by line. */
#include "firms.h"

#define COLUMNS 12
enum { TEXT, RULES, BEFORE, FACT, OUTCOME, STATUS, LANE, REASONS, SINCE, LISTED_SINCE, UNTIL, FLAGS };

static int failures;

static void expect(const char *what, const char *column, const char *wanted, const char *got)
{
    if (strcmp(wanted, got) == 0)
        return;
    failures++;
    print_error("%s\n    %s: %s wanted, got %s\n", what, column, wanted, got);
}

static const char *outcome_of(const struct decision *d)
{
    if (d->outcome == POLICY_NOTHING)
        return "nothing";
    if (d->outcome == POLICY_REFUSED)
        return "refused";
    if (d->record.kind == RECORD_CERTIFICATION)
        return cert_action_name(d->record.action);
    if (d->record.kind == RECORD_EXCLUSION)
        return d->record.lift ? "lift" : "impose";
    return d->record.kind == RECORD_ENTERPRISE ? "enterprise" : d->record.act;
}

static const char *date_or_dash(date_day date, char out[DATE_TEXT_SIZE])
{
    return date == DATE_NONE ? "-" : date_format(date, out);
}

static void expect_date(const char *what, const char *column, const char *wanted, date_day got)
{
    char text[DATE_TEXT_SIZE];
    expect(what, column, wanted, date_or_dash(got, text));
}

static void expect_reasons(const char *what, const char *wanted, const struct rules *rules, const struct firm *after)
{
    struct policy_reason words[FIRM_REASONS_MAX + FIRM_EXCLUSIONS_MAX];
    char text[512] = "";
    size_t n = policy_reasons(rules, after, POLICY_VIEW_BANK, words);
    for (size_t i = 0; i < n; i++) {
        strcat(strcat(text, i > 0 ? "," : ""), words[i].word);
        assert_true(words[i].en[0] != '\0' && words[i].zh[0] != '\0');
    }
    expect(what, "reasons", wanted, text);
}

static void expect_flags(const char *what, const char *wanted, const struct decision *d)
{
    char text[64] = "";
    if (d->removes)
        strcat(text, ",removes");
    if (d->needs_person)
        strcat(text, ",person");
    if (d->awaits_admission)
        strcat(text, ",awaits");
    if (d->record.corrects)
        strcat(text, ",corrects");
    expect(what, "flags", wanted, text[0] ? text + 1 : "-");
}

static void judge(char **f)
{
    const struct rules *rules = rules_of(f[RULES]);
    struct firm firm;
    struct fact fact;
    struct decision d;
    struct err err = {0};
    date_day today;
    firm_named(f[BEFORE], &firm);
    fact_parse(f[FACT], &fact, &today);
    policy_decide(rules, &firm, &fact, today, &d, &err);
    expect(f[TEXT], "outcome", f[OUTCOME], outcome_of(&d));
    expect_flags(f[TEXT], f[FLAGS], &d);
    assert_true(d.why_en[0] != '\0' && d.why_zh[0] != '\0');
    if (d.outcome == POLICY_REFUSED && err.code != ERR_FIRM_STATE && err.code != ERR_FIRM_UNKNOWN)
        fail_msg("%s: refused without firm.state or firm.unknown", f[TEXT]);
    if (d.outcome != POLICY_RECORD || strcmp(f[STATUS], ".") == 0)
        return;
    const struct listing *l = &d.record.listing;
    expect(f[TEXT], "status", f[STATUS], listing_name(l->status));
    expect(f[TEXT], "lane", f[LANE], l->lane == LANE_NONE ? "-" : lane_name(l->lane));
    expect_date(f[TEXT], "since", f[SINCE], l->since);
    expect_date(f[TEXT], "listed_since", f[LISTED_SINCE], l->listed_since);
    expect_date(f[TEXT], "valid_until", f[UNTIL], l->valid_until);
    d.record.seq = 99;
    firm_apply(&firm, &d.record);
    expect_reasons(f[TEXT], f[REASONS], rules, &firm);
}

static void every_line_of_the_table_holds(void **unused)
{
    (void)unused;
    char line[2048];
    int lines = 0;
    FILE *in = fopen(SOURCE_DIR "/tests/unit/policy/golden.tsv", "r");
    assert_non_null(in);
    while (fgets(line, sizeof(line), in)) {
        char *fields[COLUMNS], *save = NULL;
        size_t n = 0;
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        for (char *f = strtok_r(line, "\t", &save); f && n < COLUMNS; f = strtok_r(NULL, "\t", &save))
            fields[n++] = f;
        if (n != COLUMNS)
            fail_msg("golden.tsv: %zu columns: %s", n, line);
        judge(fields);
        lines++;
    }
    fclose(in);
    print_message("%d lines judged\n", lines);
    assert_true(lines > 100);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_line_of_the_table_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
