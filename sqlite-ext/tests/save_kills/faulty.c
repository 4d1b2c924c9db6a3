/* Runs a program, and makes one of its system calls fail, or kills it there:
 *
 *   faulty DIRECTORY LOG AT MODE PROGRAM ARGUMENT…
 *
 *   DIRECTORY   only calls on files below it count
 *   LOG         where the counted calls go, one a line: the name, a space, the path
 *   AT          the number of the call, from 1; 0: nothing fails
 *   MODE        once: that call fails with EIO; full: all calls from there on that need room fail with ENOSPC;
 *               kill: the program is killed before the call, or when half of a write is done
 *
 * Counted are the calls that change files, of all threads of the program, in whatever way it makes them: the kernel
 * stops each of them until we have answered (seccomp_unotify(2)).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where a call says which file it is for: its first argument is a descriptor or a path, or its first two are a
 * directory and a path in it. */
enum where { DESCRIPTOR, PATH, BELOW };

static const struct call {
    const char *name;
    int number;
    enum where where;
    /* It needs room on the disk. */
    int room;
    /* The argument with the flags of open: only those count that make or empty a file. -1: there is none. */
    int flags;
} CALLS[] = {
    {"write", __NR_write, DESCRIPTOR, 1, -1},
    {"pwrite", __NR_pwrite64, DESCRIPTOR, 1, -1},
    {"writev", __NR_writev, DESCRIPTOR, 1, -1},
    {"fallocate", __NR_fallocate, DESCRIPTOR, 1, -1},
    {"ftruncate", __NR_ftruncate, DESCRIPTOR, 0, -1},
    {"fsync", __NR_fsync, DESCRIPTOR, 0, -1},
    {"fdatasync", __NR_fdatasync, DESCRIPTOR, 0, -1},
    {"create", __NR_openat, BELOW, 1, 2},
    {"mkdir", __NR_mkdirat, BELOW, 1, -1},
    {"rename", __NR_renameat2, BELOW, 0, -1},
    {"link", __NR_linkat, BELOW, 0, -1},
    {"unlink", __NR_unlinkat, BELOW, 0, -1},
/* The older calls, which some machines do not have. */
#ifdef __NR_open
    {"create", __NR_open, PATH, 1, 1},
#endif
#ifdef __NR_mkdir
    {"mkdir", __NR_mkdir, PATH, 1, -1},
#endif
#ifdef __NR_renameat
    {"rename", __NR_renameat, BELOW, 0, -1},
#endif
#ifdef __NR_rename
    {"rename", __NR_rename, PATH, 0, -1},
#endif
#ifdef __NR_link
    {"link", __NR_link, PATH, 0, -1},
#endif
#ifdef __NR_unlink
    {"unlink", __NR_unlink, PATH, 0, -1},
#endif
#ifdef __NR_rmdir
    {"unlink", __NR_rmdir, PATH, 0, -1},
#endif
};
#define COUNT (sizeof CALLS / sizeof *CALLS)

static void need(int done, const char *what) {
    if (!done) {
        perror(what);
        exit(70);
    }
}

/* Lets the kernel tell about these calls from now on. Gives the descriptor on which it tells. */
static int listen_to_calls(void) {
    struct sock_filter code[4 * COUNT + 2];
    int n = 0;
    for (size_t i = 0; i < COUNT; i++) {
        int checks = CALLS[i].flags >= 0;
        /* The low half of an argument: flags of open have no more. */
        unsigned flags = offsetof(struct seccomp_data, args) + sizeof(__u64) * (checks ? CALLS[i].flags : 0);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        flags += sizeof(__u32);
#endif
        code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, CALLS[i].number, 0, checks ? 3 : 1);
        if (checks) {
            code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags);
            code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_CREAT | O_TRUNC, 0, 1);
        }
        code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {.len = n, .filter = code};
    need(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
    int listener = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
    need(listener >= 0, "seccomp");
    return listener;
}

/* Hands a descriptor to the process at the other end. */
static void hand_over(int socket, int descriptor) {
    char byte = 0;
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.head = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(&control.head), &descriptor, sizeof descriptor);
    need(sendmsg(socket, &message, 0) == 1, "sendmsg");
}

static int take_over(int socket) {
    char byte;
    int descriptor;
    union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    need(recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1, "recvmsg");
    memcpy(&descriptor, CMSG_DATA(&control.head), sizeof descriptor);
    return descriptor;
}

/* Where a link in /proc of the thread leads. Empty: it cannot be read. */
static void link_of(pid_t thread, const char *name, char path[PATH_MAX]) {
    char link[64];
    snprintf(link, sizeof link, "/proc/%d/%s", thread, name);
    ssize_t n = readlink(link, path, PATH_MAX - 1);
    path[n < 0 ? 0 : n] = 0;
}

static void of_descriptor(pid_t thread, int descriptor, char path[PATH_MAX]) {
    char name[32];
    snprintf(name, sizeof name, "fd/%d", descriptor);
    link_of(thread, descriptor == AT_FDCWD ? "cwd" : name, path);
}

/* A text in the memory of the thread. It may end at the end of a page. */
static void text_of(pid_t thread, __u64 at, char text[PATH_MAX]) {
    size_t n = 0;
    while (n < PATH_MAX - 1) {
        size_t rest = 4096 - (at + n) % 4096;
        if (rest > PATH_MAX - 1 - n) rest = PATH_MAX - 1 - n;
        struct iovec here = {text + n, rest}, there = {(void *)(at + n), rest};
        ssize_t got = process_vm_readv(thread, &here, 1, &there, 1, 0);
        if (got <= 0) break;
        if (memchr(text + n, 0, got)) return;
        n += got;
    }
    text[n] = 0;
}

static void path_of(const struct call *call, const struct seccomp_notif *asked, char path[PATH_MAX]) {
    const __u64 *args = asked->data.args;
    char text[PATH_MAX];
    if (call->where == DESCRIPTOR) {
        of_descriptor(asked->pid, (int)args[0], path);
        return;
    }
    text_of(asked->pid, args[call->where == BELOW], text);
    if (text[0] == '/') {
        strcpy(path, text);
        return;
    }
    of_descriptor(asked->pid, call->where == BELOW ? (int)args[0] : AT_FDCWD, path);
    if (strlen(path) + 1 + strlen(text) < PATH_MAX) strcat(strcat(path, "/"), text);
}

/* Does the first half of a write. */
static void half(const struct call *call, const struct seccomp_notif *asked) {
    const __u64 *args = asked->data.args;
    long long position = args[3];
    char name[64];
    if (call->number == __NR_write) {
        snprintf(name, sizeof name, "/proc/%d/fdinfo/%d", asked->pid, (int)args[0]);
        FILE *info = fopen(name, "r");
        if (!info || fscanf(info, "pos: %lld", &position) != 1) return;
        fclose(info);
    } else if (call->number != __NR_pwrite64) return;
    size_t size = args[2] / 2;
    char *bytes = malloc(size + 1);
    struct iovec here = {bytes, size}, there = {(void *)args[1], size};
    snprintf(name, sizeof name, "/proc/%d/fd/%d", asked->pid, (int)args[0]);
    int file = open(name, O_WRONLY | O_CLOEXEC);
    if (file >= 0 && process_vm_readv(asked->pid, &here, 1, &there, 1, 0) == (ssize_t)size) {
        need(pwrite(file, bytes, size, position) == (ssize_t)size, "half of a write");
    }
    close(file);
    free(bytes);
}

int main(int count, char **arguments) {
    if (count < 6) {
        fprintf(stderr, "usage: faulty DIRECTORY LOG AT MODE PROGRAM ARGUMENT...\n");
        return 64;
    }
    const char *directory = arguments[1], *mode = arguments[4];
    int at = atoi(arguments[3]), number = 0, pair[2];
    FILE *log = fopen(arguments[2], "we");
    need(log != NULL, "the log");
    need(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "socketpair");
    pid_t supervisor = getpid(), child = fork();
    need(child >= 0, "fork");
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != supervisor) exit(70);
        /* Before the filter counts: what is put into a socket is no write. */
        int listener = listen_to_calls();
        hand_over(pair[1], listener);
        close(listener);
        execv(arguments[5], arguments + 5);
        perror(arguments[5]);
        exit(70);
    }
    close(pair[1]);
    int listener = take_over(pair[0]), status;
    for (;;) {
        struct pollfd ready = {.fd = listener, .events = POLLIN};
        need(poll(&ready, 1, -1) == 1 || errno == EINTR, "poll");
        if (!(ready.revents & POLLIN)) {
            /* Nobody is under the filter any more. */
            if (ready.revents) break;
            continue;
        }
        struct seccomp_notif asked = {0};
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) continue;
        const struct call *call = CALLS;
        while (call->number != asked.data.nr) call++;
        char path[PATH_MAX];
        path_of(call, &asked, path);
        struct seccomp_notif_resp answer = {.id = asked.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        if (strncmp(path, directory, strlen(directory)) == 0) {
            number++;
            fprintf(log, "%s %s\n", call->name, path);
            fflush(log);
            int here = at > 0 && (strcmp(mode, "full") == 0 ? number >= at && call->room : number == at);
            if (here && strcmp(mode, "kill") == 0) {
                half(call, &asked);
                kill(child, SIGKILL);
                break;
            }
            if (here) {
                answer.flags = 0;
                answer.error = strcmp(mode, "full") == 0 ? -ENOSPC : -EIO;
            }
        }
        /* It may have died meanwhile. */
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
    }
    need(waitpid(child, &status, 0) == child, "waitpid");
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
