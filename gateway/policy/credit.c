/* credit: which event of credit may follow which, and that amounts add up; README.md says what is our choice. */
#include "policy/policy.h"

#include <string.h>

/* ---- members ----------------------------------------------------------------------------------------------------- */

enum { LINE = 1, LOAN = 2, EITHER = 4, AMOUNT = 8, BACK = 16 };
static const unsigned needed[CREDIT_EVENT_COUNT] = {
    [CREDIT_LINE] = LINE | AMOUNT,       [CREDIT_OPENING] = LOAN | AMOUNT,
    [CREDIT_DRAWDOWN] = EITHER | AMOUNT, [CREDIT_REPAYMENT] = EITHER | AMOUNT,
    [CREDIT_SETTLED] = EITHER,           [CREDIT_OVERDUE] = EITHER,
    [CREDIT_WRITTEN_OFF] = EITHER,       [CREDIT_VOID] = BACK,
};

static bool missing(struct err *err, const char *member)
{
    return err_set(err, ERR_CREDIT_MEMBER, member, "the event needs it");
}

static bool members_there(const struct credit_note *note, struct err *err)
{
    unsigned need = needed[note->event];
    bool line = note->credit_no[0] != '\0', loan = note->loan_no[0] != '\0';

    if ((need & LINE) && !line)
        return missing(err, "credit_no");
    if (((need & LOAN) && !loan) || ((need & EITHER) && !loan && !line))
        return missing(err, "loan_no");
    if ((need & AMOUNT) && note->amount_fen == AMOUNT_NONE)
        return missing(err, "amount_fen");
    if ((need & BACK) && note->corrects[0] == '\0')
        return missing(err, "corrects");
    return true;
}

/* What is overdue was due before; a balance taken over may have been. */
static bool dates_fit(const struct credit_note *note, date_day today, struct err *err)
{
    bool ahead = note->event == CREDIT_LINE || note->event == CREDIT_DRAWDOWN;

    if (note->date == DATE_NONE || note->date > today)
        return err_set(err, ERR_CREDIT_DATE, "date", "the day has not come yet");
    if (ahead && note->due != DATE_NONE && note->due < note->date)
        return err_set(err, ERR_CREDIT_DATE, "due", "before the day of the event");
    return true;
}

/* ---- a row taken back -------------------------------------------------------------------------------------------- */

static bool take_back(const struct credit_question *ask, struct err *err)
{
    const struct credit_note *old = ask->taken_back;

    if (ask->note->corrects[0] == '\0')
        return true;
    if (old == NULL)
        return err_set(err, ERR_CREDIT_CORRECTS, "corrects", "message id / row of a row that stands is expected");
    if (old->event == CREDIT_VOID)
        return err_set(err, ERR_CREDIT_CORRECTS, "corrects", "what took a row back cannot be taken back");
    if (strcmp(ask->taken_back_uscc, ask->uscc) != 0)
        return err_set(err, ERR_CREDIT_CORRECTS, "uscc", "that row is about another firm");
    if (ask->old_main != NULL)
        credit_account_add(ask->old_main, ask->old_upper, old, -1);
    return true;
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

/* Nothing that was said of it stands any more. */
static bool is_blank(const struct credit_account *a)
{
    return !credit_account_known(a) && a->settled + a->overdue + a->written == 0 && a->repaid_fen == 0;
}

static bool of_firm(const struct credit_account *account, const char *uscc)
{
    return account == NULL || account->uscc[0] == '\0' || is_blank(account) || strcmp(account->uscc, uscc) == 0;
}

static bool same_firm(const struct credit_question *ask, struct err *err)
{
    if (!of_firm(ask->main, ask->uscc))
        return err_set(err, ERR_CREDIT_FIRM, "uscc", "of the loan, or of the line where no loan is named");
    if (!of_firm(ask->upper, ask->uscc))
        return err_set(err, ERR_CREDIT_FIRM, "uscc", "of the line");
    return true;
}

static bool may_follow(const struct credit_account *a, enum credit_event event)
{
    switch (event) {
    case CREDIT_LINE:
        return a->granted == 0 && a->settled == 0;
    case CREDIT_OPENING:
        return is_blank(a);
    case CREDIT_DRAWDOWN:
    case CREDIT_OVERDUE:
    case CREDIT_WRITTEN_OFF:
        return a->settled == 0 && a->written == 0;
    case CREDIT_REPAYMENT: /* also of what was written off */
    case CREDIT_SETTLED:
        return a->settled == 0;
    default:
        return true;
    }
}

static bool in_order(const struct credit_question *ask, struct err *err)
{
    enum credit_event event = ask->note->event;

    if (ask->main != NULL && !may_follow(ask->main, event))
        return err_set(err, ERR_CREDIT_STATE, "event", "%s",
                       ask->main->settled > 0   ? "it was settled"
                       : ask->main->written > 0 ? "it was written off"
                                                : "it was reported before");
    if (event == CREDIT_DRAWDOWN && ask->upper != NULL && ask->upper->settled > 0)
        return err_set(err, ERR_CREDIT_STATE, "credit_no", "%s", "it was settled");
    return true;
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

/* A line's limit bounds what is out under it at one time: it may be drawn again after it was repaid. */
static bool within_limit(const struct credit_account *a)
{
    return a == NULL || a->limit_fen == AMOUNT_NONE || credit_account_balance(a) <= a->limit_fen;
}

static bool countable(const struct credit_account *a)
{
    return a == NULL || (a->opening_fen <= AMOUNT_MAX && a->drawn_fen <= AMOUNT_MAX && a->repaid_fen <= AMOUNT_MAX &&
                         a->written_fen <= AMOUNT_MAX);
}

/* What comes back was lent; judged only where it had been reported what was lent. */
static bool adds_up(const struct credit_account *main, const struct credit_account *upper, bool was_known,
                    struct err *err)
{
    if (main == NULL)
        return true;
    if (!countable(main) || !countable(upper))
        return err_set(err, ERR_CREDIT_SUMS, "amount_fen", "larger than can be counted");
    if (was_known && credit_account_balance(main) < 0)
        return err_set(err, ERR_CREDIT_SUMS, "amount_fen", "more is repaid or written off than was lent");
    if (!within_limit(main) || !within_limit(upper))
        return err_set(err, ERR_CREDIT_SUMS, "amount_fen", "more is lent than the line allows");
    return true;
}

static bool is_known(const struct credit_account *account)
{
    return account != NULL && credit_account_known(account);
}

/* ---- findings ---------------------------------------------------------------------------------------------------- */

static enum err_code finding(const struct credit_question *ask, bool main_known)
{
    enum credit_event event = ask->note->event;
    bool begins = event == CREDIT_LINE || event == CREDIT_OPENING || event == CREDIT_DRAWDOWN;
    bool on_line = ask->note->loan_no[0] == '\0';

    if (event == CREDIT_CONTACT || event == CREDIT_REFUSED || ask->main == NULL)
        return ERR_NONE;
    if (!main_known && (!begins || (event == CREDIT_DRAWDOWN && on_line)))
        return ERR_CREDIT_UNKNOWN_NO;
    if (ask->upper != NULL && ask->upper->granted == 0)
        return ERR_CREDIT_UNKNOWN_NO;
    if (event == CREDIT_SETTLED && credit_account_balance(ask->main) > 0)
        return ERR_CREDIT_BALANCE;
    return ERR_NONE;
}

/* A row that takes back and says better is judged as both at once. */
bool policy_credit(const struct credit_question *ask, enum err_code *finding_out, struct err *err)
{
    bool main_known, old_known = is_known(ask->old_main);

    *finding_out = ERR_NONE;
    CHECK(members_there(ask->note, err));
    CHECK(dates_fit(ask->note, ask->today, err));
    CHECK(take_back(ask, err));
    if (ask->note->event == CREDIT_VOID)
        return adds_up(ask->old_main, ask->old_upper, old_known, err);
    main_known = is_known(ask->main);
    CHECK(same_firm(ask, err));
    CHECK(in_order(ask, err));
    if (ask->main != NULL)
        credit_account_add(ask->main, ask->upper, ask->note, 1);
    CHECK(adds_up(ask->main, ask->upper, main_known, err));
    CHECK(adds_up(ask->old_main, ask->old_upper, old_known, err));
    *finding_out = finding(ask, main_known);
    return true;
}
