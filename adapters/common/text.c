/* Text that is put together in a room of fixed size, and lists of words. */
#include "adapters/common/text.h"

#include <string.h>

void text_init(struct text *text, char *p, size_t size)
{
    *text = (struct text){p, 0, size, false};
    p[0] = '\0';
}

void text_add_bytes(struct text *text, struct gwa_bytes b)
{
    if (text->full || b.n >= text->size - text->n) {
        text->full = true;
        return;
    }
    memcpy(text->p + text->n, b.p, b.n);
    text->n += b.n;
    text->p[text->n] = '\0';
}

void text_add(struct text *text, const char *s)
{
    text_add_bytes(text, (struct gwa_bytes){(const uint8_t *)s, strlen(s)});
}

bool text_is_one_of(struct gwa_bytes value, const char *list)
{
    for (;;) {
        size_t n = strcspn(list, ",");

        if (n == value.n && (n == 0 || memcmp(list, value.p, n) == 0))
            return true;
        if (list[n] == '\0')
            return false;
        list += n + 1;
    }
}
