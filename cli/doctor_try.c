// SPDX-License-Identifier: MIT
/*
 * The trials of ksig doctor. Each trial runs in a separate process, so that blocked signals,
 * children and namespaces do not outlive it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
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
#include "doctor.h"

/* Time within which a triggered event or signal must arrive */
#define PATIENCE_S 10

void ksig_found(struct ksig_finding *f, enum ksig_finding_state state, int err,
		const char *fmt, ...)
{
	va_list ap;

	f->state = state;
	f->err = err < 0 ? -err : err;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
}

/* Distinguishes paths that are unavailable or forbidden from paths that are broken. */
static enum ksig_finding_state state_of(int err)
{
	return err == -EOPNOTSUPP || err == -EACCES || err == -EPERM ?
	       KSIG_FOUND_NOT_HERE : KSIG_FOUND_BROKEN;
}

/* ------------------------------------------------------- helpers of the trials */

static struct ksig_sub *subscribe(struct ksig_finding *f, const char *event,
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
			ksig_found(f, f->state, err, "%s", strerror(-err));
		return NULL;
	}
	snprintf(f->provider, sizeof(f->provider), "%s",
		 ksig_sub_provider(sub, 0));
	return sub;
}

/*
 * Returns the event that was triggered. If no event was received, records a finding and returns
 * NULL.
 */
static const struct ksig_event *receive_event(struct ksig_finding *f,
					      struct ksig_sub *sub)
{
	const struct ksig_event *ev;
	int ret = ksig_sub_next(sub, PATIENCE_S * 1000000000LL, &ev);

	if (ret == 1)
		return ev;
	if (ret)
		ksig_found(f, KSIG_FOUND_BROKEN, ret, "opened, but reading an event failed: %s",
		      strerror(-ret));
	else
		ksig_found(f, KSIG_FOUND_BROKEN, ETIMEDOUT,
		      "opened, but the triggered event was not received within %d s; see the kernel log (dmesg)",
		      PATIENCE_S);
	return NULL;
}

/* Blocks the signal, so that it stays pending until receive_signal() is called. */
static void block_signal(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, KSIG_SIGNO_DEFAULT);
	sigprocmask(SIG_BLOCK, set, NULL);
}

/*
 * Waits for the signal and checks its value. On failure, records a finding and returns false. @way
 * names the sender in the message.
 */
static bool receive_signal(struct ksig_finding *f, const sigset_t *set,
			   uint64_t value, const char *way)
{
	struct timespec patience = { .tv_sec = PATIENCE_S };
	siginfo_t info;

	if (sigtimedwait(set, &info, &patience) < 0) {
		ksig_found(f, KSIG_FOUND_BROKEN, ETIMEDOUT,
		      "the signal sent by %s was not received within %d s", way,
		      PATIENCE_S);
		return false;
	}
	if (ksig_siginfo_value(&info) == value)
		return true;
	ksig_found(f, KSIG_FOUND_BROKEN, EBADMSG, "the signal sent by %s carried value %" PRIu64
	      ", expected %" PRIu64, way,
	      (uint64_t)ksig_siginfo_value(&info), value);
	return false;
}

static void no_proc(struct ksig_finding *f, int err)
{
	ksig_found(f, KSIG_FOUND_NOT_HERE, err,
	      "cannot check whether a process is ready for a signal: mount /proc");
}

static bool arm_signal(struct ksig_finding *f, struct ksig_sub *sub)
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
		ksig_found(f, KSIG_FOUND_BROKEN, err, "cannot enable signal delivery: %s", strerror(-err));
	return !err;
}

/**
 * struct patient - a child that exits when @end is closed or this process exits
 * @pid: pid of the child
 * @end: write end of a pipe
 */
struct patient {
	pid_t pid;
	int end;
};

static bool patient_start(struct ksig_finding *f, struct patient *p)
{
	int ends[2];
	char c;

	if (pipe2(ends, O_CLOEXEC)) {
		ksig_found(f, KSIG_FOUND_BROKEN, errno, "cannot create a pipe: %s", strerror(errno));
		return false;
	}
	p->pid = fork();
	if (!p->pid) {
		close(ends[1]);
		_exit(read(ends[0], &c, 1) != 0);
	}
	if (p->pid < 0)
		ksig_found(f, KSIG_FOUND_BROKEN, errno, "cannot fork: %s", strerror(errno));
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

static bool emit_test(struct ksig_finding *f)
{
	uint64_t value = KSIG_VALUE_DEFAULT;
	int fd = open("/dev/ksig/test", O_WRONLY | O_CLOEXEC);
	bool emitted = fd >= 0 &&
		       write(fd, &value, sizeof(value)) == sizeof(value);

	if (!emitted)
		ksig_found(f, KSIG_FOUND_BROKEN, errno, "cannot write to /dev/ksig/test: %s",
		      strerror(errno));
	if (fd >= 0)
		close(fd);
	return emitted;
}

static void try_module(const struct ksig_path *p, struct ksig_finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, p->provider);
	const struct ksig_event *ev;
	sigset_t set;

	if (!sub)
		return;
	block_signal(&set);
	ev = emit_test(f) ? receive_event(f, sub) : NULL;
	if (ev && ev->value != KSIG_VALUE_DEFAULT)
		ksig_found(f, KSIG_FOUND_BROKEN, EBADMSG, "received an event with value %" PRIu64
		      ", expected %d", (uint64_t)ev->value,
		      KSIG_VALUE_DEFAULT);
	else if (ev && arm_signal(f, sub) && emit_test(f) &&
		 receive_signal(f, &set, KSIG_VALUE_DEFAULT, "ksig.ko"))
		ksig_found(f, KSIG_FOUND_WORKS, 0,
		      "received an event by descriptor and one by signal");
	ksig_sub_close(sub);
}

/* Subscribes to an event of the process @pid, which replaces the %d in @p->event. */
static struct ksig_sub *subscribe_to(const struct ksig_path *p, pid_t pid,
				     struct ksig_finding *f)
{
	char event[128];

	snprintf(event, sizeof(event), p->event, pid);
	return subscribe(f, event, p->provider);
}

static void try_end(const struct ksig_path *p, struct ksig_finding *f)
{
	const struct ksig_event *ev;
	struct patient patient;
	struct ksig_sub *sub;

	if (!patient_start(f, &patient))
		return;
	sub = subscribe_to(p, patient.pid, f);
	patient_end(&patient);
	ev = sub ? receive_event(f, sub) : NULL;
	if (ev && ev->subject == (uint64_t)patient.pid)
		ksig_found(f, KSIG_FOUND_WORKS, 0, "received an exit event");
	else if (ev)
		ksig_found(f, KSIG_FOUND_BROKEN, EBADMSG, "the exit of process %d was reported as that of process %"
		      PRIu64, patient.pid, (uint64_t)ev->subject);
	ksig_sub_close(sub);
}

static void try_fork(const struct ksig_path *p, struct ksig_finding *f)
{
	struct ksig_sub *sub = subscribe_to(p, getpid(), f);
	const struct ksig_event *ev;
	struct patient patient;

	if (!sub)
		return;
	if (patient_start(f, &patient)) {
		patient_end(&patient);
		ev = receive_event(f, sub);
		if (ev && ev->value == (uint64_t)patient.pid)
			ksig_found(f, KSIG_FOUND_WORKS, 0, "received a fork event");
		else if (ev)
			ksig_found(f, KSIG_FOUND_BROKEN, EBADMSG,
			      "the new process %d was reported as process %" PRIu64,
			      patient.pid, (uint64_t)ev->value);
	}
	ksig_sub_close(sub);
}

static void try_open(const struct ksig_path *p, struct ksig_finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, p->provider);

	if (sub)
		ksig_found(f, KSIG_FOUND_WORKS, 0, "opened; not triggered");
	ksig_sub_close(sub);
}

/* Records that the event could not be triggered. errno is the reason why @step failed. */
static void not_triggered(struct ksig_finding *f, const char *step)
{
	ksig_found(f, KSIG_FOUND_WORKS, 0,
		   "opened; not triggered: cannot %s: %s", step,
		   strerror(errno));
}

/* Brings an interface up in a new network namespace, so that no other process notices it. */
static void try_link(const struct ksig_path *p, struct ksig_finding *f)
{
	struct ifreq req = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	struct ksig_sub *sub;
	int fd;

	try_open(p, f);
	if (f->state != KSIG_FOUND_WORKS)
		return;
	if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		not_triggered(f, "create a network namespace");
		return;
	}
	sub = subscribe(f, p->event, p->provider);
	if (!sub)
		return;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &req))
		not_triggered(f, "bring up an interface");
	else if (receive_event(f, sub))
		ksig_found(f, KSIG_FOUND_WORKS, 0, "received a net.up event");
	if (fd >= 0)
		close(fd);
	ksig_sub_close(sub);
}

static void try_relay(const struct ksig_path *p, struct ksig_finding *f)
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
		armed = arm_signal(f, sub);
	patient_end(&patient);
	/* the child exits with status 0 */
	if (armed && receive_signal(f, &set, 0, "the library"))
		ksig_found(f, KSIG_FOUND_WORKS, 0,
		      "received an exit event by signal from the library's relay thread");
	ksig_sub_close(sub);
}

static void try_send(const struct ksig_path *p, struct ksig_finding *f)
{
	bool by_module = p->way == KSIG_SENT_BY_MODULE;
	sigset_t set;
	int ret;

	block_signal(&set);
	ret = ksig_send(getpid(), KSIG_SIGNO_DEFAULT, KSIG_VALUE_DEFAULT,
			KSIG_SEND_BY(p->way));
	if (ret >= 0) {
		if (receive_signal(f, &set, KSIG_VALUE_DEFAULT, p->name))
			ksig_found(f, KSIG_FOUND_WORKS, 0,
			      "received a signal with its value");
	} else if (by_module && ret == -EOPNOTSUPP) {
		ksig_found(f, KSIG_FOUND_NOT_HERE, ret,
		      "/dev/ksig/control doesn't exist: ksig.ko is not loaded%s",
		      ksig_load_hint());
	} else if (by_module && ret == -EACCES) {
		ksig_found(f, KSIG_FOUND_NOT_HERE, ret,
		      "cannot open /dev/ksig/control: %s (requires root: try sudo)",
		      strerror(-ret));
	} else if (ret == -EOPNOTSUPP) {
		no_proc(f, ret);
	} else {
		ksig_found(f, state_of(ret), ret, "%s", strerror(-ret));
	}
}

#define ENDS "process.exit:pid=%d"

static const struct ksig_path paths[] = {
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

const struct ksig_path *ksig_doctor_path(size_t index)
{
	return index < sizeof(paths) / sizeof(*paths) ? &paths[index] : NULL;
}

void ksig_try_event(const struct ksig_path *p, struct ksig_finding *f)
{
	struct ksig_sub *sub = subscribe(f, p->event, NULL);

	if (sub)
		ksig_found(f, KSIG_FOUND_WORKS, 0, "provided by %s", f->provider);
	ksig_sub_close(sub);
}
