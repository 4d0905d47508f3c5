// SPDX-License-Identifier: MIT
/* Check the events cgroup.*, each from its real cause. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "events.h"

static const char *const all[] = {
	"cgroup.create", "cgroup.remove", "cgroup.populated", "cgroup.empty",
	"cgroup.frozen", "cgroup.thawed", "cgroup.high", "cgroup.max", "cgroup.oom",
};

/* The mount point of the hierarchy */
static char root[256];

/* Formats a path below the mount point, into one of a few buffers. */
static const char *at(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static const char *at(const char *fmt, ...)
{
	static char paths[4][512];
	static int i;
	char *path = paths[i++ % 4];
	va_list ap;
	int n;

	n = snprintf(path, sizeof(paths[0]), "%s", root);
	va_start(ap, fmt);
	vsnprintf(path + n, sizeof(paths[0]) - n, fmt, ap);
	va_end(ap);
	return path;
}

/* Return: whether the hierarchy has the memory controller, which the last three events require. */
static bool has_memory(void)
{
	FILE *f = fopen(at("/cgroup.controllers"), "r");
	char line[512] = "";

	CHECK(f);
	if (!fgets(line, sizeof(line), f))
		*line = '\0';
	fclose(f);
	return strstr(line, "memory");
}

static struct ksig_sub *open_all(uint32_t flags, const char *filter)
{
	const size_t n = sizeof(all) / sizeof(*all) - (has_memory() ? 0 : 3);
	const char *events[sizeof(all) / sizeof(*all)];
	char names[sizeof(all) / sizeof(*all)][600];
	struct ksig_sub *sub;
	size_t i;

	for (i = 0; i < n; i++) {
		snprintf(names[i], sizeof(names[i]), "%s%s", all[i], filter);
		events[i] = names[i];
	}
	CHECK_EQ(ksig_sub_openv(events, i, SUB_OPTS(.flags = flags), &sub), 0);
	return sub;
}

static void expect(struct ksig_sub *sub, const char *wanted)
{
	const struct ksig_event *ev = sub_take(sub);
	char got[1024];

	ksig_event_format(sub, ev, got, sizeof(got));
	check_text(got, wanted);
	CHECK_EQ(ev->lost_before, 0);
}

static void sleeps(struct child *self, void *arg)
{
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	CHECK_EQ(write_to(arg, "0"), 0);
	child_say(self);
	for (;;)
		pause();
}

static void end(struct child *c)
{
	OK(kill(c->pid, SIGKILL));
	OK(waitpid(c->pid, NULL, 0));
	close(c->to);
	close(c->from);
}

static struct child enter(const char *cgroup)
{
	struct child c = child_start(sleeps, (void *)at("%s/cgroup.procs", cgroup));

	child_hear(&c);
	return c;
}

/* Check that cgroups are reported in the order in which they are created and removed. */
static void tree(void)
{
	char create[300];
	const char *const both[] = { create, "cgroup.remove:cgroup=ksig.slice*" };
	struct ksig_sub *sub;

	/* the path may begin with the mount point */
	snprintf(create, sizeof(create), "cgroup.create:cgroup=%s", at("/ksig.slice*"));
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(), &sub), 0);
	OK(mkdir(at("/ksig.slice"), 0755));
	expect(sub, "cgroup.create cgroup=/ksig.slice unit=ksig.slice");
	OK(mkdir(at("/ksig.slice/a b.service"), 0755));
	OK(mkdir(at("/ksig.slice/a b.service/sub"), 0755));
	expect(sub, "cgroup.create cgroup=\"/ksig.slice/a b.service\" unit=\"a b.service\"");
	expect(sub, "cgroup.create cgroup=\"/ksig.slice/a b.service/sub\" unit=\"a b.service\"");
	OK(rmdir(at("/ksig.slice/a b.service/sub")));
	OK(rmdir(at("/ksig.slice/a b.service")));
	OK(mkdir(at("/ksig.slice/a b.service"), 0755));
	OK(rmdir(at("/ksig.slice/a b.service")));
	OK(rmdir(at("/ksig.slice")));
	expect(sub, "cgroup.remove cgroup=\"/ksig.slice/a b.service/sub\" unit=\"a b.service\"");
	expect(sub, "cgroup.remove cgroup=\"/ksig.slice/a b.service\" unit=\"a b.service\"");
	/* a cgroup that no longer exists when the message is read is not reported */
	expect(sub, "cgroup.remove cgroup=/ksig.slice unit=ksig.slice");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

/* Check the states of a cgroup, also if the cgroup is removed before they are read. */
static void states(void)
{
	struct ksig_sub *sub = open_all(0, ":cgroup=/ksig.slice/*");
	struct child c;

	OK(mkdir(at("/ksig.slice"), 0755));
	OK(mkdir(at("/ksig.slice/x"), 0755));
	expect(sub, "cgroup.create cgroup=/ksig.slice/x");
	c = enter("/ksig.slice/x");
	expect(sub, "cgroup.populated cgroup=/ksig.slice/x");
	CHECK_EQ(write_to(at("/ksig.slice/x/cgroup.freeze"), "1"), 0);
	expect(sub, "cgroup.frozen cgroup=/ksig.slice/x");
	CHECK_EQ(write_to(at("/ksig.slice/x/cgroup.freeze"), "0"), 0);
	expect(sub, "cgroup.thawed cgroup=/ksig.slice/x");
	end(&c);
	expect(sub, "cgroup.empty cgroup=/ksig.slice/x");
	c = enter("/ksig.slice/x");
	expect(sub, "cgroup.populated cgroup=/ksig.slice/x");
	end(&c);
	cgroup_remove(at("/ksig.slice/x"));
	expect(sub, "cgroup.empty cgroup=/ksig.slice/x");
	expect(sub, "cgroup.remove cgroup=/ksig.slice/x");
	CHECK(sub_empty(sub));
	OK(rmdir(at("/ksig.slice")));
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

static void expect_gone(struct ksig_sub *sub, const char *wanted)
{
	const struct ksig_event *ev = sub_take(sub);
	char got[1024];

	ksig_event_format(sub, ev, got, sizeof(got));
	check_text(got, wanted);
	CHECK(ev->flags & KSIG_EVENT_GONE);
}

/* Check that the removal of a cgroup ends its states, in the events of the opposite states. */
static void gone(void)
{
	struct ksig_sub *sub = open_all(KSIG_SUB_GONE, ":cgroup=/ksig.slice/*");

	OK(mkdir(at("/ksig.slice"), 0755));
	OK(mkdir(at("/ksig.slice/x"), 0755));
	expect(sub, "cgroup.create cgroup=/ksig.slice/x");
	cgroup_remove(at("/ksig.slice/x"));
	expect_gone(sub, "cgroup.populated cgroup=/ksig.slice/x");
	expect_gone(sub, "cgroup.frozen cgroup=/ksig.slice/x");
	expect(sub, "cgroup.remove cgroup=/ksig.slice/x");
	OK(mkdir(at("/ksig.slice/x"), 0755));
	expect(sub, "cgroup.create cgroup=/ksig.slice/x");
	CHECK_EQ(write_to(at("/ksig.slice/x/cgroup.freeze"), "1"), 0);
	expect(sub, "cgroup.frozen cgroup=/ksig.slice/x");
	cgroup_remove(at("/ksig.slice/x"));
	expect_gone(sub, "cgroup.populated cgroup=/ksig.slice/x");
	expect_gone(sub, "cgroup.thawed cgroup=/ksig.slice/x");
	expect(sub, "cgroup.remove cgroup=/ksig.slice/x");
	CHECK(sub_empty(sub));
	OK(rmdir(at("/ksig.slice")));
	ksig_sub_close(sub);
}

/* Return: whether the subscription's descriptor is readable. */
static bool is_woken(const struct ksig_sub *sub)
{
	struct pollfd p = { .fd = ksig_sub_fd(sub), .events = POLLIN };

	return OK(poll(&p, 1, 0));
}

/*
 * Check that a filter on a unit follows it when it is started again, and that cgroups that
 * are of no interest don't wake up the subscriber.
 */
static void follows(void)
{
	struct ksig_sub *unit = open_all(0, ":unit=ksig-a");
	struct ksig_sub *path;
	char filter[512];
	struct child c;
	int i;

	/* a path in the file system */
	snprintf(filter, sizeof(filter), ":cgroup=%s/", at("/ksig.slice/ksig-a.service"));
	path = open_all(0, filter);
	OK(mkdir(at("/ksig.slice"), 0755));
	for (i = 0; i < 2; i++) {
		OK(mkdir(at("/ksig.slice/ksig-a.service"), 0755));
		expect(unit, "cgroup.create cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		expect(path, "cgroup.create cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		c = enter("/ksig.slice/ksig-a.service");
		expect(unit, "cgroup.populated cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		expect(path, "cgroup.populated cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		end(&c);
		expect(unit, "cgroup.empty cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		expect(path, "cgroup.empty cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		cgroup_remove(at("/ksig.slice/ksig-a.service"));
		expect(unit, "cgroup.remove cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
		expect(path, "cgroup.remove cgroup=/ksig.slice/ksig-a.service unit=ksig-a.service");
	}
	OK(mkdir(at("/ksig.slice/other.service"), 0755));
	CHECK(sub_empty(unit) && sub_empty(path));
	/* other units may wake up the subscriber, because the slice could contain its unit */
	CHECK(!is_vm() || !is_woken(path));
	/* neither subscription has a cgroup of interest here */
	c = enter("/ksig.slice/other.service");
	OK(mkdir(at("/ksig.slice/other.service/sub"), 0755));
	CHECK(!is_vm() || (!is_woken(path) && !is_woken(unit)));
	end(&c);
	OK(rmdir(at("/ksig.slice/other.service/sub")));
	cgroup_remove(at("/ksig.slice/other.service"));
	cgroup_remove(at("/ksig.slice"));
	ksig_sub_close(unit);
	ksig_sub_close(path);
}

/* Return: 1 with the next event; 0 if there is none, and no message that could cause one. */
static int next(struct ksig_sub *sub, const struct ksig_event **ev)
{
	int ret;

	do {
		ret = ksig_sub_next(sub, 0, ev);
	} while (!ret && is_woken(sub));
	CHECK(ret >= 0);
	return ret;
}

/*
 * Check that the initial state comes first, and that a stream that joins later doesn't repeat it.
 */
static void initial(void)
{
	struct ksig_sub *sub;
	const char *const mixed[] = { "cgroup.create:cgroup=/ksig.slice/*",
				      "cgroup.populated:cgroup=/ksig.slice/*",
				      "cgroup.empty:cgroup=/ksig.slice/*" };
	struct child c;

	OK(mkdir(at("/ksig.slice"), 0755));
	OK(mkdir(at("/ksig.slice/a"), 0755));
	OK(mkdir(at("/ksig.slice/b"), 0755));
	c = enter("/ksig.slice/a");
	CHECK_EQ(ksig_sub_openv(mixed, 3, SUB_OPTS(), &sub), 0);
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	CHECK_EQ(ksig_sub_openv(mixed, 3, SUB_OPTS(.flags = KSIG_SUB_INITIAL), &sub), 0);
	end(&c);
	expect(sub, "cgroup.create cgroup=/ksig.slice/a");
	expect(sub, "cgroup.create cgroup=/ksig.slice/b");
	expect(sub, "cgroup.populated cgroup=/ksig.slice/a");
	expect(sub, "cgroup.empty cgroup=/ksig.slice/b");
	expect(sub, "cgroup.empty cgroup=/ksig.slice/a");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	cgroup_remove(at("/ksig.slice/a"));
	cgroup_remove(at("/ksig.slice/b"));
	cgroup_remove(at("/ksig.slice"));
}

#define CHURNED 8
#define ROUNDS 30

/**
 * struct churn - a thread that creates and removes cgroups
 * @exists: the cgroups that exist
 * @done: how many have been created or removed
 * @stop: the thread must end
 */
struct churn {
	bool exists[CHURNED];
	atomic_uint done;
	atomic_bool stop;
};

static void *churn(void *arg)
{
	struct churn *churn = arg;
	unsigned int seed = 1;
	char path[512];
	int i;

	while (!atomic_load(&churn->stop)) {
		i = rand_r(&seed) % CHURNED;
		snprintf(path, sizeof(path), "%s/ksig.slice/%d", root, i);
		OK(churn->exists[i] ? rmdir(path) : mkdir(path, 0755));
		churn->exists[i] = !churn->exists[i];
		atomic_fetch_add(&churn->done, 1);
	}
	return NULL;
}

/*
 * Check that the initial state and the changes agree while cgroups are created and removed: no
 * cgroup is created twice or removed twice, and in the end it is known which of them exist.
 */
static void race(void)
{
	const char *const both[] = { "cgroup.create:cgroup=/ksig.slice/?",
				     "cgroup.remove:cgroup=/ksig.slice/?" };
	unsigned int initial = 0, changes = 0, round, i;
	struct churn churned = { };
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	pthread_t thread;

	OK(mkdir(at("/ksig.slice"), 0755));
	for (round = 0; round < ROUNDS; round++) {
		bool exists[CHURNED] = { };

		atomic_store(&churned.stop, false);
		atomic_store(&churned.done, 0);
		CHECK_EQ(pthread_create(&thread, NULL, churn, &churned), 0);
		UNTIL(atomic_load(&churned.done) > round);
		CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(.flags = KSIG_SUB_INITIAL), &sub), 0);
		i = atomic_load(&churned.done);
		UNTIL(atomic_load(&churned.done) > i + 100);
		atomic_store(&churned.stop, true);
		CHECK_EQ(pthread_join(thread, NULL), 0);
		while (next(sub, &ev)) {
			i = field(sub, ev, "cgroup").str[strlen("/ksig.slice/")] - '0';
			CHECK(i < CHURNED);
			CHECK_EQ(exists[i], ev->type == KSIG_CGROUP_REMOVE);
			exists[i] = !exists[i];
			*(ev->flags & KSIG_EVENT_INITIAL ? &initial : &changes) += 1;
		}
		for (i = 0; i < CHURNED; i++)
			CHECK_EQ(exists[i], churned.exists[i]);
		CHECK_EQ(sub_stats(sub).lost, 0);
		ksig_sub_close(sub);
	}
	CHECK(initial && changes);
	printf(": race: %u initial events, %u changes\n", initial, changes);
	for (i = 0; i < CHURNED; i++) {
		if (churned.exists[i])
			OK(rmdir(at("/ksig.slice/%u", i)));
	}
	OK(rmdir(at("/ksig.slice")));
}

/* Check that a deep hierarchy needs few descriptors. */
static void deep(void)
{
	struct rlimit was, few = { .rlim_cur = 16 };
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char path[1024];
	int depth = 0, n;

	for (n = snprintf(path, sizeof(path), "%s/ksig.slice", root); depth < 100; depth++) {
		OK(mkdir(path, 0755));
		n += snprintf(path + n, sizeof(path) - n, "/d");
	}
	OK(getrlimit(RLIMIT_NOFILE, &was));
	few.rlim_max = was.rlim_max;
	OK(setrlimit(RLIMIT_NOFILE, &few));
	sub = sub_open("cgroup.create:unit=ksig.slice", SUB_OPTS(.flags = KSIG_SUB_INITIAL));
	OK(setrlimit(RLIMIT_NOFILE, &was));
	expect(sub, "cgroup.create cgroup=/ksig.slice unit=ksig.slice");
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
	sub = sub_open("cgroup.create:cgroup=/ksig.slice/*/d/d", SUB_OPTS(.flags = KSIG_SUB_INITIAL));
	for (n = 0; next(sub, &ev); n++)
		CHECK(ev->flags & KSIG_EVENT_INITIAL);
	/* three names or more below the slice */
	CHECK_EQ(n, 100 - 3);
	ksig_sub_close(sub);
	for (; depth; depth--) {
		*strrchr(path, '/') = '\0';
		OK(rmdir(path));
	}
}

/* Sets a limit of inotify; only in a VM. Return: the previous value. */
static int set_limit(const char *name, int limit)
{
	char path[64], text[16];
	int was;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/fs/inotify/%s", name);
	f = fopen(path, "r");
	CHECK(f && fscanf(f, "%d", &was) == 1);
	fclose(f);
	snprintf(text, sizeof(text), "%d", limit);
	if (is_vm())
		CHECK_EQ(write_to(path, text), 0);
	return was;
}

/* Makes inotify's queue overflow. @queued: its length */
static void flood(int queued)
{
	int i;

	for (i = 0; i < queued / 2 + 100; i++) {
		OK(mkdir(at("/ksig.slice/f"), 0755));
		OK(rmdir(at("/ksig.slice/f")));
	}
}

/* Check that the state is known again after inotify's queue has overflowed. */
static void overflow(void)
{
	const int most = set_limit("max_queued_events", 64);
	const struct ksig_event *ev;
	unsigned int created = 0, removed = 0;
	bool sub_removed = false;
	const char *cgroup;
	struct ksig_sub *sub;

	sub = open_all(0, ":cgroup=/ksig.slice*");
	OK(mkdir(at("/ksig.slice"), 0755));
	CHECK(sub_take(sub));
	OK(mkdir(at("/ksig.slice/.kept"), 0755));
	CHECK(sub_take(sub));
	OK(mkdir(at("/ksig.slice/gone"), 0755));
	CHECK(sub_take(sub));
	OK(mkdir(at("/ksig.slice/old"), 0755));
	OK(mkdir(at("/ksig.slice/old/sub"), 0755));
	CHECK(sub_take(sub) && sub_take(sub));
	flood(is_vm() ? 64 : most);
	/* the queue is full */
	OK(rmdir(at("/ksig.slice/gone")));
	OK(mkdir(at("/ksig.slice/new"), 0755));
	OK(rmdir(at("/ksig.slice/old/sub")));
	OK(rmdir(at("/ksig.slice/old")));
	OK(mkdir(at("/ksig.slice/old"), 0755));
	while (next(sub, &ev)) {
		cgroup = field(sub, ev, "cgroup").str;
		created += ev->type == KSIG_CGROUP_CREATE;
		removed += ev->type == KSIG_CGROUP_REMOVE;
		/* children are removed before their parents */
		sub_removed |= !strcmp(cgroup, "/ksig.slice/old/sub");
		CHECK(sub_removed || strcmp(cgroup, "/ksig.slice/old"));
	}
	CHECK_EQ(created, 2);
	CHECK_EQ(removed, 3);
	CHECK_EQ(sub_lost_upto(sub), 0);
	OK(rmdir(at("/ksig.slice/new")));
	expect(sub, "cgroup.remove cgroup=/ksig.slice/new");
	OK(rmdir(at("/ksig.slice/old")));
	expect(sub, "cgroup.remove cgroup=/ksig.slice/old");
	OK(rmdir(at("/ksig.slice/.kept")));
	expect(sub, "cgroup.remove cgroup=/ksig.slice/.kept");
	OK(rmdir(at("/ksig.slice")));
	ksig_sub_close(sub);
	set_limit("max_queued_events", most);
}

/* Reads all events. Return: whether one of them reports that this cgroup is populated. */
static bool was_populated(struct ksig_sub *sub, const char *cgroup)
{
	const struct ksig_event *ev;
	bool was = false;

	while (next(sub, &ev))
		was |= ev->type == KSIG_CGROUP_POPULATED &&
		       !strcmp(field(sub, ev, "cgroup").str, cgroup);
	return was;
}

/* Check that a cgroup that can't be watched at first is watched when the limit is raised. */
static void too_many(void)
{
	const int most = set_limit("max_user_watches", 8);
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	struct child c;
	int i;

	OK(mkdir(at("/ksig.slice"), 0755));
	sub = open_all(0, ":cgroup=/ksig.slice/*");
	for (i = 0; i < 8; i++)
		OK(mkdir(at("/ksig.slice/%d", i), 0755));
	while (next(sub, &ev))
		;
	CHECK(sub_lost_upto(sub));
	set_limit("max_user_watches", most);
	c = enter("/ksig.slice/7");
	/* no message arrives, so the source retries after some time */
	UNTIL(was_populated(sub, "/ksig.slice/7"));
	end(&c);
	expect(sub, "cgroup.empty cgroup=/ksig.slice/7");
	ksig_sub_close(sub);
	for (i = 0; i < 8; i++)
		cgroup_remove(at("/ksig.slice/%d", i));
	cgroup_remove(at("/ksig.slice"));
}

/* Check that a cgroup whose path is too long for any system call is left out, and nothing else. */
static void too_long(void)
{
	const char *const both[] = { "cgroup.create:cgroup=/ksig.slice/*",
				     "cgroup.remove:cgroup=/ksig.slice/*" };
	int dirs[32], depth = 0, i;
	const struct ksig_event *ev;
	struct ksig_sub *sub;
	char name[201];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	OK(mkdir(at("/ksig.slice"), 0755));
	CHECK_EQ(ksig_sub_openv(both, 2, SUB_OPTS(), &sub), 0);
	dirs[0] = OK(open(at("/ksig.slice"), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	for (; depth < 24; depth++) {
		OK(mkdirat(dirs[depth], name, 0755));
		dirs[depth + 1] = OK(openat(dirs[depth], name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	}
	for (i = 0; next(sub, &ev); i++)
		;
	CHECK(i > 0 && i < depth);
	for (; depth; depth--) {
		close(dirs[depth]);
		OK(unlinkat(dirs[depth - 1], name, AT_REMOVEDIR));
	}
	close(dirs[0]);
	for (; next(sub, &ev); i--)
		CHECK_EQ(ev->type, KSIG_CGROUP_REMOVE);
	CHECK_EQ(i, 0);
	OK(mkdir(at("/ksig.slice/x"), 0755));
	expect(sub, "cgroup.create cgroup=/ksig.slice/x");
	OK(rmdir(at("/ksig.slice/x")));
	OK(rmdir(at("/ksig.slice")));
	ksig_sub_close(sub);
}

/* Check that a user who is not permitted to read one of the cgroups sees the others. */
static void unprivileged(void)
{
	struct ksig_sub *sub;
	int status;

	OK(mkdir(at("/ksig.slice"), 0755));
	OK(mkdir(at("/ksig.slice/a"), 0755));
	OK(mkdir(at("/ksig.slice/b"), 0700));
	OK(mkdir(at("/ksig.slice/b/below"), 0755));
	OK(mkdir(at("/ksig.slice/c"), 0744));
	OK(mkdir(at("/ksig.slice/c/below"), 0755));
	OK(mkdir(at("/ksig.slice/d"), 0755));
	if (!OK(fork())) {
		OK(setgid(65534));
		OK(setuid(65534));
		ksig_sub_close(open_all(KSIG_SUB_INITIAL, ""));
		sub = sub_open("cgroup.create:cgroup=/ksig.slice/*",
			       SUB_OPTS(.flags = KSIG_SUB_INITIAL));
		expect(sub, "cgroup.create cgroup=/ksig.slice/a");
		expect(sub, "cgroup.create cgroup=/ksig.slice/b");
		expect(sub, "cgroup.create cgroup=/ksig.slice/c");
		expect(sub, "cgroup.create cgroup=/ksig.slice/d");
		CHECK(sub_empty(sub));
		ksig_sub_close(sub);
		_exit(0);
	}
	OK(wait(&status));
	CHECK_EQ(status, 0);
	OK(rmdir(at("/ksig.slice/d")));
	OK(rmdir(at("/ksig.slice/c/below")));
	OK(rmdir(at("/ksig.slice/c")));
	OK(rmdir(at("/ksig.slice/b/below")));
	OK(rmdir(at("/ksig.slice/b")));
	OK(rmdir(at("/ksig.slice/a")));
	OK(rmdir(at("/ksig.slice")));
}

/* Uses up all memory of the cgroup. */
static void eats(struct child *self, void *arg)
{
	size_t size = 64 << 20;

	CHECK_EQ(write_to(arg, "0"), 0);
	child_say(self);
	child_wait_go(self);
	memset(OK(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)),
	       1, size);
}

/* Exceeds all limits of the cgroup, and checks that each is reported. */
static void exceed(struct ksig_sub *const *subs)
{
	const struct ksig_event *ev;
	struct child c;
	int i, status;

	/*
	 * slightly below memory.max, because the kernel throttles a process that exceeds
	 * memory.high by a large amount
	 */
	CHECK_EQ(write_to(at("/ksig.slice/x/memory.high"), "7864320"), 0);
	CHECK_EQ(write_to(at("/ksig.slice/x/memory.max"), "8388608"), 0);
	/* doesn't exist without swap */
	if (!access(at("/ksig.slice/x/memory.swap.max"), F_OK))
		CHECK_EQ(write_to(at("/ksig.slice/x/memory.swap.max"), "0"), 0);
	c = child_start(eats, (void *)at("/ksig.slice/x/cgroup.procs"));
	child_hear(&c);
	child_go(&c);
	for (i = 0; i < 3; i++) {
		ev = sub_take(subs[i]);
		check_text(field(subs[i], ev, "cgroup").str, "/ksig.slice/x");
		CHECK(field(subs[i], ev, "count").u > 0);
	}
	OK(waitpid(c.pid, &status, 0));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	for (i = 0; i < 3; i++) {
		while (next(subs[i], &ev))
			;
	}
}

#define CONTROL "/ksig.slice/cgroup.subtree_control"

/*
 * Check that the limits of memory are reported, even if the memory controller is enabled after the
 * subscription was opened, or is disabled and enabled again.
 */
static void memory(void)
{
	static const char *const limits[] = {
		"cgroup.high:cgroup=/ksig.slice/*", "cgroup.max:cgroup=/ksig.slice/*",
		"cgroup.oom:cgroup=/ksig.slice/*",
	};
	const struct ksig_event *ev;
	struct ksig_sub *subs[3];
	char enabled[256] = "";
	FILE *f = fopen(at("/cgroup.subtree_control"), "r");
	int i, most;

	CHECK(f);
	if (!fgets(enabled, sizeof(enabled), f))
		*enabled = '\0';
	fclose(f);
	if (!has_memory()) {
		printf(": cgroup.high, .max, .oom: %s has no memory controller\n", root);
		for (i = 0; i < 3; i++)
			sub_fails(limits[i], EOPNOTSUPP, 0, "memory controller");
		return;
	}
	CHECK_EQ(write_to(at("/cgroup.subtree_control"), "+memory"), 0);
	most = set_limit("max_queued_events", 64);
	OK(mkdir(at("/ksig.slice"), 0755));
	OK(mkdir(at("/ksig.slice/x"), 0755));
	for (i = 0; i < 3; i++)
		subs[i] = sub_open(limits[i], NULL);
	/*
	 * the file memory.events.local exists when the creation of "a" is read, but was not there
	 * at first
	 */
	OK(mkdir(at("/ksig.slice/a"), 0755));
	CHECK_EQ(write_to(at(CONTROL), "+memory"), 0);
	exceed(subs);
	/* the files are removed and created again */
	CHECK_EQ(write_to(at(CONTROL), "-memory"), 0);
	CHECK_EQ(write_to(at(CONTROL), "+memory"), 0);
	for (i = 0; i < 3; i++)
		CHECK(!next(subs[i], &ev));
	exceed(subs);
	/* the same, but the messages are lost */
	flood(is_vm() ? 64 : most);
	CHECK_EQ(write_to(at(CONTROL), "-memory"), 0);
	CHECK_EQ(write_to(at(CONTROL), "+memory"), 0);
	for (i = 0; i < 3; i++)
		CHECK(!next(subs[i], &ev));
	exceed(subs);
	CHECK_EQ(write_to(at(CONTROL), "-memory"), 0);
	for (i = 0; i < 3; i++)
		ksig_sub_close(subs[i]);
	if (is_vm())
		oom_log_clear();
	cgroup_remove(at("/ksig.slice/a"));
	cgroup_remove(at("/ksig.slice/x"));
	cgroup_remove(at("/ksig.slice"));
	if (!strstr(enabled, "memory"))
		CHECK_EQ(write_to(at("/cgroup.subtree_control"), "-memory"), 0);
	set_limit("max_queued_events", most);
}

int main(void)
{
	FILE *f = fopen("/proc/self/mounts", "r");
	char line[1024], type[32];

	CHECK(f);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %255s %31s", root, type) == 2 && !strcmp(type, "cgroup2"))
			break;
		*root = '\0';
	}
	fclose(f);
	if (!*root)
		skip("cgroup2 is not mounted");
	if (mkdir(at("/ksig.slice"), 0755)) {
		if (errno == EEXIST)
			fail(__FILE__, __LINE__, "%s exists", at("/ksig.slice"));
		skip("cannot create a cgroup: %m");
	}
	OK(rmdir(at("/ksig.slice")));
	tree();
	states();
	gone();
	follows();
	initial();
	race();
	deep();
	overflow();
	too_long();
	if (is_vm())
		too_many();
	unprivileged();
	memory();
	return 0;
}
