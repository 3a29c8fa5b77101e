/* KeyInfo, and what a tool is told about a signature. */
#include "dsig_fixture.h"

#define DS11 "http://www.w3.org/2009/xmldsig11#"

/* What comes of a document whose KeyInfo holds this. */
static const char *with_key_info(enum crypto_alg alg, const struct jws_expect *expect, const char *content)
{
    char *xml = sign(alg, MESSAGE);
    char *text = xcalloc(1, strlen(content) + 100);
    sprintf(text, "<ds:KeyInfo>%s</ds:KeyInfo></ds:Signature>", content);
    char *edited = edit(xml, "</ds:Signature>", text);
    const char *code = verdict(bytes_str(edited), expect, NULL);
    free(edited);
    free(text);
    free(xml);
    return code;
}

static const char *holding(enum crypto_alg alg, const char *before, struct bytes value, const char *behind)
{
    struct jws_expect expect = expect_of(alg);
    struct buf text;
    buf_init(&text, 20000);
    buf_str(&text, before);
    base64_encode(&text, value, false);
    buf_str(&text, behind);
    const char *code = with_key_info(alg, &expect, (char *)text.p);
    buf_free(&text);
    return code;
}

static void a_name_names_a_key_of_the_signer(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char own[200];
    snprintf(own, sizeof own, "\n<ds:KeyName> %s </ds:KeyName>\n", crypto_key_kid(expect.keys[0]));
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, own), "ok");
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, "<ds:KeyName>bank-a</ds:KeyName>"),
                        "signature.key_unknown");
    expect.kids[0] = "bank-a";
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, "<ds:KeyName>bank-a</ds:KeyName>"), "ok");
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, own), "signature.key_unknown");
    expect.keys[1] = public_of(foreign_ring, CRYPTO_ES256);
    expect.kids[1] = "bank-a-2027";
    expect.key_n = 2;
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, "<ds:KeyName>bank-a</ds:KeyName>"), "ok");
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, "<ds:KeyName>bank-a-2027</ds:KeyName>"),
                        "signature.invalid");
}

static struct bytes der_of(const char *name)
{
    static uint8_t der[4096];
    FILE *file = fopen(in_dir(name), "rb");
    assert_non_null(file);
    size_t n = fread(der, 1, sizeof der, file);
    fclose(file);
    return bytes_of(der, n);
}

static void a_certificate_is_the_signers_or_unknown(void **state)
{
    (void)state;
    static const char before[] = "<ds:X509Data><ds:X509SubjectName>CN=x</ds:X509SubjectName><ds:X509Certificate>";
    static const char behind[] = "</ds:X509Certificate></ds:X509Data>";
    assert_string_equal(holding(CRYPTO_ES256, before, der_of("es256.der"), behind), "ok");
    assert_string_equal(holding(CRYPTO_ES256, before, der_of("other-es256.der"), behind), "signature.key_unknown");
    assert_string_equal(holding(CRYPTO_RS256, before, der_of("es256.der"), behind), "signature.key_unknown");
    assert_string_equal(holding(CRYPTO_ES256, before, BYTES_LIT("no certificate"), behind), "signature.malformed");
    assert_string_equal(holding(CRYPTO_ES256, before, (struct bytes){0}, behind), "signature.malformed");
    assert_string_equal(holding(CRYPTO_ES256,
                                "<ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate><ds:X509Certificate>",
                                der_of("es256.der"), behind),
                        "signature.malformed");
}

static void a_point_is_the_signers_or_out_of_the_profile(void **state)
{
    (void)state;
    static const char before[] =
        "<ds:KeyValue><e:ECKeyValue xmlns:e=\"" DS11 "\"><e:NamedCurve URI=\"urn:oid:1.2.840.10045.3.1.7\"/>"
        "<e:PublicKey>";
    static const char behind[] = "</e:PublicKey></e:ECKeyValue></ds:KeyValue>";
    uint8_t point[65] = {4};
    assert_true(crypto_key_ec_point(public_of(ring, CRYPTO_ES256), point + 1, point + 33));
    assert_string_equal(holding(CRYPTO_ES256, before, bytes_of(point, 65), behind), "ok");
    assert_true(crypto_key_ec_point(public_of(foreign_ring, CRYPTO_ES256), point + 1, point + 33));
    assert_string_equal(holding(CRYPTO_ES256, before, bytes_of(point, 65), behind), "signature.profile");
    assert_string_equal(holding(CRYPTO_ES256, before, (struct bytes){0}, behind), "signature.profile");
}

static void a_modulus_is_the_signers_or_out_of_the_profile(void **state)
{
    (void)state;
    static const char before[] = "<ds:KeyValue><ds:RSAKeyValue><ds:Modulus>";
    static const char behind[] = "</ds:Modulus><ds:Exponent>AQAB</ds:Exponent></ds:RSAKeyValue></ds:KeyValue>";
    const struct crypto_keyring *rings[] = {ring, foreign_ring};
    static const char *const codes[] = {"ok", "signature.profile"};
    for (int i = 0; i < 2; i++) {
        struct buf n, e;
        buf_init(&n, 1000);
        buf_init(&e, 1000);
        assert_true(crypto_key_rsa(public_of(rings[i], CRYPTO_RS256), &n, &e));
        assert_string_equal(holding(CRYPTO_RS256, before, buf_bytes(&n), behind), codes[i]);
        assert_string_equal(holding(CRYPTO_ES256, before, buf_bytes(&n), behind), "signature.profile");
        buf_free(&n);
        buf_free(&e);
    }
}

static void a_key_in_der_too(void **state)
{
    (void)state;
    static const char before[] = "<e:DEREncodedKeyValue xmlns:e=\"" DS11 "\">", behind[] = "</e:DEREncodedKeyValue>";
    struct bytes own = crypto_key_spki(public_of(ring, CRYPTO_SM2)),
                 other = crypto_key_spki(public_of(foreign_ring, CRYPTO_SM2));
    assert_string_equal(holding(CRYPTO_SM2, before, own, behind), "ok");
    assert_string_equal(holding(CRYPTO_SM2, before, other, behind), "signature.profile");
}

static void other_words_are_ignored_and_nothing_is_fetched(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    static const char *const ignored[] = {
        "",
        "<ds:MgmtData>x</ds:MgmtData>",
        "<ds:RetrievalMethod URI=\"http://127.0.0.1:9/key\"/>",
        "<ds:X509Data><ds:X509IssuerSerial/></ds:X509Data>",
    };
    static const char *const refused[] = {
        "<ds:KeyValue/>",
        "<ds:KeyValue><ds:DSAKeyValue/></ds:KeyValue>",
        "<ds:KeyValue><ds:RSAKeyValue/></ds:KeyValue>",
    };
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        assert_string_equal(with_key_info(CRYPTO_ES256, &expect, ignored[i]), "ok");
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_string_equal(with_key_info(CRYPTO_ES256, &expect, refused[i]), "signature.profile");
    assert_string_equal(with_key_info(CRYPTO_ES256, &expect, "</ds:KeyInfo><ds:KeyInfo>"), "signature.profile");
}

static void so_many_certificates_are_no_help(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    struct bytes der = der_of("es256.der");
    struct buf text;
    buf_init(&text, 60000);
    for (int i = 1; i <= 9; i++) {
        buf_str(&text, "<ds:X509Data><ds:X509Certificate>");
        base64_encode(&text, der, false);
        buf_str(&text, "</ds:X509Certificate></ds:X509Data>");
        assert_string_equal(with_key_info(CRYPTO_ES256, &expect, (char *)text.p), i <= 8 ? "ok" : "signature.profile");
    }
    buf_free(&text);
}

/* ---- vectors --------------------------------------------------------------------------------------------- */

static void shapes_of_wrapping(void **state)
{
    (void)state;
    struct crypto_key *key = NULL;
    struct err err = {0};
    char line[200];
    int n = 0;
    assert_true(crypto_key_from_file(OWN_VECTORS "/xmldsig/signer.pub", &key, &err));
    struct jws_expect expect = {.alg = CRYPTO_ES256, .keys = {key}, .key_n = 1};
    FILE *cases = fopen(OWN_VECTORS "/xmldsig/cases.tsv", "r");
    assert_non_null(cases);
    for (; fgets(line, sizeof line, cases); n++) {
        char name[100], code[64], path[300];
        assert_int_equal(sscanf(line, "%99s %63s", name, code), 2);
        snprintf(path, sizeof path, OWN_VECTORS "/xmldsig/%s", name);
        char *xml = read_file(path);
        const char *got = verdict(bytes_str(xml), &expect, NULL);
        if (strcmp(got, code) != 0)
            fail_msg("%s: %s where %s is due", name, got, code);
        free(xml);
    }
    fclose(cases);
    crypto_key_free(&key);
    assert_int_equal(n, 17);
}

/* ---- explaining ---------------------------------------------------------------------------------------------- */

static bool explain(const char *xml, const struct message_profile *profile, struct message_explain *out,
                    struct err *err)
{
    struct message *message = NULL;
    struct err unread = {0};
    *out = (struct message_explain){0};
    buf_init(&out->canonical, MESSAGE_MAX);
    assert_true(message_read_xml(bytes_str(xml), &message, &unread));
    bool ok = message_explain_xml(message, profile, out, err);
    message_free(&message);
    return ok;
}

static void a_tool_is_told_what_was_digested(void **state)
{
    (void)state;
    struct message_explain told;
    struct err err = {0};
    char *xml = sign(CRYPTO_SM2, MESSAGE);
    assert_true(explain(xml, NULL, &told, &err));
    assert_string_equal(told.signature_uri, CHINAPORT "sm2-sm3");
    assert_string_equal(told.digest_uri, CHINAPORT "sm3");
    assert_string_equal(told.c14n_uri, EXCLUSIVE);
    assert_string_equal(told.digest_seen, told.digest_computed);
    assert_true(bytes_equal(buf_bytes(&told.canonical), BYTES_LIT(MESSAGE)));
    buf_free(&told.canonical);

    char *changed = edit(xml, "bank-a", "bank-b");
    assert_true(explain(changed, NULL, &told, &err));
    assert_string_not_equal(told.digest_seen, told.digest_computed);
    buf_free(&told.canonical);
    free(changed);
    free(xml);
}

static void a_tool_is_told_what_stands_in_a_signature_that_is_refused(void **state)
{
    (void)state;
    struct message_explain told;
    struct err err = {0};
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    char *changed = edit(xml, MORE "ecdsa-sha256", DS "rsa-sha1"),
         *object = edit(changed, "</ds:Signature>", "<ds:Object/></ds:Signature>");
    assert_true(explain(changed, NULL, &told, &err));
    assert_string_equal(told.signature_uri, DS "rsa-sha1");
    assert_string_equal(told.digest_seen, told.digest_computed);
    buf_free(&told.canonical);
    assert_false(explain(object, NULL, &told, &err));
    assert_int_equal(err.code, ERR_SIGNATURE_PROFILE);
    assert_string_equal(err.place, "/Message/Signature");
    assert_string_equal(told.signature_uri, DS "rsa-sha1");
    assert_string_equal(told.digest_seen, told.digest_computed);
    buf_free(&told.canonical);
    assert_false(explain(MESSAGE, NULL, &told, &err));
    assert_int_equal(err.code, ERR_SIGNATURE_MISSING);
    assert_string_equal(told.digest_seen, "");
    assert_int_equal(strlen(told.digest_computed), 44);
    buf_free(&told.canonical);
    free(object);
    free(changed);
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_names_a_key_of_the_signer),
        cmocka_unit_test(a_certificate_is_the_signers_or_unknown),
        cmocka_unit_test(a_point_is_the_signers_or_out_of_the_profile),
        cmocka_unit_test(a_modulus_is_the_signers_or_out_of_the_profile),
        cmocka_unit_test(a_key_in_der_too),
        cmocka_unit_test(other_words_are_ignored_and_nothing_is_fetched),
        cmocka_unit_test(so_many_certificates_are_no_help),
        cmocka_unit_test(shapes_of_wrapping),
        cmocka_unit_test(a_tool_is_told_what_was_digested),
        cmocka_unit_test(a_tool_is_told_what_stands_in_a_signature_that_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
