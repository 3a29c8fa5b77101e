/* The body of a pledge.registration, with the contract's names in the contract's order. */
#include "registry.h"

#include <stdlib.h>
#include <string.h>

static void put_text(json_t *object, const char *name, struct gwa_bytes text)
{
    if (text.n > 0)
        (void)json_object_set_new(object, name, json_stringn((const char *)text.p, text.n));
}

static json_t *party_of(struct gwa_bytes code, struct gwa_bytes name)
{
    json_t *party = json_object();

    put_text(party, "uscc", code);
    put_text(party, "name", name);
    return party;
}

static json_t *pledgors_of(const struct registration *registration)
{
    json_t *list = json_array();

    for (const struct party *at = registration->pledgors; at != NULL; at = at->next)
        (void)json_array_append_new(list, party_of(at->code, at->name));
    return list;
}

static json_t *rights_of(const struct registration *registration)
{
    json_t *list = json_array();

    for (const struct right *at = registration->rights; at != NULL; at = at->next) {
        json_t *right = json_object();

        put_text(right, "number", at->number);
        put_text(right, "class", at->class);
        put_text(right, "title", at->title);
        (void)json_array_append_new(list, right);
    }
    return list;
}

static void put_amount(json_t *body, struct gwa_bytes text)
{
    char room[24];

    if (text.n == 0 || text.n >= sizeof(room))
        return;
    memcpy(room, text.p, text.n);
    room[text.n] = '\0';
    (void)json_object_set_new(body, "secured_amount_fen", json_integer(strtoll(room, NULL, 10)));
}

json_t *body_of_registration(const struct registration *registration)
{
    const struct gwa_bytes *scalars = registration->scalars;
    json_t *body = json_object();

    if (body == NULL)
        return NULL;
    put_text(body, "registration_no", registration->number);
    put_text(body, "event", registration->event);
    put_text(body, "date", registration->date);
    put_text(body, "right_kind", scalars[SCALAR_KIND]);
    (void)json_object_set_new(body, "pledgors", pledgors_of(registration));
    (void)json_object_set_new(body, "pledgee", party_of(scalars[SCALAR_PLEDGEE_CODE], scalars[SCALAR_PLEDGEE]));
    put_amount(body, scalars[SCALAR_AMOUNT]);
    put_text(body, "debt_from", scalars[SCALAR_DEBT_FROM]);
    put_text(body, "debt_until", scalars[SCALAR_DEBT_UNTIL]);
    put_text(body, "valid_until", scalars[SCALAR_VALID_UNTIL]);
    (void)json_object_set_new(body, "rights", rights_of(registration));
    return body;
}

static void hand_over(struct gwa_job *job, struct gwa_bytes text)
{
    const struct gwa_field field = {"body", text};

    if (text.n > ROW_MAX)
        job->host->row_bad(job, "row", "too long: more rights or parties than one row may have");
    else
        job->host->row_fields(job, &field, 1);
}

bool body_give(struct gwa_job *job, uint64_t line, struct gwa_bytes number, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    struct gwa_bytes whole = {(const uint8_t *)text, text == NULL ? 0 : strlen(text)};
    enum gwa_row_answer answer =
        job->host->row(job, line, number, (struct gwa_bytes){whole.p, whole.n > ROW_MAX ? ROW_MAX : whole.n});

    if (answer == GWA_ROW_PARSE && text == NULL)
        job->host->row_bad(job, "row", "no memory");
    else if (answer == GWA_ROW_PARSE)
        hand_over(job, whole);
    free(text);
    return answer != GWA_ROW_STOP;
}
