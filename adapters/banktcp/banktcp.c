/* banktcp: one signed XML message in a frame to a bank, its receipt in the frame that comes back, both in the bank's
 * charset. There is no other question: the same message again is answered with the first receipt. */
#include <stdlib.h>
#include <string.h>

#include "adapters/adapter.h"
#include "adapters/common/answer.h"
#include "adapters/common/charset.h"

static const struct gwa_setting settings[] = {
    {"address", GWA_TEXT, true, NULL, "host:port of the bank; the host must stand in its certificate"},
    {"charset", GWA_TEXT, false, "utf-8", "what the bank declares and is sent: utf-8, gb18030, gbk, gb2312"},
    {"unmappable", GWA_TEXT, false, "charref", "a character that the charset lacks: charref (&#x…;) or reject"},
    {"digits", GWA_INTEGER, false, "8", "of a frame's length, 1 to 10"},
    {"timeout", GWA_DURATION, false, "30s", "for one exchange"},
    {NULL, GWA_TEXT, false, NULL, NULL},
};

struct bank {
    const char *address;                 /* the host's */
    enum charset charset;
    bool references;
    unsigned digits;
    int64_t timeout_ms;
};

/* ---- settings ----------------------------------------------------------------------------------------------- */

static const char *setting(struct gwa_job *job, const char *name)
{
    return job->host->setting(job, name);
}

static bool is_address(const char *text)
{
    const char *port = strrchr(text, ':');
    size_t digits = port == NULL ? 0 : strspn(port + 1, "0123456789");

    return port != NULL && port != text && digits >= 1 && digits <= 5 && port[1 + digits] == '\0' &&
           strpbrk(text, "/ \t@") == NULL;
}

/* NULL: all is well. */
static const char *take_settings(struct gwa_job *job, struct bank *bank)
{
    const char *unmappable = setting(job, "unmappable");
    long digits = strtol(setting(job, "digits"), NULL, 10);

    bank->address = setting(job, "address");
    bank->references = strcmp(unmappable, "charref") == 0;
    bank->digits = (unsigned)digits;
    bank->timeout_ms = strtoll(setting(job, "timeout"), NULL, 10);
    if (!is_address(bank->address))
        return "address: not host:port";
    if (!charset_parse(setting(job, "charset"), &bank->charset))
        return "charset: not utf-8, gb18030, gbk or gb2312";
    if (!bank->references && strcmp(unmappable, "reject") != 0)
        return "unmappable: not charref or reject";
    if (digits < 1 || digits > 10)
        return "digits: not from 1 to 10";
    return bank->timeout_ms < 1 ? "timeout: not above 0" : NULL;
}

static bool open_bank(struct gwa_job *job, void **instance_out)
{
    struct bank *bank = calloc(1, sizeof(*bank));
    const char *wrong = bank == NULL ? "no memory" : take_settings(job, bank);

    if (wrong != NULL) {
        job->host->why(job, wrong);
        free(bank);
        return false;
    }
    *instance_out = bank;
    return true;
}

static void close_bank(void *instance)
{
    free(instance);
}

/* ---- one exchange ------------------------------------------------------------------------------------------- */

static enum gwa_verdict end(struct gwa_job *job, enum gwa_verdict verdict, const char *why)
{
    job->host->why(job, why);
    return verdict;
}

/* Room for what was counted, in the job's memory. */
static enum charset_end make_room(struct gwa_job *job, struct charset_out *out)
{
    out->room = out->n;
    out->p = job->host->alloc(job, out->n + 1);
    return out->p == NULL ? CHARSET_FULL : CHARSET_DONE;
}

static enum charset_end encode(struct gwa_job *job, struct charset_out *out)
{
    const struct bank *bank = job->instance;
    struct gwa_bytes in = job->message;
    enum charset_end ended = charset_encode(bank->charset, bank->references, in.p, in.n, out);

    if (ended == CHARSET_DONE)
        ended = make_room(job, out);
    if (ended == CHARSET_DONE)
        ended = charset_encode(bank->charset, bank->references, in.p, in.n, out);
    return ended;
}

static enum charset_end decode(struct gwa_job *job, struct charset_out *out)
{
    const struct bank *bank = job->instance;
    struct gwa_bytes in = job->result.body;
    enum charset_end ended = charset_decode(bank->charset, in.p, in.n, out);

    if (ended == CHARSET_DONE)
        ended = make_room(job, out);
    if (ended == CHARSET_DONE)
        ended = charset_decode(bank->charset, in.p, in.n, out);
    return ended;
}

static enum gwa_verdict ask(struct gwa_job *job, enum gwa_verdict refused)
{
    const struct bank *bank = job->instance;
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_TCP, .target = bank->address, .frame_digits = bank->digits,
                        .timeout_ms = bank->timeout_ms};
    struct charset_out out = {0};
    enum charset_end ended;

    if (job->media_type == NULL || answer_form_of(job->media_type) != ANSWER_XML)
        return end(job, refused, "only XML goes over TCP: the channel's form must be xml");
    ended = encode(job, &out);
    if (ended != CHARSET_DONE)
        return end(job, refused, charset_why(ended));
    io.body = (struct gwa_bytes){out.p, out.n};
    job->state = job;
    job->host->io(job, &io);
    return GWA_WAIT;
}

/* A frame came back: XML is the receipt, nothing or people's words are none. */
static enum gwa_verdict take_receipt(struct gwa_job *job)
{
    static const char none[] = "";
    char media[ANSWER_MEDIA_SIZE];
    struct charset_out out = {0};
    struct gwa_bytes body;
    enum answer_form form;

    if (job->result.body.n == 0)
        return GWA_DONE;
    if (decode(job, &out) != CHARSET_DONE)
        return end(job, GWA_BROKEN, "the answer cannot be read in the agreed charset");
    body = (struct gwa_bytes){out.p, out.n};
    form = answer_form(none, body, media);
    if (form != ANSWER_XML && form != ANSWER_NOTHING)
        return end(job, GWA_BROKEN, "the answer is no receipt");
    if (form == ANSWER_XML) {
        job->reply = body;
        job->reply_media_type = "application/xml";
    }
    return GWA_DONE;
}

/* `refused`: what it means that the message cannot be sent at all; `unsent`: that it did not go out this time. */
static enum gwa_verdict exchange(struct gwa_job *job, enum gwa_verdict refused, enum gwa_verdict unsent)
{
    if (job->state == NULL)
        return ask(job, refused);
    switch (job->result.state) {
    case GWA_IO_OK:
        return take_receipt(job);
    case GWA_IO_UNSURE:
        return end(job, GWA_UNCERTAIN, job->result.why);
    case GWA_IO_FAILED:
    case GWA_IO_NONE:
        break;
    }
    return end(job, unsent, job->result.why);
}

static enum gwa_verdict send(struct gwa_job *job)
{
    return exchange(job, GWA_REJECTED, GWA_RETRY);
}

/* What can never be sent had never arrived; that nobody answers now says nothing about before. */
static enum gwa_verdict resolve(struct gwa_job *job)
{
    return exchange(job, GWA_RETRY, GWA_UNCERTAIN);
}

GWA_EXPORT const uint32_t gwa_abi = GWA_ABI_VERSION;
GWA_EXPORT const struct gwa_adapter gwa_entry = {
    .size = sizeof(struct gwa_adapter),
    .name = "banktcp",
    .settings = settings,
    .open = open_bank,
    .send = send,
    .resolve = resolve,
    .close = close_bank,
};
