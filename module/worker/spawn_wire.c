#include "module/worker/spawn_wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct packer {
    char *at, *end;
    bool full;
};

static void put(struct packer *p, const void *data, size_t length) {
    p->full = p->full || length > (size_t)(p->end - p->at);
    if (p->full)
        return;
    memcpy(p->at, data, length);
    p->at += length;
}

static uint32_t put_texts(struct packer *p, const char *const *texts) {
    uint32_t n = 0;
    for (; texts[n]; n++)
        put(p, texts[n], strlen(texts[n]) + 1);
    return n;
}

size_t spawn_pack(char *to, const struct spawn_head *head, const char *directory,
                  const char *cgroup, const char *const *argv, const char *const *environment) {
    struct packer p = {to, to + SPAWN_BYTES_MAX, false};
    struct spawn_head filled = *head;
    put(&p, &filled, sizeof filled);
    put(&p, directory, strlen(directory) + 1);
    put(&p, cgroup, strlen(cgroup) + 1);
    filled.magic = SPAWN_MAGIC;
    filled.argc = put_texts(&p, argv);
    filled.envc = put_texts(&p, environment);
    memcpy(to, &filled, sizeof filled);
    return p.full ? 0 : (size_t)(p.at - to);
}

/* The next text of the packet, NULL behind its end. */
static char *next_text(char **at, const char *end) {
    char *text = *at, *nul = text < end ? memchr(text, '\0', (size_t)(end - text)) : NULL;
    if (nul)
        *at = nul + 1;
    return nul ? text : NULL;
}

static bool take_texts(char **at, const char *end, char **to, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!(to[i] = next_text(at, end)))
            return false;
    to[count] = NULL;
    return true;
}

bool spawn_unpack(const char *packet, size_t length, struct spawn_head *ret_head,
                  const char **ret_directory, const char **ret_cgroup, char ***ret_argv,
                  char ***ret_environment) {
    if (length < sizeof *ret_head)
        return false;
    memcpy(ret_head, packet, sizeof *ret_head);
    if (ret_head->magic != SPAWN_MAGIC || ret_head->argc == 0 || ret_head->argc > length ||
        ret_head->envc > length || ret_head->group_count > SPAWN_GROUPS_MAX)
        return false;
    char **texts = malloc(((size_t)ret_head->argc + ret_head->envc + 2) * sizeof *texts);
    if (!texts)
        return false;
    char *at = (char *)(uintptr_t)packet + sizeof *ret_head;
    const char *end = packet + length;
    *ret_directory = next_text(&at, end);
    *ret_cgroup = next_text(&at, end);
    *ret_argv = texts;
    *ret_environment = texts + ret_head->argc + 1;
    if (*ret_directory && *ret_cgroup && take_texts(&at, end, *ret_argv, ret_head->argc) &&
        take_texts(&at, end, *ret_environment, ret_head->envc))
        return true;
    free(texts);
    return false;
}

int spawn_send(int socket, const void *packet, size_t length, const int *fds, size_t fd_count) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SPAWN_FDS_MAX)] = {0};
    struct iovec bytes = {.iov_base = (void *)(uintptr_t)packet, .iov_len = length};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd_count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&message);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    ssize_t n;
    do
        n = sendmsg(socket, &message, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -1 : 0;
}

long spawn_receive(int socket, void *packet, size_t room, int *fds, size_t *ret_fd_count) {
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * SPAWN_FDS_MAX)];
    struct iovec bytes = {.iov_base = packet, .iov_len = room};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t n;
    do
        n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    size_t count = 0;
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&message) : NULL;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) {
        count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(fds, CMSG_DATA(c), count * sizeof(int));
    }
    *ret_fd_count = count;
    return n;
}
