// SPDX-License-Identifier: MIT
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/klog.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "ktest.h"

#define CONF "/sys/kernel/debug/signalconfpid"

void fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
	_exit(1);
}

void skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	exit(77);
}

static void pass_byte(int fd)
{
	CHECK_EQ(write(fd, "", 1), 1);
}

static void take_byte(int fd)
{
	char byte;

	CHECK_EQ(read(fd, &byte, 1), 1);
}

struct child child_start(void (*body)(struct child *, void *), void *arg)
{
	struct child c, self;
	int down[2], up[2];

	OK(pipe2(down, O_CLOEXEC));
	OK(pipe2(up, O_CLOEXEC));
	fflush(stdout);
	c.pid = OK(fork());
	if (!c.pid) {
		close(down[1]);
		close(up[0]);
		self = (struct child){ getpid(), up[1], down[0] };
		body(&self, arg);
		fflush(stdout);
		_exit(0);
	}
	close(down[0]);
	close(up[1]);
	c.to = down[1];
	c.from = up[0];
	return c;
}

void child_say(struct child *self) { pass_byte(self->to); }
void child_hear(struct child *c) { take_byte(c->from); }
void child_go(struct child *c) { pass_byte(c->to); }
void child_wait_go(struct child *self) { take_byte(self->from); }

static int child_end(struct child *c)
{
	int status;

	close(c->to);
	CHECK_EQ(waitpid(c->pid, &status, 0), c->pid);
	close(c->from);
	return status;
}

void child_join(struct child *c)
{
	int status = child_end(c);

	if (!WIFEXITED(status) || WEXITSTATUS(status))
		fail(__FILE__, __LINE__, "child %d ended with status 0x%x",
		     c->pid, status);
}

int child_kill(struct child *c)
{
	kill(c->pid, SIGKILL);
	return child_end(c);
}

bool child_lives(const struct child *c)
{
	siginfo_t info = { };

	OK(waitid(P_PID, c->pid, &info, WEXITED | WNOHANG | WNOWAIT));
	return info.si_pid == 0;
}

void wait_more(uint64_t *deadline, const char *file, int line, const char *cond)
{
	struct timespec ts;

	OK(clock_gettime(CLOCK_MONOTONIC, &ts));
	if (!*deadline)
		*deadline = ts.tv_sec + 120;
	else if ((uint64_t)ts.tv_sec > *deadline)
		fail(file, line, "not within two minutes: %s", cond);
	/* wait: interval between two checks of a condition */
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

void cgroup_remove(const char *path)
{
	UNTIL(!rmdir(path) || errno != EBUSY);
}

static char state_of(pid_t tid)
{
	char path[64], buf[512], *paren;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '?';
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return '?';
	buf[n] = '\0';
	paren = strrchr(buf, ')');
	return paren && paren[1] ? paren[2] : '?';
}

void wait_state(pid_t tid, char state)
{
	UNTIL(state_of(tid) == state);
}

bool is_pending(pid_t pid, const char *field, int signo)
{
	char path[64], line[256];
	uint64_t mask = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	/* the file is missing while another thread becomes the group leader in exec(2) */
	if (!f && (errno == ENOENT || errno == ESRCH))
		return false;
	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, field, strlen(field)))
			sscanf(line + strlen(field) + 1, "%" SCNx64, &mask);
	}
	fclose(f);
	return mask >> (signo - 1) & 1;
}

int control_open(void)
{
	return OK(open("/dev/ksig/control", O_RDWR | O_CLOEXEC));
}

int send_signal(int fd, pid_t pid, int signo, unsigned int flags,
		uint64_t value)
{
	struct ksig_send send = {
		.pid = pid, .signo = signo, .flags = flags, .value = value,
	};

	return ioctl(fd, KSIG_IOC_SEND, &send);
}

int conf_write(const void *buf, size_t len)
{
	int fd = OK(open(CONF, O_WRONLY | O_CLOEXEC));
	ssize_t n = write(fd, buf, len);
	int err = errno;

	close(fd);
	errno = err;
	if (n < 0)
		return -1;
	CHECK_EQ(n, len);
	return 0;
}

int conf_puts(const char *line)
{
	return conf_write(line, strlen(line));
}

int chan_open(const char *name, int flags)
{
	char path[80];

	snprintf(path, sizeof(path), "/dev/ksig/%s", name);
	return open(path, O_RDWR | O_CLOEXEC | flags);
}

void emit_many(uint64_t first, uint64_t n)
{
	int fd = OK(open("/dev/ksig/test", O_WRONLY | O_CLOEXEC));
	uint64_t value;

	for (value = first; value < first + n; value++)
		CHECK_EQ(write(fd, &value, sizeof(value)), sizeof(value));
	close(fd);
}

void emit(uint64_t value)
{
	emit_many(value, 1);
}

int write_to(const char *path, const char *text)
{
	int fd = OK(open(path, O_WRONLY | O_CLOEXEC)), err = 0;

	if (write(fd, text, strlen(text)) < 0)
		err = errno;
	close(fd);
	return err;
}

bool linux_at_least(int major, int minor)
{
	struct utsname u;
	int has[2];

	OK(uname(&u));
	CHECK_EQ(sscanf(u.release, "%d.%d", &has[0], &has[1]), 2);
	return has[0] > major || (has[0] == major && has[1] >= minor);
}

#define ALARM "/sys/class/rtc/rtc0/wakealarm"

static bool file_has(const char *path, const char *word)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	OK(read(fd, text, sizeof(text) - 1));
	close(fd);
	return strstr(text, word);
}

/*
 * Requires "deep" for "mem": without "deep", no CPU goes offline and the RTC alarm does not wake
 * the system.
 */
bool power_can(const char *state)
{
	return file_has("/sys/power/state", state) &&
	       (strcmp(state, "mem") ||
		(file_has("/sys/power/mem_sleep", "deep") &&
		 !access(ALARM, W_OK)));
}

static int64_t slept_ns(void)
{
	struct timespec boot, mono;

	OK(clock_gettime(CLOCK_BOOTTIME, &boot));
	OK(clock_gettime(CLOCK_MONOTONIC, &mono));
	return (boot.tv_sec - mono.tv_sec) * 1000000000LL + boot.tv_nsec -
	       mono.tv_nsec;
}

bool power_sleep(const char *alarm)
{
	int64_t before = slept_ns();
	int err;

	/* cancel an alarm that is still set */
	CHECK_EQ(write_to(ALARM, "0"), 0);
	CHECK_EQ(write_to(ALARM, alarm), 0);
	err = write_to("/sys/power/state", "mem");
	/* EBUSY: the alarm fired before the suspend */
	if (err != EBUSY)
		CHECK_EQ(err, 0);
	return slept_ns() - before >= 500000000;
}

int context_do(const char *command)
{
	return write_to("/sys/kernel/debug/ksig_context/do", command);
}

void context_load(void)
{
	if (access("/ksig/ksig_context.ko", F_OK))
		skip("the module ksig_context is not built");
	CHECK_EQ(system("insmod /ksig/ksig_context.ko"), 0);
}

void context_unload(void)
{
	CHECK_EQ(system("rmmod ksig_context"), 0);
}

struct ksig_stats stats_of(int fd)
{
	struct ksig_stats st;

	OK(ioctl(fd, KSIG_IOC_STATS, &st));
	return st;
}

void check_identity(int fd)
{
	struct ksig_stats st = stats_of(fd);

	CHECK_EQ(st.offered,
		 st.delivered + st.queued + st.lost + st.refused);
}

void set_queue(int fd, uint32_t len)
{
	struct ksig_subscribe s = { .queue_len = len };

	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &s));
}

int arm(int fd, int signo, uint32_t mode, uint32_t flags, pid_t tid)
{
	struct ksig_arm a = {
		.signo = signo, .mode = mode, .flags = flags, .tid = tid,
	};

	return ioctl(fd, KSIG_IOC_ARM, &a);
}

struct event read_event(int fd)
{
	char record[64];
	struct event ev;

	_Static_assert(sizeof(ev) == sizeof(struct ksig_event), "a copy");
	CHECK_EQ(OK(read(fd, record, sizeof(record))), sizeof(record));
	memcpy(&ev, record, sizeof(ev));
	return ev;
}

bool next_record(int fd, union record *r, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ksig_info info;

	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	CHECK(info.event_size <= sizeof(*r));
	if (!OK(poll(&p, 1, timeout_ms)))
		return false;
	memset(r, 0xff, sizeof(*r));
	CHECK_EQ(OK(read(fd, r, info.event_size)), info.event_size);
	return true;
}

union record expect_record(int fd, uint32_t type)
{
	union record r;

	if (!next_record(fd, &r, 20000))
		fail(__FILE__, __LINE__, "no event of type %u", type);
	CHECK_EQ(r.ev.type, type);
	return r;
}

void set_filter(int fd, uint64_t types)
{
	struct ksig_subscribe s = { .types = types };
	struct ksig_info info;

	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	s.queue_len = info.queue_len;
	OK(ioctl(fd, KSIG_IOC_SUBSCRIBE, &s));
}

unsigned long how_many(unsigned long n)
{
	const char *most = getenv("KSIG_MANY");

	return most && strtoul(most, NULL, 10) < n ?
	       strtoul(most, NULL, 10) : n;
}

struct ring ring_map(int fd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct ksig_info info;
	struct ring ring;
	char *second;

	OK(ioctl(fd, KSIG_IOC_INFO, &info));
	ring.size = page + ((size_t)info.queue_len * info.event_size + page - 1)
		    / page * page;
	ring.consumer = OK(mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED,
				fd, 0));
	second = OK(mmap(NULL, ring.size, PROT_READ, MAP_SHARED, fd, page));
	ring.producer = (void *)second;
	ring.records = second + page;
	return ring;
}

void ring_unmap(struct ring *ring)
{
	OK(munmap(ring->consumer, sysconf(_SC_PAGESIZE)));
	OK(munmap((void *)(uintptr_t)ring->producer, ring->size));
}

void block(int signo)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	CHECK_EQ(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
}

void handle(int signo, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {
		.sa_sigaction = handler,
		.sa_flags = SA_SIGINFO | flags,
	};

	OK(sigaction(signo, &action, NULL));
}

siginfo_t take(int signo)
{
	struct timespec limit = { .tv_sec = 60 };
	siginfo_t info;
	sigset_t set;
	int got;

	sigemptyset(&set);
	sigaddset(&set, signo);
	do
		got = sigtimedwait(&set, &info, &limit);
	while (got < 0 && errno == EINTR);	/* interrupted by another signal's handler */
	OK(got);
	CHECK_EQ(info.si_signo, signo);
	return info;
}

bool nothing_to_take(int signo)
{
	struct timespec now = { };
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, signo);
	if (sigtimedwait(&set, &info, &now) >= 0)
		return false;
	CHECK_EQ(errno, EAGAIN);
	return true;
}

void use_memory(void)
{
	const size_t chunk = 4 << 20;
	char *p;

	for (;;) {
		p = mmap(NULL, chunk, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
		/* a 32-bit process runs out of address space first: continue in a child */
		if (p == MAP_FAILED && !fork())
			continue;
		if (p == MAP_FAILED)
			pause();
	}
}

void need_no_memory(void)
{
	/* MCL_CURRENT also breaks copy-on-write sharing with children */
	OK(mlockall(MCL_CURRENT));
}

static unsigned int count(const char *log, const char *what)
{
	unsigned int n = 0;

	for (; (log = strstr(log, what)); log++)
		n++;
	return n;
}

void oom_log_clear(void)
{
	static char log[1 << 20];
	int len = OK(klogctl(3, log, sizeof(log) - 1));

	log[len] = '\0';
	/* arm64 prints "Call trace" */
	CHECK_EQ(count(log, "Call Trace") + count(log, "Call trace"),
		 count(log, "invoked oom-killer") +
		 count(log, "page allocation failure"));
	CHECK_EQ(count(log, "WARNING:"), 0);
	CHECK_EQ(count(log, "BUG:"), 0);
	OK(klogctl(5, NULL, 0));
}

static int run_ip(const char *fmt, va_list ap)
{
	char command[256] = "ip link ";
	size_t len = strlen(command);

	vsnprintf(command + len, sizeof(command) - len, fmt, ap);
	return system(command);
}

int try_ip(const char *fmt, ...)
{
	va_list ap;
	int ret;

	va_start(ap, fmt);
	ret = run_ip(fmt, ap);
	va_end(ap);
	return ret;
}

void ip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (run_ip(fmt, ap))
		fail(__FILE__, __LINE__, "'ip link %s' failed", fmt);
	va_end(ap);
}
