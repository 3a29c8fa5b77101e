/* openapi: the description of the interface (OpenAPI 3.1), written from the route table. */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"

#define NAME_SKIP (sizeof("api_do_") - 1)

static void write_parameter(struct json_out *json, const char *name, size_t n, const char *in)
{
    json_begin_object(json);
    json_key(json, "name");
    json_put_bytes(json, bytes_of(name, n));
    json_add_string(json, "in", in);
    json_add_boolean(json, "required", strcmp(in, "path") == 0);
    json_key(json, "schema");
    json_put_raw(json, BYTES_LIT("{\"type\":\"string\"}"));
    json_end_object(json);
}

static void write_parameters(struct json_out *json, const struct route *route)
{
    json_key(json, "parameters");
    json_begin_array(json);
    for (const char *p = strchr(route->pattern, '{'); p; p = strchr(p, '{')) {
        p++;
        write_parameter(json, p, strcspn(p, "}"), "path");
    }
    for (const char *p = route->query; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        write_parameter(json, p, n, "query");
        p += n;
    }
    if (strcmp(route->method, "POST") == 0 && (route->listeners & ROUTE_ON_ADMIN))
        write_parameter(json, "Idempotency-Key", strlen("Idempotency-Key"), "header");
    json_end_array(json);
}

static void write_content(struct json_out *json, const char *media, const char *schema)
{
    char ref[80];

    snprintf(ref, sizeof(ref), "#/components/schemas/%s", schema);
    json_key(json, media);
    json_begin_object(json);
    json_key(json, "schema");
    json_begin_object(json);
    json_add_string(json, "$ref", ref);
    json_end_object(json);
    json_end_object(json);
}

static void write_body(struct json_out *json, const struct route *route)
{
    if (route->takes[0] == '\0')
        return;
    json_key(json, "requestBody");
    json_begin_object(json);
    json_key(json, "content");
    json_begin_object(json);
    write_content(json, "application/json", route->takes);
    json_end_object(json);
    json_end_object(json);
}

static void write_answer(struct json_out *json, const struct route *route)
{
    size_t n;
    const enum api_media *media = route_media(route->form, &n);

    json_key(json, "2XX");
    json_begin_object(json);
    json_add_string(json, "description", route->en);
    json_key(json, "content");
    json_begin_object(json);
    for (size_t i = 0; i < n; i++)
        write_content(json, api_media_name(media[i]), i == 0 ? route->gives : "Text");
    json_end_object(json);
    json_end_object(json);
}

static void write_responses(struct json_out *json, const struct route *route)
{
    json_key(json, "responses");
    json_begin_object(json);
    write_answer(json, route);
    json_key(json, "default");
    json_begin_object(json);
    json_add_string(json, "description", "an error; GET /v1/errors lists the codes");
    json_key(json, "content");
    json_begin_object(json);
    write_content(json, PROBLEM_MEDIA, "Problem");
    json_end_object(json);
    json_end_object(json);
    json_end_object(json);
}

static void write_words(struct json_out *json, const struct route *route)
{
    static const char *const listeners[] = {"partner", "admin", "socket", "plain"};

    json_key(json, "x-roles");
    json_begin_array(json);
    for (unsigned bit = ROLE_BANK; bit <= ROLE_AUDITOR; bit <<= 1)
        if (route->roles & bit)
            json_put_string(json, role_name((enum role)bit));
    if (route->roles & ROUTE_ROOT)
        json_put_string(json, "root");
    if (route->roles & ROUTE_KNOWN)
        json_put_string(json, "all");
    if (route->roles & ROUTE_OPEN)
        json_put_string(json, "anybody");
    json_end_array(json);
    json_key(json, "x-listeners");
    json_begin_array(json);
    for (unsigned i = 0; i < 4; i++)
        if (route->listeners & (1u << i))
            json_put_string(json, listeners[i]);
    json_end_array(json);
}

static void write_operation(struct json_out *json, const struct route *route)
{
    json_key(json, strcmp(route->method, "GET") == 0 ? "get" : "post");
    json_begin_object(json);
    json_add_string(json, "operationId", route->name + NAME_SKIP);
    json_add_string(json, "summary", route->en);
    json_add_string(json, "x-summary-zh", route->zh);
    write_words(json, route);
    write_parameters(json, route);
    write_body(json, route);
    write_responses(json, route);
    json_end_object(json);
}

static bool seen_before(size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (strcmp(routes[j].pattern, routes[i].pattern) == 0)
            return true;
    return false;
}

static void write_paths(struct json_out *json)
{
    json_key(json, "paths");
    json_begin_object(json);
    for (size_t i = 0; i < route_n; i++) {
        if ((routes[i].listeners & ROUTE_ON_FRAMES) || seen_before(i))
            continue;
        json_key(json, routes[i].pattern);
        json_begin_object(json);
        for (size_t j = i; j < route_n; j++)
            if (strcmp(routes[j].pattern, routes[i].pattern) == 0)
                write_operation(json, &routes[j]);
        json_end_object(json);
    }
    json_end_object(json);
}

static void write_components(struct json_out *json)
{
    json_key(json, "components");
    json_begin_object(json);
    json_key(json, "securitySchemes");
    json_put_raw(
        json,
        BYTES_LIT("{\"tls\":{\"type\":\"mutualTLS\",\"description\":\"the client certificate names the caller\"}}"));
    json_key(json, "schemas");
    json_begin_object(json);
#define SCHEMA(name, text)                                                                                             \
    json_key(json, #name);                                                                                             \
    json_put_raw(json, BYTES_LIT(text));
#include "api/schema.def"
#undef SCHEMA
    json_end_object(json);
    json_end_object(json);
}

void api_openapi(struct buf *out)
{
    struct json_out json;

    json_out_init(&json, out);
    json_begin_object(&json);
    json_add_string(&json, "openapi", "3.1.0");
    json_key(&json, "info");
    json_begin_object(&json);
    json_add_string(&json, "title", "pledged: the whitelist gateway of intellectual-property pledge financing");
    json_add_string(&json, "version", GW_VERSION);
    json_end_object(&json);
    json_key(&json, "security");
    json_put_raw(&json, BYTES_LIT("[{\"tls\":[]}]"));
    write_paths(&json);
    write_components(&json);
    json_end_object(&json);
}
