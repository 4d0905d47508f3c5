// SPDX-License-Identifier: MIT
/*
 * Check the events about pressure and its end, each from its real cause. Check that a trigger's
 * event reaches a program that waits in poll(2), although poll(2) consumes the kernel's event.
 * Check that errors in settings are reported with their column.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#define PROVIDER "native"
#include "events.h"

#define ROOT "/sys/fs/cgroup"
#define SLICE ROOT "/ksig_test.slice"
#define GROUP SLICE "/ksig_test.service"
#define DEVICE "/dev/nullb0"
#define SIZE (64L << 20)
#define PAGE 4096
#define CHILDREN_MAX 256

/* ------------------------------------------------------------------ bad input */

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

	wrong("bad=1ms/2s", EINVAL, first, "settings: some, full, cgroup, unit");
	wrong("some=", EINVAL, first + 5, "missing value");
	wrong("some=200/2s", EINVAL, first + 5, "STALL/WINDOW");
	wrong("some=200ms", EINVAL, first + 5, "STALL/WINDOW");
	wrong("some=200ms/2", EINVAL, first + 11, "units");
	wrong("some=200ms/2s,x", EINVAL, first + 15, "expected one of");
	wrong("some=200ms/2s,cgroup=", EINVAL, first + 21, "missing value");
	wrong("some=200ms/100ms", EINVAL, first + 11, "500ms to 10s");
	wrong("some=200ms/99999999999999999999s", EINVAL, first + 11, "10s");
	wrong("some=3s/2s", EINVAL, first + 5, "at most the window");
	wrong("full=0ms/2s", EINVAL, first + 5, "more than 0");
	wrong("full=1ms/2s,some=1ms/2s", EINVAL, first, "mutually exclusive");
	wrong("some=200ms/2s,cgroup=/no/such", EINVAL, first + 21, "/no/such");
	wrong("cgroup=/,unit=a.service", EINVAL, first + 9, "mutually exclusive");
	wrong("unit=a/b.service", EINVAL, first + 5, "such as nginx.service");
	wrong("unit=ksig-none.service", EINVAL, first + 5, "the unit is not running");
	sub_fails("cpu.calm:full=1ms/2s", EINVAL, 10, "no 'full' pressure");
}

/* --------------------------------------------------------------------- causes */

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
 * Creates a cgroup with memory.high set, at the place of a unit's cgroup. A process that exceeds
 * this limit is delayed at each page that it touches.
 */
static bool make_cgroup(void)
{
	int err;

	if (access(ROOT "/cgroup.subtree_control", W_OK) ||
	    write_to(ROOT "/cgroup.subtree_control", "+memory")) {
		printf(": memory.*: " ROOT " has no cgroup2 memory controller\n");
		return false;
	}
	if ((mkdir(SLICE, 0755) && errno != EEXIST) ||
	    write_to(SLICE "/cgroup.subtree_control", "+memory") ||
	    (mkdir(GROUP, 0755) && errno != EEXIST)) {
		printf(": memory.*: cannot create a cgroup in " ROOT ": %m\n");
		return false;
	}
	err = write_to(GROUP "/memory.high", "4194304");
	if (!err)
		err = enter();
	if (!err)
		return true;
	printf(": memory.*: cannot move a process to " GROUP ": %s\n", strerror(err));
	rmdir(GROUP);
	rmdir(SLICE);
	return false;
}

static void stall_memory(struct child *self, void *arg)
{
	volatile char *memory;
	long i;

	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	CHECK_EQ(write_to(GROUP "/cgroup.procs", "0"), 0);
	memory = OK(mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	child_say(self);
	for (i = 0;; i = (i + PAGE) % SIZE)
		memory[i]++;
}

static void stall_cpu(struct child *self, void *arg)
{
	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	child_say(self);
	for (;;)
		;
}

/* Loads a driver of a block device whose requests take 100 ms. */
static bool load_slow_device(void)
{
	if (is_vm() && !access("/ksig/null_blk.ko", F_OK)) {
		load_driver("configfs", "");
		load_driver("null_blk", "nr_devices=1 gb=1 irqmode=2 completion_nsec=100000000");
	}
	if (!access(DEVICE, R_OK))
		return true;
	printf(": io.*: no " DEVICE "\n");
	return false;
}

static void stall_io(struct child *self, void *arg)
{
	int fd = OK(open(DEVICE, O_RDONLY | O_DIRECT));
	void *buf = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)arg;
	CHECK(buf != MAP_FAILED);
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	child_say(self);
	for (;;)
		CHECK_EQ(pread(fd, buf, PAGE, 0), PAGE);
}

/* --------------------------------------------------------------------- events */

static uint64_t number(const struct ksig_sub *sub, const struct ksig_event *ev,
		       const char *key)
{
	return field(sub, ev, key).u;
}

static void check_event(const struct ksig_sub *sub, const struct ksig_event *ev,
			uint32_t type, uint64_t seq)
{
	struct expected x = {
		.type = type, .value = ev->value,
		.len = sizeof(struct ksig_pressure_data),
	};

	snprintf(x.fields, sizeof(x.fields), "stall_us=%llu over_us=%llu",
		 (unsigned long long)ev->value,
		 (unsigned long long)number(sub, ev, "over_us"));
	check_record(sub, ev, &x, 0);
	CHECK_EQ(ev->seq, seq);
}

/* Takes the next event of @sub, which poll(2) reports as long as it has not been read. */
static const struct ksig_event *poll_event(struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	const struct ksig_event *ev;
	int got;

	do {
		CHECK_EQ(OK(poll(&p, 1, 60000)), 1);
		CHECK_EQ(OK(poll(&p, 1, 0)), 1);
		CHECK_EQ(OK(poll(&p, 1, 0)), 1);
		/* an alarm that counts a stall from before the subscription is no event */
		got = ksig_sub_next(sub, 0, &ev);
	} while (!got);
	CHECK_EQ(got, 1);
	return ev;
}

/**
 * struct cause - a way to stall tasks
 * @resource: what they are stalled for
 * @type: type of the event about pressure; the end of pressure has the next type
 * @stall: runs in each of @n processes
 * @n: number of processes
 * @stall_us: threshold, per 2 seconds
 * @more: further settings
 */
struct cause {
	const char *resource;
	uint32_t type;
	void (*stall)(struct child *self, void *arg);
	int n;
	unsigned int stall_us;
	const char *more;
};

static struct ksig_sub *open_event(const struct cause *cause, const char *state)
{
	char event[128];

	snprintf(event, sizeof(event), "%s.%s:some=%uus/2s%s", cause->resource, state,
		 cause->stall_us, cause->more);
	return sub_open(event, NULL);
}

static void under_pressure(const struct cause *cause)
{
	struct ksig_sub *pressure = open_event(cause, "pressure");
	struct ksig_sub *calm = open_event(cause, "calm");
	const struct ksig_event *ev;
	struct child c[CHILDREN_MAX];
	int i;

	for (i = 0; i < cause->n; i++) {
		c[i] = child_start(cause->stall, NULL);
		child_hear(&c[i]);
	}
	for (i = 1; i <= 2; i++) {
		ev = poll_event(pressure);
		check_event(pressure, ev, cause->type, i);
		/*
		 * the kernel computes the total and what it compares with the threshold from
		 * different samples; the second alarm may follow soon after the first, if that was
		 * read late
		 */
		CHECK(ev->value >= cause->stall_us - cause->stall_us / 4 ||
		      (i == 2 && number(pressure, ev, "over_us") < 2000000));
		/* the kernel computes the stall time from samples of each cpu */
		CHECK(number(pressure, ev, "over_us") >= ev->value - ev->value / 20);
	}
	printf(": %s.pressure%s: %llu us stalled of %llu\n", cause->resource, cause->more,
	       (unsigned long long)ev->value,
	       (unsigned long long)number(pressure, ev, "over_us"));
	for (i = 0; i < cause->n; i++)
		child_kill(&c[i]);
	/* on another machine, other programs may cause pressure as well */
	if (is_vm()) {
		ev = sub_take(calm);
		check_event(calm, ev, cause->type + 1, 1);
		CHECK(ev->value < cause->stall_us);
		CHECK(number(calm, ev, "over_us") >= 2000000);
		CHECK_EQ(sub_stats(calm).offered, 1);
		printf(": %s.calm\n", cause->resource);
	}
	ksig_sub_close(pressure);
	ksig_sub_close(calm);
}

int main(void)
{
	static const struct cause memory = {
		"memory", KSIG_MEMORY_PRESSURE, stall_memory, 1, 2000, "",
	}, of_cgroup = {
		"memory", KSIG_MEMORY_PRESSURE, stall_memory, 1, 2000,
		",cgroup=/ksig_test.slice/ksig_test.service",
	}, of_unit = {
		"memory", KSIG_MEMORY_PRESSURE, stall_memory, 1, 2000, ",unit=ksig_test",
	}, cpu = {
		"cpu", KSIG_CPU_PRESSURE, stall_cpu, 0, 500000, "",
	}, io = {
		"io", KSIG_IO_PRESSURE, stall_io, 1, 500000, "",
	};
	struct cause hogs = cpu;

	sub_or_skip("memory.pressure");
	bad_input();
	/* twice as many as there are cpus */
	hogs.n = 2 * OK(sysconf(_SC_NPROCESSORS_ONLN));
	if (hogs.n > CHILDREN_MAX)
		printf(": cpu.*: more than %d cpus\n", CHILDREN_MAX / 2);
	else
		under_pressure(&hogs);
	if (load_slow_device())
		under_pressure(&io);
	if (!make_cgroup())
		return 0;
	under_pressure(&memory);
	under_pressure(&of_cgroup);
	under_pressure(&of_unit);
	cgroup_remove(GROUP);
	cgroup_remove(SLICE);
	return 0;
}
