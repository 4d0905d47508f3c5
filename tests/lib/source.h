/* SPDX-License-Identifier: MIT */
/*
 * Event sources for tests that check a subscription's promises with every provider. Each source
 * produces as many events as requested. A separate process triggers them, so that the test's own
 * actions cause no events.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "ktest.h"

static struct source {
	const char *provider;
	char event[128];
	const char *value_field;
	struct child producer;
} source;

#define PROVIDER source.provider
#include "subtest.h"

/* A write to this descriptor causes an event and has no other effect. */
#define SOURCE_FD 700
/* the test may read the values only after the last event, so the pipe must be able to hold all */
#define SOURCE_MOST 4096

struct source_order {
	uint64_t first;
	uint64_t n;
};

/* Return: true if the library sends the signals. With the module, the kernel sends them. */
static inline bool source_relays(void)
{
	return strcmp(source.provider, "module");
}

/* ----------------------------------------------------- the producer process */

/* Causes one event on the test channel. Return: its value, which is @value. */
static inline uint64_t source_test_node(uint64_t value)
{
	CHECK_EQ(write(SOURCE_FD, &value, sizeof(value)), sizeof(value));
	return value;
}

/* Causes one event with a system call that fails and has @value as an argument. Return: @value. */
static inline uint64_t source_write(uint64_t value)
{
	syscall(SYS_write, SOURCE_FD, NULL, value);
	return value;
}

/* Causes one event by forking. Return: its value, the pid of the child. */
static inline uint64_t source_fork(uint64_t value)
{
	pid_t pid = OK(fork());

	(void)value;
	if (!pid)
		_exit(0);
	CHECK_EQ(waitpid(pid, NULL, 0), pid);
	return pid;
}

static const struct source_kind {
	const char *provider;
	const char *event;	/* %d: the pid of the producer */
	const char *value_field;
	const char *node;
	uint64_t (*cause)(uint64_t value);
} source_kinds[] = {
	{ "module", "test", NULL, "/dev/ksig/test", source_test_node },
	{ "bpf", "trace.syscalls.sys_enter_write:fd=700,current.pid=%d",
	  "count", "/dev/null", source_write },
	{ "native", "process.fork:pid=%d", NULL, "/dev/null", source_fork },
};

static inline void source_run(struct child *self, void *arg)
{
	const struct source_kind *kind = arg;
	struct source_order order;
	uint64_t value, i;
	int fd;

	OK(prctl(PR_SET_PDEATHSIG, SIGKILL));
	fd = open(kind->node, O_WRONLY | O_CLOEXEC);
	if (fd >= 0)
		OK(dup2(fd, SOURCE_FD));
	while (read(self->from, &order, sizeof(order)) == sizeof(order)) {
		for (i = 0; i < order.n; i++) {
			value = kind->cause(order.first + i);
			CHECK_EQ(write(self->to, &value, sizeof(value)),
				 sizeof(value));
		}
	}
}

/* ---------------------------------------------------------- the test's side */

/* Starts producing @n events and returns without waiting for them. */
static inline void produce_start(uint64_t first, uint64_t n)
{
	struct source_order order = { first, n };

	CHECK(n <= SOURCE_MOST);
	CHECK_EQ(write(source.producer.to, &order, sizeof(order)),
		 sizeof(order));
}

/*
 * Waits until each subscription has all the events. @values: array that receives their values, or
 * NULL.
 */
static inline void produce_end(uint64_t n, uint64_t *values)
{
	uint64_t value, i;

	for (i = 0; i < n; i++) {
		CHECK_EQ(read(source.producer.from, &value, sizeof(value)),
			 sizeof(value));
		if (values)
			values[i] = value;
	}
}

static inline void produce(uint64_t first, uint64_t n, uint64_t *values)
{
	produce_start(first, n);
	produce_end(n, values);
}

static inline uint64_t produce_one(uint64_t wanted)
{
	uint64_t value;

	produce(wanted, 1, &value);
	return value;
}

static inline struct ksig_sub *subscribe(unsigned int queue_len)
{
	return sub_open(source.event, SUB_OPTS(.queue_len = queue_len,
				.value_field = source.value_field));
}

static inline struct ksig_arm_opts each_to(pid_t pid, unsigned int flags)
{
	return (struct ksig_arm_opts) {
		.sz = sizeof(struct ksig_arm_opts), .pid = pid, .pidfd = -1,
		.signo = SIG, .mode = KSIG_MODE_EACH, .flags = flags,
	};
}

static inline int arm_each(struct ksig_sub *sub, pid_t pid, unsigned int flags)
{
	struct ksig_arm_opts o = each_to(pid, flags);

	return ksig_sub_arm(sub, &o);
}

/*
 * Waits until at least @n events were offered and no event is queued, so that all were sent,
 * refused or lost.
 */
static inline struct ksig_sub_stats settled(struct ksig_sub *sub, uint64_t n)
{
	struct ksig_sub_stats st;

	UNTIL((st = sub_stats(sub), st.offered >= n && !st.queued));
	return st;
}

static inline void unblock_all(void)
{
	OK(sigprocmask(SIG_SETMASK, &(sigset_t){ }, NULL));
}

/* ----------------------------------------------------------- running a test */

static inline bool source_begin(const struct source_kind *kind)
{
	struct ksig_sub *sub;
	char why[1024];
	int err;

	source.provider = kind->provider;
	source.value_field = kind->value_field;
	source.producer = child_start(source_run, (void *)(uintptr_t)kind);
	snprintf(source.event, sizeof(source.event), kind->event,
		 source.producer.pid);
	if (!strncmp(source.event, "trace.", 6))
		tracefs_mount();
	err = sub_try(source.event, SUB_OPTS(.value_field = kind->value_field),
		      why, NULL, &sub);
	if (!err) {
		ksig_sub_close(sub);
		return true;
	}
	if (err != -EOPNOTSUPP && err != -EPERM && err != -EACCES)
		fail(__FILE__, __LINE__, "%s: %d, %s", source.event, err, why);
	printf(": not by %s: %s\n", kind->provider, why);
	return false;
}

struct source_run {
	const struct source_kind *kind;
	void (*run)(void);
};

static inline void source_body(struct child *self, void *arg)
{
	const struct source_run *body = arg;

	if (!source_begin(body->kind))
		return;
	body->run();
	child_kill(&source.producer);
	child_say(self);
}

/* Runs the test with each provider that works here. Return: the exit status of the test. */
static inline int run_each_source(void run(void))
{
	struct source_run body = { .run = run };
	struct child c;
	int done = 0;
	size_t i;
	char byte;

	for (i = 0; i < sizeof(source_kinds) / sizeof(source_kinds[0]); i++) {
		body.kind = &source_kinds[i];
		c = child_start(source_body, &body);
		done += read(c.from, &byte, 1) == 1;
		child_join(&c);
	}
	if (!done)
		skip("no provider has a source of events here");
	return 0;
}

#endif /* SOURCE_H */
