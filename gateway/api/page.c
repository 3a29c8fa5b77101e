/* page: the console's files. They are the same for everybody who may read; what they show comes from the routes under
 * /admin/v1, so a file may be kept by a browser as long as it asks whether it is still the same. */
#include <string.h>

#include "api/internal.h"

/* Nothing but the console's own files, no frame around them, and no text that becomes markup or script. */
#define POLICY                                                                                                         \
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "              \
    "require-trusted-types-for 'script'; trusted-types 'none'; frame-ancestors 'none'; base-uri 'none'; "              \
    "form-action 'none'"

static const struct header {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy", POLICY},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Opener-Policy", "same-origin"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "private, no-cache"},
    {"Vary", "Accept-Encoding"},
};

static bool find(const struct ask *ask, const char *name, struct api_page *out)
{
    return ask->api->options.page && ask->api->options.page(name, out);
}

static bool lost(const struct ask *ask, struct err *err)
{
    struct api_page first;

    if (find(ask, "index.html", &first))
        return err_set(err, ERR_HTTP_NOT_FOUND, NULL, "the console has no such file");
    return err_set(err, ERR_HTTP_NOT_FOUND, NULL, "this gateway was built without the console");
}

static void answer(struct ask *ask, const struct api_page *page)
{
    bool packed = page->gzip.n > 0 && api_accepts_coding(net_header_value(ask->request, "Accept-Encoding"), "gzip");
    const char *etag = arena_printf(ask->arena, "\"%s%s\"", page->tag, packed ? "-gzip" : "");

    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        ask_header(ask, headers[i].name, headers[i].value);
    ask_header(ask, "ETag", etag);
    ask->reply.media_type = page->media_type;
    ask->reply.body = packed ? page->gzip : page->plain;
    if (api_names_tag(net_header_value(ask->request, "If-None-Match"), etag))
        ask->reply.status = 304;
    else if (packed)
        ask_header(ask, "Content-Encoding", "gzip");
}

bool api_do_page(struct ask *ask, struct err *err)
{
    struct api_page page;

    if (!find(ask, ask->values[0] ? ask->values[0] : "index.html", &page))
        return lost(ask, err);
    answer(ask, &page);
    return true;
}

/* As people type it. */
bool api_do_console(struct ask *ask, struct err *err)
{
    (void)err;
    ask_header(ask, "Location", "/console/");
    ask->reply.status = 303;
    ask->reply.media_type = NULL;
    return true;
}
