/* Makes calls of the file system fail, for files whose path holds $FAULTS_FILES.
 *
 * Preloaded into a process. What fails, and when, stands in the file $FAULTS_CONTROL,
 * which whoever maps it may change while the process runs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, READ = 4, OPEN = 8 };

struct control {
    int kinds;  /* which calls count; 0: none */
    int nth;    /* the call that fails, from 1 */
    int lasts;  /* whether all behind it fail too */
    int error;  /* with this errno */
    int seen;   /* calls counted */
    int failed; /* calls that were made to fail */
};

static struct control *control;
static const char *files;

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("FAULTS_CONTROL");
    files = getenv("FAULTS_FILES");
    if (path == NULL || files == NULL) return;
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *found = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (found != MAP_FAILED) control = found;
}

static int counts(int kind, const char *path) {
    if (strstr(path, files) == NULL) return 0;
    int seen = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
    if (seen != control->nth && !(control->lasts && seen > control->nth)) return 0;
    __atomic_add_fetch(&control->failed, 1, __ATOMIC_SEQ_CST);
    errno = control->error;
    return 1;
}

static int fails(int kind, int fd) {
    if (control == NULL || !(control->kinds & kind)) return 0;
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return counts(kind, path);
}

#define REAL(name, type) \
    static type real; \
    if (real == NULL) real = (type)dlsym(RTLD_NEXT, #name)

#define AT_OFFSET(name, kind, buffer) \
    ssize_t name(int fd, buffer data, size_t size, off_t offset) { \
        typedef ssize_t (*call)(int, buffer, size_t, off_t); \
        REAL(name, call); \
        if (!fails(kind, fd)) return real(fd, data, size, offset); \
        int error = errno; \
        /* A full disk takes what there is room for. */ \
        if (kind == WRITE && error == ENOSPC) (void)!real(fd, data, size / 2, offset); \
        errno = error; \
        return -1; \
    }
AT_OFFSET(pwrite, WRITE, const void *)
AT_OFFSET(pwrite64, WRITE, const void *)
AT_OFFSET(pread, READ, void *)
AT_OFFSET(pread64, READ, void *)

#define IN_TURN(name, kind, buffer) \
    ssize_t name(int fd, buffer data, size_t size) { \
        typedef ssize_t (*call)(int, buffer, size_t); \
        REAL(name, call); \
        return fails(kind, fd) ? -1 : real(fd, data, size); \
    }
IN_TURN(write, WRITE, const void *)
IN_TURN(read, READ, void *)

#define OF_FILE(name) \
    int name(int fd) { \
        typedef int (*call)(int); \
        REAL(name, call); \
        return fails(SYNC, fd) ? -1 : real(fd); \
    }
OF_FILE(fsync)
OF_FILE(fdatasync)

#define OF_LENGTH(name) \
    int name(int fd, off_t length) { \
        typedef int (*call)(int, off_t); \
        REAL(name, call); \
        return fails(WRITE, fd) ? -1 : real(fd, length); \
    }
OF_LENGTH(ftruncate)
OF_LENGTH(ftruncate64)

#define OPENING(name) \
    int name(const char *path, int flags, ...) { \
        typedef int (*call)(const char *, int, ...); \
        REAL(name, call); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        int writes = (flags & O_ACCMODE) != O_RDONLY; \
        if (control != NULL && control->kinds & OPEN && writes && counts(OPEN, path)) \
            return -1; \
        return real(path, flags, mode); \
    }
OPENING(open)
OPENING(open64)
