#include "tests/lib/program.h"

#include "module/base/buf.h"
#include "tests/lib/servers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void program_give_up(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("test support: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    exit(1);
}

static int status_of(int wait_status) {
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

/* Nothing but stdin, stdout, stderr reaches the child: a server must not hold a test's sockets
 * open. */
static pid_t spawn(const char *const *argv, int out, int err) {
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (err >= 0)
        posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    pid_t pid;
    int rc = posix_spawnp(&pid, argv[0], &actions, NULL, (char *const *)(uintptr_t)argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        program_give_up("%s: %s", argv[0], strerror(rc));
    return pid;
}

static int run(const char *const *argv, bool with_stderr, struct buf *output) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        program_give_up("pipe: %s", strerror(errno));
    pid_t pid = spawn(argv, ends[1], with_stderr ? ends[1] : -1);
    close(ends[1]);
    char chunk[4096];
    ssize_t n;
    while ((n = read(ends[0], chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            buf_add(output, chunk, (size_t)n);
    close(ends[0]);
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            program_give_up("waitpid: %s", strerror(errno));
    return status_of(status);
}

int program_run(const char *const *argv, char **ret_output) {
    struct buf output = {0};
    int status = run(argv, true, &output);
    *ret_output = buf_take(&output);
    return status;
}

char *program_read(const char *const *argv) {
    struct buf output = {0};
    int status = run(argv, false, &output);
    if (status != 0)
        program_give_up("%s %s: exit status %d", argv[0], argv[1] ? argv[1] : "", status);
    if (output.length > 0 && output.data[output.length - 1] == '\n')
        output.data[output.length - 1] = '\0';
    return buf_take(&output);
}

/* In the child of fork(): only calls that are safe there. */
static _Noreturn void become(const char *const *argv, const char *const *environment, int log,
                             pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    if (log >= 0) {
        dup2(log, STDOUT_FILENO);
        dup2(log, STDERR_FILENO);
    }
    close_range(3, ~0u, 0);
    unsetenv("JOBS_TEST_SERVERS"); /* jobsd warns of JOBS_ variables that it does not know */
    unsetenv("JOBS_TEST_TIME_FACTOR");
    for (; environment && *environment; environment++)
        putenv((char *)(uintptr_t)*environment);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

pid_t program_start(const char *const *argv, const char *const *environment, const char *log) {
    int fd = log ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (log && fd < 0)
        program_give_up("%s: %s", log, strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid < 0)
        program_give_up("fork: %s", strerror(errno));
    if (pid == 0)
        become(argv, environment, fd, parent);
    if (fd >= 0)
        close(fd);
    return pid;
}

struct ending {
    pid_t pid;
    int status;
};

static bool has_ended(void *arg) {
    struct ending *ending = arg;
    return waitpid(ending->pid, &ending->status, WNOHANG) == ending->pid;
}

int program_end(pid_t pid, int signal, int64_t timeout) {
    struct ending ending = {.pid = pid};
    if (signal)
        kill(pid, signal);
    if (!test_wait(has_ended, &ending, timeout)) {
        kill(pid, SIGKILL);
        while (waitpid(pid, &ending.status, 0) < 0 && errno == EINTR)
            ;
    }
    return status_of(ending.status);
}
