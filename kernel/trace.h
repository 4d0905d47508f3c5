/* SPDX-License-Identifier: GPL-2.0-only */
/* ksig's tracepoints: ksig:ksig_emit, ksig:ksig_signal and ksig:ksig_lost */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM ksig

#if !defined(KSIG_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KSIG_TRACE_H

#include <linux/tracepoint.h>

#include "channel.h"
#include "signal.h"

/* An emitted event, and the number of subscriptions that accepted it */
TRACE_EVENT(ksig_emit,
	TP_PROTO(const struct ksig_chan *chan, const struct ksig_notice *n,
		 int taken),
	TP_ARGS(chan, n, taken),
	TP_STRUCT__entry(
		__array(char, channel, KSIG_NAME_MAX)
		__field(u32, type)
		__field(int, taken)
		__field(u64, subject)
		__field(u64, value)
	),
	TP_fast_assign(
		memcpy(__entry->channel, chan->name, KSIG_NAME_MAX);
		__entry->type = n->type;
		__entry->taken = taken;
		__entry->subject = n->subject;
		__entry->value = n->value;
	),
	TP_printk("channel=%s type=%u subject=%llu value=%llu taken=%d",
		  __entry->channel, __entry->type, __entry->subject,
		  __entry->value, __entry->taken)
);

/* A signal, and the result of sending it: 0 or a negative errno */
TRACE_EVENT(ksig_signal,
	TP_PROTO(const struct ksig_target *t, int error, u64 value, int ret),
	TP_ARGS(t, error, value, ret),
	TP_STRUCT__entry(
		__field(int, signo)
		__field(pid_t, pid)
		__field(bool, process)
		__field(int, error)
		__field(int, ret)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->signo = t->signo;
		__entry->pid = pid_nr(t->pid);
		__entry->process = t->process;
		__entry->error = error;
		__entry->ret = ret;
		__entry->value = value;
	),
	TP_printk("signo=%d pid=%d process=%d errno=%d value=%llu ret=%d",
		  __entry->signo, __entry->pid, __entry->process,
		  __entry->error, __entry->value, __entry->ret)
);

/* An event lost because a queue was full, and the number of such events in a row */
TRACE_EVENT(ksig_lost,
	TP_PROTO(const struct ksig_chan *chan, u64 seq, u32 gap),
	TP_ARGS(chan, seq, gap),
	TP_STRUCT__entry(
		__array(char, channel, KSIG_NAME_MAX)
		__field(u64, seq)
		__field(u32, gap)
	),
	TP_fast_assign(
		memcpy(__entry->channel, chan->name, KSIG_NAME_MAX);
		__entry->seq = seq;
		__entry->gap = gap;
	),
	TP_printk("channel=%s seq=%llu gap=%u", __entry->channel,
		  __entry->seq, __entry->gap)
);

#endif /* KSIG_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
