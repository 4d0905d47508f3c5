/* SPDX-License-Identifier: GPL-2.0-only */
/* Fanout: serves a channel's subscriptions that emitters don't serve themselves. */
#ifndef KSIG_FANOUT_H
#define KSIG_FANOUT_H

#include <linux/types.h>

struct ksig_fanout;
struct ksig_notice;
struct ksig_sub;

struct ksig_fanout *ksig_fanout_create(u32 event_size);
void ksig_fanout_free(struct ksig_fanout *f);
bool ksig_fanout_put(struct ksig_fanout *f, const struct ksig_notice *n,
		     u64 now, u64 net_cookie, u64 skipped);
void ksig_fanout_flush(struct ksig_fanout *f);
void ksig_fanout_join(struct ksig_fanout *f, struct ksig_sub *sub);
void ksig_fanout_leave(struct ksig_fanout *f, struct ksig_sub *sub);
void ksig_fanout_hup(struct ksig_fanout *f);

#endif /* KSIG_FANOUT_H */
