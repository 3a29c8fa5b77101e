/* Which event may follow which state of a pledge: the table of gateway/policy/README.md, every pair tried. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

#define TODAY 20600

static const struct {
    const char *state, *may; /* event>state after it */
} table[] = {
    {"", "filed>filed registered>registered"},
    {"filed", "correction_requested>correction_requested accepted>accepted refused>refused withdrawn>withdrawn"},
    {"correction_requested", "filed>filed accepted>accepted refused>refused withdrawn>withdrawn"},
    {"accepted", "correction_requested>correction_requested registered>registered refused>refused withdrawn>withdrawn"},
    {"registered", "changed>registered cancelled>cancelled superseded>superseded"},
    {"cancelled", ""},
    {"refused", ""},
    {"withdrawn", ""},
    {"superseded", "cancelled>cancelled"},
};

static struct pledge_note note_of(enum pledge_event event)
{
    struct record record;
    record_init(&record, RECORD_PLEDGE);
    record.pledge.event = event;
    record.pledge.registration_no = "Y1";
    record.pledge.date = TODAY;
    record.pledge.debt_from = record.pledge.debt_until = record.pledge.valid_until = DATE_NONE;
    return record.pledge;
}

/* "" when the table does not have the step. */
static void wanted(const char *may, const char *event, char out[40])
{
    char key[40];
    snprintf(key, sizeof key, "%s>", event);
    out[0] = '\0';
    const char *at = strstr(may, key);
    if (at != NULL && (at == may || at[-1] == ' '))
        sscanf(at + strlen(key), "%39[a-z_]", out);
}

static void every_step_is_that_of_the_table(void **unused)
{
    (void)unused;
    unsigned steps = 0;
    assert_int_equal(sizeof table / sizeof table[0], PLEDGE_STATE_COUNT);
    for (size_t s = 0; s < PLEDGE_STATE_COUNT; s++) {
        struct pledge_note known = note_of(PLEDGE_FILED);
        assert_true(s == 0 || pledge_state_parse(table[s].state, &known.state));
        for (int e = 0; e < PLEDGE_EVENT_COUNT; e++) {
            struct pledge_note note = note_of((enum pledge_event)e);
            enum pledge_state after;
            struct err err = {0};
            char want[40];
            wanted(table[s].may, pledge_event_name(note.event), want);
            bool ok = policy_pledge(&note, s == 0 ? NULL : &known, TODAY, &after, &err);
            if (ok != (want[0] != '\0') || (ok && strcmp(pledge_state_name(after), want) != 0))
                fail_msg("%s, %s: %s", table[s].state, pledge_event_name(note.event), ok ? pledge_state_name(after) : "refused");
            if (!ok)
                assert_int_equal(err.code, s == 0 ? ERR_PLEDGE_UNKNOWN : ERR_PLEDGE_STATE);
            steps += ok;
        }
    }
    assert_int_equal(steps, 18);
}

static enum err_code verdict(struct pledge_note note, const char **place)
{
    static struct err err;
    enum pledge_state after;
    err = (struct err){0};
    policy_pledge(&note, NULL, TODAY, &after, &err);
    *place = err.place;
    return err.code;
}

static void dates_must_fit(void **unused)
{
    (void)unused;
    const char *place;
    struct pledge_note note = note_of(PLEDGE_REGISTERED);
    assert_int_equal(verdict(note, &place), ERR_NONE);
    note.date = TODAY + 1;
    assert_int_equal(verdict(note, &place), ERR_PLEDGE_DATE);
    assert_string_equal(place, "date");
    note.date = TODAY;
    note.debt_from = TODAY;
    note.debt_until = TODAY - 1;
    assert_int_equal(verdict(note, &place), ERR_PLEDGE_DATE);
    assert_string_equal(place, "debt_until");
    note.debt_until = TODAY;
    note.valid_until = TODAY - 1;
    assert_int_equal(verdict(note, &place), ERR_PLEDGE_DATE);
    assert_string_equal(place, "valid_until");
    note.valid_until = TODAY;
    assert_int_equal(verdict(note, &place), ERR_NONE);
}

static void a_pledge_keeps_its_kind(void **unused)
{
    (void)unused;
    struct pledge_note known = note_of(PLEDGE_FILED), note = note_of(PLEDGE_ACCEPTED);
    enum pledge_state after;
    struct err err = {0};
    known.state = PLEDGE_IS_FILED;
    note.right_kind = RIGHT_TRADEMARK;
    assert_false(policy_pledge(&note, &known, TODAY, &after, &err));
    assert_int_equal(err.code, ERR_PLEDGE_MEMBER);
    assert_string_equal(err.place, "right_kind");
}

static void only_what_claims_rights_is_compared_with_other_pledges(void **unused)
{
    (void)unused;
    for (int e = 0; e < PLEDGE_EVENT_COUNT; e++) {
        bool claims = e == PLEDGE_FILED || e == PLEDGE_REGISTERED || e == PLEDGE_CHANGED;
        assert_int_equal(policy_pledge_claims((enum pledge_event)e), claims);
    }
}

/* 2026-11-20 is a Friday. */
static void workdays_leave_weekends_out(void **unused)
{
    (void)unused;
    static const struct {
        const char *from;
        int n;
        const char *to;
    } cases[] = {{"2026-11-20", 0, "2026-11-20"}, {"2026-11-20", 1, "2026-11-23"}, {"2026-11-21", 1, "2026-11-23"},
                 {"2026-11-22", 1, "2026-11-23"}, {"2026-11-23", 4, "2026-11-27"}, {"2026-11-25", 15, "2026-12-16"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        date_day from;
        char text[DATE_TEXT_SIZE];
        assert_true(date_parse(bytes_str(cases[i].from), &from));
        assert_string_equal(date_format(policy_workdays_after(from, cases[i].n), text), cases[i].to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_step_is_that_of_the_table),
        cmocka_unit_test(dates_must_fit),
        cmocka_unit_test(a_pledge_keeps_its_kind),
        cmocka_unit_test(only_what_claims_rights_is_compared_with_other_pledges),
        cmocka_unit_test(workdays_leave_weekends_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
