/* The manifest: what a backup consists of. It is written last, so a backup without one was never finished. */
#include "care/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MANIFEST_FORMAT 1
#define MANIFEST_MAX (15u << 20) /* below what the JSON reader takes at all */
#define PATH_IN_MAX 200

void root_text(const struct journal_head *head, char out[CARE_ROOT_SIZE])
{
    struct buf text;

    buf_init(&text, CARE_ROOT_SIZE);
    base64_encode(&text, bytes_of(head->root.b, MERKLE_HASH), false);
    snprintf(out, CARE_ROOT_SIZE, "%s", (const char *)text.p);
    buf_free(&text);
}

bool manifest_add(struct manifest *manifest, const char *path, int64_t bytes, const char *sha256, struct err *err)
{
    if (manifest->n == CARE_FILES_MAX)
        return err_set(err, ERR_BACKUP_TARGET, path, "more than %d files", CARE_FILES_MAX);
    if (manifest->n == manifest->room) {
        size_t room = manifest->room == 0 ? 64 : 2 * manifest->room;
        struct kept_file *files = arena_alloc(manifest->arena, room * sizeof *files);
        if (manifest->n > 0)
            memcpy(files, manifest->files, manifest->n * sizeof *files);
        manifest->files = files;
        manifest->room = room;
    }
    struct kept_file *file = &manifest->files[manifest->n++];
    *file = (struct kept_file){.path = arena_strdup(manifest->arena, path), .bytes = bytes};
    snprintf(file->sha256, sizeof file->sha256, "%s", sha256);
    return true;
}

static int by_path(const void *a, const void *b)
{
    const struct kept_file *left = a, *right = b;

    return strcmp(left->path, right->path);
}

const struct kept_file *manifest_find(const struct manifest *manifest, const char *path)
{
    const struct kept_file wanted = {.path = path};

    return manifest->n == 0 ? NULL : bsearch(&wanted, manifest->files, manifest->n, sizeof wanted, by_path);
}

/* ---- writing ---- */

static void write_files(struct json_out *json, const struct manifest *manifest)
{
    json_key(json, "files");
    json_begin_array(json);
    for (size_t i = 0; i < manifest->n; i++) {
        json_begin_object(json);
        json_add_string(json, "path", manifest->files[i].path);
        json_add_integer(json, "bytes", manifest->files[i].bytes);
        json_add_string(json, "sha256", manifest->files[i].sha256);
        json_end_object(json);
    }
    json_end_array(json);
}

static void write_manifest(struct json_out *json, const struct manifest *manifest)
{
    json_begin_object(json);
    json_add_integer(json, "manifest", MANIFEST_FORMAT);
    json_add_string(json, "gateway", manifest->gateway);
    json_add_string(json, "origin", manifest->origin);
    json_add_string(json, "program", GW_VERSION);
    json_add_time(json, "created", manifest->created_ms);
    json_add_integer(json, "store_format", manifest->format);
    json_key(json, "journal");
    json_begin_object(json);
    json_add_integer(json, "size", (int64_t)manifest->size);
    json_add_string(json, "root", manifest->root);
    json_end_object(json);
    write_files(json, manifest);
    json_end_object(json);
}

static void digest_of(struct bytes text, char hex_out[HEX_SIZE])
{
    uint8_t digest[CRYPTO_DIGEST_SIZE];

    crypto_digest(CRYPTO_SHA256, text, digest);
    hex_encode(digest, sizeof digest, hex_out);
}

bool manifest_write(const struct manifest *manifest, const char *directory, char hex_out[HEX_SIZE], struct err *err)
{
    struct buf text;
    struct json_out json;
    char path[CARE_PATH_MAX];

    CHECK(path_join(path, directory, CARE_MANIFEST, err));
    buf_init(&text, MANIFEST_MAX);
    json_out_init(&json, &text);
    write_manifest(&json, manifest);
    buf_byte(&text, '\n');
    bool ok = !text.overflow || err_set(err, ERR_BACKUP_TARGET, CARE_MANIFEST, "over %u bytes", MANIFEST_MAX);
    digest_of(buf_bytes(&text), hex_out);
    ok = ok && file_write_whole(path, buf_bytes(&text), err);
    buf_free(&text);
    return ok;
}

/* ---- reading ---- */

/* Why the backup is broken is told by another error, in both languages. */
static bool broken_by(const struct err *why, const char *place, struct err *err)
{
    return err_set_both(err, ERR_BACKUP_BROKEN, place, err_detail(why, false), err_detail(why, true));
}

/* Below the backup and nowhere else. */
static bool path_is_inside(const char *path)
{
    return path[0] != '/' && path[0] != '\0' && strstr(path, "..") == NULL && strcmp(path, CARE_MANIFEST) != 0;
}

static bool read_file(struct manifest *manifest, const json_value *value, struct err *err)
{
    static const char *const names[] = {"path", "bytes", "sha256", NULL};
    const char *path = NULL, *sha256 = NULL;
    uint8_t digest[CRYPTO_DIGEST_SIZE];
    int64_t bytes = 0;

    CHECK(json_only(value, "/files", names, err));
    CHECK(json_need_string(value, "/files", "path", PATH_IN_MAX, &path, err));
    CHECK(json_need_integer(value, "/files", "bytes", 0, INT64_MAX, &bytes, err));
    CHECK(json_need_string(value, "/files", "sha256", HEX_SIZE - 1, &sha256, err));
    if (!path_is_inside(path) || !hex_decode(sha256, digest, sizeof digest))
        return err_set(err, ERR_BACKUP_BROKEN, CARE_MANIFEST, "a file's path or digest");
    return manifest_add(manifest, path, bytes, sha256, err);
}

static bool read_head(struct manifest *manifest, const json_value *root, struct err *err)
{
    const json_value *journal = json_member(root, "journal");
    const char *created = NULL, *text = NULL;
    int64_t version = 0, format = 0, size = 0;

    CHECK(json_need_integer(root, "", "manifest", MANIFEST_FORMAT, MANIFEST_FORMAT, &version, err));
    CHECK(json_need_string(root, "", "gateway", PATH_IN_MAX, &manifest->gateway, err));
    CHECK(json_need_string(root, "", "origin", PATH_IN_MAX, &manifest->origin, err));
    CHECK(json_need_string(root, "", "created", TIME_TEXT_SIZE, &created, err));
    CHECK(json_need_integer(root, "", "store_format", 1, STORE_FORMAT, &format, err));
    CHECK(json_need_integer(journal, "/journal", "size", 0, INT64_MAX, &size, err));
    CHECK(json_need_string(journal, "/journal", "root", CARE_ROOT_SIZE - 1, &text, err));
    if (!time_parse(bytes_str(created), &manifest->created_ms))
        return err_set(err, ERR_BACKUP_BROKEN, CARE_MANIFEST, "/created");
    manifest->gateway = arena_strdup(manifest->arena, manifest->gateway);
    manifest->origin = arena_strdup(manifest->arena, manifest->origin);
    manifest->root = arena_strdup(manifest->arena, text);
    manifest->format = (unsigned)format;
    manifest->size = (uint64_t)size;
    return true;
}

static bool read_members(struct manifest *manifest, struct bytes text, struct err *err)
{
    AUTO_JSON doc = NULL;

    CHECK(json_parse(text, &doc, err));
    CHECK(read_head(manifest, json_root(doc), err));
    const json_value *files = json_member(json_root(doc), "files");
    for (size_t i = 0; i < json_count(files); i++)
        CHECK(read_file(manifest, json_at(files, i), err));
    return true;
}

bool manifest_read(struct arena *arena, const char *directory, struct manifest *out, char hex_out[HEX_SIZE],
                   struct err *err)
{
    char path[CARE_PATH_MAX];
    struct bytes text = {0};
    struct err why = {0};

    *out = (struct manifest){.arena = arena};
    CHECK(path_join(path, directory, CARE_MANIFEST, err));
    if (!file_read_whole(arena, path, MANIFEST_MAX, &text, &why)) {
        broken_by(&why, CARE_MANIFEST, err);
        return err_context(err, "it was never finished, or is no backup");
    }
    digest_of(text, hex_out);
    if (!read_members(out, text, &why)) {
        broken_by(&why, CARE_MANIFEST, err);
        return why.place[0] != '\0' ? err_context(err, "%.60s", why.place) : false;
    }
    if (out->n > 0)
        qsort(out->files, out->n, sizeof *out->files, by_path);
    return true;
}

void manifest_report(const struct manifest *manifest, struct care_report *out)
{
    out->size = manifest->size;
    snprintf(out->root, sizeof out->root, "%s", manifest->root);
    out->created_ms = manifest->created_ms;
    out->format = manifest->format;
    out->files = manifest->n;
    out->bytes = 0;
    for (size_t i = 0; i < manifest->n; i++)
        out->bytes += (uint64_t)manifest->files[i].bytes;
}

void care_report_write(struct json_out *json, const struct care_report *report)
{
    json_add_integer(json, "size", (int64_t)report->size);
    json_add_string_opt(json, "root", report->root);
    json_add_time(json, "created", report->created_ms);
    json_add_integer(json, "format", report->format);
    json_add_integer(json, "files", (int64_t)report->files);
    json_add_integer(json, "bytes", (int64_t)report->bytes);
    if (report->entries > 0)
        json_add_integer(json, "entries", (int64_t)report->entries);
    if (report->lines > 0)
        json_add_integer(json, "access_lines", (int64_t)report->lines);
    json_add_string_opt(json, "manifest", report->manifest);
    json_add_string_opt(json, "kept", report->kept);
}

/* ---- checking ---- */

static bool check_file(const struct kept_file *file, const char *directory, struct err *err)
{
    char path[CARE_PATH_MAX], hex[HEX_SIZE];
    int64_t bytes = 0;
    struct err why = {0};

    CHECK(path_join(path, directory, file->path, err));
    if (!file_digest(path, hex, &bytes, &why))
        return broken_by(&why, file->path, err);
    if (bytes != file->bytes)
        return err_set(err, ERR_BACKUP_BROKEN, file->path, "%lld bytes, the manifest says %lld", (long long)bytes,
                       (long long)file->bytes);
    return strcmp(hex, file->sha256) == 0 ||
           err_set(err, ERR_BACKUP_BROKEN, file->path, "its bytes do not have the digest in the manifest");
}

/* Files in `sub` ("" is the backup itself) that the manifest does not name. */
static bool no_strangers(const struct manifest *manifest, const char *directory, const char *sub, struct err *err)
{
    char path[CARE_PATH_MAX], inside[PATH_IN_MAX + 300];
    const struct dirent *entry;
    struct stat info;
    bool ok = true;

    CHECK(path_join(path, directory, sub, err));
    DIR *dir = opendir(path);
    while (dir != NULL && ok && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inside, sizeof inside, "%s%s%s", sub, sub[0] != '\0' ? "/" : "", entry->d_name);
        ok = path_join(path, directory, inside, err);
        if (ok && sub[0] == '\0' && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            ok = no_strangers(manifest, directory, inside, err);
        else if (ok && strcmp(inside, CARE_MANIFEST) != 0 && manifest_find(manifest, inside) == NULL)
            ok = err_set(err, ERR_BACKUP_BROKEN, inside, "the manifest does not name it");
    }
    if (dir != NULL)
        closedir(dir);
    return ok;
}

bool manifest_check(const struct manifest *manifest, const char *directory, struct err *err)
{
    for (size_t i = 0; i < manifest->n; i++)
        CHECK(check_file(&manifest->files[i], directory, err));
    if (manifest_find(manifest, CARE_STORE_FILE) == NULL)
        return err_set(err, ERR_BACKUP_BROKEN, CARE_STORE_FILE, "the manifest does not name it");
    return no_strangers(manifest, directory, "", err);
}
