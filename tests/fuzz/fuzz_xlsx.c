/* Any bytes as a workbook. The first byte says as what: the zip itself; parts of XML in a sound zip, divided at 0xff:
 * sheet, shared strings, formats, workbook, its relationships; or changes to a sound zip, three bytes each: where and
 * what. */
#include <stdio.h>
#include <zip.h>

#include "filedrop_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    const char *name, *fallback;
} parts[] = {
    {"xl/worksheets/sheet1.xml", "<worksheet/>"},
    {"xl/sharedStrings.xml", "<sst/>"},
    {"xl/styles.xml", "<styleSheet><cellXfs><xf numFmtId='0'/><xf numFmtId='14'/></cellXfs></styleSheet>"},
    {"xl/workbook.xml", "<workbook xmlns:r='r'><sheets><sheet name='s' r:id='r1'/></sheets></workbook>"},
    {"xl/_rels/workbook.xml.rels", "<Relationships><Relationship Id='r1' Type='/worksheet' Target='worksheets/sheet1.xml'/>"
                                   "<Relationship Id='r2' Type='/sharedStrings' Target='sharedStrings.xml'/>"
                                   "<Relationship Id='r3' Type='/styles' Target='styles.xml'/></Relationships>"},
    {"_rels/.rels", "<Relationships><Relationship Id='r' Type='/officeDocument' Target='xl/workbook.xml'/></Relationships>"},
};

static void add_part(zip_t *zip, const char *name, const void *p, size_t n)
{
    zip_int64_t i = zip_file_add(zip, name, zip_source_buffer(zip, p, n, 0), 0);

    need(i >= 0 && zip_set_file_compression(zip, (zip_uint64_t)i, ZIP_CM_STORE, 0) == 0);
}

/* The zip in memory; its source is the caller's. */
static zip_source_t *make_zip(const uint8_t *data, size_t size)
{
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, NULL);
    zip_t *zip = zip_open_from_source(source, ZIP_TRUNCATE, NULL);

    need(zip != NULL);
    zip_source_keep(source);
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
        const uint8_t *end = size == 0 ? NULL : memchr(data, 0xff, size);
        size_t n = end == NULL ? size : (size_t)(end - data);

        if (n > 0)
            add_part(zip, parts[i].name, data, n);
        else
            add_part(zip, parts[i].name, parts[i].fallback, strlen(parts[i].fallback));
        n += end != NULL;
        data = n == 0 ? data : data + n;
        size -= n;
    }
    need(zip_close(zip) == 0);
    return source;
}

/* The bytes of a zip of these parts; the caller frees them. */
static uint8_t *zip_bytes(const uint8_t *data, size_t size, size_t *n_out)
{
    zip_source_t *source = make_zip(data, size);
    zip_stat_t st;
    uint8_t *file;

    need(zip_source_stat(source, &st) == 0 && zip_source_open(source) == 0);
    file = malloc(st.size);
    need(zip_source_read(source, file, st.size) == (zip_int64_t)st.size);
    zip_source_close(source);
    zip_source_free(source);
    *n_out = st.size;
    return file;
}

static void read_parts(const uint8_t *data, size_t size)
{
    size_t n;
    uint8_t *file = zip_bytes(data, size, &n);

    read_file("a.xlsx", file, n);
    free(file);
}

static void read_changed(const uint8_t *data, size_t size)
{
    size_t n;
    uint8_t *file = zip_bytes(NULL, 0, &n);

    for (; size >= 3; data += 3, size -= 3)
        file[((size_t)data[0] << 8 | data[1]) % n] = data[2];
    read_file("a.xlsx", file, n);
    free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 3 == 1)
        read_parts(data + 1, size - 1);
    else if (data[0] % 3 == 2)
        read_changed(data + 1, size - 1);
    else
        read_file("a.xlsx", data + 1, size - 1);
    return 0;
}
