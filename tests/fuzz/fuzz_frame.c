/* fuzz_frame: frames of a connection. Whatever comes, the reader neither crashes nor changes its verdict with the way
 * the bytes are split, and a frame that was read is written as it came. The first two bytes seed the split. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t frames, used;
    struct bytes in; /* the whole input: frames stand in it one behind the other */
};

static void see(struct net_request *request, void *arg)
{
    struct seen *seen = arg;
    struct bytes body = net_body(request);
    char digits[32];
    snprintf(digits, sizeof digits, "%08zu", body.n);
    if (seen->used + 8 + body.n > seen->in.n || memcmp(seen->in.p + seen->used, digits, 8) != 0 ||
        memcmp(seen->in.p + seen->used + 8, body.p, body.n) != 0)
        abort();
    seen->used += 8 + body.n;
    seen->frames++;
}

/* Feeds in pieces of pseudo-random size; seed 0 feeds all at once. */
static enum err_code feed(uint32_t seed, struct seen *seen)
{
    struct net_service service = {.handler = see, .arg = seen, .body_max = 4096};
    struct net_reader *reader = net_reader_new_frames(&service);
    struct err err = {0};
    bool ok = true;
    for (size_t at = 0; ok && at < seen->in.n;) {
        seed = seed * 1664525u + (seed ? 1013904223u : 0);
        size_t n = seed ? 1 + (seed >> 16) % 40 : seen->in.n;
        n = n < seen->in.n - at ? n : seen->in.n - at;
        ok = net_reader_feed(reader, bytes_of(seen->in.p + at, n), &err);
        at += n;
    }
    net_reader_free(&reader);
    return err.code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct seen whole = {.in = {data + 2, size - 2}}, pieces = whole;
    enum err_code code = feed(0, &whole);
    if (feed(1u + data[0] + 256u * data[1], &pieces) != code || whole.frames != pieces.frames)
        abort();
    return 0;
}
