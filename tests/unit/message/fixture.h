/* What the tests of this folder share: a directory of their own, files, and what was found wrong. */
#ifndef MESSAGE_FIXTURE_H
#define MESSAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "message/message.h"

#define SCHEMAS SOURCE_DIR "/schemas"

static char dir[64];

__attribute__((format(printf, 1, 2), unused)) static int run(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    return system(command);
}

__attribute__((unused)) static int make_dir(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/test-message-XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

__attribute__((unused)) static int remove_dir(void **state)
{
    (void)state;
    return run("rm -rf %s", dir);
}

/* The whole file, in memory of its own; NULL when there is none. */
__attribute__((unused)) static char *read_file(const char *path, size_t *n_out)
{
    FILE *file = fopen(path, "rb");
    *n_out = 0;
    if (!file)
        return NULL;
    char *text = malloc(MESSAGE_MAX + 2);
    *n_out = fread(text, 1, MESSAGE_MAX + 1, file);
    text[*n_out] = '\0';
    fclose(file);
    return text;
}

__attribute__((unused)) static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

__attribute__((unused)) static struct catalog *load_catalog(const char *directory)
{
    struct catalog *catalog;
    struct err err = {0};
    if (!catalog_load(directory, &catalog, &err))
        fail_msg("%s: %s: %s", err_info(err.code)->code, err.place, err.detail);
    return catalog;
}

/* "code place" of what reading refuses or the first fault; "" when the message is good. */
__attribute__((unused)) static const char *verdict(const struct catalog *catalog, enum message_form form,
                                                   struct bytes in)
{
    static char text[256];
    struct message *message = NULL;
    struct err err = {0};
    size_t n = 0;
    text[0] = '\0';
    bool ok = form == MESSAGE_XML ? message_read_xml(in, &message, &err) : message_read_json(in, &message, &err);
    if (ok && message_validate(catalog, message, &err, 1, &n))
        assert_int_equal(n, 0);
    else
        snprintf(text, sizeof text, "%s %s", err_info(err.code)->code, err.place);
    message_free(&message);
    return text;
}

#define ENVELOPE_JSON(kind)                                                                                            \
    "{\"id\":\"m-1\",\"kind\":\"" kind "\",\"version\":1,\"sender\":\"bank-a\",\"receiver\":\"gateway\","              \
    "\"created\":\"2026-11-24T10:00:00+08:00\"}"
#define ENVELOPE_XML(kind)                                                                                             \
    "<Envelope><Id>m-1</Id><Kind>" kind "</Kind><Version>1</Version><Sender>bank-a</Sender>"                           \
    "<Receiver>gateway</Receiver><Created>2026-11-24T10:00:00+08:00</Created></Envelope>"
#define JSON_MESSAGE(kind, body) "{\"envelope\":" ENVELOPE_JSON(kind) ",\"body\":" body "}"
#define XML_MESSAGE(kind, body)                                                                                        \
    "<Message xmlns=\"" MESSAGE_NAMESPACE "\">" ENVELOPE_XML(kind) "<Body>" body "</Body></Message>"

#endif
