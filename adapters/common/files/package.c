/* The zip around a workbook and the XML inside it, each within bounds: what unpacks to more than a list would, what is
 * packed in an unusual way, and any document type declaration are refused before they cost anything. */
#include "adapters/common/files/xlsx.h"

#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

#define ENTRIES_MAX 2000
#define PART_BYTES_MAX (256u << 20)      /* one part, unpacked */
#define TOTAL_BYTES_MAX (512u << 20)     /* all parts together */
#define RATIO_MAX 250u                   /* unpacked to packed, of parts over 1 MiB */
#define RATIO_FROM (1u << 20)
#define CHUNK (64u << 10)

struct package {
    zip_t *zip;
    /* of the part being read */
    xmlParserCtxtPtr parser;
    const struct events *events;
    const struct resume *resume;
    size_t prologue;                     /* bytes that the parser got before the part's own */
    bool ended;                          /* an event ended it */
    const char *fault;
    char full_name[64];
};

/* ---- the zip -------------------------------------------------------------------------------------------------- */

static const char *judge_entry(const zip_stat_t *st)
{
    const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;

    if ((st->valid & need) != need || (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE))
        return "list.file: the workbook is packed in an unusual way";
    if (st->encryption_method != ZIP_EM_NONE)
        return "list.file: the workbook is protected by a password";
    if (st->size > PART_BYTES_MAX || (st->size > RATIO_FROM && st->size / RATIO_MAX > st->comp_size))
        return "list.file: the workbook unpacks to far more than a list would";
    return NULL;
}

static const char *judge_zip(zip_t *zip)
{
    zip_int64_t n = zip_get_num_entries(zip, 0);
    uint64_t total = 0;

    if (n < 1)
        return "list.file: not a workbook (.xlsx)";
    if (n > ENTRIES_MAX)
        return "list.file: the workbook has far too many parts";
    for (zip_uint64_t i = 0; i < (zip_uint64_t)n; i++) {
        zip_stat_t st;
        const char *fault =
            zip_stat_index(zip, i, 0, &st) == 0 ? judge_entry(&st) : "list.file: the workbook is damaged";

        if (fault != NULL)
            return fault;
        total += st.size;
    }
    return total > TOTAL_BYTES_MAX ? "list.file: the workbook unpacks to far more than a list would" : NULL;
}

static zip_t *open_zip(struct gwa_bytes bytes, const char **why_out)
{
    zip_source_t *source;
    zip_t *zip;

    *why_out = "list.file: not a workbook (.xlsx)";
    if (bytes.n >= 4 && memcmp(bytes.p, "\xd0\xcf\x11\xe0", 4) == 0)
        *why_out = "list.file: an old .xls, or a workbook protected by a password; save it as a plain .xlsx";
    source = zip_source_buffer_create(bytes.p, bytes.n, 0, NULL);
    zip = source == NULL ? NULL : zip_open_from_source(source, ZIP_RDONLY, NULL);
    if (zip == NULL) {
        zip_source_free(source);
        return NULL;
    }
    *why_out = judge_zip(zip);
    if (*why_out == NULL)
        return zip;
    zip_discard(zip);
    return NULL;
}

struct package *package_open(struct gwa_bytes bytes, const char **why_out)
{
    zip_t *zip = open_zip(bytes, why_out);
    struct package *package = zip == NULL ? NULL : calloc(1, sizeof(*package));

    if (package != NULL)
        package->zip = zip;
    else if (zip != NULL)
        zip_discard(zip);
    return package;
}

void package_close(struct package **package)
{
    if (*package == NULL)
        return;
    zip_discard((*package)->zip);
    free(*package);
    *package = NULL;
}

/* ---- the XML -------------------------------------------------------------------------------------------------- */

static void end_with(struct package *package, const char *fault)
{
    package->ended = true;
    if (package->fault == NULL)
        package->fault = fault;
    xmlStopParser(package->parser);
}

static void on_doctype(void *arg, const xmlChar *name, const xmlChar *external, const xmlChar *system)
{
    (void)name;
    (void)external;
    (void)system;
    end_with(arg, "list.file: the workbook holds a document type declaration");
}

static void on_open(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespace_n,
                    const xmlChar **namespaces, int attribute_n, int defaulted, const xmlChar **attributes)
{
    struct package *package = arg;
    int n;

    (void)uri;
    (void)namespace_n;
    (void)namespaces;
    (void)defaulted;
    if (package->ended)
        return;
    if (package->parser->input->buf != NULL && package->parser->input->buf->encoder != NULL) {
        end_with(package, "list.file: the workbook's XML is not in UTF-8");
        return;
    }
    n = snprintf(package->full_name, sizeof(package->full_name), "%s%s%s", prefix == NULL ? "" : (const char *)prefix,
                 prefix == NULL ? "" : ":", (const char *)name);
    if (n < 0 || (size_t)n >= sizeof(package->full_name))
        end_with(package, "list.file: an element's name in the workbook is too long");
    else if (!package->events->open(package->events->arg, (const char *)name, attribute_n,
                                    (const uint8_t *const *)attributes))
        end_with(package, NULL);
}

static void on_close(void *arg, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
    struct package *package = arg;

    (void)prefix;
    (void)uri;
    if (!package->ended && !package->events->close(package->events->arg, (const char *)name))
        end_with(package, NULL);
}

static void on_text(void *arg, const xmlChar *p, int n)
{
    struct package *package = arg;

    if (!package->ended && package->events->text != NULL)
        package->events->text(package->events->arg, p, (size_t)n);
}

static void on_error(void *arg, xmlErrorPtr error)
{
    (void)arg;
    (void)error;
}

static bool open_parser(struct package *package)
{
    xmlSAXHandler handler = {
        .initialized = XML_SAX2_MAGIC,
        .internalSubset = on_doctype,
        .startElementNs = on_open,
        .endElementNs = on_close,
        .characters = on_text,
        .cdataBlock = on_text,
        .serror = on_error,
    };

    package->parser = xmlCreatePushParserCtxt(&handler, package, NULL, 0, NULL);
    if (package->parser == NULL)
        return false;
    (void)xmlCtxtUseOptions(package->parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
    return true;
}

static void feed(struct package *package, const char *p, size_t n, bool last)
{
    (void)xmlParseChunk(package->parser, p, (int)n, last);
    /* a prefix that a resumed part does not declare is no fault; anything else is */
    if (!package->ended && !package->parser->wellFormed)
        end_with(package, "list.file: the workbook's XML is damaged");
}

static bool feed_prologue(struct package *package)
{
    char text[2 * 64 + 8];
    int n;

    package->prologue = 0;
    if (package->resume == NULL || package->resume->offset == 0)
        return true;
    n = snprintf(text, sizeof(text), "<%s><%s>", package->resume->open[0], package->resume->open[1]);
    if (n < 0 || (size_t)n >= sizeof(text))
        return false;
    package->prologue = (size_t)n;
    feed(package, text, (size_t)n, false);
    return true;
}

/* ---- a part --------------------------------------------------------------------------------------------------- */

static bool skip(zip_file_t *file, uint64_t n, char *room)
{
    while (n > 0) {
        zip_int64_t got = zip_fread(file, room, n < CHUNK ? n : CHUNK);

        if (got <= 0)
            return false;
        n -= (uint64_t)got;
    }
    return true;
}

static void feed_file(struct package *package, zip_file_t *file)
{
    static const char damaged[] = "list.file: the workbook is damaged";
    uint64_t offset = package->resume == NULL ? 0 : package->resume->offset, total = offset;
    char *room = malloc(CHUNK);
    zip_int64_t got = 0;

    if (room == NULL || !feed_prologue(package) || !skip(file, offset, room))
        end_with(package, damaged);
    while (!package->ended && (got = zip_fread(file, room, CHUNK)) > 0) {
        total += (uint64_t)got;
        feed(package, room, (size_t)got, false);
        if (total > PART_BYTES_MAX)
            end_with(package, "list.file: the workbook unpacks to far more than a list would");
    }
    if (!package->ended && got < 0)
        end_with(package, damaged);
    if (!package->ended)
        feed(package, "", 0, true);
    free(room);
}

static bool read_file(struct package *package, zip_file_t *file, const char **why_out)
{
    if (!open_parser(package)) {
        *why_out = "no memory";
        return false;
    }
    package->ended = false;
    package->fault = NULL;
    feed_file(package, file);
    xmlFreeParserCtxt(package->parser);
    package->parser = NULL;
    *why_out = package->fault;
    return package->fault == NULL;
}

bool package_read(struct package *package, const char *name, bool optional, const struct events *events,
                  const struct resume *resume, const char **why_out)
{
    zip_file_t *file = name[0] == '\0' ? NULL : zip_fopen(package->zip, name, ZIP_FL_NOCASE);
    bool ok;

    *why_out = "list.file: a part of the workbook is missing";
    if (file == NULL)
        return optional;
    package->events = events;
    package->resume = resume;
    ok = read_file(package, file, why_out);
    (void)zip_fclose(file);
    return ok;
}

uint64_t package_offset(const struct package *package)
{
    long at = xmlByteConsumed(package->parser);

    return at < (long)package->prologue ? 0
                                        : (uint64_t)at - package->prologue +
                                              (package->resume == NULL ? 0 : package->resume->offset);
}

const char *package_full_name(const struct package *package)
{
    return package->full_name;
}

void attribute(int n, const uint8_t *const *attributes, const char *name, char *out, size_t size)
{
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        const uint8_t *const *a = attributes + 5 * (size_t)i;
        size_t length = (size_t)(a[4] - a[3]);

        if (strcmp((const char *)a[0], name) != 0 || length >= size)
            continue;
        memcpy(out, a[3], length);
        out[length] = '\0';
        return;
    }
}
