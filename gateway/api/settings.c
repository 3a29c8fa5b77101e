/* settings: the configuration in force, and reading it again. */
#include <string.h>

#include "api/internal.h"

#define TEXT_MAX (1u << 20)

static void write_file(struct json_out *json, const char *name, const char *digest)
{
    json_key(json, name);
    json_begin_object(json);
    json_add_string_opt(json, "digest", digest);
    json_end_object(json);
}

/* The rules file's digest is the one that the ledger recorded last. */
static bool write_rules(struct ask *ask, struct err *err)
{
    const struct rules *rules = policy_in_force(ask->held->state.policy, date_of_ms(ask->now_ms));
    const struct store_key key = key_text("rules");
    struct bytes value;
    AUTO_READ txn = store_read(ask->api->options.store, err);

    if (!txn)
        return false;
    json_key(&ask->json, "rules");
    json_begin_object(&ask->json);
    if (store_get(txn, TABLE_CONFIG, &key, &value)) {
        json_key(&ask->json, "digest");
        json_put_bytes(&ask->json, value);
    }
    json_add_string_opt(&ask->json, "version", rules ? rules->version : NULL);
    json_end_object(&ask->json);
    return true;
}

bool api_do_config(struct ask *ask, struct err *err)
{
    const struct directory *directory = ask->held->state.directory;
    struct buf text;

    buf_init(&text, TEXT_MAX);
    config_show(ask_config(ask), &text);
    json_begin_object(&ask->json);
    json_key(&ask->json, "text");
    json_put_bytes(&ask->json, buf_bytes(&text));
    buf_free(&text);
    json_key(&ask->json, "files");
    json_begin_object(&ask->json);
    CHECK(write_rules(ask, err));
    write_file(&ask->json, "partners", directory_digest(directory, 0));
    write_file(&ask->json, "operators", directory_digest(directory, 1));
    write_file(&ask->json, "sources", directory_digest(directory, 2));
    json_end_object(&ask->json);
    json_end_object(&ask->json);
    return true;
}

/* One line of api_fault back into an error. */
static bool read_fault(char *line, struct err *out)
{
    char *code = strchr(line, '\t');
    char *detail = code ? strchr(code + 1, '\t') : NULL;
    char *detail_zh = detail ? strchr(detail + 1, '\t') : NULL;

    if (!detail_zh)
        return false;
    *code++ = '\0';
    *detail++ = '\0';
    *detail_zh++ = '\0';
    enum err_code known = err_by_name(code);
    err_set_both(out, known == ERR_COUNT ? ERR_CONFIG_VALUE : known, line, detail, detail_zh);
    return true;
}

static void read_faults(struct ask *ask, const struct buf *report)
{
    char *text = (char *)(uintptr_t)bytes_dup(ask->arena, buf_bytes(report)).p;
    char *save = NULL;

    ask->errors = arena_alloc(ask->arena, API_ERRORS_MAX * sizeof(*ask->errors));
    for (char *line = strtok_r(text, "\n", &save); line && ask->error_n < API_ERRORS_MAX;
         line = strtok_r(NULL, "\n", &save))
        if (read_fault(line, &ask->errors[ask->error_n]))
            ask->error_n++;
}

bool api_do_config_reload(struct ask *ask, struct err *err)
{
    struct buf report;

    buf_init(&report, TEXT_MAX);
    bool ok = ask->api->options.reload(ask->api->options.arg, &report, err);
    if (ok) {
        json_begin_object(&ask->json);
        json_add_integer(&ask->json, "generation", (int64_t)api_generation(ask->api));
        json_key(&ask->json, "text");
        json_put_bytes(&ask->json, buf_bytes(&report));
        json_end_object(&ask->json);
    } else {
        read_faults(ask, &report);
    }
    buf_free(&report);
    return ok;
}
