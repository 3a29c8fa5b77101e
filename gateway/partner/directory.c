/* directory: the three files become one immutable, counted whole. */
#include "partner/internal.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_PARTNERS, FILE_OPERATORS, FILE_SOURCES, FILE_COUNT };
static const char *const lists[FILE_COUNT] = {"partners", "operators", "sources"};

/* The file's one list, or NULL. */
static const struct yaml_node *open_file(struct loader *loader, int which, const char *path, size_t max)
{
    const char *const names[] = {lists[which], NULL};
    const struct yaml_node *root = NULL;
    struct bytes raw = {0};
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    struct err err = {0};

    if (!yaml_load(loader->arena, path, &root, &raw, &err)) {
        loader_fault(loader, &err);
        return NULL;
    }
    crypto_digest(CRYPTO_SHA256, raw, digest);
    (void)hex_encode(digest, sizeof(digest), loader->directory->digest[which]);
    if (yaml_type_of(root) == YAML_MAP && !loader_only(loader, root, names))
        return NULL;
    return loader_list(loader, root, lists[which], true, max);
}

static void set_folder(struct loader *loader, const char *path)
{
    const char *slash = strrchr(path, '/');

    loader->folder = slash == NULL ? "." : arena_strndup(loader->arena, path, (size_t)(slash - path));
}

typedef void read_partner(struct loader *loader, const struct yaml_node *map, struct partner *partner);

static void read_list(struct loader *loader, const struct yaml_node *list, const char *path, read_partner *read,
                      const struct yaml_node **nodes)
{
    struct directory *directory = loader->directory;

    set_folder(loader, path);
    for (size_t i = 0; i < yaml_count(list); i++) {
        struct partner *partner = &directory->partners[directory->partner_n];

        partner->slot = (uint32_t)directory->partner_n;
        partner->place = loader_place(loader, yaml_at(list, i));
        nodes[directory->partner_n++] = yaml_at(list, i);
        read(loader, yaml_at(list, i), partner);
    }
}

static void read_identities(struct loader *loader, const struct directory_files *files,
                            const struct yaml_node *partners, const struct yaml_node *operators)
{
    size_t n = yaml_count(partners) + yaml_count(operators);
    const struct yaml_node **nodes = arena_alloc(loader->arena, (n + 1) * sizeof(const struct yaml_node *));

    loader->directory->partners = arena_alloc(loader->arena, (n + 1) * sizeof(struct partner));
    read_list(loader, partners, files->partners, partners_read, nodes);
    read_list(loader, operators, files->operators, operators_read, nodes);
    index_partners(loader, nodes);
}

static void read_sources(struct loader *loader, const char *path, const struct yaml_node *list)
{
    struct directory *directory = loader->directory;
    const struct yaml_node *nodes[SOURCE_MAX];

    set_folder(loader, path);
    directory->sources = arena_alloc(loader->arena, (yaml_count(list) + 1) * sizeof(struct source));
    for (size_t i = 0; i < yaml_count(list); i++) {
        nodes[i] = yaml_at(list, i);
        sources_read(loader, nodes[i], &directory->sources[directory->source_n++]);
    }
    index_sources(loader, nodes);
}

static struct directory *directory_new(uint64_t generation)
{
    struct directory *directory = xcalloc(1, sizeof(*directory));

    atomic_store(&directory->refs, 1);
    directory->generation = generation;
    directory->arena = arena_new();
    return directory;
}

bool directory_load(const struct directory_files *files, uint64_t generation, struct directory **out,
                    struct config_faults *faults)
{
    struct directory *directory = directory_new(generation);
    struct loader loader = {.directory = directory, .arena = directory->arena, .faults = faults};
    const struct yaml_node *partners, *operators, *sources;

    partners = open_file(&loader, FILE_PARTNERS, files->partners, PARTNER_MAX);
    operators = open_file(&loader, FILE_OPERATORS, files->operators, PARTNER_MAX - yaml_count(partners));
    sources = open_file(&loader, FILE_SOURCES, files->sources, SOURCE_MAX);
    read_identities(&loader, files, partners, operators);
    read_sources(&loader, files->sources, sources);
    if (loader.failed)
        directory_free(&directory);
    else
        *out = directory;
    return !loader.failed;
}

struct directory *directory_ref(struct directory *directory)
{
    atomic_fetch_add(&directory->refs, 1);
    return directory;
}

void directory_free(struct directory **directory)
{
    struct directory *gone = *directory;

    *directory = NULL;
    if (gone == NULL || atomic_fetch_sub(&gone->refs, 1) != 1)
        return;
    for (size_t i = 0; i < gone->key_n; i++)
        crypto_key_free(&gone->keys[i]);
    free(gone->keys);
    arena_free(&gone->arena);
    free(gone);
}

uint64_t directory_generation(const struct directory *directory)
{
    return directory->generation;
}

const char *directory_digest(const struct directory *directory, int which)
{
    return directory->digest[which];
}

bool directory_answerable(const struct directory *directory, const struct crypto_keyring *ring,
                          struct config_faults *faults)
{
    bool ok = true;

    for (size_t i = 0; i < directory->partner_n; i++) {
        const struct partner *partner = &directory->partners[i];
        enum crypto_purpose purpose;
        struct err err = {0};

        if (crypto_keyring_purpose(partner->answer_alg, &purpose) && crypto_keyring_public(ring, purpose) != NULL)
            continue;
        (void)err_set(&err, ERR_CONFIG_VALUE, partner->place,
                      "%s is answered with %s, for which the gateway has no key; set answer_alg, or signing in "
                      "pledged.yaml", partner->id, crypto_alg_name(partner->answer_alg));
        config_fault(faults, &err);
        ok = false;
    }
    return ok;
}

size_t directory_partners(const struct directory *directory)
{
    return directory->partner_n;
}

const struct partner *directory_partner(const struct directory *directory, size_t i)
{
    return i < directory->partner_n ? &directory->partners[i] : NULL;
}

size_t directory_sources(const struct directory *directory)
{
    return directory->source_n;
}

const struct source *directory_source(const struct directory *directory, size_t i)
{
    return i < directory->source_n ? &directory->sources[i] : NULL;
}
