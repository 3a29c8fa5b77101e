/* credit.tsv: what a bank may report in which order, dialogue by dialogue; and that every event is judged after every
 * state. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

#define TODAY 20600
#define FIRM "91140100MA0KQ8UR0T"
enum { ROWS = 32, ACCOUNTS = 16 };

/* A bank's books as the ledger keeps them. */
struct books {
    struct {
        bool line;
        char number[8];
        struct credit_account account;
    } accounts[ACCOUNTS];
    size_t account_n;
    struct {
        struct credit_note note;
        bool stands;
    } rows[ROWS];
    size_t row_n;
};

static struct credit_account *account_of(struct books *b, bool line, const char *number)
{
    for (size_t i = 0; i < b->account_n; i++) {
        if (b->accounts[i].line == line && strcmp(b->accounts[i].number, number) == 0)
            return &b->accounts[i].account;
    }
    assert_true(b->account_n < ACCOUNTS);
    b->accounts[b->account_n].line = line;
    snprintf(b->accounts[b->account_n].number, 8, "%s", number);
    credit_account_init(&b->accounts[b->account_n].account);
    return &b->accounts[b->account_n++].account;
}

static void accounts_of(struct books *b, const struct credit_note *note, struct credit_account **main,
                        struct credit_account **upper)
{
    bool on_line = note->loan_no[0] == '\0' || note->event == CREDIT_LINE;
    const char *number = on_line ? note->credit_no : note->loan_no;
    *main = number[0] == '\0' ? NULL : account_of(b, on_line, number);
    *upper = on_line || note->credit_no[0] == '\0' ? NULL : account_of(b, true, note->credit_no);
}

/* The books are changed only by what is accepted. `back`: number of a row from 1; 0: none is named. */
static bool report(struct books *b, const struct credit_note *note, const char *uscc, size_t back,
                   enum err_code *finding, struct err *err)
{
    struct books next = *b;
    struct credit_question ask = {.note = note, .uscc = uscc, .today = TODAY, .taken_back_uscc = ""};
    accounts_of(&next, note, &ask.main, &ask.upper);
    if (back > 0 && back <= b->row_n && b->rows[back - 1].stands) {
        ask.taken_back = &b->rows[back - 1].note;
        ask.taken_back_uscc = FIRM;
        accounts_of(&next, ask.taken_back, &ask.old_main, &ask.old_upper);
        next.rows[back - 1].stands = false;
    }
    assert_true(next.row_n < ROWS);
    next.rows[next.row_n].note = *note;
    bool ok = policy_credit(&ask, finding, err);
    next.rows[next.row_n++].stands = ok;
    if (!ok) {
        b->rows[b->row_n].note = *note;
        b->rows[b->row_n++].stands = false;
        return false;
    }
    if (ask.main != NULL && note->event != CREDIT_VOID)
        memcpy(ask.main->uscc, uscc, USCC_SIZE);
    *b = next;
    return true;
}

static struct credit_note note_of(enum credit_event event, const char *line, const char *loan, int64_t amount)
{
    struct record record;
    record_init(&record, RECORD_CREDIT);
    record.credit.event = event;
    record.credit.credit_no = line;
    record.credit.loan_no = loan;
    record.credit.amount_fen = amount;
    record.credit.date = TODAY;
    return record.credit;
}

/* ---- dialogues ---- */

static const char *or_empty(const char *text)
{
    return strcmp(text, ".") == 0 ? "" : text;
}

/* A number is a capital letter; it must outlive the line. */
static const char *number_of(const char *text)
{
    static char letters[26][2];
    if (strcmp(text, ".") == 0)
        return "";
    letters[text[0] - 'A'][0] = text[0];
    return letters[text[0] - 'A'];
}

static void judge(struct books *b, char *line, const char *title)
{
    char *f[8], *save = NULL, said[260], balance[32] = ".";
    enum credit_event event;
    enum err_code finding;
    struct err err = {0};
    for (int i = 0; i < 8; i++)
        assert_non_null(f[i] = strtok_r(i == 0 ? line : NULL, " ", &save));
    assert_true(credit_event_parse(f[0], &event));
    struct credit_note note = note_of(event, number_of(f[1]), number_of(f[2]),
                                      strcmp(f[3], ".") == 0 ? AMOUNT_NONE : atoll(f[3]));
    note.date = TODAY + atoi(f[4]);
    note.corrects = strcmp(f[5], ".") == 0 ? "" : "row";
    if (report(b, &note, FIRM, (size_t)atoi(or_empty(f[5])), &finding, &err))
        snprintf(said, sizeof said, "ok%s%s", finding != ERR_NONE ? "+" : "",
                 finding != ERR_NONE ? err_info(finding)->code : "");
    else
        snprintf(said, sizeof said, "%s/%s", err_info(err.code)->code, err.place);
    struct credit_account *main, *upper;
    accounts_of(b, &note, &main, &upper);
    if (err.code == ERR_NONE && main != NULL)
        snprintf(balance, sizeof balance, "%lld", (long long)credit_account_balance(main));
    if (strcmp(said, f[6]) != 0 || strcmp(balance, f[7]) != 0)
        fail_msg("%s: %s %s %s: %s %s, wanted %s %s", title, f[0], f[1], f[2], said, balance, f[6], f[7]);
}

static void every_dialogue_goes_as_written(void **unused)
{
    (void)unused;
    char line[256], title[256] = "";
    struct books b = {0};
    int n = 0;
    FILE *in = fopen(SOURCE_DIR "/tests/unit/policy/credit.tsv", "r");
    assert_non_null(in);
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#')
            continue;
        if (line[0] == '-') {
            b = (struct books){0};
            snprintf(title, sizeof title, "%s", line + 2);
            continue;
        }
        judge(&b, line, title);
        n++;
    }
    fclose(in);
    print_message("%d rows judged\n", n);
    assert_true(n > 80);
}

/* ---- every event after every state ---- */

static const struct {
    const char *name;
    struct credit_account account;
} states[] = {
    {"blank", {.credit_no = "", .limit_fen = AMOUNT_NONE}},
    {"repaid only", {.credit_no = "", .limit_fen = AMOUNT_NONE, .repaid_fen = 10}},
    {"out", {.credit_no = "", .limit_fen = AMOUNT_NONE, .drawn_fen = 100, .drawn = 1}},
    {"overdue", {.credit_no = "", .limit_fen = AMOUNT_NONE, .drawn_fen = 100, .drawn = 1, .overdue = 1}},
    {"settled", {.credit_no = "", .limit_fen = AMOUNT_NONE, .drawn_fen = 100, .drawn = 1, .repaid_fen = 100, .settled = 1}},
    {"written off", {.credit_no = "", .limit_fen = AMOUNT_NONE, .drawn_fen = 100, .drawn = 1, .written_fen = 50, .written = 1}},
};
/* By event in their order: a taken, f taken with a finding, s credit.state. */
static const char *const may[] = {
    /* contact refused line opening drawdown repayment settled overdue written */
    "aa-aaffff", "aa-saffff", "aa-saafaa", "aa-saafaa", "aa-ssssss", "aa-ssafss",
};

static void every_event_after_every_state(void **unused)
{
    (void)unused;
    for (size_t s = 0; s < sizeof states / sizeof states[0]; s++) {
        for (int e = CREDIT_CONTACT; e < CREDIT_VOID; e++) {
            struct credit_account account = states[s].account;
            struct credit_note note = note_of((enum credit_event)e, "", "A", e == CREDIT_SETTLED || e == CREDIT_OVERDUE
                                                                                ? AMOUNT_NONE : 5);
            struct credit_question ask = {.note = &note, .uscc = FIRM, .today = TODAY, .main = &account};
            enum err_code finding;
            struct err err = {0};
            if (may[s][e] == '-')
                continue; /* a line is no loan */
            bool ok = policy_credit(&ask, &finding, &err);
            char said = !ok ? (err.code == ERR_CREDIT_STATE ? 's' : '?') : finding != ERR_NONE ? 'f' : 'a';
            if (said != may[s][e])
                fail_msg("%s after %s: %c (%s), wanted %c", credit_event_name(note.event), states[s].name, said,
                         err_info(err.code)->code, may[s][e]);
        }
    }
}

static void numbers_belong_to_one_firm(void **unused)
{
    (void)unused;
    struct books b = {0};
    enum err_code finding;
    struct err err = {0};
    const char *other = "91140100MA0000000X";
    struct credit_note line = note_of(CREDIT_LINE, "L", "", 100), draw = note_of(CREDIT_DRAWDOWN, "L", "A", 10);
    struct credit_note back = note_of(CREDIT_VOID, "", "", AMOUNT_NONE);
    assert_true(report(&b, &line, FIRM, 0, &finding, &err));
    assert_false(report(&b, &draw, other, 0, &finding, &err));
    assert_int_equal(err.code, ERR_CREDIT_FIRM);
    err = (struct err){0};
    back.corrects = "row";
    assert_false(report(&b, &back, other, 1, &finding, &err));
    assert_int_equal(err.code, ERR_CREDIT_CORRECTS);
    assert_string_equal(err.place, "uscc");
    err = (struct err){0};
    assert_true(report(&b, &back, FIRM, 1, &finding, &err));
    /* nothing stands of it any more: the number may be another firm's */
    assert_true(report(&b, &line, other, 0, &finding, &err));
}

static void what_is_lent_is_not_due_before(void **unused)
{
    (void)unused;
    struct books b = {0};
    enum err_code finding;
    struct err err = {0};
    struct credit_note note = note_of(CREDIT_DRAWDOWN, "", "A", 10);
    note.due = TODAY - 1;
    assert_false(report(&b, &note, FIRM, 0, &finding, &err));
    assert_int_equal(err.code, ERR_CREDIT_DATE);
    assert_string_equal(err.place, "due");
    note.event = CREDIT_OVERDUE;
    assert_true(report(&b, &note, FIRM, 0, &finding, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_dialogue_goes_as_written),
        cmocka_unit_test(every_event_after_every_state),
        cmocka_unit_test(numbers_belong_to_one_firm),
        cmocka_unit_test(what_is_lent_is_not_due_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
