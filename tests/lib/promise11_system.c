// SPDX-License-Identifier: MIT
/*
 * Check cpu.online, cpu.offline, kmod.load, kmod.unload, device.add and time.set with all
 * providers. CPUs are taken offline and modules are loaded only in a VM.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/timex.h>

#include "events.h"

#define CPU1 "/sys/devices/system/cpu/cpu1/online"

/*
 * Check that setting the clock forward by a nanosecond is reported as time.set, but not as
 * power.resume.
 */
static void test_time(void)
{
	struct watch set = watch("time.set");
	struct watch resume = watch("power.resume");
	/* the change is too small to be measured */
	struct expected x = {
		.type = KSIG_TIME_SET, .fields = "delta=0",
		.unknown[NATIVE] = KSIG_EVENT_NO_VALUE,
	};
	int i;

	for (i = 0; i < 2; i++) {
		/*
		 * Setting the clock back would disturb builds on the same machine. The call
		 * overwrites .time, so initialize it in each round.
		 */
		struct timex forward = {
			.modes = ADJ_SETOFFSET | ADJ_NANO,
			.time.tv_usec = 1,
		};

		if (adjtimex(&forward) < 0)
			skip("the clock can't be set here: %m");
		watch_expect(&set, &x);
		watch_silent(&set);
	}
	watch_close(&set);
	watch_close(&resume);
}

/* Check that the size of the change is reported in ns and can be selected as the event's value. */
static void test_delta(void)
{
	const struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .provider = "native", .value_field = "delta",
	};
	struct ksig_sub *sub = sub_open("time.set:delta>1000000", &opts);
	struct timex forward = {
		.modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_usec = 5000000,
	};
	const struct ksig_event *ev;
	struct ksig_field f = { .sz = sizeof(f) };

	if (adjtimex(&forward) < 0)
		skip("the clock can't be set here: %m");
	ev = sub_take(sub);
	OK(ksig_event_get(sub, ev, "delta", &f));
	CHECK(f.known && f.type == KSIG_FIELD_SIGNED);
	CHECK(f.s > 4000000 && f.s < 6000000);
	CHECK_EQ(ev->value, f.s);
	ksig_sub_close(sub);
}

/* Check that a signal carries the requested field instead of the record's value. */
static void test_value_field(void)
{
	const struct ksig_sub_opts opts = {
		.sz = sizeof(opts), .provider = "native",
		.value_field = "subject",
	};
	const struct ksig_arm_opts arm = {
		.sz = sizeof(arm), .pid = getpid(), .signo = SIGRTMIN + 10,
		.pidfd = OK(syscall(SYS_pidfd_open, getpid(), 0)),
		.mode = KSIG_MODE_EACH, .flags = KSIG_ARM_PROCESS,
	};
	struct ksig_sub *sub = sub_open("time.set:delta>1000000", &opts);
	struct timex forward = {
		.modes = ADJ_SETOFFSET | ADJ_NANO, .time.tv_usec = 5000000,
	};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, arm.signo);
	OK(sigprocmask(SIG_BLOCK, &set, NULL));
	OK(ksig_sub_arm(sub, &arm));
	OK(adjtimex(&forward));
	CHECK_EQ(sigwaitinfo(&set, &info), arm.signo);
	CHECK_EQ((unsigned long)info.si_value.sival_ptr, 0);
	ksig_sub_close(sub);
	close(arm.pidfd);
}

static void test_cpu(void)
{
	struct watch online = watch("cpu.online");
	struct watch offline = watch("cpu.offline");
	struct expected x = {
		.type = KSIG_CPU_OFFLINE, .subject = 1, .fields = "cpu=1",
	};

	CHECK_EQ(write_to(CPU1, "0"), 0);
	watch_expect(&offline, &x);
	watch_silent(&online);
	CHECK_EQ(write_to(CPU1, "1"), 0);
	x.type = KSIG_CPU_ONLINE;
	watch_expect(&online, &x);
	watch_close(&online);
	watch_close(&offline);
}

static int load(const char *path)
{
	int fd = OK(open(path, O_RDONLY | O_CLOEXEC)), ret;

	ret = syscall(SYS_finit_module, fd, "", 0);
	close(fd);
	return ret;
}

/*
 * Check that loaded and unloaded modules are reported, but not a module whose init function fails.
 */
static void test_kmod(void)
{
	struct watch loads = watch("kmod.load");
	struct watch unloads = watch("kmod.unload");
	/* the module's channel has a device node */
	struct watch device = watch("device.add:subsystem=ksig,name=context");
	struct watch removal = watch("device.remove:subsystem=ksig,name=context");
	struct expected node = {
		.len = 2656,
		.fields = "subsystem=ksig name=context devnode=/dev/ksig/context driver=unknown",
	};
	struct expected x = {
		.type = KSIG_KMOD_LOAD, .len = sizeof(struct ksig_kmod_data),
		.fields = "name=ksig_context",
	};

	FAILS(load("/ksig/ksig_refuses.ko"), EPERM);
	OK(load("/ksig/ksig_context.ko"));
	watch_expect(&loads, &x);
	watch_expect(&device, &node);
	watch_silent(&unloads);
	OK(syscall(SYS_delete_module, "ksig_context", 0));
	x.type = KSIG_KMOD_UNLOAD;
	watch_expect(&unloads, &x);
	node.type = KSIG_DEVICE_REMOVE;
	watch_expect(&removal, &node);
	watch_close(&removal);
	watch_close(&loads);
	watch_close(&unloads);
	watch_close(&device);
}

int main(void)
{
	test_time();
	test_delta();
	test_value_field();
	if (!is_vm()) {
		printf(": cpu, kmod and device events: in VMs only\n");
		return 0;
	}
	if (access(CPU1, W_OK))
		skip("no CPU can be taken offline");
	test_cpu();
	test_kmod();
	return 0;
}
