#include "tests/bench/system.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Only between fork and exec. */
static void become(char *const *argv, const int *in, const int *out, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) /* it has gone already */
        _exit(1);
    dup2(in[0], 0);
    dup2(out[1], 1);
    execvp(argv[0], argv);
    _exit(127);
}

void child_start(struct child *child, char *const *argv) {
    int in[2], out[2];
    pid_t parent = getpid();
    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0 || (child->pid = fork()) < 0)
        bench_die(argv[0], "cannot be started");
    if (child->pid == 0)
        become(argv, in, out, parent);
    close(in[0]);
    close(out[1]);
    child->in = fdopen(in[1], "w");
    child->out = fdopen(out[0], "r");
}

void child_line(struct child *child, char *ret, size_t size) {
    if (!fgets(ret, (int)size, child->out))
        bench_die("child process", "ended before it should");
    ret[strcspn(ret, "\n")] = '\0';
}

void child_wait(struct child *child) {
    fclose(child->in);
    waitpid(child->pid, NULL, 0);
    fclose(child->out);
}

void child_stop(struct child *child) {
    kill(child->pid, SIGTERM);
    child_wait(child);
}

void child_beside(char *ret, size_t size, const char *name) {
    char self[600];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0)
        bench_die("/proc/self/exe", "cannot be read");
    self[length] = '\0';
    *strrchr(self, '/') = '\0';
    snprintf(ret, size, "%s/%s", self, name);
}
