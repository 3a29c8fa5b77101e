/* schemas: the message catalogue and its XSDs, handed out as they were loaded. Only names of that list exist. */
#include <string.h>

#include "api/internal.h"

static enum api_media media_of(const struct catalog_file *file)
{
    size_t n = strlen(file->name);

    return n > 4 && strcmp(file->name + n - 4, ".csv") == 0 ? API_MEDIA_CSV : API_MEDIA_XML;
}

static const struct catalog_file *find(const struct catalog *catalog, const char *name)
{
    for (size_t i = 0; i < catalog_files(catalog); i++) {
        if (strcmp(catalog_file(catalog, i)->name, name) == 0)
            return catalog_file(catalog, i);
    }
    return NULL;
}

static void write_file(struct ask *ask, const struct catalog_file *file)
{
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "name", file->name);
    json_add_string(&ask->json, "url", arena_printf(ask->arena, "/v1/schemas/%s", file->name));
    json_add_string(&ask->json, "media_type", api_media_name(media_of(file)));
    json_add_integer(&ask->json, "bytes", (int64_t)file->bytes.n);
    json_add_string(&ask->json, "sha256", file->digest);
    json_end_object(&ask->json);
}

bool api_do_schemas(struct ask *ask, struct err *err)
{
    const struct catalog *catalog = ask->held->state.catalog;

    (void)err;
    json_begin_object(&ask->json);
    json_add_string(&ask->json, "digest", catalog_digest(catalog));
    json_key(&ask->json, "schemas");
    json_begin_array(&ask->json);
    for (size_t i = 0; i < catalog_files(catalog); i++)
        write_file(ask, catalog_file(catalog, i));
    json_end_array(&ask->json);
    json_end_object(&ask->json);
    return true;
}

bool api_do_schema(struct ask *ask, struct err *err)
{
    const struct catalog_file *file = find(ask->held->state.catalog, ask->values[0]);
    const char *etag;

    if (!file)
        return err_set(err, ERR_HTTP_NOT_FOUND, NULL, "GET /v1/schemas lists what there is");
    etag = arena_printf(ask->arena, "\"%s\"", file->digest);
    ask_header(ask, "ETag", etag);
    ask_header(ask, "Cache-Control", "private, no-cache");
    ask->reply.media_type = api_media_name(media_of(file));
    if (api_names_tag(net_header_value(ask->request, "If-None-Match"), etag)) {
        ask->reply.status = 304;
        ask->reply.media_type = NULL;
    } else {
        ask->reply.body = file->bytes;
    }
    return true;
}
