/* What is said between a slot's thread, the spawner and the keeper of a child. Local sockets of one
 * host and one release: structs as they are in memory.
 *
 *   slot's thread ── request + descriptors ──► spawner ── fork ──► keeper ── fork, exec ──► child
 *         └──────────────── the child's line: orders one way, reports the other ──┘
 *
 * The spawner's control socket and every line are SOCK_SEQPACKET: a message is whole or not there,
 * and any thread may send. */
#ifndef WORKER_SPAWN_WIRE_H
#define WORKER_SPAWN_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SPAWN_MAGIC = 0x4a534832, /* "JSH2": another release's spawner is found out */
    SPAWN_CONTROL_FD = 3,     /* where the spawner finds its socket */
    SPAWN_FDS_MAX = 7,        /* the line and what becomes the child's 0, 1, 2, … */
    SPAWN_BYTES_MAX = 160 * 1024,
    SPAWN_GROUPS_MAX = 64,
    SPAWN_GRACE_MS = 5000 /* from a polite request to SIGKILL */
};

/* Head of a request. Behind it, each ending in NUL: the working directory, where the child's cgroup is
 * to be made (cgroup_make; "": nowhere), argv, the environment.
 * argv[0] is the path of the executable. */
struct spawn_head {
    uint32_t magic, argc, envc;
    uint32_t uid, gid, group_count, groups[SPAWN_GROUPS_MAX];
    uint8_t set_user, set_nice;
    int32_t nice;
    int64_t cpu;    /* seconds of processor time a process may use, 0 = no limit */
    int64_t files;  /* descriptors, 0 = no limit of ours */
    int64_t memory; /* bytes of the child and all it started, 0 = no limit */
};

/* Slot's thread to keeper. The end of the line means SPAWN_KILL, unless SPAWN_LEAVE was sent. */
enum spawn_verb {
    SPAWN_TERMINATE, /* SIGTERM to the process group */
    SPAWN_KILL,      /* SIGKILL to everything the child is and started */
    SPAWN_LEAVE,     /* the child's input has ended: kill what is still there after `value` ms */
    SPAWN_NEXT       /* another job begins: from now on `value` s of processor time, 0 = no limit */
};
struct spawn_order {
    int32_t verb;
    int64_t value;
};

/* Keeper to slot's thread. */
enum spawn_event {
    SPAWN_FAILED, /* nothing runs: `step` failed with errno `code`. The last report */
    SPAWN_ENDED   /* the child has ended and nothing that it started is left. The last report */
};
enum spawn_over {
    SPAWN_OVER_NOTHING,
    SPAWN_OVER_MEMORY,
    SPAWN_OVER_CPU,
    SPAWN_OVER_HOST /* not its own limit: the host's memory, or what the service may have */
};
struct spawn_report {
    int32_t event;
    int32_t code;     /* of SPAWN_FAILED: errno; of SPAWN_ENDED: as waitpid gives it */
    char step[24];    /* "exec", "chdir", … */
    uint8_t over;     /* enum spawn_over: it was killed for that */
    int64_t peak_kib; /* of all together in a cgroup, else the largest process that is known of */
    int64_t cpu_us;
};

/* The request as one packet in `to` (SPAWN_BYTES_MAX bytes); its length, or 0 if it is too long. */
size_t spawn_pack(char *to, const struct spawn_head *head, const char *directory,
                  const char *cgroup, const char *const *argv, const char *const *environment);
/* The packet's parts, pointing into it; *ret_argv and *ret_environment are one allocation behind
 * *ret_argv, never freed (the caller execs). False: no request of this release. */
bool spawn_unpack(const char *packet, size_t length, struct spawn_head *ret_head,
                  const char **ret_directory, const char **ret_cgroup, char ***ret_argv,
                  char ***ret_environment);

/* A packet with descriptors. 0, or -1 with errno. */
int spawn_send(int socket, const void *packet, size_t length, const int *fds, size_t fd_count);
/* Length of the packet, 0 at the end of the socket, -1 with errno. Descriptors come close-on-exec;
 * *ret_fd_count of them in fds (room for SPAWN_FDS_MAX). */
long spawn_receive(int socket, void *packet, size_t room, int *fds, size_t *ret_fd_count);
#endif
