/* items: whoever fills a list offers one item more than its limit, which shows that there are more. */
#include "api/items.h"

void items_begin(struct items *items, struct ask *ask, uint64_t limit)
{
    *items = (struct items){.ask = ask, .limit = limit};
    json_begin_object(&ask->json);
    json_key(&ask->json, "items");
    json_begin_array(&ask->json);
}

bool items_open(struct items *items)
{
    return !items->more;
}

bool items_room(struct items *items)
{
    if (items->n == items->limit)
        items->more = true;
    else
        items->n++;
    return !items->more;
}

bool items_add(struct items *items, struct bytes json)
{
    if (!items_room(items))
        return false;
    json_put_raw(&items->ask->json, json);
    return true;
}

void items_end(struct items *items)
{
    json_end_array(&items->ask->json);
    json_add_boolean(&items->ask->json, "more", items->more);
    if (items->more)
        json_add_string_opt(&items->ask->json, "next", items->next);
    json_end_object(&items->ask->json);
}
