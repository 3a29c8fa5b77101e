/* Samples of every kind, good and broken in many ways, in both forms: one verdict for both, the one that xmllint gives.
 */
#include "fixture.h"

#define SAMPLES 300

static size_t seen[2][2]; /* form, good */

static char *sample(const char *kind, int n, const char *suffix, size_t *size_out)
{
    char path[256];
    snprintf(path, sizeof path, "%s/samples/%s/%d.%s", dir, kind, n, suffix);
    return read_file(path, size_out);
}

static void check_form(const struct catalog *catalog, const char *kind, int n, enum message_form form, char expected,
                       const char *what)
{
    if (expected == '-')
        return;
    size_t size;
    char *text = sample(kind, n, form == MESSAGE_XML ? "xml" : "json", &size);
    assert_non_null(text);
    const char *found = verdict(catalog, form, bytes_of(text, size));
    if ((*found == '\0') != (expected == '1'))
        fail_msg("%s %d.%s (%s): \"%s\"", kind, n, form == MESSAGE_XML ? "xml" : "json", what, found);
    if (*found != '\0' && strncmp(found, "schema.", 7) != 0)
        fail_msg("%s %d (%s): %s", kind, n, what, found);
    seen[form][expected == '1']++;
    free(text);
}

/* What is written from either form is what the generator wrote. */
static void check_written(const struct catalog *catalog, const char *kind, int n, enum message_form from)
{
    size_t size, want_size;
    char *text = sample(kind, n, from == MESSAGE_XML ? "xml" : "json", &size);
    for (enum message_form to = MESSAGE_JSON; to <= MESSAGE_XML; to++) {
        char *want = sample(kind, n, to == MESSAGE_XML ? "want.xml" : "want.json", &want_size);
        struct message *message;
        struct err err = {0};
        struct buf out;
        buf_init(&out, MESSAGE_MAX);
        assert_true(from == MESSAGE_XML ? message_read_xml(bytes_of(text, size), &message, &err)
                                        : message_read_json(bytes_of(text, size), &message, &err));
        assert_true(message_validate(catalog, message, &err, 1, &want_size));
        assert_true(message_convert(catalog, message, to, &out, &err));
        assert_string_equal((char *)out.p, want);
        if (from == MESSAGE_JSON) {
            buf_reset(&out);
            assert_true(message_write(catalog, bytes_of(text, size), to, &out, &err));
            assert_string_equal((char *)out.p, want);
        }
        buf_free(&out);
        message_free(&message);
        free(want);
    }
    free(text);
}

static void check_kind(const struct catalog *catalog, const char *kind)
{
    char path[256], line[512], what[400];
    snprintf(path, sizeof path, "%s/samples/%s/list", dir, kind);
    FILE *list = fopen(path, "r");
    assert_non_null(list);
    int lines = 0, n;
    for (char xml, json; fgets(line, sizeof line, list); lines++) {
        assert_int_equal(sscanf(line, "%d\t%c\t%c\t%399[^\n]", &n, &xml, &json, what), 4);
        check_form(catalog, kind, n, MESSAGE_XML, xml, what);
        check_form(catalog, kind, n, MESSAGE_JSON, json, what);
        if (xml == '1' && json == '1') {
            check_written(catalog, kind, n, MESSAGE_XML);
            check_written(catalog, kind, n, MESSAGE_JSON);
        }
    }
    fclose(list);
    assert_int_equal(lines, SAMPLES);
}

static void one_verdict_for_both_forms(void **state)
{
    (void)state;
    if (run("command -v xmllint >/dev/null"))
        fail_msg("no xmllint");
    if (run("/usr/bin/python3 %s/tests/unit/message/samples.py %s %s/samples %d", SOURCE_DIR, SCHEMAS, dir, SAMPLES))
        fail_msg("xmllint judges otherwise");
    struct catalog *catalog = load_catalog(SCHEMAS);
    for (size_t i = 0; i < catalog_kinds(catalog); i++)
        check_kind(catalog, catalog_kind(catalog, i)->name);
    print_message("good: %zu in XML, %zu in JSON; broken: %zu, %zu\n", seen[1][1], seen[0][1], seen[1][0], seen[0][0]);
    for (int i = 0; i < 4; i++)
        assert_true(seen[i / 2][i % 2] > 100 * catalog_kinds(catalog));
    catalog_free(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_verdict_for_both_forms)};
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
