/* What a partner is sent, and in which order. */
#include "fixture.h"

static int start(void **state)
{
    (void)state;
    set_time(T0);
    open_data();
    return 0;
}

static void whoever_comes_starts_from_the_snapshot(void **state)
{
    (void)state;
    uint64_t head = list_firms(0, 3);
    see_partners();
    cut_all();
    assert_string_equal(letters("bank-a", 0), arena_printf(w.arena, "wc-1-%llu ", (unsigned long long)head));
    assert_true(first_letter("bank-a").snapshot);
    assert_string_equal(letters("registry-ty", 0), "");
    uint64_t next = list_firms(3, 1);
    cut_all();
    assert_string_equal(letters("bank-a", head), arena_printf(w.arena, "wc-%llu-%llu ", (unsigned long long)next,
                                                              (unsigned long long)next));
    assert_string_equal(letters("registry-ty", 0), "");
}

static void a_cut_has_at_most_500_changes(void **state)
{
    (void)state;
    see_partners();
    list_firms(0, 1200);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-500 wc-501-1000 wc-1001-1200 ");
}

static void a_run_is_told_when_it_has_ended(void **state)
{
    (void)state;
    see_partners();
    list_firms(0, 2);
    struct rows run = {.first = 10, .n = 3, .begins = true};
    write_rows(&run);
    list_firms(20, 1); /* from elsewhere, behind the run's first: it waits as well */
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-2 ");
    /* what is not about the list goes its way, but not past it for those who are sent the list */
    uint64_t seq = write_mail(RECORD_MESSAGE, "bank-z", "m-1", "bank-a registry-ty", "{}");
    assert_string_equal(letters("bank-a", 0), "wc-1-2 ");
    assert_string_equal(letters("registry-ty", 0), "f-7 ");
    assert_int_equal(seq, 7);
    struct rows end = {.first = 13, .n = 2, .ends = true, .hold = run.hold};
    write_rows(&end);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-2 f-7 wc-3-9 ");
}

static void a_first_list_is_one_word(void **state)
{
    (void)state;
    see_partners();
    struct rows run = {.first = 0, .n = 600, .begins = true};
    write_rows(&run);
    struct rows inner = {.first = 2000, .n = 2, .begins = true};
    write_rows(&inner);
    struct rows end = {.first = 600, .n = 600, .ends = true, .snapshot = true, .hold = run.hold};
    write_rows(&end);
    cut_all();
    assert_string_equal(letters("bank-a", 0), ""); /* a run that began within it goes on */
    struct rows inner_end = {.first = 2002, .n = 1, .ends = true, .hold = inner.hold};
    write_rows(&inner_end);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-1202 wc-1203-1203 ");
    assert_true(first_letter("bank-a").snapshot);
}

static void a_first_list_that_changed_nothing_is_not_told(void **state)
{
    (void)state;
    see_partners();
    struct rows run = {.first = 0, .n = 2};
    write_rows(&run);
    cut_all();
    struct rows again = {.n = 0, .begins = true, .ends = true, .snapshot = true};
    write_rows(&again);
    list_firms(5, 1);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-2 wc-3-3 ");
}

static void what_was_long_ago_is_forgotten(void **state)
{
    (void)state;
    struct err err = {0};
    see_partners();
    list_firms(0, 700);
    cut_all();
    set_time(T0 + 1000LL * 24 * 3600 * 1000);
    list_firms(700, 1);
    cut_all();
    NEED(delivery_forget(w.delivery, T0 - 1, &err), err);
    assert_string_equal(letters("bank-a", 0), "wc-1-500 wc-501-700 wc-701-701 ");
    NEED(delivery_forget(w.delivery, T0 + 24LL * 3600 * 1000, &err), err);
    assert_string_equal(letters("bank-a", 0), "wc-701-701 ");
}

static void receipts_come_in_their_place(void **state)
{
    (void)state;
    see_partners();
    list_firms(0, 1);
    cut_all();
    write_mail(RECORD_MESSAGE, "bank-a", "m-1", "", "{}");
    write_mail(RECORD_RECEIPT, "bank-a", "m-1", "bank-a", "");
    list_firms(1, 1);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-1 r-3 wc-4-4 ");
    assert_string_equal(letters("bank-x", 0), "wc-1-1 wc-4-4 ");
    assert_string_equal(letters("bank-a", 3), "wc-4-4 ");
}

/* ---- acknowledging, going back -------------------------------------------------------------------------------------- */

static void an_ack_reaches_the_newest_and_no_further(void **state)
{
    (void)state;
    struct err err = {0};
    uint64_t cursor;
    see_partners();
    list_firms(0, 3);
    cut_all();
    write_mail(RECORD_MESSAGE, "bank-z", "m-1", "bank-a", "{}");
    NEED(delivery_ack(w.delivery, "bank-a", 3, &cursor, &err), err);
    assert_int_equal(cursor, 3);
    NEED(delivery_ack(w.delivery, "bank-a", 1, &cursor, &err), err);
    assert_int_equal(cursor, 3);
    assert_false(delivery_ack(w.delivery, "bank-a", 5, &cursor, &err));
    assert_int_equal(err.code, ERR_MAILBOX_FUTURE);
    NEED(delivery_ack(w.delivery, "bank-a", 4, &cursor, &err), err);
    assert_int_equal(first_letter("bank-a").n, 0);
    assert_false(delivery_ack(w.delivery, "nobody", 1, &cursor, &err));
    assert_int_equal(err.code, ERR_PARTNER_UNKNOWN);
}

static void going_back_never_goes_before_the_first_day(void **state)
{
    (void)state;
    const struct actor person = {ACTOR_PERSON, "operator-1"};
    struct err err = {0};
    uint64_t cursor;
    list_firms(0, 3);
    see_partners();
    cut_all();
    for (unsigned i = 3; i < 6; i++) {
        set_time(w.now + HOUR);
        list_firms(i, 1);
        cut_all();
    }
    NEED(delivery_ack(w.delivery, "bank-a", 6, &cursor, &err), err);
    NEED(delivery_recover(w.delivery, "bank-a", T0 + 2 * HOUR, &person, &cursor, &err), err);
    assert_int_equal(cursor, 4);
    assert_string_equal(letters("bank-a", cursor), "wc-5-5 wc-6-6 ");
    NEED(delivery_recover(w.delivery, "bank-a", 0, &person, &cursor, &err), err);
    assert_int_equal(cursor, 2);
    assert_string_equal(letters("bank-a", cursor), "wc-1-3 wc-4-4 wc-5-5 wc-6-6 ");
    NEED(delivery_recover(w.delivery, "bank-a", T0 + DAY, &person, &cursor, &err), err);
    assert_int_equal(cursor, 2); /* forward it does not go */
}

static void who_stops_and_starts_taking_the_list_begins_anew(void **state)
{
    (void)state;
    see_partners();
    list_firms(0, 2);
    cut_all();
    assert_string_equal(letters("bank-a", 0), "wc-1-2 ");
    set_force("partners:\n" BANK("bank-a", KEY_A, "    receives: []\n"));
    assert_string_equal(letters("bank-a", 0), "");
    uint64_t head = list_firms(2, 2);
    cut_all();
    set_force("partners:\n" BANK("bank-a", KEY_A, "    receives: [whitelist.change]\n"));
    assert_string_equal(letters("bank-a", 0), arena_printf(w.arena, "wc-1-%llu ", (unsigned long long)head));
    assert_true(first_letter("bank-a").snapshot);
}

/* ---- how many wait ------------------------------------------------------------------------------------------------------ */

static int64_t waiting(const char *partner)
{
    struct err err = {0};
    struct buf buf;
    struct json_out json;
    int64_t n = -1;
    AUTO_JSON doc = NULL;
    buf_init(&buf, 4096);
    json_out_init(&json, &buf);
    json_begin_object(&json);
    NEED(delivery_status(w.delivery, partner, &json, &err), err);
    json_end_object(&json);
    NEED(json_parse(buf_bytes(&buf), &doc, &err), err);
    assert_true(json_integer(json_member(json_root(doc), "waiting"), &n));
    buf_free(&buf);
    return n;
}

static void what_waits_is_counted_as_it_comes_and_goes(void **state)
{
    (void)state;
    struct err err = {0};
    uint64_t cursor;
    see_partners();
    assert_int_equal(waiting("bank-a"), 0);
    for (unsigned i = 0; i < 5; i++) {
        list_firms(i, 1);
        cut_all();
        write_mail(RECORD_MESSAGE, "bank-z", arena_printf(w.arena, "m-%u", i), "bank-a", "{}");
        assert_int_equal(waiting("bank-a"), 2 * (i + 1));
    }
    assert_int_equal(waiting("bank-x"), 5);
    NEED(delivery_ack(w.delivery, "bank-a", 6, &cursor, &err), err);
    assert_int_equal(waiting("bank-a"), 4);
    NEED(delivery_ack(w.delivery, "bank-a", 10, &cursor, &err), err);
    assert_int_equal(waiting("bank-a"), 0);
}

/* ---- what it says -------------------------------------------------------------------------------------------------------- */

struct box {
    size_t n;
    char ids[1024];
    struct message *last;
};

/* Everything that goes out is a message of the catalogue, whoever reads it. */
static void put_item(void *arg, const struct delivery_item *item)
{
    struct box *box = arg;
    struct err err = {0}, faults[1] = {{0}};
    struct message *message = NULL;
    size_t n;
    bool xml = strcmp(item->media_type, "application/xml") == 0;
    NEED(xml ? message_read_xml(item->body, &message, &err) : message_read_json(item->body, &message, &err), err);
    if (xml)
        message_drop_signature(message);
    if (!message_validate(w.catalog, message, faults, 1, &n))
        fail_msg("%s: %s at %s: %s", item->id, err_info(faults[0].code)->code, faults[0].place, faults[0].detail);
    snprintf(box->ids + strlen(box->ids), sizeof box->ids - strlen(box->ids), "%s ", item->id);
    box->n++;
    message_free(&box->last);
    box->last = message;
}

static struct box open_box(const char *partner)
{
    struct box box = {0};
    struct err err = {0};
    uint64_t last;
    NEED(delivery_mailbox(w.delivery, partner, 0, DELIVERY_PAGE_BYTES, put_item, &box, &last, &err), err);
    return box;
}

#define REQUEST                                                                                                        \
    "{\"envelope\":{\"id\":\"m-1\",\"kind\":\"guidance.request\",\"version\":1,\"sender\":\"bank-z\",\"receiver\":"     \
    "\"" GATEWAY "\",\"created\":\"2026-11-24T10:00:00+08:00\",\"traceparent\":"                                       \
    "\"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\"},"                                                    \
    "\"body\":{\"uscc\":\"91140100110010402W\",\"right_kind\":\"patent\",\"question\":\"which office\"}}"

static void what_is_passed_on_keeps_its_words(void **state)
{
    (void)state;
    struct message_envelope envelope;
    struct err err = {0};
    see_partners();
    write_mail(RECORD_MESSAGE, "bank-z", "m-1", "registry-ty", REQUEST);
    struct box box = open_box("registry-ty");
    assert_string_equal(box.ids, "f-1 ");
    NEED(message_envelope(box.last, &envelope, &err), err);
    assert_string_equal(envelope.kind, "guidance.request");
    assert_string_equal(envelope.sender, GATEWAY);
    assert_string_equal(envelope.receiver, "registry-ty");
    assert_string_equal(envelope.in_reply_to, "m-1");
    assert_string_equal(envelope.traceparent, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert_string_equal(message_text(message_member(message_body(box.last), "question")), "which office");
    message_free(&box.last);
}

static const char *first_change(const struct message *message, const char *member)
{
    return message_text(message_member(message_at(message_body(message), "changes", 0), member));
}

static void a_withdrawal_says_why(void **state)
{
    (void)state;
    see_partners();
    list_firms(0, 1);
    cut_all();
    struct rows rows = {.first = 0, .n = 1, .withdrawn = true};
    write_rows(&rows);
    cut_all();
    for (int form = 0; form < 2; form++) {
        struct box box = open_box(form == 0 ? "bank-a" : "bank-x");
        assert_string_equal(box.ids, "wc-1-1 wc-2-2 ");
        assert_string_equal(first_change(box.last, "uscc"), code(0));
        assert_string_equal(first_change(box.last, "name"), "firm");
        assert_string_equal(first_change(box.last, "from"), "listed");
        assert_string_equal(first_change(box.last, "to"), "removed");
        const struct message_node *change = message_at(message_body(box.last), "changes", 0);
        assert_string_equal(message_text(message_at(change, "reasons", 0)), "withdrawn");
        message_free(&box.last);
    }
}

static void bytes_never_change(void **state)
{
    (void)state;
    struct err err = {0};
    see_partners();
    list_firms(0, 1);
    cut_all();
    struct box box = open_box("bank-a");
    message_free(&box.last);
    struct store_txn *txn = store_read(w.store, &err);
    struct letter letter = {.n = 1, .kind = LETTER_CUT};
    struct store_key key = parcel_key("bank-a", &letter, "json ES256");
    struct parcel parcel;
    assert_true(parcel_read(txn, &key, &parcel));
    const char *first = arena_strdup(w.arena, parcel.signature);
    store_read_end(&txn);
    box = open_box("bank-a");
    message_free(&box.last);
    txn = store_read(w.store, &err);
    assert_true(parcel_read(txn, &key, &parcel));
    assert_string_equal(parcel.signature, first); /* ES256 signs anew with other bytes each time */
    store_read_end(&txn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whoever_comes_starts_from_the_snapshot, start, stop),
        cmocka_unit_test_setup_teardown(a_cut_has_at_most_500_changes, start, stop),
        cmocka_unit_test_setup_teardown(a_run_is_told_when_it_has_ended, start, stop),
        cmocka_unit_test_setup_teardown(a_first_list_is_one_word, start, stop),
        cmocka_unit_test_setup_teardown(a_first_list_that_changed_nothing_is_not_told, start, stop),
        cmocka_unit_test_setup_teardown(what_was_long_ago_is_forgotten, start, stop),
        cmocka_unit_test_setup_teardown(receipts_come_in_their_place, start, stop),
        cmocka_unit_test_setup_teardown(an_ack_reaches_the_newest_and_no_further, start, stop),
        cmocka_unit_test_setup_teardown(going_back_never_goes_before_the_first_day, start, stop),
        cmocka_unit_test_setup_teardown(who_stops_and_starts_taking_the_list_begins_anew, start, stop),
        cmocka_unit_test_setup_teardown(what_waits_is_counted_as_it_comes_and_goes, start, stop),
        cmocka_unit_test_setup_teardown(what_is_passed_on_keeps_its_words, start, stop),
        cmocka_unit_test_setup_teardown(a_withdrawal_says_why, start, stop),
        cmocka_unit_test_setup_teardown(bytes_never_change, start, stop),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
