/* listen: sockets that accept. Every loop has its own for each TCP address (SO_REUSEPORT); a Unix socket is
 * served by the first loop alone. */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/conn.h"

#define BACKLOG 512
#define UNIX_MODE 0660

static struct listener *new_listener(struct net *net, int tag, const struct net_service *service)
{
    struct listener *listener = xcalloc(1, sizeof *listener);
    listener->net = net;
    listener->service = *service;
    listener->tag = tag;
    if (listener->service.body_max <= 0 || listener->service.body_max > NET_BODY_MAX)
        listener->service.body_max = NET_BODY_MAX;
    pthread_mutex_init(&listener->lock, NULL);
    listener->next = net->listeners;
    net->listeners = listener;
    return listener;
}

static void add_door(struct listener *listener, struct loop *loop, int fd)
{
    struct door *door = xcalloc(1, sizeof *door);
    *door = (struct door){.next = loop->doors, .listener = listener, .loop = loop, .fd = fd};
    loop->doors = door;
}

struct crypto_tls *door_tls(struct door *door)
{
    struct listener *listener = door->listener;
    if (door->tls && atomic_load(&listener->generation) == door->generation)
        return door->tls;
    crypto_tls_free(&door->tls);
    pthread_mutex_lock(&listener->lock);
    door->tls = crypto_tls_ref(listener->tls);
    door->generation = atomic_load(&listener->generation);
    pthread_mutex_unlock(&listener->lock);
    return door->tls;
}

void net_replace_tls(struct net *net, int tag, struct crypto_tls *tls)
{
    for (struct listener *listener = net->listeners; listener; listener = listener->next) {
        if (listener->tag != tag || !listener->secure)
            continue;
        pthread_mutex_lock(&listener->lock);
        struct crypto_tls *old = listener->tls;
        listener->tls = crypto_tls_ref(tls);
        atomic_fetch_add(&listener->generation, 1);
        pthread_mutex_unlock(&listener->lock);
        crypto_tls_free(&old);
    }
}

bool address_split(const char *address, char host_out[ADDRESS_HOST_SIZE], const char **port_out)
{
    const char *colon = strrchr(address, ':');
    size_t n = colon ? (size_t)(colon - address) : 0;
    if (n == 0 || n >= ADDRESS_HOST_SIZE)
        return false;
    bool literal = address[0] == '[' && address[n - 1] == ']';
    snprintf(host_out, ADDRESS_HOST_SIZE, "%.*s", (int)(literal ? n - 2 : n), address + (literal ? 1 : 0));
    *port_out = colon + 1;
    return true;
}

/* ---- TCP -------------------------------------------------------------------------------------------- */

static bool resolve(const char *address, struct addrinfo **list_out, struct err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char host[ADDRESS_HOST_SIZE];
    const char *port;
    if (!address_split(address, host, &port))
        return err_set(err, ERR_CONFIG_VALUE, address, "not host:port");
    int code = getaddrinfo(host, port, &hints, list_out);
    if (code != 0)
        return err_set(err, ERR_CONFIG_VALUE, address, "%s", gai_strerror(code));
    return true;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool net_loopback(const char *address, struct err *err)
{
    struct addrinfo *list = NULL;
    CHECK(resolve(address, &list, err));
    bool all = true;
    for (const struct addrinfo *info = list; info; info = info->ai_next)
        all = all && is_loopback(info->ai_addr);
    freeaddrinfo(list);
    return all || err_set(err, ERR_CONFIG_VALUE, address, "not a loopback address");
}

static int bound_socket(const struct sockaddr *address, socklen_t n)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0 || bind(fd, address, n) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* With SO_REUSEPORT alone a second daemon of the same user could quietly share the port: a first socket without
 * it finds out. */
static bool port_free(const struct sockaddr *address, socklen_t n)
{
    int on = 1;
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return false;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    bool ok = bind(fd, address, n) == 0;
    int saved = errno;
    close(fd);
    errno = saved;
    return ok;
}

static int port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

/* One socket for each loop; the first may pick the port, the others follow it. */
static bool open_doors(struct listener *listener, const struct addrinfo *info, const char *place, int *port_out,
                       struct err *err)
{
    struct net *net = listener->net;
    struct sockaddr_storage address = {0};
    socklen_t n = info->ai_addrlen;
    memcpy(&address, info->ai_addr, n);
    if (!port_free((struct sockaddr *)&address, n))
        return err_errno(err, ERR_CONFIG_VALUE, place, "cannot listen");
    for (int i = 0; i < net->options.threads; i++) {
        int fd = bound_socket((struct sockaddr *)&address, n);
        if (fd < 0)
            return err_errno(err, ERR_CONFIG_VALUE, place, "cannot listen");
        add_door(listener, &net->loops[i], fd);
        socklen_t size = sizeof address;
        if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
            return err_errno(err, ERR_INTERNAL, place, "getsockname");
    }
    if (port_out)
        *port_out = port_of(&address);
    return true;
}

static bool listen_tcp(struct net *net, const char *address, struct crypto_tls *tls, int tag, bool framed,
                       const struct net_service *service, int *port_out, struct err *err)
{
    struct addrinfo *list = NULL;
    CHECK(resolve(address, &list, err));
    struct listener *listener = new_listener(net, tag, service);
    listener->framed = framed;
    listener->secure = tls != NULL;
    listener->tls = tls ? crypto_tls_ref(tls) : NULL;
    bool ok = open_doors(listener, list, address, port_out, err);
    freeaddrinfo(list);
    return ok;
}

bool net_listen_tcp(struct net *net, const char *address, struct crypto_tls *tls, int tag,
                    const struct net_service *service, int *port_out, struct err *err)
{
    return listen_tcp(net, address, tls, tag, false, service, port_out, err);
}

bool net_listen_frames(struct net *net, const char *address, struct crypto_tls *tls, int tag,
                       const struct net_service *service, int *port_out, struct err *err)
{
    return listen_tcp(net, address, tls, tag, true, service, port_out, err);
}

/* ---- Unix ------------------------------------------------------------------------------------------- */

/* Removes what a daemon that died left behind; a socket that still answers is somebody's. */
static bool remove_stale(const struct sockaddr_un *address, struct err *err)
{
    struct stat info;
    if (lstat(address->sun_path, &info) != 0)
        return errno == ENOENT ? true : err_errno(err, ERR_CONFIG_VALUE, address->sun_path, "stat");
    if (!S_ISSOCK(info.st_mode))
        return err_set(err, ERR_CONFIG_VALUE, address->sun_path, "exists and is not a socket");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    if (answers)
        return err_set(err, ERR_CONFIG_VALUE, address->sun_path, "another process listens there");
    if (unlink(address->sun_path) != 0)
        return err_errno(err, ERR_CONFIG_VALUE, address->sun_path, "unlink");
    return true;
}

static bool bind_unix(int fd, const struct sockaddr_un *address, struct err *err)
{
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) != 0)
        return err_errno(err, ERR_CONFIG_VALUE, address->sun_path, "cannot listen");
    /* nobody can connect before listen, so the mode is right in time */
    if (chmod(address->sun_path, UNIX_MODE) != 0)
        return err_errno(err, ERR_CONFIG_VALUE, address->sun_path, "chmod");
    return true;
}

bool net_listen_unix(struct net *net, const char *path, int tag, const struct net_service *service, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_CONFIG_VALUE, path, "longer than %zu bytes", sizeof address.sun_path - 1);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    CHECK(remove_stale(&address, err));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(err, ERR_INTERNAL, path, "socket");
    if (!bind_unix(fd, &address, err)) {
        close(fd);
        return false;
    }
    struct listener *listener = new_listener(net, tag, service);
    listener->path = xstrdup(path);
    add_door(listener, &net->loops[0], fd);
    return true;
}

/* ---- doors ------------------------------------------------------------------------------------------ */

static void on_knock(uv_stream_t *stream, int status)
{
    struct door *door = stream->data;
    if (status == 0)
        conn_open(door);
    else if (loop_may_complain(door->loop))
        log_event(LOG_WARN, "net.accept", "text=\"%s\"", uv_strerror(status));
}

static int adopt(struct door *door)
{
    int fd = door->fd;
    door->fd = -1;
    door->uv.handle.data = door;
    int code = door->listener->path ? uv_pipe_open(&door->uv.pipe, fd) : uv_tcp_open(&door->uv.tcp, fd);
    if (code != 0)
        close(fd);
    return code;
}

bool door_listen(struct door *door, struct err *err)
{
    if (door->listener->path)
        uv_pipe_init(&door->loop->uv, &door->uv.pipe, 0);
    else
        uv_tcp_init(&door->loop->uv, &door->uv.tcp);
    int code = adopt(door);
    if (code == 0)
        code = uv_listen(&door->uv.stream, BACKLOG, on_knock);
    return code == 0 ? true : err_set(err, ERR_CONFIG_VALUE, door->listener->path, "listen: %s", uv_strerror(code));
}

void door_close(struct door *door)
{
    if (door->fd >= 0) {
        close(door->fd);
        door->fd = -1;
    } else if (!uv_is_closing(&door->uv.handle)) {
        uv_close(&door->uv.handle, NULL);
    }
    if (door->listener->path)
        unlink(door->listener->path);
}
