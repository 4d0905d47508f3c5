// SPDX-License-Identifier: MIT
/*
 * Check memory.kill with all providers for an OOM kill in a cgroup. In a VM, where the test is
 * permitted to use up all memory, also check memory.oom and a global OOM kill.
 */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "events.h"

#define V1 "/sys/fs/cgroup/memory/ksig_events"
#define V2 "/sys/fs/cgroup/ksig_events"
#define LIMIT "16777216"

/*
 * on cgroup2, the limit is set on the leaf's parent, whose counters include the leaf's; the event
 * must still name the leaf
 */
#define LEAF "leaf.service"

static const char *folder;
static bool has_leaf;

static int set(const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	return access(path, W_OK) ? errno : write_to(path, text);
}

static bool make(const char *path, const char *limit)
{
	has_leaf = false;
	folder = path;
	if (mkdir(path, 0755) && errno != EEXIST)
		return false;
	if (!set(limit, LIMIT))
		return true;
	rmdir(path);
	return false;
}

/* Creates a cgroup with a memory limit. The native provider supports only cgroup2. */
static void make_cgroup(void)
{
	if (!access("/sys/fs/cgroup/cgroup.subtree_control", W_OK))
		write_to("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (!make(V2, "memory.max") && !make(V1, "memory.limit_in_bytes"))
		skip("no cgroup with a limit can be made here: %m");
	set("memory.swap.max", "0");
	if (strcmp(folder, V2))
		return;
	CHECK_EQ(set("cgroup.subtree_control", "+memory"), 0);
	CHECK(!mkdir(V2 "/" LEAF, 0755) || errno == EEXIST);
	has_leaf = true;
}

static void remove_cgroup(void)
{
	if (has_leaf)
		cgroup_remove(V2 "/" LEAF);
	cgroup_remove(folder);
}

/* Stores the expected value of the field "cgroup" in @path. */
static void read_cgroup(pid_t pid, char path[128])
{
	char name[40], line[256];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/cgroup", pid);
	f = fopen(name, "re");
	CHECK(f);
	*path = '\0';
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "0::%127[^\n]", path) == 1)
			break;
	}
	fclose(f);
	CHECK(*path == '/');
}

static void be_greedy(struct child *self, void *arg)
{
	(void)arg;
	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	OK(prctl(PR_SET_NAME, "greedy"));
	CHECK_EQ(set(has_leaf ? LEAF "/cgroup.procs" : "cgroup.procs", "0"), 0);
	/* make this process the OOM killer's first choice */
	CHECK_EQ(write_to("/proc/self/oom_score_adj", "1000"), 0);
	child_say(self);
	child_wait_go(self);
	use_memory();
}

static void test_kill(uint64_t why)
{
	struct watch w = watch("memory.kill"), same, other;
	struct child c = child_start(be_greedy, NULL);
	struct expected x = {
		.type = KSIG_MEMORY_KILL, .subject = c.pid, .value = why,
		.len = sizeof(struct ksig_memory_data),
	};
	char cgroup[128];

	child_hear(&c);
	read_cgroup(c.pid, cgroup);
	CHECK(!has_leaf || strstr(cgroup, "/" LEAF));
	snprintf(x.fields, sizeof(x.fields), "pid=%d comm=greedy cgroup=%.90s",
		 c.pid, cgroup);
	same = watch("memory.kill:cgroup=%s", cgroup);
	other = watch("memory.kill:cgroup=%sx", cgroup);
	need_no_memory();
	child_go(&c);
	CHECK_EQ(waitpid(c.pid, NULL, 0), c.pid);
	close(c.to);
	close(c.from);
	watch_expect(&w, &x);
	watch_expect(&same, &x);
	watch_close(&w);
	watch_close(&same);
	watch_close(&other);
}

/* Check memory.oom. The number of these events before a kill depends on the kernel. */
static void test_oom(void)
{
	struct watch w = watch("memory.oom");
	struct expected x = { .type = KSIG_MEMORY_OOM };
	const struct ksig_event *ev;
	int i;

	CHECK_EQ(set("memory.max", "max"), 0);
	test_kill(KSIG_KILL_GLOBAL);
	watch_expect(&w, &x);
	for (i = 0; i <= CHOSEN; i++) {
		while (w.subs[i] && ksig_sub_next(w.subs[i], 0, &ev) == 1)
			check_record(w.subs[i], ev, &x, 0);
		if (w.subs[i])
			sub_stats(w.subs[i]);
		ksig_sub_close(w.subs[i]);
	}
}

/* Check that a cgroup whose files temporarily can't be opened is read later. */
static void test_no_descriptors(void)
{
	static const char *const late[] = { V2 "_late1", V2 "_late2" };
	struct rlimit few, many;
	const struct ksig_event *ev;
	struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .provider = "native",
	};
	const char *first = folder;
	char cgroup[128];
	struct ksig_sub *sub;
	struct child c;
	char why[1024];
	int i;

	CHECK_EQ(sub_try("memory.kill:comm=x", &opts, why, NULL, &sub),
		 -EOPNOTSUPP);
	CHECK(strstr(why, "doesn't report 'comm'"));
	CHECK_EQ(sub_try("memory.kill", &opts, why, NULL, &sub), 0);
	OK(getrlimit(RLIMIT_NOFILE, &many));
	few = many;
	few.rlim_cur = OK(dup(0));
	close(few.rlim_cur);
	for (i = 0; i < 2; i++) {
		CHECK(make(late[i], "memory.max"));
		set("memory.swap.max", "0");
	}
	OK(setrlimit(RLIMIT_NOFILE, &few));
	CHECK_EQ(ksig_sub_next(sub, SECOND, &ev), -EMFILE);
	OK(setrlimit(RLIMIT_NOFILE, &many));
	c = child_start(be_greedy, NULL);
	child_hear(&c);
	read_cgroup(c.pid, cgroup);
	child_go(&c);
	CHECK_EQ(waitpid(c.pid, NULL, 0), c.pid);
	close(c.to);
	close(c.from);
	CHECK_EQ(ksig_sub_next(sub, 60 * SECOND, &ev), 1);
	CHECK(ev->flags & KSIG_EVENT_NO_SUBJECT);
	CHECK(!strcmp(field(sub, ev, "cgroup").str, cgroup));
	ksig_sub_close(sub);
	for (i = 0; i < 2; i++)
		cgroup_remove(late[i]);
	folder = first;
	has_leaf = true;
}

/*
 * Check that the native provider, which can't identify the process, rejects filters on process
 * fields.
 */
static void test_filter_of_process(void)
{
	static const char *const filters[] = {
		"memory.kill:comm=sh", "memory.kill:pid>1",
		"memory.kill:subject!=1",
	};
	struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .provider = "native",
	};
	unsigned int column;
	struct ksig_sub *sub;
	char why[1024];
	size_t i;

	for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		CHECK_EQ(sub_try(filters[i], &opts, why, &column, &sub),
			 -EOPNOTSUPP);
		CHECK(strstr(why, "memory.events doesn't report"));
		CHECK_EQ(column, 13);
	}
}

int main(void)
{
	/* fail if the kernel has already logged a failure */
	if (is_vm())
		oom_log_clear();
	make_cgroup();
	test_kill(KSIG_KILL_CGROUP);
	if (!strcmp(folder, V2)) {
		test_no_descriptors();
		test_filter_of_process();
	}
	if (is_vm())
		test_oom();
	remove_cgroup();
	if (is_vm())
		oom_log_clear();
	return 0;
}
