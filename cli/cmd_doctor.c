// SPDX-License-Identifier: MIT
/*
 * ksig doctor
 *
 * Each trial runs in a process of its own: what it blocks, forks or unshares is
 * gone with it, and one that hangs is killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <ksig/libksig.h>

#include "../lib/load_hint.h"
#include "cli.h"

/* What was caused comes within that time, or not at all. */
#define PATIENCE_S 10
/* A trial that takes longer hangs. */
#define TRIAL_MS 20000

static const char help[] =
"Usage: ksig doctor [OPTIONS] [EVENT...]\n"
"Try what works here, and say what is missing and how to get it.\n"
"\n"
"Examples:\n"
"  ksig doctor\n"
"  ksig doctor net.up || exit 1\n"
"\n"
"      --json         print one JSON object per line\n"
"  -h, --help         print this text\n"
"\n"
"First each path from the kernel to a process: an event is caused and received.\n"
"If causing it would disturb the system, the path is only opened, and the line\n"
"says so. Then each event (with its filter), or those given, with the provider\n"
"that 'ksig watch' would use and why better ones are not available.\n"
"\n"
"A line begins with 'ok', with 'no' if it is not available here (with the cause\n"
"and the cure), or with 'failed' if it should work and does not. You see what\n"
"you may do, root sees what the machine supports. ksig(1) describes the paths.\n"
"\n"
"JSON keys: kind (\"path\" or \"event\"), name, state (\"ok\", \"no\" or \"failed\"),\n"
"provider (null: none), error (the errno's name; null: none), text.\n"
"\n"
"Exit status: 0 what is available works, 1 something failed, 2 usage, 5 nothing\n"
"works here. With EVENT: 0 all work, 1 one failed, 2 no such event, 4 the\n"
"process of its filter has exited, 5 one is not available here.\n";

enum state { WORKS, NOT_HERE, BROKEN };

/* As in the output. */
static const char *const states[] = { "ok", "no", "failed" };

/**
 * struct finding - what came of a trial
 * @state: see above
 * @err: errno, or 0
 * @provider: which provided it; "": none
 * @text: what was seen, or why not
 */
struct finding {
	enum state state;
	int err;
	char provider[16];
	char text[1024];
};

_Static_assert(sizeof(struct finding) <= 4096, "a pipe takes it at once");

static void found(struct finding *f, enum state state, int err,
		  const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static void found(struct finding *f, enum state state, int err,
		  const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	f->err = err < 0 ? -err : err;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* What the kernel, or whoever set it up, does not let us have. */
static enum state state_of(int err)
{
	return err == -EOPNOTSUPP || err == -EACCES || err == -EPERM ?
	       NOT_HERE : BROKEN;
}

/* ---------------------------------------------------------------- in a trial */

static struct ksig_sub *subscribe(struct finding *f, const char *event,
				  const char *provider)
{
	struct ksig_sub_opts opts = {
		.sz = sizeof(opts),
		.provider = provider,
		.err = f->text,
		.err_size = sizeof(f->text),
	};
	struct ksig_sub *sub;
	int err;

	err = ksig_sub_open(event, &opts, &sub);
	if (err) {
		f->state = state_of(err);
		f->err = -err;
		if (!*f->text)
			found(f, f->state, err, "%s", strerror(-err));
		return NULL;
	}
	snprintf(f->provider, sizeof(f->provider), "%s",
		 ksig_sub_provider(sub));
	return sub;
}

/* The event that was caused, or the finding that it hasn't come. */
static const struct ksig_event *receive(struct finding *f,
					struct ksig_sub *sub)
{
	const struct ksig_event *ev;
	int ret = ksig_sub_next(sub, PATIENCE_S * 1000000000LL, &ev);

	if (ret == 1)
		return ev;
	if (ret)
		found(f, BROKEN, ret, "it opened, but reading an event: %s",
		      strerror(-ret));
	else
		found(f, BROKEN, ETIMEDOUT,
		      "it opened, but an event that was caused did not come within %d s; the kernel's log (dmesg) may say more",
		      PATIENCE_S);
	return NULL;
}

/* From here on the signal waits until it is asked for. */
static void block_signal(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, KSIG_SIGNO_DEFAULT);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/* With that value. Else the finding why not; @way is what sent it. */
static bool receive_signal(struct finding *f, const sigset_t *set,
			   uint64_t value, const char *way)
{
	struct timespec patience = { .tv_sec = PATIENCE_S };
	siginfo_t info;

	if (sigtimedwait(set, &info, &patience) < 0) {
		found(f, BROKEN, ETIMEDOUT,
		      "a signal by %s did not come within %d s", way,
		      PATIENCE_S);
		return false;
	}
	if (ksig_siginfo_value(&info) == value)
		return true;
	found(f, BROKEN, EBADMSG, "a signal by %s came with value %" PRIu64
	      " instead of %" PRIu64, way,
	      (uint64_t)ksig_siginfo_value(&info), value);
	return false;
}

static void no_proc(struct finding *f, int err)
{
	found(f, NOT_HERE, err,
	      "whether a process is ready is read in /proc: mount it");
}

static bool arm(struct finding *f, struct ksig_sub *sub)
{
	struct ksig_arm_opts opts = {
		.sz = sizeof(opts),
		.pidfd = -1,
		.signo = KSIG_SIGNO_DEFAULT,
	};
	int err = ksig_sub_arm(sub, &opts);

	if (err == -EOPNOTSUPP)
		no_proc(f, err);
	else if (err)
		found(f, BROKEN, err, "arming: %s", strerror(-err));
	return !err;
}

/**
 * struct patient - a child that ends when it is told to, or we do
 * @pid: whose
 * @end: to be closed for that
 */
struct patient {
	pid_t pid;
	int end;
};

static bool patient_start(struct finding *f, struct patient *p)
{
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC)) {
		found(f, BROKEN, errno, "a pipe: %s", strerror(errno));
		return false;
	}
	p->pid = fork();
	if (!p->pid) {
		close(ends[1]);
		_exit(read(ends[0], &c, 1) != 0);
	}
	if (p->pid < 0)
		found(f, BROKEN, errno, "a process: %s", strerror(errno));
	close(ends[0]);
	p->end = ends[1];
	if (p->pid < 0)
		close(p->end);
	return p->pid > 0;
}

static void patient_end(struct patient *p)
{
	close(p->end);
	waitpid(p->pid, NULL, 0);
}

/* ---------------------------------------------------------------- the trials */

/**
 * struct path - a way that an event or a signal can come
 * @name: as in --help
 * @provider: which it belongs to; NULL: none
 * @event: what is subscribed to; %d: a process
 * @way: KSIG_SENT_BY_*, of those that send
 * @try: fills in what is found
 */
struct path {
	const char *name;
	const char *provider;
	const char *event;
	int way;
	void (*try)(const struct path *p, struct finding *f);
};

static bool emit(struct finding *f)
{
	uint64_t value = KSIG_VALUE_DEFAULT;
	int fd = open("/dev/ksig/test", O_WRONLY | O_CLOEXEC);
	bool emitted = fd >= 0 &&
		       write(fd, &value, sizeof(value)) == sizeof(value);

	if (!emitted)
		found(f, BROKEN, errno, "writing to /dev/ksig/test: %s",
		      strerror(errno));
	if (fd >= 0)
		close(fd);
	return emitted;
}

static bool emit_and_read(struct finding *f, struct ksig_sub *sub)
{
	const struct ksig_event *ev = emit(f) ? receive(f, sub) : NULL;

	if (ev && ev->value != KSIG_VALUE_DEFAULT)
		found(f, BROKEN, EBADMSG, "an event came with value %" PRIu64
		      " instead of %d", (uint64_t)ev->value,
		      KSIG_VALUE_DEFAULT);
	return ev && ev->value == KSIG_VALUE_DEFAULT;
}

static void try_module(const struct path *p, struct finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, p->provider);
	sigset_t set;

	if (!sub)
		return;
	block_signal(&set);
	if (emit_and_read(f, sub) && arm(f, sub) && emit(f) &&
	    receive_signal(f, &set, KSIG_VALUE_DEFAULT, "ksig.ko"))
		found(f, WORKS, 0,
		      "an event was read, and one came by signal");
	ksig_sub_close(sub);
}

/* About a process: @p's event names the one that ends. */
static struct ksig_sub *subscribe_to(const struct path *p, pid_t pid,
				     struct finding *f)
{
	char event[128];

	snprintf(event, sizeof(event), p->event, pid);
	return subscribe(f, event, p->provider);
}

static void try_end(const struct path *p, struct finding *f)
{
	const struct ksig_event *ev;
	struct patient patient;
	struct ksig_sub *sub;

	if (!patient_start(f, &patient))
		return;
	sub = subscribe_to(p, patient.pid, f);
	patient_end(&patient);
	ev = sub ? receive(f, sub) : NULL;
	if (ev && ev->subject == (uint64_t)patient.pid)
		found(f, WORKS, 0, "the end of a process was seen");
	else if (ev)
		found(f, BROKEN, EBADMSG, "the end of process %d was told as that of %"
		      PRIu64, patient.pid, (uint64_t)ev->subject);
	ksig_sub_close(sub);
}

static void try_fork(const struct path *p, struct finding *f)
{
	struct ksig_sub *sub = subscribe_to(p, getpid(), f);
	const struct ksig_event *ev;
	struct patient patient;

	if (!sub)
		return;
	if (patient_start(f, &patient)) {
		patient_end(&patient);
		ev = receive(f, sub);
		if (ev && ev->value == (uint64_t)patient.pid)
			found(f, WORKS, 0, "a new process was seen");
		else if (ev)
			found(f, BROKEN, EBADMSG,
			      "the new process %d was told as %" PRIu64,
			      patient.pid, (uint64_t)ev->value);
	}
	ksig_sub_close(sub);
}

static int raise_loopback(void)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), err;

	if (fd < 0)
		return -errno;
	err = ioctl(fd, SIOCSIFFLAGS, &req) ? -errno : 0;
	close(fd);
	return err;
}

static void try_open(const struct path *p, struct finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, p->provider);

	if (sub)
		found(f, WORKS, 0, "opened only, no event was caused");
	ksig_sub_close(sub);
}

/* In a network namespace of its own nobody else sees an interface come up. */
static void try_link(const struct path *p, struct finding *f)
{
	struct ksig_sub *sub;
	int err;

	try_open(p, f);
	if (f->state != WORKS)
		return;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		found(f, WORKS, 0,
		      "opened only, no event was caused: no network namespace for it: %s",
		      strerror(errno));
		return;
	}
	sub = subscribe(f, p->event, p->provider);
	if (!sub)
		return;
	err = raise_loopback();
	if (err)
		found(f, WORKS, 0,
		      "opened only, no event was caused: no interface for it: %s",
		      strerror(-err));
	else if (receive(f, sub))
		found(f, WORKS, 0, "an interface was seen to come up");
	ksig_sub_close(sub);
}

static void try_relay(const struct path *p, struct finding *f)
{
	struct patient patient;
	struct ksig_sub *sub;
	bool armed = false;
	sigset_t set;

	if (!patient_start(f, &patient))
		return;
	block_signal(&set);
	sub = subscribe_to(p, patient.pid, f);
	if (sub)
		armed = arm(f, sub);
	patient_end(&patient);
	/* the end of a child that was ended in good order: status 0 */
	if (armed && receive_signal(f, &set, 0, "the library"))
		found(f, WORKS, 0,
		      "the end of a process came by signal, sent by a thread of the library's");
	ksig_sub_close(sub);
}

static void why_not_sent(const struct path *p, struct finding *f, int err)
{
	if (p->way == KSIG_SENT_BY_MODULE && err == -EOPNOTSUPP)
		found(f, NOT_HERE, err,
		      "/dev/ksig/control is not there: ksig.ko is not loaded%s",
		      ksig_load_hint());
	else if (p->way == KSIG_SENT_BY_MODULE && err == -EACCES)
		found(f, NOT_HERE, err,
		      "cannot open /dev/ksig/control: %s (it is root's: try sudo)",
		      strerror(-err));
	else if (p->way == KSIG_SENT_BY_CALLER && err == -EOPNOTSUPP)
		no_proc(f, err);
	else
		found(f, state_of(err), err, "%s", strerror(-err));
}

static void try_send(const struct path *p, struct finding *f)
{
	sigset_t set;
	int ret;

	block_signal(&set);
	ret = ksig_send(getpid(), KSIG_SIGNO_DEFAULT, KSIG_VALUE_DEFAULT,
			KSIG_SEND_BY(p->way));
	if (ret < 0)
		why_not_sent(p, f, ret);
	else if (receive_signal(f, &set, KSIG_VALUE_DEFAULT, p->name))
		found(f, WORKS, 0, "a signal came with its value");
}

#define ENDS "process.exit:pid=%d"

static const struct path paths[] = {
	{ "module", "module", "test", 0, try_module },
	{ "bpf", "bpf", ENDS, 0, try_end },
	{ "tracepoint", "bpf",
	  "trace.sched.sched_process_exit:current.pid=%d", 0, try_end },
	{ "pidfd", "native", ENDS, 0, try_end },
	{ "connector", "native", "process.fork:pid=%d", 0, try_fork },
	{ "rtnetlink", "native", "net.up", 0, try_link },
	{ "psi", "native", "memory.pressure", 0, try_open },
	{ "cgroup", "native", "memory.kill", 0, try_open },
	{ "uevent", "native", "cpu.online", 0, try_open },
	{ "timerfd", "native", "time.set", 0, try_open },
	{ "relay", "native", ENDS, 0, try_relay },
	{ "send.module", NULL, NULL, KSIG_SENT_BY_MODULE, try_send },
	{ "send.caller", NULL, NULL, KSIG_SENT_BY_CALLER, try_send },
};

#define N_PATHS (sizeof(paths) / sizeof(paths[0]))

/* ----------------------------------------------------------- one after another */

/**
 * struct doctor - what was asked for, and what came of it so far
 * @json: how it is printed
 * @all_wanted: an event that isn't to be had is a failure
 * @count: of findings, by their state
 */
struct doctor {
	bool json;
	bool all_wanted;
	unsigned int count[3];
};

/* Return: is the finding there? Else it is that the trial was over before. */
static bool wait_for(int fd, struct finding *f)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int ret;

	do {
		ret = poll(&p, 1, TRIAL_MS);
	} while (ret < 0 && errno == EINTR);
	if (ret > 0 && read(fd, f, sizeof(*f)) == sizeof(*f))
		return true;
	found(f, BROKEN, ret ? EPROTO : ETIMEDOUT, ret ?
	      "the trial ended without a result" : "it hangs");
	return false;
}

static void examine(const struct path *p, struct finding *f)
{
	int fds[2];
	pid_t pid;

	memset(f, 0, sizeof(*f));
	if (pipe2(fds, O_CLOEXEC)) {
		found(f, BROKEN, errno, "a pipe: %s", strerror(errno));
		return;
	}
	pid = fork();
	if (!pid) {
		p->try(p, f);
		_exit(write(fds[1], f, sizeof(*f)) != sizeof(*f));
	}
	close(fds[1]);
	if (pid < 0) {
		found(f, BROKEN, errno, "a process: %s", strerror(errno));
	} else {
		wait_for(fds[0], f);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	close(fds[0]);
}

static void print_json(const char *kind, const char *name,
		       const struct finding *f)
{
	printf("{\"kind\":\"%s\",\"name\":", kind);
	ksig_print_quoted(name);
	printf(",\"state\":\"%s\",\"provider\":", states[f->state]);
	if (*f->provider)
		ksig_print_quoted(f->provider);
	else
		fputs("null", stdout);
	fputs(",\"error\":", stdout);
	if (f->err)
		printf("\"%s\"", strerrorname_np(f->err) ?: "unknown");
	else
		fputs("null", stdout);
	fputs(",\"text\":", stdout);
	ksig_print_quoted(f->text);
	puts("}");
}

static int report(struct doctor *d, const char *kind, const char *name,
		  const struct finding *f)
{
	d->count[f->state]++;
	if (d->json) {
		print_json(kind, name, f);
	} else {
		printf("%-6s %-16s ", states[f->state], name);
		ksig_print_plain(f->text);
		putchar('\n');
	}
	return ksig_flush();
}

static int examine_paths(struct doctor *d)
{
	struct finding f;
	int ret = KSIG_DONE;
	size_t i;

	for (i = 0; !ret && i < N_PATHS; i++) {
		examine(&paths[i], &f);
		if (paths[i].provider)
			snprintf(f.provider, sizeof(f.provider), "%s",
				 paths[i].provider);
		ret = report(d, "path", paths[i].name, &f);
	}
	return ret;
}

static void try_event(const struct path *p, struct finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, NULL);

	if (sub)
		found(f, WORKS, 0, "by %s", f->provider);
	ksig_sub_close(sub);
}

/* @better: why those that are asked before the one that is chosen can't */
static int examine_event(struct doctor *d, const char *name,
			 const char *better)
{
	struct path event = { .name = name, .event = name, .try = try_event };
	struct finding f;
	size_t used;

	examine(&event, &f);
	/* of an EVENT that was named, that is its mistake who named it */
	if (d->all_wanted &&
	    (f.err == EINVAL || f.err == ENOENT || f.err == ESRCH)) {
		if (f.err == ENOENT)
			ksig_suggest(name, f.text, sizeof(f.text));
		ksig_error("%s", f.text);
		return f.err == ESRCH ? KSIG_TARGET_GONE : KSIG_USAGE;
	}
	used = strlen(f.text);
	if (f.state == WORKS && *better)
		snprintf(f.text + used, sizeof(f.text) - used, "; %s", better);
	return report(d, "event", name, &f);
}

/* Why not, of those that come before the first that is available. */
struct reasons {
	char event[128];
	char text[768];
	bool available;
};

static void add_reason(struct reasons *r, const struct ksig_catalog_entry *e)
{
	size_t used = strlen(r->text);

	if (!e->error)
		r->available = true;
	if (!r->available)
		snprintf(r->text + used, sizeof(r->text) - used,
			 "%snot by %s: %s", used ? "; " : "", e->provider,
			 e->reason);
}

/* An event's entries come one after the other. */
static int examine_events(struct doctor *d, struct ksig_catalog *c)
{
	const struct ksig_catalog_entry *e;
	struct reasons r = { };
	int ret = KSIG_DONE;

	while (!ret && ksig_catalog_next(c, &e) == 1) {
		if (*r.event && strcmp(r.event, e->name)) {
			ret = examine_event(d, r.event, r.text);
			r = (struct reasons){ };
		}
		snprintf(r.event, sizeof(r.event), "%s", e->name);
		add_reason(&r, e);
	}
	return ret ? ret : examine_event(d, r.event, r.text);
}

static int examine_all(struct doctor *d)
{
	struct ksig_catalog *c;
	int ret;

	ret = examine_paths(d);
	if (ret)
		return ret;
	ret = ksig_catalog_open(&c);
	if (ret) {
		ksig_error("cannot list events: %s", strerror(-ret));
		return KSIG_FAILED;
	}
	ret = examine_events(d, c);
	ksig_catalog_close(c);
	return ret;
}

static int conclude(const struct doctor *d)
{
	if (d->count[BROKEN])
		return KSIG_FAILED;
	if (!d->count[WORKS] || (d->all_wanted && d->count[NOT_HERE]))
		return KSIG_NOT_HERE;
	return KSIG_DONE;
}

static int run(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct doctor d = { };
	int opt, ret = KSIG_DONE;

	while ((opt = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (opt) {
		case 'j':
			d.json = true;
			break;
		case 'h':
			return ksig_help(&ksig_cmd_doctor);
		default:
			return ksig_usage(&ksig_cmd_doctor);
		}
	}
	d.all_wanted = optind < argc;
	if (!d.all_wanted)
		ret = examine_all(&d);
	for (; !ret && optind < argc; optind++)
		ret = examine_event(&d, argv[optind], "");
	return ret ? ret : conclude(&d);
}

const struct ksig_command ksig_cmd_doctor = {
	.name = "doctor",
	.summary = "try out what works here, and say what is missing",
	.help = help,
	.run = run,
};
