// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one place that sends signals.
 *
 * Three questions come before every signal: is the target there, may the
 * sender signal it, and is the target ready, so that it is not killed by
 * surprise. The target can change between the answer and the sending: no
 * exported function does both under siglock. The answer is that of the moment
 * of sending, not a promise about the moment of delivery, which no sender has
 * (exec keeps pending signals and resets handlers, for one). What ksig sends
 * itself can't come in between: see ksig_send_locks.
 */
#include <linux/capability.h>
#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/user_namespace.h>

#include "ksig.h"
#include "trace.h"

/* Threads of the kernel's that look like a process's: they take no signal. */
#define KSIG_NO_TARGET	(PF_IO_WORKER | PF_USER_WORKER)

/* So many threads, or pending signals, are walked as fast as a signal is sent. */
#define KSIG_LOOKS_A_SIGNAL	64

/* So many threads may be asked whether they have run, instead of a check. */
#define KSIG_THREADS_COMPARED	4

/* What ksig_target_note() finds of a target that runs, or has too many threads. */
#define KSIG_RUNS		U64_MAX

/*
 * The security module's answer is good for so long, if the target's credentials
 * stay the same: policy and labels can change without them.
 */
#define KSIG_CHECK_EVERY	HZ

/* How far a list of pending signals is walked; a longer one counts as full. */
#define KSIG_WALK_MAX	2048

/*
 * Held from the question whether a process is ready to the sending, so that
 * two that find it ready don't both send what it can take one of. By process,
 * hashed. Inside a subscription's pump lock, outside siglock.
 */
#define KSIG_SEND_LOCK_BITS 6
static struct ksig_send_lock {
	spinlock_t lock;
	bool slow;	/* the holder walks many threads: don't wait for that */
} ksig_send_locks[1 << KSIG_SEND_LOCK_BITS];

void __init ksig_signal_init(void)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(ksig_send_locks); i++)
		spin_lock_init(&ksig_send_locks[i].lock);
}

/* kill(2): the sender's real or effective uid is the target's real or saved. */
static bool ksig_uid_match(const struct ksig_target *t, const struct cred *cred)
{
	return uid_eq(t->sender_euid, cred->suid) ||
	       uid_eq(t->sender_euid, cred->uid) ||
	       uid_eq(t->sender_uid, cred->suid) ||
	       uid_eq(t->sender_uid, cred->uid);
}

static bool ksig_uids_kept(const struct ksig_target *t, const struct cred *cred)
{
	return uid_eq(t->uid, cred->uid) && uid_eq(t->euid, cred->euid) &&
	       uid_eq(t->suid, cred->suid);
}

/*
 * Whoever has a capability over a user namespace has it over all below. The
 * question is not put to ns_capable(): that answers for current, which may be
 * anybody when the signal is sent.
 */
static bool ksig_capable(const struct ksig_target *t,
			 const struct user_namespace *ns)
{
	if (!t->cap_ns)
		return false;
	while (ns->level > t->cap_ns->level)
		ns = ns->parent;
	return ns == t->cap_ns;
}

/* SIGCONT needs no uids within the sender's session. */
static bool ksig_in_session(const struct ksig_target *t,
			    struct task_struct *task)
{
	return t->session && task_session(task) == t->session;
}

/*
 * kill(2)'s rule, without the security module: that is asked by
 * kill_pid_usb_asyncio(), with t->cred. It compares uids itself, and knows
 * neither capabilities nor sessions. So where these give the right, the private
 * copy gets the target's uid as its effective one; the label that the security
 * module looks at is the sender's in any case.
 *
 * Context: RCU read-side section.
 */
static int ksig_may_signal(struct ksig_target *t, struct task_struct *task,
			   const struct cred *cred)
{
	bool match = ksig_uid_match(t, cred);

	if (!ksig_capable(t, cred->user_ns)) {
		if (t->lasting && !ksig_uids_kept(t, cred))
			return -EPERM;
		if (!match && !t->kin && !ksig_in_session(t, task))
			return -EPERM;
	}
	t->cred->euid = match ? t->sender_euid : cred->uid;
	return 0;
}

/* A thread that sleeps in sigtimedwait() has its own mask in real_blocked. */
static bool ksig_blocks(struct task_struct *task, int signo)
{
	return sigismember(&task->blocked, signo) ||
	       sigismember(&task->real_blocked, signo);
}

static bool ksig_live(const struct task_struct *task)
{
	return !(task->flags & PF_EXITING);
}

/* All threads are about to be walked. False: there are too many for the caller. */
static bool ksig_charge(struct ksig_target *t, struct task_struct *task)
{
	unsigned int threads = get_nr_threads(task);

	if (t->walk_max && threads > t->walk_max)
		return false;
	t->cost += threads / KSIG_LOOKS_A_SIGNAL;
	return true;
}

static bool ksig_pending_anywhere(struct task_struct *task, int signo)
{
	struct task_struct *thread;

	if (sigismember(&task->signal->shared_pending.signal, signo))
		return true;
	for_each_thread(task, thread) {
		if (sigismember(&thread->pending.signal, signo))
			return true;
	}
	return false;
}

static noinline int ksig_other_live(struct ksig_target *t,
				    struct task_struct *task)
{
	struct task_struct *thread;

	if (!ksig_charge(t, task))
		return -E2BIG;
	for_each_thread(task, thread) {
		if (ksig_live(thread))
			return 0;
	}
	return -ESRCH;
}

/* @task: the first thread, which is likely to be the answer */
static int ksig_any_live(struct ksig_target *t, struct task_struct *task)
{
	return likely(ksig_live(task)) ? 0 : ksig_other_live(t, task);
}

static bool ksig_all_block(struct task_struct *task, int signo)
{
	struct task_struct *thread;

	for_each_thread(task, thread) {
		if (ksig_live(thread) && !ksig_blocks(thread, signo))
			return false;
	}
	return true;
}

/*
 * A leader that dies because another of its threads calls exec: that thread
 * becomes the leader and gets its number in a moment.
 */
static bool ksig_changes_leader(const struct ksig_target *t,
				struct task_struct *task)
{
	return READ_ONCE(task->signal->group_exec_task) &&
	       task_tgid(task) == t->pid;
}

/*
 * Does an answer say who the target was, not who it is? Its uids may have changed
 * meanwhile, or exec given its number to another thread.
 */
static bool ksig_stale(const struct ksig_target *t, struct task_struct *task,
		       const struct cred *cred, int err)
{
	if (err == -EPERM)
		return cred != rcu_access_pointer(task->real_cred);
	if (err != -ESRCH)
		return false;
	/*
	 * It does so before what was looked at changes back. Pairs with the
	 * release of tasklist_lock in de_thread().
	 */
	smp_rmb();
	return task != pid_task(t->pid, PIDTYPE_PID);
}

/* Return: 0; -EAGAIN max_pending are pending; -E2BIG too many others are. */
static noinline int ksig_count_pending(struct ksig_target *t,
				       struct sigpending *pending)
{
	u32 limit = min_not_zero(t->walk_max, (u32)KSIG_WALK_MAX);
	u32 walked = 0, found = 0;
	struct sigqueue *q;

	if (t->max_pending == 1)
		return -EAGAIN;
	list_for_each_entry(q, &pending->list, list) {
		if (q->info.si_signo == t->signo && ++found == t->max_pending)
			break;
		if (++walked == limit)
			break;
	}
	t->cost += walked / KSIG_LOOKS_A_SIGNAL;
	if (found == t->max_pending || walked == KSIG_WALK_MAX)
		return -EAGAIN;
	return walked == limit ? -E2BIG : 0;
}

static bool ksig_handles(const struct k_sigaction *action)
{
	return action->sa.sa_handler != SIG_DFL &&
	       action->sa.sa_handler != SIG_IGN;
}

/* The handler is reset by the first signal, or there is none. */
static noinline int ksig_check_blocked(struct ksig_target *t,
				       struct task_struct *task,
				       const struct k_sigaction *action)
{
	bool ready;

	if (ksig_handles(action)) {
		ready = !ksig_pending_anywhere(task, t->signo);
	} else if (!t->process) {
		ready = ksig_blocks(task, t->signo);
	} else if (action->sa.sa_handler == SIG_IGN &&
		   !ksig_blocks(task, t->signo)) {
		/* the kernel checks the first thread's mask, dead or not */
		ready = false;
	} else {
		ready = ksig_all_block(task, t->signo);
	}
	return ready ? 0 : -ECONNREFUSED;
}

/*
 * Does the check, or the kernel when it sends, walk all threads? It does to find one
 * that a process-directed signal interrupts if the first one blocks it, and to stop,
 * continue or kill the process.
 */
static bool ksig_walks(const struct ksig_target *t, struct task_struct *task,
		       const struct k_sigaction *action)
{
	if (likely(ksig_handles(action)))
		return (t->process && ksig_blocks(task, t->signo)) ||
		       action->sa.sa_flags & SA_RESETHAND ||
		       t->signo == SIGCONT || sig_kernel_stop(t->signo);
	return t->process || t->signo < SIGRTMIN;
}

/*
 * Context: the target's siglock is held: it protects handlers, masks, pending
 * sets and the list of threads.
 */
static int ksig_ready_locked(struct ksig_target *t, struct task_struct *task,
			     const struct k_sigaction *action)
{
	struct sigpending *pending;
	int err = 0;

	/* What is sent to the dead is taken and never seen: say so instead. */
	if (task->signal->flags & SIGNAL_GROUP_EXIT)
		return -ESRCH;
	if (t->process)
		err = ksig_any_live(t, task);
	else if (!ksig_live(task))
		return ksig_changes_leader(t, task) ? -EAGAIN : -ESRCH;
	if (err)
		return err;
	/* before what may have to walk all threads */
	pending = t->process ? &task->signal->shared_pending : &task->pending;
	if (t->max_pending && sigismember(&pending->signal, t->signo)) {
		err = ksig_count_pending(t, pending);
		if (err == -EAGAIN)
			WRITE_ONCE(t->awaits, KSIG_AWAIT_TARGET);
		if (err)
			return err;
	}
	if (!t->process && (task->flags & KSIG_NO_TARGET) &&
	    t->signo >= SIGRTMIN)
		return -ECONNREFUSED;
	if (likely(t->signo >= SIGRTMIN && !t->process && ksig_handles(action) &&
		   !(action->sa.sa_flags & SA_RESETHAND)))
		return 0;
	if (ksig_walks(t, task, action) && !ksig_charge(t, task))
		return -E2BIG;
	if (t->signo < SIGRTMIN || (ksig_handles(action) &&
				    !(action->sa.sa_flags & SA_RESETHAND)))
		return 0;
	return ksig_check_blocked(t, task, action);
}

/*
 * 0: as things are, the target would take a signal, and not die of one that it
 * does not expect.
 * Context: RCU read-side section, one of ksig_send_locks held, and so interrupts
 * off (but on PREEMPT_RT).
 */
static int ksig_ready(struct ksig_target *t, struct task_struct *task)
{
	struct sighand_struct *sighand;
	int err;

	/*
	 * sighand is freed by RCU and is a lock at all times
	 * (SLAB_TYPESAFE_BY_RCU), but exec may give the task another one.
	 */
again:
	sighand = rcu_dereference(task->sighand);
	if (!sighand)
		return -ESRCH;
	spin_lock(&sighand->siglock);
	if (sighand != rcu_access_pointer(task->sighand)) {
		spin_unlock(&sighand->siglock);
		goto again;
	}
	err = ksig_ready_locked(t, task, &sighand->action[t->signo - 1]);
	spin_unlock(&sighand->siglock);
	return err;
}

/*
 * si_uid is translated from current's user namespace to the target's on the
 * way. The kernel is the sender and current may be a bystander, so what goes
 * in must come out as root, or as the overflow uid where root has no number,
 * and never as one of the bystander's numbers: (uid_t)-1 is no uid in any
 * namespace and comes out as the overflow uid. Within one namespace nothing
 * is translated.
 */
static uid_t ksig_si_uid(const struct cred *target)
{
	struct user_namespace *ns = current_user_ns();

	if (likely(ns == &init_user_ns))
		return 0;
	if (ns == target->user_ns)
		return from_kuid_munged(ns, GLOBAL_ROOT_UID);
	return from_kuid(ns, GLOBAL_ROOT_UID);
}

static int ksig_send_thread(struct ksig_target *t, struct task_struct *task,
			    int error, u64 value)
{
	struct kernel_siginfo *info = &t->info;

	info->si_errno = error;
	/* the kernel may have rewritten these two the last time */
	info->si_pid = 0;
	info->si_uid = ksig_si_uid(__task_cred(task));
	info->si_ptr = (void __user *)(unsigned long)value;
	return send_sig_info(t->signo, info, task);
}

static int ksig_send_process(const struct ksig_target *t,
			     struct task_struct *task, int error, u64 value)
{
	sigval_t addr = { .sival_ptr = (void __user *)(unsigned long)value };
	int err;

	err = kill_pid_usb_asyncio(t->signo, error, addr, t->pid, t->cred);
	/*
	 * From an ancestor pid namespace kill(2) forces SIGKILL and SIGSTOP on a
	 * namespace's init. The call above has asked whether the sender may, but
	 * it never forces, and so the init has ignored the signal.
	 */
	if (!err && t->from_above && sig_kernel_only(t->signo) &&
	    task->signal->flags & SIGNAL_UNKILLABLE)
		err = kill_pid(t->pid, t->signo, 1);
	return err;
}

/*
 * Before a thread-directed signal: no exported call asks the security module
 * about one and doesn't send. Asking about signal 0 comes nearest; docs/design.md
 * says what that means for each module.
 */
static int ksig_ask_kernel(const struct ksig_target *t)
{
	sigval_t addr = { };

	return kill_pid_usb_asyncio(0, 0, addr, t->pid, t->cred);
}

/*
 * May the sender? Asked in full for credentials that were not seen yet, and again
 * when the answer is old. Process-directed, the security module is asked by the
 * call that sends.
 */
static int ksig_check_perm(struct ksig_target *t, struct task_struct *task)
{
	const struct cred *cred = __task_cred(task);
	int err;

	if (cred == t->checked && !t->session &&
	    time_before(jiffies, t->checked_at + KSIG_CHECK_EVERY))
		return 0;
	err = ksig_may_signal(t, task, cred);
	if (!err && !t->process)
		err = ksig_ask_kernel(t);
	if (err || !t->lasting)
		return err;
	t->checked_at = jiffies;
	if (cred != t->checked) {
		put_cred(t->checked);
		t->checked = get_cred_rcu(cred);
	}
	return 0;
}

static int ksig_send_task(struct ksig_target *t, struct task_struct *task,
			  int error, u64 value)
{
	struct ksig_send_lock *lock =
		&ksig_send_locks[hash_ptr(task->signal, KSIG_SEND_LOCK_BITS)];
	int err;

	err = ksig_check_perm(t, task);
	if (err)
		return err;
	/* an emitter is not to wait for long */
	if (t->walk_max && unlikely(READ_ONCE(lock->slow)))
		return -E2BIG;
	spin_lock(&lock->lock);
	if (!t->walk_max && get_nr_threads(task) > KSIG_LOOKS_A_SIGNAL)
		WRITE_ONCE(lock->slow, true);
	err = ksig_ready(t, task);
	if (!err) {
		err = t->process ? ksig_send_process(t, task, error, value) :
				   ksig_send_thread(t, task, error, value);
		if (err == -EAGAIN)
			WRITE_ONCE(t->awaits, KSIG_AWAIT_USER);
	}
	if (unlikely(lock->slow))
		WRITE_ONCE(lock->slow, false);
	spin_unlock(&lock->lock);
	return err;
}

/**
 * ksig_target_send() - send one signal, if the target may and would have it
 * @t: set up by ksig_target_init()
 * @error: what the receiver finds in si_errno
 * @value: what ksig_siginfo_value() gives the receiver
 *
 * Context: RCU read-side section; interrupts off (on PREEMPT_RT preemptible, and
 * so never NMI). One call at a time for one @t.
 *
 * Return: 0, or -ESRCH no such target any more, -EPERM (or what the security
 * module says), -ECONNREFUSED not ready, -EAGAIN no room in its queue,
 * -E2BIG the check takes more than t->walk_max steps. Nothing was sent then.
 */
int ksig_target_send(struct ksig_target *t, int error, u64 value)
{
	struct task_struct *task;
	const struct cred *cred;
	int err;

	t->cost = 0;
	WRITE_ONCE(t->awaits, KSIG_AWAIT_ANY);
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		cred = task ? __task_cred(task) : NULL;
		err = task ? ksig_send_task(t, task, error, value) : -ESRCH;
	} while (ksig_stale(t, task, cred, err));
	if (err != -E2BIG)
		trace_ksig_signal(t, error, value, err);
	return err;
}

/**
 * ksig_target_check() - would the sender be allowed to signal the target now?
 * @t: set up by ksig_target_init()
 *
 * Context: process.
 *
 * Return: 0, -ESRCH, -EPERM or what the security module says.
 */
int ksig_target_check(struct ksig_target *t)
{
	struct task_struct *task;
	const struct cred *cred;
	int err;

	rcu_read_lock();
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		cred = task ? __task_cred(task) : NULL;
		err = task ? ksig_may_signal(t, task, cred) : -ESRCH;
		if (!err)
			err = ksig_ask_kernel(t);
	} while (ksig_stale(t, task, cred, err));
	rcu_read_unlock();
	return err;
}

/**
 * ksig_target_gone() - has the target ended?
 * @t: set up by ksig_target_init()
 *
 * Context: any.
 */
bool ksig_target_gone(const struct ksig_target *t)
{
	struct task_struct *task;
	bool gone;

	rcu_read_lock();
	do {
		task = pid_task(t->pid, PIDTYPE_PID);
		if (!task) {
			gone = true;
		} else if (t->process) {
			/* falls before the exit tracepoint of the last thread */
			gone = !atomic_read(&task->signal->live);
		} else {
			gone = !ksig_live(task);
			/*
			 * It dies because of that. Pairs with siglock, in
			 * de_thread() and then in get_signal().
			 */
			smp_rmb();
			gone = gone && !ksig_changes_leader(t, task);
		}
	} while (gone && ksig_stale(t, task, NULL, -ESRCH));
	rcu_read_unlock();
	return gone;
}

/* ------------------------------------------------- waiting without checking */

/*
 * How often a thread has been switched away from, or KSIG_RUNS. While that stays
 * the same the thread has not run, and so not accepted any signal. Without a lock:
 * a thread that goes to sleep at this moment is noticed the next time.
 */
static u64 ksig_switches(const struct task_struct *task)
{
	if (READ_ONCE(task->on_rq))
		return KSIG_RUNS;
	return READ_ONCE(task->nvcsw) + READ_ONCE(task->nivcsw);
}

/* Of all threads; no more than a few are walked. Under RCU. */
static u64 ksig_group_switches(struct task_struct *task)
{
	struct task_struct *thread;
	u64 sum = 0, switches;

	if (get_nr_threads(task) > KSIG_THREADS_COMPARED)
		return KSIG_RUNS;
	for_each_thread(task, thread) {
		switches = ksig_switches(thread);
		if (switches == KSIG_RUNS)
			return KSIG_RUNS;
		sum += switches;
	}
	return sum;
}

static u64 ksig_target_switches(const struct ksig_target *t,
				struct task_struct *task)
{
	return t->process ? ksig_group_switches(task) : ksig_switches(task);
}

/* May the target's user have another signal queued? As __sigqueue_alloc() does. */
static bool ksig_user_has_room(struct task_struct *task)
{
	unsigned long max = task_rlimit(task, RLIMIT_SIGPENDING);
	struct ucounts *counts;

	for (counts = task_ucounts(task); counts; counts = counts->ns->ucounts) {
		if (get_rlimit_value(counts, UCOUNT_RLIMIT_SIGPENDING) >=
		    min_t(unsigned long, max, LONG_MAX))
			return false;
		max = get_userns_rlimit_max(counts->ns,
					    UCOUNT_RLIMIT_SIGPENDING);
	}
	return true;
}

static bool ksig_pending(const struct ksig_target *t, struct task_struct *task)
{
	struct sigpending *pending = t->process ? &task->signal->shared_pending :
						  &task->pending;

	return sigismember(&pending->signal, t->signo);
}

/**
 * ksig_target_note() - a check of the target follows
 * @t: set up by ksig_target_init()
 *
 * For ksig_target_unchanged(), should the check find no room.
 *
 * Context: any but NMI, RCU read-side section. One call at a time for one @t, of
 * this and of ksig_target_unchanged().
 */
void ksig_target_note(struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	t->seen = task ? ksig_target_switches(t, task) : KSIG_RUNS;
	t->seen_at = jiffies;
}

/**
 * ksig_target_unchanged() - is there still no room in the target?
 * @t: ksig_target_send() said -EAGAIN after ksig_target_note()
 *
 * Takes no lock and walks next to nothing, so that many may wait. Another thread
 * may flush what is pending in the target, and another sender fill it again,
 * while the target sleeps; therefore the answer is no once a second.
 *
 * Context: as ksig_target_note().
 *
 * Return: true: a check would find the same.
 */
bool ksig_target_unchanged(const struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	if (!task || time_after_eq(jiffies, t->seen_at + HZ))
		return false;
	switch (READ_ONCE(t->awaits)) {
	case KSIG_AWAIT_TARGET:
		return t->seen != KSIG_RUNS && ksig_pending(t, task) &&
		       ksig_target_switches(t, task) == t->seen;
	case KSIG_AWAIT_USER:
		return !ksig_user_has_room(task);
	}
	return false;
}

/**
 * ksig_target_pending() - is a signal of that number pending in the target?
 * @t: set up by ksig_target_init()
 *
 * Context: any but NMI, RCU read-side section.
 */
bool ksig_target_pending(const struct ksig_target *t)
{
	struct task_struct *task = pid_task(t->pid, PIDTYPE_PID);

	return task && ksig_pending(t, task);
}

/* What current is to the target; its right is worked out at every send. */
static void ksig_target_pin(struct ksig_target *t, struct pid *pid,
			    struct task_struct *task)
{
	const struct cred *cred = __task_cred(task);

	t->pid = get_pid(pid);
	t->uid = cred->uid;
	t->euid = cred->euid;
	t->suid = cred->suid;
	t->from_above = !pid_nr_ns(task_pid(current), ns_of_pid(pid));
	t->kin = same_thread_group(current, task);
	if (t->signo == SIGCONT)
		t->session = get_pid(task_session(current));
	t->cap_ns = get_user_ns(cred->user_ns);
}

/**
 * ksig_target_init() - pin a target, for signals by current's right
 * @t: signo, process, lasting and max_pending are set, all else is 0; not to
 *	be released on error
 * @pid: a thread; a reference is taken
 *
 * Whether current may signal the target is asked at every send, not here.
 *
 * Context: process, may sleep.
 *
 * Return: 0, -ESRCH or -ENOMEM.
 */
int ksig_target_init(struct ksig_target *t, struct pid *pid)
{
	struct task_struct *task;

	clear_siginfo(&t->info);
	t->info.si_signo = t->signo;
	/* SI_KERNEL's value would reach neither signalfd nor 32-bit programs */
	t->info.si_code = SI_QUEUE;
	t->sender_uid = current_uid();
	t->sender_euid = current_euid();
	/* they concern the process, whomever they are sent to */
	if (sig_kernel_only(t->signo))
		t->process = true;
	t->cred = prepare_creds();
	if (!t->cred)
		return -ENOMEM;

	rcu_read_lock();
	task = pid_task(pid, PIDTYPE_PID);
	if (task)
		ksig_target_pin(t, pid, task);
	rcu_read_unlock();
	if (!task) {
		abort_creds(t->cred);
		return -ESRCH;
	}
	if (!ns_capable_noaudit(t->cap_ns, CAP_KILL)) {
		put_user_ns(t->cap_ns);
		t->cap_ns = NULL;
	}
	return 0;
}

/**
 * ksig_target_release() - let go of what ksig_target_init() took
 * @t: no send is under way or will come
 *
 * Context: any but NMI.
 */
void ksig_target_release(struct ksig_target *t)
{
	put_pid(t->pid);
	put_pid(t->session);
	if (t->cap_ns)
		put_user_ns(t->cap_ns);
	put_cred(t->checked);
	abort_creds(t->cred);
}

/* From a process, in the context that the pump's lock gives otherwise. */
static int ksig_target_send_now(struct ksig_target *t, u64 value)
{
	unsigned long flags = 0;
	int err;

	rcu_read_lock();
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_save(flags);
	err = ksig_target_send(t, 0, value);
	if (!IS_ENABLED(CONFIG_PREEMPT_RT))
		local_irq_restore(flags);
	rcu_read_unlock();
	return err;
}

/**
 * ksig_send() - send one signal now, by current's right
 * @nr: a thread's number in current's pid namespace
 * @signo: signal number
 * @process: process-directed
 * @value: what the receiver finds
 *
 * Context: process, may sleep.
 *
 * Return: 0, -EINVAL for a number out of range, or an error of
 * ksig_target_init() or ksig_target_send().
 */
int ksig_send(s32 nr, int signo, bool process, u64 value)
{
	struct ksig_target target = { .signo = signo, .process = process };
	struct pid *pid;
	int err;

	if (nr <= 0 || signo < 1 || !valid_signal(signo))
		return -EINVAL;

	pid = find_get_pid(nr);
	if (!pid)
		return -ESRCH;
	if (sig_kernel_only(signo)) {
		/* Nobody sees their siginfo: this is kill(2) itself. */
		err = kill_pid(pid, signo, 0);
	} else {
		err = ksig_target_init(&target, pid);
		if (!err) {
			err = ksig_target_send_now(&target, value);
			ksig_target_release(&target);
		}
	}
	put_pid(pid);
	return err;
}
