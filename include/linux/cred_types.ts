// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials: the types.
 *
 * Upstream: struct cred of include/linux/cred.h, struct user_struct of include/linux/sched/user.h,
 * kernel_cap_t. One user namespace, identity mapped.
 */

/** 41 capabilities in two words: a value, as C copies it. */
export class kernel_cap_t {
	readonly lo: number;
	readonly hi: number;
	constructor(lo = 0, hi = 0) {
		this.lo = lo;
		this.hi = hi;
	}
}

export class struct_user_struct {
	uid = 0;
	__count = 1;
	processes = 0;
	sigpending = 0;
	/** pages charged to RLIMIT_MEMLOCK by shm and memfd locks */
	locked_shm = 0;
	locked_vm = 0;
	/** pages that its pipes may hold */
	pipe_bufs = 0;
}

export class struct_user_namespace {
	readonly name: string;
	constructor(name: string) {
		this.name = name;
	}
}

export class struct_cred {
	usage = 1;
	uid = 0;
	gid = 0;
	suid = 0;
	sgid = 0;
	euid = 0;
	egid = 0;
	fsuid = 0;
	fsgid = 0;
	securebits = 0;
	cap_inheritable = new kernel_cap_t();
	cap_permitted = new kernel_cap_t();
	cap_effective = new kernel_cap_t();
	cap_bset = new kernel_cap_t();
	cap_ambient = new kernel_cap_t();
	user: struct_user_struct | null = null;
	user_ns: struct_user_namespace | null = null;
}
