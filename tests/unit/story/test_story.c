/* A run's story: what is kept is read back whole, also as earlier programs wrote it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "story/story.h"
#include "json/json.h"

static struct story told(void)
{
    return (struct story){
        .id = "r-7",
        .source = "sipo",
        .state = RUN_FAILED,
        .phase = PHASE_END,
        .actor_kind = ACTOR_PERSON,
        .actor = "operator-1",
        .full = true,
        .absence_counts = true,
        .started_ms = 1000,
        .fetched_ms = 2000,
        .ended_ms = 4500,
        .list_version = "2026-11",
        .total = -1,
        .counts = {.received = 9,
                   .added = 1,
                   .renewed = 2,
                   .amended = 3,
                   .withdrawn = 4,
                   .absent = 5,
                   .unchanged = 6,
                   .rejected = 7,
                   .doubtful = 8},
        .awaiting = 10,
        .attempts = 2,
        .restarts = 1,
        .pages = "ab",
        .origin = "list.csv",
        .error = "list.header",
        .error_text = "no column",
        .error_text_zh = "没有该列",
        .guard_listed = 100,
        .guard_limit = 20,
        .guard_taken = 3,
        .guard_wanted = 30,
        .hold_why = "guard.held",
        .approval = "p-4",
        .superseded_by = "r-8",
        .first_seq = 11,
        .last_seq = 12,
    };
}

static void every_member_comes_back(void **state)
{
    (void)state;
    struct story before = told(), after;
    struct err err = {0};
    struct buf out, again;
    buf_init(&out, RUN_VALUE_MAX);
    buf_init(&again, RUN_VALUE_MAX);
    story_encode(&before, &out);
    assert_true(story_decode(buf_bytes(&out), &after, &err));
    assert_memory_equal(&after.counts, &before.counts, sizeof after.counts);
    assert_string_equal(after.error_text_zh, before.error_text_zh);
    assert_int_equal(after.actor_kind, ACTOR_PERSON);
    assert_true(after.full && after.absence_counts && !after.dry_run && !after.initial);
    assert_int_equal(after.total, -1);
    assert_int_equal(after.last_seq, 12);
    story_encode(&after, &again);
    assert_string_equal((const char *)again.p, (const char *)out.p);
    buf_free(&again);
    buf_free(&out);
}

/* People see who acts by a word, and what went wrong in both languages. */
static void people_see_words(void **state)
{
    (void)state;
    struct story story = told();
    struct err err = {0};
    struct buf out;
    AUTO_JSON doc = NULL;
    buf_init(&out, RUN_VALUE_MAX);
    story_encode(&story, &out);
    assert_true(json_parse(buf_bytes(&out), &doc, &err));
    const json_value *o = json_root(doc), *error = json_member(o, "error");
    assert_null(json_member(o, "actor_kind"));
    assert_string_equal(json_string(json_member(json_member(o, "actor"), "kind")), "person");
    assert_string_equal(json_string(json_member(error, "detail")), "no column");
    assert_string_equal(json_string(json_member(error, "detail_zh")), "没有该列");
    buf_free(&out);
}

static void an_earlier_story_is_read(void **state)
{
    (void)state;
    struct story story;
    struct err err = {0};
    struct bytes earlier = BYTES_LIT("{\"id\":\"r-1\",\"source\":\"sipo\",\"state\":\"failed\",\"phase\":\"end\","
                                     "\"actor\":{\"kind\":\"source\",\"id\":\"sipo\"},\"actor_kind\":1,\"total\":5,"
                                     "\"error\":{\"code\":\"list.header\",\"detail\":\"no column\"}}");
    assert_true(story_decode(earlier, &story, &err));
    assert_int_equal(story.actor_kind, ACTOR_SOURCE);
    assert_string_equal(story.actor, "sipo");
    assert_string_equal(story.error_text, "no column");
    assert_string_equal(story.error_text_zh, "");
    assert_int_equal(story.total, 5);
}

static void damage_is_told(void **state)
{
    (void)state;
    struct story story;
    struct err err = {0};
    assert_false(story_decode(BYTES_LIT("{\"state\":\"asleep\",\"phase\":\"end\"}"), &story, &err));
    assert_int_equal(err.code, ERR_STORE_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_member_comes_back),
        cmocka_unit_test(people_see_words),
        cmocka_unit_test(an_earlier_story_is_read),
        cmocka_unit_test(damage_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
