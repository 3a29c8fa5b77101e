/* What the gateway says of its journal over time: one history, whatever happens between commit and head. */
#include "fixture.h"

static struct heads *new_heads(struct world *w, struct crypto_keyring *ring, int64_t every_ms)
{
    struct heads_options options = {.store = w->store,
                                    .journal = w->journal,
                                    .ledger = w->ledger,
                                    .origin = ORIGIN,
                                    .pause_ms = 1,
                                    .every_ms = every_ms};
    struct heads *heads = heads_new(&options);
    heads_set_ring(heads, ring);
    return heads;
}

/* The ledger runs from here on. */
static struct heads *begin(struct world *w, struct crypto_keyring *ring, int64_t every_ms)
{
    struct heads *heads = new_heads(w, ring, every_ms);
    struct err err = {0};
    NEED(ledger_start(w->ledger, &err), err);
    NEED(heads_start(heads, &err), err);
    return heads;
}

static struct head newest(struct world *w, struct heads *heads, struct bytes *note_out)
{
    struct head head;
    struct bytes note;
    struct err err = {0};
    NEED(heads_newest(heads, w->arena, &head, &note, &err), err);
    if (note_out)
        *note_out = note;
    return head;
}

/* Waits for a head of that size, and that its note is signed and says so. */
static struct head wait_for(struct world *w, struct heads *heads, struct crypto_keyring *ring, uint64_t size)
{
    struct head_key keys[2];
    struct bytes note;
    struct head head, said;
    struct err err = {0};
    for (unsigned i = 0; i < 20000 && newest(w, heads, NULL).size != size; i++)
        usleep(1000);
    head = newest(w, heads, &note);
    assert_true(head.size == size);
    trust(ring, keys);
    NEED(head_verify(note, keys, 2, NULL, &said, &err), err);
    assert_true(keys[0].held && keys[1].held && said.size == size);
    assert_memory_equal(said.root.b, head.root.b, MERKLE_HASH);
    return head;
}

static unsigned kept(struct world *w)
{
    struct err err = {0};
    struct store_txn *txn = store_read(w->store, &err);
    struct store_walk walk;
    unsigned n = 0;
    for (store_walk(&walk, txn, TABLE_HEAD, NULL, NULL); store_next(&walk);)
        n++;
    store_read_end(&txn);
    return n;
}

static void end(struct world *w, struct heads **heads)
{
    heads_stop(*heads);
    ledger_stop(w->ledger);
    heads_free(heads);
}

static void each_commit_is_followed_by_a_head(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory);
    struct heads *heads = begin(w, ring, 0);
    wait_for(w, heads, ring, 0);
    for (unsigned i = 1; i <= 20; i++) {
        grow(w, 1);
        struct head head = wait_for(w, heads, ring, i);
        assert_memory_equal(head.root.b, journal_now(w).root.b, MERKLE_HASH);
    }
    assert_int_equal(kept(w), 1);
    clock_test_set(T0 + 24 * INT64_C(3600000), 1000);
    grow(w, 1);
    wait_for(w, heads, ring, 21);
    assert_int_equal(kept(w), 2); /* the last of the day before, too */
    end(w, &heads);
    crypto_keyring_free(&ring);
}

static void without_commits_the_same_is_said_again(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory);
    struct heads *heads = begin(w, ring, 5);
    struct head first = newest(w, heads, NULL);
    clock_test_set(T0 + 5000, 1000);
    for (unsigned i = 0; i < 20000 && newest(w, heads, NULL).time_ms == first.time_ms; i++)
        usleep(1000);
    struct head second = newest(w, heads, NULL);
    assert_true(second.time_ms == T0 + 5000 && second.size == first.size);
    assert_memory_equal(second.root.b, first.root.b, MERKLE_HASH);
    end(w, &heads);
    crypto_keyring_free(&ring);
}

static void a_clock_set_back_does_not_turn_heads_back(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory);
    struct heads *heads = begin(w, ring, 0);
    clock_test_set(T0 - 3600000, 1000);
    grow(w, 1);
    assert_true(wait_for(w, heads, ring, 1).time_ms == T0);
    end(w, &heads);
    crypto_keyring_free(&ring);
}

static void restarts_go_on_from_what_was_published(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory);
    struct heads *heads = begin(w, ring, 0);
    grow(w, 3);
    wait_for(w, heads, ring, 3);
    heads_stop(heads); /* as a crash between commit and head leaves it */
    grow(w, 2);
    ledger_stop(w->ledger);
    heads_free(&heads);
    world_close(w);
    world_open(w);
    heads = begin(w, ring, 0);
    assert_true(newest(w, heads, NULL).size == 5);
    wait_for(w, heads, ring, 5);
    end(w, &heads);
    crypto_keyring_free(&ring);
}

static void without_keys_what_was_published_stays(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory), *none = crypto_keyring_new();
    struct heads *heads = begin(w, ring, 0);
    grow(w, 3);
    struct head said = wait_for(w, heads, ring, 3);
    end(w, &heads);
    world_close(w);
    world_open(w);
    heads = begin(w, none, 0);
    assert_true(newest(w, heads, NULL).size == said.size);
    end(w, &heads);
    crypto_keyring_free(&none);
    crypto_keyring_free(&ring);
}

static void other_keys_sign_at_once(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory), *other = new_ring(w->directory);
    struct heads *heads = begin(w, ring, 0);
    struct head_key keys[2];
    struct bytes note;
    struct head head;
    struct err err = {0};
    bool held = false;
    heads_set_ring(heads, other);
    trust(other, keys);
    for (unsigned i = 0; i < 20000 && !held; i++) {
        usleep(1000);
        newest(w, heads, &note);
        held = head_verify(note, keys, 2, NULL, &head, &err);
    }
    assert_true(held);
    end(w, &heads);
    crypto_keyring_free(&other);
    crypto_keyring_free(&ring);
}

/* ---- when the journal is not what was said ---- */

struct forged {
    struct head head;
    struct buf note;
};

static bool forge_job(struct ledger_tx *tx, void *arg, struct err *err)
{
    struct forged *forged = arg;
    struct store_key key = key_seq(forged->head.size);
    (void)err;
    store_put(ledger_txn(tx), TABLE_HEAD, &key, buf_bytes(&forged->note));
    return true;
}

/* Keeps a head as if it had been signed earlier. */
static void forge(struct world *w, struct crypto_keyring *ring, uint64_t size, uint8_t first)
{
    struct forged forged = {.head = {.origin = ORIGIN, .size = size, .time_ms = T0}};
    struct err err = {0};
    forged.head.root.b[0] = first;
    buf_init(&forged.note, HEAD_NOTE_MAX);
    NEED(head_sign(&forged.head, ring, &forged.note, &err), err);
    NEED(ledger_run(w->ledger, forge_job, &forged, &err), err);
    buf_free(&forged.note);
}

static void nothing_is_said(struct world *w, struct heads *heads)
{
    struct head head;
    struct bytes note;
    struct err err = {0};
    assert_false(heads_newest(heads, w->arena, &head, &note, &err));
    assert_int_equal(err.code, ERR_JOURNAL_BROKEN);
}

static void a_journal_that_differs_from_its_head_says_nothing_more(void **state)
{
    struct world *w = *state;
    struct crypto_keyring *ring = new_ring(w->directory);
    for (unsigned i = 0; i < 2; i++) {
        struct heads *heads = new_heads(w, ring, 0);
        struct err err = {0};
        NEED(ledger_start(w->ledger, &err), err);
        grow(w, 3);
        forge(w, ring, i == 0 ? 2 : 50, 1); /* another root; a journal that was longer */
        NEED(heads_start(heads, &err), err);
        nothing_is_said(w, heads);
        assert_int_equal(kept(w), i + 1); /* and none is kept over it */
        end(w, &heads);
        world_close(w);
        world_open(w);
    }
    crypto_keyring_free(&ring);
}

static void an_origin_with_a_space_is_refused(void **state)
{
    struct world *w = *state;
    struct heads_options options = {.store = w->store, .journal = w->journal, .ledger = w->ledger, .origin = "a log"};
    struct heads *heads = heads_new(&options);
    struct err err = {0};
    assert_false(heads_start(heads, &err));
    assert_int_equal(err.code, ERR_CONFIG_VALUE);
    ledger_stop(w->ledger);
    heads_free(&heads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_commit_is_followed_by_a_head, setup, teardown),
        cmocka_unit_test_setup_teardown(without_commits_the_same_is_said_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_clock_set_back_does_not_turn_heads_back, setup, teardown),
        cmocka_unit_test_setup_teardown(restarts_go_on_from_what_was_published, setup, teardown),
        cmocka_unit_test_setup_teardown(without_keys_what_was_published_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(other_keys_sign_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_journal_that_differs_from_its_head_says_nothing_more, setup, teardown),
        cmocka_unit_test_setup_teardown(an_origin_with_a_space_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
