// SPDX-License-Identifier: MIT
/*
 * The table of events, with the fields and the sources of each event. Each provider has its own
 * source for an event, but the layout of the records, which ksig/uapi.h defines, is the same for
 * all providers. The events of drivers' channels and of tracepoints are not in this table.
 */
#include <string.h>

#include "provider.h"
#include "native/native.h"

#ifdef KSIG_HAVE_NATIVE
#define BY_NATIVE(source) .native = &ksig_native_##source
#else
#define BY_NATIVE(source) .native = NULL
#endif
#ifdef KSIG_HAVE_BPF
#define BY_BPF(source) .bpf = &ksig_bpf_##source
#else
#define BY_BPF(source) .bpf = NULL
#endif

#define HEADER sizeof(struct ksig_event)
#define RECORD(data) (HEADER + (sizeof(data) < 16 ? 16 : sizeof(data)))

#define SUBJECT(key, kind) \
	{ key, kind, offsetof(struct ksig_event, subject), 8, \
	  KSIG_EVENT_NO_SUBJECT, false, false }
#define VALUE(key, kind) \
	{ key, kind, offsetof(struct ksig_event, value), 8, \
	  KSIG_EVENT_NO_VALUE, false, false }
#define DATA(key, kind, where, member, unknown, hide) \
	{ key, kind, HEADER + offsetof(where, member), \
	  sizeof(((where *)0)->member), unknown, hide, false }

/* A string field that is empty in some events */
#define OPTIONAL(key, where, member) \
	{ .name = key, .type = KSIG_FIELD_STRING, .optional = true, \
	  .offset = HEADER + offsetof(where, member), \
	  .size = sizeof(((where *)0)->member) }

/* A string field that contains one of a few values */
#define CHOICE(key, where, member, list) \
	{ .name = key, .type = KSIG_FIELD_STRING, .values = list, \
	  .offset = HEADER + offsetof(where, member), \
	  .size = sizeof(((where *)0)->member) }

#define ADDRESS(key, where, member, others) \
	{ .name = key, .type = KSIG_FIELD_STRING, .optional = true, .text = KSIG_TEXT_ADDRESS, \
	  .values = others, \
	  .offset = HEADER + offsetof(where, member), \
	  .size = sizeof(((where *)0)->member) }

/* A string field that contains a name of this kind, or is empty */
#define NAMED(key, where, member, kind) \
	{ .name = key, .type = KSIG_FIELD_STRING, .optional = true, .text = kind, \
	  .offset = HEADER + offsetof(where, member), \
	  .size = sizeof(((where *)0)->member) }

#define COMM_OF(where) \
	DATA("comm", KSIG_FIELD_STRING, where, comm, KSIG_EVENT_NO_COMM, false)
#define COMM COMM_OF(struct ksig_process_data)
#define TGID \
	DATA("tgid", KSIG_FIELD_SIGNED, struct ksig_process_data, tgid, 0, true)
#define PARENT \
	DATA("parent", KSIG_FIELD_SIGNED, struct ksig_process_data, parent, \
	     KSIG_EVENT_NO_PARENT, false)

static const struct ksig_field_desc fork_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("child", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

static const struct ksig_field_desc exec_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

static const struct ksig_field_desc exit_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("status", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
};

/* data[] of process.crash; accessed only by field name */
struct crash_data {
	struct ksig_process_data process;
	uint64_t core;
};

static const struct ksig_field_desc crash_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("signal", KSIG_FIELD_UNSIGNED),
	COMM,
	TGID,
	PARENT,
	DATA("core", KSIG_FIELD_UNSIGNED, struct crash_data, core, 0, false),
};

static const struct ksig_field_desc kill_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	COMM_OF(struct ksig_memory_data),
	{ .name = "cgroup", .type = KSIG_FIELD_STRING, .text = KSIG_TEXT_CGROUP,
	  .offset = KSIG_RECORD_ADDED(RECORD(struct ksig_memory_data)),
	  .size = KSIG_CGROUP_PATH_MAX, .unknown = KSIG_EVENT_NO_CGROUP, .added = true },
};

static const struct ksig_field_desc pressure_fields[] = {
	VALUE("stall_us", KSIG_FIELD_UNSIGNED),
	DATA("over_us", KSIG_FIELD_UNSIGNED, struct ksig_pressure_data, over_us, 0,
	     false),
};

static const struct ksig_setting_desc pressure_settings[] = {
	{ "some", "STALL/WINDOW: some tasks were stalled for STALL within WINDOW (default 200ms/2s)" },
	{ "full", "STALL/WINDOW: all non-idle tasks were stalled at once for STALL within WINDOW" },
	{ "cgroup", "PATH: only the tasks of this cgroup" },
	{ "unit", "NAME: only the tasks of this systemd system unit" },
	{ }
};

static const struct ksig_field_desc net_fields[] = {
	SUBJECT("ifindex", KSIG_FIELD_UNSIGNED),
	DATA("ifname", KSIG_FIELD_STRING, struct ksig_net_data, ifname, 0,
	     false),
};

static const struct ksig_field_desc rename_fields[] = {
	SUBJECT("ifindex", KSIG_FIELD_UNSIGNED),
	DATA("ifname", KSIG_FIELD_STRING, struct ksig_rename_data, ifname, 0, false),
	DATA("old_ifname", KSIG_FIELD_STRING, struct ksig_rename_data, old_ifname, 0,
	     false),
};

/* data[] of net.address; accessed only by field name */
struct address_data {
	char action[8];
	char ifname[16];
	char address[48];
};

static const char *const address_actions[] = { "add", "remove", NULL };

static const struct ksig_field_desc address_fields[] = {
	CHOICE("action", struct address_data, action, address_actions),
	SUBJECT("ifindex", KSIG_FIELD_UNSIGNED),
	OPTIONAL("ifname", struct address_data, ifname),
	ADDRESS("address", struct address_data, address, NULL),
	VALUE("prefix", KSIG_FIELD_UNSIGNED),
};

/* data[] of net.route; accessed only by field name */
struct route_data {
	char action[8];
	char family[8];
	char ifname[16];
	char address[48];
	char gateway[48];
	uint64_t table;
};

/* what the address of a route can be as well */
static const char *const destinations[] = { "default", NULL };
static const char *const route_actions[] = { "add", "change", "remove", NULL };
static const char *const families[] = { "inet", "inet6", NULL };

static const struct ksig_field_desc route_fields[] = {
	CHOICE("action", struct route_data, action, route_actions),
	CHOICE("family", struct route_data, family, families),
	ADDRESS("address", struct route_data, address, destinations),
	VALUE("prefix", KSIG_FIELD_UNSIGNED),
	ADDRESS("gateway", struct route_data, gateway, NULL),
	/* a route may have no interface */
	{ .name = "ifindex", .type = KSIG_FIELD_UNSIGNED, .size = 8, .optional = true,
	  .offset = offsetof(struct ksig_event, subject), .unknown = KSIG_EVENT_NO_SUBJECT },
	OPTIONAL("ifname", struct route_data, ifname),
	DATA("table", KSIG_FIELD_UNSIGNED, struct route_data, table, 0, false),
};

static const struct ksig_field_desc cpu_fields[] = {
	SUBJECT("cpu", KSIG_FIELD_UNSIGNED),
};

static const struct ksig_field_desc kmod_fields[] = {
	DATA("name", KSIG_FIELD_STRING, struct ksig_kmod_data, name, 0, false),
};

/* data[] of device.*; accessed only by field name */
struct device_data {
	char subsystem[32];
	char name[128];
	char devnode[128];
	char driver[64];
	char keys[2304];
};

static const struct ksig_field_desc device_fields[] = {
	OPTIONAL("subsystem", struct device_data, subsystem),
	OPTIONAL("name", struct device_data, name),
	OPTIONAL("devnode", struct device_data, devnode),
	OPTIONAL("driver", struct device_data, driver),
};

/* data[] of the events about cgroups; accessed only by field name */
struct cgroup_data {
	char cgroup[512];
	char unit[256];
};

static const struct ksig_field_desc cgroup_fields[] = {
	NAMED("cgroup", struct cgroup_data, cgroup, KSIG_TEXT_CGROUP),
	NAMED("unit", struct cgroup_data, unit, KSIG_TEXT_UNIT),
};

static const struct ksig_field_desc cgroup_count_fields[] = {
	NAMED("cgroup", struct cgroup_data, cgroup, KSIG_TEXT_CGROUP),
	NAMED("unit", struct cgroup_data, unit, KSIG_TEXT_UNIT),
	VALUE("count", KSIG_FIELD_UNSIGNED),
};

/* data[] of the events about mounts; accessed only by field name */
struct mount_data {
	char path[512];
	char source[256];
	char type[32];
};

static const struct ksig_field_desc mount_fields[] = {
	OPTIONAL("path", struct mount_data, path),
	OPTIONAL("source", struct mount_data, source),
	OPTIONAL("type", struct mount_data, type),
};

/* data[] of fs.error; accessed only by field name */
struct fserror_data {
	struct mount_data mount;
	uint32_t count;
	uint32_t unused;
};

static const struct ksig_field_desc fserror_fields[] = {
	OPTIONAL("path", struct fserror_data, mount.path),
	OPTIONAL("source", struct fserror_data, mount.source),
	OPTIONAL("type", struct fserror_data, mount.type),
	VALUE("error", KSIG_FIELD_UNSIGNED),
	DATA("count", KSIG_FIELD_UNSIGNED, struct fserror_data, count, 0, false),
};

static const struct ksig_field_desc space_fields[] = {
	OPTIONAL("path", struct mount_data, path),
	OPTIONAL("source", struct mount_data, source),
	OPTIONAL("type", struct mount_data, type),
	VALUE("free", KSIG_FIELD_UNSIGNED),
};

static const struct ksig_setting_desc space_settings[] = {
	{ "path", "PATH: only the file system that contains this path" },
	{ "below", "AMOUNT: full if less is free, such as 5% (default) or 10G" },
	{ "above", "AMOUNT: no longer full if more is free (default: 1.2 times below)" },
	{ "every", "TIME: interval between checks (default: 1s to 60s, depending on the free space)" },
	{ }
};

/* data[] of the events about the kernel's log; accessed only by field name */
struct kernel_data {
	char text[1024];
	char facility[16];
	char subsystem[32];
	char device[64];
	char comm[16];
};

const char *const ksig_facilities[] = {
	"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
	"authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
	"local3", "local4", "local5", "local6", "local7", NULL,
};

static const struct ksig_field_desc log_fields[] = {
	VALUE("level", KSIG_FIELD_UNSIGNED),
	CHOICE("facility", struct kernel_data, facility, ksig_facilities),
	OPTIONAL("subsystem", struct kernel_data, subsystem),
	OPTIONAL("device", struct kernel_data, device),
	OPTIONAL("text", struct kernel_data, text),
};

static const struct ksig_field_desc trouble_fields[] = {
	OPTIONAL("text", struct kernel_data, text),
};

static const struct ksig_field_desc hung_fields[] = {
	SUBJECT("pid", KSIG_FIELD_UNSIGNED),
	VALUE("seconds", KSIG_FIELD_UNSIGNED),
	OPTIONAL("comm", struct kernel_data, comm),
	OPTIONAL("text", struct kernel_data, text),
};

/* data[] of the events about power supplies; accessed only by field name */
struct supply_data {
	char source[64];
};

static const struct ksig_field_desc supply_fields[] = {
	OPTIONAL("source", struct supply_data, source),
};

/* data[] of the events about GPIO lines; accessed only by field name */
struct gpio_data {
	char chip[32];
	char label[32];
	char name[32];
};

static const struct ksig_field_desc gpio_fields[] = {
	SUBJECT("line", KSIG_FIELD_UNSIGNED),
	OPTIONAL("chip", struct gpio_data, chip),
	OPTIONAL("label", struct gpio_data, label),
	OPTIONAL("name", struct gpio_data, name),
};

static const struct ksig_setting_desc gpio_settings[] = {
	{ "chip", "CHIP: number, name or label of the GPIO chip" },
	{ "line", "LINE: number or name of the line" },
	{ "bias", "pull-up, pull-down or disabled: bias of the line (default: unchanged)" },
	{ "active", "low or high (default): low swaps rising and falling" },
	{ "debounce", "TIME: ignore shorter changes (1us to 10s)" },
	{ }
};

/* Nanoseconds by which the wall clock was set forward */
static const struct ksig_field_desc time_fields[] = {
	VALUE("delta", KSIG_FIELD_SIGNED),
};

/* The value is signed, as in ksig emit and ksig listen. */
static const struct ksig_field_desc test_fields[] = {
	VALUE("value", KSIG_FIELD_SIGNED),
};

#define FIELDS(f) .n_fields = ARRAY_SIZE(f), .fields = f

/* @node: the channel of ksig.ko; NULL if ksig.ko does not provide the event */
#define EVENT(event, node, number, data, text, ...) \
	{ .name = event, .description = text, .channel = node, .type = number, \
	  .event_size = RECORD(data), __VA_ARGS__ }
#define NO_DATA char[16]
#define PRESSURE(event, number, text) \
	EVENT(event, NULL, number, struct ksig_pressure_data, text, \
	      FIELDS(pressure_fields), .settings = pressure_settings, .state = true, \
	      BY_NATIVE(pressure))

#define MOUNT(event, number, text) \
	EVENT(event, NULL, number, struct mount_data, text, FIELDS(mount_fields), \
	      .state = true, BY_NATIVE(mount))

#define DEVICE(event, number, is_state, text) \
	EVENT(event, NULL, number, struct device_data, text, FIELDS(device_fields), \
	      .keys_offset = HEADER + offsetof(struct device_data, keys), \
	      .keys_size = sizeof(((struct device_data *)0)->keys), .state = is_state, \
	      BY_NATIVE(uevent))

#define CGROUP(event, number, fields, is_state, text) \
	EVENT(event, NULL, number, struct cgroup_data, text, FIELDS(fields), \
	      .state = is_state, BY_NATIVE(cgroup))

#define KERNEL(event, number, fields, text) \
	EVENT(event, NULL, number, struct kernel_data, text, FIELDS(fields), BY_NATIVE(kmsg))

#define GPIO(event, number, text) \
	EVENT(event, NULL, number, struct gpio_data, text, FIELDS(gpio_fields), \
	      .settings = gpio_settings, .state = true, BY_NATIVE(gpio))

static const struct ksig_event_desc events[] = {
	EVENT("process.fork", "process", KSIG_PROCESS_FORK, struct ksig_process_data,
	      "a process has a new child", .pids = true, FIELDS(fork_fields),
	      BY_NATIVE(connector), BY_BPF(fork)),
	EVENT("process.exec", "process", KSIG_PROCESS_EXEC, struct ksig_process_data,
	      "a process executes a program", .pids = true, FIELDS(exec_fields),
	      BY_NATIVE(connector), BY_BPF(exec)),
	EVENT("process.exit", "process", KSIG_PROCESS_EXIT, struct ksig_process_data,
	      "a process has exited (all threads)", .pids = true,
	      FIELDS(exit_fields), .state = true, BY_NATIVE(connector), BY_BPF(exit)),
	EVENT("process.crash", NULL, KSIG_PROCESS_CRASH, struct crash_data,
	      "a process was terminated by a signal that dumps core by default", .pids = true,
	      FIELDS(crash_fields), BY_NATIVE(connector), BY_BPF(crash)),
	EVENT("memory.oom", "memory", KSIG_MEMORY_OOM, struct ksig_memory_data,
	      "the machine is out of memory, and a process may be killed next",
	      .pids = true),
	EVENT("memory.kill", "memory", KSIG_MEMORY_KILL, struct ksig_memory_data,
	      "the OOM killer has chosen a process", .pids = true, .cgroup = true,
	      FIELDS(kill_fields), BY_NATIVE(kill), BY_BPF(kill)),
	PRESSURE("memory.pressure", KSIG_MEMORY_PRESSURE,
		 "tasks have been stalled for lack of memory"),
	PRESSURE("memory.calm", KSIG_MEMORY_CALM, "memory pressure has dropped below the threshold"),
	PRESSURE("cpu.pressure", KSIG_CPU_PRESSURE, "tasks have been waiting for a cpu"),
	PRESSURE("cpu.calm", KSIG_CPU_CALM, "cpu pressure has dropped below the threshold"),
	PRESSURE("io.pressure", KSIG_IO_PRESSURE, "tasks have been waiting for I/O"),
	PRESSURE("io.calm", KSIG_IO_CALM, "I/O pressure has dropped below the threshold"),
	EVENT("power.suspend", "power", KSIG_POWER_SUSPEND, NO_DATA,
	      "the machine is about to be suspended", BY_BPF(power)),
	EVENT("power.resume", "power", KSIG_POWER_RESUME, NO_DATA,
	      "the machine has resumed, or an attempt to suspend it failed", BY_NATIVE(clock),
	      BY_BPF(power)),
	EVENT("power.ac", NULL, KSIG_POWER_AC, struct supply_data,
	      "the machine is powered by an external power supply", FIELDS(supply_fields),
	      .state = true, BY_NATIVE(supply)),
	EVENT("power.battery", NULL, KSIG_POWER_BATTERY, struct supply_data,
	      "the machine is powered by its batteries", FIELDS(supply_fields),
	      .state = true, BY_NATIVE(supply)),
	EVENT("net.up", "net", KSIG_NET_UP, struct ksig_net_data,
	      "a network interface is up and has a carrier", FIELDS(net_fields),
	      .state = true, BY_NATIVE(rtnl)),
	EVENT("net.down", "net", KSIG_NET_DOWN, struct ksig_net_data,
	      "a network interface is down or has lost its carrier", FIELDS(net_fields),
	      .state = true, BY_NATIVE(rtnl)),
	EVENT("net.rename", NULL, KSIG_NET_RENAME, struct ksig_rename_data,
	      "a network interface was renamed", FIELDS(rename_fields), BY_NATIVE(rtnl)),
	EVENT("net.address", NULL, KSIG_NET_ADDRESS, struct address_data,
	      "an address of a network interface was added or removed",
	      FIELDS(address_fields), .state = true, BY_NATIVE(rtnl)),
	EVENT("net.route", NULL, KSIG_NET_ROUTE, struct route_data,
	      "a route was added, changed or removed", FIELDS(route_fields),
	      BY_NATIVE(rtnl)),
	EVENT("cpu.online", "cpu", KSIG_CPU_ONLINE, NO_DATA, "a cpu came online",
	      FIELDS(cpu_fields), .state = true, BY_NATIVE(uevent), BY_BPF(cpu)),
	EVENT("cpu.offline", "cpu", KSIG_CPU_OFFLINE, NO_DATA, "a cpu went offline",
	      FIELDS(cpu_fields), .state = true, BY_NATIVE(uevent), BY_BPF(cpu)),
	EVENT("kmod.load", "kmod", KSIG_KMOD_LOAD, struct ksig_kmod_data,
	      "a kernel module was loaded", FIELDS(kmod_fields), .state = true,
	      BY_NATIVE(uevent), BY_BPF(kmod)),
	EVENT("kmod.unload", "kmod", KSIG_KMOD_UNLOAD, struct ksig_kmod_data,
	      "a kernel module was removed", FIELDS(kmod_fields), .state = true,
	      BY_NATIVE(uevent), BY_BPF(kmod)),
	DEVICE("device.add", KSIG_DEVICE_ADD, true, "a device was added"),
	DEVICE("device.remove", KSIG_DEVICE_REMOVE, true, "a device was removed"),
	DEVICE("device.change", KSIG_DEVICE_CHANGE, false, "a device has changed"),
	CGROUP("cgroup.create", KSIG_CGROUP_CREATE, cgroup_fields, true, "a cgroup was created"),
	CGROUP("cgroup.remove", KSIG_CGROUP_REMOVE, cgroup_fields, true, "a cgroup was removed"),
	CGROUP("cgroup.populated", KSIG_CGROUP_POPULATED, cgroup_fields, true,
	       "a cgroup or a descendant now contains a process"),
	CGROUP("cgroup.empty", KSIG_CGROUP_EMPTY, cgroup_fields, true,
	       "a cgroup and its descendants no longer contain a process"),
	CGROUP("cgroup.frozen", KSIG_CGROUP_FROZEN, cgroup_fields, true, "a cgroup was frozen"),
	CGROUP("cgroup.thawed", KSIG_CGROUP_THAWED, cgroup_fields, true, "a cgroup was thawed"),
	CGROUP("cgroup.high", KSIG_CGROUP_HIGH, cgroup_count_fields, false,
	       "a cgroup has exceeded memory.high and is throttled"),
	CGROUP("cgroup.max", KSIG_CGROUP_MAX, cgroup_count_fields, false,
	       "a cgroup was about to exceed memory.max"),
	CGROUP("cgroup.oom", KSIG_CGROUP_OOM, cgroup_count_fields, false,
	       "a cgroup is out of memory"),
	EVENT("fs.full", NULL, KSIG_FS_FULL, struct mount_data,
	      "a file system has little free space", FIELDS(space_fields),
	      .settings = space_settings, .state = true, BY_NATIVE(space)),
	EVENT("fs.free", NULL, KSIG_FS_FREE, struct mount_data,
	      "a file system has enough free space again", FIELDS(space_fields),
	      .settings = space_settings, .state = true, BY_NATIVE(space)),
	MOUNT("fs.mount", KSIG_FS_MOUNT, "a file system was mounted"),
	MOUNT("fs.umount", KSIG_FS_UMOUNT, "a file system was unmounted"),
	MOUNT("fs.readonly", KSIG_FS_READONLY, "a mount has become read-only"),
	MOUNT("fs.writable", KSIG_FS_WRITABLE, "a mount has become writable"),
	EVENT("fs.error", NULL, KSIG_FS_ERROR, struct fserror_data,
	      "a file system has reported an error, such as corrupt metadata",
	      FIELDS(fserror_fields),
	      BY_NATIVE(fserror)),
	KERNEL("kernel.log", KSIG_KERNEL_LOG, log_fields, "a message was added to the kernel's log"),
	KERNEL("kernel.warn", KSIG_KERNEL_WARN, trouble_fields,
	       "the kernel has detected a bug and continues"),
	KERNEL("kernel.oops", KSIG_KERNEL_OOPS, trouble_fields,
	       "kernel code has crashed"),
	KERNEL("kernel.hung", KSIG_KERNEL_HUNG, hung_fields,
	       "a task has been blocked in the kernel for too long"),
	KERNEL("kernel.stall", KSIG_KERNEL_STALL, trouble_fields,
	       "a cpu, RCU or a workqueue is stuck"),
	GPIO("gpio.rising", KSIG_GPIO_RISING, "a rising edge on a GPIO line"),
	GPIO("gpio.falling", KSIG_GPIO_FALLING, "a falling edge on a GPIO line"),
	EVENT("time.set", NULL, KSIG_TIME_SET, NO_DATA, "the wall clock was set",
	      FIELDS(time_fields), BY_NATIVE(clock)),
	EVENT("test", "test", 0, NO_DATA, "an event emitted by 'ksig emit'",
	      FIELDS(test_fields)),
};

const struct ksig_event_desc *ksig_desc_at(unsigned int index)
{
	return index < ARRAY_SIZE(events) ? &events[index] : NULL;
}

const struct ksig_event_desc *ksig_desc_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (!strcmp(events[i].name, name))
			return &events[i];
	}
	return NULL;
}
