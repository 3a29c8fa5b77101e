/* XML into a tree. */
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/xmlIO.h>
#include <libxml/xmlmemory.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "message/internal.h"

static void *allocate(size_t size)
{
    return xrealloc(NULL, size);
}

/* libxml2 would report exhausted memory as a fault of the document. */
static void set_up(void)
{
    (void)xmlMemSetup(free, allocate, xrealloc, xstrdup);
    xmlInitParser();
    xmlSetExternalEntityLoader(xmlNoNetExternalEntityLoader);
}

void message_library(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, set_up);
}

/* What the parser met first. */
struct reading {
    struct err *err;
    bool failed;
};

static void stop(xmlParserCtxt *parser, enum err_code code, int line, const char *detail)
{
    struct reading *reading = parser->_private;
    char place[24];

    (void)snprintf(place, sizeof(place), "%d", line);
    if (!reading->failed)
        (void)err_set(reading->err, code, place, "%s", detail);
    reading->failed = true;
    xmlStopParser(parser);
}

/* The parser would go on behind a fault in search of more. Its texts quote the document and may not travel. */
static void on_error(void *data, xmlError *error)
{
    bool space = error->domain == XML_FROM_NAMESPACE;

    if (error->level >= XML_ERR_ERROR)
        stop(data, ERR_MESSAGE_MALFORMED, error->line, space ? "a namespace is wrong" : "not well-formed XML");
}

/* A second lock: the bytes were searched for it already. */
static void on_doctype(void *data, const xmlChar *name, const xmlChar *public_id, const xmlChar *system_id)
{
    xmlParserCtxt *parser = data;

    (void)name, (void)public_id, (void)system_id;
    stop(parser, ERR_SCHEMA_DOCTYPE, parser->input->line, "a declaration");
}

static xmlDoc *parse(struct bytes in, struct err *err)
{
    struct reading reading = {.err = err};
    xmlParserCtxt *parser = xmlNewParserCtxt();
    xmlDoc *doc;

    parser->_private = &reading;
    parser->sax->internalSubset = on_doctype;
    parser->sax->serror = on_error;
    doc = xmlCtxtReadMemory(parser, (const char *)in.p, (int)in.n, NULL, "UTF-8", XML_PARSE_NONET);
    xmlFreeParserCtxt(parser);
    if (doc == NULL && !reading.failed)
        (void)err_set(err, ERR_MESSAGE_MALFORMED, NULL, "not well-formed XML");
    if (reading.failed) {
        xmlFreeDoc(doc);
        doc = NULL;
    }
    return doc;
}

bool message_parse_xml(struct bytes in, struct message **out, struct err *err)
{
    xmlDoc *doc;

    message_library();
    CHECK(message_scan_xml(in, err));
    doc = parse(in, err);
    if (doc == NULL)
        return false;
    *out = message_new(MESSAGE_XML);
    message_adopt((*out)->tree, doc);
    return true;
}

bool message_read_xml(struct bytes in, struct message **out, struct err *err)
{
    return message_parse_xml(in, out, err);
}
