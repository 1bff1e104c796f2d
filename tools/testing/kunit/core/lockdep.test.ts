// SPDX-License-Identifier: GPL-2.0
/*
 * lockdep: what it catches, and in which words.
 */
import { beforeEach, describe, expect, it } from "vitest";
import { make_task, report_of, reset } from "#tools/testing/kunit/core/core_env.ts";
import { lock_acquire, lockdep_assert_held, lockdep_depth, lockdep_is_held, lockdep_set_class,
	new_lock_id } from "#linux/lockdep.ts";
import { lockdep_forget_held } from "#linux/lockdep/lockdep.ts";
import { DEFINE_MUTEX, mutex_lock, mutex_lock_killable, mutex_lock_nested, mutex_trylock,
	mutex_unlock, struct_mutex, mutex_init } from "#linux/mutex.ts";
import { DECLARE_RWSEM, down_read, down_read_trylock, down_write, down_write_nest_lock,
	downgrade_write, init_rwsem, struct_rw_semaphore, up_read, up_write } from
	"#linux/rwsem.ts";
import { DEFINE_RWLOCK, DEFINE_SPINLOCK, read_lock, read_unlock, spin_lock, spin_lock_irq,
	spin_lock_irqsave, spin_lock_nested, spin_trylock, spin_unlock, spin_unlock_irq,
	spin_unlock_irqrestore, write_lock, write_unlock,
		type spinlock_t } from "#linux/spinlock.ts";
import { irq_enter, irq_exit, preempt_count, preempt_count_sub, preempt_disable, preempt_enable }
	from "#linux/preempt.ts";
import { local_irq_disable, local_irq_enable } from "#linux/irqflags.ts";
import { rcu_read_lock, rcu_read_unlock, synchronize_rcu } from "#linux/rcupdate.ts";
import { exit_to_user_mode_prepare } from "#linux/entry-common.ts";
import { struct_pt_regs } from "#asm/ptrace.ts";
import { might_sleep } from "#linux/sched.ts";
import { current, set_current } from "#linux/sched_types.ts";
import { ERESTARTWAIT } from "#linux/errno.ts";
import { kmsg_text } from "#linux/printk.ts";

beforeEach(() => {
	reset();
});

describe("lock order", () => {
	it("prints both chains of an inversion", () => {
		const a = DEFINE_SPINLOCK("inv_a"), b = DEFINE_SPINLOCK("inv_b");

		spin_lock(a);
		spin_lock(b);
		spin_unlock(b);
		spin_unlock(a);

		spin_lock(b);
		const { message, text } = report_of(() => spin_lock(a));
		expect(message).toContain("possible circular locking dependency detected");
		expect(text).toContain("======================================================\n" +
			"WARNING: possible circular locking dependency detected");
		expect(text).toContain("kunit/");
		expect(text).toContain("is trying to acquire lock:\n (inv_a){+.+.}-{2:2}");
		expect(text).toContain("but task is already holding lock:\n (inv_b){+.+.}-{2:2}");
		expect(text).toContain("the existing dependency chain (in reverse order) is:");
		expect(text).toContain("-> #1 (inv_b){+.+.}-{2:2}:");
		expect(text).toContain("-> #0 (inv_a){+.+.}-{2:2}:");
		expect(text).toContain("lockdep.test.ts:");
		expect(text).toContain([
			"       CPU0                    CPU1",
			"       ----                    ----",
			"  lock(inv_b);",
			"                               lock(inv_a);",
			"                               lock(inv_b);",
			"  lock(inv_a);",
		].join("\n"));
		expect(text).toContain(" *** DEADLOCK ***");
		expect(text).toMatch(/1 lock held by kunit\/\d+:\n #0: {2}\(inv_b\)/);
	});

	it("finds a cycle over three classes", () => {
		const a = DEFINE_MUTEX("tri_a"), b = DEFINE_MUTEX("tri_b"),
			c = DEFINE_MUTEX("tri_c");
		const pair = (x: struct_mutex, y: struct_mutex): void => {
			mutex_lock(x);
			mutex_lock(y);
			mutex_unlock(y);
			mutex_unlock(x);
		};

		pair(a, b);
		pair(b, c);
		const { text } = report_of(() => pair(c, a));
		expect(text).toContain("Chain exists of:\n  tri_a --> tri_b --> tri_c");
		expect(text).toContain("-> #2 (tri_c){+.+.}-{3:3}:");
	});

	it("accepts a trylock against the order", () => {
		const a = DEFINE_MUTEX("try_a"), b = DEFINE_MUTEX("try_b");

		mutex_lock(a);
		mutex_lock(b);
		mutex_unlock(b);
		mutex_unlock(a);
		mutex_lock(b);
		expect(mutex_trylock(a)).toBe(true);
		mutex_unlock(a);
		mutex_unlock(b);
	});

	it("knows that readers of an rwsem block behind writers", () => {
		const a = DECLARE_RWSEM("rd_a"), b = DECLARE_RWSEM("rd_b");

		down_read(a);
		down_write(b);
		up_write(b);
		up_read(a);
		down_read(b);
		const { message } = report_of(() => down_read(a));
		expect(message).toContain("circular");
	});

	it("keeps the order when locks are released out of order", () => {
		const a = DEFINE_SPINLOCK("ooo_a"), b = DEFINE_SPINLOCK("ooo_b"),
			c = DEFINE_SPINLOCK("ooo_c");

		spin_lock(a);
		spin_lock(b);
		spin_unlock(a);
		spin_lock(c);
		spin_unlock(b);
		spin_unlock(c);
		expect(lockdep_depth(current)).toBe(0);

		spin_lock(c);
		const { message } = report_of(() => spin_lock(b));
		expect(message).toContain("ooo_c -> ooo_b");
	});
});

describe("recursion", () => {
	it("catches a lock taken twice", () => {
		const a = DEFINE_SPINLOCK("rec_a");

		spin_lock(a);
		const { message, text } = report_of(() => spin_lock(a));
		expect(message).toContain("possible recursive locking detected");
		expect(text).toContain(" May be due to missing lock nesting notation");
		expect(text).toContain("  lock(rec_a);\n  lock(rec_a);");
	});

	it("catches two of a class, and allows a subclass", () => {
		const make = (): spinlock_t => DEFINE_SPINLOCK("rec_class");
		const x = make(), y = make();

		spin_lock(x);
		spin_lock_nested(y, 1);
		spin_unlock(y);
		const { text } = report_of(() => spin_lock(y));
		expect(text).toContain("possible recursive locking detected");
	});

	it("names the subclass", () => {
		const x = new struct_mutex(), y = new struct_mutex();

		mutex_init(x, "sub");
		mutex_init(y, "sub");
		mutex_lock_nested(x, 1);
		const { text } = report_of(() => mutex_lock_nested(y, 1));
		expect(text).toContain("(sub/1){+.+.}-{3:3}");
	});

	it("merges locks under a nest lock, in any order", () => {
		const nest = DECLARE_RWSEM("nest"), many = Array.from({ length: 100 }, () => {
			const s = new struct_rw_semaphore();
			init_rwsem(s, "nested");
			return s;
		});

		down_write(nest);
		for (const s of many)
			down_write_nest_lock(s, nest);
		expect(lockdep_depth(current)).toBe(2);
		expect(lockdep_is_held(many[57]!)).toBe(true);
		for (const s of many.reverse())
			up_write(s);
		up_write(nest);
		expect(lockdep_depth(current)).toBe(0);
	});

	it("wants the nest lock to be held", () => {
		const nest = DECLARE_RWSEM("nest2"), s = DECLARE_RWSEM("nested2");
		const { text } = report_of(() => down_write_nest_lock(s, nest));
		expect(text).toContain("WARNING: Nested lock was not taken");
	});

	it("lets rwlock readers recurse only in interrupts", () => {
		const a = DEFINE_RWLOCK("rwrec");

		read_lock(a);
		const { message } = report_of(() => read_lock(a));
		expect(message).toContain("recursive");
		read_unlock(a);

		irq_enter();
		read_lock(a);
		read_lock(a);
		read_unlock(a);
		read_unlock(a);
		irq_exit();
	});
});

describe("context", () => {
	it("catches a sleep in atomic context", () => {
		const a = DEFINE_SPINLOCK("atomic_a"), m = DEFINE_MUTEX("atomic_m");

		spin_lock(a);
		const { message, text } = report_of(() => mutex_lock(m));
		expect(message).toBe("sleeping function called from invalid context");
		expect(text).toContain("BUG: sleeping function called from invalid context");
		expect(text).toContain("in_atomic(): 1, irqs_disabled(): 0, non_block: 0, pid: ");
		expect(text).toContain("preempt_count: 1, expected: 0");
		expect(text).toContain("#0:  (atomic_a){+.+.}-{2:2}");
	});

	it("catches a sleep in an RCU section, with interrupts off, without preemption", () => {
		rcu_read_lock();
		expect(report_of(might_sleep).text).toContain("RCU nest depth: 1, expected: 0");
		rcu_read_unlock();
		local_irq_disable();
		expect(report_of(might_sleep).text).toContain("irqs_disabled(): 1");
		local_irq_enable();
		preempt_disable();
		expect(report_of(might_sleep).text).toContain("in_atomic(): 1");
		preempt_enable();
		might_sleep();
	});

	it("catches a lock taken in interrupts and elsewhere with interrupts on", () => {
		const a = DEFINE_SPINLOCK("irq_a");

		local_irq_disable();
		irq_enter();
		spin_lock(a);
		spin_unlock(a);
		irq_exit();
		local_irq_enable();
		const { text } = report_of(() => spin_lock(a));
		expect(text).toContain("WARNING: inconsistent lock state");
		expect(text).toContain("inconsistent {IN-HARDIRQ-W} -> {HARDIRQ-ON-W} usage.");
		preempt_count_sub(preempt_count());

		const ok = DEFINE_SPINLOCK("irq_ok");
		const flags = spin_lock_irqsave(ok);
		spin_unlock_irqrestore(ok, flags);
		local_irq_disable();
		irq_enter();
		spin_lock(ok);
		spin_unlock(ok);
		irq_exit();
		local_irq_enable();
		spin_lock_irq(ok);
		spin_unlock_irq(ok);
	});

	it("catches a return to user mode with a lock held", () => {
		const m = DEFINE_MUTEX("sys_exit");

		mutex_lock(m);
		const { text } = report_of(() => exit_to_user_mode_prepare(new struct_pt_regs()));
		expect(text).toContain("================================================\n" +
			"WARNING: lock held when returning to user space!");
		expect(text).toMatch(/kunit\/\d+ is leaving the kernel with locks still held!/);
		expect(text).toContain("1 lock held by kunit/");
	});

	it("catches a return to user mode in an RCU section or without preemption", () => {
		rcu_read_lock();
		expect(report_of(() => exit_to_user_mode_prepare(new struct_pt_regs())).text)
			.toContain(
				"RCU read-side critical section held when returning to user space");
		rcu_read_unlock();
		preempt_disable();
		expect(report_of(() => exit_to_user_mode_prepare(new struct_pt_regs())).message)
			.toContain("unbalanced context");
	});

	it("refuses a lock that was never initialised, and an unlock too many", () => {
		const m = new struct_mutex();
		expect(report_of(() => mutex_lock(m)).text)
			.toContain("INFO: trying to register non-static key.");
		const a = DEFINE_SPINLOCK("balance");
		expect(report_of(() => spin_unlock(a)).text)
			.toContain("WARNING: bad unlock balance detected!");
	});
});

describe("locks of other tasks", () => {
	it("a mutex that cannot become free is a BUG, with both sides printed", () => {
		const m = DEFINE_MUTEX("other");
		const me = current, other = make_task("holder");

		set_current(other);
		mutex_lock(m);
		set_current(me);
		const { message, text } = report_of(() => mutex_lock(m));
		expect(message).toBe("mutex wait cannot be satisfied: other");
		expect(text).toContain("is blocked on a mutex likely owned by task holder:");
		expect(text).toContain("1 lock held by holder/");
	});

	it("the killable form queues the task and is issued again", () => {
		const m = DEFINE_MUTEX("killable");
		const me = current, other = make_task("holder");

		set_current(other);
		mutex_lock(m);
		set_current(me);
		expect(mutex_lock_killable(m)).toBe(-ERESTARTWAIT);
		expect(m.wait_list).toEqual([me]);
		expect(lockdep_depth(me)).toBe(0);
		set_current(other);
		mutex_unlock(m);
		expect(me.__state).toBe(0);
		set_current(me);
		expect(mutex_lock_killable(m)).toBe(0);
		mutex_unlock(m);
	});

	it("a spinlock of another task is a lockup", () => {
		const a = DEFINE_SPINLOCK("lockup");
		const me = current, other = make_task("spinner");

		set_current(other);
		spin_lock(a);
		set_current(me);
		expect(spin_trylock(a)).toBe(false);
		expect(report_of(() => spin_lock(a)).text).toContain(
			"BUG: spinlock lockup suspected on CPU#0");
	});
});

describe("assertions", () => {
	it("lockdep_assert_held() warns with file and line", () => {
		const a = DEFINE_SPINLOCK("assert_a");

		spin_lock(a);
		lockdep_assert_held(a);
		spin_unlock(a);
		lockdep_assert_held(a);
		const text = kmsg_text().join("\n");
		expect(text).toContain("------------[ cut here ]------------");
		expect(text).toMatch(new RegExp("WARNING: CPU: 0 PID: \\d+ at " +
			"tools/testing/kunit/core/lockdep\\.test\\.ts:\\d+"));
		expect(text).toContain("---[ end trace 0000000000000000 ]---");
	});

	it("downgrading keeps the lock, shared", () => {
		const s = DECLARE_RWSEM("downgrade");

		down_write(s);
		downgrade_write(s);
		expect(lockdep_is_held(s)).toBe(true);
		expect(down_read_trylock(s)).toBe(true);
		up_read(s);
		up_read(s);
		expect(lockdep_depth(current)).toBe(0);
	});

	it("writers exclude readers", () => {
		const a = DEFINE_RWLOCK("excl");

		write_lock(a);
		expect(lockdep_is_held(a)).toBe(true);
		write_unlock(a);
		lockdep_set_class(a, "excl2");
		read_lock(a);
		read_unlock(a);
		synchronize_rcu();
		lock_acquire(new_lock_id(), a.dep, 0);
		lockdep_forget_held();
	});
});
