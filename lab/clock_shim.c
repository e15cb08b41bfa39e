/* Moves the wall clock of the program that it is preloaded into, live.
 *
 * CLOCK_REALTIME becomes the true time plus an offset in nanoseconds, read at each call from the first eight bytes
 * of the file named by LAB_CLOCK_FILE, which another process writes. CLOCK_MONOTONIC, and so every timer, stays.
 * (libfaketime hangs Envoy at its start.)
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static int (*real_clock_gettime)(clockid_t, struct timespec *);
static const volatile int64_t *offset_ns;

/* Finds the true function and maps the file; without the file the clock is the true one. */
__attribute__((constructor)) static void begin(void) {
    real_clock_gettime = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("LAB_CLOCK_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *page = mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (page != MAP_FAILED) offset_ns = page;
}

/* The replacement of the C library's function. */
int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real_clock_gettime) begin(); /* called before the constructor ran */
    int code = real_clock_gettime(clock, now);
    if (code != 0 || !offset_ns || (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)) return code;
    int64_t total = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + *offset_ns;
    now->tv_sec = total / 1000000000;
    now->tv_nsec = total % 1000000000;
    return 0;
}

/* The older way to ask for the same clock. */
int gettimeofday(struct timeval *now, void *zone) {
    (void)zone;
    struct timespec exact;
    int code = clock_gettime(CLOCK_REALTIME, &exact);
    if (code == 0) {
        now->tv_sec = exact.tv_sec;
        now->tv_usec = exact.tv_nsec / 1000;
    }
    return code;
}
