/* The access log as a bank's question, an auditor and a crash would meet it. Every test has its own directory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "access/access.h"
#include "json/json.h"

#define T0 INT64_C(1795485600000) /* 2026-11-24T10:00:00+08:00, the start of an hour */
#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define USCC "91140100MA0KXXXX1A"

struct told {
    int n;
    bool refuse;
    char segment[64][64], digest[64][65];
    uint64_t lines[64];
};

struct world {
    char directory[64];
    struct access_log *log;
    struct told told;
    int64_t size;
};

static bool on_ended(void *arg, const char *segment, const char *digest, uint64_t lines, struct err *err)
{
    struct told *told = arg;
    if (told->refuse)
        return err_set(err, ERR_BUSY_QUEUE, NULL, "not now");
    snprintf(told->segment[told->n], 64, "%s", segment);
    snprintf(told->digest[told->n], 65, "%s", digest);
    told->lines[told->n++] = lines;
    return true;
}

static void open_log(struct world *w)
{
    struct access_options options = {.directory = w->directory,
                                     .segment_size = w->size,
                                     .retention_ms = 30 * DAY,
                                     .ended = on_ended,
                                     .arg = &w->told};
    struct err err = {0};
    if (!access_open(&options, &w->log, &err))
        fail_msg("%s at %s: %s", err_info(err.code)->code, err.place, err.detail);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    snprintf(w->directory, sizeof(w->directory), "/tmp/access-test-XXXXXX");
    if (mkdtemp(w->directory) == NULL)
        return -1;
    w->size = 64 << 10;
    clock_test_set(T0, 1000);
    open_log(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    access_close(&w->log);
    clock_test_set(0, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", w->directory);
    int rc = system(command);
    free(w);
    return rc;
}

static bool try_append(struct access_log *log, int i, struct err *err)
{
    uint8_t digest[32];
    char uscc[19], id[24];
    memset(digest, i & 0xff, sizeof(digest));
    snprintf(uscc, sizeof(uscc), "9114%014d", i);
    snprintf(id, sizeof(id), "req-%d", i);
    struct access_line line = {.time_ms = clock_wall_ms(),
                               .partner = i % 2 ? "bank-a" : "bank-b",
                               .address = "127.0.0.1",
                               .uscc = uscc,
                               .request_id = id,
                               .route = "whitelist.get",
                               .status = 200,
                               .outcome = "listed",
                               .sequence = (uint64_t)i,
                               .digest = digest};
    return access_append(log, &line, err);
}

static void append(struct world *w, int from, int to)
{
    struct err err = {0};
    for (int i = from; i < to; i++)
        if (!try_append(w->log, i, &err))
            fail_msg("line %d: %s: %s", i, err_info(err.code)->code, err.detail);
}

struct names {
    int n;
    char name[64][64];
};

static int is_log(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 4 && strcmp(entry->d_name + n - 4, ".log") == 0;
}

static struct names segments(struct world *w)
{
    struct names out = {0};
    struct dirent **list;
    int n = scandir(w->directory, &list, is_log, alphasort);
    assert_true(n >= 0 && n <= 64);
    for (int i = 0; i < n; i++) {
        snprintf(out.name[out.n++], 64, "%.63s", list[i]->d_name);
        free(list[i]);
    }
    free(list);
    return out;
}

static char *path_of(struct world *w, const char *name)
{
    static char path[2][160];
    static int which;
    which = !which;
    snprintf(path[which], sizeof(path[which]), "%s/%s", w->directory, name);
    return path[which];
}

static struct buf read_file(const char *path)
{
    struct buf out;
    FILE *file = fopen(path, "rb");
    uint8_t block[4096];
    size_t n;
    assert_non_null(file);
    buf_init(&out, 64 << 20);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        buf_put(&out, block, n);
    fclose(file);
    return out;
}

static void write_file(const char *path, struct bytes text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(text.p, 1, text.n, file), text.n);
    fclose(file);
}

static uint64_t verified(struct world *w)
{
    struct err err = {0};
    uint64_t lines;
    if (!access_verify(w->directory, &lines, &err))
        fail_msg("%s at %s: %s", err_info(err.code)->code, err.place, err.detail);
    return lines;
}

static void assert_broken(struct world *w, const char *place)
{
    struct err err = {0};
    uint64_t lines;
    assert_false(access_verify(w->directory, &lines, &err));
    assert_int_equal(err.code, ERR_ACCESS_BROKEN);
    assert_string_equal(err.place, place);
}

struct found {
    int n, stop_at;
    char last[ACCESS_LINE_MAX + 1], segment[64];
    uint64_t number;
};

static bool on_found(void *arg, const struct access_found *hit)
{
    struct found *found = arg;
    found->n++;
    snprintf(found->last, sizeof(found->last), "%.*s", (int)hit->line.n, (const char *)hit->line.p);
    snprintf(found->segment, sizeof(found->segment), "%s", hit->segment);
    found->number = hit->number;
    return found->n != found->stop_at;
}

static struct found find(struct world *w, struct access_filter filter)
{
    struct found found = {0};
    struct err err = {0};
    assert_true(access_find(w->directory, &filter, on_found, &found, &err));
    return found;
}

/* ---- what a line is ---- */

static void a_line_says_who_asked_what_and_what_was_answered(void **state)
{
    struct world *w = *state;
    struct access_line line = {
        .time_ms = T0,
        .partner = "bank-a",
        .address = "192.0.2.7",
        .uscc = USCC,
        .request_id = "r-1",
        .route = "whitelist.get",
        .status = 200,
        .outcome = "listed",
        .sequence = 1234,
        .digest = (const uint8_t
                       *)"\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27\30\31\32\33\34\35\36\37"};
    struct err err = {0};
    assert_true(access_append(w->log, &line, &err));
    struct found found = find(w, (struct access_filter){.uscc = USCC});
    assert_int_equal(found.n, 1);
    const char *expected =
        "{\"time\":\"2026-11-24T10:00:00+08:00\",\"partner\":\"bank-a\",\"address\":\"192.0.2.7\",\"uscc\":\"" USCC
        "\",\"route\":\"whitelist.get\",\"status\":200,\"outcome\":\"listed\",\"sequence\":1234,"
        "\"digest\":\"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\",\"request_id\":\"r-1\","
        "\"chain\":\"";
    assert_memory_equal(found.last, expected, strlen(expected));
    assert_int_equal(strlen(found.last), strlen(expected) + 64 + 2);
    assert_string_equal(found.segment, "20261124T020000Z-0000000001.log");
    assert_int_equal(found.number, 1);
}

static void text_from_outside_stays_one_line_of_json(void **state)
{
    struct world *w = *state;
    struct access_line line = {.time_ms = T0,
                               .partner = "bank-a",
                               .address = "::1",
                               .route = "whitelist.get",
                               .status = 422,
                               .outcome = "uscc.length",
                               .request_id = "a\"\n\\b\x01汾"};
    struct err err = {0};
    assert_true(access_append(w->log, &line, &err));
    assert_int_equal(verified(w), 1);
    struct found found = find(w, (struct access_filter){.request_id = "a\"\n\\b\x01汾"});
    assert_int_equal(found.n, 1);
    AUTO_JSON doc = NULL;
    assert_true(json_parse(bytes_str(found.last), &doc, &err));
    assert_string_equal(json_string(json_member(json_root(doc), "request_id")), "a\"\n\\b\x01汾");
    assert_null(json_member(json_root(doc), "uscc"));
    assert_null(json_member(json_root(doc), "digest"));
}

static void a_line_that_would_be_too_long_is_refused(void **state)
{
    struct world *w = *state;
    char id[ACCESS_LINE_MAX];
    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    struct access_line line = {.time_ms = T0, .route = "whitelist.get", .request_id = id};
    struct err err = {0};
    assert_false(access_append(w->log, &line, &err));
    assert_int_equal(err.code, ERR_INTERNAL);
    append(w, 0, 1);
    assert_int_equal(verified(w), 1);
}

/* What README.md promises an auditor who has only a shell. */
static void the_chain_can_be_computed_with_sha256sum(void **state)
{
    struct world *w = *state;
    char command[512];
    append(w, 0, 5);
    snprintf(command, sizeof(command),
             "tr -d '\\000' < '%s/%s' | (prev=$(printf %%064d 0); n=0; while IFS= read -r l; do "
             "b=\"${l%%,\\\"chain\\\":*}}\"; c=$(printf '%%s%%s' \"$prev\" \"$b\" | sha256sum | cut -c1-64); "
             "case \"$l\" in *\"$c\\\"}\") ;; *) exit 1;; esac; prev=$c; n=$((n+1)); done; [ $n = 5 ])",
             w->directory, segments(w).name[0]);
    assert_int_equal(system(command), 0);
}

/* ---- searching ---- */

static void each_filter_narrows_and_order_is_oldest_first(void **state)
{
    struct world *w = *state;
    append(w, 0, 10);
    clock_test_set(T0 + 1800 * 1000, 2000);
    append(w, 10, 20);
    clock_test_set(T0 + 2 * HOUR, 3000);
    access_tick(w->log);
    append(w, 20, 30);
    assert_int_equal(find(w, (struct access_filter){0}).n, 30);
    assert_non_null(strstr(find(w, (struct access_filter){0}).last, "\"req-29\""));
    assert_int_equal(find(w, (struct access_filter){.partner = "bank-a"}).n, 15);
    assert_int_equal(find(w, (struct access_filter){.partner = "bank"}).n, 0);
    assert_int_equal(find(w, (struct access_filter){.uscc = "911400000000000007"}).n, 1);
    assert_int_equal(find(w, (struct access_filter){.request_id = "req-7"}).n, 1);
    assert_int_equal(find(w, (struct access_filter){.request_id = "whitelist.get"}).n, 0);
    assert_int_equal(find(w, (struct access_filter){.since_ms = T0 + 1800 * 1000}).n, 20);
    assert_int_equal(find(w, (struct access_filter){.since_ms = T0 + 1800 * 1000 + 1}).n, 20);
    assert_int_equal(find(w, (struct access_filter){.until_ms = T0 + 1800 * 1000 - 1}).n, 10);
    assert_int_equal(find(w, (struct access_filter){.since_ms = T0 + 1, .until_ms = T0 + HOUR, .partner = "bank-b"}).n,
                     10);
    assert_int_equal(find(w, (struct access_filter){.since_ms = T0 + 3 * DAY}).n, 0);
}

static void the_one_who_searches_may_stop(void **state)
{
    struct world *w = *state;
    struct found found = {.stop_at = 3};
    struct err err = {0};
    append(w, 0, 600);
    assert_true(segments(w).n > 1);
    assert_true(access_find(w->directory, &(struct access_filter){0}, on_found, &found, &err));
    assert_int_equal(found.n, 3);
}

/* ---- segments ---- */

static void a_full_segment_is_followed_by_the_next_and_reported(void **state)
{
    struct world *w = *state;
    append(w, 0, 600);
    struct names names = segments(w);
    assert_true(names.n >= 3);
    access_tick(w->log);
    assert_int_equal(w->told.n, names.n - 1);
    for (int i = 0; i < w->told.n; i++) {
        char command[256];
        assert_string_equal(w->told.segment[i], names.name[i]);
        snprintf(command, sizeof(command),
                 "cd '%s' && echo '%s  %s' | sha256sum -c --status && sha256sum -c --status '%s.sha256'", w->directory,
                 w->told.digest[i], w->told.segment[i], w->told.segment[i]);
        assert_int_equal(system(command), 0);
    }
    assert_int_equal(verified(w), 600);
    access_tick(w->log);
    assert_int_equal(w->told.n, names.n - 1);
}

static void an_hour_ends_a_segment_and_quiet_hours_make_none(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    clock_test_set(T0 + HOUR - 1, 2000);
    access_tick(w->log);
    assert_int_equal(w->told.n, 0);
    clock_test_set(T0 + HOUR, 3000);
    access_tick(w->log);
    assert_int_equal(w->told.n, 1);
    assert_int_equal(w->told.lines[0], 3);
    for (int i = 2; i < 10; i++) {
        clock_test_set(T0 + i * HOUR, 3000 + i);
        access_tick(w->log);
    }
    assert_int_equal(segments(w).n, 1);
    append(w, 3, 4);
    assert_string_equal(segments(w).name[1], "20261124T110000Z-0000000002.log");
    assert_int_equal(verified(w), 4);
}

static void a_clock_set_back_keeps_the_order(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    clock_test_set(T0 - 5 * HOUR, 2000);
    access_tick(w->log);
    append(w, 3, 6);
    assert_int_equal(segments(w).n, 2);
    assert_int_equal(verified(w), 6);
    assert_non_null(strstr(find(w, (struct access_filter){0}).last, "\"req-5\""));
    assert_int_equal(find(w, (struct access_filter){.since_ms = T0}).n, 3);
}

static void a_report_that_failed_is_made_again(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    w->told.refuse = true;
    clock_test_set(T0 + HOUR, 2000);
    access_tick(w->log);
    append(w, 3, 4);
    access_tick(w->log);
    w->told.refuse = false;
    access_tick(w->log);
    assert_int_equal(w->told.n, 1);
    assert_int_equal(verified(w), 4);
}

static void retention_deletes_only_what_was_reported(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    w->told.refuse = true;
    clock_test_set(T0 + 60 * DAY, 2000);
    access_tick(w->log);
    append(w, 3, 6);
    assert_int_equal(segments(w).n, 2);
    w->told.refuse = false;
    clock_test_set(T0 + 61 * DAY, 3000);
    access_tick(w->log);
    append(w, 6, 9);
    assert_int_equal(w->told.n, 2);
    assert_int_equal(segments(w).n, 2);
    assert_int_equal(verified(w), 6);
    access_close(&w->log);
    open_log(w);
    append(w, 9, 12);
    assert_int_equal(verified(w), 9);
}

static void when_all_is_deleted_the_chain_still_goes_on(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    clock_test_set(T0 + HOUR, 2000);
    access_tick(w->log);
    clock_test_set(T0 + 60 * DAY, 3000);
    access_tick(w->log);
    assert_int_equal(segments(w).n, 0);
    access_close(&w->log);
    open_log(w);
    append(w, 3, 5);
    assert_int_equal(verified(w), 2);
    assert_non_null(strstr(segments(w).name[0], "-0000000002.log"));
}

/* ---- tampering ---- */

static void rewrite(struct world *w, const char *name, size_t line_from, size_t line_to)
{
    struct buf old = read_file(path_of(w, name)), new;
    size_t number = 1;
    buf_init(&new, 64 << 20);
    for (size_t i = 0; i < old.n; i++) {
        if (number < line_from || number >= line_to)
            buf_byte(&new, old.p[i]);
        number += old.p[i] == '\n';
    }
    write_file(path_of(w, name), buf_bytes(&new));
    buf_free(&old);
    buf_free(&new);
}

static void three_segments(struct world *w)
{
    for (int i = 0; i < 3; i++) {
        append(w, 10 * i, 10 * i + 10);
        clock_test_set(T0 + (i + 1) * HOUR, 2000 + i);
        access_tick(w->log);
    }
    assert_int_equal(segments(w).n, 3);
    assert_int_equal(verified(w), 30);
}

static void a_changed_byte_is_found_wherever_it_is(void **state)
{
    struct world *w = *state;
    append(w, 0, 4);
    access_close(&w->log);
    const char *name = segments(w).name[0];
    struct buf whole = read_file(path_of(w, name));
    size_t number = 1;
    for (size_t i = 0; i < whole.n; i++) {
        char place[80];
        struct err err = {0};
        uint64_t lines;
        bool newline = whole.p[i] == '\n';
        snprintf(place, sizeof(place), "%s:%zu", name, number);
        whole.p[i] ^= 1;
        write_file(path_of(w, name), buf_bytes(&whole));
        whole.p[i] ^= 1;
        number += newline;
        if (newline && i == whole.n - 1)
            continue; /* an unfinished last line of an open segment is no fault */
        if (access_verify(w->directory, &lines, &err))
            fail_msg("byte %zu was changed and nobody noticed", i);
        assert_int_equal(err.code, ERR_ACCESS_BROKEN);
        assert_string_equal(err.place, place);
    }
    buf_free(&whole);
}

static void a_missing_line_is_found(void **state)
{
    struct world *w = *state;
    char place[80];
    three_segments(w);
    struct names names = segments(w);
    rewrite(w, names.name[1], 4, 5);
    snprintf(place, sizeof(place), "%s:4", names.name[1]);
    assert_broken(w, place);
}

static void lines_missing_at_the_end_are_found(void **state)
{
    struct world *w = *state;
    char place[80];
    three_segments(w);
    struct names names = segments(w);
    rewrite(w, names.name[2], 9, 11);
    assert_broken(w, names.name[2]);
    rewrite(w, names.name[0], 10, 11);
    snprintf(place, sizeof(place), "%s", names.name[0]);
    assert_broken(w, place);
}

static void a_missing_segment_is_found(void **state)
{
    struct world *w = *state;
    char place[80];
    three_segments(w);
    struct names names = segments(w);
    unlink(path_of(w, names.name[0]));
    snprintf(place, sizeof(place), "%s:1", names.name[1]);
    assert_broken(w, place);
}

static void exchanged_segments_are_found(void **state)
{
    struct world *w = *state;
    char place[80];
    three_segments(w);
    struct names names = segments(w);
    assert_int_equal(rename(path_of(w, names.name[0]), path_of(w, "aside")), 0);
    assert_int_equal(rename(path_of(w, names.name[1]), path_of(w, names.name[0])), 0);
    assert_int_equal(rename(path_of(w, "aside"), path_of(w, names.name[1])), 0);
    snprintf(place, sizeof(place), "%s:1", names.name[0]);
    assert_broken(w, place);
}

static void a_hole_of_zeros_in_an_ended_segment_is_found(void **state)
{
    struct world *w = *state;
    three_segments(w);
    struct names names = segments(w);
    struct buf whole = read_file(path_of(w, names.name[2]));
    memset(whole.p + whole.n / 2, 0, whole.n - whole.n / 2);
    write_file(path_of(w, names.name[2]), buf_bytes(&whole));
    buf_free(&whole);
    assert_broken(w, names.name[2]);
}

static void a_start_does_not_hide_tampering(void **state)
{
    struct world *w = *state;
    char place[80];
    append(w, 0, 10);
    access_close(&w->log);
    const char *name = strdup(segments(w).name[0]);
    rewrite(w, name, 3, 4);
    open_log(w);
    append(w, 10, 12);
    snprintf(place, sizeof(place), "%s:3", name);
    assert_broken(w, place);
    assert_int_equal(segments(w).n, 2);
    assert_int_equal(find(w, (struct access_filter){0}).n, 11);
    free((char *)(uintptr_t)name);
}

/* ---- crashes ---- */

static void an_orderly_restart_goes_on_in_the_same_segment(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 4; i++) {
        append(w, 5 * i, 5 * i + 5);
        access_close(&w->log);
        open_log(w);
    }
    assert_int_equal(segments(w).n, 1);
    assert_int_equal(verified(w), 20);
    access_tick(w->log);
    assert_int_equal(w->told.n, 0);
    clock_test_set(T0 + 3 * HOUR, 2000);
    access_close(&w->log);
    open_log(w);
    access_tick(w->log);
    assert_int_equal(w->told.n, 1);
    assert_int_equal(w->told.lines[0], 20);
}

static void two_processes_never_write_one_log(void **state)
{
    struct world *w = *state;
    struct access_options options = {.directory = w->directory, .segment_size = w->size, .retention_ms = DAY};
    struct access_log *second = NULL;
    struct err err = {0};
    append(w, 0, 3);
    assert_false(access_open(&options, &second, &err));
    assert_int_equal(err.code, ERR_STORE_LOCKED);
    append(w, 3, 6);
    assert_int_equal(verified(w), 6);
}

static void kill_loses_nothing_that_was_appended(void **state)
{
    struct world *w = *state;
    access_close(&w->log);
    for (int round = 1; round <= 3; round++) {
        pid_t child = fork();
        if (child == 0) {
            open_log(w);
            append(w, 0, 500);
            kill(getpid(), SIGKILL);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        assert_int_equal(verified(w), 500 * round);
    }
    open_log(w);
    append(w, 0, 10);
    assert_int_equal(verified(w), 1510);
    int ended = segments(w).n - 1;
    access_tick(w->log);
    assert_int_equal(w->told.n, ended);
    assert_int_equal(verified(w), 1510);
}

/* Every place where a copy may have stopped, with the rest of the segment still zeros. */
static void a_torn_line_is_cut(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    access_close(&w->log);
    char name[64];
    snprintf(name, sizeof(name), "%s", segments(w).name[0]);
    struct buf whole = read_file(path_of(w, name));
    size_t second = 0;
    for (int newlines = 0; newlines < 2; second++)
        newlines += whole.p[second] == '\n';
    for (size_t kept = second; kept < whole.n; kept += 7) {
        struct buf torn;
        buf_init(&torn, 1 << 20);
        buf_put(&torn, whole.p, kept);
        for (int i = 0; i < 5000; i++)
            buf_byte(&torn, 0);
        if (kept % 2)
            torn.p[second + whole.n - second - 1] = '\n'; /* later bytes of the copy came first */
        write_file(path_of(w, name), buf_bytes(&torn));
        buf_free(&torn);
        assert_int_equal(verified(w), 2);
        open_log(w);
        append(w, 7, 8);
        assert_int_equal(verified(w), 3);
        access_close(&w->log);
    }
    buf_free(&whole);
}

static void a_segment_begun_and_never_used_disappears(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    access_close(&w->log);
    struct buf zeros;
    buf_init(&zeros, 1 << 20);
    for (int i = 0; i < 65536; i++)
        buf_byte(&zeros, 0);
    write_file(path_of(w, "20261124T030000Z-0000000002.log"), buf_bytes(&zeros));
    buf_free(&zeros);
    open_log(w);
    assert_int_equal(segments(w).n, 1);
    append(w, 3, 5);
    assert_int_equal(verified(w), 5);
}

static void garbage_is_left_for_a_person_and_the_log_goes_on(void **state)
{
    struct world *w = *state;
    append(w, 0, 3);
    access_close(&w->log);
    char name[64], place[80];
    snprintf(name, sizeof(name), "%s", segments(w).name[0]);
    struct buf whole = read_file(path_of(w, name));
    size_t good = whole.n;
    for (int i = 0; i < 3000; i++)
        buf_byte(&whole, 'x');
    write_file(path_of(w, name), buf_bytes(&whole));
    open_log(w);
    append(w, 3, 5);
    struct stat st;
    assert_int_equal(stat(path_of(w, name), &st), 0);
    assert_int_equal(st.st_size, good + 3000);
    snprintf(place, sizeof(place), "%s:4", name);
    assert_broken(w, place);
    access_tick(w->log);
    assert_int_equal(w->told.n, 1);
    buf_free(&whole);
}

/* ---- a full disk ---- */

static void a_full_disk_refuses_and_recovers(void **state)
{
    struct world *w = *state;
    struct rlimit old, small;
    struct err err = {0};
    int i = 0;
    append(w, 0, 100);
    getrlimit(RLIMIT_FSIZE, &old);
    small = old;
    small.rlim_cur = 1000;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (i = 100; i < 1000 && try_append(w->log, i, &err); i++)
        continue;
    assert_true(i < 1000);
    assert_int_equal(err.code, ERR_STORE_FULL);
    assert_int_equal(err_info(err.code)->http, 503);
    assert_false(access_ready(w->log));
    access_tick(w->log);
    assert_false(try_append(w->log, i, &err));
    setrlimit(RLIMIT_FSIZE, &old);
    assert_false(try_append(w->log, i, &err));
    access_tick(w->log);
    assert_true(access_ready(w->log));
    append(w, i, i + 10);
    assert_int_equal(verified(w), i + 10);
}

static void a_full_file_system_refuses_and_recovers(void **state)
{
    struct world *w = *state;
    char command[256];
    struct err err = {0};
    int i = 0;
    access_close(&w->log);
    snprintf(command, sizeof(command), "mount -t tmpfs -o size=240k tmpfs '%s' 2>/dev/null", w->directory);
    if (getuid() != 0 || system(command) != 0) {
        print_message("skipped: no right to mount\n");
        skip();
    }
    open_log(w);
    for (i = 0; i < 2000 && try_append(w->log, i, &err); i++)
        continue;
    bool full = i < 2000 && err.code == ERR_STORE_FULL;
    access_tick(w->log);
    bool still_full = !try_append(w->log, i, &err);
    clock_test_set(T0 + 60 * DAY, 9000);
    access_tick(w->log); /* retention makes room */
    access_tick(w->log);
    bool room = try_append(w->log, i, &err);
    uint64_t lines = 0;
    bool whole = access_verify(w->directory, &lines, &err);
    if (!full || !still_full || !room || !whole)
        print_error("%d %d %d %d %s %s\n", full, still_full, room, whole, err_info(err.code)->code, err.detail);
    access_close(&w->log);
    snprintf(command, sizeof(command), "umount '%s'", w->directory);
    assert_int_equal(system(command), 0);
    assert_true(full && still_full && room && whole && lines == 1);
}

/* ---- many threads ---- */

#define THREADS 4
#define EACH 3000

static void *appender(void *arg)
{
    struct world *w = arg;
    struct err err = {0};
    for (int i = 0; i < EACH; i++)
        if (!try_append(w->log, i, &err))
            return arg;
    return NULL;
}

static void many_threads_make_one_chain_while_others_read(void **state)
{
    struct world *w = *state;
    pthread_t threads[THREADS];
    access_close(&w->log);
    w->size = 512 << 10;
    open_log(w);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, appender, w);
    for (int i = 0; i < 20; i++) {
        access_tick(w->log);
        verified(w);
    }
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    access_tick(w->log);
    assert_int_equal(verified(w), THREADS * EACH);
    assert_int_equal(w->told.n, segments(w).n - 1);
    assert_int_equal(find(w, (struct access_filter){.request_id = "req-17"}).n, THREADS);
}

#define LOG_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_line_says_who_asked_what_and_what_was_answered),
        LOG_TEST(text_from_outside_stays_one_line_of_json),
        LOG_TEST(a_line_that_would_be_too_long_is_refused),
        LOG_TEST(the_chain_can_be_computed_with_sha256sum),
        LOG_TEST(each_filter_narrows_and_order_is_oldest_first),
        LOG_TEST(the_one_who_searches_may_stop),
        LOG_TEST(a_full_segment_is_followed_by_the_next_and_reported),
        LOG_TEST(an_hour_ends_a_segment_and_quiet_hours_make_none),
        LOG_TEST(a_clock_set_back_keeps_the_order),
        LOG_TEST(a_report_that_failed_is_made_again),
        LOG_TEST(retention_deletes_only_what_was_reported),
        LOG_TEST(when_all_is_deleted_the_chain_still_goes_on),
        LOG_TEST(a_changed_byte_is_found_wherever_it_is),
        LOG_TEST(a_missing_line_is_found),
        LOG_TEST(lines_missing_at_the_end_are_found),
        LOG_TEST(a_missing_segment_is_found),
        LOG_TEST(exchanged_segments_are_found),
        LOG_TEST(a_hole_of_zeros_in_an_ended_segment_is_found),
        LOG_TEST(a_start_does_not_hide_tampering),
        LOG_TEST(an_orderly_restart_goes_on_in_the_same_segment),
        LOG_TEST(two_processes_never_write_one_log),
        LOG_TEST(kill_loses_nothing_that_was_appended),
        LOG_TEST(a_torn_line_is_cut),
        LOG_TEST(a_segment_begun_and_never_used_disappears),
        LOG_TEST(garbage_is_left_for_a_person_and_the_log_goes_on),
        LOG_TEST(a_full_disk_refuses_and_recovers),
        LOG_TEST(a_full_file_system_refuses_and_recovers),
        LOG_TEST(many_threads_make_one_chain_while_others_read),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
