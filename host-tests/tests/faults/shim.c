/* Makes one system call of a process fail, or kills the process there: LD_PRELOAD this with
 *
 *   FAULT_DIR   only calls on files under this directory count
 *   FAULT_LOG   where the counted calls go, one a line: its name, a space, the path of the file
 *   FAULT_AT    the number of the call, from 1; without it nothing fails
 *   FAULT_MODE  once: that call fails with EIO; forever: all calls from there on do; full: all writes from there on
 *               fail with ENOSPC; kill: the process is killed, a write when half of it is done
 *
 * Counted are the calls that change files: creating, writing, syncing, truncating, renaming, linking, unlinking.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum verdict { PASS, FAIL, HALF };

/* The path that was looked at last. */
static __thread char here_path[PATH_MAX];

static int here(const char *path) {
    const char *dir = getenv("FAULT_DIR");
    if (!dir || !path || strncmp(path, dir, strlen(dir)) != 0) return 0;
    snprintf(here_path, sizeof here_path, "%s", path);
    return 1;
}

static int here_fd(int fd) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return here(path);
}

/* Counts a call, and says what shall become of it. */
static enum verdict judge(const char *name, int writes) {
    static int count;
    int saved = errno, number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    const char *log = getenv("FAULT_LOG"), *at = getenv("FAULT_AT"), *mode = getenv("FAULT_MODE");
    if (log) {
        char line[PATH_MAX + 16];
        int fd = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        int length = snprintf(line, sizeof line, "%s %s\n", name, here_path);
        if (fd >= 0) {
            syscall(SYS_write, fd, line, length);
            syscall(SYS_close, fd);
        }
    }
    errno = saved;
    if (!at || !mode || number < atoi(at)) return PASS;
    if (strcmp(mode, "full") == 0) {
        errno = ENOSPC;
        return writes ? FAIL : PASS;
    }
    if (number > atoi(at) && strcmp(mode, "forever") != 0) return PASS;
    if (strcmp(mode, "kill") == 0) {
        if (writes) return HALF;
        kill(getpid(), SIGKILL);
    }
    errno = EIO;
    return FAIL;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

ssize_t write(int fd, const void *data, size_t size) {
    switch (here_fd(fd) ? judge("write", 1) : PASS) {
    case FAIL: return -1;
    case HALF: REAL(write)(fd, data, size / 2); kill(getpid(), SIGKILL);
    default: return REAL(write)(fd, data, size);
    }
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    switch (here_fd(fd) ? judge("pwrite", 1) : PASS) {
    case FAIL: return -1;
    case HALF: REAL(pwrite)(fd, data, size / 2, offset); kill(getpid(), SIGKILL);
    default: return REAL(pwrite)(fd, data, size, offset);
    }
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) { return pwrite(fd, data, size, offset); }

int fsync(int fd) { return here_fd(fd) && judge("fsync", 0) == FAIL ? -1 : REAL(fsync)(fd); }

int fdatasync(int fd) { return here_fd(fd) && judge("fdatasync", 0) == FAIL ? -1 : REAL(fdatasync)(fd); }

int ftruncate(int fd, off_t size) { return here_fd(fd) && judge("ftruncate", 0) == FAIL ? -1 : REAL(ftruncate)(fd, size); }

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int rename(const char *from, const char *to) { return here(from) && judge("rename", 0) == FAIL ? -1 : REAL(rename)(from, to); }

int renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags) {
    return here(from) && judge("rename", 0) == FAIL ? -1 : REAL(renameat2)(from_fd, from, to_fd, to, flags);
}

int link(const char *from, const char *to) { return here(from) && judge("link", 0) == FAIL ? -1 : REAL(link)(from, to); }

int linkat(int from_fd, const char *from, int to_fd, const char *to, int flags) {
    return here(from) && judge("link", 0) == FAIL ? -1 : REAL(linkat)(from_fd, from, to_fd, to, flags);
}

int unlink(const char *path) { return here(path) && judge("unlink", 0) == FAIL ? -1 : REAL(unlink)(path); }

static int opening(const char *path, int flags) {
    switch ((flags & O_CREAT) && here(path) ? judge("create", 1) : PASS) {
    case FAIL: return 1;
    case HALF: kill(getpid(), SIGKILL);
    default: return 0;
    }
}

int open(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return opening(path, flags) ? -1 : REAL(open)(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    va_list list;
    va_start(list, flags);
    int mode = va_arg(list, int);
    va_end(list);
    return opening(path, flags) ? -1 : REAL(open)(path, flags | O_LARGEFILE, mode);
}
