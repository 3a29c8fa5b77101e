/* query: reading what came: parameters, the body's object, codes, who acts. */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "ident/ident.h"

const char *ask_text(struct ask *ask, const char *name)
{
    const char *value = net_parameter(ask->request, name, NULL);
    return value ? value : "";
}

static bool number_parse(const char *text, uint64_t *out)
{
    uint64_t value = 0;

    for (const char *p = text; *p; p++) {
        if (*p < '0' || *p > '9' || p - text >= 18)
            return false;
        value = value * 10 + (uint64_t)(*p - '0');
    }
    *out = value;
    return text[0] != '\0';
}

bool ask_number(struct ask *ask, const char *name, uint64_t min, uint64_t max, uint64_t *out, struct err *err)
{
    const char *text = net_parameter(ask->request, name, NULL);
    uint64_t value;

    if (!text)
        return true;
    if (!number_parse(text, &value) || value < min || value > max)
        return err_set(err, ERR_HTTP_QUERY, name, "a number from %llu to %llu is expected", (unsigned long long)min,
                       (unsigned long long)max);
    *out = value;
    return true;
}

bool ask_moment(struct ask *ask, const char *name, int64_t *ms_out, struct err *err)
{
    const char *text = net_parameter(ask->request, name, NULL);
    date_day day;
    int64_t back;

    if (!text)
        return true;
    if (time_parse(bytes_str(text), ms_out))
        return true;
    if (date_parse(bytes_str(text), &day)) {
        *ms_out = date_start_ms(day);
        return true;
    }
    if (!duration_parse(text, &back))
        return err_set(err, ERR_HTTP_QUERY, name, "an RFC 3339 time, a date or a duration such as 24h is expected");
    *ms_out = ask->now_ms - back;
    return true;
}

bool ask_past(struct ask *ask, const char *name, int64_t *ms_out, struct err *err)
{
    CHECK(ask_moment(ask, name, ms_out, err));
    if (*ms_out > ask->now_ms)
        return err_set(err, ERR_HTTP_QUERY, name, "a moment that has passed is expected");
    if (*ms_out % 1000 == 0)
        *ms_out = *ms_out + 999 < ask->now_ms ? *ms_out + 999 : ask->now_ms;
    return true;
}

bool ask_flag(struct ask *ask, const char *name, bool *out, struct err *err)
{
    const char *text = net_parameter(ask->request, name, NULL);

    *out = text != NULL && strcmp(text, "false") != 0;
    if (text && strcmp(text, "") != 0 && strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return err_set(err, ERR_HTTP_QUERY, name, "true or false is expected");
    return true;
}

const json_value *ask_object(const struct ask *ask)
{
    return json_root(ask->body);
}

bool ask_uscc(struct ask *ask, const char *text, const char *place, char out[USCC_SIZE], struct err *err)
{
    struct ident_result result;

    ident_uscc(bytes_str(text), &result);
    if (result.verdict != IDENT_INVALID) {
        snprintf(out, USCC_SIZE, "%.18s", result.normal);
        return true;
    }
    ask->errors = arena_alloc(ask->arena, sizeof(*ask->errors) * IDENT_FINDINGS_MAX);
    for (size_t i = 0; i < result.finding_n; i++)
        err_set(&ask->errors[ask->error_n++], result.findings[i], place, "%s", "");
    return err_set(err, api_uscc_fault(&result), place, "%s", "");
}

enum err_code api_uscc_fault(const struct ident_result *result)
{
    for (size_t i = 0; i < result->finding_n; i++) {
        enum err_code code = result->findings[i];
        if (code != ERR_USCC_FOLDED && code != ERR_USCC_REGION_ABOLISHED && code != ERR_USCC_OTHER_PROVINCE)
            return code;
    }
    return ERR_USCC_STRUCTURE;
}

struct actor ask_actor(const struct ask *ask)
{
    return (struct actor){.kind = ACTOR_PERSON, .id = ask->who->id};
}

bool ask_scope(const struct ask *ask, const char *region, struct err *err)
{
    const char *scope = ask->who->region ? ask->who->region : "";

    if (strncmp(region, scope, strlen(scope)) == 0)
        return true;
    return err_set(err, ERR_SENDER_ROLE, NULL, "the region scope of %s is %s", ask->who->id, scope);
}

void ask_read_done(struct store_txn **txn)
{
    if (*txn)
        store_read_end(txn);
}

bool ask_empty(struct ask *ask)
{
    json_begin_object(&ask->json);
    json_end_object(&ask->json);
    return true;
}
