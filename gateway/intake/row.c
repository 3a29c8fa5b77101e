/* row: reading members of a validated row, and saying what is wrong with it. */
#include <stdio.h>
#include <string.h>

#include "ident/ident.h"
#include "intake/internal.h"

void row_detail(struct row_verdict *out, const char *detail)
{
    size_t n = strnlen(detail, sizeof(out->detail) - 1);
    bool cut = detail[n] != '\0';

    while (cut && n > 0 && ((uint8_t)detail[n] & 0xC0) == 0x80)
        n--;
    memcpy(out->detail, detail, n);
    out->detail[n] = '\0';
}

bool reject_text(struct row_verdict *out, enum err_code code, const char *field, const char *detail)
{
    out->verdict = VERDICT_REJECTED;
    out->code = code;
    out->field = field;
    row_detail(out, detail);
    return true;
}

bool reject(struct row_verdict *out, enum err_code code, const char *field)
{
    return reject_text(out, code, field, "");
}

bool row_uscc(const struct message_node *row, struct row_verdict *out, char uscc[USCC_SIZE], bool *doubtful_out,
              bool *other_province_out)
{
    struct ident_result result;

    ident_uscc(bytes_str(message_text(message_member(row, "uscc"))), &result);
    if (result.verdict == IDENT_INVALID) {
        (void)reject(out, result.cause, "uscc");
        return false;
    }
    memcpy(uscc, result.normal, USCC_SIZE);
    *doubtful_out = result.verdict == IDENT_DOUBTFUL;
    *other_province_out = ident_has(&result, ERR_USCC_OTHER_PROVINCE);
    if (ident_has(&result, ERR_USCC_FOLDED))
        out->code = ERR_USCC_FOLDED; /* a remark: what is stored differs from what was sent */
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool row_text(struct intake_case *c, const struct message_node *row, const char *name, size_t max, const char **text,
              struct row_verdict *out)
{
    const char *from = message_text(message_member(row, name));
    size_t n;

    while (is_blank(*from))
        from++;
    for (n = strlen(from); n > 0 && is_blank(from[n - 1]); n--)
        ;
    /* the schema counts characters, what is kept is bounded in bytes */
    if (n > max) {
        (void)reject(out, ERR_SCHEMA_INVALID, name);
        snprintf(out->detail, sizeof(out->detail), "over %zu bytes", max);
        return false;
    }
    *text = from[n] == '\0' ? from : arena_strndup(c->texts, from, n);
    return true;
}

bool row_date(const struct message_node *row, const char *name, date_day *day, struct row_verdict *out)
{
    const char *text = message_text(message_member(row, name));

    *day = DATE_NONE;
    if (*text == '\0' || date_parse(bytes_str(text), day))
        return true;
    (void)reject_text(out, ERR_SCHEMA_INVALID, name, "not a day of the calendar");
    return false;
}
