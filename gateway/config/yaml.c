/* yaml: libyaml's events become nodes, without what YAML can say in two ways. */
#include "config/node.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

struct reader {
    yaml_parser_t parser;
    yaml_event_t event;                  /* the current one, owned */
    struct arena *arena;
    const char *file;
    struct bytes in;
    size_t nodes;
};

static struct yaml_place place_of(const yaml_mark_t *mark)
{
    return (struct yaml_place){(unsigned)mark->line + 1, (unsigned)mark->column + 1};
}

static struct yaml_place place_at(struct bytes in, size_t offset)
{
    struct yaml_place place = {1, 1};

    for (size_t i = 0; i < offset && i < in.n; i++) {
        place.column = in.p[i] == '\n' ? 1 : place.column + ((in.p[i] & 0xc0) != 0x80);
        place.line += in.p[i] == '\n';
    }
    return place;
}

static bool refuse(const struct reader *reader, struct err *err, const char *detail)
{
    return yaml_fail_at(reader->file, place_of(&reader->event.start_mark), err, ERR_CONFIG_SYNTAX, "%s", detail);
}

static bool parser_error(const struct reader *reader, struct err *err)
{
    const yaml_parser_t *parser = &reader->parser;
    struct yaml_place place = parser->error == YAML_READER_ERROR ? place_at(reader->in, parser->problem_offset)
                                                                 : place_of(&parser->problem_mark);

    return yaml_fail_at(reader->file, place, err, ERR_CONFIG_SYNTAX, "%s%s%s", parser->context ? parser->context : "",
                        parser->context ? ": " : "", parser->problem ? parser->problem : "unreadable");
}

static bool advance(struct reader *reader, struct err *err)
{
    yaml_event_delete(&reader->event);
    if (!yaml_parser_parse(&reader->parser, &reader->event))
        return parser_error(reader, err);
    return true;
}

static bool check_anchor(const struct reader *reader, const yaml_char_t *anchor, const yaml_char_t *tag,
                         struct err *err)
{
    if (anchor != NULL)
        return refuse(reader, err, "anchors are not accepted");
    if (tag != NULL)
        return refuse(reader, err, "tags are not accepted");
    return true;
}

static bool new_node(struct reader *reader, enum yaml_type type, struct yaml_node **node_out, struct err *err)
{
    struct yaml_node *node;

    if (++reader->nodes > CONFIG_NODES_MAX)
        return refuse(reader, err, "the file holds too many values");
    node = arena_alloc(reader->arena, sizeof(*node));
    node->type = type;
    node->file = reader->file;
    node->place = place_of(&reader->event.start_mark);
    *node_out = node;
    return true;
}

static bool read_scalar(struct reader *reader, struct yaml_node **node_out, struct err *err)
{
    const char *text = (const char *)reader->event.data.scalar.value;
    size_t n = reader->event.data.scalar.length;
    struct yaml_node *node;

    CHECK(check_anchor(reader, reader->event.data.scalar.anchor, reader->event.data.scalar.tag, err));
    if (memchr(text, 0, n) != NULL)
        return refuse(reader, err, "a NUL character is not accepted");
    CHECK(new_node(reader, YAML_SCALAR, &node, err));
    node->text = arena_strndup(reader->arena, text, n);
    node->quoted = reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    *node_out = node;
    return true;
}

/* Turns the chain, newest first, into an array in file order. */
static void close_items(struct reader *reader, struct yaml_node *node, struct yaml_node *newest)
{
    struct yaml_node **items = arena_alloc(reader->arena, (node->n + 1) * sizeof(*items));

    for (size_t i = node->n; i > 0; i--, newest = newest->next)
        items[i - 1] = newest;
    node->items = items;
}

static int by_key(const void *a, const void *b)
{
    const struct yaml_node *x = *(struct yaml_node *const *)a;
    const struct yaml_node *y = *(struct yaml_node *const *)b;
    int order = strcmp(x->key, y->key);

    if (order == 0)
        order = x->key_place.line < y->key_place.line ? -1 : x->key_place.line > y->key_place.line;
    if (order == 0)
        order = x->key_place.column < y->key_place.column ? -1 : x->key_place.column > y->key_place.column;
    return order;
}

static bool check_duplicates(struct reader *reader, const struct yaml_node *map, struct err *err)
{
    const struct yaml_node *repeated = NULL;
    struct yaml_node **sorted;

    if (map->n < 2)
        return true;
    sorted = arena_alloc(reader->arena, map->n * sizeof(*sorted));
    memcpy(sorted, map->items, map->n * sizeof(*sorted));
    qsort(sorted, map->n, sizeof(*sorted), by_key);
    for (size_t i = 1; i < map->n; i++) {
        if (strcmp(sorted[i]->key, sorted[i - 1]->key) == 0 &&
            (repeated == NULL || sorted[i]->key_place.line < repeated->key_place.line))
            repeated = sorted[i];
    }
    if (repeated == NULL)
        return true;
    return yaml_fail_at(reader->file, repeated->key_place, err, ERR_CONFIG_DUPLICATE, "%.100s", repeated->key);
}

static bool read_key(struct reader *reader, struct yaml_node **key_out, struct err *err)
{
    if (reader->event.type == YAML_ALIAS_EVENT)
        return refuse(reader, err, "aliases are not accepted");
    if (reader->event.type != YAML_SCALAR_EVENT)
        return refuse(reader, err, "a key must be a text");
    CHECK(read_scalar(reader, key_out, err));
    if (yaml_is_null(*key_out) || (*key_out)->text[0] == '\0')
        return refuse(reader, err, "a key must not be empty");
    if (!(*key_out)->quoted && strcmp((*key_out)->text, "<<") == 0)
        return refuse(reader, err, "merge keys are not accepted");
    return true;
}

static bool read_node(struct reader *reader, unsigned depth, struct yaml_node **node_out, struct err *err);

static bool read_list(struct reader *reader, unsigned depth, struct yaml_node **node_out, struct err *err)
{
    struct yaml_node *list, *item, *newest = NULL;

    CHECK(check_anchor(reader, reader->event.data.sequence_start.anchor, reader->event.data.sequence_start.tag, err));
    CHECK(new_node(reader, YAML_LIST, &list, err));
    CHECK(advance(reader, err));
    while (reader->event.type != YAML_SEQUENCE_END_EVENT) {
        CHECK(read_node(reader, depth + 1, &item, err));
        item->next = newest;
        newest = item;
        list->n++;
        CHECK(advance(reader, err));
    }
    close_items(reader, list, newest);
    *node_out = list;
    return true;
}

static bool read_map(struct reader *reader, unsigned depth, struct yaml_node **node_out, struct err *err)
{
    struct yaml_node *map, *key, *value, *newest = NULL;

    CHECK(check_anchor(reader, reader->event.data.mapping_start.anchor, reader->event.data.mapping_start.tag, err));
    CHECK(new_node(reader, YAML_MAP, &map, err));
    CHECK(advance(reader, err));
    while (reader->event.type != YAML_MAPPING_END_EVENT) {
        CHECK(read_key(reader, &key, err));
        CHECK(advance(reader, err));
        CHECK(read_node(reader, depth + 1, &value, err));
        value->key = key->text;
        value->key_place = key->place;
        value->next = newest;
        newest = value;
        map->n++;
        CHECK(advance(reader, err));
    }
    close_items(reader, map, newest);
    CHECK(check_duplicates(reader, map, err));
    *node_out = map;
    return true;
}

/* Reads the node whose first event is current; at return its last event is current. */
static bool read_node(struct reader *reader, unsigned depth, struct yaml_node **node_out, struct err *err)
{
    if (depth > CONFIG_DEPTH_MAX)
        return refuse(reader, err, "nested too deep");
    switch (reader->event.type) {
    case YAML_SCALAR_EVENT:
        return read_scalar(reader, node_out, err);
    case YAML_SEQUENCE_START_EVENT:
        return read_list(reader, depth, node_out, err);
    case YAML_MAPPING_START_EVENT:
        return read_map(reader, depth, node_out, err);
    case YAML_ALIAS_EVENT:
        return refuse(reader, err, "aliases are not accepted");
    default:
        return refuse(reader, err, "a value is expected");
    }
}

static bool begin_document(struct reader *reader, struct err *err)
{
    if (reader->event.data.document_start.version_directive != NULL ||
        reader->event.data.document_start.tag_directives.start != reader->event.data.document_start.tag_directives.end)
        return refuse(reader, err, "directives are not accepted");
    return advance(reader, err);
}

static bool read_document(struct reader *reader, struct yaml_node **root_out, struct err *err)
{
    CHECK(advance(reader, err));                 /* to the start of the stream */
    CHECK(advance(reader, err));
    if (reader->event.type == YAML_STREAM_END_EVENT) {
        CHECK(new_node(reader, YAML_SCALAR, root_out, err));
        (*root_out)->text = "";
        (*root_out)->place = (struct yaml_place){1, 1};
        return true;
    }
    CHECK(begin_document(reader, err));
    CHECK(read_node(reader, 1, root_out, err));
    CHECK(advance(reader, err));                 /* to the end of the document */
    CHECK(advance(reader, err));
    if (reader->event.type != YAML_STREAM_END_EVENT)
        return refuse(reader, err, "a second document is not accepted");
    return true;
}

bool yaml_parse(struct arena *arena, const char *path, struct bytes in, const struct yaml_node **root_out,
                struct err *err)
{
    struct reader reader = {.arena = arena, .file = arena_strdup(arena, path), .in = in};
    struct yaml_node *root = NULL;
    bool ok;

    if (in.n > CONFIG_FILE_MAX)
        return err_set(err, ERR_CONFIG_FILE, path, "larger than %u bytes", CONFIG_FILE_MAX);
    if (!yaml_parser_initialize(&reader.parser))
        abort();                                 /* only for want of memory */
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, in.n == 0 ? (const uint8_t *)"" : in.p, in.n);
    ok = read_document(&reader, &root, err);
    yaml_event_delete(&reader.event);
    yaml_parser_delete(&reader.parser);
    if (ok)
        *root_out = root;
    return ok;
}

static bool read_open_file(struct arena *arena, int fd, const char *path, struct bytes *out, struct err *err)
{
    struct stat st;
    size_t n = 0;
    uint8_t *p;

    if (fstat(fd, &st) != 0)
        return err_errno(err, ERR_CONFIG_FILE, path, "fstat");
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_CONFIG_FILE, path, "not a regular file");
    if (st.st_size > (off_t)CONFIG_FILE_MAX)
        return err_set(err, ERR_CONFIG_FILE, path, "larger than %u bytes", CONFIG_FILE_MAX);
    p = arena_alloc(arena, (size_t)st.st_size + 1);
    while (n < (size_t)st.st_size) {
        ssize_t got = read(fd, p + n, (size_t)st.st_size - n);

        if (got < 0 && errno != EINTR)
            return err_errno(err, ERR_CONFIG_FILE, path, "read");
        if (got == 0)
            return err_set(err, ERR_CONFIG_FILE, path, "the file shrank while it was read");
        n += got > 0 ? (size_t)got : 0;
    }
    *out = bytes_of(p, n);
    return true;
}

bool yaml_load(struct arena *arena, const char *path, const struct yaml_node **root_out, struct bytes *raw_out,
               struct err *err)
{
    struct bytes raw = {NULL, 0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    bool ok;

    if (fd < 0)
        return err_errno(err, ERR_CONFIG_FILE, path, "open");
    ok = read_open_file(arena, fd, path, &raw, err);
    (void)close(fd);
    CHECK(ok);
    if (raw_out != NULL)
        *raw_out = raw;
    return yaml_parse(arena, path, raw, root_out, err);
}
