/*
 * A disk that is slow to flush, for tests and benchmarks: preloaded into a server, it delays each fdatasync(), with which
 * PostgreSQL on Linux flushes its write-ahead log.
 *
 * QUIRE_FLUSH_DELAY_US  how long each takes more, in microseconds
 * QUIRE_FLUSH_GATE      a path: as long as a file is there, none comes to its end, and nothing is written to the log, so that
 *                       whoever kills the server loses what was not flushed
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void wait_micros(long micros)
{
    struct timespec left = {micros / 1000000, (micros % 1000000) * 1000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

static void wait_for_gate(void)
{
    const char *gate = getenv("QUIRE_FLUSH_GATE");

    while (gate != NULL && access(gate, F_OK) == 0)
        wait_micros(1000);
}

static int is_of_log(int fd)
{
    char link[32];
    char path[4096];
    ssize_t length;

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof(path) - 1);
    path[length > 0 ? length : 0] = 0;
    return strstr(path, "/pg_wal/") != NULL;
}

int fdatasync(int fd)
{
    int (*flush)(int) = (int (*)(int)) dlsym(RTLD_NEXT, "fdatasync");
    const char *delay = getenv("QUIRE_FLUSH_DELAY_US");

    if (delay != NULL)
        wait_micros(atol(delay));
    wait_for_gate();
    return flush(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    ssize_t (*write_at)(int, const void *, size_t, off64_t) =
        (ssize_t (*)(int, const void *, size_t, off64_t)) dlsym(RTLD_NEXT, "pwrite64");

    if (getenv("QUIRE_FLUSH_GATE") != NULL && is_of_log(fd))
        wait_for_gate();
    return write_at(fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}
