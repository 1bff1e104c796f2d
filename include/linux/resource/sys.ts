// SPDX-License-Identifier: GPL-2.0
/*
 * Limits, usage, identity: system calls about the calling process.
 *
 * Upstream: kernel/sys.c; the scheduler's of kernel/sched/core.c (sched_yield, affinity). Left out:
 * reboot, priorities, process groups beyond reading, times(), most of prctl().
 */
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { __s32, __u32 } from "#asm-generic/struct.ts";
import { cpus, this_cpu } from "#asm/smp.ts";
import { copy_from_user, copy_to_user, put_user, strncpy_from_user } from "#linux/uaccess.ts";
import { RLIMIT_NOFILE, RLIM_NLIMITS, RUSAGE_CHILDREN, RUSAGE_SELF, RUSAGE_THREAD,
	struct_rlimit_layout, struct_rusage } from "#uapi/asm-generic/resource.ts";
import { PR_GET_DUMPABLE, PR_GET_NAME, PR_GET_PDEATHSIG, PR_GET_THP_DISABLE, PR_MCE_KILL,
	PR_MCE_KILL_CLEAR, PR_MCE_KILL_DEFAULT, PR_MCE_KILL_EARLY, PR_MCE_KILL_GET,
	PR_MCE_KILL_LATE, PR_MCE_KILL_SET, PR_SET_CHILD_SUBREAPER, PR_SET_DUMPABLE, PR_SET_NAME,
	PR_SET_PDEATHSIG, PR_SET_THP_DISABLE } from "#uapi/linux/prctl.ts";
import { struct_sysinfo_layout } from "#uapi/linux/sysinfo.ts";
import { struct_new_utsname } from "#uapi/linux/utsname.ts";
import { EFAULT, EINTR, EINVAL, EPERM, ESRCH, ENOMEM } from "#linux/errno.ts";
import { CAP_SETUID, CAP_SYS_NICE, CAP_SYS_RESOURCE, capable } from "#linux/capability.ts";
import { commit_creds, current_cred, kernel_cap_t, prepare_creds } from "#linux/cred.ts";
import { NSEC_PER_SEC } from "#linux/time.const.ts";
import { ktime_get_boottime } from "#linux/ktime.ts";
import { mmap_write_lock_killable, mmap_write_unlock } from "#linux/mmap_lock.ts";
import { MMF_DISABLE_THP, MMF_DUMPABLE_MASK } from "#linux/sched/coredump.ts";
import { PF_MCE_EARLY, PF_MCE_PROCESS, PF_NO_SETAFFINITY } from "#linux/sched.const.ts";
import { TASK_COMM_LEN, PIDTYPE_PGID, PIDTYPE_SID, current, type struct_task_struct } from
	"#linux/sched_types.ts";
import { find_task_by_vpid, set_cpus_allowed_ptr, set_task_comm } from "#linux/sched.ts";
import { get_task_struct, put_task_struct, task_lock, task_unlock } from "#linux/sched/task.ts";
import { for_each_thread } from "#linux/sched/task_list.ts";
import { rcu_read_lock, rcu_read_unlock } from "#linux/rcupdate.ts";
import { valid_signal } from "#linux/signal.ts";
import { struct_rlimit } from "#linux/signal_types.ts";
import { init_utsname } from "#linux/utsname.ts";
import { totalram_pages } from "#linux/mm.ts";
import { nr_threads } from "#linux/sched/fork.ts";
import { change_pid, task_pid } from "#linux/pid/pid.ts";
import { si_meminfo } from "#linux/mm.ts";

/** fs/file.c:sysctl_nr_open */
const sysctl_nr_open = 1024n * 1024n;

/* ---- limits --------------------------------------------------------------------------------- */

/** kernel/sys.c:do_prlimit() */
export function do_prlimit(tsk: struct_task_struct, resource: number,
	new_rlim: struct_rlimit | null,
	old_rlim: struct_rlimit | null): number {
	let retval = 0;

	if (resource >= RLIM_NLIMITS)
		return -EINVAL;
	if (new_rlim !== null) {
		if (new_rlim.rlim_cur > new_rlim.rlim_max)
			return -EINVAL;
		if (resource === RLIMIT_NOFILE && new_rlim.rlim_max > sysctl_nr_open)
			return -EPERM;
	}
	const rlim = tsk.signal.rlim[resource]!;
	task_lock(tsk.group_leader);
	if (new_rlim !== null && new_rlim.rlim_max > rlim.rlim_max && !capable(CAP_SYS_RESOURCE))
		retval = -EPERM;
	if (retval === 0) {
		if (old_rlim !== null) {
			old_rlim.rlim_cur = rlim.rlim_cur;
			old_rlim.rlim_max = rlim.rlim_max;
		}
		if (new_rlim !== null) {
			rlim.rlim_cur = new_rlim.rlim_cur;
			rlim.rlim_max = new_rlim.rlim_max;
		}
	}
	task_unlock(tsk.group_leader);
	return retval;
}

function check_prlimit_permission(task: struct_task_struct): number {
	const cred = current_cred(), tcred = task.cred!;

	if (current === task)
		return 0;
	const id_match = cred.uid === tcred.euid && cred.uid === tcred.suid &&
		cred.uid === tcred.uid &&
		cred.gid === tcred.egid && cred.gid === tcred.sgid && cred.gid === tcred.gid;
	return id_match || capable(CAP_SYS_RESOURCE) ? 0 : -EPERM;
}

function prlimit(tsk: struct_task_struct, resource: number, new_rlim: number, old_rlim: number):
	number {
	const u = struct_rlimit_layout.alloc();
	const old_ = new struct_rlimit(), new_ = new struct_rlimit();

	if (new_rlim !== 0) {
		if (copy_from_user(u.bytes, new_rlim, u.bytes.length) !== 0)
			return -EFAULT;
		new_.rlim_cur = u.rlim_cur;
		new_.rlim_max = u.rlim_max;
	}
	const ret = do_prlimit(tsk, resource, new_rlim !== 0 ? new_ : null, old_);
	if (ret === 0 && old_rlim !== 0) {
		u.rlim_cur = old_.rlim_cur;
		u.rlim_max = old_.rlim_max;
		if (copy_to_user(old_rlim, u.bytes, u.bytes.length) !== 0)
			return -EFAULT;
	}
	return ret;
}

export const sys_prlimit64 = SYSCALL_DEFINE("prlimit64", ["int", "uint", "ptr", "ptr"],
	(pid, resource, new_rlim, old_rlim) => {
		rcu_read_lock();
		const tsk = pid !== 0 ? find_task_by_vpid(pid) : current;
		const perm = tsk === null ? -ESRCH : check_prlimit_permission(tsk);
		if (tsk === null || perm !== 0) {
			rcu_read_unlock();
			return perm;
		}
		get_task_struct(tsk);
		rcu_read_unlock();
		const ret = prlimit(tsk, resource, new_rlim, old_rlim);
		put_task_struct(tsk);
		return ret;
	});

export const sys_getrlimit = SYSCALL_DEFINE("getrlimit", ["uint", "ptr"], (resource, rlim) =>
	rlim === 0 ? -EFAULT : prlimit(current, resource, 0, rlim));

export const sys_setrlimit = SYSCALL_DEFINE("setrlimit", ["uint", "ptr"], (resource, rlim) =>
	rlim === 0 ? -EFAULT : prlimit(current, resource, rlim, 0));

/* ---- usage ---------------------------------------------------------------------------------- */

/** kernel/sys.c:getrusage(); RUSAGE_CHILDREN - 1 stands for RUSAGE_BOTH. */
export function getrusage_bytes(p: struct_task_struct, who: number): Uint8Array {
	const r = struct_rusage.alloc();
	let utime = 0, stime = 0, minflt = 0, majflt = 0, maxrss = 0;

	if (who !== RUSAGE_CHILDREN) {
		const threads = who === RUSAGE_THREAD ? [p] : for_each_thread(p);
		for (const t of threads) {
			utime += t.utime;
			stime += t.stime;
			minflt += t.min_flt;
			majflt += t.maj_flt;
		}
		if (who !== RUSAGE_THREAD) {
			utime += p.signal.utime;
			stime += p.signal.stime;
			minflt += p.signal.min_flt;
			majflt += p.signal.maj_flt;
		}
		maxrss = Math.max(p.signal.maxrss, p.mm?.hiwater_rss ?? 0);
	}
	if (who < 0) {
		utime += p.signal.cutime;
		stime += p.signal.cstime;
		minflt += p.signal.cmin_flt;
		majflt += p.signal.cmaj_flt;
		maxrss = Math.max(maxrss, p.signal.cmaxrss);
	}
	r.ru_utime.tv_sec = BigInt(Math.floor(utime / NSEC_PER_SEC));
	r.ru_utime.tv_usec = BigInt(Math.floor(utime % NSEC_PER_SEC / 1000));
	r.ru_stime.tv_sec = BigInt(Math.floor(stime / NSEC_PER_SEC));
	r.ru_stime.tv_usec = BigInt(Math.floor(stime % NSEC_PER_SEC / 1000));
	r.ru_minflt = BigInt(minflt);
	r.ru_majflt = BigInt(majflt);
	r.ru_maxrss = BigInt(maxrss * 4);
	return r.bytes;
}

export const sys_getrusage = SYSCALL_DEFINE("getrusage", ["int", "ptr"], (who, ru) => {
	if (who !== RUSAGE_SELF && who !== RUSAGE_CHILDREN && who !== RUSAGE_THREAD)
		return -EINVAL;
	const bytes = getrusage_bytes(current, who);
	return copy_to_user(ru, bytes, bytes.length) !== 0 ? -EFAULT : 0;
});

/* ---- identity ------------------------------------------------------------------------------- */

export const sys_getpid = SYSCALL_DEFINE("getpid", [], () => current.tgid);
export const sys_gettid = SYSCALL_DEFINE("gettid", [], () => current.pid);
export const sys_getppid = SYSCALL_DEFINE("getppid", [], () => current.real_parent?.tgid ?? 0);
export const sys_getuid = SYSCALL_DEFINE("getuid", [], () => current_cred().uid);
export const sys_geteuid = SYSCALL_DEFINE("geteuid", [], () => current_cred().euid);
export const sys_getgid = SYSCALL_DEFINE("getgid", [], () => current_cred().gid);
export const sys_getegid = SYSCALL_DEFINE("getegid", [], () => current_cred().egid);

export const sys_getpgrp = SYSCALL_DEFINE("getpgrp", [], () =>
	current.signal.pids[PIDTYPE_PGID]?.nr ?? 0);

export const sys_setsid = SYSCALL_DEFINE("setsid", [], () => {
	const leader = current.group_leader;
	const sid = task_pid(leader)!;

	if (leader.signal.leader !== 0 || sid.tasks[PIDTYPE_PGID]!.length !== 0)
		return -EPERM;
	leader.signal.leader = 1;
	change_pid(leader, PIDTYPE_SID, sid);
	change_pid(leader, PIDTYPE_PGID, sid);
	return sid.nr;
});

/* security/commoncap.c:cap_emulate_setxuid(): root's capabilities go with root */
function setxuid(ruid: number, euid: number, suid: number): number {
	const old = current_cred();
	const new_ = prepare_creds();

	if (new_ === null)
		return -ENOMEM;
	if (ruid !== -1)
		new_.uid = ruid >>> 0;
	if (euid !== -1)
		new_.euid = euid >>> 0;
	if (suid !== -1)
		new_.suid = suid >>> 0;
	new_.fsuid = new_.euid;
	const was_root = old.uid === 0 || old.euid === 0 || old.suid === 0;
	if (was_root && new_.uid !== 0 && new_.euid !== 0 && new_.suid !== 0) {
		new_.cap_permitted = new kernel_cap_t();
	}
	if (old.euid === 0 && new_.euid !== 0) {
		new_.cap_effective = new kernel_cap_t();
	}
	if (old.euid !== 0 && new_.euid === 0) {
		new_.cap_effective = new_.cap_permitted;
	}
	return commit_creds(new_);
}

export const sys_setresuid = SYSCALL_DEFINE("setresuid", ["int", "int", "int"],
	(ruid, euid, suid) => {
	const old = current_cred();
	const ours = (id: number): boolean => id === -1 || id === old.uid || id === old.euid ||
		id === old.suid;

	if (!capable(CAP_SETUID) && !(ours(ruid) && ours(euid) && ours(suid)))
		return -EPERM;
	return setxuid(ruid, euid, suid);
});

export const sys_setuid = SYSCALL_DEFINE("setuid", ["int"], (uid) => {
	const old = current_cred();

	if (capable(CAP_SETUID))
		return setxuid(uid, uid, uid);
	return uid === old.uid || uid === old.suid ? setxuid(-1, uid, -1) : -EPERM;
});

function put_string(to: Uint8Array, s: string): void {
	for (let i = 0; i < s.length && i < to.length - 1; i++)
		to[i] = s.charCodeAt(i);
}

export const sys_newuname = SYSCALL_DEFINE("newuname", ["ptr"], (name) => {
	const out = struct_new_utsname.alloc();
	const u = init_utsname();

	put_string(out.sysname, u.sysname);
	put_string(out.nodename, u.nodename);
	put_string(out.release, u.release);
	put_string(out.version, u.version);
	put_string(out.machine, u.machine);
	put_string(out.domainname, u.domainname);
	return copy_to_user(name, out.bytes, out.bytes.length) !== 0 ? -EFAULT : 0;
});

export const sys_sysinfo = SYSCALL_DEFINE("sysinfo", ["ptr"], (info) => {
	const val = struct_sysinfo_layout.alloc();
	const si = { totalram: totalram_pages(), freeram: 0, sharedram: 0, bufferram: 0,
		mem_unit: 4096 };

	si_meminfo(si as Parameters<typeof si_meminfo>[0]);
	val.uptime = BigInt(Math.ceil(ktime_get_boottime() / NSEC_PER_SEC));
	val.totalram = BigInt(si.totalram) * 4096n;
	val.freeram = BigInt(si.freeram) * 4096n;
	val.sharedram = BigInt(si.sharedram) * 4096n;
	val.procs = nr_threads;
	val.mem_unit = 1;
	return copy_to_user(info, val.bytes, val.bytes.length) !== 0 ? -EFAULT : 0;
});

/* ---- prctl ---------------------------------------------------------------------------------- */

function prctl_name(option: number, arg2: bigint): number {
	const comm = new Uint8Array(TASK_COMM_LEN);
	const ptr = Number(arg2);

	if (option === PR_SET_NAME) {
		const n = strncpy_from_user(comm, ptr, TASK_COMM_LEN - 1);
		if (n < 0)
			return -EFAULT;
		const end = comm.indexOf(0);
		const name = comm.subarray(0, end < 0 ? 15 : end);
		set_task_comm(current, String.fromCharCode(...name));
		return 0;
	}
	put_string(comm, current.comm);
	return copy_to_user(ptr, comm, comm.length) !== 0 ? -EFAULT : 0;
}

function prctl_mce_kill(arg2: bigint, arg3: bigint): number {
	const me = current;

	switch (Number(arg2)) {
	case PR_MCE_KILL_CLEAR:
		if (arg3 !== 0n)
			return -EINVAL;
		me.flags &= ~PF_MCE_PROCESS;
		return 0;
	case PR_MCE_KILL_SET:
		me.flags |= PF_MCE_PROCESS;
		if (arg3 === BigInt(PR_MCE_KILL_EARLY))
			me.flags |= PF_MCE_EARLY;
		else if (arg3 === BigInt(PR_MCE_KILL_LATE))
			me.flags &= ~PF_MCE_EARLY;
		else if (arg3 === BigInt(PR_MCE_KILL_DEFAULT))
			me.flags &= ~(PF_MCE_EARLY | PF_MCE_PROCESS);
		else
			return -EINVAL;
		return 0;
	default:
		return -EINVAL;
	}
}

export const sys_prctl = SYSCALL_DEFINE("prctl", ["int", "ulong", "ulong", "ulong", "ulong"],
	(option, arg2, arg3, arg4, arg5) => {
		const me = current;

		switch (option) {
		case PR_SET_PDEATHSIG:
			if (!valid_signal(Number(arg2)))
				return -EINVAL;
			me.pdeath_signal = Number(arg2);
			return 0;
		case PR_GET_PDEATHSIG:
			return put_user(__s32, me.pdeath_signal, Number(arg2));
		case PR_GET_DUMPABLE:
			return me.mm!.flags & MMF_DUMPABLE_MASK;
		case PR_SET_DUMPABLE:
			if (arg2 !== 0n && arg2 !== 1n)
				return -EINVAL;
			me.mm!.flags = (me.mm!.flags & ~MMF_DUMPABLE_MASK) | Number(arg2);
			return 0;
		case PR_SET_NAME:
		case PR_GET_NAME:
			return prctl_name(option, arg2);
		case PR_MCE_KILL:
			if ((arg4 | arg5) !== 0n)
				return -EINVAL;
			return prctl_mce_kill(arg2, arg3);
		case PR_MCE_KILL_GET:
			if ((arg2 | arg3 | arg4 | arg5) !== 0n)
				return -EINVAL;
			if ((me.flags & PF_MCE_PROCESS) !== 0) {
				return (me.flags & PF_MCE_EARLY) !== 0 ? PR_MCE_KILL_EARLY :
					PR_MCE_KILL_LATE;
			}
			return PR_MCE_KILL_DEFAULT;
		case PR_SET_CHILD_SUBREAPER:
			me.signal.is_child_subreaper = arg2 !== 0n ? 1 : 0;
			return 0;
		case PR_GET_THP_DISABLE:
			if ((arg2 | arg3 | arg4 | arg5) !== 0n)
				return -EINVAL;
			return (me.mm!.flags & (1 << MMF_DISABLE_THP)) !== 0 ? 1 : 0;
		case PR_SET_THP_DISABLE:
			if ((arg3 | arg4 | arg5) !== 0n)
				return -EINVAL;
			if (mmap_write_lock_killable(me.mm!) !== 0)
				return -EINTR;
			if (arg2 !== 0n)
				me.mm!.flags |= 1 << MMF_DISABLE_THP;
			else
				me.mm!.flags &= ~(1 << MMF_DISABLE_THP);
			mmap_write_unlock(me.mm!);
			return 0;
		default:
			return -EINVAL;
		}
	});

/* ---- the scheduler's ------------------------------------------------------------------------ */

/** nolibc yields after it; the kernel has nothing to do. */
export const sys_sched_yield = SYSCALL_DEFINE("sched_yield", [], () => 0);

function find_process_by_pid(pid: number): struct_task_struct | null {
	return pid !== 0 ? find_task_by_vpid(pid) : current;
}

export const sys_sched_setaffinity = SYSCALL_DEFINE("sched_setaffinity", ["int", "uint", "ptr"],
	(pid, len, user_mask_ptr) => {
		const buf = new Uint8Array(8);
		const p = find_process_by_pid(pid);

		if (copy_from_user(buf, user_mask_ptr, Math.min(len, 8)) !== 0)
			return -EFAULT;
		if (p === null)
			return -ESRCH;
		if ((p.flags & PF_NO_SETAFFINITY) !== 0)
			return -EINVAL;
		if (p !== current && current_cred().euid !== p.cred!.euid && !capable(CAP_SYS_NICE))
			return -EPERM;
		return set_cpus_allowed_ptr(p, new DataView(buf.buffer).getUint32(0, true));
	});

export const sys_sched_getaffinity = SYSCALL_DEFINE("sched_getaffinity", ["int", "uint", "ptr"],
	(pid, len, user_mask_ptr) => {
		const p = find_process_by_pid(pid);
		const online = 2 ** cpus.length - 1;

		if (len * 8 < cpus.length || (len & 7) !== 0)
			return -EINVAL;
		if (p === null)
			return -ESRCH;
		const buf = new Uint8Array(8);
		new DataView(buf.buffer).setUint32(0, p.cpus_mask & online, true);
		return copy_to_user(user_mask_ptr, buf, 8) !== 0 ? -EFAULT : 8;
	});

export const sys_getcpu = SYSCALL_DEFINE("getcpu", ["ptr", "ptr", "ptr"], (cpup, nodep) => {
	let err = 0;

	if (cpup !== 0)
		err |= put_user(__u32, this_cpu.id, cpup);
	if (nodep !== 0)
		err |= put_user(__u32, 0, nodep);
	return err !== 0 ? -EFAULT : 0;
});

