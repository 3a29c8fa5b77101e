/* fuzz_http: the HTTP reader. Whatever comes, it neither crashes nor changes its verdict with the way the bytes are
 * split. The first two bytes of the input seed the split; the rest is what a client sends. */
#include <stdlib.h>
#include <string.h>

#include "net/net.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    size_t requests;
    uint64_t mix;
};

static void add(struct seen *seen, const void *p, size_t n)
{
    const uint8_t *bytes = p;
    for (size_t i = 0; i < n; i++)
        seen->mix = (seen->mix ^ bytes[i]) * 0x100000001b3u;
    seen->mix = (seen->mix ^ n) * 0x100000001b3u;
}

static void see(struct net_request *request, void *arg)
{
    struct seen *seen = arg;
    const char *names[4];
    size_t n = net_parameters(request, names, 4);
    seen->requests++;
    add(seen, net_method(request), strlen(net_method(request)));
    add(seen, net_path(request), strlen(net_path(request)));
    add(seen, net_query(request), strlen(net_query(request)));
    add(seen, net_trace_id(request), strlen(net_trace_id(request)));
    add(seen, net_body(request).p, net_body(request).n);
    add(seen, net_header_value(request, "Host").p, net_header_value(request, "Host").n);
    for (size_t i = 0; i < n && i < 4; i++)
        if (!net_parameter(request, names[i], NULL))
            abort();
}

/* Feeds in pieces of pseudo-random size; seed 0 feeds all at once. */
static enum err_code feed(struct bytes in, uint32_t seed, struct seen *seen)
{
    struct net_service service = {.handler = see, .arg = seen, .body_max = 4096};
    struct net_reader *reader = net_reader_new(&service);
    struct err err = {0};
    bool ok = true;
    for (size_t at = 0; ok && at < in.n;) {
        seed = seed * 1664525u + (seed ? 1013904223u : 0);
        size_t n = seed ? 1 + (seed >> 16) % 40 : in.n;
        n = n < in.n - at ? n : in.n - at;
        ok = net_reader_feed(reader, bytes_of(in.p + at, n), &err);
        at += n;
    }
    net_reader_free(&reader);
    return err.code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen whole = {0}, pieces = {0};
    if (size < 2)
        return 0;
    struct bytes in = {data + 2, size - 2};
    enum err_code code = feed(in, 0, &whole);
    if (feed(in, 1u + data[0] + 256u * data[1], &pieces) != code || whole.requests != pieces.requests ||
        whole.mix != pieces.mix)
        abort();
    return 0;
}
