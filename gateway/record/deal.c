/* deal: words of rights, pledges and credit, and what a bank's rows about one line or loan add up to. */
#include "record/record.h"

#include <string.h>

#include "record/words.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const right_kinds[RIGHT_KIND_COUNT] = {"patent", "trademark"};
static const char *const right_statuses[RIGHT_STATUS_COUNT] = {
    "", "valid", "lapsed", "invalidated", "transferred", "preserved",
};
static const char *const pledge_events[PLEDGE_EVENT_COUNT] = {
    "filed",     "correction_requested", "accepted", "registered", "changed", "cancelled", "refused",
    "withdrawn", "superseded",
};
static const char *const pledge_states[PLEDGE_STATE_COUNT] = {
    "", "filed", "correction_requested", "accepted", "registered", "cancelled", "refused", "withdrawn", "superseded",
};
static const char *const credit_events[CREDIT_EVENT_COUNT] = {
    "contact",   "refused", "credit_line", "opening",     "drawdown",
    "repayment", "settled", "overdue",     "written_off", "void",
};

const struct words words_right_kind = {right_kinds, COUNT(right_kinds)};
const struct words words_right_status = {right_statuses, COUNT(right_statuses)};
const struct words words_pledge_event = {pledge_events, COUNT(pledge_events)};
const struct words words_pledge_state = {pledge_states, COUNT(pledge_states)};
const struct words words_credit = {credit_events, COUNT(credit_events)};

/* "" stands for what was never told, so it is not a word. */
static bool parse(const struct words *words, const char *name, unsigned *out)
{
    return name[0] != '\0' && words_find(words, name, out);
}

const char *right_kind_name(enum right_kind kind)
{
    return words_name(&words_right_kind, kind);
}

bool right_kind_parse(const char *name, enum right_kind *out)
{
    unsigned value;
    CHECK(parse(&words_right_kind, name, &value));
    *out = (enum right_kind)value;
    return true;
}

const char *right_status_name(enum right_status status)
{
    return words_name(&words_right_status, status);
}

bool right_status_parse(const char *name, enum right_status *out)
{
    unsigned value;
    CHECK(parse(&words_right_status, name, &value));
    *out = (enum right_status)value;
    return true;
}

const char *pledge_event_name(enum pledge_event event)
{
    return words_name(&words_pledge_event, event);
}

bool pledge_event_parse(const char *name, enum pledge_event *out)
{
    unsigned value;
    CHECK(parse(&words_pledge_event, name, &value));
    *out = (enum pledge_event)value;
    return true;
}

const char *pledge_state_name(enum pledge_state state)
{
    return words_name(&words_pledge_state, state);
}

bool pledge_state_parse(const char *name, enum pledge_state *out)
{
    unsigned value;
    CHECK(parse(&words_pledge_state, name, &value));
    *out = (enum pledge_state)value;
    return true;
}

const char *credit_event_name(enum credit_event event)
{
    return words_name(&words_credit, event);
}

bool credit_event_parse(const char *name, enum credit_event *out)
{
    unsigned value;
    CHECK(parse(&words_credit, name, &value));
    *out = (enum credit_event)value;
    return true;
}

/* ---- sums ------------------------------------------------------------------------------------------------------- */

void credit_account_init(struct credit_account *account)
{
    *account = (struct credit_account){.credit_no = "", .limit_fen = AMOUNT_NONE};
}

bool credit_account_known(const struct credit_account *account)
{
    return account->granted + account->opened + account->drawn > 0;
}

int64_t credit_account_balance(const struct credit_account *account)
{
    return account->opening_fen + account->drawn_fen - account->repaid_fen - account->written_fen;
}

/* Where an event's amount goes. */
static int64_t *sum_of(struct credit_account *account, enum credit_event event)
{
    switch (event) {
    case CREDIT_OPENING:
        return &account->opening_fen;
    case CREDIT_DRAWDOWN:
        return &account->drawn_fen;
    case CREDIT_REPAYMENT:
    case CREDIT_SETTLED:
        return &account->repaid_fen;
    case CREDIT_WRITTEN_OFF:
        return &account->written_fen;
    default:
        return NULL;
    }
}

static int64_t *count_of(struct credit_account *account, enum credit_event event)
{
    switch (event) {
    case CREDIT_LINE:
        return &account->granted;
    case CREDIT_OPENING:
        return &account->opened;
    case CREDIT_DRAWDOWN:
        return &account->drawn;
    case CREDIT_SETTLED:
        return &account->settled;
    case CREDIT_OVERDUE:
        return &account->overdue;
    case CREDIT_WRITTEN_OFF:
        return &account->written;
    default:
        return NULL;
    }
}

static void add_amount(struct credit_account *account, const struct credit_note *note, int sign)
{
    int64_t *sum = sum_of(account, note->event);

    if (sum != NULL && note->amount_fen != AMOUNT_NONE)
        *sum += sign * note->amount_fen;
}

void credit_account_add(struct credit_account *main, struct credit_account *upper, const struct credit_note *note,
                        int sign)
{
    int64_t *count = count_of(main, note->event);

    if (count != NULL)
        *count += sign;
    if (note->event == CREDIT_LINE)
        main->limit_fen = sign > 0 ? note->amount_fen : AMOUNT_NONE;
    add_amount(main, note, sign);
    if (upper != NULL)
        add_amount(upper, note, sign);
}
