// SPDX-License-Identifier: MIT
/*
 * Check that a trigger's event reaches a program that waits in poll(2), although poll(2) consumes
 * the kernel's event. Check that errors in settings are reported with their column.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PROVIDER "native"
#include "events.h"

#define ROOT "/sys/fs/cgroup"
#define GROUP ROOT "/ksig_test"
#define SIZE (64L << 20)
#define PAGE 4096

static void wrong(const char *settings, int err, unsigned int column,
		  const char *word)
{
	char event[128];

	snprintf(event, sizeof(event), "memory.pressure:%s", settings);
	sub_fails(event, err, column, word);
}

static void bad_input(void)
{
	const unsigned int first = strlen("memory.pressure:") + 1;

	wrong("bad=1ms/2s", EINVAL, first, "bad=");
	wrong("some=", EINVAL, first + 5, "STALL/WINDOW");
	wrong("some=200/2s", EINVAL, first + 5, "units");
	wrong("some=200ms", EINVAL, first + 5, "WINDOW");
	wrong("some=200ms/2", EINVAL, first + 11, "units");
	wrong("some=200ms/2s,x", EINVAL, first + 13, ",x");
	wrong("some=200ms/2s,cgroup=", EINVAL, first + 13, "cgroup=PATH");
	wrong("some=200ms/100ms", EINVAL, first + 11, "500ms to 10s");
	wrong("some=200ms/99999999999999999999s", EINVAL, first + 11, "10s");
	wrong("some=3s/2s", EINVAL, first + 5, "at most the window");
	wrong("full=0ms/2s", EINVAL, first + 5, "more than 0");
	wrong("some=200ms/2s,cgroup=/no/such", EINVAL, first + 21, "/no/such");
}

/*
 * Moves a process into the test's cgroup. This is possible only from a cgroup below the same root.
 * Return: 0 or an errno.
 */
static int enter(void)
{
	int status;
	pid_t pid = OK(fork());

	if (!pid)
		_exit(write_to(GROUP "/cgroup.procs", "0"));
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

/*
 * Creates a cgroup with memory.high set. A process that exceeds this limit is delayed at each page
 * that it touches.
 */
static void make_cgroup(void)
{
	int err;

	if (access(ROOT "/cgroup.subtree_control", W_OK) ||
	    write_to(ROOT "/cgroup.subtree_control", "+memory"))
		skip("no cgroup2 at " ROOT " that counts memory");
	if (mkdir(GROUP, 0755) && errno != EEXIST)
		skip("no cgroup can be made in " ROOT ": %m");
	err = write_to(GROUP "/memory.high", "4194304");
	if (!err)
		err = enter();
	if (err) {
		rmdir(GROUP);
		skip("no process can be put into " GROUP ": %s", strerror(err));
	}
}

static void stall(struct child *self, void *arg)
{
	volatile char *memory;
	long i;

	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	alarm(60);
	CHECK_EQ(write_to(GROUP "/cgroup.procs", "0"), 0);
	memory = OK(mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	child_say(self);
	for (i = 0;; i = (i + PAGE) % SIZE)
		memory[i]++;
}

static void under_pressure(void)
{
	struct ksig_sub *sub = sub_open("memory.pressure:some=2ms/2s", NULL);
	struct child c = child_start(stall, NULL);
	const struct ksig_event *ev;
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	struct expected x = { .type = KSIG_MEMORY_PRESSURE };
	int i;

	child_hear(&c);
	for (i = 0; i < 2; i++) {
		CHECK_EQ(OK(poll(&p, 1, 60000)), 1);
		/* polling repeatedly reports the same event */
		CHECK_EQ(OK(poll(&p, 1, 0)), 1);
		CHECK_EQ(OK(poll(&p, 1, 0)), 1);
		CHECK_EQ(ksig_sub_next(sub, 0, &ev), 1);
		x.value = ev->value;
		snprintf(x.fields, sizeof(x.fields), "stall_us=%llu",
			 (unsigned long long)ev->value);
		check_record(sub, ev, &x, 0);
		CHECK_EQ(ev->seq, i + 1);
		CHECK(ev->value >= 2000);
	}
	printf(": memory.pressure: %llu us stalled\n",
	       (unsigned long long)ev->value);
	child_kill(&c);
	sub_stats(sub);
	ksig_sub_close(sub);
}

int main(void)
{
	sub_or_skip("memory.pressure");
	bad_input();
	make_cgroup();
	under_pressure();
	cgroup_remove(GROUP);
	return 0;
}
