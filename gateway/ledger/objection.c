/* Objections that are not answered yet. */
#include "ledger/internal.h"

#include <string.h>

bool objection_list(struct store_txn *txn, struct arena *arena, const char *uscc, objection_each *each, void *arg,
                    struct err *err)
{
    struct store_key prefix = key_history(uscc, STORE_PREFIX);
    struct store_walk walk;
    bool ok = true, more = true;
    for (store_walk(&walk, txn, TABLE_OBJECTION, NULL, &prefix); ok && more && store_next(&walk);) {
        AUTO_JSON doc = NULL;
        ok = json_parse(walk.value, &doc, err) || err_set(err, ERR_STORE_CORRUPT, uscc, "objection");
        if (!ok)
            break;
        const json_value *o = json_root(doc);
        const struct objection objection = {deal_text(arena, o, "origin"), deal_text(arena, o, "against"),
                                            deal_date(o, "answer_by"), get_be64(walk.key.p + walk.key.n - 8)};
        more = each(arg, &objection);
    }
    store_walk_end(&walk);
    return ok && !store_failed(txn, err);
}

bool apply_objection(struct apply *apply, const struct record *record, struct err *err)
{
    bool raised = strcmp(record->act, "raised") == 0;
    struct store_key key = key_history(record->uscc, raised ? record->seq : (uint64_t)record->answers);
    struct json_out out;
    if (!raised) {
        store_delete(apply->txn, TABLE_OBJECTION, &key);
        return true;
    }
    buf_reset(&apply->value);
    json_out_init(&out, &apply->value);
    json_begin_object(&out);
    json_add_string(&out, "origin", record->origin);
    json_add_string(&out, "against", record->object);
    json_add_date_opt(&out, "answer_by", record->answer_by);
    json_end_object(&out);
    return apply_put_json(apply, TABLE_OBJECTION, &key, record->uscc, err);
}
