/* XML signatures: what is accepted, and every refusal with its code. */
#include <time.h>

#include "dsig_fixture.h"

static const enum crypto_alg algs[] = {CRYPTO_ES256, CRYPTO_SM2, CRYPTO_RS256};
static const char *const signature_uris[] = {MORE "ecdsa-sha256", CHINAPORT "sm2-sm3", MORE "rsa-sha256"};
static const char *const digest_uris[] = {SHA256, CHINAPORT "sm3", SHA256};

static void check(const char *what, const char *xml, const struct jws_expect *expect,
                  const struct message_profile *profile, const char *code)
{
    const char *got = verdict(bytes_str(xml), expect, profile);
    if (strcmp(got, code) != 0)
        fail_msg("%s: %s where %s is due", what, got, code);
}

/* ---- what is accepted -------------------------------------------------------------------------------- */

static void ours_is_the_profile_to_the_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char expected[2000];
        char *xml = sign(algs[i], MESSAGE);
        snprintf(expected, sizeof expected,
                 "<Message xmlns=\"urn:cn:sx:ip-pledge:1\">" ENVELOPE BODY "<ds:Signature xmlns:ds=\"" DS
                 "\"><ds:SignedInfo>"
                 "<ds:CanonicalizationMethod Algorithm=\"" EXCLUSIVE "\"></ds:CanonicalizationMethod>"
                 "<ds:SignatureMethod Algorithm=\"%s\"></ds:SignatureMethod><ds:Reference URI=\"\"><ds:Transforms>"
                 "<ds:Transform Algorithm=\"" DS "enveloped-signature\"></ds:Transform>"
                 "<ds:Transform Algorithm=\"" EXCLUSIVE "\"></ds:Transform></ds:Transforms>"
                 "<ds:DigestMethod Algorithm=\"%s\"></ds:DigestMethod><ds:DigestValue>",
                 signature_uris[i], digest_uris[i]);
        assert_memory_equal(xml, expected, strlen(expected));
        char *rest = strstr(xml, "</ds:DigestValue>");
        assert_int_equal(rest - xml, strlen(expected) + 44);
        const char *then = "</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue>";
        assert_memory_equal(rest, then, strlen(then));
        assert_string_equal(strstr(xml, "</ds:SignatureValue>"), "</ds:SignatureValue></ds:Signature></Message>");
        free(xml);
    }
}

static void what_is_signed_verifies_and_loses_its_signature(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct jws_expect expect = expect_of(algs[i]);
        struct message *message = NULL;
        struct jws_seen seen = {.iat_ms = 1};
        struct err err = {0};
        char *xml = sign(algs[i], MESSAGE);
        assert_true(message_read_xml(bytes_str(xml), &message, &err));
        assert_true(message_verify_xml(message, &expect, NULL, &seen, &err));
        assert_string_equal(seen.kid, crypto_key_kid(expect.keys[0]));
        assert_int_equal(seen.iat_ms, 0);
        assert_string_equal(message_text(message_member(message_body(message), "text")),
                            "山西杏花村汾酒厂股份有限公司 & <1>");
        assert_false(message_verify_xml(message, &expect, NULL, &seen, &err));
        assert_int_equal(err.code, ERR_SIGNATURE_MISSING);
        message_free(&message);
        free(xml);
    }
}

static void the_same_message_is_signed_as_the_same_bytes(void **state)
{
    (void)state;
    /* RSA with PKCS #1 needs no random number; white space in tags, comments outside and the declaration go */
    char *one = sign(CRYPTO_RS256, MESSAGE);
    char *other = sign(
        CRYPTO_RS256,
        "<?xml version='1.0' encoding='UTF-8'?>\n<!-- x -->\n<Message\n xmlns='urn:cn:sx:ip-pledge:1'  >" ENVELOPE BODY
        "</Message >\n");
    assert_string_equal(one, other);
    free(one);
    free(other);
}

static void any_element_of_the_namespace_may_be_signed(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, "<p:Statement xmlns:p=\"urn:cn:sx:ip-pledge:1\"/>");
    check("Statement", xml, &expect, NULL, "ok");
    free(xml);
}

static void an_old_key_and_a_new_one_may_both_be_good(void **state)
{
    (void)state;
    struct jws_expect expect = {.alg = CRYPTO_ES256,
                                .keys = {public_of(foreign_ring, CRYPTO_ES256), public_of(ring, CRYPTO_ES256)},
                                .key_n = 2};
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    check("second key", xml, &expect, NULL, "ok");
    free(xml);
}

static void white_space_where_xml_allows_it(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    static const char *const edits[][2] = {
        {"<ds:SignatureValue>", "\n  <ds:SignatureValue>\r\n"},
        {"==</ds:SignatureValue>", "=\t=&#13;\n</ds:SignatureValue>\n"},
        {"</ds:Signature>", "<ds:KeyInfo> </ds:KeyInfo>\n</ds:Signature>"},
        {"<ds:Signature ", "<ds:Signature Id='s' "},
    };
    for (size_t i = 0; i < sizeof edits / sizeof edits[0]; i++) {
        char *next = edit(xml, edits[i][0], edits[i][1]);
        check(edits[i][1], next, &expect, NULL, "ok");
        free(xml);
        xml = next;
    }
    free(xml);
}

/* ---- another fixed set, as a partner file may name ------------------------------------------------------ */

static void another_set_is_that_set_and_no_other(void **state)
{
    (void)state;
    static const struct message_profile sets[] = {
        {0},
        {.inclusive = true},
        {.der = true},
        {.signature_uri = "http://www.w3.org/2007/05/xmldsig-more#other"},
        {.digest_uri = "urn:example:digest"},
        {.inclusive = true, .signature_uri = "urn:example:s", .digest_uri = "urn:example:d", .der = true},
    };
    static const char *const others[] = {NULL, "signature.profile", "signature.malformed", "signature.alg",
                                         "signature.alg"};
    for (size_t a = 0; a < 2; a++) {
        struct jws_expect expect = expect_of(algs[a]);
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
            char *xml = sign_with(ring, algs[a], &sets[i], MESSAGE);
            check("its own set", xml, &expect, &sets[i], "ok");
            if (i > 0 && i < 5)
                check("the contract's set", xml, &expect, NULL, others[i]);
            free(xml);
        }
        char *xml = sign(algs[a], MESSAGE);
        for (size_t i = 1; i < 5; i++)
            check("another set", xml, &expect, &sets[i], others[i]);
        free(xml);
    }
}

static void inclusive_form_takes_over_what_is_in_scope(void **state)
{
    (void)state;
    static const struct message_profile inclusive = {.inclusive = true};
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign_with(
        ring, CRYPTO_ES256, &inclusive,
        "<m:Message xmlns:z=\"urn:z\" xmlns:m=\"urn:cn:sx:ip-pledge:1\" xmlns:ds=\"urn:other\"><m:Body/></m:Message>");
    check("namespaces in scope", xml, &expect, &inclusive, "ok");
    char *changed = edit(xml, "urn:z", "urn:y");
    check("a namespace in scope that changed", changed, &expect, &inclusive, "signature.digest");
    free(changed);
    free(xml);
}

static void the_identifier_of_sm2_is_agreed_too(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_SM2);
    char *xml = sign(CRYPTO_SM2, MESSAGE);
    expect.sm2_id = "another";
    check("another identifier", xml, &expect, NULL, "signature.invalid");
    free(xml);
}

static void what_we_refuse_we_do_not_sign(void **state)
{
    (void)state;
    char *once = sign(CRYPTO_ES256, MESSAGE);
    const struct {
        const char *xml;
        enum crypto_alg alg;
        enum err_code code;
    } cases[] = {
        {MESSAGE, CRYPTO_PS256, ERR_SIGNATURE_ALG},
        {once, CRYPTO_ES256, ERR_SIGNATURE_PROFILE},
        {"<Message/>", CRYPTO_ES256, ERR_SIGNATURE_PROFILE},
        {"<Message xmlns='urn:cn:sx:ip-pledge:1' a='b'/>", CRYPTO_ES256, ERR_SIGNATURE_PROFILE},
        {"<Message xmlns='urn:cn:sx:ip-pledge:1'><!-- x --></Message>", CRYPTO_ES256, ERR_SIGNATURE_PROFILE},
        {"<Message", CRYPTO_ES256, ERR_MESSAGE_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf out;
        struct err err = {0};
        buf_init(&out, MESSAGE_MAX);
        assert_false(message_sign_xml(bytes_str(cases[i].xml), ring, cases[i].alg, NULL, &out, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(out.n, 0);
        buf_free(&out);
    }
    free(once);
}

static void no_room_for_a_signature(void **state)
{
    (void)state;
    struct buf xml, out;
    struct err err = {0};
    buf_init(&xml, MESSAGE_MAX);
    buf_init(&out, 2 * MESSAGE_MAX);
    buf_str(&xml, "<Message xmlns=\"urn:cn:sx:ip-pledge:1\"><Text>");
    while (xml.n < MESSAGE_MAX - 500)
        buf_str(&xml, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    buf_str(&xml, "</Text></Message>");
    assert_false(message_sign_xml(buf_bytes(&xml), ring, CRYPTO_ES256, NULL, &out, &err));
    assert_int_equal(err.code, ERR_MESSAGE_TOO_LARGE);
    buf_free(&xml);
    buf_free(&out);
}

/* ---- refusals ---------------------------------------------------------------------------------------------- */

#define ALGORITHM(element, uri) "<ds:" element " Algorithm=\"" uri "\"></ds:" element ">"
#define ENVELOPED_TRANSFORM ALGORITHM("Transform", DS "enveloped-signature")
#define C14N_TRANSFORM ALGORITHM("Transform", EXCLUSIVE)
#define ES256_METHOD ALGORITHM("SignatureMethod", MORE "ecdsa-sha256")
#define REFERENCE_TO(uri) "<ds:Reference URI=\"" uri "\"><ds:Transforms>"
#define EMPTY_SIGNATURE "<ds:Signature xmlns:ds=\"" DS "\"></ds:Signature>"

static const struct refusal {
    const char *what, *from, *to, *code;
} refusals[] = {
    /* the signature and its place */
    {"another element after it", "", "<Extra/>", "signature.profile"},
    {"text after it", "", "x", "signature.profile"},
    {"a second signature, empty", "", EMPTY_SIGNATURE, "signature.profile"},
    {"a second signature within the body", "</Body>", EMPTY_SIGNATURE "</Body>", "signature.profile"},
    {"a second signature within itself", "</ds:Signature>", EMPTY_SIGNATURE "</ds:Signature>", "signature.profile"},
    {"a second signature within KeyInfo", "</ds:Signature>",
     "<ds:KeyInfo>" EMPTY_SIGNATURE "</ds:KeyInfo></ds:Signature>", "signature.profile"},
    {"a part of a signature elsewhere", "</Body>", "<ds:SignedInfo xmlns:ds=\"" DS "\"/></Body>", "signature.profile"},
    {"its prefix bound to another namespace", "xmlns:ds=\"" DS "\"", "xmlns:ds=\"urn:other\"", "signature.missing"},
    {"the prefix bound again inside", "<ds:SignedInfo>", "<ds:SignedInfo xmlns:ds=\"urn:other\">",
     "signature.malformed"},
    {"two SignedInfo", "<ds:SignatureValue>", "<ds:SignedInfo></ds:SignedInfo><ds:SignatureValue>",
     "signature.malformed"},
    {"SignedInfo in another place", "<ds:SignedInfo>", "<ds:Object></ds:Object><ds:SignedInfo>", "signature.malformed"},
    {"two SignatureValue", "</ds:Signature>", "<ds:SignatureValue/></ds:Signature>", "signature.profile"},
    {"an Object", "</ds:Signature>", "<ds:Object></ds:Object></ds:Signature>", "signature.profile"},
    {"text within it", "<ds:SignedInfo>", "x<ds:SignedInfo>", "signature.malformed"},
    /* what it covers */
    {"two references", "</ds:SignedInfo>", "<ds:Reference/></ds:SignedInfo>", "signature.profile"},
    {"a reference to an id", "URI=\"\"", "URI=\"#m\"", "signature.profile"},
    {"a reference to a file", "URI=\"\"", "URI=\"file:///etc/passwd\"", "signature.profile"},
    {"a reference to a server", "URI=\"\"", "URI=\"http://127.0.0.1/\"", "signature.profile"},
    {"a reference by XPointer", "URI=\"\"", "URI=\"#xpointer(/)\"", "signature.profile"},
    {"a reference of white space", "URI=\"\"", "URI=\" \"", "signature.profile"},
    {"a reference without URI", " URI=\"\"", "", "signature.profile"},
    {"a reference with a type", "URI=\"\"", "URI=\"\" Type=\"" DS "Manifest\"", "signature.profile"},
    /* transforms and canonical forms */
    {"no transforms", ENVELOPED_TRANSFORM C14N_TRANSFORM, "", "signature.profile"},
    {"no Transforms element", "<ds:Transforms>" ENVELOPED_TRANSFORM C14N_TRANSFORM "</ds:Transforms>", "",
     "signature.profile"},
    {"enveloped alone", C14N_TRANSFORM, "", "signature.profile"},
    {"canonical form alone", ENVELOPED_TRANSFORM, "", "signature.profile"},
    {"in the other order", ENVELOPED_TRANSFORM C14N_TRANSFORM, C14N_TRANSFORM ENVELOPED_TRANSFORM, "signature.profile"},
    {"three transforms", C14N_TRANSFORM, C14N_TRANSFORM C14N_TRANSFORM, "signature.profile"},
    {"an XPath", C14N_TRANSFORM, ALGORITHM("Transform", "http://www.w3.org/TR/1999/REC-xpath-19991116"),
     "signature.profile"},
    {"an XSLT", ENVELOPED_TRANSFORM, ALGORITHM("Transform", "http://www.w3.org/TR/1999/REC-xslt-19991116"),
     "signature.profile"},
    {"base64", ENVELOPED_TRANSFORM, ALGORITHM("Transform", DS "base64"), "signature.profile"},
    {"a transform with comments", C14N_TRANSFORM, ALGORITHM("Transform", EXCLUSIVE "WithComments"),
     "signature.profile"},
    {"an inclusive transform", C14N_TRANSFORM, ALGORITHM("Transform", INCLUSIVE), "signature.profile"},
    {"a list of prefixes", C14N_TRANSFORM,
     "<ds:Transform Algorithm=\"" EXCLUSIVE "\"><InclusiveNamespaces xmlns=\"" EXCLUSIVE
     "\" PrefixList=\"x\"/></ds:Transform>",
     "signature.profile"},
    {"SignedInfo in inclusive form", "Method Algorithm=\"" EXCLUSIVE, "Method Algorithm=\"" INCLUSIVE,
     "signature.profile"},
    {"SignedInfo with comments", "Method Algorithm=\"" EXCLUSIVE, "Method Algorithm=\"" EXCLUSIVE "WithComments",
     "signature.profile"},
    {"SignedInfo in form 1.1", "Method Algorithm=\"" EXCLUSIVE,
     "Method Algorithm=\"http://www.w3.org/2006/12/xml-c14n11", "signature.profile"},
    {"no algorithm named", " Algorithm=\"" EXCLUSIVE "\"", "", "signature.malformed"},
    /* algorithms */
    {"ECDSA with SHA-1", "#ecdsa-sha256", "#ecdsa-sha1", "signature.alg"},
    {"ECDSA with SHA-512", "#ecdsa-sha256", "#ecdsa-sha512", "signature.alg"},
    {"RSA where ECDSA is agreed", "#ecdsa-sha256", "#rsa-sha256", "signature.alg"},
    {"RSA with SHA-1", MORE "ecdsa-sha256", DS "rsa-sha1", "signature.alg"},
    {"RSA with MD5", MORE "ecdsa-sha256", MORE "rsa-md5", "signature.alg"},
    {"HMAC with SHA-1", MORE "ecdsa-sha256", DS "hmac-sha1", "signature.alg"},
    {"HMAC with SHA-256", MORE "ecdsa-sha256", MORE "hmac-sha256", "signature.alg"},
    {"HMAC cut short", ES256_METHOD,
     "<ds:SignatureMethod Algorithm=\"" MORE "hmac-sha256\"><ds:HMACOutputLength>8</ds:HMACOutputLength>"
     "</ds:SignatureMethod>",
     "signature.profile"},
    {"SM2 where ECDSA is agreed", MORE "ecdsa-sha256", CHINAPORT "sm2-sm3", "signature.alg"},
    {"digest SHA-1", SHA256, DS "sha1", "signature.alg"},
    {"digest MD5", SHA256, MORE "md5", "signature.alg"},
    {"digest SHA-512", SHA256, "http://www.w3.org/2001/04/xmlenc#sha512", "signature.alg"},
    {"digest SM3 where SHA-256 is agreed", SHA256, CHINAPORT "sm3", "signature.alg"},
    /* values */
    {"an empty digest", "<ds:DigestValue>", "<ds:DigestValue></ds:DigestValue><ds:DigestValue>", "signature.profile"},
    {"an element within the digest", "<ds:DigestValue>", "<ds:DigestValue><x/>", "signature.malformed"},
    {"base64 cut short", "==</ds:SignatureValue>", "=</ds:SignatureValue>", "signature.malformed"},
    {"base64 without padding", "==</ds:SignatureValue>", "</ds:SignatureValue>", "signature.malformed"},
    {"base64 with a foreign character", "<ds:SignatureValue>", "<ds:SignatureValue>-", "signature.malformed"},
    {"a value that goes on", "==</ds:SignatureValue>", "==AAAA</ds:SignatureValue>", "signature.malformed"},
    /* one name for two things */
    {"an Id on the root", "<Message ", "<Message Id=\"m\" ", "signature.profile"},
    {"one Id twice in the document", "<Body><Text>", "<Body Id=\"m\"><Text Id=\"m\">", "signature.profile"},
    {"xml:id", "<Body>", "<Body xml:id=\"m\">", "signature.profile"},
    {"xml:base", "<Body>", "<Body xml:base=\"http://127.0.0.1/\">", "signature.profile"},
    {"xml:space", "<Body>", "<Body xml:space=\"preserve\">", "signature.profile"},
    {"xsi:type", "<Body>", "<Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"x\">",
     "signature.profile"},
    {"xsi:nil", "<Body>", "<Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:nil=\"true\">",
     "signature.profile"},
    {"xsi:schemaLocation", "<Body>",
     "<Body xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
     "xsi:schemaLocation=\"urn:cn:sx:ip-pledge:1 http://127.0.0.1/x.xsd\">",
     "signature.profile"},
    /* comments and the like, which the canonical form drops or levels */
    {"a comment that cuts a value", "<Id>m-1", "<Id>m-<!-- -->1", "signature.profile"},
    {"a comment in the body", "<Body>", "<Body><!-- -->", "signature.profile"},
    {"CDATA that cuts a value", "<Id>m-1", "<Id>m-<![CDATA[1]]>", "signature.profile"},
    {"CDATA for a value", "m-1", "<![CDATA[m-1]]>", "signature.profile"},
    {"a comment in the digest", "<ds:DigestValue>", "<ds:DigestValue><!-- -->", "signature.profile"},
    {"a comment in the signature value", "<ds:SignatureValue>", "<ds:SignatureValue><!-- -->", "signature.profile"},
    {"CDATA in the signature value", "<ds:SignatureValue>", "<ds:SignatureValue><![CDATA[AAAA]]>", "signature.profile"},
    {"a comment in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo><!-- -->", "signature.profile"},
    {"a comment behind the signature", "", "<!-- -->", "signature.profile"},
    {"a DOCTYPE", "<Message", "<!DOCTYPE Message><Message", "schema.doctype"},
    {"a DOCTYPE that defaults an attribute", "<Message", "<!DOCTYPE Message [<!ATTLIST Body Id ID 'x'>]><Message",
     "schema.doctype"},
    /* what was changed after it was signed */
    {"another value", "bank-a", "bank-b", "signature.digest"},
    {"white space between elements", "<Body>", "\n<Body>", "signature.digest"},
    {"white space in a value", "<Id>m-1", "<Id> m-1", "signature.digest"},
    {"another prefix", BODY,
     "<b:Body xmlns:b=\"urn:cn:sx:ip-pledge:1\"><b:Text>山西杏花村汾酒厂股份有限公司 &amp; &lt;1&gt;</b:Text></b:Body>",
     "signature.digest"},
    {"another namespace", "<Body>", "<Body xmlns=\"urn:other\">", "signature.digest"},
    {"the namespace of the root", "urn:cn:sx:ip-pledge:1", "urn:cn:sx:ip-pledge:2", "signature.profile"},
    {"a row more", "</Body>", "<Text>x</Text></Body>", "signature.digest"},
    {"an element that is empty", "</Body>", "<Text/></Body>", "signature.digest"},
    {"white space in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo> ", "signature.invalid"},
    {"an Id in SignedInfo", "<ds:SignedInfo>", "<ds:SignedInfo Id=\"i\">", "signature.invalid"},
};

static void each_refusal_has_its_code(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    check("as signed", xml, &expect, NULL, "ok");
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        char *edited = edit(xml, refusals[i].from, refusals[i].to);
        check(refusals[i].what, edited, &expect, NULL, refusals[i].code);
        free(edited);
    }
    print_message("%zu refusals\n", sizeof refusals / sizeof refusals[0]);
    free(xml);
}

static void two_elements_of_a_signature_with_one_id(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE), *one = edit(xml, "<ds:Signature ", "<ds:Signature Id=\"a\" ");
    char *two = edit(one, "<ds:SignatureValue>", "<ds:SignatureValue Id=\"b\">");
    char *twice = edit(one, "<ds:SignatureValue>", "<ds:SignatureValue Id=\"a\">");
    check("two ids", two, &expect, NULL, "ok");
    check("one id twice", twice, &expect, NULL, "signature.profile");
    free(xml), free(one), free(two), free(twice);
}

/* Cuts the first part between two marks out; the caller frees. */
static char *without(const char *xml, const char *from, const char *to)
{
    char *cut = part(xml, from, to), *out = edit(xml, cut, "");
    free(cut);
    return out;
}

static void parts_that_are_missing(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *code;
    } cuts[] = {
        {"<ds:Signature ", "</ds:Signature>", "signature.missing"},
        {"<ds:SignedInfo>", "</ds:SignedInfo>", "signature.malformed"},
        {"<ds:SignatureValue>", "</ds:SignatureValue>", "signature.malformed"},
        {"<ds:CanonicalizationMethod ", "</ds:CanonicalizationMethod>", "signature.malformed"},
        {"<ds:SignatureMethod ", "</ds:SignatureMethod>", "signature.malformed"},
        {"<ds:Reference ", "</ds:Reference>", "signature.malformed"},
        {"<ds:DigestMethod ", "</ds:DigestMethod>", "signature.malformed"},
        {"<ds:DigestValue>", "</ds:DigestValue>", "signature.malformed"},
    };
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        char *edited = without(xml, cuts[i].from, cuts[i].to);
        check(cuts[i].from, edited, &expect, NULL, cuts[i].code);
        free(edited);
    }
    free(xml);
}

static void a_signature_elsewhere(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE), text[4000];
    char *signature = part(xml, "<ds:Signature ", "</ds:Signature>"), *bare = edit(xml, signature, "");
    static const char *const places[] = {"<Envelope>", "<Body>", "<Text>", "</Body>", "</Envelope>"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        snprintf(text, sizeof text, "%s%s", signature, places[i]);
        char *moved = edit(bare, places[i], text);
        check(places[i], moved, &expect, NULL, "signature.profile");
        free(moved);
    }
    check("the signature as the root", signature, &expect, NULL, "signature.profile");
    snprintf(text, sizeof text, "<Other>%s</Other>", xml);
    check("another root around it", text, &expect, NULL, "signature.profile");
    snprintf(text, sizeof text, "<Message xmlns=\"urn:cn:sx:ip-pledge:1\">%s</Message>", xml);
    check("a message in a message", text, &expect, NULL, "signature.profile");
    snprintf(text, sizeof text, "%s%s", signature, signature);
    char *twice = edit(xml, signature, text);
    check("the same signature twice", twice, &expect, NULL, "signature.profile");
    free(twice);
    free(signature);
    free(bare);
    free(xml);
}

static void put_value(struct buf *out, const char *before, const uint8_t *value, size_t n)
{
    buf_reset(out);
    buf_str(out, before);
    base64_encode(out, bytes_of(value, n), false);
}

/* r and s of 0, of the order and above it, and of other lengths. */
static void values_out_of_range(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    char *old = part(xml, "<ds:SignatureValue>", "==");
    uint8_t values[6][65];
    static const size_t sizes[6] = {64, 64, 64, 64, 63, 65};
    memset(values, 1, sizeof values);
    memset(values[0], 0, 32);
    memset(values[1] + 32, 0, 32);
    memset(values[2], 0xff, 32);
    hex_decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", values[3] + 32, 32);
    struct buf text;
    buf_init(&text, 1000);
    for (size_t i = 0; i < 6; i++) {
        put_value(&text, "<ds:SignatureValue>", values[i], sizes[i]);
        char *edited = edit(xml, old, (char *)text.p);
        check("out of range", edited, &expect, NULL, "signature.malformed");
        free(edited);
    }
    put_value(&text, "<ds:SignatureValue>", values[4], 64);
    char *edited = edit(xml, old, (char *)text.p);
    check("in range and wrong", edited, &expect, NULL, "signature.invalid");
    free(edited);
    buf_free(&text);
    free(old);
    free(xml);
}

static void a_digest_of_another_length(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE), *old = part(xml, "<ds:DigestValue>", "</ds:DigestValue>");
    static const char *const texts[] = {"", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "x"};
    for (size_t i = 0; i < 4; i++) {
        char text[200];
        snprintf(text, sizeof text, "<ds:DigestValue>%s</ds:DigestValue>", texts[i]);
        char *edited = edit(xml, old, text);
        check("a digest of another length", edited, &expect, NULL, "signature.malformed");
        free(edited);
    }
    free(old);
    free(xml);
}

static void of_another_key_or_algorithm(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct jws_expect expect = expect_of(algs[i]), none = {.alg = algs[i]}, pss = expect_of(CRYPTO_RS256);
        char *xml = sign_with(foreign_ring, algs[i], NULL, MESSAGE);
        check("another key", xml, &expect, NULL, "signature.invalid");
        check("no key", xml, &none, NULL, "signature.key_unknown");
        pss.alg = CRYPTO_PS256;
        check("PS256", xml, &pss, NULL, "signature.alg");
        expect = expect_of(algs[(i + 1) % 3]);
        check("another algorithm", xml, &expect, NULL, "signature.alg");
        free(xml);
    }
}

/* A flipped bit never gives a document that verifies. */
static void every_bit_counts(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    size_t n = strlen(xml), refused = 0;
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit++) {
            xml[i] = (char)(xml[i] ^ (1 << bit));
            if (strcmp(verdict(bytes_of(xml, n), &expect, NULL), "ok") == 0)
                fail_msg("byte %zu, bit %d", i, bit);
            xml[i] = (char)(xml[i] ^ (1 << bit));
            refused++;
        }
    }
    check("as before", xml, &expect, NULL, "ok");
    for (size_t cut = 0; cut < n; cut++)
        if (strcmp(verdict(bytes_of(xml, cut), &expect, NULL), "ok") == 0)
            fail_msg("cut at %zu", cut);
    print_message("%zu changed and %zu cut documents refused\n", refused, n);
    free(xml);
}

static void a_large_message_costs_no_more_than_its_size(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    struct buf text;
    buf_init(&text, MESSAGE_MAX);
    buf_str(&text, "<Message xmlns=\"urn:cn:sx:ip-pledge:1\"><Body>");
    for (int i = 0; i < MESSAGE_ROWS_MAX; i++)
        buf_printf(&text, "<Row><Uscc>%018d</Uscc><Name>x &amp; y</Name></Row>", i);
    buf_str(&text, "</Body></Message>");
    char *xml = sign(CRYPTO_ES256, (char *)text.p);
    check("10,000 rows", xml, &expect, NULL, "ok");
    char *edited = edit(xml, "<Uscc>000000000000009999", "<Uscc>000000000000009998");
    check("the last of 10,000 rows", edited, &expect, NULL, "signature.digest");
    free(edited);
    free(xml);
    buf_free(&text);
}

/* Each of 100,000 rows is at fault; to say where each is would compare it with all before it. */
static void many_faults_cost_no_more_than_one(void **state)
{
    (void)state;
    struct jws_expect expect = expect_of(CRYPTO_ES256);
    char *xml = sign(CRYPTO_ES256, MESSAGE);
    struct buf rows;
    buf_init(&rows, MESSAGE_MAX);
    for (int i = 0; i < 100000; i++)
        buf_str(&rows, "<Row a=''/>");
    buf_str(&rows, "</Body>");
    char *edited = edit(xml, "</Body>", (char *)rows.p);
    clock_t start = clock();
    check("100,000 attributes", edited, &expect, NULL, "signature.profile");
    assert_true(clock() - start < 3 * CLOCKS_PER_SEC);
    free(edited);
    free(xml);
    buf_free(&rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_is_the_profile_to_the_letter),
        cmocka_unit_test(what_is_signed_verifies_and_loses_its_signature),
        cmocka_unit_test(the_same_message_is_signed_as_the_same_bytes),
        cmocka_unit_test(any_element_of_the_namespace_may_be_signed),
        cmocka_unit_test(an_old_key_and_a_new_one_may_both_be_good),
        cmocka_unit_test(white_space_where_xml_allows_it),
        cmocka_unit_test(another_set_is_that_set_and_no_other),
        cmocka_unit_test(inclusive_form_takes_over_what_is_in_scope),
        cmocka_unit_test(the_identifier_of_sm2_is_agreed_too),
        cmocka_unit_test(what_we_refuse_we_do_not_sign),
        cmocka_unit_test(no_room_for_a_signature),
        cmocka_unit_test(each_refusal_has_its_code),
        cmocka_unit_test(two_elements_of_a_signature_with_one_id),
        cmocka_unit_test(parts_that_are_missing),
        cmocka_unit_test(a_signature_elsewhere),
        cmocka_unit_test(values_out_of_range),
        cmocka_unit_test(a_digest_of_another_length),
        cmocka_unit_test(of_another_key_or_algorithm),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(a_large_message_costs_no_more_than_its_size),
        cmocka_unit_test(many_faults_cost_no_more_than_one),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
