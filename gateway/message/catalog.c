/* schemas/catalog.csv: the one list of kinds, each with its prepared XSD. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "message/catalog.h"

enum column { KIND, VERSION, DIRECTION, ROLES, XSD, RECEIPT, ORDER, MAX_AGE, RETENTION, VISIBLE_TO, KEYS, COLUMNS };
static const char *const headings[COLUMNS] = {"kind",  "version", "direction", "roles",      "xsd", "receipt",
                                              "order", "max_age", "retention", "visible_to", "keys"};

struct catalog {
    struct arena *arena;
    struct message_kind *kinds;
    struct model **models;
    size_t n;
    struct catalog_file *files;
    size_t file_n;
    char digest[2 * CRYPTO_DIGEST_SIZE + 1];
};

struct line {
    unsigned number;
    char *fields[COLUMNS];
    struct err *err;
};

__attribute__((format(printf, 3, 4))) static bool fail(const struct line *line, enum err_code code, const char *format,
                                                       ...)
{
    char place[48];
    va_list args;

    (void)snprintf(place, sizeof(place), CATALOG_FILE ":%u", line->number);
    va_start(args, format);
    (void)err_set_v(line->err, code, place, format, args);
    va_end(args);
    return false;
}

/* No quotes: no value of the catalogue needs a comma. */
static bool split(struct line *line, char *text)
{
    for (size_t i = 0; i < COLUMNS; i++) {
        line->fields[i] = text == NULL ? NULL : strsep(&text, ",");
        if (line->fields[i] == NULL)
            return fail(line, ERR_CONFIG_SYNTAX, "column %s is missing", headings[i]);
    }
    return text == NULL || fail(line, ERR_CONFIG_SYNTAX, "there are more columns than headings");
}

/* Which of the words, separated by spaces, the field is; -1 when none. */
static int word(const struct line *line, enum column column, const char *const *words)
{
    for (int i = 0; words[i] != NULL; i++)
        if (strcmp(line->fields[column], words[i]) == 0)
            return i;
    (void)fail(line, ERR_CONFIG_VALUE, "column %s holds an unknown word", headings[column]);
    return -1;
}

static bool read_words(const struct line *line, struct message_kind *kind)
{
    static const char *const directions[] = {"in", "out", "both", NULL};
    static const char *const receipts[] = {"receipt", "answer", "none", NULL};
    static const char *const orders[] = {"journal", "none", NULL};
    int direction = word(line, DIRECTION, directions), receipt = word(line, RECEIPT, receipts);
    int order = word(line, ORDER, orders);

    if (direction < 0 || receipt < 0 || order < 0)
        return false;
    kind->inbound = direction != 1;
    kind->outbound = direction != 0;
    kind->receipt = receipt == 0;
    kind->asks = receipt == 1;
    kind->ordered = order == 0;
    return true;
}

static bool read_kind(struct catalog *catalog, const struct line *line, struct message_kind *kind)
{
    char *end;
    long version = strtol(line->fields[VERSION], &end, 10);

    if (version < 1 || version > 999 || *end != '\0')
        return fail(line, ERR_CONFIG_VALUE, "%s is no version", line->fields[VERSION]);
    if (line->fields[KIND][0] == '\0' || strlen(line->fields[KIND]) >= MESSAGE_ID_MAX)
        return fail(line, ERR_CONFIG_VALUE, "a kind has a name");
    if (line->fields[XSD][0] == '\0' || strchr(line->fields[XSD], '/') != NULL)
        return fail(line, ERR_CONFIG_VALUE, "%s is no file of this directory", line->fields[XSD]);
    if (!duration_parse(line->fields[MAX_AGE], &kind->max_age_ms))
        return fail(line, ERR_CONFIG_VALUE, "%s is no duration", line->fields[MAX_AGE]);
    kind->version = (int)version;
    kind->name = arena_strdup(catalog->arena, line->fields[KIND]);
    kind->roles = arena_strdup(catalog->arena, line->fields[ROLES]);
    kind->xsd = arena_strdup(catalog->arena, line->fields[XSD]);
    kind->retention = arena_strdup(catalog->arena, line->fields[RETENTION]);
    kind->visible_to = arena_strdup(catalog->arena, line->fields[VISIBLE_TO]);
    kind->keys = arena_strdup(catalog->arena, line->fields[KEYS]);
    return read_words(line, kind);
}

static const struct message_kind *find(const struct catalog *catalog, const char *name, int version, bool *known_out)
{
    *known_out = false;
    for (size_t i = 0; i < catalog->n; i++) {
        if (strcmp(catalog->kinds[i].name, name) != 0)
            continue;
        *known_out = true;
        if (catalog->kinds[i].version == version)
            return &catalog->kinds[i];
    }
    return NULL;
}

static bool add(struct catalog *catalog, const char *directory, const struct line *line)
{
    struct message_kind *kind = &catalog->kinds[catalog->n];
    bool known;

    if (catalog->n == CATALOG_KINDS_MAX)
        return fail(line, ERR_CONFIG_VALUE, "more kinds than allowed");
    CHECK(read_kind(catalog, line, kind));
    if (find(catalog, kind->name, kind->version, &known) != NULL)
        return fail(line, ERR_CONFIG_DUPLICATE, "%s in this version is listed already", kind->name);
    CHECK(model_load(directory, kind->xsd, &catalog->models[catalog->n], line->err));
    catalog->n++;
    return strcmp(catalog->models[catalog->n - 1]->root, "Message") == 0 ||
           fail(line, ERR_CONFIG_VALUE, "%s does not describe a Message", kind->xsd);
}

static bool check_headings(const struct line *line)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (strcmp(line->fields[i], headings[i]) != 0)
            return fail(line, ERR_CONFIG_SYNTAX, "column %s is not where it belongs", headings[i]);
    return true;
}

static bool read_lines(struct catalog *catalog, const char *directory, FILE *file, struct err *err)
{
    char text[CATALOG_LINE_MAX];
    struct line line = {.err = err};
    bool headed = false;

    while (fgets(text, sizeof(text), file) != NULL) {
        size_t n = strcspn(text, "\r\n");

        line.number++;
        if (n + 1 == sizeof(text))
            return fail(&line, ERR_CONFIG_SYNTAX, "the line is longer than allowed");
        text[n] = '\0';
        if (n == 0 || text[0] == '#')
            continue;
        CHECK(split(&line, text));
        CHECK(headed ? add(catalog, directory, &line) : check_headings(&line));
        headed = true;
    }
    return headed || fail(&line, ERR_CONFIG_SYNTAX, "there are no headings");
}

static bool read_list(struct catalog *catalog, const char *directory, struct err *err)
{
    const char *path = arena_printf(catalog->arena, "%s/" CATALOG_FILE, directory);
    FILE *file = fopen(path, "re");
    bool ok;

    if (file == NULL)
        return err_errno(err, ERR_CONFIG_FILE, path, "open");
    ok = read_lines(catalog, directory, file, err);
    (void)fclose(file);
    return ok;
}

/* ---- its files as they are --------------------------------------------------------------------------- */

static bool read_whole(struct catalog *catalog, const char *directory, const char *name, struct bytes *out,
                       struct err *err)
{
    struct buf bytes;
    bool ok;

    buf_init(&bytes, MODEL_FILE_MAX);
    ok = model_read_file(directory, name, &bytes, err);
    if (ok)
        *out = bytes_dup(catalog->arena, buf_bytes(&bytes));
    buf_free(&bytes);
    return ok;
}

static void hex_digest(struct bytes in, char out[2 * CRYPTO_DIGEST_SIZE + 1])
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    crypto_digest(CRYPTO_SHA256, in, digest);
    (void)hex_encode(digest, sizeof(digest), out);
}

static bool keep_file(struct catalog *catalog, const char *directory, const char *name, struct err *err)
{
    struct catalog_file *file = &catalog->files[catalog->file_n];

    for (size_t i = 0; i < catalog->file_n; i++) {
        if (strcmp(catalog->files[i].name, name) == 0)
            return true;
    }
    CHECK(read_whole(catalog, directory, name, &file->bytes, err));
    file->name = name;
    hex_digest(file->bytes, file->digest);
    catalog->file_n++;
    return true;
}

static void digest_files(struct catalog *catalog)
{
    struct buf all;

    buf_init(&all, (CATALOG_KINDS_MAX + 2) * (size_t)CATALOG_LINE_MAX);
    for (size_t i = 0; i < catalog->file_n; i++)
        buf_printf(&all, "%s %s\n", catalog->files[i].digest, catalog->files[i].name);
    hex_digest(buf_bytes(&all), catalog->digest);
    buf_free(&all);
}

static bool keep_files(struct catalog *catalog, const char *directory, struct err *err)
{
    CHECK(keep_file(catalog, directory, CATALOG_FILE, err));
    CHECK(keep_file(catalog, directory, MODEL_COMMON, err));
    for (size_t i = 0; i < catalog->n; i++)
        CHECK(keep_file(catalog, directory, catalog->kinds[i].xsd, err));
    digest_files(catalog);
    return true;
}

bool catalog_load(const char *directory, struct catalog **out, struct err *err)
{
    struct catalog *catalog = xcalloc(1, sizeof(*catalog));

    message_library();
    catalog->arena = arena_new();
    catalog->kinds = xcalloc(CATALOG_KINDS_MAX, sizeof(*catalog->kinds));
    catalog->models = xcalloc(CATALOG_KINDS_MAX, sizeof(struct model *));
    catalog->files = xcalloc(CATALOG_KINDS_MAX + 2, sizeof(*catalog->files));
    *out = catalog;
    if (read_list(catalog, directory, err) && keep_files(catalog, directory, err))
        return true;
    catalog_free(out);
    return false;
}

void catalog_free(struct catalog **catalog)
{
    if (*catalog == NULL)
        return;
    for (size_t i = 0; i < (*catalog)->n; i++)
        model_free(&(*catalog)->models[i]);
    free((*catalog)->models);
    free((*catalog)->files);
    free((*catalog)->kinds);
    arena_free(&(*catalog)->arena);
    free(*catalog);
    *catalog = NULL;
}

size_t catalog_kinds(const struct catalog *catalog)
{
    return catalog->n;
}

const struct message_kind *catalog_kind(const struct catalog *catalog, size_t i)
{
    return &catalog->kinds[i];
}

size_t catalog_files(const struct catalog *catalog)
{
    return catalog->file_n;
}

const struct catalog_file *catalog_file(const struct catalog *catalog, size_t i)
{
    return &catalog->files[i];
}

const char *catalog_digest(const struct catalog *catalog)
{
    return catalog->digest;
}

const struct message_kind *catalog_find(const struct catalog *catalog, const char *name, int version, struct err *err)
{
    bool known;
    const struct message_kind *kind = find(catalog, name, version, &known);

    if (kind == NULL && known)
        (void)err_set(err, ERR_SCHEMA_VERSION_UNKNOWN, NULL, "version %d", version);
    else if (kind == NULL)
        (void)err_set(err, ERR_SCHEMA_KIND_UNKNOWN, NULL, "the kind is not in the catalogue");
    return kind;
}

const struct model *catalog_model(const struct catalog *catalog, const struct message_kind *kind)
{
    return catalog->models[kind - catalog->kinds];
}
