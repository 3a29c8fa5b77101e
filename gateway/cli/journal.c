/* journal: head, verify, export. */
#include <string.h>

#include "cli/offline.h"

int cli_do_journal_head(struct cli *cli)
{
    return cli_show(cli, "GET", "/v1/journal/head", bytes_str(""), CLI_CALL_MS);
}

/* ---- prove ------------------------------------------------------------------------------------------------- */

/* The size of the newest signed head, as text for a query. */
static int newest_size(struct cli *cli, const char **out)
{
    AUTO_JSON doc = NULL;
    struct cli_answer answer;
    int64_t size = 0;
    int code = cli_ask(cli, "GET", "/v1/journal/head", bytes_str(""), CLI_CALL_MS, &answer);
    if (code == CLI_OK)
        code = cli_parse_answer(cli, answer.body, &doc);
    if (code != CLI_OK)
        return code;
    json_integer(json_member(json_root(doc), "size"), &size);
    *out = arena_printf(cli->arena, "%lld", (long long)size);
    return CLI_OK;
}

static int prove_growth(struct cli *cli)
{
    const char *to = cli->option[OPTION_SIZE];
    int code = to ? CLI_OK : newest_size(cli, &to);
    if (code != CLI_OK)
        return code;
    const char *path = cli_with(cli, "/v1/journal/consistency", "from", cli->option[OPTION_FROM]);
    return cli_show(cli, "GET", cli_with(cli, path, "to", to), bytes_str(""), CLI_CALL_MS);
}

int cli_do_journal_prove(struct cli *cli)
{
    if ((cli->arg_n == 1) == (cli->option[OPTION_FROM] != NULL))
        return cli_usage(cli, "journal prove needs SEQ or --from");
    if (cli->option[OPTION_FROM])
        return prove_growth(cli);
    const char *path = cli_with(cli, "/v1/journal/proof", "seq", cli->args[0]);
    return cli_show(cli, "GET", cli_with(cli, path, "size", cli->option[OPTION_SIZE]), bytes_str(""), CLI_CALL_MS);
}

/* ---- verify ------------------------------------------------------------------------------------------------ */

/* The answer of POST /admin/v1/journal/verify. */
static int show_verified(struct cli *cli, const struct journal_head *head, int64_t from)
{
    struct buf text, root;
    struct json_out json;
    buf_init(&text, CLI_BODY_MAX);
    buf_init(&root, 2 * MERKLE_HASH);
    base64_encode(&root, bytes_of(head->root.b, MERKLE_HASH), false);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_integer(&json, "size", (int64_t)head->size);
    json_key(&json, "root");
    json_put_bytes(&json, buf_bytes(&root));
    json_add_time(&json, "time", head->time_ms);
    json_add_integer(&json, "verified", (uint64_t)from > head->size ? 0 : (int64_t)head->size - from + 1);
    json_end_object(&json);
    int code = cli_show_bytes(cli, buf_bytes(&text));
    buf_free(&text);
    buf_free(&root);
    return code;
}

static int verify_store(struct cli *cli, struct offline *data, int64_t from)
{
    struct journal_head head;
    struct cli_progress progress;
    struct err err = {0};
    struct store_txn *txn = store_read(data->store, &err);
    if (!txn)
        return cli_fail(cli, &err);
    interrupt_asks();
    progress_begin(&progress, cli, "journal verify");
    bool ok = journal_verify(data->journal, txn, (uint64_t)from, progress_step, &progress, &head, &err);
    progress_end(&progress);
    store_read_end(&txn);
    if (interrupted())
        return CLI_INTERRUPTED;
    return ok ? show_verified(cli, &head, from) : cli_fail(cli, &err);
}

static int verify_offline(struct cli *cli, int64_t from)
{
    struct offline data;
    int code = offline_open(cli, &data);
    if (code == CLI_OK)
        code = verify_store(cli, &data, from);
    offline_close(&data);
    return code;
}

int cli_do_journal_verify(struct cli *cli)
{
    int64_t from = 1;
    int code = cli_number(cli, OPTION_FROM, 1, &from);
    if (code != CLI_OK)
        return code;
    if (cli_offline(cli))
        return verify_offline(cli, from);
    const char *body = arena_printf(cli->arena, "{\"from\":%lld}", (long long)from);
    code = cli_show(cli, "POST", "/journal/verify", bytes_str(body), CLI_LONG_MS);
    if (code != CLI_UNREACHABLE || !cli->option[OPTION_CONFIG])
        return code;
    cli_say(cli, "%s", cli->zh ? "改为直接读取数据目录" : "reading the data directory instead");
    return verify_offline(cli, from);
}

/* ---- export ------------------------------------------------------------------------------------------------ */

/* The sequence of the last line, 0 when it has none; *lines_out are counted. */
static int64_t last_sequence(struct bytes body, int64_t *lines_out)
{
    struct bytes seq;
    int64_t last = 0;
    *lines_out = 0;
    for (size_t start = 0; start < body.n;) {
        const uint8_t *end = memchr(body.p + start, '\n', body.n - start);
        size_t n = end ? (size_t)(end - (body.p + start)) : body.n - start;
        if (json_scan_member(bytes_of(body.p + start, n), "seq", &seq)) {
            last = 0;
            for (size_t i = 0; i < seq.n && i < 18 && seq.p[i] >= '0' && seq.p[i] <= '9'; i++)
                last = last * 10 + (seq.p[i] - '0');
        }
        (*lines_out)++;
        start += n + 1;
    }
    return last;
}

static int export_page(struct cli *cli, int64_t *from, int64_t *left)
{
    AUTO_ARENA arena = arena_new();
    struct cli page = *cli;
    struct cli_answer answer;
    int64_t lines = 0;
    page.arena = arena;
    int64_t limit = *left < CLI_EXPORT_PAGE ? *left : CLI_EXPORT_PAGE;
    const char *path = arena_printf(arena, "/journal/export?from=%lld&limit=%lld", (long long)*from, (long long)limit);
    int code = cli_ask(&page, "GET", path, bytes_str(""), CLI_CALL_MS, &answer);
    if (code != CLI_OK)
        return code;
    fwrite(answer.body.p, 1, answer.body.n, cli->out);
    int64_t last = last_sequence(answer.body, &lines);
    *left = last < *from ? 0 : *left - lines;
    *from = last + 1;
    return CLI_OK;
}

int cli_do_journal_export(struct cli *cli)
{
    int64_t from = 1, left = INT64_MAX;
    int code = cli_number(cli, OPTION_FROM, 1, &from);
    if (code == CLI_OK)
        code = cli_number(cli, OPTION_LIMIT, 1, &left);
    while (code == CLI_OK && left > 0 && !ferror(cli->out))
        code = export_page(cli, &from, &left);
    return code;
}
