#include "tests/lib/pooler.h"

#include "module/base/buf.h"
#include "tests/lib/program.h"
#include "tests/lib/servers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        program_give_up("no free port: %s", strerror(errno));
    close(fd);
    return ntohs(address.sin_port);
}

/* Writes pgbouncer.ini to a new file below /var/tmp, whose name it returns in `path`. */
static void write_settings(const char *conninfo, int port, char path[64]) {
    PGconn *db = PQconnectdb(conninfo);
    if (PQstatus(db) != CONNECTION_OK)
        program_give_up("%s: %s", conninfo, PQerrorMessage(db));
    snprintf(path, 64, "/var/tmp/jobs-pooler.XXXXXX");
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        program_give_up("%s: %s", path, strerror(errno));
    fprintf(file,
            "[databases]\npooled = host=%s port=%s dbname=%s user=%s\n"
            "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"
            "auth_type = any\npool_mode = transaction\ndefault_pool_size = 2\n"
            "server_round_robin = 1\nignore_startup_parameters = extra_float_digits\n",
            PQhost(db), PQport(db), PQdb(db), PQuser(db), port);
    fclose(file);
    PQfinish(db);
    if (chmod(path, 0644) < 0)
        program_give_up("%s: %s", path, strerror(errno));
}

static bool answers(void *arg) {
    const char *conninfo = arg;
    return PQping(conninfo) == PQPING_OK;
}

const char *test_pooler(const char *conninfo) {
    static struct {
        char conninfo[128], settings[64];
    } pooler; /* one per program: read until its end */
    if (pooler.conninfo[0])
        program_give_up("there is a pooler already");
    int port = free_port();
    write_settings(conninfo, port, pooler.settings);
    snprintf(pooler.conninfo, sizeof pooler.conninfo,
             "host=127.0.0.1 port=%d user=pooled dbname=pooled", port);
    /* It refuses root; a change of user would undo the signal at the test's end, so setpriv asks
     * for it again. */
    const char *as_root[] = {"setpriv",
                             "--reuid=65534",
                             "--regid=65534",
                             "--clear-groups",
                             "--pdeathsig=KILL",
                             "pgbouncer",
                             "-q",
                             pooler.settings,
                             NULL};
    pid_t pid = program_start(geteuid() == 0 ? as_root : as_root + 5, NULL, "/dev/null");
    if (!test_wait(answers, pooler.conninfo, 10000))
        program_give_up("pgbouncer (process %d) does not answer", (int)pid);
    unlink(pooler.settings);
    return pooler.conninfo;
}
