/* partner, private: what the readers of the three files share. */
#ifndef PARTNER_INTERNAL_H
#define PARTNER_INTERNAL_H

#include "partner/partner.h"

#define PARTNER_ID_MAX 64
#define PARTNER_TEXT_MAX 200             /* bytes of a name */
#define PARTNER_ROLES_MAX 6

struct key_slot {
    const uint8_t *digest;               /* NULL: free */
    const struct partner *partner;
};

struct directory {
    _Atomic unsigned refs;
    uint64_t generation;
    struct arena *arena;                 /* all text, nodes and tables */
    char digest[3][2 * CRYPTO_DIGEST_SIZE + 1];
    struct partner *partners;
    size_t partner_n;
    const struct partner **by_id;        /* partner_n, sorted */
    const struct partner **by_uid;       /* uid_n, sorted */
    size_t uid_n;
    struct key_slot *slots;              /* by the digest's first bytes; at most half are taken */
    size_t slot_n;                       /* a power of two */
    struct source *sources;
    size_t source_n;
    struct crypto_key **keys;            /* signing keys, owned */
    size_t key_n;
};

/* A file being read. A fault is noted and reading goes on. */
struct loader {
    struct directory *directory;
    struct arena *arena;                 /* the directory's */
    struct config_faults *faults;
    bool failed;
    const char *folder;                  /* of the file: relative paths start there */
};

void loader_fault(struct loader *loader, const struct err *err);
/* A fault at the place of `node`. */
void loader_fail(struct loader *loader, const struct yaml_node *node, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The fault of a file that stands at `node`. */
void loader_blame(struct loader *loader, const struct yaml_node *node, const char *file, struct err *err);
/* "file:line:column" of the node, in the directory's arena. */
const char *loader_place(struct loader *loader, const struct yaml_node *node);
/* Every key that is not in the NULL-terminated list is a fault. False when `map` is no mapping. */
bool loader_only(struct loader *loader, const struct yaml_node *map, const char *const *names);
/* Texts; what has a fault reads as "". An absent one stays as it was. */
void loader_text(struct loader *loader, const struct yaml_node *map, const char *key, bool required, const char **out);
/* An id; "" when it has a fault. */
const char *loader_id(struct loader *loader, const struct yaml_node *map, const char *key);
void loader_boolean(struct loader *loader, const struct yaml_node *map, const char *key, bool *out);
void loader_duration(struct loader *loader, const struct yaml_node *map, const char *key, bool required, int64_t min,
                     int64_t max, int64_t *ms_out);
void loader_choice(struct loader *loader, const struct yaml_node *map, const char *key, bool required,
                   const char *const *names, int *out);
/* 2, 4 or 6 digits. */
void loader_region(struct loader *loader, const struct yaml_node *map, const char *key, const char **out);
/* A list of at most `max` elements, or NULL when it is absent or has a fault. */
const struct yaml_node *loader_list(struct loader *loader, const struct yaml_node *map, const char *key, bool required,
                                    size_t max);
/* The text of the i-th element; NULL when it has a fault. */
const char *loader_item(struct loader *loader, const struct yaml_node *list, size_t i);
/* The adapter's settings under `settings`, flat; left alone when there are none. Returns their place. */
const char *loader_settings(struct loader *loader, const struct yaml_node *map, const struct source_setting **out,
                            size_t *n_out);
/* Kinds of message listed under `key`, NULL-terminated. */
const char *const *loader_kinds(struct loader *loader, const struct yaml_node *map, const char *key);
/* A path as it stands in the file, made absolute against the file's folder. */
const char *loader_path(struct loader *loader, const char *path);
/* The public key in the file that the i-th element names; the caller frees it. NULL when it has a fault. */
struct crypto_key *loader_key(struct loader *loader, const struct yaml_node *list, size_t i);

/* An id that the gateway does not use itself in records. */
const char *identity_id(struct loader *loader, const struct yaml_node *map);
/* Roles named in `roles`, of those allowed. */
unsigned identity_roles(struct loader *loader, const struct yaml_node *map, unsigned allowed);
/* tls_keys and tls_certificates into the partner. */
void identity_tls(struct loader *loader, const struct yaml_node *map, struct partner *partner);

/* How a partner is reached and in which profile: xml, channel, frames. */
void channel_read(struct loader *loader, const struct yaml_node *map, struct partner *partner);

void partners_read(struct loader *loader, const struct yaml_node *map, struct partner *partner);
void operators_read(struct loader *loader, const struct yaml_node *map, struct partner *partner);
void sources_read(struct loader *loader, const struct yaml_node *map, struct source *source);

/* Make the look-up tables; duplicates are faults. `nodes` are those of the partners or sources, for places. */
void index_partners(struct loader *loader, const struct yaml_node *const *nodes);
void index_sources(struct loader *loader, const struct yaml_node *const *nodes);

#endif
