// SPDX-License-Identifier: MIT
/*
 * kernel.*: the kernel's log, read from /dev/kmsg. kernel.log reports each message. The other events
 * report the messages by which the kernel announces that something is wrong. All events of a
 * subscription share a descriptor, so that they are in order.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kmsg.h"
#include "../text.h"

/*
 * read(2) fails if the buffer is smaller than the message. Its size is at
 * most CONSOLE_EXT_LOG_MAX, or PRINTK_MESSAGE_MAX in newer kernels, where it is smaller.
 */
#define MESSAGE_MAX 8192

/**
 * struct kmsg_state - the log
 * @fd: /dev/kmsg
 * @exact: messages from @next to the next one that is read have been overwritten. Otherwise, @next
 *	is the oldest message at open(2), and the messages in between precede the subscription
 * @next: number of a message
 * @has_pids: pids in messages are those of this process's pid namespace
 * @buf: buffer for one message
 */
struct kmsg_state {
	int fd;
	bool exact;
	uint64_t next;
	bool has_pids;
	char buf[MESSAGE_MAX + 1];
};

/* -------------------------------------------------------------------- parsing */

/*
 * Messages of each kind, as patterns of fnmatch(3).
 *
 * Some messages begin with a name that a user can choose: the name of a task (15 bytes) or of a
 * network interface (15 bytes without a blank or a colon). Each pattern must therefore require more
 * than such a name can contain, so that no user can forge a message. Messages about a crashed program
 * have a level above LEVEL_MOST.
 */
#define LEVEL_MOST 4
static const struct kmsg_pattern {
	const char *pattern;
	uint32_t type;
} patterns[] = {
	{ "watchdog: BUG: soft lockup - CPU#*", KSIG_KERNEL_STALL },
	{ "watchdog: *Watchdog detected hard LOCKUP on cpu *", KSIG_KERNEL_STALL },
	{ "NMI watchdog: *Watchdog detected hard LOCKUP on cpu *", KSIG_KERNEL_STALL },
	{ "rcu: INFO: *detected *stall*", KSIG_KERNEL_STALL },
	{ "INFO: rcu_* detected stall*", KSIG_KERNEL_STALL },
	{ "BUG: workqueue lockup - pool*", KSIG_KERNEL_STALL },
	/* WARN(), before and since Linux 7.0 */
	{ "WARNING: CPU: [0-9]* PID: [0-9]* at *", KSIG_KERNEL_WARN },
	{ "WARNING: * at *, CPU#[0-9]*: *", KSIG_KERNEL_WARN },
	{ "WARNING: at *, CPU#[0-9]*: *", KSIG_KERNEL_WARN },
	/* lockdep */
	{ "WARNING: possible *lock* detected*", KSIG_KERNEL_WARN },
	{ "WARNING: inconsistent lock state*", KSIG_KERNEL_WARN },
	{ "WARNING: *-safe -> *-unsafe lock order detected*", KSIG_KERNEL_WARN },
	{ "WARNING: bad unlock balance detected!*", KSIG_KERNEL_WARN },
	{ "WARNING: bad contention detected!*", KSIG_KERNEL_WARN },
	{ "WARNING: held lock freed!*", KSIG_KERNEL_WARN },
	{ "WARNING: lock held when returning to user space!*", KSIG_KERNEL_WARN },
	{ "WARNING: */[0-9]* still has locks held!*", KSIG_KERNEL_WARN },
	{ "WARNING: Nested lock was not taken*", KSIG_KERNEL_WARN },
	{ "WARNING: suspicious RCU usage*", KSIG_KERNEL_WARN },
	{ "INFO: trying to register non-static key*", KSIG_KERNEL_WARN },
	/* sanitizers */
	{ "BUG: K[AM]SAN: * in *+0x*", KSIG_KERNEL_WARN },
	{ "BUG: KCSAN: data-race in *", KSIG_KERNEL_WARN },
	{ "BUG: KFENCE: * in *+0x*", KSIG_KERNEL_WARN },
	{ "UBSAN: ?????????* in *:[0-9]*", KSIG_KERNEL_WARN },
	/* others */
	{ "BUG: sleeping function called from invalid context at *", KSIG_KERNEL_WARN },
	{ "BUG: scheduling while atomic: *", KSIG_KERNEL_WARN },
	{ "BUG: using *() in preemptible *", KSIG_KERNEL_WARN },
	{ "BUG: spinlock * on CPU#*", KSIG_KERNEL_WARN },
	{ "BUG: rwlock * on CPU#*", KSIG_KERNEL_WARN },
	{ "BUG: Bad page * in process *", KSIG_KERNEL_WARN },
	{ "BUG: Bad rss-counter state *", KSIG_KERNEL_WARN },
	{ "BUG: non-zero pgtables_bytes *", KSIG_KERNEL_WARN },
	{ "BUG: Dentry *still in use*", KSIG_KERNEL_WARN },
	/* SLUB */
	{ "BUG ?* (Not tainted): *", KSIG_KERNEL_WARN },
	{ "BUG ?* (Tainted: *): *", KSIG_KERNEL_WARN },
	{ }
};

/*
 * Recognizes an oops by its error code and its number, on x86 "NAME: CODE [#NUMBER]", where the code
 * has four hexadecimal digits, and on Arm "Internal error: NAME: CODE [#NUMBER]". A blank or the end
 * follows. On x86, the level is that of messages without one, which can be configured.
 */
static bool kmsg_is_oops(const char *text)
{
	static const char *const names[] = {
		"Oops", "int3", "bounds", "overflow", "divide error", "invalid opcode",
		"invalid TSS", "segment not present", "stack segment", "double fault",
		"general protection fault", "alignment check", "fpu exception", "simd exception",
		"coprocessor segment overrun", "iret exception", "Split lock detected",
		"unexpected #NM exception", "Bad pagetable", NULL,
	};
	const bool is_arm = !strncmp(text, "Internal error: ", 16);
	const char *number = strstr(text, " [#"), *end = number ? number + 3 : "";
	const char *const *name = names;

	end += strspn(end, "0123456789");
	if (*end != ']' || (end[1] && end[1] != ' '))
		return false;
	while (*name && strncmp(text, *name, strlen(*name)))
		name++;
	return is_arm || (*name && number - text >= (long)strlen(*name) + 6 &&
			  !strncmp(number - 6, ": ", 2) &&
			  strspn(number - 4, "0123456789abcdef") == 4);
}

/*
 * Parses "INFO: task COMM:PID blocked for more than SECONDS seconds." from its end, because COMM can
 * contain anything.
 */
static bool kmsg_parse_hung(struct ksig_kmsg *m)
{
	static const char *const states[] = { " blocked for", " blocked in I/O wait for", NULL };
	static const char begin[] = "INFO: task ", than[] = " more than ";
	const char *comm = m->text + strlen(begin), *blocked = NULL, *colon, *at, *const *state;
	char last[16] = "";

	if (strncmp(m->text, begin, strlen(begin)))
		return false;
	for (at = comm; (at = strstr(at, " blocked ")); at++)
		blocked = at;
	for (state = states; blocked && *state; state++) {
		if (strncmp(blocked, *state, strlen(*state)))
			continue;
		at = blocked + strlen(*state);
		if (strncmp(at, than, strlen(than)) ||
		    sscanf(at + strlen(than), "%" SCNu64 " %15s", &m->seconds, last) != 2 ||
		    strcmp(last, "seconds."))
			continue;
		for (colon = blocked; colon > comm && *colon != ':'; colon--)
			;
		if (sscanf(colon, ":%" SCNu64, &m->pid) != 1)
			return false;
		snprintf(m->comm, sizeof(m->comm), "%.*s", (int)(colon - comm), comm);
		return true;
	}
	return false;
}

bool ksig_kmsg_parse(char *buf, struct ksig_kmsg *m)
{
	const struct kmsg_pattern *p = patterns;
	unsigned int priority;
	char *text, *line, *end;

	*m = (struct ksig_kmsg) { };
	text = strchr(buf, ';');
	if (!text || sscanf(buf, "%u,%" SCNu64 ",", &priority, &m->seq) != 2)
		return false;
	m->text = ++text;
	/* lines that begin with a blank follow: KEY=VALUE */
	for (line = strchr(text, '\n'); line; line = end) {
		*line++ = '\0';
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		if (!strncmp(line, " SUBSYSTEM=", 11))
			m->subsystem = line + 11;
		else if (!strncmp(line, " DEVICE=", 8))
			m->device = line + 8;
	}
	ksig_text_unescape_hex(text);
	m->level = priority & 7;
	m->facility = priority >> 3 < KSIG_FACILITIES ? ksig_facilities[priority >> 3] : NULL;
	m->type = KSIG_KERNEL_LOG;
	/* a program that writes to /dev/kmsg can't use the kernel's facility */
	if (priority >> 3)
		return true;
	if (kmsg_is_oops(text)) {
		m->type = KSIG_KERNEL_OOPS;
	} else if (m->level <= LEVEL_MOST && kmsg_parse_hung(m)) {
		m->type = KSIG_KERNEL_HUNG;
	} else if (m->level <= LEVEL_MOST) {
		while (p->pattern && fnmatch(p->pattern, text, 0))
			p++;
		m->type = p->pattern ? p->type : KSIG_KERNEL_LOG;
	}
	return true;
}

/* --------------------------------------------------------------------- records */

static void kmsg_handle(struct ksig_native *n, ssize_t len)
{
	struct kmsg_state *s = n->state;
	struct ksig_native *user;
	struct ksig_event *ev;
	struct ksig_kmsg m;
	unsigned int i;

	s->buf[len] = '\0';
	if (!ksig_kmsg_parse(s->buf, &m))
		return;
	/* the kernel has overwritten the messages in between */
	if (s->exact && m.seq > s->next)
		ksig_native_lose_upto(n, m.seq - s->next);
	s->exact = true;
	s->next = m.seq + 1;
	for (i = 0; i < n->users->n; i++) {
		user = n->users->user[i];
		if (user->desc->type != KSIG_KERNEL_LOG && user->desc->type != m.type)
			continue;
		ev = ksig_native_put(user, ksig_now());
		if (!ev)
			continue;
		ksig_native_set_text(user, ev, "text", m.text);
		if (user->desc->type == KSIG_KERNEL_LOG) {
			ev->value = m.level;
			ksig_native_set_text(user, ev, "facility", m.facility);
			ksig_native_set_text(user, ev, "subsystem", m.subsystem);
			ksig_native_set_text(user, ev, "device", m.device);
		} else if (m.type == KSIG_KERNEL_HUNG) {
			ksig_native_set_text(user, ev, "comm", m.comm);
			ev->value = m.seconds;
			ev->subject = s->has_pids ? m.pid : 0;
			ev->flags |= s->has_pids ? 0 : KSIG_EVENT_NO_SUBJECT;
		}
	}
}

static int kmsg_pull(struct ksig_native *n)
{
	struct kmsg_state *s = n->state;
	ssize_t len;
	uint32_t i;

	/* limit the number of messages, because they may arrive faster than they are read */
	for (i = 0; i < n->len && ksig_native_room(n); i++) {
		len = read(s->fd, s->buf, MESSAGE_MAX);
		if (len >= 0) {
			kmsg_handle(n, len);
		} else if (errno == EPIPE) {
			/* messages were overwritten; the next one's number shows how many */
			s->exact = true;
		} else if (errno != EINTR) {
			return errno == EAGAIN ? 0 : -errno;
		}
	}
	return ksig_native_pulled(n, i);
}

/* -------------------------------------------------------------- open and close */

static void kmsg_close(struct ksig_native *n)
{
	struct kmsg_state *s = n->state;

	close(s->fd);
	free(s);
}

static int kmsg_fail(struct ksig_error *e, int err)
{
	if (err == -EPERM)
		return ksig_fail(e, 0, EPERM,
				 "/dev/kmsg: needs CAP_SYSLOG or kernel.dmesg_restrict=0 (and kernel.printk_devkmsg other than off)");
	/* ENOENT would mean that there is no such event */
	if (err == -ENOENT || err == -ENXIO || err == -ENODEV)
		return ksig_fail(e, 0, EOPNOTSUPP, "/dev/kmsg: %s", strerror(-err));
	return ksig_native_fail(e, err, "/dev/kmsg");
}

static int kmsg_open(struct ksig_native *n, struct ksig_stream *stream, struct ksig_error *e)
{
	struct kmsg_state *s = calloc(1, sizeof(*s));
	struct ksig_kmsg oldest;
	struct stat st;
	ssize_t len;
	int err = 0;

	(void)stream;
	if (!s)
		return kmsg_fail(e, -ENOMEM);
	s->fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	/* the oldest message has a lower number than any that can be lost */
	len = s->fd < 0 ? -1 : read(s->fd, s->buf, MESSAGE_MAX);
	s->buf[len > 0 ? len : 0] = '\0';
	if (ksig_kmsg_parse(s->buf, &oldest))
		s->next = oldest.seq;
	/* after the last message */
	if (s->fd < 0 || lseek(s->fd, 0, SEEK_END) < 0)
		err = -errno;
	if (!err)
		err = ksig_native_watch(n, s->fd, EPOLLIN);
	if (err) {
		if (s->fd >= 0)
			close(s->fd);
		free(s);
		return kmsg_fail(e, err);
	}
	s->has_pids = !stat("/proc/self/ns/pid", &st) && st.st_ino == KSIG_INITIAL_PID_NS;
	n->state = s;
	return 0;
}

const struct ksig_native_source ksig_native_kmsg = {
	.shared = true,
	.open = kmsg_open,
	.close = kmsg_close,
	.pull = kmsg_pull,
};
