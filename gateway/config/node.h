/* node: what a YAML file becomes. Nodes, texts and arrays live in the arena of the load. */
#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

#include "config/config.h"

struct yaml_place {
    unsigned line, column;               /* from 1; columns count characters */
};

struct yaml_node {
    enum yaml_type type;
    bool quoted;
    const char *file;
    struct yaml_place place;
    const char *key;                     /* as member of a mapping, else NULL */
    struct yaml_place key_place;
    const char *text;                    /* scalars; never NULL there */
    struct yaml_node *const *items;      /* mappings and lists, in file order */
    size_t n;
    struct yaml_node *next;              /* chains items until their number is known */
};

/* `~`, `null` or nothing at all, without quotes. */
bool yaml_is_null(const struct yaml_node *node);
/* As yaml_fail, at a place of the file. */
bool yaml_fail_at(const char *file, struct yaml_place place, struct err *err, enum err_code code, const char *format,
                  ...) __attribute__((format(printf, 5, 6)));

#endif
