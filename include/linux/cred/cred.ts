// SPDX-License-Identifier: GPL-2.0
/*
 * Credentials.
 *
 * Upstream: kernel/cred.c, kernel/user.c (root_user, init_user_ns). One user namespace. Left out:
 * keyrings, security modules, groups.
 */
import { ENOMEM } from "#linux/errno.ts";
import { GFP_KERNEL } from "#linux/gfp.ts";
import { KMEM_CACHE, SLAB_ACCOUNT, SLAB_HWCACHE_ALIGN, SLAB_PANIC, kmem_cache_alloc,
	kmem_cache_free, type struct_kmem_cache } from "#linux/slab.ts";
import { BUG_ON } from "#linux/bug.ts";
import { call_rcu, struct_callback_head } from "#linux/rcupdate.ts";
import { current, type struct_task_struct } from "#linux/sched_types.ts";
import { CLONE_THREAD } from "#uapi/linux/sched.ts";
import { kernel_cap_t, struct_cred, struct_user_namespace, struct_user_struct } from
	"#linux/cred_types.ts";

let cred_jar: struct_kmem_cache<struct_cred> | null = null;

export const init_user_ns = new struct_user_namespace("init_user_ns");
export const root_user = new struct_user_struct();

/* every capability there is: 0 to 40 */
const CAP_FULL_SET = new kernel_cap_t(-1, 0x1ff);

function make_init_cred(): struct_cred {
	const cred = new struct_cred();
	cred.usage = 4;
	cred.cap_permitted = cred.cap_effective = cred.cap_bset = CAP_FULL_SET;
	cred.user = root_user;
	cred.user_ns = init_user_ns;
	return cred;
}

/** Root's, of the idle tasks, inherited by init. */
export const init_cred = make_init_cred();

export function cred_init(): void {
	cred_jar = KMEM_CACHE(struct_cred, SLAB_HWCACHE_ALIGN | SLAB_PANIC | SLAB_ACCOUNT);
}

/** kernel/cred.c:__put_cred(); upstream frees after a grace period. */
export function __put_cred(cred: struct_cred): void {
	BUG_ON(cred === current.cred || cred === current.real_cred);
	const head = new struct_callback_head(cred);
	call_rcu(head, put_cred_rcu);
}

function put_cred_rcu(rcu: struct_callback_head): void {
	const cred = rcu.owner as struct_cred;
	cred.user!.__count--;
	kmem_cache_free(cred_jar!, cred);
}

/** kernel/cred.c:exit_creds() */
export function exit_creds(tsk: struct_task_struct): void {
	const real = tsk.real_cred, cred = tsk.cred;

	tsk.real_cred = null;
	tsk.cred = null;
	for (const c of [real, cred]) {
		if (c !== null && --c.usage === 0)
			__put_cred(c);
	}
}

/** kernel/cred.c:prepare_creds(): a copy of the task's, to change and commit. */
export function prepare_creds(): struct_cred | null {
	const old = current.cred!;
	const new_ = kmem_cache_alloc(cred_jar!, GFP_KERNEL);

	if (new_ === null)
		return null;
	copy_cred(new_, old);
	return new_;
}

function copy_cred(new_: struct_cred, old: struct_cred): void {
	new_.usage = 1;
	new_.uid = old.uid;
	new_.gid = old.gid;
	new_.suid = old.suid;
	new_.sgid = old.sgid;
	new_.euid = old.euid;
	new_.egid = old.egid;
	new_.fsuid = old.fsuid;
	new_.fsgid = old.fsgid;
	new_.securebits = old.securebits;
	new_.cap_inheritable = old.cap_inheritable;
	new_.cap_permitted = old.cap_permitted;
	new_.cap_effective = old.cap_effective;
	new_.cap_bset = old.cap_bset;
	new_.cap_ambient = old.cap_ambient;
	new_.user = old.user;
	new_.user!.__count++;
	new_.user_ns = old.user_ns;
}

export function prepare_kernel_cred(_daemon: struct_task_struct | null): struct_cred | null {
	const new_ = kmem_cache_alloc(cred_jar!, GFP_KERNEL);
	if (new_ !== null)
		copy_cred(new_, init_cred);
	return new_;
}

/** kernel/cred.c:copy_creds() */
export function copy_creds(p: struct_task_struct, clone_flags: number): number {
	if ((clone_flags & CLONE_THREAD) !== 0) {
		p.real_cred = p.cred;
		p.cred!.usage += 2;
		p.cred!.user!.processes++;
		return 0;
	}
	const new_ = prepare_creds();
	if (new_ === null) {
		p.cred = null;
		p.real_cred = null;
		return -ENOMEM;
	}
	new_.user!.processes++;
	new_.usage = 2;
	p.cred = new_;
	p.real_cred = new_;
	return 0;
}

/** kernel/cred.c:commit_creds() */
export function commit_creds(new_: struct_cred): number {
	const task = current;
	const old = task.real_cred!;

	BUG_ON(task.cred !== old);
	new_.usage++;
	if (new_.user !== old.user) {
		new_.user!.processes++;
		old.user!.processes--;
	}
	task.real_cred = new_;
	task.cred = new_;
	old.usage -= 2;
	if (old.usage === 0)
		__put_cred(old);
	return 0;
}

export function abort_creds(new_: struct_cred): void {
	if (--new_.usage === 0)
		__put_cred(new_);
}

export function override_creds(new_: struct_cred): struct_cred {
	const old = current.cred!;
	new_.usage++;
	current.cred = new_;
	return old;
}

export function revert_creds(old: struct_cred): void {
	const override = current.cred!;
	current.cred = old;
	if (--override.usage === 0)
		__put_cred(override);
}

