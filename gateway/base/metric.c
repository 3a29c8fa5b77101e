/* Counters and gauges, and their dump in the Prometheus text format. */
#include "base/base.h"

#include <inttypes.h>
#include <stdatomic.h>

static _Atomic int64_t cells[METRIC_COUNT];

static const struct {
    const char *name;
    const char *type;
    const char *help;
} table[METRIC_COUNT] = {
#define METRIC(id, name, type, help) {name, type, help},
#include "base/metric.def"
#undef METRIC
};

/* Counters are read one by one and order nothing else, so relaxed is enough and cheapest. */
void metric_add(enum metric metric, int64_t n)
{
    atomic_fetch_add_explicit(&cells[metric], n, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&cells[metric], value, memory_order_relaxed);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&cells[metric], memory_order_relaxed);
}

void metric_dump(struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", table[i].name, table[i].help, table[i].name, table[i].type);
        buf_printf(out, "%s %" PRId64 "\n", table[i].name, metric_get((enum metric)i));
    }
}
