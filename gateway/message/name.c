/* JSON names and XML names of one member. */
#include <stdint.h>
#include <string.h>

#include "message/name.h"

static bool is_lower(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}

/* Where the last word that is not a language ends. */
static size_t word_end(const char *json)
{
    size_t n = strlen(json);

    return n > 3 && strcmp(json + n - 3, "_zh") == 0 ? n - 3 : n;
}

/* a_b without the character at `skip` against AB. */
static bool equal(const char *json, size_t skip, const char *xml)
{
    bool begins = true;

    for (size_t i = 0; json[i] != '\0'; i++) {
        char c = json[i];

        if (i == skip)
            continue;
        if (c == '_') {
            if (begins)
                return false;
            begins = true;
            continue;
        }
        if (!is_lower(c) || (begins && c < 'a'))
            return false;
        if (*xml++ != (begins ? (char)(c - 'a' + 'A') : c))
            return false;
        begins = false;
    }
    return !begins && *xml == '\0';
}

bool name_matches(const char *json, const char *xml, bool list)
{
    size_t end = word_end(json);

    if (list && end > 1 && json[end - 1] == 's' && equal(json, end - 1, xml))
        return true;
    return equal(json, SIZE_MAX, xml);
}

bool name_to_json(const char *xml, bool list, char out[NAME_SIZE])
{
    size_t n = 0, end;

    if (!is_upper(*xml))
        return false;
    for (size_t i = 0; xml[i] != '\0'; i++) {
        if (n + 4 > NAME_SIZE || (!is_upper(xml[i]) && !is_lower(xml[i])))
            return false;
        if (i > 0 && is_upper(xml[i]))
            out[n++] = '_';
        out[n++] = is_upper(xml[i]) ? (char)(xml[i] - 'A' + 'a') : xml[i];
    }
    out[n] = '\0';
    if (!list)
        return true;
    end = word_end(out);
    memmove(out + end + 1, out + end, n - end + 1);
    out[end] = 's';
    return true;
}
