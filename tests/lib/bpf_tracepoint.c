// SPDX-License-Identifier: MIT
/*
 * Test trace.CATEGORY.NAME: fields of all types with known values, filters that run in the kernel,
 * queue overflow, and errors in names and filters.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROVIDER "bpf"
#include "subtest.h"

#define WRITE "trace.syscalls.sys_enter_write"

static int nowhere;

static void write_bytes(size_t n)
{
	static char buf[4096];

	CHECK_EQ(syscall(SYS_write, nowhere, buf, n), n);
}

static struct ksig_sub *open_mine(const char *name, const char *filter,
				  const char *value)
{
	char text[256];

	snprintf(text, sizeof(text), "%s:current.pid=%d%s%s", name, getpid(),
		 *filter ? "," : "", filter);
	return sub_open(text, SUB_OPTS(.queue_len = 1024, .value_field = value));
}

static void test_fields(void)
{
	struct ksig_sub *sub = open_mine(WRITE, "", "count");
	const struct ksig_event *ev;
	char line[256], wanted[128];

	OK(prctl(PR_SET_NAME, "writer"));
	write_bytes(123);
	ev = sub_take(sub);
	CHECK_EQ(ev->seq, 1);
	CHECK_EQ(ev->value, 123);
	CHECK_EQ(ev->flags, 0);
	CHECK_EQ(ev->subject, getpid());
	CHECK_EQ(field(sub, ev, "current.pid").u, getpid());
	CHECK(!strcmp(field(sub, ev, "current.comm").str, "writer"));
	CHECK_EQ(field(sub, ev, "fd").u, nowhere);
	CHECK_EQ(field(sub, ev, "count").u, 123);
	CHECK_EQ(field(sub, ev, "__syscall_nr").s, SYS_write);
	CHECK(ksig_event_format(sub, ev, line, sizeof(line)) > 0);
	snprintf(wanted, sizeof(wanted),
		 WRITE " current.pid=%d current.comm=writer ", getpid());
	CHECK(!strncmp(line, wanted, strlen(wanted)));
	ksig_sub_close(sub);
	/* on some kernels, this field's actual offset differs from its offset in tracefs */
	sub = open_mine(WRITE, "", "__syscall_nr");
	write_bytes(1);
	CHECK_EQ(sub_take(sub)->value, SYS_write);
	ksig_sub_close(sub);
	/* a subscription that requests no value */
	sub = open_mine(WRITE, "", NULL);
	write_bytes(1);
	CHECK_EQ(sub_take(sub)->flags, KSIG_EVENT_NO_VALUE);
	ksig_sub_close(sub);
}

/* Return: true in the initial PID namespace, which has a fixed inode number. */
static bool in_first_pid_namespace(void)
{
	struct stat st;

	OK(stat("/proc/self/ns/pid", &st));
	return st.st_ino == 0xeffffffc;
}

/*
 * Check fields of several kinds: the lower half of a register, an array, and strings inside and
 * after an entry.
 */
static void test_kinds(void)
{
	struct ksig_sub *sub = open_mine("trace.syscalls.sys_enter_openat",
					 "dfd=-100", "dfd");
	const struct ksig_event *ev;
	char filter[64];
	pid_t pid;

	FAILS(syscall(SYS_openat, 5000, "/nowhere", O_RDONLY), ENOENT);
	FAILS(syscall(SYS_openat, AT_FDCWD, "/nowhere", O_RDONLY), ENOENT);
	ev = sub_take(sub);
	CHECK_EQ(ev->value, AT_FDCWD);
	CHECK_EQ(field(sub, ev, "dfd").s, AT_FDCWD);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);

	snprintf(filter, sizeof(filter), "id=%d,args.1=22", SYS_getpid);
	sub = open_mine("trace.raw_syscalls.sys_enter", filter, "args.0");
	syscall(SYS_getpid, 11, 21);
	syscall(SYS_getpid, 12, 22);
	ev = sub_take(sub);
	CHECK_EQ(ev->value, 12);
	CHECK_EQ(field(sub, ev, "args.1").u, 22);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);

	sub = sub_open("trace.sched.sched_process_exec:filename=/bin/./true",
		       NULL);
	CHECK_EQ(ksig_sub_in_kernel(sub, 0), 1);
	CHECK_EQ(system("/bin/true; exec /bin/./true"), 0);
	ev = sub_take(sub);
	CHECK(!strcmp(field(sub, ev, "filename").str, "/bin/./true"));
	CHECK(!strcmp(field(sub, ev, "current.comm").str, "true"));
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);

	sub = open_mine("trace.task.task_rename", "newcomm!=other", NULL);
	OK(prctl(PR_SET_NAME, "other"));
	OK(prctl(PR_SET_NAME, "writer"));
	ev = sub_take(sub);
	CHECK(!strcmp(field(sub, ev, "newcomm").str, "writer"));
	CHECK(!strcmp(field(sub, ev, "oldcomm").str, "other"));
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);

	/* signed values are compared as signed */
	sub = open_mine("trace.syscalls.sys_exit_openat", "ret<0", "ret");
	close(OK(open("/dev/null", O_RDONLY)));
	FAILS(open("/nowhere", O_RDONLY), ENOENT);
	CHECK_EQ((int64_t)sub_take(sub)->value, -ENOENT);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);

	sub = open_mine("trace.sched.sched_process_fork", "", "child_pid");
	pid = OK(fork());
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	ev = sub_take(sub);
	/* child_pid is the pid in the initial PID namespace, so compare it only there */
	if (in_first_pid_namespace())
		CHECK_EQ(ev->value, pid);
	else
		printf(": in a pid namespace: child_pid was not compared\n");
	ksig_sub_close(sub);
}

/*
 * Checks which writes of 1 to 8 bytes match @filter. Bit n - 1 of @wanted is set if a write of n
 * bytes must match.
 */
static void check_passing(const char *filter, unsigned int wanted)
{
	struct ksig_sub *sub = open_mine(WRITE, filter, "count");
	const struct ksig_event *ev;
	unsigned int passed = 0;
	size_t n;

	CHECK_EQ(ksig_sub_in_kernel(sub, 0), 1);
	for (n = 1; n <= 8; n++)
		write_bytes(n);
	while (ksig_sub_next(sub, 0, &ev) == 1)
		passed |= 1 << (ev->value - 1);
	if (passed != wanted)
		fail(__FILE__, __LINE__, "%s: 0x%x passed, not 0x%x", filter,
		     passed, wanted);
	CHECK_EQ(sub_stats(sub).offered, __builtin_popcount(wanted));
	ksig_sub_close(sub);
}

/* Checks that opening a subscription with a filter that can't match any event fails immediately. */
static void check_refused(const char *filter)
{
	struct ksig_sub *sub;
	char event[256];

	snprintf(event, sizeof(event), "trace.syscalls.sys_enter_write:%s",
		 filter);
	CHECK_EQ(ksig_sub_open(event, NULL, &sub), -EINVAL);
}

static void test_operators(void)
{
	check_passing("count=3", 0x04);
	check_passing("count!=3", 0xfb);
	check_passing("count<3", 0x03);
	check_passing("count<=3", 0x07);
	check_passing("count>3", 0xf8);
	check_passing("count>=3", 0xfc);
	check_passing("count&3", 0x77);
	check_refused("count&0");
	check_refused("count<0");
	check_passing("count>=0", 0xff);
	check_refused("count>0xffffffffffffffff");
	check_passing("count<=0xffffffffffffffff", 0xff);
	check_passing("count>1,count<8,count!=4,count&6", 0x76);
	check_passing("value=5", 0x10);
	check_passing("__syscall_nr>-1", 0xff);
	check_passing("__syscall_nr<-1", 0);
	check_passing("current.comm=writer", 0xff);
	check_passing("current.comm!=writer", 0);
	/* a prefix doesn't match */
	check_passing("current.comm=write", 0);
	check_passing("current.comm=writer1", 0);
}

#ifdef __x86_64__
/* Makes the i386 system call that has the number of the native getppid(): iopl(0). */
static void compat_getppid(struct child *self, void *arg)
{
	long ret = SYS_getppid;

	(void)arg;
	/* ASan would turn the signal of a kernel without such calls into an exit */
	signal(SIGSEGV, SIG_DFL);
	child_say(self);
	child_wait_go(self);
	__asm__ volatile("int $0x80" : "+a"(ret) : "b"(0L) : "memory",
			 "r8", "r9", "r10", "r11");
	/* this system call must be reported; the one above must not */
	syscall(SYS_getppid);
}

/*
 * Check that a 32-bit system call isn't mistaken for the native system call with the same number.
 */
static void test_compat(void)
{
	struct child c = child_start(compat_getppid, NULL);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char name[128];
	int status;

	child_hear(&c);
	snprintf(name, sizeof(name),
		 "trace.syscalls.sys_enter_getppid:current.pid=%d", c.pid);
	sub = sub_open(name, NULL);
	child_go(&c);
	CHECK_EQ(waitpid(c.pid, &status, 0), c.pid);
	close(c.to);
	close(c.from);
	if (WIFSIGNALED(status)) {
		printf(": no 32-bit system calls here: signal %d\n",
		       WTERMSIG(status));
		ksig_sub_close(sub);
		return;
	}
	CHECK_EQ(status, 0);
	ev = sub_take(sub);
	CHECK_EQ(field(sub, ev, "__syscall_nr").s, SYS_getppid);
	CHECK(sub_over(sub));
	ksig_sub_close(sub);
}
#else
static void test_compat(void) { }
#endif

/*
 * Check that 16 of 100 events are queued, and that the first record after the gap reports the gap.
 */
static void test_overflow(void)
{
	struct ksig_sub_opts opts = *SUB_OPTS(.queue_len = 1024, .value_field = "count");
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct ksig_sub_stats st;
	char text[64];
	int i;

	snprintf(text, sizeof(text), WRITE ":current.pid=%d", getpid());
	opts.queue_len = 16;
	sub = sub_open(text, &opts);
	for (i = 1; i <= 100; i++)
		write_bytes(i);
	st = sub_stats(sub);
	CHECK_EQ(st.offered, 100);
	CHECK_EQ(st.queued, 16);
	CHECK_EQ(st.lost, 84);
	for (i = 1; i <= 16; i++) {
		ev = sub_take(sub);
		CHECK_EQ(ev->seq, i);
		CHECK_EQ(ev->value, i);
		CHECK_EQ(ev->lost_before, 0);
	}
	CHECK(sub_empty(sub));
	write_bytes(500);
	ev = sub_take(sub);
	CHECK_EQ(ev->value, 500);
	CHECK_EQ(ev->lost_before, 84);
	CHECK_EQ(ev->seq, 101);
	st = sub_stats(sub);
	CHECK_EQ(st.offered, 101);
	CHECK_EQ(st.delivered, 17);
	CHECK_EQ(st.lost, 84);
	ksig_sub_close(sub);
}

/*
 * Returns the number of open descriptors. Sets *@inherited to the number of those that exec(2)
 * would keep open.
 */
static int open_fds(int *inherited)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;
	int n = 0, fd;

	CHECK(dir);
	*inherited = 0;
	while ((d = readdir(dir))) {
		fd = atoi(d->d_name);
		if (*d->d_name == '.' || fd == dirfd(dir))
			continue;
		n++;
		*inherited += !(OK(fcntl(fd, F_GETFD)) & FD_CLOEXEC);
	}
	closedir(dir);
	return n;
}

/* Check that no descriptor is left open after a subscription is closed or fails to open. */
static void test_descriptors(void)
{
	int inherited, still, i, before = open_fds(&inherited);
	struct ksig_sub *subs[3];

	subs[0] = open_mine(WRITE, "", "count");
	subs[1] = open_mine("process.exit", "", NULL);
	subs[2] = sub_open("cpu.online", NULL);
	CHECK(open_fds(&still) > before);
	CHECK_EQ(still, inherited);
	for (i = 0; i < 3; i++)
		ksig_sub_close(subs[i]);
	sub_fails("process.exit:pid=4194305", ESRCH, 18, "no process");
	sub_fails("trace.sched.nothing", ENOENT, 13, "no tracepoint");
	CHECK_EQ(open_fds(&still), before);
}

static void test_bad_input(void)
{
	struct ksig_sub_opts opts = *SUB_OPTS(.queue_len = 1024, .value_field = "cuont");
	struct ksig_sub *sub;
	char why[256];

	sub_fails("trace.sched", ENOENT, 7, "trace.sched.sched_switch");
	sub_fails("trace.", ENOENT, 7, "trace.sched.sched_switch");
	sub_fails("trace.schad.sched_switch", ENOENT, 7,
		  "no tracepoint category 'schad'");
	sub_fails("trace.sched.sched_swutch", ENOENT, 13,
		  "no tracepoint sched.sched_swutch: see 'ls ");
	sub_fails("trace.qqqqq.x", ENOENT, 7, "no tracepoint category 'qqqqq'");
	sub_fails("trace.sched.sched_switch:prio=1", EINVAL, 26,
		  "no field 'prio'");
	sub_fails(WRITE ":count=many", EINVAL, 38, "'many'");
	opts.err = why;
	opts.err_size = sizeof(why);
	CHECK_EQ(ksig_sub_open(WRITE, &opts, &sub), -EINVAL);
	CHECK(strstr(why, "no field 'cuont'"));
	opts.value_field = "current.comm";
	CHECK_EQ(ksig_sub_open(WRITE, &opts, &sub), -EINVAL);
	CHECK(strstr(why, "is a string"));
	opts.value_field = "current.pid";
	CHECK_EQ(ksig_sub_open(WRITE, &opts, &sub), -EINVAL);
	CHECK(strstr(why, "only the tracepoint's own fields can"));
}

/* Counts the lines of libbpf's log. Other libraries may also use libbpf and its log. */
static void log_line(void *ctx, const char *line)
{
	(void)line;
	++*(int *)ctx;
}

/*
 * Check that an unprivileged user gets an errno and a message that states the cure, and that
 * nothing is printed to stderr.
 */
static void test_unprivileged(void)
{
	int status, lines = 0;
	pid_t pid = OK(fork());
	struct ksig_sub *sub;
	char why[512];
	struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .provider = "bpf", .err = why,
		.err_size = sizeof(why), .log = log_line, .log_ctx = &lines,
	};

	if (pid) {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		CHECK_EQ(status, 0);
		return;
	}
	OK(setresgid(65534, 65534, 65534));
	OK(setresuid(65534, 65534, 65534));
	CHECK_EQ(ksig_sub_open("process.exit", &opts, &sub), -EPERM);
	CHECK(strstr(why, "CAP_BPF+CAP_PERFMON"));
	OK(unshare(CLONE_NEWUSER));
	CHECK_EQ(ksig_sub_open("process.exit", &opts, &sub), -EPERM);
	CHECK(strstr(why, "initial user namespace"));
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	sub_or_skip(WRITE);
	nowhere = OK(open("/dev/null", O_WRONLY | O_CLOEXEC));
	test_fields();
	test_kinds();
	test_operators();
	test_compat();
	test_overflow();
	test_descriptors();
	test_bad_input();
	test_unprivileged();
	return 0;
}
