// SPDX-License-Identifier: MIT
/* Check how messages of the kernel's log are parsed. */
#include <string.h>

#include "../../lib/native/kmsg.h"
#include "test.h"

static char buf[512];

static struct ksig_kmsg parse(const char *message)
{
	struct ksig_kmsg m;

	snprintf(buf, sizeof(buf), "%s", message);
	CHECK(ksig_kmsg_parse(buf, &m));
	return m;
}

static void is(uint32_t type, const char *text)
{
	char message[300];

	snprintf(message, sizeof(message), "4,7,123456,-;%s\n", text);
	if (parse(message).type != type)
		fprintf(stderr, "%s: type %u\n", text, parse(message).type);
	CHECK(parse(message).type == type);
	CHECK(!strcmp(parse(message).text, text));
	/* a program can write the same, but not as the kernel */
	message[0] = '9';
	CHECK(parse(message).type == KSIG_KERNEL_LOG);
}

static void test_format(void)
{
	struct ksig_kmsg m;

	m = parse("6,339,5140900,-;NET: Registered protocol family 10\n");
	CHECK(m.seq == 339 && m.level == 6 && !strcmp(m.facility, "kern"));
	CHECK(!strcmp(m.text, "NET: Registered protocol family 10"));
	CHECK(!m.subsystem && !m.device);
	m = parse("30,18446744073709551615,5690716,c,caller=T23;udevd[80]: \\x5c\\xc3\\xb6;\\x01\n");
	CHECK(m.seq == UINT64_MAX && m.level == 6 && !strcmp(m.facility, "daemon"));
	CHECK(!strcmp(m.text, "udevd[80]: \\\xc3\xb6;\x01"));
	m = parse("3,340,5690716,-;lost\n SUBSYSTEM=scsi\n DEVICE=+scsi:0:0\n OTHER=x\n");
	CHECK(!strcmp(m.text, "lost") && !strcmp(m.subsystem, "scsi"));
	CHECK(!strcmp(m.device, "+scsi:0:0"));
	m = parse("191,1,1,-;\\x\\x0\\x00\\");
	CHECK(m.level == 7 && !strcmp(m.facility, "local7"));
	CHECK(!strcmp(m.text, "\\x\\x0\\x00\\"));
	m = parse("192,1,1,-;");
	CHECK(!m.facility && !*m.text);
}

static void test_invalid(void)
{
	static const char *const messages[] = { "", "x", ";", "1;x", "1,;x", ",1,1,-;x", "1,x,1,-;x" };
	struct ksig_kmsg m;
	size_t i;

	for (i = 0; i < sizeof(messages) / sizeof(*messages); i++) {
		snprintf(buf, sizeof(buf), "%s", messages[i]);
		CHECK(!ksig_kmsg_parse(buf, &m));
	}
}

static void test_types(void)
{
	struct ksig_kmsg m;

	is(KSIG_KERNEL_LOG, "usb 1-1: new high-speed USB device number 2 using xhci_hcd");
	is(KSIG_KERNEL_LOG, "foo: this is no WARNING: it only looks like one");
	is(KSIG_KERNEL_WARN, "WARNING: CPU: 1 PID: 234 at kernel/foo.c:12 bar+0x10/0x20 [foo]");
	is(KSIG_KERNEL_WARN, "WARNING: kernel/foo.c:12 at bar+0x10/0x20, CPU#1: sh/234");
	is(KSIG_KERNEL_WARN, "WARNING: possible circular locking dependency detected");
	is(KSIG_KERNEL_WARN, "BUG: KASAN: slab-use-after-free in bar+0x10/0x20");
	is(KSIG_KERNEL_WARN, "BUG: sleeping function called from invalid context at kernel/foo.c:12");
	is(KSIG_KERNEL_WARN, "WARNING: at bar+0x10/0x20, CPU#1: sh/234");
	is(KSIG_KERNEL_WARN, "WARNING: inconsistent lock state");
	is(KSIG_KERNEL_WARN, "WARNING: SOFTIRQ-safe -> SOFTIRQ-unsafe lock order detected");
	is(KSIG_KERNEL_WARN, "WARNING: sh/7 still has locks held!");
	is(KSIG_KERNEL_WARN, "INFO: trying to register non-static key.");
	is(KSIG_KERNEL_WARN, "BUG kmalloc-64 (Not tainted): Redzone overwritten");
	is(KSIG_KERNEL_WARN, "BUG kmalloc-64 (Tainted: G           O      ): Poison overwritten");
	is(KSIG_KERNEL_WARN, "BUG: Bad page state in process sh  pfn:12345");
	is(KSIG_KERNEL_WARN, "BUG: spinlock bad magic on CPU#0, sh/234");
	is(KSIG_KERNEL_WARN, "UBSAN: array-index-out-of-bounds in kernel/foo.c:12:3");
	is(KSIG_KERNEL_LOG, "BUG: kernel NULL pointer dereference, address: 0000000000000000");
	is(KSIG_KERNEL_LOG, "BUG: unable to handle page fault for address: ffffffffc0000000");
	is(KSIG_KERNEL_OOPS, "Oops: 0002 [#1] PREEMPT SMP NOPTI");
	is(KSIG_KERNEL_OOPS, "invalid opcode: 0000 [#12] PREEMPT SMP");
	is(KSIG_KERNEL_OOPS, "Oops: general protection fault, probably for non-canonical address 0x1: 0000 [#1] SMP");
	is(KSIG_KERNEL_OOPS, "Internal error: Oops - BUG: 00000000f2000800 [#1] SMP");
	is(KSIG_KERNEL_OOPS, "divide error: 0000 [#1]");
	is(KSIG_KERNEL_OOPS, "Internal error: Oops: 5 [#1] SMP ARM");
	is(KSIG_KERNEL_STALL, "watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [kworker/0:1:12]");
	is(KSIG_KERNEL_STALL, "watchdog: Watchdog detected hard LOCKUP on cpu 1");
	is(KSIG_KERNEL_STALL, "rcu: INFO: rcu_preempt self-detected stall on CPU");
	is(KSIG_KERNEL_STALL, "rcu: INFO: rcu_sched detected stalls on CPUs/tasks:");
	is(KSIG_KERNEL_STALL, "rcu: INFO: rcu_preempt detected expedited stalls on CPUs/tasks: { 1-.... }");
	is(KSIG_KERNEL_STALL, "INFO: rcu_tasks detected stalls on tasks:");
	is(KSIG_KERNEL_STALL, "BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0 stuck for 31s!");
	m = parse("3,1,1,-;INFO: task a b:c/0:42 blocked for more than 120 seconds.\n");
	CHECK(m.type == KSIG_KERNEL_HUNG && m.pid == 42 && m.seconds == 120);
	CHECK(!strcmp(m.comm, "a b:c/0"));
	m = parse("3,1,1,-;INFO: task x:7 blocked in I/O wait for more than 10 seconds.\n");
	CHECK(m.type == KSIG_KERNEL_HUNG && m.pid == 7 && m.seconds == 10);
	/* it follows the message about the task */
	is(KSIG_KERNEL_LOG, "INFO: task x:7 is blocked on a mutex likely owned by task y:8.");
	is(KSIG_KERNEL_LOG, "INFO: task x:7 blocked on a semaphore likely last held by task for more than 9:2");
	/* a warning of the administrator, not of a fault in the kernel */
	is(KSIG_KERNEL_LOG, "WARNING: Unprivileged eBPF is enabled, data leaks possible");
}

/* Check that the name of a task or an interface, which a user can choose, can't forge an event. */
static void test_forged(void)
{
	static const char *const names[] = {
		"WARNING: x", "WARNING: CPU: 1", "WARNING: x at ", "WARNING: a-saf", "WARNING: x/1",
		"BUG: x", "BUG: KASAN: x i", "BUG  (Tainted: ", "BUG x (Tainted:", "BUG: spinlock x",
		"UBSAN: a-b in x", "INFO: rcu_x det", "rcu: INFO: x de", "INFO: task x:1 ",
		"Oops", "Oops [#1]", "Oops: 0000 [#1]", "int3: 0000 [#1]", "x: 0000 [#1] ",
		"Oops: 0000 [#1 ", "Internal error:", "watchdog: Watch", "watchdog: BUG: ",
	};
	static const char *const messages[] = {
		"%s(11010): Attempt to set a LOCK_MAND lock via flock(2).",
		"%s[11011] misaligned vsyscall (exploit attempt or buggy program) -- look up the vsyscall kernel parameter if you need a workaround ip:ffffffffff600001 cs:33 sp:7ffd13b3d2b8 ax:0 si:0 di:0",
		"%s[7]: segfault at 0 ip 0000000000000000 sp 00007ffd13b3d2b8 error 14 in a[55d0+1000]",
		"%s: received packet on [#1 with own address as source address (addr:02:00:00, vlan:0)",
		"%s: adding interface [#1 with same address as a received packet (addr:02:00:00, vlan:0)",
		"process '%s' launched '/tmp/a' with NULL argv: empty string added",
	};
	struct ksig_kmsg m;
	char text[280];
	size_t i, j;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		CHECK(strlen(names[i]) < sizeof(m.comm));
		for (j = 0; j < sizeof(messages) / sizeof(*messages); j++) {
			snprintf(text, sizeof(text), messages[j], names[i]);
			is(KSIG_KERNEL_LOG, text);
		}
	}
	/* nor can it change what is reported about a task */
	m = parse("3,1,1,-;INFO: task x:1 blocked:42 blocked for more than 120 seconds.\n");
	CHECK(m.type == KSIG_KERNEL_HUNG && m.pid == 42 && m.seconds == 120);
	CHECK(!strcmp(m.comm, "x:1 blocked"));
	m = parse("3,1,1,-;INFO: task more than 9 sec:42 blocked in I/O wait for more than 120 seconds.\n");
	CHECK(m.type == KSIG_KERNEL_HUNG && m.pid == 42 && m.seconds == 120);
}

int main(void)
{
	test_format();
	test_invalid();
	test_types();
	test_forged();
	return 0;
}
