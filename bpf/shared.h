/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * Settings of ksig.bpf.c, which lib/bpf/load.c makes before it loads the programs. They are
 * constants then: the verifier leaves out what one subscription doesn't need.
 */
#ifndef KSIG_SHARED_H
#define KSIG_SHARED_H

#include <linux/types.h>

#define KSIG_BPF_CONDS		8
#define KSIG_BPF_TEXT		64
#define KSIG_BPF_STRINGS	8
/* A string of a tracepoint that has no fixed length takes at most so much. */
#define KSIG_BPF_STRING		256
/* What is not a tracepoint's has records of at most so many bytes. */
#define KSIG_BPF_RECORD		128
/* A descendant of the subscriber is recognised up to this distance. */
#define KSIG_BPF_ANCESTORS	64

/* As KSIG_EVENT_SIGNALLED and KSIG_EVENT_REFUSED of libksig.h. */
#define KSIG_BPF_SIGNALLED	(1U << 30)
#define KSIG_BPF_REFUSED	(1U << 31)

/* Where a condition finds what it compares. */
enum ksig_bpf_operand {
	KSIG_BPF_NUMBER,	/* in the record, or the tracepoint's entry */
	KSIG_BPF_TEXT_AT,	/* a string there */
	KSIG_BPF_TEXT_LOC,	/* a string that a word there locates */
	KSIG_BPF_CURRENT_PID,
	KSIG_BPF_CURRENT_COMM,
};

/**
 * struct ksig_bpf_cond - a condition
 * @source: enum ksig_bpf_operand
 * @size: 1, 2, 4, 8 for a number; a string's most, with terminator
 * @is_signed: of a number
 * @negate: pass if what follows doesn't hold
 * @relative: of a string that is located: from the word's end on
 * @offset: of the number, string or word
 * @mask: not 0: the number has one of these bits; else @low and @span count
 * @bias: what makes the numbers' order that of unsigned ones, by xor
 * @low: the least number, with @bias
 * @span: the greatest one less @low
 * @text: the string, zeroes behind it
 */
struct ksig_bpf_cond {
	__u32 source;
	__u32 size;
	__u32 is_signed;
	__u32 negate;
	__u32 relative;
	__u32 offset;
	__u64 mask;
	__u64 bias;
	__u64 low;
	__u64 span;
	char text[KSIG_BPF_TEXT];
};

/**
 * struct ksig_bpf_string - a tracepoint's string that has no fixed length
 * @loc: where the entry has the word that locates it
 * @relative: as in struct ksig_bpf_cond
 * @to: where the record has room for it
 * @size: how much
 */
struct ksig_bpf_string {
	__u32 loc;
	__u32 relative;
	__u32 to;
	__u32 size;
};

#endif /* KSIG_SHARED_H */
