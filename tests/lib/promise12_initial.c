// SPDX-License-Identifier: MIT
/*
 * Promise 12: check that KSIG_SUB_INITIAL returns the initial state first, then each change, and
 * that no change is missed in between and none is returned twice.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "events.h"

static struct ksig_sub_opts initial_by(const char *provider)
{
	struct ksig_sub_opts o = *SUB_OPTS(.flags = KSIG_SUB_INITIAL, .queue_len = QUEUE);

	o.provider = provider;
	return o;
}

static const struct ksig_sub_opts *initial(void)
{
	static struct ksig_sub_opts o;

	o = initial_by(NULL);
	return &o;
}

static struct ksig_sub *openv(const char *const *events, unsigned int n)
{
	struct ksig_sub *sub;

	CHECK_EQ(ksig_sub_openv(events, n, initial(), &sub), 0);
	return sub;
}

/* Return: 1 with the next event; 0 if there is none, not even one that the filter would skip. */
static int next(struct ksig_sub *sub, const struct ksig_event **ev)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };
	int ret;

	do {
		ret = ksig_sub_next(sub, 0, ev);
	} while (!ret && OK(poll(&p, 1, 0)));
	return ret;
}

/* Takes the next event and checks its line and whether it reports the initial state. */
static void expect(struct ksig_sub *sub, bool present, const char *wanted)
{
	const struct ksig_event *ev = sub_take(sub);
	char line[256];

	ksig_event_format(sub, ev, line, sizeof(line));
	check_text(line, wanted);
	CHECK_EQ(!!(ev->flags & KSIG_EVENT_INITIAL), present);
}

/* Creates a network interface. Return: false if that is not possible here; it is printed. */
static bool add_interface(const char *name)
{
	load_driver("dummy", "numdummies=0");
	if (!try_ip("add %s type dummy 2>/dev/null", name) || !try_ip("add %s type bridge", name))
		return true;
	printf(": can create neither a dummy interface nor a bridge\n");
	return false;
}

/* ------------------------------------------------------------------- one by one */

static void links(void)
{
	const char *const both[] = { "net.up", "net.down" };
	const char *const rename_first[] = { "net.rename", "net.up", "net.down" };
	struct ksig_sub *sub;

	sub = openv(both, 2);
	expect(sub, true, "net.down ifindex=1 ifname=lo");
	ip("set lo up");
	expect(sub, false, "net.up ifindex=1 ifname=lo");
	ksig_sub_close(sub);
	sub = openv(both, 2);
	expect(sub, true, "net.up ifindex=1 ifname=lo");
	ip("set lo down");
	expect(sub, false, "net.down ifindex=1 ifname=lo");
	ksig_sub_close(sub);
	/* an event without a state may come first */
	sub = openv(rename_first, 3);
	expect(sub, true, "net.down ifindex=1 ifname=lo");
	ksig_sub_close(sub);
	/* the filter applies to the initial state as well */
	sub = sub_open("net.down:ifname=eth*", initial());
	CHECK(sub_empty(sub));
	CHECK_EQ(sub_stats(sub).offered, 0);
	ksig_sub_close(sub);
}

/* Check that the initial state is complete even if it is longer than the queue. */
static void more_than_the_queue(void)
{
	struct ksig_sub *sub;
	char name[8];
	int i;

	for (i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "b%d", i);
		if (!add_interface(name))
			return;
	}
	sub = sub_open("net.down:ifname=b*",
		       SUB_OPTS(.flags = KSIG_SUB_INITIAL, .queue_len = 16));
	for (i = 0; i < 40; i++)
		CHECK(sub_take(sub)->flags & KSIG_EVENT_INITIAL);
	CHECK(sub_empty(sub));
	CHECK_EQ(sub_stats(sub).lost, 0);
	ksig_sub_close(sub);
	for (i = 0; i < 40; i++)
		ip("del b%d", i);
}

static void addresses(void)
{
	struct ksig_sub *sub;

	ip("set lo up");
	sub = sub_open("net.address:address=127.*", initial());
	expect(sub, true, "net.address action=add ifindex=1 ifname=lo address=127.0.0.1 prefix=8");
	CHECK_EQ(system("ip addr add 127.9.9.9/16 dev lo && ip addr del 127.9.9.9/16 dev lo"), 0);
	expect(sub, false, "net.address action=add ifindex=1 ifname=lo address=127.9.9.9 prefix=16");
	expect(sub, false, "net.address action=remove ifindex=1 ifname=lo address=127.9.9.9 prefix=16");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	ip("set lo down");
}

/* Check that the exit of a process that has exited already is reported by every provider. */
static void exited(void)
{
	const struct ksig_event *ev;
	struct ksig_sub_opts o;
	struct ksig_sub *sub;
	char event[64], line[1024];
	pid_t pid = OK(fork());
	int status, p;

	if (!pid)
		_exit(3);
	CHECK_EQ(waitid(P_PID, pid, NULL, WEXITED | WNOWAIT), 0);
	snprintf(event, sizeof(event), "process.exit:pid=%d", pid);
	/* a zombie still has a name, and its parent can read its status */
	sub = sub_open(event, initial());
	snprintf(line, sizeof(line), "process.exit pid=%d status=768 comm=%.15s parent=%d", pid,
		 program_invocation_short_name, getpid());
	expect(sub, true, line);
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), -ESHUTDOWN);
	CHECK(sub_stats(sub).flags & KSIG_STATS_SUBJECT_GONE);
	ksig_sub_close(sub);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	snprintf(line, sizeof(line), "process.exit pid=%d status=unknown comm=unknown parent=unknown",
		 pid);
	for (p = MODULE; p < PROVIDERS; p++) {
		o = initial_by(provider_names[p]);
		sub = sub_open(event, &o);
		expect(sub, true, line);
		CHECK_EQ(ksig_sub_next(sub, 0, &ev), -ESHUTDOWN);
		ksig_sub_close(sub);
	}
	CHECK_EQ(sub_try("process.exit:pid=4294967297", initial(), line, NULL, &sub), -EINVAL);
	/* a process that is running has no initial state to report */
	snprintf(event, sizeof(event), "process.exit:pid=%d", getpid());
	sub = sub_open(event, initial());
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Check that each line of a file or a command's output is reported. */
static void check_listed(const char *event, const char *command, const char *format)
{
	struct ksig_sub *sub = sub_open(event, initial());
	char name[256], line[512], wanted[300];
	const struct ksig_event *ev;
	int n = 0, found;
	FILE *f;

	while (next(sub, &ev) == 1)
		n += !!(ev->flags & KSIG_EVENT_INITIAL);
	ksig_sub_close(sub);
	f = popen(command, "r");
	CHECK(f);
	for (found = 0; fscanf(f, "%255s", name) == 1; found++)
		;
	pclose(f);
	printf(": %s: %d\n", event, n);
	CHECK_EQ(n, found);
	if (!found)
		return;
	/* the last of them */
	snprintf(wanted, sizeof(wanted), format, name);
	snprintf(line, sizeof(line), "%s%c%s", event, strchr(event, ':') ? ',' : ':',
		 wanted);
	sub = sub_open(line, initial());
	CHECK(sub_take(sub)->flags & KSIG_EVENT_INITIAL);
	ksig_sub_close(sub);
}

static void objects(void)
{
	check_listed("cpu.online", "ls -d /sys/devices/system/cpu/cpu[0-9]* | sed 's/.*cpu//'",
		     "cpu=%s");
	check_listed("kmod.load", "grep -l '^live' /sys/module/*/initstate 2>/dev/null | cut -d/ -f4",
		     "name=%s");
	check_listed("device.add:subsystem=cpu",
		     "ls -d /sys/devices/system/cpu/cpu[0-9]* | sed 's,.*/,,'", "name=%s");
}

/* Check that the interfaces of the namespace in which sysfs was mounted are not listed. */
static void other_namespace(void)
{
	struct ksig_sub *sub = sub_open("device.add:subsystem=net,name!=lo", initial());

	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

static void cpus(void)
{
	const char *const both[] = { "cpu.online:cpu=1", "cpu.offline:cpu=1" };
	struct ksig_sub *sub;

	if (!is_vm() || write_to("/sys/devices/system/cpu/cpu1/online", "0")) {
		printf(": cpu.offline: no cpu can be taken offline\n");
		return;
	}
	sub = openv(both, 2);
	expect(sub, true, "cpu.offline cpu=1");
	CHECK_EQ(write_to("/sys/devices/system/cpu/cpu1/online", "1"), 0);
	expect(sub, false, "cpu.online cpu=1");
	ksig_sub_close(sub);
	sub = openv(both, 2);
	expect(sub, true, "cpu.online cpu=1");
	ksig_sub_close(sub);
}

/* Check that a device that gets the name of another one is not taken for it. */
static void renamed(void)
{
	const char *const both[] = { "device.add:name=kd0", "device.remove:name=kd0" };
	struct ksig_sub *sub;

	if (!add_interface("kd0"))
		return;
	sub = openv(both, 2);
	expect(sub, true, "device.add subsystem=net name=kd0");
	ip("set kd0 name kd1");
	ip("del kd1");
	CHECK(add_interface("kd0"));
	expect(sub, false, "device.add subsystem=net name=kd0");
	ip("del kd0");
	expect(sub, false, "device.remove subsystem=net name=kd0");
	ksig_sub_close(sub);
}

static void errors(void)
{
	const struct ksig_sub_opts module = initial_by("module");
	struct ksig_sub *sub;
	const char *const mixed[] = { "net.up", "power.resume" };
	char why[1024];

	CHECK_EQ(sub_try("power.resume", initial(), why, NULL, &sub), -EINVAL);
	CHECK(strstr(why, "power.resume has no initial state"));
	CHECK_EQ(sub_try("process.exit", initial(), why, NULL, &sub), -EINVAL);
	CHECK_EQ(sub_try("net.up", &module, why, NULL, &sub), -EOPNOTSUPP);
	ksig_sub_close(openv(mixed, 2));
}

/* -------------------------------------------------------------------- the race */

/**
 * struct race - shared with the process that toggles the interface
 * @toggles: number of changes so far
 * @running: the process is to continue
 * @stopped: the process has stopped
 */
static struct race {
	atomic_ullong toggles;
	atomic_bool running;
	atomic_bool stopped;
} *race;

static void set_up(int fd, bool up)
{
	struct ifreq req = { .ifr_name = "lo" };

	req.ifr_flags = up ? IFF_UP : 0;
	OK(ioctl(fd, SIOCSIFFLAGS, &req));
}

static bool is_up(int fd)
{
	struct ifreq req = { .ifr_name = "lo" };

	OK(ioctl(fd, SIOCGIFFLAGS, &req));
	return req.ifr_flags & IFF_UP;
}

static void toggler(struct child *self, void *arg)
{
	int fd = OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	bool up = false;

	(void)self;
	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	for (;;) {
		if (!atomic_load(&race->running)) {
			atomic_store(&race->stopped, true);
			sched_yield();
			continue;
		}
		up = !up;
		set_up(fd, up);
		atomic_fetch_add(&race->toggles, 1);
	}
}

/* Subscribes while the interface changes, and checks the events until it no longer changes. */
static void one_race(const char *const *names, int fd, uint64_t *events)
{
	unsigned long long before, after, total;
	const struct ksig_event *ev;
	bool up = false, is_first = true, was_up;
	uint64_t n = 0, goal;
	struct ksig_sub *sub;

	atomic_store(&race->running, true);
	goal = atomic_load(&race->toggles) + 2;
	UNTIL(atomic_load(&race->toggles) >= goal);
	/* the process sets this only while it is not running */
	atomic_store(&race->stopped, false);
	before = atomic_load(&race->toggles);
	sub = openv(names, 3);
	after = atomic_load(&race->toggles) + 1;
	UNTIL(atomic_load(&race->toggles) >= after + 20);
	atomic_store(&race->running, false);
	UNTIL(atomic_load(&race->stopped));
	total = atomic_load(&race->toggles);
	while (next(sub, &ev) == 1) {
		was_up = up;
		up = !strcmp(ksig_sub_event(sub, ksig_event_spec(ev)), "net.up");
		CHECK_EQ(!!(ev->flags & KSIG_EVENT_INITIAL), is_first);
		CHECK(is_first || up != was_up);
		n += !is_first;
		is_first = false;
	}
	CHECK(!is_first);
	CHECK_EQ(up, is_up(fd));
	/* a lost message may have been a change */
	if (!sub_lost_upto(sub))
		CHECK(n >= total - after && n <= total - before);
	*events += n;
	ksig_sub_close(sub);
}

/* Makes a million changes, or fewer in an emulated machine. */
static void race_links(void)
{
	/* when the last one joins the others, the state is read once more */
	const char *const names[] = { "net.up:ifname=lo", "net.down:ifname=lo",
				      "net.address:address=10.255.255.255" };
	unsigned long long goal = is_vm() ? 5000 : 1000000;
	int fd = OK(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
	uint64_t events = 0;
	unsigned int rounds;
	struct child c;

	race = mmap(NULL, sizeof(*race), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(race != MAP_FAILED);
	c = child_start(toggler, NULL);
	for (rounds = 0; atomic_load(&race->toggles) < goal; rounds++)
		one_race(names, fd, &events);
	child_kill(&c);
	close(fd);
	printf(": %llu changes, %u subscriptions, %llu events\n",
	       (unsigned long long)atomic_load(&race->toggles), rounds,
	       (unsigned long long)events);
}

int main(void)
{
	if (getuid())
		skip("only root can create a network namespace on every system");
	sub_or_skip("device.add");
	objects();
	cpus();
	exited();
	renamed();
	OK(unshare(CLONE_NEWNET));
	other_namespace();
	errors();
	links();
	more_than_the_queue();
	addresses();
	race_links();
	return 0;
}
