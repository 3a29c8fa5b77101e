/* Any bytes as registrations of pledges: the first byte says as what, a CSV, JSON lines, or the answer to each question
 * for a page. What is handed over is one JSON object a row; registrations from files have what the contract demands. */
#include <jansson.h>
#include <stdio.h>

#include "registry.h"

#define LINES_ASCEND false
#include "file_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_whole(const json_t *body)
{
    static const char *const names[] = {"registration_no", "event", "date", "right_kind"};
    const json_t *amount = json_object_get(body, "secured_amount_fen");

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        need(json_string_length(json_object_get(body, names[i])) > 0);
    need(json_array_size(json_object_get(body, "pledgors")) > 0 && json_array_size(json_object_get(body, "rights")) > 0);
    need(json_string_length(json_object_get(json_object_get(body, "pledgee"), "name")) > 0);
    need(amount == NULL || json_integer_value(amount) >= 0);
}

static void fields_fit(const struct gwa_field *fields, size_t n)
{
    json_t *body;

    need(n == 1 && strcmp(fields[0].name, "body") == 0 && fields[0].value.n <= ROW_MAX);
    body = json_loadb((const char *)fields[0].value.p, fields[0].value.n, JSON_REJECT_DUPLICATES, NULL);
    need(json_is_object(body));
    if (!world.pull)
        is_whole(body);
    json_decref(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"a.csv", "a.ndjson", NULL};

    if (size > 0)
        read_file(names[data[0] % 3], data + 1, size - 1);
    return 0;
}
