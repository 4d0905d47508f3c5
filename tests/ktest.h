/* SPDX-License-Identifier: MIT */
/*
 * Helper functions for tests. Each test is a program that exits with status 0 if it passed, 77 if
 * it was skipped (the last line of output states the reason), or any other status if it failed.
 * Output lines that begin with ": " are shown even if the test passes.
 */
#ifndef KTEST_H
#define KTEST_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <ksig/uapi.h>

#define SIG 44			/* signal number used in the tutorial */
#define VALUE 0x1122334455667788ULL
/* VALUE as received by a signal handler: truncated to the width of a pointer. */
#define VALUE_HERE ((uint64_t)(unsigned long)VALUE)

void fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Fails the test if @cond is false. Works in any process of the test. */
#define CHECK(cond) \
	do { if (!(cond)) fail(__FILE__, __LINE__, "%s", #cond); } while (0)

#define CHECK_EQ(a, b) do { \
	long long a_ = (long long)(a), b_ = (long long)(b); \
	if (a_ != b_) \
		fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", \
		     #a, a_, #b, b_); \
} while (0)

/* Waits until @cond is true; fails the test after two minutes. */
#define UNTIL(cond) do { \
	uint64_t deadline_ = 0; \
	while (!(cond)) \
		wait_more(&deadline_, __FILE__, __LINE__, #cond); \
} while (0)
/* Performs one step of UNTIL(). *@deadline must be 0 on the first call. */
void wait_more(uint64_t *deadline, const char *file, int line, const char *cond);

/* Makes a system call that must succeed, and evaluates to its result. */
#define OK(call) (__extension__ ({ \
	__auto_type ok_ = (call); \
	if (ok_ == (__typeof__(ok_))-1) \
		fail(__FILE__, __LINE__, "%s: %m", #call); \
	ok_; \
}))

/* Makes a system call that must fail with errno @err. */
#define FAILS(call, err) do { \
	errno = 0; \
	if ((call) != -1) \
		fail(__FILE__, __LINE__, "%s succeeded", #call); \
	if (errno != (err)) \
		fail(__FILE__, __LINE__, "%s: %m, not %s", #call, #err); \
} while (0)

/* a forked process that the test drives step by step */
struct child {
	pid_t pid;
	int to;		/* the parent's end, used by child_go() */
	int from;	/* the child's end, used by child_say() */
};

/* Runs body(self, arg) in a child process, which then exits with status 0. */
struct child child_start(void (*body)(struct child *self, void *arg),
			 void *arg);
void child_say(struct child *self);	/* child: report that a step is done */
void child_hear(struct child *c);	/* parent: wait for child_say() */
void child_go(struct child *c);		/* parent: let the child take its next step */
void child_wait_go(struct child *self);	/* child: wait for child_go() */
void child_join(struct child *c);	/* parent: wait for exit status 0 */
int child_kill(struct child *c);	/* parent: send SIGKILL; returns the wait status */
/* Returns true if the child exists and is not a zombie. */
bool child_lives(const struct child *c);

/* Waits until /proc reports @state for the thread, for example 'S' once it is blocked. */
void wait_state(pid_t tid, char state);
/* Returns true if @signo is pending. @field is the line of /proc/PID/status to read. */
bool is_pending(pid_t pid, const char *field, int signo);

int control_open(void);
int send_signal(int fd, pid_t pid, int signo, unsigned int flags,
		uint64_t value);
/* Writes to signalconfpid. Return: 0, or -1 with errno set. */
int conf_write(const void *buf, size_t len);
int conf_puts(const char *line);

/* Subscribes to the channel /dev/ksig/NAME; the descriptor is open for reading and writing. */
int chan_open(const char *name, int flags);
/* Emits @value to /dev/ksig/test through a separate descriptor. */
void emit(uint64_t value);
void emit_many(uint64_t first, uint64_t n);
/* Sends a command such as "hardirq 1000" to the module ksig_context. Return: 0 or an errno. */
int context_do(const char *command);
/* Loads the module ksig_context, or skips the test if the module was not built. */
void context_load(void);
void context_unload(void);
/* Writes @text to the file at @path, like echo TEXT >PATH. Return: 0 or an errno. */
int write_to(const char *path, const char *text);
/* Returns true if the running kernel is Linux MAJOR.MINOR or newer. */
bool linux_at_least(int major, int minor);
/*
 * Returns true if /sys/power/state lists @state and, for "mem", an RTC alarm can wake the system.
 */
bool power_can(const char *state);
/*
 * Suspends to RAM (S3) until the RTC alarm fires. @alarm: for example "+15", 15 seconds from now.
 * Return: false if the clocks show no suspend. On a slow machine, the alarm may fire before the
 * suspend.
 */
bool power_sleep(const char *alarm);
/* Waits until no process is left in a cgroup, then removes it. */
void cgroup_remove(const char *path);
/*
 * ip() runs ip-link(8), which busybox also provides, and fails the test if the command fails.
 * try_ip() returns the command's exit status.
 */
void ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int try_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns the number of iterations for a slow loop: @n, or $KSIG_MANY if that is smaller. */
unsigned long how_many(unsigned long n);

struct ksig_stats stats_of(int fd);
/* Checks the identity of promise 2: offered = delivered + queued + lost + refused. */
void check_identity(int fd);
void set_queue(int fd, uint32_t len);
int arm(int fd, int signo, uint32_t mode, uint32_t flags, pid_t tid);
/* the fixed part of a record: struct ksig_event without its flexible array */
struct event {
	uint64_t seq, time_ns, value, subject;
	uint32_t type, lost_before, len, flags;
};
/* Reads one record of 64 bytes, which must be available. */
struct event read_event(int fd);
/* a complete record of any built-in channel */
union record {
	struct event ev;
	char bytes[256];
	struct {
		struct event ev_;
		union {
			struct ksig_process_data process;
			struct ksig_memory_data memory;
			struct ksig_net_data net;
			struct ksig_kmod_data kmod;
		};
	};
};
/* Reads the next record. Return: false if none arrives within @timeout_ms. */
bool next_record(int fd, union record *r, int timeout_ms);
/* Waits for a record of type @type and returns it. */
union record expect_record(int fd, uint32_t type);
void set_filter(int fd, uint64_t types);
/* a mapping of the whole ring */
struct ring {
	struct ksig_ring_consumer *consumer;
	const volatile struct ksig_ring_producer *producer;
	const char *records;
	size_t size;	/* size of the mapping at @records */
};
struct ring ring_map(int fd);
void ring_unmap(struct ring *ring);

/* Allocates memory until the OOM killer kills the process. */
void use_memory(void) __attribute__((noreturn));
/*
 * Ensures that the caller needs no more memory. Call this function after starting the children. If
 * another task ran out of memory while the OOM killer's victim is still freeing memory, the OOM
 * killer would choose a second victim.
 */
void need_no_memory(void);
/*
 * Clears the kernel log after the OOM killer has run. The OOM killer logs a call trace for each
 * kill. So does an atomic allocation that fails during the memory shortage. The test runner would
 * report these traces as kernel failures. Fails the test if the log contains any other call trace
 * or warning.
 */
void oom_log_clear(void);

void block(int signo);
void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags);
/* Waits for @signo with sigtimedwait(2); fails the test after a minute. */
siginfo_t take(int signo);
/* Returns true if @signo is not pending for the caller. */
bool nothing_to_take(int signo);

#endif /* KTEST_H */
