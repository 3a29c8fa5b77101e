/* Both directions with others' tools: xmlsec1 for ECDSA and RSA, openssl and Python's own canonical form for SM2; and
 * what xmlsec1 signs and accepts but the profile does not have. */
#include "dsig_fixture.h"

static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_RS256};
static const char *const names[] = {"es256", "rsa"};

static bool have_xmlsec(void)
{
    if (system("xmlsec1 --version >/dev/null 2>&1") == 0)
        return true;
    print_message("skipped: no xmlsec1\n");
    return false;
}

static void xmlsec1_verifies_ours(void **state)
{
    (void)state;
    if (!have_xmlsec())
        skip();
    static const struct message_profile profiles[] = {{0}, {.inclusive = true}};
    for (size_t i = 0; i < 2; i++) {
        for (size_t p = 0; p < 2; p++) {
            char *xml = sign_with(ring, algs[i], &profiles[p], MESSAGE), *changed = edit(xml, "bank-a", "bank-b");
            write_in_dir("ours.xml", bytes_str(xml));
            write_in_dir("changed.xml", bytes_str(changed));
            assert_int_equal(try_run("xmlsec1 --verify --pubkey-pem %s.pub ours.xml", names[i]), 0);
            assert_int_not_equal(try_run("xmlsec1 --verify --pubkey-pem other-%s.pub ours.xml", names[i]), 0);
            assert_int_not_equal(try_run("xmlsec1 --verify --pubkey-pem %s.pub changed.xml", names[i]), 0);
            free(changed);
            free(xml);
        }
    }
}

/* ---- signed by xmlsec1 ------------------------------------------------------------------------------------ */

struct template
{
    const char *prefix; /* of the signature's elements, with the colon */
    const char *c14n, *method, *transforms, *digest, *extra_reference, *key_info;
    const char *space; /* between elements */
};

#define TRANSFORM(uri) "<~Transform Algorithm=\"" uri "\"/>"

/* `~` stands for the prefix. */
static void put(struct buf *out, const char *text, const char *prefix)
{
    for (; *text; text++) {
        if (*text == '~')
            buf_str(out, prefix);
        else
            buf_byte(out, (uint8_t)*text);
    }
}

/* The caller frees. */
static char *fill(const struct template *t, const char *body)
{
    struct buf out;
    const char *p = t->prefix, *s = t->space;
    char name[8];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ":"), p);
    buf_init(&out, MESSAGE_MAX);
    buf_printf(&out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Message xmlns=\"urn:cn:sx:ip-pledge:1\">%s%s%s", s,
               body, s);
    buf_printf(&out, "<%sSignature xmlns%s%s=\"" DS "\">%s<%sSignedInfo>%s", p, *name ? ":" : "", name, s, p, s);
    buf_printf(&out, "<%sCanonicalizationMethod Algorithm=\"%s\"/>%s<%sSignatureMethod Algorithm=\"%s\"/>%s", p,
               t->c14n, s, p, t->method, s);
    buf_printf(&out, "<%sReference URI=\"\">%s<%sTransforms>", p, s, p);
    put(&out, t->transforms, p);
    buf_printf(&out, "</%sTransforms>%s<%sDigestMethod Algorithm=\"%s\"/>%s<%sDigestValue/>%s</%sReference>", p, s, p,
               t->digest, s, p, s, p);
    put(&out, t->extra_reference, p);
    buf_printf(&out, "%s</%sSignedInfo>%s<%sSignatureValue/>%s", s, p, s, p, s);
    put(&out, t->key_info, p);
    buf_printf(&out, "</%sSignature>%s</Message>\n", p, s);
    return (char *)out.p;
}

/* Signed and accepted by xmlsec1 with this key; the caller frees. */
static char *signed_by_xmlsec(const struct template *t, const char *body, const char *key)
{
    char *template = fill(t, body);
    write_in_dir("template.xml", bytes_str(template));
    free(template);
    if (try_run(
            "chain=; [ ! -f %s.pem ] || chain=,%s.pem; xmlsec1 --sign --privkey-pem %s.key$chain --output theirs.xml "
            "template.xml && xmlsec1 --verify --pubkey-pem %s.pub --enabled-key-data key-name theirs.xml",
            key, key, key, key) != 0)
        fail_msg("xmlsec1 refuses %s", in_dir("template.xml"));
    return read_file(in_dir("theirs.xml"));
}

#define BOTH TRANSFORM(DS "enveloped-signature") TRANSFORM(EXCLUSIVE)
static const struct template profile_template = {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""};

static void we_verify_theirs(void **state)
{
    (void)state;
    if (!have_xmlsec())
        skip();
    static const char *const methods[] = {MORE "ecdsa-sha256", MORE "rsa-sha256"};
    static const struct {
        const char *prefix, *space, *key_info, *only;
    } looks[] = {
        {"ds:", "", "", NULL},
        {"", "\n  ", "<~KeyInfo/>", NULL},
        {"dsig:", "\r\n", "<~KeyInfo><~KeyValue/></~KeyInfo>", "rsa"}, /* it writes no ECKeyValue */
        {"", "\n", "<~KeyInfo><~X509Data><~X509SubjectName/><~X509Certificate/></~X509Data></~KeyInfo>", "es256"},
    };
    for (size_t i = 0; i < 2; i++) {
        for (size_t l = 0; l < sizeof looks / sizeof looks[0]; l++) {
            if (looks[l].only && strcmp(looks[l].only, names[i]) != 0)
                continue;
            struct template t = profile_template;
            struct jws_expect expect = expect_of(algs[i]);
            t.method = methods[i], t.prefix = looks[l].prefix, t.space = looks[l].space, t.key_info = looks[l].key_info;
            char *xml = signed_by_xmlsec(&t, ENVELOPE BODY, names[i]);
            const char *code = verdict(bytes_str(xml), &expect, NULL);
            if (strcmp(code, "ok") != 0)
                fail_msg("%s, look %zu: %s\n%s", names[i], l, code, xml);
            free(xml);
        }
    }
}

static void we_verify_their_inclusive_form(void **state)
{
    (void)state;
    if (!have_xmlsec())
        skip();
    struct template t = profile_template;
    static const struct message_profile inclusive = {.inclusive = true};
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    t.c14n = INCLUSIVE, t.transforms = TRANSFORM(DS "enveloped-signature") TRANSFORM(INCLUSIVE), t.space = "\n";
    char *xml = signed_by_xmlsec(&t, ENVELOPE "<Body xmlns:z=\"urn:z\"/>", "es256");
    assert_string_equal(verdict(bytes_str(xml), &expect, &inclusive), "ok");
    assert_string_equal(verdict(bytes_str(xml), &expect, NULL), "signature.profile");
    free(xml);
}

/* Each of these xmlsec1 signs with the partner's own key and accepts. */
static void what_xmlsec1_accepts_and_the_profile_has_not(void **state)
{
    (void)state;
    if (!have_xmlsec())
        skip();
    static const char second[] = "<~Reference URI=\"\"><~Transforms>" BOTH
                                 "</~Transforms><~DigestMethod Algorithm=\"" SHA256 "\"/><~DigestValue/></~Reference>";
    static const struct {
        const char *what, *code, *body;
        struct template t;
    } cases[] = {
        {"two references",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, second, "", ""}},
        {"enveloped only",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", TRANSFORM(DS "enveloped-signature"), SHA256, "", "", ""}},
        {"with comments",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256",
          TRANSFORM(DS "enveloped-signature") TRANSFORM(EXCLUSIVE "WithComments"), SHA256, "", "", ""}},
        {"SignedInfo inclusive",
         "signature.profile",
         BODY,
         {"ds:", INCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""}},
        {"twice canonical",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH TRANSFORM(EXCLUSIVE), SHA256, "", "", ""}},
        {"an XPath that leaves all out",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256",
          "<~Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xpath-19991116\"><~XPath>"
          "not(ancestor-or-self::node())</~XPath></~Transform>",
          SHA256, "", "", ""}},
        {"digest SHA-1", "signature.alg", BODY, {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, DS "sha1", "", "", ""}},
        {"ECDSA with SHA-1", "signature.alg", BODY, {"ds:", EXCLUSIVE, MORE "ecdsa-sha1", BOTH, SHA256, "", "", ""}},
        {"ECDSA with SHA-512",
         "signature.alg",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha512", BOTH, SHA256, "", "", ""}},
        {"an Object",
         "signature.profile",
         BODY,
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "<~Object>x</~Object>", ""}},
        {"a comment",
         "signature.profile",
         "<Body><Text>a<!-- -->b</Text></Body>",
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""}},
        {"CDATA",
         "signature.profile",
         "<Body><Text>a<![CDATA[b]]></Text></Body>",
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""}},
        {"an attribute",
         "signature.profile",
         "<Body Id=\"x\"/>",
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""}},
        {"an attribute of XML Schema",
         "signature.profile",
         "<Body xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\" i:nil=\"true\"/>",
         {"ds:", EXCLUSIVE, MORE "ecdsa-sha256", BOTH, SHA256, "", "", ""}},
    };
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *xml = signed_by_xmlsec(&cases[i].t, cases[i].body, "es256");
        const char *code = verdict(bytes_str(xml), &expect, NULL);
        if (strcmp(code, cases[i].code) != 0)
            fail_msg("%s: %s where %s is due", cases[i].what, code, cases[i].code);
        free(xml);
    }
}

/* The weakness that the design names: by default xmlsec1 takes the key from the message. */
static void a_foreign_key_that_comes_along(void **state)
{
    (void)state;
    if (!have_xmlsec())
        skip();
    struct template t = profile_template;
    struct jws_expect expect = expect_of(CRYPTO_RS256);
    t.method = MORE "rsa-sha256", t.key_info = "<~KeyInfo><~KeyValue/></~KeyInfo>";
    char *xml = signed_by_xmlsec(&t, ENVELOPE BODY, "other-rsa");
    assert_int_equal(try_run("xmlsec1 --verify theirs.xml"), 0);
    assert_string_equal(verdict(bytes_str(xml), &expect, NULL), "signature.profile");
    free(xml);
}

/* ---- SM2 ------------------------------------------------------------------------------------------------------ */

#define CANONICAL                                                                                                      \
    "/usr/bin/python3 -c 'import sys, xml.etree.ElementTree as e; sys.stdout.write(e.canonicalize(sys.stdin.read()))'"

/* Takes the document apart as a partner without XML signatures would, and puts what was signed into files. */
static void take_apart(const char *xml)
{
    char *signature = part(xml, "<ds:Signature ", "</ds:Signature>"), *bare = edit(xml, signature, "");
    char *info = part(xml, "<ds:SignedInfo>", "</ds:SignedInfo>");
    char *standing = edit(info, "<ds:SignedInfo", "<ds:SignedInfo xmlns:ds=\"" DS "\"");
    write_in_dir("bare.xml", bytes_str(bare));
    write_in_dir("info.xml", bytes_str(standing));
    assert_int_equal(try_run("%s <bare.xml >bare.c14n && %s <info.xml >info.c14n", CANONICAL, CANONICAL), 0);
    free(standing);
    free(info);
    free(bare);
    free(signature);
}

static void openssl_verifies_our_sm2(void **state)
{
    (void)state;
    char *xml = sign(CRYPTO_SM2, MESSAGE);
    char *digest = part(xml, "<ds:DigestValue>", "</ds:DigestValue>"),
         *value = part(xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    uint8_t der[CRYPTO_DER_MAX];
    size_t n;
    struct err err = {0};
    struct buf raw;
    buf_init(&raw, CRYPTO_RAW_SIZE);
    assert_true(base64_decode(&raw, bytes_of(value + 19, 88), false));
    assert_true(crypto_raw_to_der(CRYPTO_SM2, buf_bytes(&raw), der, &n, &err));
    take_apart(xml);
    write_in_dir("digest", bytes_of(digest + 16, 44));
    write_in_dir("value.der", bytes_of(der, n));
    assert_int_equal(try_run("openssl dgst -sm3 -binary bare.c14n | openssl base64 -A | cmp - digest"), 0);
    assert_int_equal(
        try_run("openssl pkeyutl -verify -pubin -inkey sm2.pub -in info.c14n -sigfile value.der -rawin -digest sm3 "
                "-pkeyopt distid:1234567812345678"),
        0);
    buf_free(&raw);
    free(value);
    free(digest);
    free(xml);
}

static void we_verify_sm2_of_openssl(void **state)
{
    (void)state;
    static const struct message_profile der = {.der = true};
    struct jws_expect expect = expect_of(CRYPTO_SM2);
    expect.sm2_id = "own";
    char *xml = sign_with(ring, CRYPTO_SM2, &der, MESSAGE);
    char *old = part(xml, "<ds:SignatureValue>", "</ds:SignatureValue>");
    take_apart(xml);
    assert_int_equal(try_run("openssl pkeyutl -sign -inkey sm2.key -in info.c14n -rawin -digest sm3 -pkeyopt "
                             "distid:own -out value.der && "
                             "openssl base64 -in value.der -out value"),
                     0);
    char *value = read_file(in_dir("value")), text[500];
    snprintf(text, sizeof text, "<ds:SignatureValue>%s</ds:SignatureValue>", value);
    char *theirs = edit(xml, old, text);
    assert_string_equal(verdict(bytes_str(theirs), &expect, &der), "ok");
    expect.sm2_id = NULL;
    assert_string_equal(verdict(bytes_str(theirs), &expect, &der), "signature.invalid");
    free(theirs);
    free(value);
    free(old);
    free(xml);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xmlsec1_verifies_ours),
        cmocka_unit_test(we_verify_theirs),
        cmocka_unit_test(we_verify_their_inclusive_form),
        cmocka_unit_test(what_xmlsec1_accepts_and_the_profile_has_not),
        cmocka_unit_test(a_foreign_key_that_comes_along),
        cmocka_unit_test(openssl_verifies_our_sm2),
        cmocka_unit_test(we_verify_sm2_of_openssl),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
