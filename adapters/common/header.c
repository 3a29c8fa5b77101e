/* Headers one by one, and those of the national sharing platform. */
#include "adapters/common/header.h"

#include <stdio.h>

#include "adapters/common/text.h"

bool headers_add(struct headers *headers, const char *name, const char *prefix, const char *value)
{
    struct text text;

    if (headers->n == HEADER_COUNT)
        return false;
    text_init(&text, headers->text[headers->n], HEADER_MAX);
    text_add(&text, name);
    text_add(&text, ": ");
    text_add(&text, prefix);
    text_add(&text, value);
    headers->list[headers->n] = headers->text[headers->n];
    headers->list[++headers->n] = NULL;
    return !text.full;
}

/* The signature covers sid, rid and time, in this order. */
bool headers_add_sharing(struct gwa_job *job, struct headers *headers, const char *rid, const char *sid,
                         const char *secret)
{
    char rtime[24], covered[1024], sign[64];
    struct text text;

    (void)snprintf(rtime, sizeof(rtime), "%lld", (long long)job->host->now_ms(job));
    text_init(&text, covered, sizeof(covered));
    text_add(&text, sid);
    text_add(&text, rid);
    text_add(&text, rtime);
    if (text.full ||
        !job->host->hmac_sha256(job, secret, (struct gwa_bytes){(uint8_t *)covered, text.n}, sign, sizeof(sign)))
        return false;
    return headers_add(headers, "gjgxjhpt_rid", "", rid) && headers_add(headers, "gjgxjhpt_sid", "", sid) &&
           headers_add(headers, "gjgxjhpt_rtime", "", rtime) && headers_add(headers, "gjgxjhpt_sign", "", sign);
}
