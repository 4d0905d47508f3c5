/* SPDX-License-Identifier: MIT */
/*
 * Helpers of the tests. A test is a program: exit status 0 passed, 77 skipped (its last
 * line says why), anything else failed. Lines that begin with ": " are shown in the
 * results of a test that passes, too.
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

#define SIG 44			/* the tutorial's */
#define VALUE 0x1122334455667788ULL
/* What a handler sees of it: a pointer's width. */
#define VALUE_HERE ((uint64_t)(unsigned long)VALUE)

void fail(const char *file, int line, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 3, 4)));
void skip(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Ends the test, in whatever process, when the condition doesn't hold. */
#define CHECK(cond) \
	do { if (!(cond)) fail(__FILE__, __LINE__, "%s", #cond); } while (0)

#define CHECK_EQ(a, b) do { \
	long long a_ = (long long)(a), b_ = (long long)(b); \
	if (a_ != b_) \
		fail(__FILE__, __LINE__, "%s is %lld, not %s (%lld)", \
		     #a, a_, #b, b_); \
} while (0)

/* Waits until the condition holds; fails if that takes more than two minutes. */
#define UNTIL(cond) do { \
	uint64_t deadline_ = 0; \
	while (!(cond)) \
		wait_more(&deadline_, __FILE__, __LINE__, #cond); \
} while (0)
/* One step of it: *deadline is 0 in the first. */
void wait_more(uint64_t *deadline, const char *file, int line, const char *cond);

/* A system call that must succeed; its result. */
#define OK(call) (__extension__ ({ \
	__auto_type ok_ = (call); \
	if (ok_ == (__typeof__(ok_))-1) \
		fail(__FILE__, __LINE__, "%s: %m", #call); \
	ok_; \
}))

/* A system call that must fail with that errno. */
#define FAILS(call, err) do { \
	errno = 0; \
	if ((call) != -1) \
		fail(__FILE__, __LINE__, "%s succeeded", #call); \
	if (errno != (err)) \
		fail(__FILE__, __LINE__, "%s: %m, not %s", #call, #err); \
} while (0)

/* A forked process that a test drives. */
struct child {
	pid_t pid;
	int to;		/* the parent's end: go() */
	int from;	/* the child's: say() */
};

/* Runs body(arg, child) in a child, which exits 0 after it. */
struct child child_start(void (*body)(struct child *self, void *arg),
			 void *arg);
void child_say(struct child *self);	/* child: a step is done */
void child_hear(struct child *c);	/* parent: waits for say() */
void child_go(struct child *c);		/* parent: the next step */
void child_wait_go(struct child *self);	/* child: waits for it */
void child_join(struct child *c);	/* exit status 0 expected */
int child_kill(struct child *c);	/* SIGKILL; its wait status */
/* It exists and is not a zombie. */
bool child_lives(const struct child *c);

/* Until the thread sleeps (a state letter in /proc): for "it waits now". */
void wait_state(pid_t tid, char state);
/* Signals of that number pending for the thread (or, with 0, its process). */
bool is_pending(pid_t pid, const char *field, int signo);

int control_open(void);
int send_signal(int fd, pid_t pid, int signo, unsigned int flags,
		uint64_t value);
/* write(2) to signalconfpid: 0, or -1 and errno */
int conf_write(const void *buf, size_t len);
int conf_puts(const char *line);

/* Channels. chan_open() subscribes to /dev/ksig/NAME, reading and writing. */
int chan_open(const char *name, int flags);
/* Emits VALUE to /dev/ksig/test, through a descriptor of its own. */
void emit(uint64_t value);
void emit_many(uint64_t first, uint64_t n);
/* Sends a command to the module ksig_context: "hardirq 1000", ...; 0 or errno */
int context_do(const char *command);
/* Loads that module, or skips the test if it wasn't built. */
void context_load(void);
void context_unload(void);
/* echo TEXT >PATH: 0 or errno */
int write_to(const char *path, const char *text);
/* is the running kernel Linux MAJOR.MINOR or newer? */
bool linux_at_least(int major, int minor);
/* Does /sys/power/state have it? And an alarm clock to wake up from "mem"? */
bool power_can(const char *state);
/*
 * Suspends (S3) until the rtc's alarm, "+15": in that many seconds. False: the clocks
 * don't show that it was suspended: on a slow machine the alarm may come before.
 */
bool power_sleep(const char *alarm);
/* Removes a cgroup, once the processes that were in it are gone from it. */
void cgroup_remove(const char *path);
/* ip-link(8), which busybox has, too: must succeed; or its exit status */
void ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int try_ip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* @n, or $KSIG_MANY if that is less: how often to do something slow. */
unsigned long how_many(unsigned long n);

struct ksig_stats stats_of(int fd);
/* Promise 2: offered = delivered + queued + lost + refused. */
void check_identity(int fd);
void set_queue(int fd, uint32_t len);
int arm(int fd, int signo, uint32_t mode, uint32_t flags, pid_t tid);
/* A record's head: struct ksig_event, without the open end. */
struct event {
	uint64_t seq, time_ns, value, subject;
	uint32_t type, lost_before, len, flags;
};
/* read(2) of one record of 64 bytes that must be there */
struct event read_event(int fd);
/* A whole record of any built-in channel. */
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
/* The next record, or false if none comes for that long. */
bool next_record(int fd, union record *r, int timeout_ms);
/* One of that type must come; its record. */
union record expect_record(int fd, uint32_t type);
void set_filter(int fd, uint64_t types);
/* a mapping of the whole ring */
struct ring {
	struct ksig_ring_consumer *consumer;
	const volatile struct ksig_ring_producer *producer;
	const char *records;
	size_t size;	/* of the second mapping */
};
struct ring ring_map(int fd);
void ring_unmap(struct ring *ring);

/* Allocates memory until the OOM killer ends the process. */
void use_memory(void) __attribute__((noreturn));
/*
 * The caller, which has started its children, needs no more memory. If another task
 * ran out of memory while the OOM killer's victim frees its own, the OOM killer would
 * choose a second victim.
 */
void need_no_memory(void);
/*
 * The OOM killer prints a call trace each time, and so does an atomic allocation that
 * fails meanwhile; the log would be reported as a failure. If there is nothing else in
 * it, the log is cleared.
 */
void oom_log_clear(void);

void block(int signo);
void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags);
/* sigtimedwait(2), which must return the signal within a minute */
siginfo_t take(int signo);
/* nothing of that number is pending for the caller */
bool nothing_to_take(int signo);

#endif /* KTEST_H */
