/* The step of an exchange: at first it asks, then it judges what came. */
#include "adapters/common/post.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/common/text.h"

#define URL_MAX 2048
#define ID_MAX 64
#define RECEIPT_MAX (4u << 20)
#define WHY_MAX 240

struct request {
    char url[URL_MAX];
    struct headers headers;
};

static enum gwa_verdict end(struct gwa_job *job, enum gwa_verdict verdict, const char *text)
{
    job->host->why(job, text);
    return verdict;
}

bool post_open(struct gwa_job *job, struct post *out)
{
    *out = (struct post){.url = job->host->setting(job, "url")};
    out->timeout_ms = strtoll(job->host->setting(job, "timeout"), NULL, 10);
    if (strncmp(out->url, "https://", 8) == 0 && strlen(out->url) < URL_MAX - ID_MAX - 1 &&
        strpbrk(out->url, "?#") == NULL)
        return true;
    job->host->why(job, "url must begin with https://, without ? or #, of less than 1900 characters");
    return false;
}

/* ---- asking --------------------------------------------------------------------------------------------- */

/* What may stand in an address as it is. Dots alone would be taken for a way up. */
static bool id_fits(const char *id)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    size_t n = id == NULL ? 0 : strlen(id);

    return n > 0 && n <= ID_MAX && strspn(id, plain) == n && strspn(id, ".") < n;
}

static bool takes(const struct post *post, enum answer_form form)
{
    return (form == ANSWER_JSON && post->json) || (form == ANSWER_XML && post->xml);
}

static void write_url(const char *base, const char *id, struct text *url)
{
    size_t n = strlen(base);

    if (id != NULL)
        while (base[n - 1] == '/')
            n--;
    text_add_bytes(url, (struct gwa_bytes){(const uint8_t *)base, n});
    text_add(url, id == NULL ? "" : "/");
    text_add(url, id == NULL ? "" : id);
}

static bool write_headers(struct gwa_job *job, struct headers *headers, bool sends, post_headers *more)
{
    bool xml = answer_form_of(job->media_type) == ANSWER_XML;

    if (!headers_add(headers, "Accept", "", xml ? "application/xml" : "application/json, application/jose+json"))
        return false;
    if (sends && !(headers_add(headers, "Content-Type", "", job->media_type) &&
                   headers_add(headers, "X-Message-Id", "", job->message_id)))
        return false;
    if (sends && job->signature != NULL && !headers_add(headers, "x-jws-signature", "", job->signature))
        return false;
    return more == NULL || more(job, headers);
}

static enum gwa_verdict ask(struct gwa_job *job, const struct post *post, bool sends, post_headers *more)
{
    struct request *request = job->host->alloc(job, sizeof(*request));
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_HTTP, .limit = RECEIPT_MAX, .timeout_ms = post->timeout_ms};
    struct text url;

    if (request == NULL)
        return end(job, sends ? GWA_RETRY : GWA_UNCERTAIN, "no memory");
    if (job->media_type == NULL || !takes(post, answer_form_of(job->media_type)))
        return end(job, GWA_BROKEN, "this adapter does not carry messages of that form: see the partner's form");
    text_init(&url, request->url, sizeof(request->url));
    write_url(post->url, sends ? NULL : job->message_id, &url);
    if (!id_fits(job->message_id) || url.full || !write_headers(job, &request->headers, sends, more))
        return end(job, GWA_BROKEN, "the request cannot be written: too long, or the secret is missing");
    io.target = request->url;
    io.method = sends ? "POST" : "GET";
    io.headers = request->headers.list;
    io.body = sends ? job->message : (struct gwa_bytes){NULL, 0};
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* ---- judging -------------------------------------------------------------------------------------------- */

static bool keep(struct gwa_job *job, struct gwa_bytes in, struct gwa_bytes *out)
{
    uint8_t *p = job->host->alloc(job, in.n + 1);

    if (p == NULL)
        return false;
    if (in.n > 0)
        memcpy(p, in.p, in.n);
    *out = (struct gwa_bytes){p, in.n};
    return true;
}

static bool keep_text(struct gwa_job *job, struct gwa_bytes in, const char **out)
{
    struct gwa_bytes kept;

    if (!keep(job, in, &kept))
        return false;
    *out = (const char *)kept.p;
    return true;
}

static bool keep_receipt(struct gwa_job *job, const char *media, struct gwa_bytes signature)
{
    struct gwa_bytes type = {(const uint8_t *)media, strlen(media)};

    return keep(job, job->result.body, &job->reply) && keep_text(job, type, &job->reply_media_type) &&
           (signature.n == 0 || keep_text(job, signature, &job->reply_signature));
}

static enum gwa_verdict take_receipt(struct gwa_job *job, const struct post *post)
{
    char media[ANSWER_MEDIA_SIZE];
    struct gwa_bytes signature;
    enum answer_form form = answer_form(job->result.headers, job->result.body, media);

    if (form == ANSWER_NOTHING)
        return GWA_DONE;
    if (!takes(post, form))
        return end(job, GWA_BROKEN, "the answer is neither empty nor a receipt of the agreed form");
    if (!answer_signature(job->result.headers, &signature))
        return end(job, GWA_BROKEN, "the receipt's x-jws-signature is there twice or is no signature");
    return keep_receipt(job, media, signature) ? GWA_DONE : end(job, GWA_UNCERTAIN, "no memory for the receipt");
}

static enum gwa_verdict of_status(int status, bool sends)
{
    if (status < 400 || status > 599)
        return GWA_BROKEN;
    if (!sends)
        return status == 404 ? GWA_RETRY : GWA_UNCERTAIN;
    if (status == 429 || status == 503)
        return GWA_RETRY;
    return status >= 500 || status == 408 ? GWA_UNCERTAIN : GWA_REJECTED;
}

static enum gwa_verdict judge_status(struct gwa_job *job, bool sends)
{
    const struct gwa_io_result *result = &job->result;
    char code[ANSWER_CODE_SIZE], text[WHY_MAX];
    bool told = answer_code(result->headers, result->body, code);

    if (result->status == 429 || result->status == 503)
        job->retry_after_ms = answer_retry_after(result->headers, job->host->now_ms(job));
    (void)snprintf(text, sizeof(text), "HTTP status %d%s%s", result->status, told ? ": " : "", code);
    return end(job, of_status(result->status, sends), text);
}

/* No whole answer. What surely did not leave may be sent again; to ask in vain tells nothing about the message. */
static enum gwa_verdict judge_silence(struct gwa_job *job, bool sends)
{
    bool unsent = job->result.state == GWA_IO_FAILED;
    char text[WHY_MAX];

    (void)snprintf(text, sizeof(text), "%s: %s", unsent ? "no connection" : "no whole answer",
                   job->result.why == NULL ? "" : job->result.why);
    return end(job, unsent && sends ? GWA_RETRY : GWA_UNCERTAIN, text);
}

static enum gwa_verdict step(struct gwa_job *job, const struct post *post, bool sends, post_headers *more)
{
    if (job->result.state == GWA_IO_NONE)
        return ask(job, post, sends, more);
    if (job->result.state != GWA_IO_OK)
        return judge_silence(job, sends);
    if (job->result.status >= 200 && job->result.status < 300)
        return take_receipt(job, post);
    return judge_status(job, sends);
}

enum gwa_verdict post_send(struct gwa_job *job, const struct post *post, post_headers *more)
{
    return step(job, post, true, more);
}

enum gwa_verdict post_resolve(struct gwa_job *job, const struct post *post, post_headers *more)
{
    return step(job, post, false, more);
}
