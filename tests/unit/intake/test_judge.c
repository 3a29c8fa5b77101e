/* The order of judgement: of two faults the earlier one is told. And what is asked twice. */
#include "fixture.h"

static struct intake_in good(struct world *w, const char *id)
{
    return letter(
        w, &(const struct say){.id = id, .kind = "certification.batch", .body = one_row(w, "grant", code(w, 1))});
}

static void refused_as(struct world *w, const struct intake_in *in, const char *code_name)
{
    struct answer answer = deliver(w, in);
    assert_string_equal(answer.code, code_name);
}
#define REFUSED(w, code_name, ...)                                                                                     \
    do {                                                                                                               \
        struct answer answer = SAY(w, __VA_ARGS__);                                                                    \
        assert_string_equal(answer.code, code_name);                                                                   \
    } while (0)

static const char *invalid_body(struct world *w)
{
    return batch_of(w, "{\"action\":\"erase\"}");
}

/* ---- limits, then signature ---- */

static void size_is_judged_before_the_signature(void **state)
{
    struct world *w = *state;
    struct intake_in in = good(w, "m-1");
    uint8_t *large = arena_alloc(w->arena, MESSAGE_MAX + 1);
    memset(large, ' ', MESSAGE_MAX + 1);
    in.body = bytes_of(large, MESSAGE_MAX + 1);
    refused_as(w, &in, "message.too_large");
    in.body = bytes_of(large, 0);
    refused_as(w, &in, "message.malformed");
}

static void signature_is_judged_before_the_form_of_json(void **state)
{
    struct world *w = *state;
    struct intake_in in = good(w, "m-1");
    struct bytes signature = in.signature;
    in.body = BYTES_LIT("{");
    refused_as(w, &in, "signature.invalid");
    in.signature = (struct bytes){0};
    refused_as(w, &in, "signature.missing");
    in.signature = signature_of(w, in.body);
    refused_as(w, &in, "message.malformed");
    in.signature = signature;
    assert_int_equal(journal_length(w), 0);
}

/* ---- signature, then replay ---- */

static void signature_is_judged_before_replay(void **state)
{
    struct world *w = *state;
    struct intake_in in = good(w, "m-1"), other = good(w, "m-2");
    assert_string_equal(deliver(w, &in).code, "");
    in.signature = other.signature;
    refused_as(w, &in, "signature.invalid");
}

/* ---- replay, then schema, age, authorisation ---- */

static void replay_is_judged_before_everything_behind_it(void **state)
{
    struct world *w = *state;
    struct intake_in in = good(w, "m-1");
    struct answer first = deliver(w, &in);
    assert_string_equal(first.code, "");
    REFUSED(w, "message.id_reused", .id = "m-1", .kind = "certification.batch", .body = invalid_body(w));
    REFUSED(w, "message.id_reused", .id = "m-1", .kind = "certification.batch", .created_ms = T0 - 90 * DAY,
            .body = one_row(w, "grant", code(w, 1)));
    REFUSED(w, "message.id_reused", .id = "m-1", .kind = "no.such", .receiver = "elsewhere", .body = "{}");
    /* also when the partner may no longer send it, and the message is long stale */
    w->bureau.paused = true;
    in.now_ms = T0 + 300 * DAY;
    struct answer again = deliver(w, &in);
    assert_true(again.duplicate);
    assert_true(bytes_equal(first.receipt, again.receipt));
}

/* ---- schema, then age ---- */

static void schema_is_judged_before_age(void **state)
{
    struct world *w = *state;
    REFUSED(w, "schema.kind_unknown", .id = "m-1", .kind = "no.such", .created_ms = T0 - 90 * DAY, .body = "{}");
    REFUSED(w, "schema.version_unknown", .id = "m-1", .kind = "echo", .version = 2, .created_ms = T0 - 90 * DAY,
            .body = "{}");
    REFUSED(w, "schema.invalid", .id = "m-1", .kind = "certification.batch", .created_ms = T0 - 90 * DAY,
            .body = invalid_body(w));
    REFUSED(w, "schema.invalid", .id = "m-1", .kind = "certification.batch", .receiver = "elsewhere",
            .body = invalid_body(w));
}

/* A number whose low half is 1 is not version 1. */
static void a_version_is_not_cut_down(void **state)
{
    struct world *w = *state;
    const char *text = envelope_and_body(w, &(const struct say){.id = "m-1", .kind = "echo", .body = "{}"});
    const char *at = strstr(text, "\"version\":1") + strlen("\"version\":");
    struct intake_in in = good(w, "m-1");
    in.body = bytes_str(arena_printf(w->arena, "%.*s4294967297%s", (int)(at - text), text, at + 1));
    in.signature = signature_of(w, in.body);
    refused_as(w, &in, "schema.version_unknown");
}

/* ---- age, then authorisation ---- */

static void age_is_judged_before_authorisation(void **state)
{
    struct world *w = *state;
    const char *body = one_row(w, "grant", code(w, 1));
    REFUSED(w, "message.stale", .id = "m-1", .kind = "certification.batch", .created_ms = T0 - 73 * HOUR,
            .sender = "bureau-2", .receiver = "elsewhere", .body = body);
    REFUSED(w, "message.future", .id = "m-1", .kind = "certification.batch", .created_ms = T0 + 6 * MINUTE,
            .sender = "bureau-2", .body = body);
    REFUSED(w, "sender.mismatch", .id = "m-1", .kind = "certification.batch", .created_ms = T0 - 71 * HOUR,
            .sender = "bureau-2", .receiver = "elsewhere", .body = body);
    REFUSED(w, "message.receiver", .id = "m-1", .kind = "certification.batch", .created_ms = T0 + 4 * MINUTE,
            .receiver = "elsewhere", .body = body);
    assert_int_equal(journal_length(w), 0);
}

/* ---- authorisation ---- */

static void a_paused_sender_is_told_that_first(void **state)
{
    struct world *w = *state;
    w->bank.paused = true;
    REFUSED(w, "sender.paused", .from = &w->bank, .id = "m-1", .kind = "certification.batch",
            .body = one_row(w, "grant", code(w, 1)));
}

static void role_is_judged_before_the_kinds_agreed(void **state)
{
    struct world *w = *state;
    static const char *const none[] = {NULL};
    const char *body = one_row(w, "grant", code(w, 1));
    w->bank.kinds = none;
    REFUSED(w, "sender.role", .from = &w->bank, .id = "m-1", .kind = "certification.batch", .body = body);
    w->bureau.kinds = none;
    REFUSED(w, "sender.kind", .id = "m-1", .kind = "certification.batch", .body = body);
    REFUSED(w, "sender.kind", .from = &w->bank, .id = "m-1", .kind = "whitelist.change",
            .body = arena_printf(w->arena,
                                 "{\"first\":1,\"last\":1,\"changes\":[{\"sequence\":1,\"uscc\":\"%s\",\"name\":\"n\","
                                 "\"from\":\"listed\",\"to\":\"removed\",\"reasons\":[\"withdrawn\"]}]}",
                                 code(w, 1)));
}

/* ---- the same id again ---- */

static void the_same_bytes_give_the_same_receipt_at_any_age(void **state)
{
    struct world *w = *state;
    for (int form = INTAKE_JSON; form <= INTAKE_XML; form++) {
        struct intake_in in = letter(w, &(const struct say){.form = (enum intake_form)form,
                                                            .id = arena_printf(w->arena, "m-%d", form),
                                                            .kind = "certification.batch",
                                                            .body = one_row(w, "grant", code(w, 1))});
        struct answer first = deliver(w, &in);
        assert_string_equal(first.code, "");
        assert_false(first.duplicate);
        uint64_t length = journal_length(w);
        in.now_ms = T0 + 6 * HOUR;
        struct answer again = deliver(w, &in);
        assert_true(again.duplicate);
        if (form != INTAKE_XML)
            assert_true(bytes_equal(first.receipt, again.receipt));
        assert_int_equal(journal_length(w), length);
    }
}

static void an_id_is_the_senders_own(void **state)
{
    struct world *w = *state;
    const char *body = one_row(w, "grant", code(w, 1));
    assert_string_equal(SAY(w, .id = "m-1", .kind = "certification.batch", .body = body).code, "");
    struct answer other = SAY(w, .from = &w->other, .id = "m-1", .kind = "certification.batch", .body = body);
    assert_string_equal(other.code, "");
    assert_false(other.duplicate);
}

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool inside, open;
};

static bool wait_inside(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct gate *gate = arg;
    (void)tx;
    (void)err;
    pthread_mutex_lock(&gate->lock);
    gate->inside = true;
    pthread_cond_broadcast(&gate->moved);
    while (!gate->open)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
    return true;
}

static void gate_ended(void *arg, const struct err *err)
{
    (void)arg;
    (void)err;
}

static void gate_close(struct world *w, struct gate *gate)
{
    struct err err = {0};
    *gate = (struct gate){.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    NEED(ledger_submit(w->ledger, wait_inside, gate_ended, gate, &err), err);
    pthread_mutex_lock(&gate->lock);
    while (!gate->inside)
        pthread_cond_wait(&gate->moved, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

static void gate_open(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->moved);
    pthread_mutex_unlock(&gate->lock);
}

/* Both are read before either is decided, and both are decided in one transaction. */
static void two_under_way(struct world *w, const struct intake_in in[2], struct outcome outcomes[2],
                          struct intake_case *cases[2])
{
    struct gate gate;
    struct err err = {0};
    gate_close(w, &gate);
    for (int i = 0; i < 2; i++) {
        outcome_init(&outcomes[i]);
        NEED(intake_read(w->intake, &in[i], &cases[i], &err), err);
        assert_false(intake_duplicate(cases[i]));
        NEED(intake_decide(cases[i], outcome_done, &outcomes[i], &err), err);
    }
    gate_open(&gate);
    for (int i = 0; i < 2; i++)
        outcome_wait(&outcomes[i]);
}

static void the_same_twice_at_once_is_one_record(void **state)
{
    struct world *w = *state;
    struct outcome outcomes[2];
    struct intake_case *cases[2];
    struct answer answers[2] = {{0}};
    struct intake_in in = good(w, "m-1"), both[2] = {in, in};
    two_under_way(w, both, outcomes, cases);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(outcomes[i].err.code, ERR_NONE);
        take_receipt(w, cases[i], true, &answers[i]);
        intake_close(&cases[i]);
    }
    assert_int_equal(answers[0].duplicate + answers[1].duplicate, 1);
    assert_true(bytes_equal(answers[0].receipt, answers[1].receipt));
    assert_int_equal(entries(w, TABLE_MESSAGE), 1);
    assert_int_equal(journal_length(w), 2); /* the firm's and the message's */
}

static void other_bytes_at_once_are_refused_and_kept(void **state)
{
    struct world *w = *state;
    struct outcome outcomes[2];
    struct intake_case *cases[2];
    const struct intake_in both[2] = {good(w, "m-1"),
                                      letter(w, &(const struct say){.id = "m-1",
                                                                    .kind = "certification.batch",
                                                                    .body = one_row(w, "grant", code(w, 2))})};
    two_under_way(w, both, outcomes, cases);
    assert_int_equal(outcomes[0].err.code, ERR_NONE);
    assert_int_equal(outcomes[1].err.code, ERR_MESSAGE_ID_REUSED);
    intake_close(&cases[0]);
    intake_close(&cases[1]);
    assert_int_equal(status_of(w, code(w, 2)), LISTING_NONE);
    assert_string_equal(
        SAY(w, .id = "m-2", .kind = "certification.batch", .body = one_row(w, "grant", code(w, 3))).code, "");
    assert_int_equal(entries(w, TABLE_REFUSED), 1);
}

static bool write_and_fail(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct store_key key = key_text("test");
    (void)arg;
    store_put(ledger_txn(tx), TABLE_META, &key, BYTES_LIT("x"));
    return err_set(err, ERR_INTERNAL, "test", "after writing");
}

/* Another job of the transaction makes it void: everything is decided anew, and nothing of the first time is left. */
static void a_decision_may_be_made_twice(void **state)
{
    struct world *w = *state;
    struct gate gate;
    struct outcome outcome;
    struct intake_case *c;
    struct answer answer = {0};
    struct err err = {0};
    const struct intake_in in = letter(
        w,
        &(const struct say){.id = "m-1",
                            .kind = "certification.batch",
                            .body = batch_of(w, arena_printf(w->arena, "%s,%s,%s", cert_row(w, "grant", code(w, 1), ""),
                                                             cert_row(w, "grant", "91140100", ""),
                                                             cert_row(w, "grant", code_of(w, 2, true), "")))});
    gate_close(w, &gate);
    outcome_init(&outcome);
    NEED(intake_read(w->intake, &in, &c, &err), err);
    NEED(intake_decide(c, outcome_done, &outcome, &err), err);
    NEED(ledger_submit(w->ledger, write_and_fail, gate_ended, NULL, &err), err);
    gate_open(&gate);
    outcome_wait(&outcome);
    assert_int_equal(outcome.err.code, ERR_NONE);
    take_receipt(w, c, true, &answer);
    intake_close(&c);
    assert_int_equal(json_count(json_member(answer.body, "rows")), 2);
    assert_int_equal(entries(w, TABLE_HELD), 1);
    assert_int_equal(journal_length(w), 4); /* two firms', the question, the message's */
    rebuild_is_equal(w);
}

/* A body of this size with white space behind it; its signature is good. */
static struct intake_in padded(struct world *w, const char *id, size_t size)
{
    struct intake_in in = good(w, id);
    uint8_t *body = arena_alloc(w->arena, size);
    memset(body, ' ', size);
    memcpy(body, in.body.p, in.body.n);
    in.body = bytes_of(body, size);
    in.signature = signature_of(w, in.body);
    return in;
}

#define FIT (INTAKE_WAITING_MAX / MESSAGE_MAX)

static void decide_later(struct world *w, const struct intake_in *in, struct outcome *outcome, struct intake_case **c)
{
    struct err err = {0};
    outcome_init(outcome);
    NEED(intake_read(w->intake, in, c, &err), err);
    NEED(intake_decide(*c, outcome_done, outcome, &err), err);
}

/* Another large one is turned away while eight of the largest wait, a small one is not; then there is room again. */
static void so_many_bytes_wait_and_no_more(void **state)
{
    struct world *w = *state;
    struct gate gate;
    struct outcome outcomes[FIT + 1];
    struct intake_case *cases[FIT + 1], *more;
    struct err err = {0};
    struct intake_in small = good(w, "small"), in = padded(w, "more", INTAKE_SMALL + 1);
    gate_close(w, &gate);
    for (unsigned i = 0; i < FIT; i++) {
        struct intake_in largest = padded(w, arena_printf(w->arena, "m-%u", i), MESSAGE_MAX);
        decide_later(w, &largest, &outcomes[i], &cases[i]);
    }
    decide_later(w, &small, &outcomes[FIT], &cases[FIT]);
    NEED(intake_read(w->intake, &in, &more, &err), err);
    assert_false(intake_decide(more, outcome_done, NULL, &err));
    assert_int_equal(err.code, ERR_BUSY_QUEUE);
    intake_close(&more);
    gate_open(&gate);
    for (unsigned i = 0; i <= FIT; i++) {
        outcome_wait(&outcomes[i]);
        assert_int_equal(outcomes[i].err.code, ERR_NONE);
        intake_close(&cases[i]);
    }
    assert_string_equal(deliver(w, &in).code, "");
}

static void a_gateway_that_stops_says_so(void **state)
{
    struct world *w = *state;
    struct outcome outcome;
    struct intake_case *c;
    struct err err = {0};
    const struct intake_in in = good(w, "m-1");
    NEED(intake_read(w->intake, &in, &c, &err), err);
    ledger_stop(w->ledger);
    outcome_init(&outcome);
    assert_false(intake_decide(c, outcome_done, &outcome, &err));
    assert_int_equal(err_info(err.code)->kind, ERR_KIND_BUSY);
    assert_false(outcome.ended);
    intake_close(&c);
}

/* ---- keys ---- */

static void use_certificates(struct world *w, const char *const *names, size_t n, struct crypto_key **keys)
{
    struct err err = {0};
    w->bureau.signing.key_n = n;
    for (size_t i = 0; i < n; i++) {
        NEED(crypto_key_from_file(in_dir(w, names[i]), &keys[i], &err), err);
        w->bureau.signing.keys[i] = keys[i];
    }
}

static void a_key_ends_with_its_last_certificate(void **state)
{
    struct world *w = *state;
    static const char *const names[] = {"short.pem", "long.pem"};
    struct crypto_key *keys[2] = {NULL};
    struct intake_in in = good(w, "m-1");
    write_file(w, "key.pem", KEY_PEM);
    shell(w, "for t in short:30 long:90; do openssl req -x509 -new -key key.pem -subj /CN=x -days ${t#*:} "
             "-out ${t%%:*}.pem; done");
    use_certificates(w, names, 1, keys);
    in.now_ms = crypto_key_not_after(keys[0]) + 1;
    refused_as(w, &in, "signature.key_unknown");
    crypto_key_free(&keys[0]);
    /* renewed, the old certificate still in the file */
    use_certificates(w, names, 2, keys);
    refused_as(w, &in, in.now_ms - T0 > 72 * HOUR ? "message.stale" : "");
    in.now_ms = crypto_key_not_after(keys[1]) + 1;
    refused_as(w, &in, "signature.key_unknown");
    crypto_key_free(&keys[0]);
    crypto_key_free(&keys[1]);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(size_is_judged_before_the_signature),
        TEST(signature_is_judged_before_the_form_of_json),
        TEST(signature_is_judged_before_replay),
        TEST(replay_is_judged_before_everything_behind_it),
        TEST(schema_is_judged_before_age),
        TEST(a_version_is_not_cut_down),
        TEST(age_is_judged_before_authorisation),
        TEST(a_paused_sender_is_told_that_first),
        TEST(role_is_judged_before_the_kinds_agreed),
        TEST(the_same_bytes_give_the_same_receipt_at_any_age),
        TEST(an_id_is_the_senders_own),
        TEST(the_same_twice_at_once_is_one_record),
        TEST(other_bytes_at_once_are_refused_and_kept),
        TEST(a_decision_may_be_made_twice),
        TEST(so_many_bytes_wait_and_no_more),
        TEST(a_gateway_that_stops_says_so),
        TEST(a_key_ends_with_its_last_certificate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
