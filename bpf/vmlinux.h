/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The members of kernel structures that the BPF programs read. libbpf looks up their real offsets
 * in the running kernel's BTF.
 */
#ifndef KSIG_VMLINUX_H
#define KSIG_VMLINUX_H

#include <linux/types.h>

#define TASK_COMM_LEN		16
#define SA_RESETHAND		0x80000000UL
#define SIGRTMIN		32
#define PF_EXITING		0x00000004
#define SIGNAL_GROUP_EXIT	0x00000004
#define MODULE_NAME_LEN		56
#define TS_COMPAT		0x0002	/* x86 only */
#define TIF_32BIT		22	/* arm64 only */

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
	PIDTYPE_PGID,
	PIDTYPE_SID,
	PIDTYPE_MAX,
};

enum module_state {
	MODULE_STATE_LIVE,
	MODULE_STATE_COMING,
	MODULE_STATE_GOING,
	MODULE_STATE_UNFORMED,
};

/* The values differ between kernels. */
enum cpuhp_state {
	CPUHP_TEARDOWN_CPU,
	CPUHP_AP_ACTIVE,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), \
			     apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct xarray {
	void *xa_head;
};

struct xa_node {
	unsigned char shift;
	void *slots[64];
};

struct idr {
	struct xarray idr_rt;
};

struct pid_namespace {
	struct idr idr;
	unsigned int level;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct pid {
	unsigned int level;
	__u64 ino;
	struct hlist_head tasks[PIDTYPE_MAX];
	struct upid numbers[];
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigaction {
	void *sa_handler;
	unsigned long sa_flags;
};

struct k_sigaction {
	struct sigaction sa;
};

struct sighand_struct {
	struct k_sigaction action[64];
};

struct sigpending {
	sigset_t signal;
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct sigpending shared_pending;
	int group_exit_code;
	unsigned int flags;
	struct pid *pids[PIDTYPE_MAX];
};

struct cred {
	int usage;
};

struct timespec64 {
	long long tv_sec;
	long tv_nsec;
};

struct timens_offsets {
	struct timespec64 monotonic;
};

struct time_namespace {
	struct timens_offsets offsets;
};

struct nsproxy {
	struct time_namespace *time_ns;
};

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct css_set {
	struct cgroup *dfl_cgrp;
};

struct syscall_metadata {
	int syscall_nr;
};

struct trace_event_call {
	void *data;
};

struct perf_event {
	struct trace_event_call *tp_event;
};

struct file {
	void *private_data;
};

struct fdtable {
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

/* @status exists only on x86 */
struct thread_info {
	unsigned long flags;
	__u32 status;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int exit_state;
	int exit_code;
	int pid;
	int tgid;
	__u64 start_time;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[PIDTYPE_MAX];
	const struct cred *real_cred;
	char comm[TASK_COMM_LEN];
	struct nsproxy *nsproxy;
	struct css_set *cgroups;
	struct files_struct *files;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	sigset_t blocked;
	sigset_t real_blocked;
	struct sigpending pending;
};

struct module {
	enum module_state state;
	char name[MODULE_NAME_LEN];
};

#pragma clang attribute pop

#endif /* KSIG_VMLINUX_H */
