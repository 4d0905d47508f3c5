// SPDX-License-Identifier: MIT
/*
 * Promise 2: six threads, which is more than the number of CPUs, start processes as fast as
 * possible. Each provider must report each process exactly once and count every loss. Since Linux
 * 7.0, a BPF program on a raw tracepoint can be preempted. While it is preempted, the kernel skips
 * the program for other tasks on the same CPU.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/wait.h>

#include "subtest.h"

#define THREADS 6
#define QUEUE 65536

static unsigned int each = 500;
static pid_t *pids;

/* --------------------------------------------------------------------- the storm */

/* comm of the forking process, which distinguishes it from all other processes */
#define NAME "stormy"

static pid_t once(bool exec)
{
	static char *const argv[] = { "/proc/self/exe", "exec", NULL };
	pid_t pid = vfork();

	if (!pid) {
		if (exec)
			execv(argv[0], argv);
		_exit(exec);
	}
	CHECK(pid > 0);
	return pid;
}

struct thread {
	pthread_t id;
	unsigned int first;
	bool exec;
};

static void *start_processes(void *arg)
{
	const struct thread *t = arg;
	unsigned int i;
	int status;

	for (i = 0; i < each; i++) {
		pids[t->first + i] = once(t->exec);
		CHECK_EQ(waitpid(pids[t->first + i], &status, __WALL),
			 pids[t->first + i]);
		CHECK_EQ(status, 0);
	}
	return NULL;
}

static void storm(bool exec)
{
	struct thread threads[THREADS];
	int i;

	for (i = 0; i < THREADS; i++) {
		threads[i] = (struct thread){ .first = i * each, .exec = exec };
		CHECK_EQ(pthread_create(&threads[i].id, NULL, start_processes,
					&threads[i]), 0);
	}
	for (i = 0; i < THREADS; i++)
		CHECK_EQ(pthread_join(threads[i].id, NULL), 0);
}

/* -------------------------------------------------------------------- the events */

/**
 * struct watched - an event that each process causes once
 * @name: event with its filter
 * @field: field that contains the pid of the process; NULL if there is none
 * @exec: true if the event occurs only when the process calls exec
 */
static const struct watched {
	const char *name;
	const char *field;
	bool exec;
} all[] = {
	{ "process.fork:comm=" NAME, "child", false },
	{ "process.exec", "pid", true },
	{ "process.exit", "pid", false },
	{ "trace.sched.sched_process_exit", "current.pid", false },
	{ "trace.syscalls.sys_enter_vfork:current.comm=" NAME, NULL, false },
	{ "trace.syscalls.sys_exit_wait4:current.comm=" NAME, "ret", false },
};

#define ALL (sizeof(all) / sizeof(*all))

static int compare(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

/*
 * Counts the events of this test's processes and checks that no event is a duplicate. Events of
 * other processes are ignored.
 */
static unsigned int count_ours(struct ksig_sub *sub, const struct watched *w,
			       unsigned int n)
{
	const struct ksig_event *ev;
	unsigned int found = 0, i;
	pid_t *seen, *p, pid;

	seen = calloc(n, sizeof(*seen));
	CHECK(seen);
	while (ksig_sub_next(sub, 0, &ev) == 1) {
		if (!w->field) {
			found++;
			continue;
		}
		pid = field(sub, ev, w->field).u;
		p = bsearch(&pid, pids, n, sizeof(*pids), compare);
		if (!p)
			continue;
		/* a pid may be reused: allow one event for each process that had it */
		while (p > pids && p[-1] == pid)
			p--;
		for (i = p - pids; i < n && pids[i] == pid && seen[i]; i++)
			;
		if (i == n || pids[i] != pid)
			fail(__FILE__, __LINE__, "%s: process %d twice",
			     w->name, pid);
		seen[i] = 1;
		found++;
	}
	free(seen);
	return found;
}

/*
 * Checks that all events were received. Unless @exact, events that are counted as lost may be
 * missing.
 */
static void check_all(struct ksig_sub *sub, const struct watched *w,
		      const char *provider, bool exact)
{
	unsigned int n = THREADS * each, found = count_ours(sub, w, n);
	uint64_t lost = sub_stats(sub).lost;

	if (found == n && !lost)
		return;
	if (exact || found > n || found + lost < n)
		fail(__FILE__, __LINE__,
		     "%s by %s: %u of %u, %llu lost, up to %llu more",
		     w->name, provider, found, n, (unsigned long long)lost,
		     (unsigned long long)sub_lost_upto(sub));
	printf(": %s by %s: %u of %u, %llu counted as lost\n", w->name,
	       provider, found, n, (unsigned long long)lost);
}

static void test_storm(const char *provider, bool exec)
{
	struct ksig_sub_opts o = *SUB_OPTS(.queue_len = QUEUE);
	struct ksig_sub *subs[ALL] = { };
	char why[1024];
	size_t i;

	o.provider = provider;
	for (i = 0; i < ALL; i++) {
		if (all[i].exec && !exec)
			continue;
		if (sub_try(all[i].name, &o, why, NULL, &subs[i]) && !exec &&
		    (!i || !strcmp(provider, "bpf")))
			printf(": %s by %s: %s\n", all[i].name, provider, why);
	}
	storm(exec);
	qsort(pids, THREADS * each, sizeof(*pids), compare);
	for (i = 0; i < ALL; i++) {
		if (!subs[i])
			continue;
		check_all(subs[i], &all[i], provider,
			  strcmp(provider, "native"));
		ksig_sub_close(subs[i]);
	}
}

int main(int argc, char **argv)
{
	static const char *const providers[] = { "module", "bpf", "native" };
	const char *many = getenv("KSIG_MANY");
	size_t i;

	if (argc > 1)
		return strcmp(argv[1], "exec");
	if (many && *many)
		each = strtoul(many, NULL, 10);
	pids = calloc(THREADS * each, sizeof(*pids));
	CHECK(pids);
	tracefs_mount();
	/* the threads inherit this name */
	OK(prctl(PR_SET_NAME, NAME));
	for (i = 0; i < sizeof(providers) / sizeof(*providers); i++) {
		test_storm(providers[i], false);
		test_storm(providers[i], true);
	}
	free(pids);
	return 0;
}
