/* Places by their names. Counties of one name exist in several cities, and some cities' names begin counties' names,
 * so a whole name is looked for before a city is taken off its front. */
#include "filedrop.h"

#include <string.h>

#define PLACE_TEXT 192

static bool is_city(const struct place *place)
{
    return strcmp(place->code, place->city) == 0;
}

/* 小店 for 小店区; a name of one character and its kind (祁县) is never shortened. */
static bool is_called(const struct place *place, const char *name, size_t n)
{
    static const char *const kinds[] = {"市", "区", "县"};
    size_t full = strlen(place->name);

    if (n == full && memcmp(place->name, name, n) == 0)
        return true;
    for (size_t i = 0; i < 3; i++) {
        size_t kind = strlen(kinds[i]);

        if (full == n + kind && n >= 2 * kind && memcmp(place->name, name, n) == 0 &&
            strcmp(place->name + n, kinds[i]) == 0)
            return true;
    }
    return false;
}

/* The one place of that name below `city` (NULL: anywhere). *several_out: there are more; present ones come first. */
static const struct place *find(const char *name, const char *city, bool *several_out)
{
    const struct place *found = NULL;

    *several_out = false;
    for (size_t i = 0; i < place_count; i++) {
        const struct place *place = &places[i];

        if (!is_called(place, name, strlen(name)) ||
            (city != NULL && (strcmp(place->city, city) != 0 || is_city(place))))
            continue;
        if (found == NULL || (found->state == PLACE_ABOLISHED && place->state != PLACE_ABOLISHED)) {
            found = place;
            *several_out = false;
        } else if (place->state != PLACE_ABOLISHED || found->state == PLACE_ABOLISHED) {
            *several_out = true;
        }
    }
    return found;
}

/* The city whose name, with or without 市, stands at the front; *rest_out is what follows. */
static const struct place *city_at(const char *name, const char **rest_out)
{
    for (size_t i = 0; i < place_count; i++) {
        size_t full = strlen(places[i].name), kind = strlen("市");

        if (!is_city(&places[i]))
            continue;
        for (size_t n = full; n >= full - kind; n -= kind) {
            if (strncmp(name, places[i].name, n) != 0)
                continue;
            *rest_out = name + n;
            return &places[i];
        }
    }
    return NULL;
}

/* Names that everybody uses for a place whose full name is another. */
static const char *full_name(const char *name)
{
    static const char *const used[][2] = {{"综改区", "山西转型综合改革示范区"},
                                          {"综改示范区", "山西转型综合改革示范区"},
                                          {"山西综改示范区", "山西转型综合改革示范区"},
                                          {"转型综改示范区", "山西转型综合改革示范区"}};

    for (size_t i = 0; i < sizeof(used) / sizeof(*used); i++)
        if (strcmp(name, used[i][0]) == 0)
            return used[i][1];
    return name;
}

static const char *look(const char *name, const char **why_out)
{
    const char *rest = NULL;
    bool several = false, several_there = false;
    const struct place *place = find(full_name(name), NULL, &several), *city;

    if (place != NULL && !several)
        return place->code;
    city = city_at(name, &rest);
    if (city != NULL && *rest == '\0')
        return city->code;
    if (city != NULL)
        place = find(full_name(rest), city->code, &several_there);
    if (city != NULL && place != NULL && !several_there)
        return place->code;
    *why_out = several ? "a place name that several cities have; name the city as well" : "not a place of the province";
    return NULL;
}

/* Without spaces and the marks between parts. */
static bool add_plain(struct text *text, struct gwa_bytes in)
{
    static const char *const left_out[] = {" ", "\xe3\x80\x80", "-", "/", "·", "－", "—"};

    while (in.n > 0) {
        size_t n = 0;

        for (size_t i = 0; n == 0 && i < sizeof(left_out) / sizeof(*left_out); i++)
            if (in.n >= strlen(left_out[i]) && memcmp(in.p, left_out[i], strlen(left_out[i])) == 0)
                n = strlen(left_out[i]);
        if (n == 0) {
            text_add_bytes(text, (struct gwa_bytes){in.p, 1});
            n = 1;
        }
        in = (struct gwa_bytes){in.p + n, in.n - n};
    }
    return !text->full;
}

static const char *without_province(const char *name)
{
    static const char full[] = "山西省", brief[] = "山西";

    if (strncmp(name, full, sizeof(full) - 1) == 0 && name[sizeof(full) - 1] != '\0')
        return name + sizeof(full) - 1;
    /* 山西 also begins the names of development zones */
    if (strncmp(name, brief, sizeof(brief) - 1) == 0 &&
        city_at(name + sizeof(brief) - 1, &(const char *){NULL}) != NULL)
        return name + sizeof(brief) - 1;
    return name;
}

static bool is_digits(const char *text)
{
    return text[0] != '\0' && text[strspn(text, "0123456789")] == '\0';
}

const char *place_code(struct gwa_bytes city, struct gwa_bytes name, char out[16], const char **why_out)
{
    char own[PLACE_TEXT], both[2 * PLACE_TEXT];
    const char *whole, *code = NULL;
    struct text text;

    *why_out = NULL;
    text_init(&text, own, sizeof(own));
    if (!add_plain(&text, name.n > 0 ? name : city)) {
        *why_out = "too long for the name of a place";
        return NULL;
    }
    if (is_digits(own) && text.n < 16) {
        memcpy(out, own, text.n + 1);
        return out;
    }
    whole = without_province(own);
    if (city.n > 0 && name.n > 0 && city_at(whole, &(const char *){NULL}) == NULL) {
        text_init(&text, both, sizeof(both));
        if (add_plain(&text, city) && add_plain(&text, name))
            code = look(without_province(both), why_out);
    }
    if (code == NULL)
        code = look(whole, why_out);
    if (code != NULL)
        *why_out = NULL;
    return code;
}
