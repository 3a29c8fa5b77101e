/* The store as its users see it: order of keys, walks, errors that stick, one daemon, readers beside a writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/store.h"

#define MIB ((int64_t)1 << 20)

struct place {
    char directory[64];
    struct store *store;
};

#define NEED(call, err)                                                                                                \
    do {                                                                                                               \
        if (!(call))                                                                                                   \
            fail_msg("%s: %s at %s: %s", #call, err_info((err).code)->code, (err).place, (err).detail);                \
    } while (0)

static struct store *open_with(const char *directory, struct store_options options)
{
    struct store *store = NULL;
    struct err err = {0};
    options.directory = directory;
    if (options.map_size == 0)
        options.map_size = 64 * MIB;
    NEED(store_open(&options, &store, &err), err);
    return store;
}

static enum err_code open_fails(const char *directory, struct store_options options)
{
    struct store *store = NULL;
    struct err err = {0};
    options.directory = directory;
    options.map_size = 64 * MIB;
    assert_false(store_open(&options, &store, &err));
    assert_null(store);
    return err.code;
}

static int setup(void **state)
{
    struct place *place = xcalloc(1, sizeof *place);
    snprintf(place->directory, sizeof place->directory, "/tmp/test-store-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    place->store = open_with(place->directory, (struct store_options){.exclusive = true});
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    char path[128];
    static const char *const files[] = {"data.mdb", "lock.mdb", "daemon.lock"};
    store_close(&place->store);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", place->directory, files[i]);
        unlink(path);
    }
    rmdir(place->directory);
    free(place);
    return 0;
}

static void reopen(struct place *place, struct store_options options)
{
    store_close(&place->store);
    place->store = open_with(place->directory, options);
}

static struct store_txn *writer(struct place *place)
{
    struct err err = {0};
    struct store_txn *txn = store_write(place->store, &err);
    assert_non_null(txn);
    return txn;
}

static struct store_txn *reader(struct store *store)
{
    struct err err = {0};
    struct store_txn *txn = store_read(store, &err);
    if (txn == NULL)
        fail_msg("%s %s", err_info(err.code)->code, err.detail);
    return txn;
}

static void commit(struct store_txn **txn)
{
    struct err err = {0};
    NEED(store_commit(txn, &err), err);
    assert_null(*txn);
}

static void put_key(struct store_txn *txn, enum store_table table, struct store_key key, const char *value)
{
    store_put(txn, table, &key, bytes_str(value));
}

static bool holds(struct store_txn *txn, enum store_table table, struct store_key key, const char *value)
{
    struct bytes found;
    return store_get(txn, table, &key, &found) && bytes_equal(found, bytes_str(value));
}

/* The values met by a walk, one after another. */
static const char *walked(struct store_txn *txn, enum store_table table, const struct store_key *from,
                          const struct store_key *prefix, bool down)
{
    static char text[256];
    struct store_walk walk;
    size_t n = 0;
    (down ? store_walk_down : store_walk)(&walk, txn, table, from, prefix);
    while (store_next(&walk)) {
        memcpy(text + n, walk.value.p, walk.value.n);
        n += walk.value.n;
    }
    text[n] = '\0';
    return text;
}

/* ---- keys ---- */

static void days_sort_by_time_also_before_1970(void **state)
{
    static const date_day days[] = {0, -719162, 20000, -1, 1, INT32_MAX};
    struct store_txn *txn = writer(*state);
    for (size_t i = 0; i < 6; i++) {
        struct store_key key = key_due(days[i], "911401000000000000");
        assert_int_equal(key_due_day(bytes_of(key.b, key.n)), days[i]);
        put_key(txn, TABLE_DUE, key, (char[2]){(char)('a' + (int)i), '\0'});
    }
    assert_string_equal(walked(txn, TABLE_DUE, NULL, NULL, false), "bdaecf");
    assert_int_equal(key_due_day(bytes_of("abc", 3)), DATE_NONE);
    store_abort(&txn);
}

static void sequences_sort_as_numbers(void **state)
{
    static const uint64_t numbers[] = {256, 2, 255, UINT64_MAX - 1, 1, (uint64_t)1 << 40};
    struct store_txn *txn = writer(*state);
    for (size_t i = 0; i < 6; i++)
        put_key(txn, TABLE_RECORD, key_seq(numbers[i]), (char[2]){(char)('a' + (int)i), '\0'});
    assert_string_equal(walked(txn, TABLE_RECORD, NULL, NULL, false), "ebcafd");
    store_abort(&txn);
}

/* Source "a" must not see the rows of source "ab", nor the other way round. */
static void names_that_begin_alike_do_not_mix(void **state)
{
    struct store_txn *txn = writer(*state);
    put_key(txn, TABLE_ROW, key_pair("ab", "1"), "x");
    put_key(txn, TABLE_ROW, key_pair("a", "1"), "1");
    put_key(txn, TABLE_ROW, key_pair("a", "b1"), "2");
    put_key(txn, TABLE_ROW, key_pair("a", ""), "0");
    put_key(txn, TABLE_ROW, key_pair("aa", "1"), "y");
    struct store_key prefix = key_pair("a", "");
    assert_string_equal(walked(txn, TABLE_ROW, NULL, &prefix, false), "012");
    assert_string_equal(walked(txn, TABLE_ROW, NULL, &prefix, true), "210");
    put_key(txn, TABLE_GUARD, key_guard("a", 500000), "1");
    put_key(txn, TABLE_GUARD, key_guard("ab", 1), "x");
    struct store_key from = key_guard("a", 499999);
    assert_string_equal(walked(txn, TABLE_GUARD, &from, &prefix, false), "1");
    put_key(txn, TABLE_RIGHT, key_right("trademark", "77", "9"), "1");
    put_key(txn, TABLE_RIGHT, key_right("trademark", "771", "9"), "x");
    prefix = key_right("trademark", "77", "");
    assert_string_equal(walked(txn, TABLE_RIGHT, NULL, &prefix, false), "1");
    put_key(txn, TABLE_LAPSED, key_lapsed("91140100MA0KXXXX1A", "p", "patent", "1"), "1");
    put_key(txn, TABLE_LAPSED, key_lapsed("91140100MA0KXXXX1A", "pp", "patent", "1"), "x");
    prefix = key_lapsed("91140100MA0KXXXX1A", "p", NULL, NULL);
    assert_string_equal(walked(txn, TABLE_LAPSED, NULL, &prefix, false), "1");
    put_key(txn, TABLE_CREDIT, key_credit("bank", "loan", "A"), "1");
    struct store_key line = key_credit("bank", "line", "A");
    struct bytes none;
    assert_false(store_get(txn, TABLE_CREDIT, &line, &none));
    store_abort(&txn);
}

static void history_of_one_firm_is_in_order(void **state)
{
    struct store_txn *txn = writer(*state);
    put_key(txn, TABLE_HISTORY, key_history("91140100MA0KXXXX1A", 300), "2");
    put_key(txn, TABLE_HISTORY, key_history("91140100MA0KXXXX1A", 7), "1");
    put_key(txn, TABLE_HISTORY, key_history("91140100MA0KXXXX1B", 8), "x");
    struct store_key prefix = key_history("91140100MA0KXXXX1A", STORE_PREFIX);
    struct store_key from = key_history("91140100MA0KXXXX1A", 299);
    assert_string_equal(walked(txn, TABLE_HISTORY, NULL, &prefix, false), "12");
    assert_string_equal(walked(txn, TABLE_HISTORY, &from, &prefix, true), "1");
    store_abort(&txn);
}

static void an_overlong_text_stays_a_key(void **state)
{
    char name[1000];
    struct store_txn *txn = writer(*state);
    struct err err = {0};
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct store_key key = key_pair(name, "tail");
    assert_int_equal(key.n, STORE_KEY_MAX);
    put_key(txn, TABLE_RUN, key, "v");
    assert_true(holds(txn, TABLE_RUN, key, "v"));
    assert_false(store_failed(txn, &err));
    store_abort(&txn);
}

static void the_empty_key_is_not_found(void **state)
{
    struct store_txn *txn = writer(*state);
    struct err err = {0};
    struct bytes value;
    struct store_key key = key_text("");
    assert_false(store_get(txn, TABLE_FIRM, &key, &value));
    assert_false(store_failed(txn, &err));
    store_abort(&txn);
}

/* ---- walks ---- */

static void fill_runs(struct store_txn *txn)
{
    static const char *const names[] = {"a1", "b1", "b2", "b4", "c1"};
    for (size_t i = 0; i < 5; i++)
        put_key(txn, TABLE_RUN, key_text(names[i]), (char[2]){(char)('1' + (int)i), '\0'});
}

static void walks_keep_to_prefix_and_start(void **state)
{
    struct store_txn *txn = writer(*state);
    fill_runs(txn);
    struct store_key b = key_text("b"), b3 = key_text("b3"), b2 = key_text("b2"), z = key_text("z"),
                     none = key_text("bb");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, NULL, false), "12345");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, NULL, true), "54321");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, &b, false), "234");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, &b, true), "432");
    assert_string_equal(walked(txn, TABLE_RUN, &b3, &b, false), "4");
    assert_string_equal(walked(txn, TABLE_RUN, &b3, &b, true), "32");
    assert_string_equal(walked(txn, TABLE_RUN, &b2, &b, true), "32");
    assert_string_equal(walked(txn, TABLE_RUN, &b2, NULL, true), "321");
    assert_string_equal(walked(txn, TABLE_RUN, &z, NULL, true), "54321");
    assert_string_equal(walked(txn, TABLE_RUN, &z, NULL, false), "");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, &none, false), "");
    assert_string_equal(walked(txn, TABLE_RUN, NULL, &none, true), "");
    assert_string_equal(walked(txn, TABLE_DIFF, NULL, NULL, true), "");
    assert_string_equal(walked(txn, TABLE_DIFF, &z, &b, true), "");
    store_abort(&txn);
}

static void a_walk_may_delete_what_it_meets(void **state)
{
    enum { COUNT = 5000 };
    struct store_txn *txn = writer(*state);
    for (unsigned i = 0; i < COUNT; i++)
        put_key(txn, TABLE_STAGE, key_seq(i), "a value long enough to fill many pages of the table");
    for (int down = 0; down < 2; down++) {
        struct store_walk walk;
        unsigned met = 0;
        (down ? store_walk_down : store_walk)(&walk, txn, TABLE_STAGE, NULL, NULL);
        while (store_next(&walk)) {
            uint64_t number = get_be64(walk.key.p);
            met++;
            if (down ? number % 4 == 0 : number % 2 == 1)
                store_walk_delete(&walk);
        }
        assert_int_equal(met, down ? COUNT / 2 : COUNT);
    }
    struct store_walk walk;
    unsigned left = 0;
    for (store_walk(&walk, txn, TABLE_STAGE, NULL, NULL); store_next(&walk); left++)
        assert_int_equal(get_be64(walk.key.p) % 4, 2);
    assert_int_equal(left, COUNT / 4);
    commit(&txn);
}

static void a_walk_may_be_left_early(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    fill_runs(txn);
    commit(&txn);
    for (int i = 0; i < 3; i++) {
        struct store_walk walk;
        txn = reader(place->store);
        store_walk(&walk, txn, TABLE_RUN, NULL, NULL);
        assert_true(store_next(&walk));
        store_walk_end(&walk);
        assert_false(store_next(&walk));
        store_read_end(&txn);
    }
}

/* ---- transactions ---- */

static void what_is_committed_is_there_after_reopening(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "one");
    assert_int_equal(store_writes(txn), 1);
    assert_ptr_equal(store_of(txn), place->store);
    commit(&txn);
    txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "two");
    store_abort(&txn);
    reopen(place, (struct store_options){.exclusive = true});
    txn = reader(place->store);
    assert_true(holds(txn, TABLE_FIRM, key_text("x"), "one"));
    store_read_end(&txn);
    assert_null(txn);
}

static void numbers_by_name(void **state)
{
    struct store_txn *txn = writer(*state);
    assert_true(store_number(txn, TABLE_TALLY, "listed") == 0);
    store_set_number(txn, TABLE_TALLY, "listed", UINT64_MAX);
    assert_true(store_number(txn, TABLE_TALLY, "listed") == UINT64_MAX);
    put_key(txn, TABLE_TALLY, key_text("odd"), "not a number");
    assert_true(store_number(txn, TABLE_TALLY, "odd") == 0);
    store_abort(&txn);
}

/* The first error is the one told; nothing behind it counts. */
static void the_first_error_sticks(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    struct err err = {0};
    struct store_key nine = key_seq(9), eight = key_seq(8);
    store_append(txn, TABLE_LEAF, &nine, BYTES_LIT("9"));
    store_append(txn, TABLE_LEAF, &eight, BYTES_LIT("8"));
    put_key(txn, TABLE_FIRM, key_text("later"), "x");
    assert_true(store_failed(txn, &err));
    assert_int_equal(err.code, ERR_STORE_FAILED);
    assert_string_equal(err.place, "leaf");
    err = (struct err){0};
    assert_false(store_commit(&txn, &err));
    assert_null(txn);
    assert_string_equal(err.place, "leaf");
    txn = reader(place->store);
    assert_false(holds(txn, TABLE_LEAF, nine, "9"));
    store_read_end(&txn);
}

static void fill(struct store_txn *txn, unsigned from, unsigned count)
{
    static const char block[3000];
    for (unsigned i = 0; i < count; i++) {
        struct store_key key = key_seq(from + i);
        store_put(txn, TABLE_RAW, &key, bytes_of(block, sizeof block));
    }
}

static void a_full_store_says_so_and_works_on(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    reopen(place, (struct store_options){.map_size = 2 * MIB});
    struct store_txn *txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("before"), "kept");
    commit(&txn);
    txn = writer(place);
    fill(txn, 1, 2000);
    assert_false(store_commit(&txn, &err));
    assert_int_equal(err.code, ERR_STORE_FULL);
    assert_int_equal(err_info(err.code)->http, 503);
    txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("after"), "kept too");
    commit(&txn);
    txn = reader(place->store);
    assert_true(holds(txn, TABLE_FIRM, key_text("before"), "kept"));
    assert_true(holds(txn, TABLE_FIRM, key_text("after"), "kept too"));
    assert_false(holds(txn, TABLE_RAW, key_seq(1), ""));
    store_read_end(&txn);
    reopen(place, (struct store_options){.map_size = 64 * MIB});
    txn = writer(place);
    fill(txn, 1, 2000);
    commit(&txn);
}

/* ---- opening ---- */

static void one_daemon_a_directory(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    fill_runs(txn);
    commit(&txn);
    assert_int_equal(open_fails(place->directory, (struct store_options){.exclusive = true}), ERR_STORE_LOCKED);
    /* the attempt took nothing away from the one that runs */
    assert_int_equal(open_fails(place->directory, (struct store_options){.exclusive = true}), ERR_STORE_LOCKED);
    txn = reader(place->store);
    assert_string_equal(walked(txn, TABLE_RUN, NULL, NULL, false), "12345");
    store_read_end(&txn);
    store_close(&place->store);
    place->store = open_with(place->directory, (struct store_options){.exclusive = true});
}

static void the_directory_is_private(void **state)
{
    char path[128];
    struct stat info;
    struct place *place = *state;
    snprintf(path, sizeof path, "%s/new", place->directory);
    struct store *store = open_with(path, (struct store_options){.exclusive = true});
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_true(store_free_bytes(store) > 0);
    assert_true(store_is_in(store, path));
    assert_false(store_is_in(store, place->directory));
    char roundabout[160];
    snprintf(roundabout, sizeof roundabout, "%s/../new/.", path);
    assert_true(store_is_in(store, roundabout));
    store_close(&store);
    char command[160];
    snprintf(command, sizeof command, "rm -r %s", path);
    assert_int_equal(system(command), 0);
}

static uint64_t entries_of(struct store *store, enum store_table table)
{
    struct store_stat stats[TABLE_COUNT];
    uint64_t used;
    struct err err = {0};
    NEED(store_stats(store, stats, &used, &err), err);
    assert_true(used > 0);
    assert_string_equal(stats[table].name, store_table_name(table));
    return stats[table].entries;
}

static void another_format_is_refused_untouched(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    store_set_number(txn, TABLE_META, "format", 7);
    fill_runs(txn);
    commit(&txn);
    store_close(&place->store);
    assert_int_equal(open_fails(place->directory, (struct store_options){.exclusive = true}), ERR_STORE_VERSION);
    assert_int_equal(open_fails(place->directory, (struct store_options){.read_only = true}), ERR_STORE_VERSION);
    /* the lock was given back */
    assert_int_equal(open_fails(place->directory, (struct store_options){.exclusive = true}), ERR_STORE_VERSION);
}

static void tools_do_not_make_a_store(void **state)
{
    char path[128];
    struct place *place = *state;
    snprintf(path, sizeof path, "%s/absent", place->directory);
    assert_int_equal(open_fails(path, (struct store_options){.read_only = true}), ERR_STORE_OPEN);
    assert_int_equal(access(path, F_OK), -1);
}

static void tables_have_one_of_three_classes(void **state)
{
    unsigned n[3] = {0};
    struct place *place = *state;
    for (int t = 0; t < TABLE_COUNT; t++)
        n[store_table_class((enum store_table)t)]++;
    assert_int_equal(n[STORE_JOURNAL] + n[STORE_STATE] + n[STORE_LOCAL], TABLE_COUNT);
    assert_int_equal(store_table_class(TABLE_RECORD), STORE_JOURNAL);
    assert_int_equal(store_table_class(TABLE_FIRM), STORE_STATE);
    assert_int_equal(store_table_class(TABLE_ROW), STORE_LOCAL);
    struct store_txn *txn = writer(place);
    fill_runs(txn);
    commit(&txn);
    assert_int_equal(entries_of(place->store, TABLE_RUN), 5);
}

/* ---- readers ---- */

static void reads_do_not_nest(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct store_txn *txn = reader(place->store);
    assert_null(store_read(place->store, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    store_read_end(&txn);
    store_read_end(&txn);
    txn = reader(place->store);
    store_read_end(&txn);
}

static void *read_once(void *arg)
{
    struct store_txn *txn = reader(arg);
    bool found = holds(txn, TABLE_FIRM, key_text("x"), "one");
    store_read_end(&txn);
    return found ? arg : NULL;
}

/* Threads come and go; each gives its slot back. */
static void readers_are_per_thread_and_given_back(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "one");
    commit(&txn);
    reopen(place, (struct store_options){.readers = 2});
    txn = reader(place->store);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *result;
        assert_int_equal(pthread_create(&thread, NULL, read_once, place->store), 0);
        assert_int_equal(pthread_join(thread, &result), 0);
        assert_ptr_equal(result, place->store);
    }
    store_read_end(&txn);
}

struct held {
    struct store *store;
    pthread_barrier_t in, out;
};

static void *read_and_hold(void *arg)
{
    struct held *held = arg;
    struct store_txn *txn = reader(held->store);
    pthread_barrier_wait(&held->in);
    pthread_barrier_wait(&held->out);
    store_read_end(&txn);
    return NULL;
}

static void too_many_readers_are_told_to_come_again(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    pthread_t threads[2];
    char lock[128];
    /* LMDB never makes its table of readers smaller */
    store_close(&place->store);
    snprintf(lock, sizeof lock, "%s/lock.mdb", place->directory);
    unlink(lock);
    place->store = open_with(place->directory, (struct store_options){.readers = 2});
    struct held held = {.store = place->store};
    pthread_barrier_init(&held.in, NULL, 3);
    pthread_barrier_init(&held.out, NULL, 3);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_and_hold, &held), 0);
    pthread_barrier_wait(&held.in);
    assert_null(store_read(place->store, &err));
    assert_int_equal(err_info(err.code)->kind, ERR_KIND_BUSY);
    pthread_barrier_wait(&held.out);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    struct store_txn *txn = reader(place->store);
    store_read_end(&txn);
    pthread_barrier_destroy(&held.in);
    pthread_barrier_destroy(&held.out);
}

/* A reader sees the moment it began, whatever is written meanwhile. */
/* Near and far, forward and back, present and absent; a writer's news comes with renewing. */
static void a_finder_finds_what_get_finds(void **state)
{
    struct place *place = *state;
    struct err err = {0};
    struct store_txn *txn = store_write(place->store, &err);
    assert_non_null(txn);
    char text[32];
    for (unsigned i = 0; i < 3000; i += 3) {
        snprintf(text, sizeof text, "%06u", i);
        put_key(txn, TABLE_ROW, key_pair("bureau", text), text);
    }
    commit(&txn);
    struct store_finder *finder = store_finder_open(place->store, TABLE_ROW, &err);
    assert_non_null(finder);
    for (unsigned i = 0; i < 20000; i++) {
        unsigned wanted = i < 3000 ? i : i < 6000 ? 5999 - i : (i * 7919u) % 3000u;
        snprintf(text, sizeof text, "%06u", wanted);
        struct store_key key = key_pair("bureau", text);
        struct bytes value;
        assert_int_equal(store_find(finder, &key, &value), wanted % 3 == 0);
        if (wanted % 3 == 0)
            assert_true(bytes_equal(value, bytes_str(text)));
    }
    txn = store_write(place->store, &err);
    put_key(txn, TABLE_ROW, key_pair("bureau", "000001"), "new");
    commit(&txn);
    struct store_key key = key_pair("bureau", "000001");
    struct bytes value;
    assert_false(store_find(finder, &key, &value));
    NEED(store_finder_renew(finder, &err), err);
    assert_true(store_find(finder, &key, &value));
    store_finder_close(&finder);
    assert_null(finder);
}

static void a_reader_keeps_its_moment(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "old");
    commit(&txn);
    struct store_txn *view = reader(place->store);
    txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "new");
    commit(&txn);
    assert_true(holds(view, TABLE_FIRM, key_text("x"), "old"));
    store_read_end(&view);
    view = reader(place->store);
    assert_true(holds(view, TABLE_FIRM, key_text("x"), "new"));
    store_read_end(&view);
}

/* ---- other processes ---- */

/* A child that opens the store with its own eyes and ends as told. Only exec-free work before any thread. */
static int child_reads(const char *directory, const char *value, bool die_inside)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *store = NULL;
        struct err err = {0};
        struct store_options options = {.directory = directory, .map_size = 64 * MIB, .read_only = true};
        if (!store_open(&options, &store, &err))
            _exit(10);
        struct store_txn *txn = store_read(store, &err);
        if (txn == NULL)
            _exit(11);
        bool found = holds(txn, TABLE_FIRM, key_text("x"), value);
        if (die_inside)
            raise(SIGKILL);
        store_read_end(&txn);
        store_close(&store);
        _exit(found ? 0 : 12);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void a_tool_reads_beside_the_daemon(void **state)
{
    struct place *place = *state;
    struct store_txn *txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "one");
    commit(&txn);
    txn = writer(place);
    put_key(txn, TABLE_FIRM, key_text("x"), "unfinished");
    assert_int_equal(child_reads(place->directory, "one", false), 0);
    commit(&txn);
    assert_int_equal(child_reads(place->directory, "unfinished", false), 0);
}

/* Pages in use when the same entry is written again and again. Grows when some reader holds on to old ones. */
static uint64_t used_after_churn(struct place *place)
{
    for (unsigned i = 0; i < 40; i++) {
        struct store_txn *txn = writer(place);
        fill(txn, 1, 40);
        commit(&txn);
    }
    struct store_stat stats[TABLE_COUNT];
    uint64_t used;
    struct err err = {0};
    NEED(store_stats(place->store, stats, &used, &err), err);
    return used;
}

static void a_dead_reader_does_not_pin_pages(void **state)
{
    struct place *place = *state;
    store_close(&place->store);
    struct store *maker = open_with(place->directory, (struct store_options){0});
    store_close(&maker);
    assert_true(WIFSIGNALED(child_reads(place->directory, "", true)));
    place->store = open_with(place->directory, (struct store_options){.exclusive = true});
    uint64_t before = used_after_churn(place);
    assert_true(used_after_churn(place) <= before);
    /* the same while the daemon runs: it looks again before long */
    assert_true(WIFSIGNALED(child_reads(place->directory, "", true)));
    clock_test_set(1, clock_mono_ms() + 3600 * 1000);
    before = used_after_churn(place);
    assert_true(used_after_churn(place) <= before);
    clock_test_set(0, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(days_sort_by_time_also_before_1970),
        TEST(sequences_sort_as_numbers),
        TEST(names_that_begin_alike_do_not_mix),
        TEST(history_of_one_firm_is_in_order),
        TEST(an_overlong_text_stays_a_key),
        TEST(the_empty_key_is_not_found),
        TEST(walks_keep_to_prefix_and_start),
        TEST(a_walk_may_delete_what_it_meets),
        TEST(a_walk_may_be_left_early),
        TEST(what_is_committed_is_there_after_reopening),
        TEST(numbers_by_name),
        TEST(the_first_error_sticks),
        TEST(a_full_store_says_so_and_works_on),
        TEST(one_daemon_a_directory),
        TEST(the_directory_is_private),
        TEST(another_format_is_refused_untouched),
        TEST(tools_do_not_make_a_store),
        TEST(tables_have_one_of_three_classes),
        TEST(reads_do_not_nest),
        TEST(readers_are_per_thread_and_given_back),
        TEST(too_many_readers_are_told_to_come_again),
        TEST(a_finder_finds_what_get_finds), TEST(a_reader_keeps_its_moment),
        TEST(a_tool_reads_beside_the_daemon),
        TEST(a_dead_reader_does_not_pin_pages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
