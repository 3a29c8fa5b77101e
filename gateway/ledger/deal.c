/* What the files about credit, pledges, rights and objections share: stored JSON, and the index of who is named. */
#include "ledger/internal.h"

#include <stdio.h>
#include <string.h>

void apply_subject(struct apply *apply, const char *uscc, const struct record *record)
{
    if (uscc[0] == '\0')
        return;
    struct store_key key = key_history(uscc, record->seq);
    store_put(apply->txn, TABLE_SUBJECT, &key, bytes_str(record_kind_name(record->kind)));
}

bool apply_put_json(struct apply *apply, enum store_table table, const struct store_key *key, const char *place,
                    struct err *err)
{
    if (apply->value.overflow)
        return err_set(err, ERR_INTERNAL, place, "a value of table %s is too large", store_table_name(table));
    store_put(apply->txn, table, key, buf_bytes(&apply->value));
    return true;
}

const char *deal_text(struct arena *arena, const json_value *object, const char *name)
{
    const char *text = json_string(json_member(object, name));
    return text == NULL ? "" : arena_strdup(arena, text);
}

int64_t deal_integer(const json_value *object, const char *name, int64_t otherwise)
{
    int64_t value = otherwise;
    json_integer(json_member(object, name), &value);
    return value;
}

date_day deal_date(const json_value *object, const char *name)
{
    const char *text = json_string(json_member(object, name));
    date_day day = DATE_NONE;
    if (text != NULL)
        date_parse(bytes_str(text), &day);
    return day;
}

void deal_uscc(const json_value *object, const char *name, char out[USCC_SIZE])
{
    const char *text = json_string(json_member(object, name));
    snprintf(out, USCC_SIZE, "%s", text == NULL ? "" : text);
}

void deal_amount(struct json_out *out, const char *name, int64_t amount)
{
    if (amount != AMOUNT_NONE)
        json_add_integer(out, name, amount);
}
