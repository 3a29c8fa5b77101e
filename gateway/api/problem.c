/* problem: one shape for every refusal. The type is an address inside the catalogue that GET /v1/errors answers. */
#include "api/problem.h"

#include <stdio.h>
#include <string.h>

#include "json/json.h"

#define TEXT_SIZE 800

static void write_finding(struct json_out *json, const struct err *err, bool in_body)
{
    char text[TEXT_SIZE];

    json_begin_object(json);
    /* a file's place starts with a slash too, but names line and column */
    if (in_body && err->place[0] == '/' && !strchr(err->place, ':'))
        json_add_string(json, "pointer", err->place);
    json_add_string_opt(json, "place", err->place);
    json_add_string(json, "code", err_info(err->code)->code);
    json_add_string(json, "detail", err_text(err, false, text, sizeof(text)));
    json_add_string(json, "detail_zh", err_text(err, true, text, sizeof(text)));
    json_end_object(json);
}

static void write_findings(struct json_out *json, const struct err *err, const struct err *errors, size_t n,
                           bool in_body)
{
    if (n == 0 && err->place[0] == '\0')
        return;
    json_key(json, "errors");
    json_begin_array(json);
    if (n == 0)
        write_finding(json, err, in_body);
    for (size_t i = 0; i < n; i++)
        write_finding(json, &errors[i], in_body);
    json_end_array(json);
}

void problem_write(struct buf *out, const struct err *err, const struct err *errors, size_t n, bool in_body,
                   const char *trace_id)
{
    const struct err_info *info = err_info(err->code);
    char text[TEXT_SIZE];
    struct json_out json;

    json_out_init(&json, out);
    json_begin_object(&json);
    snprintf(text, sizeof(text), "/v1/errors#%s", info->code);
    json_add_string(&json, "type", text);
    json_add_string(&json, "title", info->en);
    json_add_integer(&json, "status", info->http);
    json_add_string(&json, "code", info->code);
    json_add_string(&json, "detail", err_text(err, false, text, sizeof(text)));
    json_add_string(&json, "detail_zh", err_text(err, true, text, sizeof(text)));
    json_add_string(&json, "trace_id", trace_id);
    write_findings(&json, err, errors, n, in_body);
    json_end_object(&json);
}

int problem_retry_after(enum err_code code)
{
    switch (code) {
    case ERR_STORE_FULL:
        return 60;
    case ERR_SOURCE_STALE:
        return 600;
    default:
        return err_info(code)->kind == ERR_KIND_BUSY ? 1 : 0;
    }
}
