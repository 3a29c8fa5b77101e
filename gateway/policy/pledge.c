/* pledge: what may happen to a pledge, as a table; README.md says what is the register's practice and what our own. */
#include "policy/policy.h"

#include <string.h>

#define NO 0 /* no step: nothing leads back to a pledge that is not known */

/* after[present state][event], both in the order of record.h; our own event `superseded` is the last. */
/* clang-format off */
enum { FI = PLEDGE_IS_FILED, CO = PLEDGE_IS_CORRECTING, AC = PLEDGE_IS_ACCEPTED, LI = PLEDGE_IS_LIVE,
       CA = PLEDGE_IS_CANCELLED, RE = PLEDGE_IS_REFUSED, WI = PLEDGE_IS_WITHDRAWN, SU = PLEDGE_IS_SUPERSEDED };
static const uint8_t after[PLEDGE_STATE_COUNT][PLEDGE_EVENT_COUNT] = {
    /*                        filed correction accepted registered changed cancelled refused withdrawn superseded */
    [PLEDGE_IS_UNKNOWN]    = {FI,   NO,        NO,      LI,        NO,     NO,       NO,     NO,       NO},
    [PLEDGE_IS_FILED]      = {NO,   CO,        AC,      NO,        NO,     NO,       RE,     WI,       NO},
    [PLEDGE_IS_CORRECTING] = {FI,   NO,        AC,      NO,        NO,     NO,       RE,     WI,       NO},
    [PLEDGE_IS_ACCEPTED]   = {NO,   CO,        NO,      LI,        NO,     NO,       RE,     WI,       NO},
    [PLEDGE_IS_LIVE]       = {NO,   NO,        NO,      NO,        LI,     CA,       NO,     NO,       SU},
    [PLEDGE_IS_SUPERSEDED] = {NO,   NO,        NO,      NO,        NO,     CA,       NO,     NO,       NO},
};
/* clang-format on */

bool policy_pledge_claims(enum pledge_event event)
{
    return event == PLEDGE_FILED || event == PLEDGE_REGISTERED || event == PLEDGE_CHANGED;
}

static bool dates_fit(const struct pledge_note *note, date_day today, struct err *err)
{
    if (note->date == DATE_NONE || note->date > today)
        return err_set(err, ERR_PLEDGE_DATE, "date", "the day has not come yet");
    if (note->debt_from != DATE_NONE && note->debt_until != DATE_NONE && note->debt_until < note->debt_from)
        return err_set(err, ERR_PLEDGE_DATE, "debt_until", "before the first day of the debt");
    if (note->event == PLEDGE_REGISTERED && note->valid_until != DATE_NONE && note->valid_until < note->date)
        return err_set(err, ERR_PLEDGE_DATE, "valid_until", "before the day of registration");
    return true;
}

bool policy_pledge(const struct pledge_note *note, const struct pledge_note *known, date_day today,
                   enum pledge_state *after_out, struct err *err)
{
    enum pledge_state state = known == NULL ? PLEDGE_IS_UNKNOWN : known->state;

    *after_out = (enum pledge_state)after[state][note->event];
    if (*after_out == PLEDGE_IS_UNKNOWN && known == NULL)
        return err_set(err, ERR_PLEDGE_UNKNOWN, "registration_no", "only filed or registered can be the first");
    if (*after_out == PLEDGE_IS_UNKNOWN)
        return err_set(err, ERR_PLEDGE_STATE, "event", "the pledge is %s", pledge_state_name(state));
    if (known != NULL && known->right_kind != note->right_kind)
        return err_set(err, ERR_PLEDGE_MEMBER, "right_kind", "a pledge keeps its kind of rights");
    return dates_fit(note, today, err);
}
