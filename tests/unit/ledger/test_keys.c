/* The gateway's own signing keys: each change is a record, none is forgotten, and a rebuild comes to the same. */
#include "fixture.h"

static const char *in_dir(struct world *w, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", w->directory, name);
    return path;
}

static void make_pair(struct world *w, const char *name)
{
    char command[512];
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout %s.key -out %s.pem "
             "-subj /CN=%s -days 30 2>>openssl.log",
             w->directory, name, name, name);
    if (system(command) != 0)
        fail_msg("%s", command);
}

/* Certificates are made by the true clock. */
static int keys_setup(void **state)
{
    struct world *w = world_new();
    clock_test_set(0, 0);
    world_start(w);
    make_pair(w, "first");
    make_pair(w, "second");
    *state = w;
    return 0;
}

static void file_of(char out[32], const char *name, const char *end)
{
    snprintf(out, 32, "%s.%s", name, end);
}

static struct crypto_keyring *ring_of(struct world *w, const char *active, const char *staged)
{
    struct crypto_keyring *ring = crypto_keyring_new();
    char cert[32], key[32];
    struct err err = {0};
    file_of(cert, active, "pem");
    file_of(key, active, "key");
    NEED(crypto_keyring_load(ring, CRYPTO_SIGN_ES256, in_dir(w, cert), in_dir(w, key), NULL, &err), err);
    if (staged == NULL)
        return ring;
    file_of(cert, staged, "pem");
    file_of(key, staged, "key");
    NEED(crypto_keyring_stage(ring, CRYPTO_SIGN_ES256, in_dir(w, cert), in_dir(w, key), &err), err);
    return ring;
}

static void configure(struct world *w, const char *active, const char *staged)
{
    struct crypto_keyring *ring = ring_of(w, active, staged);
    struct err err = {0};
    NEED(ledger_saw_keys(w->ledger, ring, &err), err);
    crypto_keyring_free(&ring);
}

struct looked {
    char states[4][16];
    char kids[4][CRYPTO_KID_SIZE];
    size_t n;
};

static bool look(void *arg, const struct ledger_key *key)
{
    struct looked *looked = arg;
    assert_true(looked->n < 4);
    assert_string_equal(key->alg, "ES256");
    assert_true(strlen(key->certificate) > 100);
    assert_true(key->since_ms > 0 && key->seq > 0);
    snprintf(looked->states[looked->n], 16, "%s", key->state);
    snprintf(looked->kids[looked->n++], CRYPTO_KID_SIZE, "%s", key->kid);
    return true;
}

static size_t known(struct world *w, const char *name, const char *state)
{
    struct view view = view_open(w);
    struct looked looked = {.n = 0};
    struct crypto_key *key = NULL;
    struct err err = {0};
    char cert[32];
    file_of(cert, name, "pem");
    NEED(ledger_keys(view.txn, view.arena, look, &looked, &err), err);
    view_close(&view);
    NEED(crypto_key_from_file(in_dir(w, cert), &key, &err), err);
    bool found = false;
    for (size_t i = 0; i < looked.n; i++) {
        if (strcmp(looked.kids[i], crypto_key_kid(key)) == 0)
            found = strcmp(looked.states[i], state) == 0;
    }
    crypto_key_free(&key);
    if (!found)
        fail_msg("%s is not %s", name, state);
    return looked.n;
}

static void a_key_is_staged_used_and_retired(void **state)
{
    struct world *w = *state;
    configure(w, "first", NULL);
    assert_int_equal(journal_length(w), 1);
    configure(w, "first", "second");
    assert_int_equal(journal_length(w), 2);
    known(w, "first", "active");
    known(w, "second", "staged");
    configure(w, "second", NULL);
    assert_int_equal(journal_length(w), 4);
    known(w, "first", "retired");
    assert_int_equal(known(w, "second", "active"), 2);
    rebuild_is_equal(w);
    journal_is_good(w);
}

static void nothing_new_is_no_record(void **state)
{
    struct world *w = *state;
    configure(w, "first", "second");
    configure(w, "first", "second");
    assert_int_equal(journal_length(w), 2);
    world_restart(w);
    configure(w, "first", "second");
    assert_int_equal(journal_length(w), 2);
    known(w, "second", "staged");
}

static void a_retired_key_stays_over_restarts_and_may_come_back(void **state)
{
    struct world *w = *state;
    configure(w, "first", NULL);
    configure(w, "second", NULL);
    world_restart(w);
    configure(w, "second", NULL);
    known(w, "first", "retired");
    assert_int_equal(journal_length(w), 3);
    configure(w, "first", "second");
    known(w, "first", "active");
    known(w, "second", "staged");
    assert_int_equal(journal_length(w), 5);
    rebuild_is_equal(w);
}

/* Whoever got hold of a key that was never used must not be believed. */
static void a_staged_key_taken_back_is_not_kept(void **state)
{
    struct world *w = *state;
    configure(w, "first", "second");
    configure(w, "first", NULL);
    assert_int_equal(journal_length(w), 3);
    assert_int_equal(known(w, "first", "active"), 1);
    rebuild_is_equal(w);
    configure(w, "first", "second");
    assert_int_equal(known(w, "second", "staged"), 2);
    assert_int_equal(journal_length(w), 4);
    rebuild_is_equal(w);
}

static void a_key_once_used_is_kept_when_it_was_staged_again(void **state)
{
    struct world *w = *state;
    configure(w, "first", NULL);
    configure(w, "second", "first");
    configure(w, "second", NULL);
    assert_int_equal(known(w, "first", "retired"), 2);
    rebuild_is_equal(w);
}

static void a_renewed_certificate_of_the_same_key_is_a_record(void **state)
{
    struct world *w = *state;
    char command[256];
    configure(w, "first", NULL);
    snprintf(command, sizeof command,
             "cd %s && openssl req -x509 -key first.key -subj /CN=renewed -days 60 -out first.pem", w->directory);
    assert_int_equal(system(command), 0);
    configure(w, "first", NULL);
    assert_int_equal(journal_length(w), 2);
    assert_int_equal(known(w, "first", "active"), 1);
    rebuild_is_equal(w);
}

static void the_record_tells_all(void **state)
{
    struct world *w = *state;
    configure(w, "first", NULL);
    struct view view = view_open(w);
    struct record record = record_in(w, &view, 1);
    struct crypto_key *from_file = NULL, *from_record = NULL;
    struct buf der;
    struct err err = {0};
    assert_int_equal(record.kind, RECORD_KEY);
    assert_string_equal(record.key_state, "active");
    assert_string_equal(record.alg, "ES256");
    assert_int_equal(record.actor.kind, ACTOR_GATEWAY);
    buf_init(&der, CRYPTO_CERTIFICATE_MAX);
    assert_true(base64_decode(&der, bytes_str(record.certificate), false));
    NEED(crypto_key_from_certificate(buf_bytes(&der), "record", &from_record, &err), err);
    NEED(crypto_key_from_file(in_dir(w, "first.pem"), &from_file, &err), err);
    assert_string_equal(crypto_key_kid(from_record), record.kid);
    assert_true(bytes_equal(crypto_key_certificate(from_record), crypto_key_certificate(from_file)));
    crypto_key_free(&from_record);
    crypto_key_free(&from_file);
    buf_free(&der);
    view_close(&view);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, keys_setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_key_is_staged_used_and_retired),
        TEST(nothing_new_is_no_record),
        TEST(a_retired_key_stays_over_restarts_and_may_come_back),
        TEST(a_staged_key_taken_back_is_not_kept),
        TEST(a_key_once_used_is_kept_when_it_was_staged_again),
        TEST(a_renewed_certificate_of_the_same_key_is_a_record),
        TEST(the_record_tells_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
