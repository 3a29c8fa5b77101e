/* ippublic: signed JSON messages to the IP public-service platform over HTTPS, each request with the headers of the
 * national sharing platform beside the message's own signature. */
#include <stdlib.h>

#include "adapters/common/post.h"

static const struct gwa_setting settings[] = {
    POST_SETTINGS,
    {"rid", GWA_TEXT, true, NULL, "gjgxjhpt_rid, who asks"},
    {"sid", GWA_TEXT, true, NULL, "gjgxjhpt_sid, which service"},
    {"secret_file", GWA_SECRET_FILE, true, NULL, "file with the secret that signs both and the time"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

struct platform {
    struct post post;
    const char *rid, *sid;
};

static bool open_platform(struct gwa_job *job, void **instance_out)
{
    struct platform *platform = calloc(1, sizeof(*platform));

    if (platform == NULL || !post_open(job, &platform->post)) {
        free(platform);
        return false;
    }
    platform->post.json = true;
    platform->rid = job->host->setting(job, "rid");
    platform->sid = job->host->setting(job, "sid");
    *instance_out = platform;
    return true;
}

static void close_platform(void *instance)
{
    free(instance);
}

static bool sign(struct gwa_job *job, struct headers *headers)
{
    const struct platform *platform = job->instance;

    return headers_add_sharing(job, headers, platform->rid, platform->sid, "secret_file");
}

static enum gwa_verdict send(struct gwa_job *job)
{
    const struct platform *platform = job->instance;

    return post_send(job, &platform->post, sign);
}

static enum gwa_verdict resolve(struct gwa_job *job)
{
    const struct platform *platform = job->instance;

    return post_resolve(job, &platform->post, sign);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "ippublic",
    .settings = settings,
    .open = open_platform,
    .send = send,
    .resolve = resolve,
    .close = close_platform,
};
