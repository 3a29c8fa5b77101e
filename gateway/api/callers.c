/* callers: a hash table that only grows. Entries never move, so marks and pointers stay good. */
#include "api/callers.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (1u << 17)                   /* more than twice CALLERS_MAX */

struct callers {
    _Atomic size_t n;
    struct caller *all[CALLERS_MAX];
    uint32_t slots[SLOTS];                 /* mark of the entry; 0: free */
};

static struct caller *add(struct callers *callers, const char *id)
{
    size_t n = atomic_load(&callers->n);
    struct caller *caller = xcalloc(1, sizeof(*caller));
    caller->id = xstrdup(id);
    caller->mark = n + 1;
    callers->all[n] = caller;
    atomic_store(&callers->n, n + 1);
    return caller;
}

struct callers *callers_new(void)
{
    struct callers *callers = xcalloc(1, sizeof(*callers));
    add(callers, "");
    return callers;
}

void callers_free(struct callers **callers)
{
    if (!*callers)
        return;
    for (size_t i = 0; i < (*callers)->n; i++) {
        free((*callers)->all[i]->id);
        free((*callers)->all[i]);
    }
    free(*callers);
    *callers = NULL;
}

struct caller *callers_shared(struct callers *callers)
{
    return callers->all[0];
}

static uint32_t hash(const char *id)
{
    uint32_t h = 2166136261u;
    for (; *id; id++)
        h = (h ^ (uint8_t)*id) * 16777619u;
    return h;
}

struct caller *callers_of(struct callers *callers, const char *id)
{
    for (uint32_t at = hash(id);; at++) {
        uint32_t *slot = &callers->slots[at % SLOTS];
        if (*slot == 0 && callers->n == CALLERS_MAX)
            return callers->all[0];
        if (*slot == 0) {
            struct caller *caller = add(callers, id);
            *slot = (uint32_t)caller->mark;
            return caller;
        }
        if (strcmp(callers->all[*slot - 1]->id, id) == 0)
            return callers->all[*slot - 1];
    }
}

struct caller *callers_marked(struct callers *callers, uint64_t mark)
{
    return mark > 0 && mark <= atomic_load(&callers->n) ? callers->all[mark - 1] : NULL;
}
