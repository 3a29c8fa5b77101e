/* Which file comes next: whole, of a known kind, not read before, the oldest first. */
#include "adapters/common/files/internal.h"

#include <stdlib.h>
#include <string.h>

static bool ends_with(struct gwa_bytes name, const char *end)
{
    size_t n = strlen(end);

    if (name.n <= n)
        return false;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = name.p[name.n - n + i];

        if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != (uint8_t)end[i])
            return false;
    }
    return true;
}

/* ---- listings ----------------------------------------------------------------------------------------------- */

/* Digits up to the end of the text; -1 for anything else. */
static int64_t number_of(struct gwa_bytes text)
{
    int64_t value = 0;

    if (text.n == 0 || text.n > 18)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9')
            return -1;
        value = value * 10 + (text.p[i] - '0');
    }
    return value;
}

static struct gwa_bytes take_until(struct gwa_bytes *rest, uint8_t end)
{
    const uint8_t *found = rest->n == 0 ? NULL : memchr(rest->p, end, rest->n);
    size_t n = found == NULL ? rest->n : (size_t)(found - rest->p);
    struct gwa_bytes part = {rest->p, n};

    n += found != NULL;
    *rest = (struct gwa_bytes){n == 0 ? rest->p : rest->p + n, rest->n - n};
    return part;
}

bool entry_next(struct gwa_bytes listing, size_t *at, struct entry *out)
{
    while (*at < listing.n) {
        struct gwa_bytes rest = {listing.p + *at, listing.n - *at};
        struct gwa_bytes line = take_until(&rest, '\n');

        *at = listing.n - rest.n;
        out->name = take_until(&line, '\t');
        out->bytes = number_of(take_until(&line, '\t'));
        out->mtime_ms = number_of(line);
        if (out->name.n > 0 && out->bytes >= 0)
            return true;
    }
    return false;
}

static bool same(struct gwa_bytes a, struct gwa_bytes b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool entry_find(struct gwa_bytes listing, struct gwa_bytes name, struct entry *out)
{
    for (size_t at = 0; entry_next(listing, &at, out);)
        if (same(out->name, name))
            return true;
    return false;
}

bool entry_is_done(struct gwa_bytes done, const struct entry *entry)
{
    struct entry known;

    return entry_find(done, entry->name, &known) && known.bytes == entry->bytes && known.mtime_ms == entry->mtime_ms;
}

/* ---- kinds -------------------------------------------------------------------------------------------------- */

enum format pick_format(struct gwa_bytes name, size_t *stem_out)
{
    static const struct {
        const char *end;
        enum format format;
    } kinds[] = {
        {".xlsx", FORMAT_XLSX},     {".csv", FORMAT_CSV},        {".txt", FORMAT_CSV},
        {".ndjson", FORMAT_NDJSON}, {".jsonl", FORMAT_NDJSON},   {".xls", FORMAT_OLD_XLS},
    };

    if (ends_with(name, ".gz"))
        name.n -= 3;
    else if (ends_with(name, ".zst"))
        name.n -= 4;
    if (name.n == 0 || name.p[0] == '.' || (name.n > 1 && name.p[0] == '~' && name.p[1] == '$') ||
        ends_with(name, ".result.csv"))
        return FORMAT_NONE;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        if (!ends_with(name, kinds[i].end))
            continue;
        *stem_out = name.n - strlen(kinds[i].end);
        return kinds[i].format;
    }
    return FORMAT_NONE;
}

/* ---- is it whole ---------------------------------------------------------------------------------------------- */

static bool has_flag(struct gwa_bytes listing, struct gwa_bytes name)
{
    char flag[PATH_SIZE];
    struct text text;
    struct entry found;

    text_init(&text, flag, sizeof(flag));
    text_add_bytes(&text, name);
    text_add(&text, ".ok");
    return !text.full && entry_find(listing, (struct gwa_bytes){(const uint8_t *)flag, text.n}, &found);
}

/* A clock that runs ahead elsewhere must not hold a file up for ever, so it is the distance that counts. */
static bool is_whole(const struct files *files, struct gwa_bytes listing, const struct entry *entry, size_t stem,
                     int64_t now_ms)
{
    struct gwa_bytes short_name = {entry->name.p, stem};
    int64_t age = now_ms - entry->mtime_ms;

    if (has_flag(listing, entry->name) || has_flag(listing, short_name))
        return true;
    return !files->wants_flag && (age < 0 ? -age : age) >= files->settle_ms;
}

bool pick(const struct files *files, struct gwa_bytes listing, struct gwa_bytes done, int64_t now_ms,
          struct entry *out)
{
    struct entry entry;
    bool found = false;
    size_t stem = 0;

    for (size_t at = 0; entry_next(listing, &at, &entry);) {
        if (pick_format(entry.name, &stem) == FORMAT_NONE || (found && out->mtime_ms <= entry.mtime_ms) ||
            !is_whole(files, listing, &entry, stem, now_ms) || entry_is_done(done, &entry))
            continue;
        *out = entry;
        found = true;
    }
    return found;
}
