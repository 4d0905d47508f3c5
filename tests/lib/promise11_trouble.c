// SPDX-License-Identifier: MIT
/*
 * Check the events kernel.*: kernel.log by writing to the log; in a VM also the others, each from its
 * real cause.
 */
#define _GNU_SOURCE
#include <sys/klog.h>

#include "events.h"

#define CAUSE "/sys/module/ksig_trouble/parameters/cause"

/* Without a newline, the kernel would wait for the rest of the line. */
static void log_message(const char *message)
{
	CHECK_EQ(write_to("/dev/kmsg", message), 0);
}

/* Checks that the next event is printed as @wanted. */
static void expect(struct ksig_sub *sub, const char *wanted)
{
	const struct ksig_event *ev = sub_take(sub);
	char line[2048];

	ksig_event_format(sub, ev, line, sizeof(line));
	check_text(line, wanted);
}

static void test_log(void)
{
	struct ksig_sub *sub = sub_open("kernel.log:text=ksig*|[[]ksig]*", NULL);
	struct ksig_sub *errors = sub_open("kernel.log:level<=3,text=ksig*", NULL);
	struct ksig_sub *oopses = sub_open("kernel.oops:text=ksig*", NULL);

	/* messages from before the subscription are not reported */
	log_message("<5>ksig: a message\n");
	log_message("<27>ksig: an error of a daemon\n");
	log_message("<11>[ksig] \"quoted\" \\ \303\266\t\033x\n");
	/* not written by the kernel */
	log_message("<13>ksig: Oops [#1]\n");
	expect(sub, "kernel.log level=5 facility=user text=\"ksig: a message\"");
	expect(sub, "kernel.log level=3 facility=daemon text=\"ksig: an error of a daemon\"");
	expect(sub, "kernel.log level=3 facility=user text=\"[ksig] \\\"quoted\\\" \\\\ \303\266\\x09\\x1bx\"");
	expect(sub, "kernel.log level=5 facility=user text=\"ksig: Oops [#1]\"");
	expect(errors, "kernel.log level=3 facility=daemon text=\"ksig: an error of a daemon\"");
	CHECK(sub_empty(sub) && sub_empty(errors) && sub_empty(oopses));
	ksig_sub_close(sub);
	ksig_sub_close(errors);
	ksig_sub_close(oopses);
}

/* Check that messages that the kernel has overwritten are counted as possibly lost. */
static void test_overwritten(void)
{
	int size = OK(klogctl(10, NULL, 0)), i;
	struct ksig_sub *sub = sub_open("kernel.log:text=ksig*", NULL);
	char message[1000], text[1100];
	uint64_t n = 0;
	const struct ksig_event *ev;

	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	snprintf(text, sizeof(text), "<7>ksig %.900s\n", message);
	log_message(text);
	CHECK(strstr(field(sub, sub_take(sub), "text").str, "xxx"));
	for (i = 0; i < 2 * size / 900; i++)
		log_message(text);
	log_message("<7>ksig: the last\n");
	do {
		ev = sub_take(sub);
		n++;
	} while (!strstr(field(sub, ev, "text").str, "the last"));
	CHECK(sub_empty(sub));
	CHECK(n > 1 && n < (uint64_t)i + 1);
	CHECK(n + sub_lost_upto(sub) >= (uint64_t)i + 1);
	ksig_sub_close(sub);
}

static void test_permission(void)
{
	int status;

	CHECK_EQ(write_to("/proc/sys/kernel/dmesg_restrict", "1"), 0);
	if (!OK(fork())) {
		OK(setgid(65534));
		OK(setuid(65534));
		sub_fails("kernel.log", EPERM, 0, "needs CAP_SYSLOG");
		_exit(0);
	}
	OK(wait(&status));
	CHECK_EQ(status, 0);
}

/* Prevents faults from causing a panic, and keeps their messages off the console. */
static void prepare(void)
{
	static const char *const settings[][2] = {
		{ "printk", "0 4 0 7" },
		{ "panic_on_oops", "0" },
		{ "panic_on_warn", "0" },
		{ "softlockup_panic", "0" },
		{ "softlockup_all_cpu_backtrace", "0" },
		{ "watchdog_thresh", "1" },
		{ "hung_task_timeout_secs", "1" },
	};
	char path[64];
	size_t i;

	for (i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
		snprintf(path, sizeof(path), "/proc/sys/kernel/%s", settings[i][0]);
		if (!access(path, F_OK))
			CHECK_EQ(write_to(path, settings[i][1]), 0);
	}
	CHECK_EQ(system("insmod /ksig/ksig_trouble.ko"), 0);
}

static const struct ksig_event *cause(struct ksig_sub *sub, const char *what, const char *words)
{
	const struct ksig_event *ev;

	CHECK_EQ(write_to(CAUSE, what), 0);
	do {
		ev = sub_take(sub);
		printf(": %s %s\n", ksig_sub_event(sub, 0), field(sub, ev, "text").str);
		/* there may be several of a kind, such as the warnings of a debug kernel */
	} while (!strstr(field(sub, ev, "text").str, words));
	return ev;
}

/* Return: whether this kernel has a setting of a detector, and therefore the detector. */
static bool has_detector(const char *setting)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/sys/kernel/%s", setting);
	if (!access(path, F_OK))
		return true;
	printf(": not detected: this kernel has no %s\n", path);
	return false;
}

static void test_hung(void)
{
	struct ksig_sub *sub = sub_open("kernel.hung:comm=ksig_*,pid>1,seconds>=1", NULL);
	const struct ksig_event *ev;
	char task[64];

	if (has_detector("hung_task_timeout_secs")) {
		ev = cause(sub, "hung", "blocked");
		check_text(field(sub, ev, "comm").str, "ksig_hung");
		snprintf(task, sizeof(task), " ksig_hung:%llu blocked ",
			 (unsigned long long)field(sub, ev, "pid").u);
		CHECK(strstr(field(sub, ev, "text").str, task));
		CHECK_EQ(write_to(CAUSE, "end"), 0);
	}
	ksig_sub_close(sub);
}

int main(void)
{
	struct ksig_sub *warn, *oops, *stall;

	sub_or_skip("kernel.log");
	test_log();
	if (!is_vm())
		return 0;
	test_overwritten();
	test_permission();
	prepare();
	warn = sub_open("kernel.warn", NULL);
	oops = sub_open("kernel.oops", NULL);
	stall = sub_open("kernel.stall", NULL);
	cause(warn, "warn", "trouble_warn");
	test_hung();
	if (has_detector("watchdog_thresh"))
		cause(stall, "stall", "ksig_stall");
	/* last, because the kernel no longer looks for hung tasks afterwards */
	CHECK(sub_empty(oops));
	cause(oops, "oops", "[#1]");
	ksig_sub_close(warn);
	ksig_sub_close(oops);
	ksig_sub_close(stall);
	/* these faults were intended */
	OK(klogctl(5, NULL, 0));
	return 0;
}
