/* journal: its head, its verification, its export for people who keep a copy elsewhere. */
#include "api/internal.h"
#include "api/slow.h"

#define EXPORT_DEFAULT 1000
#define EXPORT_MAX 10000

bool api_do_journal_head(struct ask *ask, struct err *err)
{
    struct journal_head head;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(journal_head(ask->api->options.journal, txn, &head, err));
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "origin", ask_config(ask)->gateway_origin);
    api_head_write(&ask->json, &head);
    json_end_object(&ask->json);
    return true;
}

bool api_do_journal_verify(struct ask *ask, struct err *err)
{
    static const char *const members[] = {"from", NULL};
    struct journal_head head;
    int64_t from = 1;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(json_only(ask_object(ask), "", members, err));
    CHECK(json_opt_integer(ask_object(ask), "", "from", 1, INT64_MAX, &from, err));
    CHECK(journal_verify(ask->api->options.journal, txn, (uint64_t)from, slow_goes_on, ask->api, &head,
                         err));
    json_begin_object(&ask->json);
    api_head_write(&ask->json, &head);
    json_add_integer(&ask->json, "verified", (uint64_t)from > head.size ? 0 : (int64_t)head.size - from + 1);
    json_end_object(&ask->json);
    return true;
}

/* One line; a purged record is null and its leaf stays. */
static bool write_line(struct ask *ask, struct store_txn *txn, uint64_t seq, struct err *err)
{
    struct journal *journal = ask->api->options.journal;
    struct bytes record, leaf;
    struct json_out json;

    CHECK(journal_read_leaf(journal, txn, seq, &leaf, err));
    CHECK(journal_read(journal, txn, seq, &record, err));
    json_out_init(&json, &ask->out);
    json_begin_object(&json);
    json_add_integer(&json, "seq", (int64_t)seq);
    json_key(&json, "leaf");
    struct buf text;
    buf_init(&text, 2 * RECORD_LEAF_MAX);
    base64_encode(&text, leaf, false);
    json_put_bytes(&json, buf_bytes(&text));
    buf_free(&text);
    json_key(&json, "record");
    json_put_raw(&json, record.n > 0 ? record : BYTES_LIT("null"));
    json_end_object(&json);
    buf_byte(&ask->out, '\n');
    return true;
}

bool api_do_journal_export(struct ask *ask, struct err *err)
{
    uint64_t from = 1;
    uint64_t limit = EXPORT_DEFAULT;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    CHECK(ask_number(ask, "from", 1, INT64_MAX, &from, err));
    CHECK(ask_number(ask, "limit", 1, EXPORT_MAX, &limit, err));
    uint64_t size = journal_size(ask->api->options.journal, txn);
    /* long records end a page early: the next one starts behind the last line */
    for (uint64_t seq = from; seq <= size && seq - from < limit; seq++) {
        if (ask->out.n > API_OUT_MAX - 2 * RECORD_BYTES_MAX)
            break;
        CHECK(write_line(ask, txn, seq, err));
    }
    return true;
}
