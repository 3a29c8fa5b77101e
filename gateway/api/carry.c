/* carry: what people do to the messages that go out: pausing a partner, sending again, going back. */
#include <string.h>

#include "api/internal.h"

#define RESEND_MAX 100

static bool pause_partner(struct ask *ask, bool paused, struct err *err)
{
    const struct actor actor = ask_actor(ask);

    CHECK(delivery_pause(ask->api->options.delivery, ask->values[0], paused, &actor, err));
    return ask_empty(ask);
}

bool api_do_partner_pause(struct ask *ask, struct err *err)
{
    return pause_partner(ask, true, err);
}

bool api_do_partner_resume(struct ask *ask, struct err *err)
{
    return pause_partner(ask, false, err);
}

/* ---- sending again --------------------------------------------------------------------------------------- */

static bool read_since(struct ask *ask, int64_t *ms_out, struct err *err)
{
    const char *text;
    int64_t back_ms;
    date_day day;

    CHECK(json_need_string(ask_object(ask), "", "since", 64, &text, err));
    if (time_parse(bytes_str(text), ms_out))
        return true;
    if (date_parse(bytes_str(text), &day)) {
        *ms_out = date_start_ms(day);
        return true;
    }
    if (!duration_parse(text, &back_ms))
        return err_set(err, ERR_SCHEMA_INVALID, "/since", "a time, a date, or how long ago is expected: 24h");
    *ms_out = ask->now_ms - back_ms;
    return true;
}

bool api_do_partner_recover(struct ask *ask, struct err *err)
{
    const struct actor actor = ask_actor(ask);
    int64_t since_ms;
    uint64_t cursor;

    CHECK(read_since(ask, &since_ms, err));
    CHECK(delivery_recover(ask->api->options.delivery, ask->values[0], since_ms, &actor, &cursor, err));
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "partner", ask->values[0]);
    json_add_integer(&ask->json, "cursor", (int64_t)cursor);
    json_end_object(&ask->json);
    return true;
}

static void write_resent(struct ask *ask, const char *id, size_t partners, const struct err *err)
{
    struct json_out *json = &ask->json;

    json_begin_object(json);
    json_add_string(json, "id", id);
    json_add_integer(json, "partners", (int64_t)partners);
    if (err->code != ERR_NONE) {
        json_add_string(json, "code", err_info(err->code)->code);
        json_add_string(json, "detail", err_info(err->code)->en);
        json_add_string(json, "detail_zh", err_info(err->code)->zh);
    }
    json_end_object(json);
}

static bool read_ids(struct ask *ask, const json_value **ids_out, struct err *err)
{
    const json_value *ids = json_member(ask_object(ask), "ids");

    if (ids == NULL || json_count(ids) == 0 || json_count(ids) > RESEND_MAX)
        return err_set(err, ERR_SCHEMA_INVALID, "/ids", "1 to %d ids are expected", RESEND_MAX);
    for (size_t i = 0; i < json_count(ids); i++) {
        if (json_string(json_at(ids, i)) == NULL)
            return err_set(err, ERR_SCHEMA_TYPE, arena_printf(ask->arena, "/ids/%zu", i), "a text is expected");
    }
    *ids_out = ids;
    return true;
}

/* One that cannot be sent again does not stop the others; when none can, the first reason is the answer. */
bool api_do_messages_resend(struct ask *ask, struct err *err)
{
    static const char *const names[] = {"ids", "partner", "skip", NULL};
    const struct actor actor = ask_actor(ask);
    const json_value *ids = NULL;
    const char *partner = NULL;
    struct err first = {0};
    bool skip = false, any = false;

    CHECK(json_only(ask_object(ask), "", names, err));
    CHECK(read_ids(ask, &ids, err));
    CHECK(json_opt_string(ask_object(ask), "", "partner", RECORD_ID_MAX, &partner, err));
    CHECK(json_opt_boolean(ask_object(ask), "", "skip", &skip, err));
    json_begin_object(&ask->json);
    json_key(&ask->json, "items");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < json_count(ids); i++) {
        const char *id = json_string(json_at(ids, i));
        struct err one = {0};
        size_t n = 0;

        any = delivery_resend(ask->api->options.delivery, id, partner, skip, &actor, &n, &one) || any;
        first = first.code == ERR_NONE ? one : first;
        write_resent(ask, id, n, &one);
    }
    json_end_array(&ask->json);
    json_add_boolean(&ask->json, "more", false);
    json_end_object(&ask->json);
    if (!any)
        *err = first;
    return any;
}
