/* One line of a file: words to events and kinds, dates, money, and which of the columns for numbers is used. */
#include "registry.h"

#include <string.h>

const char *const event_names[EVENT_COUNT] = {
    "filed", "correction_requested", "accepted", "registered", "changed", "cancelled", "refused", "withdrawn"};
const enum column scalar_columns[SCALAR_COUNT] = {COLUMN_KIND,       COLUMN_PLEDGEE,   COLUMN_PLEDGEE_CODE,
                                                  COLUMN_AMOUNT,     COLUMN_DEBT_FROM, COLUMN_DEBT_UNTIL,
                                                  COLUMN_VALID_UNTIL};

static struct gwa_bytes bytes_of(const char *s)
{
    return (struct gwa_bytes){(const uint8_t *)s, strlen(s)};
}

/* A row on its way to a line. */
struct reading {
    const struct registry *registry;
    const struct row *row;
    struct line *line;
    enum column bad;
    const char *why; /* NULL: nothing is wrong yet */
};

static void fault(struct reading *reading, enum column column, const char *why)
{
    if (reading->why != NULL)
        return;
    reading->bad = column;
    reading->why = why;
}

static struct gwa_bytes text_of(struct reading *reading, enum column column)
{
    const struct cell *cell = &reading->row->cells[column];
    const char *unfit = cell_unfit(cell, false);

    if (unfit != NULL)
        fault(reading, column, unfit);
    return unfit == NULL ? cell->text : (struct gwa_bytes){NULL, 0};
}

/* ---- words ------------------------------------------------------------------------------------------------------- */

static struct gwa_bytes event_of(struct reading *reading)
{
    static const char *const words[EVENT_COUNT] = {
        [EVENT_FILED] = "filed,申请,已申请,提交,已提交",
        [EVENT_CORRECTION] = "correction_requested,补正,待补正,要求补正,通知补正,补正通知",
        [EVENT_ACCEPTED] = "accepted,受理,已受理,准予受理",
        [EVENT_REGISTERED] = "registered,登记,已登记,设立,设立登记,质押登记,准予登记,登记生效,生效,有效,PE01",
        [EVENT_CHANGED] = "changed,变更,已变更,变更登记,登记变更,PM01",
        [EVENT_CANCELLED] = "cancelled,注销,已注销,注销登记,登记注销,解除,已解除,解除质押,PC01",
        [EVENT_REFUSED] = "refused,不予登记,不予受理,驳回,已驳回",
        [EVENT_WITHDRAWN] = "withdrawn,撤回,已撤回,撤回申请",
    };
    struct gwa_bytes word = text_of(reading, COLUMN_EVENT);

    for (int i = 0; i < EVENT_COUNT && word.n > 0; i++)
        if (reading->registry->words[i] != NULL && text_is_one_of(word, reading->registry->words[i]))
            return bytes_of(event_names[i]);
    for (int i = 0; i < EVENT_COUNT && word.n > 0; i++)
        if (text_is_one_of(word, words[i]))
            return bytes_of(event_names[i]);
    fault(reading, COLUMN_EVENT, word.n == 0 ? "missing" : "not a word for what happens to a registration");
    return (struct gwa_bytes){NULL, 0};
}

static struct gwa_bytes kind_of(struct reading *reading)
{
    static const char patent[] = "patent,专利,专利权,发明,发明专利,实用新型,实用新型专利,外观设计,外观设计专利";
    static const char trademark[] = "trademark,商标,商标权,注册商标,注册商标专用权,商标专用权";
    struct gwa_bytes word = text_of(reading, COLUMN_KIND);

    if (word.n == 0)
        return word;
    if (text_is_one_of(word, patent))
        return bytes_of("patent");
    if (text_is_one_of(word, trademark))
        return bytes_of("trademark");
    fault(reading, COLUMN_KIND, "neither a patent nor a trademark (专利, 商标)");
    return (struct gwa_bytes){NULL, 0};
}

/* ---- dates and money --------------------------------------------------------------------------------------------- */

static struct gwa_bytes date_of(struct reading *reading, enum column column, bool ends, char room[DATE_SIZE])
{
    const struct cell *cell = &reading->row->cells[column];
    const char *bad = cell_unfit(cell, true);
    struct gwa_bytes date = {NULL, 0};

    if (bad == NULL && cell->text.n > 0)
        date = cell_date(cell, ends, reading->row->from_1904, room, &bad);
    if (bad != NULL)
        fault(reading, column, bad);
    return date;
}

static struct gwa_bytes amount_of(struct reading *reading)
{
    struct gwa_bytes text = text_of(reading, COLUMN_AMOUNT);
    const char *bad;

    if (text.n == 0)
        return text;
    bad = amount_read(text, reading->row->heads[COLUMN_AMOUNT], reading->line->amount);
    if (bad == NULL)
        return bytes_of(reading->line->amount);
    fault(reading, COLUMN_AMOUNT, bad);
    return (struct gwa_bytes){NULL, 0};
}

/* ---- the right --------------------------------------------------------------------------------------------------- */

/* 第35类 is class 35. */
static struct gwa_bytes class_of(struct reading *reading)
{
    static const char before[] = "第", behind[] = "类";
    const size_t n = sizeof(before) - 1;
    struct gwa_bytes text = text_of(reading, COLUMN_CLASS);

    if (text.n > n && memcmp(text.p, before, n) == 0)
        text = (struct gwa_bytes){text.p + n, text.n - n};
    if (text.n > n && memcmp(text.p + text.n - n, behind, n) == 0)
        text.n -= n;
    return text;
}

/* A column for patents or for trademarks says by itself what its numbers are. */
static void read_number(struct reading *reading)
{
    static const enum column columns[] = {COLUMN_NUMBER, COLUMN_PATENT, COLUMN_TRADEMARK};
    struct line *line = reading->line;
    struct gwa_bytes *kind = &line->scalars[SCALAR_KIND];
    int used = 0;

    for (int i = 0; i < 3; i++) {
        struct gwa_bytes text = text_of(reading, columns[i]);
        const char *means = i == 1 ? "patent" : "trademark";

        if (text.n == 0)
            continue;
        if (used++ > 0)
            fault(reading, columns[i], "two numbers in one line");
        line->number = text;
        if (i > 0 && kind->n == 0)
            *kind = bytes_of(means);
        else if (i > 0 && (kind->n != strlen(means) || memcmp(kind->p, means, kind->n) != 0))
            fault(reading, columns[i], "not of the kind that the line says");
    }
    if (used == 0)
        fault(reading, COLUMN_NUMBER, "missing");
}

/* ---- the line ---------------------------------------------------------------------------------------------------- */

static struct gwa_bytes needed(struct reading *reading, enum column column, struct gwa_bytes value)
{
    if (value.n == 0)
        fault(reading, column, "missing");
    return value;
}

/* By what it says first, a line is known to belong to others; so that is read first. */
static void read_key(struct reading *reading)
{
    struct line *line = reading->line;

    line->registration = needed(reading, COLUMN_REGISTRATION, text_of(reading, COLUMN_REGISTRATION));
    if (line->registration.n > NUMBER_MAX)
        fault(reading, COLUMN_REGISTRATION, "longer than a registration number");
    line->event = event_of(reading);
    line->date = needed(reading, COLUMN_DATE, date_of(reading, COLUMN_DATE, false, line->rooms[0]));
}

static void read_rest(struct reading *reading)
{
    struct line *line = reading->line;

    line->scalars[SCALAR_KIND] = kind_of(reading);
    line->scalars[SCALAR_PLEDGEE] = text_of(reading, COLUMN_PLEDGEE);
    line->scalars[SCALAR_PLEDGEE_CODE] = text_of(reading, COLUMN_PLEDGEE_CODE);
    line->scalars[SCALAR_AMOUNT] = amount_of(reading);
    line->scalars[SCALAR_DEBT_FROM] = date_of(reading, COLUMN_DEBT_FROM, false, line->rooms[1]);
    line->scalars[SCALAR_DEBT_UNTIL] = date_of(reading, COLUMN_DEBT_UNTIL, true, line->rooms[2]);
    line->scalars[SCALAR_VALID_UNTIL] = date_of(reading, COLUMN_VALID_UNTIL, true, line->rooms[3]);
    line->pledgor = text_of(reading, COLUMN_PLEDGOR);
    line->pledgor_code = text_of(reading, COLUMN_PLEDGOR_CODE);
    if (line->pledgor.n == 0 && line->pledgor_code.n > 0)
        fault(reading, COLUMN_PLEDGOR, "a code without a name");
    read_number(reading);
    line->class = class_of(reading);
    line->title = text_of(reading, COLUMN_TITLE);
}

bool line_read(const struct registry *registry, const struct row *row, struct line *out, enum column *bad_out,
               const char **why_out)
{
    struct reading reading = {registry, row, out, COLUMN_REGISTRATION, NULL};

    memset(out, 0, sizeof(*out));
    read_key(&reading);
    if (reading.why == NULL)
        read_rest(&reading);
    *bad_out = reading.bad;
    *why_out = reading.why;
    return reading.why == NULL;
}
