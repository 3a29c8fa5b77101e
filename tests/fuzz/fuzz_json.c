/* Any bytes through the reader and the scanner: neither may read outside, and where the reader sees an
 * object or array the scanner must divide it into as many parts of the same meaning. */
#include <stdlib.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void check_value(const json_value *value, struct bytes raw);

static void check_array(const json_value *array, struct bytes raw)
{
    struct bytes element;
    size_t pos = 0, n = 0;
    bool broken = true;

    while (json_scan_next(raw, &pos, &element, &broken))
        check_value(json_at(array, n++), element);
    need(!broken && n == json_count(array));
}

static void check_object(const json_value *object, struct bytes raw)
{
    const json_value *value;
    const char *name;
    void *cursor = NULL;

    while (json_next(object, &cursor, &name, &value)) {
        struct bytes found;

        if (json_scan_member(raw, name, &found))
            check_value(value, found);
    }
}

/* Raw bytes must parse alone, as the same type, and hold what the tree holds. */
static void check_value(const json_value *value, struct bytes raw)
{
    struct err err = {0};
    struct bytes inside;

    need(value != NULL);
    AUTO_JSON alone = NULL;
    need(json_parse(raw, &alone, &err));
    need(json_type_of(json_root(alone)) == json_type_of(value));
    if (json_type_of(value) == JSON_TYPE_ARRAY)
        check_array(value, raw);
    if (json_type_of(value) == JSON_TYPE_OBJECT)
        check_object(value, raw);
    if (json_type_of(value) == JSON_TYPE_STRING && json_scan_string(raw, &inside))
        need(bytes_equal(inside, bytes_str(json_string(value))));
}

static void walk_anything(struct bytes in)
{
    struct bytes part;
    size_t pos = 0, before = 0;
    bool broken;

    while (json_scan_next(in, &pos, &part, &broken)) {
        need(pos > before && pos < in.n && part.n > 0);
        need(part.p >= in.p && part.p + part.n <= in.p + in.n);
        before = pos;
    }
    if (json_scan_member(in, "a", &part))
        need(part.n > 0 && part.p > in.p && part.p + part.n <= in.p + in.n);
    (void)json_scan_string(in, &part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = bytes_of(data, size);
    struct err err = {0};
    size_t first = 0;

    walk_anything(in);
    AUTO_JSON doc = NULL;
    if (size > 4096 || !json_parse(in, &doc, &err))
        return 0;
    while (data[first] == ' ' || data[first] == '\n' || data[first] == '\r' || data[first] == '\t')
        first++;
    check_value(json_root(doc), bytes_of(data + first, size - first));
    return 0;
}
