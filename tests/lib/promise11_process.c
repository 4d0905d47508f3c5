// SPDX-License-Identifier: MIT
/*
 * Check process.fork, process.exec and process.exit with all providers. Each event must be reported
 * once per process, regardless of the number of threads. The exit status must be the one that
 * wait(2) returns.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "events.h"

#define THREADS 4

/*
 * A filter on "pid" pins the process and makes the native provider wait for that process. A filter
 * on "tgid" matches the same events without pinning the process.
 */
static const char *const keys[] = { "pid", "tgid" };
static const char *key;

static bool by_pidfd(void)
{
	return !strcmp(key, "pid");
}

static struct expected process(uint32_t type, pid_t pid, uint64_t value,
			       const char *value_key, const char *comm,
			       pid_t parent)
{
	struct expected x = {
		.type = type, .subject = pid, .value = value,
		.len = sizeof(struct ksig_process_data),
	};
	char text[40] = "";

	if (value_key)
		snprintf(text, sizeof(text), " %s=%llu", value_key,
			 (unsigned long long)value);
	snprintf(x.fields, sizeof(x.fields), "pid=%d%s comm=%s tgid=%d parent=%d",
		 pid, text, comm, pid, parent);
	return x;
}

static struct expected ended(pid_t pid, int status, const char *comm)
{
	return process(KSIG_PROCESS_EXIT, pid, status, "status", comm,
		       getpid());
}

/* Returns the status as wait(2) would report it, without reaping the process. */
static int status_of(pid_t pid)
{
	siginfo_t info = { };

	OK(waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	if (info.si_code == CLD_EXITED)
		return info.si_status << 8;
	return info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
}

static void reap(struct child *c)
{
	int before = status_of(c->pid), status;

	CHECK_EQ(waitpid(c->pid, &status, 0), c->pid);
	CHECK_EQ(status, before);
	close(c->to);
	close(c->from);
}

/* ------------------------------------------------------------------------ fork */

static void *fork_from_thread(void *child)
{
	pid_t pid = OK(fork());

	if (!pid)
		_exit(0);
	*(pid_t *)child = pid;
	return NULL;
}

/*
 * Check that creating a thread is not reported as a fork, and that a fork by a thread is reported
 * as a fork by its process.
 */
static void test_fork(void)
{
	struct watch w = watch("process.fork:%s=%d", key, getpid());
	struct expected x;
	pthread_t thread;
	pid_t child;

	CHECK_EQ(pthread_create(&thread, NULL, fork_from_thread, &child), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
	x = process(KSIG_PROCESS_FORK, getpid(), child, "child", "ksig_test",
		    getppid());
	watch_expect(&w, &x);
	watch_close(&w);
	CHECK_EQ(waitpid(child, NULL, 0), child);
}

/* ------------------------------------------------------------------------ exec */

static void *exec_sleep(void *arg)
{
	execl("/bin/sleep", "sleep", "60", NULL);
	return arg;
}

/*
 * Calls execve() in a thread other than the group leader. The thread takes over the leader's
 * identity.
 */
static void exec_in_thread(struct child *self, void *arg)
{
	pthread_t thread;

	(void)arg;
	child_wait_go(self);
	CHECK_EQ(pthread_create(&thread, NULL, exec_sleep, NULL), 0);
	for (;;)
		pause();
}

static void test_exec(void)
{
	struct child c = child_start(exec_in_thread, NULL);
	struct watch exec = watch("process.exec:%s=%d", key, c.pid);
	struct watch exit = watch("process.exit:%s=%d", key, c.pid);
	struct expected x = process(KSIG_PROCESS_EXEC, c.pid, 0, NULL, "sleep",
				    getpid());

	child_go(&c);
	watch_expect(&exec, &x);
	/* the exit of the old leader thread is not the exit of a process */
	watch_silent(&exit);
	OK(kill(c.pid, SIGTERM));
	x = ended(c.pid, SIGTERM, "sleep");
	watch_expect(&exit, &x);
	watch_close(&exec);
	watch_close(&exit);
	reap(&c);
}

/* ------------------------------------------------------------------------ exit */

static void exit_0(void) { exit(0); }
static void exit_3(void) { exit(3); }
static void die(void) { raise(SIGKILL); }
static void die_of_rt(void) { raise(SIG); }

/* Crashes with SIGSEGV. Dumps core only in a dedicated test machine. */
static void crash(void)
{
	rlim_t size = is_vm() ? RLIM_INFINITY : 0;

	setrlimit(RLIMIT_CORE, &(struct rlimit){ size, size });
	OK(chdir("/tmp"));
	/* ASan would turn the signal into an exit */
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void *run(void *how)
{
	if (how)
		((void (*)(void))how)();
	return NULL;
}

static void *run_and_stay(void *how)
{
	run(how);
	for (;;)
		pause();
	return NULL;
}

/* true if end_all() is to start and join other threads first */
static bool earlier;

/* Starts several threads, one of which terminates the process. */
static void end_all(struct child *self, void *how)
{
	pthread_t thread;
	int i;

	child_wait_go(self);
	for (i = 0; earlier && i < THREADS; i++) {
		CHECK_EQ(pthread_create(&thread, NULL, run, NULL), 0);
		CHECK_EQ(pthread_join(thread, NULL), 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_create(&thread, NULL, run_and_stay,
					i == THREADS / 2 ? how : NULL), 0);
	run_and_stay(NULL);
}

static void test_end(void (*how)(void), int status)
{
	struct child c = child_start(end_all, how);
	struct watch w = watch("process.exit:%s=%d", key, c.pid);
	struct expected x;

	child_go(&c);
	CHECK_EQ(status_of(c.pid) & ~0x80, status);
	/*
	 * wait: the connector's message about the last thread is sent after wait(2) has returned,
	 * and nothing tells this test when
	 */
	usleep(200000);
	x = ended(c.pid, status_of(c.pid), "ksig_test");
	/*
	 * The connector's message about a joined thread is asynchronous. If it is sent after the
	 * message about the leader, the joined thread may be mistaken for the last thread.
	 */
	if (earlier && !by_pidfd())
		x.maybe[NATIVE] = KSIG_EVENT_NO_VALUE;
	watch_expect(&w, &x);
	watch_close(&w);
	reap(&c);
}

static struct child *driver;

static void *outlive(void *how)
{
	child_say(driver);
	child_wait_go(driver);
	return run(how);
}

/* The group leader exits while the process continues in another thread. */
static void first_leaves(struct child *self, void *how)
{
	pthread_t thread;

	driver = self;
	child_wait_go(self);
	CHECK_EQ(pthread_create(&thread, NULL, outlive, how), 0);
	syscall(SYS_exit, 0);
}

static void test_last_thread(void (*how)(void), int status)
{
	struct child c = child_start(first_leaves, how);
	struct watch w = watch("process.exit:%s=%d", key, c.pid);
	struct expected x;

	child_go(&c);
	child_hear(&c);
	wait_state(c.pid, 'Z');
	watch_silent(&w);
	child_go(&c);
	CHECK_EQ(status_of(c.pid), status);
	x = ended(c.pid, status, "ksig_test");
	watch_expect(&w, &x);
	watch_close(&w);
	reap(&c);
}

static char cores[] = "/tmp/ksig-cores-XXXXXX";

static struct expected crashed(pid_t pid, int status)
{
	struct expected x = process(KSIG_PROCESS_CRASH, pid, status & 0x7f, "signal", "ksig_test",
				    getpid());
	size_t len = strlen(x.fields);

	snprintf(x.fields + len, sizeof(x.fields) - len, " core=%d", status >> 7);
	x.len += sizeof(uint64_t);
	return x;
}

/* Dumps core, in an empty directory, unless core_pattern redirects core dumps. */
static void dump_core(void)
{
	struct rlimit unlimited = { RLIM_INFINITY, RLIM_INFINITY };

	/* this fails if the limit can't be raised; then there is no core */
	setrlimit(RLIMIT_CORE, &unlimited);
	OK(chdir(cores));
	abort();
}

/* Check that a crash is reported, and that other exits are not. */
static void test_crash(void (*how)(void))
{
	struct child killed = child_start(end_all, die), c = child_start(end_all, how);
	struct watch w = watch("process.crash:parent=%d", getpid());
	struct watch by_key = watch("process.crash:%s=%d", key, c.pid);
	struct expected x;

	child_go(&killed);
	status_of(killed.pid);
	child_go(&c);
	x = crashed(c.pid, status_of(c.pid));
	watch_expect(&w, &x);
	watch_expect(&by_key, &x);
	watch_close(&w);
	watch_close(&by_key);
	reap(&killed);
	reap(&c);
}

/*
 * Check that if the process is reaped before the event is read, the exit is reported with the
 * fields that are still known. The process's /proc entry no longer exists.
 */
static void test_reaped(void)
{
	struct child c = child_start(end_all, exit_3);
	struct watch w = watch("process.exit:%s=%d", key, c.pid);
	struct expected x = ended(c.pid, 3 << 8, "ksig_test");

	x.unknown[NATIVE] = KSIG_EVENT_NO_COMM;
	if (by_pidfd()) {
		x.unknown[NATIVE] |= KSIG_EVENT_NO_PARENT;
		/*
		 * since Linux 6.15, the pidfd provides the status even after the process is reaped
		 */
		x.maybe[NATIVE] = KSIG_EVENT_NO_VALUE;
	} else {
		/* the process may already be reaped when the connector's message is read */
		x.maybe[NATIVE] = KSIG_EVENT_NO_PARENT;
	}
	child_go(&c);
	reap(&c);
	watch_expect(&w, &x);
	watch_close(&w);
}

/* Check that a reader that never sleeps gets the event, and then the end. */
static void test_awake(const char *provider, const char *event)
{
	struct ksig_sub_opts opts = *SUB_OPTS();
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char name[64], why[1024];
	struct child c;
	int i, got, err;

	opts.provider = provider;
	for (i = 0; i < 20; i++) {
		c = child_start(end_all, abort);
		snprintf(name, sizeof(name), "%s:pid=%d", event, c.pid);
		err = sub_try(name, &opts, why, NULL, &sub);
		child_go(&c);
		if (!err) {
			while (!(got = ksig_sub_next(sub, 0, &ev)))
				;
			CHECK_EQ(got, 1);
			CHECK_EQ(ev->subject, c.pid);
			while (!(got = ksig_sub_next(sub, 0, &ev)))
				;
			CHECK_EQ(got, -ESHUTDOWN);
			ksig_sub_close(sub);
		}
		status_of(c.pid);
		reap(&c);
	}
}

int main(void)
{
	char command[64];
	size_t i;

	CHECK(mkdtemp(cores));
	OK(prctl(PR_SET_NAME, "ksig_test"));
	for (i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		key = keys[i];
		test_fork();
		test_exec();
		test_end(exit_0, 0);
		test_end(exit_3, 3 << 8);
		test_end(die, SIGKILL);
		test_end(die_of_rt, SIG);
		test_end(crash, SIGSEGV);
		test_last_thread(NULL, 0);
		test_last_thread(die, SIGKILL);
		test_last_thread(exit_3, 3 << 8);
		test_crash(crash);
		test_crash(dump_core);
		test_reaped();
		earlier = true;
		test_end(exit_3, 3 << 8);
		earlier = false;
	}
	test_awake("native", "process.crash");
	test_awake("native", "process.exit");
	test_awake("bpf", "process.crash");
	test_awake("bpf", "process.exit");
	snprintf(command, sizeof(command), "rm -r %s", cores);
	CHECK_EQ(system(command), 0);
	return 0;
}
