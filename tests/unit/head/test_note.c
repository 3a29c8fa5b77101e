/* Heads as signed text and proofs as JSON: what is written is read back, and whatever is changed is refused. */
#include "fixture.h"

static struct head some_head(void)
{
    struct head head = {.origin = ORIGIN, .size = 1234, .time_ms = T0};
    for (int i = 0; i < MERKLE_HASH; i++)
        head.root.b[i] = (uint8_t)(i * 7);
    return head;
}

struct signed_note {
    struct crypto_keyring *ring;
    struct head_key keys[2];
    struct buf note;
};

static struct signed_note sign_some(struct world *w)
{
    struct signed_note out = {.ring = new_ring(w->directory)};
    struct head head = some_head();
    struct err err = {0};
    buf_init(&out.note, HEAD_NOTE_MAX);
    NEED(head_sign(&head, out.ring, &out.note, &err), err);
    trust(out.ring, out.keys);
    return out;
}

static void signed_note_free(struct signed_note *note)
{
    buf_free(&note->note);
    crypto_keyring_free(&note->ring);
}

static void a_note_has_the_lines_of_the_contract(void **state)
{
    struct signed_note note = sign_some(*state);
    static const char text[] =
        "test.log\n1234\nAAcOFRwjKjE4P0ZNVFtiaXB3foWMk5qhqK+2vcTL0tk=\n2026-11-24T10:00:00+08:00\n"
        "\xe2\x80\x94 test.log+ES256 ";
    struct head head;
    struct err err = {0};
    assert_memory_equal(note.note.p, text, sizeof text - 1);
    assert_non_null(strstr((char *)note.note.p, "\n\xe2\x80\x94 test.log+SM2 "));
    NEED(head_verify(buf_bytes(&note.note), note.keys, 2, NULL, &head, &err), err);
    assert_true(note.keys[0].held && note.keys[1].held);
    struct head given = some_head();
    assert_true(head.size == given.size && head.time_ms == given.time_ms && strcmp(head.origin, given.origin) == 0);
    assert_memory_equal(head.root.b, given.root.b, MERKLE_HASH);
    signed_note_free(&note);
}

/* Only who a line says it is by may change unnoticed while another line holds: then it is somebody else's. */
static bool in_a_name(const struct buf *note, size_t at)
{
    size_t start = at;
    while (start > 0 && note->p[start - 1] != '\n')
        start--;
    const uint8_t *space = memrchr(note->p + start, ' ', strcspn((char *)note->p + start, "\n"));
    return note->p[start] == 0xe2 && at >= start + 4 && note->p + at < space;
}

static void any_changed_byte_is_noticed(void **state)
{
    struct signed_note note = sign_some(*state);
    unsigned tolerated = 0;
    for (size_t i = 0; i < note.note.n; i++) {
        for (unsigned bit = 0; bit < 8; bit += 3) {
            struct head head;
            struct err err = {0};
            note.note.p[i] ^= (uint8_t)(1u << bit);
            if (head_verify(buf_bytes(&note.note), note.keys, 2, NULL, &head, &err))
                tolerated++;
            note.note.p[i] ^= (uint8_t)(1u << bit);
            assert_true(err.code != ERR_NONE || in_a_name(&note.note, i));
        }
    }
    assert_true(tolerated < 80);
    signed_note_free(&note);
}

static void cut_anywhere_it_is_no_note_or_has_fewer_signatures(void **state)
{
    struct signed_note note = sign_some(*state);
    unsigned held = 0;
    for (size_t n = 0; n < note.note.n; n++) {
        struct head head;
        struct err err = {0};
        held += head_verify(bytes_of(note.note.p, n), note.keys, 2, NULL, &head, &err);
    }
    assert_int_equal(held, 1); /* where the first signature ends */
    signed_note_free(&note);
}

static void others_may_sign_below_and_count_for_nothing(void **state)
{
    struct signed_note note = sign_some(*state);
    struct head head;
    struct err err = {0};
    buf_str(&note.note, "\xe2\x80\x94 bank-a AAAAAAAAAAAA\n");
    NEED(head_verify(buf_bytes(&note.note), note.keys, 2, NULL, &head, &err), err);
    NEED(head_verify(buf_bytes(&note.note), note.keys, 1, NULL, &head, &err), err);
    assert_false(head_verify(buf_bytes(&note.note), note.keys, 0, NULL, &head, &err));
    assert_int_equal(err.code, ERR_SIGNATURE_KEY_UNKNOWN);
    struct crypto_keyring *other = new_ring(((struct world *)*state)->directory);
    trust(other, note.keys);
    err = (struct err){0};
    assert_false(head_verify(buf_bytes(&note.note), note.keys, 2, NULL, &head, &err));
    assert_int_equal(err.code, ERR_SIGNATURE_KEY_UNKNOWN);
    crypto_keyring_free(&other);
    signed_note_free(&note);
}

static void without_a_key_nothing_is_signed(void **state)
{
    (void)state;
    struct crypto_keyring *ring = crypto_keyring_new();
    struct head head = some_head();
    struct buf note;
    struct err err = {0};
    buf_init(&note, HEAD_NOTE_MAX);
    assert_false(head_sign(&head, ring, &note, &err));
    assert_int_equal(err.code, ERR_KEY_FILE);
    buf_free(&note);
    crypto_keyring_free(&ring);
}

static void origins_that_would_break_a_note(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "a log", "a+b", "a\nb", "a\tb", "\xff"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(head_origin_good(bad[i]));
    assert_true(head_origin_good("ippledge-sx.log") && head_origin_good("日志#2"));
}

/* ---- as JSON ---- */

static bool read_object(const char *text, struct err *err)
{
    AUTO_JSON doc = NULL;
    struct bytes note;
    NEED(json_parse(bytes_str(text), &doc, err), *err);
    return head_read(json_root(doc), &note, err);
}

static void members_must_say_what_the_note_says(void **state)
{
    struct signed_note note = sign_some(*state);
    static const char *const changes[][2] = {{"\"size\":1234", "\"size\":1235"},
                                             {"\"origin\":\"test", "\"origin\":\"best"},
                                             {"\"time\":\"2026", "\"time\":\"2027"},
                                             {"\"root\":\"AAc", "\"root\":\"ABc"}};
    struct head head = some_head();
    struct json_out json;
    struct buf out;
    struct err err = {0};
    buf_init(&out, HEAD_NOTE_MAX);
    json_out_init(&json, &out);
    head_write(&json, &head, buf_bytes(&note.note));
    NEED(read_object((char *)out.p, &err), err);
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        char *text = xstrdup((char *)out.p), *at = strstr(text, changes[i][0]);
        assert_non_null(at);
        memcpy(at, changes[i][1], strlen(changes[i][1]));
        err = (struct err){0};
        assert_false(read_object(text, &err));
        assert_int_equal(err.code, ERR_PROOF_MALFORMED);
        free(text);
    }
    buf_free(&out);
    signed_note_free(&note);
}

/* ---- proofs ---- */

static struct head head_of(struct world *w)
{
    struct journal_head now = journal_now(w);
    return (struct head){.origin = ORIGIN, .size = now.size, .root = now.root, .time_ms = T0};
}

static bool proof_again(const struct head_proof *proof, struct head_proof *out, struct err *err)
{
    AUTO_JSON doc = NULL;
    struct json_out json;
    struct buf text;
    buf_init(&text, 64u << 10);
    json_out_init(&json, &text);
    json_begin_object(&json);
    head_proof_write(&json, proof);
    json_end_object(&json);
    NEED(json_parse(buf_bytes(&text), &doc, err), *err);
    buf_free(&text);
    return head_proof_read(json_root(doc), out, err);
}

static void every_proof_is_read_back_and_holds(void **state)
{
    struct world *w = *state;
    struct err err = {0};
    NEED(ledger_start(w->ledger, &err), err);
    struct head older = {0};
    for (unsigned round = 0; round < 5; round++) {
        grow(w, 3 + round);
        struct head head = head_of(w);
        struct store_txn *txn = store_read(w->store, &err);
        const struct journal_nodes nodes = {w->journal, txn};
        struct head_proof proof, again;
        for (uint64_t seq = 1; seq <= head.size; seq++) {
            NEED(head_prove(&nodes, seq, head.size, &proof, &err), err);
            NEED(proof_again(&proof, &again, &err), err);
            assert_memory_equal(&again, &proof, sizeof proof);
            NEED(head_proves(&again, &head, &err), err);
            if (older.size > 0)
                assert_false(head_proves(&again, &older, &err));
        }
        if (older.size > 0) {
            err = (struct err){0};
            NEED(head_prove_growth(&nodes, older.size, head.size, &proof, &err), err);
            NEED(proof_again(&proof, &again, &err), err);
            NEED(head_proves_growth(&again, &older, &head, &err), err);
            assert_false(head_proves_growth(&again, &head, &head, &err));
            assert_false(head_proves(&again, &head, &err));
            struct head foreign = older;
            foreign.origin[0] = 'b';
            assert_false(head_proves_growth(&again, &foreign, &head, &err));
        }
        err = (struct err){0};
        assert_false(head_prove(&nodes, 1, head.size + 1, &proof, &err));
        assert_int_equal(err.code, ERR_PROOF_NOT_YET);
        err = (struct err){0};
        store_read_end(&txn);
        older = head;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_note_has_the_lines_of_the_contract, setup, teardown),
        cmocka_unit_test_setup_teardown(any_changed_byte_is_noticed, setup, teardown),
        cmocka_unit_test_setup_teardown(cut_anywhere_it_is_no_note_or_has_fewer_signatures, setup, teardown),
        cmocka_unit_test_setup_teardown(others_may_sign_below_and_count_for_nothing, setup, teardown),
        cmocka_unit_test(without_a_key_nothing_is_signed),
        cmocka_unit_test(origins_that_would_break_a_note),
        cmocka_unit_test_setup_teardown(members_must_say_what_the_note_says, setup, teardown),
        cmocka_unit_test_setup_teardown(every_proof_is_read_back_and_holds, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
