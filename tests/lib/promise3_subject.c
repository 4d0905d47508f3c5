// SPDX-License-Identifier: MIT
/*
 * Promise 3: a signal sent to an event's subject never reaches another process. This holds even if
 * another process has reused the subject's pid by the time the event is read, and even if that
 * process started within the same clock tick.
 */
#define _GNU_SOURCE
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static const char *provider;

#define PROVIDER provider
#include "subtest.h"

#define TRIES 150

static int open_subject(const struct ksig_sub *sub, const struct ksig_event *ev,
			struct ksig_target **t)
{
	struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT;

	o.signo = SIG;
	o.flags = KSIG_SEND_PROCESS;
	return ksig_target_open_subject(sub, ev, &o, t);
}

/* Forks a child with the given pid. Return: 0 in the child, as with fork(2). */
static pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD, .set_tid = (uintptr_t)&pid,
		.set_tid_size = 1,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void fork_once(void)
{
	pid_t pid = OK(fork());

	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

static void sleep_as(pid_t pid, bool forks)
{
	pid_t got = OK(fork_as(pid));

	if (got)
		return;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	if (forks)
		fork_once();
	for (;;)
		pause();
}

static void end(pid_t pid)
{
	OK(kill(pid, SIGKILL));
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
}

/* Returns a pid that was just in use and is now free. */
static pid_t free_number(void)
{
	pid_t pid = OK(fork());

	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return pid;
}

/* Return: true if the start time in /proc, in clock ticks, is no later than the event's time. */
static bool old_in_ticks(pid_t pid, uint64_t time_ns)
{
	unsigned long long ticks;
	char path[32], line[1024], *s;
	struct timespec boot;
	int field;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "re");
	CHECK(f && fgets(line, sizeof(line), f));
	fclose(f);
	s = strrchr(line, ')');
	for (field = 2; field < 22; field++)
		s = strchr(s + 1, ' ');
	CHECK_EQ(sscanf(s, " %llu", &ticks), 1);
	OK(clock_gettime(CLOCK_BOOTTIME, &boot));
	return (int64_t)(ticks * (1000000000ULL / sysconf(_SC_CLK_TCK))) -
	       (boot.tv_sec * SECOND + boot.tv_nsec - now()) <=
	       (int64_t)time_ns;
}

/*
 * Check that a process that reuses the subject's pid is never opened as the target. The subject
 * forked and exited; the new process did not fork.
 */
static void recycled(void)
{
	int ret, i, by_ticks = 0, uncertain = 0;
	pid_t pid = free_number(), got;
	const struct ksig_event *ev;
	struct ksig_target *t;
	struct ksig_sub *sub;
	char name[64];

	snprintf(name, sizeof(name), "process.fork:tgid=%d", pid);
	sub = sub_open(name, SUB_OPTS(.queue_len = 8192));
	for (i = 0; i < TRIES; i++) {
		got = OK(fork_as(pid));
		if (!got) {
			fork_once();
			_exit(0);
		}
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		sleep_as(pid, false);
		ev = sub_take(sub);
		CHECK_EQ(ev->subject, pid);
		by_ticks += old_in_ticks(pid, ev->time_ns);
		ret = open_subject(sub, ev, &t);
		CHECK(ret == -ESRCH || ret == -ESTALE);
		uncertain += ret == -ESTALE;
		end(pid);
	}
	printf(": %s: recycled %d times: %d signalled by clock ticks alone, 0 now (%d uncertain)\n",
	       provider, TRIES, by_ticks, uncertain);
	ksig_sub_close(sub);
}

/* Check that a living subject is found. Return: how many times the result was uncertain. */
static int living(int tries)
{
	pid_t pid = free_number();
	const struct ksig_event *ev;
	struct ksig_target *t;
	struct ksig_sub *sub;
	int uncertain = 0, ret;
	char name[64];

	snprintf(name, sizeof(name), "process.fork:tgid=%d", pid);
	sub = sub_open(name, SUB_OPTS(.queue_len = 8192));
	while (tries--) {
		sleep_as(pid, true);
		ev = sub_take(sub);
		ret = open_subject(sub, ev, &t);
		if (ret == -ESTALE) {
			uncertain++;
		} else {
			CHECK_EQ(ret, 0);
			ksig_target_close(t);
		}
		end(pid);
	}
	ksig_sub_close(sub);
	return uncertain;
}

static void old_one(void)
{
	struct ksig_target_opts o = KSIG_TARGET_OPTS_INIT;
	const struct ksig_event *ev;
	struct ksig_event copy;
	struct ksig_target *t;
	struct ksig_sub *sub;
	char name[64];

	snprintf(name, sizeof(name), "process.fork:pid=%d", getpid());
	sub = sub_open(name, SUB_OPTS(.queue_len = 8192));
	fork_once();
	ev = sub_take(sub);
	CHECK_EQ(open_subject(sub, ev, &t), 0);
	ksig_target_close(t);
	/* a copy of the record may lack the data that follows it, so it is rejected */
	copy = *ev;
	CHECK_EQ(open_subject(sub, &copy, &t), -EINVAL);
	/* a thread or another process as the target is rejected */
	o.signo = SIG;
	CHECK_EQ(ksig_target_open_subject(sub, ev, &o, &t), -EINVAL);
	o.flags = KSIG_SEND_PROCESS;
	o.pid = getpid();
	CHECK_EQ(ksig_target_open_subject(sub, ev, &o, &t), -EINVAL);
	ksig_sub_close(sub);
}

/*
 * Check that -ESRCH is returned if the subject has exited, even if another process already has its
 * pid.
 */
static void ended(void)
{
	const struct ksig_event *ev;
	pid_t pid = free_number();
	struct ksig_target *t;
	struct ksig_sub *sub;
	char name[64];

	sleep_as(pid, false);
	snprintf(name, sizeof(name), "process.exit:pid=%d", pid);
	sub = sub_open(name, NULL);
	end(pid);
	sleep_as(pid, false);
	/* wait: several clock ticks, the unit of the start times in /proc */
	usleep(50000);
	ev = sub_take(sub);
	CHECK_EQ(ev->subject, pid);
	CHECK_EQ(open_subject(sub, ev, &t), -ESRCH);
	end(pid);
	ksig_sub_close(sub);
}

int main(void)
{
	static const char *const providers[] = { "module", "bpf", "native" };
	int uncertain, done = 0;
	struct ksig_sub *sub;
	char why[1024];
	size_t i;

	if (getuid())
		skip("only root can force the reuse of a pid");
	for (i = 0; i < 3; i++) {
		provider = providers[i];
		if (sub_try("process.fork", NULL, why, NULL, &sub)) {
			printf(": not by %s: %s\n", provider, why);
			continue;
		}
		ksig_sub_close(sub);
		done++;
		old_one();
		ended();
		recycled();
		uncertain = living(TRIES);
		printf(": %s: %d of %d living subjects uncertain\n", provider,
		       uncertain, TRIES);
		if (!strcmp(provider, "bpf") && linux_at_least(6, 9))
			CHECK_EQ(uncertain, 0);
	}
	if (!done)
		skip("no provider has process.fork here");
	return 0;
}
