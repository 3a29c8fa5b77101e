/* fuzz_charset: XML in a partner's charset and back. The first byte picks charset and direction. What is read is UTF-8;
 * what is written without references is read back as it was; with references it is at least text in that charset. */
#include <stdlib.h>
#include <string.h>

#include "charset/charset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM (1u << 22)

/* The document behind its declaration, as it is told apart. */
static struct bytes behind_declaration(struct bytes xml)
{
    const uint8_t *end = xml.n > 5 && memcmp(xml.p, "<?xml", 5) == 0 && strchr(" \t\r\n", xml.p[5]) && xml.p[5]
                             ? memchr(xml.p, '>', xml.n)
                             : NULL;
    size_t skip = end ? (size_t)(end - xml.p) + 1 : 0;
    return bytes_of(xml.p + skip, xml.n - skip);
}

static void read_it(enum charset charset, struct bytes in)
{
    struct buf out;
    struct err err = {0};
    buf_init(&out, ROOM);
    bool ok = charset_read(charset, in, &out, &err);
    if (ok != (err.code == ERR_NONE) || (ok && !utf8_valid(buf_bytes(&out))))
        abort();
    buf_free(&out);
}

static void write_it(enum charset charset, bool references, struct bytes in)
{
    struct buf out, back;
    struct err err = {0};
    buf_init(&out, ROOM);
    buf_init(&back, ROOM);
    if (charset_write(charset, references, in, &out, &err)) {
        if (!charset_read(charset, buf_bytes(&out), &back, &err))
            abort();
        if (!references && !bytes_equal(buf_bytes(&back), behind_declaration(in)))
            abort();
    } else if (err.code != ERR_SCHEMA_UNMAPPABLE && err.code != ERR_SCHEMA_ENCODING) {
        abort();
    }
    buf_free(&out);
    buf_free(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum charset charsets[] = {CHARSET_GB18030, CHARSET_GBK, CHARSET_GB2312};
    if (size < 1 || size > 65536)
        return 0;
    struct bytes in = {data + 1, size - 1};
    enum charset charset = charsets[(data[0] & 0x0f) % 3];
    if (data[0] & 0x40)
        read_it(charset, in);
    else
        write_it(charset, (data[0] & 0x80) != 0, in);
    return 0;
}
