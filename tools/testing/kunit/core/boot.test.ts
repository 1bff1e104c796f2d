// SPDX-License-Identifier: GPL-2.0
/*
 * A whole host: programs, fork and wait, signals, time, the seeded schedule.
 */
import { afterEach, beforeAll, describe, expect, it } from "vitest";
import "#generated/vmlinux.ts";
import { cpus_install } from "#hw/cpu.ts";
import { memory_install } from "#hw/memory.ts";
import { user_load32, user_load64, user_store32, user_store64 } from "#hw/isa.ts";
import { kernel_run as kernel_run_, start_kernel } from "#linux/init/main.ts";
import { set_next_child, set_user_runtime, syscall } from "#arch/x86/entry/syscall_64.ts";
import { kmsg_text, log_buf_clear } from "#linux/printk.ts";
import { panic_reset, warn_count, oops_count } from "#linux/panic.ts";
import { nr_running, uncaught_exceptions } from "#linux/sched/core.ts";
import { for_each_process, current } from "#linux/sched.ts";
import { HOT_PREEMPT, HOT_RCU_NESTING, pcpu_hot } from "#asm/current.ts";
import { lockdep_forget_held } from "#linux/lockdep/lockdep.ts";
import { PREEMPT_COUNT_MASK, preempt_count, preempt_count_sub } from "#linux/preempt.ts";
import { PF_KTHREAD } from "#linux/sched.const.ts";
import { EAGAIN, ECHILD, EINTR, EINVAL, ERESTARTWAIT, ESRCH } from "#linux/errno.ts";
import { SYSCALL_DEFINE } from "#asm-generic/syscall.ts";
import { slab_live_counts } from "#mm/slab_common.ts";
import { BUG } from "#linux/bug.ts";
import { spin_lock, spin_unlock, DEFINE_SPINLOCK } from "#linux/spinlock.ts";
import { INIT_WORK, cancel_work_sync, flush_work, schedule_work, struct_work_struct,
	INIT_DELAYED_WORK, queue_delayed_work, queue_work, alloc_ordered_workqueue,
	destroy_workqueue, flush_workqueue, struct_delayed_work, system_wq } from
	"#linux/workqueue.ts";
import { kthread_run, kthread_should_stop, kthread_stop } from "#linux/kthread.ts";
import { set_current_state, TASK_INTERRUPTIBLE } from "#linux/sched.ts";
import { init_completion, complete, struct_completion, wait_for_completion } from
	"#linux/completion.ts";
import { IS_ERR } from "#asm-generic/err.ts";
import { syscall_init } from "#arch/x86/entry/common.ts";
import { syscall_64_tbl } from "#arch/x86/entry/syscalls/syscall_64.tbl.ts";
import { clock_read } from "#asm/timex.ts";
import { DEFINE_SRCU, cleanup_srcu_struct, init_srcu_struct, srcu_read_lock, srcu_read_unlock,
	struct_srcu_struct, synchronize_srcu, call_srcu, srcu_barrier } from "#linux/srcu.ts";
import { call_rcu, rcu_barrier, rcu_read_lock, rcu_read_unlock, struct_callback_head,
	synchronize_rcu, rcu_dereference } from "#linux/rcupdate.ts";

type prog = Generator<void, number, void>;

const NR = new Map<string, number>();

/* the tests' own call, at an unused number: runs fn() in the kernel */
let kernel_fn: () => number = () => 0;
SYSCALL_DEFINE("restart_syscall_test", [], () => kernel_fn());

/* a call by name; waits as nolibc does */
function* sys(name: string, ...args: (number | bigint)[]): Generator<void, number, void> {
	for (;;) {
		const ret = syscall(NR.get(name)!, ...args as [number]);
		if (ret !== -ERESTARTWAIT)
			return ret;
		yield;
	}
}

function sysn(name: string, ...args: (number | bigint)[]): number {
	return syscall(NR.get(name)!, ...args as [number]);
}

const CLONE_VM = 0x100, CLONE_FS = 0x200, CLONE_FILES = 0x400, CLONE_SIGHAND = 0x800,
	CLONE_THREAD = 0x10000;

function fork(child: () => prog): number {
	set_next_child(child);
	return sysn("fork");
}

function thread(child: () => prog): number {
	set_next_child(child);
	return sysn("clone",
		BigInt(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD), 0, 0,
		0, 0);
}

/* anonymous memory */
function map(len: number, shared = false): number {
	return sysn("mmap", 0, len, 3, shared ? 0x21 : 0x22, -1, 0);
}

/* runs fn() as kernel code of a program */
function in_kernel(fn: () => void): void {
	let err: unknown = null;
	function* p(): prog {
		kernel_fn = () => {
			try {
				fn();
			} catch (e) {
				err = e;
				lockdep_forget_held();
				preempt_count_sub(preempt_count());
			}
			return 0;
		};
		sysn("restart_syscall_test");
		return 0;
	}
	kernel_run(p(), "in_kernel");
	if (err !== null)
		throw err;
}

let expect_uncaught = false;

/* what a program asserts fails the test */
function kernel_run(p: prog, comm: string): number {
	uncaught_exceptions.length = 0;
	let status = 0;
	try {
		status = kernel_run_(p, comm);
	} catch (e) {
		console.log(kmsg_text().join("\n"));
		throw e;
	}
	if (uncaught_exceptions.length !== 0 && !expect_uncaught)
		throw uncaught_exceptions[0];
	if (process.env.KMSG)
		console.log(kmsg_text().join("\n"));
	return status;
}

const handlers: ((signo: number) => void)[] = [];
const HANDLER_BASE = 0x400000;

beforeAll(() => {
	memory_install(2 ** 30);
	cpus_install(2);
	start_kernel({ seed: 1 });
	for (const [nr, name] of syscall_64_tbl)
		NR.set(name, nr);
	(syscall_64_tbl as [number, string][]).push([500, "restart_syscall_test"]);
	NR.set("restart_syscall_test", 500);
	syscall_init();
	set_user_runtime({
		deliver: (addr, signo) => handlers[(addr - HANDLER_BASE) / 16]!(signo),
	});
});

afterEach(() => {
	expect(nr_running()).toBe(0);
	expect(for_each_process().filter((p) => (p.flags & PF_KTHREAD) === 0)).toEqual([]);
	expect(warn_count).toBe(0);
	panic_reset();
	log_buf_clear();
});

/* sigaction with a JavaScript handler */
function on_signal(sig: number, fn: (signo: number) => void, flags = 0): number {
	const i = handlers.push(fn) - 1;
	const act = map(4096);
	user_store64(act, BigInt(HANDLER_BASE + 16 * i));
	user_store64(act + 8, BigInt(0x04000000 | flags));
	user_store64(act + 16, 0x1000n);
	user_store64(act + 24, 0n);
	return sysn("rt_sigaction", sig, act, 0, 8);
}

describe("processes", () => {
	it("returns the program's status", () => {
		function* p(): prog {
			yield;
			return 7;
		}
		expect(kernel_run(p(), "p")).toBe(7 << 8);
	});

	it("forks with a copied address space, and waits", () => {
		const seen: number[] = [];
		function* p(): prog {
			const a = map(8192), status = map(4096);
			user_store32(a, 1);
			const pid = fork(function* () {
				seen.push(user_load32(a));
				user_store32(a, 2);
				yield;
				seen.push(user_load32(a));
				return 3;
			});
			expect(pid).toBeGreaterThan(1);
			expect(yield* sys("wait4", pid, status, 0, 0)).toBe(pid);
			expect(user_load32(status)).toBe(3 << 8);
			expect(user_load32(a)).toBe(1);
			expect(sysn("wait4", -1, 0, 0, 0)).toBe(-ECHILD);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect(seen).toEqual([1, 2]);
	});

	it("shares memory between threads and through MAP_SHARED", () => {
		function* p(): prog {
			const a = map(4096), s = map(4096, true);
			const t = thread(function* () {
				yield;
				user_store32(a, 5);
				return 0;
			});
			expect(t).toBeGreaterThan(0);
			while (user_load32(a) !== 5)
				yield;
			const pid = fork(function* () {
				user_store32(s, 6);
				return 0;
			});
			yield* sys("wait4", pid, 0, 0, 0);
			expect(user_load32(s)).toBe(6);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("kills what init leaves behind", () => {
		let ran = 0;
		function* p(): prog {
			fork(function* () {
				for (;;) {
					ran++;
					yield;
				}
			});
			yield;
			yield;
			return 1;
		}
		expect(kernel_run(p(), "p")).toBe(1 << 8);
		expect(ran).toBeLessThan(1000);
	});

	it("unwinds the program's finally blocks at exit()", () => {
		const seen: string[] = [];
		function* p(): prog {
			try {
				yield* sys("exit_group", 9);
				seen.push("not reached");
			} finally {
				seen.push("finally");
			}
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(9 << 8);
		expect(seen).toEqual(["finally"]);
	});

	it("orphans are reaped by init, zombies by their parent's parent", () => {
		function* p(): prog {
			const pid = fork(function* () {
				fork(function* () {
					yield;
					return 4;
				});
				return 0;
			});
			const status = map(4096);
			expect(yield* sys("wait4", pid, status, 0, 0)).toBe(pid);
			const orphan = yield* sys("wait4", -1, status, 0, 0);
			expect(orphan).toBeGreaterThan(pid);
			expect(user_load32(status)).toBe(4 << 8);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("leaks nothing over fork, threads and exit", () => {
		function* p(): prog {
			const a = map(1 << 20);
			for (let i = 0; i < 64; i++)
				user_store32(a + i * 4096, i);
			for (let i = 0; i < 3; i++) {
				const pid = fork(function* () {
					thread(function* () {
						yield;
						return 0;
					});
					user_store32(a + 4096, 9);
					yield;
					return 0;
				});
				yield* sys("wait4", pid, 0, 0, 0);
			}
			return 0;
		}
		kernel_run(p(), "warm");
		const before = JSON.stringify([...slab_live_counts()].sort());
		kernel_run(p(), "p");
		expect(JSON.stringify([...slab_live_counts()].sort())).toBe(before);
	});
});

describe("signals", () => {
	it("kills by default, and the parent learns by which", () => {
		function* p(): prog {
			const status = map(4096);
			const pid = fork(function* () {
				for (;;)
					yield;
			});
			yield;
			expect(sysn("kill", pid, 15)).toBe(0);
			expect(yield* sys("wait4", pid, status, 0, 0)).toBe(pid);
			expect(user_load32(status)).toBe(15);
			expect(sysn("kill", pid, 0)).toBe(-ESRCH);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("runs handlers, once a pending signal, and blocks them", () => {
		const got: number[] = [];
		function* p(): prog {
			on_signal(10, (s) => got.push(s));
			sysn("kill", sysn("getpid"), 10);
			expect(got).toEqual([10]);
			const set = map(4096);
			user_store64(set, 1n << 9n);
			expect(sysn("rt_sigprocmask", 0, set, set + 8, 8)).toBe(0);
			sysn("kill", sysn("getpid"), 10);
			sysn("kill", sysn("getpid"), 10);
			expect(got).toEqual([10]);
			expect(sysn("rt_sigpending", set + 16, 8)).toBe(0);
			expect(user_load64(set + 16)).toBe(1n << 9n);
			expect(sysn("rt_sigprocmask", 2, set + 8, 0, 8)).toBe(0);
			expect(got).toEqual([10, 10]);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("interrupts a sleep with EINTR, restarts wait4 with SA_RESTART", () => {
		const got: number[] = [];
		function* p(): prog {
			const ts = map(4096), me = sysn("getpid");
			on_signal(10, (s) => got.push(s));
			on_signal(12, (s) => got.push(s), 0x10000000);
			user_store64(ts, 100n);
			user_store64(ts + 8, 0n);
			fork(function* () {
				sysn("kill", me, 10);
				yield;
				return 0;
			});
			const slow = (): number => fork(function* () {
				const t2 = map(4096);
				user_store64(t2, 1n);
				yield* sys("nanosleep", t2, 0);
				sysn("kill", me, 12);
				yield* sys("nanosleep", t2, 0);
				return 0;
			});
			expect(yield* sys("nanosleep", ts, ts + 16)).toBe(-EINTR);
			expect(user_load64(ts + 16)).toBeGreaterThan(98n);
			yield* sys("wait4", -1, 0, 0, 0);
			const pid = slow();
			expect(yield* sys("wait4", pid, 0, 0, 0)).toBe(pid);
			expect(got).toEqual([10, 12]);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("alarm() fires on the virtual clock", () => {
		let fired = 0;
		function* p(): prog {
			on_signal(14, () => fired++);
			expect(sysn("alarm", 3)).toBe(0);
			expect(sysn("alarm", 2)).toBe(3);
			const t0 = clock_read();
			expect(yield* sys("pause")).toBe(-EINTR);
			expect(clock_read() - t0).toBeGreaterThanOrEqual(2e9 - 1e6);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect(fired).toBe(1);
	});

	it("rt_sigtimedwait takes a blocked signal, or times out", () => {
		function* p(): prog {
			const m = map(4096), me = sysn("getpid");
			user_store64(m, 1n << 9n);
			sysn("rt_sigprocmask", 0, m, 0, 8);
			user_store64(m + 16, 1n);
			user_store64(m + 24, 0n);
			const t0 = clock_read();
			expect(yield* sys("rt_sigtimedwait", m, 0, m + 16, 8)).toBe(-EAGAIN);
			expect(clock_read() - t0).toBeGreaterThanOrEqual(1e9);
			fork(function* () {
				yield;
				sysn("kill", me, 10);
				return 0;
			});
			expect(yield* sys("rt_sigtimedwait", m, m + 64, 0, 8)).toBe(10);
			expect(user_load32(m + 64)).toBe(10);
			yield* sys("wait4", -1, 0, 0, 0);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("a fault is a SIGSEGV with code and address", () => {
		function* p(): prog {
			const status = map(4096);
			const pid = fork(function* () {
				user_load32(0x1000);
				return 0;
			});
			yield* sys("wait4", pid, status, 0, 0);
			expect(user_load32(status) & 0x7f).toBe(11);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("SIGCHLD ignored reaps at once", () => {
		function* p(): prog {
			const act = map(4096);
			user_store64(act, 1n);
			user_store64(act + 8, 0x04000000n);
			sysn("rt_sigaction", 17, act, 0, 8);
			fork(function* () {
				return 0;
			});
			yield;
			expect(yield* sys("wait4", -1, 0, 0, 0)).toBe(-ECHILD);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});
});

describe("time and limits", () => {
	it("nanosleep advances the clock and no more", () => {
		function* p(): prog {
			const ts = map(4096);
			user_store64(ts, 5n);
			const t0 = clock_read();
			expect(yield* sys("nanosleep", ts, 0)).toBe(0);
			const dt = clock_read() - t0;
			expect(dt).toBeGreaterThanOrEqual(5e9);
			expect(dt).toBeLessThan(5.001e9);
			user_store64(ts + 8, 1000000000n);
			expect(yield* sys("nanosleep", ts, 0)).toBe(-EINVAL);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});

	it("limits are read and set", () => {
		function* p(): prog {
			const r = map(4096);
			expect(sysn("prlimit64", 0, 7, 0, r)).toBe(0);
			expect(user_load64(r)).toBe(1024n);
			user_store64(r, 100n);
			expect(sysn("setrlimit", 7, r)).toBe(0);
			expect(sysn("getrlimit", 7, r + 32)).toBe(0);
			expect(user_load64(r + 32)).toBe(100n);
			expect(sysn("getrlimit", 16, r)).toBe(-EINVAL);
			yield;
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
	});
});

describe("the schedule", () => {
	it("keeps to the affinity mask", () => {
		const cpus = new Set<number>();
		function* p(): prog {
			const m = map(4096);
			user_store64(m, 2n);
			expect(sysn("sched_setaffinity", 0, 8, m)).toBe(0);
			yield;
			for (let i = 0; i < 20; i++) {
				sysn("getcpu", m + 8, 0, 0);
				cpus.add(user_load32(m + 8));
				yield;
			}
			expect(sysn("sched_getaffinity", 0, 8, m + 16)).toBe(8);
			expect(user_load64(m + 16)).toBe(2n);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect([...cpus]).toEqual([1]);
	});
});

describe("trouble", () => {
	it("a BUG kills the task, not the host", () => {
		function* p(): prog {
			const status = map(4096);
			const pid = fork(function* () {
				kernel_fn = () => BUG();
				sysn("restart_syscall_test");
				return 0;
			});
			yield* sys("wait4", pid, status, 0, 0);
			expect(user_load32(status)).toBe(11);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect(oops_count).toBe(1);
		const text = kmsg_text().join("\n");
		expect(text).toMatch(
			/kernel BUG at tools\/testing\/kunit\/core\/boot\.test\.ts:\d+!/);
		expect(text).toMatch(/invalid opcode: 0000 \[#\d+\] /);
		expect(text).toContain("Not tainted");
	});

	it("a foreign exception is an oops, and the locks stay taken", () => {
		const lock = DEFINE_SPINLOCK("oops_lock");
		function* p(): prog {
			const pid = fork(function* () {
				kernel_fn = () => {
					spin_lock(lock);
					return (null as unknown as { x: { y: number } }).x.y;
				};
				sysn("restart_syscall_test");
				return 0;
			});
			yield* sys("wait4", pid, 0, 0, 0);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		const text = kmsg_text().join("\n");
		expect(text).toContain("BUG: kernel NULL pointer dereference: ");
		expect(text).toMatch(/Oops: 0000 \[#\d+\] /);
		expect(text).toContain("exited with preempt_count 1");
		expect(lock.owner).not.toBe(0);
		lock.owner = 0;
	});

	it("a system call that returns with a lock held is a BUG", () => {
		const lock = DEFINE_SPINLOCK("left_held");
		function* p(): prog {
			const pid = fork(function* () {
				kernel_fn = () => {
					spin_lock(lock);
					return 0;
				};
				sysn("restart_syscall_test");
				return 0;
			});
			yield* sys("wait4", pid, 0, 0, 0);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect(kmsg_text().join("\n")).toContain(
			"WARNING: lock held when returning to user space!");
		lock.owner = 0;
		expect(spin_unlock).toBeTypeOf("function");
	});

	it("a program that throws ends as by abort()", () => {
		expect_uncaught = true;
		function* p(): prog {
			const status = map(4096);
			const pid = fork(function* () {
				yield;
				throw new Error("assertion failed in the program");
			});
			yield* sys("wait4", pid, status, 0, 0);
			expect(user_load32(status)).toBe(6);
			return 0;
		}
		expect(kernel_run(p(), "p")).toBe(0);
		expect_uncaught = false;
		expect(kmsg_text().join("\n")).toContain("assertion failed in the program");
	});
});

describe("work queues, threads, RCU", () => {
	it("runs items in order, at the latest when flushed", () => {
		in_kernel(() => {
			const order: number[] = [];
			const wq = alloc_ordered_workqueue("test_wq", 0)!;
			const works = [0, 1, 2, 3].map((i) => {
				const w = new struct_work_struct(null);
				INIT_WORK(w, () => order.push(i), "order");
				return w;
			});
			for (const w of works)
				expect(queue_work(wq, w)).toBe(true);
			expect(queue_work(wq, works[0]!)).toBe(false);
			expect(flush_work(works[2]!)).toBe(true);
			expect(order).toEqual([0, 1, 2]);
			flush_workqueue(wq);
			expect(order).toEqual([0, 1, 2, 3]);
			queue_work(wq, works[1]!);
			expect(cancel_work_sync(works[1]!)).toBe(true);
			destroy_workqueue(wq);
			expect(order.length).toBe(4);
		});
	});

	it("runs delayed items by the clock, and in the worker's context", () => {
		const seen: string[] = [];
		const d = new struct_delayed_work(null), w = new struct_work_struct(null);
		const t0 = clock_read();
		function* p(): prog {
			kernel_fn = () => {
				INIT_DELAYED_WORK(d, () => {
					seen.push(`${current.comm} ${clock_read(
						) - t0 >= 9 * 4e6}`);
				}, "delayed");
				INIT_WORK(w, () => seen.push("now"), "now");
				queue_delayed_work(system_wq!, d, 10);
				schedule_work(w);
				return 0;
			};
			sysn("restart_syscall_test");
			const ts = map(4096);
			user_store64(ts, 1n);
			yield* sys("nanosleep", ts, 0);
			return 0;
		}
		kernel_run(p(), "p");
		expect(seen).toEqual(["now", "kworker/u0:0 true"]);
	});

	it("reports a flush that waits for itself", () => {
		in_kernel(() => {
			const w = new struct_work_struct(null);
			let said = "";
			INIT_WORK(w, () => {
				try {
					flush_work(w);
				} catch (e) {
					said = (e as Error).message;
					pcpu_hot[HOT_PREEMPT]! &= PREEMPT_COUNT_MASK;
				}
			}, "self");
			schedule_work(w);
			flush_work(w);
			expect(said).toContain("recursive");
		});
	});

	it("kernel threads stop when asked, and complete what is waited for", () => {
		in_kernel(() => {
			let rounds = 0;
			const done = new struct_completion();
			init_completion(done);
			function* body(): Generator<void, number, void> {
				while (!kthread_should_stop()) {
					rounds++;
					if (rounds === 3)
						complete(done);
					if (rounds >= 3)
						set_current_state(TASK_INTERRUPTIBLE);
					yield;
				}
				return 42;
			}
			const k = kthread_run(body, null, "test/%d", 1);
			expect(IS_ERR(k)).toBe(false);
			wait_for_completion(done);
			expect(rounds).toBe(3);
			if (!IS_ERR(k))
				expect(kthread_stop(k)).toBe(42);
		});
	});

	it("a wait that nothing can end is a BUG", () => {
		expect(() => in_kernel(() => {
			const never = new struct_completion();
			init_completion(never);
			wait_for_completion(never);
		})).toThrow("kernel wait cannot be satisfied");
	});

	it("RCU callbacks run in order, outside of sections", () => {
		const order: number[] = [];
		in_kernel(() => {
			rcu_read_lock();
			for (let i = 0; i < 3; i++)
				call_rcu(new struct_callback_head(null), () => order.push(i));
			expect(order).toEqual([]);
			rcu_read_unlock();
			rcu_barrier();
			expect(order).toEqual([0, 1, 2]);
			call_rcu(new struct_callback_head(null), () => order.push(3));
		});
		expect(order).toEqual([0, 1, 2, 3]);
	});

	it("RCU misuse is reported", () => {
		expect(() => in_kernel(() => {
			rcu_read_lock();
			synchronize_rcu();
		})).toThrow("Illegal synchronize_rcu() in RCU read-side critical section");
		expect(() => in_kernel(() => rcu_dereference(1))).toThrow(
			"suspicious rcu_dereference_check()");
		pcpu_hot[HOT_RCU_NESTING] = 0;
		log_buf_clear();
	});

	it("SRCU finds readers, and knows its own", () => {
		const ssp = DEFINE_SRCU("test_srcu");
		expect(() => in_kernel(() => {
			srcu_read_lock(ssp);
			synchronize_srcu(ssp);
		})).toThrow("Illegal synchronize_srcu() in same-type SRCU");
		srcu_read_unlock_raw(ssp);
		in_kernel(() => {
			const idx = srcu_read_lock(ssp);
			srcu_read_unlock(ssp, idx);
			synchronize_srcu(ssp);
			let ran = false;
			call_srcu(ssp, new struct_callback_head(null), () => {
				ran = true;
			});
			srcu_barrier(ssp);
			expect(ran).toBe(true);
		});
		/* a reader that is suspended elsewhere */
		ssp.nesting_0++;
		expect(() => in_kernel(() => synchronize_srcu(ssp))).toThrow(
			"meets a suspended reader");
		ssp.nesting_0--;
		const dynamic = new struct_srcu_struct();
		expect(init_srcu_struct(dynamic, "dynamic")).toBe(0);
		cleanup_srcu_struct(dynamic);
	});
});

function srcu_read_unlock_raw(ssp: struct_srcu_struct): void {
	ssp.nesting_0 = 0;
	ssp.nesting_1 = 0;
}
