/* What is written in a cell: dates, and values that a spreadsheet made something else of. */
#include "adapters/common/files/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A spreadsheet's day number as text, with or without a time of day behind the point. */
static bool read_serial(const char *text, bool from_1904, char out[DATE_SIZE])
{
    size_t n = strspn(text, "0123456789");
    bool whole = text[n] == '\0' || (text[n] == '.' && strspn(text + n + 1, "0123456789") == strlen(text + n + 1));

    return n == 5 && whole && date_of_serial(strtoll(text, NULL, 10), from_1904, out);
}

/* Of 自…至2027年2月28日 and 2026.3.1至2027.2.28 the end counts. */
static const char *behind_until(const char *text)
{
    const char *until = strstr(text, "至");

    return until == NULL || until[strlen("至")] == '\0' ? text : until + strlen("至");
}

struct gwa_bytes cell_date(const struct cell *cell, bool ends, bool from_1904, char out[DATE_SIZE], const char **bad_out)
{
    char room[64];
    const char *text = room;
    enum date_kind kind;

    if (cell->is_date)
        return cell->text;
    (void)snprintf(room, sizeof(room), "%.*s", (int)(cell->text.n < 63 ? cell->text.n : 63),
                   (const char *)cell->text.p);
    if (ends)
        text = behind_until(text);
    text += strspn(text, " ");
    kind = date_read(text, out);
    if (kind == DATE_BAD && read_serial(text, from_1904, out))
        kind = DATE_GOOD;
    if (kind == DATE_BAD || (kind == DATE_OPEN && !ends))
        *bad_out = "not a date";
    return kind == DATE_GOOD ? (struct gwa_bytes){(const uint8_t *)out, strlen(out)} : (struct gwa_bytes){NULL, 0};
}

const char *cell_unfit(const struct cell *cell, bool date_allowed)
{
    if (cell->no_value)
        return "a formula that was saved without its value";
    if (cell->is_date && !date_allowed)
        return "the spreadsheet turned it into a date";
    return NULL;
}
