/* The quick reader of flat objects beside jansson: what it takes, jansson takes with the same members; and a row of a
 * bureau comes out the same whether it is read in one walk or by jansson. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/common/flat.h"
#include "bureau.h"

static struct gwa_bytes bytes(const char *s)
{
    return (struct gwa_bytes){(const uint8_t *)s, strlen(s)};
}

static bool same(struct gwa_bytes a, const char *p, size_t n)
{
    return a.n == n && memcmp(a.p, p, n) == 0;
}

/* ---- beside jansson ----------------------------------------------------------------------------------------- */

static bool member_agrees(const struct flat_member *member, const json_t *value)
{
    char text[24];

    switch (member->kind) {
    case FLAT_TEXT:
        return json_is_string(value) && same(member->value, json_string_value(value), json_string_length(value));
    case FLAT_NUMBER:
        return json_is_integer(value) &&
               same(member->value, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(value)));
    case FLAT_NULL:
        return json_is_null(value);
    case FLAT_BOOLEAN:
        return json_is_boolean(value);
    }
    return false;
}

/* Whether the quick reader took it. The copy has not a byte to spare. */
static bool compare(struct gwa_bytes in)
{
    struct flat_member members[FLAT_MEMBERS_MAX];
    uint8_t *exact = malloc(in.n + (in.n == 0));
    size_t n = 0;
    bool taken;

    memcpy(exact, in.p, in.n);
    taken = flat_read((struct gwa_bytes){exact, in.n}, members, &n);
    if (taken) {
        json_t *object = json_loadb((const char *)exact, in.n, JSON_REJECT_DUPLICATES, NULL);
        bool agrees = json_is_object(object) && json_object_size(object) == n;

        for (size_t i = 0; agrees && i < n; i++)
            agrees = member_agrees(&members[i], json_object_getn(object, (const char *)members[i].name.p,
                                                                 members[i].name.n));
        json_decref(object);
        if (!agrees)
            fail_msg("taken otherwise than jansson does: %.*s", (int)in.n, (const char *)in.p);
    }
    free(exact);
    return taken;
}

static void takes_what_is_flat(void **state)
{
    static const char *const flat[] = {
        "{\"a\":1}",
        " {\"a\" : \"\" ,\n\t\"b\":null, \"c\":true,\"d\":false }\r\n",
        "{\"名称\":\"山西示例0000001号科技有限公司\",\"x\":-999999999999999999,\"y\":0,\"\":\"𠮷\x7f\"}",
        "{\"ab\":1,\"ba\":2,\"aa\":3,\"bb\":4,\"a\":5}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(flat) / sizeof(*flat); i++)
        assert_true(compare(bytes(flat[i])));
}

static void leaves_what_is_not(void **state)
{
    static const char *const others[] = {
        "",           "{",           "{}",           "[]",           "1",          "{\"a\":1",        "{\"a\":1}x",
        "{\"a\":1,}", "{,\"a\":1}",  "{\"a\"1}",     "{\"a\":}",     "{a:1}",      "{\"a\":[]}",      "{\"a\":{}}",
        "{\"a\":01}", "{\"a\":-0}",  "{\"a\":1.5}",  "{\"a\":1e3}",  "{\"a\":-}",  "{\"a\":\"\\n\"}", "{\"a\":\"\n\"}",
        "{\"a\":nul}", "{\"a\":truex}", "{\"a\":\"b}", "{\"a\":1 2}", "{\"a\":+1}", "{\"\\u0061\":1}",
        "{\"a\":1234567890123456789}", "{\"a\":1,\"b\":2,\"a\":3}", "{\"\":1,\"\":2}", "\xef\xbb\xbf{\"a\":1}",
        "{\"a\":\"\x80\"}", "{\"a\":\"\xc0\xaf\"}", "{\"a\":\"\xe0\x9f\xbf\"}", "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf0\x8f\xbf\xbf\"}", "{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"\xf5\x80\x80\x80\"}",
        "{\"a\":\"\xe5\xb1\"}", "{\"a\":\"\xe5\"}", "{\"\xff\":1}", "{\"a\":1}{\"a\":1}", "{\"a\":1]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (compare(bytes(others[i])))
            fail_msg("taken: %s", others[i]);
    assert_false(compare((struct gwa_bytes){(const uint8_t *)"{\"a\":\"\0\"}", 9}));
}

/* Every pair of bytes behind every first byte of a character, against jansson's own table. */
static void knows_utf8_as_jansson_does(void **state)
{
    size_t taken = 0;

    (void)state;
    for (unsigned first = 0x80; first < 0x100; first++)
        for (unsigned second = 0x70; second < 0x100; second += second < 0x80 ? 0x0f : 1)
            for (unsigned n = 1; n < 5; n++) {
                char text[16] = "{\"a\":\"\"}";
                uint8_t character[4] = {(uint8_t)first, (uint8_t)second, 0xbf, 0x80};
                json_t *object;

                memcpy(text + 6, character, n);
                memcpy(text + 6 + n, "\"}", 3);
                object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
                if (compare(bytes(text)) != (object != NULL))
                    fail_msg("%02x %02x, %u bytes", first, second, n);
                taken += object != NULL;
                json_decref(object);
            }
    assert_true(taken > 1000);
}

static void takes_so_many_members(void **state)
{
    char text[1024] = "{";

    (void)state;
    for (int i = 0; i <= FLAT_MEMBERS_MAX; i++) {
        char part[32];

        (void)snprintf(part, sizeof(part), "%s\"m%d\":%d", i == 0 ? "" : ",", i, i);
        strcat(text, part);
        strcat(text, "}");
        assert_int_equal(compare(bytes(text)), i < FLAT_MEMBERS_MAX);
        text[strlen(text) - 1] = '\0';
    }
}

/* ---- a bureau's rows ------------------------------------------------------------------------------------------ */

static char told[4096];

static void tell_fields(struct gwa_job *job, const struct gwa_field *fields, size_t n)
{
    (void)job;
    for (size_t i = 0; i < n; i++)
        (void)snprintf(told + strlen(told), sizeof(told) - strlen(told), "%s=%.*s\n", fields[i].name,
                       (int)fields[i].value.n, (const char *)fields[i].value.p);
}

static void tell_bad(struct gwa_job *job, const char *field, const char *text)
{
    (void)job;
    (void)snprintf(told, sizeof(told), "bad %s: %s", field, text);
}

static const char *outcome(const struct bureau *bureau, struct gwa_bytes row)
{
    static const struct gwa_host host = {.size = sizeof(host), .row_fields = tell_fields, .row_bad = tell_bad};
    struct gwa_job job = {.host = &host, .instance = (void *)(uintptr_t)bureau};

    told[0] = '\0';
    map_row(&job, row);
    return told;
}

static unsigned next(unsigned *seed, unsigned below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

/* A row of pieces that mean something to the reader, or nearly. */
static size_t make_row(unsigned *seed, char out[2048])
{
    static const char *const names[] = {"uscc", "name", "from", "until", "status", "reason", "x", "na\\u006de", "a"};
    static const char *const values[] = {
        "\"91140100MA0K1\"", "\" 山西 \t\"", "\"2026-03-01\"", "\"2026年3月1日\"", "\"长期\"", "\"1\"", "1", "0", "-0", "2",
        "20260301", "\"\"", "\" \"", "null", "true", "false", "1.5", "{\"b\":\"1\"}", "[1]", "\"\\u5c71\"", "\"\xe5\xb1\"",
        "12345678901234567890", "\"撤销\"", "\"2026-13-01\"", "\"2026-03-01 23:30:00Z and a long tail that no date has\"", "{}",
    };
    size_t n = (size_t)sprintf(out, "{\"uscc\":\"91140100MA0K1\",\"status\":1");

    for (unsigned i = next(seed, 8); i > 0; i--)
        n += (size_t)sprintf(out + n, ",%s\"%s\"%s:%s", next(seed, 5) == 0 ? " " : "",
                             names[next(seed, sizeof(names) / sizeof(*names))], next(seed, 5) == 0 ? "\n" : "",
                             values[next(seed, sizeof(values) / sizeof(*values))]);
    n += (size_t)sprintf(out + n, "}");
    if (next(seed, 4) == 0)
        out[1 + next(seed, (unsigned)n - 1)] = (char)next(seed, 256);
    return n;
}

static void rows_come_out_the_same_either_way(void **state)
{
    static const char *const paths[FIELD_COUNT] = {"uscc", "name", "r", "i", "scale", "o", "a.b", "x",
                                                   "a",    "from", "until", "status", "reason"};
    struct bureau bureau = {.certified = "1,certified", .withdrawn = "2,撤销"};
    unsigned seed = 7;
    size_t flat = 0;

    (void)state;
    for (size_t i = 0; i < FIELD_COUNT; i++)
        assert_true(scan_path_parse(paths[i], &bureau.fields[i]));
    for (unsigned i = 0; i < 300000; i++) {
        char row[2048], nested[2100], first[sizeof(told)];
        size_t n = make_row(&seed, row);

        /* one more member that is an object: jansson has to read it */
        memcpy(nested, "{\"nested\":{},", 13);
        memcpy(nested + 13, row + 1, n - 1);
        flat += compare((struct gwa_bytes){(const uint8_t *)row, n});
        strcpy(first, outcome(&bureau, (struct gwa_bytes){(const uint8_t *)row, n}));
        if (strcmp(first, outcome(&bureau, (struct gwa_bytes){(const uint8_t *)nested, n + 12})) != 0)
            fail_msg("%.*s\nfirst %s\nthen %s", (int)n, row, first, told);
    }
    assert_true(flat > 10000 && flat < 290000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_is_flat),
        cmocka_unit_test(leaves_what_is_not),
        cmocka_unit_test(knows_utf8_as_jansson_does),
        cmocka_unit_test(takes_so_many_members),
        cmocka_unit_test(rows_come_out_the_same_either_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
