/* match: a path against a pattern, segment by segment. No normalisation: a path that differs by a slash is another
 * path. */
#include <string.h>

#include "api/route.h"

static bool match_segment(const char **pattern, const char **path, struct arena *arena, const char **value_out)
{
    const char *end = strchr(*pattern, '}');
    size_t n = strcspn(*path, "/");
    if (n == 0)
        return false;
    *value_out = arena_strndup(arena, *path, n);
    *pattern = end + 1;
    *path += n;
    return true;
}

bool route_match(const char *pattern, const char *path, struct arena *arena, const char *values_out[ROUTE_VALUES_MAX])
{
    size_t n = 0;

    while (*pattern != '\0') {
        if (*pattern == '{') {
            if (!match_segment(&pattern, &path, arena, &values_out[n++]))
                return false;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == '\0';
}

bool route_has_word(const char *list, const char *name, size_t n)
{
    while (*list) {
        size_t word = strcspn(list, " ");
        if (word == n && strncmp(list, name, n) == 0)
            return true;
        list += word + (list[word] == ' ');
    }
    return false;
}
