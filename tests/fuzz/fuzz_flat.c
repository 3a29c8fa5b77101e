/* Any bytes as a flat object: what is taken, jansson takes with the same members. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/common/flat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool condition)
{
    if (!condition)
        abort();
}

static void judge(const struct flat_member *member, const json_t *value)
{
    char number[24];
    const char *text = json_string_value(value);
    size_t n = json_string_length(value);

    need(value != NULL);
    need((member->kind == FLAT_NULL) == json_is_null(value) && (member->kind == FLAT_BOOLEAN) == json_is_boolean(value));
    if (member->kind == FLAT_NUMBER) {
        need(json_is_integer(value));
        n = (size_t)snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(value));
        text = number;
    }
    if (member->kind == FLAT_NUMBER || member->kind == FLAT_TEXT)
        need(text != NULL && n == member->value.n && memcmp(text, member->value.p, n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct flat_member members[FLAT_MEMBERS_MAX];
    json_t *object;
    size_t n = 0;

    if (!flat_read((struct gwa_bytes){data, size}, members, &n))
        return 0;
    object = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    need(json_is_object(object) && json_object_size(object) == n);
    for (size_t i = 0; i < n; i++)
        judge(&members[i], json_object_getn(object, (const char *)members[i].name.p, members[i].name.n));
    json_decref(object);
    return 0;
}
