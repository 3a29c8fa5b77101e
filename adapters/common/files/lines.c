/* A file as lines, whatever its length: read in chunks, unpacked when it is gzip or zstd, cut at line breaks. Both
 * UTF-8 and GB18030 keep a line break's byte for line breaks. */
#include "adapters/common/files/internal.h"

#define ZSTD_STATIC_LINKING_ONLY         /* a decoder whose memory is the job's */
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK (1u << 20)                 /* bytes read at a time */
#define UNPACKED_SIZE (256u << 10)       /* room for what was unpacked; more than the longest line */
#define STEP_UNPACKED_MAX (16u << 20)    /* bytes unpacked in one step */
#define ZSTD_WINDOW_MAX (8u << 20)       /* what levels up to 19 use */
#define RATIO_MAX 500u                   /* unpacked to packed, looked at once there is much */
#define RATIO_FROM (64u << 20)

struct lines {
    enum { PACK_NONE, PACK_GZIP, PACK_ZSTD } pack;
    bool tells;
    bool skipping;                       /* the rest of a line that was too long */
    bool whole;                          /* packed: the last frame was read to its end */
    uint64_t offset;                     /* of the file: the next byte to read */
    uint64_t number;                     /* of the last line */
    uint64_t unpacked;
    z_stream z;
    bool z_open;
    ZSTD_DStream *zstd;
    uint8_t *room;
    size_t room_n;
};

static const char too_tall[] = "list.file: it unpacks to far more than a list would";

bool lines_begin(struct gwa_job *job, bool tells)
{
    struct run *run = run_of(job);
    struct lines *lines = run->lines;

    if (lines == NULL)
        run->lines = lines = job->host->alloc(job, sizeof(*lines));
    if (lines == NULL)
        return false;
    lines->tells = tells;
    lines->skipping = lines->whole = false;
    lines->offset = lines->number = lines->unpacked = 0;
    lines->room_n = 0;
    return true;
}

void lines_ask(struct gwa_job *job)
{
    const struct run *run = run_of(job);
    struct gwa_io io = {.size = sizeof(io), .kind = GWA_FILE_READ, .target = run->path, .offset = run->lines->offset,
                        .limit = CHUNK};

    job->host->io(job, &io);
}

/* ---- lines -------------------------------------------------------------------------------------------------- */

static enum line_answer give(struct gwa_job *job, struct lines *lines, struct gwa_bytes line, line_fn *take)
{
    bool too_long = line.n > ROW_MAX;

    lines->number++;
    if (too_long)
        line.n = ROW_MAX;
    return take(job, line, lines->number, too_long);
}

/* All whole lines of in; *used_out tells how much of it they take. `end`: nothing follows. */
static enum line_answer cut(struct gwa_job *job, struct lines *lines, struct gwa_bytes in, bool end, line_fn *take,
                            size_t *used_out)
{
    enum line_answer answer = LINE_GO;
    size_t used = 0;

    while (used < in.n && answer == LINE_GO) {
        const uint8_t *from = in.p + used;
        const uint8_t *stop = memchr(from, '\n', in.n - used);
        struct gwa_bytes line = {from, stop == NULL ? in.n - used : (size_t)(stop - from)};

        if (stop == NULL && !end && line.n <= ROW_MAX && !lines->skipping)
            break;
        used += line.n + (stop != NULL);
        if (!lines->skipping)
            answer = give(job, lines, line, take);
        lines->skipping = stop == NULL && !end;
    }
    *used_out = used;
    return answer;
}

static enum gwa_verdict verdict_of(struct gwa_job *job, enum line_answer answer, bool end)
{
    if (answer == LINE_STOP)
        return run_fail(job, GWA_RETRY, "the run was stopped");
    if (answer == LINE_REFUSE)
        return GWA_REJECTED;
    return answer == LINE_ENOUGH || end ? GWA_DONE : GWA_WAIT;
}

/* ---- plain -------------------------------------------------------------------------------------------------- */

/* The page ends with its last whole line; what follows is read again with the next one. */
static size_t page_size(struct gwa_bytes body, bool end)
{
    const uint8_t *last = end || body.n == 0 ? NULL : memrchr(body.p, '\n', body.n);

    return last == NULL ? body.n : (size_t)(last - body.p) + 1;
}

static enum gwa_verdict take_plain(struct gwa_job *job, line_fn *take)
{
    struct lines *lines = run_of(job)->lines;
    struct gwa_bytes body = job->result.body;
    enum line_answer answer;
    size_t used = 0;

    body.n = page_size(body, job->result.end);
    if (lines->tells && !run_page(job, body))
        return verdict_of(job, LINE_STOP, false);
    answer = cut(job, lines, body, job->result.end, take, &used);
    lines->offset += used;
    return verdict_of(job, answer, job->result.end);
}

/* ---- packed ------------------------------------------------------------------------------------------------- */

static void *z_alloc(void *job, unsigned n, unsigned size)
{
    struct gwa_job *owner = job;

    return owner->host->alloc(owner, (size_t)n * size);
}

static void z_free(void *job, void *p)
{
    (void)job;
    (void)p;
}

static bool open_gzip(struct gwa_job *job, struct lines *lines)
{
    if (lines->z_open)
        return inflateReset(&lines->z) == Z_OK;
    lines->z = (z_stream){.zalloc = z_alloc, .zfree = z_free, .opaque = job};
    lines->z_open = inflateInit2(&lines->z, 15 + 16) == Z_OK;
    return lines->z_open;
}

static bool open_zstd(struct gwa_job *job, struct lines *lines)
{
    size_t size = ZSTD_estimateDStreamSize(ZSTD_WINDOW_MAX);
    void *memory;

    if (lines->zstd != NULL)
        return !ZSTD_isError(ZSTD_DCtx_reset(lines->zstd, ZSTD_reset_session_only));
    memory = job->host->alloc(job, size + 8);
    if (memory == NULL)
        return false;
    lines->zstd = ZSTD_initStaticDStream((void *)(((uintptr_t)memory + 7) & ~(uintptr_t)7), size);
    return lines->zstd != NULL;
}

/* Told by the first bytes, not by the name. */
static bool open_pack(struct gwa_job *job, struct lines *lines)
{
    struct gwa_bytes body = job->result.body;

    lines->pack = PACK_NONE;
    if (body.n >= 2 && body.p[0] == 0x1f && body.p[1] == 0x8b)
        lines->pack = PACK_GZIP;
    else if (body.n >= 4 && memcmp(body.p, "\x28\xb5\x2f\xfd", 4) == 0)
        lines->pack = PACK_ZSTD;
    if (lines->pack == PACK_NONE)
        return true;
    if (lines->room == NULL)
        lines->room = job->host->alloc(job, UNPACKED_SIZE);
    return lines->room != NULL && (lines->pack == PACK_GZIP ? open_gzip(job, lines) : open_zstd(job, lines));
}

/* Unpacks from *in into the room. NULL: it went well. */
static const char *unpack_gzip(struct lines *lines, struct gwa_bytes *in)
{
    z_stream *z = &lines->z;
    int rc;

    if (lines->whole && inflateReset(z) != Z_OK)
        return "list.file: the gzip stream is damaged";
    z->next_in = (z_const Bytef *)(uintptr_t)in->p;
    z->avail_in = (uInt)in->n;
    z->next_out = lines->room + lines->room_n;
    z->avail_out = (uInt)(UNPACKED_SIZE - lines->room_n);
    rc = inflate(z, Z_NO_FLUSH);
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return "list.file: the gzip stream is damaged";
    *in = (struct gwa_bytes){in->p + (in->n - z->avail_in), z->avail_in};
    lines->room_n = UNPACKED_SIZE - z->avail_out;
    lines->whole = rc == Z_STREAM_END;
    return NULL;
}

static const char *unpack_zstd(struct lines *lines, struct gwa_bytes *in)
{
    ZSTD_inBuffer from = {in->p, in->n, 0};
    ZSTD_outBuffer to = {lines->room, UNPACKED_SIZE, lines->room_n};
    size_t rc = ZSTD_decompressStream(lines->zstd, &to, &from);

    if (ZSTD_isError(rc))
        return "list.file: the zstd stream is damaged or needs a window of more than 8 MiB";
    *in = (struct gwa_bytes){in->p + from.pos, in->n - from.pos};
    lines->room_n = to.pos;
    lines->whole = rc == 0;
    return NULL;
}

static const char *unpack(struct lines *lines, struct gwa_bytes *in, size_t *made)
{
    size_t before = lines->room_n;
    const char *bad = lines->pack == PACK_GZIP ? unpack_gzip(lines, in) : unpack_zstd(lines, in);

    *made = lines->room_n - before;
    lines->unpacked += *made;
    return bad;
}

/* What is left in the room when nothing more comes is the last line. */
static enum line_answer empty_room(struct gwa_job *job, struct lines *lines, bool end, line_fn *take)
{
    size_t used = 0;
    enum line_answer answer =
        cut(job, lines, (struct gwa_bytes){lines->room, lines->room_n}, end, take, &used);

    lines->room_n -= used;
    memmove(lines->room, lines->room + used, lines->room_n);
    return answer;
}

static bool is_bomb(const struct lines *lines, size_t taken)
{
    return lines->unpacked > RATIO_FROM && lines->unpacked / RATIO_MAX > lines->offset + taken;
}

static enum gwa_verdict take_packed(struct gwa_job *job, line_fn *take)
{
    struct lines *lines = run_of(job)->lines;
    struct gwa_bytes in = job->result.body;
    enum line_answer answer = LINE_GO;
    size_t step = 0, made = 1;
    bool end;

    if (lines->tells && !run_page(job, in))
        return verdict_of(job, LINE_STOP, false);
    while (answer == LINE_GO && step < STEP_UNPACKED_MAX && (in.n > 0 || made > 0)) {
        const char *bad = in.n == 0 && lines->whole ? NULL : unpack(lines, &in, &made);

        if (bad == NULL && is_bomb(lines, job->result.body.n - in.n))
            bad = too_tall;
        if (bad != NULL)
            return run_fail(job, GWA_REJECTED, bad);
        if (in.n == 0 && lines->whole)
            made = 0;
        step += made;
        answer = empty_room(job, lines, false, take);
    }
    lines->offset += job->result.body.n - in.n;
    end = job->result.end && in.n == 0 && made == 0;
    if (end && answer == LINE_GO && !lines->whole)
        return run_fail(job, GWA_REJECTED, "list.file: the file is cut off");
    if (end && answer == LINE_GO)
        answer = empty_room(job, lines, true, take);
    return verdict_of(job, answer, end);
}

enum gwa_verdict lines_take(struct gwa_job *job, line_fn *take)
{
    struct lines *lines = run_of(job)->lines;

    if (job->result.state != GWA_IO_OK)
        return run_fail(job, GWA_RETRY, "source.failed: the file cannot be read");
    if (lines->offset == 0 && lines->number == 0 && lines->unpacked == 0 && !open_pack(job, lines))
        return run_fail(job, GWA_RETRY, "no memory to unpack the file");
    return lines->pack == PACK_NONE ? take_plain(job, take) : take_packed(job, take);
}
