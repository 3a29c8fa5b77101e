/* workday: days on which offices work, as far as the calendar alone tells. */
#include "policy/policy.h"

/* 1970-01-01 was a Thursday. */
static bool is_weekend(date_day day)
{
    int of_week = (int)(((int64_t)day + 4) % 7 + 7) % 7;

    return of_week == 0 || of_week == 6;
}

date_day policy_workdays_after(date_day day, int64_t n)
{
    while (n > 0) {
        day++;
        n -= !is_weekend(day);
    }
    return day;
}
