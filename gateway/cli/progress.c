/* Progress on a terminal, and what an interrupt does. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "cli/internal.h"

#define SHOW_MS 250
#define NOTE_MAX 256

static volatile sig_atomic_t asked;       /* the first interrupt came */
static volatile sig_atomic_t only_asks;
static char note[NOTE_MAX];               /* written before the handler may read it */

static void on_interrupt(int number)
{
    (void)number;
    int saved = errno;
    if (only_asks && !asked) {
        asked = 1;
        errno = saved;
        return;
    }
    if (note[0] && write(STDERR_FILENO, note, strlen(note)) < 0)
        _exit(CLI_INTERRUPTED);
    _exit(CLI_INTERRUPTED);
}

static void listen_for(const char *text, bool asks)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigset_t mask, old;
    sigemptyset(&action.sa_mask);
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigprocmask(SIG_BLOCK, &mask, &old);
    snprintf(note, sizeof note, "%s%s", text ? text : "", text ? "\n" : "");
    only_asks = asks;
    sigaction(SIGINT, &action, NULL);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

void interrupt_ends(const char *text)
{
    listen_for(text, false);
}

void interrupt_asks(void)
{
    listen_for(NULL, true);
}

bool interrupted(void)
{
    return asked != 0;
}

const char *progress_text(char *out, size_t size, uint64_t done, uint64_t total, int64_t elapsed_ms)
{
    uint64_t rate = elapsed_ms > 0 ? done * 1000 / (uint64_t)elapsed_ms : 0;
    char rest[64] = "";
    if (total > done && rate > 0)
        snprintf(rest, sizeof rest, ", %llu s left", (unsigned long long)((total - done + rate - 1) / rate));
    if (total == 0)
        snprintf(out, size, "%llu, %llu/s", (unsigned long long)done, (unsigned long long)rate);
    else
        snprintf(out, size, "%llu of %llu (%llu %%), %llu/s%s", (unsigned long long)done, (unsigned long long)total,
                 (unsigned long long)(done >= total ? 100 : done * 100 / total), (unsigned long long)rate, rest);
    return out;
}

void progress_begin(struct cli_progress *progress, struct cli *cli, const char *what)
{
    *progress = (struct cli_progress){.cli = cli, .what = what, .started_ms = clock_mono_ms()};
}

bool progress_step(void *arg, uint64_t done, uint64_t total)
{
    struct cli_progress *progress = arg;
    int64_t now = clock_mono_ms();
    char text[160];
    if (progress->cli->terminal && now - progress->shown_ms >= SHOW_MS) {
        progress->shown_ms = now;
        fprintf(progress->cli->err, "\r%s: %s\033[K", progress->what,
                progress_text(text, sizeof text, done, total, now - progress->started_ms));
        fflush(progress->cli->err);
    }
    return !interrupted();
}

void progress_end(struct cli_progress *progress)
{
    if (progress->shown_ms != 0)
        fputs("\r\033[K", progress->cli->err);
    progress->shown_ms = 0;
}
