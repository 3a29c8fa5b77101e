/* What an answer means: done is only a receipt of this message that the partner signed. */
#include "fixture.h"

static struct in_force force;

static int begin_force(void **state)
{
    (void)state;
    begin_world();
    w.partners = read_directory(
        "partners:\n" BANK("bank-a", KEY_A, "    channel: {adapter: sender}\n")
            BANK("bank-x", KEY_B, "    channel: {adapter: sender, form: xml}\n")
                BANK("bank-n", KEY_C, "    channel: {adapter: sender, receipt: none}\n"));
    force = (struct in_force){.force = {w.catalog, w.policy, w.partners, w.ring}};
    return 0;
}

static int end_force(void **state)
{
    (void)state;
    directory_free(&w.partners);
    end_world();
    return 0;
}

struct say {
    const char *partner, *sender, *receiver, *kind, *body;
    bool jose, spoilt, unsigned_, asked;
};

static const char *words(const struct say *say)
{
    return arena_printf(w.arena,
                        "{\"envelope\":{\"id\":\"r-7\",\"kind\":\"%s\",\"version\":1,\"sender\":\"%s\",\"receiver\":\"%s\","
                        "\"created\":\"2026-11-24T10:00:00+08:00\"},\"body\":%s}",
                        say->kind ? say->kind : "receipt", say->sender ? say->sender : say->partner,
                        say->receiver ? say->receiver : GATEWAY, say->body);
}

static void seal(const struct say *say, const struct partner *partner, struct answer *answer)
{
    struct err err = {0};
    struct buf body, signature;
    buf_init(&body, MESSAGE_MAX);
    buf_init(&signature, MESSAGE_MAX);
    NEED(parcel_seal(&force, partner, bytes_str(words(say)), &body, &signature, &err), err);
    if (say->spoilt) {
        char *at = partner->channel.xml ? strstr((char *)body.p, "<ds:SignatureValue>") + 19
                                        : strrchr((char *)signature.p, '.') + 1;
        *at = *at == 'A' ? 'B' : 'A';
    }
    if (say->jose) {
        char *dots = strstr((char *)signature.p, "..");
        struct buf payload;
        buf_init(&payload, MESSAGE_MAX);
        base64_encode(&payload, buf_bytes(&body), true);
        *dots = '\0';
        buf_reset(&body);
        buf_printf(&body, "{\"payload\":\"%s\",\"protected\":\"%s\",\"signature\":\"%s\"}", (char *)payload.p,
                   (char *)signature.p, dots + 2);
        answer->media_type = xstrdup("application/jose+json");
        buf_free(&payload);
    } else if (!partner->channel.xml && !say->unsigned_) {
        answer->signature = xstrdup((char *)signature.p);
    }
    answer->reply = xcalloc(body.n + 1, 1);
    memcpy(answer->reply, body.p, body.n);
    answer->reply_n = body.n;
    buf_free(&body);
    buf_free(&signature);
}

static struct judged meaning_of(const struct say *say)
{
    const struct partner *partner = directory_find(w.partners, say->partner);
    struct answer answer = {.verdict = GWA_DONE};
    struct judged judged;
    if (say->body != NULL)
        seal(say, partner, &answer);
    judge(&force, partner, GATEWAY, "wc-1-5", say->asked, &answer, &judged);
    answer_clear(&answer);
    return judged;
}
#define SAY(...) meaning_of(&(const struct say){__VA_ARGS__})

#define GOOD "{\"of\":\"wc-1-5\",\"result\":\"accepted\"}"

static void a_receipt_that_counts(void **state)
{
    (void)state;
    struct judged judged = SAY(.partner = "bank-a", .body = GOOD);
    assert_int_equal(judged.meaning, MEANS_DONE);
    assert_int_equal(strlen(judged.receipt), 64);
    assert_int_equal(SAY(.partner = "bank-a", .body = GOOD, .asked = true).meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-a", .body = GOOD, .jose = true).meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-x", .body = GOOD).meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-n", .body = GOOD).meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-a", .body = "{\"of\":\"wc-1-5\",\"result\":\"partial\"}").meaning, MEANS_DONE);
}

static void a_receipt_that_refuses(void **state)
{
    (void)state;
    struct judged judged = SAY(.partner = "bank-a", .body = "{\"of\":\"wc-1-5\",\"result\":\"rejected\",\"code\":\"schema.invalid\"}");
    assert_int_equal(judged.meaning, MEANS_REFUSED);
    assert_int_equal(judged.err.code, ERR_DELIVERY_REFUSED);
    assert_string_equal(judged.err.detail, "schema.invalid");
}

static void anything_else_is_a_doubt(void **state)
{
    (void)state;
    static const struct {
        struct say say;
        enum err_code code;
    } cases[] = {
        {{.partner = "bank-a"}, ERR_DELIVERY_RECEIPT},
        {{.partner = "bank-a", .body = GOOD, .spoilt = true}, ERR_SIGNATURE_INVALID},
        {{.partner = "bank-a", .body = GOOD, .unsigned_ = true}, ERR_SIGNATURE_MISSING},
        {{.partner = "bank-x", .body = GOOD, .spoilt = true}, ERR_SIGNATURE_INVALID},
        {{.partner = "bank-a", .body = GOOD, .spoilt = true, .jose = true}, ERR_SIGNATURE_INVALID},
        {{.partner = "bank-a", .body = "{\"of\":\"wc-1-6\",\"result\":\"accepted\"}"}, ERR_DELIVERY_RECEIPT},
        {{.partner = "bank-a", .body = "{\"of\":\"wc-1-5\",\"result\":\"perhaps\"}"}, ERR_SCHEMA_INVALID},
        {{.partner = "bank-a", .body = "{\"text\":\"hello\"}", .kind = "echo"}, ERR_DELIVERY_RECEIPT},
        {{.partner = "bank-a", .body = GOOD, .sender = "bank-x"}, ERR_SENDER_MISMATCH},
        {{.partner = "bank-a", .body = GOOD, .receiver = "ippledge-nm"}, ERR_MESSAGE_RECEIVER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct judged judged = meaning_of(&cases[i].say);
        if (judged.meaning != MEANS_UNCERTAIN || judged.err.code != cases[i].code)
            fail_msg("case %zu: %d %s: %s", i, (int)judged.meaning, err_info(judged.err.code)->code, judged.err.detail);
    }
}

static void where_its_word_is_enough_nothing_is_a_doubt(void **state)
{
    (void)state;
    assert_int_equal(SAY(.partner = "bank-n").meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-n", .body = GOOD, .spoilt = true).meaning, MEANS_DONE);
    assert_int_equal(SAY(.partner = "bank-n", .body = "{\"of\":\"wc-1-5\",\"result\":\"rejected\"}").meaning, MEANS_REFUSED);
}

static void verdicts_without_an_answer(void **state)
{
    (void)state;
    static const struct {
        enum gwa_verdict verdict;
        enum meaning sent, asked;
    } cases[] = {
        {GWA_RETRY, MEANS_RETRY, MEANS_ABSENT},
        {GWA_REJECTED, MEANS_REFUSED, MEANS_UNCERTAIN},
        {GWA_UNCERTAIN, MEANS_UNCERTAIN, MEANS_UNCERTAIN},
        {GWA_BROKEN, MEANS_BROKEN, MEANS_BROKEN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct partner *partner = directory_find(w.partners, "bank-a");
        const struct answer answer = {.verdict = cases[i].verdict, .retry_after_ms = 7};
        struct judged judged;
        judge(&force, partner, GATEWAY, "x", false, &answer, &judged);
        assert_int_equal(judged.meaning, cases[i].sent);
        assert_int_equal(judged.retry_after_ms, 7);
        assert_int_not_equal(judged.err.code, ERR_NONE);
        judge(&force, partner, GATEWAY, "x", true, &answer, &judged);
        assert_int_equal(judged.meaning, cases[i].asked);
    }
}

static void bytes_that_are_no_message(void **state)
{
    (void)state;
    static const char *const types[] = {NULL, "application/json", "application/jose+json", "application/xml", "text/html"};
    static const char *const replies[] = {"x", "{", "{}", "{\"payload\":1}", "<a/>", "\xff\xfe", "[]", "null"};
    for (size_t t = 0; t < sizeof types / sizeof types[0]; t++)
        for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
            struct answer answer = {.verdict = GWA_DONE, .reply_n = strlen(replies[i])};
            struct judged judged;
            answer.reply = (uint8_t *)xstrdup(replies[i]);
            answer.media_type = types[t] == NULL ? NULL : xstrdup(types[t]);
            judge(&force, directory_find(w.partners, "bank-a"), GATEWAY, "x", false, &answer, &judged);
            assert_int_equal(judged.meaning, MEANS_UNCERTAIN);
            answer_clear(&answer);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_that_counts),
        cmocka_unit_test(a_receipt_that_refuses),
        cmocka_unit_test(anything_else_is_a_doubt),
        cmocka_unit_test(where_its_word_is_enough_nothing_is_a_doubt),
        cmocka_unit_test(verdicts_without_an_answer),
        cmocka_unit_test(bytes_that_are_no_message),
    };
    return cmocka_run_group_tests(tests, begin_force, end_force);
}
