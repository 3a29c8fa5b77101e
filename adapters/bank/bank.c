/* bank: signed messages to a bank over HTTPS, JSON or XML as they come. */
#include <stdlib.h>

#include "adapters/common/post.h"

static const struct gwa_setting settings[] = {
    POST_SETTINGS,
    {NULL, GWA_TEXT, false, NULL, NULL},
};

static bool open_bank(struct gwa_job *job, void **instance_out)
{
    struct post *post = calloc(1, sizeof(*post));

    if (post == NULL || !post_open(job, post)) {
        free(post);
        return false;
    }
    post->json = true;
    post->xml = true;
    *instance_out = post;
    return true;
}

static void close_bank(void *instance)
{
    free(instance);
}

static enum gwa_verdict send(struct gwa_job *job)
{
    return post_send(job, job->instance, NULL);
}

static enum gwa_verdict resolve(struct gwa_job *job)
{
    return post_resolve(job, job->instance, NULL);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "bank",
    .settings = settings,
    .open = open_bank,
    .send = send,
    .resolve = resolve,
    .close = close_bank,
};
