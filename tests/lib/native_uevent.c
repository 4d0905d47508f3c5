// SPDX-License-Identifier: MIT
/*
 * Check that only uevents from the kernel are accepted, that only relevant uevents are reported,
 * and that lost uevents are counted. The owner of a network namespace can make the kernel send
 * uevents in it. This test uses that to simulate module loading on a kernel without modules.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <stdarg.h>
#include <sys/socket.h>

#define PROVIDER "native"
#include "subtest.h"

#define MANY 5000

static int sender;

/* Packs the strings, up to a NULL argument, one after another as in the kernel's messages. */
static size_t pack(char *buf, va_list ap)
{
	const char *s;
	size_t n = 0;

	while ((s = va_arg(ap, const char *))) {
		strcpy(buf + n, s);
		n += strlen(s) + 1;
	}
	return n;
}

static void send_uevent(const char *first, ...)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_Alignas(struct nlmsghdr) char buf[2048] = "";
	struct nlmsghdr *nlh = (void *)buf;
	va_list ap;
	size_t n;

	strcpy(NLMSG_DATA(nlh), first);
	n = strlen(first) + 1;
	va_start(ap, first);
	n += pack((char *)NLMSG_DATA(nlh) + n, ap);
	va_end(ap);
	nlh->nlmsg_len = NLMSG_LENGTH(n);
	nlh->nlmsg_type = NLMSG_MIN_TYPE;
	nlh->nlmsg_flags = NLM_F_REQUEST;
	CHECK_EQ(OK(sendto(sender, buf, nlh->nlmsg_len, 0,
			   (struct sockaddr *)&kernel, sizeof(kernel))),
		 nlh->nlmsg_len);
}

static void module(const char *action, const char *path)
{
	char first[128], a[64], p[128];

	snprintf(first, sizeof(first), "%s@%s", action, path);
	snprintf(a, sizeof(a), "ACTION=%s", action);
	snprintf(p, sizeof(p), "DEVPATH=%s", path);
	send_uevent(first, a, p, "SUBSYSTEM=module", NULL);
}

static const char *name_of(const struct ksig_event *ev)
{
	const struct ksig_kmod_data *data = (const void *)ev->data;

	CHECK_EQ(ev->len, sizeof(*data));
	CHECK_EQ(ev->subject, 0);
	CHECK_EQ(ev->value, 0);
	CHECK_EQ(ev->flags & ~KSIG_EVENT_LOST_UPTO, 0);
	return data->name;
}

/* Checks that no event is queued. The next event read must be the one that this function causes. */
static void expect_silence(struct ksig_sub *sub, const char *action)
{
	module(action, "/module/witness");
	CHECK(!strcmp(name_of(sub_take(sub)), "witness"));
}

static void modules(void)
{
	struct ksig_sub *load = sub_open("kmod.load", NULL);
	struct ksig_sub *unload = sub_open("kmod.unload", NULL);
	const struct ksig_event *ev;

	module("add", "/module/veth");
	module("add", "/module/a_name_of_more_than_the_fifty_five_bytes_that_there_are_room_for");
	module("remove", "/module/veth");
	module("change", "/module/veth");
	/*
	 * ignored: a synthetic uevent (udev's coldplug), a uevent about a bus, and an incomplete
	 * uevent
	 */
	send_uevent("add@/module/veth", "ACTION=add", "DEVPATH=/module/veth",
		    "SUBSYSTEM=module", "SYNTH_UUID=0", NULL);
	send_uevent("add@/bus/x", "ACTION=add", "DEVPATH=/bus/x",
		    "SUBSYSTEM=bus", NULL);
	send_uevent("add", "ACTION=add", NULL);
	ev = sub_take(load);
	CHECK_EQ(ev->type, KSIG_KMOD_LOAD);
	CHECK(!strcmp(name_of(ev), "veth"));
	CHECK_EQ(strlen(name_of(sub_take(load))), 55);
	expect_silence(load, "add");
	ev = sub_take(unload);
	CHECK_EQ(ev->type, KSIG_KMOD_UNLOAD);
	CHECK(!strcmp(name_of(ev), "veth"));
	expect_silence(unload, "remove");
	ksig_sub_close(load);
	ksig_sub_close(unload);
}

static void cpus(void)
{
	struct ksig_sub *online = sub_open("cpu.online", NULL);
	struct ksig_sub *offline = sub_open("cpu.offline", NULL);

	send_uevent("online@/devices/system/cpu/cpu12", "ACTION=online",
		    "DEVPATH=/devices/system/cpu/cpu12", "SUBSYSTEM=cpu", NULL);
	send_uevent("online@/devices/system/memory/memory3", "ACTION=online",
		    "DEVPATH=/devices/system/memory/memory3",
		    "SUBSYSTEM=memory", NULL);
	send_uevent("offline@/devices/system/cpu/cpu0", "ACTION=offline",
		    "DEVPATH=/devices/system/cpu/cpu0", "SUBSYSTEM=cpu", NULL);
	send_uevent("online@/devices/system/cpu/cpu3", "ACTION=online",
		    "DEVPATH=/devices/system/cpu/cpu3", "SUBSYSTEM=cpu", NULL);
	send_uevent("offline@/devices/system/cpu/cpu3", "ACTION=offline",
		    "DEVPATH=/devices/system/cpu/cpu3", "SUBSYSTEM=cpu", NULL);
	CHECK_EQ(sub_take(online)->subject, 12);
	CHECK_EQ(sub_take(online)->subject, 3);
	CHECK_EQ(sub_take(offline)->subject, 0);
	CHECK_EQ(sub_take(offline)->subject, 3);
	ksig_sub_close(online);
	ksig_sub_close(offline);
}

/* Checks an event's text. Unknown, overlong and hostile values must be unambiguous. */
static void expect_line(struct ksig_sub *sub, const char *wanted)
{
	const struct ksig_event *ev = sub_take(sub);
	char line[512];
	int n = ksig_event_format(sub, ev, line, sizeof(line));

	if (strcmp(line, wanted))
		fail(__FILE__, __LINE__, "it is '%s', not '%s'", line, wanted);
	CHECK_EQ(n, strlen(wanted));
	CHECK_EQ(ev->flags & ~KSIG_EVENT_SPEC(KSIG_SUB_SPECS - 1), 0);
}

#define DEVICE(action, path, subsystem, ...) \
	send_uevent(action "@/devices/" path, "ACTION=" action, \
		    "DEVPATH=/devices/" path, "SUBSYSTEM=" subsystem, \
		    ##__VA_ARGS__, NULL)

/* Check that one subscription returns these events in the order in which they happened. */
static void removed_and_changed(void)
{
	const char *const events[] = { "device.change", "device.remove:name=sd?", "device.add" };
	struct ksig_sub *sub;
	int i;

	CHECK_EQ(ksig_sub_openv(events, 3, SUB_OPTS(), &sub), 0);
	for (i = 0; i < 3; i++) {
		DEVICE("remove", "x/block/sdc", "block", "DEVNAME=sdc");
		DEVICE("remove", "x/block/dm-1", "block", "DEVNAME=dm-1");
		DEVICE("add", "x/block/sdc", "block", "DEVNAME=sdc");
		DEVICE("change", "x/block/sdc", "block", "DEVNAME=sdc", "DISK_MEDIA_CHANGE=1");
	}
	for (i = 0; i < 3; i++) {
		expect_line(sub, "device.remove subsystem=block name=sdc devnode=/dev/sdc");
		expect_line(sub, "device.add subsystem=block name=sdc devnode=/dev/sdc");
		expect_line(sub, "device.change subsystem=block name=sdc devnode=/dev/sdc");
	}
	CHECK(sub_empty(sub));
	ksig_sub_close(sub);
}

static void devices(void)
{
	struct ksig_sub *all = sub_open("device.add", NULL);
	struct ksig_sub *block = sub_open("device.add:subsystem=block", NULL);
	struct ksig_sub *driven = sub_open("device.add:driver!=usb", NULL);
	char longest[140] = "DEVNAME=", longer[sizeof(longest) + 1], line[256];

	DEVICE("add", "x/block/sda", "block", "DEVNAME=sda");
	DEVICE("add", "x/1-1:1.0", "usb", "DRIVER=usbhid", "DEVTYPE=y");
	/* these uevents add no device */
	DEVICE("add", "x/block/sda", "block", "DEVNAME=sda", "SYNTH_UUID=0");
	DEVICE("remove", "x/block/sda", "block", "DEVNAME=sda");
	send_uevent("add@/bus/x/drivers/y", "ACTION=add",
		    "DEVPATH=/bus/x/drivers/y", "SUBSYSTEM=drivers", NULL);
	expect_line(all, "device.add subsystem=block name=sda devnode=/dev/sda");
	expect_line(all, "device.add subsystem=usb name=1-1:1.0 driver=usbhid");
	expect_line(block, "device.add subsystem=block name=sda devnode=/dev/sda");
	expect_line(driven, "device.add subsystem=usb name=1-1:1.0 driver=usbhid");

	DEVICE("add", "x/a\033[2J\nb", "net", "DRIVER=unknown");
	expect_line(all, "device.add subsystem=net name=\"a\\x1b[2J\\x0ab\" driver=\"unknown\"");
	/*
	 * 127 bytes fit. A longer path is dropped because a truncated path could name another
	 * device.
	 */
	memset(longest + 8, 'n', 127 - strlen("/dev/"));
	DEVICE("add", "x/l", "tty", longest);
	snprintf(line, sizeof(line), "device.add subsystem=tty name=l devnode=/dev/%s",
		 longest + 8);
	expect_line(all, line);
	snprintf(longer, sizeof(longer), "%sn", longest);
	DEVICE("add", "x/l", "tty", longer);
	expect_line(all, "device.add subsystem=tty name=l devnode=unknown");
	/* this must be the next event received, so no ignored uevent was reported */
	DEVICE("add", "x/block/sdb", "block");
	expect_line(all, "device.add subsystem=block name=sdb");
	expect_line(block, "device.add subsystem=block name=sdb");
	ksig_sub_close(all);
	ksig_sub_close(block);
	ksig_sub_close(driven);
}

static void check_text(const char *got, const char *wanted)
{
	if (!got || strcmp(got, wanted))
		fail(__FILE__, __LINE__, "it is '%s', not '%s'", got, wanted);
}

static const char *key_of(struct ksig_sub *sub, const struct ksig_event *ev, const char *key)
{
	return field(sub, ev, key).known ? field(sub, ev, key).str : NULL;
}

/* Check that a filter and a program can refer to any key of a uevent. */
static void keys(void)
{
	struct ksig_sub *wedged = sub_open("device.change:subsystem=drm,WEDGED=*rebind*", NULL);
	struct ksig_sub *two = sub_open("device.change:WEDGED=none,DEVNAME=dri/*", NULL);
	struct ksig_field f = { .sz = sizeof(f) };
	const struct ksig_event *ev;
	char longest[1500] = "LONG=";
	uint64_t i;

	DEVICE("change", "x/drm/card0", "drm", "HOTPLUG=1", "DEVNAME=dri/card0");
	DEVICE("change", "x/drm/card0", "drm", "XWEDGED=rebind", "WEDGED", "WEDGE=rebind");
	DEVICE("change", "x/drm/card1", "drm", "WEDGED=none", "DEVNAME=dri/card1", "EMPTY=");
	ev = sub_take(two);
	check_text(key_of(two, ev, "WEDGED"), "none");
	check_text(key_of(two, ev, "ACTION"), "change");
	check_text(key_of(two, ev, "DEVPATH"), "/devices/x/drm/card1");
	CHECK(!key_of(two, ev, "EMPTY") && !key_of(two, ev, "WEDGE") && !key_of(two, ev, "NOSUCH"));
	CHECK_EQ(ksig_event_get(two, ev, "wedged", &f), -ENOENT);
	CHECK_EQ(ksig_event_get(two, ev, "", &f), -ENOENT);
	DEVICE("change", "x/drm/card0", "drm", "WEDGED=rebind,bus-reset");
	ev = sub_take(wedged);
	check_text(key_of(wedged, ev, "WEDGED"), "rebind,bus-reset");
	/* a key that doesn't fit is left out, and those after it are not */
	memset(longest + 5, 'x', sizeof(longest) - 6);
	DEVICE("change", "x/drm/card0", "drm", longest, "WEDGED=rebind");
	ev = sub_take(wedged);
	CHECK_EQ(strlen(key_of(wedged, ev, "LONG")), sizeof(longest) - 6);
	check_text(key_of(wedged, ev, "WEDGED"), "rebind");
	CHECK(sub_empty(wedged) && sub_empty(two));
	for (i = 0; !ksig_event_field(wedged, ev, i, &f); i++)
		CHECK(strcmp(f.name, "WEDGED"));
	ksig_sub_close(wedged);
	ksig_sub_close(two);
	sub_fails("device.change:WEDGED=a,WEDGED=b", EINVAL, 24, "WEDGED");
	sub_fails("device.change:WeDGED=a", EINVAL, 15, "has no field 'WeDGED'");
	sub_fails("device.change:WEDGED>1", EINVAL, 21, "");
	sub_fails("kmod.load:WEDGED=a", EINVAL, 11, "has no field 'WEDGED'");
}

/*
 * Check that a real device is reported to an unprivileged user. The device's name contains an
 * escape sequence that would clear a terminal.
 */
static void real_device(void)
{
	struct ksig_sub *sub;

	OK(seteuid(65534));
	sub = sub_open("device.add:subsystem=net,name=\033[2Jx", NULL);
	OK(seteuid(0));
	load_driver("veth", "");
	/* the kernel names the peer veth0 */
	ip("add name '\033[2Jx' type veth");
	expect_line(sub, "device.add subsystem=net name=\"\\x1b[2Jx\"");
	/* the uevents were sent before ip(8) returned, so no other uevent is queued */
	CHECK(sub_empty(sub));
	ip("del veth0");
	ksig_sub_close(sub);
}

/* Check that a message from user space is ignored even if it looks like a uevent. */
static void forged(void)
{
	static const char text[] = "add@/module/evil\0ACTION=add\0"
				   "DEVPATH=/module/evil\0SUBSYSTEM=module";
	struct sockaddr_nl group = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	struct ksig_sub *load = sub_open("kmod.load", NULL);

	/*
	 * success shows that a socket received the message; otherwise the error would be
	 * ECONNREFUSED
	 */
	CHECK_EQ(OK(sendto(sender, text, sizeof(text), MSG_DONTWAIT,
			   (struct sockaddr *)&group, sizeof(group))),
		 sizeof(text));
	expect_silence(load, "add");
	ksig_sub_close(load);
}

/*
 * Check the counters on overflow. In this namespace, every uevent is a matching event, so the upper
 * bound is exact. Losses that the library can't attribute are not included in the exact counters.
 */
static void too_many(void)
{
	struct ksig_sub *sub = sub_open("kmod.load", SUB_OPTS(.queue_len = 16));
	uint64_t got = 0, seq = 0;
	const struct ksig_event *ev;
	struct ksig_sub_stats st;
	char path[64];
	int i;

	for (i = 0; i < MANY; i++) {
		snprintf(path, sizeof(path), "/module/m%d", i);
		module("add", path);
	}
	/* read up to the gap; the event after the gap reports the loss */
	while (ksig_sub_next(sub, 0, &ev) == 1) {
		CHECK_EQ(ev->seq, seq + 1);
		CHECK_EQ(ev->lost_before, 0);
		CHECK_EQ(ev->flags & KSIG_EVENT_LOST_UPTO, 0);
		seq = ev->seq;
		got++;
		snprintf(path, sizeof(path), "m%llu", ev->seq - 1);
		CHECK(!strcmp(name_of(ev), path));
	}
	module("add", "/module/last");
	ev = sub_take(sub);
	CHECK(!strcmp(name_of(ev), "last"));
	CHECK(ev->flags & KSIG_EVENT_LOST_UPTO);
	CHECK_EQ(got + sub_lost_upto(sub), MANY);
	st = sub_stats(sub);
	CHECK_EQ(st.offered, got + 1);
	CHECK_EQ(st.lost, 0);
	CHECK_EQ(st.queued, 0);
	printf(": uevents: %llu of %d delivered, up to %llu lost\n",
	       (unsigned long long)got, MANY,
	       (unsigned long long)sub_lost_upto(sub));
	ksig_sub_close(sub);
}

/* Check that events that don't fit in the subscription's queue remain in the kernel's socket. */
static void own_queue(void)
{
	struct ksig_sub *sub = sub_open("kmod.load", SUB_OPTS(.queue_len = 16));
	const struct ksig_event *ev;
	struct ksig_sub_stats st;
	int i;

	for (i = 0; i < 40; i++)
		module("add", "/module/m");
	CHECK_EQ(ksig_sub_next(sub, 0, &ev), 1);
	st = sub_stats(sub);
	CHECK_EQ(st.delivered, 1);
	CHECK_EQ(st.queued, 15);
	for (i = 1; i < 40; i++)
		CHECK_EQ(sub_take(sub)->seq, i + 1);
	expect_silence(sub, "add");
	st = sub_stats(sub);
	CHECK_EQ(st.offered, 41);
	CHECK_EQ(st.lost, 0);
	ksig_sub_close(sub);
}

int main(void)
{
	char *real = "/sys/devices/system/cpu/cpu0/uevent";
	struct ksig_sub *online;
	int fd;

	if (getuid())
		skip("only a network namespace owned by root receives uevents");
	/* the kernel sends this uevent, but no state has changed, so no event must be reported */
	online = sub_open("cpu.online", NULL);
	fd = open(real, O_WRONLY | O_CLOEXEC);
	if (fd >= 0) {
		CHECK_EQ(write(fd, "online", 6), 6);
		/* the uevent has reached the socket when write(2) returns */
		CHECK(sub_empty(online));
		close(fd);
	}
	ksig_sub_close(online);
	OK(unshare(CLONE_NEWNET));
	sender = OK(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC,
			   NETLINK_KOBJECT_UEVENT));
	modules();
	cpus();
	devices();
	removed_and_changed();
	keys();
	real_device();
	forged();
	too_many();
	own_queue();
	return 0;
}
