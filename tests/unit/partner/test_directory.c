/* Partners, operators and sources files: what they mean, and every fault with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "partner/partner.h"

#define KEY_A "6b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"
#define KEY_B "7b51d431df5d7f141cbececcf79edf3dd861c3b4069f0b11661a3eefacbba918"

static const char no_partners[] = "partners: []\n", no_operators[] = "operators: []\n", no_sources[] = "sources: []\n";

static char folder[] = "/tmp/partner-test-XXXXXX";
static struct arena *arena;
static struct directory *directory;
static struct err items[CONFIG_FAULTS_MAX];
static struct config_faults faults;

static int prepare(void **state)
{
    char command[512];

    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(command, sizeof(command), "sh '%s/certs/make-dev-pki.sh' '%s/pki'", SOURCE_DIR, folder);
    return system(command);
}

static int clean(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf '%s'", folder);
    return system(command);
}

static int start(void **state)
{
    (void)state;
    arena = arena_new();
    memset(items, 0, sizeof(items));
    faults = (struct config_faults){.items = items, .max = CONFIG_FAULTS_MAX};
    return 0;
}

static int stop(void **state)
{
    (void)state;
    directory_free(&directory);
    arena_free(&arena);
    return 0;
}

static const char *path_of(const char *name)
{
    return arena_printf(arena, "%s/%s", folder, name);
}

static const char *write_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return path_of(name);
}

static bool load(const char *partners, const char *operators, const char *sources)
{
    struct directory_files files = {write_file("partners.yaml", partners), write_file("operators.yaml", operators),
                                    write_file("sources.yaml", sources)};

    return directory_load(&files, 7, &directory, &faults);
}

static void loaded(bool ok)
{
    char text[512];

    if (!ok)
        fail_msg("%s", err_text(&items[0], false, text, sizeof(text)));
    assert_int_equal(faults.n, 0);
}

/* `expected` is lines "file:line:column code", in any order, and no other fault. */
static void refused(bool ok, const char *expected)
{
    size_t lines = 0;

    assert_false(ok);
    assert_null(directory);
    for (const char *p = expected; *p != '\0'; p++)
        lines += *p == '\n';
    for (size_t i = 0; i < faults.n; i++) {
        const char *line = arena_printf(arena, "%s %s\n", items[i].place + strlen(folder) + 1,
                                        err_info(items[i].code)->code);

        if (strstr(expected, line) == NULL)
            fail_msg("not expected: %s%s", line, items[i].detail);
    }
    if (faults.n != lines)
        fail_msg("%zu faults of %zu", faults.n, lines);
}

/* SHA-256 of the certificate's public key, as the openssl command line sees it. */
static void key_digest(const char *pem, uint8_t out[CRYPTO_DIGEST_SIZE])
{
    const char *command = arena_printf(arena, "openssl x509 -in '%s/pki/%s' -noout -pubkey | "
                                              "openssl pkey -pubin -outform DER | sha256sum", folder, pem);
    FILE *pipe = popen(command, "r");
    char hex[65] = "";

    assert_non_null(pipe);
    assert_int_equal(fread(hex, 1, 64, pipe), 64);
    (void)pclose(pipe);
    assert_true(hex_decode(hex, out, CRYPTO_DIGEST_SIZE));
}

static void finds_partners_by_id_and_key(void **state)
{
    const struct partner *bank, *second;
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    (void)state;
    loaded(load("partners:\n"
                "  - id: bank-a\n"
                "    name: 甲银行\n"
                "    roles: [bank]\n"
                "    kinds: [credit.report, echo]\n"
                "    tls_certificates: [pki/bank-a.pem, pki/operator-2.pem]\n"
                "    signing: {alg: ES256, certificates: [pki/bank-a-sign.pem]}\n"
                "  - id: bank-b\n"
                "    name: 乙银行\n"
                "    roles: [bank, registry]\n"
                "    tls_keys: [" KEY_A "]\n"
                "    signing: {alg: SM2, sm2_id: bank-b@example, certificates: [pki/bank-b-sign.pem]}\n"
                "    answer_alg: ES256\n"
                "    paused: true\n",
                no_operators, no_sources));
    assert_int_equal(directory_generation(directory), 7);
    assert_int_equal(directory_partners(directory), 2);
    bank = directory_find(directory, "bank-a");
    assert_string_equal(bank->name, "甲银行");
    assert_int_equal(bank->roles, ROLE_BANK);
    assert_string_equal(bank->kinds[1], "echo");
    assert_null(bank->kinds[2]);
    assert_false(bank->person || bank->paused || bank->view_full || bank->has_uid);
    assert_int_equal(bank->answer_alg, CRYPTO_ES256);
    assert_int_equal(bank->signing.key_n, 1);
    key_digest("bank-a-sign.pem", digest);
    assert_memory_equal(crypto_key_digest(bank->signing.keys[0]), digest, CRYPTO_DIGEST_SIZE);
    key_digest("bank-a.pem", digest);
    assert_ptr_equal(directory_by_key(directory, digest), bank);
    key_digest("operator-2.pem", digest);
    assert_ptr_equal(directory_by_key(directory, digest), bank);
    assert_true(hex_decode(KEY_A, digest, sizeof(digest)));
    second = directory_by_key(directory, digest);
    assert_string_equal(second->id, "bank-b");
    assert_int_equal(second->roles, ROLE_BANK | ROLE_REGISTRY);
    assert_true(second->paused);
    assert_int_equal(second->signing.alg, CRYPTO_SM2);
    assert_string_equal(second->signing.sm2_id, "bank-b@example");
    assert_int_equal(second->answer_alg, CRYPTO_ES256);
    assert_int_equal(second->slot, 1);
    key_digest("bad/unknown.pem", digest);
    assert_null(directory_by_key(directory, digest));
    assert_null(directory_find(directory, "bank-c"));
}

static void answers_and_views_have_defaults(void **state)
{
    (void)state;
    loaded(load("partners:\n"
                "  - {id: a, name: A, roles: [platform], tls_keys: [" KEY_A "]}\n"
                "  - {id: b, name: B, roles: [bureau], tls_keys: [" KEY_B "], view: category,"
                " signing: {alg: SM2, certificates: [pki/bureau-ty-sign.pem]}}\n",
                no_operators, no_sources));
    assert_true(directory_find(directory, "a")->view_full);
    assert_int_equal(directory_find(directory, "a")->answer_alg, CRYPTO_ES256);
    assert_int_equal(directory_find(directory, "a")->signing.key_n, 0);
    assert_false(directory_find(directory, "b")->view_full);
    assert_int_equal(directory_find(directory, "b")->answer_alg, CRYPTO_SM2);
}

static void finds_people_by_key_and_uid(void **state)
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    char names[100];

    (void)state;
    loaded(load(no_partners,
                "operators:\n"
                "  - id: operator-1\n"
                "    name: 张三\n"
                "    roles: [operator, approver]\n"
                "    tls_certificates: [pki/operator-1.pem]\n"
                "    region: \"1401\"\n"
                "  - {id: auditor-1, name: 李四, roles: [auditor, observer], uid: 1000}\n"
                "  - {id: night, name: root's script, roles: [observer], uid: 0}\n",
                no_sources));
    key_digest("operator-1.pem", digest);
    assert_string_equal(directory_by_key(directory, digest)->id, "operator-1");
    assert_string_equal(directory_by_key(directory, digest)->region, "1401");
    assert_string_equal(role_names(directory_by_key(directory, digest)->roles, names, sizeof(names)),
                        "operator,approver");
    assert_true(directory_by_key(directory, digest)->person);
    assert_string_equal(directory_by_uid(directory, 1000)->id, "auditor-1");
    assert_string_equal(directory_by_uid(directory, 1000)->region, "");
    assert_string_equal(directory_by_uid(directory, 0)->id, "night");
    assert_null(directory_by_uid(directory, 1001));
}

static const char *setting(const struct source *source, const char *name)
{
    for (size_t i = 0; i < source->setting_n; i++) {
        if (strcmp(source->settings[i].name, name) == 0)
            return source->settings[i].value;
    }
    return NULL;
}

static void reads_sources(void **state)
{
    const struct source *full, *delta;

    (void)state;
    loaded(load(no_partners, no_operators,
                "sources:\n"
                "  - id: bureau-sx\n"
                "    name: 省局\n"
                "    adapter: bureau\n"
                "    scope: full\n"
                "    period: 24h\n"
                "    settings:\n"
                "      url: https://127.0.0.1:1/\n"
                "      page_size: 500\n"
                "      nothing: ~\n"
                "      fields:\n"
                "        uscc: code\n"
                "        deep: {er: '1'}\n"
                "  - {id: ty, name: 市局, adapter: filedrop, scope: delta, period: 1h, full_every: 7d, deadline: 90s,"
                " absence: confirm, paused: true, regions: '1401'}\n"));
    assert_int_equal(directory_sources(directory), 2);
    full = directory_source_find(directory, "bureau-sx");
    assert_string_equal(full->adapter, "bureau");
    assert_int_equal(full->scope, SOURCE_FULL);
    assert_int_equal(full->period_ms, 86400000);
    assert_int_equal(full->full_every_ms, 0);
    assert_int_equal(full->deadline_ms, 3600000);
    assert_false(full->absence_confirm || full->paused);
    assert_string_equal(full->regions, "14");
    assert_int_equal(full->setting_n, 4);
    assert_string_equal(setting(full, "url"), "https://127.0.0.1:1/");
    assert_string_equal(setting(full, "page_size"), "500");
    assert_string_equal(setting(full, "fields.uscc"), "code");
    assert_string_equal(setting(full, "fields.deep.er"), "1");
    assert_string_equal(full->place + strlen(folder), "/sources.yaml:8:7");
    delta = directory_source(directory, 1);
    assert_int_equal(delta->scope, SOURCE_DELTA);
    assert_int_equal(delta->full_every_ms, 7 * 86400000LL);
    assert_int_equal(delta->deadline_ms, 90000);
    assert_true(delta->absence_confirm && delta->paused);
    assert_string_equal(delta->regions, "1401");
    assert_null(directory_source(directory, 2));
    assert_null(directory_source_find(directory, "none"));
}

static void digests_are_those_of_the_files(void **state)
{
    (void)state;
    loaded(load(no_partners, no_operators, no_sources));
    /* printf 'partners: []\n' | sha256sum, and so on */
    assert_string_equal(directory_digest(directory, 0), "07b937183d70759058c6b7d61660f9069dda85a05f099b7728e6641dce4c6e4e");
    assert_string_equal(directory_digest(directory, 1), "ca09f78c763da00e74466f97518585c85bf1fb1eadbe6bc801eb4fe5c8cec345");
    assert_string_equal(directory_digest(directory, 2), "f306b85b98942b7695337e5c1fe3613d282c917f3521216eb7be71e770e4259d");
}

static void every_fault_of_a_partner_is_told(void **state)
{
    (void)state;
    refused(load("partners:\n"
                 "  - id: Bank-A\n"                                          /* 2 */
                 "    roles: [bank, operator, bank]\n"                       /* 3 */
                 "    kinds: [credit.report, Echo, credit.report]\n"         /* 4 */
                 "    tls_keys: [12ab]\n"                                    /* 5 */
                 "    tls_certificates: [pki/none.pem]\n"                    /* 6 */
                 "    colour: red\n"                                         /* 7 */
                 "    signing: {alg: ES256, sm2_id: x, certificates: [pki/bank-b-sign.pem]}\n" /* 8 */
                 "    answer_alg: HS256\n"                                   /* 9 */
                 "    paused: 'yes'\n"                                       /* 10 */
                 "    view: all\n"                                           /* 11 */
                 "    shape: round\n",                                       /* 12 */
                 no_operators, no_sources),
            "partners.yaml:2:5 config.missing\n"      /* name */
            "partners.yaml:2:9 config.value\n"
            "partners.yaml:3:19 config.value\n"
            "partners.yaml:3:29 config.duplicate\n"
            "partners.yaml:4:28 config.value\n"
            "partners.yaml:4:34 config.duplicate\n"
            "partners.yaml:5:16 config.value\n"
            "partners.yaml:6:24 key.file\n"
            "partners.yaml:7:5 config.unknown\n"
            "partners.yaml:8:35 config.value\n"
            "partners.yaml:8:53 config.value\n"
            "partners.yaml:9:17 config.value\n"
            "partners.yaml:10:13 config.value\n"
            "partners.yaml:11:11 config.value\n"
            "partners.yaml:12:5 config.unknown\n");
}

static void a_partner_needs_a_key_and_its_own_id(void **state)
{
    (void)state;
    refused(load("partners:\n"
                 "  - {id: root, name: R, roles: [bank], tls_keys: [" KEY_A "]}\n"
                 "  - {id: b, name: B, roles: []}\n"
                 "  - just text\n"
                 "  - {id: .c, name: C, roles: [bank], tls_keys: [" KEY_B "], signing: {alg: ES256}}\n",
                 no_operators, no_sources),
            "partners.yaml:2:10 config.value\n"
            "partners.yaml:3:5 config.missing\n"
            "partners.yaml:3:29 config.value\n"
            "partners.yaml:4:5 config.value\n"
            "partners.yaml:5:10 config.value\n"
            "partners.yaml:5:125 config.missing\n");
}

static void what_stands_twice_is_told(void **state)
{
    (void)state;
    refused(load("partners:\n"
                 "  - {id: a, name: A, roles: [bank], tls_keys: [" KEY_A "]}\n"
                 "  - {id: b, name: B, roles: [bank], tls_keys: [" KEY_B ", " KEY_B "]}\n"
                 "  - {id: a, name: C, roles: [bank], tls_certificates: [pki/bank-a.pem]}\n",
                 "operators:\n"
                 "  - {id: p, name: P, roles: [observer], tls_keys: [" KEY_A "]}\n"
                 "  - {id: b, name: Q, roles: [observer], uid: 5}\n"
                 "  - {id: q, name: Q, roles: [observer], uid: 5}\n",
                 "sources:\n"
                 "  - {id: a, name: A, adapter: x, scope: full, period: 1h}\n"
                 "  - {id: a, name: B, adapter: x, scope: full, period: 1h}\n"),
            "partners.yaml:3:5 config.duplicate\n"
            "partners.yaml:4:5 config.duplicate\n"
            "operators.yaml:2:5 config.duplicate\n"
            "operators.yaml:3:5 config.duplicate\n"
            "operators.yaml:4:5 config.duplicate\n"
            "sources.yaml:3:5 config.duplicate\n");
}

static void powers_are_separated(void **state)
{
    (void)state;
    refused(load(no_partners,
                 "operators:\n"
                 "  - {id: a, name: A, roles: [secadmin, auditor], uid: 1}\n"
                 "  - {id: b, name: B, roles: [operator, approver], uid: 0}\n"
                 "  - {id: c, name: C, roles: [bank], uid: 4294967295}\n"
                 "  - {id: d, name: D, roles: [sysadmin], region: '140'}\n",
                 no_sources),
            "operators.yaml:2:29 config.value\n"
            "operators.yaml:3:56 config.value\n"
            "operators.yaml:4:30 config.value\n"
            "operators.yaml:4:42 config.value\n"
            "operators.yaml:5:5 config.missing\n"
            "operators.yaml:5:49 config.value\n");
}

static void every_fault_of_a_source_is_told(void **state)
{
    (void)state;
    refused(load(no_partners, no_operators,
                 "sources:\n"
                 "  - id: a\n"
                 "    name: A\n"
                 "    adapter: ../evil\n"              /* 4 */
                 "    scope: some\n"                   /* 5 */
                 "    period: 10ms\n"                  /* 6 */
                 "    full_every: 7d\n"                /* 7 */
                 "    deadline: soon\n"                /* 8 */
                 "    absence: never\n"                /* 9 */
                 "    regions: Shanxi\n"               /* 10 */
                 "    settings:\n"
                 "      codes: [0, 1]\n"               /* 12 */
                 "      a: {b: 1}\n"
                 "      a.b: 2\n"                      /* 14 */
                 "  - {id: b, name: B, adapter: x, settings: text}\n"),
            "sources.yaml:4:14 config.value\n"
            "sources.yaml:5:12 config.value\n"
            "sources.yaml:6:13 config.value\n"
            "sources.yaml:7:17 config.value\n"
            "sources.yaml:8:15 config.value\n"
            "sources.yaml:9:14 config.value\n"
            "sources.yaml:10:14 config.value\n"
            "sources.yaml:12:14 config.value\n"
            "sources.yaml:14:12 config.duplicate\n"
            "sources.yaml:15:5 config.missing\n"       /* scope */
            "sources.yaml:15:5 config.missing\n"       /* period */
            "sources.yaml:15:44 config.value\n");
}

/* What only means something of a list, and kinds that no source can tell, are faults. */
static void a_source_that_feeds_is_no_list(void **state)
{
    const struct source *source;

    (void)state;
    loaded(load(no_partners, no_operators,
                "sources:\n  - {id: r, name: R, adapter: registry, feeds: pledge.registration, period: 1h, full_every: 7d}\n"));
    source = directory_source_find(directory, "r");
    assert_string_equal(source->feeds, "pledge.registration");
    assert_int_equal(source->full_every_ms, 7 * 86400000LL);
    directory_free(&directory);
    refused(load(no_partners, no_operators,
                 "sources:\n"
                 "  - id: a\n"
                 "    name: A\n"
                 "    adapter: registry\n"
                 "    feeds: pledge.registration\n"
                 "    scope: full\n"                   /* 6 */
                 "    absence: twice\n"                /* 7 */
                 "    regions: '1401'\n"               /* 8 */
                 "    period: 1h\n"
                 "  - {id: b, name: B, adapter: x, feeds: credit.report, period: 1h}\n"),
            "sources.yaml:6:12 config.value\n"
            "sources.yaml:7:14 config.value\n"
            "sources.yaml:8:14 config.value\n"
            "sources.yaml:10:41 config.value\n");
}

static void faults_of_all_files_are_told_together(void **state)
{
    (void)state;
    refused(load("partners: [\n", "people: []\n", "sources: 5\n"),
            "partners.yaml:2:1 config.syntax\n"
            "operators.yaml:1:1 config.unknown\n"
            "operators.yaml:1:1 config.missing\n"
            "sources.yaml:1:10 config.value\n");
}

static void a_missing_file_is_told(void **state)
{
    struct directory_files files = {"/nonexistent/partners.yaml", write_file("operators.yaml", no_operators),
                                    write_file("sources.yaml", no_sources)};

    (void)state;
    assert_false(directory_load(&files, 1, &directory, &faults));
    assert_int_equal(faults.n, 1);
    assert_int_equal(items[0].code, ERR_CONFIG_FILE);
}

static void more_faults_than_there_is_room_for(void **state)
{
    (void)state;
    faults.max = 1;
    assert_false(load("partners: 1\n", "operators: 1\n", "sources: 1\n"));
    assert_int_equal(faults.n, 1);
    faults.items = NULL;
    faults.max = faults.n = 0;
    assert_false(load("partners: 1\n", no_operators, no_sources));
}

static void a_thousand_partners_are_found(void **state)
{
    struct buf text;
    uint8_t digest[CRYPTO_DIGEST_SIZE] = {0};
    char id[16], hex[65];

    (void)state;
    buf_init(&text, 1u << 20);
    buf_str(&text, "partners:\n");
    for (unsigned i = 0; i < 1000; i++) {
        put_be32(digest + 4, i * 1000000u);
        buf_printf(&text, "- {id: p%u, name: N, roles: [bank], tls_keys: [%s]}\n", i,
                   hex_encode(digest, sizeof(digest), hex));
    }
    loaded(load((const char *)text.p, no_operators, no_sources));
    for (unsigned i = 0; i < 1000; i++) {
        (void)snprintf(id, sizeof(id), "p%u", i);
        put_be32(digest + 4, i * 1000000u);
        assert_string_equal(directory_by_key(directory, digest)->id, id);
        assert_ptr_equal(directory_find(directory, id), directory_by_key(directory, digest));
        put_be32(digest + 4, i * 1000000u + 1);
        assert_null(directory_by_key(directory, digest));
    }
    buf_free(&text);
}

static void a_reference_keeps_it_alive(void **state)
{
    struct directory *mine;

    (void)state;
    loaded(load("partners:\n  - {id: a, name: A, roles: [bank], tls_keys: [" KEY_A "]}\n", no_operators, no_sources));
    mine = directory_ref(directory);
    directory_free(&directory);
    assert_null(directory);
    assert_string_equal(directory_find(mine, "a")->name, "A");
    directory_free(&mine);
}

static void a_partner_is_reached_as_its_file_says(void **state)
{
    const struct partner *bank;

    (void)state;
    loaded(load("partners:\n"
                "  - id: a\n"
                "    name: A\n"
                "    roles: [bank]\n"
                "    tls_keys: [" KEY_A "]\n"
                "    receives: [whitelist.change, guidance.request]\n"
                "    xml: {c14n: inclusive, signature_uri: \"urn:s\", digest_uri: \"urn:d\", encoding: der}\n"
                "    frames: {charset: gb18030, unmappable: reject}\n"
                "    channel:\n"
                "      adapter: bank\n"
                "      form: xml\n"
                "      receipt: none\n"
                "      on_refusal: skip\n"
                "      give_up: 3d\n"
                "      deadline: 10s\n"
                "      settings: {url: \"https://a\", retry: {codes: 503}}\n",
                no_operators, no_sources));
    bank = directory_find(directory, "a");
    assert_string_equal(bank->receives[0], "whitelist.change");
    assert_string_equal(bank->receives[1], "guidance.request");
    assert_null(bank->receives[2]);
    assert_true(bank->xml.inclusive && bank->xml.der && bank->unmappable_reject);
    assert_string_equal(bank->xml.signature_uri, "urn:s");
    assert_string_equal(bank->xml.digest_uri, "urn:d");
    assert_string_equal(partner_charset_name(bank->charset), "gb18030");
    assert_string_equal(bank->channel.adapter, "bank");
    assert_true(bank->channel.xml && bank->channel.skip_refused && !bank->channel.needs_receipt);
    assert_int_equal(bank->channel.give_up_ms, 3 * 24 * 3600 * 1000LL);
    assert_int_equal(bank->channel.deadline_ms, 10000);
    assert_int_equal(bank->channel.setting_n, 2);
    assert_string_equal(bank->channel.settings[1].name, "retry.codes");
    assert_string_equal(bank->channel.settings[1].value, "503");
    assert_non_null(strstr(bank->channel.place, "partners.yaml:16:"));
}

static void without_a_word_a_partner_has_a_mailbox_and_the_contracts_profile(void **state)
{
    const struct partner *a, *b;

    (void)state;
    loaded(load("partners:\n"
                "  - {id: a, name: A, roles: [bank], tls_keys: [" KEY_A "]}\n"
                "  - {id: b, name: B, roles: [bank], tls_keys: [" KEY_B "], receives: [], channel: {adapter: bank}}\n",
                no_operators, no_sources));
    a = directory_find(directory, "a");
    b = directory_find(directory, "b");
    assert_null(a->channel.adapter);
    assert_null(a->receives);
    assert_false(a->xml.inclusive || a->xml.der || a->unmappable_reject);
    assert_null(a->xml.signature_uri);
    assert_int_equal(a->charset, PARTNER_UTF_8);
    assert_null(b->receives[0]);
    assert_false(b->channel.xml || b->channel.skip_refused);
    assert_true(b->channel.needs_receipt);
    assert_int_equal(b->channel.give_up_ms, 7 * 24 * 3600 * 1000LL);
    assert_int_equal(b->channel.deadline_ms, 30000);
    assert_int_equal(b->channel.setting_n, 0);
}

static void a_partner_is_known_by_its_own_code(void **state)
{
    (void)state;
    loaded(load("partners:\n"
                "  - {id: a, name: A, roles: [bank], tls_keys: [" KEY_A "], uscc: 91140100ma0kq8ur0t}\n"
                "  - {id: b, name: B, roles: [bank], tls_keys: [" KEY_B "]}\n",
                no_operators, no_sources));
    assert_string_equal(directory_find(directory, "a")->uscc, "91140100MA0KQ8UR0T");
    assert_string_equal(directory_find(directory, "b")->uscc, "");
}

static void a_code_that_is_none_is_told(void **state)
{
    (void)state;
    refused(load("partners:\n"
                 "  - id: a\n"
                 "    name: A\n"
                 "    roles: [bank]\n"
                 "    tls_keys: [" KEY_A "]\n"
                 "    uscc: 91140100MA0KQ8UR0X\n",
                 no_operators, no_sources),
            "partners.yaml:6:11 uscc.check_char\n");
}

static void every_fault_of_a_channel_is_told(void **state)
{
    (void)state;
    refused(load("partners:\n"
                 "  - id: a\n"
                 "    name: A\n"
                 "    roles: [bank]\n"
                 "    tls_keys: [" KEY_A "]\n"
                 "    receives: [Whitelist, echo, echo]\n"
                 "    xml: {c14n: other, signature_uri: none, c15n: x}\n"
                 "    frames: {charset: big5, unmappable: drop}\n"
                 "    channel:\n"
                 "      adapter: Bank\n"
                 "      form: csv\n"
                 "      receipt: maybe\n"
                 "      on_refusal: cry\n"
                 "      give_up: 1s\n"
                 "      deadline: 1h\n"
                 "      settings: text\n"
                 "  - {id: b, name: B, roles: [bank], tls_keys: [" KEY_B "], channel: {form: json}, xml: text}\n",
                 no_operators, no_sources),
            "partners.yaml:6:16 config.value\n"
            "partners.yaml:6:33 config.duplicate\n"
            "partners.yaml:7:17 config.value\n"
            "partners.yaml:7:39 config.value\n"
            "partners.yaml:7:45 config.unknown\n"
            "partners.yaml:8:23 config.value\n"
            "partners.yaml:8:41 config.value\n"
            "partners.yaml:10:16 config.value\n"
            "partners.yaml:11:13 config.value\n"
            "partners.yaml:12:16 config.value\n"
            "partners.yaml:13:19 config.value\n"
            "partners.yaml:14:16 config.value\n"
            "partners.yaml:15:17 config.value\n"
            "partners.yaml:16:17 config.value\n"
            "partners.yaml:17:124 config.missing\n"
            "partners.yaml:17:143 config.value\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(finds_partners_by_id_and_key, start, stop),
        cmocka_unit_test_setup_teardown(answers_and_views_have_defaults, start, stop),
        cmocka_unit_test_setup_teardown(finds_people_by_key_and_uid, start, stop),
        cmocka_unit_test_setup_teardown(reads_sources, start, stop),
        cmocka_unit_test_setup_teardown(a_source_that_feeds_is_no_list, start, stop),
        cmocka_unit_test_setup_teardown(digests_are_those_of_the_files, start, stop),
        cmocka_unit_test_setup_teardown(every_fault_of_a_partner_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_partner_needs_a_key_and_its_own_id, start, stop),
        cmocka_unit_test_setup_teardown(what_stands_twice_is_told, start, stop),
        cmocka_unit_test_setup_teardown(powers_are_separated, start, stop),
        cmocka_unit_test_setup_teardown(every_fault_of_a_source_is_told, start, stop),
        cmocka_unit_test_setup_teardown(faults_of_all_files_are_told_together, start, stop),
        cmocka_unit_test_setup_teardown(a_missing_file_is_told, start, stop),
        cmocka_unit_test_setup_teardown(more_faults_than_there_is_room_for, start, stop),
        cmocka_unit_test_setup_teardown(a_thousand_partners_are_found, start, stop),
        cmocka_unit_test_setup_teardown(a_partner_is_reached_as_its_file_says, start, stop),
        cmocka_unit_test_setup_teardown(without_a_word_a_partner_has_a_mailbox_and_the_contracts_profile, start, stop),
        cmocka_unit_test_setup_teardown(a_partner_is_known_by_its_own_code, start, stop),
        cmocka_unit_test_setup_teardown(a_code_that_is_none_is_told, start, stop),
        cmocka_unit_test_setup_teardown(every_fault_of_a_channel_is_told, start, stop),
        cmocka_unit_test_setup_teardown(a_reference_keeps_it_alive, start, stop),
    };

    return cmocka_run_group_tests(tests, prepare, clean);
}
