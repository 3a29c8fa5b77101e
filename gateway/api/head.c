/* head: what anybody who is known may hold against the gateway: its newest signed head, and proofs that lead to it.
 * Leaves are commitments: whose records they are nobody learns from them. */
#include "api/internal.h"

#define SEQ_MAX INT64_C(999999999999999999)

bool api_do_head(struct ask *ask, struct err *err)
{
    struct head head;
    struct bytes note;

    CHECK(heads_newest(ask->api->options.heads, ask->arena, &head, &note, err));
    head_write(&ask->json, &head, note);
    return true;
}

static bool need_number(struct ask *ask, const char *name, uint64_t *out, struct err *err)
{
    *out = 0;
    CHECK(ask_number(ask, name, 1, SEQ_MAX, out, err));
    return *out > 0 || err_set(err, ERR_HTTP_QUERY, name, "a number from 1 is expected");
}

/* Only what a head was signed for is proved: its signature is what a proof leads to. */
static bool covers(const struct head *head, uint64_t size, struct err *err)
{
    return size <= head->size || err_set(err, ERR_PROOF_NOT_YET, NULL, "size %llu of %llu", (unsigned long long)size,
                                         (unsigned long long)head->size);
}

bool api_do_proof(struct ask *ask, struct err *err)
{
    struct head head;
    struct head_proof proof;
    struct bytes note;
    uint64_t seq, size = 0;

    CHECK(need_number(ask, "seq", &seq, err));
    CHECK(ask_number(ask, "size", 1, SEQ_MAX, &size, err));
    CHECK(heads_newest(ask->api->options.heads, ask->arena, &head, &note, err));
    CHECK(covers(&head, size, err));
    AUTO_READ txn = store_read(ask->api->options.store, err);
    if (!txn)
        return false;
    const struct journal_nodes nodes = {ask->api->options.journal, txn};
    CHECK(head_prove(&nodes, seq, size ? size : head.size, &proof, err));
    json_begin_object(&ask->json);
    head_proof_write(&ask->json, &proof);
    if (size == 0) {
        json_key(&ask->json, "head");
        head_write(&ask->json, &head, note);
    }
    json_end_object(&ask->json);
    return true;
}

bool api_do_consistency(struct ask *ask, struct err *err)
{
    struct head head;
    struct head_proof proof;
    struct bytes note;
    uint64_t from, to;

    CHECK(need_number(ask, "from", &from, err));
    CHECK(need_number(ask, "to", &to, err));
    if (from > to)
        return err_set(err, ERR_HTTP_QUERY, "from", "not more than `to` is expected");
    CHECK(heads_newest(ask->api->options.heads, ask->arena, &head, &note, err));
    CHECK(covers(&head, to, err));
    AUTO_READ txn = store_read(ask->api->options.store, err);
    if (!txn)
        return false;
    const struct journal_nodes nodes = {ask->api->options.journal, txn};
    CHECK(head_prove_growth(&nodes, from, to, &proof, err));
    json_begin_object(&ask->json);
    head_proof_write(&ask->json, &proof);
    json_end_object(&ask->json);
    return true;
}
