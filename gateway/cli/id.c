/* id check: judges codes and numbers. One line a value, in the order given. */
#include <string.h>

#include "cli/internal.h"
#include "ident/ident.h"

#define VALUE_MAX 4096                    /* bytes of a line; what is behind is longer than any identifier anyway */

static void put_findings(const struct ident_result *result, FILE *out)
{
    for (size_t i = 0; i < result->finding_n; i++)
        fprintf(out, "%s%s", i > 0 ? "," : "", err_info(result->findings[i])->code);
    if (result->finding_n == 0)
        fputc('-', out);
}

/* The columns stay columns, whatever the input holds. */
static void put_input(struct bytes input, FILE *out)
{
    for (size_t i = 0; i < input.n; i++) {
        if (input.p[i] == '\t')
            fputs("\\t", out);
        else if (input.p[i] == '\n')
            fputs("\\n", out);
        else if (input.p[i] < 0x20 || input.p[i] == 0x7F)
            fprintf(out, "\\x%02x", input.p[i]);
        else
            fputc(input.p[i], out);
    }
}

static void put_line(const struct ident_result *result, struct bytes input, FILE *out)
{
    fprintf(out, "%s\t%s\t%s\t", ident_verdict_name(result->verdict), ident_kind_name(result->kind), result->normal);
    put_findings(result, out);
    fputc('\t', out);
    put_input(input, out);
    fputc('\n', out);
}

static void put_object(struct cli *cli, const struct ident_result *result, struct bytes input)
{
    struct buf text;
    struct json_out json;
    buf_init(&text, 8 * VALUE_MAX);
    json_out_init(&json, &text);
    json_begin_object(&json);
    json_add_string(&json, "verdict", ident_verdict_name(result->verdict));
    json_add_string(&json, "kind", ident_kind_name(result->kind));
    json_add_string(&json, "normal", result->normal);
    json_key(&json, "findings");
    json_begin_array(&json);
    for (size_t i = 0; i < result->finding_n; i++)
        json_put_string(&json, err_info(result->findings[i])->code);
    json_end_array(&json);
    json_key(&json, "input");
    if (utf8_valid(input))
        json_put_bytes(&json, input);
    else
        json_put_null(&json);
    json_end_object(&json);
    cli_put_listed(cli, buf_bytes(&text));
    buf_free(&text);
}

static int check(struct cli *cli, enum ident_kind kind, struct bytes input)
{
    struct ident_result result;
    ident_check(kind, input, &result);
    if (cli->json)
        put_object(cli, &result, input);
    else
        put_line(&result, input, cli->out);
    return result.verdict == IDENT_VALID ? CLI_OK : CLI_PARTIAL;
}

/* Reads to the line's end, keeps at most VALUE_MAX bytes. False at the end of the file. */
static bool read_line(FILE *file, uint8_t line[VALUE_MAX], size_t *n_out)
{
    int c = getc_unlocked(file);
    *n_out = 0;
    if (c == EOF)
        return false;
    for (; c != EOF && c != '\n'; c = getc_unlocked(file)) {
        if (*n_out < VALUE_MAX)
            line[(*n_out)++] = (uint8_t)c;
    }
    return true;
}

static int check_lines(struct cli *cli, enum ident_kind kind, FILE *file)
{
    uint8_t line[VALUE_MAX];
    size_t n;
    int code = CLI_OK;
    for (bool first = true; read_line(file, line, &n); first = false) {
        struct bytes value = bytes_of(line, n);
        if (first && n >= 3 && memcmp(line, "\xEF\xBB\xBF", 3) == 0)
            value = bytes_of(line + 3, n - 3);
        if (value.n > 0 && value.p[value.n - 1] == '\r')
            value.n--;
        code = cli_worse(code, check(cli, kind, value));
    }
    return code;
}

static int check_file(struct cli *cli, enum ident_kind kind, const char *path)
{
    struct err err = {0};
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "re");
    if (!file) {
        err_errno(&err, ERR_IO, path, "open");
        return cli_fail(cli, &err);
    }
    int code = check_lines(cli, kind, file);
    if (ferror(file)) {
        err_errno(&err, ERR_IO, path, "read");
        code = cli_fail(cli, &err);
    }
    if (!standard)
        fclose(file);
    return code;
}

int cli_do_id_check(struct cli *cli)
{
    enum ident_kind kind = IDENT_USCC;
    const char *name = cli->option[OPTION_KIND], *file = cli->option[OPTION_FILE];
    int code = CLI_OK;
    if (name && !ident_kind_parse(name, &kind))
        return cli_usage(cli, "--kind is uscc, patent, trademark or region");
    if (cli->arg_n == 0 && !file)
        return cli_usage(cli, "id check needs a VALUE or --file");
    for (size_t i = 0; i < cli->arg_n; i++)
        code = cli_worse(code, check(cli, kind, bytes_str(cli->args[i])));
    if (file) {
        int of_file = check_file(cli, kind, file);
        code = code == CLI_OK || (of_file != CLI_OK && of_file != CLI_PARTIAL) ? of_file : code;
    }
    if (cli->json)
        cli_put_list_end(cli);
    return code;
}
